/** wechatpay-axios-plugin, unmodified, against the emulator: what each of them proves, and what it refuses. */
import { generateKeyPairSync } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Mode } from '../../src/emulator/platform.ts';
import { axiosPlugin } from './clients.ts';
import type { AxiosAnswer, AxiosFailure, AxiosPlugin } from './clients.ts';
import { changeByte, changeCharacter, permutations, readAuthorization, writeAuthorization } from './damage.ts';
import { makeHome, nextOutRefundNo, nextOutTradeNo, openStage, readCredentials } from './stage.ts';
import type { Credentials, ReceivedCallback, Stage } from './stage.ts';
import { headerOf, sendTo, withHeader, withoutHeaders } from './wire.ts';
import type { SentAnswer } from './wire.ts';

const { Wechatpay, Rsa, Aes, Formatter } = axiosPlugin();

const headersOfSignature = ['Wechatpay-Timestamp', 'Wechatpay-Nonce', 'Wechatpay-Serial', 'Wechatpay-Signature'];

/** 256 bytes in base64: the digit at 341 has four unused bits, then comes padding. Node's decoder looks at neither. */
const unusedFrom = 341;

const agent = new Agent({ keepAlive: true });
let home: string;
let stage: Stage;
let credentials: Credentials;

beforeAll(async () => {
  home = await makeHome();
});
afterAll(async () => {
  agent.destroy();
  await rm(home, { recursive: true, force: true });
});

function makeClient(changes: Partial<Credentials> = {}, baseURL = stage.wire.url): AxiosPlugin {
  const { mchid, serialNo, privateKey, platformKeys } = { ...credentials, ...changes };
  return new Wechatpay({
    baseURL,
    mchid,
    serial: serialNo,
    privateKey,
    certs: platformKeys,
    proxy: false,
    httpAgent: agent,
  });
}

function makeOrder(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    mchid: credentials.mchid,
    appid: credentials.appid,
    out_trade_no: nextOutTradeNo(),
    description: 'Image形象店-深圳腾大-QQ公仔',
    notify_url: stage.notifyUrl,
    amount: { total: 1, currency: 'CNY' },
    ...changes,
  };
}

const payment = '/v3/pay/transactions';

async function create(product: string, order: unknown, client = makeClient()): Promise<AxiosAnswer> {
  return client.client.request(`${payment}/${product}`, 'post', order);
}

async function query(outTradeNo: string, client = makeClient()): Promise<AxiosAnswer> {
  const options = { params: { mchid: credentials.mchid }, out_trade_no: outTradeNo };
  return client.client.request(`${payment}/out-trade-no/{out_trade_no}`, 'get', undefined, options);
}

async function queryTransaction(transactionId: string): Promise<AxiosAnswer> {
  const options = { params: { mchid: credentials.mchid }, transaction_id: transactionId };
  return makeClient().client.request(`${payment}/id/{transaction_id}`, 'get', undefined, options);
}

async function close(outTradeNo: string): Promise<AxiosAnswer> {
  const options = { out_trade_no: outTradeNo };
  const body = { mchid: credentials.mchid };
  return makeClient().client.request(`${payment}/out-trade-no/{out_trade_no}/close`, 'post', body, options);
}

async function createdOrder(): Promise<string> {
  const order = makeOrder();
  await create('native', order);
  return String(order['out_trade_no']);
}

const refunds = '/v3/refund/domestic/refunds';

/** A refund of an order that was paid for it. */
async function makeRefund(changes: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
  const number = await createdOrder();
  await stage.payAndReceive(number);
  return {
    out_trade_no: number,
    out_refund_no: nextOutRefundNo(),
    reason: '商品已售完',
    notify_url: stage.notifyUrl,
    amount: { refund: 1, total: 1, currency: 'CNY' },
    ...changes,
  };
}

async function queryRefund(outRefundNo: string): Promise<AxiosAnswer> {
  return makeClient().client.request(`${refunds}/{out_refund_no}`, 'get', undefined, { out_refund_no: outRefundNo });
}

/**
 * Downloads the certificates with no key at hand, as the plugin's own command does: decrypt first, then let the plugin verify
 * this same answer with the certificate that was in it.
 */
