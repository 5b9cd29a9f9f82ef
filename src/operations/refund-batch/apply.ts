/**
 * Carries a plan out (DESIGN section 6). Everything that keeps money from moving twice is in `refundOnce` and the journal;
 * here is what keeps a batch in order: one refund of an order at a time, a bounded number at once, and the decision to stop.
 */
import { WxpayError } from '../../core/errors.ts';
import type { Clock, Transport } from '../../core/ports.ts';
import { normaliseCode } from '../../core/wire/error-body.ts';
import {
  differenceOf,
  queryRefund,
  refundIntent,
  refundOnce,
  settledStates,
  type Refund,
  type RefundDeps,
  type RefundExtras,
  type RefundIntent,
  type RefundOnceOptions,
} from '../refund.ts';
import type { Journal, RefundState } from './journal.ts';
import { openOutcomes, type Outcomes, type RowOutcome } from './outcomes.ts';
import { paced } from './pace.ts';
import type { BatchPlan } from './plan.ts';
import { eachWith } from './pool.ts';
import { openColumn } from './rows.ts';

export interface ApplyDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Without one nothing is recorded; the numbers alone keep refunds single. For measurements. */
  readonly journal?: Journal;
}

export interface ApplyOptions {
  readonly extras?: Pick<RefundExtras, 'notify_url' | 'funds_account'>;
  /** How many refunds are under way at once; default 8. */
  readonly concurrency?: number;
  /** Refunds a second, all shards together; default 150 (protocol 10). */
  readonly rate?: number;
  /** Refused calls a second, all shards together; default 6 (protocol 10). */
  readonly failureRate?: number;
  /** Milliseconds between two refunds of one order; default 60,000 (states.md 5). */
  readonly spacingMs?: number;
  /** Stop at the first row that fails. */
  readonly failFast?: boolean;
  /** Stop after so many equal refusals in a row; default 5. */
  readonly breaker?: number;
  readonly once?: Pick<RefundOnceOptions, 'rounds' | 'pauses'>;
  /** Aborted: no row is started any more; what is under way comes to its end. Its reason is told. */
  readonly stop?: AbortSignal;
  /** Aborted: what is under way is given up as well. */
  readonly abort?: AbortSignal;
  /** Unresolved refunds of other journals, by transaction_id: the order waits for them, but for a row with such a number. */
  readonly unresolvedOrders?: ReadonlyMap<string, ReadonlySet<string>>;
  readonly onRow?: (row: number, outcomes: Outcomes) => void;
}

/** Why rows were not started. */
export type StopReason =
  /** WeChat Pay's code says that no row can do better. */
  | 'refused'
  /** The same refusal again and again. */
  | 'breaker'
  | 'fail_fast'
  | 'interrupted'
  | 'reader_gone'
  /** The journal cannot be written. */
  | 'journal';

export interface Stopped {
  readonly reason: StopReason;
  /** The code behind it; empty for none. */
  readonly code: string;
  readonly error?: WxpayError;
}

export interface Applied {
  readonly outcomes: Outcomes;
  readonly stopped?: Stopped;
}

/** After one of these every further row would fail alike; failing calls are few (THREATS G6). Compared without underscores. */
const stopCodes: ReadonlySet<string> = new Set([
  'PARAMERROR',
  'SIGNERROR',
  'NOAUTH',
  'MCHNOTEXISTS',
  'MCHNOTEXIST',
  'NOTENOUGH',
]);

/** Marks the stop of a batch whose reader went away, as the reason of `stop`. */
export const readerGone = Symbol('reader gone');

/**
 * Refunds the rows of a plan. Rows whose outcome is open come first: they are resolved before anything else is sent. Rows that
 * were refused earlier come last, so that a batch that was stopped by them gets on.
 *
 * Every row has an outcome afterwards, also those that were not reached. Refusals are outcomes, not exceptions.
 *
 * @throws only for a bug
 */
