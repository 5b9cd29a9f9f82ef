/** A JSON body from `name=value` pairs, one field after the other: nothing becomes a number that was not asked to be one. */
import { WxpayError } from '../core/errors.ts';

/** One step of a field's path: a member, an item by its number, the next item (or, where values are looked for, every item). */
export type Step = { readonly name: string } | { readonly index: number } | 'each';

/** A pair as it was given. */
export interface Pair {
  readonly path: string;
  /** `undefined` where there was no `=`. */
  readonly text: string | undefined;
}

const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const stepPattern = /(?:^|\.)([A-Za-z_][\w-]*)|\[([A-Za-z_][\w-]*)\]|\[(\d{1,4})\]|\[\]/y;

/** Parts `name=value` at the first `=`. */
export function parsePair(text: string): Pair {
  const at = text.indexOf('=');
  return at === -1 ? { path: text, text: undefined } : { path: text.slice(0, at), text: text.slice(at + 1) };
}

/**
 * Reads `amount.total`, `amount[total]`, `receivers[]`, `receivers[0].account`: at most 16 steps.
 *
 * @throws `INPUT_INVALID`
 */
export function parsePath(path: string): readonly Step[] {
  const steps: Step[] = [];
  stepPattern.lastIndex = 0;
  while (stepPattern.lastIndex < path.length) {
    const match = stepPattern.exec(path);
    if (match === null || steps.length === 16) throw invalid(path === '' ? '""' : path, 'api_path');
    const [, dotted, bracketed, index] = match;
    const name = dotted ?? bracketed;
    if (name !== undefined && forbidden.has(name)) throw invalid(path, 'json_name', { name });
    steps.push(name !== undefined ? { name } : index !== undefined ? { index: Number(index) } : 'each');
  }
  if (!/^[A-Za-z_]/.test(path)) throw invalid(path === '' ? '""' : path, 'api_path');
  return steps;
}

/**
 * What `-F` makes of a text: `true`, `false`, `null`, an integer that JSON readers keep exactly, else the text itself.
 *
 * @throws `INPUT_INVALID` for a number that would be changed on the way, or that is no integer: amounts are whole fen
 */
export function typedValue(path: string, text: string): string | number | boolean | null {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  if (/^-?(?:0|[1-9]\d*)$/.test(text)) {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw invalid(path, 'api_number', { number: text });
    return value;
  }
  if (/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) throw invalid(path, 'api_integer', { number: text });
  return text;
}

export interface FieldValue {
  readonly path: string;
  readonly value: unknown;
}

/**
 * Builds the object. `a[]` is the next item of a list; with a member behind it (`a[].b`), the last item as long as it does not
 * have that member yet, then a new one. `a[0]`, `a[1]` name items, without gaps.
 *
 * @throws `INPUT_INVALID` for a field that is given twice, or as two different things
 */
export function buildBody(fields: readonly FieldValue[]): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const { path, value } of fields) put(body, parsePath(path), value, path);
  return body;
}

function put(at: unknown, steps: readonly Step[], value: unknown, path: string): void {
  const [step, ...rest] = steps;
  if (step === undefined) return;
  const next = rest[0];
  if (step === 'each') {
    if (!Array.isArray(at)) throw invalid(path, 'api_shape');
    const last: unknown = at.at(-1);
    if (next === undefined) at.push(value);
    else if (isContainer(last) && !holds(last, rest)) put(last, rest, value, path);
    else {
      at.push(emptyFor(next));
      put(at.at(-1), rest, value, path);
    }
    return;
  }
  const held = Array.isArray(at) ? 'index' in step : isContainer(at) && 'name' in step;
  if (!held) throw invalid(path, 'api_shape');
  const container = at as Record<string | number, unknown>;
  const key = 'name' in step ? step.name : step.index;
  if (Array.isArray(at) && typeof key === 'number' && key > at.length) throw invalid(path, 'api_gap');
  const present = Object.hasOwn(container, key);
  if (next === undefined) {
    if (present) throw invalid(path, 'v2_twice');
    container[key] = value;
    return;
  }
  if (!present) container[key] = emptyFor(next);
  if (!isContainer(container[key])) throw invalid(path, 'api_shape');
  put(container[key], rest, value, path);
}

/** Whether what the steps lead to is there already, so that the field belongs to a new item. */
function holds(at: unknown, [step, ...rest]: readonly Step[]): boolean {
  if (step === undefined) return true;
  if (step === 'each' || !isContainer(at)) return false;
  const key = 'name' in step ? step.name : step.index;
  return Object.hasOwn(at, key) && holds((at as Record<string | number, unknown>)[key], rest);
}

function emptyFor(step: Step): unknown {
  return step !== 'each' && 'name' in step ? {} : [];
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/**
 * The same document with every value that the path leads to replaced; `[]` means every item.
 *
 * @param change gets the value and its own path; may be asynchronous
 * @returns how many values there were
 */
export async function changeValues(
  document: unknown,
  path: string,
  change: (value: unknown, at: string) => unknown,
): Promise<number> {
  return walk(document, parsePath(path), '', change);
}

async function walk(
  at: unknown,
  [step, ...rest]: readonly Step[],
  where: string,
  change: (value: unknown, at: string) => unknown,
): Promise<number> {
  if (step === undefined || !isContainer(at)) return 0;
  const container = at as Record<string | number, unknown>;
  const keys: readonly (string | number)[] =
    step === 'each' ? (Array.isArray(at) ? [...at.keys()] : []) : ['name' in step ? step.name : step.index];
  let count = 0;
  for (const key of keys) {
    if (!Object.hasOwn(container, key) || Array.isArray(at) !== (typeof key === 'number')) continue;
    const inner = typeof key === 'number' ? `${where}[${key}]` : where === '' ? key : `${where}.${key}`;
    if (rest.length > 0) count += await walk(container[key], rest, inner, change);
    else {
      container[key] = await change(container[key], inner);
      count += 1;
    }
  }
  return count;
}

function invalid(field: string, reason: string, params: Readonly<Record<string, string>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field: field.slice(0, 200), reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}
