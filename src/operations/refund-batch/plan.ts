/**
 * What a batch would do, worked out before any money moves: every order is looked up, every refund gets its number, and what
 * cannot be is found (DESIGN section 6). The plan is a value; nothing in it sends anything.
 */
import { WxpayError } from '../../core/errors.ts';
import { createLimit } from '../../core/http/limited.ts';
import type { Clock, Transport } from '../../core/ports.ts';
import type { OrderNumber, Party } from '../order.ts';
import { deriveRefundNo } from '../refund-number.ts';
import { differenceOf, isFactorOf100, lookUpOrder, queryRefund, type Refund } from '../refund.ts';
import type { JournalReader } from './journal.ts';
import { repetition, type Faults, type ParsedBatch, type RowFault } from './parse.ts';
import { eachWith } from './pool.ts';
import { openColumn, openTexts, type Row, type Rows } from './rows.ts';
import { shardOf, type Shard } from './shard.ts';

/** Who refunds what, where: a plan and a journal of something else are not this one's. */
export interface BatchIdentity {
  /** The merchant that signs. */
  readonly mchid: string;
  readonly sub_mchid?: string;
  /** Scheme, host and port. */
  readonly base_url: string;
  /** Empty for none. */
  readonly batch_id: string;
  readonly source: { readonly name: string; readonly sha256: string };
}

/**
 * - `send`: will be refunded.
 * - `existing`: this very refund is there already; nothing will be sent.
 * - `differs`: its number was used for another order or amount; the row stops, and is never renumbered.
 * - `elsewhere`: the row of another shard.
 */
export type Action = 'send' | 'existing' | 'differs' | 'elsewhere';

export const actions: readonly Action[] = ['send', 'existing', 'differs', 'elsewhere'];

/** A number of rows and their sum. */
export interface Tally {
  readonly count: number;
  /** Fen. */
  readonly fen: number;
}

export interface BatchPlan {
  readonly identity: BatchIdentity;
  readonly party: Party;
  readonly shard?: Shard;
  readonly rows: Rows;
  /** Anything in here, and nothing is sent. */
  readonly faults: Faults;
  /** All rows of the file, whoever does them. */
  readonly file: Tally;
  tally(action: Action): Tally;
  actionOf(row: number): Action;
  /** The refund's number. Empty while its order is not known (faults, other shards). */
  numberOf(row: number): string;
  /** What is there under the number of an `existing` row; `undefined` where only the journal was asked. */
  existingOf(row: number): { readonly status: string; readonly refund_id: string } | undefined;
  /** How what is there differs, for a `differs` row: `amount.refund: 100 ≠ 50`. */
  differenceOf(row: number): string;
}

export interface PlanOptions {
  readonly identity: BatchIdentity;
  readonly party: Party;
  readonly shard?: Shard;
  /** Default 8. */
  readonly concurrency?: number;
  /** Look-ups a second, all shards together; default 150. */
  readonly rate?: number;
  /** Refunds of exactly a hundredth of the order are wanted. */
  readonly allowHundredth?: boolean;
  /** Rounds of look-ups for orders whose look-up failed for a reason that passes; default 3. */
  readonly rounds?: number;
  /** Milliseconds between the rounds; default 2000. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, all: number) => void;
}

export interface PlanDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  /** What earlier runs have done: those orders need no look-up. */
  readonly journal?: JournalReader;
}

/**
 * Plans a parsed batch. With faults in the file nothing is asked of WeChat Pay.
 *
 * @throws WxpayError what the look-ups throw, when they fail for another reason than the order itself
 */
export async function planBatch(deps: PlanDeps, parsed: ParsedBatch, options: PlanOptions): Promise<BatchPlan> {
  const { rows, faults } = parsed;
  const plan = openPlan(rows, faults, options);
  if (faults.count > 0) return plan.plan;
  await adoptJournal(deps.journal, rows);
  const transport: Transport =
    options.signal === undefined
      ? deps.transport
      : (request) => deps.transport({ signal: options.signal as AbortSignal, ...request });
  const limit = createLimit({ clock: deps.clock, ratePerSecond: (options.rate ?? 150) / (options.shard?.of ?? 1) });
  const look = { ...deps, transport, limit };
  await lookUpOrders(look, plan, options);
  if (faults.count > 0) return plan.plan;
  await lookUpRefunds(look, plan, options);
  return plan.plan;
}

