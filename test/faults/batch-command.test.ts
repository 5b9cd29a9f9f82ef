/** `wxpay refund batch`, the built program against an emulator: what people do with files, and what machines do to processes. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/emulator/refunds.ts';
import { gb18030 } from '../operations/refund-batch/gb18030.ts';
import { binary, errorOf, makeHome, type RunOptions, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { onTerminal } from '../system/terminal.ts';
import type { Report } from './batch-stage.ts';
import { timeOf, until } from '../helpers/timing.ts';

let local: Local;
let dir = '';
let folders = 0;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});
beforeEach(() => {
  dir = join(local.home.dir, `work-${(folders += 1)}`);
  mkdirSync(dir);
});
afterEach(() => {
  local.emulator.faults.clear();
  local.emulator.configureRefunds({ settle_after_ms: 50, next: [] });
});

interface Order {
  readonly transaction_id: string;
  readonly out_trade_no: string;
}
const orders = (count: number, total = 1_000): readonly Order[] => local.emulator.seed({ count, total });
const head = 'transaction_id,out_trade_no,amount_fen,reason,ref';
const line = ({ transaction_id }: Order, fen = 100, ref = ''): string => `${transaction_id},,${fen},商品已售完,${ref}`;
const byName = ({ out_trade_no }: Order, fen = 100, ref = ''): string => `,${out_trade_no},${fen},商品已售完,${ref}`;
const write = (name: string, rows: readonly string[], encode = (text: string): Buffer => Buffer.from(text)): string => {
  writeFileSync(join(dir, name), encode(`${[head, ...rows].join('\n')}\n`));
  return name;
};
const batch = async (file: string, more: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> =>
  local.run(['refund', 'batch', file, ...more], { cwd: dir, ...options });
const reportOf = ({ stdout }: RunResult): Report => JSON.parse(stdout) as Report;
const ledgerOf = (list: readonly Order[]): readonly LedgerEntry[] => {
  const ids = new Set(list.map(({ transaction_id }) => transaction_id));
  return local.emulator.ledger().refunds.filter(({ transaction_id }) => ids.has(transaction_id));
};
const journals = (): string[] => readdirSync(dir).filter((name) => name.endsWith('.journal'));
const posts = { method: 'POST', path: '/v3/refund/domestic/refunds' } as const;
/** How often each order was refunded. */
const counts = (list: readonly Order[]): number[] => list.map((order) => ledgerOf([order]).length);
const ones = (list: readonly Order[]): number[] => list.map(() => 1);

