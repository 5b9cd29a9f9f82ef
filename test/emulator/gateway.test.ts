import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holds, makeClient, platformKey, send } from './raw-client.ts';
import type { RawAnswer, RawOptions } from './raw-client.ts';
import { openSibling, openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
/** A key that belongs to nobody here. */
const strangerKey = (): KeyObject => createPrivateKey(readFileSync(`${stage.dir}/platform/platform_key.pem`));
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const query = (): string => `/v3/pay/transactions/out-trade-no/UNKNOWN01?mchid=${stage.emulator.info.mchid}`;
const seconds = (offset: number): string => String(Math.floor(stage.now() / 1000) + offset);
const get = async (options: RawOptions, target = query()): Promise<RawAnswer> =>
  stage.client.call('GET', target, undefined, options);

/** No answer of the gateway is signed. */
function expectUnsigned(answer: RawAnswer): void {
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('wechatpay-'))).toEqual([]);
}

function expectSigned(answer: RawAnswer): void {
  expect(holds(answer.headers, answer.text, platformKey(stage.emulator.info))).toBe(true);
  expect(answer.headers['wechatpay-signature-type']).toEqual(['WECHATPAY2-SHA256-RSA2048']);
  expect(answer.headers['request-id']![0]).toMatch(/^[0-9A-F]{36}-\d+$/);
}

describe('paths and verbs', () => {
  test.each([
    '/index.html',
    '/v3',
    '/v3/nothing',
    '/v3/pay/transactions/jsapi/',
    '/v3//certificates',
    '/V3/certificates',
    '/v3/pay/transactions/wap',
    '/v3/pay/transactions/out-trade-no//close',
    '/v3/%63ertificates',
  ])('the unknown path %s answers 404 without a body', async (target) => {
    const answer = await get({}, target);
    expect([answer.status, answer.text]).toEqual([404, '']);
    expectUnsigned(answer);
  });

  test.each([
    ['GET', '/v3/pay/transactions/jsapi'],
    ['POST', '/v3/certificates'],
    ['DELETE', '/v3/pay/transactions/out-trade-no/T00000001'],
    ['PUT', '/v3/pay/transactions/out-trade-no/T00000001/close'],
    ['HEAD', '/v3/certificates'],
  ])('the wrong verb %s %s answers 405 without a body', async (method, target) => {
    const answer = await stage.client.call(method, target);
    expect([answer.status, answer.text]).toEqual([405, '']);
    expectUnsigned(answer);
  });

  test.each([
    ['POST', '/v3/ecommerce/profitsharing/orders'],
    ['GET', '/v3/bill/sub-merchant-fundflowbill?bill_date=2026-11-22'],
    ['GET', '/v3/merchant-service/complaints-v2?begin_date=2026-11-22'],
    ['POST', '/v3/payscore/serviceorder/X/complete'],
    ['GET', '/v3/payscore/serviceorder'],
  ])('a documented endpoint that is not modelled answers 501, signed: %s %s', async (method, target) => {
    const answer = await stage.client.call(method, target, method === 'POST' ? {} : undefined);
    expect([answer.status, answer.json.code]).toEqual([501, 'NOT_IMPLEMENTED']);
    expectSigned(answer);
  });
});