interface OpenPlan {
  readonly plan: BatchPlan;
  readonly set: (row: number, action: Action) => void;
  setExisting(row: number, refund: Pick<Refund, 'status' | 'refund_id'>): void;
  setDifference(row: number, difference: string): void;
}

const actionNumber: Readonly<Record<Action, number>> = { send: 0, existing: 1, differs: 2, elsewhere: 3 };

function openPlan(rows: Rows, faults: Faults, options: PlanOptions): OpenPlan {
  const { identity, party, shard } = options;
  const action = openColumn((size) => new Uint8Array(size));
  const note = openColumn((size) => new Uint32Array(size));
  const refundId = openColumn((size) => new Uint32Array(size));
  const texts = openTexts();
  const tallies = actions.map(() => ({ count: 0, fen: 0 }));
  tallies[0] = { count: rows.count, fen: rows.fen };
  const actionOf = (row: number): Action => actions[action.get(row)] ?? 'send';
  const set = (row: number, next: Action): void => {
    const [from, to] = [tallies[action.get(row)], tallies[actionNumber[next]]];
    if (from === undefined || to === undefined || from === to) return;
    from.count -= 1;
    from.fen -= rows.fenOf(row);
    to.count += 1;
    to.fen += rows.fenOf(row);
    action.set(row, actionNumber[next]);
  };
  return {
    plan: {
      identity,
      party,
      ...(shard === undefined ? {} : { shard }),
      rows,
      faults,
      file: { count: rows.count, fen: rows.fen },
      tally: (of) => ({ ...(tallies[actionNumber[of]] ?? { count: 0, fen: 0 }) }),
      actionOf,
      numberOf(row) {
        const facts = rows.factsOf(rows.orderOf(row));
        return facts === undefined
          ? rows.get(row).out_refund_no
          : numberOf(rows.get(row), facts.transaction_id, identity);
      },
      existingOf: (row) =>
        actionOf(row) === 'existing' && note.get(row) !== 0
          ? { status: texts.get(note.get(row)), refund_id: texts.get(refundId.get(row)) }
          : undefined,
      differenceOf: (row) => (actionOf(row) === 'differs' ? texts.get(note.get(row)) : ''),
    },
    set,
    setExisting(row, { status, refund_id }) {
      set(row, 'existing');
      note.set(row, texts.add(status));
      refundId.set(row, texts.add(refund_id));
    },
    setDifference(row, difference) {
      set(row, 'differs');
      note.set(row, texts.add(difference));
    },
  };
}

/** The row's own number, or the one that the rule derives (refund-number.ts). */
export function numberOf(
  row: Pick<Row, 'out_refund_no' | 'ref'>,
  transactionId: string,
  identity: BatchIdentity,
): string {
  if (row.out_refund_no !== '') return row.out_refund_no;
  return deriveRefundNo({ mchid: identity.mchid, transactionId, batchId: identity.batch_id, ref: row.ref });
}

/** An order that has an intent in the journal was looked up and found paid; its total does not change. */
async function adoptJournal(journal: JournalReader | undefined, rows: Rows): Promise<void> {
  if (journal === undefined || journal.size === 0) return;
  for await (const { intent } of journal.records()) {
    const { transaction_id, out_trade_no, total } = intent;
    if (transaction_id === undefined) continue;
    for (const by of ['transaction_id', 'out_trade_no'] as const) {
      const order = rows.findOrder(by, (by === 'transaction_id' ? transaction_id : out_trade_no) ?? '');
      if (order !== undefined && rows.factsOf(order) === undefined)
        rows.settle(order, { transaction_id, total, trade_state: 'REFUND' });
    }
  }
}

type Look = PlanDeps & { readonly limit: (signal?: AbortSignal) => Promise<void> };

/** Codes of an order that cannot be refunded: the row's fault, and not a trouble of the look-up. */
const orderFaults: Readonly<Record<string, RowFault['reason']>> = {
  NOT_FOUND: 'order_not_found',
  ORDER_NOT_PAID: 'order_not_paid',
};

