/** From an event type to the resource that a callback carries, with the fields that the user wants otherwise. */
import { WxpayError } from '../../core/errors.ts';
import { eventTemplates, type EventTemplate, type Json, type JsonObject } from './event-templates.ts';

/** Every event type that is known by name. */
export const eventTypes = Object.keys(eventTemplates) as readonly string[];

export interface Story {
  readonly mchid: string;
  readonly appid: string;
  readonly subMchid: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

export interface EventContent {
  readonly event_type: string;
  readonly original_type: string;
  readonly associated_data: string;
  readonly summary: string;
  readonly resource: JsonObject;
}

/**
 * The content of an event: the template's, its placeholders filled. Numbers of the merchant and of WeChat Pay are fresh.
 *
 * @param type as the API writes it; upper and lower case are the same
 * @throws WxpayError `INPUT_INVALID` for a type or variant that nobody knows
 */
export function makeEvent(type: string, variant: string | undefined, story: Story): EventContent {
  const name = type.toUpperCase();
  const template = Object.hasOwn(eventTemplates, name) ? eventTemplates[name] : undefined;
  if (template === undefined) throw invalid('event', 'event_unknown', { value: type, nearest: nearest(name) });
  const fill = makeFiller(story);
  const resource = fill(withVariant(template, variant)) as JsonObject;
  return {
    event_type: name,
    original_type: template.original_type,
    associated_data: template.associated_data ?? template.original_type,
    summary: template.summary,
    resource,
  };
}

function withVariant({ resource, variants = {} }: EventTemplate, variant: string | undefined): JsonObject {
  if (variant === undefined) return { ...resource };
  const changes = Object.hasOwn(variants, variant) ? variants[variant] : undefined;
  if (changes === undefined) {
    const known = Object.keys(variants);
    throw invalid('--variant', 'event_variant', { value: variant, known: known.length === 0 ? '-' : known.join(', ') });
  }
  const kept = Object.entries(resource).filter(([name]) => !Object.hasOwn(changes, name));
  const added = Object.entries(changes).filter((entry): entry is [string, Json] => entry[1] !== null);
  return Object.fromEntries([...kept, ...added]);
}

const beijing = 8 * 3_600_000;
const hour = 3_600_000;
const day = 24 * hour;

/** Fills placeholders; the same one has the same value throughout one event, `{digits}` and `{number}` apart. */
function makeFiller({ mchid, appid, subMchid, now, randomBytes }: Story): (value: Json) => Json {
  const iso = (at: number): string => `${new Date(at + beijing).toISOString().slice(0, 19)}+08:00`;
  const compact = (at: number): string => iso(at).slice(0, 19).replaceAll(/\D/g, '');
  const digits = (count: number): string => [...randomBytes(count)].map((byte) => byte % 10).join('');
  const stamp = compact(now);
  const fixed: Readonly<Record<string, string>> = {
    mchid,
    appid,
    sub_mchid: subMchid,
    openid: `o${randomBytes(20).toString('hex').slice(0, 27)}`,
    now: iso(now),
    before: iso(now - hour),
    later: iso(now + 30 * day),
    compact: stamp,
    compact_before: compact(now - hour),
    out_trade_no: `T${stamp}${digits(6)}`,
    out_refund_no: `R${stamp}${digits(6)}`,
    transaction_id: `42000${digits(5)}${stamp.slice(0, 8)}${digits(10)}`,
    refund_id: `50300${digits(5)}${stamp.slice(0, 8)}${digits(10)}`,
    service_id: `5000${digits(28)}`,
  };
  const fresh: Readonly<Record<string, () => string>> = {
    digits: () => `${stamp}${digits(14)}`,
    number: () => `N${stamp}${digits(6)}`,
    another_number: () => `N${stamp}${digits(6)}`,
    alphanumeric: () => `B${stamp}${digits(6)}`,
  };
  const fill = (value: Json): Json => {
    if (typeof value === 'string')
      return value.replaceAll(/\{([a-z_]+)\}/g, (_match, name: string) => fixed[name] ?? fresh[name]?.() ?? '');
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fill(inner)]));
    return value;
  };
  return fill;
}

/**
 * The content of an event that need not be known, from a resource of the user's own.
 *
 * @throws WxpayError `INPUT_INVALID` when the type cannot be one
 */
