/** What an emulator knows survives it, and can be forgotten. */
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StateProblem } from '../../src/emulator/state-keeper.ts';
import type { EmulatorState } from '../../src/emulator/state.ts';
import { receive } from './receiver.ts';
import { openStage, orderBody, tempDir } from './stage.ts';
import type { Stage } from './stage.ts';
import { rmSync } from 'node:fs';

/** Through JSON, as a file has it. */
const written = (state: EmulatorState): EmulatorState => JSON.parse(JSON.stringify(state)) as EmulatorState;

async function prepay(stage: Stage, extra: Record<string, unknown> = {}): Promise<string> {
  const body = orderBody(stage, 'native', extra);
  const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body);
  expect(answer.status).toBe(200);
  return body['out_trade_no'] as string;
}

async function refund(stage: Stage, outTradeNo: string, number: string, extra: Record<string, unknown> = {}) {
  return stage.client.call('POST', '/v3/refund/domestic/refunds', {
    out_trade_no: outTradeNo,
    out_refund_no: number,
    amount: { refund: 100, total: 1290, currency: 'CNY' },
    ...extra,
  });
}

/** Something in every store. */
async function live(stage: Stage, url: string): Promise<{ unpaid: string; paid: string }> {
  const { emulator, client } = stage;
  const unpaid = await prepay(stage);
  const paid = await prepay(stage, { notify_url: url });
  await emulator.pay({ order: paid });
  expect((await refund(stage, paid, 'STATE_R1', { notify_url: url })).json).toMatchObject({ status: 'PROCESSING' });
  const closed = await prepay(stage);
  const close = async (number: string) =>
    client.call('POST', `/v3/pay/transactions/out-trade-no/${number}/close`, { mchid: emulator.info.mchid });
  await close(closed);
  await close('NEVER_USED_1');
  const { appid, mchid } = emulator.info;
  const combined = await client.call('POST', '/v3/combine-transactions/native', {
    combine_appid: appid,
    combine_mchid: mchid,
    combine_out_trade_no: 'STATE_C1',
    notify_url: url,
    sub_orders: ['A', 'B'].map((name) => ({
      mchid,
      out_trade_no: `STATE_C1_${name}`,
      attach: name,
      description: name,
      amount: { total_amount: 100, currency: 'CNY' },
    })),
  });
  expect(combined.status).toBe(200);
  emulator.changePayer('oPOOR', { balance: 5, password: 'always' });
  emulator.issueCode('oPOOR');
  emulator.configureRefunds({ balances: { [mchid]: 10_000 }, next: [{ outcome: 'ABNORMAL', count: 2 }] });
  emulator.outbox.configure({ speed: 2 });
  emulator.faults.add({ kind: 'status', status: 500, path: '/nowhere', probability: 0.5, seed: 7 });
  emulator.faults.take('GET', '/nowhere');
  emulator.changeMerchant('1900000100', { max_total: 3 });
  emulator.transfers.configure({ pay_ms: 77 });
  emulator.moveClock({ by_ms: 3_600_000 });
  return { unpaid, paid };
}

