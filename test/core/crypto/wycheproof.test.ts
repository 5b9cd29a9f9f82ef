/**
 * R5: every applicable Wycheproof vector, on the primitive that our functions wrap and through the functions themselves, where
 * the verdict is that of our stricter policy. The counts are those of test/vectors/wycheproof/README.md.
 */
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  privateDecrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decryptAesGcm, encryptAesGcm } from '../../../src/core/crypto/aes-gcm.ts';
import { loadPrivateKey, loadPublicKey } from '../../../src/core/crypto/key-files.ts';
import { decryptOaep, requireStrongRsa, signSha256, verifySha256 } from '../../../src/core/crypto/rsa.ts';
import { isWxpayError } from '../../../src/core/errors.ts';

interface TestCase {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'acceptable' | 'invalid';
  readonly msg: string;
  readonly sig: string;
  readonly ct: string;
  readonly label: string;
  readonly iv: string;
  readonly key: string;
  readonly aad: string;
  readonly tag: string;
}

interface Group {
  readonly tests: readonly TestCase[];
  readonly sha: string;
  readonly keySize: number;
  readonly ivSize: number;
  readonly publicKeyDer: string;
  readonly publicKeyPem: string;
  readonly privateKeyPkcs8: string;
  readonly privateKeyPem: string;
}

const groupsOf = (name: string): readonly Group[] =>
  (
    JSON.parse(readFileSync(new URL(`../../vectors/wycheproof/${name}`, import.meta.url), 'utf8')) as {
      testGroups: Group[];
    }
  ).testGroups;
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const base64 = (text: string): string => hex(text).toString('base64');

/** Counts verdicts, so that a vector which silently did not run is noticed. */
function tally(): { add(test: TestCase): void; readonly counts: Record<TestCase['result'], number> } {
  const counts = { valid: 0, acceptable: 0, invalid: 0 };
  return {
    counts,
    add(test) {
      counts[test.result] += 1;
    },
  };
}

/** The code of the error that `work` throws, or its value. */
function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return isWxpayError(error) ? error.code : `threw ${String(error)}`;
  }
}

test.each([
  { file: 'rsa_signature_2048_sha256_test.json', valid: 9, invalid: 249, smallExponent: 2 },
  { file: 'rsa_signature_3072_sha256_test.json', valid: 8, invalid: 250, smallExponent: 1 },
  { file: 'rsa_signature_4096_sha256_test.json', valid: 7, invalid: 250, smallExponent: 0 },
])('$file: RSASSA-PKCS1-v1_5 verification accepts $valid and refuses the rest', ({ file, ...expected }) => {
  const seen = tally();
  let refusedKeys = 0;
  for (const group of groupsOf(file)) {
    const key = createPublicKey({ key: hex(group.publicKeyDer), format: 'der', type: 'spki' });
    const loaded = outcome<unknown>(() => loadPublicKey(Buffer.from(group.publicKeyPem), 'public key'));
    const smallExponent = (key.asymmetricKeyDetails?.publicExponent ?? 0n) < 65_537n;
    expect(loaded).toEqual(smallExponent ? 'KEY_WEAK' : expect.objectContaining({ type: 'public' }));
    for (const one of group.tests) {
      seen.add(one);
      // A missing NULL in DigestInfo is "acceptable" there and refused here.
      const holds = one.result === 'valid';
      const message = hex(one.msg);
      expect(verify('sha256', message, key, hex(one.sig)), `tcId ${one.tcId}, the primitive`).toBe(holds);
      const verdict = one.sig === '' ? 'malformed' : holds ? 'valid' : 'wrong';
      expect(verifySha256(key, message, base64(one.sig)), `tcId ${one.tcId} ${one.comment}`).toBe(verdict);
      if (smallExponent) {
        expect(outcome(() => requireStrongRsa(key, 'public key'))).toBe('KEY_WEAK');
        refusedKeys += 1;
      }
    }
  }
  expect(seen.counts).toEqual({ valid: expected.valid, acceptable: 1, invalid: expected.invalid });
  expect(refusedKeys).toBe(expected.smallExponent);
});

test('rsa_pkcs1_2048_sig_gen: signing with SHA-256 gives the very bytes', () => {
  const seen = tally();
  const refused: number[] = [];
  for (const group of groupsOf('rsa_pkcs1_2048_sig_gen_test.json').filter(({ sha }) => sha === 'SHA-256')) {
    const key = createPrivateKey({ key: hex(group.privateKeyPkcs8), format: 'der', type: 'pkcs8' });
    const small = (key.asymmetricKeyDetails?.publicExponent ?? 0n) < 65_537n;
    for (const one of group.tests) {
      seen.add(one);
      expect(sign('sha256', hex(one.msg), key).toString('hex'), `tcId ${one.tcId}`).toBe(one.sig);
      expect(signSha256(key, hex(one.msg)), `tcId ${one.tcId}`).toBe(base64(one.sig));
      const loaded = outcome<unknown>(() => loadPrivateKey(Buffer.from(group.privateKeyPem), 'key'));
      if (small) {
        expect(loaded).toBe('KEY_WEAK');
        refused.push(one.tcId);
      } else expect(signSha256(loaded as KeyObject, hex(one.msg))).toBe(base64(one.sig));
    }
  }
  expect(seen.counts).toEqual({ valid: 8, acceptable: 2, invalid: 0 });
  // The two that are "acceptable" have exponent 3: our policy refuses their keys.
  expect(refused).toHaveLength(2);
});