describe('refuses before it looks at the signature', () => {
  const malformed = 'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》';

  test('a request without User-Agent, outside the pay group', async () => {
    const options = { headers: { 'user-agent': undefined }, authorization: () => undefined };
    const answer = await get(options, '/v3/certificates');
    expect([answer.status, answer.json]).toEqual([
      400,
      { code: 'INVALID_REQUEST', message: 'Http头缺少Accept或User-Agent' },
    ]);
    expectUnsigned(answer);
    expect((await get({ headers: { 'user-agent': undefined } })).json.code).toBe('ORDER_NOT_EXIST');
  });

  test('but not a GET without Accept and Content-Type', async () => {
    expect((await get({ headers: { accept: undefined } }, '/v3/certificates')).status).toBe(200);
  });

  test.each([
    ['none', () => undefined],
    ['Bearer', () => 'Bearer abc'],
    ['twice', (honest: string) => [honest, honest]],
    ['with blanks', (honest: string) => honest.replaceAll(',', ', ')],
    ['without a field', (honest: string) => honest.replace(/,nonce_str="[^"]*"/, '')],
    ['with a field more', (honest: string) => `${honest},a="1"`],
  ])('an Authorization header: %s', async (_name, authorization) => {
    const pay = await get({ authorization });
    expect([pay.status, pay.json]).toEqual([401, { code: 'SIGN_ERROR', message: '签名信息错误，验签失败' }]);
    expect(pay.headers['request-id']).toBeUndefined();
    expectUnsigned(pay);
    const other = await get({ authorization }, '/v3/certificates');
    const message = _name === 'Bearer' ? 'HTTP头Authorization认证类型不正确' : malformed;
    expect([other.status, other.json]).toEqual([401, { code: 'SIGN_ERROR', message }]);
    expect(other.headers['request-id']![0]).toMatch(/-268443699$/);
    expectUnsigned(other);
  });

  test.each([
    [-301, 401],
    [-300, 404],
    [300, 404],
    [301, 401],
  ])('C7: a clock that is %i s away gets %i', async (offset, status) => {
    const answer = await get({ timestamp: seconds(offset) });
    expect(answer.status).toBe(status);
    if (status === 401) {
      expect(answer.json.message).toBe('Http头Authorization中的timestamp与发起请求的时间不得超过5分钟');
      expectUnsigned(answer);
    }
  });

  test('a timestamp in milliseconds, even with a wrong signature', async () => {
    const key = strangerKey();
    const answer = await get({ timestamp: String(stage.now()), key });
    expect(answer.json.message).toContain('不得超过5分钟');
  });

  test('an unknown merchant, without a word about what was signed', async () => {
    const answer = await get({ mchid: '1999999999' });
    expect([answer.status, answer.json]).toEqual([401, { code: 'SIGN_ERROR', message: '签名错误' }]);
    expectUnsigned(answer);
  });

  test.each([
    ['another', () => '5157F09EFDC096DE15EBE81A47057A7232F1B8E1'],
    ['the one of the platform certificate', () => stage.emulator.info.platform_serial_no!],
    ['its own without the first digit', () => stage.emulator.info.serial_no.slice(1)],
    ['its own in decimal', () => BigInt(`0x${stage.emulator.info.serial_no}`).toString()],
    ['the public key id', () => stage.emulator.info.public_key_id!],
  ])('a serial number: %s', async (_name, serialNo) => {
    const answer = await get({ serialNo: serialNo() });
    expect(answer.json.message).toBe('商户证书序列号有误。请使用签名私钥匹配的证书序列号');
    expectUnsigned(answer);
  });

  test('but not a serial number in lower case: clients send it so', async () => {
    const serialNo = stage.emulator.info.serial_no.toLowerCase();
    expect((await get({ serialNo })).json.code).toBe('ORDER_NOT_EXIST');
  });
});

describe('verifies the signature over what really came', () => {
  const body = (): string => JSON.stringify(orderBody(stage, 'native'));

  test('and shows what it built', async () => {
    const text = body();
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', text, {
      signedBody: `${text} `,
      nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
    });
    const timestamp = seconds(0);
    const head = `POST\n/v3/pay/transactions/native\n${timestamp}\n593BEC0C930BF1AFEB40B4A08C8FB242\n`;
    expect(answer.status).toBe(401);
    expectUnsigned(answer);
    expect(answer.json).toEqual({
      code: 'SIGN_ERROR',
      message: '错误的签名，验签失败',
      detail: {
        detail: { issue: 'sign not match' },
        field: 'signature',
        location: 'authorization',
        sign_information: {
          method: 'POST',
          url: '/v3/pay/transactions/native',
          sign_message_length: Buffer.byteLength(head + text) + 1,
          truncated_sign_message: `${head}{"appid"\n`,
        },
      },
    });
  });

  test.each<[string, (text: string) => RawOptions]>([
    ['another method', () => ({ signedMethod: 'PUT' })],
    ['the method in lower case', () => ({ signedMethod: 'post' })],
    ['another path', () => ({ signedTarget: '/v3/pay/transactions/jsapi' })],
    ['the whole URL', () => ({ signedTarget: `${stage.emulator.url}/v3/pay/transactions/native` })],
    ['a query that was not sent', () => ({ signedTarget: '/v3/pay/transactions/native?' })],
    ['no body', () => ({ signedBody: '' })],
    ['the body written anew', (text) => ({ signedBody: JSON.stringify(JSON.parse(text), null, 1) })],
    ['one line feed more', (text) => ({ signedBody: `${text}\n` })],
    ['another key', () => ({ key: strangerKey() })],
    [
      'another timestamp in the header',
      () => ({
        authorization: (honest) =>
          honest.replace(/timestamp="(\d+)"/, (_, digits) => `timestamp="${Number(digits) + 1}"`),
      }),
    ],
    [
      'another nonce in the header',
      () => ({ authorization: (honest) => honest.replace(/nonce_str="./, 'nonce_str="x') }),
    ],
    [
      'one bit of the signature changed',
      () => ({
        authorization: (honest) =>
          honest.replace(/signature="(.)/, (_, first: string) => `signature="${first === 'A' ? 'B' : 'A'}`),
      }),
    ],
    [
      'the signature without padding',
      () => ({ authorization: (honest) => honest.replace('==",timestamp', '",timestamp') }),
    ],
  ])('refuses %s', async (_name, options) => {
    const text = body();
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', text, options(text));
    expect([answer.status, answer.json.code]).toEqual([401, 'SIGN_ERROR']);
    expectUnsigned(answer);
  });

  test("refuses the right signature under another merchant's name", async () => {
    const provider = stage.emulator.infoOf('1900000100');
    const answer = await get({ mchid: provider.mchid, serialNo: provider.serial_no });
    expect([answer.status, answer.json.code]).toEqual([401, 'SIGN_ERROR']);
  });

  test('accepts fields in any order', async () => {
    const authorization = (honest: string): string => {
      const [scheme, fields] = honest.split(' ') as [string, string];
      return `${scheme} ${fields.split(',').toReversed().join(',')}`;
    };
    expect((await get({ authorization })).status).toBe(404);
  });

  test('B2: compares the raw request line, whatever characters it has', async () => {
    const character = fc.constantFrom(...Array.from('abcXYZ019_-|*.~!$&()+,;=:@%{}"<>^`\\\''));
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: character, minLength: 1, maxLength: 24 }), async (text) => {
        const target = `/v3/pay/transactions/out-trade-no/${text.replaceAll('?', '')}?mchid=${text}`;
        const answer = await get({}, target);
        // The signature held: what follows is about the number.
        expect(answer.json?.code ?? 'none').not.toBe('SIGN_ERROR');
        const decoded = await get({ signedTarget: `${target}x` }, target);
        expect(decoded.json?.code ?? 'SIGN_ERROR').toBe('SIGN_ERROR');
      }),
      { numRuns: 100 },
    );
  });
});

