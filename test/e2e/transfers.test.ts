import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FaultInput } from '../../src/emulator/faults.ts';
import type { TransferEntry } from '../../src/emulator/transfers.ts';
import { errorOf, makeHome, type RunOptions, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';

/** Transfers by the built binary; what was really transferred is what the emulator's ledger says. */
let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});
afterEach(() => {
  local.emulator.faults.clear();
  local.emulator.configureRefunds({ balances: { [local.info.mchid]: null } });
});

const openid = 'oABCD5example_openid00000001';
const data = JSON.stringify({
  openid,
  transfer_remark: '新会员有礼',
  transfer_scene_id: '1000',
  transfer_scene_report_infos: [
    { info_type: '活动名称', info_content: '新会员有礼' },
    { info_type: '奖励说明', info_content: '注册奖励' },
  ],
});
let refs = 0;
const fresh = (): string => `ref-${(refs += 1)}`;
const transfer = (ref: string, ...more: readonly string[]): readonly string[] => [
  'transfer',
  'create',
  '--data',
  data,
  '--amount',
  '8.88yuan',
  '--ref',
  ref,
  '--json',
  ...more,
];
const json = (result: RunResult): Record<string, unknown> => JSON.parse(result.stdout) as Record<string, unknown>;
const fault = (input: FaultInput): void => void local.emulator.faults.add(input);
const posts = { method: 'POST', path: '/v3/fund-app/mch-transfer/transfer-bills' } as const;
const ledgerOf = (number: unknown): readonly TransferEntry[] =>
  local.emulator.transfers.ledger().filter((entry) => entry.out_bill_no === number);
/** Runs in a fresh home: another machine, without the record. */
async function elsewhere(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const home = makeHome();
  try {
    return await home.run(argv, { ...options, env: { ...local.env, ...options.env } });
  } finally {
    home.remove();
  }
}
const recordOf = (number: unknown): Record<string, unknown> => {
  const dir = join(local.home.dir, '.local', 'state', 'wxpay', 'transfers');
  // One folder for each place that was called.
  const files = readdirSync(dir).flatMap((folder) =>
    readdirSync(join(dir, folder)).map((file) => join(dir, folder, file)),
  );
  const file = files.find((path) => path.includes(`/${String(number)}-`)) ?? '';
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
};

