import { afterEach, describe, expect, test } from 'vitest';
import { WxpayError, type ErrorFacts } from '../../../src/core/errors.ts';
import { applyPlan, readerGone, type ApplyOptions } from '../../../src/operations/refund-batch/apply.ts';
import type { Journal } from '../../../src/operations/refund-batch/journal.ts';
import type { BatchPlan } from '../../../src/operations/refund-batch/plan.ts';
import type { Trouble } from './bank.ts';
import { openWorld, row, transactionId, type World } from './batch-world.ts';
import { seeded } from '../../faults/random.ts';

let world: World;
afterEach(() => world.close());

const results = ({ rows }: { rows: readonly { result: string }[] }): string[] => rows.map(({ result }) => result);
const codes = ({ rows }: { rows: readonly { code: string }[] }): string[] => rows.map(({ code }) => code);
const lines = (count: number, fen = 100): string[] => Array.from({ length: count }, (_, n) => row(n + 1, fen));

describe('a batch', () => {
  test('refunds every row once, and a second run sends nothing', async () => {
    world = openWorld();
    const first = await world.run(lines(10));
    expect(results(first)).toEqual(Array(10).fill('succeeded'));
    expect(world.bank.posts).toHaveLength(10);
    const second = await world.run(lines(10));
    expect(results(second)).toEqual(Array(10).fill('succeeded'));
    expect(second.rows.every(({ existing }) => existing)).toBe(true);
    expect(world.bank.posts).toHaveLength(10);
  });

  test('looks no order up again that the journal knows', async () => {
    world = openWorld();
    await world.run(lines(10));
    const before = world.bank.gets.count;
    await world.run(lines(10));
    expect(world.bank.gets.count).toBe(before);
  });

  test('G1: sorted, shortened and lengthened, it refunds nothing twice', async () => {
    world = openWorld();
    await world.run(lines(6));
    await world.run(lines(6).toReversed());
    await world.run(lines(4));
    const last = await world.run(lines(8));
    expect(results(last)).toEqual(Array(8).fill('succeeded'));
    expect(world.bank.posts).toHaveLength(8);
  });

  test('G5: an edited amount stops its row, is told, and is never renumbered', async () => {
    world = openWorld();
    await world.run(lines(3));
    const { rows, plan } = await world.run([row(1, 100), row(2, 200), row(3, 100)]);
    expect(rows.map(({ result }) => result)).toEqual(['succeeded', 'failed', 'succeeded']);
    expect(rows[1]).toMatchObject({ code: 'REFUND_DIFFERS', message: 'amount.refund: 100 ≠ 200' });
    expect(plan.tally('differs')).toEqual({ count: 1, fen: 200 });
    expect(world.bank.posts).toHaveLength(3);
  });

  test('a refund that is closed, or stuck, is a failure with its name', async () => {
    world = openWorld();
    world.bank.settled = 'CLOSED';
    expect(await world.run(lines(1))).toMatchObject({
      rows: [{ result: 'failed', status: 'CLOSED', code: 'REFUND_CLOSED' }],
    });
    world.bank.settled = 'ABNORMAL';
    expect(await world.run([row(2, 1)])).toMatchObject({ rows: [{ result: 'failed', status: 'ABNORMAL' }] });
  });

  test('the bytes of a row are the same in every run (R19)', async () => {
    world = openWorld();
    world.bank.troubleOf = (_, attempt) => (attempt < 3 ? { kind: 'nothing' } : undefined);
    await world.run(lines(2), { once: { rounds: 1, pauses: [1] } });
    await world.run(lines(2), { once: { rounds: 9, pauses: [1] } });
    const bodies = new Map<string, Set<string>>();
    for (const { out_refund_no, body } of world.bank.posts)
      bodies.set(out_refund_no, (bodies.get(out_refund_no) ?? new Set()).add(body));
    expect([...bodies.values()].map((set) => set.size)).toEqual([1, 1]);
  });
});

