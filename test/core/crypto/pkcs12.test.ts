/** D2: `.p12` files from anywhere, opened or refused within limits. */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import forge from 'node-forge';
import { beforeAll, describe, expect, test } from 'vitest';
import { readBer, type BerNode } from '../../../src/core/crypto/ber.ts';
import { openPkcs12 } from '../../../src/core/crypto/pkcs12.ts';
import { isWxpayError } from '../../../src/core/errors.ts';

const passphrase = '1900000001';
let keyPem: string;
let certificate: forge.pki.Certificate;
let certificatePem: string;
let stranger: forge.pki.Certificate;

beforeAll(() => {
  const issue = (): { key: string; certificate: forge.pki.Certificate } => {
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const made = forge.pki.createCertificate();
    made.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
    // Small, as an iteration count is: a number is what it is declared to be, not what it looks like.
    made.serialNumber = '0fffffff';
    made.validity.notBefore = new Date('2020-01-01');
    made.validity.notAfter = new Date('2040-01-01');
    const name = [
      { name: 'commonName', value: passphrase },
      {
        name: 'organizationName',
        value: '测试商户',
        valueTagClass: forge.asn1.Type.UTF8 as unknown as forge.asn1.Class,
      },
    ];
    made.setSubject(name);
    made.setIssuer(name);
    made.sign(forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create());
    return { key: pair.privateKey, certificate: made };
  };
  const own = issue();
  ({ key: keyPem, certificate } = own);
  certificatePem = forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
  stranger = issue().certificate;
});

type Options = NonNullable<Parameters<typeof forge.pkcs12.toPkcs12Asn1>[3]>;

function build(options: Options = { algorithm: '3des' }, certificates = [certificate], password = passphrase): Buffer {
  const asn1 = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(keyPem), certificates, password, options);
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}

const open = (bytes: Uint8Array, password = passphrase, limits?: Parameters<typeof openPkcs12>[3]) =>
  openPkcs12(bytes, password, 'apiclient_cert.p12', limits);

/** Code and reason (or found kind) of the refusal. */
async function refusal(bytes: Uint8Array, limits?: Parameters<typeof openPkcs12>[3]): Promise<string> {
  try {
    await open(bytes, passphrase, limits);
    return 'opened';
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    return `${error.code} ${error.params['reason'] ?? error.params['found'] ?? ''}`;
  }
}

/** Definite-length DER out of its parts. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const octets: number[] = [];
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  const head = body.length < 0x80 ? [tag, body.length] : [tag, 0x80 + octets.length, ...octets];
  return Buffer.concat([Buffer.from(head), body]);
}
const sequence = (...content: readonly Uint8Array[]): Buffer => der(0x30, ...content);
const octets = (content: Uint8Array): Buffer => der(0x04, content);
const oid = (text: string): Buffer => der(0x06, Buffer.from(text, 'hex'));
const integer = (value: number): Buffer => der(0x02, Buffer.from(value.toString(16).padStart(12, '0'), 'hex'));

const oids = {
  data: oid('2a864886f70d010701'),
  encryptedData: oid('2a864886f70d010706'),
  pbe3des: oid('2a864886f70d010c0103'),
  pbes2: oid('2a864886f70d01050d'),
  pbkdf2: oid('2a864886f70d01050c'),
  aes: oid('60864801650304012a'),
  sha1: oid('2b0e03021a'),
};
const salt = octets(Buffer.alloc(8));

/** A PFX whose one encrypted content asks for `algorithm`, with a MAC of `macIterations`. */
function pfx(algorithm: Buffer, macIterations: number): Buffer {
  const encrypted = sequence(integer(0), sequence(oids.data, algorithm, der(0x80, Buffer.alloc(16))));
  const safe = sequence(sequence(oids.encryptedData, der(0xa0, encrypted)));
  const mac = sequence(sequence(sequence(oids.sha1), octets(Buffer.alloc(20))), salt, integer(macIterations));
  return sequence(der(0x02, Buffer.from([3])), sequence(oids.data, der(0xa0, octets(safe))), mac);
}
const pkcs12Pbe = (iterations: number): Buffer => sequence(oids.pbe3des, sequence(salt, integer(iterations)));
const pbes2 = (iterations: number): Buffer =>
  sequence(oids.pbes2, sequence(sequence(oids.pbkdf2, sequence(salt, integer(iterations))), sequence(oids.aes)));

/** The same values with indefinite lengths, as Java libraries write them. */
function indefinite(bytes: Buffer, node: BerNode): Buffer {
  if ((node.tag & 0x20) === 0) return der(node.tag, bytes.subarray(node.start, node.end));
  const inner = node.children.map((child) => indefinite(bytes, child));
  return Buffer.concat([Buffer.from([node.tag, 0x80]), ...inner, Buffer.from([0, 0])]);
}

