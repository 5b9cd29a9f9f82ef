import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createSecureContext } from 'node:tls';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePkcs12, openPkcs12, type Pkcs12Limits } from '../../../src/core/crypto/pkcs12.ts';
import { WxpayError } from '../../../src/core/errors.ts';
import { certificateFor, p12For } from './files.ts';
import { expectFast, timeOf } from '../../helpers/timing.ts';

const mchid = '1900000109';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const certificate = certificateFor(rsa, `CN=${mchid}`);
const good = p12For(rsa.privateKey, certificate, mchid);
/** 70 000 iterations are `02 03 01 11 70`, which another count of three bytes can stand in for. */
const counted = p12For(rsa.privateKey, certificate, mchid, { count: 70_000 });

/** Writes another iteration count over one of those of `counted`: the last one is that of the MAC. */
function withIterations(which: 'first' | 'mac', iterations: number): Buffer {
  const bytes = Buffer.from(counted);
  const pattern = Buffer.from('0203011170', 'hex');
  const at = which === 'first' ? bytes.indexOf(pattern) : bytes.lastIndexOf(pattern);
  expect(at).toBeGreaterThan(0);
  bytes.writeUIntBE(iterations, at + 2, 3);
  return bytes;
}

async function open(bytes: Uint8Array, passphrase = mchid, limits?: Pkcs12Limits) {
  const started = performance.now();
  const result = await openPkcs12(bytes, passphrase, 'apiclient_cert.p12', limits).then(
    (opened) => ({ opened, code: undefined, params: undefined }),
    (error: unknown) => {
      if (!(error instanceof WxpayError)) throw error;
      return { opened: undefined, code: error.code, params: error.params };
    },
  );
  return { ...result, milliseconds: performance.now() - started };
}

