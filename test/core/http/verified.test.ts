import { expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { verified } from '../../../src/core/http/verified.ts';
import type { ApiRequest, ApiResponse, Headers } from '../../../src/core/ports.ts';
import { get, post } from './loopback.ts';
import { answerHeaders, foreignPrivateKey, keyRing, publicKeyId, startTime } from './merchant.ts';

const body = Buffer.from('{"code_url":"weixin://x"}');
const clock = { now: () => startTime };
const signature = (change = {}): Headers => answerHeaders(body, startTime, change);

function run(
  request: ApiRequest,
  headers: Headers,
  status = 200,
  find: (id: string) => ReturnType<typeof keyRing.find> = (id) => keyRing.find(id),
): Promise<ApiResponse> {
  const answer: ApiResponse = { status, headers, body, trust: 'unchecked', host: 'x', requestId: 'R-1' };
  return verified(async () => answer, { keyRing: { find }, clock })(request);
}

test('an answer whose signature holds is verified and names its key', async () => {
  for (const status of [200, 202, 400, 404, 500]) {
    expect(await run(get(), signature(), status)).toMatchObject({ trust: 'verified', serial: publicKeyId, status });
  }
});

const faults: [string, Headers, string][] = [
  ['missing', {}, 'SIGNATURE_MISSING'],
  ['wrong', signature({ key: foreignPrivateKey }), 'SIGNATURE_WRONG'],
  ['of another body', answerHeaders(Buffer.from('{}'), startTime), 'SIGNATURE_WRONG'],
  ['301 s old', signature({ timestamp: startTime / 1_000 - 301 }), 'SIGNATURE_STALE'],
  ['301 s ahead', signature({ timestamp: startTime / 1_000 + 301 }), 'SIGNATURE_STALE'],
  ['of a foreign key', signature({ serial: '1234567890ABCDEF1234567890ABCDEF12345678' }), 'SIGNATURE_SERIAL_UNKNOWN'],
  ['a probe', signature({ signature: `WECHATPAY/SIGNTEST/${'A'.repeat(320)}` }), 'SIGNATURE_PROBE'],
  ['repeated', { ...signature(), 'wechatpay-nonce': ['N0NCE', 'N0NCE'] }, 'SIGNATURE_HEADER_INVALID'],
  ['of another type', { ...signature(), 'wechatpay-signature-type': ['X'] }, 'SIGNATURE_TYPE_UNSUPPORTED'],
];

test.each(faults)('C1, C2, C6, C7: a 2xx whose signature is %s is never returned', async (_what, headers, code) => {
  for (const status of [200, 204]) {
    const facts = { code, httpStatus: status, requestId: 'R-1', category: 'verification' };
    await expect(run(get(), headers, status)).rejects.toMatchObject({ ...facts, outcome: 'no_effect' });
    for (const effect of ['prepay', 'close', 'refund', 'write'] as const) {
      await expect(run(post({ effect }), headers, status)).rejects.toMatchObject({ ...facts, outcome: 'unknown' });
    }
  }
});

test('C7: exactly 300 s pass', async () => {
  for (const shift of [-300, 300]) {
    const headers = signature({ timestamp: startTime / 1_000 + shift });
    expect((await run(get(), headers)).trust).toBe('verified');
  }
});

test('C5: a refusal without a signature is returned and marked; with a wrong one it is not', async () => {
  for (const status of [400, 401, 403, 404, 429, 500]) {
    expect(await run(get(), {}, status)).toMatchObject({ status, trust: 'unsigned' });
    for (const [, headers, code] of faults.slice(1)) {
      await expect(run(post(), headers, status)).rejects.toMatchObject({ code, outcome: 'unknown' });
    }
  }
});

test('files and certificates prove themselves elsewhere', async () => {
  expect((await run(get({ answer: 'file' }), {})).trust).toBe('unchecked');
  expect((await run(get({ answer: 'certificates' }), signature({ key: foreignPrivateKey }))).trust).toBe('unchecked');
  expect((await run(get({ answer: 'file' }), {}, 403)).trust).toBe('unsigned');
});

test('only 200 to 299 is an acceptance; what is beside it needs no signature to be a refusal', async () => {
  for (const status of [199, 300]) expect(await run(get(), {}, status)).toMatchObject({ status, trust: 'unsigned' });
  await expect(run(get(), {}, 299)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
});

test('an APIv2 answer proves itself inside, whatever its status', async () => {
  for (const status of [200, 404, 500])
    expect(await run(get({ answer: 'v2' }), {}, status)).toMatchObject({ status, trust: 'unchecked' });
});

test('what is no error of ours passes as it is', async () => {
  const bug = new TypeError('mine');
  const find = async (): Promise<never> => {
    throw bug;
  };
  for (const request of [get(), post()]) await expect(run(request, signature(), 200, find)).rejects.toBe(bug);
});

test('an answer without a Request-ID is refused without one', async () => {
  const answer: ApiResponse = { status: 200, headers: {}, body, trust: 'unchecked', host: 'x' };
  const error = await verified(async () => answer, { keyRing, clock })(get()).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'SIGNATURE_MISSING', httpStatus: 200 });
  expect(error).toHaveProperty('requestId', undefined);
});

test("a key that cannot be fetched is the read's error, but never says that a write was not sent", async () => {
  const find = async (): Promise<never> => {
    throw new WxpayError('NETWORK_DNS', { params: { host: 'h' }, outcome: 'not_sent' });
  };
  await expect(run(get(), signature(), 200, find)).rejects.toMatchObject({ code: 'NETWORK_DNS', outcome: 'no_effect' });
  await expect(run(post(), signature(), 200, find)).rejects.toMatchObject({
    code: 'SIGNATURE_SERIAL_UNKNOWN',
    outcome: 'unknown',
    cause: expect.objectContaining({ code: 'NETWORK_DNS' }) as unknown,
  });
});
