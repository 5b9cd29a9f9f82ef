import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import forge from 'node-forge';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  identify,
  loadCertificate,
  loadPrivateKey,
  loadPublicKey,
  type FileKind,
} from '../../../src/core/crypto/key-files.ts';
import { WxpayError } from '../../../src/core/errors.ts';
import { certificateFor, p12For, requestFor } from './files.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const passphrase = 'passphrase';

const pem = {
  pkcs8: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  pkcs1: rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
  encrypted: rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string,
  oldEncrypted: rsa.privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string,
  spki: rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string,
  publicPkcs1: rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }) as string,
  ecPrivate: ec.privateKey.export({ type: 'sec1', format: 'pem' }) as string,
  ecPkcs8: ec.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  ecPublic: ec.publicKey.export({ type: 'spki', format: 'pem' }) as string,
  certificate: certificateFor(rsa, 'CN=1900000109'),
  request: requestFor(rsa),
};

const der = (text: string): Buffer => {
  const lines = text.split('\n').filter((line) => !line.startsWith('-----') && !/^\S+: /.test(line));
  return Buffer.from(lines.join(''), 'base64');
};
const base64 = (text: string): string => der(text).toString('base64');
const pkcs7 = Buffer.from(
  forge.asn1
    .toDer(
      (() => {
        const message = forge.pkcs7.createSignedData();
        message.addCertificate(pem.certificate);
        return message.toAsn1();
      })(),
    )
    .getBytes(),
  'latin1',
);

const openssh = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n';

/** Every form in which somebody has handed over a key file, and what it is. */
const files: readonly (readonly [string, FileKind, string | Uint8Array])[] = [
  ['nothing', 'empty', ''],
  ['white space', 'empty', ' \r\n\t'],
  ['PKCS#8 PEM', 'private-key', pem.pkcs8],
  ['PKCS#1 PEM', 'private-key', pem.pkcs1],
  ['PKCS#8 DER', 'private-key', der(pem.pkcs8)],
  ['PKCS#1 DER', 'private-key', der(pem.pkcs1)],
  ['encrypted PKCS#8 PEM', 'encrypted-private-key', pem.encrypted],
  ['encrypted PKCS#8 DER', 'encrypted-private-key', der(pem.encrypted)],
  ['old encrypted PEM', 'encrypted-private-key', pem.oldEncrypted],
  ['an OpenSSH key', 'openssh-key', openssh],
  ['an SSH public key', 'ssh-public-key', 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 me@host\n'],
  ['an EC key', 'ec-private-key', pem.ecPrivate],
  ['an EC key in DER', 'ec-private-key', der(pem.ecPrivate)],
  ['a public key', 'public-key', pem.spki],
  ['a PKCS#1 public key', 'public-key', pem.publicPkcs1],
  ['a public key in DER', 'public-key', der(pem.spki)],
  ['a PKCS#1 public key in DER', 'public-key', der(pem.publicPkcs1)],
  ['a certificate', 'certificate', pem.certificate],
  ['a certificate in DER', 'certificate', der(pem.certificate)],
  ['a certificate request', 'certificate-request', pem.request],
  ['a certificate request in DER', 'certificate-request', der(pem.request)],
  ['a .p12', 'pkcs12', p12For(rsa.privateKey, pem.certificate, '1900000109')],
  ['a cut .p12', 'pkcs12', p12For(rsa.privateKey, pem.certificate, '1900000109').subarray(0, 100)],
  ['a .p7b', 'pkcs7', pkcs7],
  ['a .p7b in PEM', 'pkcs7', `-----BEGIN PKCS7-----\n${pkcs7.toString('base64')}\n-----END PKCS7-----\n`],
  ['base64 without its first and last line', 'bare-base64', base64(pem.pkcs8)],
  ['the same with a BOM', 'bare-base64', `\uFEFF${base64(pem.pkcs8)}`],
  ['a zip archive', 'zip', Buffer.from('504b0304140000000800', 'hex')],
  ['a web page', 'html', '<!DOCTYPE html><title>502</title>'],
  ['a web page without a type', 'html', '\n<html lang="zh">'],
  ['a JSON file', 'json', '{"private_key":"x"}'],
  ['a JSON file with a BOM', 'json', '\uFEFF{"private_key":"x"}'],
  ['UTF-16', 'utf16-text', Buffer.from(`\uFEFF${pem.pkcs8}`, 'utf16le')],
  ['UTF-16, the other way round', 'utf16-text', Uint8Array.from([0xfe, 0xff, 0, 0x2d])],
  ['half a mark of UTF-16', 'unknown', Uint8Array.from([0xfe, 0xfe, 0, 0x2d])],
  ['the other half', 'unknown', Uint8Array.from([0xff, 0xff, 0x2d, 0])],
  // SEQUENCE { SEQUENCE { 0, SEQUENCE {} }, SEQUENCE {}, NULL }
  ['the outline of a request without its parts', 'unknown', Buffer.from('300b3005020100300030000500', 'hex')],
  ['a word', 'unknown', 'apiclient_key'],
  ['binary', 'unknown', Uint8Array.from([1, 2, 3, 4])],
  ['a sequence that is no key', 'unknown', Uint8Array.from([0x30, 3, 2, 1, 7])],
  ['the start of a sequence', 'unknown', Uint8Array.from([0x30])],
];

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content) : content;

