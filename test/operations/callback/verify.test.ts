import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { parseRawHttp } from '../../../src/operations/callback/capture/raw-http.ts';
import { stepNames, verifyCallback, type CallbackReport } from '../../../src/operations/callback/verify.ts';
import {
  apiV3Key,
  foreignKey,
  key,
  keys,
  makeCallback,
  now,
  payment,
  rawHttp,
  type Wishes,
} from './staged-callback.ts';

const judge = (wishes: Wishes = {}, at = now): Promise<CallbackReport> =>
  verifyCallback(parseRawHttp(rawHttp(makeCallback(wishes))), keys, at);
const failedAt = ({ steps }: CallbackReport): string | undefined =>
  steps.find(({ result }) => result === 'failed')?.step;

test('a genuine callback passes every step and shows its resource', async () => {
  const report = await judge();
  expect(report).toMatchObject({ verdict: 'valid', serial: key.id, resource: payment, remarks: [] });
  expect(report.steps).toEqual(stepNames.map((step) => ({ step, result: 'passed' })));
  expect(report.failure).toBeUndefined();
});

test('the key is named when its signature held, and not before', async () => {
  expect(await judge({ headers: { 'Wechatpay-Nonce': 'OTHER' } })).not.toHaveProperty('serial');
  const capture = parseRawHttp(rawHttp(makeCallback({})));
  const report = await verifyCallback(capture, { ...keys, apiV3Key: Buffer.alloc(32, 1) }, now);
  expect(report).toMatchObject({ verdict: 'invalid', serial: key.id, failure: { code: 'DECRYPT_FAILED' } });
});

describe('a callback that is not what it should be fails at its step, and shows no resource', () => {
  const wrongKey = Buffer.alloc(32, 1);
  const header = (name: string, value: string | undefined): Wishes => ({ headers: { [name]: value } });
  const none = Object.fromEntries(
    ['Timestamp', 'Nonce', 'Serial', 'Signature', 'Signature-Type'].map((name) => [`Wechatpay-${name}`, undefined]),
  );

  test.each<[string, Wishes, string, string]>([
    ['C1: no signature headers', { headers: none }, 'headers', 'SIGNATURE_MISSING'],
    ['C1: no nonce', header('Wechatpay-Nonce', undefined), 'headers', 'SIGNATURE_HEADER_INVALID'],
    ['C1: an empty serial', header('Wechatpay-Serial', ''), 'headers', 'SIGNATURE_HEADER_INVALID'],
    [
      'C1: a timestamp in milliseconds',
      header('Wechatpay-Timestamp', String(now)),
      'headers',
      'SIGNATURE_HEADER_INVALID',
    ],
    ['C1: joined nonces', header('Wechatpay-Nonce', 'A, B'), 'headers', 'SIGNATURE_HEADER_INVALID'],
    [
      'C2: a type of SM2',
      header('Wechatpay-Signature-Type', 'WECHATPAY2-SM2-WITH-SM3'),
      'type',
      'SIGNATURE_TYPE_UNSUPPORTED',
    ],
    [
      'C2: a type in lower case',
      header('Wechatpay-Signature-Type', 'wechatpay2-sha256-rsa2048'),
      'type',
      'SIGNATURE_TYPE_UNSUPPORTED',
    ],
    ['C7: an old timestamp', header('Wechatpay-Timestamp', String(now / 1000 - 301)), 'timestamp', 'SIGNATURE_STALE'],
    [
      'C7: a timestamp of the future',
      header('Wechatpay-Timestamp', String(now / 1000 + 301)),
      'timestamp',
      'SIGNATURE_STALE',
    ],
    ['C3: an unknown serial', header('Wechatpay-Serial', 'PUB_KEY_ID_1'), 'serial', 'SIGNATURE_SERIAL_UNKNOWN'],
    [
      'C3: a public key id in lower case',
      header('Wechatpay-Serial', key.id.toLowerCase()),
      'headers',
      'SIGNATURE_HEADER_INVALID',
    ],
    ['C6: a probe', header('Wechatpay-Signature', 'WECHATPAY/SIGNTEST/abc'), 'signature', 'SIGNATURE_PROBE'],
    ['a foreign signature', { signedBy: foreignKey }, 'signature', 'SIGNATURE_WRONG'],
    ['a nonce of another callback', header('Wechatpay-Nonce', 'OTHER'), 'signature', 'SIGNATURE_WRONG'],
    ['C7: a mended timestamp', header('Wechatpay-Timestamp', String(now / 1000 + 1)), 'signature', 'SIGNATURE_WRONG'],
    ['an envelope without an id', { envelope: { id: undefined } }, 'envelope', 'CALLBACK_MALFORMED'],
    ['an envelope without a resource', { envelope: { resource: null } }, 'envelope', 'CALLBACK_MALFORMED'],
    ['C9: another algorithm', { encrypted: { algorithm: 'AEAD_SM4_GCM' } }, 'decryption', 'DECRYPT_FAILED'],
    ['C9: another APIv3 key', { encryptedWith: wrongKey }, 'decryption', 'DECRYPT_FAILED'],
    ['C9: other associated data', { encrypted: { associated_data: 'refund' } }, 'decryption', 'DECRYPT_FAILED'],
    ['C9: a short nonce', { encrypted: { nonce: 'fdasflkja48' } }, 'decryption', 'DECRYPT_FAILED'],
    ['C9: a ciphertext of less than a tag', { encrypted: { ciphertext: 'AAAA' } }, 'decryption', 'DECRYPT_FAILED'],
    ['a resource that is no JSON', { resource: 'hello' }, 'decryption', 'ANSWER_MALFORMED'],
    ['a resource that is a list', { resource: [] }, 'decryption', 'ANSWER_MALFORMED'],
    ['F8: a resource with __proto__', { resource: '{"__proto__":{"yes":true}}' }, 'decryption', 'ANSWER_MALFORMED'],
    ['C10: another merchant', { resource: { ...payment, mchid: '1900000002' } }, 'identity', 'ANSWER_MISMATCH'],
    [
      'C10: another service provider',
      { resource: { ...payment, sp_mchid: '1900000002' } },
      'identity',
      'ANSWER_MISMATCH',
    ],
    [
      'C10: a combined order of another',
      { resource: { combine_mchid: '1900000002', sub_orders: [] } },
      'identity',
      'ANSWER_MISMATCH',
    ],
    [
      'C10: a merchant that is a number',
      { resource: { ...payment, mchid: 1900000001 } },
      'identity',
      'ANSWER_MISMATCH',
    ],
  ])('%s', async (_what, wishes, step, code) => {
    const report = await judge(wishes);
    expect(report).toMatchObject({ verdict: 'invalid', failure: { code } });
    expect(failedAt(report)).toBe(step);
    expect(report.resource).toBeUndefined();
    const at = report.steps.findIndex(({ result }) => result === 'failed');
    expect(report.steps.slice(at + 1).every(({ result }) => result === 'skipped')).toBe(true);
    expect(({} as { yes?: boolean }).yes).toBeUndefined();
  });
});

