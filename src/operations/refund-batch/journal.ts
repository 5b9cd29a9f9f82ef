/**
 * The journal of refunds: what was about to be sent, on the disk before it is sent, and what came of it (THREATS G2).
 *
 * Append-only text, one record a line:
 *
 * ```
 * <bytes of the JSON> <CRC-32 of them, 8 hex digits> <JSON> LF
 * ```
 *
 * The first record is the header, which binds the file to a merchant, a base URL and a source. Records are numbered from 0
 * without gaps; that number decides their order, and times are for people only (a clock may go backwards).
 *
 * - A record is on the disk (fdatasync) before the promise of its append resolves. Appends of one turn of the event loop,
 *   and those that come while the disk is at work, share one write and one fdatasync.
 * - What a crash tore off at the end was never acknowledged: it is cut when the journal is opened. Every other fault (a bad
 *   checksum, a gap in the numbers, a whole line that is wrong) refuses with file and line, since a record that was acted
 *   upon may be behind it.
 * - After a failed write nothing is appended any more.
 * - Memory: some 40 bytes per out_refund_no; the records themselves stay on the disk.
 */
import { createHash, hash } from 'node:crypto';
import { constants, lstatSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeFileAtomic, type FileSystem } from '../../core/durable/atomic-file.ts';
import { withFileLock, type FileLockOptions } from '../../core/durable/file-lock.ts';
import { fileUnwritable, inputUnreadable, refuseFile, systemCode } from '../../core/durable/system-error.ts';
import { isWxpayError, WxpayError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { openColumn, openWideColumn } from './rows.ts';

/** What a journal belongs to. Whoever opens it with something else is refused. */
export interface JournalIdentity {
  /** The merchant that signs. */
  readonly mchid: string;
  /** The one sub-merchant of a service provider's batch. Absent: the intents say. */
  readonly sub_mchid?: string;
  /** Scheme, host and port of the base URL. */
  readonly origin: string;
  /** The file of a batch; absent for single refunds. */
  readonly source?: { readonly name: string; readonly sha256: string };
  /** `--batch-id`; absent for single refunds, whose intents say. */
  readonly batch_id?: string;
}

/** What is about to be sent. */
export interface Intent {
  readonly out_refund_no: string;
  /** The row of the file, from 1, where there is one. */
  readonly row?: number;
  readonly ref?: string;
  readonly batch_id?: string;
  readonly sub_mchid?: string;
  readonly transaction_id?: string;
  readonly out_trade_no?: string;
  /** Fen. */
  readonly refund: number;
  /** The order's total, fen. */
  readonly total: number;
  readonly currency: string;
  /** The exact request body, as text. */
  readonly body: string;
}

/**
 * What came of it.
 *
 * - `accepted`: WeChat Pay took the request of this call; `status` says how far the refund is.
 * - `adopted`: found by its number; `status` says how far it is.
 * - `refused`: WeChat Pay refused; nothing was done under this number.
 * - `not_sent`: provably no byte left this machine.
 * - `unknown`: it was or may have been delivered, and nobody knows.
 */
export type OutcomeKind = 'accepted' | 'adopted' | 'refused' | 'not_sent' | 'unknown';

export interface RefundOutcome {
  readonly out_refund_no: string;
  readonly result: OutcomeKind;
  /** `PROCESSING`, `SUCCESS`, `CLOSED`, `ABNORMAL`, as WeChat Pay says. */
  readonly status?: string;
  readonly refund_id?: string;
  /** Our error code. */
  readonly code?: string;
  /** WeChat Pay's error code. */
  readonly wechat_code?: string;
  readonly wechat_message?: string;
  readonly http_status?: number;
  readonly request_id?: string;
  /** The refusal carried no signature. */
  readonly unsigned?: boolean;
}

/** The latest of what the journal knows about one out_refund_no. */
export interface RefundRecord {
  readonly intent: Intent & { readonly body_sha256: string };
  /** Absent: the intent was written, and nothing after it. */
  readonly outcome?: RefundOutcome;
  readonly state: RefundState;
}

/**
 * - `open`: sent or perhaps sent, result unknown. Ask before anything else.
 * - `pending`: WeChat Pay has it, and it is not final (`PROCESSING`, `ABNORMAL`).
 * - `final`: `SUCCESS` or `CLOSED`.
 * - `refused`, `not_sent`: nothing was done under this number so far.
 */
export type RefundState = 'open' | 'pending' | 'final' | 'refused' | 'not_sent';

export interface JournalReader {
  readonly path: string;
  readonly header: JournalIdentity;
  /** How many numbers it knows. */
  readonly size: number;
  /** Bytes that a crash tore off at the end, and that were cut (or, when only reading, ignored). */
  readonly torn: number;
  /** The latest record of a number. */
  find(out_refund_no: string): Promise<RefundRecord | undefined>;
  /** What is known without reading the disk. */
  stateOf(out_refund_no: string): RefundState | undefined;
  /** The latest record of every number (of those in the given states), in the order of their first intents. */
  records(...states: readonly RefundState[]): AsyncGenerator<RefundRecord>;
  /** The latest records about one order, named by either number. */
  recordsOf(order: { readonly transaction_id?: string; readonly out_trade_no?: string }): AsyncGenerator<RefundRecord>;
  /** How many numbers are in a state. */
  count(state: RefundState): number;
}

export interface Journal extends JournalReader {
  /**
   * Resolves when the intent is on the disk: only then may the request leave.
   *
   * @throws WxpayError `FILE_UNWRITABLE`, outcome `not_sent`
   */
  recordIntent(intent: Intent): Promise<void>;
  /**
   * Resolves when the outcome is on the disk.
   *
   * @throws WxpayError `FILE_UNWRITABLE`; `INTERNAL` for a number without an intent
   */
  recordOutcome(outcome: RefundOutcome): Promise<void>;
}

/** An open file, as `node:fs/promises` has it; a test puts one in that fails, writes short, or dies. */
export interface JournalFile {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  write(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  stat(): Promise<{ readonly size: number; readonly mode: number; isFile(): boolean }>;
  chmod(mode: number): Promise<void>;
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly path: string;
  readonly identity: JournalIdentity;
  readonly clock: Clock;
  readonly lock: Omit<FileLockOptions, 'clock' | 'timeoutMs'>;
  /** How long to wait for another process that holds the journal, milliseconds; default 0. */
  readonly waitMs?: number;
  /** A fresh unpredictable name of letters, digits, `_` and `-`. */
  readonly randomName: () => string;
  readonly openFile?: (path: string, flags: number) => Promise<JournalFile>;
  /** For making a new journal. */
  readonly fs?: FileSystem;
}

/**
 * Opens the journal (and makes it, 0600, where there is none), holds its lock while `work` runs, and closes it. Its directory
 * must exist.
 *
 * @throws WxpayError `JOURNAL_BUSY` naming the holder, `JOURNAL_FOREIGN` for another merchant, base URL, source or batch id,
 *   `JOURNAL_BROKEN` with file and line, `FILE_UNWRITABLE`, and whatever `work` throws
 */
export async function withJournal<T>(options: JournalOptions, work: (journal: Journal) => Promise<T>): Promise<T> {
  let held = false;
  try {
    return await withFileLock(
      `${options.path}.lock`,
      async () => {
        held = true;
        const { journal, close } = await openJournal(options);
        try {
          return await work(journal);
        } finally {
          await close();
        }
      },
      { ...options.lock, clock: options.clock, timeoutMs: options.waitMs ?? 0 },
    );
  } catch (error) {
    if (held || !isWxpayError(error, 'LOCK_TIMEOUT')) throw error;
    throw new WxpayError('JOURNAL_BUSY', {
      params: { file: options.path, holder: error.params['holder'] ?? '?' },
      outcome: 'not_sent',
      cause: error,
    });
  }
}

/**
 * Reads a journal without its lock, also while a batch is writing it: what is whole at this moment.
 *
 * @returns `undefined` when there is no such file
 * @throws WxpayError `JOURNAL_BROKEN`, `INPUT_UNREADABLE`
 */
export async function readJournal<T>(
  path: string,
  work: (journal: JournalReader) => Promise<T>,
  openFile: JournalOptions['openFile'] = openRealFile,
): Promise<T | undefined> {
  let file: JournalFile;
  try {
    file = await openFile(path, constants.O_RDONLY);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw inputUnreadable(path, error);
  }
  try {
    const scanned = await scan(path, file).catch((error: unknown) => {
      throw inputUnreadable(path, error);
    });
    return await work(reader(path, file, scanned));
  } finally {
    await file.close();
  }
}

async function openRealFile(path: string, flags: number): Promise<JournalFile> {
  const file = await open(path, flags);
  return {
    read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
    // Into the system's memory, which takes less than the way through the thread pool. What waits for the disk is `datasync`.
    write: async (buffer, offset, length, position) => ({
      bytesWritten: writeSync(file.fd, buffer, offset, length, position),
    }),
    datasync: () => file.datasync(),
    truncate: (length) => file.truncate(length),
    stat: () => file.stat(),
    chmod: (mode) => file.chmod(mode),
    close: () => file.close(),
  };
}

async function openJournal(options: JournalOptions): Promise<{ journal: Journal; close: () => Promise<void> }> {
  const { path, identity } = options;
  create(options);
  let file: JournalFile;
  try {
    // A link here means that somebody is playing. Where the flag does not exist, `create` has looked.
    file = await (options.openFile ?? openRealFile)(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    throw fileUnwritable(path, error);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refuseFile(path, 'kind');
    if (options.lock.platform !== 'win32' && (stat.mode & 0o777) !== 0o600) await file.chmod(0o600);
    const scanned = await scan(path, file);
    requireSame(path, scanned.header, identity);
    if (scanned.torn > 0) {
      await file.truncate(scanned.end);
      await file.datasync();
    }
    const writer = createWriter(options, file, scanned);
    return { journal: writer.journal, close: writer.close };
  } catch (error) {
    await file.close().catch(() => {});
    throw fileUnwritable(path, error);
  }
}

/** A new journal appears whole, header and all, or not at all: a torn header cannot be. */
function create({ path, identity, clock, lock, randomName, fs }: JournalOptions): void {
  const stat = (fs?.lstatSync ?? lstatSync)(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() === true) throw refuseFile(path, 'link');
  if (stat !== undefined && !stat.isFile()) throw refuseFile(path, 'kind');
  // An empty file holds nothing that could be lost.
  if (stat !== undefined && stat.size > 0) return;
  const header = { n: 0, type: 'header', journal: 'wxpay refunds', version: 1, at: clock.now(), ...identity };
  writeFileAtomic(path, lineOf(header), {
    platform: lock.platform,
    pid: lock.pid,
    randomName,
    ...(fs === undefined ? {} : { fs }),
  });
}

function requireSame(path: string, found: JournalIdentity, wanted: JournalIdentity): void {
  const facts = (identity: JournalIdentity): readonly (readonly [string, string | undefined])[] => [
    ['mchid', identity.mchid],
    ['sub_mchid', identity.sub_mchid],
    ['base_url', identity.origin],
    ['source', identity.source?.sha256],
    ['batch_id', identity.batch_id],
  ];
  const wantedFacts = new Map(facts(wanted));
  for (const [field, value] of facts(found)) {
    const other = wantedFacts.get(field);
    if (value === other) continue;
    throw new WxpayError('JOURNAL_FOREIGN', {
      params: { file: path, field, found: value ?? '-', wanted: other ?? '-' },
      outcome: 'not_sent',
    });
  }
}

// --- lines -----------------------------------------------------------------------------------------------------------

function lineOf(record: object): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  const prefix = `${json.length} ${crc32(json).toString(16).padStart(8, '0')} `;
  return Buffer.concat([Buffer.from(prefix, 'latin1'), json, Buffer.from('\n')]);
}

/** Longer lines are none of ours: a body has at most some thousand goods. */
const maximumLine = 8 * 1024 * 1024;
const chunkSize = 256 * 1024;
const prefixPattern = /^([1-9]\d{0,6}) ([0-9a-f]{8}) $/;

interface Scanned {
  readonly header: JournalIdentity;
  readonly index: Index;
  /** Where the next record goes. */
  readonly end: number;
  readonly torn: number;
  /** The number of the next record. */
  readonly next: number;
}

async function scan(path: string, file: JournalFile): Promise<Scanned> {
  const index = createIndex();
  let header: JournalIdentity | undefined;
  let n = 0;
  /** Where the buffer begins in the file, and how much of it is filled. One buffer for all: a big journal leaves no garbage. */
  let position = 0;
  let filled = 0;
  let buffer = Buffer.allocUnsafeSlow(chunkSize);
  const broken = (reason: string): WxpayError => brokenLine(path, n + 1, reason);
  for (;;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    const data = buffer.subarray(0, filled + bytesRead);
    let start = 0;
    for (let end = data.indexOf(0x0a, filled); end >= 0; end = data.indexOf(0x0a, start)) {
      const record = parseLine(data.subarray(start, end));
      if (typeof record === 'string') throw broken(record);
      if (record['n'] !== n) throw broken('number');
      if (n === 0) header = readHeader(record);
      else if (!apply(index, record, position + start)) throw broken('record');
      if (header === undefined) throw broken('header');
      n += 1;
      start = end + 1;
    }
    position += start;
    filled = data.length - start;
    buffer.copyWithin(0, start, data.length);
    if (filled > maximumLine) throw broken('length');
    if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
  }
  if (header === undefined) throw broken('header');
  if (filled > 0 && !isTorn(buffer.subarray(0, filled))) throw broken('checksum');
  return { header, index, end: position, torn: filled, next: n };
}

/** The record of a line without its line feed, or why it is none. */
function parseLine(line: Buffer): Record<string, unknown> | string {
  const space = line.indexOf(0x20);
  const prefix = prefixPattern.exec(line.toString('latin1', 0, Math.max(0, space) + 10));
  if (prefix === null) return 'prefix';
  const json = line.subarray(prefix[0].length);
  if (json.length !== Number(prefix[1])) return 'length';
  if (crc32(json).toString(16).padStart(8, '0') !== prefix[2]) return 'checksum';
  try {
    const value = JSON.parse(json.toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : 'record';
  } catch {
    return 'record';
  }
}

/**
 * Is this the beginning of a line whose end never reached the disk? A whole line whose line feed is something else is not:
 * that one was acknowledged, and was damaged later. Zero bytes are what a power cut leaves of an extended file.
 */
function isTorn(rest: Buffer): boolean {
  let length = rest.length;
  while (length > 0 && rest[length - 1] === 0) length -= 1;
  if (length === 0) return true;
  const text = rest.toString('latin1', 0, Math.min(length, 20));
  const declared = /^([1-9]\d{0,6}) /.exec(text);
  if (declared === null) return /^[1-9]\d{0,6}$/.test(text);
  const whole = declared[0].length + 9 + Number(declared[1]);
  return length <= whole;
}

function brokenLine(path: string, line: number, reason: string): WxpayError {
  return new WxpayError('JOURNAL_BROKEN', {
    params: { file: path, line, reason: `key:reason.journal_${reason}` },
    outcome: 'not_sent',
  });
}

function readHeader(record: Record<string, unknown>): JournalIdentity | undefined {
  const { type, journal, version, mchid, sub_mchid, origin, source, batch_id } = record;
  if (type !== 'header' || journal !== 'wxpay refunds' || version !== 1) return undefined;
  if (typeof mchid !== 'string' || typeof origin !== 'string') return undefined;
  const file = source as { name?: unknown; sha256?: unknown } | undefined;
  if (file !== undefined && (typeof file?.name !== 'string' || typeof file.sha256 !== 'string')) return undefined;
  return {
    mchid,
    origin,
    ...(typeof sub_mchid === 'string' ? { sub_mchid } : {}),
    ...(file === undefined ? {} : { source: file as { name: string; sha256: string } }),
    ...(typeof batch_id === 'string' ? { batch_id } : {}),
  };
}

// --- the index -------------------------------------------------------------------------------------------------------

const states: readonly RefundState[] = ['open', 'pending', 'final', 'refused', 'not_sent'];

/**
 * Where the latest intent and outcome of each number are. Columns that grow without being copied, and an open-addressing table
 * of places: a million numbers take some 40 MB, where a Map of strings would take 200.
 *
 * A number is known by 96 bits of its SHA-256: among ten million, two meet with a chance of one in 10^15.
 */
interface Index {
  size(): number;
  /** The place of a number; `-1` when it is not known. */
  find(out_refund_no: string): number;
  add(out_refund_no: string, orders: readonly string[]): number;
  setIntent(place: number, offset: number): void;
  setOutcome(place: number, offset: number, state: RefundState): void;
  intentAt(place: number): number;
  /** `-1` when there is none. */
  outcomeAt(place: number): number;
  stateAt(place: number): RefundState;
  /** May the record at this place be about the order with this `orderKey`? */
  mayBeOf(place: number, key: number): boolean;
  count(state: RefundState): number;
}

function createIndex(): Index {
  let size = 0;
  const u32 = (length: number): Uint32Array => new Uint32Array(length);
  const keys = [openColumn(u32), openColumn(u32), openColumn(u32)] as const;
  const intents = openWideColumn();
  /** Plus one; 0 is none. */
  const outcomes = openWideColumn();
  const orders = [openColumn(u32), openColumn(u32)] as const;
  const state = openColumn((length) => new Uint8Array(length));
  /** Places plus one; 0 is free. */
  let table = new Uint32Array(128);
  const counts = states.map(() => 0);
  const keyFor = keysByText();

  const rehash = (): void => {
    table = new Uint32Array(table.length * 2);
    for (let place = 0; place < size; place += 1) {
      let slot = keys[0].get(place) & (table.length - 1);
      while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1);
      table[slot] = place + 1;
    }
  };
  const search = (key: Uint32Array): { readonly slot: number; readonly place: number } => {
    for (let slot = (key[0] ?? 0) & (table.length - 1); ; slot = (slot + 1) & (table.length - 1)) {
      const place = (table[slot] ?? 0) - 1;
      if (place < 0) return { slot, place };
      if (keys.every((column, at) => column.get(place) === key[at])) return { slot, place };
    }
  };
  const change = (place: number, next: RefundState): void => {
    const number = states.indexOf(next);
    const before = state.get(place);
    counts[before] = (counts[before] ?? 0) - 1;
    counts[number] = (counts[number] ?? 0) + 1;
    state.set(place, number);
  };

  return {
    size: () => size,
    find: (out_refund_no) => search(keyFor(out_refund_no)).place,
    add(out_refund_no, of) {
      const key = keyFor(out_refund_no);
      if ((size + 1) * 10 > table.length * 7) rehash();
      const { slot } = search(key);
      const place = size;
      size += 1;
      table[slot] = place + 1;
      for (const [at, column] of keys.entries()) column.set(place, key[at] ?? 0);
      counts[0] = (counts[0] ?? 0) + 1;
      for (const [at, column] of orders.entries()) column.set(place, of[at] === undefined ? 0 : orderKey(of[at]));
      return place;
    },
    setIntent(place, offset) {
      intents.set(place, offset);
      outcomes.set(place, 0);
      change(place, 'open');
    },
    setOutcome(place, offset, next) {
      outcomes.set(place, offset + 1);
      change(place, next);
    },
    intentAt: (place) => intents.get(place),
    outcomeAt: (place) => outcomes.get(place) - 1,
    stateAt: (place) => states[state.get(place)] ?? 'open',
    mayBeOf: (place, key) => orders.some((column) => column.get(place) === key),
    count: (wanted) => counts[states.indexOf(wanted)] ?? 0,
  };
}

function keyOf(text: string): Uint32Array {
  const digest = hash('sha256', text, 'buffer');
  return new Uint32Array([digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)]);
}

/** One number is looked up several times in a row, and its digest is most of what that costs. */
function keysByText(): (text: string) => Uint32Array {
  let last = '';
  let key = keyOf(last);
  return (text) => {
    if (text !== last) {
      key = keyOf(text);
      last = text;
    }
    return key;
  };
}

/** Never 0, which stands for none. */
function orderKey(order: string): number {
  return crc32(order) || 1;
}

function ordersOf(intent: Pick<Intent, 'transaction_id' | 'out_trade_no'>): readonly string[] {
  return [intent.transaction_id, intent.out_trade_no].filter((order) => order !== undefined);
}

/** Takes a record into the index; `false` for one that cannot be. */
function apply(index: Index, record: Record<string, unknown>, offset: number): boolean {
  if (record['type'] === 'intent') {
    const intent = readIntent(record);
    if (intent === undefined) return false;
    const known = index.find(intent.out_refund_no);
    index.setIntent(known < 0 ? index.add(intent.out_refund_no, ordersOf(intent)) : known, offset);
    return true;
  }
  const outcome = readOutcome(record);
  if (outcome === undefined) return false;
  const place = index.find(outcome.out_refund_no);
  if (place < 0) return false;
  index.setOutcome(place, offset, stateAfter(outcome));
  return true;
}

function stateAfter({ result, status }: RefundOutcome): RefundState {
  if (result === 'unknown') return 'open';
  if (result === 'refused' || result === 'not_sent') return result;
  return status === 'SUCCESS' || status === 'CLOSED' ? 'final' : 'pending';
}

function readIntent(record: Record<string, unknown>): RefundRecord['intent'] | undefined {
  const { out_refund_no, refund, total, currency, body, body_sha256 } = record;
  const sound =
    record['type'] === 'intent' &&
    typeof out_refund_no === 'string' &&
    Number.isSafeInteger(refund) &&
    Number.isSafeInteger(total) &&
    typeof currency === 'string' &&
    typeof body === 'string' &&
    typeof body_sha256 === 'string';
  return sound ? (record as unknown as RefundRecord['intent']) : undefined;
}

const outcomeKinds: ReadonlySet<unknown> = new Set(['accepted', 'adopted', 'refused', 'not_sent', 'unknown']);

function readOutcome(record: Record<string, unknown>): RefundOutcome | undefined {
  const sound =
    record['type'] === 'outcome' && typeof record['out_refund_no'] === 'string' && outcomeKinds.has(record['result']);
  return sound ? (record as unknown as RefundOutcome) : undefined;
}

// --- reading ---------------------------------------------------------------------------------------------------------

function reader(path: string, file: JournalFile, scanned: Scanned): JournalReader {
  const { index, header, torn } = scanned;
  const recordAt = async (place: number): Promise<RefundRecord> => {
    const intent = readIntent(await readLine(path, file, index.intentAt(place)));
    const at = index.outcomeAt(place);
    const outcome = at < 0 ? undefined : readOutcome(await readLine(path, file, at));
    if (intent === undefined || (at >= 0 && outcome === undefined)) throw brokenLine(path, 0, 'record');
    return { intent, ...(outcome === undefined ? {} : { outcome }), state: index.stateAt(place) };
  };
  return {
    path,
    header,
    torn,
    get size() {
      return index.size();
    },
    async find(out_refund_no) {
      const place = index.find(out_refund_no);
      return place < 0 ? undefined : recordAt(place);
    },
    stateOf(out_refund_no) {
      const place = index.find(out_refund_no);
      return place < 0 ? undefined : index.stateAt(place);
    },
    async *records(...wanted) {
      for (let place = 0; place < index.size(); place += 1)
        if (wanted.length === 0 || wanted.includes(index.stateAt(place))) yield await recordAt(place);
    },
    async *recordsOf(order) {
      const keys = ordersOf(order).map((name) => orderKey(name));
      for (let place = 0; place < index.size(); place += 1) {
        if (!keys.some((key) => index.mayBeOf(place, key))) continue;
        const record = await recordAt(place);
        if (isOfOrder(record.intent, order)) yield record;
      }
    },
    count: (state) => index.count(state),
  };
}

function isOfOrder(intent: Intent, order: { transaction_id?: string; out_trade_no?: string }): boolean {
  return (
    (intent.transaction_id !== undefined && intent.transaction_id === order.transaction_id) ||
    (intent.out_trade_no !== undefined && intent.out_trade_no === order.out_trade_no)
  );
}

/** One line again, verified again. */
async function readLine(path: string, file: JournalFile, offset: number): Promise<Record<string, unknown>> {
  let buffer = Buffer.allocUnsafe(2048);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, offset + filled);
    const end = buffer.subarray(0, filled + bytesRead).indexOf(0x0a, filled);
    filled += bytesRead;
    if (end >= 0) {
      const record = parseLine(buffer.subarray(0, end));
      if (typeof record === 'string') throw brokenLine(path, 0, record);
      return record;
    }
    if (bytesRead === 0 || filled > maximumLine) throw brokenLine(path, 0, 'length');
    if (filled === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length * 3)]);
  }
}

