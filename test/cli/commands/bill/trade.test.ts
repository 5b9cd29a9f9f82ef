import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openBillStage, textOf, type BillStage } from './bill-stage.ts';

let stage: BillStage;
beforeAll(async () => {
  stage = await openBillStage();
  const { emulator } = stage.local;
  emulator.seed({ count: 5, total: 1290, paid_ago_ms: stage.day, prefix: 'A' });
  emulator.seed({ count: 2, total: 10_000, paid_ago_ms: stage.day + 60_000, prefix: 'B' });
  emulator.seed({ count: 1, total: 700, paid_ago_ms: 3 * stage.day, prefix: 'C' });
});
afterAll(async () => stage.close());
afterEach(() => stage.local.emulator.faults.clear());

const rowsOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const parts = (): readonly string[] => {
  const folder = join(stage.local.home.dir, 'cache', 'bills');
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe('a day', () => {
  test('as NDJSON: one line per row, in fen and RFC 3339', async () => {
    const result = await stage.run(['bill', 'trade', stage.date, '-o', 'ndjson']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const rows = rowsOf(result.stdout);
    expect(rows).toHaveLength(7);
    expect(rows[2]).toMatchObject({ total: 1290, refund: 0, fee_millifen: 8_000, trade_state: 'SUCCESS' });
    expect(rows[2]?.['trade_time']).toMatch(/^2026-11-22T\d\d:\d\d:\d\d\+08:00$/);
    expect(parts()).toEqual([]);
  });

  test('as one JSON document, with sums and the verdict on the summary', async () => {
    const { code, stdout } = await stage.run(['bill', 'trade', stage.date, '-o', 'json']);
    const { bills } = JSON.parse(stdout) as { bills: { rows: unknown[] }[] };
    expect(code).toBe(0);
    expect(bills).toHaveLength(1);
    expect(bills[0]).toMatchObject({
      bill_date: stage.date,
      sums: { count: 7, total: 26_450 },
      summary: { count: 7, total: 26_450 },
      summary_agrees: true,
    });
    expect(bills[0]?.rows).toHaveLength(7);
  });

  test('as a table: rows for people, and what they add up to', async () => {
    const { code, stdout } = await stage.run(['bill', 'trade', stage.date]);
    expect(code).toBe(0);
    expect(stdout).toContain('¥264.50');
    expect(stdout).toContain('A00000001');
  });

  test('as CSV, safe to open', async () => {
    const { stdout } = await stage.run(['bill', 'trade', stage.date, '-o', 'csv']);
    const lines = stdout.trimEnd().split('\r\n');
    expect(lines[0]).toBe(
      'trade_time,appid,mchid,sub_mchid,device_id,transaction_id,out_trade_no,openid,trade_type,trade_state,bank_type,currency,settlement_total,coupon_amount,refund_id,out_refund_no,settlement_refund,coupon_refund,refund_channel,refund_status,description,attach,fee_millifen,rate,total,refund,rate_note',
    );
    expect(lines).toHaveLength(8);
  });

  test('--where and --sum', async () => {
    const { stdout } = await stage.run(['bill', 'trade', stage.date, '--sum', '--where', 'total>50yuan', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      bills: [{ bill_date: stage.date, count: 2, total: 20_000, summary_agrees: true }],
      total: { count: 2, total: 20_000 },
    });
    const { stdout: lines } = await stage.run([
      'bill',
      'trade',
      stage.date,
      '--where',
      'out_trade_no=A00000003',
      '-o',
      'ndjson',
    ]);
    expect(rowsOf(lines)).toMatchObject([{ out_trade_no: 'A00000003' }]);
  });

  test('--raw is the bill as WeChat Pay made it', async () => {
    const { stdout } = await stage.run(['bill', 'trade', stage.date, '--raw']);
    expect(stdout).toMatch(/^交易时间,公众账号ID/);
    expect(stdout.split('\n').at(-2)).toBe('`7,`264.50,`0.00,`0.00,`1.60000,`264.50,`0.00');
  });

  test('--out: a file of 0600 that is there when it is whole, in the form of its name', async () => {
    const { home } = stage.local;
    const result = await stage.run(['bill', 'trade', stage.date, '--out', 'day.ndjson']);
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(result.stderr).toContain('day.ndjson');
    expect(rowsOf(textOf(stage, 'day.ndjson'))).toHaveLength(7);
    expect(statSync(join(home.dir, 'day.ndjson')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.dir).filter((name) => name.endsWith('.part'))).toEqual([]);
    writeFileSync(join(home.dir, 'target'), 'kept');
    symlinkSync(join(home.dir, 'target'), join(home.dir, 'link.csv'));
    expect(await stage.run(['bill', 'trade', stage.date, '--out', 'link.csv'])).toMatchObject({ code: 3 });
    expect(textOf(stage, 'target')).toBe('kept');
  });
});

test('a fund-flow bill: what came in and what went out', async () => {
  const { code, stdout } = await stage.run([
    'bill',
    'fundflow',
    stage.date,
    '--where',
    'direction=支出',
    '--sum',
    '--json',
  ]);
  expect({ code, data: JSON.parse(stdout) as unknown }).toMatchObject({
    code: 0,
    data: { bills: [{ count: 7, income_count: 0, expense_count: 7, expense: 160, summary_agrees: true }] },
  });
  const { stdout: none } = await stage.run(['bill', 'fundflow', stage.date, '--account', 'fees']);
  expect(none).toBe('No transactions.\n');
});

describe('several days', () => {
  test('stream day by day; a day without a bill is said and is no failure', async () => {
    const result = await stage.run(['bill', 'trade', '2026-11-20..2026-11-22', '-o', 'ndjson']);
    expect(result.code).toBe(0);
    expect(rowsOf(result.stdout).map(({ out_trade_no: no }) => no)).toEqual([
      'C00000001',
      'B00000001',
      'B00000002',
      ...[1, 2, 3, 4, 5].map((number) => `A0000000${number}`),
    ]);
    expect(result.stderr).toBe('2026-11-21: no transactions, so WeChat Pay made no bill.\n');
  });

  test('as sums: one line per day and one for all', async () => {
    const { stdout } = await stage.run(['bill', 'trade', '2026-11-20..2026-11-22', '--sum', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({
      bills: [{ count: 1, total: 700 }, { count: 0, summary_agrees: null }, { count: 7 }],
      total: { count: 8, total: 27_150 },
    });
  });

  test('as raw files in a folder', async () => {
    expect(await stage.run(['bill', 'trade', '2026-11-20..2026-11-22', '--raw'])).toMatchObject({ code: 2 });
    mkdirSync(join(stage.local.home.dir, 'raw'));
    expect(await stage.run(['bill', 'trade', '2026-11-20..2026-11-22', '--raw', '--out', 'raw'])).toMatchObject({
      code: 0,
    });
    expect(readdirSync(join(stage.local.home.dir, 'raw')).sort()).toEqual(['2026-11-20.csv', '2026-11-22.csv']);
  });
});

test('a day without a bill alone: exit 0, and an answer in every form', async () => {
  expect(await stage.run(['bill', 'trade', '2026-11-21'])).toMatchObject({ code: 0, stdout: 'No transactions.\n' });
  const { code, stdout } = await stage.run(['bill', 'trade', '2026-11-21', '-o', 'json']);
  expect({ code, data: JSON.parse(stdout) as unknown }).toMatchObject({
    code: 0,
    data: { bills: [{ bill_date: '2026-11-21', rows: [], summary: null }] },
  });
});

describe('refuses before anything is sent', () => {
  test.each([
    [['trade', '2026-11-23']],
    [['trade', 'today']],
    [['trade', '2026-11-22', '--where', 'x=1']],
    [['trade', '2026-11-22', '--raw', '--sum']],
    [['trade', '2026-11-22', '--sum', '--out', 'x']],
    [['trade', '2026-11-22', '--type', 'other']],
    [['trade', '2026-11-22', '--max-size', 'big']],
    [['trade', '2026-11-22', '-o', 'ndjson', '--query', 'x']],
    [['fundflow', '2026-11-22', '--account', 'other']],
  ])('%j', async (argv) => {
    const before = stage.local.emulator.requests.length;
    expect(await stage.run(['bill', ...argv])).toMatchObject({ code: 2, stdout: '' });
    expect(stage.local.emulator.requests).toHaveLength(before);
  });
});

test('--dry-run shows the request and sends nothing', async () => {
  const before = stage.local.emulator.requests.length;
  const { code, stdout } = await stage.run(['bill', 'trade', stage.date, '--dry-run', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    url: `${stage.local.info.url}/v3/bill/tradebill?bill_date=2026-11-22&bill_type=ALL&tar_type=GZIP`,
  });
  expect(stage.local.emulator.requests).toHaveLength(before);
});

test('a bill of the day that is not made yet: exit 4, and when it will be there', async () => {
  const fault = { kind: 'status', status: 400, path: '/v3/bill/tradebill' } as const;
  stage.local.emulator.faults.add(fault);
  expect(await stage.run(['bill', 'trade', stage.date])).toMatchObject({ code: 4, stdout: '' });
});

describe('against an emulator whose clock was moved', () => {
  afterEach(() => {
    stage.local.emulator.moveClock({ reset: true });
  });

  test('its yesterday is asked for, and a day that has not come here is there', async () => {
    const { emulator } = stage.local;
    emulator.moveClock({ by_ms: 3 * stage.day });
    emulator.seed({ count: 2, total: 1290, paid_ago_ms: stage.day, prefix: 'MOVED' });
    const numbers = async (date: string, kind = 'trade') =>
      rowsOf((await stage.run(['bill', kind, date, '-o', 'ndjson'])).stdout).length;
    expect(await numbers('yesterday')).toBe(2);
    expect(await numbers('2026-11-25')).toBe(2);
    expect(await numbers('2026-11-22..2026-11-25')).toBe(9);
    // Payments and their fees.
    expect(await numbers('2026-11-25', 'fundflow')).toBe(4);
    const { code, stderr } = await stage.run(['bill', 'trade', '2026-11-26', '--lang', 'en']);
    expect(code).toBe(2);
    expect(stderr).toContain('today is 2026-11-26 in Beijing');
  });

  test('set back, it refuses what lies ahead of it', async () => {
    stage.local.emulator.moveClock({ by_ms: -2 * stage.day });
    const { code, stderr } = await stage.run(['bill', 'trade', stage.date, '--lang', 'en']);
    expect(code).toBe(2);
    expect(stderr).toContain('today is 2026-11-21 in Beijing');
  });

  test('a dry run asks nobody', async () => {
    stage.local.emulator.moveClock({ by_ms: 3 * stage.day });
    const before = stage.local.emulator.requests.length;
    expect(await stage.run(['bill', 'trade', '2026-11-25', '--dry-run'])).toMatchObject({ code: 2 });
    expect(await stage.run(['bill', 'trade', stage.date, '--dry-run'])).toMatchObject({ code: 0 });
    expect(stage.local.emulator.requests).toHaveLength(before);
  });

  test.each([
    ['nobody answers', 'http://127.0.0.1:9'],
    ['nobody answers with TLS', 'https://127.0.0.1:9'],
  ])('where %s, this machine says which day it is', async (_, url) => {
    const later = await stage.run(['bill', 'trade', '2026-11-25', '--lang', 'en', '--base-url', url]);
    expect(later).toMatchObject({ code: 2 });
    expect(later.stderr).toContain('today is 2026-11-23 in Beijing');
    expect(await stage.run(['bill', 'trade', stage.date, '--retries', '0', '--base-url', url])).toMatchObject({
      code: 7,
    });
  });
});
