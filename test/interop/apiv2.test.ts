/** Two independent APIv2 clients, unmodified, against the emulator: a life of an order, over mTLS, with callbacks. */
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmulator } from '../../src/emulator/server.ts';
import type { Emulator, EmulatorInfo } from '../../src/emulator/server.ts';
import { realClock } from '../helpers/local.ts';
import { makeHome, nextOutRefundNo, nextOutTradeNo, readCredentials } from './stage.ts';

const load = createRequire(new URL('./package.json', import.meta.url));

type Fields = Readonly<Record<string, unknown>>;

interface AxiosV2 {
  readonly client: {
    readonly v2: {
      post(path: string, fields: Fields, options?: Fields): Promise<{ readonly data: Record<string, string> }>;
    };
  };
}
interface AxiosModule {
  readonly Wechatpay: new (config: Fields) => AxiosV2;
  readonly Transformer: { toObject(xml: string): Record<string, string>; toXml(fields: Fields): string };
  readonly Hash: { sign(type: string, fields: Fields, key: string): string; md5(text: string): string };
  readonly Aes: { readonly AesEcb: { decrypt(ciphertext: string, key: string): string } };
}
const axiosV2 = load('wechatpay-axios-plugin') as AxiosModule;

interface Tenpay {
  urls: Record<string, string>;
  unifiedOrder(fields: Fields): Promise<Record<string, string>>;
  orderQuery(fields: Fields): Promise<Record<string, string>>;
  closeOrder(fields: Fields): Promise<Record<string, string>>;
  refund(fields: Fields): Promise<Record<string, string>>;
  refundQuery(fields: Fields): Promise<Record<string, string>>;
  middleware(type: 'pay' | 'refund'): (context: TenpayContext, next: () => Promise<void>) => Promise<void>;
}
interface TenpayContext {
  readonly request: { readonly body: string; weixin?: Record<string, unknown> };
  type?: string;
  body?: string;
  reply?: (message?: string) => void;
}
const tenpay = load('tenpay') as new (config: Fields) => Tenpay;

let home: string;
let emulator: Emulator;
let info: EmulatorInfo;
let receiver: Server;
/** What answers a callback; gives the answer's XML. */
let receive: (xml: string) => Promise<string>;
let notifyUrl: string;

