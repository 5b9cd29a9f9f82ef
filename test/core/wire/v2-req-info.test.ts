import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { WxpayError } from '../../../src/core/errors.ts';
import { decryptReqInfo } from '../../../src/core/wire/v2-req-info.ts';

const folder = new URL('../../vectors/', import.meta.url);
const { vectors } = JSON.parse(readFileSync(new URL('vectors.json', folder), 'utf8')) as {
  vectors: readonly Record<string, string>[];
};
const vector = vectors.find(({ id }) => id === 'derived-v2-req-info')!;
const key = vector['apiv2_key']!;
const reqInfo = vector['req_info_base64']!;

test('the AES key is the lower-case hex MD5 of the APIv2 key, as text', () => {
  expect(createHash('md5').update(key).digest('hex')).toBe(vector['aes_key_lower_hex_md5']);
});

test('opens the derived vector and finds every documented field', () => {
  const fields = decryptReqInfo(reqInfo, key);
  expect(Object.fromEntries(fields)).toMatchObject({
    out_refund_no: '131811191610442717309',
    refund_fee: '3960',
    refund_recv_accout: '支付用户零钱',
    refund_status: 'SUCCESS',
    success_time: '2018-11-19 16:24:13',
    transaction_id: '4200000215201811190261405420',
  });
  expect(fields.size).toBe(13);
});

test('agrees with the published block of wechatpay-php about AES-256-ECB', () => {
  const block = vectors.find(({ id }) => id === 'v2-aes-ecb-block')!;
  const cipher = createCipheriv('aes-256-ecb', block['key']!, null);
  expect(Buffer.concat([cipher.update(block['plaintext']!), cipher.final()]).toString('base64')).toBe(
    block['expected_base64'],
  );
});

const encrypt = (text: string): string => {
  const cipher = createCipheriv('aes-256-ecb', createHash('md5').update(key).digest('hex'), null);
  return Buffer.concat([cipher.update(text), cipher.final()]).toString('base64');
};

test('64 KiB of base64 are read, and not one character more', () => {
  const document = `<root><a>${'x'.repeat(49_151 - 20)}</a></root>`;
  const longest = encrypt(document);
  expect([document.length, longest.length]).toEqual([49_151, 65_536]);
  expect(decryptReqInfo(longest, key).get('a')).toHaveLength(49_131);
  expect(reasonOf(`${longest}AAAA`, key)).toBe('key:reason.no_base64');
});

function reasonOf(info: string, withKey: string): unknown {
  try {
    return decryptReqInfo(info, withKey);
  } catch (error) {
    return (error as WxpayError).params['reason'];
  }
}

test.each([
  ['no_base64', 'x'],
  ['no_base64', 'AAA'],
  ['ecb_length', ''],
  ['ecb_length', Buffer.alloc(15).toString('base64')],
  ['ecb_length', Buffer.alloc(17).toString('base64')],
  ['ecb_padding', Buffer.alloc(16).toString('base64')],
  ['ecb_content', encrypt('hello')],
])('says why: %s', (reason, info) => {
  expect(reasonOf(info, key)).toBe(`key:reason.${reason}`);
});

test.each([
  ['another key', reqInfo, key.toUpperCase()],
  ['a character that is no base64', `!${reqInfo.slice(1)}`, key],
  ['base64 without its padding', reqInfo.replace(/=+$/, '').slice(0, -1), key],
  ['half a block', Buffer.from(reqInfo, 'base64').subarray(0, 24).toString('base64'), key],
  ['the last block cut off', Buffer.from(reqInfo, 'base64').subarray(0, -16).toString('base64'), key],
  ['nothing', '', key],
  ['another root than <root>', encrypt('<xml><a>1</a></xml>'), key],
  ['C12: a document type inside', encrypt('<!DOCTYPE root><root><a>1</a></root>'), key],
  ['C12: an entity inside', encrypt('<root><a>&x;</a></root>'), key],
  ['no XML', encrypt('hello'), key],
  ['more than 64 KiB', 'A'.repeat(65_540), key],
])('refuses %s: DECRYPT_FAILED', (_, info, withKey) => {
  expect(() => decryptReqInfo(info, withKey)).toThrow('DECRYPT_FAILED');
});
