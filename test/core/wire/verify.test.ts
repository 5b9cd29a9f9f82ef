import { generateKeyPairSync, sign as cryptoSign, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signSha256 } from '../../../src/core/crypto/rsa.ts';
import type { Headers, VerificationKey } from '../../../src/core/ports.ts';
import { answerMessage } from '../../../src/core/wire/message.ts';
import { probePrefix, readSignatureHeaders, verifyMessage, type VerifyOptions } from '../../../src/core/wire/verify.ts';

const now = 1_700_000_000;
const serial = '5157F09EFDC096DE15EBE81A47057A7232F1B8E1';
const nonce = '5d2b6c2a8db53831f7eda20af46e531c';
const body = Buffer.from('{"code_url":"weixin://wxpay/bizpayurl?pr=中文"}');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key: VerificationKey = { id: serial, kind: 'platform-certificate', publicKey: rsa.publicKey };

type Name = 'wechatpay-timestamp' | 'wechatpay-nonce' | 'wechatpay-serial' | 'wechatpay-signature';
const names: readonly Name[] = ['wechatpay-timestamp', 'wechatpay-nonce', 'wechatpay-serial', 'wechatpay-signature'];

/** A message whose signature holds, unless `changes` says otherwise afterwards. */
function signedHeaders(timestamp = now, privateKey: KeyObject = rsa.privateKey): Record<Name, readonly string[]> {
  const message = answerMessage({ timestamp: String(timestamp), nonce, body });
  return {
    'wechatpay-timestamp': [String(timestamp)],
    'wechatpay-nonce': [nonce],
    'wechatpay-serial': [serial],
    'wechatpay-signature': [signSha256(privateKey, message)],
  };
}

const good = signedHeaders();

async function verify(headers: Headers, options: Partial<VerifyOptions> = {}, bytes: Uint8Array = body) {
  const asked: string[] = [];
  const find = async (id: string): Promise<VerificationKey | undefined> => {
    asked.push(id);
    return id === serial ? key : undefined;
  };
  const result = await verifyMessage({ headers, body: bytes }, { find, now: now * 1000, ...options }).then(
    (verified) => ({ serial: verified.serial, code: undefined, params: undefined }),
    (error: { code: string; params: Readonly<Record<string, string | number>> }) => ({
      serial: undefined,
      code: error.code,
      params: error.params,
    }),
  );
  return { ...result, asked };
}

test('a message whose signature holds verifies, and names its key', async () => {
  expect(await verify(good)).toMatchObject({ serial, code: undefined, asked: [serial] });
});

