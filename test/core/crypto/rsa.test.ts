import {
  constants,
  createHash,
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  privateEncrypt,
  publicEncrypt,
  sign,
} from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decryptOaep,
  encryptOaep,
  oaepLimit,
  recoverSha256,
  requireStrongRsa,
  signSha256,
  verifySha256,
  verifySha256InPool,
} from '../../../src/core/crypto/rsa.ts';
import { WxpayError } from '../../../src/core/errors.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const message = Buffer.from('POST\n/v3/pay/transactions/jsapi\n1554208460\nN\n{}\n');

function errorOf(work: () => unknown): WxpayError {
  try {
    work();
  } catch (error) {
    if (error instanceof WxpayError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('D1: the policy for keys', () => {
  test.each([2048, 3072])('RSA of %d bits will do', (modulusLength) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength });
    expect(() => requireStrongRsa(publicKey, 'x')).not.toThrow();
    expect(() => requireStrongRsa(privateKey, 'x')).not.toThrow();
  });

  test.each([
    ['RSA of 512 bits', () => generateKeyPairSync('rsa', { modulusLength: 512 }), 'rsa_bits'],
    ['RSA of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 }), 'rsa_bits'],
    ['RSA of 2047 bits', () => generateKeyPairSync('rsa', { modulusLength: 2047 }), 'rsa_bits'],
    ['e = 3', () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }), 'rsa_exponent'],
    ['e = 257', () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 257 }), 'rsa_exponent'],
    ['EC', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'not_rsa'],
    ['Ed25519', () => generateKeyPairSync('ed25519'), 'not_rsa'],
    ['RSA-PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 }), 'not_rsa'],
  ])('%s will not', (_, generate, reason) => {
    const { publicKey, privateKey } = generate();
    for (const key of [publicKey, privateKey])
      expect(errorOf(() => requireStrongRsa(key, 'key.pem'))).toMatchObject({
        code: 'KEY_WEAK',
        params: { source: 'key.pem', reason: `key:reason.${reason}` },
      });
  });

  test('a symmetric key is no RSA key', () => {
    expect(errorOf(() => requireStrongRsa(createSecretKey(Buffer.alloc(32)), 'x')).code).toBe('KEY_WEAK');
  });
});

describe('signing and verifying', () => {
  test('what is signed verifies, for any bytes, and for those bytes only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (bytes, place) => {
        const signature = signSha256(rsa.privateKey, bytes);
        expect(signature).toMatch(/^[A-Za-z0-9+/]{342}==$/);
        expect(verifySha256(rsa.publicKey, bytes, signature)).toBe('valid');
        const longer = Buffer.concat([bytes, Buffer.from([0])]);
        expect(verifySha256(rsa.publicKey, longer, signature)).toBe('wrong');
        const changed = Buffer.from(longer);
        changed[place % changed.length]! ^= 1;
        expect(verifySha256(rsa.publicKey, changed, signature)).toBe('wrong');
      }),
      { numRuns: 60 },
    );
  });

  test('is deterministic', () => {
    expect(signSha256(rsa.privateKey, message)).toBe(signSha256(rsa.privateKey, message));
  });

  test('a megabyte is signed like a byte', () => {
    const large = Buffer.alloc(1024 * 1024, 0x61);
    expect(verifySha256(rsa.publicKey, large, signSha256(rsa.privateKey, large))).toBe('valid');
  });

  test.each([
    ['SHA-1', sign('sha1', message, rsa.privateKey)],
    ['SHA-512', sign('sha512', message, rsa.privateKey)],
    ['PSS', sign('sha256', message, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING })],
    ['HMAC under the public key', createHmac('sha256', rsa.publicKey.export({ type: 'spki', format: 'der' })).digest()],
    ['zeros', Buffer.alloc(256)],
    ['one byte', Buffer.from([1])],
    ['a byte too many', Buffer.alloc(257, 1)],
  ])('a signature made with %s is wrong', (_, bytes) => {
    expect(verifySha256(rsa.publicKey, message, bytes.toString('base64'))).toBe('wrong');
  });

  test.each(['', 'AAA', '!!', 'WECHATPAY/SIGNTEST/abc', 'ab\ncd', '"AAAA"'])(
    'the signature %j is malformed',
    (text) => {
      expect(verifySha256(rsa.publicKey, message, text)).toBe('malformed');
    },
  );

  test("an EC key's own signature is refused, although crypto.verify takes it", () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signature = sign('sha256', message, ec.privateKey).toString('base64');
    expect(errorOf(() => verifySha256(ec.publicKey, message, signature)).code).toBe('KEY_WEAK');
    expect(errorOf(() => signSha256(ec.privateKey, message)).code).toBe('KEY_WEAK');
  });

  test('a private key does not stand for a public one, nor the other way round', () => {
    const signature = signSha256(rsa.privateKey, message);
    expect(errorOf(() => verifySha256(rsa.privateKey, message, signature)).code).toBe('INTERNAL');
    expect(errorOf(() => signSha256(rsa.publicKey, message)).code).toBe('INTERNAL');
  });
});