/** What is over after a while; the same question may be asked again. */
const passing: ReadonlySet<string> = new Set(['network', 'throttled', 'verification']);

async function lookUpOrders(look: Look, { plan, set }: OpenPlan, options: PlanOptions): Promise<void> {
  const { rows, faults, shard, party } = plan;
  const { signal, concurrency = 8, rounds = 3, pauseMs = 2_000 } = options;
  const divide = divider(rows, shard);
  const total = rows.orders;
  let done = 0;
  let waiting: number[] | undefined;
  for (let round = 1; ; round += 1) {
    const again: number[] = [];
    const list = waiting;
    let trouble: WxpayError | undefined;
    let at = 0;
    const take = (): number | undefined => {
      if (list !== undefined) return list[at++];
      while (at < total) {
        const order = at++;
        if (rows.factsOf(order) === undefined && divide.needsLookUp(order)) return order;
        done += 1;
      }
      return undefined;
    };
    await eachWith(concurrency, take, async (order) => {
      signal?.throwIfAborted();
      const { by, no } = rows.nameOf(order);
      const number: OrderNumber = by === 'transaction_id' ? { transaction_id: no } : { out_trade_no: no };
      try {
        await look.limit(signal);
        const facts = await lookUpOrder(look.transport, party, number);
        if (facts.currency === 'CNY') rows.settle(order, facts);
        // The file's amounts are fen, and every refund of a batch says CNY.
        else addOrderFault(rows, faults, order, 'order_currency', { currency: facts.currency });
      } catch (error) {
        if (!(error instanceof WxpayError) || signal?.aborted === true) throw error;
        const reason = orderFaults[error.code];
        if (reason !== undefined)
          addOrderFault(rows, faults, order, reason, { state: String(error.params['state'] ?? '') });
        else if (passing.has(error.category)) {
          again.push(order);
          trouble = error;
          return;
        } else throw error;
      }
      done += 1;
      options.onProgress?.(done, total);
    });
    if (trouble === undefined) break;
    if (round >= rounds) throw trouble.with({ outcome: 'not_sent' });
    waiting = again;
    await look.clock.sleep(pauseMs, signal);
  }
  for (let row = 0; row < rows.count; row += 1) if (!divide.isOurs(rows.orderOf(row))) set(row, 'elsewhere');
  checkOrders(rows, faults, plan.identity, options);
}

/**
 * Which orders are this shard's. A file that names all its orders in one way is divided by that name, without a question; a
 * mixed one by transaction_id, so that an order named in both ways is in one hand, and the others must be looked up to know.
 */
function divider(
  rows: Rows,
  shard: Shard | undefined,
): { needsLookUp(order: number): boolean; isOurs(order: number): boolean } {
  if (shard === undefined) return { needsLookUp: () => true, isOurs: () => true };
  const kinds = new Set<string>();
  for (let order = 0; order < rows.orders && kinds.size < 2; order += 1) kinds.add(rows.nameOf(order).by);
  const mixed = kinds.size > 1;
  const isMine = (name: string): boolean => shardOf(name, shard.of) === shard.index;
  return {
    needsLookUp(order) {
      const { by, no } = rows.nameOf(order);
      return (mixed && by === 'out_trade_no') || isMine(no);
    },
    isOurs(order) {
      if (!mixed) return isMine(rows.nameOf(order).no);
      const { by, no } = rows.nameOf(order);
      return isMine(rows.factsOf(order)?.transaction_id ?? (by === 'transaction_id' ? no : ''));
    },
  };
}

function addOrderFault(
  rows: Rows,
  faults: Faults,
  order: number,
  reason: RowFault['reason'],
  params: Readonly<Record<string, string>>,
): void {
  const { by, no } = rows.nameOf(order);
  for (const row of rows.rowsOf(order)) faults.add({ line: rows.lineOf(row), column: by, value: no, reason, params });
}

