/**
 * Merchant transfers, the API of 2025 (endpoints.md 11.1, states.md 4): the user confirms, and until then the money can be had
 * back. Data in, data out; nothing is printed here.
 *
 * What keeps money from moving twice is what does so for refunds: the number is chosen before anything is sent and never
 * changes (transfer-number.ts), the intent is on the disk before its bytes leave (transfer-intent.ts), and an unknown outcome
 * is resolved by asking for that number, never by another one.
 */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import { settle } from '../core/http/outcome.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../core/ports.ts';
import { normaliseCode } from '../core/wire/error-body.ts';
import { buildTarget } from '../core/wire/target.ts';
import { isObject, requireFields } from './fields.ts';
import { malformed, objectOf, requireSame, sent, unknownOutcome } from './order-exchange.ts';
import { nameRequiredFrom, transferFields } from './transfer-fields.ts';
import type { IntentStore, TransferOutcome, TransferRecord } from './transfer-intent.ts';

/** A transfer as the API gives it; only what we rely on is typed. `mch_id` is WeChat Pay's own spelling. */
export interface Transfer {
  readonly out_bill_no: string;
  readonly transfer_bill_no: string;
  /** `ACCEPTED`, `PROCESSING`, `WAIT_USER_CONFIRM`, `TRANSFERING` (sic), `SUCCESS`, `FAIL`, `CANCELING`, `CANCELLED`. */
  readonly state: string;
  readonly fail_reason?: string;
  /** What the user's client opens the confirmation with; only in the answer to the creation. */
  readonly package_info?: string;
  readonly [field: string]: unknown;
}

export const finalStates: ReadonlySet<string> = new Set(['SUCCESS', 'FAIL', 'CANCELLED']);
const cancellable: ReadonlySet<string> = new Set(['ACCEPTED', 'PROCESSING', 'WAIT_USER_CONFIRM']);

/** What a transfer says; names as in the API. The name is encrypted already. */
export interface TransferParts {
  readonly appid: string;
  readonly out_bill_no: string;
  readonly openid: string;
  /** base64 of the RSA-OAEP ciphertext. */
  readonly user_name?: string;
  /** Fen. */
  readonly transfer_amount: number;
  readonly transfer_remark: string;
  readonly notify_url?: string;
  readonly user_recv_perception?: string;
  readonly transfer_scene_id: string;
  readonly transfer_scene_report_infos: readonly { readonly info_type: string; readonly info_content: string }[];
  readonly user_recv_style?: { readonly type: string };
}

/** A transfer that is ready to be sent: the exact bytes, and what they say. */
export interface TransferIntent {
  readonly mchid: string;
  readonly parts: TransferParts;
  readonly body: string;
  /** Id of the key that encrypted the name. */
  readonly serial?: string;
}

/** @throws WxpayError `INPUT_INVALID` naming the field; also for 2000 yuan and more without a name */
export function transferIntent(mchid: string, parts: TransferParts, serial?: string): TransferIntent {
  const { appid, out_bill_no, openid, user_name, transfer_amount, transfer_remark, ...rest } = parts;
  const body = {
    appid,
    out_bill_no,
    transfer_scene_id: rest.transfer_scene_id,
    openid,
    ...(user_name === undefined ? {} : { user_name }),
    transfer_amount,
    transfer_remark,
    ...(rest.notify_url === undefined ? {} : { notify_url: rest.notify_url }),
    ...(rest.user_recv_perception === undefined ? {} : { user_recv_perception: rest.user_recv_perception }),
    transfer_scene_report_infos: rest.transfer_scene_report_infos,
    ...(rest.user_recv_style === undefined ? {} : { user_recv_style: rest.user_recv_style }),
  };
  requireFields(transferFields, body);
  if (transfer_amount >= nameRequiredFrom && user_name === undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'user_name', reason: 'key:reason.name_required' },
      outcome: 'not_sent',
    });
  return { mchid, parts, body: JSON.stringify(body), ...(serial === undefined ? {} : { serial }) };
}