export async function applyPlan(deps: ApplyDeps, plan: BatchPlan, options: ApplyOptions = {}): Promise<Applied> {
  const { rows, shard } = plan;
  const { clock, journal } = deps;
  const { concurrency = 8, spacingMs = 60_000, breaker = 5 } = options;
  const shards = shard?.of ?? 1;
  const transport = paced(deps.transport, {
    clock,
    ratePerSecond: (options.rate ?? 150) / shards,
    failuresPerSecond: (options.failureRate ?? 6) / shards,
  });
  const once: RefundOnceOptions = {
    ...options.once,
    look: 'journal',
    ...(options.abort === undefined ? {} : { signal: options.abort }),
  };
  const outcomes = openOutcomes(rows);
  /** Outcomes on their way to the disk. */
  const unwritten = new Set<Promise<void>>();
  let stopped: Stopped | undefined;
  let failure: { readonly error: unknown } | undefined;
  let lastCode = '';
  let inARow = 0;
  const stop = (reason: StopReason, code: string, error?: WxpayError): void => {
    stopped ??= { reason, code, ...(error === undefined ? {} : { error }) };
    wakeAll();
  };
  /**
   * The journal as a row sees it: of a refund that was taken nothing hangs on its outcome being on the disk, since a lost one is
   * asked for again. So the next row need not wait, and its intent shares the disk's turn with this outcome.
   */
  const forRows: RefundDeps['journal'] = journal && {
    find: (no) => journal.find(no),
    recordIntent: (intent) => journal.recordIntent(intent),
    recordOutcome: async (outcome) => {
      if (outcome.result !== 'accepted') {
        await journal.recordOutcome(outcome);
        return;
      }
      const writing = journal
        .recordOutcome(outcome)
        .catch((error: unknown) => {
          if (error instanceof WxpayError) stop('journal', error.code, error);
          else failure ??= { error };
        })
        .finally(() => unwritten.delete(writing));
      unwritten.add(writing);
    },
  };
  /** Orders with a refund whose outcome is unknown: nothing of them is sent. */
  const blocked = new Set<number>();
  const queue = openQueue();
  let waiters: (() => void)[] = [];
  const wakeAll = (): void => {
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  };
  const onStop = (): void => stop(options.stop?.reason === readerGone ? 'reader_gone' : 'interrupted', '');
  if (options.stop?.aborted === true) onStop();
  options.stop?.addEventListener('abort', onStop);

  const depsOfRow: RefundDeps = { transport, clock, ...(forRows === undefined ? {} : { journal: forRows }) };
  const stateOf = (row: number): RefundState | undefined => journal?.stateOf(plan.numberOf(row));
  const past = openColumn((size) => new Uint8Array(size));
  const pasts = [0, 0, 0, 0];
  for (let row = 0; row < rows.count; row += 1) {
    if (plan.actionOf(row) === 'elsewhere') continue;
    const kind = journal === undefined || journal.size === 0 ? fresh : pastOf(stateOf(row));
    past.set(row, kind);
    pasts[kind] = (pasts[kind] ?? 0) + 1;
  }
  const set = (row: number, outcome: Partial<RowOutcome> & Pick<RowOutcome, 'result'>): void => {
    outcomes.set(row, outcome);
    options.onRow?.(row, outcomes);
  };

  const settleWithoutSending = async (row: number, number: string): Promise<boolean> => {
    const state = journal?.stateOf(number);
    const existing = state === undefined ? plan.existingOf(row) : undefined;
    if (existing !== undefined) {
      set(row, { ...outcomeOf(existing.status), refund_id: existing.refund_id, existing: true });
      return true;
    }
    if (plan.actionOf(row) === 'differs') {
      set(row, { result: 'failed', code: 'REFUND_DIFFERS', message: plan.differenceOf(row) });
      return true;
    }
    if (state !== 'final' && state !== 'pending') return false;
    const record = await journal?.find(number);
    if (record === undefined) return false;
    const facts = rows.factsOf(rows.orderOf(row));
    const { intent, outcome } = record;
    if (intent.refund !== rows.fenOf(row) || intent.transaction_id !== facts?.transaction_id) return false;
    set(row, { ...outcomeOf(outcome?.status ?? ''), refund_id: outcome?.refund_id ?? '', existing: true });
    return true;
  };

  const intentFor = (row: number, number: string): RefundIntent => {
    const { line, fen, reason, ref } = rows.get(row);
    const facts = rows.factsOf(rows.orderOf(row));
    const { batch_id } = plan.identity;
    return refundIntent({
      party: plan.party,
      out_refund_no: number,
      order: { transaction_id: facts?.transaction_id ?? '' },
      refund: fen,
      total: facts?.total ?? 0,
      extras: { ...options.extras, ...(reason === '' ? {} : { reason }) },
      row: line,
      ...(ref === '' ? {} : { ref }),
      ...(batch_id === '' ? {} : { batch_id }),
    });
  };

  /** @returns whether anything may have been sent */
  const refund = async (row: number): Promise<boolean> => {
    const number = plan.numberOf(row);
    if (await settleWithoutSending(row, number)) return false;
    const facts = rows.factsOf(rows.orderOf(row));
    const isOpen = journal?.stateOf(number) === 'open';
    const others = options.unresolvedOrders?.get(facts?.transaction_id ?? '');
    const mustWait = others !== undefined && [...others].some((other) => other !== number);
    if (!isOpen && (mustWait || blocked.has(rows.orderOf(row)))) {
      set(row, { result: 'skipped', code: 'ORDER_UNRESOLVED' });
      return false;
    }
    try {
      const { result, refund: done, unrecorded } = await refundOnce(depsOfRow, intentFor(row, number), once);
      set(row, { ...outcomeOf(done.status), refund_id: done.refund_id, existing: result === 'existing' });
      inARow = 0;
      if (unrecorded !== undefined) stop('journal', unrecorded.code, unrecorded);
      return result !== 'existing';
    } catch (error) {
      return settleFailure(row, error, isOpen);
    }
  };

  const settleFailure = (row: number, error: unknown, wasOpen: boolean): boolean => {
    if (!(error instanceof WxpayError)) {
      if (options.abort?.aborted !== true) throw error;
      // Given up. What the journal holds as open may have been sent.
      const mayHaveBeenSent = wasOpen || stateOf(row) === 'open';
      set(row, { result: mayHaveBeenSent ? 'unknown' : 'skipped', code: 'INTERRUPTED' });
      if (mayHaveBeenSent) blocked.add(rows.orderOf(row));
      return mayHaveBeenSent;
    }
    const code = error.wechat?.code ?? error.code;
    const words = { code, message: wordsOf(error), request_id: error.requestId ?? '' };
    if (error.outcome === 'unknown') {
      blocked.add(rows.orderOf(row));
      set(row, { result: 'unknown', ...words });
      return true;
    }
    if (error.code === 'FILE_UNWRITABLE') {
      set(row, { result: 'skipped', ...words });
      stop('journal', error.code, error);
      return false;
    }
    const rejected = error.outcome === 'rejected';
    set(row, { result: rejected ? 'failed' : 'skipped', ...words });
    inARow = code === lastCode ? inARow + 1 : 1;
    lastCode = code;
    if (rejected && stopCodes.has(normaliseCode(code))) stop('refused', code, error);
    else if (error.code === 'CREDENTIALS_REFUSED' || error.code === 'ENVIRONMENT_UNSAFE') stop('refused', code, error);
    // A number that was used is the row's own trouble, however many rows have it.
    else if (inARow >= breaker && error.code !== 'REFUND_DIFFERS') stop('breaker', code, error);
    else if (options.failFast === true) stop('fail_fast', code, error);
    return rejected;
  };

  for (const phase of [[open], [fresh, done], [refused]]) {
    if (phase.every((kind) => pasts[kind] === 0)) continue;
    const start = clock.monotonic();
    const busy = openBusyOrders();
    let cursor = 0;
    const isNext = (row: number): boolean =>
      phase.some((kind) => kind === past.get(row)) && plan.actionOf(row) !== 'elsewhere' && !outcomes.isSet(row);
    const isTouched = (row: number): boolean =>
      past.get(row) === open ||
      past.get(row) === done ||
      plan.actionOf(row) === 'existing' ||
      (outcomes.isSet(row) && outcomes.resultOf(row) !== 'skipped');
    const mayBeSent = (row: number): boolean =>
      plan.actionOf(row) === 'send' && (past.get(row) === fresh || past.get(row) === refused);
    const nextOfOrder = (order: number): number | undefined => rows.rowsOf(order).find((row) => isNext(row));
    const take = async (): Promise<number | undefined> => {
      for (;;) {
        if (stopped !== undefined) return undefined;
        const due = queue.takeDue(clock.monotonic());
        if (due !== undefined) return due;
        while (cursor < rows.count) {
          const row = cursor++;
          if (!isNext(row)) continue;
          const order = rows.orderOf(row);
          const several = rows.hasSeveral(order);
          if (!several) return row;
          // The other rows of the order follow this one, each when it is done.
          if (busy.has(order)) continue;
          // An earlier run sent something; when, only that run's clock knows.
          busy.set(order, rows.rowsOf(order).some(isTouched) ? start + spacingMs : start);
          if (!mayBeSent(row)) return row;
          queue.add(row, busy.get(order) ?? start);
          const first = queue.takeDue(clock.monotonic());
          if (first !== undefined) return first;
        }
        if (queue.size === 0 && busy.size === 0) return undefined;
        await idle(queue.nextAt());
      }
    };
    /** Until the time, or until something changes. */
    const idle = async (time: number | undefined): Promise<void> => {
      const awake = new AbortController();
      const changed = new Promise<void>((resolve) => {
        waiters.push(resolve);
      });
      if (time === undefined) await changed;
      else {
        const sleeping = clock.sleep(Math.max(0, time - clock.monotonic()), awake.signal).catch(() => {});
        await Promise.race([changed, sleeping]);
      }
      awake.abort();
    };
    await eachWith(concurrency, take, async (row) => {
      const order = rows.orderOf(row);
      let sent = false;
      try {
        sent = await refund(row);
      } catch (error) {
        stop('journal', 'INTERNAL');
        throw error;
      } finally {
        if (busy.has(order)) {
          const next = nextOfOrder(order);
          const now = clock.monotonic();
          if (sent) busy.set(order, now + spacingMs);
          if (next === undefined || stopped !== undefined) busy.delete(order);
          else queue.add(next, mayBeSent(next) ? (busy.get(order) ?? now) : now);
          wakeAll();
        }
      }
    });
    queue.clear();
    await Promise.all(unwritten);
    if (failure !== undefined) throw failure.error;
  }
  options.stop?.removeEventListener('abort', onStop);
  for (let row = 0; row < rows.count; row += 1) {
    if (plan.actionOf(row) === 'elsewhere' || outcomes.isSet(row)) continue;
    // An open intent that this run did not come to is as unknown as it was.
    set(
      row,
      stateOf(row) === 'open' ? { result: 'unknown', code: 'NOT_REACHED' } : { result: 'skipped', code: 'NOT_REACHED' },
    );
  }
  return { outcomes, ...(stopped === undefined ? {} : { stopped }) };
}