describe('a transfer', () => {
  test('waits for its user with the parameters for the client, is confirmed, and arrives', async () => {
    const made = await local.run(transfer(fresh()));
    expect(made).toMatchObject({ code: 0 });
    const answer = json(made);
    const { out_bill_no: no, package_info } = answer;
    expect(answer).toMatchObject({
      result: 'accepted',
      state: 'WAIT_USER_CONFIRM',
      transfer_amount: 888,
      client_parameters: { mchId: local.info.mchid, appId: local.info.appid, package: package_info },
    });
    expect(no).toMatch(/^T[0-9a-f]{28}$/);
    // The number is told before the request leaves, with the amount in both units.
    expect(made.stderr).toContain(`out_bill_no ${String(no)}, ¥8.88 (888 fen)`);
    expect(json(await local.run(['transfer', 'query', String(no), '--json']))).toMatchObject({
      client_parameters: { package: package_info },
    });
    const dir = join(local.home.dir, 'emulator');
    expect(await local.run(['emulator', 'transfer', String(no), '--dir', dir])).toMatchObject({ code: 0 });
    const asked = await local.run(['transfer', 'query', String(answer['transfer_bill_no'])]);
    expect(asked.stdout).toMatch(/arrived[\s\S]*¥8\.88/);
    expect(recordOf(no)).toMatchObject({ outcome: { result: 'adopted', state: 'SUCCESS' } });
  });

  test('is one, however often and wherever it is asked for', async () => {
    const ref = fresh();
    const runs = [
      await local.run(transfer(ref)),
      await local.run(transfer(ref)),
      await elsewhere(transfer(ref)),
      await elsewhere(transfer(ref)),
    ];
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(runs.map((run) => json(run)['result'])).toEqual(['accepted', 'existing', 'existing', 'existing']);
    expect(new Set(runs.map((run) => json(run)['transfer_bill_no'])).size).toBe(1);
    expect(new Set(runs.map((run) => json(run)['package_info'])).size).toBe(1);
    expect(runs[1]?.stderr).toMatch(/Already transferred as T.*--ref/);
    expect(ledgerOf(json(runs[0]!)['out_bill_no'])).toMatchObject([{ amount: 888 }]);
  });

  test('G5: with another amount it stops, here and elsewhere; another --ref is another transfer', async () => {
    const ref = fresh();
    const { out_bill_no: no } = json(await local.run(transfer(ref)));
    for (const run of [local.run.bind(local), elsewhere]) {
      const result = await run(transfer(ref, '--amount', '999'));
      expect(result).toMatchObject({ code: 4, stdout: '' });
      expect(errorOf(result)).toMatchObject({
        code: 'TRANSFER_DIFFERS',
        hint: expect.stringContaining('--ref') as string,
      });
    }
    expect(json(await local.run(transfer(fresh(), '--amount', '999')))).toMatchObject({ result: 'accepted' });
    expect(ledgerOf(no)).toMatchObject([{ amount: 888, posts: 1 }]);
  });

  test('with another scene’s report stops elsewhere, too, where only WeChat Pay can tell', async () => {
    const ref = fresh();
    await local.run(transfer(ref));
    const other = await elsewhere(transfer(ref, '--report', '活动名称=别的', '--report', '奖励说明=别的'));
    expect(other).toMatchObject({ code: 4, stdout: '' });
    expect(errorOf(other)).toMatchObject({ code: 'TRANSFER_DIFFERS' });
  });

  test('needs a --ref or a number', async () => {
    const result = await local.run(transfer('x').filter((word) => word !== '--ref' && word !== 'x'));
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'INPUT_MISSING', hint: expect.stringContaining('--ref') as string });
  });

  test('takes a name from a file or standard input, encrypts it, and never from the command line', async () => {
    const file = join(local.home.dir, 'name.txt');
    writeFileSync(file, '张三\n');
    const big = ['--amount', '2000yuan'];
    const ref = fresh();
    const made = await local.run(transfer(ref, ...big, '--name-file', file));
    expect(made).toMatchObject({ code: 0 });
    expect(made.stdout + made.stderr + JSON.stringify(recordOf(json(made)['out_bill_no']))).not.toContain('张三');
    expect(json(await local.run(transfer(ref, ...big, '--name-stdin'), { input: '张三' }))).toMatchObject({
      result: 'existing',
    });
    const other = await elsewhere(transfer(ref, ...big, '--name-stdin'), { input: '李四' });
    expect(errorOf(other)).toMatchObject({ code: 'TRANSFER_DIFFERS' });
    expect(errorOf(await local.run(transfer(fresh(), ...big)))).toMatchObject({ code: 'INPUT_MISSING' });
    const shown = await local.run(transfer(fresh(), '--name', '王五'));
    expect(errorOf(shown)).toMatchObject({ code: 'SECRET_IN_ARGV' });
    expect(shown.stderr).not.toContain('王五');
  });

  test('that has failed says so, and stays so', async () => {
    const ref = fresh();
    const { out_bill_no: no } = json(await local.run(transfer(ref)));
    await local.emulator.transfers.confirm({ transfer: String(no), outcome: 'fail' });
    const again = await local.run(transfer(ref));
    expect(again).toMatchObject({ code: 4 });
    expect(json(again)).toMatchObject({ result: 'existing', state: 'FAIL', fail_reason: 'OVERDUE_CLOSE' });
    expect(ledgerOf(no)).toHaveLength(1);
  });

  test('without balance is refused, and goes through by the same command after topping up', async () => {
    const ref = fresh();
    local.emulator.configureRefunds({ balances: { [local.info.mchid]: 100 } });
    const poor = await local.run(transfer(ref));
    expect(poor).toMatchObject({ code: 4 });
    expect(errorOf(poor)).toMatchObject({
      outcome: 'rejected',
      hint: expect.stringContaining('same command') as string,
    });
    local.emulator.configureRefunds({ balances: { [local.info.mchid]: 1000 } });
    expect(json(await local.run(transfer(ref)))).toMatchObject({ result: 'accepted' });
  });

  test('--dry-run shows the request, and neither sends nor writes anything', async () => {
    const before = local.emulator.requests.length;
    const shown = await local.run(transfer(fresh(), '--dry-run'));
    expect(json(shown)).toMatchObject({ dry_run: true, method: 'POST', body: { transfer_amount: 888, openid } });
    expect(local.emulator.requests.length).toBe(before);
  });

  test('at a live merchant asks first: off a terminal without --yes nothing is sent', async () => {
    const live = await local.run(transfer(fresh()), { env: { WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com' } });
    expect(live).toMatchObject({ code: 10, stdout: '' });
    expect(errorOf(live)).toMatchObject({ code: 'CONFIRMATION_REQUIRED', outcome: 'not_sent' });
  });

  test('--wait tells the parameters at once, and ends with the outcome, or with exit 12', async () => {
    const running = local.home.spawn(transfer(fresh(), '--wait'), { env: local.env });
    const told = await new Promise<string>((resolve) => {
      let text = '';
      running.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('requestMerchantTransfer')) resolve(text);
      });
    });
    const no = /out_bill_no (T\w+)/.exec(told)?.[1] ?? '';
    await local.emulator.transfers.confirm({ transfer: no, outcome: 'transfering' });
    const ended = await running;
    expect(ended.exitCode).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ state: 'SUCCESS', result: 'accepted' });
    const late = await local.run(transfer(fresh(), '--wait', '--for', '1s'));
    expect(late).toMatchObject({ code: 12 });
    expect(json(late)).toMatchObject({ state: 'WAIT_USER_CONFIRM' });
  });

  test('of a service provider is sent elsewhere', async () => {
    const result = await local.run(transfer(fresh()), { env: { WXPAY_SUB_MCHID: '1900000109' } });
    expect(errorOf(result)).toMatchObject({ code: 'INPUT_INVALID', outcome: 'not_sent' });
  });
});

