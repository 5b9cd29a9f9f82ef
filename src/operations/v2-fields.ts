/** The fields of an APIv2 request, from what a user gave: XML, JSON or `name=value` (protocol 11). */
import { WxpayError } from '../core/errors.ts';
import { parseJson } from '../core/wire/json.ts';
import { parseV2Xml, type V2Fields } from '../core/wire/v2-xml.ts';
import { isObject } from './fields.ts';

/** Fields in the order in which they were given. */
export type V2FieldMap = Map<string, string>;

/**
 * Reads a data file: XML as it would be sent, or a JSON object. JSON values become text: whole numbers as they are, objects
 * and lists as compact JSON (`detail`, `scene_info`).
 *
 * @param flag how messages name the source
 * @throws `INPUT_INVALID`
 */
export function readV2Data(bytes: Uint8Array, flag: string): V2FieldMap {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const content = bytes.subarray(start);
  const isXml = /^\s*</.test(Buffer.from(content.subarray(0, 200)).toString('latin1'));
  try {
    return new Map(isXml ? parseV2Xml(content) : jsonFields(parseJson(content)));
  } catch (error) {
    if (!(error instanceof WxpayError) || error.code !== 'ANSWER_MALFORMED') throw error;
    throw new WxpayError('INPUT_INVALID', { params: { ...error.params, field: flag }, outcome: 'not_sent' });
  }
}

function jsonFields(value: unknown): V2Fields {
  if (!isObject(value)) throw new WxpayError('ANSWER_MALFORMED', { params: { reason: 'key:reason.not_object' } });
  return new Map(Object.entries(value).map(([name, member]) => [name, textOf(name, member)]));
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  const reason = value === null ? 'null' : typeof value === 'number' ? 'not_integer' : 'not_string';
  throw new WxpayError('INPUT_INVALID', {
    params: { field: name, reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}

/**
 * Lays `name=value` pairs over the fields.
 *
 * @throws `INPUT_INVALID` for one without `=` or given twice; `SECRET_IN_ARGV` for `key`, which is no field
 */
export function addV2Pairs(fields: V2FieldMap, pairs: readonly string[]): void {
  const seen = new Set<string>();
  for (const pair of pairs) {
    const mark = pair.indexOf('=');
    const name = pair.slice(0, mark);
    if (mark < 1) throw invalid('-f', 'v2_pair');
    if (name === 'key')
      throw new WxpayError('SECRET_IN_ARGV', {
        params: { flag: '-f key', instead: 'WXPAY_API_V2_KEY' },
        outcome: 'not_sent',
      });
    if (seen.has(name)) throw invalid(name, 'v2_twice');
    seen.add(name);
    fields.set(name, pair.slice(mark + 1));
  }
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
}