describe('C1: each of the four headers must be there once, and whole', () => {
  /** How a header can fail to be one good value, and the reason that is given. */
  const defects: readonly {
    readonly defect: string;
    readonly damage: (value: string) => readonly string[] | undefined;
    readonly reason: string;
  }[] = [
    { defect: 'absent', damage: () => undefined, reason: 'header_missing' },
    { defect: 'there without a value', damage: () => [], reason: 'header_missing' },
    { defect: 'empty', damage: () => [''], reason: 'header_empty' },
    { defect: 'spaces', damage: () => ['   '], reason: 'header_empty' },
    { defect: 'there twice', damage: (value) => [value, value], reason: 'header_repeated' },
    { defect: 'above 4 KiB', damage: (value) => [value.padEnd(4097, 'A')], reason: 'header_long' },
  ];
  const subsets = Array.from({ length: 15 }, (_, index) => names.filter((_, bit) => ((index + 1) >> bit) & 1));

  test.each(defects)('$defect, in every combination of headers', async ({ damage, reason }) => {
    for (const damaged of subsets) {
      const headers: Record<string, readonly string[]> = { ...good };
      for (const name of damaged) {
        const values = damage(good[name][0] ?? '');
        if (values === undefined) delete headers[name];
        else headers[name] = values;
      }
      const result = await verify(headers);
      const none = reason === 'header_missing' && damaged.length === names.length;
      expect(result.code, damaged.join()).toBe(none ? 'SIGNATURE_MISSING' : 'SIGNATURE_HEADER_INVALID');
      if (!none) expect(result.params?.['reason']).toBe(`key:reason.${reason}`);
      // What is broken is refused before anybody fetches a key for it.
      expect(result.asked).toEqual([]);
    }
  });

  test.each(names)('%s: joined values, spaces, line ends and characters beyond ASCII are refused', async (name) => {
    const value = good[name][0] ?? '';
    const values = [
      `${value}, ${value}`,
      ` ${value}`,
      `${value} `,
      `${value}\t`,
      `${value}\n`,
      `${value}\u00a0`,
      '时间',
    ];
    for (const damaged of [...values, `${value}é`, '１７００００００００']) {
      const result = await verify({ ...good, [name]: [damaged] });
      expect(result.code, JSON.stringify(damaged)).toBe('SIGNATURE_HEADER_INVALID');
      expect(result.asked).toEqual([]);
    }
  });

  test.each([
    '1700000000abc',
    '1.7e9',
    '0x6553F100',
    '170000000',
    '17000000000',
    '1700000000000',
    '+170000000',
    '-170000000',
    '1700000000.0',
  ])('the timestamp %s is not ten digits', async (timestamp) => {
    const result = await verify({ ...good, 'wechatpay-timestamp': [timestamp] });
    expect(result).toMatchObject({ code: 'SIGNATURE_HEADER_INVALID', params: { reason: 'key:reason.not_ten_digits' } });
  });

  test.each([
    '../../.ssh/authorized_keys',
    'PUB_KEY_ID_',
    'PUB_KEY_ID_12a',
    'pub_key_id_0000000000000024101100397200000006',
    '1234567',
    'G'.repeat(40),
    'A'.repeat(41),
    '__proto__',
  ])('A7: the serial %s is refused by its form', async (bad) => {
    const result = await verify({ ...good, 'wechatpay-serial': [bad] });
    expect(result).toMatchObject({ code: 'SIGNATURE_HEADER_INVALID', asked: [] });
  });

  test('header values of a prototype are not taken for headers', async () => {
    const headers = Object.create(good) as Headers;
    expect((await verify(headers)).code).toBe('SIGNATURE_MISSING');
  });

  test('the signature must be the canonical spelling of its bytes', async () => {
    const signature = good['wechatpay-signature'][0] ?? '';
    const spellings = [
      signature.replace(/=+$/, ''),
      `${signature}=`,
      `"${signature}"`,
      signature.replaceAll('+', '-').replaceAll('/', '_').replace(/=*$/, ''),
      `${signature.slice(0, 76)}\n${signature.slice(76)}`,
      `${signature.slice(0, 4)} !! ${signature.slice(4)}`,
      signature.replace(/.==$/, (end) => `${end[0] === 'A' ? 'B' : 'A'}==`).replace(/^(.{342})[AQgw]==$/, '$1B=='),
      '=',
      '====',
    ];
    for (const spelling of spellings) {
      if (spelling === signature) continue;
      const { code } = await verify({ ...good, 'wechatpay-signature': [spelling] });
      expect(['SIGNATURE_HEADER_INVALID', 'SIGNATURE_WRONG'], spelling).toContain(code);
    }
  });
});

