/**
 * Money: integer fen, always. Text is read digit by digit and never passes through a float (THREATS G7).
 */
import { WxpayError } from './errors.ts';

/** The largest amount we handle: exact as a JavaScript integer. WeChat Pay publishes no maximum. */
export const maxFen = Number.MAX_SAFE_INTEGER;

/**
 * Reads an amount as a person or a script gives it.
 *
 * - `1234`: 1234 fen, as in the API.
 * - `12.34yuan`, `12.34元`, `12yuan`: yuan, at most two decimals.
 * - `12.34`: refused, since it could be meant either way.
 *
 * @returns fen, an integer ≥ 1
 * @throws WxpayError `AMOUNT_UNIT_MISSING` for a bare decimal, `AMOUNT_INVALID` for anything else that is no amount
 */
export function parseAmount(text: string): number {
  const match = /^(\d+)(?:\.(\d+))?(yuan|元|fen|分)?$/.exec(text);
  if (match === null) throw new WxpayError('AMOUNT_INVALID', { params: { value: text } });
  const [, whole = '', fraction, unit] = match;
  if (unit === 'yuan' || unit === '元') return fenOf(text, whole, fraction ?? '');
  if (fraction !== undefined) {
    if (unit !== undefined) throw new WxpayError('AMOUNT_INVALID', { params: { value: text } });
    const yuan = fraction.length <= 2 ? String(fenOf(text, whole, fraction)) : '?';
    throw new WxpayError('AMOUNT_UNIT_MISSING', { params: { value: text, as_yuan_fen: yuan, whole } });
  }
  return checked(text, BigInt(whole));
}

/** Reads yuan with at most two decimals (`12`, `12.3`, `12.34`) into fen. */
function fenOf(text: string, whole: string, fraction: string): number {
  if (fraction.length > 2) throw new WxpayError('AMOUNT_INVALID', { params: { value: text } });
  return checked(text, BigInt(whole + fraction.padEnd(2, '0')));
}

function checked(text: string, fen: bigint): number {
  if (fen < 1n || fen > BigInt(maxFen)) throw new WxpayError('AMOUNT_INVALID', { params: { value: text } });
  return Number(fen);
}

/** Writes fen as yuan with two decimals and no thousands separator: `1234` → `12.34`. Exact for every safe integer. */
export function formatYuan(fen: number): string {
  if (!Number.isSafeInteger(fen)) throw new RangeError(`not an amount in fen: ${fen}`);
  const digits = String(Math.abs(fen)).padStart(3, '0');
  return `${fen < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
