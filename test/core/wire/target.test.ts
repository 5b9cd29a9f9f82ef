import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import {
  buildTarget,
  requireOutRefundNo,
  requireOutTradeNo,
  requireTransactionId,
} from '../../../src/core/wire/target.ts';

const query = '/v3/pay/transactions/out-trade-no/{out_trade_no}';
const refund = '/v3/refund/domestic/refunds/{out_refund_no}';

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    expect(error.outcome).toBe('not_sent');
    return error.code;
  }
}

test.each([
  [
    query,
    { out_trade_no: '1217752501201407033233368018' },
    { mchid: '1230000109' },
    '/v3/pay/transactions/out-trade-no/1217752501201407033233368018?mchid=1230000109',
  ],
  [refund, { out_refund_no: '12177525012@1' }, {}, '/v3/refund/domestic/refunds/12177525012%401'],
  ['/v3/certificates', {}, { algorithm_type: 'RSA' }, '/v3/certificates?algorithm_type=RSA'],
] as const)('%s is filled as documented', (template, params, pairs, target) => {
  expect(buildTarget(template, params as Record<string, string>, pairs)).toBe(target);
});

describe('B1: a number can never become another path', () => {
  const hostile = [
    '..',
    '.',
    '%2e%2e',
    'a/b',
    'a/../b',
    '../../v3/refund',
    'a?x=1',
    'a#b',
    'a\r\nX: y',
    'a\n',
    'a\0',
    'a b',
    String.raw`a\b`,
    '退款',
    '１２３４５６',
    'a'.repeat(65),
    '',
    '\u202e123456',
    '123456\u200b',
    '\ud800aaaaaa',
  ];

  test.each(hostile)('%j is no out_trade_no, out_refund_no or transaction_id', (value) => {
    expect(codeOf(() => requireOutTradeNo(value))).toBe('PATH_INVALID');
    expect(codeOf(() => requireOutRefundNo(value))).toBe('PATH_INVALID');
    expect(codeOf(() => requireTransactionId(value))).toBe('PATH_INVALID');
  });

  test.each(hostile)('%j in a path is refused or encoded, in one segment', (value) => {
    let target: string;
    try {
      target = buildTarget('/v3/x/{id}/close', { id: value });
    } catch (error) {
      expect(error).toMatchObject({ code: 'PATH_INVALID', outcome: 'not_sent' });
      return;
    }
    expect(target).toMatch(/^\/v3\/x\/[A-Za-z0-9%._~-]+\/close$/);
    const segment = target.split('/')[3] ?? '';
    expect(decodeURIComponent(segment)).toBe(value);
  });

  test.each(['..', '.', '', 'a\0', 'a\r\nX: y', '\u0085', '\ud800'])('%j in a path is refused', (value) => {
    expect(codeOf(() => buildTarget(refund, { out_refund_no: value }))).toBe('PATH_INVALID');
  });

  test('a value that must match a pattern has to match it from end to end', () => {
    const only = (value: string) => buildTarget(query, { out_trade_no: { value, pattern: /[0-9a-z]+/ } });
    expect(only('abc')).toBe('/v3/pay/transactions/out-trade-no/abc');
    for (const value of ['abc!', '!abc', 'abc\n', 'ABC']) expect(codeOf(() => only(value))).toBe('PATH_INVALID');
  });

  test('a missing, an unknown or an inherited parameter is refused', () => {
    expect(codeOf(() => buildTarget(query, {}))).toBe('PATH_INVALID');
    expect(codeOf(() => buildTarget(query, { out_trade_no: 'a', other: 'b' }))).toBe('PATH_INVALID');
    expect(codeOf(() => buildTarget('/v3/{toString}', {}))).toBe('PATH_INVALID');
  });

  test('a value is never taken for a part of the template', () => {
    expect(buildTarget('/a/{x}/{y}', { x: '{y}', y: 'z' })).toBe('/a/%7By%7D/z');
    expect(buildTarget('/a/{x}', { x: '$&$1' })).toBe('/a/%24%26%241');
  });

  test('numbers keep their documented bounds', () => {
    const allowed = '0aZ_-|*';
    expect(requireOutTradeNo(allowed)).toBe(allowed);
    expect(requireOutTradeNo('a'.repeat(32))).toHaveLength(32);
    expect(requireOutRefundNo(`${allowed}@`)).toBe(`${allowed}@`);
    expect(requireOutRefundNo('a'.repeat(64))).toHaveLength(64);
    expect(requireTransactionId('4200001234202311234567890123')).toHaveLength(28);
    for (const value of ['a'.repeat(5), 'a'.repeat(33), 'aaaaa@'])
      expect(codeOf(() => requireOutTradeNo(value))).toBe('PATH_INVALID');
    expect(codeOf(() => requireOutRefundNo('a'.repeat(65)))).toBe('PATH_INVALID');
    expect(codeOf(() => requireTransactionId('a'.repeat(33)))).toBe('PATH_INVALID');
  });
});

