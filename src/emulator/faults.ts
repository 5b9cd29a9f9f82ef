/**
 * Trouble on demand (THREATS 5.1). A rule fires after authentication, so that what it spoils is an otherwise perfect
 * answer, and counts down with every use.
 */
import { WxpayError } from '../core/errors.ts';
import { forEachEntry, listEntries } from './entries.ts';
import type { Entries } from './entries.ts';

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
  | {
      readonly kind: 'status';
      readonly status: number;
      /** The error code, where the usual one of the status will not do. */
      readonly code?: string;
      readonly retry_after?: number;
      readonly when: When;
    }
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
  /**
   * Acts `ms` milliseconds after the caller has gone away; until then nothing happens and nothing is answered. With
   * `hang_up` the emulator breaks the connection itself, at once.
   */
  | { readonly kind: 'late-commit'; readonly ms: number; readonly hang_up?: true };

export interface FaultRule {
  readonly id: string;
  /** Upper case; absent: any. */
  readonly method?: string;
  /** The path without query; `*` stands for anything. Absent: any. */
  readonly path?: string;
  /** How often it still fires; -1 for ever. */
  readonly count: number;
  /**
   * Which share of the requests that it names it fires for, above 0 and at most 1; absent: all of them. Drawn from `seed`,
   * request by request: the same seed and the same sequence of requests give the same faults.
   */
  readonly probability?: number;
  readonly seed?: number;
  readonly fault: FaultKind;
}

export type FaultInput = {
  readonly method?: string;
  readonly path?: string;
  /** Default 1; with a probability -1. */
  readonly count?: number;
  readonly probability?: number;
  /** A whole number from 0; default 1, or in a deterministic emulator one that follows from its seed. */
  readonly seed?: number;
} & FaultRequest;

