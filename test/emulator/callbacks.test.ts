import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { callbackSchedule } from '../../src/emulator/notify.ts';
import { holds, makeClient, platformKey, wechatpayKey } from './raw-client.ts';
import { decrypt, receive } from './receiver.ts';
import type { Envelope, Receiver } from './receiver.ts';
import { openSibling, openStage, orderBody, partnerBody } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
let receiver: Receiver | undefined;
beforeAll(async () => {
  stage = await openStage({ callbackTimeoutMs: 300 });
});
afterEach(async () => {
  await receiver?.close();
  receiver = undefined;
});
afterAll(async () => stage.end());

async function placeAndPay(on: Stage, url: string): ReturnType<Stage['emulator']['pay']> {
  const body = orderBody(on, 'jsapi', { notify_url: url, attach: 'shop=7' });
  await on.client.call('POST', '/v3/pay/transactions/jsapi', body);
  return on.emulator.pay({ order: body['out_trade_no'] as string });
}

test('a payment sends the signed, encrypted callback that the documentation describes', async () => {
  receiver = await receive(200);
  const paid = await placeAndPay(stage, receiver.url);
  expect(paid.callback).toEqual({
    id: expect.any(String) as string,
    url: receiver.url,
    attempts: 1,
    delivered: true,
    status: 200,
  });
  const [arrival] = receiver.arrivals;
  expect(receiver.arrivals).toHaveLength(1);
  expect(arrival!.url).toBe('/notify/here');
  expect(arrival!.headers).toMatchObject({
    'content-type': ['application/json'],
    'wechatpay-serial': [stage.emulator.info.platform_serial_no],
    'wechatpay-signature-type': ['WECHATPAY2-SHA256-RSA2048'],
    'wechatpay-timestamp': [String(Math.floor(stage.now() / 1000))],
    'request-id': [expect.stringMatching(/^[0-9A-F]+-0$/) as string],
  });
  expect(holds(arrival!.headers, arrival!.text, platformKey(stage.emulator.info))).toBe(true);
  expect(holds(arrival!.headers, `${arrival!.text} `, platformKey(stage.emulator.info))).toBe(false);
  const envelope = JSON.parse(arrival!.text) as Envelope;
  expect(envelope).toEqual({
    id: paid.callback!.id,
    create_time: '2026-11-23T10:34:56+08:00',
    resource_type: 'encrypt-resource',
    event_type: 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource: {
      original_type: 'transaction',
      algorithm: 'AEAD_AES_256_GCM',
      associated_data: 'transaction',
      ciphertext: expect.any(String) as string,
      nonce: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    },
  });
  expect(paid.callback!.id.length).toBeLessThanOrEqual(36);
  const transaction = decrypt(envelope.resource, stage.emulator.info.api_v3_key);
  expect(transaction).toEqual(paid.transaction);
  expect(transaction).toMatchObject({
    trade_state: 'SUCCESS',
    attach: 'shop=7',
    success_time: '2026-11-23T10:34:56+08:00',
    payer: { openid: 'oABCD5example_openid00000001' },
  });
});

test("a service provider's order is announced to it under its own key, naming the sub-merchant", async () => {
  receiver = await receive(204);
  const info = stage.emulator.infoOf('1900000100');
  const client = makeClient(info, stage.now);
  const body = partnerBody(stage, 'native', { notify_url: receiver.url });
  await client.call('POST', '/v3/pay/partner/transactions/native', body);
  const paid = await stage.emulator.pay({ order: body['out_trade_no'] as string });
  expect(paid.callback).toMatchObject({ delivered: true, status: 204 });
  const envelope = JSON.parse(receiver.arrivals[0]!.text) as Envelope;
  expect(decrypt(envelope.resource, info.api_v3_key)).toMatchObject({
    sp_mchid: info.mchid,
    sub_mchid: '1900000109',
    payer: { sp_openid: expect.stringMatching(/^o.{27}$/) as string },
  });
});