describe('a snapshot', () => {
  let stage: Stage;
  let close = async (): Promise<void> => {};
  beforeAll(async () => {
    stage = await openStage({ refunds: { settle_after_ms: 10_000_000 } });
    const receiver = await receive(500);
    close = async () => receiver.close();
    await live(stage, receiver.url);
  });
  afterAll(async () => {
    await close();
    await stage.end();
  });

  test('has no key in it', () => {
    const text = JSON.stringify(stage.emulator.snapshot());
    for (const { apiV3Key, apiV2Key } of stage.emulator.merchants) {
      expect(text).not.toContain(apiV3Key);
      expect(text).not.toContain(apiV2Key);
    }
    expect(text).not.toContain('PRIVATE KEY');
    expect(text).not.toContain(stage.emulator.controlToken);
  });

  test('is everything: put back after a reset, it is the same to the letter', () => {
    const before = written(stage.emulator.snapshot());
    for (const part of ['orders', 'combined'] as const) expect(before[part].orders.length).toBeGreaterThan(0);
    expect(before.orders.burned).toEqual([`${stage.emulator.info.mchid} NEVER_USED_1`]);
    expect(before.refunds.refunds).toHaveLength(1);
    expect(before.faults.rules).toMatchObject([{ drawn: 1 }]);
    stage.emulator.reset();
    const empty = written(stage.emulator.snapshot());
    expect(empty.orders).toEqual({ orders: [], burned: [] });
    expect(empty).toMatchObject({
      clock_offset_ms: 0,
      combined: { orders: [], burned: [] },
      payers: { payers: [], codes: [], used: [] },
      switches: [],
      refunds: { refunds: [], posts: [], settings: { balances: {}, next: [], settle_after_ms: 10_000_000 } },
      sharing: { receivers: [], shares: [], returns: [] },
      transfers: { transfers: [], posts: [], settings: { pay_ms: 1000 } },
      billed: [],
      callbacks: { records: [], settings: { speed: 1 } },
      faults: { rules: [] },
    });
    expect(stage.emulator.requests).toEqual([]);
    stage.emulator.restore(before);
    expect(written(stage.emulator.snapshot())).toEqual(before);
  });

  test.each([
    ['nothing', null],
    ['a version of tomorrow', { version: 2 }],
    ['half of it', { version: 1, orders: {} }],
  ])('%s is refused, and nothing changes', (_, wrong) => {
    const before = written(stage.emulator.snapshot());
    expect(() => stage.emulator.restore(wrong)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    expect(written(stage.emulator.snapshot())).toEqual(before);
  });

  test('one that contradicts itself is refused, and nothing changes', () => {
    const before = written(stage.emulator.snapshot());
    const orphaned = { ...before, orders: { ...before.orders, orders: [] } };
    expect(() => stage.emulator.restore(orphaned)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    expect(written(stage.emulator.snapshot())).toEqual(before);
  });
});

test('every part of a snapshot is tried: something is in it, it comes back after a reset, and over a restart', async () => {
  const dir = tempDir();
  const receiver = await receive(500);
  const options = { dir, persist: true, deterministic: { seed: 1, step_ms: 1 }, refunds: { settle_after_ms: 1000 } };
  let stage = await openStage(options);
  try {
    const empty = written(stage.emulator.snapshot());
    const { emulator, client } = stage;
    await live(stage, receiver.url);
    const { appid } = emulator.info;
    const receiverOf = { appid, type: 'PERSONAL_OPENID', account: 'oSHARE', relation_type: 'STAFF' };
    expect((await client.call('POST', '/v3/profitsharing/receivers/add', receiverOf)).status).toBe(200);
    const transfer = await client.call('POST', '/v3/fund-app/mch-transfer/transfer-bills', {
      appid,
      out_bill_no: 'STATET1',
      openid: 'oSTATE',
      transfer_amount: 100,
      transfer_remark: 'x',
      transfer_scene_id: '1000',
      transfer_scene_report_infos: ['活动名称', '奖励说明'].map((type) => ({ info_type: type, info_content: 'x' })),
    });
    expect(transfer.status).toBe(200);
    // Nothing is under way any more when it is looked at.
    emulator.outbox.configure({ retries: false });
    emulator.moveClock({ by_ms: 2 * 86_400_000 });
    await expect.poll(() => emulator.callbacks.map(({ state }) => state)).toEqual(['given_up', 'given_up']);
    const day = new Date(emulator.clock.now + 8 * 3_600_000 - 2 * 86_400_000).toISOString().slice(0, 10);
    expect((await client.call('GET', `/v3/bill/tradebill?bill_date=${day}`)).status).toBe(200);

    const before = written(emulator.snapshot());
    const same = Object.keys(before).filter(
      (part) => JSON.stringify(before[part as 'orders']) === JSON.stringify(empty[part as 'orders']),
    );
    expect(same).toEqual(['version']);
    emulator.reset();
    emulator.restore(before);
    expect(written(emulator.snapshot())).toEqual(before);
    await stage.end();
    stage = await openStage(options);
    expect(written(stage.emulator.snapshot())).toEqual(before);
  } finally {
    await stage.end();
    await receiver.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

describe('an emulator that keeps its state', () => {
  const restart = async (dir: string, stage: Stage, extra: object = {}): Promise<Stage> => {
    await stage.end();
    return openStage({ dir, persist: true, refunds: { settle_after_ms: 3_600_000 }, ...extra });
  };

  test('goes on in the middle of a life: unpaid, paid, a refund under way, a callback to be sent again', async () => {
    const dir = tempDir();
    const receiver = await receive(500);
    let stage = await openStage({ dir, persist: true, refunds: { settle_after_ms: 3_600_000 } });
    try {
      const unpaid = await prepay(stage, { notify_url: receiver.url });
      const paid = await prepay(stage, { notify_url: receiver.url });
      const { callback } = await stage.emulator.pay({ order: paid });
      await refund(stage, paid, 'KEPT_R1', { notify_url: receiver.url });
      await stage.emulator.rotate({ step: 'issue' });
      const listed = (await stage.emulator.rotate({ step: 'switch' })).listed;
      const before = written(stage.emulator.snapshot());
      stage = await restart(dir, stage);
      expect(statSync(join(dir, 'state.json')).mode & 0o777).toBe(0o600);
      expect(written(stage.emulator.snapshot())).toEqual(before);

      // The platform's keys are the ones that it had come to.
      expect((await stage.emulator.rotate({ step: 'retire' })).listed).toEqual([listed.at(-1)]);
      // Unpaid: it can be paid, and is told.
      await expect(stage.emulator.pay({ order: unpaid })).resolves.toMatchObject({ callback: { status: 500 } });
      // Paid: it cannot be paid twice, and what is refunded counts.
      await expect(stage.emulator.pay({ order: paid })).rejects.toMatchObject({ code: 'ORDER_PAID' });
      expect(
        (await refund(stage, paid, 'KEPT_R2', { amount: { refund: 1191, total: 1290, currency: 'CNY' } })).status,
      ).toBe(400);
      // The callback goes on with its second send, the same bytes; the refund settles and is told.
      stage.emulator.moveClock({ by_ms: 15_000 });
      await expect.poll(() => stage.emulator.outbox.find(callback!.id)?.attempts.length).toBe(2);
      stage.emulator.moveClock({ by_ms: 3_600_000 });
      const told = () => stage.emulator.callbacks.filter(({ out_refund_no: number }) => number === 'KEPT_R1');
      await expect.poll(() => told().length).toBe(1);
      const settled = await stage.client.call('GET', '/v3/refund/domestic/refunds/KEPT_R1');
      expect(settled.json).toMatchObject({ status: 'SUCCESS' });
    } finally {
      await stage.end();
      await receiver.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('tells what came to its end while nobody ran, once', async () => {
    const dir = tempDir();
    const receiver = await receive(200);
    let stage = await openStage({ dir, persist: true, refunds: { settle_after_ms: 3_600_000 } });
    try {
      const paid = await prepay(stage);
      await stage.emulator.pay({ order: paid, callback: false });
      await refund(stage, paid, 'LATE_R1', { notify_url: receiver.url });
      // The clock of the next run is ahead: the outcome lies in its past.
      stage = await restart(dir, stage, {});
      stage.emulator.moveClock({ by_ms: 7_200_000 });
      await expect.poll(() => receiver.arrivals.length).toBe(1);
      stage = await restart(dir, stage, {});
      expect(stage.emulator.clock.offset_ms).toBe(7_200_000);
      expect(stage.emulator.callbacks).toMatchObject([{ state: 'delivered', attempts: 1 }]);
      expect(receiver.arrivals).toHaveLength(1);
    } finally {
      await stage.end();
      await receiver.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('keeps the orders of a merchant that brought its own keys for when it comes back', async () => {
    const dir = tempDir();
    let stage = await openStage({ dir, persist: true });
    try {
      const own = await stage.emulator.addMerchant({ mchid: '1900009999', appids: ['wx00000000000000aa'] });
      const { certificate_file: file } = own.files!;
      const certificate = readFileSync(file, 'utf8');
      rmSync(join(dir, 'merchants', '1900009999'), { recursive: true });
      await stage.emulator.addMerchant({ mchid: '1900009999', appids: own.appids, certificate });
      stage.emulator.seed({ count: 1, total: 5, mchid: '1900009999', prefix: 'OWN_' });
      stage = await restart(dir, stage);
      stage = await restart(dir, stage);
      expect(stage.emulator.merchants.map(({ mchid }) => mchid)).not.toContain('1900009999');
      expect(written(stage.emulator.snapshot()).orders.orders).toMatchObject([{ mchid: '1900009999' }]);
    } finally {
      await stage.end();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test.each([
    ['is no JSON', '{"version":1,'],
    ['is from a newer program', '{"version":99}'],
    ['is cut short in its meaning', '{"version":1,"clock_offset_ms":0,"orders":{}}'],
  ])('a file that %s is set aside and said, not overwritten', async (_, text) => {
    const dir = tempDir();
    writeFileSync(join(dir, 'state.json'), text);
    const problems: StateProblem[] = [];
    const stage = await openStage({ dir, persist: true, onStateProblem: (problem) => problems.push(problem) });
    try {
      expect(problems).toMatchObject([{ kind: 'set-aside' }]);
      expect(readFileSync(problems[0]!.file, 'utf8')).toBe(text);
      await prepay(stage);
    } finally {
      await stage.end();
    }
    expect(readdirSync(dir).filter((name) => name.startsWith('state.json'))).toHaveLength(2);
    rmSync(dir, { recursive: true, force: true });
  });

  test('how callbacks are sent is what this start says, and else what it was', async () => {
    const dir = tempDir();
    let stage = await openStage({ dir, persist: true });
    stage.emulator.outbox.configure({ speed: 7, duplicates: 2 });
    stage = await restart(dir, stage, { callbacks: { speed: 100 } });
    expect(stage.emulator.outbox.settings()).toMatchObject({ speed: 100, duplicates: 2 });
    stage = await restart(dir, stage);
    expect(stage.emulator.outbox.settings()).toMatchObject({ speed: 100, duplicates: 2 });
    await stage.end();
    rmSync(dir, { recursive: true, force: true });
  });

  test('one that does not keep it forgets it, and leaves no file', async () => {
    const dir = tempDir();
    let stage = await openStage({ dir });
    await prepay(stage);
    await stage.end();
    expect(readdirSync(dir)).not.toContain('state.json');
    stage = await openStage({ dir });
    expect(stage.emulator.snapshot().orders.orders).toEqual([]);
    await stage.end();
    rmSync(dir, { recursive: true, force: true });
  });
});
