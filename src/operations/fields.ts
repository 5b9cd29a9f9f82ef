/**
 * Local validation of a request body against a declared field table, with the field named. It catches what WeChat Pay
 * would refuse with PARAM_ERROR before anything is sent; it does not replace WeChat Pay's own checks.
 */
import { WxpayError } from '../core/errors.ts';

export type Field =
  /** Passed through unchecked. */
  | { readonly type: 'any'; readonly required?: boolean }
  | {
      readonly type: 'string';
      readonly required?: boolean;
      readonly min?: number;
      readonly max?: number;
      readonly maxBytes?: number;
      readonly pattern?: RegExp;
      /** What the pattern asks for, in words: an i18n key below `reason.`. */
      readonly form?: string;
      readonly values?: readonly string[];
    }
  | { readonly type: 'integer'; readonly required?: boolean; readonly min?: number; readonly max?: number }
  | { readonly type: 'boolean'; readonly required?: boolean }
  | { readonly type: 'object'; readonly required?: boolean; readonly fields: Fields; readonly maxBytes?: number }
  | { readonly type: 'list'; readonly required?: boolean; readonly item: Field; readonly max?: number };

export type Fields = Readonly<Record<string, Field>>;

/** A fault of one field: its path as in the API (`amount.total`), and why. */
export interface Fault {
  readonly field: string;
  /** An i18n key below `reason.`. */
  readonly reason: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/**
 * Checks a body.
 *
 * @param unknown what to do with members that the table does not know: `refuse` (a typing error is not sent) or `allow`
 * @returns every fault, in the table's order; empty when the body will do
 */
export function checkFields(fields: Fields, body: unknown, unknown: 'refuse' | 'allow' = 'refuse'): readonly Fault[] {
  const faults: Fault[] = [];
  checkObject('', { type: 'object', fields }, body, unknown, faults);
  return faults;
}

/** Throws `INPUT_INVALID` for the first fault. */
export function requireFields(fields: Fields, body: unknown, unknown: 'refuse' | 'allow' = 'refuse'): void {
  const fault = checkFields(fields, body, unknown)[0];
  if (fault === undefined) return;
  throw new WxpayError('INPUT_INVALID', {
    params: { ...fault.params, field: fault.field, reason: `key:reason.${fault.reason}` },
    outcome: 'not_sent',
  });
}

function checkObject(
  path: string,
  rule: Extract<Field, { type: 'object' }>,
  value: unknown,
  unknown: 'refuse' | 'allow',
  faults: Fault[],
): void {
  if (!isObject(value)) {
    faults.push({ field: path === '' ? 'body' : path, reason: 'not_object', params: {} });
    return;
  }
  for (const [name, field] of Object.entries(rule.fields)) {
    const inner = path === '' ? name : `${path}.${name}`;
    if (!Object.hasOwn(value, name) || value[name] === undefined) {
      if (field.required === true) faults.push({ field: inner, reason: 'missing', params: {} });
    } else checkField(inner, field, value[name], unknown, faults);
  }
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(rule.fields, name)) continue;
    const inner = path === '' ? name : `${path}.${name}`;
    if (value[name] === null) faults.push({ field: inner, reason: 'null', params: {} });
    else if (unknown === 'refuse') faults.push({ field: inner, reason: 'unknown', params: {} });
  }
  if (rule.maxBytes !== undefined) checkBytes(path, JSON.stringify(value), rule.maxBytes, faults);
}

function checkField(path: string, rule: Field, value: unknown, unknown: 'refuse' | 'allow', faults: Fault[]): void {
  // `null` is never allowed; leave the member out (protocol 1.3).
  if (value === null) {
    faults.push({ field: path, reason: 'null', params: {} });
    return;
  }
  switch (rule.type) {
    case 'any':
      return;
    case 'object':
      checkObject(path, rule, value, unknown, faults);
      return;
    case 'list':
      if (!Array.isArray(value)) faults.push({ field: path, reason: 'not_list', params: {} });
      else {
        if (rule.max !== undefined && value.length > rule.max)
          faults.push({ field: path, reason: 'too_many', params: { count: value.length, max: rule.max } });
        for (const [index, item] of value.entries()) checkField(`${path}[${index}]`, rule.item, item, unknown, faults);
      }
      return;
    case 'boolean':
      if (typeof value !== 'boolean') faults.push({ field: path, reason: 'not_boolean', params: {} });
      return;
    case 'integer':
      if (typeof value !== 'number' || !Number.isSafeInteger(value))
        faults.push({ field: path, reason: 'not_integer', params: {} });
      else if (rule.min !== undefined && value < rule.min)
        faults.push({ field: path, reason: 'too_small', params: { min: rule.min } });
      else if (rule.max !== undefined && value > rule.max)
        faults.push({ field: path, reason: 'too_large', params: { max: rule.max } });
      return;
    case 'string':
      checkString(path, rule, value, faults);
  }
}

function checkString(path: string, rule: Extract<Field, { type: 'string' }>, value: unknown, faults: Fault[]): void {
  if (typeof value !== 'string') {
    faults.push({ field: path, reason: 'not_string', params: {} });
    return;
  }
  const length = Array.from(value).length;
  if (length < (rule.min ?? 1))
    faults.push({ field: path, reason: 'too_short', params: { length, min: rule.min ?? 1 } });
  else if (rule.max !== undefined && length > rule.max)
    faults.push({ field: path, reason: 'too_long', params: { length, max: rule.max } });
  else if (rule.values !== undefined && !rule.values.includes(value))
    faults.push({ field: path, reason: 'not_one_of', params: { values: rule.values.join(', ') } });
  else if (rule.pattern !== undefined && !rule.pattern.test(value))
    faults.push({ field: path, reason: rule.form ?? 'pattern', params: { pattern: rule.pattern.source } });
  else if (/[\u0000-\u001F\u007F]/.test(value)) faults.push({ field: path, reason: 'control', params: {} });
  else if (/\p{Surrogate}/u.test(value)) faults.push({ field: path, reason: 'not_unicode', params: {} });
  if (rule.maxBytes !== undefined) checkBytes(path, value, rule.maxBytes, faults);
}

function checkBytes(path: string, text: string, max: number, faults: Fault[]): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > max) faults.push({ field: path, reason: 'too_many_bytes', params: { bytes, max } });
}

/** A plain JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Paths of the strings that hold characters beyond the BMP, which WeChat Pay does not promise to take (protocol 1.3; whether it refuses them is UNCONFIRMED, so this is a warning). */
export function beyondBmp(value: unknown, path = ''): readonly string[] {
  if (typeof value === 'string') return /[\u{10000}-\u{10FFFF}]/u.test(value) ? [path] : [];
  if (Array.isArray(value)) return value.flatMap((item, index) => beyondBmp(item, `${path}[${index}]`));
  if (isObject(value))
    return Object.entries(value).flatMap(([name, item]) => beyondBmp(item, path === '' ? name : `${path}.${name}`));
  return [];
}
