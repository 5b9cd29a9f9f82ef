import { expect, test } from 'vitest';
import { compileQuery, QueryError } from '../../src/output/query.ts';

test.each(['', '[', 'a b', '[?a==]', 'nosuch(@)', '[].{x: nosuch(y)}', 'a | nosuch(@)'])(
  'O3: refuses %j before there is any data',
  async (expression) => {
    await expect(compileQuery(expression)).rejects.toBeInstanceOf(QueryError);
  },
);

test.each([
  ['trade_state', { trade_state: 'SUCCESS' }, 'SUCCESS'],
  ['amount.total', { amount: { total: 1 } }, 1],
  ['length(@)', [1, 2], 2],
  [
    "[?state=='A'].no",
    [
      { state: 'A', no: 1 },
      { state: 'B', no: 2 },
    ],
    [1],
  ],
  ['sort_by(@, &n)[0].n', [{ n: 2 }, { n: 1 }], 1],
  ['nothing', {}, null],
])('%s finds what it names', async (expression, data, found) => {
  expect((await compileQuery(expression))(data)).toEqual(found);
});

test('data that does not fit the expression is an error of its own kind', async () => {
  const query = await compileQuery('length(@)');
  expect(() => query(1)).toThrow(QueryError);
});
