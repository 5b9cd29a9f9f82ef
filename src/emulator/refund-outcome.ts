/** What the bank and the merchant's balance would decide: brings a refund to its outcome on command. */
import { WxpayError } from '../core/errors.ts';
import type { CallbackSummary } from './callback-outbox.ts';
import type { RefundCallbacks } from './refund-callbacks.ts';
import { describeRefund } from './refunds.ts';
import type { Refund, RefundBook } from './refunds.ts';
import { refundOutcomes } from './rules/refund.ts';
import type { RefundOutcome } from './rules/refund.ts';

export interface SettleRequest {
  /** An out_refund_no or refund_id. */
  readonly refund: string;
  /** Default `SUCCESS`. */
  readonly outcome?: RefundOutcome;
  /** The merchant, where several use the same number. */
  readonly mchid?: string;
  /** `false` settles without a callback. */
  readonly callback?: boolean;
}

export interface SettleResult {
  /** The refund as a query shows it now. */
  readonly refund: Readonly<Record<string, unknown>>;
  /** `null` when none was asked for, or the refund names no notify_url. */
  readonly callback: CallbackSummary | null;
}

interface Desk {
  readonly refunds: RefundBook;
  readonly callbacks: RefundCallbacks;
  readonly now: () => number;
}

/**
 * Settles a refund that is under way, or one that is ABNORMAL.
 *
 * @throws WxpayError `NOT_FOUND`, `INPUT_INVALID`, `INPUT_MISSING` (several merchants have the number),
 *   `EMULATOR_REFUND_FINAL`
 */
export async function settleRefund(request: SettleRequest, { refunds, callbacks, now }: Desk): Promise<SettleResult> {
  const { outcome = 'SUCCESS' } = request;
  if (!refundOutcomes.includes(outcome)) {
    throw new WxpayError('INPUT_INVALID', { params: { field: 'outcome', reason: 'key:emulator.reason.control' } });
  }
  const refund = findRefund(request, refunds.find(request.refund, now()));
  if (refund.status === 'SUCCESS' || refund.status === 'CLOSED' || refund.status === outcome) {
    const params = { out_refund_no: refund.request.out_refund_no, state: refund.status };
    throw new WxpayError('EMULATOR_REFUND_FINAL', { params });
  }
  refunds.settle(refund, outcome, now());
  if (request.callback === false) refund.untold = false;
  const shown = describeRefund(refund);
  return { refund: shown, callback: await callbacks.tell(refund) };
}

function findRefund({ refund: number, mchid }: SettleRequest, candidates: readonly Refund[]): Refund {
  const [refund, another] = candidates.filter(({ merchant }) => mchid === undefined || merchant.mchid === mchid);
  if (refund === undefined) throw new WxpayError('NOT_FOUND', { params: { what: number } });
  if (another !== undefined) {
    throw new WxpayError('INPUT_MISSING', { params: { field: 'mchid', flag: '--mchid', variable: 'WXPAY_MCHID' } });
  }
  return refund;
}
