/**
 * Everything that an emulator knows but its keys and merchants, as plain data: written out, read back, put back to the
 * beginning. Not part of it: the request log, downloads on offer (five minutes), and the calls of the running second.
 */
import { WxpayError } from '../core/errors.ts';
import type { FrozenRefund } from './bills.ts';
import type { BusinessClock, ClockDump } from './business-clock.ts';
import type { CallbackRecord, Outbox } from './callback-outbox.ts';
import type { CallbackSettings } from './callback-settings.ts';
import type { CombinedBook, CombinedDump } from './combined-orders.ts';
import type { FaultDump, Faults } from './faults.ts';
import { absentMerchant } from './merchants.ts';
import type { MerchantSwitches, Switchboard } from './merchant-switches.ts';
import type { Merchant } from './merchants.ts';
import type { OrderBook, OrderDump } from './orders.ts';
import type { PayerBook, PayerDump } from './payers.ts';
import type { SharingBook, SharingDump } from './profit-sharing.ts';
import type { Randomness } from './randomness.ts';
import type { RefundCallbacks } from './refund-callbacks.ts';
import type { RefundBook, RefundDump } from './refunds.ts';
import type { Seeder } from './seed.ts';
import type { SharingCallbacks } from './sharing-callbacks.ts';
import type { TransferBook } from './transfers.ts';

/** A snapshot. It holds no keys. */
export interface EmulatorState extends ClockDump {
  readonly version: 1;
  /** How often a deterministic emulator has drawn for each purpose; absent in states of earlier versions. */
  readonly random?: Readonly<Record<string, number>>;
  readonly orders: OrderDump;
  readonly combined: CombinedDump;
  readonly payers: PayerDump;
  readonly switches: readonly MerchantSwitches[];
  readonly refunds: RefundDump;
  readonly sharing: SharingDump;
  readonly transfers: ReturnType<TransferBook['dump']>;
  /** What refunds looked like when a bill first listed them, by refund_id. */
  readonly billed: readonly (readonly [string, FrozenRefund])[];
  readonly callbacks: { readonly records: readonly CallbackRecord[]; readonly settings: CallbackSettings };
  readonly faults: FaultDump;
}

export interface Stores {
  readonly clock: BusinessClock;
  readonly randomness: Randomness;
  readonly seeder: Pick<Seeder, 'forget'>;
  readonly orders: OrderBook;
  readonly combined: CombinedBook;
  readonly payers: PayerBook;
  readonly switchboard: Switchboard;
  readonly refunds: RefundBook;
  readonly sharing: SharingBook;
  readonly transfers: Pick<TransferBook, 'dump' | 'restore'>;
  readonly billed: Map<string, FrozenRefund>;
  readonly outbox: Outbox;
  readonly refundCallbacks: RefundCallbacks;
  readonly sharingCallbacks: SharingCallbacks;
  readonly faults: Faults;
  readonly findMerchant: (mchid: string) => Merchant | undefined;
}

export function dumpState(stores: Stores): EmulatorState {
  const { outbox } = stores;
  return {
    version: 1,
    ...stores.clock.dump(),
    random: stores.randomness.dump(),
    orders: stores.orders.dump(),
    combined: stores.combined.dump(),
    payers: stores.payers.dump(),
    switches: stores.switchboard.dump(),
    refunds: stores.refunds.dump(),
    sharing: stores.sharing.dump(),
    transfers: stores.transfers.dump(),
    billed: [...stores.billed],
    callbacks: { records: outbox.records, settings: outbox.settings() },
    faults: stores.faults.dump(),
  };
}

/**
 * Puts a state in the place of the one that is there: all of it or, when it is not a state, nothing.
 *
 * @throws WxpayError `INPUT_INVALID` saying what is wrong with it
 */
export function restoreState(stores: Stores, state: unknown): void {
  const wanted = readState(state);
  const before = structuredClone(dumpState(stores));
  try {
    replace(stores, wanted);
  } catch (error) {
    replace(stores, before);
    throw invalid(error instanceof Error ? error.message : String(error), error);
  }
}

/** Puts a state that was dumped here in the place of the one that is there. */
export function replace(stores: Stores, state: EmulatorState): void {
  const { findMerchant, outbox, billed } = stores;
  const absent = new Map<string, Merchant>();
  const merchantOf = (mchid: string): Merchant => {
    const known = findMerchant(mchid) ?? absent.get(mchid) ?? absentMerchant(mchid, findMerchant);
    if (findMerchant(mchid) === undefined) absent.set(mchid, known);
    return known;
  };
  stores.refundCallbacks.clear();
  stores.sharingCallbacks.clear();
  outbox.clear();
  stores.seeder.forget();
  stores.clock.restore(state);
  stores.randomness.restore(state.random ?? {});
  stores.payers.restore(state.payers);
  stores.switchboard.restore(state.switches);
  stores.orders.restore(state.orders, merchantOf);
  stores.combined.restore(state.combined, merchantOf);
  outbox.configure(state.callbacks.settings);
  outbox.restore(state.callbacks.records);
  stores.refunds.restore(state.refunds, merchantOf);
  stores.sharing.restore(state.sharing);
  stores.transfers.restore(state.transfers);
  billed.clear();
  for (const [id, refund] of state.billed) billed.set(id, refund);
  stores.faults.restore(state.faults);
}

const parts = [
  'orders',
  'combined',
  'payers',
  'switches',
  'refunds',
  'sharing',
  'transfers',
  'callbacks',
  'faults',
] as const;

function readState(state: unknown): EmulatorState {
  const given = (state ?? {}) as Partial<EmulatorState>;
  if (given.version !== 1) throw invalid(`version ${JSON.stringify(given.version) ?? 'none'}`);
  const missing = parts.filter((part) => typeof given[part] !== 'object' || given[part] === null);
  if (missing.length > 0) throw invalid(`without ${missing.join(', ')}`);
  if (typeof given.clock_offset_ms !== 'number') throw invalid('without clock_offset_ms');
  return structuredClone(given) as EmulatorState;
}

function invalid(reason: string, cause?: unknown): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field: 'snapshot', reason }, cause });
}
