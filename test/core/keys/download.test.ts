import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { downloadCertificates, isIssuedByTenpay, type DownloadOptions } from '../../../src/core/keys/download.ts';
import type { ApiRequest, ApiResponse } from '../../../src/core/ports.ts';
import { answerOf, apiV3Key, day, entry, platformCertificate } from './platform.ts';

const now = 1_900_000_000_000;
const current = platformCertificate('5a'.repeat(20), now - 300 * day, now + 300 * day);
const next = platformCertificate('5b'.repeat(20), now - day, now + 1_800 * day, 1);
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

function run(answers: ApiResponse | ApiResponse[], options: Partial<DownloadOptions> = {}) {
  const queue = Array.isArray(answers) ? [...answers] : [answers];
  const requests: ApiRequest[] = [];
  const result = downloadCertificates({
    transport: async (request) => {
      requests.push(request);
      return (queue.length > 1 ? queue.shift() : queue[0]) as ApiResponse;
    },
    apiV3Key,
    clock: { now: () => now },
    ...options,
  });
  return { result, requests };
}

test('C8: brings certificates that decrypt, match their serials and verify the answer', async () => {
  const { result, requests } = run(answerOf([entry(current), entry(next)], current, now));
  const set = await result;
  expect(set.downloadedAt).toBe(now);
  expect(set.certificates.map((key) => [key.id, key.expiresAt])).toEqual([
    [current.serial, current.notAfter],
    [next.serial, next.notAfter],
  ]);
  expect(requests).toMatchObject([
    { method: 'GET', target: '/v3/certificates', effect: 'read', answer: 'certificates' },
  ]);
});

test("the retirement time of the API counts when it is earlier than the certificate's end, and the reverse", async () => {
  const early = await run(answerOf([entry(current, { expireAt: now + 5 * day })], current, now)).result;
  expect(early.certificates[0]?.expiresAt).toBe(now + 5 * day);
  const late = await run(answerOf([entry(current, { expireAt: now + 900 * day })], current, now)).result;
  expect(late.certificates[0]?.expiresAt).toBe(current.notAfter);
});

const foreignCertificate = platformCertificate('5c'.repeat(20), now - day, now + day, 1);

test.each<[string, ApiResponse, string]>([
  [
    'certificate of an attacker under a wrong key',
    answerOf([entry(foreignCertificate, { key: Buffer.alloc(32, 'x') })], foreignCertificate, now),
    'DECRYPT_FAILED',
  ],
  [
    "right key, but the signature is somebody else's",
    answerOf([entry(current)], current, now, { privateKey: stranger.privateKey }),
    'SIGNATURE_WRONG',
  ],
  [
    'serial swapped in the list',
    answerOf([entry(current, { serial: next.serial })], current, now),
    'CERTIFICATES_INVALID',
  ],
  [
    'signed by a key that it does not bring',
    answerOf([entry(current)], current, now, { serial: 'AB'.repeat(20), privateKey: stranger.privateKey }),
    'CERTIFICATES_INVALID',
  ],
  [
    'signed by an expired certificate',
    answerOf([entry(current, { expireAt: now - 1 })], current, now),
    'CERTIFICATES_INVALID',
  ],
  ['301 s old', answerOf([entry(current)], current, now, { at: now - 301_000 }), 'SIGNATURE_STALE'],
  ['unsigned', { ...answerOf([entry(current)], current, now), headers: {} }, 'SIGNATURE_MISSING'],
  ['one entry of two broken', answerOf([entry(current), { serial_no: 'x' }], current, now), 'CERTIFICATES_INVALID'],
  ['the same serial twice', answerOf([entry(current), entry(current)], current, now), 'CERTIFICATES_INVALID'],
  ['not a time', answerOf([entry(current, { expireText: '2028' })], current, now), 'CERTIFICATES_INVALID'],
  ['not a certificate', answerOf([entry(current, { pem: 'hello' })], current, now), 'CERTIFICATES_INVALID'],
  ['empty', answerOf([], current, now), 'CERTIFICATES_NONE'],
  [
    'always a probe',
    answerOf([entry(current)], current, now, { signature: 'WECHATPAY/SIGNTEST/x' }),
    'SIGNATURE_PROBE',
  ],
])('C8: an answer that is %s is refused', async (_what, answer, code) => {
  await expect(run(answer).result).rejects.toMatchObject({ code, httpStatus: 200, requestId: 'R-1' });
});

