/** The sub-orders of a combined order are found through it, and refunded by their own numbers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deriveRefundNo } from '../../../../src/operations/refund-number.ts';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
  await combined('SUB_BAD_1');
});
afterAll(async () => local.close());

const run = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunResult> =>
  runInProcess(argv, {
    env: { ...local.env, HOME: local.home.dir, WXPAY_LANG: 'en', WXPAY_NOTIFY_URL: 'http://127.0.0.1:9/n', ...env },
    cwd: local.home.dir,
  });

/** Two sub-orders, of 1.00 and 0.34 yuan; `no` with A and B. */
async function combined(no: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const sub_orders = [100, 34].map((total_amount, at) => ({
    out_trade_no: `${no}${at === 0 ? 'A' : 'B'}`,
    description: 'Coffee',
    attach: 'a',
    amount: { total_amount },
  }));
  writeFileSync(join(local.home.dir, `${no}.json`), JSON.stringify({ combine_out_trade_no: no, sub_orders }));
  const placed = await run(['order', 'create', '--type', 'native', '--combine', `@${no}.json`, '--json'], env);
  expect(placed).toMatchObject({ code: 0 });
}
const refundsOf = (no: string): readonly object[] =>
  local.emulator.ledger().refunds.filter(({ out_trade_no }) => out_trade_no === no);

test('by out_trade_no or transaction_id it is one and the same refund, with the derived number', async () => {
  await combined('SUB_OK_1');
  await local.emulator.pay({ order: 'SUB_OK_1', callback: false });
  const refund = async (no: string): Promise<Record<string, unknown>> => {
    const result = await run(['refund', no, '--combine', 'SUB_OK_1', '--amount', '30fen', '--json']);
    expect(result).toMatchObject({ code: 0 });
    return JSON.parse(result.stdout) as Record<string, unknown>;
  };
  const first = await refund('SUB_OK_1B');
  const transactionId = String(first['transaction_id']);
  expect(first).toMatchObject({
    result: 'accepted',
    out_trade_no: 'SUB_OK_1B',
    out_refund_no: deriveRefundNo({ mchid: local.info.mchid, transactionId, batchId: '', ref: '' }),
    amount: { refund: 30, total: 34 },
  });
  expect(await refund(transactionId)).toMatchObject({ result: 'existing', out_refund_no: first['out_refund_no'] });
  expect(refundsOf('SUB_OK_1B')).toMatchObject([{ amount: 30 }]);
  expect(refundsOf('SUB_OK_1A')).toEqual([]);
});

test('--all refunds the whole sub-order, not the whole payment', async () => {
  await combined('SUB_ALL_1');
  await local.emulator.pay({ order: 'SUB_ALL_1', callback: false });
  const result = await run([
    'refund',
    'SUB_ALL_1A',
    '--combine',
    'SUB_ALL_1',
    '--all',
    '--json',
    '--query',
    'amount.refund',
  ]);
  expect([result.code, result.stdout]).toEqual([0, '100\n']);
});

test('a dry run looks the combined order up and shows the refund', async () => {
  await combined('SUB_DRY_1');
  await local.emulator.pay({ order: 'SUB_DRY_1', callback: false });
  const result = await run(['refund', 'SUB_DRY_1A', '--combine', 'SUB_DRY_1', '--all', '--dry-run', '--json']);
  expect(JSON.parse(result.stdout)).toMatchObject({ method: 'POST', body: { amount: { refund: 100, total: 100 } } });
  expect(refundsOf('SUB_DRY_1A')).toEqual([]);
});

test('without --combine the 404 says what a sub-order needs', async () => {
  await combined('SUB_HINT_1');
  const result = await run(['refund', 'SUB_HINT_1A', '--all', '--json']);
  expect([result.code, errorOf(result)]).toMatchObject([
    5,
    { code: 'NOT_FOUND', hint: expect.stringContaining('--combine') },
  ]);
});

test.each([
  [
    'one that is not in it',
    ['SUB_BAD_1C', '--combine', 'SUB_BAD_1'],
    5,
    { code: 'NOT_FOUND', hint: expect.stringContaining('SUB_BAD_1A, SUB_BAD_1B') },
  ],
  ['the combined number itself', ['SUB_BAD_1', '--combine', 'SUB_BAD_1'], 5, { code: 'NOT_FOUND' }],
  ['a combined order that is none', ['SUB_BAD_1A', '--combine', 'SUB_NONE_1'], 5, { code: 'NOT_FOUND' }],
  ['an unpaid one', ['SUB_BAD_1A', '--combine', 'SUB_BAD_1'], 4, { code: 'ORDER_NOT_PAID' }],
  ['a number of another form', ['SUB_BAD_1A', '--combine', 'a/b'], 2, { code: 'PATH_INVALID' }],
] as const)('%s is refused, and nothing is sent', async (_what, argv, code, error) => {
  const result = await run(['refund', ...argv, '--all', '--json']);
  expect([result.code, result.stdout, errorOf(result)]).toMatchObject([
    code,
    '',
    { ...error, outcome: expect.stringMatching(/^not_sent|^rejected|^no_effect/) },
  ]);
  expect(refundsOf('SUB_BAD_1A')).toEqual([]);
});