const base = '/v3/fund-app/mch-transfer/transfer-bills';

/** The POST of an intent, for a dry run and for sending. */
export function transferRequest({ body, serial }: Pick<TransferIntent, 'body' | 'serial'>): ApiRequest {
  return {
    method: 'POST',
    target: buildTarget(base, {}),
    body: Buffer.from(body),
    effect: 'refund',
    ...(serial === undefined ? {} : { headers: { 'wechatpay-serial': serial } }),
  };
}

/** Which transfer: by the merchant's number, or WeChat Pay's. */
export type TransferNumber = { readonly out_bill_no: string } | { readonly transfer_bill_no: string };

/** Merchants' numbers have at most 32 characters, WeChat Pay's have 40 (states.md 6). */
export function transferNumber(text: string): TransferNumber {
  return text.length > 32 ? { transfer_bill_no: text } : { out_bill_no: text };
}

/** @throws WxpayError `PATH_INVALID` */
export function queryTransferRequest(number: TransferNumber): ApiRequest {
  const target =
    'out_bill_no' in number
      ? buildTarget(`${base}/out-bill-no/{out_bill_no}`, { out_bill_no: outBillNo(number.out_bill_no) })
      : buildTarget(`${base}/transfer-bill-no/{transfer_bill_no}`, {
          transfer_bill_no: { value: number.transfer_bill_no, pattern: /[0-9A-Za-z]{1,64}/ },
        });
  return { method: 'GET', target, body: new Uint8Array(), effect: 'read' };
}

/** @throws WxpayError `PATH_INVALID` */
export function cancelTransferRequest(out_bill_no: string): ApiRequest {
  return {
    method: 'POST',
    target: buildTarget(`${base}/out-bill-no/{out_bill_no}/cancel`, { out_bill_no: outBillNo(out_bill_no) }),
    body: Buffer.from('{}'),
    effect: 'write',
  };
}

function outBillNo(value: string): { readonly value: string; readonly pattern: RegExp } {
  return { value, pattern: /[0-9A-Za-z]{1,32}/ };
}

/**
 * Asks for a transfer. The signature covers neither URL nor request, so number and merchant in the answer are compared with
 * what was asked (THREATS C4).
 *
 * @throws WxpayError `NOT_FOUND`, `ANSWER_MISMATCH`, `ANSWER_MALFORMED`, `SIGNATURE_…`, network and refusal errors
 */
export async function queryTransfer(
  transport: Transport,
  mchid: string,
  number: TransferNumber,
  signal?: AbortSignal,
): Promise<Transfer> {
  const request = withSignal(queryTransferRequest(number), signal);
  const response = await settle(request, () => transport(request));
  const answer = objectOf(response, 'no_effect');
  for (const [field, wanted] of Object.entries(number)) requireSame(response, field, answer[field], wanted);
  requireSame(response, 'mch_id', answer['mch_id'], mchid);
  const { transfer_amount: amount } = answer;
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 1)
    throw malformed(response, 'transfer_amount is no whole number of fen');
  return readTransfer(response, answer);
}

function readTransfer(response: ApiResponse, answer: Record<string, unknown>): Transfer {
  for (const field of ['out_bill_no', 'transfer_bill_no', 'state'])
    if (typeof answer[field] !== 'string' || answer[field] === '') throw malformed(response, `no ${field}`);
  return answer as unknown as Transfer;
}

/** The parameters of `wx.requestMerchantTransfer`, by which a mini-program or page asks its user to confirm. */
export function clientParameters(
  { mchid, appid }: { readonly mchid: string; readonly appid: string },
  package_info: string,
): { readonly mchId: string; readonly appId: string; readonly package: string } {
  return { mchId: mchid, appId: appid, package: package_info };
}

export interface TransferDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly store: IntentStore;
}

