/** The waiting after a batch (`--wait`), which is tested through the program as well. */
import { afterEach, expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import type { Transport } from '../../../src/core/ports.ts';
import {
  applyPlan,
  waitForFinals,
  type ApplyDeps,
  type WaitOptions,
} from '../../../src/operations/refund-batch/apply.ts';
import type { Journal } from '../../../src/operations/refund-batch/journal.ts';
import type { Outcomes } from '../../../src/operations/refund-batch/outcomes.ts';
import type { BatchPlan, PlanOptions } from '../../../src/operations/refund-batch/plan.ts';
import { openWorld, row, transactionId, type World } from './batch-world.ts';

let world: World;
afterEach(() => world.close());

const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => row(n + 1, 100));

interface Stage {
  readonly plan: BatchPlan;
  readonly outcomes: Outcomes;
  readonly journal: Journal;
  /** When each question was asked, in milliseconds from the beginning of the wait, and for which row. */
  readonly questions: { readonly at: number; readonly row: number }[];
  /** Gives the refund of a row its end. */
  readonly settle: (row: number, status?: string) => void;
  /** The refund of a row is final at this time of the wait. */
  readonly settleAt: (ms: number, row: number, status?: string) => void;
  readonly wait: (options?: Partial<WaitOptions>, deps?: Partial<ApplyDeps>) => Promise<void>;
}

/** A batch whose refunds WeChat Pay has all accepted, and finished none of. */
async function inProgress(count: number, work: (stage: Stage) => Promise<void>, options: Partial<PlanOptions> = {}) {
  world = openWorld();
  const { bank, clock } = world;
  bank.settled = 'PROCESSING';
  const plan = await world.plan(lines(count), options);
  await world.journal(plan.identity, async (journal) => {
    const { outcomes } = await applyPlan({ transport: bank.transport, clock, journal }, plan);
    const start = clock.monotonic();
    const questions: Stage['questions'] = [];
    const rowOf = (target: string): number => {
      const asked = target.split('?', 1)[0]?.split('/').at(-1);
      return Array.from({ length: count }, (_, n) => plan.numberOf(n)).indexOf(asked ?? '');
    };
    const refundOf = (n: number) => [...bank.refunds.values()].find((one) => one.out_refund_no === plan.numberOf(n));
    const due: { at: number; n: number; status: string }[] = [];
    const settle = (n: number, status = 'SUCCESS'): void => {
      const refund = refundOf(n);
      if (refund === undefined) throw new Error(`no refund of row ${n}`);
      refund.status = status;
    };
    const transport: Transport = async (request) => {
      const at = clock.monotonic() - start;
      questions.push({ at, row: rowOf(request.target) });
      for (const one of due) if (one.at <= at) settle(one.n, one.status);
      return bank.transport(request);
    };
    await work({
      plan,
      outcomes,
      journal,
      questions,
      settle,
      settleAt: (at, n, status = 'SUCCESS') => void due.push({ at, n, status }),
      wait: (more = {}, deps = {}) =>
        waitForFinals({ transport, clock, journal, ...deps }, plan, outcomes, {
          intervals: [1_000, 5_000],
          limitMs: 60_000,
          ...more,
        }),
    });
  });
}

test('asks after each interval, the last one again and again, and only for what is still in progress', async () => {
  await inProgress(3, async ({ outcomes, questions, settle, settleAt, wait }) => {
    settle(1);
    settleAt(6_000, 0);
    settleAt(11_000, 2);
    await wait();
    expect(questions.map(({ row }) => row)).toEqual([0, 1, 2, 0, 2, 2]);
    const rounds = questions.map(({ at }) => Math.floor(at / 1_000));
    expect(rounds).toEqual([1, 1, 1, 6, 6, 11]);
    expect(outcomes.tally('succeeded')).toEqual({ count: 3, fen: 300 });
    expect(outcomes.tally('processing')).toEqual({ count: 0, fen: 0 });
  });
});

test('asks nothing where nothing is in progress', async () => {
  world = openWorld();
  const { plan, outcomes } = await world.run(lines(2));
  const transport: Transport = () => expect.unreachable('asked');
  const before = world.clock.monotonic();
  await waitForFinals({ transport, clock: world.clock }, plan, outcomes, { intervals: [1], limitMs: 100 });
  expect(world.clock.monotonic()).toBe(before);
});

