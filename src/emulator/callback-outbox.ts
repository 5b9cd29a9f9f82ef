/**
 * The one way out for every callback: sends it, again by the documented schedule until it is acknowledged, and keeps what went
 * over the wire both ways. Time passes on the emulator's clock only, so that a test can move it.
 */
import type { Clock } from '../core/ports.ts';
import type { Seal } from './answer.ts';
import { changeCallbackSettings } from './callback-settings.ts';
import type { CallbackSettings, CallbackSettingsChange } from './callback-settings.ts';
import { makeDueLoop } from './due-loop.ts';
import type { Merchant } from './merchants.ts';
import { callbackSchedule, makeCallback, sendCallback } from './notify.ts';
import type { Attempt, Delivery, Exchange } from './notify.ts';
import type { Randomness } from './randomness.ts';

/** Something happened that a merchant is to be told. */
export interface CallbackEvent {
  /** Whom it concerns: a service provider, for its sub-merchants' orders. */
  readonly merchant: Pick<Merchant, 'mchid' | 'apiV3Key'>;
  readonly url: string;
  /** E.g. `TRANSACTION.SUCCESS` */
  readonly event_type: string;
  /** Of the resource, e.g. `transaction`. */
  readonly original_type: string;
  /** Default: the original_type. */
  readonly associated_data?: string;
  readonly summary: string;
  /** The resource before it is encrypted. */
  readonly content: Readonly<Record<string, unknown>>;
  /** The numbers that people look for it by, e.g. `{ out_trade_no }`. */
  readonly subject: Readonly<Record<string, string>>;
  /** The callback in APIv2's form, sent instead of an envelope; its nonce_str is given. */
  readonly xml?: (nonce: string) => string;
  /** Seconds between sends; default: the documented schedule. */
  readonly schedule?: readonly number[];
}

export type HeaderPairs = readonly (readonly [string, string])[];

/** One send. Plain data. */
export interface AttemptRecord extends Attempt {
  /** Milliseconds since the epoch: when it was sent, and when its outcome was known. */
  readonly at: number;
  readonly ended_at: number;
  /** Why it was sent: the first time, by schedule, once more though acknowledged, by command; or as a probe. */
  readonly why: 'first' | 'retry' | 'duplicate' | 'redelivery' | 'probe';
  /** The request's headers; its body is the callback's. Dropped with `answer` when the callback is an old one. */
  readonly headers?: HeaderPairs;
  /** The beginning of the answer: at most 4 KiB of its body. */
  readonly answer?: {
    readonly headers: HeaderPairs;
    /** base64 */
    readonly body: string;
    /** Whether that is all of it. */
    readonly whole: boolean;
  };
}

/** One callback and all its sends. Plain data. */
export interface CallbackRecord {
  readonly id: string;
  readonly mchid: string;
  readonly url: string;
  readonly event_type: string;
  readonly subject: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch: when it was made. */
  readonly at: number;
  /** The envelope, or APIv2's XML, as it is sent every time. */
  readonly body: string;
  readonly form?: 'v2';
  readonly schedule: readonly number[];
  /** `waiting`: for its first send or the next one. `given_up`: the schedule has ended. */
  state: 'waiting' | 'delivered' | 'given_up';
  /** When it is sent next; `null` when not by itself, or while it is held to be reordered. */
  next_at: number | null;
  /** How many sends of the schedule have been used. */
  tries: number;
  attempts: AttemptRecord[];
}

/** What became of a callback so far, without its bytes. */
export interface CallbackSummary extends Delivery {
  /** Milliseconds since the epoch: when the last attempt ended, or when it was made. */
  readonly at: number;
  readonly event_type: string;
  readonly mchid: string;
  readonly state: CallbackRecord['state'];
  readonly next_at: number | null;
  readonly out_trade_no?: string;
  readonly out_refund_no?: string;
  readonly [subject: string]: unknown;
}

/** A callback on its way. */
export interface Posted {
  readonly record: CallbackRecord;
  /** The outcome of the first send; of one that is delayed or held, at once and with the failure `later`. */
  readonly first: Promise<Delivery>;
}

