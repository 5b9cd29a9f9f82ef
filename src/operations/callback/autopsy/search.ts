/** Looks for the message that a signature was made over. */
import { hash } from 'node:crypto';
import { answerMessage } from '../../../core/wire/message.ts';
import { repairBody } from './body-repairs.ts';
import type { Budget } from './budget.ts';
import type { Rewriting } from './findings.ts';
import { headerTitles, type HeaderGuess, type LooseHeaders, type Repair } from './header-repairs.ts';
import { reorderBody, rewriteBody } from './json-repairs.ts';

/** Another callback that was captured beside this one. */
export interface Sibling {
  readonly timestamp: string;
  readonly nonce: string;
  readonly body: Buffer;
  /** How people find it: a line, a file, an id. */
  readonly name: string;
}

export interface Found {
  readonly timestamp: string;
  readonly nonce: string;
  readonly body: Buffer;
  /** What had to be undone, headers first. */
  readonly repairs: readonly Repair[];
  readonly rewritings: readonly Rewriting[];
  /** The JSON from which the body was written anew, so layout and escapes are to be compared. */
  readonly source?: Buffer;
}

export interface Subject {
  readonly headers: LooseHeaders;
  readonly body: Buffer;
  /** Lower-case hex of the digest that was signed. */
  readonly digest: string;
  readonly siblings: readonly Sibling[];
}

interface Head {
  readonly timestamp: string;
  readonly nonce: string;
  readonly repairs: readonly Repair[];
}

interface BodyGuess {
  readonly body: Buffer;
  readonly repairs: readonly Repair[];
  readonly rewritings: readonly Rewriting[];
  readonly source?: Buffer;
}

/** Every known damage, alone and in pairs where that is cheap; the likely ones first. Ends with the budget. */
export function findMessage(subject: Subject, budget: Budget): Found | undefined {
  const { headers, body, siblings } = subject;
  const fits = matcher(subject.digest, budget);
  const heads = headGuesses(headers, body);
  const asIs: BodyGuess = { body, repairs: [], rewritings: [] };
  const together = (head: Head, guess: BodyGuess): Found | undefined =>
    fits(head.timestamp, head.nonce, guess.body)
      ? {
          timestamp: head.timestamp,
          nonce: head.nonce,
          body: guess.body,
          repairs: [...head.repairs, ...guess.repairs],
          rewritings: guess.rewritings,
          ...(guess.source === undefined ? {} : { source: guess.source }),
        }
      : undefined;
  const firstOf = (some: Iterable<Head>, guess: BodyGuess): Found | undefined => {
    for (const head of some) {
      const found = together(head, guess);
      if (found !== undefined || budget.over()) return found;
    }
    return undefined;
  };
  // The same callback captured a second time says what was sent, but not what happened: that comes after the damages.
  const isSame = ({ timestamp, nonce }: Sibling): boolean =>
    heads.some((head) => head.timestamp === timestamp && head.nonce === nonce);
  const others = siblings.filter((sibling) => !isSame(sibling));
  const exchanged = firstOf(heads, asIs) ?? fromSiblings(headers, body, others, together);
  if (exchanged !== undefined) return exchanged;
  const early: BodyGuess[] = [asIs];
  for (const guess of bodyGuesses(body, budget)) {
    const found = firstOf(heads, guess);
    if (found !== undefined || budget.over()) return found;
    if (early.length < 3) early.push(guess);
  }
  const twin = fromSiblings(headers, body, siblings.filter(isSame), together);
  if (twin !== undefined) return twin;
  const nonces = headers.guesses.nonce.slice(0, 2);
  for (const guess of early) {
    const found = firstOf(nearTimes(headers, body, nonces), guess);
    if (found !== undefined) return found;
  }
  const [head] = heads;
  if (head !== undefined) {
    const found = firstOf(longerNonces(head), asIs) ?? findOneByte(head, subject, budget);
    if (found !== undefined) return found;
  }
  const late = firstOf(retryTimes(headers, body, nonces.slice(0, 1)), asIs);
  if (late !== undefined || head === undefined) return late;
  for (const reordered of reorderBody(body)) {
    if (!budget.rewrite(reordered.length)) break;
    const guess: BodyGuess = { body: reordered, repairs: [], rewritings: ['member_order'], source: body };
    const found = together(head, guess);
    if (found !== undefined) return found;
  }
  return findOneMore(head, subject, budget);
}