describe('sensitive fields', () => {
  test('are encrypted anew each time, and decrypt to the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        fc.pre(Buffer.byteLength(text) <= 214);
        const one = encryptOaep(rsa.publicKey, text);
        expect(one).toHaveLength(344);
        expect(one).not.toBe(encryptOaep(rsa.publicKey, text));
        expect(decryptOaep(rsa.privateKey, one)).toBe(text);
      }),
      { numRuns: 40 },
    );
  });

  test('take 214 bytes with a key of 2048 bits, and not one more', () => {
    expect(oaepLimit(rsa.publicKey)).toBe(214);
    expect(decryptOaep(rsa.privateKey, encryptOaep(rsa.publicKey, 'a'.repeat(214)))).toHaveLength(214);
    for (const text of ['a'.repeat(215), '长'.repeat(72)])
      expect(errorOf(() => encryptOaep(rsa.publicKey, text))).toMatchObject({
        code: 'INPUT_INVALID',
        outcome: 'not_sent',
        params: { bytes: Buffer.byteLength(text), max: 214 },
      });
  });

  test('half a character is refused instead of replaced', () => {
    expect(errorOf(() => encryptOaep(rsa.publicKey, '张\ud800')).code).toBe('INPUT_INVALID');
  });

  test.each([
    ['OAEP with SHA-256', { oaepHash: 'sha256' }],
    ['PKCS#1 v1.5', { padding: constants.RSA_PKCS1_PADDING }],
    ['a label', { oaepHash: 'sha1', oaepLabel: Buffer.from('label') }],
  ])('encrypted with %s they are refused', (_, options) => {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const bytes = publicEncrypt({ key: rsa.publicKey, padding, ...options }, Buffer.from('张三'));
    expect(errorOf(() => decryptOaep(rsa.privateKey, bytes.toString('base64'))).code).toBe('DECRYPT_FAILED');
  });

  test('encrypted for somebody else, cut, or no text, they are refused in one wording', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const noText = publicEncrypt(
      { key: rsa.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from([0xff, 0xfe]),
    ).toString('base64');
    const cut = Buffer.from(encryptOaep(rsa.publicKey, 'x'), 'base64').subarray(1).toString('base64');
    for (const ciphertext of [encryptOaep(other.publicKey, '张三'), noText, cut])
      expect(errorOf(() => decryptOaep(rsa.privateKey, ciphertext))).toMatchObject({
        code: 'DECRYPT_FAILED',
        params: { reason: 'key:reason.oaep_failed' },
      });
    for (const ciphertext of ['', 'x', '!!'])
      expect(errorOf(() => decryptOaep(rsa.privateKey, ciphertext)).params['reason']).toBe('key:reason.no_base64');
  });
});

describe('the digest inside a signature', () => {
  const signature = (algorithm: string): Buffer => sign(algorithm, message, rsa.privateKey);

  test('is that of the message that was signed', () => {
    expect(recoverSha256(rsa.publicKey, signature('sha256'))).toEqual(createHash('sha256').update(message).digest());
  });

  test.each([
    ['of another hash', signature('sha1')],
    ['of a longer hash', signature('sha512')],
    // 51 bytes as well, and no DigestInfo of SHA-256.
    ['of something of the same length', privateEncrypt(rsa.privateKey, Buffer.alloc(51, 0x31))],
    ['of a SHA-256 that is cut', privateEncrypt(rsa.privateKey, Buffer.from('3031300d0609', 'hex'))],
    ['of nothing', Buffer.alloc(0)],
    ['of zeros', Buffer.alloc(256)],
  ])('is not in a signature %s', (_, bytes) => {
    expect(recoverSha256(rsa.publicKey, bytes)).toBeUndefined();
  });

  test('is not in a signature of another key, and only a public RSA key looks for it', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(recoverSha256(other.publicKey, signature('sha256'))).toBeUndefined();
    expect(errorOf(() => recoverSha256(rsa.privateKey, signature('sha256'))).code).toBe('INTERNAL');
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(errorOf(() => recoverSha256(ec.publicKey, signature('sha256'))).code).toBe('KEY_WEAK');
  });
});

test('what a weak key is is said with its figures', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  expect(errorOf(() => requireStrongRsa(small, 'x')).params).toEqual({
    source: 'x',
    reason: 'key:reason.rsa_bits',
    bits: 1024,
  });
  const three = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey;
  expect(errorOf(() => requireStrongRsa(three, 'x')).params).toEqual({
    source: 'x',
    reason: 'key:reason.rsa_exponent',
    exponent: '3',
  });
  expect(errorOf(() => requireStrongRsa(createSecretKey(Buffer.alloc(32)), 'x')).params).toEqual({
    source: 'x',
    reason: 'key:reason.not_rsa',
    type: 'secret',
  });
});

test('the limit of a field follows the size of the key, also where it is no multiple of eight', () => {
  expect(oaepLimit(generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey)).toBe(342);
  expect(oaepLimit(generateKeyPairSync('rsa', { modulusLength: 2050 }).publicKey)).toBe(215);
  expect(oaepLimit(createSecretKey(Buffer.alloc(32)))).toBeLessThan(0);
});

test('in the thread pool the verdict is the same', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const message = Buffer.from('message');
  const good = signSha256(privateKey, message);
  const flipped = Buffer.from(good, 'base64');
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  const signatures = [
    good,
    flipped.toString('base64'),
    good.slice(0, -4),
    '',
    'x',
    good.replaceAll('+', '-'),
    `${good} `,
  ];
  for (const signature of signatures)
    for (const text of [message, Buffer.from('another')])
      expect(await verifySha256InPool(publicKey, text, signature)).toBe(verifySha256(publicKey, text, signature));
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await expect(verifySha256InPool(ec.publicKey, message, good)).rejects.toThrow('KEY_WEAK');
  await expect(verifySha256InPool(privateKey, message, good)).rejects.toThrow('INTERNAL');
});
