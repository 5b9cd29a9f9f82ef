import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reconcile, type Difference, type Reconciliation } from '../../../src/operations/bill/reconcile.ts';
import { fundflow, merchantList, tradeAll } from './bill-text.ts';

let dir = '';
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'wxpay-reconcile-'))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(
  list: string,
  bill: string | Buffer = tradeAll,
  partRows?: number,
): Promise<Reconciliation & { readonly found: readonly Difference[] }> {
  const [billFile, listFile] = [join(dir, 'bill'), join(dir, 'list.csv')];
  writeFileSync(billFile, bill);
  writeFileSync(listFile, list);
  const found: Difference[] = [];
  const result = await reconcile(billFile, listFile, {
    billName: 'bill',
    listName: 'list.csv',
    ...(partRows === undefined ? {} : { partRows }),
    onDifference: (difference) => found.push(difference),
  });
  return { ...result, found };
}

const told = ({ found }: { readonly found: readonly Difference[] }): readonly string[] =>
  found
    .map(
      ({ difference, kind, number, bill_amount: bill, merchant_amount: own }) =>
        `${difference} ${kind} ${number} ${bill} ${own}`,
    )
    .sort();

test('books that agree have no differences, packed or not', async () => {
  for (const bill of [tradeAll, gzipSync(tradeAll)])
    expect(await run(merchantList, bill)).toMatchObject({ matched: 3, differences: 0, merchant_rows: 3, left_out: 0 });
});

test('by transaction_id, in fen, with backticks, a byte order mark and CRLF', async () => {
  const list =
    '\uFEFFtransaction_id,out_refund_no,amount_fen\r\n`4200001234202611221234567890,0,1290\r\n`4200001235202611222345678901,,10000\r\n`4200001235202611222345678901,R20261122_000001,5000\r\n';
  expect(await run(list)).toMatchObject({ matched: 3, differences: 0 });
});

describe('names what differs', () => {
  test.each<[string, (list: string) => string, readonly string[]]>([
    [
      'missing at the merchant',
      (list) => list.replace(/T20261122_000001.*\n/, ''),
      ['missing_at_merchant payment T20261122_000001 1290 null'],
    ],
    [
      'missing in the bill',
      (list) => `${list}T20261122_000009,,1.00,SUCCESS\nT20261122_000002,R9,1.00,SUCCESS\n`,
      ['missing_at_wechat payment T20261122_000009 null 100', 'missing_at_wechat refund R9 null 100'],
    ],
    ['another amount', (list) => list.replace('12.90', '12.91'), ['amount payment T20261122_000001 1290 1291']],
    [
      'another amount of a refund',
      (list) => list.replace('50.00', '5.00'),
      ['amount refund R20261122_000001 5000 500'],
    ],
    [
      'another state',
      (list) => list.replace('12.90,SUCCESS', '12.90,CLOSED'),
      ['state payment T20261122_000001 1290 1290'],
    ],
    [
      'a number twice in the list',
      (list) => `${list}T20261122_000001,,12.90,SUCCESS\n`,
      ['twice_at_merchant payment T20261122_000001 null 1290'],
    ],
  ])('%s', async (_name, change, expected) => {
    expect(told(await run(change(merchantList)))).toEqual(expected);
  });

  test('a number twice in the bill', async () => {
    const rows = tradeAll.split('\n');
    const twice = [...rows.slice(0, 2), ...rows.slice(1)].join('\n');
    const result = await run(merchantList, twice);
    expect(told(result)).toEqual(['twice_in_bill payment T20261122_000001 1290 1290']);
    expect(result.bill.differences.length).toBeGreaterThan(0);
  });
});

test('a refund that was under way when the bill was made is in no wrong state', async () => {
  for (const state of ['SUCCESS', 'PROCESSING', 'ABNORMAL', 'CLOSED', ''])
    expect(await run(merchantList.replace('50.00,SUCCESS', `50.00,${state}`))).toMatchObject({ differences: 0 });
  const settled = tradeAll.replace('`PROCESSING', '`CHANGE');
  expect(await run(merchantList.replace('50.00,SUCCESS', '50.00,ABNORMAL'), settled)).toMatchObject({ differences: 0 });
  expect(told(await run(merchantList, settled))).toEqual(['state refund R20261122_000001 5000 5000']);
});

test('a bill of payments is not asked for refunds', async () => {
  const drop = [14, 15, 16, 17, 18, 19, 25];
  const payments = tradeAll
    .split('\n')
    .filter((line) => !line.includes('`REFUND'))
    .map((line) =>
      line.startsWith('总') || line.startsWith('`3,') || line === ''
        ? line
        : line
            .split(',')
            .filter((_, at) => !drop.includes(at))
            .join(','),
    )
    .join('\n');
  expect(await run(merchantList, payments)).toMatchObject({ differences: 0, left_out: 1, matched: 2 });
});

test('in parts it finds the same', async () => {
  const list = merchantList.replace('12.90', '12.91').concat('T20261122_000009,,1.00,SUCCESS\n');
  const whole = await run(list);
  for (const partRows of [1, 2, 3]) {
    const parted = await run(list, tradeAll, partRows);
    expect(told(parted)).toEqual(told(whole));
    expect(parted.matched).toBe(whole.matched);
  }
});

test.each([
  ['nothing', '', 'list_empty'],
  ['no number', 'a,amount_fen\nx,1\n', 'list_number'],
  ['no amount', 'out_trade_no\nT20261122_000001\n', 'list_amount'],
  ['two units', 'out_trade_no,amount_fen,amount_yuan\nT1,1,1\n', 'list_amount'],
  ['a column twice', 'out_trade_no,商户订单号,amount_fen\nT1,T1,1\n', 'list_twice'],
  ['an amount of neither unit', 'out_trade_no,amount_fen\nT20261122_000001,12.90\n', 'list_cell'],
  ['a third decimal', 'out_trade_no,amount_yuan\nT20261122_000001,1.005\n', 'list_cell'],
  ['a spreadsheet number', 'transaction_id,amount_fen\n4.2E+27,1\n', 'list_cell'],
  ['a ragged row', 'out_trade_no,amount_fen\nT1\n', 'list_csv'],
])('refuses a list with %s', async (_name, list, reason) => {
  await expect(run(list)).rejects.toThrow(new RegExp(`key:bill.reason.${reason}`));
});

test('refuses a fund-flow bill', async () => {
  await expect(run(merchantList, fundflow)).rejects.toThrow(/reconcile_kind/);
});