/** What earlier runs have left of a row. */
const [fresh, open, done, refused] = [0, 1, 2, 3] as const;

function pastOf(state: RefundState | undefined): number {
  if (state === 'open') return open;
  if (state === 'final' || state === 'pending') return done;
  return state === 'refused' ? refused : fresh;
}

function outcomeOf(status: string): Partial<RowOutcome> & Pick<RowOutcome, 'result'> {
  if (status === 'SUCCESS') return { result: 'succeeded', status };
  if (status === 'CLOSED' || status === 'ABNORMAL') return { result: 'failed', status, code: `REFUND_${status}` };
  return { result: 'processing', status: status === '' ? 'PROCESSING' : status };
}

/** WeChat Pay's words, else the facts of our error; never a sentence of ours, which would be in one language only. */
function wordsOf(error: WxpayError): string {
  if (error.wechat !== undefined) return error.wechat.message;
  const { field, found, wanted, reason } = error.params;
  if (field !== undefined && found !== undefined) return `${field}: ${found} ≠ ${wanted ?? ''}`;
  return typeof reason === 'string' && !reason.startsWith('key:') ? reason : '';
}

/**
 * Orders of several rows of which one is under way or waiting, and when the next refund of each may be sent. Columns and no Map:
 * with three rows an order a third of a million orders wait for their next refund at once.
 */