async function download(changes: Partial<Credentials> = {}): Promise<Record<string, string>> {
  const { mchid, serialNo, privateKey, apiV3Key } = { ...credentials, ...changes };
  const config = {
    baseURL: stage.wire.url,
    mchid,
    serial: serialNo,
    privateKey,
    certs: { any: undefined } as Record<string, string | undefined>,
    proxy: false,
    httpAgent: agent,
  } as const;
  const { client } = new Wechatpay(config);
  const downloaded: Record<string, string> = {};
  const inject = (text: string): string => {
    const { data = [] } = JSON.parse(text) as { data?: CertificateEntry[] };
    for (const { serial_no: serial, encrypt_certificate: sealed } of data) {
      downloaded[serial] = Aes.AesGcm.decrypt(sealed.ciphertext, apiV3Key, sealed.nonce, sealed.associated_data);
    }
    // The plugin has put an object of its own in the place of ours.
    Object.assign(config.certs, downloaded);
    return text;
  };
  const transformResponse = [inject, ...client.v3.defaults.transformResponse];
  await client.request('/v3/certificates', 'get', undefined, { transformResponse });
  return downloaded;
}

interface CertificateEntry {
  readonly serial_no: string;
  readonly encrypt_certificate: {
    readonly ciphertext: string;
    readonly nonce: string;
    readonly associated_data: string;
  };
}

/** The error that a call ends with. */
async function failureOf(call: Promise<unknown>): Promise<AxiosFailure> {
  return call.then(
    () => {
      throw new Error('the call went through');
    },
    (error: unknown) => error as AxiosFailure,
  );
}

/** What a merchant's callback handler does with the plugin's parts. @throws when the ciphertext is not authentic */
function readCallback(
  { headers, body }: ReceivedCallback,
  { platformKeys, apiV3Key } = credentials,
): { readonly trusted: boolean; readonly decrypt: () => Record<string, unknown> } {
  const serial = headers['wechatpay-serial'] ?? '';
  const message = Formatter.response(headers['wechatpay-timestamp'] ?? '', headers['wechatpay-nonce'] ?? '', body);
  const pem = platformKeys[serial];
  const key = pem === undefined ? undefined : Rsa.from(pem, 'public');
  return {
    trusted: key !== undefined && Rsa.verify(message, headers['wechatpay-signature'] ?? '', key),
    decrypt: () => {
      const { resource } = JSON.parse(body) as { resource: Record<string, string> };
      const { ciphertext = '', nonce = '', associated_data: aad = '' } = resource;
      return JSON.parse(Aes.AesGcm.decrypt(ciphertext, apiV3Key, nonce, aad)) as Record<string, unknown>;
    },
  };
}