function errorOf(work: () => unknown): WxpayError {
  try {
    work();
  } catch (error) {
    if (error instanceof WxpayError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const sameKey = (key: KeyObject, type: 'private' | 'public'): boolean =>
  type === 'private' ? key.equals(rsa.privateKey) : key.equals(rsa.publicKey);

describe('a file is named for what it is', () => {
  test.each(files)('%s: %s', (_, kind, content) => {
    expect(identify(bytesOf(content))).toBe(kind);
  });

  test('also as a view into a larger buffer', () => {
    const larger = Buffer.concat([Buffer.from('xxxx'), Buffer.from(pem.pkcs8), Buffer.from('yyyy')]);
    const view = new Uint8Array(larger.buffer, larger.byteOffset + 4, pem.pkcs8.length);
    expect(identify(view)).toBe('private-key');
    expect(sameKey(loadPrivateKey(view, 'view'), 'private')).toBe(true);
  });

  test('any bytes are named something, without a crash', () => {
    const start = fc.constantFrom([], [0x30], [0x30, 0x82], [0x30, 0x80], [0x50, 0x4b, 3], [0x2d, 0x2d]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 64 }), (head, tail) => {
        const bytes = Uint8Array.from([...head, ...tail]);
        const kind = identify(bytes);
        expect(kind).toMatch(/^[a-z0-9-]+$/);
        for (const load of [loadPrivateKey, loadPublicKey, loadCertificate])
          expect(['KEY_WRONG_KIND', 'KEY_UNREADABLE', 'KEY_WEAK']).toContain(errorOf(() => load(bytes, 'x')).code);
      }),
      { numRuns: 1000 },
    );
  });
});

/** What editors, shells and mail do to a text file on its way. */
const damages: readonly (readonly [string, (text: string) => string])[] = [
  ['as it is', (text) => text],
  ['with a BOM', (text) => `\uFEFF${text}`],
  ['with CRLF', (text) => text.replaceAll('\n', '\r\n')],
  ['with a BOM and CRLF', (text) => `\uFEFF${text.replaceAll('\n', '\r\n')}`],
  ['indented, as in YAML', (text) => text.replaceAll(/^/gm, '    ')],
  ['without its last line feed', (text) => text.trimEnd()],
  ['with blank lines around it', (text) => `\n\n${text}\n\n`],
  ['folded into one long line', (text) => text.replaceAll(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '')],
  [
    'folded at 76',
    (text) => text.replaceAll(/(?<=[A-Za-z0-9+/=])\n(?=[A-Za-z0-9+/=])/g, '').replaceAll(/[^\n-]{76}/g, '$&\n'),
  ],
  ['with \\n as two characters, as in variables', (text) => text.replaceAll('\n', String.raw`\n`)],
  ['with \\r\\n as four characters', (text) => text.replaceAll('\n', String.raw`\r\n`)],
  ['with spaces for line feeds', (text) => text.replaceAll('\n', ' ')],
  ['with a blank line between all lines', (text) => text.replaceAll('\n', '\n\n')],
  ['with lines before it', (text) => `Bag Attributes\n    friendlyName: Tenpay Certificate\n${text}`],
];