describe('a file', () => {
  test('is refunded, told row by row, and reconciled', async () => {
    const list = orders(5);
    const result = await batch(
      write(
        'r.csv',
        list.map((order) => line(order)),
      ),
      ['--json'],
    );
    expect(result.code).toBe(0);
    const report = reportOf(result);
    expect(report).toMatchObject({
      planned: { count: 5, fen: 500 },
      processing: { count: 5, fen: 500 },
      failed: { count: 0 },
      reconciled: true,
      stopped: null,
    });
    expect(report.rows.map((row) => [row.line, row.transaction_id])).toEqual(
      list.map((order, index) => [index + 2, order.transaction_id]),
    );
    expect(counts(list)).toEqual(ones(list));
  });

  test('forty at once says nothing about it: stderr holds no warning of Node', async () => {
    const list = orders(60);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const result = await batch(file, ['--concurrency', '40', '--quiet']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(counts(list)).toEqual(ones(list));
  });

  test('twice refunds nothing twice', async () => {
    const list = orders(5);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    expect((await batch(file)).code).toBe(0);
    const again = await batch(file, ['--json']);
    expect(again.code).toBe(0);
    expect(reportOf(again).rows.every(({ existing }) => existing)).toBe(true);
    expect(counts(list)).toEqual(ones(list));
  });

  test.each<[string, (list: readonly Order[]) => string]>([
    [
      'sorted',
      (list) =>
        write(
          'r.csv',
          list.toReversed().map((order) => line(order)),
        ),
    ],
    [
      're-encoded',
      (list) =>
        write(
          'r.csv',
          list.map((order) => line(order)),
          gb18030,
        ),
    ],
    [
      'with CRLF and a byte order mark',
      (list) =>
        write(
          'r.csv',
          list.map((order) => line(order)),
          (text) => Buffer.from(`\uFEFF${text.replaceAll('\n', '\r\n')}`),
        ),
    ],
    [
      'under another name',
      (list) =>
        write(
          'other.csv',
          list.map((order) => line(order)),
        ),
    ],
    [
      'by the other order number',
      (list) =>
        write(
          'r.csv',
          list.map((order) => byName(order)),
        ),
    ],
    [
      'as NDJSON',
      (list) => {
        const rows = list.map(({ out_trade_no }) => JSON.stringify({ out_trade_no, amount_fen: 100 }));
        writeFileSync(join(dir, 'r.ndjson'), rows.join('\n'));
        return 'r.ndjson';
      },
    ],
    [
      'with rows before and behind',
      (list) =>
        write(
          'r.csv',
          [...orders(2), ...list, ...orders(2)].map((order) => line(order)),
        ),
    ],
    [
      'with other reasons',
      (list) =>
        write(
          'r.csv',
          list.map((order) => line(order).replace('售完', '缺货')),
        ),
    ],
  ])('%s refunds nothing twice', async (_, again) => {
    const list = orders(5);
    expect(
      (
        await batch(
          write(
            'r.csv',
            list.map((order) => line(order)),
          ),
        )
      ).code,
    ).toBe(0);
    const result = await batch(again(list), ['--json']);
    expect(result).toMatchObject({ code: 0 });
    expect(reportOf(result).reconciled).toBe(true);
    expect(counts(list)).toEqual(ones(list));
  });

  test('with one amount edited: its row stops, the others are done already', async () => {
    const list = orders(5);
    await batch(
      write(
        'r.csv',
        list.map((order) => line(order)),
      ),
    );
    const result = await batch(
      write(
        'r.csv',
        list.map((order, index) => line(order, index === 2 ? 200 : 100)),
      ),
      ['--json'],
    );
    expect(result.code).toBe(9);
    const report = reportOf(result);
    expect(report.rows.map((row) => row.result === 'failed')).toEqual([false, false, true, false, false]);
    expect(report.rows[2]).toMatchObject({ code: 'REFUND_DIFFERS', message: 'amount.refund: 100 ≠ 200' });
    expect(counts(list)).toEqual(ones(list));
  });

  test('from a machine without the journal', async () => {
    const list = orders(5);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    await batch(file);
    for (const name of journals()) rmSync(join(dir, name));
    const home = makeHome();
    copyFileSync(join(dir, file), join(home.dir, file));
    const result = await home.run(['refund', 'batch', join(home.dir, file), '--json'], { env: local.env });
    home.remove();
    expect(result.code).toBe(0);
    expect(reportOf(result).rows.every(({ existing }) => existing)).toBe(true);
    expect(counts(list)).toEqual(ones(list));
  });

  test('mixed with single refunds of the same orders, before and after', async () => {
    const list = orders(4);
    const [first, second] = list as [Order, Order];
    expect((await local.run(['refund', first.out_trade_no, '--amount', '100'])).code).toBe(0);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    expect((await batch(file)).code).toBe(0);
    const again = await local.run(['refund', second.transaction_id, '--amount', '100', '--json']);
    expect([0, 4]).toContain(again.code);
    expect(counts(list)).toEqual(ones(list));
    // A second refund of an order is wanted by another ref, and only so.
    expect((await local.run(['refund', first.out_trade_no, '--amount', '100', '--ref', 'second'])).code).toBe(0);
    expect(counts(list)).toEqual([2, 1, 1, 1]);
  });

  test('another batch id refunds anew, and its journal is another one', async () => {
    const list = orders(2);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    await batch(file, ['--batch-id', 'monday']);
    await batch(file, ['--batch-id', 'monday']);
    expect((await batch(file, ['--batch-id', 'tuesday'])).code).toBe(0);
    expect(counts(list)).toEqual([2, 2]);
    expect(journals()).toHaveLength(2);
  });

  test('in four shards is what it is in one run', async () => {
    const list = orders(40);
    const rows = list.map((order, index) => (index % 3 === 0 ? byName(order) : line(order)));
    const file = write('r.csv', rows);
    const names = await Promise.all(
      [1, 2, 3, 4].map(async (index) => {
        const name = `shard-${index}.json`;
        const result = await batch(file, ['--shard', `${index}/4`, '--report', name, '--wait']);
        expect(result).toMatchObject({ code: 0 });
        return name;
      }),
    );
    expect(counts(list)).toEqual(ones(list));
    const merged = await local.run(['refund', 'report', 'merge', ...names, '--json', '--report', 'all.csv'], {
      cwd: dir,
    });
    expect(merged.code).toBe(0);
    const one = reportOf(await batch(file, ['--json']));
    const all = reportOf(merged);
    expect(all.rows.map(({ line, out_refund_no, refund_id }) => [line, out_refund_no, refund_id])).toEqual(
      one.rows.map(({ line, out_refund_no, refund_id }) => [line, out_refund_no, refund_id]),
    );
    expect(all).toMatchObject({ planned: { count: 40 }, reconciled: true, problems: [] });
    const missing = await local.run(['refund', 'report', 'merge', ...names.slice(1), '--json'], { cwd: dir });
    expect(missing.code).toBe(9);
  });
});

describe('before anything is sent', () => {
  test('every fault of every row is told, with line and column; exit 2', async () => {
    const [order] = orders(1) as [Order];
    const file = write('r.csv', [
      line(order),
      line(order),
      line(order, 0),
      `${order.transaction_id},X,1,,`,
      ',,1,,',
      line(order, 1, '=1'),
    ]);
    const result = await batch(file, ['--json']);
    expect(result.code).toBe(2);
    const { faults, fault_count } = JSON.parse(result.stdout) as {
      faults: { line: number; reason: string }[];
      fault_count: number;
    };
    expect(faults.map(({ line, reason }) => [line, reason])).toEqual([
      [3, 'row_duplicate'],
      [4, 'amount_invalid'],
      [5, 'out_trade_no'],
      [5, 'number_both'],
      [6, 'number_missing'],
      [7, 'formula'],
    ]);
    expect(fault_count).toBe(6);
    expect(ledgerOf([order])).toEqual([]);
    expect(journals()).toEqual([]);
  });

  test('an order that is not there or not big enough stops the whole file', async () => {
    const list = orders(3);
    const file = write('r.csv', [
      ...list.map((order) => line(order)),
      '4200009999202611230000000001,,1,,',
      line(orders(1)[0] as Order, 1_001),
    ]);
    const result = await batch(file, ['--json']);
    expect(result.code).toBe(2);
    expect(
      (JSON.parse(result.stdout) as { faults: { reason: string }[] }).faults.map(({ reason }) => reason).toSorted(),
    ).toEqual(['amount_above_total', 'order_not_found']);
    expect(counts(list)).toEqual([0, 0, 0]);
    expect(journals()).toEqual([]);
  });

  test("the columns are called as the file calls them, also where an order's amount is above its total", async () => {
    const [order] = orders(1) as [Order];
    const file = join(dir, 'chinese.csv');
    writeFileSync(file, `微信支付单号,退款金额（元）\n${order.transaction_id},9999\n`);
    const result = await batch(file);
    expect(result.code).toBe(2);
    expect(result.stdout).toContain('退款金额（元）');
    const { faults } = JSON.parse((await batch(file, ['--json'])).stdout) as { faults: object[] };
    expect(faults).toMatchObject([{ column: 'amount', heading: '退款金额（元）', value: '999900' }]);
  });

  test('a plan looks, tells, and sends nothing', async () => {
    const list = orders(3);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const result = await batch(file, ['--plan', '--json']);
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      file: { count: 3, fen: 300 },
      send: { count: 3, fen: 300 },
      faults: [],
    });
    expect(result.stderr).toContain('--expect-total 300');
    expect(counts(list)).toEqual([0, 0, 0]);
    expect(journals()).toEqual([]);
  });

  test('the command that a plan names carries out that plan: the same --batch-id, hence the same numbers', async () => {
    const list = orders(2);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const plan = await batch(file, ['--plan', '--batch-id', 'spring sale', '--json']);
    const named = /^Nothing was sent\. To apply: wxpay refund batch (.*)$/m.exec(plan.stderr)?.[1];
    expect(named).toContain("--batch-id 'spring sale' --expect-total 200");
    const planned = (JSON.parse(plan.stdout) as { rows: { out_refund_no: string }[] }).rows;
    const applied = await batch(file, ['--batch-id', 'spring sale', '--expect-total', '200', '--json']);
    const rows = (JSON.parse(applied.stdout) as { rows: { out_refund_no: string }[] }).rows;
    expect(rows.map(({ out_refund_no }) => out_refund_no)).toEqual(planned.map(({ out_refund_no }) => out_refund_no));
    const again = await batch(file, ['--plan', '--batch-id', 'spring sale', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ send: { count: 0, fen: 0 }, existing: { count: 2, fen: 200 } });
    expect(again.stderr).toContain('Nothing was sent, and nothing is left to refund.');
    expect(again.stderr).not.toContain('To apply');
  });

  test('--dry-run makes no connection', async () => {
    const file = write(
      'r.csv',
      orders(3).map((order) => line(order)),
    );
    const before = local.emulator.requests.length;
    expect(await batch(file, ['--dry-run'])).toMatchObject({ code: 0 });
    expect(local.emulator.requests.length).toBe(before);
  });

  test.each([
    [['--expect-total', '299'], 'BATCH_TOTAL_MISMATCH'],
    [['--expect-total', '3.01yuan'], 'BATCH_TOTAL_MISMATCH'],
    [['--max-total', '299'], 'BATCH_LIMIT'],
    [['--max-count', '2'], 'BATCH_LIMIT'],
  ])('%j is exit 10', async (flags, code) => {
    const list = orders(3);
    const result = await batch(
      write(
        'r.csv',
        list.map((order) => line(order)),
      ),
      [...flags, '--json'],
    );
    expect(result).toMatchObject({ code: 10, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code, outcome: 'not_sent' });
    expect(counts(list)).toEqual([0, 0, 0]);
  });

  test.each([
    ['--expect-total', '300'],
    ['--expect-total', '3yuan'],
    ['--max-total', '300'],
    ['--max-count', '3'],
  ])('%s %s lets it pass', async (...flags) => {
    expect(
      await batch(
        write(
          'r.csv',
          orders(3).map((order) => line(order)),
        ),
        flags,
      ),
    ).toMatchObject({ code: 0 });
  });

  test('a live batch off a terminal is refused before a byte is sent, and names the way', async () => {
    const file = write(
      'r.csv',
      orders(1).map((order) => line(order)),
    );
    const live = { WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com', CI: 'true' };
    for (const flags of [
      [],
      ['--yes'],
      ['--yes', '--confirm', local.info.mchid],
      ['--yes', '--confirm', '1', '--expect-total', '100'],
    ]) {
      const result = await batch(file, [...flags, '--json'], { env: live, input: 'y\n1.00\n' });
      expect([3, 10]).toContain(result.code);
      expect(['CONFIRMATION_REQUIRED', 'EMULATOR_KEY_ON_LIVE']).toContain(errorOf(result)['code']);
    }
  });

  test('the template is a file of one row', async () => {
    const result = await local.run(['refund', 'batch', '--template']);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^transaction_id,/) });
    const chinese = await local.run(['refund', 'batch', '--template', '--lang', 'zh-CN']);
    expect(chinese.stdout).toMatch(/^微信支付单号,/);
  });

  test('standard input is taken with a journal, and not without', async () => {
    const list = orders(2);
    const input = `${[head, ...list.map((order) => line(order))].join('\n')}\n`;
    expect(await batch('-', ['--json'], { input })).toMatchObject({ code: 2 });
    expect(await batch('-', ['--plan'], { input })).toMatchObject({ code: 0 });
    expect(await batch('-', ['--journal', 'j.journal'], { input })).toMatchObject({ code: 0 });
    expect(await batch('-', ['--journal', 'j.journal'], { input })).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual([1, 1]);
  });
});