describe('a good file gives its key and its certificate', () => {
  test.each<[string, Options]>([
    ['3DES, as the merchant platform makes it', { algorithm: '3des' }],
    ['AES-256 with PBES2', { algorithm: 'aes256' }],
    ['AES-128 with many iterations', { algorithm: 'aes128', count: 10_000 }],
  ])('%s', async (_, options) => {
    const opened = await open(build(options));
    expect(opened).toEqual({ privateKey: keyPem, certificate: certificatePem });
    expect(new X509Certificate(opened.certificate).checkPrivateKey(createPrivateKey(opened.privateKey))).toBe(true);
  });

  test('of several certificates the one that belongs to the key', async () => {
    expect((await open(build({ algorithm: '3des' }, [stranger, certificate]))).certificate).toBe(certificatePem);
  });

  test('with indefinite lengths (BER)', async () => {
    const bytes = build();
    const node = readBer(bytes);
    expect(node).toBeDefined();
    if (node !== undefined) expect((await open(indefinite(bytes, node))).privateKey).toBe(keyPem);
  });

  test('with a passphrase that is no ASCII', async () => {
    expect((await open(build({ algorithm: '3des' }, [certificate], '密码é'), '密码é')).privateKey).toBe(keyPem);
  });
});

describe('D2: a file that is none, or a hostile one, is refused by name', () => {
  test('a wrong passphrase', async () => {
    await expect(open(build(), '1900000002')).rejects.toMatchObject({ code: 'P12_PASSPHRASE_WRONG' });
    await expect(open(build(), '')).rejects.toMatchObject({ code: 'P12_PASSPHRASE_WRONG' });
  });

  test.each<[string, () => Buffer, string]>([
    ['no bytes', () => Buffer.alloc(0), 'KEY_WRONG_KIND kind:empty'],
    ['the PEM certificate', () => Buffer.from(certificatePem), 'KEY_WRONG_KIND kind:certificate'],
    ['the PEM key', () => Buffer.from(keyPem), 'KEY_WRONG_KIND kind:private-key'],
    ['another archive', () => Buffer.from('PK\u0003\u0004xxxx', 'latin1'), 'KEY_WRONG_KIND kind:zip'],
    ['100 MiB', () => Buffer.alloc(100 * 1024 * 1024), 'P12_INVALID key:reason.p12_size'],
    ['no MAC', () => build({ algorithm: '3des', useMac: false }), 'P12_INVALID key:reason.p12_no_mac'],
    ['no matching pair', () => build({ algorithm: '3des' }, [stranger]), 'P12_INVALID key:reason.p12_no_pair'],
    ['a cut file', () => build().subarray(0, 1000), 'P12_INVALID key:reason.p12_structure'],
    ['bytes behind it', () => Buffer.concat([build(), Buffer.from([0])]), 'P12_INVALID key:reason.p12_structure'],
  ])('%s', async (_, make, expected) => {
    expect(await refusal(make())).toBe(expected);
  });

  test.each([600_001, 1_000_000, 10_000_000, 2_147_483_647, 1_000_000_000_000])(
    '%d iterations, wherever they are declared, before any of them is run',
    async (iterations) => {
      const start = performance.now();
      for (const file of [pfx(pkcs12Pbe(1), iterations), pfx(pkcs12Pbe(iterations), 1), pfx(pbes2(iterations), 1)])
        expect(await refusal(file)).toBe('P12_INVALID key:reason.p12_iterations');
      expect(performance.now() - start).toBeLessThan(1000);
    },
  );

  test('a negative count of iterations', async () => {
    const negative = sequence(oids.pbe3des, sequence(salt, der(0x02, Buffer.from([0xff]))));
    expect(await refusal(pfx(negative, 1))).toBe('P12_INVALID key:reason.p12_structure');
  });

  test('nesting beyond every need, with definite and with indefinite lengths', async () => {
    let nested = octets(Buffer.alloc(1));
    for (let depth = 0; depth < 5000; depth += 1) nested = sequence(nested);
    const version = der(0x02, Buffer.from([3]));
    expect(await refusal(sequence(version, nested))).toBe('P12_INVALID key:reason.p12_structure');
    const open = Buffer.concat([Buffer.from([0x30, 0x80]), version, Buffer.from('3080'.repeat(200_000), 'hex')]);
    expect(await refusal(open)).toBe('P12_INVALID key:reason.p12_structure');
  });

  test('what takes too long or too much memory is ended', async () => {
    expect(await refusal(build(), { timeoutMs: 1, memoryMb: 256 })).toBe('P12_INVALID key:reason.p12_limits');
    expect(await refusal(build(), { timeoutMs: 20_000, memoryMb: 1 })).toBe('P12_INVALID key:reason.p12_limits');
  });

  test('no byte of a refusal comes from the file or the passphrase', async () => {
    const error = await open(build(), 'CANARY-PASSPHRASE').catch((caught: unknown) => caught);
    expect(JSON.stringify(error) + String(error)).not.toContain('CANARY');
  });
});

describe('BER', () => {
  test('of any bytes is read within bounds or not at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const within = (node: BerNode): boolean =>
          node.start >= 2 && node.start <= node.end && node.end <= bytes.length && node.children.every(within);
        const node = readBer(bytes);
        expect(node === undefined || within(node)).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });

  test('of a good file with one byte changed is survived', () => {
    const bytes = build();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        readBer(changed);
      }),
      { numRuns: 5000 },
    );
  });
});
