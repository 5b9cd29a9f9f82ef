import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestMessage, type RequestParts } from '../../../src/core/wire/message.ts';
import { compareSigned, readSeenMessage, type SignDifference } from '../../../src/core/wire/sign-difference.ts';
import type { SignInformation } from '../../../src/core/wire/error-body.ts';

const body = '{"amount":{"total":100},"description":"腾讯/深圳/总部"}';
const parts: RequestParts = {
  method: 'POST',
  target: '/v3/pay/transactions/jsapi',
  timestamp: '1640000000',
  nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
  body: Buffer.from(body),
};

/** What WeChat Pay answers for a request: the body cut to 8 characters, the length whole (protocol 8.1). */
function seenBy(sent: RequestParts): SignInformation {
  const { method, target, timestamp, nonce } = sent;
  const start = Buffer.from(sent.body).toString('utf8').slice(0, 8);
  return {
    method,
    url: target,
    truncatedSignMessage: `${method}\n${target}\n${timestamp}\n${nonce}\n${start}\n`,
    signMessageLength: requestMessage(sent).length,
  };
}

function differences(signed: Partial<RequestParts>, sent: Partial<RequestParts>): readonly SignDifference[] {
  const seen = readSeenMessage(seenBy({ ...parts, ...sent }));
  expect(seen).toBeDefined();
  return seen === undefined ? [] : compareSigned({ ...parts, ...signed }, seen);
}

const summary = (list: readonly SignDifference[]): string[] =>
  list.map(({ part, cause }) => (cause === undefined ? part : `${part} (${cause})`));

test('the shape that was captured is read', () => {
  const seen = readSeenMessage({
    method: 'POST',
    url: '/v3/pay/transactions/jsapi',
    truncatedSignMessage: 'POST\n/v3/pay/transactions/jsapi\n1640000000\nNONCE\n{"amount\n',
    signMessageLength: 443,
  });
  expect(seen).toEqual({
    method: 'POST',
    url: '/v3/pay/transactions/jsapi',
    timestamp: '1640000000',
    nonce: 'NONCE',
    bodyStart: '{"amount',
    bodyLength: 443 - 'POST\n/v3/pay/transactions/jsapi\n1640000000\nNONCE\n'.length - 1,
  });
});

test.each([
  ['no lines', 'POST', 10],
  ['a length below its own lines', 'POST\n/v3\n1\n2\n3\n', 5],
  ['a length that is no whole number', 'POST\n/v3\n1\n2\n3\n', 100.5],
])('%s: not taken apart', (_, truncatedSignMessage, signMessageLength) => {
  expect(readSeenMessage({ method: '', url: '', truncatedSignMessage, signMessageLength })).toBeUndefined();
});

describe('each difference is found, and its likely cause named', () => {
  const reserialised = Buffer.from(JSON.stringify(JSON.parse(body), null, 2));
  test.each<[string, Partial<RequestParts>, Partial<RequestParts>, string[]]>([
    ['nothing', {}, {}, []],
    ['method in lower case', { method: 'post' }, {}, ['method (method_case)']],
    ['another method', { method: 'PUT' }, {}, ['method']],
    ['host signed', { target: `https://api.mch.weixin.qq.com${parts.target}` }, {}, ['url (url_host)']],
    ['query not signed', {}, { target: `${parts.target}?mchid=1` }, ['url (url_query_missing)']],
    ['query not sent', { target: `${parts.target}?mchid=1` }, {}, ['url (url_query_added)']],
    ['another path, and a query not signed', {}, { target: '/v3/other?mchid=1' }, ['url']],
    ['another path, and a query not sent', { target: '/v3/other?mchid=1' }, {}, ['url']],
    ['another query', { target: `${parts.target}?a=1` }, { target: `${parts.target}?a=2` }, ['url']],
    ['decoded path signed', { target: '/v3/a|b' }, { target: '/v3/a%7Cb' }, ['url (url_encoding)']],
    ['another path', { target: '/v3/other' }, {}, ['url']],
    ['milliseconds', { timestamp: '1640000000000' }, {}, ['timestamp (milliseconds)']],
    ['another nonce', { nonce: 'OTHER' }, {}, ['nonce']],
    [
      'another request',
      { nonce: 'OTHER', timestamp: '1640000001' },
      {},
      ['timestamp (other_request)', 'nonce (other_request)'],
    ],
    ['body lost', {}, { body: Buffer.alloc(0) }, ['body_length (body_not_received)', 'body_start']],
    ['body not signed', { body: Buffer.alloc(0) }, {}, ['body_length (body_not_signed)', 'body_start']],
    ['line feed added', {}, { body: Buffer.from(`${body}\n`) }, ['body_length (final_line_feed)']],
    ['line feed lost', { body: Buffer.from(`${body}\n`) }, {}, ['body_length (final_line_feed)']],
    [
      'CRLF sent',
      { body: reserialised },
      { body: Buffer.from(reserialised.toString().replaceAll('\n', '\r\n')) },
      ['body_length (line_ends)', 'body_start'],
    ],
    [
      'BOM sent',
      {},
      { body: Buffer.from(`\uFEFF${body}`) },
      ['body_length (byte_order_mark)', 'body_start (byte_order_mark)'],
    ],
    ['indented after signing', {}, { body: reserialised }, ['body_length (reserialised)', 'body_start']],
    ['compacted after signing', { body: reserialised }, {}, ['body_length (reserialised)', 'body_start']],
    [
      'spaces of Python',
      {},
      { body: Buffer.from('{"amount": {"total": 100}, "description": "腾讯/深圳/总部"}') },
      ['body_length (reserialised)'],
    ],
    [
      'spaces of Python, in a list, too',
      { body: Buffer.from('{"goods":[{"id":1},"a",null]}') },
      { body: Buffer.from('{"goods": [{"id": 1}, "a", null]}') },
      ['body_length (reserialised)'],
    ],
    [
      '\\u escapes sent',
      {},
      { body: Buffer.from(body.replaceAll(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`)) },
      ['body_length (unicode_escapes)'],
    ],
    ['slashes escaped', {}, { body: Buffer.from(body.replaceAll('/', '\\/')) }, ['body_length (slash_escapes)']],
    ['another body', {}, { body: Buffer.from('{"other":1}') }, ['body_length', 'body_start']],
  ])('%s', (_, signed, sent, expected) => {
    expect(summary(differences(signed, sent))).toEqual(expected);
  });
});

test.each(['\uFFFD', 'ab\uFFFD', '{"a":"1\uFFFD"}', '1234567\uFFFDxyz', '\uFFFD\uFFFD'])(
  'a body that holds the mark of a cut character itself (%j) does not differ from itself',
  (text) => {
    expect(differences({ body: Buffer.from(text) }, { body: Buffer.from(text) })).toEqual([]);
  },
);

test('equal requests never differ, whatever they hold', () => {
  const word = fc.stringMatching(/^[!-~]{1,40}$/);
  fc.assert(
    fc.property(word, word, word, word, fc.string({ unit: 'grapheme' }), (method, target, timestamp, nonce, text) => {
      const request = { method, target, timestamp, nonce, body: Buffer.from(text) };
      expect(differences(request, request)).toEqual([]);
    }),
    { numRuns: 2000 },
  );
});

test('no information of a stranger breaks it', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string({ unit: 'binary' }), fc.double(), (method, url, text, length) => {
      const seen = readSeenMessage({ method, url, truncatedSignMessage: text, signMessageLength: length });
      if (seen !== undefined) compareSigned(parts, seen);
    }),
    { numRuns: 2000 },
  );
});