export interface TransferOptions {
  /** How often an unknown outcome is asked about, and the request repeated; default 4. */
  readonly rounds?: number;
  /** Milliseconds before each question, first to last; the last one repeats. Default 1, 2, 4, 8 s. */
  readonly pauses?: readonly number[];
  readonly signal?: AbortSignal;
  /** Told when what an earlier run may have sent goes again, byte for byte: name and notify_url are as they were then. */
  readonly onEarlier?: () => void;
}

export interface TransferResult {
  /**
   * - `accepted`: this call's request was taken.
   * - `existing`: the number was used before, for the same transfer.
   * - `adopted`: a request of this call got no usable answer, and the transfer was found by its number.
   */
  readonly result: 'accepted' | 'existing' | 'adopted';
  /** With its `package_info` while the user has to confirm, as far as it can be had. */
  readonly transfer: Transfer;
  /** Why the outcome could not be written down. The intent is there, and the next run asks. */
  readonly unrecorded?: WxpayError;
}

/** WeChat Pay shows transfers for thirty days (endpoints.md 11.1); a day less, since clocks differ. */
const shownMs = 29 * 86_400_000;
const defaultPauses: readonly number[] = [1_000, 2_000, 4_000, 8_000];

/**
 * Transfers once, whatever happens and however often it is called with the same intent.
 *
 * 1. What is on record under this number must say the same, unless nothing came of it.
 * 2. The number is asked for. Found: the same transfer is `existing`, another one is `TRANSFER_DIFFERS`. Not found although
 *    it was sent, and too long ago to be shown: nothing is sent (`TRANSFER_FORGOTTEN`).
 * 3. The intent goes to the disk; if it cannot, nothing is sent.
 * 4. The bytes are sent. What leaves the outcome open is resolved by asking for the number with growing pauses. Not found: the
 *    same bytes again.
 * 5. Still open: `OUTCOME_UNKNOWN`, whose `next` is the command that asks.
 *
 * @throws WxpayError `TRANSFER_DIFFERS`, `TRANSFER_UNRESOLVED`, `TRANSFER_FORGOTTEN`; `FILE_UNWRITABLE` (not sent);
 *   `OUTCOME_UNKNOWN`; refusals with outcome `rejected`; network errors with outcome `not_sent`
 */