describe('refunds of one order', () => {
  const three = [row(1, 100, 'a'), row(2, 1), row(1, 200, 'b'), row(3, 1), row(1, 300, 'c')];

  test('are at least a minute apart, in file order, and keep no other order waiting', async () => {
    world = openWorld();
    const done = await world.run(three);
    expect(results(done)).toEqual(Array(5).fill('succeeded'));
    const at = (n: number): number[] =>
      world.bank.posts.filter(({ transaction_id }) => transaction_id === transactionId(n)).map((post) => post.at);
    const [a = 0, b = 0, c = 0] = at(1);
    expect(b - a).toBeGreaterThanOrEqual(60_000);
    expect(c - b).toBeGreaterThanOrEqual(60_000);
    expect(Math.max(...at(2), ...at(3))).toBeLessThan(10_000);
    expect(
      [...world.bank.refunds.values()]
        .filter(({ transaction_id }) => transaction_id === transactionId(1))
        .map(({ refund }) => refund),
    ).toEqual([100, 200, 300]);
  });

  test('keep their distance over a restart and a clock that is set back', async () => {
    world = openWorld();
    const stop = new AbortController();
    await world.run(three, { stop: stop.signal, onRow: () => stop.abort() });
    const before = world.bank.posts.length;
    world.clock.setBack(3_600_000);
    const done = await world.run(three);
    expect(results(done)).toEqual(Array(5).fill('succeeded'));
    const times = world.bank.posts
      .filter(({ transaction_id }) => transaction_id === transactionId(1))
      .map((post) => post.at);
    expect(times).toHaveLength(3);
    for (const [index, time] of times.entries())
      if (index > 0) expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect(before).toBeLessThan(5);
  });

  test('wait for one whose outcome is unknown: nothing else of the order is sent', async () => {
    world = openWorld();
    world.bank.troubleOf = () => ({ kind: 'nothing' });
    const first = await world.run([row(1, 100, 'a'), row(1, 200, 'b')], { once: { rounds: 1, pauses: [1] } });
    expect(results(first)).toEqual(['unknown', 'skipped']);
    expect(codes(first)).toEqual(['OUTCOME_UNKNOWN', 'ORDER_UNRESOLVED']);
    expect(new Set(world.bank.posts.map(({ out_refund_no }) => out_refund_no)).size).toBe(1);
    world.bank.troubleOf = () => undefined;
    const second = await world.run([row(1, 100, 'a'), row(1, 200, 'b')]);
    expect(results(second)).toEqual(['succeeded', 'succeeded']);
    expect(world.bank.refunds.size).toBe(2);
  });

  test('wait for an unresolved refund of another journal, but for the one with that very number', async () => {
    world = openWorld();
    const plan = await world.plan([row(1, 100)]);
    const own = new Map([[transactionId(1), new Set([plan.numberOf(0)])]]);
    const other = new Map([[transactionId(1), new Set(['SOMETHING_ELSE'])]]);
    const waiting = await world.run([row(1, 100), row(2, 100)], { unresolvedOrders: other });
    expect(codes(waiting)).toEqual(['ORDER_UNRESOLVED', '']);
    expect(world.bank.posts).toHaveLength(1);
    expect(results(await world.run([row(1, 100), row(2, 100)], { unresolvedOrders: own }))).toEqual([
      'succeeded',
      'succeeded',
    ]);
  });
});