describe('a callback counts as delivered by 200 and 204 alone', () => {
  test.each([
    [201, { delivered: false, status: 201 }],
    [400, { delivered: false, status: 400 }],
    [500, { delivered: false, status: 500 }],
    ['redirect', { delivered: false, status: 307 }],
    ['nothing', { delivered: false, failure: 'timeout' }],
  ] as const)('%s', async (answer, expected) => {
    receiver = await receive(answer);
    const paid = await placeAndPay(stage, receiver.url);
    expect(paid.callback).toMatchObject(expected);
    expect(paid.transaction).toMatchObject({ trade_state: 'SUCCESS' });
    expect(receiver.arrivals).toHaveLength(1);
  });

  test.each([
    ['http://127.0.0.1:1/', 'ECONNREFUSED'],
    ['http://169.254.169.254/latest', 'url'],
    ['http://[fe80::1]/', undefined],
    ['http://[::ffff:a9fe:a9fe]/', undefined],
  ])('I4: nobody at %s', async (url, failure) => {
    const body = orderBody(stage, 'native', { notify_url: url });
    const placed = await stage.client.call('POST', '/v3/pay/transactions/native', body);
    // WeChat Pay's own pattern takes no IPv6 literal.
    expect(placed.status).toBe(failure === undefined ? 400 : 200);
    if (failure === undefined) return;
    const paid = await stage.emulator.pay({ order: body['out_trade_no'] as string });
    expect(paid.callback).toMatchObject({ delivered: false, failure });
  });
});

test('the schedule of repetitions is the documented one: 15 sends, 24 hours and 4 minutes', () => {
  expect(callbackSchedule).toHaveLength(15);
  expect(callbackSchedule.reduce((sum, seconds) => sum + seconds, 0)).toBe(24 * 3600 + 4 * 60);
});

describe('which key signs', () => {
  test.each([
    ['certificate', 'platform', 'platform'],
    ['mixed', 'public', 'platform'],
    ['public-key', 'public', 'public'],
  ] as const)(
    'in %s mode: answers by %s key when asked for the public one, callbacks by %s key',
    async (mode, answers, callbacks) => {
      const own = await openSibling(stage, { mode });
      receiver = await receive(200);
      try {
        // The key files are there in every mode; the info names those that a merchant of that mode has.
        const all = { ...own.emulator.info };
        const files = {
          platform: `${own.dir}/platform/platform_cert.pem`,
          public: `${own.dir}/platform/pub_key.pem`,
        };
        expect(all.platform_certificate_file).toBe(mode === 'public-key' ? null : files.platform);
        expect(all.public_key_file).toBe(mode === 'certificate' ? null : files.public);
        const keys = {
          platform: platformKey({ ...all, platform_certificate_file: files.platform }),
          public: wechatpayKey({ ...all, public_key_file: files.public }),
        };
        const wanted = all.public_key_id ?? 'PUB_KEY_ID_0100000000000000000000000000000000';
        const asked = await own.client.call('GET', '/v3/certificates', undefined, {
          headers: { 'wechatpay-serial': wanted },
        });
        expect(holds(asked.headers, asked.text, keys[answers])).toBe(true);
        const plain = await own.client.call('GET', '/v3/certificates');
        expect(holds(plain.headers, plain.text, keys[mode === 'public-key' ? 'public' : 'platform'])).toBe(true);
        if (mode === 'public-key') {
          expect([plain.status, plain.json.code]).toEqual([404, 'RESOURCE_NOT_EXISTS']);
        } else {
          expect(plain.status).toBe(200);
        }
        await placeAndPay(own, receiver.url);
        const [arrival] = receiver.arrivals;
        expect(holds(arrival!.headers, arrival!.text, keys[callbacks])).toBe(true);
        const id = callbacks === 'public' ? all.public_key_id : all.platform_serial_no;
        expect(arrival!.headers['wechatpay-serial']).toEqual([id]);
      } finally {
        await own.end();
      }
    },
  );
});
