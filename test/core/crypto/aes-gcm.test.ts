import { createCipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decryptAesGcm, encryptAesGcm, requireApiV3KeyLength } from '../../../src/core/crypto/aes-gcm.ts';
import { WxpayError } from '../../../src/core/errors.ts';

const key = Buffer.from('a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb');
const nonce = 'uluk4a9R25RW';
const associatedData = 'transaction';
const plaintext = '{"out_trade_no":"T1","attach":"中文"}';
const ciphertext = encryptAesGcm({ key, nonce, associatedData, plaintext });

function errorOf(work: () => unknown): WxpayError {
  try {
    work();
  } catch (error) {
    if (error instanceof WxpayError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('C9: only a whole tag of 16 bytes counts', () => {
  test.each([15, 14, 13, 12, 11, 8, 4, 1, 0])('a tag cut to %d bytes is refused', (length) => {
    const bytes = Buffer.from(ciphertext, 'base64');
    const cut = bytes.subarray(0, bytes.length - 16 + length).toString('base64');
    expect(errorOf(() => decryptAesGcm({ key, nonce, associatedData, ciphertext: cut })).code).toBe('DECRYPT_FAILED');
  });

  test.each([15, 14, 13, 12, 8, 4])('a genuine tag of %d bytes is refused', (authTagLength) => {
    // Node alone would take it: the cipher really made it with this length.
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength });
    cipher.setAAD(Buffer.from(associatedData));
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64');
    expect(errorOf(() => decryptAesGcm({ key, nonce, associatedData, ciphertext: sealed })).code).toBe(
      'DECRYPT_FAILED',
    );
  });

  test.each([0, 1, 15])('a ciphertext of %d bytes has no room for a tag', (length) => {
    const short = Buffer.alloc(length).toString('base64');
    const error = errorOf(() => decryptAesGcm({ key, nonce, associatedData, ciphertext: short }));
    expect(error).toMatchObject({ code: 'DECRYPT_FAILED', params: { reason: 'key:reason.gcm_short', length } });
  });
});

describe('C9: a nonce has exactly 12 bytes', () => {
  test.each([0, 8, 11, 13, 16, 32])('%d bytes are refused, for either direction', (length) => {
    const other = 'n'.repeat(length);
    for (const bad of [other, Buffer.from(other)]) {
      const failed = { code: 'DECRYPT_FAILED', params: { reason: 'key:reason.gcm_nonce', length } };
      expect(errorOf(() => decryptAesGcm({ key, nonce: bad, associatedData, ciphertext }))).toMatchObject(failed);
      expect(errorOf(() => encryptAesGcm({ key, nonce: bad, associatedData, plaintext }))).toMatchObject(failed);
    }
  });

  test('bytes are counted, not characters', () => {
    expect(
      errorOf(() => encryptAesGcm({ key, nonce: '十二个字的随机串一二三四', associatedData, plaintext })).code,
    ).toBe('DECRYPT_FAILED');
    const sealed = encryptAesGcm({ key, nonce: '四个汉字', associatedData, plaintext });
    const opened = decryptAesGcm({ key, nonce: Buffer.from('四个汉字'), associatedData, ciphertext: sealed });
    expect(opened.toString()).toBe(plaintext);
  });
});

describe('an APIv3 key is 32 bytes', () => {
  test.each(['0'.repeat(16), '0'.repeat(31), '0'.repeat(33), '0'.repeat(40), '密'.repeat(32), ''])(
    '%j is not',
    (text) => {
      const error = errorOf(() => requireApiV3KeyLength(Buffer.from(text)));
      expect(error).toMatchObject({ code: 'API_V3_KEY_LENGTH', params: { length: Buffer.byteLength(text) } });
      // Nothing of the key is in the error.
      if (text !== '') expect(JSON.stringify(error.params)).not.toContain(text);
    },
  );

  test('another key of 32 bytes does not open the message', () => {
    const other = Buffer.from('b7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb');
    const error = errorOf(() => decryptAesGcm({ key: other, nonce, associatedData, ciphertext }));
    expect(error).toMatchObject({ code: 'DECRYPT_FAILED', params: { reason: 'key:reason.gcm_tag' } });
  });
});

test('what is encrypted decrypts to the same bytes, whatever they are', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const nonces = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(bytes, nonces, fc.option(fc.string(), { nil: undefined }), (message, nonceBytes, data) => {
      const sealed = encryptAesGcm({ key, nonce: nonceBytes, associatedData: data, plaintext: message });
      const opened = decryptAesGcm({ key, nonce: nonceBytes, associatedData: data, ciphertext: sealed });
      expect(opened.equals(Buffer.from(message))).toBe(true);
    }),
  );
});

test.each([
  ['without padding', ciphertext.replace(/=+$/, '') + (ciphertext.endsWith('=') ? '' : '\n')],
  ['URL-safe', ciphertext.replaceAll('+', '-').replaceAll('/', '_') + (/[+/]/.test(ciphertext) ? '' : '-')],
  ['with a line break', `${ciphertext.slice(0, 4)}\n${ciphertext.slice(4)}`],
  ['in quotes', `"${ciphertext}"`],
])('a ciphertext %s is refused as no base64', (_, spelling) => {
  const error = errorOf(() => decryptAesGcm({ key, nonce, associatedData, ciphertext: spelling }));
  expect(error).toMatchObject({ code: 'DECRYPT_FAILED', params: { reason: 'key:reason.no_base64' } });
});