describe('C2: only RSA with SHA-256, by type and by key', () => {
  test.each(['WECHATPAY2-SHA256-RSA2048'])('the type %s is taken', async (type) => {
    expect((await verify({ ...good, 'wechatpay-signature-type': [type] })).serial).toBe(serial);
  });

  test('an absent type stands for RSA', async () => {
    expect((await verify(good)).serial).toBe(serial);
    expect(readSignatureHeaders(good).type).toBe('WECHATPAY2-SHA256-RSA2048');
  });

  test.each([
    'WECHATPAY2-SM2-WITH-SM3',
    'wechatpay2-sha256-rsa2048',
    'WECHATPAY2-SHA256-RSA2048 ',
    'WECHATPAY-BRAND-SHA256-RSA2048',
    'HMAC-SHA256',
    'none',
    '',
    ' ',
  ])('the type %j is refused', async (type) => {
    const result = await verify({ ...good, 'wechatpay-signature-type': [type] });
    expect(['SIGNATURE_TYPE_UNSUPPORTED', 'SIGNATURE_HEADER_INVALID']).toContain(result.code);
    expect(result.asked).toEqual([]);
  });

  test('two types are refused, also when both are right', async () => {
    const type = 'WECHATPAY2-SHA256-RSA2048';
    expect((await verify({ ...good, 'wechatpay-signature-type': [type, type] })).code).toBe('SIGNATURE_HEADER_INVALID');
  });

  test.each([
    { kind: 'EC', pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
    { kind: 'RSA of 1024 bits', pair: () => generateKeyPairSync('rsa', { modulusLength: 1024 }) },
    { kind: 'RSA with e = 3', pair: () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }) },
    {
      kind: 'RSA-PSS',
      pair: () => generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256' }),
    },
  ])('a key of $kind in the store does not verify, even where its own signature holds', async ({ pair }) => {
    const { publicKey, privateKey } = pair();
    const message = answerMessage({ timestamp: String(now), nonce, body });
    const signature = cryptoSign('sha256', message, privateKey).toString('base64');
    const weak: VerificationKey = { id: serial, kind: 'platform-certificate', publicKey };
    const result = await verify({ ...good, 'wechatpay-signature': [signature] }, { find: async () => weak });
    expect(result).toMatchObject({ serial: undefined, code: 'KEY_WEAK' });
  });
});

describe('C3: the serial decides which key', () => {
  test('hex is compared without case', async () => {
    const result = await verify({ ...good, 'wechatpay-serial': [serial.toLowerCase()] });
    expect(result).toMatchObject({ serial, asked: [serial] });
  });

  test('a public key id is passed on as it is', async () => {
    const id = 'PUB_KEY_ID_0000000000000024101100397200000006';
    const find = async (asked: string): Promise<VerificationKey | undefined> =>
      asked === id ? { ...key, id, kind: 'wechatpay-public-key' } : undefined;
    expect(await verify({ ...good, 'wechatpay-serial': [id] }, { find })).toMatchObject({ serial: id });
  });

  test('an unknown serial is its own refusal, asked about once', async () => {
    const other = '0'.repeat(40);
    const result = await verify({ ...good, 'wechatpay-serial': [other] });
    expect(result).toMatchObject({ code: 'SIGNATURE_SERIAL_UNKNOWN', asked: [other] });
  });

  test("the merchant's own key in place of WeChat Pay's is a wrong signature", async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect((await verify(good, { find: async () => ({ ...key, publicKey }) })).code).toBe('SIGNATURE_WRONG');
  });
});

describe('C6: a probe is refused as a probe', () => {
  const signature = good['wechatpay-signature'][0] ?? '';

  test.each([
    { what: 'the prefix alone', value: probePrefix },
    { what: 'the prefix before a signature that holds', value: probePrefix + signature },
    { what: 'the prefix before something that is no base64', value: `${probePrefix}!!` },
    { what: 'the documented length', value: probePrefix.padEnd(344, 'A') },
  ])('$what', async ({ value }) => {
    const result = await verify({ ...good, 'wechatpay-signature': [value] });
    // Nobody fetches a key because of a probe: a new serial can be part of it.
    expect(result).toMatchObject({ code: 'SIGNATURE_PROBE', asked: [] });
  });

  test('the prefix inside a signature is no probe, and wrong all the same', async () => {
    const inside = signature.slice(0, 40) + probePrefix + signature.slice(40 + probePrefix.length);
    const result = await verify({ ...good, 'wechatpay-signature': [inside] });
    expect(['SIGNATURE_WRONG', 'SIGNATURE_HEADER_INVALID']).toContain(result.code);
  });

  test('a probe with an age out of bounds is refused, too', async () => {
    const stale = { ...good, 'wechatpay-timestamp': [String(now - 301)], 'wechatpay-signature': [probePrefix] };
    expect((await verify(stale)).code).toBe('SIGNATURE_STALE');
    expect((await verify(stale, { ignoreAge: true })).code).toBe('SIGNATURE_PROBE');
  });
});

