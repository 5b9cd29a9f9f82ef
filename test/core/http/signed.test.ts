import { verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { prepareRequest, signed, type SignedOptions } from '../../../src/core/http/signed.ts';
import type { ApiRequest } from '../../../src/core/ports.ts';
import { get, post } from './loopback.ts';
import { fakeClock, keyRing, merchantPublicKey, publicKeyId, signer } from './merchant.ts';

let nonces = 0;
const clock = fakeClock();
const options: SignedOptions = {
  signer,
  clock,
  nonce: () => `NONCE${(nonces += 1)}`,
  keyRing,
  userAgent: 'wxpay-test',
  acceptLanguage: 'en',
};

/** The five lines that the header's own fields claim were signed. */
function holds(request: ApiRequest, body: Uint8Array = request.body): boolean {
  const header = request.headers?.['authorization'] ?? '';
  const field = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(header)?.[1] ?? '';
  const message = Buffer.concat([
    Buffer.from(`${request.method}\n${request.target}\n${field('timestamp')}\n${field('nonce_str')}\n`),
    body,
    Buffer.from('\n'),
  ]);
  return verify('sha256', message, merchantPublicKey, Buffer.from(field('signature'), 'base64'));
}

test('signs exactly the target and the bytes that are handed to the sender', async () => {
  for (const request of [get({ target: '/v3/x|y*%7C?q=a+b' }), post({ body: Buffer.from('{"退":"款"}\n') })]) {
    const prepared = await prepareRequest(request, options);
    expect(prepared.target).toBe(request.target);
    expect(prepared.body).toBe(request.body);
    expect(holds(prepared)).toBe(true);
  }
});

test('an upload signs its meta and sends the whole', async () => {
  const meta = Buffer.from('{"filename":"a","sha256":"b"}');
  const prepared = await prepareRequest(post({ body: Buffer.from('--boundary'), signedBody: meta }), options);
  expect(holds(prepared, meta)).toBe(true);
  expect(holds(prepared)).toBe(false);
});

test('every try has a fresh timestamp and nonce over the same bytes', async () => {
  const seen: ApiRequest[] = [];
  const transport = signed(async (request) => {
    seen.push(request);
    return { status: 200, headers: {}, body: new Uint8Array(), trust: 'unchecked', host: 'x' };
  }, options);
  await transport(post());
  clock.advance(2_000);
  await transport(post());
  const [first, second] = seen.map((request) => request.headers?.['authorization'] ?? '');
  expect(first).toContain('timestamp="1900000000"');
  expect(second).toContain('timestamp="1900000002"');
  expect(seen.every((request) => holds(request))).toBe(true);
  expect(/nonce_str="(\w+)"/.exec(first ?? '')?.[1]).not.toBe(/nonce_str="(\w+)"/.exec(second ?? '')?.[1]);
});

test("adds what every request carries; the request's own headers win", async () => {
  const { headers } = await prepareRequest(get(), options);
  expect(headers).toMatchObject({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'accept-language': 'en',
    'user-agent': 'wxpay-test',
    'wechatpay-serial': publicKeyId,
  });
  expect(headers).not.toHaveProperty('content-type');
  const own = { 'content-type': 'multipart/form-data; boundary=x', 'wechatpay-serial': 'ABCDEF01' };
  expect((await prepareRequest(post({ headers: own }), options)).headers).toMatchObject(own);
  expect((await prepareRequest(post(), options)).headers?.['content-type']).toBe('application/json');
});

test('an APIv2 call carries no Authorization and asks for no key; its own headers win', async () => {
  const untouchable: SignedOptions = {
    ...options,
    signer: () => expect.unreachable('nothing to sign'),
    keyRing: { preferred: () => expect.unreachable('no key to answer with') },
  };
  const request = post({ answer: 'v2', target: '/pay/unifiedorder' });
  expect(await prepareRequest(request, untouchable)).toEqual({
    ...request,
    headers: {
      accept: 'text/xml, text/plain',
      'accept-encoding': 'identity',
      'user-agent': 'wxpay-test',
      'content-type': 'text/xml; charset=utf-8',
    },
  });
  const own = await prepareRequest({ ...request, headers: { accept: '*/*' } }, untouchable);
  expect(own.headers).toMatchObject({ accept: '*/*', 'user-agent': 'wxpay-test' });
  await expect(prepareRequest({ ...request, headers: { host: 'x' } }, untouchable)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
});

test('a signer that has to be fetched is asked when there is something to sign', async () => {
  let asked = 0;
  const fetched = {
    ...options,
    signer: async () => {
      asked += 1;
      return signer;
    },
  };
  await expect(prepareRequest(get({ target: 'x' }), fetched)).rejects.toMatchObject({ code: 'PATH_INVALID' });
  expect(asked).toBe(0);
  expect(holds(await prepareRequest(get(), fetched))).toBe(true);
  expect(asked).toBe(1);
});

test('a file is taken in any form', async () => {
  expect((await prepareRequest(get({ answer: 'file' }), options)).headers).toMatchObject({ accept: '*/*' });
});

test('a body of one byte has a type; a long name of a header is shown up to 60 characters', async () => {
  const { headers } = await prepareRequest(post({ body: Buffer.from('1') }), options);
  expect(headers?.['content-type']).toBe('application/json');
  await expect(prepareRequest(get({ headers: { [`A${'b'.repeat(80)}`]: 'x' } }), options)).rejects.toMatchObject({
    params: { field: `header A${'b'.repeat(59)}`, reason: 'key:reason.own_header_name' },
  });
});

test('without a preferred key none is named', async () => {
  const keyless = { ...options, keyRing: { preferred: async () => undefined } };
  expect((await prepareRequest(get(), keyless)).headers).not.toHaveProperty('wechatpay-serial');
});

test('the download of certificates names no key to answer with', async () => {
  const { headers } = await prepareRequest(get({ answer: 'certificates' }), options);
  expect(headers).not.toHaveProperty('wechatpay-serial');
});

test.each(['authorization', 'host', 'content-length', 'transfer-encoding', 'Accept', 'a b', 'a\r\nb', ''])(
  'refuses the header %j of a caller before signing',
  async (name) => {
    await expect(prepareRequest(get({ headers: { [name]: 'x' } }), options)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      outcome: 'not_sent',
    });
  },
);

test.each(['a\r\nX: y', 'a\0', '退'])('refuses the header value %j', async (value) => {
  await expect(prepareRequest(get({ headers: { 'x-y': value } }), options)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
});

test('B1: refuses a bad target before signing', async () => {
  let signatures = 0;
  const counting = { ...options, signer: { ...signer, sign: () => String((signatures += 1)) } };
  await expect(prepareRequest(get({ target: '//evil.com/x' }), counting)).rejects.toMatchObject({
    code: 'PATH_INVALID',
  });
  expect(signatures).toBe(0);
});
