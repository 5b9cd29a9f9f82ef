/** Tells merchants what became of their refunds: once for each outcome, to the request's notify_url (protocol 6.3). */
import type { Clock } from '../core/ports.ts';
import { makeDueQueue } from './due-queue.ts';
import { makeCallback } from './notify.ts';
import type { Callback, Delivery } from './notify.ts';
import { describeRefundCallback } from './refunds.ts';
import type { Refund } from './refunds.ts';
import type { RefundOutcome } from './rules/refund.ts';

/** A callback that was sent, or tried. */
export interface SentCallback extends Delivery {
  /** Milliseconds since the epoch: when the last attempt ended. */
  readonly at: number;
  readonly event_type: string;
  readonly out_refund_no: string;
}

export interface RefundCallbacks {
  /** Waits for the refund's outcome and tells it. */
  watch(refund: Refund): void;
  /** Tells an outcome that nobody has been told yet. @returns `null` when there is nothing to tell, or nobody to tell it to */
  tell(refund: Refund): Promise<SentCallback | null>;
  /** The last 10,000, oldest first. */
  readonly sent: readonly SentCallback[];
}

interface Tools {
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  readonly signal: AbortSignal;
  /** The refund as it stands now. */
  readonly current: (refund: Refund, now: number) => Refund;
  readonly deliver: (callback: Callback) => Promise<Delivery>;
}

const summaries: Readonly<Record<RefundOutcome, string>> = {
  SUCCESS: '退款成功',
  ABNORMAL: '退款异常',
  CLOSED: '退款关闭',
};

/** How often the clock is looked at while refunds wait: it may be moved by hand. */
const lookMs = 50;
const maxSending = 32;
const maxSent = 10_000;

export function openRefundCallbacks({ clock, randomBytes, signal, current, deliver }: Tools): RefundCallbacks {
  const queue = makeDueQueue<Refund>();
  const sending = new Set<Promise<unknown>>();
  const sent: SentCallback[] = [];
  let awake = false;

  async function tell(refund: Refund): Promise<SentCallback | null> {
    const url = refund.request.notify_url;
    if (!refund.untold || refund.status === 'PROCESSING') return null;
    refund.untold = false;
    if (url === undefined) return null;
    const callback = makeCallback(
      {
        url,
        key: refund.merchant.apiV3Key,
        event: `REFUND.${refund.status}`,
        type: 'refund',
        summary: summaries[refund.status],
        content: describeRefundCallback(refund),
      },
      clock.now(),
      randomBytes,
    );
    const outcome = { event_type: `REFUND.${refund.status}`, out_refund_no: refund.request.out_refund_no };
    const told = { ...(await deliver(callback)), at: clock.now(), ...outcome };
    sent.push(told);
    if (sent.length > maxSent) sent.shift();
    return told;
  }

  /** Runs only while something waits. */
  async function run(): Promise<void> {
    awake = true;
    try {
      for (let due = queue.next(); due !== undefined && !signal.aborted; due = queue.next()) {
        const wait = due - clock.now();
        if (wait > 0) await clock.sleep(Math.min(wait, lookMs), signal);
        else await tellNext();
      }
    } finally {
      awake = false;
    }
  }

  /** Tells the one that is due, and waits only when many are being told. */
  async function tellNext(): Promise<void> {
    const refund = queue.take();
    if (refund === undefined) return;
    const delivery = tell(current(refund, clock.now())).catch(() => undefined);
    sending.add(delivery);
    void delivery.finally(() => sending.delete(delivery));
    if (sending.size >= maxSending) await Promise.race(sending);
  }

  return {
    watch(refund) {
      if (refund.settlesAt === undefined || refund.request.notify_url === undefined) return;
      queue.add(refund.settlesAt, refund);
      // Rejects only when the emulator is being closed.
      if (!awake) run().catch(() => undefined);
    },
    tell,
    sent,
  };
}