describe('C7: the timestamp may be 300 seconds away, and no second more', () => {
  test.each([
    [-301, false],
    [-300, true],
    [-299, true],
    [0, true],
    [299, true],
    [300, true],
    [301, false],
  ])('%d s: %s', async (offset, holds) => {
    for (const milliseconds of [0, 999]) {
      const result = await verify(signedHeaders(now + offset), { now: now * 1000 + milliseconds });
      expect(result.code).toBe(holds ? undefined : 'SIGNATURE_STALE');
      if (!holds) expect(result).toMatchObject({ params: { seconds: 301, skew: offset }, asked: [] });
    }
  });

  test('another window can be asked for', async () => {
    expect((await verify(signedHeaders(now - 11), { maxAgeSeconds: 10 })).code).toBe('SIGNATURE_STALE');
    expect((await verify(signedHeaders(now - 10), { maxAgeSeconds: 10 })).serial).toBe(serial);
  });

  test('an old capture verifies only when its age is not asked for', async () => {
    const old = signedHeaders(now - 86_400);
    expect((await verify(old)).code).toBe('SIGNATURE_STALE');
    expect((await verify(old, { ignoreAge: true })).serial).toBe(serial);
  });
});

describe('R6: what was changed after signing does not verify', () => {
  test('no bit of the body can change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: body.length * 8 - 1 }), async (bit) => {
        const changed = Buffer.from(body);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect((await verify(good, {}, changed)).code).toBe('SIGNATURE_WRONG');
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    { what: 'a BOM in front', bytes: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]) },
    { what: 'a line feed behind', bytes: Buffer.concat([body, Buffer.from('\n')]) },
    { what: 'serialised again', bytes: Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 1)) },
    { what: 'nothing left', bytes: Buffer.alloc(0) },
    { what: 'decoded as Latin-1', bytes: Buffer.from(body.toString('latin1')) },
  ])('the body: $what', async ({ bytes }) => {
    expect((await verify(good, {}, bytes)).code).toBe('SIGNATURE_WRONG');
  });

  test('an empty body is signed as an empty line', async () => {
    const message = Buffer.from(`${now}\n${nonce}\n\n`);
    const headers = { ...good, 'wechatpay-signature': [signSha256(rsa.privateKey, message)] };
    expect((await verify(headers, {}, Buffer.alloc(0))).serial).toBe(serial);
  });

  test('another nonce or time with the same signature does not verify', async () => {
    expect((await verify({ ...good, 'wechatpay-nonce': [`${nonce}0`] })).code).toBe('SIGNATURE_WRONG');
    expect((await verify({ ...good, 'wechatpay-timestamp': [String(now + 1)] })).code).toBe('SIGNATURE_WRONG');
  });

  test('no header values that fast-check makes up get through or crash', async () => {
    const value = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom(String(now), nonce, serial));
    const header = fc.oneof(fc.constant(undefined), fc.array(value, { maxLength: 2 }));
    await fc.assert(
      fc.asyncProperty(fc.tuple(header, header, header, header, header), async (values) => {
        const all = [...names, 'wechatpay-signature-type'];
        const headers = Object.fromEntries(
          all.flatMap((name, index) => (values[index] === undefined ? [] : [[name, values[index]]])),
        ) as Headers;
        const { code, serial: verified } = await verify(headers);
        expect(verified).toBeUndefined();
        expect(code).toMatch(/^SIGNATURE_/);
      }),
      { numRuns: 500 },
    );
  });
});
