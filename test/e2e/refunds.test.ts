import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FaultInput } from '../../src/emulator/faults.ts';
import { errorOf, makeHome, type Home, type RunOptions, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { enter, typeInto } from '../helpers/terminal.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});
afterEach(() => {
  local.emulator.faults.clear();
  local.emulator.configureRefunds({ settle_after_ms: 1000, next: [], balances: { [local.info.mchid]: null } });
});

function paid(total = 1290): { out_trade_no: string; transaction_id: string } {
  const [order] = local.emulator.seed({ count: 1, total });
  if (order === undefined) throw new Error('no order');
  const { out_trade_no, transaction_id } = order;
  return { out_trade_no, transaction_id };
}
/** The refunds that were really carried out for an order. */
const refundsOf = ({
  out_trade_no,
}: {
  out_trade_no: string;
}): { amount: number; posts: number; out_refund_no: string }[] =>
  local.emulator.ledger().refunds.filter((entry) => entry.out_trade_no === out_trade_no);
const fault = (input: FaultInput): void => void local.emulator.faults.add(input);
const posts = { method: 'POST', path: '/v3/refund/domestic/refunds' } as const;
const json = (result: RunResult): Record<string, unknown> => JSON.parse(result.stdout) as Record<string, unknown>;
/** Runs in a fresh home: another machine, without the journal. */
async function elsewhere(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const home: Home = makeHome();
  try {
    return await home.run(argv, { ...options, env: { ...local.env, ...options.env } });
  } finally {
    home.remove();
  }
}
const journalFile = (home: Home = local.home): string => {
  const dir = join(home.dir, '.local', 'state', 'wxpay', 'refunds');
  return join(dir, readdirSync(dir).find((name) => name.endsWith('.journal')) ?? '');
};

describe('a refund', () => {
  test('is accepted, queried, and settled', async () => {
    const order = paid();
    const created = await local.run([
      'refund',
      order.out_trade_no,
      '--amount',
      '2.90yuan',
      '--reason',
      '商品已售完',
      '--json',
    ]);
    expect(created).toMatchObject({ code: 0 });
    expect(json(created)).toMatchObject({
      ...order,
      result: 'accepted',
      status: 'PROCESSING',
      amount: { refund: 290, total: 1290 },
    });
    const no = String(json(created)['out_refund_no']);
    expect(no).toMatch(new RegExp(`^R-${order.transaction_id}-[0-9a-f]{28}$`));
    // The number is told before the request leaves, with the amount in both units.
    expect(created.stderr).toContain(`out_refund_no ${no}, ¥2.90 (290 fen)`);

    const watched = await local.run(['refund', 'query', no, '--watch', '--json']);
    expect(json(watched)).toMatchObject({ status: 'SUCCESS', out_refund_no: no });
    const asked = await local.run(['refund', 'query', no]);
    expect(asked).toMatchObject({ code: 0 });
    expect(asked.stdout).toMatch(/refunded[\s\S]*¥2\.90/);
    expect(json(await local.run(['order', 'query', order.out_trade_no, '--json']))).toMatchObject({
      trade_state: 'REFUND',
    });
  });

  test('is the same by "refund" and "refund create", by either number of the order, on any machine: it is one', async () => {
    const order = paid();
    const runs = [
      await local.run(['refund', order.out_trade_no, '--amount', '290', '--json']),
      await local.run(['refund', 'create', order.transaction_id, '--amount', '290', '--json']),
      await local.run(['--json', 'refund', '--amount', '290', '--out-trade-no', order.out_trade_no]),
      await elsewhere(['refund', order.out_trade_no, '--amount', '290', '--json']),
      await elsewhere(['refund', 'create', '--transaction-id', order.transaction_id, '--amount', '2.9元', '--json']),
    ];
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(runs.map((run) => json(run)['result'])).toEqual([
      'accepted',
      ...Array.from({ length: 4 }, () => 'existing'),
    ]);
    expect(new Set(runs.map((run) => json(run)['refund_id'])).size).toBe(1);
    expect(runs[1]?.stderr).toMatch(/Already refunded as R-.*--ref/);
    expect(refundsOf(order)).toMatchObject([{ amount: 290, posts: 1 }]);
  });

  test('G5: with another amount it stops, here and elsewhere, and names --ref as the way to a second one', async () => {
    const order = paid();
    const first = json(await local.run(['refund', order.out_trade_no, '--amount', '290', '--json']));
    for (const run of [local.run.bind(local), elsewhere]) {
      const result = await run(['refund', order.out_trade_no, '--amount', '300', '--json']);
      expect(result).toMatchObject({ code: 4, stdout: '' });
      expect(errorOf(result)).toMatchObject({
        code: 'REFUND_DIFFERS',
        outcome: 'rejected',
        message: expect.stringContaining(`Already refunded as ${String(first['out_refund_no'])}`),
        hint: expect.stringContaining('--ref'),
      });
    }
    const second = await local.run(['refund', order.out_trade_no, '--amount', '300', '--ref', 'second', '--json']);
    expect(json(second)).toMatchObject({ result: 'accepted', amount: { refund: 300 } });
    expect(refundsOf(order).map(({ amount }) => amount)).toEqual([290, 300]);
  });

  test('--all takes what is left, and once more finds it done', async () => {
    const order = paid(1000);
    await local.run(['refund', order.out_trade_no, '--amount', '300']);
    const all = ['refund', order.out_trade_no, '--all', '--ref', 'rest', '--json'];
    expect(json(await local.run(all))).toMatchObject({ result: 'accepted', amount: { refund: 700 } });
    expect(json(await local.run(all))).toMatchObject({ result: 'existing', amount: { refund: 700 } });
    const nothing = await local.run(['refund', order.out_trade_no, '--all', '--ref', 'more', '--json']);
    expect(nothing).toMatchObject({ code: 4 });
    expect(errorOf(nothing)).toMatchObject({ code: 'REFUND_NOTHING_LEFT', outcome: 'not_sent' });
    // Elsewhere nobody knows of the first: WeChat Pay gives no list, and refuses too much.
    const blind = await elsewhere(['refund', order.out_trade_no, '--all', '--ref', 'blind', '--json']);
    expect(blind).toMatchObject({ code: 4 });
    expect(blind.stderr).toContain('WeChat Pay gives no list');
    expect(refundsOf(order).map(({ amount }) => amount)).toEqual([300, 700]);
  });

  test('--wait ends with the outcome, or with exit 12 and what is known', async () => {
    local.emulator.configureRefunds({ settle_after_ms: 300, next: [] });
    const done = await local.run(['refund', paid().out_trade_no, '--amount', '5', '--wait', '--json']);
    expect(done).toMatchObject({ code: 0 });
    expect(json(done)).toMatchObject({ result: 'accepted', status: 'SUCCESS' });

    local.emulator.configureRefunds({ settle_after_ms: null });
    const late = await local.run([
      'refund',
      paid().out_trade_no,
      '--amount',
      '5',
      '--wait',
      '--for',
      '400ms',
      '--json',
    ]);
    expect(late).toMatchObject({ code: 12 });
    expect(json(late)).toMatchObject({ status: 'PROCESSING' });
  });
});

describe('trouble', () => {
  const once = (order: { out_trade_no: string }, ...more: string[]): Promise<RunResult> =>
    local.run(['refund', order.out_trade_no, '--amount', '5', '--json', ...more]);

  test.each([
    ['cut after', { ...posts, kind: 'cut', when: 'after' }],
    ['cut before', { ...posts, kind: 'cut', when: 'before' }],
    ['500 after', { ...posts, kind: 'status', status: 500, when: 'after' }],
    ['signed wrongly', { ...posts, kind: 'signature', variant: 'wrong' }],
  ] as const)('G4: an answer that is %s is exit 8 at once, and what it names resolves it', async (name, input) => {
    const order = paid();
    fault(input);
    const result = await once(order, '--retries', '0');
    expect(result).toMatchObject({ code: 8, stdout: '' });
    const error = errorOf(result);
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
    const next = String(error['next']).split(' ').slice(1);
    expect(next.slice(0, 2)).toEqual(['refund', 'query']);
    const applied = name !== 'cut before';
    expect(refundsOf(order)).toHaveLength(applied ? 1 : 0);
    expect((await local.run(next)).code).toBe(applied ? 0 : 5);
    expect(await local.run(['refund', 'resume', '--json'])).toMatchObject({ code: 0 });
    expect(refundsOf(order)).toMatchObject([{ amount: 5, out_refund_no: next[2] }]);
    expect((await local.run(['refund', 'pending', '--json'])).stdout).not.toContain('UNKNOWN');
  });

  test('G4: an answer that is lost is settled by asking, and found again from another home', async () => {
    const order = paid();
    fault({ ...posts, kind: 'cut', when: 'after' });
    expect(json(await once(order))).toMatchObject({ result: 'adopted' });
    expect(json(await elsewhere(['refund', order.transaction_id, '--amount', '5', '--json']))).toMatchObject({
      result: 'existing',
    });
    expect(refundsOf(order)).toHaveLength(1);
  });

  test('G4: a request that takes effect only after the client has gone refunds once', async () => {
    const order = paid();
    fault({ ...posts, kind: 'late-commit', ms: 600 });
    const result = await once(order, '--timeout', '0.5');
    expect(result).toMatchObject({ code: 0 });
    await new Promise((resolve) => {
      setTimeout(resolve, 900);
    });
    expect(refundsOf(order)).toHaveLength(1);
    expect(json(await once(order))).toMatchObject({ result: 'existing' });
  });

  test('another refund of an order waits while one of it is unresolved', async () => {
    const order = paid();
    fault({ ...posts, kind: 'cut', when: 'before' });
    expect(await once(order, '--retries', '0')).toMatchObject({ code: 8 });
    const second = await once(order, '--ref', 'second');
    expect(second).toMatchObject({ code: 8, stdout: '' });
    expect(errorOf(second)).toMatchObject({
      code: 'REFUND_UNRESOLVED',
      outcome: 'not_sent',
      next: 'wxpay refund resume',
    });
    expect(refundsOf(order)).toEqual([]);
    expect(await local.run(['refund', 'resume'])).toMatchObject({ code: 0 });
    expect(await once(order, '--ref', 'second')).toMatchObject({ code: 0 });
    expect(refundsOf(order)).toHaveLength(2);
  });

  test('a dead host is exit 7, and nothing was sent', async () => {
    const result = await once(paid(), '--base-url', 'http://127.0.0.1:1', '--retries', '0');
    expect(result.code).toBe(7);
  });
});

describe('Ctrl-C', () => {
  const interrupted = async (argv: readonly string[], when: () => boolean): Promise<RunResult> => {
    const child = local.home.spawn(argv, { env: local.env });
    while (!when()) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 150));
    child.kill('SIGINT');
    const result = await child;
    return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  };

  test('G9: while the answer is awaited is exit 130, and names the number to ask about', async () => {
    const order = paid();
    fault({ ...posts, kind: 'stall', when: 'after' });
    const argv = ['refund', order.out_trade_no, '--amount', '5', '--json'];
    const result = await interrupted(argv, () => refundsOf(order).length > 0);
    expect(result).toMatchObject({ code: 130, stdout: '' });
    expect(errorOf(result)).toMatchObject({ outcome: 'unknown' });
    expect(result.stderr).toContain(`wxpay refund query R-${order.transaction_id}`);
    expect(json(await local.run(argv))).toMatchObject({ result: 'existing' });
    expect(refundsOf(order)).toHaveLength(1);
  });

  test('G9: while waiting for the outcome prints what is known', async () => {
    local.emulator.configureRefunds({ settle_after_ms: null });
    const order = paid();
    const argv = ['refund', order.out_trade_no, '--amount', '5', '--wait', '--json'];
    const result = await interrupted(argv, () => refundsOf(order).length > 0);
    expect(result).toMatchObject({ code: 130 });
    expect(json(result)).toMatchObject({ result: 'accepted', status: 'PROCESSING' });
  });
});