interface BusyOrders {
  readonly size: number;
  has(order: number): boolean;
  /** When its next refund may be sent. */
  get(order: number): number | undefined;
  set(order: number, time: number): void;
  delete(order: number): void;
}

function openBusyOrders(): BusyOrders {
  const marks = openColumn((length) => new Uint8Array(length));
  const times = openColumn((length) => new Float64Array(length));
  let size = 0;
  const has = (order: number): boolean => marks.get(order) === 1;
  return {
    get size() {
      return size;
    },
    has,
    get: (order) => (has(order) ? times.get(order) : undefined),
    set(order, time) {
      if (!has(order)) size += 1;
      marks.set(order, 1);
      times.set(order, time);
    },
    delete(order) {
      if (has(order)) size -= 1;
      marks.set(order, 0);
    },
  };
}

/** Rows that wait for their time. Times come in order, but for those that need not wait. */
interface Queue {
  readonly size: number;
  add(row: number, at: number): void;
  takeDue(now: number): number | undefined;
  nextAt(): number | undefined;
  clear(): void;
}

function openQueue(): Queue {
  let rows: number[] = [];
  let times: number[] = [];
  let head = 0;
  return {
    get size() {
      return rows.length - head;
    },
    add(row, at) {
      let place = rows.length;
      while (place > head && (times[place - 1] ?? 0) > at) place -= 1;
      rows.splice(place, 0, row);
      times.splice(place, 0, at);
    },
    takeDue(now) {
      if (head >= rows.length || (times[head] ?? 0) > now) return undefined;
      const row = rows[head];
      head += 1;
      if (head > 1_024 && head * 2 > rows.length) {
        rows = rows.slice(head);
        times = times.slice(head);
        head = 0;
      }
      return row;
    },
    nextAt: () => times[head],
    clear() {
      rows = [];
      times = [];
      head = 0;
    },
  };
}