describe('what comes after the signature', () => {
  test('is signed, refusals and empty answers too', async () => {
    expectSigned(await get({}));
    expectSigned(await stage.client.call('POST', '/v3/pay/transactions/native', orderBody(stage, 'native')));
    const { mchid } = stage.emulator.info;
    const closed = await stage.client.call('POST', '/v3/pay/transactions/out-trade-no/NEVERUSED1/close', { mchid });
    expect([closed.status, closed.text]).toEqual([204, '']);
    expectSigned(closed);
    expect(closed.headers['content-length']).toEqual(['0']);
    const bad = await stage.client.call('POST', '/v3/pay/transactions/native', { mchid });
    expect(bad.status).toBe(400);
    expectSigned(bad);
  });

  test('the caller must be the merchant of the body', async () => {
    const body = orderBody(stage, 'native', { mchid: '1900000002' });
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body);
    expect(answer.json).toMatchObject({
      code: 'PARAM_ERROR',
      message: 'http header中的mchid与post payload中的mchid不匹配',
    });
  });

  test('parameter errors win over business errors', async () => {
    const body = orderBody(stage, 'native', { appid: 'wx0000000000000000', amount: { total: 0 } });
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body);
    expect(answer.json.message).toContain('总金额');
  });

  test('an appid of somebody else', async () => {
    const body = orderBody(stage, 'native', { appid: 'wx0000000000000000' });
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body);
    expect([answer.status, answer.json.code]).toEqual([400, 'APPID_MCHID_NOT_MATCH']);
  });

  test('a GET with a body is refused, although it was signed', async () => {
    const answer = await stage.client.call('GET', query(), '{}');
    expect([answer.status, answer.json.code]).toEqual([400, 'INVALID_REQUEST']);
    expectSigned(answer);
  });
});

