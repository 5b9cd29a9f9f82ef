/** Merchant transfers as the emulator runs them: the book, the user who confirms, and the callback at the end. */
import { WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { summarise } from './callback-outbox.ts';
import type { CallbackSummary, Outbox } from './callback-outbox.ts';
import { makeDueLoop } from './due-loop.ts';
import type { Endpoint } from './endpoint.ts';
import type { Merchant } from './merchants.ts';
import type { PayerBook } from './payers.ts';
import type { RefundBook } from './refunds.ts';
import { transferEndpoints } from './resources/transfers.ts';
import { failReasons } from './rules/transfer.ts';
import type { FailReason } from './rules/transfer.ts';
import { describeTransfer, describeTransferCallback, openTransferBook } from './transfers.ts';
import type { Transfer, TransferBook, TransferEntry, TransferSettings } from './transfers.ts';

export type ConfirmOutcome = 'success' | 'transfering' | 'fail';

export interface ConfirmRequest {
  /** An out_bill_no or transfer_bill_no. */
  readonly transfer: string;
  /** The merchant, where several use the same number. */
  readonly mchid?: string;
  /**
   * - `success` (default): the user confirms, and the money is there at once.
   * - `transfering`: the user confirms, and the money takes its time.
   * - `fail`: it ends with `reason`.
   */
  readonly outcome?: ConfirmOutcome;
  /** Default `OVERDUE_CLOSE`: nobody confirmed in time. */
  readonly reason?: FailReason;
  /** `false` ends it without a callback. */
  readonly callback?: boolean;
}

export interface ConfirmResult {
  /** The transfer as a query shows it now. */
  readonly transfer: Readonly<Record<string, unknown>>;
  /** `null` when none was asked for, none is due yet, or the transfer names no notify_url. */
  readonly callback: CallbackSummary | null;
}

export interface TransferDesk {
  readonly endpoints: readonly Endpoint[];
  /**
   * The user acts, or does not.
   *
   * @throws WxpayError `NOT_FOUND`, `INPUT_INVALID`, `INPUT_MISSING` (several merchants have the number),
   *   `EMULATOR_TRANSFER_STATE`
   */
  confirm(request: ConfirmRequest): Promise<ConfirmResult>;
  /** Every transfer that was taken. */
  ledger(): readonly TransferEntry[];
  settings(): TransferSettings;
  /** @throws WxpayError `INPUT_INVALID` */
  configure(change: unknown): TransferSettings;
  /** The records themselves: what writes them out, and what puts some there to begin with. */
  readonly book: TransferBook;
}

interface Tools {
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  readonly signal: AbortSignal;
  readonly outbox: Outbox;
  readonly payers: PayerBook;
  /** Refunds and transfers are paid from the same balances, and limited by the same switch. */
  readonly refunds: Pick<RefundBook, 'settings' | 'configure'>;
  readonly findMerchant: (mchid: string) => Merchant | undefined;
}

export function openTransferDesk(tools: Tools): TransferDesk {
  const { clock, randomBytes, signal, outbox, payers, refunds, findMerchant } = tools;
  const loop = makeDueLoop<Transfer>({
    clock,
    signal,
    meet: (transfer) => void tell(book.current(transfer, clock.now())).catch(() => undefined),
  });
  const book = openTransferBook({
    randomBytes,
    balance: (mchid) => refunds.settings().balances[mchid] ?? Infinity,
    draw(mchid, fen) {
      const left = refunds.settings().balances[mchid];
      if (left !== undefined) refunds.configure({ balances: { [mchid]: Math.max(0, left - fen) } });
    },
    trouble(openid) {
      const { state } = payers.of(openid);
      if (state === 'normal') return undefined;
      return state === 'closed' ? 'ACCOUNT_NOT_EXIST' : 'ACCOUNT_FROZEN';
    },
    onWait(transfer) {
      // One that has ended waits only to be told.
      loop.add(transfer.until ?? 0, transfer);
    },
  });

  /** Tells an end that nobody has been told yet. */
  async function tell(transfer: Transfer): Promise<CallbackSummary | null> {
    const { notify_url: url, out_bill_no: number } = transfer.request;
    const merchant = findMerchant(transfer.mchid);
    if (!transfer.untold) return null;
    transfer.untold = false;
    if (url === undefined || merchant === undefined) return null;
    const { record, first } = outbox.post({
      merchant,
      url,
      event_type: 'MCHTRANSFER.BILL.FINISHED',
      original_type: 'mch_payment',
      summary: '商家转账单据终态通知',
      content: describeTransferCallback(transfer),
      subject: { out_bill_no: number },
    });
    await first;
    return summarise(record);
  }

  return {
    endpoints: transferEndpoints(book, () => refunds.settings().rate_limits),
    book: {
      ...book,
      restore(dumped) {
        loop.clear();
        book.restore(dumped);
      },
    },
    settings: () => book.settings(),
    configure: (change) => book.configure(change),
    ledger: () => book.ledger(clock.now()),

    async confirm(request) {
      const { outcome = 'success', reason } = request;
      const now = clock.now();
      const known = ['success', 'transfering', 'fail'].includes(outcome);
      if (!known || (reason !== undefined && outcome !== 'fail')) throw invalid('outcome');
      if (reason !== undefined && !failReasons.includes(reason)) throw invalid('reason');
      const transfer = pick(request, book.find(request.transfer, now));
      if (!outcomesOf(transfer).includes(outcome)) {
        const params = { out_bill_no: transfer.request.out_bill_no, state: transfer.state };
        throw new WxpayError('EMULATOR_TRANSFER_STATE', { params });
      }
      if (outcome === 'transfering') book.confirm(transfer, now);
      else book.end(transfer, outcome === 'fail' ? (reason ?? 'OVERDUE_CLOSE') : undefined, now);
      if (request.callback === false && transfer.until === null) transfer.untold = false;
      const shown = describeTransfer(transfer, undefined);
      return { transfer: shown, callback: await tell(transfer) };
    },
  };
}

/** What can be made of a transfer now. */
export function outcomesOf({ state, until }: Pick<Transfer, 'state' | 'until'>): readonly ConfirmOutcome[] {
  if (state === 'WAIT_USER_CONFIRM') return ['success', 'transfering', 'fail'];
  if (state === 'TRANSFERING') return ['success', 'fail'];
  return until === null ? [] : ['fail'];
}

function pick({ transfer: number, mchid }: ConfirmRequest, candidates: readonly Transfer[]): Transfer {
  const [transfer, another] = candidates.filter((one) => mchid === undefined || one.mchid === mchid);
  if (transfer === undefined) throw new WxpayError('NOT_FOUND', { params: { what: number } });
  if (another !== undefined) {
    throw new WxpayError('INPUT_MISSING', { params: { field: 'mchid', flag: '--mchid', variable: 'WXPAY_MCHID' } });
  }
  return transfer;
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