describe('unknown outcomes (THREATS G4)', () => {
  test.each<[string, Trouble]>([
    ['the answer is lost', { kind: 'lost' }],
    ['the request is lost', { kind: 'nothing' }],
    ['a 500', { kind: 'trouble', status: 500 }],
    ['a 429', { kind: 'trouble', status: 429 }],
    ['the server acts after the client gave up', { kind: 'late', ms: 1_500 }],
    ['the server acts much later', { kind: 'late', ms: 5_000 }],
  ])('%s: one refund, resolved by itself', async (_, trouble) => {
    world = openWorld();
    world.bank.troubleOf = (__, attempt) => (attempt === 1 ? trouble : undefined);
    const done = await world.run(lines(4));
    expect(results(done)).toEqual(Array(4).fill('succeeded'));
    await world.clock.sleep(60_000);
    expect(world.bank.refunds.size).toBe(4);
    expect([...world.bank.orders.values()].every(({ refunded }) => refunded <= 100)).toBe(true);
  });

  test('what stays unknown is asked about by the next run before anything else is sent', async () => {
    world = openWorld();
    world.bank.troubleOf = (no) => (no.includes(transactionId(2)) ? { kind: 'nothing' } : undefined);
    const first = await world.run(lines(3), { once: { rounds: 1, pauses: [1] } });
    expect(results(first)).toEqual(['succeeded', 'unknown', 'succeeded']);
    world.bank.troubleOf = () => undefined;
    world.bank.posts.length = 0;
    expect(results(await world.run(lines(3)))).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(world.bank.posts.map(({ transaction_id }) => transaction_id)).toEqual([transactionId(2)]);
  });

  test('open rows are resolved before new ones are sent', async () => {
    world = openWorld();
    const stop = new AbortController();
    world.bank.troubleOf = (no) => (no.includes(transactionId(1)) ? { kind: 'nothing' } : undefined);
    const first = await world.run(lines(5), {
      concurrency: 1,
      once: { rounds: 1, pauses: [1] },
      stop: stop.signal,
      onRow: () => stop.abort(),
    });
    expect(results(first)).toEqual(['unknown', ...Array(4).fill('skipped')]);
    world.bank.troubleOf = () => undefined;
    world.bank.posts.length = 0;
    await world.run(lines(5));
    const at = (n: number): number =>
      world.bank.posts.find(({ transaction_id }) => transaction_id === transactionId(n))?.at ?? 0;
    for (const n of [2, 3, 4, 5]) expect(at(n)).toBeGreaterThan(at(1));
  });
});

/** Applies a plan whose journal does something else here and there. */
async function applyWith(
  plan: BatchPlan,
  change: (journal: Journal) => Partial<Journal>,
  options: ApplyOptions = {},
): ReturnType<typeof applyPlan> {
  return world.journal(plan.identity, async (journal) => {
    const changed: Journal = {
      ...journal,
      get size() {
        return journal.size;
      },
      ...change(journal),
    };
    return applyPlan({ transport: world.bank.transport, clock: world.clock, journal: changed }, plan, options);
  });
}

describe('the journal while a batch runs', () => {
  /** Writes outcomes slowly, and says when they are written. */
  const slow = (log: string[]) => (journal: Journal) => ({
    recordIntent: async (intent: Parameters<Journal['recordIntent']>[0]) => {
      log.push('intent');
      await journal.recordIntent(intent);
    },
    recordOutcome: async (outcome: Parameters<Journal['recordOutcome']>[0]) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await journal.recordOutcome(outcome);
      log.push(outcome.result);
    },
  });

  test('a refusal is on the disk before the next row begins', async () => {
    world = openWorld();
    world.bank.troubleOf = () => ({ kind: 'refuse', status: 403, code: `RULE_${world.bank.posts.length}` });
    const log: string[] = [];
    await applyWith(await world.plan(lines(2)), slow(log), { concurrency: 1 });
    expect(log).toEqual(['intent', 'refused', 'intent', 'refused']);
  });

  test('for what was taken the next row need not wait, and all of it is on the disk at the end', async () => {
    world = openWorld();
    const log: string[] = [];
    await applyWith(await world.plan(lines(2)), slow(log), { concurrency: 1 });
    expect(log).toEqual(['intent', 'intent', 'accepted', 'accepted']);
  });

  test('a bug behind the writing of an outcome is not swallowed', async () => {
    world = openWorld();
    const bug = new TypeError('mine');
    const done = applyWith(await world.plan(lines(2)), () => ({ recordOutcome: async () => Promise.reject(bug) }));
    await expect(done).rejects.toBe(bug);
  });

  test('G5: a plan that is older than the journal takes no other refund for its own', async () => {
    world = openWorld();
    const number = 'MY_REFUND_1';
    const plans = [row(1, 200, '', number), row(2, 100, '', number)];
    await world.run([row(1, 100, '', number)]);
    const { plan: first } = await world.run([row(1, 100, '', number)]);
    for (const line of plans) {
      const stale = await world.plan([line]);
      // As the plan was made before the first run: the row is to be sent.
      const naive: BatchPlan = {
        ...stale,
        identity: first.identity,
        actionOf: () => 'send',
        existingOf: () => undefined,
      };
      const { outcomes } = await applyWith(naive, () => ({}));
      expect([line, outcomes.get(0).result, outcomes.get(0).code]).toEqual([line, 'failed', 'REFUND_DIFFERS']);
    }
    expect(world.bank.refunds.size).toBe(1);
  });
});

