/**
 * Which of n runners refunds an order. By order, never by row, so that all refunds of an order are in one hand; by nothing
 * but the order's number, so that every runner comes to the same answer without talking to the others (DESIGN section 6).
 */
import { createHash } from 'node:crypto';
import { WxpayError } from '../../core/errors.ts';

export interface Shard {
  /** 1 to `of`. */
  readonly index: number;
  readonly of: number;
}

/**
 * Reads `2/4`.
 *
 * @throws WxpayError `INPUT_INVALID`
 */
export function parseShard(text: string): Shard {
  const match = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(text);
  const index = Number(match?.[1]);
  const of = Number(match?.[2]);
  if (match === null || index > of)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--shard', reason: 'key:batch.reason.shard' },
      outcome: 'not_sent',
    });
  return { index, of };
}

/**
 * The runner of an order, 1 to `of`: the first 48 bits of a SHA-256, so that any numbering of orders spreads evenly.
 *
 * @param order the number by which the whole file is divided
 */
export function shardOf(order: string, of: number): number {
  const digest = createHash('sha256').update(`wxpay shard 1\n${order}`).digest();
  return (digest.readUIntBE(0, 6) % of) + 1;
}