describe('the private key', () => {
  test.each(damages)('is read from PKCS#8 and PKCS#1 %s', (_, damage) => {
    for (const text of [pem.pkcs8, pem.pkcs1])
      expect(sameKey(loadPrivateKey(Buffer.from(damage(text)), 'key.pem'), 'private')).toBe(true);
  });

  test.each([
    ['PKCS#8', pem.pkcs8],
    ['PKCS#1', pem.pkcs1],
  ])('is read from %s in DER and from its bare base64, on one line or many', (_, text) => {
    const lines = text.replaceAll(/-----.*-----\n/g, '');
    for (const content of [der(text), Buffer.from(base64(text)), Buffer.from(lines), Buffer.from(`\n${lines}\r\n`)])
      expect(sameKey(loadPrivateKey(content, 'key'), 'private')).toBe(true);
  });

  test.each([
    ['PEM', Buffer.from(pem.encrypted)],
    ['old PEM', Buffer.from(pem.oldEncrypted)],
    ['DER', der(pem.encrypted)],
  ])('encrypted in %s: with its passphrase, and not without', (_, content) => {
    expect(sameKey(loadPrivateKey(content, 'key', passphrase), 'private')).toBe(true);
    const without = errorOf(() => loadPrivateKey(content, 'key'));
    expect(without).toMatchObject({
      code: 'KEY_WRONG_KIND',
      params: { found: 'kind:encrypted-private-key' },
      hint: 'profile.hint.key_encrypted',
    });
    const wrong = errorOf(() => loadPrivateKey(content, 'key', 'another'));
    expect(wrong.code).toBe('KEY_UNREADABLE');
    expect(JSON.stringify(wrong.params)).not.toContain('another');
  });

  test.each(files.filter(([, kind]) => !['private-key', 'bare-base64'].includes(kind)))(
    'is not in: %s, and the error names it (%s)',
    (_, kind, content) => {
      expect(errorOf(() => loadPrivateKey(bytesOf(content), 'apiclient_key.pem'))).toMatchObject({
        code: 'KEY_WRONG_KIND',
        params: { source: 'apiclient_key.pem', wanted: 'kind:private-key', found: `kind:${kind}` },
      });
    },
  );

  test('is not in bare base64 of something else', () => {
    for (const text of [pem.spki, pem.certificate, `-----BEGIN X-----\n${Buffer.alloc(60, 7).toString('base64')}`])
      expect(errorOf(() => loadPrivateKey(Buffer.from(base64(text)), 'k'))).toMatchObject({
        code: 'KEY_WRONG_KIND',
        params: { wanted: 'kind:private-key', found: 'kind:bare-base64' },
      });
  });

  test('is not in base64 between quotes', () => {
    for (const [load, text] of [
      [loadPrivateKey, pem.pkcs8],
      [loadPublicKey, pem.spki],
    ] as const)
      expect(errorOf(() => load(Buffer.from(`"${base64(text)}"`), 'k'))).toMatchObject({
        code: 'KEY_WRONG_KIND',
        params: { found: 'kind:unknown' },
      });
  });

  test('that has nothing between its lines is unreadable', () => {
    for (const [load, name] of [
      [loadPrivateKey, 'PRIVATE KEY'],
      [loadPublicKey, 'PUBLIC KEY'],
      [loadCertificate, 'CERTIFICATE'],
    ] as const)
      expect(
        errorOf(() => load(Buffer.from(`-----BEGIN ${name}-----\n-----END ${name}-----\n`), 'x.pem')),
      ).toMatchObject({
        code: 'KEY_UNREADABLE',
        params: { source: 'x.pem' },
      });
  });

  test('that is cut is unreadable, and nothing of it is in the error', () => {
    const cut = pem.pkcs8.split('\n').toSpliced(5, 3).join('\n');
    const error = errorOf(() => loadPrivateKey(Buffer.from(cut), 'key.pem'));
    expect(error).toMatchObject({ code: 'KEY_UNREADABLE', params: { source: 'key.pem' } });
    const secret = pem.pkcs8.split('\n')[2] ?? '';
    expect(inspect(error, { depth: 9 })).not.toContain(secret);
  });

  test.each([
    ['of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
    ['with e = 3', generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey],
    ['for PSS only', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey],
    ['of an elliptic curve in PKCS#8', ec.privateKey],
    ['of Ed25519', generateKeyPairSync('ed25519').privateKey],
  ])('D1: %s is refused', (_, key) => {
    const text = key.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(errorOf(() => loadPrivateKey(Buffer.from(text), 'k')).code).toBe('KEY_WEAK');
    expect(errorOf(() => loadPrivateKey(der(text), 'k')).code).toBe('KEY_WEAK');
  });
});

describe('the WeChat Pay public key', () => {
  test.each(damages)('is read from SPKI and PKCS#1 %s', (_, damage) => {
    for (const text of [pem.spki, pem.publicPkcs1])
      expect(sameKey(loadPublicKey(Buffer.from(damage(text)), 'pub_key.pem'), 'public')).toBe(true);
  });

  test('is read from DER and bare base64', () => {
    for (const text of [pem.spki, pem.publicPkcs1])
      for (const content of [der(text), Buffer.from(base64(text))])
        expect(sameKey(loadPublicKey(content, 'pub_key.pem'), 'public')).toBe(true);
  });

  // Node would take a public key out of either without a word.
  test.each([
    ['a private key', 'private-key', pem.pkcs8],
    ['a private key in DER', 'private-key', der(pem.pkcs8)],
    ['a certificate', 'certificate', pem.certificate],
    ['a private key as bare base64', 'bare-base64', base64(pem.pkcs8)],
  ])('D1: is not in %s', (_, kind, content) => {
    expect(errorOf(() => loadPublicKey(bytesOf(content), 'pub_key.pem'))).toMatchObject({
      code: 'KEY_WRONG_KIND',
      params: { wanted: 'kind:public-key', found: `kind:${kind}` },
    });
  });

  test('D1: of another kind or too small is refused', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    const text = small.export({ type: 'spki', format: 'pem' }) as string;
    expect(errorOf(() => loadPublicKey(Buffer.from(text), 'k')).code).toBe('KEY_WEAK');
    expect(errorOf(() => loadPublicKey(Buffer.from(pem.ecPublic), 'k')).code).toBe('KEY_WEAK');
  });
});