/** Compares one message with the digest, as long as the budget lasts. */
function matcher(digest: string, budget: Budget): (timestamp: string, nonce: string, body: Buffer) => boolean {
  let scratch = Buffer.alloc(0);
  return (timestamp, nonce, body) => {
    // The message of `answerMessage`, made without a new buffer each time.
    const head = `${timestamp}\n${nonce}\n`;
    const start = Buffer.byteLength(head);
    const length = start + body.length + 1;
    if (!budget.message(length)) return false;
    if (scratch.length < length) scratch = Buffer.alloc(length * 2);
    scratch.write(head);
    body.copy(scratch, start);
    scratch[length - 1] = 0x0a;
    return hash('sha256', scratch.subarray(0, length), 'hex') === digest;
  };
}

const mostHeads = 12;

function headGuesses({ guesses }: LooseHeaders, body: Buffer): readonly Head[] {
  const nonces: readonly HeaderGuess[] = [...guesses.nonce.slice(0, 8), ...resourceNonce(body)];
  return guesses.timestamp
    .slice(0, 6)
    .flatMap((time) =>
      nonces.map((nonce) => ({
        timestamp: time.value,
        nonce: nonce.value,
        repairs: [...time.repairs, ...nonce.repairs],
      })),
    )
    .toSorted((a, b) => a.repairs.length - b.repairs.length)
    .slice(0, mostHeads);
}

/** The nonce of the ciphertext is another one; who mixes them up puts it into the header. */
function resourceNonce(body: Buffer): readonly HeaderGuess[] {
  const value = /"nonce"\s{0,8}:\s{0,8}"([\x21-\x7e]{1,64}?)"/.exec(body.toString('latin1').slice(0, 65_536))?.[1];
  return value === undefined
    ? []
    : [{ value, repairs: [{ cause: 'nonce_other', params: { source: 'resource.nonce' } }] }];
}