// --- writing ---------------------------------------------------------------------------------------------------------

interface Waiting {
  readonly line: Buffer;
  /** Takes the record into the index once it is on the disk. */
  readonly commit: (offset: number) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function createWriter(
  options: JournalOptions,
  file: JournalFile,
  scanned: Scanned,
): { journal: Journal; close: () => Promise<void> } {
  const { path, clock } = options;
  const { index } = scanned;
  let end = scanned.end;
  let next = scanned.next;
  let queue: Waiting[] = [];
  let running: Promise<void> | undefined;
  let failure: unknown;

  /** One write and one fdatasync for everything that waits; then for what has come meanwhile. */
  const drain = async (): Promise<void> => {
    // What is appended in the same turn of the event loop goes together: the outcome of one refund with the intent of the next.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      if (failure === undefined) {
        try {
          await writeAll(file, Buffer.concat(group.map(({ line }) => line)), end, path);
          await file.datasync();
        } catch (error) {
          failure = fileUnwritable(path, error);
          // Half a line must not stay, if it can be helped; else it is cut when the journal is opened again.
          await file.truncate(end).catch(() => {});
        }
      }
      for (const waiting of group) {
        if (failure !== undefined) waiting.reject(failure);
        else {
          waiting.commit(end);
          end += waiting.line.length;
          waiting.resolve();
        }
      }
    }
    running = undefined;
  };

  const append = async (record: object, commit: (offset: number) => void): Promise<void> => {
    if (failure !== undefined) throw failure;
    const line = lineOf({ n: next, ...record });
    next += 1;
    await new Promise<void>((resolve, reject) => {
      queue.push({ line, commit, resolve, reject });
      running ??= drain();
    });
  };

  const base = reader(path, file, scanned);
  const journal: Journal = Object.defineProperties(
    {
      async recordIntent(intent: Intent) {
        const body_sha256 = sha256(intent.body);
        const record = { type: 'intent', at: clock.now(), ...intent, body_sha256 };
        try {
          await append(record, (offset) => {
            const known = index.find(intent.out_refund_no);
            index.setIntent(known < 0 ? index.add(intent.out_refund_no, ordersOf(intent)) : known, offset);
          });
        } catch (error) {
          throw error instanceof WxpayError ? error.with({ outcome: 'not_sent' }) : error;
        }
      },
      async recordOutcome(outcome: RefundOutcome) {
        if (index.find(outcome.out_refund_no) < 0)
          throw new WxpayError('INTERNAL', { params: { reason: `no intent for ${outcome.out_refund_no}` } });
        await append({ type: 'outcome', at: clock.now(), ...outcome }, (offset) => {
          index.setOutcome(index.find(outcome.out_refund_no), offset, stateAfter(outcome));
        });
      },
    },
    Object.getOwnPropertyDescriptors(base),
  ) as Journal;
  return {
    journal,
    close: async () => {
      await running;
      await file.close();
    },
  };
}

/** One `write` may take only a part: on a nearly full disk it does, and reports success (THREATS 0.2). */
async function writeAll(file: JournalFile, bytes: Buffer, position: number, path: string): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset, position + offset);
    if (bytesWritten <= 0) throw refuseFile(path, 'short', { written: offset, size: bytes.length });
    offset += bytesWritten;
  }
}

/** Lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