function expectPair(opened: { privateKey: string; certificate: string } | undefined): void {
  expect(opened?.privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(createPrivateKey(opened?.privateKey ?? '').equals(rsa.privateKey)).toBe(true);
  expect(new X509Certificate(opened?.certificate ?? '').publicKey.equals(rsa.publicKey)).toBe(true);
  expect(opened?.certificate).not.toContain('\r');
}

describe('a .p12 with its passphrase', () => {
  test.each(['3des', 'aes128', 'aes256'] as const)('opens when it is encrypted with %s', async (algorithm) => {
    expectPair((await open(p12For(rsa.privateKey, certificate, mchid, { algorithm }))).opened);
  });

  test('opens with the certificate of the key, also behind others', async () => {
    const other = certificateFor(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'CN=other');
    expectPair((await open(p12For(rsa.privateKey, [other, certificate], mchid))).opened);
  });

  test('opens with a passphrase of any characters', async () => {
    for (const passphrase of ['密码 1', 'é"\\\n', 'a'.repeat(200)])
      expectPair((await open(p12For(rsa.privateKey, certificate, passphrase), passphrase)).opened);
  });

  test.each(['1900000108', '', ' 1900000109', '1900000109\n'])('does not open with %j', async (passphrase) => {
    const result = await open(good, passphrase);
    expect(result).toMatchObject({ code: 'P12_PASSPHRASE_WRONG', params: { source: 'apiclient_cert.p12' } });
    if (passphrase !== '') expect(JSON.stringify(result.params)).not.toContain(passphrase);
  });
});

test('what we pack opens again, here and in OpenSSL, with AES-256 and without retired schemes', async () => {
  const privateKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const bytes = await makePkcs12(privateKey, certificate, mchid);
  expectPair((await open(bytes)).opened);
  expect((await open(bytes, 'wrong')).code).toBe('P12_PASSPHRASE_WRONG');
  expect(() => createSecureContext({ pfx: bytes, passphrase: mchid })).not.toThrow();
  // aes256-CBC is there, PKCS#12's own RC2 and 3DES are not.
  expect(bytes.includes(Buffer.from('60864801650304012a', 'hex'))).toBe(true);
  expect(bytes.includes(Buffer.from('2a864886f70d010c01', 'hex'))).toBe(false);
  // 10 000 iterations.
  expect(bytes.includes(Buffer.from('02022710', 'hex'))).toBe(true);
});

describe('the head of a .p12', () => {
  const tlv = (tag: string, ...parts: string[]): string => {
    const content = parts.join('');
    const length = content.length / 2;
    return tag + (length < 128 ? length : 0x8200_00 + length).toString(16).padStart(2, '0').slice(-6) + content;
  };
  const data = '06092a864886f70d010701';
  const content = (...inner: string[]): string => tlv('30', data, tlv('a0', tlv('04', tlv('30', ...inner))));
  const algorithm = (count: string): string => tlv('30', '060a2a864886f70d010c0103', tlv('30', '040100', count));
  const digest = tlv('30', '0500', '040100');
  const head = async (authSafe: string, ...mac: string[]) => {
    const pfx = Buffer.from(tlv('30', '020103', authSafe, ...mac), 'hex');
    const { code, params } = await open(pfx);
    return code === 'P12_INVALID' ? String(params?.['reason']).replace('key:reason.p12_', '') : code;
  };

  test('without a count of the MAC has one iteration, and is opened', async () => {
    // Nothing is in it, so it ends in the worker, behind the head.
    expect(await head(content(), tlv('30', digest, '040100', '02030927c1'))).toBe('iterations');
    expect(await head(content(), tlv('30', digest, '040100'))).not.toBe('iterations');
  });

  test.each([
    ['nothing in its MAC', [tlv('30')]],
    ['a MAC without salt', [tlv('30', digest)]],
    ['a salt that is no octets', [tlv('30', digest, '020100', '020101')]],
    ['a count that is no number', [tlv('30', digest, '040100', '040101')]],
  ])('with %s is refused before the worker', async (_, mac) => {
    expect(await head(content(), ...mac)).toBe('structure');
  });

  test('counts also those of data within data, to a depth', async () => {
    const mac = tlv('30', digest, '040100', '020101');
    const many = algorithm('02030927c1');
    expect(await head(content(many), mac)).toBe('iterations');
    expect(await head(content(content(many)), mac)).toBe('iterations');
    expect(await head(content(content(content(many))), mac)).toBe('iterations');
    expect(await head(content(content(content(content(many)))), mac)).toBe('structure');
    expect(await head(content(algorithm('040101')), mac)).toBe('structure');
  });
});

test('a .p12 of exactly 1 MiB is looked at, a byte more is not', async () => {
  const padded = (size: number): Buffer => Buffer.concat([good, Buffer.alloc(size - good.length)]);
  expect((await open(padded(1_048_576))).params?.['reason']).toBe('key:reason.p12_structure');
  expect((await open(padded(1_048_577))).params).toMatchObject({ reason: 'key:reason.p12_size', max: 1_048_576 });
});

test('600 000 iterations are allowed, of the encryption and of the MAC', async () => {
  for (const which of ['first', 'mac'] as const) {
    const { params } = await open(withIterations(which, 600_000), mchid, { timeoutMs: 50, memoryMb: 256 });
    expect(params?.['reason']).toBe('key:reason.p12_limits');
    expect((await open(withIterations(which, 600_001))).params).toMatchObject({ max: 600_000 });
  }
});

describe('D2: a hostile .p12 is refused within its limits', () => {
  const refused = async (bytes: Uint8Array, reason: string): Promise<void> => {
    const result = await open(bytes);
    expect(result).toMatchObject({ code: 'P12_INVALID', params: { reason: `key:reason.p12_${reason}` } });
    expect(result.milliseconds).toBeLessThan(20_000);
  };

  test('without a MAC: node-forge alone would hand over the key', async () => {
    await refused(p12For(rsa.privateKey, certificate, mchid, { useMac: false }), 'no_mac');
  });

  test.each([
    ['mac', 600_001],
    ['mac', 0x7f_ff_ff],
    ['first', 600_001],
    ['first', 0x7f_ff_ff],
  ] as const)('with a count (%s) of %d iterations, before any of them', async (which, iterations) => {
    await expectFast(500, () => timeOf(() => refused(withIterations(which, iterations), 'iterations')));
  });

  test('with a negative count', async () => {
    for (const which of ['first', 'mac'] as const) await refused(withIterations(which, 0xff_ff_ff), 'structure');
  });

  test('that takes longer than it may is ended', async () => {
    const result = await open(withIterations('mac', 600_000), mchid, { timeoutMs: 100, memoryMb: 256 });
    expect(result).toMatchObject({ code: 'P12_INVALID', params: { reason: 'key:reason.p12_limits' } });
    expect(result.milliseconds).toBeLessThan(15_000);
  });

  test('nested 10 000 deep, with definite and with indefinite lengths', async () => {
    const head = Buffer.from('020103', 'hex');
    let definite: Buffer = Buffer.from('0500', 'hex');
    for (let level = 0; level < 10_000; level += 1) definite = sequence(definite);
    await refused(sequence(Buffer.concat([head, definite])), 'structure');
    const open = Buffer.from('3080'.repeat(10_000), 'hex');
    await refused(Buffer.concat([Buffer.from('3080', 'hex'), head, open]), 'structure');
  });

  test('made of 500 000 empty members', async () => {
    await refused(
      sequence(Buffer.concat([Buffer.from('020103', 'hex'), Buffer.alloc(500_000, Buffer.from('3000', 'hex'))])),
      'structure',
    );
  });

  test('of 100 MB, unread', async () => {
    const large = Buffer.alloc(100 * 1024 * 1024);
    good.copy(large);
    await expectFast(500, () => timeOf(() => refused(large, 'size')));
  });

  test('of nothing', async () => {
    expect(await open(Buffer.alloc(0))).toMatchObject({ code: 'KEY_WRONG_KIND', params: { found: 'kind:empty' } });
  });

  test('that is another file', async () => {
    expect(await open(Buffer.from(certificate))).toMatchObject({
      code: 'KEY_WRONG_KIND',
      params: { wanted: 'kind:pkcs12', found: 'kind:certificate' },
    });
  });

  test('without a key, without a certificate, or with the certificate of another key', async () => {
    const other = certificateFor(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'CN=other');
    await refused(p12For(null, certificate, mchid), 'no_pair');
    await refused(p12For(rsa.privateKey, null, mchid), 'no_pair');
    await refused(p12For(rsa.privateKey, other, mchid), 'no_pair');
  });

  test('cut anywhere', async () => {
    for (const share of [0.01, 0.1, 0.3, 0.5, 0.9, 0.999]) {
      const { code } = await open(good.subarray(0, Math.floor(good.length * share)));
      expect(['P12_INVALID', 'KEY_WRONG_KIND']).toContain(code);
    }
    expect((await open(Buffer.concat([good, Buffer.from([0])]))).code).toBe('P12_INVALID');
  });

  test('with any bytes changed never opens to another key', async () => {
    const place = fc.nat({ max: good.length - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(place, fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
        async (changes) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          const { opened, code } = await open(bytes);
          if (opened === undefined) expect(['P12_INVALID', 'P12_PASSPHRASE_WRONG', 'KEY_WRONG_KIND']).toContain(code);
          else expectPair(opened);
        },
      ),
      { numRuns: 25 },
    );
  });
});

function sequence(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.from('3084', 'hex'), length, content]);
}

