/** wechatpay-node-v3, unmodified, against the emulator: what each of them proves, and what it refuses. */
import { X509Certificate, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Mode } from '../../src/emulator/platform.ts';
import { makeNodeV3Http, nodeV3 } from './clients.ts';
import type { NodeV3Answer, NodeV3Client, NodeV3Http, SignedThing } from './clients.ts';
import { changeByte, changeCharacter, permutations, readAuthorization, writeAuthorization } from './damage.ts';
import { makeHome, nextOutRefundNo, nextOutTradeNo, openStage, readCredentials } from './stage.ts';
import type { Credentials, ReceivedCallback, Stage } from './stage.ts';
import { headerOf, sendTo, withHeader, withoutHeaders } from './wire.ts';
import type { SentAnswer, SentRequest } from './wire.ts';

const Pay = nodeV3();

/** 256 bytes in base64: the digit at 341 has four unused bits, then comes padding. Node's decoder looks at neither. */
const unusedFrom = 341;

let home: string;
let stage: Stage;
let credentials: Credentials;
let client: NodeV3Client;

beforeAll(async () => {
  home = await makeHome();
});
afterAll(async () => rm(home, { recursive: true, force: true }));

/** The client's own HTTP layer behind its hook, which leads the host that it hard-codes to ours and changes nothing else. */
function makeHttp(): NodeV3Http {
  const own = makeNodeV3Http();
  const here = (url: string): string => url.replace('https://api.mch.weixin.qq.com', stage.wire.url);
  return {
    get: async (url, headers) => own.get(here(url), headers),
    post: async (url, body, headers) => own.post(here(url), body, headers),
    upload: async (url, body, headers) => own.upload(here(url), body, headers),
  };
}

function makeClient(changes: Partial<Credentials> = {}): NodeV3Client {
  const { appid, mchid, serialNo, certificate, privateKey, apiV3Key } = { ...credentials, ...changes };
  const pay = new Pay({
    appid,
    mchid,
    serial_no: serialNo,
    publicKey: Buffer.from(certificate),
    privateKey: Buffer.from(privateKey),
    key: apiV3Key,
  });
  pay.createHttp(makeHttp());
  return pay;
}

async function openIn(mode: Mode): Promise<void> {
  stage = await openStage(mode, home);
  credentials = readCredentials(stage.info);
  client = makeClient();
}

/** All instances share one store; every test starts with an empty one, or with the public key, which only a person can add. */
function forgetPlatformKeys(known: Readonly<Record<string, string>> = {}): void {
  for (const serial of Object.keys(Pay.certificates)) delete Pay.certificates[serial];
  Object.assign(Pay.certificates, known);
}

function publicKeyOnly(): Record<string, string> {
  const id = stage.info.public_key_id;
  return id === null ? {} : { [id]: credentials.platformKeys[id] ?? '' };
}

function makeOrder(changes: Readonly<Record<string, unknown>> = {}): { readonly out_trade_no: string } {
  const order = {
    description: 'Image形象店-深圳腾大-QQ公仔',
    out_trade_no: nextOutTradeNo(),
    notify_url: stage.notifyUrl,
    amount: { total: 1 },
    ...changes,
  };
  return order;
}

async function createdOrder(): Promise<string> {
  const order = makeOrder();
  expect((await client.transactions_native(order)).status).toBe(200);
  return order.out_trade_no;
}

/** A refund of an order that was paid for it. */
async function makeRefund(): Promise<{ readonly out_trade_no: string; readonly out_refund_no: string }> {
  const number = await createdOrder();
  await stage.payAndReceive(number);
  const refund = {
    out_trade_no: number,
    out_refund_no: nextOutRefundNo(),
    reason: '商品已售完',
    notify_url: stage.notifyUrl,
    amount: { refund: 1, total: 1, currency: 'CNY' },
  };
  return refund;
}

interface SignedText extends SignedThing {
  readonly body: string;
}

/** What the client's verifier is given of an answer: it hands over neither headers nor raw body itself. */
function signedPartOf(answer: SentAnswer): SignedText {
  return {
    timestamp: headerOf(answer, 'Wechatpay-Timestamp'),
    nonce: headerOf(answer, 'Wechatpay-Nonce'),
    serial: headerOf(answer, 'Wechatpay-Serial'),
    signature: headerOf(answer, 'Wechatpay-Signature'),
    body: answer.body.toString('utf8'),
  };
}