describe('a cancellation', () => {
  test('takes back what waits, says so again, and comes too late after the confirmation', async () => {
    const { out_bill_no: no } = json(await local.run(transfer(fresh())));
    const cancelled = await local.run(['transfer', 'cancel', String(no), '--json']);
    expect(cancelled).toMatchObject({ code: 0 });
    expect(json(cancelled)).toMatchObject({ result: 'cancelled', state: 'CANCELING' });
    expect(json(await local.run(['transfer', 'cancel', String(no), '--json']))).toMatchObject({
      result: 'already_cancelled',
    });
    const { out_bill_no: paid } = json(await local.run(transfer(fresh())));
    await local.emulator.transfers.confirm({ transfer: String(paid) });
    const late = await local.run(['transfer', 'cancel', String(paid), '--json']);
    expect(late).toMatchObject({ code: 4, stdout: '' });
    expect(errorOf(late)).toMatchObject({ code: 'TRANSFER_NOT_CANCELLABLE' });
  });

  test('whose answer is lost is settled by asking', async () => {
    const { out_bill_no: no } = json(await local.run(transfer(fresh())));
    fault({ method: 'POST', path: '*/cancel', count: 1, kind: 'cut', when: 'after' });
    expect(json(await local.run(['transfer', 'cancel', String(no), '--json']))).toMatchObject({ result: 'cancelled' });
  });
});