test.each([-300, 300])('C7: %i seconds are within the window', async (seconds) => {
  expect((await judge({}, now + seconds * 1000)).verdict).toBe('valid');
});

test('an old capture is judged without its age when asked, and by nothing less', async () => {
  const later = now + 86_400_000;
  const capture = (wishes: Wishes = {}) => parseRawHttp(rawHttp(makeCallback(wishes)));
  expect((await verifyCallback(capture(), keys, later)).verdict).toBe('invalid');
  const aged = await verifyCallback(capture(), keys, later, true);
  expect(aged.verdict).toBe('valid');
  expect(aged.steps).toContainEqual({ step: 'timestamp', result: 'not_judged' });
  expect((await verifyCallback(capture({ signedBy: foreignKey }), keys, later, true)).verdict).toBe('invalid');
  expect((await verifyCallback(capture({ headers: { 'Wechatpay-Timestamp': 'x' } }), keys, later, true)).verdict).toBe(
    'invalid',
  );
});

test('a probe says nothing about its key: nobody looked', async () => {
  const looked: string[] = [];
  const capture = parseRawHttp(rawHttp(makeCallback({ headers: { 'Wechatpay-Signature': 'WECHATPAY/SIGNTEST/abc' } })));
  const find = async (id: string) => (looked.push(id), key);
  const report = await verifyCallback(capture, { ...keys, find }, now);
  expect(looked).toEqual([]);
  expect(report.steps.find(({ step }) => step === 'serial')?.result).toBe('skipped');
});

test('C10: what is odd about a genuine callback is remarked on', async () => {
  expect((await judge({ resource: { ...payment, appid: 'wx2' } })).remarks).toEqual(['appid']);
  expect((await judge({ resource: { ...payment, trade_state: 'NOTPAY' } })).remarks).toEqual(['state']);
  expect(
    (await judge({ event: 'REFUND.SUCCESS', resource: { ...payment, refund_status: 'ABNORMAL' } })).remarks,
  ).toEqual(['state']);
  const combined = (state: string) => ({ combine_mchid: '1900000001', sub_orders: [{ trade_state: state }] });
  expect((await judge({ resource: combined('SUCCESS') })).remarks).toEqual([]);
  expect((await judge({ resource: combined('NOTPAY') })).remarks).toEqual(['state']);
  expect((await judge({ event: 'SOMETHING.NEW', resource: { a: 1 } })).remarks).toEqual([]);
});