beforeAll(async () => {
  home = await makeHome();
  emulator = await startEmulator({
    dir: home,
    clock: realClock,
    randomBytes: (size) => randomBytes(size),
    https: { port: 0 },
    refunds: { settle_after_ms: null },
  });
  ({ info } = emulator);
  receiver = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      receive(text).then(
        (answer) => response.end(answer),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  notifyUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/notify`;
});
afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await emulator.close();
  await rm(home, { recursive: true, force: true });
});

describe('wechatpay-axios-plugin, APIv2', () => {
  const acknowledge = (): string => axiosV2.Transformer.toXml({ return_code: 'SUCCESS', return_msg: 'OK' });

  function makeClient(changes: Fields = {}): AxiosV2 {
    const { serialNo, privateKey, platformKeys } = readCredentials(info);
    return new axiosV2.Wechatpay({
      baseURL: info.https_url,
      mchid: info.mchid,
      serial: serialNo,
      privateKey,
      certs: platformKeys,
      secret: info.api_v2_key,
      proxy: false,
      merchant: {
        cert: readFileSync(info.certificate_file),
        key: readFileSync(info.private_key_file),
        ca: readFileSync(info.ca_file ?? ''),
      },
      ...changes,
    });
  }
  /** `security: true` is the plugin's own switch for mTLS; every call here goes over HTTPS. */
  const call = async (path: string, fields: Fields): Promise<Record<string, string>> => {
    const whole = { appid: info.appid, mch_id: info.mchid, ...fields };
    return (await makeClient().client.v2.post(path, whole, { security: true })).data;
  };

  test.each(['MD5', 'HMAC-SHA256'])('lives through an order, its callbacks and its refund with %s', async (type) => {
    const number = nextOutTradeNo();
    const refundNumber = nextOutRefundNo();
    const placed = await call('/pay/unifiedorder', {
      body: 'Image形象店 <&> "深圳"',
      out_trade_no: number,
      total_fee: '100',
      spbill_create_ip: '203.0.113.9',
      notify_url: notifyUrl,
      trade_type: 'NATIVE',
      attach: 'a&b=c',
      sign_type: type,
    });
    expect(placed['code_url']).toMatch(/^weixin:/);
    expect(await call('/pay/orderquery', { out_trade_no: number })).toMatchObject({ trade_state: 'NOTPAY' });

    let told: Record<string, string> = {};
    receive = async (xml) => {
      told = axiosV2.Transformer.toObject(xml);
      return acknowledge();
    };
    expect((await emulator.pay({ order: number })).callback).toMatchObject({ delivered: true });
    expect(told).toMatchObject({ out_trade_no: number, attach: 'a&b=c', total_fee: '100' });
    expect(axiosV2.Hash.sign(type, told, info.api_v2_key)).toBe(told['sign']);

    const paid = await call('/pay/orderquery', { out_trade_no: number, sign_type: type });
    expect(paid).toMatchObject({ trade_state: 'SUCCESS', transaction_id: told['transaction_id'] });
    const refund = {
      transaction_id: paid['transaction_id'],
      out_refund_no: refundNumber,
      total_fee: '100',
      refund_fee: '40',
      notify_url: notifyUrl,
    };
    expect(await call('/secapi/pay/refund', refund)).toMatchObject({ result_code: 'SUCCESS', refund_fee: '40' });
    expect((await emulator.settleRefund({ refund: refundNumber })).callback).toMatchObject({ delivered: true });
    const opened = axiosV2.Aes.AesEcb.decrypt(told['req_info'] ?? '', axiosV2.Hash.md5(info.api_v2_key));
    expect(axiosV2.Transformer.toObject(opened)).toMatchObject({
      out_refund_no: refundNumber,
      refund_status: 'SUCCESS',
    });
    expect(await call('/pay/refundquery', { out_refund_no: refundNumber })).toMatchObject({
      refund_status_0: 'SUCCESS',
    });
  });

  test('is refused with the wrong key, and without its certificate', async () => {
    const fields = { appid: info.appid, mch_id: info.mchid, out_trade_no: 'A' };
    const wrong = makeClient({ secret: 'x'.repeat(32) });
    await expect(wrong.client.v2.post('/pay/orderquery', fields, { security: true })).rejects.toMatchObject({
      response: { data: { return_msg: '签名错误，请检查后再试' } },
    });
    const bare = makeClient({ merchant: { ca: readFileSync(info.ca_file ?? '') } });
    await expect(bare.client.v2.post('/secapi/pay/refund', fields, { security: true })).rejects.toMatchObject({
      response: { status: 400 },
    });
  });

  test('refuses an answer whose signature does not hold', async () => {
    emulator.faults.add({ kind: 'signature', variant: 'wrong' });
    await expect(call('/pay/unifiedorder', order())).rejects.toMatchObject({ code: 'EV2_RES_SIGNATURE_NOT_EQUAL' });
  });
});

const order = (): Fields => ({
  body: '咖啡',
  out_trade_no: nextOutTradeNo(),
  total_fee: 100,
  spbill_create_ip: '203.0.113.9',
  notify_url: notifyUrl,
  trade_type: 'NATIVE',
});

describe('tenpay', () => {
  function makeClient(changes: Fields = {}): Tenpay {
    const client = new tenpay({
      appid: info.appid,
      mchid: info.mchid,
      partnerKey: info.api_v2_key,
      pfx: readFileSync(info.p12_file),
      notify_url: notifyUrl,
      refund_url: notifyUrl,
      spbill_create_ip: '203.0.113.9',
      ...changes,
    });
    // Its hosts are plain data of the instance.
    client.urls = Object.fromEntries(
      Object.entries(client.urls).map(([name, url]) => [name, url.replace('https://api.mch.weixin.qq.com', info.url)]),
    );
    return client;
  }

  /** Its own middleware, as an app on Koa would use it. */
  function serve(client: Tenpay, type: 'pay' | 'refund', told: (fields: Record<string, unknown>) => void) {
    return async (xml: string): Promise<string> => {
      const context: TenpayContext = { request: { body: xml } };
      await client.middleware(type)(context, async () => {
        told(context.request.weixin ?? {});
        context.reply?.();
      });
      return context.body ?? '';
    };
  }

  test.each(['MD5', 'HMAC-SHA256'])('places, queries, is told and closes with %s', async (type) => {
    const client = makeClient();
    const fields = { ...order(), sign_type: type };
    expect((await client.unifiedOrder(fields))['code_url']).toMatch(/^weixin:/);
    let told: Record<string, unknown> = {};
    receive = serve(client, 'pay', (given) => (told = given));
    const number = String((fields as Record<string, unknown>)['out_trade_no']);
    expect((await emulator.pay({ order: number })).callback).toMatchObject({ delivered: true });
    expect(told).toMatchObject({ out_trade_no: number, result_code: 'SUCCESS' });
    expect(await client.orderQuery({ out_trade_no: number, sign_type: type })).toMatchObject({
      trade_state: 'SUCCESS',
    });
    await expect(client.closeOrder({ out_trade_no: number })).rejects.toThrow('ORDERPAID');
    const another = order();
    await client.unifiedOrder(another);
    expect(await client.closeOrder({ out_trade_no: another['out_trade_no'] })).toMatchObject({
      result_code: 'SUCCESS',
    });
  });

  test('opens the refund that the emulator tells of, and asks about it', async () => {
    const client = makeClient();
    const fields = order();
    await client.unifiedOrder(fields);
    const number = String(fields['out_trade_no']);
    await emulator.pay({ order: number, callback: false });
    const refundNumber = nextOutRefundNo();
    // Refunding over mTLS is the other client's: this one has no way to name an authority.
    await axiosRefund(number, refundNumber);
    let told: Record<string, unknown> = {};
    receive = serve(client, 'refund', (given) => (told = given));
    expect((await emulator.settleRefund({ refund: refundNumber })).callback).toMatchObject({ delivered: true });
    expect(told['req_info']).toMatchObject({
      out_refund_no: refundNumber,
      refund_status: 'SUCCESS',
      refund_fee: '100',
    });
    expect(await client.refundQuery({ out_refund_no: refundNumber })).toMatchObject({ refund_status_0: 'SUCCESS' });
  });

  test('is not acknowledged by its own complaint about a wrong key', async () => {
    const fields = order();
    await makeClient().unifiedOrder(fields);
    receive = serve(makeClient({ partnerKey: 'x'.repeat(32) }), 'pay', () => undefined);
    const { callback } = await emulator.pay({ order: String(fields['out_trade_no']) });
    expect(callback).toMatchObject({ delivered: false, status: 200 });
  });
});

async function axiosRefund(number: string, refundNumber: string): Promise<void> {
  const { serialNo, privateKey, platformKeys } = readCredentials(info);
  const { client } = new axiosV2.Wechatpay({
    baseURL: info.https_url,
    mchid: info.mchid,
    serial: serialNo,
    privateKey,
    certs: platformKeys,
    secret: info.api_v2_key,
    proxy: false,
    merchant: {
      cert: readFileSync(info.certificate_file),
      key: readFileSync(info.private_key_file),
      ca: readFileSync(info.ca_file ?? ''),
    },
  });
  const refund = { out_trade_no: number, out_refund_no: refundNumber, total_fee: '100', refund_fee: '100' };
  const fields = { appid: info.appid, mch_id: info.mchid, notify_url: notifyUrl, ...refund };
  await client.v2.post('/secapi/pay/refund', fields, { security: true });
}
