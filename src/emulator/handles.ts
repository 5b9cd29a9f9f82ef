/** What a prepay hands out for the payer's client: a prepay_id, code_url or h5_url, in the forms of states 6. */
import { digits } from './platform.ts';
import type { Product } from './rules/order.ts';
import { beijingDigits } from './times.ts';

export interface Handle {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const minute = 60_000;
const hour = 60 * minute;
const life: Readonly<Record<Product, number>> = { jsapi: 2 * hour, app: 2 * hour, native: 2 * hour, h5: 5 * minute };

/** The member of a prepay's answer that carries the handle. */
export const handleFields = { jsapi: 'prepay_id', app: 'prepay_id', native: 'code_url', h5: 'h5_url' } as const;

export function issueHandle(product: Product, now: number, randomBytes: (size: number) => Buffer): Handle {
  return { value: makeHandle(product, now, randomBytes), expiresAt: now + life[product] };
}

/** A new code_url ends the one before; a prepay_id stays good for its two hours (states 2, A). */
export function withHandle(product: Product, handles: readonly Handle[], handle: Handle): readonly Handle[] {
  return product === 'native' ? [handle] : [...handles, handle];
}

function makeHandle(product: Product, now: number, randomBytes: (size: number) => Buffer): string {
  if (product === 'native') {
    return `weixin://wxpay/bizpayurl?pr=${randomBytes(12).toString('base64').replaceAll('+', 'x').replaceAll('/', 'z')}`;
  }
  const prepayId = `wx${beijingDigits(now).slice(6)}${randomBytes(11).toString('hex')}0000`;
  if (product !== 'h5') return prepayId;
  const checkout = 'https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb';
  return `${checkout}?prepay_id=${prepayId}&package=${digits(randomBytes, 10)}`;
}