export async function transferOnce(
  deps: TransferDeps,
  intent: TransferIntent,
  options: TransferOptions = {},
): Promise<TransferResult> {
  const { store, clock } = deps;
  const { out_bill_no } = intent.parts;
  const earlier = store.find();
  const known = earlier?.outcome?.result;
  /** Something may have been sent under this number, and nobody knows what came of it. */
  let doubtful = earlier !== undefined && (known === undefined || known === 'unknown');
  const taken = known === 'accepted' || known === 'adopted';
  if (earlier !== undefined && (doubtful || taken)) requireSameContent(earlier, intent, doubtful);

  let absent = false;
  try {
    const found = await ask(deps, intent, options);
    return await finish(deps, intent, 'existing', found, options);
  } catch (error) {
    if (isWxpayError(error, 'TRANSFER_DIFFERS')) {
      // Whatever was sent earlier cannot take effect any more: the number is another transfer's.
      if (doubtful) record(store, { result: 'refused', code: error.code });
      throw error;
    }
    if (!isWxpayError(error, 'NOT_FOUND')) throw doubtful ? unresolved(out_bill_no, error) : notSent(error);
    if (earlier !== undefined && (taken || (doubtful && clock.now() - earlier.at > shownMs))) throw forgotten(earlier);
    absent = isTrustedNotFound(error);
  }

  // What may have arrived goes again byte for byte: a name encrypted anew would be other bytes.
  const bytes: Pick<TransferIntent, 'body' | 'serial'> = doubtful && earlier !== undefined ? earlier : intent;
  if (bytes !== intent) options.onEarlier?.();
  if (!doubtful) store.recordIntent({ out_bill_no, at: clock.now(), ...bytesOf(intent) });
  const { rounds = 4, pauses = defaultPauses } = options;
  for (let asked = 0; ;) {
    let trouble: unknown;
    try {
      return await finish(deps, intent, 'accepted', await send(deps, intent, bytes, options), options);
    } catch (error) {
      trouble = error;
    }
    const meaning = meaningOf(trouble);
    if (meaning !== 'unknown' && !doubtful) {
      if (meaning === 'not_sent' || absent || !mayConcealAnother(trouble)) throw fail(deps, intent, meaning, trouble);
      // Refused for what it says: perhaps because the number was used for something else.
      let found: Transfer;
      try {
        found = await ask(deps, intent, options);
      } catch (error) {
        throw fail(deps, intent, meaning, isWxpayError(error, 'TRANSFER_DIFFERS') ? error : trouble);
      }
      return await finish(deps, intent, 'existing', found, options);
    }
    doubtful = true;

    let found: Transfer | undefined;
    for (let open = true; open;) {
      if (asked >= rounds) throw fail(deps, intent, 'unknown', trouble);
      const pause = pauses[Math.min(asked, pauses.length - 1)] ?? 0;
      asked += 1;
      try {
        await clock.sleep(pause, options.signal);
        found = await ask(deps, intent, options);
        open = false;
      } catch (error) {
        if (isWxpayError(error, 'TRANSFER_DIFFERS')) throw fail(deps, intent, 'rejected', error);
        if (options.signal?.aborted === true)
          throw fail(deps, intent, 'unknown', error instanceof WxpayError ? trouble : error);
        // The repetition was refused, and WeChat Pay knows no such transfer: nothing was done under this number.
        if (meaning === 'rejected' && isTrustedNotFound(error) && !(trouble as WxpayError).unsigned)
          throw fail(deps, intent, 'rejected', trouble);
        if (isWxpayError(error, 'NOT_FOUND')) open = false;
      }
    }
    if (found !== undefined) return await finish(deps, intent, 'adopted', found, options);
  }
}

/**
 * Did WeChat Pay itself say that it knows no such transfer? Even so it only says "not yet": that never leads to another
 * number, only to the same bytes again.
 */
function isTrustedNotFound(error: unknown): boolean {
  if (!isWxpayError(error, 'NOT_FOUND') || error.unsigned) return false;
  return ['NOTFOUND', 'RESOURCENOTEXISTS'].includes(normaliseCode(error.wechat?.code ?? ''));
}

/** What a number that was used for another transfer gets, or for this one. */
function mayConcealAnother(trouble: unknown): boolean {
  const code = trouble instanceof WxpayError ? normaliseCode(trouble.wechat?.code ?? '') : '';
  return code === 'INVALIDREQUEST' || code === 'ALREADYEXISTS';
}

/** The POST, and an answer that is about what was sent. */
async function send(
  { transport }: TransferDeps,
  intent: TransferIntent,
  bytes: Pick<TransferIntent, 'body' | 'serial'>,
  options: TransferOptions,
): Promise<Transfer> {
  const { out_bill_no } = intent.parts;
  const next = asking(out_bill_no);
  const response = await sent(transport, withSignal(transferRequest(bytes), options.signal), next);
  const answer = objectOf(response, 'unknown', next);
  try {
    requireSame(response, 'out_bill_no', answer['out_bill_no'], out_bill_no);
    return readTransfer(response, answer);
  } catch (error) {
    throw unknownOutcome(error, next);
  }
}

/** The transfer under the intent's number. @throws `TRANSFER_DIFFERS` when it is another one; what `queryTransfer` throws */
async function ask(deps: TransferDeps, intent: TransferIntent, { signal }: TransferOptions): Promise<Transfer> {
  const { out_bill_no } = intent.parts;
  const found = await queryTransfer(deps.transport, intent.mchid, { out_bill_no }, signal);
  for (const field of ['appid', 'openid', 'transfer_amount', 'transfer_remark'] as const)
    if (found[field] !== undefined && found[field] !== intent.parts[field])
      throw differs(out_bill_no, field, found[field], intent.parts[field]);
  return found;
}

