/**
 * Plans on the disk: JSON with a row a line, so that a million rows are written and read piece by piece, and a hash at the end,
 * so that what was looked at is what is applied (CLI-MANNERS D2).
 */
import { createHash } from 'node:crypto';
import { WxpayError } from '../../core/errors.ts';
import { isObject } from '../fields.ts';
import type { JournalReader } from './journal.ts';
import { openFaults, type ParsedBatch } from './parse.ts';
import { actions, type Action, type BatchIdentity, type BatchPlan } from './plan.ts';
import { openColumn, openRows, openWideColumn } from './rows.ts';

/** What every refund of a batch says besides its row. */
export interface BatchExtras {
  readonly notify_url?: string;
  readonly funds_account?: string;
}

/** The beginning of a saved plan's file; by it a plan is told from a file of rows. */
export const savedPlanStart = '{"wxpay_batch_plan":1,';

/** The pieces of the file. */
export function* savePlan(plan: BatchPlan, extras: BatchExtras): Generator<string> {
  const hash = createHash('sha256');
  const take = (piece: string): string => {
    hash.update(piece);
    return piece;
  };
  const { identity, rows, file } = plan;
  const head = JSON.stringify({ wxpay_batch_plan: 1, ...identity, extras, count: file.count, fen: file.fen });
  yield take(`${head.slice(0, -1)},"rows":[\n`);
  for (let index = 0; index < rows.count; index += 1) {
    const { line, by, no, ref, fen, reason, out_refund_no } = rows.get(index);
    const facts = rows.factsOf(rows.orderOf(index));
    const row = {
      line,
      [by]: no,
      order: facts?.transaction_id ?? '',
      total: facts?.total ?? 0,
      refund: fen,
      out_refund_no: plan.numberOf(index),
      own_number: out_refund_no !== '',
      ref,
      reason,
      action: plan.actionOf(index),
    };
    yield take(`${index === 0 ? '' : ','}${JSON.stringify(row)}\n`);
  }
  yield take(']');
  yield `,"sha256":"${hash.digest('hex')}"}\n`;
}

export interface SavedPlan {
  readonly identity: BatchIdentity;
  readonly extras: BatchExtras;
  /** As the file that the plan was made from would have been parsed. */
  readonly parsed: ParsedBatch;
  /** Compares a plan made now with the saved one. @throws `PLAN_STALE` naming the first row that differs */
  requireSame(now: BatchPlan, journal?: JournalReader): void;
}

/**
 * Reads a saved plan.
 *
 * @param lines of the file, without their ends
 * @throws WxpayError `PLAN_STALE` for one that was changed by hand or cut off, or belongs to another merchant or base URL
 */
export async function loadPlan(
  lines: AsyncIterable<string>,
  mine: Pick<BatchIdentity, 'mchid' | 'sub_mchid' | 'base_url'>,
): Promise<SavedPlan> {
  const hash = createHash('sha256');
  const rows = openRows();
  const totals = openWideColumn();
  const planned = openColumn((size) => new Uint8Array(size));
  const numbers: { readonly index: number; readonly check: string }[] = [];
  let head: Record<string, unknown> | undefined;
  let ended = false;
  for await (const line of lines) {
    if (head === undefined) {
      if (!line.endsWith('"rows":[')) throw edited();
      head = objectOf(`${line}]}`);
      hash.update(`${line}\n`);
      continue;
    }
    const end = /^\],"sha256":"([0-9a-f]{64})"\}$/.exec(line);
    if (end !== null) {
      hash.update(']');
      if (hash.digest('hex') !== end[1]) throw edited();
      ended = true;
      break;
    }
    hash.update(`${line}\n`);
    const row = objectOf(line.replace(/^,/, ''));
    const by = row['transaction_id'] === undefined ? 'out_trade_no' : 'transaction_id';
    const number = String(row['out_refund_no']);
    const index = rows.add({
      line: Number(row['line']),
      by,
      no: String(row[by]),
      fen: Number(row['refund']),
      reason: String(row['reason']),
      out_refund_no: row['own_number'] === true ? number : '',
      ref: String(row['ref']),
    });
    totals.set(index, Number(row['total']));
    planned.set(index, Math.max(0, actions.indexOf(row['action'] as Action)));
    // The rule may not change (refund-number.ts); a few numbers are enough to notice that it did.
    if (index < 100) numbers.push({ index, check: number });
  }
  if (head === undefined || !ended) throw edited();
  const { mchid, sub_mchid, base_url, batch_id, source, extras } = head as unknown as BatchIdentity & {
    readonly extras: BatchExtras;
  };
  for (const [field, found, wanted] of [
    ['mchid', mchid, mine.mchid],
    ['sub_mchid', sub_mchid ?? '', mine.sub_mchid ?? ''],
    ['base_url', base_url, mine.base_url],
  ] as const)
    if (found !== wanted) throw stale('key:batch.stale.identity', { field, found, wanted });
  const identity = { mchid, ...(sub_mchid === undefined ? {} : { sub_mchid }), base_url, batch_id, source };
  return {
    identity,
    extras,
    parsed: {
      rows,
      sha256: source.sha256,
      encoding: 'utf-8',
      recognised: false,
      format: 'csv',
      faults: openFaults(),
    },
    requireSame(now, journal) {
      if (now.faults.count > 0) {
        const [first] = now.faults.list;
        throw stale(`key:batch.fault.${first?.reason ?? 'changed'}`, {
          ...first?.params,
          line: first?.line ?? 0,
          column: first?.column ?? '',
          value: first?.value ?? '',
        });
      }
      for (const { index, check } of numbers) {
        const number = now.numberOf(index);
        if (number !== check && now.actionOf(index) !== 'elsewhere')
          throw stale('key:batch.stale.number', { line: rows.lineOf(index), found: number, wanted: check });
      }
      for (let row = 0; row < rows.count; row += 1) {
        const action = now.actionOf(row);
        if (action === 'elsewhere') continue;
        const line = rows.lineOf(row);
        const total = rows.factsOf(rows.orderOf(row))?.total ?? 0;
        if (total !== totals.get(row))
          throw stale('key:batch.stale.total', { line, found: total, wanted: totals.get(row) });
        const wanted = actions[planned.get(row)];
        // What this plan itself has done since is in its journal.
        if (action === wanted || journal?.stateOf(now.numberOf(row)) !== undefined) continue;
        throw stale('key:batch.stale.action', { line, out_refund_no: now.numberOf(row) });
      }
    },
  };
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    if (isObject(value)) return value;
  } catch {
    // See below.
  }
  throw edited();
}

function edited(): WxpayError {
  return stale('key:batch.stale.edited', {});
}

function stale(reason: string, params: Readonly<Record<string, string | number>>): WxpayError {
  return new WxpayError('PLAN_STALE', { params: { ...params, reason }, outcome: 'not_sent' });
}