test.each(['rsa_oaep_2048_sha1_mgf1sha1_test.json', 'rsa_three_primes_oaep_2048_sha1_mgf1sha1_test.json'])(
  '%s: decryption returns the plaintext or refuses',
  (file) => {
    const seen = tally();
    let emptyLabel = 0;
    for (const group of groupsOf(file)) {
      const key = createPrivateKey({ key: hex(group.privateKeyPkcs8), format: 'der', type: 'pkcs8' });
      for (const one of group.tests) {
        seen.add(one);
        const expected = one.result === 'valid' ? one.msg : undefined;
        expect(oaep(key, one), `tcId ${one.tcId}, the primitive`).toBe(expected);
        const ours = outcome(() => decryptOaep(key, base64(one.ct)));
        if (one.label !== '') {
          // WeChat Pay uses the empty label, so ours knows no other.
          expect(ours, `tcId ${one.tcId}`).toBe('DECRYPT_FAILED');
          continue;
        }
        emptyLabel += 1;
        const text = expected === undefined ? undefined : utf8(hex(expected));
        // A field is text: plaintext that is not UTF-8 is refused rather than mended.
        expect(ours, `tcId ${one.tcId} ${one.comment}`).toBe(text ?? 'DECRYPT_FAILED');
      }
    }
    expect(seen.counts).toEqual({ valid: 17, acceptable: 0, invalid: 19 });
    expect(emptyLabel).toBe(29);
  },
);

function oaep(key: KeyObject, { ct, label }: TestCase): string | undefined {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  try {
    return privateDecrypt({ key, padding, oaepHash: 'sha1', oaepLabel: hex(label) }, hex(ct)).toString('hex');
  } catch {
    return undefined;
  }
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

test('aes_gcm: AES-256-GCM decrypts what holds and refuses the rest; other nonces are refused unseen', () => {
  const all = tally();
  const onTheWire = tally();
  for (const group of groupsOf('aes_gcm_test.json').filter(({ keySize }) => keySize === 256))
    for (const one of group.tests) {
      all.add(one);
      const expected = one.result === 'valid' ? one.msg : undefined;
      // OpenSSL refuses this nonce of 2056 bits by itself.
      expect(gcm(one), `tcId ${one.tcId}, the primitive`).toBe(one.tcId === 276 ? undefined : expected);
      const sealed = { key: hex(one.key), nonce: hex(one.iv), associatedData: hex(one.aad) };
      const ciphertext = base64(one.ct + one.tag);
      const ours = outcome(() => decryptAesGcm({ ...sealed, ciphertext }).toString('hex'));
      if (group.ivSize !== 96) {
        expect(ours, `tcId ${one.tcId}`).toBe('DECRYPT_FAILED');
        continue;
      }
      onTheWire.add(one);
      expect(ours, `tcId ${one.tcId} ${one.comment}`).toBe(expected ?? 'DECRYPT_FAILED');
      if (expected !== undefined) expect(encryptAesGcm({ ...sealed, plaintext: hex(expected) })).toBe(ciphertext);
    }
  expect(all.counts).toEqual({ valid: 76, acceptable: 0, invalid: 29 });
  expect(onTheWire.counts).toEqual({ valid: 39, acceptable: 0, invalid: 27 });
});

function gcm({ key, iv, aad, ct, tag }: TestCase): string | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', hex(key), hex(iv), { authTagLength: 16 });
    decipher.setAAD(hex(aad));
    decipher.setAuthTag(hex(tag));
    return Buffer.concat([decipher.update(hex(ct)), decipher.final()]).toString('hex');
  } catch {
    return undefined;
  }
}

test('the applicable vectors are 963, of which 364 have exactly the parameters of WeChat Pay', () => {
  const count = (file: string, applies: (group: Group, one: TestCase) => boolean): number =>
    groupsOf(file).flatMap((group) => group.tests.filter((one) => applies(group, one))).length;
  const every = (): boolean => true;
  const signatures = [2048, 3072, 4096].map((bits) => count(`rsa_signature_${bits}_sha256_test.json`, every));
  const signed = count('rsa_pkcs1_2048_sig_gen_test.json', ({ sha }) => sha === 'SHA-256');
  const oaep = count('rsa_oaep_2048_sha1_mgf1sha1_test.json', every);
  const threePrimes = count('rsa_three_primes_oaep_2048_sha1_mgf1sha1_test.json', every);
  const aes = count('aes_gcm_test.json', ({ keySize }) => keySize === 256);
  expect([...signatures, signed, oaep, threePrimes, aes].reduce((sum, part) => sum + part, 0)).toBe(963);
  const emptyLabel = count('rsa_oaep_2048_sha1_mgf1sha1_test.json', (_, { label }) => label === '');
  const nonce12 = count('aes_gcm_test.json', ({ keySize, ivSize }) => keySize === 256 && ivSize === 96);
  expect((signatures[0] ?? 0) + signed + emptyLabel + nonce12).toBe(364);
});