test('ends when the next round would come after the limit; one that comes at the limit is asked', async () => {
  for (const [limitMs, rounds] of [
    [999, 0],
    [1_000, 1],
    [6_019, 1],
    [6_020, 2],
  ] as const)
    await inProgress(1, async ({ outcomes, questions, wait }) => {
      // Each question takes 20 ms.
      await wait({ limitMs });
      expect([limitMs, questions.length]).toEqual([limitMs, rounds]);
      expect(outcomes.tally('processing').count).toBe(1);
    });
});

test('without intervals it asks every minute', async () => {
  await inProgress(1, async ({ questions, wait }) => {
    await wait({ intervals: [], limitMs: 120_020 });
    expect(questions.map(({ at }) => at)).toEqual([60_000, 120_020]);
  });
});

test('a final refund is recorded as found, with status and refund_id, and told', async () => {
  await inProgress(2, async ({ plan, outcomes, journal, settle, wait }) => {
    const ids = [0, 1].map((n) => outcomes.get(n).refund_id);
    settle(0);
    settle(1, 'ABNORMAL');
    const told: [number, string][] = [];
    await wait({ onRow: (n, of) => void told.push([n, of.resultOf(n)]) });
    expect(told).toEqual([
      [0, 'succeeded'],
      [1, 'failed'],
    ]);
    expect(outcomes.get(0)).toMatchObject({ status: 'SUCCESS', refund_id: ids[0], code: '', existing: false });
    expect(outcomes.get(1)).toMatchObject({ status: 'ABNORMAL', refund_id: ids[1], code: 'REFUND_ABNORMAL' });
    expect(ids.every((id) => id?.startsWith('50'))).toBe(true);
    // One that is stuck can still come to another end.
    for (const [n, status, state] of [
      [0, 'SUCCESS', 'final'],
      [1, 'ABNORMAL', 'pending'],
    ] as const) {
      expect(journal.stateOf(plan.numberOf(n))).toBe(state);
      expect((await journal.find(plan.numberOf(n)))?.outcome).toMatchObject({
        result: 'adopted',
        status,
        refund_id: ids[n],
      });
    }
  });
});

test('that a refund was there before this run stays said', async () => {
  world = openWorld();
  world.bank.settled = 'PROCESSING';
  await world.run(lines(1));
  const { plan, outcomes } = await world.run(lines(1));
  expect(outcomes.get(0)).toMatchObject({ result: 'processing', existing: true });
  for (const refund of world.bank.refunds.values()) refund.status = 'SUCCESS';
  const deps = { transport: world.bank.transport, clock: world.clock };
  await waitForFinals(deps, plan, outcomes, { intervals: [1], limitMs: 100 });
  expect(outcomes.get(0)).toMatchObject({ result: 'succeeded', existing: true });
});

test('what the journal does not know is not written into it, and without a journal nothing is', async () => {
  await inProgress(1, async ({ outcomes, journal, settle, wait }) => {
    settle(0);
    const stranger: Journal = {
      ...journal,
      size: 0,
      stateOf: () => undefined,
      recordOutcome: () => expect.unreachable('written'),
    };
    await wait({}, { journal: stranger });
    expect(outcomes.resultOf(0)).toBe('succeeded');
  });
  world.close();
  world = openWorld();
  world.bank.settled = 'PROCESSING';
  const deps = { transport: world.bank.transport, clock: world.clock };
  const plan = await world.plan(lines(1));
  const { outcomes } = await applyPlan(deps, plan);
  for (const refund of world.bank.refunds.values()) refund.status = 'CLOSED';
  await waitForFinals(deps, plan, outcomes, { intervals: [1], limitMs: 100 });
  expect(outcomes.get(0)).toMatchObject({ result: 'failed', code: 'REFUND_CLOSED' });
});

test('an outcome that cannot be written is not hidden', async () => {
  await inProgress(1, async ({ outcomes, journal, settle, wait }) => {
    settle(0);
    const failure = new WxpayError('FILE_UNWRITABLE', { params: { file: 'j', reason: 'EIO' } });
    const full: Journal = {
      ...journal,
      size: 1,
      stateOf: (no) => journal.stateOf(no),
      recordOutcome: async () => Promise.reject(failure),
    };
    await expect(wait({}, { journal: full })).rejects.toBe(failure);
    expect(outcomes.resultOf(0)).toBe('processing');
  });
});