function fromSiblings(
  { guesses }: LooseHeaders,
  body: Buffer,
  siblings: readonly Sibling[],
  together: (head: Head, guess: BodyGuess) => Found | undefined,
): Found | undefined {
  const times = guesses.timestamp.slice(0, 1).map(({ value }) => value);
  const nonces = guesses.nonce.slice(0, 1).map(({ value }) => value);
  const plain = (other: Buffer, repairs: readonly Repair[]): BodyGuess => ({ body: other, repairs, rewritings: [] });
  for (const { timestamp, nonce, body: other, name } of siblings.slice(0, 1_000)) {
    const params = { other: name };
    const [time = timestamp] = times;
    const [word = nonce] = nonces;
    const found =
      together({ timestamp: time, nonce: word, repairs: [] }, plain(other, [{ cause: 'other_body', params }])) ??
      together({ timestamp, nonce: word, repairs: [{ cause: 'timestamp_other', params }] }, plain(body, [])) ??
      together(
        { timestamp: time, nonce, repairs: [{ cause: 'nonce_other', params: { source: name } }] },
        plain(body, []),
      ) ??
      together(
        {
          timestamp,
          nonce,
          repairs: [
            { cause: 'nonce_other', params: { source: name } },
            { cause: 'timestamp_other', params },
          ],
        },
        plain(body, []),
      ) ??
      together({ timestamp, nonce, repairs: [{ cause: 'signature_other', params }] }, plain(other, []));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Repairs, then repairs of what they gave, then JSON written anew from each of these. */
function* bodyGuesses(body: Buffer, budget: Budget): Generator<BodyGuess> {
  const first: BodyGuess[] = [];
  const seen = new Set<string>([hash('sha1', body, 'hex')]);
  const isNew = (guess: Buffer): boolean => {
    const name = hash('sha1', guess, 'hex');
    return !seen.has(name) && seen.size < 20_000 && seen.add(name) !== undefined;
  };
  for (const { cause, params, body: repaired } of repairBody(body)) {
    if (!budget.rewrite(repaired.length)) return;
    if (!isNew(repaired)) continue;
    const guess = { body: repaired, repairs: [withParams(cause, params)], rewritings: [] };
    first.push(guess);
    yield guess;
  }
  const second: BodyGuess[] = [];
  for (const guess of first)
    for (const { cause, params, body: repaired } of repairBody(guess.body)) {
      if (!budget.rewrite(repaired.length)) return;
      if (!isNew(repaired)) continue;
      const again = { body: repaired, repairs: [...guess.repairs, withParams(cause, params)], rewritings: [] };
      second.push(again);
      yield again;
    }
  const whole: BodyGuess = { body, repairs: [], rewritings: [] };
  const rewrite = function* (from: BodyGuess, lost: boolean): Generator<BodyGuess> {
    for (const written of rewriteBody(from.body, budget, lost)) {
      if (!isNew(written.body)) continue;
      const missing = Math.max(1, written.body.length - from.body.length);
      const repairs: readonly Repair[] = [
        ...from.repairs,
        ...(written.printed ? [{ cause: 'printed_object' as const }] : []),
        ...(written.cut ? [{ cause: 'truncated' as const, params: { missing } }] : []),
        ...(written.summary ? [{ cause: 'charset_lost' as const }] : []),
      ];
      yield { body: written.body, repairs, rewritings: written.rewritings, source: from.body };
    }
  };
  yield* rewrite(whole, false);
  for (const guess of [...first, ...second.slice(0, 24)]) yield* rewrite(guess, false);
  for (const guess of [whole, ...first]) yield* rewrite(guess, true);
}

function withParams(cause: Repair['cause'], params: Repair['params']): Repair {
  return params === undefined ? { cause } : { cause, params };
}

/** Seconds since the epoch at which the event was made. */
function createdAt(body: Buffer): number {
  const text = body.toString('latin1', 0, 65_536);
  return Date.parse(/"create_time"\s{0,8}:\s{0,8}"([^"]{1,40})"/.exec(text)?.[1] ?? '') / 1000;
}

function headAt(headers: LooseHeaders, time: number, { value, repairs }: HeaderGuess): Head {
  const timestamp = String(Math.floor(time));
  const repair: Repair =
    headers.captured.timestamp === undefined
      ? { cause: 'header_missing', params: { header: headerTitles.timestamp } }
      : { cause: 'timestamp_other', params: { other: timestamp } };
  return { timestamp, nonce: value, repairs: [...repairs, repair] };
}

/** Timestamps near the captured one, near the time at which the event was made, and of clocks in another zone. */
function* nearTimes(headers: LooseHeaders, body: Buffer, nonces: readonly HeaderGuess[]): Generator<Head> {
  const made = createdAt(body);
  const own = Number(headers.guesses.timestamp[0]?.value);
  for (const nonce of nonces) {
    for (const [start, from, to] of [
      [made, -60, 900],
      [own, -900, 900],
    ] as const)
      if (Number.isFinite(start)) for (let by = from; by <= to; by += 1) yield headAt(headers, start + by, nonce);
    if (Number.isFinite(own))
      for (let hours = -14; hours <= 14; hours += 1) if (hours !== 0) yield headAt(headers, own + hours * 3_600, nonce);
  }
}

/** Until WeChat Pay stops sending an event: 24 h 4 min (protocol 6.5). */
function* retryTimes(headers: LooseHeaders, body: Buffer, nonces: readonly HeaderGuess[]): Generator<Head> {
  const made = createdAt(body);
  const [nonce] = nonces;
  if (nonce === undefined || !Number.isFinite(made)) return;
  for (let by = 901; by <= 86_700; by += 1) yield headAt(headers, made + by, nonce);
}

/** A nonce that lost one or two characters at its end, where the rest is still 30 or 31 long (protocol 1.1). */
function* longerNonces({ timestamp, nonce, repairs }: Head): Generator<Head> {
  if (nonce.length < 30 || nonce.length > 31 || !/^[0-9A-Za-z]+$/.test(nonce)) return;
  const alphabet = Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
  const grown = (words: readonly string[]): readonly string[] =>
    words.flatMap((word) => alphabet.map((char) => word + char));
  const repair: Repair = { cause: 'nonce_truncated', params: { length: nonce.length } };
  for (const longer of nonce.length === 31 ? grown([nonce]) : grown(grown([nonce])))
    yield { timestamp, nonce: longer, repairs: [...repairs, repair] };
}

/** A byte that should not be there, and flipped bits: cheap. */
function findOneByte(head: Head, { body, digest }: Subject, budget: Budget): Found | undefined {
  const message = answerMessage({ ...head, body });
  const start = message.length - body.length - 1;
  const holds = fitsDigest(digest);
  const shorter = Buffer.from(message.subarray(0, -1));
  // Without the byte at `at`: from one to the next a single byte changes.
  message.copy(shorter, start, start + 1);
  for (let at = start; at < message.length - 1; at += 1) {
    if (!budget.message(shorter.length)) return undefined;
    if (holds(shorter)) return withOneByte(head, shorter, start, at);
    shorter[at] = message[at] ?? 0;
  }
  return findSubstitute(head, message, start, flipped, holds, budget);
}

/** A byte that was lost or replaced by another that can be typed: a hundred guesses per byte. */
function findOneMore(head: Head, { body, digest }: Subject, budget: Budget): Found | undefined {
  const message = answerMessage({ ...head, body });
  const start = message.length - body.length - 1;
  const holds = fitsDigest(digest);
  const longer = Buffer.concat([message, Buffer.alloc(1)]);
  message.copy(longer, start + 1, start);
  for (let at = start; at < message.length; at += 1) {
    for (let byte = 0x20; byte < 0x7f; byte += 1) {
      if (!budget.message(longer.length)) return undefined;
      longer[at] = byte;
      if (holds(longer)) return withOneByte(head, longer, start, at);
    }
    longer[at] = message[at] ?? 0;
  }
  return findSubstitute(head, message, start, typed, holds, budget);
}

function findSubstitute(
  head: Head,
  message: Buffer,
  start: number,
  others: (byte: number) => readonly number[],
  holds: (bytes: Buffer) => boolean,
  budget: Budget,
): Found | undefined {
  const scratch = Buffer.from(message);
  for (let at = start; at < message.length - 1; at += 1) {
    const original = message[at] ?? 0;
    for (const byte of others(original)) {
      if (!budget.message(scratch.length)) return undefined;
      scratch[at] = byte;
      if (holds(scratch)) return withOneByte(head, scratch, start, at);
    }
    scratch[at] = original;
  }
  return undefined;
}

function fitsDigest(digest: string): (bytes: Buffer) => boolean {
  return (bytes) => hash('sha256', bytes, 'hex') === digest;
}

function withOneByte({ timestamp, nonce, repairs }: Head, message: Buffer, start: number, at: number): Found {
  return {
    timestamp,
    nonce,
    body: message.subarray(start, -1),
    repairs: [...repairs, { cause: 'one_byte', params: { offset: at - start } }],
    rewritings: [],
  };
}

const bits = [1, 2, 4, 8, 16, 32, 64, 128];
const printable = Array.from({ length: 95 }, (_, index) => index + 0x20);

function flipped(byte: number): readonly number[] {
  return bits.map((bit) => byte ^ bit);
}

function typed(): readonly number[] {
  return printable;
}