export interface WaitOptions {
  /** Milliseconds between the rounds, first to last; the last one repeats. */
  readonly intervals: readonly number[];
  /** Milliseconds after which waiting ends. */
  readonly limitMs: number;
  /** Default 8. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onRow?: (row: number, outcomes: Outcomes) => void;
}

/**
 * Asks for the rows that are in progress until all are final or the time is over. Trouble with a question only means asking
 * again later.
 */
export async function waitForFinals(
  deps: ApplyDeps,
  plan: BatchPlan,
  outcomes: Outcomes,
  options: WaitOptions,
): Promise<void> {
  const { clock } = deps;
  const { signal, intervals, limitMs, concurrency = 8 } = options;
  const start = clock.monotonic();
  for (let round = 0; outcomes.tally('processing').count > 0; round += 1) {
    const pause = intervals[Math.min(round, intervals.length - 1)] ?? 60_000;
    if (clock.monotonic() - start + pause > limitMs) return;
    try {
      await clock.sleep(pause, signal);
    } catch {
      return;
    }
    let cursor = 0;
    const take = (): number | undefined => {
      if (signal?.aborted === true) return undefined;
      while (cursor < plan.rows.count) {
        const row = cursor++;
        if (plan.actionOf(row) !== 'elsewhere' && outcomes.resultOf(row) === 'processing') return row;
      }
      return undefined;
    };
    await eachWith(concurrency, take, (row) => look(deps, plan, outcomes, row, options));
    if (signal?.aborted === true) return;
  }
}

async function look(
  deps: ApplyDeps,
  plan: BatchPlan,
  outcomes: Outcomes,
  row: number,
  { signal, onRow }: WaitOptions,
): Promise<void> {
  const { journal, transport } = deps;
  const out_refund_no = plan.numberOf(row);
  const facts = plan.rows.factsOf(plan.rows.orderOf(row));
  let refund: Refund;
  try {
    refund = await queryRefund(transport, plan.party, out_refund_no, signal);
  } catch (error) {
    if (error instanceof WxpayError || signal?.aborted === true) return;
    throw error;
  }
  const difference = differenceOf(refund, {
    order: { transaction_id: facts?.transaction_id ?? '' },
    amount: { refund: plan.rows.fenOf(row), total: facts?.total ?? 0, currency: 'CNY' },
  });
  if (difference !== undefined || !settledStates.has(refund.status)) return;
  const { status, refund_id } = refund;
  if (journal?.stateOf(out_refund_no) !== undefined)
    await journal.recordOutcome({ out_refund_no, result: 'adopted', status, refund_id });
  outcomes.set(row, { ...outcomeOf(status), refund_id, existing: outcomes.get(row).existing });
  onRow?.(row, outcomes);
}