describe('the words of a row that came to nothing', () => {
  test.each<[string, ErrorFacts, object]>([
    [
      "WeChat Pay's own",
      { wechat: { code: 'X', message: '余额不足' }, requestId: 'R-1' },
      { code: 'X', message: '余额不足', request_id: 'R-1' },
    ],
    ['what differs', { params: { field: 'a', found: 1, wanted: 2 } }, { message: 'a: 1 ≠ 2' }],
    ['what was found', { params: { field: 'a', found: 1 } }, { message: 'a: 1 ≠ ' }],
    ['the reason', { params: { field: 'a', reason: 'ECONNREFUSED' } }, { message: 'ECONNREFUSED' }],
    ['the reason of what was found', { params: { found: 1, reason: 'odd' } }, { message: 'odd' }],
    ['none for a sentence of ours', { params: { reason: 'key:reason.interrupted' } }, { message: '' }],
    ['none for a number', { params: { reason: 7 } }, { message: '' }],
    ['none', {}, { code: 'NETWORK_REFUSED', message: '', request_id: '' }],
  ])('are %s', async (_, facts, wanted) => {
    world = openWorld();
    const plan = await world.plan(lines(1));
    const transport = async (): Promise<never> => {
      throw new WxpayError('NETWORK_REFUSED', { ...facts, outcome: 'not_sent' });
    };
    const { outcomes } = await applyPlan({ transport, clock: world.clock }, plan);
    expect(outcomes.get(0)).toMatchObject({ result: 'skipped', ...wanted });
  });
});

describe('the pause between two refunds of an order', () => {
  const two = [row(1, 100, 'a'), row(1, 100, 'b')];
  const gap = (): number => (world.bank.posts[1]?.at ?? 0) - (world.bank.posts[0]?.at ?? 0);

  test('is kept after a refusal, too: it was a call for this order', async () => {
    world = openWorld();
    world.bank.troubleOf = () =>
      world.bank.posts.length === 1 ? { kind: 'refuse', status: 403, code: 'RULE_LIMIT' } : undefined;
    const done = await world.run(two);
    expect(results(done)).toEqual(['failed', 'succeeded']);
    expect(gap()).toBeGreaterThanOrEqual(60_000);
  });

  test('is not kept after what was provably not sent', async () => {
    world = openWorld();
    world.bank.troubleOf = () => (world.bank.posts.length === 1 ? { kind: 'unreached' } : undefined);
    const done = await world.run(two, { spacingMs: 50_000 });
    expect(results(done)).toEqual(['skipped', 'succeeded']);
    expect(gap()).toBeLessThan(10_000);
  });

  test('can be asked for otherwise', async () => {
    world = openWorld();
    await world.run(two, { spacingMs: 5_000 });
    expect(gap()).toBeGreaterThanOrEqual(5_000);
    expect(gap()).toBeLessThan(10_000);
  });
});