describe('I2: limits', () => {
  test('a body of more than 1 MiB is refused, announced or not', async () => {
    const announced = await stage.client.call('POST', '/v3/pay/transactions/native', 'x'.repeat(1024 * 1024 + 1));
    expect(announced.status).toBe(413);
    const chunked = await stage.client.call('POST', '/v3/pay/transactions/native', 'x'.repeat(1024 * 1024 + 1), {
      headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' },
    });
    expect(chunked.status).toBe(413);
  });

  test('headers of more than 16 KiB are refused', async () => {
    const answer = await get({ headers: { 'x-flood': 'x'.repeat(17_000) } });
    expect(answer.status).toBe(431);
  });
});

describe('I3: no web page and no rebound name gets through', () => {
  test.each([
    [{ host: 'evil.com' }],
    [{ host: 'evil.com:80' }],
    [{ host: '127.0.0.1' }],
    [{ host: '127.0.0.1:1' }],
    [{ host: 'localhost.evil.com' }],
    [{ host: '127.0.0.1.evil.com' }],
    [{ origin: 'https://evil' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
  ])('%j', async (headers) => {
    for (const target of [query(), '/_emulator/healthz']) {
      const answer = await get({ headers }, target);
      expect(answer.status).toBe(403);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test.each(['localhost', 'wxpay.localhost', '127.0.0.2'])(
    'the loopback name %s with the right port will do',
    async (host) => {
      const { port } = new URL(stage.emulator.url);
      expect((await get({ headers: { host: `${host}:${port}` } })).status).toBe(404);
    },
  );

  test('I1: listens on loopback only', async () => {
    const { port } = new URL(stage.emulator.url);
    const addresses = Object.values((await import('node:os')).networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of addresses) {
      const refused = await new Promise<boolean>((resolve) => {
        const socket = connect({ host: address, port: Number(port) });
        socket.on('error', () => resolve(true));
        socket.on('connect', () => {
          socket.destroy();
          resolve(false);
        });
      });
      expect(refused).toBe(true);
    }
  });
});

test('a merchant that brings its own certificate is served under its own serial', async () => {
  const { info } = stage.emulator;
  const own = await openSibling(stage, {
    merchants: [
      {
        mchid: '1234567890',
        appids: ['wx1234567890abcdef'],
        apiV3Key: 'k'.repeat(32),
        certificate: readFileSync(info.certificate_file, 'utf8'),
      },
    ],
  });
  try {
    const client = makeClient({ ...info, url: own.emulator.url, mchid: '1234567890' }, own.now);
    const target = '/v3/pay/transactions/out-trade-no/UNKNOWN01?mchid=1234567890';
    expect((await client.call('GET', target)).json.code).toBe('ORDER_NOT_EXIST');
    const other = { key: strangerKey() };
    expect((await client.call('GET', target, undefined, other)).json.code).toBe('SIGN_ERROR');
  } finally {
    await own.end();
  }
});

test('an absolute request target is no path of ours', async () => {
  const target = `${stage.emulator.url}/v3/certificates`;
  const answer = await send(
    stage.emulator.url,
    'GET',
    target,
    ['host', new URL(stage.emulator.url).host],
    Buffer.alloc(0),
  );
  expect(answer.status).toBe(404);
});
