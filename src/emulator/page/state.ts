/** What the page shows: the newest of everything, bounded, as plain data. Bytes of callbacks are asked for one by one. */
import type { AttemptRecord, CallbackRecord } from '../callback-outbox.ts';
import type { Emulator, RequestLog } from '../contract.ts';
import type { FaultRule } from '../faults.ts';
import type { Payer } from '../payers.ts';
import type { RotationState } from '../rotation.ts';
import type { OrderRow, RefundRow, Rows, TransferRow } from './showcase.ts';
import { stepsOf } from './steps.ts';
import type { Step } from './steps.ts';

export interface CallbackRow {
  readonly id: string;
  readonly mchid: string;
  readonly url: string;
  readonly event_type: string;
  readonly subject: Readonly<Record<string, string>>;
  readonly at: number;
  readonly state: CallbackRecord['state'];
  readonly next_at: number | null;
  readonly attempts: readonly Pick<AttemptRecord, 'at' | 'why' | 'delivered' | 'status' | 'failure'>[];
}

export interface RequestRow extends RequestLog {
  readonly steps: readonly Step[];
}

export interface PageState {
  readonly url: string;
  readonly merchants: readonly string[];
  readonly orders: Rows<OrderRow>;
  readonly refunds: Rows<RefundRow>;
  readonly transfers: Rows<TransferRow>;
  readonly callbacks: Rows<CallbackRow>;
  readonly requests: Rows<RequestRow>;
  readonly payers: Rows<Payer>;
  readonly faults: Rows<FaultRule>;
  /** How far the emulator's clock is ahead of the real time, in milliseconds. */
  readonly clock_offset_ms: number;
  readonly keys: Omit<RotationState, 'files'>;
}

/** So many rows of each kind; a bound on what a look costs. */
export const maxRows = 100;
const maxAttempts = 40;
const maxTarget = 500;

export function pageState(emulator: Emulator): PageState {
  const { outbox, requests, faults } = emulator;
  const { files: _files, ...keys } = emulator.rotation;
  return {
    url: emulator.url,
    merchants: emulator.merchants.map(({ mchid }) => mchid),
    orders: emulator.showcase.orders(maxRows),
    refunds: emulator.showcase.refunds(maxRows),
    transfers: emulator.showcase.transfers(maxRows),
    callbacks: newest(outbox.records, callbackRow),
    requests: newest(requests, (entry) => ({
      ...entry,
      target: entry.target.slice(0, maxTarget),
      steps: stepsOf(entry),
    })),
    payers: emulator.showcase.payers(maxRows),
    faults: newest(faults.list(), (rule) => rule),
    clock_offset_ms: emulator.clock.offset_ms,
    keys,
  };
}

function newest<From, Row>(entries: readonly From[], rowOf: (entry: From) => Row): Rows<Row> {
  return { total: entries.length, rows: entries.slice(-maxRows).toReversed().map(rowOf) };
}

function callbackRow(record: CallbackRecord): CallbackRow {
  const { id, mchid, url, event_type, subject, at, state, next_at: nextAt, attempts } = record;
  return {
    id,
    mchid,
    url,
    event_type,
    subject,
    at,
    state,
    next_at: nextAt,
    attempts: attempts.slice(-maxAttempts).map((attempt) => ({
      at: attempt.at,
      why: attempt.why,
      delivered: attempt.delivered,
      ...(attempt.status === undefined ? {} : { status: attempt.status }),
      ...(attempt.failure === undefined ? {} : { failure: attempt.failure }),
    })),
  };
}