/** What is on record is compared in full, the name aside: its ciphertext is never the same. */
function requireSameContent(earlier: TransferRecord, intent: TransferIntent, open: boolean): void {
  const { out_bill_no } = intent.parts;
  const before = JSON.parse(earlier.body) as Record<string, unknown>;
  const now = JSON.parse(intent.body) as Record<string, unknown>;
  for (const field of Object.keys(transferFields)) {
    // Where the end is told to may change.
    if (field === 'user_name' || field === 'notify_url') continue;
    const [found, wanted] = [JSON.stringify(before[field]), JSON.stringify(now[field])];
    if (found === wanted) continue;
    if (!open) throw differs(out_bill_no, field, before[field], now[field]);
    throw new WxpayError('TRANSFER_UNRESOLVED', {
      params: { out_bill_no, field, found: shown(before[field]), wanted: shown(now[field]) },
      outcome: 'unknown',
      next: asking(out_bill_no),
    });
  }
}

function differs(out_bill_no: string, field: string, found: unknown, wanted: unknown): WxpayError {
  return new WxpayError('TRANSFER_DIFFERS', {
    params: { out_bill_no, field, found: shown(found), wanted: shown(wanted) },
    outcome: 'rejected',
    next: asking(out_bill_no),
  });
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined ? '-' : JSON.stringify(value);
}

/**
 * Writes down what was found. While the user has to confirm, `package_info` is wanted: from the record, else by the same POST
 * again, which WeChat Pay answers with the transfer as it is; under a number that is used it can create nothing.
 */
async function finish(
  deps: TransferDeps,
  intent: TransferIntent,
  result: TransferResult['result'],
  found: Transfer,
  options: TransferOptions,
): Promise<TransferResult> {
  const { store, clock } = deps;
  const { out_bill_no } = intent.parts;
  let unrecorded: WxpayError | undefined;
  const remember = (write: () => void): void => {
    try {
      write();
    } catch (error) {
      // The transfer is a fact, whatever the disk does.
      if (!(error instanceof WxpayError)) throw error;
      unrecorded = error;
    }
  };
  if (store.find() === undefined)
    remember(() => store.recordIntent({ out_bill_no, at: clock.now(), ...bytesOf(intent) }));
  const held = store.find();
  let transfer = found;
  if (found.state === 'WAIT_USER_CONFIRM' && found.package_info === undefined && unrecorded === undefined) {
    const kept = held?.outcome?.transfer_bill_no === found.transfer_bill_no ? held.outcome.package_info : undefined;
    const package_info = kept ?? (await packageAgain(deps, intent, found, options));
    if (package_info !== undefined) transfer = { ...found, package_info };
  }
  const outcome: TransferOutcome = {
    result: result === 'accepted' ? 'accepted' : 'adopted',
    state: transfer.state,
    transfer_bill_no: transfer.transfer_bill_no,
    ...(transfer.package_info === undefined ? {} : { package_info: transfer.package_info }),
  };
  remember(() => store.recordOutcome(outcome));
  return { result, transfer, ...(unrecorded === undefined ? {} : { unrecorded }) };
}

async function packageAgain(
  deps: TransferDeps,
  intent: TransferIntent,
  found: Transfer,
  options: TransferOptions,
): Promise<string | undefined> {
  const held = deps.store.find();
  const nothing = held?.outcome?.result === 'refused' || held?.outcome?.result === 'not_sent';
  try {
    const answer = await send(deps, intent, held === undefined || nothing ? intent : held, options);
    return answer.transfer_bill_no === found.transfer_bill_no ? answer.package_info : undefined;
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    // Only what WeChat Pay itself says in so many words: whoever is told wrongly that it is another transfer makes a second one.
    const { code = '', message = '' } = error.wechat ?? {};
    const isOther = normaliseCode(code) === 'INVALIDREQUEST' && /不一致|inconsistent/i.test(message);
    if (error.outcome !== 'rejected' || error.unsigned || !isOther) return undefined;
    // What a query does not show: scene, reports, the name.
    record(deps.store, { result: 'refused', code: 'TRANSFER_DIFFERS' });
    const field = 'transfer_scene_id, transfer_scene_report_infos, user_name';
    throw differs(intent.parts.out_bill_no, field, '?', error.wechat?.message ?? '');
  }
}

