import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWxpayError } from '../../src/core/errors.ts';
import { buildBody, changeValues, parsePair, parsePath, typedValue } from '../../src/operations/body-fields.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isWxpayError(error)) return `${error.code} ${String(error.params['reason'])}`;
    throw error;
  }
  return 'nothing';
}
const build = (...pairs: readonly (readonly [string, unknown])[]): unknown =>
  buildBody(pairs.map(([path, value]) => ({ path, value })));

describe('a body of fields', () => {
  test.each<readonly [readonly (readonly [string, unknown])[], unknown]>([
    [[['a', 'x']], { a: 'x' }],
    [
      [
        ['amount.total', 1],
        ['amount[currency]', 'CNY'],
      ],
      { amount: { total: 1, currency: 'CNY' } },
    ],
    [
      [
        ['tags[]', 'a'],
        ['tags[]', 'b'],
      ],
      { tags: ['a', 'b'] },
    ],
    [
      [
        ['receivers[].account', 'A'],
        ['receivers[].amount', 1],
        ['receivers[].account', 'B'],
        ['receivers[][amount]', 2],
      ],
      {
        receivers: [
          { account: 'A', amount: 1 },
          { account: 'B', amount: 2 },
        ],
      },
    ],
    [
      [
        ['r[0].a', 1],
        ['r[1].a', 2],
        ['r[0].b', 3],
      ],
      { r: [{ a: 1, b: 3 }, { a: 2 }] },
    ],
    [
      [
        ['r[].list[]', 1],
        ['r[].list[]', 2],
      ],
      { r: [{ list: [1, 2] }] },
    ],
    [[['m[][]', 1]], { m: [[1]] }],
  ])('%j becomes %j', (pairs, wanted) => {
    expect(build(...pairs)).toEqual(wanted);
  });

  test.each<readonly [string, readonly (readonly [string, unknown])[], string]>([
    [
      'the same field twice',
      [
        ['a', 1],
        ['a', 2],
      ],
      'v2_twice',
    ],
    [
      'a value that is an object, too',
      [
        ['a', 1],
        ['a.b', 2],
      ],
      'api_shape',
    ],
    [
      'an object that is a list, too',
      [
        ['a.b', 1],
        ['a[]', 2],
      ],
      'api_shape',
    ],
    [
      'a list that is an object, too',
      [
        ['a[]', 1],
        ['a.b', 2],
      ],
      'api_shape',
    ],
    ['a gap', [['a[1]', 1]], 'api_gap'],
    ['a name from the prototype', [['__proto__.x', 1]], 'json_name'],
    ['a name from the prototype, inside', [['a[constructor]', 1]], 'json_name'],
    ['no name', [['', 1]], 'api_path'],
    ['a list without a name', [['[]', 1]], 'api_path'],
    ['a leading dot', [['.a', 1]], 'api_path'],
    ['a trailing dot', [['a.', 1]], 'api_path'],
    ['an open bracket', [['a[b', 1]], 'api_path'],
    ['a space', [['a b', 1]], 'api_path'],
    ['a path of seventeen steps', [[`a${'.b'.repeat(16)}`, 1]], 'api_path'],
  ])('refuses %s', (_, pairs, reason) => {
    expect(codeOf(() => build(...pairs))).toBe(`INPUT_INVALID key:reason.${reason}`);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('a pair is parted at its first =', () => {
    expect(parsePair('a=b=c')).toEqual({ path: 'a', text: 'b=c' });
    expect(parsePair('a=')).toEqual({ path: 'a', text: '' });
    expect(parsePair('a')).toEqual({ path: 'a', text: undefined });
  });

  test('a path either reads or is refused as input, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z.[\]0-2]{0,12}$/)), (path) => {
        expect(codeOf(() => parsePath(path))).toMatch(/^(?:nothing$|INPUT_INVALID)/);
      }),
    );
  });
});

describe('a typed value', () => {
  test.each<readonly [string, unknown]>([
    ['true', true],
    ['false', false],
    ['null', null],
    ['0', 0],
    ['-5', -5],
    ['9007199254740991', 9_007_199_254_740_991],
    ['TRUE', 'TRUE'],
    ['', ''],
    ['1a', '1a'],
    ['0x10', '0x10'],
  ])('%j is %j', (text, wanted) => {
    expect(typedValue('a', text)).toBe(wanted);
  });

  test.each([
    ['9007199254740992', 'api_number'],
    ['4200001234202611231234567890', 'api_number'],
    ['-0', 'api_number'],
    ['1.5', 'api_integer'],
    ['1e3', 'api_integer'],
    ['007', 'api_integer'],
  ])('refuses %s, which would not arrive as it was written', (text, reason) => {
    expect(codeOf(() => typedValue('a', text))).toBe(`INPUT_INVALID key:reason.${reason}`);
  });
});

describe('values are changed', () => {
  test('in one place, in every item of a list, and nowhere else', async () => {
    const document = { name: 'x', list: [{ name: 'a' }, { name: 'b' }, {}], deep: { list: ['c'] } };
    const change = (value: unknown, at: string): unknown => `${String(value)}@${at}`;
    expect(await changeValues(document, 'list[].name', change)).toBe(2);
    expect(await changeValues(document, 'list[1].name', change)).toBe(1);
    expect(await changeValues(document, 'deep.list[]', change)).toBe(1);
    expect(await changeValues(document, 'missing.name', change)).toBe(0);
    expect(await changeValues(document, 'toString', change)).toBe(0);
    expect(document).toEqual({
      name: 'x',
      list: [{ name: 'a@list[0].name' }, { name: 'b@list[1].name@list[1].name' }, {}],
      deep: { list: ['c@deep.list[0]'] },
    });
  });
});