describe('C5: a captive portal', () => {
  let portal: Server;
  let url: string;
  /** What answers itself; everything else goes on to the emulator. */
  let captive: (method: string, path: string) => boolean;
  beforeAll(async () => {
    portal = createServer((incoming, outgoing) => {
      const path = incoming.url ?? '';
      if (captive(incoming.method ?? '', path)) {
        incoming.resume();
        outgoing.writeHead(404, { 'content-type': 'application/json' });
        outgoing.end('{"code":"RESOURCE_NOT_EXISTS","message":"退款单不存在"}');
        return;
      }
      const { hostname, port } = new URL(local.info.url);
      const onward = httpRequest(
        {
          hostname,
          port,
          path,
          method: incoming.method,
          headers: { ...incoming.headers, host: `${hostname}:${port}` },
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    });
    await new Promise<void>((resolve) => {
      portal.listen(0, '127.0.0.1', resolve);
    });
    url = `http://127.0.0.1:${(portal.address() as AddressInfo).port}`;
  });
  afterAll(() => portal.close());

  test('in front of a refund that exists leads to no second one, from any home', async () => {
    const order = paid();
    captive = () => false;
    const argv = ['refund', order.out_trade_no, '--amount', '5', '--json', '--base-url'];
    expect(json(await local.run([...argv, local.info.url]))).toMatchObject({ result: 'accepted' });
    captive = (method, path) => method === 'GET' && path.includes('/refunds/');
    for (const run of [local.run.bind(local), elsewhere]) {
      const result = await run([...argv, url]);
      expect(result.code).toBe(0);
      expect(refundsOf(order)).toHaveLength(1);
    }
  });

  test('in front of an unknown outcome leaves it unknown, never refused', async () => {
    const order = paid();
    captive = () => false;
    fault({ ...posts, kind: 'cut', when: 'after' });
    const argv = ['refund', order.out_trade_no, '--amount', '5', '--json', '--retries', '1', '--base-url', url];
    let asked = 0;
    captive = (_, path) => path.includes('/refunds') && (asked += 1) > 2;
    const result = await local.run(argv);
    expect(result).toMatchObject({ code: 8, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    const pending = await local.run(['refund', 'pending', '--json', '--base-url', url]);
    expect(JSON.parse(pending.stdout)).toContainEqual(
      expect.objectContaining({ transaction_id: order.transaction_id, state: 'UNKNOWN' }),
    );
    captive = () => false;
    expect(await local.run(['refund', 'resume', '--base-url', url])).toMatchObject({ code: 0 });
    expect(refundsOf(order)).toHaveLength(1);
  });

  test('a query through it is exit 5, marked unsigned', async () => {
    captive = () => true;
    const result = await local.run(['refund', 'query', 'R-1', '--json', '--base-url', url]);
    expect(result.code).toBe(5);
    expect(errorOf(result)).toMatchObject({ code: 'NOT_FOUND', unsigned: true });
  });
});

describe('the journal of single refunds', () => {
  test('is private, and keeps merchants and origins apart', async () => {
    await local.run(['refund', paid().out_trade_no, '--amount', '5']);
    const file = journalFile();
    expect(file).toContain(local.info.mchid);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
  });

  test('that cannot be written keeps the refund from being sent', async () => {
    const order = paid();
    const home = makeHome();
    writeFileSync(join(home.dir, 'blocked'), '');
    const env = { ...local.env, XDG_STATE_HOME: join(home.dir, 'blocked') };
    const result = await home.run(['refund', order.out_trade_no, '--amount', '5', '--json'], { env });
    home.remove();
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(refundsOf(order)).toEqual([]);
  });

  test('that is damaged keeps the refund from being sent, and says where', async () => {
    const order = paid();
    const home = makeHome();
    await home.run(['refund', paid().out_trade_no, '--amount', '5'], { env: local.env });
    const file = journalFile(home);
    const bytes = readFileSync(file);
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const result = await home.run(['refund', order.out_trade_no, '--amount', '5', '--json'], { env: local.env });
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'JOURNAL_BROKEN', message: expect.stringContaining(`${file} `) });
    expect(refundsOf(order)).toEqual([]);
    expect(readFileSync(file)).toEqual(bytes);
    home.remove();
  });

  test('G11: takes refunds that come together, one after the other', async () => {
    const orders = Array.from({ length: 4 }, () => paid());
    const results = await Promise.all(
      orders.map(({ out_trade_no }) => local.run(['refund', out_trade_no, '--amount', '5'])),
    );
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const same = paid();
    const twice = await Promise.all([1, 2, 3].map(() => local.run(['refund', same.out_trade_no, '--amount', '5'])));
    expect(twice.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(refundsOf(same)).toHaveLength(1);
  });

  test('G3: killed at any moment, the same command refunds once', async () => {
    for (const delay of [150, 200, 250, 300, 350, 400, 450]) {
      const order = paid();
      fault({ ...posts, kind: 'latency', ms: 60, when: delay % 100 === 0 ? 'before' : 'after' });
      const argv = ['refund', order.out_trade_no, '--amount', '5'];
      const child = local.home.spawn(argv, { env: local.env });
      setTimeout(() => child.kill('SIGKILL'), delay);
      await child;
      local.emulator.faults.clear();
      expect(await local.run(argv)).toMatchObject({ code: 0 });
      expect(refundsOf(order)).toHaveLength(1);
    }
  });

  test('pending of a merchant without one is empty, and of a file that is not there is exit 2', async () => {
    const home = makeHome();
    const empty = await home.run(['refund', 'pending', '--json'], { env: local.env });
    expect(empty).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(await home.run(['refund', 'resume', '--json'], { env: local.env })).toMatchObject({
      code: 0,
      stdout: '[]\n',
    });
    expect(existsSync(join(home.dir, '.local', 'state'))).toBe(false);
    for (const verb of ['pending', 'resume'])
      expect(await home.run(['refund', verb, '--journal', 'no.journal'], { env: local.env })).toMatchObject({
        code: 2,
      });
    home.remove();
  });

  test('of another merchant is refused by resume', async () => {
    await local.run(['refund', paid().out_trade_no, '--amount', '5']);
    const result = await elsewhere([
      'refund',
      'resume',
      '--journal',
      journalFile(),
      '--json',
      '--base-url',
      'http://127.0.0.1:1',
    ]);
    expect(result).toMatchObject({ code: 3 });
    expect(errorOf(result)).toMatchObject({ code: 'JOURNAL_FOREIGN' });
  });
});

describe('live money', () => {
  // Not loopback by name, so the program takes it for real; it is this machine all the same.
  let live: Local;
  let flags: readonly string[];
  beforeAll(async () => {
    live = await startLocal({ allowedHosts: ['0.0.0.0'] });
    const { port } = new URL(live.info.url);
    flags = ['--base-url', `http://0.0.0.0:${port}`, '--allow-host', `0.0.0.0:${port}`];
  });
  afterAll(async () => {
    await live.close();
  });
  const seeded = (): string => live.emulator.seed({ count: 1, total: 1290 })[0]?.out_trade_no ?? '';
  const refunded = (): number => live.emulator.ledger().refunds.length;

  test('needs a yes: off a terminal a refund is exit 10, also with y on standard input', async () => {
    const env = { CI: 'true', WXPAY_YES: '1' };
    const result = await live.run(['refund', seeded(), '--amount', '5', '--json', ...flags], { env, input: 'y\ny\n' });
    expect(result).toMatchObject({ code: 10, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'CONFIRMATION_REQUIRED', outcome: 'not_sent' });
    expect(refunded()).toBe(0);
    expect(
      await live.run(['refund', seeded(), '--amount', '5', '--confirm', '1900000009', '--yes', ...flags]),
    ).toMatchObject({
      code: 10,
    });
    expect(refunded()).toBe(0);
    expect(await live.run(['refund', seeded(), '--amount', '5', '--yes', ...flags])).toMatchObject({ code: 0 });
    expect(refunded()).toBe(1);
  });

  test('is shown to a person: merchant, order, amount in yuan and in fen, number; and no is the default', async () => {
    const no = seeded();
    const before = refunded();
    const argv = ['refund', no, '--amount', '2.90yuan', ...flags];
    const env = { ...live.home.env, ...live.env };
    const declined = await typeInto(argv, env, [{ after: '(y/N)', type: enter }]);
    expect(declined.code).toBe(10);
    for (const shown of [live.info.mchid, no, '¥2.90 (290 fen)', 'total ¥12.90 (1290 fen)', 'as R-42'])
      expect(declined.text).toContain(shown);
    expect(refunded()).toBe(before);
    const agreed = await typeInto(argv, env, [{ after: '(y/N)', type: `y${enter}` }]);
    expect(agreed.code).toBe(0);
    expect(refunded()).toBe(before + 1);
  });

  test('is asked about before an unknown outcome is sent again', async () => {
    const no = seeded();
    live.emulator.faults.add({ ...posts, kind: 'cut', when: 'before' });
    const argv = ['refund', no, '--amount', '5', '--yes', '--retries', '0', '--json', ...flags];
    expect(await live.run(argv)).toMatchObject({ code: 8 });
    expect(errorOf(await live.run(['refund', 'resume', '--json', ...flags]))).toMatchObject({
      code: 'CONFIRMATION_REQUIRED',
    });
    const before = refunded();
    const dry = await live.run(['refund', 'resume', '--json', '--dry-run', ...flags]);
    expect(JSON.parse(dry.stdout)).toContainEqual(expect.objectContaining({ out_trade_no: no, state: 'UNKNOWN' }));
    expect(refunded()).toBe(before);
    expect(await live.run(['refund', 'resume', '--yes', ...flags])).toMatchObject({ code: 0 });
    expect(refunded()).toBe(before + 1);
  });
});