describe('in trouble, money moves once', () => {
  test.each<[string, FaultInput, string]>([
    ['cut after it took effect', { kind: 'cut', when: 'after' }, 'adopted'],
    ['cut before', { kind: 'cut', when: 'before' }, 'accepted'],
    ['cut in the middle of the answer', { kind: 'truncate', bytes: 20 }, 'adopted'],
    ['500 after', { kind: 'status', status: 500, when: 'after' }, 'adopted'],
    ['503 before', { kind: 'status', status: 503, when: 'before' }, 'accepted'],
    ['429 after', { kind: 'status', status: 429, when: 'after' }, 'adopted'],
    ['a wrong signature', { kind: 'signature', variant: 'wrong' }, 'adopted'],
    ['no signature', { kind: 'signature', variant: 'missing' }, 'adopted'],
    ['a signed answer about another', { kind: 'replay-other' }, 'adopted'],
  ])('%s', async (_, trouble, result) => {
    const ref = fresh();
    fault({ ...posts, count: 1, ...trouble });
    const made = await local.run(transfer(ref));
    expect(made).toMatchObject({ code: 0 });
    expect(json(made)).toMatchObject({
      result,
      state: 'WAIT_USER_CONFIRM',
      package_info: expect.any(String) as string,
    });
    expect(json(await local.run(transfer(ref)))).toMatchObject({ result: 'existing' });
    expect(ledgerOf(json(made)['out_bill_no'])).toHaveLength(1);
  });

  test('where nobody answers any more it is exit 8 with the command that asks, and the same command again finds it', async () => {
    const ref = fresh();
    // The look before it goes through, the answer and every question after it are lost.
    fault({ ...posts, count: -1, kind: 'status', status: 500, when: 'after' });
    const proxy = await gate();
    try {
      const lost = await local.run(transfer(ref), { env: { WXPAY_BASE_URL: proxy.url } });
      expect(lost).toMatchObject({ code: 8, stdout: '' });
      const error = errorOf(lost);
      const no = String(error['next']).replace('wxpay transfer query ', '');
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      expect(no).toMatch(/^T[0-9a-f]{28}$/);
      local.emulator.faults.clear();
      proxy.open();
      expect(
        json(await local.run(['transfer', 'query', no, '--json'], { env: { WXPAY_BASE_URL: proxy.url } })),
      ).toMatchObject({
        state: 'WAIT_USER_CONFIRM',
      });
      expect(json(await local.run(transfer(ref), { env: { WXPAY_BASE_URL: proxy.url } }))).toMatchObject({
        result: 'existing',
        package_info: expect.any(String) as string,
      });
      expect(ledgerOf(no)).toHaveLength(1);
    } finally {
      await proxy.close();
    }
  });

  test('killed between the record and the answer: the same command continues', async () => {
    const ref = fresh();
    fault({ ...posts, count: 1, kind: 'stall', when: 'after' });
    const running = local.home.spawn(transfer(ref), { env: local.env });
    const before = local.emulator.transfers.ledger().length;
    await expect.poll(() => local.emulator.transfers.ledger().length).toBe(before + 1);
    running.kill('SIGKILL');
    await running;
    const made = local.emulator.transfers.ledger().at(-1);
    const record = recordOf(made?.out_bill_no);
    expect(record).not.toHaveProperty('outcome');
    const again = await local.run(transfer(ref));
    expect(json(again)).toMatchObject({ result: 'existing', package_info: expect.any(String) as string });
    expect(ledgerOf(made?.out_bill_no)).toHaveLength(1);
  });

  test('killed before it took effect: the same command sends the bytes of the record', async () => {
    const ref = fresh();
    fault({ ...posts, count: 1, kind: 'stall', when: 'before' });
    const running = local.home.spawn(transfer(ref), { env: local.env });
    const stalled = local.emulator.requests.length;
    const arrived = async (): Promise<number> => local.emulator.faults.list().length;
    await expect.poll(arrived).toBe(0);
    running.kill('SIGKILL');
    await running;
    expect(local.emulator.requests.length).toBeGreaterThan(stalled);
    const again = await local.run(transfer(ref));
    expect(json(again)).toMatchObject({ result: 'accepted' });
    expect(again.stderr).toContain('An earlier run may have sent it');
    expect(ledgerOf(json(again)['out_bill_no'])).toMatchObject([{ amount: 888, posts: 2 }]);
  });

  test('two at once are one', async () => {
    const ref = fresh();
    const [a, b] = await Promise.all([local.run(transfer(ref)), local.run(transfer(ref))]);
    expect([a.code, b.code]).toEqual([0, 0]);
    expect(new Set([json(a)['result'], json(b)['result']])).toEqual(new Set(['accepted', 'existing']));
    expect(ledgerOf(json(a)['out_bill_no'])).toMatchObject([{ posts: 1 }]);
  });
});

/** Passes requests on to the emulator; once a POST has passed, it cuts everything, until it is opened. */
async function gate(): Promise<{ url: string; open: () => void; close: () => Promise<void> }> {
  let closed: boolean | undefined = false;
  const server = createServer((incoming, outgoing) => {
    if (closed === true) {
      incoming.socket.destroy();
      return;
    }
    if (incoming.method === 'POST' && closed === false) closed = true;
    const target = new URL(incoming.url ?? '', local.info.url);
    const headers = { ...incoming.headers, host: target.host };
    const passed = httpRequest(target, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => {
      closed = undefined;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

test('a skeleton needs no merchant, is refused as it is, and is what --data takes once it is filled in', async () => {
  const printed = await local.home.run(['transfer', 'create', '--skeleton', '--json']);
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  const blank = await local.run(['transfer', 'create', '--data', printed.stdout, '--json']);
  expect(blank).toMatchObject({ code: 2, stdout: '' });
  const members = { ...json(printed), ...(JSON.parse(data) as object), transfer_amount: 100 };
  const done = await local.run(['transfer', 'create', '--data', JSON.stringify(members), '--ref', fresh(), '--json']);
  expect(done.code, done.stderr).toBe(0);
  expect(json(done)).toMatchObject({ state: 'WAIT_USER_CONFIRM' });
});
