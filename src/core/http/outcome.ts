/**
 * What an answer, or its absence, means for the call: THE table of DESIGN section 4, and `settle`, which applies it.
 *
 * The signature of an answer covers neither status nor request, so "what may be believed" and "what to do next" follow
 * from three things: what the call can do, whether the answer proves itself, and its status.
 */
import { clockToleranceSeconds } from '../clock-tolerance.ts';
import { WxpayError, type ErrorCode, type ErrorFacts, type Outcome, type WechatError } from '../errors.ts';
import type { ApiRequest, ApiResponse, Effect } from '../ports.ts';
import { normaliseCode, parseErrorBody } from '../wire/error-body.ts';

/** Rows: `write` (any other write) is treated as `refund`. */
export type EffectRow = Exclude<Effect, 'write'>;

/**
 * - `signed`: the signature verified.
 * - `unsigned`: the answer carries no signature.
 * - `unverifiable`: it carries one that does not hold (wrong, stale, unknown serial, probe).
 */
export type TrustRow = 'signed' | 'unsigned' | 'unverifiable';

/** `cut`: the request may have left and no whole answer came. `not_sent`: provably nothing left. */
export type StatusColumn = '2xx' | '400' | '401' | '403' | '404' | '429' | '5xx' | 'cut' | 'not_sent';

/**
 * - `none`: done, or a read to run again when the cause is gone.
 * - `fix`: the same request will be refused again.
 * - `query`: ask by the number before anything else.
 * - `repeat-same`: run the same command again, with the same number.
 */
export type NextStep = 'none' | 'fix' | 'query' | 'repeat-same';

export interface Cell {
  /**
   * `SIGNATURE_WRONG` stands for whichever verification code was found, `NETWORK_CUT` and `NETWORK_REFUSED` for
   * whichever network code.
   */
  readonly code: ErrorCode | 'ok';
  readonly outcome: Outcome | 'done';
  readonly next: NextStep;
}

type Row = Readonly<Record<StatusColumn, Cell>>;

const done: Cell = { code: 'ok', outcome: 'done', next: 'none' };
const unknown: Cell = { code: 'OUTCOME_UNKNOWN', outcome: 'unknown', next: 'query' };
const readNotSent: Cell = { code: 'NETWORK_REFUSED', outcome: 'no_effect', next: 'none' };
const notSent: Cell = { code: 'NETWORK_REFUSED', outcome: 'not_sent', next: 'repeat-same' };

const believedRead: Row = {
  '2xx': done,
  '400': { code: 'API_REFUSED', outcome: 'no_effect', next: 'fix' },
  '401': { code: 'CREDENTIALS_REFUSED', outcome: 'no_effect', next: 'fix' },
  '403': { code: 'API_REFUSED', outcome: 'no_effect', next: 'fix' },
  '404': { code: 'NOT_FOUND', outcome: 'no_effect', next: 'none' },
  '429': { code: 'THROTTLED', outcome: 'no_effect', next: 'repeat-same' },
  '5xx': { code: 'SERVER_ERROR', outcome: 'no_effect', next: 'repeat-same' },
  cut: { code: 'NETWORK_CUT', outcome: 'no_effect', next: 'none' },
  not_sent: readNotSent,
};

const refusedRead: Cell = { code: 'SIGNATURE_WRONG', outcome: 'no_effect', next: 'none' };
const unverifiableRead: Row = {
  ...believedRead,
  '2xx': refusedRead,
  '400': refusedRead,
  '401': refusedRead,
  '403': refusedRead,
  '404': refusedRead,
};

/** Prepay and close move no money and may be repeated, so trouble of the server is no open question about money. */
const believedHarmlessWrite: Row = {
  '2xx': done,
  '400': { code: 'API_REFUSED', outcome: 'rejected', next: 'fix' },
  '401': { code: 'CREDENTIALS_REFUSED', outcome: 'rejected', next: 'fix' },
  '403': { code: 'API_REFUSED', outcome: 'rejected', next: 'fix' },
  '404': { code: 'NOT_FOUND', outcome: 'rejected', next: 'fix' },
  '429': { code: 'THROTTLED', outcome: 'rejected', next: 'repeat-same' },
  '5xx': { code: 'SERVER_ERROR', outcome: 'unknown', next: 'repeat-same' },
  cut: unknown,
  not_sent: notSent,
};