describe('a saved plan', () => {
  test('does exactly that, once, and goes on where it ended', async () => {
    const list = orders(4);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    expect(await batch(file, ['--plan', '--out', 'plan.json'])).toMatchObject({ code: 0 });
    expect(statSync(join(dir, 'plan.json')).mode & 0o777).toBe(0o600);
    rmSync(join(dir, file));
    expect(await batch('plan.json', ['--json'])).toMatchObject({ code: 0 });
    expect(await batch('plan.json', ['--json'])).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual(ones(list));
  });

  test.each<[string, (list: readonly Order[]) => Promise<unknown> | void, RunOptions['env']?]>([
    [
      'it was edited',
      () => {
        const path = join(dir, 'plan.json');
        writeFileSync(path, readFileSync(path, 'utf8').replace('"refund":100', '"refund":999'));
      },
    ],
    ['it was cut off', () => truncateSync(join(dir, 'plan.json'), 400)],
    [
      'one of its refunds was made since',
      ([order]) => local.run(['refund', (order as Order).out_trade_no, '--amount', '100']),
    ],
    ['it is for another base URL', () => {}, { WXPAY_BASE_URL: 'http://127.0.0.1:9' }],
  ])('is stale when %s', async (_, change, env) => {
    const list = orders(2);
    await batch(
      write(
        'r.csv',
        list.map((order) => line(order)),
      ),
      ['--plan', '--out', 'plan.json'],
    );
    await change(list);
    const before = local.emulator.ledger().refunds.length;
    const result = await batch('plan.json', ['--json'], env === undefined ? {} : { env });
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'PLAN_STALE', outcome: 'not_sent' });
    expect(local.emulator.ledger().refunds.length).toBe(before);
  });
});