describe('stopping (THREATS G6, G9)', () => {
  const refuse = (status: number, code: string): Trouble => ({ kind: 'refuse', status, code });

  test.each([
    [400, 'PARAM_ERROR'],
    [401, 'SIGN_ERROR'],
    [403, 'NO_AUTH'],
    [404, 'MCH_NOT_EXISTS'],
    [403, 'NOT_ENOUGH'],
    [403, 'NOTENOUGH'],
  ])('%i %s stops the batch at once', async (status, code) => {
    world = openWorld();
    world.bank.troubleOf = () => refuse(status, code);
    const done = await world.run(lines(10), { concurrency: 1 });
    expect(done.stopped).toMatchObject({ reason: 'refused', code });
    expect(results(done)).toEqual(['failed', ...Array(9).fill('skipped')]);
    expect(world.bank.posts).toHaveLength(1);
  });

  test('after the balance was topped up, the same command goes on with the same numbers', async () => {
    world = openWorld();
    world.bank.troubleOf = () => refuse(403, 'NOT_ENOUGH');
    await world.run(lines(10), { concurrency: 2 });
    world.bank.troubleOf = () => undefined;
    expect(results(await world.run(lines(10)))).toEqual(Array(10).fill('succeeded'));
    expect(world.bank.refunds.size).toBe(10);
  });

  test('the same refusal five times in a row stops it; different ones do not', async () => {
    world = openWorld(20);
    world.bank.troubleOf = () => refuse(403, 'USER_ACCOUNT_ABNORMAL');
    const done = await world.run(lines(20), { concurrency: 1 });
    expect(done.stopped).toMatchObject({ reason: 'breaker', code: 'USER_ACCOUNT_ABNORMAL' });
    expect(results(done).filter((result) => result === 'failed')).toHaveLength(5);
    let count = 0;
    world.bank.troubleOf = () => refuse(403, (count += 1) % 2 === 0 ? 'USER_ACCOUNT_ABNORMAL' : 'RULE_LIMIT');
    const other = await world.run(lines(20).toReversed(), { concurrency: 1 });
    expect(other.stopped).toBeUndefined();
  });

  test('a batch that refused rows stopped gets on: they come last', async () => {
    world = openWorld(20);
    world.bank.troubleOf = (no) =>
      lines(5).some((__, n) => no.includes(transactionId(n + 1))) ? refuse(403, 'USER_ACCOUNT_ABNORMAL') : undefined;
    const first = await world.run(lines(20), { concurrency: 1 });
    expect(first.stopped?.reason).toBe('breaker');
    const second = await world.run(lines(20), { concurrency: 1 });
    expect(results(second)).toEqual([...Array(5).fill('failed'), ...Array(15).fill('succeeded')]);
  });

  test('a network that is gone stops it, and nothing is failed', async () => {
    world = openWorld(20);
    world.bank.troubleOf = () => ({ kind: 'unreached' });
    const done = await world.run(lines(20), { concurrency: 1 });
    expect(done.stopped).toMatchObject({ reason: 'breaker', code: 'NETWORK_REFUSED' });
    expect(new Set(results(done))).toEqual(new Set(['skipped']));
    expect(world.bank.posts).toHaveLength(5);
  });

  test('a success between them begins the count of equal refusals anew', async () => {
    world = openWorld(20);
    world.bank.troubleOf = () => (world.bank.posts.length % 5 === 0 ? undefined : refuse(403, 'RULE_LIMIT'));
    const done = await world.run(lines(20), { concurrency: 1 });
    expect(done.stopped).toBeUndefined();
    expect(results(done).filter((result) => result === 'failed')).toHaveLength(16);
  });

  test('a stop that came before the batch sends nothing', async () => {
    world = openWorld();
    const done = await world.run(lines(3), { stop: AbortSignal.abort() });
    expect(done.stopped?.reason).toBe('interrupted');
    expect(codes(done)).toEqual(Array(3).fill('NOT_REACHED'));
    expect(world.bank.posts).toHaveLength(0);
  });

  test('a bug before a refund ends the batch and goes up', async () => {
    world = openWorld();
    const bug = new TypeError('mine');
    const done = applyWith(await world.plan(lines(3)), () => ({ recordIntent: async () => Promise.reject(bug) }));
    await expect(done).rejects.toBe(bug);
    expect(world.bank.posts).toHaveLength(0);
  });

  test('--fail-fast stops at the first failure', async () => {
    world = openWorld();
    world.bank.troubleOf = (no) => (no.includes(transactionId(3)) ? refuse(403, 'RULE_LIMIT') : undefined);
    const done = await world.run(lines(10), { concurrency: 1, failFast: true });
    expect(results(done)).toEqual(['succeeded', 'succeeded', 'failed', ...Array(7).fill('skipped')]);
    expect(done.stopped).toMatchObject({ reason: 'fail_fast', code: 'RULE_LIMIT' });
  });

  test.each([
    ['interrupted', undefined],
    ['reader_gone', readerGone],
  ])('%s: no row is started, what is under way comes to its end', async (reason, cause) => {
    world = openWorld();
    const stop = new AbortController();
    const done = await world.run(lines(10), { concurrency: 3, stop: stop.signal, onRow: () => stop.abort(cause) });
    expect(done.stopped?.reason).toBe(reason);
    expect(results(done).filter((result) => result === 'succeeded')).toHaveLength(3);
    expect(codes(done).filter((code) => code === 'NOT_REACHED')).toHaveLength(7);
    expect(world.bank.refunds.size).toBe(3);
  });

  test('a stop ends the pause between two refunds of an order', async () => {
    world = openWorld();
    const stop = new AbortController();
    const start = world.clock.monotonic();
    const done = await world.run([row(1, 100, 'a'), row(1, 100, 'b')], {
      stop: stop.signal,
      onRow: () => stop.abort(),
    });
    expect(results(done)).toEqual(['succeeded', 'skipped']);
    expect(world.clock.monotonic() - start).toBeLessThan(10_000);
  });

  test('given up while it was under way, a row is unknown, and resolved by the next run', async () => {
    world = openWorld();
    const stop = new AbortController();
    const abort = new AbortController();
    world.bank.troubleOf = () => {
      stop.abort();
      abort.abort();
      return undefined;
    };
    const done = await world.run(lines(3), { concurrency: 1, stop: stop.signal, abort: abort.signal });
    expect(results(done)).toEqual(['unknown', 'skipped', 'skipped']);
    world.bank.troubleOf = () => undefined;
    expect(results(await world.run(lines(3)))).toEqual(Array(3).fill('succeeded'));
    expect(world.bank.refunds.size).toBe(3);
  });

  test('G10: without a durable intent nothing is sent, and the batch stops', async () => {
    world = openWorld();
    const { WxpayError } = await import('../../../src/core/errors.ts');
    const { applyPlan } = await import('../../../src/operations/refund-batch/apply.ts');
    const plan = await world.plan(lines(5));
    let intents = 0;
    const done = await world.journal(plan.identity, async (journal) =>
      applyPlan(
        {
          transport: world.bank.transport,
          clock: world.clock,
          journal: {
            ...journal,
            stateOf: (no) => journal.stateOf(no),
            find: (no) => journal.find(no),
            async recordIntent(intent) {
              intents += 1;
              if (intents > 2)
                throw new WxpayError('FILE_UNWRITABLE', {
                  params: { file: 'j', reason: 'ENOSPC' },
                  outcome: 'not_sent',
                });
              await journal.recordIntent(intent);
            },
          },
        },
        plan,
        { concurrency: 1 },
      ),
    );
    expect(done.stopped).toMatchObject({ reason: 'journal', code: 'FILE_UNWRITABLE' });
    expect(world.bank.posts).toHaveLength(2);
    expect(done.outcomes.tally('skipped').count).toBe(3);
  });

  test.each([1, 4])(
    'G10: an outcome that cannot be written stops the batch, hides nothing, and is found again; %i at once',
    async (concurrency) => {
      world = openWorld();
      const { WxpayError } = await import('../../../src/core/errors.ts');
      const { applyPlan } = await import('../../../src/operations/refund-batch/apply.ts');
      const plan = await world.plan(lines(10));
      const done = await world.journal(plan.identity, async (journal) =>
        applyPlan(
          {
            transport: world.bank.transport,
            clock: world.clock,
            journal: {
              ...journal,
              stateOf: (no) => journal.stateOf(no),
              find: (no) => journal.find(no),
              async recordOutcome() {
                await new Promise((resolve) => setImmediate(resolve));
                throw new WxpayError('FILE_UNWRITABLE', { params: { file: 'j', reason: 'EIO' } });
              },
            },
          },
          plan,
          { concurrency },
        ),
      );
      expect(done.stopped).toMatchObject({ reason: 'journal', code: 'FILE_UNWRITABLE' });
      const made = world.bank.refunds.size;
      expect(made).toBeLessThan(10);
      expect(done.outcomes.tally('succeeded').count).toBe(made);
      expect(done.outcomes.tally('skipped').count).toBe(10 - made);
      const again = await world.run(lines(10));
      expect(again.outcomes.tally('succeeded').count).toBe(10);
      expect(world.bank.refunds.size).toBe(10);
    },
  );

  test('G2: every outcome is in the journal when the batch is over', async () => {
    world = openWorld();
    const plan = await world.plan(lines(10));
    const { applyPlan } = await import('../../../src/operations/refund-batch/apply.ts');
    await world.journal(plan.identity, async (journal) => {
      await applyPlan({ transport: world.bank.transport, clock: world.clock, journal }, plan, { concurrency: 4 });
      expect(journal.count('open')).toBe(0);
      expect(journal.size).toBe(10);
    });
  });
});