describe.each<Mode>(['certificate', 'public-key', 'mixed'])('in %s mode wechatpay-axios-plugin', (mode) => {
  beforeAll(async () => {
    stage = await openStage(mode, home);
    credentials = readCredentials(stage.info);
  });
  afterEach(() => stage.wire.tamper({}));
  afterAll(async () => stage.close());

  test.each([
    ['native', {}, { code_url: expect.stringMatching(/^weixin:\/\/wxpay\//) }],
    ['jsapi', { payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' } }, { prepay_id: expect.stringMatching(/^wx\w+$/) }],
    ['app', {}, { prepay_id: expect.stringMatching(/^wx\w+$/) }],
    [
      'h5',
      { scene_info: { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } } },
      { h5_url: expect.stringContaining('https://wx.tenpay.com/') },
    ],
  ])('creates an order by /%s and accepts the signature of the answer', async (product, fields, expected) => {
    const { status, data } = await create(product, makeOrder(fields));
    expect({ status, data }).toEqual({ status: 200, data: expected });
  });

  test('queries an order by either number, and reads the paid amount', async () => {
    const number = await createdOrder();
    expect((await query(number)).data).toMatchObject({ out_trade_no: number, trade_state: 'NOTPAY' });
    await stage.payAndReceive(number);
    const paid = await query(number);
    const transactionId = String(paid.data['transaction_id']);
    expect(paid.data).toMatchObject({ trade_state: 'SUCCESS', amount: { total: 1, payer_total: 1 } });
    expect((await queryTransaction(transactionId)).data).toEqual(paid.data);
  });

  test('queries a number with the marks that HTTP clients like to encode on their own', async () => {
    const number = `${nextOutTradeNo()}|*-_`;
    await create('native', makeOrder({ out_trade_no: number }));
    expect((await query(number)).data).toMatchObject({ out_trade_no: number });
    expect((await close(number)).status).toBe(204);
  });

  test('closes an order: the 204 is signed over an empty body', async () => {
    const number = await createdOrder();
    const { status } = await close(number);
    expect(status).toBe(204);
    expect(stage.wire.last().answer.body).toHaveLength(0);
    expect(headerOf(stage.wire.last().answer, 'Wechatpay-Signature')).toHaveLength(344);
    expect((await query(number)).data).toMatchObject({ trade_state: 'CLOSED' });
  });

  test('is told why a paid order cannot be closed', async () => {
    const number = await createdOrder();
    await stage.payAndReceive(number);
    const { response } = await failureOf(close(number));
    expect(response).toMatchObject({ status: 400, data: { code: 'ORDER_PAID' } });
  });

  test('verifies and decrypts the callback of a paid order', async () => {
    const number = await createdOrder();
    const callback = await stage.payAndReceive(number);
    const read = readCallback(callback);
    expect(read.trusted).toBe(true);
    expect(Math.abs(Formatter.timestamp() - Number(callback.headers['wechatpay-timestamp']))).toBeLessThan(300);
    expect(read.decrypt()).toMatchObject({ out_trade_no: number, trade_state: 'SUCCESS', amount: { total: 1 } });
    expect(callback.headers).toMatchObject({
      'wechatpay-serial': mode === 'public-key' ? stage.info.public_key_id : stage.info.platform_serial_no,
      'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
    });
  });

  test('refunds a paid order and queries the refund, and accepts the signature of every answer', async () => {
    const refund = await makeRefund();
    const number = String(refund['out_refund_no']);
    const created = await makeClient().client.request(refunds, 'post', refund);
    expect(created).toMatchObject({ status: 200, data: { out_refund_no: number, status: 'PROCESSING' } });
    expect((await queryRefund(number)).data).toEqual(created.data);
    await stage.settleAndReceive(number, 'SUCCESS');
    const done = await queryRefund(number);
    expect(done.data).toMatchObject({
      ...created.data,
      status: 'SUCCESS',
      success_time: expect.stringContaining('+08:00'),
    });
    expect((await query(String(refund['out_trade_no']))).data).toMatchObject({ trade_state: 'REFUND' });
  });

  test('queries a refund with the marks that HTTP clients like to encode on their own', async () => {
    const number = `${nextOutRefundNo()}|*-_@`;
    await makeClient().client.request(refunds, 'post', await makeRefund({ out_refund_no: number }));
    expect((await queryRefund(number)).data).toMatchObject({ out_refund_no: number });
  });

  test('refunds once under one number, and is told what does not fit it', async () => {
    const refund = await makeRefund();
    const { client } = makeClient();
    const first = await client.request(refunds, 'post', refund);
    expect((await client.request(refunds, 'post', refund)).data).toEqual(first.data);
    for (const [changes, status, code] of [
      [{ amount: { refund: 1, total: 2, currency: 'CNY' } }, 400, 'INVALID_REQUEST'],
      [{ out_refund_no: nextOutRefundNo() }, 400, 'INVALID_REQUEST'],
      [{ out_trade_no: await createdOrder(), out_refund_no: nextOutRefundNo() }, 404, 'RESOURCE_NOT_EXISTS'],
      [{ amount: { refund: 0, total: 1, currency: 'CNY' } }, 400, 'PARAM_ERROR'],
    ] as const) {
      const { response } = await failureOf(client.request(refunds, 'post', { ...refund, ...changes }));
      expect(response).toMatchObject({ status, data: { code } });
    }
    const { response } = await failureOf(queryRefund(nextOutRefundNo()));
    expect(response).toMatchObject({ status: 404, data: { code: 'RESOURCE_NOT_EXISTS' } });
    const of = refund['out_trade_no'];
    const entries = stage.emulator.ledger().refunds.filter((entry) => entry.out_trade_no === of);
    expect(entries).toMatchObject([{ out_refund_no: refund['out_refund_no'], amount: 1, posts: 4 }]);
  });

  test.each(['SUCCESS', 'ABNORMAL', 'CLOSED'] as const)('verifies and decrypts REFUND.%s', async (outcome) => {
    const refund = await makeRefund();
    const number = String(refund['out_refund_no']);
    await makeClient().client.request(refunds, 'post', refund);
    const callback = await stage.settleAndReceive(number, outcome);
    const read = readCallback(callback);
    expect(read.trusted).toBe(true);
    expect(JSON.parse(callback.body)).toMatchObject({ event_type: `REFUND.${outcome}` });
    expect(read.decrypt()).toMatchObject({
      mchid: credentials.mchid,
      out_refund_no: number,
      refund_status: outcome,
      amount: { refund: 1, total: 1, payer_refund: 1, payer_total: 1 },
    });
  });

  test('sends an abnormal refund to a card that it encrypts, and verifies the callback of its success', async () => {
    const refund = await makeRefund();
    const number = String(refund['out_refund_no']);
    const { client } = makeClient();
    const { data } = await client.request(refunds, 'post', refund);
    await stage.settleAndReceive(number, 'ABNORMAL');
    const [serial = '', pem = ''] = Object.entries(credentials.platformKeys)[0] ?? [];
    const key = Rsa.from(pem, 'public');
    const body = {
      out_refund_no: number,
      type: 'USER_BANK_CARD',
      bank_type: 'ICBC_DEBIT',
      bank_account: Rsa.encrypt('6222020200112234567', key),
      real_name: Rsa.encrypt('张三', key),
    };
    const path = `${refunds}/{refund_id}/apply-abnormal-refund`;
    const options = { refund_id: String(data['refund_id']), headers: { 'Wechatpay-Serial': serial } };
    expect((await client.request(path, 'post', body, options)).data).toMatchObject({
      status: 'PROCESSING',
      channel: 'OTHER_BANKCARD',
      user_received_account: '工商银行借记卡4567',
    });
    const read = readCallback(await stage.settleAndReceive(number, 'SUCCESS'));
    expect([read.trusted, read.decrypt()['refund_status']]).toEqual([true, 'SUCCESS']);
    const wrong = { ...options, headers: { 'Wechatpay-Serial': credentials.serialNo } };
    const { response } = await failureOf(client.request(path, 'post', body, wrong));
    expect(response).toMatchObject({ status: 400, data: { code: 'PARAM_ERROR' } });
  });

  test('gets Wechatpay-Signature-Type and Request-ID with every answer, of 2xx and 4xx alike', async () => {
    const before = stage.wire.exchanges.length;
    const number = await createdOrder();
    await query(number);
    await close(number);
    await failureOf(query('never-ordered'));
    await failureOf(makeClient().client.request('/v3/certificates?unknown=1', 'get'));
    const answers = stage.wire.exchanges.slice(before).map(({ answer }) => answer);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 204, 404, 400]);
    for (const answer of answers) {
      expect(headerOf(answer, 'Wechatpay-Signature-Type')).toBe('WECHATPAY2-SHA256-RSA2048');
      expect(headerOf(answer, 'Request-ID')).toMatch(/^\S+-\d+$/);
    }
  });

  if (mode === 'public-key') {
    test('is told that there are no certificates', async () => {
      const { response } = await failureOf(makeClient().client.request('/v3/certificates', 'get'));
      expect(response).toMatchObject({ status: 404, data: { code: 'RESOURCE_NOT_EXISTS' } });
    });
    return;
  }

  test('downloads the certificates with no key at hand, decrypts them, and verifies the answer with what it brought', async () => {
    const downloaded = await download();
    expect(Object.keys(downloaded)).toEqual([stage.info.platform_serial_no]);
    expect(Object.values(downloaded)).toEqual([await readFile(stage.info.platform_certificate_file ?? '', 'utf8')]);
  });
});

describe('the emulator, judged by requests of wechatpay-axios-plugin,', () => {
  beforeAll(async () => {
    stage = await openStage('mixed', home);
    credentials = readCredentials(stage.info);
  });
  afterEach(() => {
    stage.wire.tamper({});
    stage.setClock(0);
  });
  afterAll(async () => stage.close());

  test("accepts the Authorization fields in each of the 120 orders, the plugin's own (signature last) among them", async () => {
    const number = await createdOrder();
    await query(number);
    const { request } = stage.wire.last();
    const fields = readAuthorization(headerOf(request, 'Authorization'));
    expect(fields.map(([name]) => name)).toEqual(['mchid', 'serial_no', 'timestamp', 'nonce_str', 'signature']);
    for (const order of permutations(fields)) {
      const { status } = await sendTo(stage.info.url, withHeader(request, 'Authorization', writeAuthorization(order)));
      expect(status, order.map(([name]) => name).join()).toBe(200);
    }
  });

  test('accepts GETs without Content-Type and Accept, with and without the Content-Type that the plugin sends', async () => {
    const number = await createdOrder();
    await query(number);
    expect(headerOf(stage.wire.last().request, 'Content-Type')).toBe('application/json; charset=utf-8');
    stage.wire.tamper({ request: (request) => withoutHeaders(request, 'Accept', 'Content-Type') });
    expect((await query(number)).data).toMatchObject({ out_trade_no: number });
    expect(Object.keys(await download())).toEqual([stage.info.platform_serial_no]);
  });

  test('refuses the request with any one byte of its body changed: 401 SIGN_ERROR', async () => {
    await createdOrder();
    const { request } = stage.wire.last();
    expect((await sendTo(stage.info.url, request)).status).toBe(200);
    for (let at = 0; at < request.body.length; at += 1) {
      const answer = await sendTo(stage.info.url, { ...request, body: changeByte(request.body, at) }, agent);
      expect(refusalOf(answer), `byte ${at}`).toEqual([401, 'SIGN_ERROR']);
    }
  });

  test('refuses the request with a byte added to or cut from its body', async () => {
    await createdOrder();
    const { request } = stage.wire.last();
    const text = request.body.toString('utf8');
    for (const body of [`${text}\n`, ` ${text}`, text.slice(0, -1), `\uFEFF${text}`, '']) {
      const answer = await sendTo(stage.info.url, { ...request, body: Buffer.from(body, 'utf8') });
      expect(refusalOf(answer), JSON.stringify(body)).toEqual([401, 'SIGN_ERROR']);
    }
  });

  test('refuses the request with any one character of its Authorization changed: 401 SIGN_ERROR', async () => {
    await query(await createdOrder());
    const { request } = stage.wire.last();
    const authorization = headerOf(request, 'Authorization');
    for (let at = 0; at < authorization.length; at += 1) {
      const changed = withHeader(request, 'Authorization', changeCharacter(authorization, at));
      const answer = await sendTo(stage.info.url, changed, agent);
      expect(refusalOf(answer), `character ${at} of ${authorization}`).toEqual([401, 'SIGN_ERROR']);
    }
  });

  test('refuses the request with any one character of its URL changed: 401, or an unknown path', async () => {
    await query(await createdOrder());
    const { request } = stage.wire.last();
    const number = request.target.indexOf('Interop');
    for (let at = 1; at < request.target.length; at += 1) {
      const answer = await sendTo(stage.info.url, { ...request, target: changeCharacter(request.target, at) }, agent);
      if (at >= number) expect(refusalOf(answer), request.target.slice(at)).toEqual([401, 'SIGN_ERROR']);
      else expect([401, 404, 405], request.target.slice(at)).toContain(answer.status);
    }
  });

  test('refuses the same bytes sent by another method', async () => {
    await close(await createdOrder());
    const { request } = stage.wire.last();
    expect((await sendTo(stage.info.url, { ...request, method: 'PUT' })).status).toBe(405);
    const moved = { ...request, target: `${payment}/native` };
    expect(refusalOf(await sendTo(stage.info.url, moved))).toEqual([401, 'SIGN_ERROR']);
  });

  test.each([
    ['is accepted 295 seconds ahead', 295, 200],
    ['is accepted 295 seconds behind', -295, 200],
    ['is refused 305 seconds ahead', 305, 401],
    ['is refused 305 seconds behind', -305, 401],
  ])('C7: a client whose clock disagrees %s', async (_, ahead, status) => {
    const number = await createdOrder();
    stage.setClock(ahead);
    const answered = await query(number).then(
      (answer) => [answer.status],
      ({ response }: AxiosFailure) => [response?.status, (response?.data as { code?: string } | undefined)?.code],
    );
    expect(answered).toEqual(status === 200 ? [200] : [401, 'SIGN_ERROR']);
  });

  test.each<[string, () => Partial<Credentials>]>([
    ['with another private key', () => ({ privateKey: makePrivateKey() })],
    ['with another certificate serial', () => ({ serialNo: changeCharacter(credentials.serialNo, 39) })],
    ['with another merchant number', () => ({ mchid: '1900000100' })],
    ['with an unknown merchant number', () => ({ mchid: '1900000002' })],
  ])('refuses a client %s: 401 SIGN_ERROR', async (_, changes) => {
    const { response } = await failureOf(create('native', makeOrder(), makeClient(changes())));
    expect(response).toMatchObject({ status: 401, data: { code: 'SIGN_ERROR' } });
  });

  test('tells the client in sign_information what it saw, when a byte changed on the way', async () => {
    stage.wire.tamper({ request: (request) => ({ ...request, body: changeByte(request.body, 10) }) });
    const { response } = await failureOf(create('native', makeOrder()));
    expect(response).toMatchObject({
      status: 401,
      data: {
        code: 'SIGN_ERROR',
        detail: { sign_information: { method: 'POST', url: `${payment}/native` } },
      },
    });
  });
});

describe('wechatpay-axios-plugin, judging answers of the emulator,', () => {
  beforeAll(async () => {
    stage = await openStage('mixed', home);
    credentials = readCredentials(stage.info);
  });
  afterEach(() => {
    stage.wire.tamper({});
    stage.emulator.faults.clear();
    stage.setClock(0);
  });
  afterAll(async () => stage.close());

  test('gets them signed by the key that it names in Wechatpay-Serial, else by the platform certificate', async () => {
    const options = { params: { mchid: credentials.mchid }, out_trade_no: await createdOrder() };
    const path = `${payment}/out-trade-no/{out_trade_no}`;
    for (const [asked, signer] of [
      [undefined, stage.info.platform_serial_no],
      [stage.info.platform_serial_no, stage.info.platform_serial_no],
      [stage.info.public_key_id, stage.info.public_key_id],
    ]) {
      const headers = typeof asked === 'string' ? { headers: { 'Wechatpay-Serial': asked } } : {};
      const answer = await makeClient().client.request(path, 'get', undefined, { ...options, ...headers });
      expect(answer.headers.get('wechatpay-serial')).toBe(signer);
    }
  });

  test('refuses them with any one byte of the body changed', async () => {
    const number = await createdOrder();
    await query(number);
    const { length } = stage.wire.last().answer.body;
    for (let at = 0; at < length; at += 1) {
      stage.wire.tamper({ answer: (answer) => ({ ...answer, body: changeByte(answer.body, at) }) });
      expect((await failureOf(query(number))).code, `byte ${at}`).toBe('EV3_RES_HEADER_SIGNATURE_DIGEST');
    }
  });

  test.each(['{}', ' {}', '\n', 'null'])('refuses a 204 that has got the body %j', async (body) => {
    const number = await createdOrder();
    stage.wire.tamper({ answer: (answer) => ({ ...answer, status: 200, body: Buffer.from(body) }) });
    expect((await failureOf(close(number))).code).toBe('EV3_RES_HEADER_SIGNATURE_DIGEST');
  });

  test('refuses a cut or emptied body', async () => {
    const number = await createdOrder();
    for (const end of [0, 1, -1]) {
      stage.wire.tamper({ answer: (answer) => ({ ...answer, body: answer.body.subarray(0, end) }) });
      expect((await failureOf(query(number))).code).toBe('EV3_RES_HEADER_SIGNATURE_DIGEST');
    }
    stage.wire.tamper({});
    stage.emulator.faults.add({ kind: 'truncate' });
    await failureOf(query(number));
  });

  test.each([
    ['Wechatpay-Nonce', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
    ['Wechatpay-Serial', 'EV3_RES_HEADER_PLATFORM_SERIAL'],
    ['Wechatpay-Timestamp', /^EV3_RES_HEADER_(?:TIMESTAMP_OFFSET|SIGNATURE_DIGEST)$/],
    ['Wechatpay-Signature', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
  ])('refuses them with any one character of %s changed', async (name, code) => {
    const number = await createdOrder();
    await query(number);
    const value = headerOf(stage.wire.last().answer, name);
    const end = name === 'Wechatpay-Signature' ? unusedFrom : value.length;
    // Every character of the short ones, one in eight of a signature (all of a callback's, further down).
    for (let at = 0; at < end; at += end > 100 ? 8 : 1) {
      stage.wire.tamper({
        answer: (answer) => withHeader(answer, name, changeCharacter(headerOf(answer, name), at)),
      });
      expect((await failureOf(query(number))).code, `character ${at}`).toMatch(code);
    }
  });

  test.each(headersOfSignature)('C1: refuses them without %s', async (name) => {
    const number = await createdOrder();
    stage.emulator.faults.add({ kind: 'signature', variant: 'missing', header: name });
    expect((await failureOf(query(number))).code).toBe('EV3_RES_HEADERS_INCOMPLATE');
  });

  test.each([
    ['C1', 'missing', 'EV3_RES_HEADERS_INCOMPLATE'],
    ['C3', 'wrong', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
    ['C3', 'foreign', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
    ['C6', 'probe', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
    ['C3', 'unknown-serial', 'EV3_RES_HEADER_PLATFORM_SERIAL'],
    ['C7', 'stale', 'EV3_RES_HEADER_TIMESTAMP_OFFSET'],
  ] as const)('%s: refuses an answer with the signature fault %s', async (_, variant, code) => {
    const number = await createdOrder();
    for (const call of [async () => query(number), async () => close(number)]) {
      stage.emulator.faults.add({ kind: 'signature', variant });
      expect((await failureOf(call())).code).toBe(code);
    }
  });

  test('refuses them under another platform key', async () => {
    const platformKeys = { [String(stage.info.platform_serial_no)]: makePublicKey() };
    const number = await createdOrder();
    expect((await failureOf(query(number, makeClient({ platformKeys })))).code).toBe('EV3_RES_HEADER_SIGNATURE_DIGEST');
    const crossed: Record<string, string> = {
      [String(stage.info.platform_serial_no)]: credentials.platformKeys[stage.info.public_key_id ?? ''] ?? '',
    };
    const client = makeClient({ platformKeys: crossed });
    expect((await failureOf(query(number, client))).code).toBe('EV3_RES_HEADER_SIGNATURE_DIGEST');
  });

  test('refuses the certificates under an APIv3 key with one character changed', async () => {
    await expect(download({ apiV3Key: changeCharacter(credentials.apiV3Key, 31) })).rejects.toThrow(/authenticate/);
  });

  test('C9: refuses certificates with one byte of the ciphertext changed', async () => {
    stage.wire.tamper({
      answer: (answer) => ({ ...answer, body: changeByte(answer.body, answer.body.indexOf('ciphertext') + 50) }),
    });
    await expect(download()).rejects.toThrow(/authenticate/);
  });

  test('C8: refuses certificates that another certificate than the one inside has signed', async () => {
    stage.emulator.faults.add({ kind: 'signature', variant: 'foreign' });
    expect((await failureOf(download())).code).toBe('EV3_RES_HEADER_SIGNATURE_DIGEST');
  });

  describe('does NOT notice by itself', () => {
    test.each<[string, (answer: SentAnswer) => SentAnswer]>([
      ['C4: that the status was changed', (answer) => ({ ...answer, status: 201 })],
      ['C2: a signature type that it does not know', (answer) => withHeader(answer, 'Wechatpay-Signature-Type', 'x')],
      [
        'a byte order mark put before the body',
        (answer) => ({ ...answer, body: Buffer.from(`\uFEFF${answer.body.toString('utf8')}`) }),
      ],
      [
        'unused bits of the last base64 digit of a signature',
        (answer) => spoilSignature(answer, (text) => changeCharacter(text, 341)),
      ],
      ['junk after the padding of a signature', (answer) => spoilSignature(answer, (text) => `${text}, junk`)],
      [
        'a signature in the URL alphabet',
        (answer) => spoilSignature(answer, (text) => text.replace(/[+/]/g, (mark) => (mark === '+' ? '-' : '_'))),
      ],
    ])('%s', async (_, answer) => {
      const number = await createdOrder();
      stage.wire.tamper({ answer });
      expect((await query(number)).data).toMatchObject({ out_trade_no: number });
    });

    test('C1: a second Wechatpay-Signature', async () => {
      const number = await createdOrder();
      stage.emulator.faults.add({ kind: 'signature', variant: 'duplicate-header' });
      expect((await query(number)).data).toMatchObject({ out_trade_no: number });
    });

    test('C4: that the answer, validly signed, is about another order', async () => {
      const number = await createdOrder();
      await createdOrder();
      stage.emulator.faults.add({ kind: 'replay-other' });
      const { data } = await query(number);
      expect(data['out_trade_no']).not.toBe(number);
    });

    test('C5: that a 404 is forged: of a 4xx no signature is looked at', async () => {
      const number = await createdOrder();
      stage.wire.tamper({
        answer: (answer) => ({ ...answer, status: 404, body: Buffer.from('{"code":"ORDER_NOT_EXIST"}') }),
      });
      expect((await failureOf(query(number))).response).toMatchObject({ data: { code: 'ORDER_NOT_EXIST' } });
    });
  });
});

describe('wechatpay-axios-plugin, judging callbacks of the emulator,', () => {
  let callback: ReceivedCallback;

  beforeAll(async () => {
    stage = await openStage('mixed', home);
    credentials = readCredentials(stage.info);
    callback = await stage.payAndReceive(await createdOrder());
  });
  afterAll(async () => stage.close());

  test('gets Wechatpay-Signature-Type and Request-ID with them', () => {
    expect(callback.headers['wechatpay-signature-type']).toBe('WECHATPAY2-SHA256-RSA2048');
    expect(callback.headers['request-id']).toMatch(/^\S+-0$/);
    expect(callback.headers['content-type']).toBe('application/json');
  });

  test('refuses them with any one byte of the body changed', () => {
    const bytes = Buffer.from(callback.body, 'utf8');
    for (let at = 0; at < bytes.length; at += 1) {
      const { trusted } = readCallback({ ...callback, body: changeByte(bytes, at).toString('utf8') });
      expect(trusted, `byte ${at}`).toBe(false);
    }
  });

  test.each([
    ['parsed and written again with spaces', (body: string) => JSON.stringify(JSON.parse(body), null, 1)],
    ['with a final newline', (body: string) => `${body}\n`],
    ['empty', () => ''],
  ])('refuses them with the body %s', (_, change) => {
    expect(readCallback({ ...callback, body: change(callback.body) }).trusted).toBe(false);
  });

  test.each(headersOfSignature)('refuses them with any one character of %s changed', (header) => {
    const name = header.toLowerCase();
    const value = callback.headers[name] ?? '';
    const end = name === 'wechatpay-signature' ? unusedFrom : value.length;
    for (let at = 0; at < end; at += 1) {
      const headers = { ...callback.headers, [name]: changeCharacter(value, at) };
      expect(readCallback({ ...callback, headers }).trusted, `character ${at}`).toBe(false);
    }
  });

  test('refuses them under another platform key', () => {
    const platformKeys = { [callback.headers['wechatpay-serial'] ?? '']: makePublicKey() };
    expect(readCallback(callback, { ...credentials, platformKeys }).trusted).toBe(false);
  });

  test('cannot decrypt them with one character of the APIv3 key changed', () => {
    for (let at = 0; at < 32; at += 1) {
      const apiV3Key = changeCharacter(credentials.apiV3Key, at);
      expect(readCallback(callback, { ...credentials, apiV3Key }).decrypt).toThrow(/authenticate/);
    }
  });

  test.each(['ciphertext', 'nonce', 'associated_data'])(
    'cannot decrypt them with one character of %s changed',
    (name) => {
      const envelope = JSON.parse(callback.body) as { resource: Record<string, string> };
      const resource = { ...envelope.resource, [name]: changeCharacter(envelope.resource[name] ?? '', 3) };
      const changed = { ...callback, body: JSON.stringify({ ...envelope, resource }) };
      expect(readCallback(changed).decrypt).toThrow(/authenticate/);
    },
  );

  test('C7: does NOT notice by itself that a callback is an hour old', async () => {
    const number = await createdOrder();
    stage.setClock(-3600);
    const old = await stage.payAndReceive(number);
    expect(Formatter.timestamp() - Number(old.headers['wechatpay-timestamp'])).toBeGreaterThan(3500);
    expect(readCallback(old).trusted).toBe(true);
  });
});

/** Status and code of a refusal in WeChat Pay's shape. */
function refusalOf({ status, body }: SentAnswer): [number, unknown] {
  return [status, (JSON.parse(body.toString('utf8')) as { code?: unknown }).code];
}

function makePrivateKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

function makePublicKey(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
}

function spoilSignature(answer: SentAnswer, spoil: (signature: string) => string): SentAnswer {
  return withHeader(answer, 'Wechatpay-Signature', spoil(headerOf(answer, 'Wechatpay-Signature')));
}
