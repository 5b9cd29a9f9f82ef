/**
 * Trouble on demand (THREATS 5.1). A rule fires after authentication, so that what it spoils is an otherwise perfect
 * answer, and counts down with every use.
 */
import { WxpayError } from '../core/errors.ts';

/** Whether the trouble comes before the endpoint has acted, or after. */
export type When = 'before' | 'after';

export type SignatureFault =
  | 'missing'
  | 'wrong'
  | 'stale'
  | 'foreign'
  | 'unknown-serial'
  | 'probe'
  | 'duplicate-header'
  | 'type';

export const signatureFaults: readonly SignatureFault[] = [
  'missing',
  'wrong',
  'stale',
  'foreign',
  'unknown-serial',
  'probe',
  'duplicate-header',
  'type',
];

export type FaultKind =
  /** Another status with WeChat Pay's error body, signed; `after` has acted all the same. */
  | { readonly kind: 'status'; readonly status: number; readonly retry_after?: number; readonly when: When }
  /** A delay of `ms` before acting or before answering. */
  | { readonly kind: 'latency'; readonly ms: number; readonly when: When }
  /** Never answers. */
  | { readonly kind: 'stall'; readonly when: When }
  /** Breaks the connection: at once, or after the first `bytes` of the raw answer. */
  | { readonly kind: 'cut'; readonly when: When; readonly bytes?: number }
  /** Declares the whole length, sends only the first `bytes` of the body (default: half of it), and closes. */
  | { readonly kind: 'truncate'; readonly bytes?: number }
  /** `header` narrows `missing` to one header. */
  | { readonly kind: 'signature'; readonly variant: SignatureFault; readonly header?: string }
  /** A validly signed answer about another order. */
  | { readonly kind: 'replay-other' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status: number }
  /** Acts `ms` milliseconds after the caller has gone away; until then nothing happens and nothing is answered. */
  | { readonly kind: 'late-commit'; readonly ms: number };

export interface FaultRule {
  readonly id: string;
  /** Upper case; absent: any. */
  readonly method?: string;
  /** The path without query; `*` stands for anything. Absent: any. */
  readonly path?: string;
  /** How often it still fires; -1 for ever. */
  readonly count: number;
  readonly fault: FaultKind;
}

export type FaultInput = {
  readonly method?: string;
  readonly path?: string;
  readonly count?: number;
} & FaultRequest;

/** A fault as it is asked for: `when` and `status` have defaults. */
type FaultRequest =
  | { readonly kind: 'status'; readonly status: number; readonly retry_after?: number; readonly when?: When }
  | { readonly kind: 'latency'; readonly ms: number; readonly when?: When }
  | { readonly kind: 'stall'; readonly when?: When }
  | { readonly kind: 'cut'; readonly when?: When; readonly bytes?: number }
  | { readonly kind: 'truncate'; readonly bytes?: number }
  | { readonly kind: 'signature'; readonly variant: SignatureFault; readonly header?: string }
  | { readonly kind: 'replay-other' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  | { readonly kind: 'late-commit'; readonly ms?: number };

export interface Faults {
  /** @throws WxpayError `INPUT_INVALID` */
  add(input: FaultInput): FaultRule;
  list(): readonly FaultRule[];
  /** Removes one rule, or all of them. @returns how many are gone */
  clear(id?: string): number;
  /** The first rule for this request, counted down. */
  take(method: string, path: string): FaultKind | undefined;
}

export function openFaults(): Faults {
  let rules: FaultRule[] = [];
  let made = 0;
  return {
    add(input) {
      made += 1;
      const rule = { id: `F${made}`, ...readFault(input) };
      rules.push(rule);
      return rule;
    },
    list: () => rules,
    clear(id) {
      const before = rules.length;
      rules = id === undefined ? [] : rules.filter((rule) => rule.id !== id);
      return before - rules.length;
    },
    take(method, path) {
      const rule = rules.find((candidate) => matches(candidate, method, path));
      if (rule === undefined) return undefined;
      const left = rule.count < 0 ? rule.count : rule.count - 1;
      rules = rules.flatMap((other) => (other !== rule ? other : left === 0 ? [] : [{ ...rule, count: left }]));
      return rule.fault;
    },
  };
}

function matches(rule: FaultRule, method: string, path: string): boolean {
  if (rule.method !== undefined && rule.method !== method) return false;
  if (rule.path === undefined) return true;
  const pattern = rule.path.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join('.*')}$`, 's').test(path);
}

/** Reads a rule that came from outside. @throws WxpayError `INPUT_INVALID` */
function readFault(input: unknown): Omit<FaultRule, 'id'> {
  if (typeof input !== 'object' || input === null) throw invalid('fault', 'not an object');
  const given = input as Readonly<Record<string, unknown>>;
  const count = given['count'] === undefined ? 1 : whole(given, 'count', -1);
  if (count === 0) throw invalid('count', '0');
  return {
    ...(given['method'] === undefined ? {} : { method: text(given, 'method').toUpperCase() }),
    ...(given['path'] === undefined ? {} : { path: text(given, 'path') }),
    count,
    fault: readKind(given),
  };
}

function readKind(given: Readonly<Record<string, unknown>>): FaultKind {
  const kind = given['kind'];
  const when = readWhen(given['when'], kind === 'status' ? 'before' : 'after');
  const bytes = given['bytes'] === undefined ? {} : { bytes: whole(given, 'bytes', 0) };
  switch (kind) {
    case 'status': {
      const status = whole(given, 'status', 400);
      if (status > 599) throw invalid('status', String(status));
      const retry = given['retry_after'] === undefined ? {} : { retry_after: whole(given, 'retry_after', 0) };
      return { kind, status, when, ...retry };
    }
    case 'latency':
      return { kind, ms: whole(given, 'ms', 0), when };
    case 'stall':
      return { kind, when };
    case 'cut':
      return { kind, when, ...bytes };
    case 'truncate':
      return { kind, ...bytes };
    case 'signature': {
      const variant = signatureFaults.find((known) => known === given['variant']);
      if (variant === undefined)
        throw invalid('variant', typeof given['variant'] === 'string' ? given['variant'] : 'none');
      return { kind, variant, ...(given['header'] === undefined ? {} : { header: text(given, 'header') }) };
    }
    case 'replay-other':
      return { kind };
    case 'redirect':
      return {
        kind,
        location: text(given, 'location'),
        status: given['status'] === undefined ? 302 : whole(given, 'status', 300),
      };
    case 'late-commit':
      return { kind, ms: given['ms'] === undefined ? 0 : whole(given, 'ms', 0) };
    default:
      throw invalid('kind', typeof kind === 'string' ? kind : 'none');
  }
}

function readWhen(value: unknown, fallback: When): When {
  if (value === undefined) return fallback;
  if (value === 'before' || value === 'after') return value;
  throw invalid('when', typeof value === 'string' ? value : typeof value);
}

function whole(given: Readonly<Record<string, unknown>>, name: string, min: number): number {
  const value = given[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
  throw invalid(name, 'key:emulator.reason.number');
}

function text(given: Readonly<Record<string, unknown>>, name: string): string {
  const value = given[name];
  // What ends up in a header must not be able to end it.
  if (typeof value !== 'string' || value === '' || /[\r\n\0]/.test(value)) throw invalid(name, typeof value);
  return value;
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason } });
}