/** What only the order's total, or its other name, can tell. */
function checkOrders(rows: Rows, faults: Faults, identity: BatchIdentity, options: PlanOptions): void {
  for (let order = 0; order < rows.orders; order += 1) {
    const facts = rows.factsOf(order);
    const members = rows.rowsOf(order);
    if (facts === undefined || members.length === 0) continue;
    const { total } = facts;
    let sum = 0;
    for (const [at, index] of members.entries()) {
      const row = rows.get(index);
      const place = { line: row.line, column: 'amount', value: String(row.fen) };
      const params = { refund: row.fen, total };
      if (isFactorOf100({ refund: row.fen, total }) && !(row.fen < total && options.allowHundredth === true))
        faults.add({ ...place, reason: row.fen > total ? 'amount_ratio_100' : 'amount_ratio_hundredth', params });
      else if (row.fen > total) faults.add({ ...place, reason: 'amount_above_total', params });
      sum += row.fen;
      if (sum > total && row.fen <= total)
        faults.add({ ...place, reason: 'amounts_above_total', params: { sum, total } });
      const number = numberOf(row, facts.transaction_id, identity);
      const same = rows.findRefundNo(number);
      if (same !== undefined && same !== index && row.out_refund_no === '')
        faults.add({
          line: row.line,
          column: 'ref',
          value: row.ref,
          reason: 'derived_duplicate',
          params: { first: rows.lineOf(same), number },
        });
      if (members.length > 1) checkTwins(rows, faults, members.slice(0, at), row);
    }
  }
}

/** Rows of one order under its two names were not compared while the file was read. */
function checkTwins(rows: Rows, faults: Faults, others: readonly number[], row: Row): void {
  for (const index of others) {
    const other = rows.get(index);
    const reason = other.by === row.by ? undefined : repetition(row, other);
    if (reason === undefined) continue;
    faults.add({
      line: row.line,
      column: reason === 'row_duplicate' ? row.by : 'ref',
      value: row.no,
      reason,
      params: { first: other.line },
    });
    return;
  }
}

/** Where something was refunded of an order, the rows' numbers are asked for: they may be there already. */
async function lookUpRefunds(look: Look, open: OpenPlan, options: PlanOptions): Promise<void> {
  const { plan } = open;
  const { rows, party } = plan;
  const { signal, concurrency = 8, rounds = 3, pauseMs = 2_000 } = options;
  let waiting: number[] | undefined;
  for (let round = 1; ; round += 1) {
    const again: number[] = [];
    const list = waiting;
    let trouble: WxpayError | undefined;
    let at = 0;
    const take = (): number | undefined => {
      if (list !== undefined) return list[at++];
      while (at < rows.count) {
        const row = at++;
        if (plan.actionOf(row) !== 'send') continue;
        const state = look.journal?.size ? look.journal.stateOf(plan.numberOf(row)) : undefined;
        // The journal is this file's own: what an earlier run did is not told, nor confirmed, as still to be done.
        if (state === 'final' || state === 'pending') open.set(row, 'existing');
        // The rest of what it knows is applyPlan's business: it may be unresolved.
        if (state !== undefined) continue;
        if (rows.factsOf(rows.orderOf(row))?.trade_state !== 'REFUND') continue;
        return row;
      }
      return undefined;
    };
    await eachWith(concurrency, take, async (row) => {
      signal?.throwIfAborted();
      const facts = rows.factsOf(rows.orderOf(row));
      if (facts === undefined) return;
      try {
        await look.limit(signal);
        const refund = await queryRefund(look.transport, party, plan.numberOf(row), signal);
        const difference = differenceOf(refund, {
          order: { transaction_id: facts.transaction_id },
          amount: { refund: rows.fenOf(row), total: facts.total, currency: 'CNY' },
        });
        if (difference === undefined) open.setExisting(row, refund);
        else open.setDifference(row, `${difference.field}: ${difference.found} ≠ ${difference.wanted}`);
      } catch (error) {
        if (!(error instanceof WxpayError) || signal?.aborted === true) throw error;
        // Not there, or nobody trustworthy says so: sending the same number is safe either way.
        if (error.code === 'NOT_FOUND') return;
        if (!passing.has(error.category)) throw error;
        again.push(row);
        trouble = error;
      }
    });
    if (trouble === undefined) return;
    if (round >= rounds) throw trouble.with({ outcome: 'not_sent' });
    waiting = again;
    await look.clock.sleep(pauseMs, signal);
  }
}