describe('rates (THREATS G13, R3)', () => {
  /** The most of `times` within any second. */
  const busiest = (times: readonly number[]): number => {
    const sorted = times.toSorted((a, b) => a - b);
    let most = 0;
    for (const [index, time] of sorted.entries()) {
      let end = index;
      while (end < sorted.length && (sorted[end] ?? 0) < time + 1_000) end += 1;
      most = Math.max(most, end - index);
    }
    return most;
  };

  test('no more refunds a second than asked for', async () => {
    world = openWorld(200);
    await world.run(lines(200), { rate: 20, concurrency: 32 });
    expect(busiest(world.bank.posts.map(({ at }) => at))).toBeLessThanOrEqual(23);
  });

  test('150 a second where nothing else is asked for', async () => {
    world = openWorld(600);
    const plan = await world.plan(lines(600));
    const deps = { transport: world.bank.transport, clock: world.clock };
    await applyPlan(deps, plan, { concurrency: 64 });
    const times = world.bank.posts.map(({ at }) => at);
    // 599 intervals, less the tenth of a second that is made up for.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(Math.floor(599 / 0.15) - 100);
  });

  test('shards divide the rate', async () => {
    world = openWorld(200);
    await world.run(lines(200), { rate: 40, concurrency: 32, plan: { shard: { index: 1, of: 4 } } });
    expect(busiest(world.bank.posts.map(({ at }) => at))).toBeLessThanOrEqual(12);
  });

  test('failing calls stay below six a second on average, however many are allowed at once', async () => {
    world = openWorld(120);
    let count = 0;
    world.bank.troubleOf = () => ({ kind: 'refuse', status: 403, code: `RULE_${(count += 1)}` });
    const start = world.clock.monotonic();
    await world.run(lines(120), { concurrency: 8 });
    const seconds = (world.clock.monotonic() - start) / 1_000;
    const failing = world.bank.posts.filter(({ status }) => status >= 400);
    expect(failing).toHaveLength(120);
    expect(failing.length / seconds).toBeLessThanOrEqual(6.5);
    const settled = failing.filter(({ at }) => at > (failing[0]?.at ?? 0) + 2_000);
    expect(busiest(settled.map(({ at }) => at))).toBeLessThanOrEqual(7);
  });

  test('a storm of 429 for ten minutes slows everything down, and everything is refunded once afterwards', async () => {
    world = openWorld(30);
    const start = world.clock.monotonic();
    world.bank.troubleOf = () =>
      world.clock.monotonic() - start < 600_000 ? { kind: 'trouble', status: 429 } : undefined;
    let done = await world.run(lines(30), { once: { rounds: 40 } });
    for (let run = 0; run < 20 && results(done).includes('unknown'); run += 1) done = await world.run(lines(30));
    expect(results(done)).toEqual(Array(30).fill('succeeded'));
    expect(world.bank.refunds.size).toBe(30);
    // Unhindered it would have been hundreds a second.
    expect(world.bank.posts.filter(({ status }) => status === 429).length).toBeLessThan(900);
  });

  test('three in ten answers bad: every row once, and the journal agrees', async () => {
    world = openWorld(400);
    const random = seeded(42);
    world.bank.troubleOf = () => {
      const draw = random();
      if (draw < 0.06) return { kind: 'lost' };
      if (draw < 0.12) return { kind: 'nothing' };
      if (draw < 0.18) return { kind: 'trouble', status: 500 };
      if (draw < 0.22) return { kind: 'trouble', status: 429 };
      if (draw < 0.3) return { kind: 'late', ms: 1 + Math.floor(random() * 9_000) };
      return undefined;
    };
    let done = await world.run(lines(400), { failureRate: 1_000 });
    for (let run = 0; run < 10 && results(done).includes('unknown'); run += 1) done = await world.run(lines(400));
    expect(results(done)).toEqual(Array(400).fill('succeeded'));
    await world.clock.sleep(60_000);
    expect(world.bank.refunds.size).toBe(400);
    expect([...world.bank.orders.values()].every(({ refunded }) => refunded === 100)).toBe(true);
  });
});