describe('waiting', () => {
  test('--wait asks until everything is final', async () => {
    local.emulator.configureRefunds({ settle_after_ms: 300 });
    const result = await batch(
      write(
        'r.csv',
        orders(3).map((order) => line(order)),
      ),
      ['--wait', '--json'],
    );
    expect(result.code).toBe(0);
    expect(reportOf(result)).toMatchObject({ succeeded: { count: 3 }, processing: { count: 0 } });
  });

  test('--wait that ends with refunds in progress is 12; without it that is 0', async () => {
    local.emulator.configureRefunds({ settle_after_ms: null });
    const file = write(
      'r.csv',
      orders(2).map((order) => line(order)),
    );
    expect(await batch(file)).toMatchObject({ code: 0 });
    expect(await batch(file, ['--wait', '--for', '1s'])).toMatchObject({ code: 12 });
  });

  test('a refund that ends ABNORMAL or CLOSED is a failure', async () => {
    local.emulator.configureRefunds({
      settle_after_ms: 50,
      next: [
        { outcome: 'ABNORMAL', count: 1 },
        { outcome: 'CLOSED', count: 1 },
      ],
    });
    const result = await batch(
      write(
        'r.csv',
        orders(3).map((order) => line(order)),
      ),
      ['--wait', '--json', '--concurrency', '1'],
    );
    expect(result.code).toBe(9);
    expect(reportOf(result).rows.map(({ code }) => code)).toEqual(['REFUND_ABNORMAL', 'REFUND_CLOSED', '']);
  });
});