test('trouble with a question means asking again; what is no trouble of the network goes up', async () => {
  await inProgress(2, async ({ outcomes, questions, settle, wait }) => {
    settle(0);
    settle(1);
    let troubles = 1;
    world.bank.questionTrouble = () => (troubles-- > 0 ? new WxpayError('NETWORK_DNS') : undefined);
    await wait();
    expect(questions.map(({ row }) => row)).toEqual([0, 1, 0]);
    expect(outcomes.tally('succeeded').count).toBe(2);
  });
  world.close();
  await inProgress(1, async ({ wait }) => {
    const bug = new TypeError('mine');
    world.bank.questionTrouble = () => bug as never;
    await expect(wait()).rejects.toBe(bug);
  });
});

test('a refund of another amount or order is not taken for this one', async () => {
  for (const change of [{ refund: 99 }, { total: 999 }, { transaction_id: transactionId(7) }]) {
    await inProgress(1, async ({ outcomes, settle, wait }) => {
      settle(0);
      const [refund] = world.bank.refunds.values();
      Object.assign(refund as object, change);
      await wait({ limitMs: 10_000 });
      expect([change, outcomes.resultOf(0)]).toEqual([change, 'processing']);
    });
    world.close();
  }
});

test('rows of other shards are not asked about', async () => {
  const shard = { index: 1, of: 2 };
  await inProgress(
    6,
    async ({ plan, outcomes, questions, wait }) => {
      const mine = Array.from({ length: 6 }, (_, n) => n).filter((n) => plan.actionOf(n) !== 'elsewhere');
      expect(mine.length).toBeGreaterThan(0);
      expect(mine.length).toBeLessThan(6);
      for (const refund of world.bank.refunds.values()) refund.status = 'SUCCESS';
      await wait();
      expect(questions.map(({ row }) => row).toSorted((a, b) => a - b)).toEqual(mine);
      expect(outcomes.tally('succeeded').count).toBe(mine.length);
    },
    { shard },
  );
});

test('a stop ends the pause, and nothing more is asked', async () => {
  await inProgress(1, async ({ questions, wait }) => {
    const stop = new AbortController();
    void world.clock.sleep(500).then(() => stop.abort(new Error('Ctrl-C')));
    const start = world.clock.monotonic();
    await wait({ signal: stop.signal });
    expect([world.clock.monotonic() - start, questions.length]).toEqual([500, 0]);
  });
});

test('a stop in the middle of a round ends it: what is under way is given up, what is not begun is not asked', async () => {
  await inProgress(4, async ({ outcomes, journal, questions, settle, wait }) => {
    for (const n of [0, 1, 2, 3]) settle(n);
    // A disk takes real time, in which the clock of the test would jump.
    const unknowing: Journal = { ...journal, size: 0, stateOf: () => undefined };
    const stop = new AbortController();
    void world.clock.sleep(1_030).then(() => stop.abort(new Error('Ctrl-C')));
    await wait({ signal: stop.signal, concurrency: 1 }, { journal: unknowing });
    expect(questions.map(({ row }) => row)).toEqual([0, 1]);
    expect([0, 1, 2, 3].map((n) => outcomes.resultOf(n))).toEqual([
      'succeeded',
      'processing',
      'processing',
      'processing',
    ]);
  });
});

test('eight questions at once, or as many as asked for', async () => {
  for (const [concurrency, wanted] of [
    [undefined, 8],
    [3, 3],
  ] as const)
    await inProgress(10, async ({ settle, wait }) => {
      for (let n = 0; n < 10; n += 1) settle(n);
      let busy = 0;
      let most = 0;
      const transport: Transport = async (request) => {
        busy += 1;
        most = Math.max(most, busy);
        try {
          return await world.bank.transport(request);
        } finally {
          busy -= 1;
        }
      };
      await wait(concurrency === undefined ? {} : { concurrency }, { transport });
      expect(most).toBe(wanted);
    });
});