const unverifiableHarmlessWrite: Row = {
  ...believedHarmlessWrite,
  '2xx': unknown,
  '400': unknown,
  '401': unknown,
  '403': unknown,
  '404': unknown,
};

/** A refund's 429 means "is being processed" as well as "too fast" (protocol 8.3), its 5xx means anything. */
const believedRefund: Row = { ...believedHarmlessWrite, '429': unknown, '5xx': unknown };
const unverifiableRefund: Row = { ...unverifiableHarmlessWrite, '429': unknown, '5xx': unknown };

/** An unsigned 2xx is never believed; an unsigned refusal over verified TLS is the refusal that it is, and marked. */
export const outcomeTable: Readonly<Record<EffectRow, Readonly<Record<TrustRow, Row>>>> = {
  read: {
    signed: believedRead,
    unsigned: { ...believedRead, '2xx': { ...refusedRead, code: 'SIGNATURE_MISSING' } },
    unverifiable: unverifiableRead,
  },
  prepay: {
    signed: believedHarmlessWrite,
    unsigned: { ...believedHarmlessWrite, '2xx': unknown },
    unverifiable: unverifiableHarmlessWrite,
  },
  close: {
    signed: believedHarmlessWrite,
    unsigned: { ...believedHarmlessWrite, '2xx': unknown },
    unverifiable: unverifiableHarmlessWrite,
  },
  refund: {
    signed: believedRefund,
    unsigned: { ...believedRefund, '2xx': unknown },
    unverifiable: unverifiableRefund,
  },
};

/**
 * The cell for a call. Statuses without a column of their own: 408 and 425 say "not now" (5xx), every other 4xx is a
 * refusal (400). A redirect never comes here: `send` reports it as a network error.
 */
export function cellFor(effect: Effect, trust: TrustRow, status: number | 'cut' | 'not_sent'): Cell {
  const row = outcomeTable[effect === 'write' ? 'refund' : effect][trust];
  return row[columnOf(status)];
}

function columnOf(status: number | 'cut' | 'not_sent'): StatusColumn {
  if (typeof status === 'string') return status;
  if (status >= 200 && status < 300) return '2xx';
  if (status >= 500 || status === 408 || status === 425) return '5xx';
  if (status === 401 || status === 403 || status === 404 || status === 429) return `${status}`;
  return '400';
}

/**
 * Runs one call through its transport and settles it: returns the answer only if it is a 2xx that may be believed, and
 * throws everything else as the error that the table says, with status, Request-ID and WeChat Pay's own words.
 *
 * Answers of `file`, `certificates` and `v2` requests prove themselves in other ways; their 2xx is returned `unchecked`.
 *
 * @throws `WxpayError`: `API_REFUSED`, `ORDER_PAID`, `ORDER_CLOSED`, `CREDENTIALS_REFUSED`, `NOT_FOUND`, `THROTTLED`,
 *   `SERVER_ERROR`; `SIGNATURE_*` and network codes for reads; `OUTCOME_UNKNOWN` for writes whose result is open.
 *   Errors from before the request (configuration, input) pass unchanged.
 */
export async function settle(request: ApiRequest, attempt: () => Promise<ApiResponse>): Promise<ApiResponse> {
  let response: ApiResponse;
  try {
    response = await attempt();
  } catch (error) {
    throw settleFailure(request, error);
  }
  const accepted = response.status >= 200 && response.status < 300;
  if (accepted && (response.trust === 'verified' || (response.trust === 'unchecked' && provesItself(request)))) {
    return response;
  }
  throw settleAnswer(request, response, accepted);
}

function provesItself(request: ApiRequest): boolean {
  return request.answer === 'file' || request.answer === 'certificates' || request.answer === 'v2';
}

