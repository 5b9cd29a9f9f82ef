import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { fundflow, merchantList, tradeAll } from '../../../operations/bill/bill-text.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-read-'));
  writeFileSync(join(dir, 'trade.csv'), tradeAll);
  writeFileSync(join(dir, 'trade.csv.gz'), gzipSync(tradeAll));
  writeFileSync(join(dir, 'fundflow.csv'), fundflow);
  writeFileSync(join(dir, 'lying.csv'), tradeAll.replace('`3,`112.90', '`4,`112.90'));
  writeFileSync(join(dir, 'formula.csv'), tradeAll.replace('`shop=7', '`=cmd|calc'));
  writeFileSync(join(dir, 'orders.csv'), merchantList);
  writeFileSync(join(dir, 'short.csv'), merchantList.replace(/T20261122_000001.*\n/, ''));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (argv: readonly string[], lang = 'en'): Promise<RunResult> =>
  runInProcess(argv, { env: { HOME: dir, WXPAY_LANG: lang }, cwd: dir });

describe('bill read', () => {
  test('knows the kind of a bill by its header, packed or not', async () => {
    const plain = await run(['bill', 'read', 'trade.csv', '-o', 'ndjson']);
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect((await run(['bill', 'read', 'trade.csv.gz', '-o', 'ndjson'])).stdout).toBe(plain.stdout);
    const flow = await run(['bill', 'read', 'fundflow.csv', '--sum', '--json']);
    expect(JSON.parse(flow.stdout)).toMatchObject({ bills: [{ count: 3, income: 1_290, expense: 4_978 }] });
  });

  test('needs no merchant and asks nobody', async () => {
    expect(await run(['bill', 'read', 'trade.csv'])).toMatchObject({ code: 0 });
  });

  test('with --sha1, refuses what has another hash before a row is shown', async () => {
    const sha1 = createHash('sha1').update(tradeAll).digest('hex').toUpperCase();
    expect(await run(['bill', 'read', 'trade.csv.gz', '--sha1', sha1, '-o', 'csv'])).toMatchObject({ code: 0 });
    const other = await run(['bill', 'read', 'lying.csv', '--sha1', sha1, '-o', 'json']);
    expect(other).toMatchObject({ code: 6, stdout: '' });
    expect(errorOf(other)).toMatchObject({ code: 'BILL_HASH_WRONG' });
    expect(await run(['bill', 'read', 'trade.csv', '--sha1', 'abc'])).toMatchObject({ code: 2 });
  });

  test.each(['table', 'json', 'ndjson', 'csv'])(
    'a summary that contradicts the rows ends with 6, as %s',
    async (format) => {
      const result = await run(['bill', 'read', 'lying.csv', '-o', format]);
      expect(result.code).toBe(6);
      expect(result.stderr).toContain("count adds up to 3, but the bill's own last line says 4");
      expect(await run(['bill', 'read', 'lying.csv', '-o', format, '--out', 'lying.out'])).toMatchObject({ code: 6 });
      expect(() => readFileSync(join(dir, 'lying.out'))).toThrow(/ENOENT/);
    },
  );

  test('a cell that a spreadsheet would run is quoted, unless that is asked for (THREATS A4)', async () => {
    expect((await run(['bill', 'read', 'formula.csv', '-o', 'csv'])).stdout).toContain(`"'=cmd|calc"`);
    expect((await run(['bill', 'read', 'formula.csv', '-o', 'csv', '--unsafe-formulas'])).stdout).toContain(
      ',=cmd|calc,',
    );
    // Negative amounts stay numbers.
    expect((await run(['bill', 'read', 'trade.csv', '-o', 'csv'])).stdout).toContain(',-30000,');
  });

  test('the table speaks both languages', async () => {
    expect((await run(['bill', 'read', 'trade.csv'], 'zh-CN')).stdout).toContain('商户订单号');
    expect((await run(['bill', 'read', 'trade.csv'])).stdout).toContain('¥0.38');
  });

  test('a file that is not there is said plainly', async () => {
    expect(await run(['bill', 'read', 'missing.csv'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('bill reconcile', () => {
  test('agrees: exit 0', async () => {
    const result = await run(['bill', 'reconcile', 'trade.csv', 'orders.csv', '--json']);
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      matched: 3,
      difference_count: 0,
      differences: [],
      summary_agrees: true,
    });
  });

  test('differs: each difference, and exit 9', async () => {
    const result = await run(['bill', 'reconcile', 'trade.csv', 'short.csv', '-o', 'csv']);
    expect(result.code).toBe(9);
    expect(result.stdout).toContain('missing_at_merchant,payment,T20261122_000001,1290,');
    const table = await run(['bill', 'reconcile', 'trade.csv', 'short.csv'], 'zh-CN');
    expect(table).toMatchObject({ code: 9 });
    expect(table.stdout).toContain('清单中没有');
  });

  test('a bill that contradicts itself is no measure: exit 6', async () => {
    expect(await run(['bill', 'reconcile', 'lying.csv', 'orders.csv'])).toMatchObject({ code: 6 });
  });
});
