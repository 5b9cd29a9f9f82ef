import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beyondBmp, checkFields, requireFields, type Fields } from '../../src/operations/fields.ts';
import { directFields, partnerFields } from '../../src/operations/order-fields.ts';

const fields: Fields = {
  name: { type: 'string', required: true, max: 5 },
  kind: { type: 'string', values: ['A', 'B'] },
  count: { type: 'integer', min: 1 },
  flag: { type: 'boolean' },
  inner: { type: 'object', fields: { id: { type: 'string', required: true, pattern: /^[a-z]+$/ } } },
  list: { type: 'list', max: 2, item: { type: 'string' } },
};

describe('checkFields', () => {
  test.each([
    ['a missing required field', {}, 'name', 'missing'],
    ['null', { name: null }, 'name', 'null'],
    ['an empty string', { name: '' }, 'name', 'too_short'],
    ['a string that is too long', { name: '六个中文字符' }, 'name', 'too_long'],
    ['a number where a string belongs', { name: 1 }, 'name', 'not_string'],
    ['a value outside the list', { name: 'x', kind: 'C' }, 'kind', 'not_one_of'],
    ['a float', { name: 'x', count: 1.5 }, 'count', 'not_integer'],
    ['a numeric string', { name: 'x', count: '1' }, 'count', 'not_integer'],
    ['an integer beyond 2^53', { name: 'x', count: 2 ** 53 }, 'count', 'not_integer'],
    ['zero below the minimum', { name: 'x', count: 0 }, 'count', 'too_small'],
    ['a string for a boolean', { name: 'x', flag: 'true' }, 'flag', 'not_boolean'],
    ['an array for an object', { name: 'x', inner: [] }, 'inner', 'not_object'],
    ['a fault inside an object, with its path', { name: 'x', inner: { id: 'A' } }, 'inner.id', 'pattern'],
    ['an object for a list', { name: 'x', list: {} }, 'list', 'not_list'],
    ['a list that is too long', { name: 'x', list: ['a', 'b', 'c'] }, 'list', 'too_many'],
    ['a fault inside a list, with its index', { name: 'x', list: ['a', 2] }, 'list[1]', 'not_string'],
    ['an unknown field', { name: 'x', other: 1 }, 'other', 'unknown'],
    ['an unknown null', { name: 'x', other: null }, 'other', 'null'],
    ['a control character', { name: 'a\u0007' }, 'name', 'control'],
    ['half a surrogate pair', { name: 'a\ud800' }, 'name', 'not_unicode'],
  ])('refuses %s', (_what, body, field, reason) => {
    expect(checkFields(fields, body)).toContainEqual(expect.objectContaining({ field, reason }));
  });

  test('accepts a body that fits', () => {
    expect(
      checkFields(fields, { name: '五个字符啊', kind: 'A', count: 1, flag: false, inner: { id: 'a' }, list: ['x'] }),
    ).toEqual([]);
  });

  test('lets unknown fields pass when asked to', () => {
    expect(checkFields(fields, { name: 'x', other: 1 }, 'allow')).toEqual([]);
  });

  test('never throws, whatever the body is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(Array.isArray(checkFields(directFields('h5'), body))).toBe(true);
      }),
    );
  });
});

test('requireFields names the first fault and says that nothing was sent', () => {
  expect(() => requireFields(fields, { name: 1 })).toThrowError(
    expect.objectContaining({
      code: 'INPUT_INVALID',
      outcome: 'not_sent',
      params: expect.objectContaining({ field: 'name' }),
    }),
  );
});

describe('the prepay tables', () => {
  const direct = {
    appid: 'wxd678efh567hg6787',
    mchid: '1900007291',
    description: 'Image形象店-深圳腾大-QQ公仔',
    out_trade_no: '1217752501201407033233368018',
    notify_url: 'https://www.weixin.qq.com/wxpay/pay.php',
    amount: { total: 100, currency: 'CNY' },
  };
  const faultsOf = (type: 'native' | 'jsapi' | 'app' | 'h5', change: object) =>
    checkFields(directFields(type), { ...direct, ...change }).map(({ field, reason }) => `${field} ${reason}`);

  test.each([
    ['an out_trade_no of 5 characters', { out_trade_no: '12345' }, 'out_trade_no too_short'],
    ['an out_trade_no of 33 characters', { out_trade_no: '1'.repeat(33) }, 'out_trade_no too_long'],
    ['an out_trade_no with @', { out_trade_no: 'abcdef@1' }, 'out_trade_no form_out_trade_no'],
    ['a description of 128 characters', { description: '长'.repeat(128) }, 'description too_long'],
    ['a notify_url with a query', { notify_url: 'https://a.example/x?y=1' }, 'notify_url form_notify_url'],
    ['a total of 0', { amount: { total: 0 } }, 'amount.total too_small'],
    ['a total in yuan', { amount: { total: 0.01 } }, 'amount.total not_integer'],
    ['another currency', { amount: { total: 1, currency: 'USD' } }, 'amount.currency not_one_of'],
    ['a time without offset', { time_expire: '2026-11-23T10:00:00' }, 'time_expire form_time'],
    ['a payer on a native order', { payer: { openid: 'o1' } }, 'payer unknown'],
    [
      'a detail of more than 6144 bytes',
      {
        detail: {
          goods_detail: Array.from({ length: 90 }, () => ({
            merchant_goods_id: 'x'.repeat(32),
            quantity: 1,
            unit_price: 1,
          })),
        },
      },
      'detail too_many_bytes',
    ],
  ])('refuse %s', (_what, change, fault) => {
    expect(faultsOf('native', change)).toContain(fault);
  });

  test('accept the documented example', () => {
    expect(faultsOf('native', {})).toEqual([]);
    expect(faultsOf('jsapi', { payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' } })).toEqual([]);
    expect(faultsOf('h5', { scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } } })).toEqual([]);
  });

  test('want the payer on jsapi and the scene on h5', () => {
    expect(faultsOf('jsapi', {})).toContain('payer missing');
    expect(faultsOf('h5', {})).toContain('scene_info missing');
  });

  test('know the service provider by its own names', () => {
    const { appid, mchid, ...rest } = direct;
    expect(
      checkFields(partnerFields('native'), { ...rest, sp_appid: appid, sp_mchid: mchid, sub_mchid: '1900000109' }),
    ).toEqual([]);
    expect(checkFields(partnerFields('native'), direct).map(({ field }) => field)).toContain('sp_mchid');
  });
});

test('beyondBmp finds emoji, wherever they are, and lets Chinese pass', () => {
  expect(beyondBmp({ a: '咖啡', b: { c: ['x', '☕️', '🍵'] } })).toEqual(['b.c[2]']);
});
