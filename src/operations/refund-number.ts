/**
 * The one rule that gives every refund its number (DESIGN section 6), for a single refund and a row of a batch alike.
 *
 * WeChat Pay's own promise is "one out_refund_no refunds once", so the number is what keeps money from moving twice. It
 * depends on what the refund is for and on nothing else: never on the amount, the time, a file's name, a row's position
 * or chance. Whoever loses every journal and runs the same command again comes to the same number.
 *
 * THE RULE MUST NEVER CHANGE: a changed rule gives an old refund a new number, and the money goes out twice. The tests hold
 * known answers. A better rule would need another prefix, and the old one looked up first.
 */
import { createHash } from 'node:crypto';
import { WxpayError } from '../core/errors.ts';
import { requireTransactionId } from '../core/wire/target.ts';

/** What a refund is for. */
export interface RefundKey {
  /** The merchant that signs: a service provider's own number, not its sub-merchant's. */
  readonly mchid: string;
  /** WeChat Pay's number of the order, whichever way the order was named. */
  readonly transactionId: string;
  /** `--batch-id`; default empty. */
  readonly batchId?: string;
  /** Tells several wanted refunds of one order apart; default empty. */
  readonly ref?: string;
}

/**
 * Derives the out_refund_no.
 *
 * `R-<transaction_id>-<28 hex digits>`, at most 64 characters: the order's number for people, then the first 112 bits of
 * the SHA-256 of
 *
 * ```
 * wxpay out_refund_no 1 LF
 * <bytes of mchid>:<mchid>,<bytes>:<transaction_id>,<bytes>:<batch id>,<bytes>:<ref>,
 * ```
 *
 * in UTF-8. The lengths make the encoding unambiguous: no two different keys give the same bytes. Batch id and ref are
 * taken in Unicode normal form C, so that a file re-encoded by another program keeps its numbers.
 *
 * @throws WxpayError `INPUT_INVALID` for a batch id or ref that `requireKeyPart` refuses, `PATH_INVALID` for a transaction_id
 *   of another form
 */
export function deriveRefundNo(key: RefundKey): string {
  const transactionId = requireTransactionId(key.transactionId);
  const batchId = requireKeyPart('batch_id', key.batchId ?? '');
  const ref = requireKeyPart('ref', key.ref ?? '');
  const encoded = [key.mchid, transactionId, batchId, ref]
    .map((part) => `${Buffer.byteLength(part)}:${part},`)
    .join('');
  const digest = createHash('sha256').update(`wxpay out_refund_no 1\n${encoded}`, 'utf8').digest('hex');
  return `R-${transactionId}-${digest.slice(0, 28)}`;
}

/**
 * A batch id or ref as it enters the number: in normal form C, at most 128 UTF-16 units, without control characters, broken
 * characters, or white space at its ends (which no eye sees in a spreadsheet, and which would make another number).
 *
 * @throws WxpayError `INPUT_INVALID` naming the field
 */
export function requireKeyPart(field: string, text: string): string {
  const reason =
    text.length > 128
      ? 'key_part_long'
      : /[\u0000-\u001F\u007F-\u009F\u2028\u2029]/.test(text)
        ? 'control'
        : /\p{Surrogate}/u.test(text)
          ? 'not_unicode'
          : text.trim() === text
            ? undefined
            : 'key_part_space';
  if (reason === undefined) return text.normalize('NFC');
  throw new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
}
