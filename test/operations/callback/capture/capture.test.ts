import { expect, test } from 'vitest';
import { kindOf } from '../../../../src/operations/callback/capture/capture.ts';

const kind = (body: string, headers: Record<string, string[]> = {}) => kindOf({ headers, body: Buffer.from(body) });

test.each([
  ['{"id":"1"}', 'v3'],
  ['', 'v3'],
  ['<xml><a>1</a></xml>', 'v2'],
  ['<xml>\n', 'v2'],
  ['<?xml version="1.0"?><xml/>', 'v2'],
  [' \r\n<XML>', 'v2'],
  ['<xmlish>', 'v3'],
  ['<html>', 'v3'],
  ['{"summary":"<xml>"}', 'v3'],
  ['\uFEFF<xml/>', 'v2'],
  ['INFO body: <xml><a>1</a></xml>', 'v2'],
  ['"<xml><a>1</a></xml>"', 'v2'],
  ['&lt;xml&gt;', 'v2'],
  ['%253Cxml%253E', 'v2'],
  ['PHhtbD48YT4xPC9hPjwveG1sPg==', 'v2'],
  ['{"return_code":"SUCCESS","mch_id":"1","nonce_str":"n"}', 'v2'],
  ['{"return_code":"SUCCESS"}', 'v3'],
])('%j is %s', (body, wanted) => {
  expect(kind(body)).toBe(wanted);
});

test('what carries a signature of APIv3 is judged by it, even if it looks like XML', () => {
  expect(kind('<xml></xml>', { 'wechatpay-nonce': ['1'] })).toBe('v3');
});