function bytesOf({ body, serial }: Pick<TransferIntent, 'body' | 'serial'>): { body: string; serial?: string } {
  return { body, ...(serial === undefined ? {} : { serial }) };
}

function meaningOf(trouble: unknown): 'unknown' | 'rejected' | 'not_sent' {
  if (!(trouble instanceof WxpayError)) return 'not_sent';
  return trouble.outcome === 'unknown' || trouble.outcome === 'rejected' ? trouble.outcome : 'not_sent';
}

/** Writes down what it came to. @returns what is thrown */
function fail(
  { store }: TransferDeps,
  intent: TransferIntent,
  meaning: 'unknown' | 'rejected' | 'not_sent',
  trouble: unknown,
): unknown {
  const { out_bill_no } = intent.parts;
  const code = trouble instanceof WxpayError ? { code: trouble.code } : {};
  record(store, { result: meaning === 'rejected' ? 'refused' : meaning, ...code });
  if (meaning === 'unknown') return unresolved(out_bill_no, trouble);
  if (meaning === 'not_sent' || !(trouble instanceof WxpayError)) return notSent(trouble);
  const hint = hints[normaliseCode(trouble.wechat?.code ?? '')];
  const params = { ...trouble.params, what: out_bill_no, out_bill_no };
  return trouble.with({ params, ...(hint === undefined ? {} : { hint }) });
}

const hints: Readonly<Record<string, string>> = {
  NOTENOUGH: 'transfer.hint.not_enough',
  NOAUTH: 'transfer.hint.no_auth',
};

/** Never throws: without it the intent stands open, which is the careful reading. */
function record(store: IntentStore, outcome: TransferOutcome): void {
  try {
    store.recordOutcome(outcome);
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
  }
}

function asking(out_bill_no: string): readonly string[] {
  return ['transfer', 'query', out_bill_no];
}

function unresolved(out_bill_no: string, cause: unknown): WxpayError {
  return unknownOutcome(cause, asking(out_bill_no));
}

/** This call sent nothing. */
function notSent(error: unknown): unknown {
  return error instanceof WxpayError ? error.with({ outcome: 'not_sent' }) : error;
}

/** It was sent from here, and WeChat Pay does not show it: not any more, or not yet. Nothing is sent on such grounds. */
function forgotten({ out_bill_no, at, outcome }: TransferRecord): WxpayError {
  return new WxpayError('TRANSFER_FORGOTTEN', {
    params: { out_bill_no, state: outcome?.state ?? '?', date: new Date(at).toISOString().slice(0, 10) },
    outcome: 'unknown',
    next: asking(out_bill_no),
  });
}

function withSignal(request: ApiRequest, signal: AbortSignal | undefined): ApiRequest {
  return signal === undefined ? request : { ...request, signal };
}

