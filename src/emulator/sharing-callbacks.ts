/**
 * Tells merchants what they received or gave back in a profit sharing (分账动账通知). The URL is set on the receiver's own merchant
 * platform, not in a request; here by its switch. What is told, and that only receivers that are merchants are told, is WeChat
 * Pay's own page on the notification (wiki chapter8_1_10 and chapter7_4_6); the event types are those of protocol 6.4.
 */
import type { Clock } from '../core/ports.ts';
import type { Outbox } from './callback-outbox.ts';
import { makeDueLoop } from './due-loop.ts';
import type { Merchant } from './merchants.ts';
import type { SharingEntry, SharingNotice } from './profit-sharing.ts';

export interface SharingCallbacks {
  /** Waits until it is settled, and tells it. */
  watch(entry: SharingEntry): void;
  /** Nothing is waited for any more. */
  clear(): void;
}

interface Tools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly outbox: Outbox;
  /** What there is to tell of an entry that is settled; nothing the second time. */
  readonly notices: (entry: SharingEntry, now: number) => readonly SharingNotice[];
  readonly findMerchant: (mchid: string) => Merchant | undefined;
  readonly urlOf: (mchid: string) => string | null;
}

export function openSharingCallbacks(tools: Tools): SharingCallbacks {
  const { clock, signal, outbox, notices, findMerchant, urlOf } = tools;
  const loop = makeDueLoop<SharingEntry>({
    clock,
    signal,
    meet(entry) {
      for (const { receiver, event_type, summary, content, subject } of notices(entry, clock.now())) {
        const merchant = findMerchant(receiver);
        const url = merchant === undefined ? null : urlOf(receiver);
        if (merchant === undefined || url === null) continue;
        const { first } = outbox.post({
          merchant,
          url,
          event_type,
          original_type: 'profitsharing',
          summary,
          content,
          subject,
        });
        void first.catch(() => undefined);
      }
    },
  });
  return {
    watch: (entry) => loop.add(entry.settlesAt, entry),
    clear: () => loop.clear(),
  };
}