/** A fault as it is asked for: `when` and `status` have defaults. */
type FaultRequest =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code?: string;
      readonly retry_after?: number;
      readonly when?: When;
    }
  | { readonly kind: 'latency'; readonly ms: number; readonly when?: When }
  | { readonly kind: 'stall'; readonly when?: When }
  | { readonly kind: 'cut'; readonly when?: When; readonly bytes?: number }
  | { readonly kind: 'truncate'; readonly bytes?: number }
  | { readonly kind: 'signature'; readonly variant: SignatureFault; readonly header?: string }
  | { readonly kind: 'replay-other' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  | { readonly kind: 'late-commit'; readonly ms?: number; readonly hang_up?: boolean };

export interface Faults {
  /** @throws WxpayError `INPUT_INVALID` */
  add(input: FaultInput): FaultRule;
  /** All of them or, when one is no rule, none. @throws WxpayError `INPUT_INVALID` naming the one and its field */
  addAll(inputs: readonly FaultInput[] | Entries): readonly FaultRule[];
  list(): readonly FaultRule[];
  /** Removes one rule, or all of them. @returns how many are gone */
  clear(id?: string): number;
  /** The first rule for this request, counted down. */
  take(method: string, path: string): FaultKind | undefined;
  /** Everything, to be written out. */
  dump(): FaultDump;
  /** Takes up what was written out, in the place of everything else: the same faults follow as would have. */
  restore(dumped: FaultDump): void;
}

export interface FaultDump {
  readonly made: number;
  readonly rules: readonly (FaultRule & { readonly drawn: number })[];
}

/** A rule at work. */
interface Armed {
  rule: FaultRule;
  readonly path: RegExp | undefined;
  /** The next number from 0 up to 1; absent where the rule always fires. */
  readonly draw: (() => number) | undefined;
  /** How many numbers were drawn. */
  drawn: number;
}

/** @param seedOf the seed of a rule with a probability that names none, by its ordinal */
export function openFaults(seedOf: (ordinal: number) => number = () => 1): Faults {
  let armed: Armed[] = [];
  let made = 0;
  function put(fault: Omit<FaultRule, 'id'>): FaultRule {
    made += 1;
    const seed = fault.probability === undefined || fault.seed !== undefined ? {} : { seed: seedOf(made) };
    const rule = { id: `F${made}`, ...fault, ...seed };
    armed.push(arm(rule, 0));
    return rule;
  }

  return {
    add: (input) => put(readFault(input)),
    addAll(inputs) {
      const faults: Omit<FaultRule, 'id'>[] = [];
      forEachEntry(listEntries('faults', inputs), (input) => faults.push(readFault(input)));
      return faults.map(put);
    },
    dump: () => ({ made, rules: armed.map(({ rule, drawn }) => ({ ...rule, drawn })) }),
    restore(dumped) {
      made = dumped.made;
      armed = dumped.rules.map(({ drawn, ...rule }) => arm(rule, drawn));
    },
    list: () => armed.map(({ rule }) => rule),
    clear(id) {
      const before = armed.length;
      armed = id === undefined ? [] : armed.filter(({ rule }) => rule.id !== id);
      return before - armed.length;
    },
    take(method, path) {
      const fires = armed.find((candidate) => isFor(candidate, method, path) && isDrawn(candidate));
      if (fires === undefined) return undefined;
      const { rule } = fires;
      if (rule.count > 0) fires.rule = { ...rule, count: rule.count - 1 };
      if (fires.rule.count === 0) armed = armed.filter((other) => other !== fires);
      return rule.fault;
    },
  };
}

function arm(rule: FaultRule, drawn: number): Armed {
  const draw = rule.probability === undefined ? undefined : makeDraw(rule.seed ?? 1);
  for (let count = 0; count < drawn; count += 1) draw?.();
  return { rule, path: rule.path === undefined ? undefined : pathPattern(rule.path), draw, drawn };
}

function isFor({ rule, path: pattern }: Armed, method: string, path: string): boolean {
  return (rule.method === undefined || rule.method === method) && (pattern === undefined || pattern.test(path));
}

/** Rules are asked in order: one that does not fire leaves the request to the next one. */
function isDrawn(armed: Armed): boolean {
  if (armed.draw === undefined) return true;
  armed.drawn += 1;
  return armed.draw() < (armed.rule.probability ?? 1);
}

function pathPattern(path: string): RegExp {
  const parts = path.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/** The generator "mulberry32": not for secrets, but the same everywhere for the same seed. */
function makeDraw(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Reads a rule that came from outside. @throws WxpayError `INPUT_INVALID` */
function readFault(input: unknown): Omit<FaultRule, 'id'> {
  if (typeof input !== 'object' || input === null) throw invalid('fault', 'not an object');
  const given = input as Readonly<Record<string, unknown>>;
  const fault = readKind(given);
  // A field that nobody looks at would promise what it does not do.
  const stray = Object.keys(given).find((name) => !everyKind.includes(name) && !members[fault.kind].includes(name));
  if (stray !== undefined) throw invalid(stray, 'key:emulator.reason.fault_field', { kind: fault.kind });
  const chance = readChance(given);
  const count = given['count'] === undefined ? ('probability' in chance ? -1 : 1) : whole(given, 'count', -1);
  if (count === 0) throw invalid('count', '0');
  return {
    ...(given['method'] === undefined ? {} : { method: text(given, 'method').toUpperCase() }),
    ...(given['path'] === undefined ? {} : { path: text(given, 'path') }),
    count,
    ...chance,
    fault,
  };
}

const everyKind: readonly string[] = ['kind', 'method', 'path', 'count', 'probability', 'seed'];
/** What each kind takes besides. */
const members: Readonly<Record<FaultKind['kind'], readonly string[]>> = {
  status: ['status', 'code', 'retry_after', 'when'],
  latency: ['ms', 'when'],
  stall: ['when'],
  cut: ['when', 'bytes'],
  truncate: ['bytes'],
  signature: ['variant', 'header'],
  'replay-other': [],
  redirect: ['location', 'status'],
  'late-commit': ['ms', 'hang_up'],
};

function readChance(given: Readonly<Record<string, unknown>>): Pick<FaultRule, 'probability' | 'seed'> {
  const { probability } = given;
  if (probability === undefined) {
    // A seed alone would promise what it does not do.
    if (given['seed'] !== undefined) throw invalid('seed', 'key:emulator.reason.seed');
    return {};
  }
  if (typeof probability !== 'number' || !(probability > 0 && probability <= 1)) {
    throw invalid('probability', 'key:emulator.reason.probability');
  }
  return { probability, ...(given['seed'] === undefined ? {} : { seed: whole(given, 'seed', 0) }) };
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
      const code = given['code'] === undefined ? {} : { code: text(given, 'code') };
      if (code.code !== undefined && !/^[A-Z][A-Z0-9_]{0,63}$/.test(code.code)) throw invalid('code', code.code);
      return { kind, status, when, ...code, ...retry };
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
      return {
        kind,
        ms: given['ms'] === undefined ? 0 : whole(given, 'ms', 0),
        ...(given['hang_up'] === true ? { hang_up: true } : {}),
      };
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

function invalid(field: string, reason: string, more: Readonly<Record<string, string>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason, ...more } });
}
