/** Tells merchants what became of their refunds: once for each outcome, to the request's notify_url (protocol 6.3). */
import type { Clock } from '../core/ports.ts';
import { makeDueLoop } from './due-loop.ts';
import { summarise } from './callback-outbox.ts';
import type { CallbackSummary, Outbox } from './callback-outbox.ts';
import { describeRefundCallback } from './refunds.ts';
import type { Refund } from './refunds.ts';
import type { RefundOutcome } from './rules/refund.ts';
import { refundXml } from './v2/callbacks.ts';

export interface RefundCallbacks {
  /** Waits for the refund's outcome and tells it. */
  watch(refund: Refund): void;
  /** Tells an outcome that nobody has been told yet. @returns `null` when there is nothing to tell, or nobody to tell it to */
  tell(refund: Refund): Promise<CallbackSummary | null>;
  /** Nothing is waited for any more. */
  clear(): void;
}

interface Tools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The refund as it stands now. */
  readonly current: (refund: Refund, now: number) => Refund;
  readonly outbox: Outbox;
}

const summaries: Readonly<Record<RefundOutcome, string>> = {
  SUCCESS: '退款成功',
  ABNORMAL: '退款异常',
  CLOSED: '退款关闭',
};

const maxSending = 32;

export function openRefundCallbacks({ clock, signal, current, outbox }: Tools): RefundCallbacks {
  const waiting = makeDueLoop<Refund>({ clock, signal, meet: tellDue });
  const sending = new Set<Promise<unknown>>();

  async function tell(refund: Refund): Promise<CallbackSummary | null> {
    const url = refund.request.notify_url;
    if (!refund.untold || refund.status === 'PROCESSING') return null;
    refund.untold = false;
    if (url === undefined) return null;
    const { record, first } = outbox.post({
      merchant: refund.merchant,
      url,
      event_type: `REFUND.${refund.status}`,
      original_type: 'refund',
      summary: summaries[refund.status],
      content: describeRefundCallback(refund),
      subject: { out_refund_no: refund.request.out_refund_no },
      ...(refund.request.v2 === undefined ? {} : { xml: (nonce: string) => refundXml(refund, nonce) }),
    });
    await first;
    return summarise(record);
  }

  /** Waits only when many are being told. */
  async function tellDue(refund: Refund): Promise<void> {
    const delivery = tell(current(refund, clock.now())).catch(() => undefined);
    sending.add(delivery);
    void delivery.finally(() => sending.delete(delivery));
    if (sending.size >= maxSending) await Promise.race(sending);
  }

  return {
    watch(refund) {
      // One that is settled waits only to be told.
      const due = refund.settlesAt ?? (refund.untold ? 0 : undefined);
      if (due === undefined || refund.request.notify_url === undefined) return;
      waiting.add(due, refund);
    },
    tell,
    clear: () => waiting.clear(),
  };
}
