/** Which callbacks have been there before: WeChat Pay sends again what was not acknowledged, and now and then what was. */

export interface Notice {
  readonly id: string;
  readonly event_type: string;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** What is known of a notice that has come before. */
export interface Repeat {
  /** `number`: the same order or refund in the same state; `id`: the same notification, where no number says more. */
  readonly by: 'number' | 'id';
  /** Milliseconds since the epoch. */
  readonly firstAt: number;
  /** How many times it has come, this time included: 2 or more. */
  readonly times: number;
  /** Whether the app has acknowledged it. */
  readonly acknowledged: boolean;
}

export interface Repeats {
  /** Takes note of one more coming. @returns how often it has come, and what came of it before */
  meet(notice: Notice, now: number): { readonly times: number; readonly repeat: Repeat | undefined };
  acknowledge(notice: Notice): void;
}

/** Notices that are remembered: WeChat Pay repeats for a day, and a development machine sees few. */
const remembered = 10_000;

interface Seen {
  readonly firstAt: number;
  times: number;
  acknowledged: boolean;
}

export function makeRepeats(): Repeats {
  const seen = new Map<string, Seen>();
  return {
    meet(notice, now) {
      const key = keyOf(notice);
      const before = seen.get(key);
      // The one that came last is forgotten last.
      seen.delete(key);
      if (before === undefined) {
        seen.set(key, { firstAt: now, times: 1, acknowledged: false });
        const [oldest] = seen.keys();
        if (seen.size > remembered && oldest !== undefined) seen.delete(oldest);
        return { times: 1, repeat: undefined };
      }
      before.times += 1;
      seen.set(key, before);
      return { times: before.times, repeat: { by: key.startsWith('id ') ? 'id' : 'number', ...before } };
    },
    acknowledge(notice) {
      const entry = seen.get(keyOf(notice));
      if (entry !== undefined) entry.acknowledged = true;
    },
  };
}

/** Which number a family of events is about, and where its state stands. */
const families: readonly { readonly event: RegExp; readonly numbers: readonly string[]; readonly state: string }[] = [
  { event: /^REFUND\./, numbers: ['out_refund_no'], state: 'refund_status' },
  { event: /^TRANSACTION\./, numbers: ['combine_out_trade_no', 'out_trade_no'], state: 'trade_state' },
  { event: /^V2\.PAYMENT$/, numbers: ['out_trade_no'], state: 'result_code' },
  { event: /^V2\.REFUND$/, numbers: ['out_refund_no'], state: 'refund_status' },
  { event: /^MCHTRANSFER\.BILL\./, numbers: ['out_bill_no'], state: 'state' },
];

/**
 * The business number with its state, since the id of a repetition need not be the same (protocol 6.1); for events whose number
 * is not known, the id.
 */
function keyOf({ id, event_type: event, resource }: Notice): string {
  const family = families.find((candidate) => candidate.event.test(event));
  const name = family?.numbers.find((candidate) => typeof resource[candidate] === 'string');
  if (family === undefined || name === undefined) return `id ${id}`;
  const owner = ['sub_mchid', 'mchid', 'sub_mch_id', 'mch_id'].map((part) => resource[part]).find(Boolean) ?? '';
  return `no ${JSON.stringify([event, owner, name, resource[name], resource[family.state] ?? null])}`;
}