export function ownEvent(type: string, resource: JsonObject, originalType: string | undefined): EventContent {
  const known = Object.hasOwn(eventTemplates, type.toUpperCase()) ? eventTemplates[type.toUpperCase()] : undefined;
  // Documented are 32 characters (protocol 6.1), but there are longer ones.
  if (known === undefined && !/^[A-Za-z][A-Za-z0-9_.]{1,63}$/.test(type)) throw invalid('event', 'event_form');
  const original = originalType ?? known?.original_type ?? (type.split('.')[0] ?? type).toLowerCase();
  return {
    event_type: known === undefined ? type : type.toUpperCase(),
    original_type: original,
    associated_data: known?.associated_data ?? original,
    summary: known?.summary ?? type,
    resource,
  };
}

/** How a field is laid over an event's resource. */
export type Change =
  /** The text becomes what the field is: a whole number, a truth value, a text. The field must be there. */
  | { readonly kind: 'typed'; readonly path: string; readonly text: string }
  /** A text, whatever was there. */
  | { readonly kind: 'text'; readonly path: string; readonly text: string }
  /** JSON, whatever was there. */
  | { readonly kind: 'json'; readonly path: string; readonly value: Json };

/**
 * The resource with fields changed, in the order given. Paths are as the API has them: `amount.total`,
 * `sub_orders.0.amount.total_amount`.
 *
 * @throws WxpayError `INPUT_INVALID` for a path that leads nowhere, and for a text that is not of the field's type
 */
export function changeFields(resource: JsonObject, changes: readonly Change[]): JsonObject {
  const changed = structuredClone(resource);
  for (const change of changes) applyChange(changed, change);
  return changed;
}

function applyChange(resource: JsonObject, change: Change): void {
  const steps = change.path.split('.');
  if (steps.some((step) => step === '' || ['__proto__', 'constructor', 'prototype'].includes(step)))
    throw invalid(change.path, 'path_unknown');
  const last = steps.pop() ?? '';
  let at: Json = resource;
  for (const step of steps) {
    const next: Json | undefined = member(at, step);
    // Typed changes never add anything: a misspelt path must not pass for a test.
    if (next === undefined && change.kind !== 'typed' && isPlain(at)) at[step] = {};
    const inner = member(at, step);
    if (inner === undefined || typeof inner !== 'object') throw invalid(change.path, 'path_unknown');
    at = inner;
  }
  const old = member(at, last);
  if (change.kind === 'typed') {
    if (old === undefined) throw invalid(change.path, 'path_unknown');
    setMember(at, last, typed(change, old), change.path);
  } else setMember(at, last, change.kind === 'text' ? change.text : change.value, change.path);
}

function typed({ path, text }: { readonly path: string; readonly text: string }, old: Json): Json {
  if (typeof old === 'string') return text;
  if (typeof old === 'number') {
    if (/^-?(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
    throw invalid(path, 'not_integer');
  }
  if (typeof old === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true';
    throw invalid(path, 'not_boolean');
  }
  throw invalid(path, 'path_not_value');
}

function member(at: Json, step: string): Json | undefined {
  if (Array.isArray(at)) return /^\d{1,4}$/.test(step) ? at[Number(step)] : undefined;
  return isPlain(at) && Object.hasOwn(at, step) ? at[step] : undefined;
}

function setMember(at: Json, step: string, value: Json, path: string): void {
  if (Array.isArray(at)) {
    if (!/^\d{1,4}$/.test(step) || Number(step) > at.length) throw invalid(path, 'path_unknown');
    at[Number(step)] = value;
  } else if (isPlain(at)) at[step] = value;
  else throw invalid(path, 'path_unknown');
}

function isPlain(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && !Array.isArray(value);
}

/** The known types of the same family, or those that people mean most often. */
function nearest(name: string): string {
  const family = eventTypes.filter((type) => type.split('.')[0] === name.split('.')[0]);
  return (family.length > 0 ? family : ['TRANSACTION.SUCCESS', 'REFUND.SUCCESS', 'MCHTRANSFER.BILL.FINISHED']).join(
    ', ',
  );
}

function invalid(field: string, reason: string, params: Readonly<Record<string, string>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field, reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}
