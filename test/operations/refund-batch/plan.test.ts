import { afterEach, describe, expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { parseBatch } from '../../../src/operations/refund-batch/parse.ts';
import { planBatch, type BatchPlan } from '../../../src/operations/refund-batch/plan.ts';
import { loadPlan, savedPlanStart, savePlan } from '../../../src/operations/refund-batch/saved-plan.ts';
import { parseShard, shardOf } from '../../../src/operations/refund-batch/shard.ts';
import { deriveRefundNo } from '../../../src/operations/refund-number.ts';
import { mchid } from './bank.ts';
import { openWorld, outTradeNo, row, transactionId, type World } from './batch-world.ts';

let world: World;
afterEach(() => world.close());

/** A row by out_trade_no. */
const byName = (n: number, fen: number, ref = '', refundNo = ''): string =>
  `,${outTradeNo(n)},${fen},,${refundNo},${ref}`;
const faultsOf = ({ faults }: BatchPlan): string[] =>
  faults.list.map(({ line, column, reason }) => `${line}:${column ?? ''}:${reason}`);
const numbers = (plan: BatchPlan): string[] =>
  Array.from({ length: plan.rows.count }, (_, index) => plan.numberOf(index));

describe('a plan', () => {
  test('gives every row its number by the one rule, and sends nothing', async () => {
    world = openWorld();
    const plan = await world.plan([row(1, 100), byName(2, 200, 'b'), row(3, 300, '', 'MINE_3')]);
    expect(faultsOf(plan)).toEqual([]);
    expect(numbers(plan)).toEqual([
      deriveRefundNo({ mchid, transactionId: transactionId(1) }),
      deriveRefundNo({ mchid, transactionId: transactionId(2), ref: 'b' }),
      'MINE_3',
    ]);
    expect(plan.tally('send')).toEqual({ count: 3, fen: 600 });
    expect(world.bank.posts).toEqual([]);
  });

  test('comes to the same number by either name of an order', async () => {
    world = openWorld();
    expect(numbers(await world.plan([row(1, 100)]))).toEqual(numbers(await world.plan([byName(1, 100)])));
  });

  test('looks an order up once, however many rows it has', async () => {
    world = openWorld();
    await world.plan([row(1, 1, 'a'), row(1, 1, 'b'), row(1, 1, 'c'), row(2, 1)]);
    expect(world.bank.gets.count).toBe(2);
  });

  test.each<[string, string[], string[]]>([
    [
      'an unknown order',
      [row(1, 100), row(99, 100), byName(98, 100)],
      ['3:transaction_id:order_not_found', '4:out_trade_no:order_not_found'],
    ],
    ['more than the order', [row(1, 1_001)], ['2:amount:amount_above_total']],
    ['G7: yuan taken for fen, a hundred times the order', [row(1, 100_000)], ['2:amount:amount_ratio_100']],
    ['G7: fen taken for yuan, a hundredth of the order', [row(1, 10)], ['2:amount:amount_ratio_hundredth']],
    [
      'rows of an order that come to more than it',
      [row(1, 600, 'a'), row(1, 400, 'b'), row(1, 1, 'c')],
      ['4:amount:amounts_above_total'],
    ],
    [
      'rows of an order under its two names that come to more than it',
      [row(1, 600, 'a'), byName(1, 401, 'b')],
      ['3:amount:amounts_above_total'],
    ],
    [
      'what several rows have, told from the top of the file, whichever is found first',
      [row(1, 1_001), row(99, 100), row(2, 2_001)],
      ['2:amount:amount_above_total', '3:transaction_id:order_not_found', '4:amount:amount_above_total'],
    ],
    ['the same row under the two names of an order', [row(1, 100), byName(1, 100)], ['3:out_trade_no:row_duplicate']],
    ['two rows under the two names of an order without ref', [row(1, 100), byName(1, 200)], ['3:ref:ref_needed']],
    [
      'two rows under the two names of an order with one ref',
      [row(1, 100, 'a'), byName(1, 200, 'a')],
      ['3:ref:ref_duplicate'],
    ],
  ])('refuses %s', async (_, rows, faults) => {
    world = openWorld();
    const plan = await world.plan(rows);
    expect(faultsOf(plan)).toEqual(faults);
    expect(world.bank.posts).toEqual([]);
  });

  test('refuses a number of its own that another row would be given', async () => {
    world = openWorld();
    const derived = deriveRefundNo({ mchid, transactionId: transactionId(1) });
    expect(faultsOf(await world.plan([row(1, 100), row(2, 100, '', derived)]))).toEqual(['2:ref:derived_duplicate']);
  });

  test.each(['NOTPAY', 'CLOSED', 'REVOKED'])('refuses an order that is %s', async (state) => {
    world = openWorld();
    world.bank.addOrder(transactionId(50), outTradeNo(50), 100, state);
    const plan = await world.plan([row(50, 100)]);
    expect(faultsOf(plan)).toEqual(['2:transaction_id:order_not_paid']);
    expect(plan.faults.list[0]?.params).toMatchObject({ state });
  });

  test('G7: refuses an order in another currency', async () => {
    world = openWorld();
    world.bank.addOrder(transactionId(50), outTradeNo(50), 100, 'SUCCESS', 'HKD');
    const plan = await world.plan([row(50, 100), row(1, 100)]);
    expect(faultsOf(plan)).toEqual(['2:transaction_id:order_currency']);
    expect(plan.faults.list[0]?.params).toMatchObject({ currency: 'HKD' });
    expect(world.bank.posts).toEqual([]);
  });

  test('takes a hundredth that is meant', async () => {
    world = openWorld();
    expect(faultsOf(await world.plan([row(1, 10)], { allowHundredth: true }))).toEqual([]);
    expect(faultsOf(await world.plan([row(1, 100_000)], { allowHundredth: true }))).toEqual([
      '2:amount:amount_ratio_100',
    ]);
  });

  test('the whole order and an ordinary part of it are no suspicious ratio', async () => {
    world = openWorld();
    expect(faultsOf(await world.plan([row(1, 1_000), row(2, 999), row(3, 11), row(4, 1)]))).toEqual([]);
  });

  test('tells what is refunded already, and what is refunded otherwise', async () => {
    world = openWorld();
    await world.run([row(1, 100), row(2, 100)]);
    const plan = await world.plan([row(1, 100), row(2, 101), row(3, 100)]);
    expect([0, 1, 2].map((index) => plan.actionOf(index))).toEqual(['existing', 'differs', 'send']);
    expect(plan.existingOf(0)).toMatchObject({ status: 'SUCCESS' });
    expect(plan.differenceOf(1)).toBe('amount.refund: 100 ≠ 101');
  });

  test.each<[string, (n: number, fen: number) => string]>([
    ['transaction_id', (n, fen) => row(n, fen)],
    ['out_trade_no', (n, fen) => byName(n, fen)],
  ])('does not promise again what an earlier run of the file has done, of orders by %s', async (_, rowOf) => {
    world = openWorld();
    const lines = [rowOf(1, 100), rowOf(2, 200), rowOf(3, 300)];
    const first = await world.run(lines);
    const second = await world.run(lines);
    expect(first.plan.tally('send')).toEqual({ count: 3, fen: 600 });
    expect(second.plan.tally('send')).toEqual({ count: 0, fen: 0 });
    expect(second.plan.tally('existing')).toEqual({ count: 3, fen: 600 });
    expect(second.rows).toEqual(first.rows.map((outcome) => ({ ...outcome, existing: true })));
    expect(world.bank.posts).toHaveLength(3);
  });

  test('another batch id or ref is another refund', async () => {
    world = openWorld();
    await world.run([row(1, 100)]);
    const plan = await world.plan([row(1, 100, 'second')]);
    expect(plan.actionOf(0)).toBe('send');
  });

  test('passing trouble with a question is asked again later; lasting trouble ends the plan', async () => {
    world = openWorld();
    let asked = 0;
    world.bank.questionTrouble = () =>
      (asked += 1) <= 3 ? new WxpayError('NETWORK_CUT', { params: { host: 'x', reason: 'y' } }) : undefined;
    expect(faultsOf(await world.plan([row(1, 100), row(2, 100)]))).toEqual([]);
    world.bank.questionTrouble = () => new WxpayError('SERVER_ERROR', { params: { status: 500, attempts: 1 } });
    await expect(world.plan([row(1, 100)])).rejects.toMatchObject({ code: 'SERVER_ERROR', outcome: 'not_sent' });
    world.bank.questionTrouble = () => new WxpayError('CREDENTIALS_REFUSED');
    await expect(world.plan([row(1, 100)])).rejects.toMatchObject({ code: 'CREDENTIALS_REFUSED' });
  });

  test('asks no faster than the rate', async () => {
    world = openWorld(50);
    const start = world.clock.monotonic();
    await world.plan(
      Array.from({ length: 50 }, (_, n) => row(n + 1, 100)),
      { rate: 10, concurrency: 50 },
    );
    expect(world.clock.monotonic() - start).toBeGreaterThan(4_500);
  });

  test('C5: an unsigned 404 for a refund is no reason for another number', async () => {
    world = openWorld();
    await world.run([row(1, 100)]);
    world.bank.questionTrouble = (target) =>
      target.startsWith('/v3/refund/')
        ? new WxpayError('NOT_FOUND', { unsigned: true, params: { what: 'x' } })
        : undefined;
    const plan = await world.plan([row(1, 100)]);
    expect(plan.actionOf(0)).toBe('send');
    expect(plan.numberOf(0)).toBe(deriveRefundNo({ mchid, transactionId: transactionId(1) }));
  });
});

describe('shards', () => {
  const of = 4;
  const shards = async (lines: readonly string[]): Promise<BatchPlan[]> =>
    Promise.all([1, 2, 3, 4].map((index) => world.plan(lines, { shard: { index, of } })));
  const ours = (plan: BatchPlan): number[] =>
    Array.from({ length: plan.rows.count }, (_, index) => index).filter(
      (index) => plan.actionOf(index) !== 'elsewhere',
    );

  test.each<[string, (n: number) => string]>([
    ['by transaction_id', (n) => row(n, 1)],
    ['by out_trade_no', (n) => byName(n, 1)],
    ['by both', (n) => (n % 2 === 0 ? row(n, 1) : byName(n, 1))],
  ])('a file that names orders %s: together all rows, each in one shard', async (_, line) => {
    world = openWorld(80);
    const plans = await shards(Array.from({ length: 80 }, (__, n) => line(n + 1)));
    const all = plans.flatMap(ours);
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (__, n) => n));
    for (const plan of plans) {
      expect(ours(plan).length).toBeGreaterThan(5);
      const { count, fen } = plan.tally('elsewhere');
      expect([count, fen]).toEqual([80 - ours(plan).length, 80 - ours(plan).length]);
    }
  });

  test('rows of one order are in one shard, whatever its name', async () => {
    world = openWorld(20);
    const lines = Array.from({ length: 20 }, (_, n) => [row(n + 1, 1, 'a'), byName(n + 1, 2, 'b')]).flat();
    for (const plan of await shards(lines))
      for (let order = 0; order < 20; order += 1)
        expect(plan.actionOf(order * 2) === 'elsewhere').toBe(plan.actionOf(order * 2 + 1) === 'elsewhere');
  });

  test('a shard does not look up what it knows to be of another', async () => {
    world = openWorld(80);
    const [plan] = await shards(Array.from({ length: 80 }, (_, n) => row(n + 1, 1)));
    expect(world.bank.gets.count).toBe(80);
    expect(plan?.tally('send').count).toBeLessThan(40);
  });

  test('the division never changes: known answers', () => {
    expect(shardOf('4200002346202611230000000017', 4)).toBe(1);
    expect(shardOf('ORDER_0001', 7)).toBe(3);
  });

  test.each(['0/4', '5/4', '1/0', 'a/b', '1', '1/4/2', '-1/4', '1.5/4', ''])('%j is no shard', (text) => {
    expect(() => parseShard(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  test('reads 2/4', () => {
    expect(parseShard('2/4')).toEqual({ index: 2, of: 4 });
  });
});

describe('a saved plan', () => {
  const mine = { mchid, base_url: 'http://127.0.0.1:1' };
  const save = (plan: BatchPlan): string[] =>
    [...savePlan(plan, { notify_url: 'https://x.example/n' })].join('').split('\n').slice(0, -1);
  const load = async (lines: readonly string[], who = mine): ReturnType<typeof loadPlan> =>
    loadPlan(
      (async function* () {
        yield* lines;
      })(),
      who,
    );
  const replan = async (saved: Awaited<ReturnType<typeof load>>): Promise<BatchPlan> =>
    planBatch({ transport: world.bank.transport, clock: world.clock }, saved.parsed, {
      identity: saved.identity,
      party: { kind: 'direct', mchid },
      allowHundredth: true,
    });
  const rows = [row(1, 100), byName(2, 200, 'b'), row(3, 300, '', 'MINE_3')];

  test('is one JSON document, and comes back as it was', async () => {
    world = openWorld();
    const plan = await world.plan(rows);
    const lines = save(plan);
    expect(lines[0]?.startsWith(savedPlanStart)).toBe(true);
    expect(JSON.parse(lines.join('\n'))).toMatchObject({
      mchid,
      count: 3,
      fen: 600,
      rows: [{ line: 2 }, { line: 3 }, { line: 4 }],
    });
    const saved = await load(lines);
    expect(saved.identity).toEqual(plan.identity);
    expect(saved.extras).toEqual({ notify_url: 'https://x.example/n' });
    const again = await replan(saved);
    saved.requireSame(again);
    expect(numbers(again)).toEqual(numbers(plan));
    expect([0, 1, 2].map((index) => again.rows.get(index))).toEqual([0, 1, 2].map((index) => plan.rows.get(index)));
  });

  test.each<[string, (lines: string[]) => string[]]>([
    ['an amount', (lines) => lines.map((line) => line.replace('"refund":200', '"refund":201'))],
    ['the merchant', (lines) => lines.map((line) => line.replace(mchid, '1900000002'))],
    ['a row taken out', (lines) => lines.toSpliced(2, 1)],
    ['a row put in', (lines) => lines.toSpliced(2, 0, lines[2] ?? '')],
    ['the end cut off', (lines) => lines.slice(0, -1)],
    ['laid out anew', (lines) => JSON.stringify(JSON.parse(lines.join('\n')), null, 2).split('\n')],
    ['nothing left', () => []],
  ])('that was changed is stale: %s', async (_, change) => {
    world = openWorld();
    const lines = change(save(await world.plan(rows)));
    await expect(load(lines)).rejects.toMatchObject({ code: 'PLAN_STALE', outcome: 'not_sent' });
  });

  test('of another merchant or base URL is stale', async () => {
    world = openWorld();
    const lines = save(await world.plan(rows));
    await expect(load(lines, { ...mine, mchid: '1' })).rejects.toMatchObject({
      code: 'PLAN_STALE',
      params: { field: 'mchid' },
    });
    await expect(load(lines, { ...mine, base_url: 'https://api.mch.weixin.qq.com' })).rejects.toMatchObject({
      code: 'PLAN_STALE',
      params: { field: 'base_url' },
    });
  });

  test('is stale when one of its refunds was made since, by anybody else', async () => {
    world = openWorld();
    const saved = await load(save(await world.plan(rows)));
    await world.run([row(1, 100)]);
    const again = await replan(saved);
    expect(() => saved.requireSame(again)).toThrow(expect.objectContaining({ code: 'PLAN_STALE' }));
    // What this plan did itself, by its journal, is no reason.
    const number = again.numberOf(0);
    saved.requireSame(again, { stateOf: (no: string) => (no === number ? 'final' : undefined) } as never);
  });

  test('is stale when an order is gone or its total another one', async () => {
    world = openWorld();
    const saved = await load(save(await world.plan(rows)));
    world.bank.addOrder(transactionId(1), outTradeNo(1), 5_000);
    const again = await replan(saved);
    expect(() => saved.requireSame(again)).toThrow(expect.objectContaining({ code: 'PLAN_STALE' }));
  });
});

test('a file with faults asks nobody anything', async () => {
  world = openWorld();
  const parsed = await parseBatch(async function* () {
    yield Buffer.from('transaction_id,amount_fen\nx,0\n');
  });
  const plan = await planBatch({ transport: world.bank.transport, clock: world.clock }, parsed, {
    identity: { mchid, base_url: 'http://127.0.0.1:1', batch_id: '', source: { name: 'x', sha256: '' } },
    party: { kind: 'direct', mchid },
  });
  expect(plan.faults.count).toBeGreaterThan(0);
  expect(world.bank.gets.count).toBe(0);
});
