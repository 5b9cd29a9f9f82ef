/** Request targets: built once, signed as built, sent as built (THREATS B1, B2). */
import { WxpayError } from '../errors.ts';

/** A path parameter; with `pattern`, its value must match it. */
export type PathParameter = string | { readonly value: string; readonly pattern: RegExp };

/**
 * Fills a path template and adds a query: the origin-form target exactly as it is signed and sent.
 *
 * Values are percent-encoded so that `new URL()` and undici leave the result as it is, which is checked. A value can never
 * add a segment: `.`, `..`, nothing at all and control characters are refused, `/` is encoded.
 *
 * @param template an absolute path with `{name}` for whole segments, e.g. `/v3/refund/domestic/refunds/{out_refund_no}`
 * @param pathParams a value for every name in the template, and no others
 * @param query in this order; `undefined` values are left out
 * @throws `PATH_INVALID`
 */
export function buildTarget(
  template: string,
  pathParams: Readonly<Record<string, PathParameter>>,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const used = new Set<string>();
  const segments = template.split('/').map((segment) => {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) return segment;
    const parameter = Object.hasOwn(pathParams, name) ? pathParams[name] : undefined;
    if (parameter === undefined) throw invalid(template, 'key:reason.path_parameter', { name });
    used.add(name);
    return encodeSegment(parameter);
  });
  const unused = Object.keys(pathParams).find((name) => !used.has(name));
  if (unused !== undefined) throw invalid(template, 'key:reason.path_parameter', { name: unused });

  const path = segments.join('/');
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const target =
    pairs.length === 0 ? path : `${path}?${pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')}`;
  // What a URL parser would make of it must be what we sign, and no value may have changed the shape of the path.
  const url = new URL(`https://host${target}`);
  const sameShape = url.pathname.split('/').length === template.split('/').length;
  if (url.pathname + url.search !== target || !sameShape) throw invalid(target, 'key:reason.path_changes');
  return target;
}

function encodeSegment(parameter: PathParameter): string {
  const value = typeof parameter === 'string' ? parameter : parameter.value;
  if (typeof parameter !== 'string' && !matchesWhole(parameter.pattern, value))
    throw invalid(value, 'key:reason.path_pattern', { pattern: parameter.pattern.source });
  if (value === '') throw invalid(value, 'key:reason.path_empty');
  // `%2e` is a dot segment too, but `%` itself is encoded below.
  if (value === '.' || value === '..') throw invalid(value, 'key:reason.path_dots');
  if (/[\u0000-\u001f\u007f-\u009f]/.test(value)) throw invalid(value, 'key:reason.path_control');
  return encode(value);
}

function matchesWhole(pattern: RegExp, value: string): boolean {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replaceAll(/[gmy]/g, '')).test(value);
}

/** RFC 3986: everything but unreserved characters, so `|` is `%7C` before it is signed, not after. */
function encode(value: string): string {
  let encoded: string;
  try {
    encoded = encodeURIComponent(value);
  } catch {
    // Half a surrogate pair has no UTF-8.
    throw invalid(value, 'key:reason.not_unicode');
  }
  return encoded.replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** 6 to 32 of digits, letters, `_ - | *` (states.md 6). @throws `PATH_INVALID` */
export function requireOutTradeNo(value: string): string {
  return require(value, /^[0-9A-Za-z_\-|*]{6,32}$/, 'key:reason.out_trade_no');
}

/** 1 to 64 of digits, letters, `_ - | * @` (states.md 6). @throws `PATH_INVALID` */
export function requireOutRefundNo(value: string): string {
  return require(value, /^[0-9A-Za-z_\-|*@]{1,64}$/, 'key:reason.out_refund_no');
}

/** WeChat Pay gives 28 digits and documents up to 32 characters (states.md 6). @throws `PATH_INVALID` */
export function requireTransactionId(value: string): string {
  return require(value, /^[0-9A-Za-z]{1,32}$/, 'key:reason.transaction_id');
}

function require(value: string, pattern: RegExp, reason: string): string {
  if (!pattern.test(value)) throw invalid(value, reason);
  return value;
}

function invalid(value: string, reason: string, more: Readonly<Record<string, string>> = {}): WxpayError {
  return new WxpayError('PATH_INVALID', {
    params: { value: value === '' ? '""' : value.slice(0, 200), reason, ...more },
    outcome: 'not_sent',
  });
}
