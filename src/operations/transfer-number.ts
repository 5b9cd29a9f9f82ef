/**
 * The one rule that gives a merchant transfer its number (DESIGN section 6, in the same spirit as refund-number.ts): from what
 * the transfer is for, never from amount, time or chance. Whoever loses everything and runs the same command again comes to
 * the same number, and WeChat Pay carries a number out once.
 *
 * Nothing but `ref` tells two transfers to one user apart: an order has its refunds, a user just gets money, perhaps every
 * month. So `ref` is required, where a refund's may be empty.
 *
 * THE RULE MUST NEVER CHANGE: a changed rule gives an old transfer a new number, and the money goes out twice.
 */
import { createHash } from 'node:crypto';
import { WxpayError } from '../core/errors.ts';
import { requireKeyPart } from './refund-number.ts';

/** What a transfer is for. */
export interface TransferKey {
  readonly mchid: string;
  /** Who gets the money; an openid belongs to one appid. */
  readonly openid: string;
  /** Not empty. */
  readonly ref: string;
}

/**
 * Derives the out_bill_no: `T` and the first 112 bits, as hex digits, of the SHA-256 of
 *
 * ```
 * wxpay out_bill_no 1 LF
 * <bytes of mchid>:<mchid>,<bytes>:<openid>,<bytes>:<ref>,
 * ```
 *
 * in UTF-8; 29 characters of the 32 that are allowed, digits and letters only (states 6). The ref is taken in Unicode normal
 * form C.
 *
 * @throws WxpayError `INPUT_INVALID` for a ref that `requireKeyPart` refuses; `INPUT_MISSING` for an empty one
 */
export function deriveBillNo(key: TransferKey): string {
  if (key.ref === '')
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'out_bill_no', flag: '--ref', variable: '--out-bill-no' },
      hint: 'transfer.hint.ref',
      outcome: 'not_sent',
    });
  const ref = requireKeyPart('ref', key.ref);
  const encoded = [key.mchid, key.openid, ref].map((part) => `${Buffer.byteLength(part)}:${part},`).join('');
  const digest = createHash('sha256').update(`wxpay out_bill_no 1\n${encoded}`, 'utf8').digest('hex');
  return `T${digest.slice(0, 28)}`;
}