test('C8: an answer with one flipped bit anywhere in its body is refused', async () => {
  const answer = answerOf([entry(current)], current, now);
  for (let at = 0; at < answer.body.length; at += 97) {
    const body = Buffer.from(answer.body);
    body[at] = (body[at] ?? 0) ^ 1;
    await expect(run({ ...answer, body }).result).rejects.toThrow(WxpayError);
  }
});

test('C6: a probe is answered by asking once more', async () => {
  const probe = answerOf([entry(current)], current, now, { signature: 'WECHATPAY/SIGNTEST/x' });
  const { result, requests } = run([probe, answerOf([entry(current)], current, now)]);
  expect((await result).certificates).toHaveLength(1);
  expect(requests).toHaveLength(2);
});

test('during a migration the WeChat Pay public key may have signed the answer', async () => {
  const id = 'PUB_KEY_ID_0000000000000024101100397200000006';
  const publicKey = { id, kind: 'wechatpay-public-key' as const, publicKey: stranger.publicKey };
  const answer = answerOf([entry(current)], current, now, { serial: id, privateKey: stranger.privateKey });
  expect((await run(answer, { publicKeys: [publicKey] }).result).certificates[0]?.id).toBe(current.serial);
});

test('an expired certificate beside a good one is left out', async () => {
  const set = await run(answerOf([entry(current, { expireAt: now - 1 }), entry(next)], next, now)).result;
  expect(set.certificates.map((key) => key.id)).toEqual([next.serial]);
});

test.each(['RESOURCE_NOT_EXISTS', 'NOT_FOUND'])('404 %s means the WeChat Pay public key', async (code) => {
  const body = Buffer.from(JSON.stringify({ code, message: '无可用的平台证书' }));
  const answer: ApiResponse = { status: 404, headers: {}, body, trust: 'unsigned', host: 'h' };
  await expect(run(answer).result).rejects.toMatchObject({
    code: 'CERTIFICATES_NONE',
    wechat: { code },
    unsigned: true,
  });
});

test('a 404 that says nothing, or something else, is not taken for that', async () => {
  for (const text of [
    '',
    '<html>',
    '{"code":"MCH_NOT_EXISTS","message":""}',
    '{"code":"ORDER_NOT_EXIST","message":""}',
  ]) {
    const answer: ApiResponse = { status: 404, headers: {}, body: Buffer.from(text), trust: 'unsigned', host: 'h' };
    const error: unknown = await run(answer).result.catch((caught: unknown) => caught);
    expect(error).not.toMatchObject({ code: 'CERTIFICATES_NONE' });
    expect(error).toBeInstanceOf(WxpayError);
  }
});

test('the issuer is refused only when asked to', async () => {
  const answer = answerOf([entry(current)], current, now);
  await expect(run(answer, { requireChain: true }).result).rejects.toMatchObject({
    code: 'CERTIFICATES_INVALID',
    params: { reason: 'key:reason.certificates_issuer', serial: current.serial },
  });
  await expect(run(answer).result).resolves.toBeDefined();
});

test('a failure that is none of the answer stays what it was, and is not asked for again', async () => {
  const failure = new TypeError('mine');
  const { result, requests } = run(answerOf([entry(current)], current, now), {
    clock: {
      now: () => {
        throw failure;
      },
    },
  });
  await expect(result).rejects.toBe(failure);
  expect(requests).toHaveLength(1);
});

test('an answer without a Request-ID is refused without one', async () => {
  const { requestId: _, ...answer } = answerOf([], current, now);
  const error = await run(answer).result.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'CERTIFICATES_NONE', httpStatus: 200 });
  expect(error).toHaveProperty('requestId', undefined);
});

test('a signature that does not hold is asked for twice, no more; any other fault once', async () => {
  const wrong = run(answerOf([entry(current)], current, now, { privateKey: stranger.privateKey }));
  await expect(wrong.result).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  const stale = run(answerOf([entry(current)], current, now, { at: now - 301_000 }));
  await expect(stale.result).rejects.toMatchObject({ code: 'SIGNATURE_STALE' });
  expect([wrong.requests.length, stale.requests.length]).toEqual([2, 1]);
});

test('a certificate is over at its very end, as signer and in the list', async () => {
  const end = (expireAt: number) => run(answerOf([entry(current, { expireAt })], current, now)).result;
  await expect(end(now)).rejects.toMatchObject({ params: { reason: 'key:reason.certificates_expired' } });
  expect((await end(now + 1)).certificates.map(({ expiresAt }) => expiresAt)).toEqual([now + 1]);
  const beside = await run(answerOf([entry(current, { expireAt: now }), entry(next)], next, now)).result;
  expect(beside.certificates.map(({ id }) => id)).toEqual([next.serial]);
});