export interface Outbox {
  /** Sends it now and, until it is acknowledged, by its schedule. Never throws. */
  post(event: CallbackEvent): Posted;
  /** Sends it once more, now. @returns `undefined` when there is no such callback */
  redeliver(id: string): Promise<CallbackRecord | undefined>;
  settings(): CallbackSettings;
  /** @throws WxpayError `INPUT_INVALID` */
  configure(change: CallbackSettingsChange): CallbackSettings;
  /** The last 10,000, oldest first. */
  readonly records: readonly CallbackRecord[];
  find(id: string): CallbackRecord | undefined;
  /** Takes up records of an earlier run: what waited, waits on. */
  restore(records: readonly CallbackRecord[]): void;
  /** Forgets every callback; what is being sent is not sent again. */
  clear(): void;
}

interface Tools {
  /** Says when something is sent. */
  readonly clock: Clock;
  /** The real time, which limits how long a send may take. */
  readonly wire: Clock;
  readonly randomness: Pick<Randomness, 'of' | 'nonceFor'>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly settings: CallbackSettings;
  /** Called whenever a record has changed. */
  readonly onChange?: () => void;
  /** What a send is signed with; asked for every send. */
  readonly seal: () => Seal & { readonly key: NonNullable<Seal['key']> };
}

type Due = { readonly record: CallbackRecord } | { readonly flush: readonly CallbackRecord[] };

const maxSending = 64;
const maxRecords = 10_000;
/** So many callbacks keep their bytes. */
const maxWithBytes = 1000;
const holdMs = 5000;

export function openOutbox(tools: Tools): Outbox {
  const { clock, randomness, signal } = tools;
  let settings = tools.settings;
  const records: CallbackRecord[] = [];
  const waiting = makeDueLoop<Due>({ clock, signal, meet });
  const takeSlot = makeSlots(maxSending);
  let held: CallbackRecord[] = [];
  const dropped = new WeakSet<CallbackRecord>();

  function keep(record: CallbackRecord): void {
    records.push(record);
    if (records.length > maxRecords) records.shift();
    const old = records[records.length - 1 - maxWithBytes];
    if (old !== undefined) old.attempts = old.attempts.map(withoutBytes);
  }

  async function attempt(record: CallbackRecord, why: AttemptRecord['why']): Promise<AttemptRecord> {
    const release = await takeSlot();
    try {
      const at = clock.now();
      const seal = tools.seal();
      const exchange = await sendCallback(
        {
          id: record.id,
          url: record.url,
          body: Buffer.from(record.body, 'utf8'),
          ...(record.form === undefined ? {} : { form: record.form }),
        },
        {
          clock: tools.wire,
          timeoutMs: tools.timeoutMs,
          seal: why === 'probe' ? { ...seal, fault: { variant: 'probe' } } : seal,
          signal,
        },
      );
      const attempted = describeAttempt(exchange, why, at, clock.now());
      record.attempts.push(attempted);
      tools.onChange?.();
      return attempted;
    } finally {
      release();
    }
  }

  /** One send by the schedule and what follows from it. */
  async function advance(record: CallbackRecord): Promise<AttemptRecord> {
    const first = record.tries === 0;
    // APIv2 knows no probes.
    const probe =
      first &&
      record.form === undefined &&
      settings.probes !== 0 &&
      !record.attempts.some(({ why }) => why === 'probe');
    if (probe && settings.probes > 0) settings = { ...settings, probes: settings.probes - 1 };
    // When it should have been sent: a clock that jumped over several sends is caught up with, one after the other.
    const late = Math.max(0, clock.now() - (record.next_at ?? clock.now()));
    record.next_at = null;
    const sent = await attempt(record, probe ? 'probe' : first ? 'first' : 'retry');
    if (signal.aborted || dropped.has(record)) return sent;
    record.tries += 1;
    // A probe proves nothing, whatever its answer: the real one follows as after a refusal.
    if (sent.delivered && !probe) {
      record.state = 'delivered';
      tools.onChange?.();
      for (let copy = 0; copy < settings.duplicates && !signal.aborted; copy += 1) await attempt(record, 'duplicate');
      return sent;
    }
    const pause = record.schedule[record.tries - 1];
    if (pause === undefined || !settings.retries) record.state = 'given_up';
    else waitFor(record, clock.now() - late + (pause * 1000) / settings.speed);
    return sent;
  }

  function waitFor(record: CallbackRecord, at: number): void {
    record.next_at = at;
    tools.onChange?.();
    waiting.add(at, { record });
  }

  function meet(due: Due): void {
    if ('record' in due) {
      // Redelivered and acknowledged meanwhile: nothing is left to do.
      if (due.record.state === 'waiting') void advance(due.record);
      return;
    }
    if (held === due.flush) void flush();
  }

  async function flush(): Promise<void> {
    const together = held;
    held = [];
    for (const record of together.toReversed()) if (!signal.aborted) await advance(record);
  }

  /** @returns whether the first send happens now */
  function begin(record: CallbackRecord): boolean {
    if (settings.delay_ms > 0) {
      waitFor(record, clock.now() + settings.delay_ms);
      return false;
    }
    if (settings.reorder <= 1) return true;
    held.push(record);
    if (held.length >= settings.reorder) void flush();
    else if (held.length === 1) waiting.add(clock.now() + holdMs / settings.speed, { flush: held });
    return false;
  }

  const find = (id: string): CallbackRecord | undefined => records.findLast((record) => record.id === id);

  return {
    post(event) {
      const { merchant, url, event_type, original_type, associated_data, summary, content, subject } = event;
      const callback = makeCallback(
        {
          url,
          key: merchant.apiV3Key,
          event: event_type,
          type: original_type,
          ...(associated_data === undefined ? {} : { associatedData: associated_data }),
          summary,
          content,
        },
        clock.now(),
        randomness,
      );
      const record: CallbackRecord = {
        id: callback.id,
        mchid: merchant.mchid,
        url,
        event_type,
        subject,
        at: clock.now(),
        ...(event.xml === undefined
          ? { body: callback.body.toString('utf8') }
          : { body: event.xml(randomness.of('callbacks')(16).toString('hex')), form: 'v2' as const }),
        schedule: event.schedule ?? callbackSchedule,
        state: 'waiting',
        next_at: null,
        tries: 0,
        attempts: [],
      };
      keep(record);
      const first = begin(record)
        ? advance(record).then((sent) => deliveryOf(record, 1, sent))
        : Promise.resolve(deliveryOf(record, 0, { delivered: false, failure: 'later' }));
      return { record, first };
    },
    async redeliver(id) {
      const record = find(id);
      if (record === undefined) return undefined;
      const sent = await attempt(record, 'redelivery');
      if (sent.delivered) {
        record.state = 'delivered';
        record.next_at = null;
      }
      return record;
    },
    settings: () => settings,
    configure(change) {
      settings = changeCallbackSettings(settings, change);
      if (settings.reorder <= 1 && held.length > 0) void flush();
      return settings;
    },
    records,
    find,
    clear() {
      for (const record of records) dropped.add(record);
      records.length = 0;
      held = [];
      waiting.clear();
    },
    restore(earlier) {
      for (const record of earlier) {
        keep(record);
        if (record.state === 'waiting') waitFor(record, record.next_at ?? clock.now());
      }
    },
  };
}

