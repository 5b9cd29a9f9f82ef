/** Request targets and the numbers that go into them (THREATS B1, B2). */
import { WxpayError } from '../errors.ts';

/** 6 to 32 of `[0-9A-Za-z_-|*]`, case-sensitive (states.md 6). */
export const outTradeNo = /^[0-9A-Za-z_\-|*]{6,32}$/;
/** 1 to 64 of `[0-9A-Za-z_-|*@]`. */
export const outRefundNo = /^[0-9A-Za-z_\-|*@]{1,64}$/;
/** WeChat Pay emits 28 digits; documents allow 32 characters. */
export const transactionId = /^[0-9A-Za-z]{1,32}$/;

export function requireOutTradeNo(text: string): string {
  return required(text, outTradeNo);
}

export function requireOutRefundNo(text: string): string {
  return required(text, outRefundNo);
}

export function requireTransactionId(text: string): string {
  return required(text, transactionId);
}

function required(text: string, pattern: RegExp): string {
  if (!pattern.test(text))
    throw new WxpayError('PATH_INVALID', { params: { value: text, reason: pattern.source }, outcome: 'not_sent' });
  return text;
}

/**
 * Fills a path template and appends a query: the origin-form target that is signed and sent, byte for byte.
 *
 * Values are percent-encoded (RFC 3986: everything but unreserved characters), so `|` becomes `%7C` before it is signed, not
 * after. A value can never become a dot segment or add one.
 *
 * @param template e.g. `/v3/pay/transactions/out-trade-no/{out_trade_no}`
 * @throws WxpayError `PATH_INVALID`
 */
export function buildTarget(
  template: string,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>> = {},
): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name] ?? '';
    if (
      value === '' ||
      value === '.' ||
      value === '..' ||
      /[\u0000-\u001F\u007F]/.test(value) ||
      /\p{Surrogate}/u.test(value)
    )
      throw new WxpayError('PATH_INVALID', { params: { value, reason: name }, outcome: 'not_sent' });
    return encode(value);
  });
  if (path.split('/').length !== template.split('/').length)
    throw new WxpayError('PATH_INVALID', { params: { value: path, reason: template }, outcome: 'not_sent' });
  const pairs = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