function signedPartOfCallback({ headers, body }: ReceivedCallback): SignedText {
  return {
    timestamp: headers['wechatpay-timestamp'] ?? '',
    nonce: headers['wechatpay-nonce'] ?? '',
    serial: headers['wechatpay-serial'] ?? '',
    signature: headers['wechatpay-signature'] ?? '',
    body,
  };
}

function decrypt(callback: ReceivedCallback, key?: string): unknown {
  const { resource } = JSON.parse(callback.body) as { resource: Record<string, string> };
  return client.decipher_gcm(resource.ciphertext ?? '', resource.associated_data ?? '', resource.nonce ?? '', key);
}

/** The verdict of the client's own code over the last answer. */
async function verdict(): Promise<boolean> {
  return client.verifySign(signedPartOf(stage.wire.last().answer));
}

/** Status and code of a refusal, as the client hands it out. */
function refusalOf({ status, error = '{}' }: NodeV3Answer): [number, unknown] {
  return [status, (JSON.parse(error) as { code?: unknown }).code];
}

/** The same of a refusal that came to a replayed request. */
function refusalOnWire({ status, body }: SentAnswer): [number, unknown] {
  return [status, (JSON.parse(body.toString('utf8')) as { code?: unknown }).code];
}

describe.each<Mode>(['certificate', 'public-key', 'mixed'])('in %s mode wechatpay-node-v3', (mode) => {
  beforeAll(async () => openIn(mode));
  beforeEach(() => forgetPlatformKeys(publicKeyOnly()));
  afterAll(async () => stage.close());

  test('creates a native order, and its verifier accepts the answer', async () => {
    const { status, data } = await client.transactions_native(makeOrder());
    expect({ status, data }).toEqual({ status: 200, data: { code_url: expect.stringMatching(/^weixin:\/\/wxpay\//) } });
    expect(await verdict()).toBe(true);
  });

  test('creates a jsapi order, accepts the answer, and signs the pay parameters for it', async () => {
    const { status, data } = await client.transactions_jsapi(
      makeOrder({ payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zN' } }),
    );
    expect(await verdict()).toBe(true);
    expect({ status, data }).toMatchObject({ status: 200, data: { appId: credentials.appid, signType: 'RSA' } });
    const { appId, timeStamp, nonceStr, package: packed, paySign } = data as Record<string, string>;
    expect(packed).toMatch(/^prepay_id=wx\w+$/);
    expect(merchantSigned([appId, timeStamp, nonceStr, packed], paySign)).toBe(true);
  });

  test('creates an app order, accepts the answer, and signs the pay parameters for it', async () => {
    const { status, data } = await client.transactions_app(makeOrder());
    expect(await verdict()).toBe(true);
    expect({ status, data }).toMatchObject({ status: 200, data: { partnerid: credentials.mchid } });
    const { appid, timestamp, noncestr, prepayid, sign } = data as Record<string, string>;
    expect(merchantSigned([appid, timestamp, noncestr, prepayid], sign)).toBe(true);
  });

  test('creates an h5 order, and its verifier accepts the answer', async () => {
    const scene = { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap', app_name: 'demo' } };
    const { status, data } = await client.transactions_h5(makeOrder({ scene_info: scene }));
    expect({ status, data }).toEqual({
      status: 200,
      data: { h5_url: expect.stringContaining('https://wx.tenpay.com/') },
    });
    expect(await verdict()).toBe(true);
  });

  test('queries an order by either number, and its verifier accepts the answers', async () => {
    const number = await createdOrder();
    expect((await client.query({ out_trade_no: number })).data).toMatchObject({ trade_state: 'NOTPAY' });
    expect(await verdict()).toBe(true);
    await stage.payAndReceive(number);
    const paid = await client.query({ out_trade_no: number });
    expect(paid.data).toMatchObject({ trade_state: 'SUCCESS', amount: { total: 1 } });
    expect(await verdict()).toBe(true);
    const again = await client.query({ transaction_id: String(paid.data?.['transaction_id']) });
    expect(again.data).toEqual(paid.data);
    expect(await verdict()).toBe(true);
  });

  test('closes an order, and its verifier accepts the 204 over an empty body', async () => {
    const number = await createdOrder();
    expect((await client.close(number)).status).toBe(204);
    expect(stage.wire.last().answer.body).toHaveLength(0);
    expect(await verdict()).toBe(true);
    expect((await client.query({ out_trade_no: number })).data).toMatchObject({ trade_state: 'CLOSED' });
  });

  test('is told why a paid order cannot be closed', async () => {
    const number = await createdOrder();
    await stage.payAndReceive(number);
    expect(refusalOf(await client.close(number))).toEqual([400, 'ORDER_PAID']);
  });

  test('verifies and decrypts the callback of a paid order', async () => {
    const number = await createdOrder();
    const callback = await stage.payAndReceive(number);
    expect(await client.verifySign(signedPartOfCallback(callback))).toBe(true);
    expect(decrypt(callback)).toMatchObject({ out_trade_no: number, trade_state: 'SUCCESS', amount: { total: 1 } });
  });

  test('verifies a callback from its parsed body too: the emulator writes JSON as JSON.stringify does', async () => {
    const callback = await stage.payAndReceive(await createdOrder());
    const body = JSON.parse(callback.body) as Record<string, unknown>;
    expect(await client.verifySign({ ...signedPartOfCallback(callback), body })).toBe(true);
  });

  test('refunds a paid order, queries the refund, and its verifier accepts every answer', async () => {
    const refund = await makeRefund();
    const created = await client.refunds(refund);
    expect(created).toMatchObject({
      status: 200,
      data: { out_refund_no: refund.out_refund_no, status: 'PROCESSING', amount: { refund: 1, total: 1 } },
    });
    expect(await verdict()).toBe(true);
    expect((await client.find_refunds(refund.out_refund_no)).data).toEqual(created.data);
    expect(await verdict()).toBe(true);
    await stage.settleAndReceive(refund.out_refund_no, 'SUCCESS');
    const done = await client.find_refunds(refund.out_refund_no);
    expect(done.data).toMatchObject({ status: 'SUCCESS', success_time: expect.stringContaining('+08:00') });
    expect(await verdict()).toBe(true);
    expect((await client.query({ out_trade_no: refund.out_trade_no })).data).toMatchObject({ trade_state: 'REFUND' });
  });

  test('refunds once under one number, and is told what does not fit it', async () => {
    const refund = await makeRefund();
    const first = await client.refunds(refund);
    const again = await client.refunds(refund);
    expect(again.data).toEqual(first.data);
    const other = await client.refunds({ ...refund, amount: { refund: 1, total: 2, currency: 'CNY' } });
    expect(refusalOf(other)).toEqual([400, 'INVALID_REQUEST']);
    expect(await verdict()).toBe(true);
    expect(refusalOf(await client.refunds({ ...refund, out_refund_no: nextOutRefundNo() }))).toEqual([
      400,
      'INVALID_REQUEST',
    ]);
    const unpaid = { ...refund, out_refund_no: nextOutRefundNo(), out_trade_no: await createdOrder() };
    expect(refusalOf(await client.refunds(unpaid))).toEqual([404, 'RESOURCE_NOT_EXISTS']);
    expect(refusalOf(await client.find_refunds(nextOutRefundNo()))).toEqual([404, 'RESOURCE_NOT_EXISTS']);
    const entries = stage.emulator.ledger().refunds.filter((entry) => entry.out_trade_no === refund.out_trade_no);
    expect(entries).toMatchObject([{ out_refund_no: refund.out_refund_no, amount: 1, posts: 3 }]);
  });

  test.each(['SUCCESS', 'ABNORMAL', 'CLOSED'] as const)('verifies and decrypts REFUND.%s', async (outcome) => {
    const refund = await makeRefund();
    await client.refunds(refund);
    const callback = await stage.settleAndReceive(refund.out_refund_no, outcome);
    expect(await client.verifySign(signedPartOfCallback(callback))).toBe(true);
    expect(JSON.parse(callback.body)).toMatchObject({
      event_type: `REFUND.${outcome}`,
      resource: { original_type: 'refund' },
    });
    expect(decrypt(callback)).toMatchObject({
      mchid: credentials.mchid,
      out_refund_no: refund.out_refund_no,
      refund_status: outcome,
      amount: { refund: 1, total: 1 },
    });
  });

  test('gets Wechatpay-Signature-Type and Request-ID with every answer, of 2xx and 4xx alike', async () => {
    const before = stage.wire.exchanges.length;
    const number = await createdOrder();
    await client.query({ out_trade_no: number });
    await client.close(number);
    await client.query({ out_trade_no: 'never-ordered' });
    const answers = stage.wire.exchanges.slice(before).map(({ answer }) => answer);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 204, 404]);
    for (const answer of answers) {
      expect(headerOf(answer, 'Wechatpay-Signature-Type')).toBe('WECHATPAY2-SHA256-RSA2048');
      expect(headerOf(answer, 'Request-ID')).toMatch(/^\S+-\d+$/);
      expect(await client.verifySign(signedPartOf(answer))).toBe(true);
    }
  });

  if (mode === 'public-key') {
    test('knows no public-key mode by itself: an unknown PUB_KEY_ID_ ends with a failed download of certificates', async () => {
      await client.query({ out_trade_no: await createdOrder() });
      const signed = signedPartOf(stage.wire.last().answer);
      forgetPlatformKeys();
      await expect(client.verifySign(signed)).rejects.toThrow('拉取平台证书失败');
      expect(stage.wire.last().answer.status).toBe(404);
      await expect(client.get_certificates(credentials.apiV3Key)).rejects.toThrow('拉取平台证书失败');
    });
    return;
  }

  test('downloads and decrypts the certificates', async () => {
    const [certificate, ...more] = await client.get_certificates(credentials.apiV3Key);
    expect(more).toEqual([]);
    expect(certificate?.serial_no).toBe(stage.info.platform_serial_no);
    const expected = new X509Certificate(credentials.platformKeys[certificate?.serial_no ?? ''] ?? '').publicKey;
    expect(createPublicKey(certificate?.publicKey ?? '').equals(expected)).toBe(true);
    expect(await verdict()).toBe(true);
  });

  test('fetches a platform certificate that it does not know while it verifies', async () => {
    await client.query({ out_trade_no: await createdOrder() });
    const signed = signedPartOf(stage.wire.last().answer);
    forgetPlatformKeys();
    expect(await client.verifySign(signed)).toBe(true);
    expect(stage.wire.last().request.target).toBe('/v3/certificates');
    expect(Object.keys(Pay.certificates)).toEqual([stage.info.platform_serial_no]);
  });
});

describe('the emulator, judged by requests of wechatpay-node-v3,', () => {
  beforeAll(async () => openIn('mixed'));
  afterEach(() => {
    stage.wire.tamper({});
    stage.setClock(0);
  });
  afterAll(async () => stage.close());

  test('accepts the client as its README makes it, with the serial read from the certificate in lower case', async () => {
    const pay = new Pay({
      appid: credentials.appid,
      mchid: credentials.mchid,
      publicKey: Buffer.from(credentials.certificate),
      privateKey: Buffer.from(credentials.privateKey),
    });
    pay.createHttp(makeHttp());
    const { status } = await pay.transactions_native(makeOrder());
    const authorization = headerOf(stage.wire.last().request, 'Authorization');
    expect(Object.fromEntries(readAuthorization(authorization))['serial_no']).toBe(credentials.serialNo.toLowerCase());
    expect(status).toBe(200);
  });

  test("accepts the Authorization fields in each of the 120 orders, the client's own (signature last) among them", async () => {
    await client.query({ out_trade_no: await createdOrder() });
    const { request } = stage.wire.last();
    const fields = readAuthorization(headerOf(request, 'Authorization'));
    expect(fields.map(([name]) => name)).toEqual(['mchid', 'nonce_str', 'timestamp', 'serial_no', 'signature']);
    for (const order of permutations(fields)) {
      const { status } = await sendTo(stage.info.url, withHeader(request, 'Authorization', writeAuthorization(order)));
      expect(status, order.map(([name]) => name).join()).toBe(200);
    }
  });

  test('accepts its GETs as they are, without Content-Type, and without Accept too', async () => {
    const number = await createdOrder();
    const names = (request: SentRequest): string[] => request.headers.map(([name]) => name.toLowerCase());
    expect((await client.query({ out_trade_no: number })).status).toBe(200);
    expect(names(stage.wire.last().request)).not.toContain('content-type');
    stage.wire.tamper({ request: (request) => withoutHeaders(request, 'Accept') });
    expect((await client.query({ out_trade_no: number })).status).toBe(200);
    expect(await client.get_certificates(credentials.apiV3Key)).toHaveLength(1);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['prepay', async () => createdOrder()],
    ['close', async () => client.close(await createdOrder())],
    ['refund', async () => client.refunds(await makeRefund())],
  ])('refuses a %s with any one byte of its body changed: 401 SIGN_ERROR', async (_, call) => {
    await call();
    const { request } = stage.wire.last();
    for (let at = 0; at < request.body.length; at += 1) {
      const answer = await sendTo(stage.info.url, { ...request, body: changeByte(request.body, at) });
      expect(refusalOnWire(answer), `byte ${at}`).toEqual([401, 'SIGN_ERROR']);
    }
  });

  test('refuses a request with any one character of its Authorization changed: 401 SIGN_ERROR', async () => {
    await client.query({ out_trade_no: await createdOrder() });
    const { request } = stage.wire.last();
    const authorization = headerOf(request, 'Authorization');
    for (let at = 0; at < authorization.length; at += 1) {
      const changed = withHeader(request, 'Authorization', changeCharacter(authorization, at));
      expect(refusalOnWire(await sendTo(stage.info.url, changed)), `character ${at}`).toEqual([401, 'SIGN_ERROR']);
    }
  });

  test('refuses a request with a character of number or query changed: 401 SIGN_ERROR', async () => {
    await client.query({ out_trade_no: await createdOrder() });
    const { request } = stage.wire.last();
    for (let at = request.target.indexOf('Interop'); at < request.target.length; at += 1) {
      const answer = await sendTo(stage.info.url, { ...request, target: changeCharacter(request.target, at) });
      expect(refusalOnWire(answer), request.target.slice(at)).toEqual([401, 'SIGN_ERROR']);
    }
  });

  test.each([
    ['is accepted 295 seconds ahead', 295, [200, undefined]],
    ['is accepted 295 seconds behind', -295, [200, undefined]],
    ['is refused 305 seconds ahead', 305, [401, 'SIGN_ERROR']],
    ['is refused 305 seconds behind', -305, [401, 'SIGN_ERROR']],
  ])('C7: a client whose clock disagrees %s', async (_, ahead, expected) => {
    const number = await createdOrder();
    stage.setClock(ahead);
    expect(refusalOf(await client.query({ out_trade_no: number }))).toEqual(expected);
  });

  test.each<[string, () => Partial<Credentials>]>([
    ['with another private key', () => ({ privateKey: makePrivateKey() })],
    ['with another certificate serial', () => ({ serialNo: changeCharacter(credentials.serialNo, 39) })],
    ['with another merchant number', () => ({ mchid: '1900000100' })],
    ['with an unknown merchant number', () => ({ mchid: '1900000002' })],
  ])('refuses a client %s: 401 SIGN_ERROR', async (_, changes) => {
    expect(refusalOf(await makeClient(changes()).transactions_native(makeOrder()))).toEqual([401, 'SIGN_ERROR']);
  });

  test('refuses a request that was changed on its way, and the client reports it', async () => {
    stage.wire.tamper({ request: (request) => ({ ...request, body: changeByte(request.body, 10) }) });
    expect(refusalOf(await client.transactions_native(makeOrder()))).toEqual([401, 'SIGN_ERROR']);
  });
});

describe('the verifier of wechatpay-node-v3, judging answers and callbacks of the emulator,', () => {
  let answer: SentAnswer;
  let callback: ReceivedCallback;

  beforeAll(async () => {
    await openIn('mixed');
    const number = await createdOrder();
    callback = await stage.payAndReceive(number);
    await client.query({ out_trade_no: number });
    answer = stage.wire.last().answer;
  });
  beforeEach(() => forgetPlatformKeys(credentials.platformKeys));
  afterEach(() => {
    stage.emulator.faults.clear();
    stage.wire.tamper({});
    stage.setClock(0);
  });
  afterAll(async () => stage.close());

  const things: [string, () => SignedText][] = [
    ['an answer', () => signedPartOf(answer)],
    ['a callback', () => signedPartOfCallback(callback)],
  ];

  test.each(things)('accepts %s as it is', async (_, thing) => {
    expect(await client.verifySign(thing())).toBe(true);
  });

  test.each(things)('refuses %s with any one byte of its body changed', async (_, thing) => {
    const bytes = Buffer.from(thing().body, 'utf8');
    for (let at = 0; at < bytes.length; at += 1) {
      const body = changeByte(bytes, at).toString('utf8');
      expect(await client.verifySign({ ...thing(), body }), `byte ${at}`).toBe(false);
    }
  });

  test.each(things)('refuses %s with a body that is empty, longer, shorter or spaced otherwise', async (_, thing) => {
    const body = thing().body;
    for (const changed of ['', `${body}\n`, ` ${body}`, `\uFEFF${body}`, body.slice(0, -1), body.replace(',', ', ')]) {
      expect(await client.verifySign({ ...thing(), body: changed })).toBe(false);
    }
  });

  test.each(
    things.flatMap(([name, thing]) =>
      (['timestamp', 'nonce', 'signature'] as const).map((f) => [name, f, thing] as const),
    ),
  )('refuses %s with any one character of its %s changed', async (_, field, thing) => {
    const value = thing()[field];
    const end = field === 'signature' ? unusedFrom : value.length;
    for (let at = 0; at < end; at += 1) {
      expect(await client.verifySign({ ...thing(), [field]: changeCharacter(value, at) }), `character ${at}`).toBe(
        false,
      );
    }
  });

  test.each(things)('refuses %s under a serial that it does not find even after a download', async (_, thing) => {
    const { serial } = thing();
    for (let at = 0; at < serial.length; at += 10) {
      const changed = { ...thing(), serial: changeCharacter(serial, at) };
      await expect(client.verifySign(changed)).rejects.toThrow('平台证书序列号不相符');
    }
  });

  test.each(things)('refuses %s under another platform key', async (_, thing) => {
    forgetPlatformKeys({ [thing().serial]: makePublicKey() });
    expect(await client.verifySign(thing())).toBe(false);
    forgetPlatformKeys({ [thing().serial]: publicKeyOnly()[stage.info.public_key_id ?? ''] ?? '' });
    expect(await client.verifySign(thing())).toBe(false);
  });

  test.each([
    ['C3', 'wrong'],
    ['C3', 'foreign'],
    ['C6', 'probe'],
  ] as const)('%s: refuses a 200 and a 204 with the signature fault %s', async (_, variant) => {
    const number = await createdOrder();
    for (const call of [async () => client.query({ out_trade_no: number }), async () => client.close(number)]) {
      stage.emulator.faults.add({ kind: 'signature', variant });
      await call();
      expect(await verdict()).toBe(false);
    }
  });

  test('C3: refuses an answer that names a key which nobody knows', async () => {
    const number = await createdOrder();
    stage.emulator.faults.add({ kind: 'signature', variant: 'unknown-serial', path: '/v3/pay/*' });
    await client.query({ out_trade_no: number });
    await expect(verdict()).rejects.toThrow('平台证书序列号不相符');
  });

  test('cannot use the certificates under an APIv3 key with one character changed', async () => {
    for (const at of [0, 15, 31]) {
      const apiV3Key = changeCharacter(credentials.apiV3Key, at);
      await expect(client.get_certificates(apiV3Key)).rejects.toThrow(/PEM|ASN1|parse/i);
    }
  });

  describe('does NOT notice by itself', () => {
    test('C7: that an answer is ten minutes old, though its verifier is given the timestamp', async () => {
      const number = await createdOrder();
      stage.emulator.faults.add({ kind: 'signature', variant: 'stale' });
      await client.query({ out_trade_no: number });
      const signed = signedPartOf(stage.wire.last().answer);
      expect(Date.now() / 1000 - Number(signed.timestamp)).toBeGreaterThan(595);
      expect(await client.verifySign(signed)).toBe(true);
    });

    test('C7: that a callback is ten years old, though its verifier is given the timestamp', async () => {
      const number = await createdOrder();
      const tenYears = 10 * 365 * 86_400;
      stage.setClock(-tenYears);
      const signed = signedPartOfCallback(await stage.payAndReceive(number));
      expect(Date.now() / 1000 - Number(signed.timestamp)).toBeGreaterThan(tenYears - 5);
      expect(await client.verifySign(signed)).toBe(true);
    });

    test('C1: any answer at all, unless its caller calls verifySign: an unsigned one is handed out as data', async () => {
      const number = await createdOrder();
      for (const variant of ['missing', 'wrong', 'foreign', 'probe', 'unknown-serial', 'stale', 'type'] as const) {
        stage.emulator.faults.add({ kind: 'signature', variant });
        const { status, data } = await client.query({ out_trade_no: number });
        expect({ status, data }, variant).toMatchObject({ status: 200, data: { out_trade_no: number } });
      }
    });

    test('a forged trade_state, unless its caller calls verifySign', async () => {
      const number = await createdOrder();
      stage.wire.tamper({
        answer: (sent) => ({ ...sent, body: Buffer.from(sent.body.toString('utf8').replace('NOTPAY', 'SUCCESS')) }),
      });
      expect((await client.query({ out_trade_no: number })).data).toMatchObject({ trade_state: 'SUCCESS' });
    });

    test('C4: that the answer, validly signed, is about another order', async () => {
      const number = await createdOrder();
      await createdOrder();
      stage.emulator.faults.add({ kind: 'replay-other' });
      const { data } = await client.query({ out_trade_no: number });
      expect(data?.['out_trade_no']).not.toBe(number);
      expect(await verdict()).toBe(true);
    });

    test('C8: that certificates come with a wrong signature, or with none', async () => {
      for (const variant of ['wrong', 'missing'] as const) {
        stage.emulator.faults.add({ kind: 'signature', variant });
        expect(await client.get_certificates(credentials.apiV3Key)).toHaveLength(1);
      }
    });

    test('C9: a changed ciphertext: the authentication tag of a callback is never checked', () => {
      const envelope = JSON.parse(callback.body) as { resource: { ciphertext: string } };
      const bytes = Buffer.from(envelope.resource.ciphertext, 'base64');
      const plain = JSON.stringify(decrypt(callback));
      // AES-GCM is a stream cipher: the byte at the amount, turned from 1 into 9.
      const at = Buffer.byteLength(plain.slice(0, plain.indexOf('"total":') + '"total":'.length));
      bytes[at] = (bytes[at] ?? 0) ^ '1'.charCodeAt(0) ^ '9'.charCodeAt(0);
      const resource = { ...envelope.resource, ciphertext: bytes.toString('base64') };
      const forged = { ...callback, body: JSON.stringify({ ...envelope, resource }) };
      expect(decrypt(forged)).toMatchObject({ amount: { total: 9 } });
    });

    test('C9: a wrong APIv3 key: what comes out is no error but garbage', () => {
      const garbage = decrypt(callback, changeCharacter(credentials.apiV3Key, 31));
      expect(typeof garbage).toBe('string');
      expect(garbage).not.toContain('out_trade_no');
    });

    test('white space and escapes that a proxy put into a callback, when it is given the parsed body', async () => {
      const reformatted = JSON.stringify(JSON.parse(callback.body), null, 2);
      const body = JSON.parse(reformatted) as Record<string, unknown>;
      expect(await client.verifySign({ ...signedPartOfCallback(callback), body })).toBe(true);
      expect(await client.verifySign({ ...signedPartOfCallback(callback), body: reformatted })).toBe(false);
    });

    test('unused bits and junk at the end of a signature', async () => {
      const { signature } = signedPartOf(answer);
      for (const spoiled of [changeCharacter(signature, unusedFrom), `${signature}, junk`]) {
        expect(await client.verifySign({ ...signedPartOf(answer), signature: spoiled })).toBe(true);
      }
    });
  });
});

/** Whether the merchant's certificate verifies pay parameters: the fields, each closed by a line feed (protocol 7). */
function merchantSigned(fields: readonly (string | undefined)[], signature: string | undefined): boolean {
  const message = Buffer.from(`${fields.join('\n')}\n`, 'utf8');
  const { publicKey } = new X509Certificate(credentials.certificate);
  return verify('RSA-SHA256', message, publicKey, Buffer.from(signature ?? '', 'base64'));
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