export interface TransferWatch {
  /** Milliseconds between looks, first to last; the last one repeats. */
  readonly intervals: readonly number[];
  /** Milliseconds after which watching ends. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onChange?: (transfer: Transfer) => void;
}

/** A user takes seconds or a day. */
export const liveTransferIntervals: readonly number[] = [3_000, 5_000, 10_000, 30_000, 60_000];

/**
 * Asks until the transfer is `SUCCESS`, `FAIL` or `CANCELLED`. Trouble with a question only means asking again later.
 *
 * @throws WxpayError `NOT_FINAL` when `limit` is over; what makes asking again pointless
 */
export async function watchTransfer(
  transport: Transport,
  mchid: string,
  known: Transfer,
  watch: TransferWatch,
): Promise<Transfer> {
  const start = watch.clock.monotonic();
  const { out_bill_no } = known;
  let last = known;
  for (let look = 0; !finalStates.has(last.state); look += 1) {
    const pause = watch.intervals[Math.min(look, watch.intervals.length - 1)] ?? 60_000;
    if (watch.clock.monotonic() - start + pause > watch.limit)
      throw new WxpayError('NOT_FINAL', {
        params: { what: out_bill_no, state: last.state },
        next: asking(out_bill_no),
      });
    await watch.clock.sleep(pause, watch.signal);
    const found = await queryTransfer(transport, mchid, { out_bill_no }, watch.signal).catch((error: unknown) => {
      const passing = error instanceof WxpayError && ['network', 'throttled', 'verification'].includes(error.category);
      if (!passing || watch.signal?.aborted === true) throw error;
      return undefined;
    });
    if (found === undefined || found.state === last.state) continue;
    last = found;
    watch.onChange?.(found);
  }
  return last;
}

/**
 * Takes a transfer back that nobody has confirmed yet. A lost or unverifiable answer is settled by asking for the transfer.
 *
 * @param before as it was found
 * @throws WxpayError `TRANSFER_NOT_CANCELLABLE`; refusals; `OUTCOME_UNKNOWN` with the command that asks
 */
export async function cancelTransfer(
  { transport, clock }: Pick<TransferDeps, 'transport' | 'clock'>,
  mchid: string,
  before: Transfer,
  options: TransferOptions = {},
): Promise<Transfer> {
  const { out_bill_no } = before;
  const { rounds = 4, pauses = defaultPauses, signal } = options;
  const next = asking(out_bill_no);
  if (!cancellable.has(before.state)) throw notCancellable(before);
  let trouble: unknown;
  try {
    const response = await sent(transport, withSignal(cancelTransferRequest(out_bill_no), signal), next);
    const answer = objectOf(response, 'unknown', next);
    try {
      requireSame(response, 'out_bill_no', answer['out_bill_no'], out_bill_no);
      requireSame(response, 'transfer_bill_no', answer['transfer_bill_no'], before.transfer_bill_no);
      const { state } = answer;
      if (state !== 'CANCELING' && state !== 'CANCELLED') throw malformed(response, `state ${shown(state)}`);
    } catch (error) {
      throw unknownOutcome(error, next);
    }
    return { ...before, ...(answer as unknown as Transfer) };
  } catch (error) {
    if (meaningOf(error) === 'not_sent') throw notSent(error);
    trouble = error;
  }
  // Refused: perhaps because the user was faster. Unknown: perhaps it is done.
  const refused = meaningOf(trouble) === 'rejected';
  for (let asked = 0; asked < (refused ? 1 : rounds); asked += 1) {
    try {
      if (!refused) await clock.sleep(pauses[Math.min(asked, pauses.length - 1)] ?? 0, signal);
      const found = await queryTransfer(transport, mchid, { out_bill_no }, signal);
      if (found.state === 'CANCELING' || found.state === 'CANCELLED') return found;
      if (!cancellable.has(found.state)) throw notCancellable(found);
    } catch (error) {
      if (isWxpayError(error, 'TRANSFER_NOT_CANCELLABLE')) throw error;
      if (signal?.aborted === true) break;
    }
  }
  throw refused ? trouble : unresolved(out_bill_no, trouble);
}

function notCancellable({ out_bill_no, state }: Transfer): WxpayError {
  return new WxpayError('TRANSFER_NOT_CANCELLABLE', {
    params: { out_bill_no, state },
    outcome: 'rejected',
    next: asking(out_bill_no),
  });
}

/** What an intent's body says, for those who learn of its end later. */
export function saysTheSame(record: TransferRecord, transfer: Transfer): boolean {
  const body: unknown = JSON.parse(record.body);
  if (!isObject(body)) return false;
  return (['out_bill_no', 'openid', 'transfer_amount'] as const).every(
    (field) => transfer[field] === undefined || transfer[field] === body[field],
  );
}