/** The error for an answer that was believed as far as it goes: a refusal, trouble, or an unsigned 2xx. */
function settleAnswer(request: ApiRequest, response: ApiResponse, accepted: boolean): WxpayError {
  const { status } = response;
  const trust: TrustRow = response.trust === 'verified' ? 'signed' : 'unsigned';
  const wechat = accepted ? undefined : parseErrorBody(response.body);
  const cell = byWechatCode(cellFor(request.effect, trust, status), request.effect, status, wechat);
  const facts = answerFacts(response.status, response.requestId, wechat);
  const attempts = response.attempts ?? 1;
  if (cell.code === 'OUTCOME_UNKNOWN') {
    const reason = accepted
      ? 'key:error.SIGNATURE_MISSING'
      : `HTTP ${status}${wechat === undefined ? '' : ` ${wechat.code}`}`;
    return new WxpayError('OUTCOME_UNKNOWN', {
      ...facts,
      params: { reason, host: response.host, attempts },
      outcome: 'unknown',
      unsigned: trust === 'unsigned',
    });
  }
  const page = accepted ? undefined : certificatePage(response);
  const code =
    page === undefined ? (cell.code === 'ok' ? 'SIGNATURE_MISSING' : cell.code) : 'CLIENT_CERTIFICATE_REFUSED';
  // What is signed five minutes off is refused before the signature is looked at, with the words for a wrong one (endpoints 1.3).
  const ahead = response.clockAhead ?? 0;
  const clockIsOff = code === 'CREDENTIALS_REFUSED' && Math.abs(ahead) > clockToleranceSeconds;
  return new WxpayError(code, {
    ...facts,
    params: {
      status,
      attempts,
      host: response.host,
      ...subjectOf(request),
      ...(page === undefined ? {} : { reason: page }),
      ...(clockIsOff
        ? { seconds: Math.abs(ahead), direction: ahead > 0 ? 'key:cli.clock.ahead' : 'key:cli.clock.behind' }
        : {}),
    },
    ...(clockIsOff ? { hint: 'cli.hint.clock' } : {}),
    outcome: cell.outcome === 'done' ? 'unknown' : cell.outcome,
    unsigned: trust === 'unsigned',
  });
}

/**
 * The page of the web server in front of WeChat Pay, which refuses a client certificate before the request reaches anything:
 * no certificate, or one that it does not accept. It is nginx's own, in English whatever the request's language.
 */
function certificatePage({ status, body }: ApiResponse): string | undefined {
  if (status !== 400 || body.length > 4096) return undefined;
  const [, title] =
    /<title>400 (No required SSL certificate was sent|The SSL certificate error)<\/title>/.exec(
      Buffer.from(body).toString('latin1'),
    ) ?? [];
  if (title === undefined) return undefined;
  return `key:reason.client_certificate_${title.startsWith('No') ? 'wanted' : 'refused'}`;
}

/** The error for a transport that threw. */
function settleFailure(request: ApiRequest, error: unknown): unknown {
  if (!(error instanceof WxpayError)) return settleForeign(request, error);
  if (error.category === 'network') {
    const status = error.outcome === 'not_sent' ? 'not_sent' : 'cut';
    const cell = cellFor(request.effect, 'unsigned', status);
    return cell.code === 'OUTCOME_UNKNOWN' ? unknownBecause(error) : error.with({ outcome: outcomeOf(cell) });
  }
  if (error.category !== 'verification') return error;
  const trust: TrustRow = error.code === 'SIGNATURE_MISSING' ? 'unsigned' : 'unverifiable';
  const cell = cellFor(request.effect, trust, error.httpStatus ?? 200);
  if (cell.code === 'OUTCOME_UNKNOWN') return unknownBecause(error);
  if (cell.code === 'THROTTLED' || cell.code === 'SERVER_ERROR') {
    const { httpStatus: status = 0, requestId } = error;
    const params = { status, attempts: error.params['attempts'] ?? 1 };
    return new WxpayError(cell.code, {
      ...answerFacts(status, requestId),
      params,
      outcome: outcomeOf(cell),
      cause: error,
    });
  }
  return error.with({ outcome: outcomeOf(cell) });
}