describe('a .p12 of the openssl command', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'wxpay-p12-'));
    writeFileSync(join(dir, 'key.pem'), rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    writeFileSync(join(dir, 'cert.pem'), certificate);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.for<readonly [string, readonly string[]]>([
    ['modern defaults: PBES2, AES-256, SHA-256', []],
    ['legacy: RC2-40 and 3DES, SHA-1', ['-legacy']],
    ['3DES for key and certificate', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']],
    ['PBES2 with AES-128', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC']],
    ['unencrypted certificates', ['-certpbe', 'NONE']],
    ['another name and many iterations', ['-name', 'Tenpay Certificate', '-iter', '20000']],
  ])('%s', async ([name, flags], { skip }) => {
    const file = join(dir, 'made.p12');
    try {
      execFileSync(
        'openssl',
        ['pkcs12', '-export', '-inkey', 'key.pem', '-in', 'cert.pem', '-out', file, '-passout', 'env:P12', ...flags],
        { cwd: dir, env: { ...process.env, P12: mchid }, stdio: 'pipe' },
      );
    } catch (error) {
      // Aloud: the reporter shows the note.
      skip(`openssl cannot make "${name}" here: ${String(error).slice(0, 200)}`);
    }
    const bytes = readFileSync(file);
    expectPair((await open(bytes)).opened);
    expect((await open(bytes, 'wrong')).code).toBe('P12_PASSPHRASE_WRONG');
  });
});