describe('a certificate', () => {
  test.each(damages)('is read from PEM %s', (_, damage) => {
    const found = loadCertificate(Buffer.from(damage(pem.certificate)), 'cert.pem');
    expect(found.publicKey.equals(rsa.publicKey)).toBe(true);
  });

  test('is read from DER, from behind its key, and as the first of several', () => {
    const other = certificateFor(rsa, 'CN=other');
    for (const content of [
      der(pem.certificate),
      Buffer.from(pem.pkcs8 + pem.certificate),
      Buffer.from(pem.certificate + other),
    ])
      expect(loadCertificate(content, 'cert').subject).toBe('CN=1900000109');
  });

  test.each(files.filter(([, kind]) => kind !== 'certificate'))(
    'is not in: %s, and the error names it (%s)',
    (_, kind, content) => {
      expect(errorOf(() => loadCertificate(bytesOf(content), 'apiclient_cert.pem'))).toMatchObject({
        code: 'KEY_WRONG_KIND',
        params: { wanted: 'kind:certificate', found: `kind:${kind}` },
      });
    },
  );

  test('that is cut is unreadable', () => {
    const cut = pem.certificate.split('\n').toSpliced(5, 3).join('\n');
    expect(errorOf(() => loadCertificate(Buffer.from(cut), 'cert.pem')).code).toBe('KEY_UNREADABLE');
  });

  test('R13: whole, with a key inside that is broken, is refused without OpenSSL’s words', () => {
    const der = Buffer.from(
      new X509Certificate(certificateFor(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'CN=x')).raw,
    );
    const at = der.indexOf(Buffer.from('0382010f0030', 'hex'));
    expect(at).toBeGreaterThan(0);
    der[at + 5] = 0x31;
    expect(() => loadCertificate(der, 'x.pem')).toThrow(expect.objectContaining({ code: 'KEY_UNREADABLE' }));
  });

  test('D1: over a weak key is refused', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(errorOf(() => loadCertificate(Buffer.from(certificateFor(small, 'CN=small')), 'c')).code).toBe('KEY_WEAK');
  });

  test('of the published vectors is read, expired or not: dates are judged elsewhere', () => {
    for (const name of ['java_merchant', 'go_test', 'real_platform_5DEA10EF']) {
      const content = readFileSync(new URL(`../../vectors/keys/${name}.cert.pem`, import.meta.url));
      expect(() => loadCertificate(content, name)).not.toThrow();
    }
  });
});