/**
 * An exception that is none of ours. The caller's own abort reason goes up as it is: the transport passes it on only where
 * nothing was sent. Anything else is a bug, and a bug behind a write may have come after its bytes had left.
 */
function settleForeign(request: ApiRequest, error: unknown): unknown {
  const aborted = request.signal?.aborted === true && error === request.signal.reason;
  if (request.effect === 'read' || aborted) return error;
  // Its message is no business of a person's, and may hold anything; it is in the cause.
  const reason = error instanceof Error ? error.name : 'error';
  return new WxpayError('OUTCOME_UNKNOWN', { params: { reason }, outcome: 'unknown', cause: error });
}

function outcomeOf(cell: Cell): Outcome {
  return cell.outcome === 'done' ? 'no_effect' : cell.outcome;
}

/**
 * The error for a write that was or may have been delivered, when `cause` is why nothing is known of it. Its `reason` is
 * the cause's own message, which the renderer takes from the cause.
 */
export function unknownBecause(cause: WxpayError): WxpayError {
  return new WxpayError('OUTCOME_UNKNOWN', {
    ...(cause.httpStatus === undefined ? {} : { httpStatus: cause.httpStatus }),
    ...(cause.requestId === undefined ? {} : { requestId: cause.requestId }),
    params: { ...cause.params, reason: `key:error.${cause.code}` },
    outcome: 'unknown',
    cause,
  });
}

function answerFacts(httpStatus: number, requestId?: string, wechat?: WechatError): ErrorFacts {
  return {
    httpStatus,
    ...(requestId === undefined ? {} : { requestId }),
    ...(wechat === undefined ? {} : { wechat }),
  };
}

/**
 * WeChat Pay's own code sharpens a refusal. Codes come in two spellings (`ORDERPAID`, `ORDER_PAID`; protocol 8.3), so they
 * are compared without underscores.
 */
function byWechatCode(cell: Cell, effect: Effect, status: number, wechat: WechatError | undefined): Cell {
  if (wechat === undefined || status < 400 || status >= 500) return cell;
  const code = normaliseCode(wechat.code);
  if (/^(FREQUENCYLIMIT|RATELIMIT)/.test(code)) return cellFor(effect, 'signed', 429);
  if (cell.code === 'OUTCOME_UNKNOWN' || cell.code === 'THROTTLED' || cell.code === 'SERVER_ERROR') return cell;
  if (/^SYSTEMERROR$|^BANKERROR$/.test(code)) return cellFor(effect, 'signed', 500);
  if (code === 'ORDERPAID') return { ...cell, code: 'ORDER_PAID' };
  if (code === 'ORDERCLOSED') return { ...cell, code: 'ORDER_CLOSED' };
  if (code === 'NOAUTH' || code === 'SIGNERROR') return { ...cell, code: 'CREDENTIALS_REFUSED' };
  // A 404 is also what a wrong merchant number gets on the refund endpoints, and no statement about any refund.
  if (cell.code === 'NOT_FOUND' && !saysNotFound(code)) return { ...cell, code: 'API_REFUSED', next: 'fix' };
  return cell;
}

/** `ORDER_NOT_EXIST`, `RESOURCE_NOT_EXISTS`, `NOT_FOUND` and their like say that what was asked for is not there (protocol 8.3). */
function saysNotFound(code: string): boolean {
  return /NOT(?:EXISTS?|FOUND)$/.test(code) && !/^(?:MCH|APPID)/.test(code);
}

/** What the messages of NOT_FOUND and ORDER_* name: the last id in the path; operations that know better lay theirs over it. */
function subjectOf(request: ApiRequest): Record<string, string> {
  const path = request.target.split('?', 1)[0] ?? '';
  const segments = path.split('/').filter((segment) => segment !== 'close');
  const last = decoded(segments.at(-1) ?? path);
  return { what: last, out_trade_no: last };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
