import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  internalMeaning,
  internalMeanings,
  internalNumber,
  normaliseCode,
  parseErrorBody,
  signInformation,
} from '../../../src/core/wire/error-body.ts';

const parse = (value: unknown) => parseErrorBody(Buffer.from(JSON.stringify(value)));

describe('an error body', () => {
  test.each([
    {
      code: 'PARAM_ERROR',
      message: '无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数',
      detail: { location: 'body', value: 0.01 },
    },
    {
      code: 'PARAM_ERROR',
      message: 'x',
      detail: { field: '/amount/currency', value: 'XYZ', issue: '…', location: 'body' },
    },
    { code: 'ORDER_NOT_EXIST', message: '订单不存在' },
  ])('is read as it came: $code', (body) => {
    expect(parse(body)).toEqual(body);
  });

  test.each([
    ['nothing, as for an unknown path', ''],
    ['HTML', '<html><body>502</body></html>'],
    ['a cut body', '{"code":"SYSTEM_ERR'],
    ['null', 'null'],
    ['a list', '[]'],
    ['another object', '{"return_code":"FAIL"}'],
    ['a code that is a number', '{"code":268435461}'],
    ['an empty code', '{"code":"","message":"x"}'],
    ['a code without end', JSON.stringify({ code: 'A'.repeat(65) })],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['200 000 levels', '['.repeat(200_000)],
    ['a megabyte', JSON.stringify({ code: 'A', message: 'x'.repeat(1024 * 1024) })],
    ['a member of a prototype', '{"code":"A","__proto__":{"code":"B"}}'],
  ])('that is %s is none', (_, body) => {
    expect(parseErrorBody(Buffer.from(body))).toBeUndefined();
  });

  test('keeps its code when it repeats a number that a double changes', () => {
    const body = '{"code":"PARAM_ERROR","detail":{"location":"body","value":99999999999999999999},"message":"x"}';
    expect(parseErrorBody(Buffer.from(body))).toMatchObject({ code: 'PARAM_ERROR', message: 'x' });
  });

  test('may lack its message, and a long one is cut', () => {
    expect(parse({ code: 'SYSTEM_ERROR' })).toEqual({ code: 'SYSTEM_ERROR', message: '' });
    expect(parse({ code: 'SYSTEM_ERROR', message: 7 })).toEqual({ code: 'SYSTEM_ERROR', message: '' });
    expect(parse({ code: 'A', message: '长'.repeat(5000) })?.message).toHaveLength(1024);
  });

  test('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          parseErrorBody(bytes);
        },
      ),
    );
  });
});

test.each([
  ['ORDER_PAID', 'ORDERPAID'],
  ['NOT_ENOUGH', 'NOTENOUGH'],
  ['OUT_TRADE_NO_USED', 'out_trade_no_used'],
])('%s and %s are one code', (one, other) => {
  expect(normaliseCode(one)).toBe(normaliseCode(other));
});

describe('sign_information', () => {
  const information = {
    method: 'POST',
    url: '/v3/pay/transactions/jsapi',
    truncated_sign_message: 'POST\n/v3/pay/transactions/jsapi\n1640000000\nN\n{"amount\n',
    sign_message_length: 443,
  };
  const read = {
    method: 'POST',
    url: '/v3/pay/transactions/jsapi',
    truncatedSignMessage: information.truncated_sign_message,
    signMessageLength: 443,
  };

  test('is found beside the nested detail, as captured', () => {
    const detail = {
      field: 'signature',
      location: 'authorization',
      detail: { issue: 'sign not match' },
      sign_information: information,
    };
    expect(signInformation(detail)).toEqual(read);
  });

  test('is found in the flat form of the documentation and one level down', () => {
    expect(signInformation({ issue: 'sign not match', sign_information: information })).toEqual(read);
    expect(signInformation({ detail: { sign_information: information } })).toEqual(read);
  });

  test.each([
    undefined,
    null,
    'text',
    [],
    {},
    { sign_information: null },
    { sign_information: { ...information, method: undefined } },
    { sign_information: { ...information, url: 1 } },
    { sign_information: { ...information, sign_message_length: '443' } },
    { sign_information: { ...information, truncated_sign_message: undefined } },
  ])('%j has none', (detail) => {
    expect(signInformation(detail)).toBeUndefined();
  });
});

describe('the number in a Request-ID', () => {
  test.each([
    ['08F5B8C2B506102C18FDDFEEA30620BE821E28EDC405-0', 0],
    ['08F5-AB-268578704', 268578704],
    ['08F5B8C2', undefined],
    ['', undefined],
    [undefined, undefined],
    ['x-', undefined],
    [`x-${'1'.repeat(13)}`, undefined],
    ['x-12\n', undefined],
  ])('%s: %s', (requestId, number) => {
    expect(internalNumber(requestId)).toBe(number);
  });

  test('is explained where WeChat Pay documents it', () => {
    expect(internalMeaning('x-268498688')).toBe('parameters_differ');
    expect(internalMeaning('x-1')).toBeUndefined();
    expect(internalMeaning(undefined)).toBeUndefined();
    expect(Object.keys(internalMeanings)).toHaveLength(20);
  });

  // As the documentation lists them (protocol 8.4).
  test.each([
    [268512771, 'order_not_exist'],
    [268447840, 'rate_limit'],
    [268435461, 'parameter'],
    [268449538, 'order_paid'],
    [268498689, 'order_paid'],
    [270924358, 'unknown_parameter'],
    [268443715, 'merchant_disabled'],
    [268447843, 'mchid_not_of_order'],
    [268447914, 'order_expired'],
    [268448010, 'collection_restricted'],
    [268449641, 'only_reverse'],
    [268443699, 'signature'],
    [268501013, 'openid_missing'],
    [268498688, 'parameters_differ'],
    [268445527, 'appid_mchid'],
    [268435464, 'out_of_range'],
    [268443705, 'sub_mchid_own'],
    [268443704, 'sub_mchid_missing'],
    [268447845, 'sub_mchid_order'],
    [268443701, 'no_relation'],
  ])('%d: %s', (number, meaning) => {
    expect(internalMeaning(`08F5B8C2-${number}`)).toBe(meaning);
  });
});