test('what is no fault of the callback is thrown, not judged', async () => {
  const capture = parseRawHttp(rawHttp(makeCallback()));
  const down = new WxpayError('NETWORK_REFUSED', { params: { host: 'h' } });
  await expect(verifyCallback(capture, { ...keys, find: async () => Promise.reject(down) }, now)).rejects.toBe(down);
  const weak = { ...key, publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey };
  await expect(verifyCallback(capture, { ...keys, find: async () => weak }, now)).rejects.toMatchObject({
    code: 'KEY_WEAK',
  });
});

test('the known callbacks verify with their keys, whatever their age', async () => {
  interface Vector {
    id: string;
    kind: string;
    headers: Record<string, string>;
    body?: string;
    body_file?: string;
    public_key?: string;
    certificate?: string;
    apiv3_key?: string;
  }
  const folder = new URL('../../vectors/', import.meta.url);
  const { vectors } = JSON.parse(readFileSync(new URL('vectors.json', folder), 'utf8')) as { vectors: Vector[] };
  const callbacks = vectors.filter(
    ({ headers, body_file, apiv3_key }) => headers !== undefined && body_file !== undefined && apiv3_key !== undefined,
  );
  expect(callbacks.length).toBeGreaterThan(1);
  for (const vector of callbacks) {
    const pem = vector.public_key ?? vector.certificate ?? '';
    const publicKey = createPublicKey(readFileSync(new URL(pem, folder)));
    const capture = {
      headers: Object.fromEntries(Object.entries(vector.headers).map(([name, value]) => [name.toLowerCase(), [value]])),
      body: readFileSync(new URL(vector.body_file ?? '', folder)),
    };
    const report = await verifyCallback(
      capture,
      { find: async (id) => ({ ...key, id, publicKey }), apiV3Key: Buffer.from(vector.apiv3_key ?? '') },
      now,
      true,
    );
    // Its signature holds; its key of 16 bytes is none that APIv3 allows.
    const wanted = vector.id === 'go-notify' ? 'API_V3_KEY_LENGTH' : undefined;
    expect([vector.id, report.failure?.code]).toEqual([vector.id, wanted]);
  }
});

describe('R6: no mutated callback is ever accepted', () => {
  const genuine = makeCallback();
  const raw = rawHttp(genuine);
  const signed = { ...genuine.headers };
  /** Changes that change nothing: the case of names, blanks around values, headers that are not signed. */
  const means = async (bytes: Buffer): Promise<boolean> => {
    let capture: ReturnType<typeof parseRawHttp>;
    try {
      capture = parseRawHttp(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: 'CALLBACK_MALFORMED' });
      return false;
    }
    const report = await verifyCallback(capture, keys, now);
    if (report.verdict === 'invalid') return false;
    // Accepted: then body and signed headers are what they were.
    expect(capture.body.toString()).toBe(genuine.body);
    for (const name of ['Timestamp', 'Nonce', 'Serial', 'Signature'])
      expect(capture.headers[`wechatpay-${name.toLowerCase()}`]).toEqual([signed[`Wechatpay-${name}`]]);
    return true;
  };

  test('of 20 000 with one bit flipped, one byte lost, doubled or exchanged', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(raw.length - 1),
        fc.constantFrom('flip', 'drop', 'double', 'exchange'),
        fc.nat(255),
        async (at, how, value) => {
          const copy = Buffer.from(raw);
          if (how === 'flip') copy[at] = (copy[at] ?? 0) ^ (1 << (value % 8));
          if (how === 'exchange') copy[at] = value;
          const bytes =
            how === 'drop'
              ? Buffer.concat([raw.subarray(0, at), raw.subarray(at + 1)])
              : how === 'double'
                ? Buffer.concat([raw.subarray(0, at), raw.subarray(at, at + 1), raw.subarray(at)])
                : copy;
          if (await means(bytes)) accepted += 1;
        },
      ),
      { numRuns: 20_000 },
    );
    // The harness proves something only if some changes, to headers that nobody signs, pass.
    expect(accepted).toBeGreaterThan(0);
  });

  test('of all single bits of the body', async () => {
    const body = Buffer.from(genuine.body);
    const { headers } = parseRawHttp(raw);
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const flipped = Buffer.from(body);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect((await verifyCallback({ headers, body: flipped }, keys, now)).verdict).toBe('invalid');
    }
  });

  test('R6: generated envelopes, signed rightly, never crash the reader', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.json(), async (envelope, resource) => {
        const made = makeCallback({ resource, envelope: { extra: JSON.parse(envelope) as unknown } });
        const report = await verifyCallback(parseRawHttp(rawHttp(made)), { ...keys, apiV3Key }, now);
        expect(['valid', 'invalid']).toContain(report.verdict);
      }),
      { numRuns: 300 },
    );
  });
});
