import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { signSha256 } from '../../../src/core/crypto/rsa.ts';
import { createSigner } from '../../../src/core/wire/authorization.ts';
import {
  checkPayParameters,
  clientPayParameters,
  detectPayClient,
  payClients,
  type PayClient,
} from '../../../src/core/wire/pay.ts';

const appid = 'wx2421b1c4370ec43b';
const mchid = '1900007291';
const prepayId = 'wx201410272009395522657a690389285100';
const nonce = '593BEC0C930BF1AFEB40B4A08C8FB242';
const timestamp = '1554208460';

let key: KeyObject;
let other: KeyObject;

beforeAll(() => {
  key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
});

type Given = Record<string, unknown>;

function made(client: PayClient, privateKey = key): Given {
  const signer = createSigner({ mchid, serialNo: 'A'.repeat(40), privateKey });
  return { ...clientPayParameters(client, { appid, partnerid: mchid, prepayId, timestamp, nonce, signer }) };
}

/** Parameters whose signature is over `lines`, joined and ended as given. */
function signedOver(client: PayClient, lines: readonly string[], change: Given = {}, end = '\n'): Given {
  const signature = signSha256(key, Buffer.from(lines.map((line) => line + end).join('')));
  return { ...made(client), [client === 'app' ? 'sign' : 'paySign']: signature, ...change };
}

function faultsOf(client: PayClient, given: Given, more: { appid?: string; otherAppids?: string[] } = { appid }) {
  return checkPayParameters(client, given, { key, mchids: [mchid], ...more }).map(
    ({ field, reason }) => `${field}: ${reason}`,
  );
}

const line = { jsapi: `prepay_id=${prepayId}`, mini: `prepay_id=${prepayId}`, app: prepayId } as const;

describe('parameters that we make', () => {
  test.each(payClients)('%s: hold, with the private and with the public key', (client) => {
    expect(faultsOf(client, made(client))).toEqual([]);
    const context = { key: createPublicKey(key), appid, mchids: [mchid] };
    expect(checkPayParameters(client, made(client), context)).toEqual([]);
  });

  test.each(payClients)('%s: have the documented names, all of them strings', (client) => {
    const names = {
      jsapi: ['appId', 'timeStamp', 'nonceStr', 'package', 'signType', 'paySign'],
      mini: ['timeStamp', 'nonceStr', 'package', 'signType', 'paySign'],
      app: ['appid', 'partnerid', 'prepayid', 'package', 'noncestr', 'timestamp', 'sign'],
    };
    expect(Object.keys(made(client))).toEqual(names[client]);
    expect(Object.values(made(client)).every((value) => typeof value === 'string')).toBe(true);
    expect(detectPayClient(made(client))).toBe(client);
  });
});

describe('the field that is wrong is named', () => {
  const rename = (client: PayClient, from: string, to: string): Given => {
    const { [from]: value, ...rest } = made(client);
    return { ...rest, [to]: value };
  };

  test.each([
    ['jsapi', 'appId', 'appid'],
    ['jsapi', 'timeStamp', 'timestamp'],
    ['jsapi', 'nonceStr', 'nonce_str'],
    ['mini', 'paySign', 'pay_sign'],
    ['app', 'appid', 'appId'],
    ['app', 'timestamp', 'timeStamp'],
    ['app', 'prepayid', 'prepay_id'],
    ['app', 'partnerid', 'partnerId'],
  ] as const)('%s: %s called %s', (client, right, wrong) => {
    expect(faultsOf(client, rename(client, right, wrong))).toEqual([`${wrong}: pay_name`]);
  });

  test('app: packageValue is what the Android SDK calls package', () => {
    expect(faultsOf('app', rename('app', 'package', 'packageValue'))).toEqual([]);
  });

  test.each(['timeStamp', 'nonceStr', 'package', 'signType', 'paySign'])('jsapi: %s missing', (name) => {
    const { [name]: _, ...rest } = made('jsapi');
    expect(faultsOf('jsapi', rest)).toContain(`${name}: missing`);
  });

  test('a timestamp that is a number', () => {
    expect(faultsOf('jsapi', { ...made('jsapi'), timeStamp: Number(timestamp) })).toEqual(['timeStamp: not_string']);
  });

  test.each([
    ['package without prepay_id=', 'jsapi', { package: prepayId }, 'package: pay_prefix_jsapi'],
    ['prepayid with prepay_id=', 'app', { prepayid: `prepay_id=${prepayId}` }, 'prepayid: pay_prefix_app'],
    ['package that is not Sign=WXPay', 'app', { package: `prepay_id=${prepayId}` }, 'package: pay_package_app'],
    ['signType MD5', 'jsapi', { signType: 'MD5' }, 'signType: pay_sign_type'],
    ['another partnerid', 'app', { partnerid: '1900000001' }, 'partnerid: pay_partnerid'],
    ['a space behind paySign', 'mini', undefined, 'paySign: pay_space'],
  ] as const)('%s (%s)', (_, client, change, expected) => {
    const given = made(client);
    expect(faultsOf(client, { ...given, ...(change ?? { paySign: `${String(given['paySign'])} ` }) })).toContain(
      expected,
    );
  });

  test('a nonce of 33 characters, although the signature holds; 32 will do', () => {
    const withNonce = (nonceStr: string): Given =>
      signedOver('jsapi', [appid, timestamp, nonceStr, line.jsapi], { nonceStr });
    expect(faultsOf('jsapi', withNonce('n'.repeat(32)))).toEqual([]);
    expect(checkPayParameters('jsapi', withNonce('n'.repeat(33)), { key, appid })).toEqual([
      { field: 'nonceStr', reason: 'too_long', params: { length: 33, max: 32 } },
    ]);
  });

  test('what stands in signType and what is wanted elsewhere is shown, not too long', () => {
    const of = (change: Given, client: PayClient = 'jsapi') =>
      checkPayParameters(client, { ...made(client), ...change }, { key, appid, mchids: [mchid, '1'] });
    expect(of({ signType: 'MD5' })[0]).toEqual({
      field: 'signType',
      reason: 'pay_sign_type',
      params: { found: 'MD5' },
    });
    expect(of({ signType: `M${'D'.repeat(40)}` })[0]?.params).toEqual({ found: `M${'D'.repeat(31)}` });
    expect(of({ partnerid: '7' }, 'app')[0]?.params).toEqual({ wanted: `${mchid}, 1` });
    expect(of({ appId: 'wx7' })[0]).toMatchObject({ field: 'appId', params: { wanted: appid } });
  });

  test('mini: where the appid of the order is not known, one that was handed over stands in', () => {
    expect(faultsOf('mini', { ...made('mini'), appId: appid }, {})).toEqual([]);
    expect(faultsOf('mini', { ...made('mini'), appId: 'wx7' }, {})).toEqual(['paySign: pay_signature']);
    expect(faultsOf('mini', { ...made('mini'), appId: 'wx7' })).toEqual([]);
  });

  test('partnerid is judged only where the merchant numbers are known', () => {
    expect(checkPayParameters('app', { ...made('app'), partnerid: '7' }, { key, appid })).toEqual([]);
  });

  test('another appid than the order was placed with, although the signature holds', () => {
    expect(faultsOf('jsapi', made('jsapi'), { appid: 'wx0000000000000000' })).toEqual(['appId: pay_appid']);
  });
});