test('a serial that lost its leading zero still finds its certificate; a public key only under its very id', async () => {
  const zero = platformCertificate(`0${'5d'.repeat(20).slice(1)}`, now - day, now + day);
  const short = zero.serial.replace(/^0/, '');
  expect((await run(answerOf([entry(zero)], zero, now, { serial: short })).result).certificates).toHaveLength(1);
  const publicKey = { id: zero.serial, kind: 'wechatpay-public-key' as const, publicKey: stranger.publicKey };
  const answer = answerOf([entry(current)], current, now, { serial: short, privateKey: stranger.privateKey });
  await expect(run(answer, { publicKeys: [publicKey] }).result).rejects.toMatchObject({
    params: { reason: 'key:reason.certificates_signer' },
  });
});

test.each([
  '2030-01-01T00:00:00',
  '2030-01-01 00:00:00Z',
  '2030-13-01T00:00:00Z',
  '1900000000000',
  'x2030-01-01T00:00:00Z',
])('C8: the time %j of an entry is refused as a time', async (expireText) => {
  await expect(run(answerOf([entry(current, { expireText })], current, now)).result).rejects.toMatchObject({
    code: 'CERTIFICATES_INVALID',
    params: { reason: 'key:reason.certificates_time', serial: current.serial },
  });
});

test('an entry says its times with an offset of their own and with fractions', async () => {
  const expireText = '2030-06-01T08:00:00.250+08:00';
  const [key] = (await run(answerOf([entry(current, { expireText })], current, now)).result).certificates;
  expect(key).toMatchObject({
    effectiveAt: current.notBefore,
    expiresAt: Math.min(Date.parse('2030-06-01T00:00:00.250Z'), current.notAfter),
  });
});

test('a 404 keeps what the server said of it', async () => {
  const body = Buffer.from('{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}');
  const answer: ApiResponse = { status: 404, headers: {}, body, trust: 'verified', host: 'h', requestId: 'R-9' };
  await expect(run(answer).result).rejects.toMatchObject({
    code: 'CERTIFICATES_NONE',
    httpStatus: 404,
    requestId: 'R-9',
    unsigned: false,
    wechat: { message: '无可用的平台证书' },
  });
  const { requestId: _, ...nameless } = answer;
  const error = await run(nameless).result.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'CERTIFICATES_NONE' });
  expect(error).toHaveProperty('requestId', undefined);
});

test('with the issuer asked for, a list that Tenpay issued is taken', async () => {
  const pem = readFileSync(new URL('../../vectors/keys/real_platform_5DEA10EF.cert.pem', import.meta.url), 'utf8');
  const then = Date.parse('2024-01-01T00:00:00Z');
  const genuine = {
    ...current,
    serial: '5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC',
    pem,
    notBefore: then - day,
    notAfter: then + day,
  };
  // Only Tenpay has its private key; the public key of a migration signs for it.
  const id = 'PUB_KEY_ID_0000000000000024101100397200000006';
  const publicKeys = [{ id, kind: 'wechatpay-public-key' as const, publicKey: stranger.publicKey }];
  const answer = answerOf([entry(genuine)], genuine, then, { serial: id, privateKey: stranger.privateKey });
  const options = { publicKeys, requireChain: true, clock: { now: () => then } };
  expect((await run(answer, options).result).certificates.map((key) => key.id)).toEqual([genuine.serial]);
});

test("a genuine platform certificate is Tenpay's, others are not", () => {
  const pem = (name: string): string =>
    readFileSync(new URL(`../../vectors/keys/${name}.cert.pem`, import.meta.url), 'utf8');
  expect(isIssuedByTenpay(pem('real_platform_5DEA10EF'))).toBe(true);
  expect(isIssuedByTenpay(pem('platform_39FACCC1'))).toBe(false);
  expect(isIssuedByTenpay(current.pem)).toBe(false);
});

test('the published answer decrypts to the genuine certificate, and is refused, since its signature was never published', async () => {
  const body = readFileSync(new URL('../../vectors/certificates_response.body.json', import.meta.url));
  const signed = answerOf([], current, now, { serial: '5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC' });
  const key = Buffer.from('a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb');
  // Its certificate is of 2023 to 2028: seen from then, everything but the signature holds.
  const then = Date.parse('2024-01-01T00:00:00Z');
  const headers = { ...signed.headers, 'wechatpay-timestamp': [String(then / 1_000)] };
  const options = { apiV3Key: key, clock: { now: () => then } };
  await expect(run({ ...signed, headers, body }, options).result).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
});