test.each([
  ['a|b*c', 'a%7Cb%2Ac'],
  ['a+b', 'a%2Bb'],
  ["!'()", '%21%27%28%29'],
  ['中文', '%E4%B8%AD%E6%96%87'],
  ['%2e', '%252e'],
  ['{"a":[1]}', '%7B%22a%22%3A%5B1%5D%7D'],
])('%s is encoded as RFC 3986 has it, in path and query alike', (value, encoded) => {
  expect(buildTarget('/v3/{id}', { id: value }, { q: value })).toBe(`/v3/${encoded}?q=${encoded}`);
});

test.each(['/v3/a b', '/v3/x/../y', '/v3/./x', '/v3/x#y', '/v3/x#', 'v3/x', '/v3/x?a=b/c', '/v3/退款', ''])(
  'the template %j would not arrive as it is signed, and is refused',
  (template) => {
    expect(() => buildTarget(template, {})).toThrow(
      expect.objectContaining({
        code: 'PATH_INVALID',
        params: expect.objectContaining({ reason: 'key:reason.path_changes' }) as unknown,
      }),
    );
  },
);

test.each([
  ['.', 'path_dots', {}],
  ['..', 'path_dots', {}],
  ['', 'path_empty', {}],
  ['a\u0000', 'path_control', {}],
  ['a\u001f', 'path_control', {}],
  ['a\u007f', 'path_control', {}],
  ['a\u009f', 'path_control', {}],
  ['\ud800', 'not_unicode', {}],
])('the value %j is refused for what it is', (value, reason, more) => {
  expect(() => buildTarget('/v3/{id}', { id: value })).toThrow(
    expect.objectContaining({
      params: { value: value === '' ? '""' : value, reason: `key:reason.${reason}`, ...more },
    }),
  );
});

test('a message shows the value up to 200 characters, the pattern, and the name of the parameter', () => {
  const refusal = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return (error as WxpayError).params;
    }
  };
  const long = { value: 'A'.repeat(201), pattern: /[0-9]+/ };
  expect(refusal(() => buildTarget('/v3/{id}', { id: long }))).toEqual({
    value: 'A'.repeat(200),
    reason: 'key:reason.path_pattern',
    pattern: '[0-9]+',
  });
  expect(refusal(() => buildTarget('/v3/{id}', {}))).toEqual({
    value: '/v3/{id}',
    reason: 'key:reason.path_parameter',
    name: 'id',
  });
  expect(refusal(() => buildTarget('/v3/x', { more: 'b' }))).toMatchObject({ name: 'more' });
  expect(refusal(() => requireOutTradeNo('x'))).toEqual({ value: 'x', reason: 'key:reason.out_trade_no' });
  expect(refusal(() => requireOutRefundNo(''))).toEqual({ value: '""', reason: 'key:reason.out_refund_no' });
  expect(refusal(() => requireTransactionId('-'))).toEqual({ value: '-', reason: 'key:reason.transaction_id' });
});

test('a pattern is matched from end to end whatever its flags', () => {
  const only = (value: string) => buildTarget('/v3/{id}', { id: { value, pattern: /^[a-z]+$/gimy } });
  expect(only('AbC')).toBe('/v3/AbC');
  expect(codeOf(() => only('abc\nabc'))).toBe('PATH_INVALID');
});

test('no query, no question mark; what is undefined is left out', () => {
  expect(buildTarget('/v3/x', {}, {})).toBe('/v3/x');
  expect(buildTarget('/v3/x', {}, { a: undefined })).toBe('/v3/x');
  expect(buildTarget('/v3/x', {}, { b: '', a: '1' })).toBe('/v3/x?b=&a=1');
});

describe('B2: the target that is signed is the one on the wire', () => {
  let server: Server;
  let client: Client;
  const seen: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      request.resume();
      response.end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    client = new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });

  afterAll(async () => {
    await client.close();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  const character = fc.oneof(
    fc.constantFrom(
      '|',
      '*',
      '@',
      '+',
      '%',
      '/',
      '?',
      '#',
      '&',
      '=',
      ' ',
      "'",
      '"',
      '\\',
      '.',
      '{',
      '}',
      '<',
      '^',
      '`',
    ),
    fc.constantFrom('中', '文', 'é', '\u00a0', '😀'),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
  );
  const value = fc.array(character, { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''));

  test('whatever the values: the URL standard, undici and the server have the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(value, fc.dictionary(value, value, { maxKeys: 3 }), async (id, pairs) => {
        fc.pre(id !== '.' && id !== '..');
        const target = buildTarget('/v3/x/{id}/close', { id }, pairs);
        const url = new URL(target, 'https://api.mch.weixin.qq.com');
        expect(url.pathname + url.search).toBe(target);
        expect(url.host).toBe('api.mch.weixin.qq.com');
        const { body } = await client.request({ method: 'GET', path: target });
        await body.dump();
        expect(seen.pop()).toBe(`GET ${target}`);
        expect(Object.fromEntries(url.searchParams)).toEqual({ ...pairs });
      }),
      { numRuns: 500 },
    );
  });
});