describe('when the signature does not hold, the mix-up under which it does is named', () => {
  test.each([
    ['jsapi', [appid, timestamp, nonce, prepayId], '\n', 'package: pay_signed_bare'],
    ['app', [appid, timestamp, nonce, `prepay_id=${prepayId}`], '\n', 'prepayid: pay_signed_prefix'],
    ['app', [appid, timestamp, nonce, 'Sign=WXPay'], '\n', 'prepayid: pay_signed_package'],
    ['jsapi', [appid, `${timestamp}000`, nonce, line.jsapi], '\n', 'timeStamp: pay_signed_milliseconds'],
    ['jsapi', [appid, timestamp, nonce.toLowerCase(), line.jsapi], '\n', 'nonceStr: pay_signed_case'],
    ['jsapi', [appid, timestamp, nonce, line.jsapi], '\r\n', 'paySign: pay_signed_crlf'],
    ['jsapi', [appid, timestamp, nonce, line.jsapi], String.raw`\n`, 'paySign: pay_signed_backslash_n'],
    ['app', ['wxOther', timestamp, nonce, line.app], '\n', 'appid: pay_signed_other_appid'],
    ['mini', ['wxOther', timestamp, nonce, line.mini], '\n', 'paySign: pay_signed_other_appid'],
  ] as const)('%s %j ended by %j: %s', (client, lines, end, expected) => {
    expect(faultsOf(client, signedOver(client, lines, {}, end), { appid, otherAppids: ['wxOther'] })).toEqual([
      expected,
    ]);
  });

  test('the last line feed left out', () => {
    const paySign = signSha256(key, Buffer.from([appid, timestamp, nonce, line.jsapi].join('\n')));
    expect(faultsOf('jsapi', { ...made('jsapi'), paySign })).toEqual(['paySign: pay_signed_no_final_lf']);
  });

  test('two mistakes at once are both named', () => {
    const given = signedOver('jsapi', [appid, `${timestamp}000`, nonce, prepayId]);
    expect(faultsOf('jsapi', given)).toEqual(['timeStamp: pay_signed_milliseconds', 'package: pay_signed_bare']);
  });

  test('milliseconds handed over, seconds signed', () => {
    const given = signedOver('jsapi', [appid, timestamp, nonce, line.jsapi], { timeStamp: `${timestamp}123` });
    expect(faultsOf('jsapi', given)).toEqual(['timeStamp: pay_milliseconds', 'timeStamp: pay_signed_seconds']);
  });

  test.each([
    ['pay_base64url', (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')],
    ['pay_plus', (text: string) => text.replaceAll('+', ' ')],
    ['pay_percent', (text: string) => encodeURIComponent(text)],
  ])('%s: what transport does to base64', (reason, damage) => {
    // A signature with + and / inside, which most have.
    const given = made('app');
    const sign = damage(String(given['sign']));
    const faults = faultsOf('app', { ...given, sign });
    expect(faults.at(-1)).toBe(sign === given['sign'] ? undefined : `sign: ${reason}`);
  });

  test.each(['9A0A8659F005D6984697E2CA0A9CF3B7', 'A'.repeat(64)])('an APIv2 signature (%s)', (paySign) => {
    expect(faultsOf('jsapi', { ...made('jsapi'), paySign })).toEqual(['paySign: pay_signed_v2']);
  });

  test.each(payClients)('%s: the wrong key, or another value', (client) => {
    const field = client === 'app' ? 'sign' : 'paySign';
    expect(faultsOf(client, made(client, other))).toEqual([`${field}: pay_signature`]);
    expect(faultsOf(client, { ...made(client), [client === 'app' ? 'noncestr' : 'nonceStr']: 'x' })).toEqual([
      `${field}: pay_signature`,
    ]);
  });

  test.each(['', '!', 'nonsense that is no base64', 12, null, {}])(
    'whatever stands in its place (%j) is survived',
    (paySign) => {
      expect(faultsOf('jsapi', { ...made('jsapi'), paySign }).length).toBeGreaterThan(0);
    },
  );
});