export function summarise(record: CallbackRecord): CallbackSummary {
  const last = record.attempts.findLast(({ why }) => why !== 'duplicate');
  const outcome: Attempt = last ?? { delivered: false, failure: 'later' };
  return {
    ...deliveryOf(record, record.attempts.length, outcome),
    at: last?.ended_at ?? record.at,
    event_type: record.event_type,
    mchid: record.mchid,
    state: record.state,
    next_at: record.next_at,
    ...record.subject,
  };
}

function deliveryOf({ id, url }: CallbackRecord, attempts: number, outcome: Attempt): Delivery {
  const { delivered, status, failure } = outcome;
  return {
    id,
    url,
    attempts,
    delivered,
    ...(status === undefined ? {} : { status }),
    ...(failure === undefined ? {} : { failure }),
  };
}

function describeAttempt(
  { outcome, headers, answer }: Exchange,
  why: AttemptRecord['why'],
  at: number,
  endedAt: number,
): AttemptRecord {
  return {
    ...outcome,
    at,
    ended_at: endedAt,
    why,
    headers,
    ...(answer === undefined
      ? {}
      : { answer: { headers: answer.headers, body: answer.body.toString('base64'), whole: answer.whole } }),
  };
}

function withoutBytes({ headers: _headers, answer: _answer, ...rest }: AttemptRecord): AttemptRecord {
  return rest;
}

/** At most `count` at a time; who comes later waits in line. */
function makeSlots(count: number): () => Promise<() => void> {
  let free = count;
  const line: (() => void)[] = [];
  const release = (): void => {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return async () => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => line.push(resolve));
    return release;
  };
}