describe('reports', () => {
  test('go into files of mode 0600, in the form that the name says', async () => {
    const list = orders(2);
    const file = write(
      'r.csv',
      list.map((order, index) => line(order, 100, index === 0 ? '' : '甲')),
    );
    for (const name of ['r.json', 'report.csv', 'r.ndjson', 'r.txt']) {
      expect(await batch(file, ['--report', name])).toMatchObject({ code: 0 });
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    }
    expect(JSON.parse(readFileSync(join(dir, 'r.json'), 'utf8'))).toMatchObject({ rows: [{ line: 2 }, { line: 3 }] });
    expect(readFileSync(join(dir, 'report.csv'), 'utf8').split('\r\n')).toHaveLength(4);
    expect(
      readFileSync(join(dir, 'r.ndjson'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((text) => (JSON.parse(text) as { line: number }).line),
    ).toEqual([2, 3]);
    expect(readFileSync(join(dir, 'r.txt'), 'utf8')).toContain('甲');
  });

  test.each(['ndjson', 'csv'])('-o %s tells every row once', async (format) => {
    const list = orders(5);
    local.emulator.configureRefunds({ settle_after_ms: 100 });
    const result = await batch(
      write(
        'r.csv',
        list.map((order) => line(order)),
      ),
      ['-o', format, '--wait'],
    );
    expect(result.code).toBe(0);
    for (const { transaction_id } of list) expect(result.stdout.split(transaction_id).length - 1).toBe(2);
  });

  test('a report that cannot be written is said, and does not hide what was done', async () => {
    const result = await batch(
      write(
        'r.csv',
        orders(1).map((order) => line(order)),
      ),
      ['--report', 'no/such/folder.json', '--json'],
    );
    expect(result.code).toBe(9);
    expect(reportOf(result)).toMatchObject({ processing: { count: 1 } });
    expect(result.stderr).toContain('no/such/folder.json');
  });

  test('S9: GitHub Actions gets a summary, and annotations that nothing can escape from', async () => {
    const list = orders(2);
    await local.run(['refund', (list[0] as Order).out_trade_no, '--all', '--out-refund-no', `ALL_${folders}`]);
    const page = join(dir, 'summary.md');
    const result = await batch(
      write(
        'r,1%.csv',
        list.map((order) => line(order)),
      ),
      [],
      {
        env: { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: page },
      },
    );
    expect(result.code).toBe(9);
    const annotation = result.stderr.split('\n').filter((text) => text.startsWith('::error'));
    expect(annotation).toHaveLength(1);
    expect(annotation[0]).toMatch(/^::error file=r%2C1%25\.csv,line=2,title=[^:,]*::INVALID_REQUEST /);
    expect(result.stdout).not.toContain('::error');
    expect(readFileSync(page, 'utf8')).toMatch(/\| failed \| 1 \|/);
    const silent = await batch('r,1%.csv', ['--no-annotations'], { env: { GITHUB_ACTIONS: 'true' } });
    expect(silent.stderr).not.toContain('::error');
  });
});

/** A batch on its own, for signals and pipes. */
function start(argv: readonly string[]): { child: ChildProcess; out: { stdout: string; stderr: string } } {
  const child = spawn(process.execPath, [binary, 'refund', 'batch', ...argv], {
    cwd: dir,
    env: { ...local.home.env, ...local.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
  return { child, out };
}

describe('signals (THREATS G9, S2)', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s: nothing new is started, what is under way is finished, exit %i, and the same command goes on',
    async (signal, code) => {
      const list = orders(30);
      local.emulator.faults.add({ ...posts, kind: 'latency', ms: 400, when: 'after', count: -1 });
      const file = write(
        'r.csv',
        list.map((order) => line(order)),
      );
      const { child, out } = start([file, '--json', '--concurrency', '3']);
      await until(() => ledgerOf(list).length > 3);
      child.kill(signal);
      const [exit] = (await once(child, 'close')) as [number];
      expect(exit).toBe(code);
      const report = JSON.parse(out.stdout) as Report;
      expect(report).toMatchObject({ unknown: { count: 0 }, reconciled: true, stopped: { reason: 'interrupted' } });
      expect(report.skipped.count).toBeGreaterThan(10);
      expect(ledgerOf(list)).toHaveLength(report.processing.count + report.succeeded.count);
      expect(out.stderr).toContain(`wxpay refund batch ${file} --concurrency 3`);
      local.emulator.faults.clear();
      expect(await batch(file, ['--concurrency', '3'])).toMatchObject({ code: 0 });
      expect(counts(list)).toEqual(ones(list));
    },
  );

  test('the second one ends at once, and everything stays resumable', async () => {
    const list = orders(10);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 60_000, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const { child } = start([file]);
    await until(() => ledgerOf(list).length > 1);
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = performance.now();
    child.kill('SIGINT');
    await once(child, 'close');
    // No answer is waited for.
    expect(performance.now() - before).toBeLessThan(15_000);
    local.emulator.faults.clear();
    expect(await batch(file)).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual(ones(list));
  });

  test('Ctrl-C for the whole process group, as a terminal sends it, is one Ctrl-C', async () => {
    const list = orders(12);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 300, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    // A shell in between, as npx and CI runners put one there.
    const script = 'trap : INT; "$NODE" "$BIN" refund batch "$FILE" --json --concurrency 2; exit $?';
    const child = spawn('sh', ['-c', script], {
      cwd: dir,
      env: { ...local.home.env, ...local.env, NODE: process.execPath, BIN: binary, FILE: file },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    await until(() => ledgerOf(list).length > 1);
    process.kill(-(child.pid as number), 'SIGINT');
    const [exit] = (await once(child, 'close')) as [number];
    expect(exit).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ unknown: { count: 0 }, reconciled: true });
    local.emulator.faults.clear();
    expect(await batch(file)).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual(ones(list));
  });

  test('a terminal that is closed, which says so twice: what is under way is finished and recorded; 129 for a shell', async () => {
    const list = orders(30);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 400, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const screen = onTerminal(
      ['refund', 'batch', join(dir, file), '--concurrency', '3', '--report', join(dir, 'report.json')],
      { ...local.home.env, ...local.env },
      { columns: 80 },
    );
    await screen.until('%');
    await until(() => ledgerOf(list).length > 3);
    process.kill(screen.pty.pid, 'SIGHUP');
    // Gone: whatever is written from now on fails.
    (screen.pty as unknown as { destroy(): void }).destroy();
    expect(await screen.ended).toMatchObject({ signal: constants.signals.SIGHUP });
    const report = JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8')) as Report;
    expect(report).toMatchObject({ unknown: { count: 0 }, reconciled: true, stopped: { reason: 'interrupted' } });
    expect(report.skipped.count).toBeGreaterThan(10);
    expect(ledgerOf(list)).toHaveLength(report.processing.count + report.succeeded.count);
    local.emulator.faults.clear();
    expect(await batch(file, ['--concurrency', '3'])).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual(ones(list));
  });

  test('while orders are looked up nothing is sent, and that is said', async () => {
    const list = orders(10);
    local.emulator.faults.add({
      method: 'GET',
      path: '/v3/pay/*',
      kind: 'latency',
      ms: 60_000,
      when: 'before',
      count: 20,
    });
    const { child, out } = start([
      write(
        'r.csv',
        list.map((order) => line(order)),
      ),
      '--json',
    ]);
    await until(() => (local.emulator.faults.list()[0]?.count ?? 0) < 20);
    const before = performance.now();
    child.kill('SIGINT');
    const [exit] = (await once(child, 'close')) as [number];
    expect(exit).toBe(130);
    expect(out.stderr).toContain('Stopped while the orders were looked up: this run has sent no refund.\nInterrupted.');
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(counts(list)).toEqual(list.map(() => 0));
    expect(journals()).toEqual([]);
  });
});

describe('a reader that goes away (THREATS A5, S3)', () => {
  const pipe = async (file: string, flags: string, reader: string): Promise<{ code: number; stderr: string }> => {
    const command = `"$NODE" "$BIN" refund batch ${file} ${flags} | ${reader}; echo "exit \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await execa('bash', ['-c', command], {
      cwd: dir,
      env: { ...local.home.env, ...local.env, NODE: process.execPath, BIN: binary },
      extendEnv: false,
    });
    return { code: Number(/exit (\d+)/.exec(stdout)?.[1]), stderr };
  };

  test('| head -1: no new rows, everything recorded, exit 9, no stack; the same command goes on', async () => {
    const list = orders(40);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 100, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const result = await pipe(file, '-o ndjson --concurrency 2', 'head -1');
    expect(result.code).toBe(9);
    expect(result.stderr).not.toMatch(/EPIPE|\n {4}at /);
    const done = ledgerOf(list).length;
    expect(done).toBeLessThan(30);
    local.emulator.faults.clear();
    const again = await batch(file, ['--json']);
    expect(again.code).toBe(0);
    expect(reportOf(again).rows.filter(({ existing }) => existing)).toHaveLength(done);
    expect(counts(list)).toEqual(ones(list));
  });

  test.each(['', '--json'])('| true with "%s": exit 9, nothing twice', async (flags) => {
    const list = orders(3);
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const result = await pipe(file, flags, 'true');
    expect(result.code).toBe(9);
    expect(result.stderr).not.toMatch(/EPIPE|\n {4}at /);
    expect(await batch(file)).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual(ones(list));
  });
});

describe('the journal', () => {
  const half = async (list: readonly Order[]): Promise<string> => {
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    expect(await batch(file)).toMatchObject({ code: 0 });
    return file;
  };

  test('is beside the file, 0600', async () => {
    const file = await half(orders(2));
    expect(journals()).toEqual([`${file}.journal`]);
    expect(statSync(join(dir, `${file}.journal`)).mode & 0o777).toBe(0o600);
  });

  test('G2, G3: cut in the middle of its last line, it goes on', async () => {
    const list = orders(4);
    const file = await half(list);
    const path = join(dir, `${file}.journal`);
    const { size } = statSync(path);
    for (const cut of [1, 7, 60, 130, 400]) {
      truncateSync(path, size - cut);
      const result = await batch(file, ['--json']);
      expect(result.code).toBe(0);
      expect(reportOf(result).reconciled).toBe(true);
    }
    expect(counts(list)).toEqual(ones(list));
  });

  test('G2: with a changed byte it is refused, with file and line', async () => {
    const list = orders(3);
    const file = await half(list);
    const path = join(dir, `${file}.journal`);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('"intent"') + 3] = 0x58;
    writeFileSync(path, bytes);
    const result = await batch(file, ['--json']);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'JOURNAL_BROKEN', outcome: 'not_sent' });
    expect(errorOf(result)['message']).toMatch(/line 2\b/);
  });

  test('named by --journal, another merchant or file is refused', async () => {
    const list = orders(2);
    await half(list);
    const other = write('other.csv', [line(orders(1)[0] as Order)]);
    const result = await batch(other, ['--journal', 'r.csv.journal', '--json']);
    expect(result.code).toBe(3);
    expect(errorOf(result)).toMatchObject({ code: 'JOURNAL_FOREIGN' });
  });

  test('G11: two processes over one file at once: the second is refused, naming the first', async () => {
    const list = orders(12);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 500, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const { child } = start([file]);
    await until(() => ledgerOf(list).length > 0);
    // However long the second one takes to start, the first is there.
    child.kill('SIGSTOP');
    const second = await batch(file, ['--json']);
    child.kill('SIGCONT');
    expect(second).toMatchObject({ code: 3, stdout: '' });
    expect(errorOf(second)).toMatchObject({ code: 'JOURNAL_BUSY', outcome: 'not_sent' });
    expect(errorOf(second)['message']).toContain(String(child.pid));
    const [exit] = (await once(child, 'close')) as [number];
    expect(exit).toBe(0);
    expect(counts(list)).toEqual(ones(list));
  });

  test('G11: eight processes started together: one works, the others are refused, nothing is refunded twice', async () => {
    const list = orders(6);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 1_000, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const results = await Promise.all(Array.from({ length: 8 }, async () => batch(file)));
    expect(results.filter(({ code }) => code === 0).length).toBeGreaterThan(0);
    expect(results.filter(({ code }) => code !== 0 && code !== 3)).toEqual([]);
    expect(counts(list)).toEqual(ones(list));
  });

  test('a killed process holds nothing up: its lock is taken over at once', async () => {
    const list = orders(6);
    local.emulator.faults.add({ ...posts, kind: 'latency', ms: 3_000, when: 'after', count: -1 });
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const { child } = start([file]);
    await until(() => ledgerOf(list).length > 0);
    child.kill('SIGKILL');
    await once(child, 'close');
    local.emulator.faults.clear();
    const again = async (): Promise<number> => timeOf(async () => expect(await batch(file)).toMatchObject({ code: 0 }));
    const takingOver = await again();
    expect(counts(list)).toEqual(ones(list));
    // The same without a lock in the way; one that has to be waited for costs ten seconds.
    expect(takingOver - (await again())).toBeLessThan(5_000);
  });

  test('an unresolved refund of a single command holds its order back, and the way out is named', async () => {
    const list = orders(2);
    const [first] = list as [Order];
    local.emulator.faults.add({ ...posts, kind: 'cut', when: 'before', count: -1 });
    const single = ['refund', first.out_trade_no, '--amount', '5', '--ref', 'single', '--timeout', '0.5'];
    expect(await local.run([...single, '--retries', '0'])).toMatchObject({ code: 8 });
    local.emulator.faults.clear();
    const file = write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const result = await batch(file, ['--json']);
    expect(result.code).toBe(9);
    expect(reportOf(result).rows.map(({ code }) => code)).toEqual(['ORDER_UNRESOLVED', '']);
    expect(result.stderr).toContain('wxpay refund resume');
    expect(await local.run(['refund', 'resume'])).toMatchObject({ code: 0 });
    expect(await batch(file)).toMatchObject({ code: 0 });
    expect(counts(list)).toEqual([2, 1]);
  });

  test('in a folder that takes no file, nothing is sent', async () => {
    const list = orders(2);
    write(
      'r.csv',
      list.map((order) => line(order)),
    );
    const result = await batch('r.csv', ['--journal', 'no/such/folder/x.journal', '--json']);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(errorOf(result)).toMatchObject({ outcome: 'not_sent' });
    expect(counts(list)).toEqual([0, 0]);
  });
});

/** A mount name space of its own, for a disk of a few pages. */
const canMount =
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=16k none /mnt && touch /mnt/x'], { stdio: 'ignore' })
    .status === 0;
if (!canMount) process.stdout.write('skipped: no tmpfs can be mounted here, so no disk can be full (THREATS R8)\n');

describe.skipIf(!canMount)('a full disk (THREATS G10, R8)', () => {
  test.each([4, 8, 12, 16, 20, 32, 48, 64])(
    'of %i KiB for the journal: nothing is sent without a durable intent, and a larger one goes on',
    async (size) => {
      const list = orders(40);
      const file = write(
        'r.csv',
        list.map((order) => line(order)),
      );
      const disk = join(dir, 'disk');
      mkdirSync(disk);
      const script = [
        `mount -t tmpfs -o size=${size}k none ${disk}`,
        `"$NODE" "$BIN" refund batch ${file} --journal ${disk}/j.journal --json`,
        'echo "exit $?"',
        `cp ${disk}/j.journal ${dir}/kept.journal 2>/dev/null; true`,
      ].join('\n');
      const { stdout, stderr } = await execa('unshare', ['-m', 'sh', '-c', script], {
        cwd: dir,
        env: { ...local.home.env, ...local.env, NODE: process.execPath, BIN: binary },
        extendEnv: false,
      });
      const exit = Number(/exit (\d+)\s*$/.exec(stdout)?.[1]);
      const done = ledgerOf(list).length;
      expect({ exit, stderr }).toMatchObject({
        exit: expect.toSatisfy((code: number) => code === 9 || code === 3 || (code === 0 && done === 40)),
      });
      if (exit === 9) {
        const report = JSON.parse(stdout.slice(0, stdout.lastIndexOf('}') + 1)) as Report;
        expect(report.stopped).toMatchObject({ reason: 'journal' });
        expect(report.processing.count + report.succeeded.count + report.unknown.count).toBeGreaterThanOrEqual(done);
      }
      // Every refund that was made has its intent in what is left of the journal.
      const kept = join(dir, 'kept.journal');
      const text = existsSync(kept) ? readFileSync(kept, 'utf8') : '';
      for (const { out_refund_no } of ledgerOf(list)) expect(text).toContain(`"${out_refund_no}"`);
      const more = existsSync(kept) && text !== '' ? ['--journal', 'kept.journal'] : [];
      expect(await batch(file, more)).toMatchObject({ code: 0 });
      expect(counts(list)).toEqual(ones(list));
    },
  );
});
