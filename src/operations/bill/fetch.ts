/** Applies for a bill, downloads its file and proves it (bills 1 and 2; THREATS B5, H1, H4). */
import type { PartFile } from '../../core/durable/part-file.ts';
import { isWxpayError, WxpayError } from '../../core/errors.ts';
import { settle } from '../../core/http/outcome.ts';
import type { ApiRequest, ApiResponse, BodySink, Clock, Headers, Transport } from '../../core/ports.ts';
import { normaliseCode } from '../../core/wire/error-body.ts';
import { parseJson } from '../../core/wire/json.ts';
import { buildTarget } from '../../core/wire/target.ts';
import { isObject } from '../fields.ts';
import { checkHash, type UnpackOptions } from './unpack.ts';

export type TradeType = 'ALL' | 'SUCCESS' | 'REFUND';
export type Account = 'BASIC' | 'OPERATION' | 'FEES';

export type BillQuery =
  | {
      readonly kind: 'trade';
      /** `yyyy-MM-dd`, Beijing time. */
      readonly date: string;
      readonly type: TradeType;
      /** A service provider's one sub-merchant; without it, all of them. */
      readonly sub_mchid?: string;
    }
  | { readonly kind: 'fundflow'; readonly date: string; readonly account: Account };

/** What WeChat Pay's signed answer says about the file. */
export interface BillTicket {
  /** SHA-1 of the plain bytes, 40 hex digits. */
  readonly sha1: string;
  readonly download_url: string;
}

/** The request for a bill, packed as gzip. */
export function billRequest(query: BillQuery): ApiRequest {
  const target =
    query.kind === 'trade'
      ? buildTarget(
          '/v3/bill/tradebill',
          {},
          {
            bill_date: query.date,
            ...(query.sub_mchid === undefined ? {} : { sub_mchid: query.sub_mchid }),
            bill_type: query.type,
            tar_type: 'GZIP',
          },
        )
      : buildTarget(
          '/v3/bill/fundflowbill',
          {},
          {
            bill_date: query.date,
            account_type: query.account,
            tar_type: 'GZIP',
          },
        );
  return { method: 'GET', target, body: new Uint8Array(), effect: 'read' };
}

/**
 * Asks for a bill.
 *
 * @returns `undefined` when nothing happened that day, which is a signed answer and no failure
 * @throws `BILL_NOT_READY`, `ANSWER_MALFORMED`, and what `settle` throws
 */
export async function applyForBill(
  transport: Transport,
  query: BillQuery,
  signal?: AbortSignal,
): Promise<BillTicket | undefined> {
  const request = { ...billRequest(query), ...(signal === undefined ? {} : { signal }) };
  try {
    return readTicket(await settle(request, () => transport(request)));
  } catch (error) {
    const code = error instanceof WxpayError ? normaliseCode(error.wechat?.code ?? '') : '';
    // Somebody on the way could say so unsigned; a day without a bill is a statement about money (THREATS C5).
    if (code === 'NOSTATEMENTEXIST' && error instanceof WxpayError && !error.unsigned) return undefined;
    if (code === 'STATEMENTCREATING' && error instanceof WxpayError)
      throw new WxpayError('BILL_NOT_READY', {
        params: { date: query.date },
        ...(error.wechat === undefined ? {} : { wechat: error.wechat }),
        ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
        ...(error.httpStatus === undefined ? {} : { httpStatus: error.httpStatus }),
        unsigned: error.unsigned,
      });
    throw error;
  }
}

function readTicket(response: ApiResponse): BillTicket {
  const answer = parseJson(response.body);
  const malformed = (reason: string): WxpayError =>
    new WxpayError('ANSWER_MALFORMED', {
      params: { reason },
      httpStatus: response.status,
      ...(response.requestId === undefined ? {} : { requestId: response.requestId }),
    });
  if (!isObject(answer)) throw malformed('no JSON object');
  const { hash_type: type, hash_value: sha1, download_url: url } = answer;
  if (type !== 'SHA1' || typeof sha1 !== 'string' || !/^[0-9a-f]{40}$/i.test(sha1))
    throw malformed('hash_type, hash_value');
  if (typeof url !== 'string' || url.length > 4096) throw malformed('download_url');
  return { sha1, download_url: url };
}

export interface DownloadParts {
  /** For the request of the bill. */
  readonly transport: Transport;
  /** The way to the host of a download_url, and the target there. @throws `HOST_NOT_ALLOWED` before anything is signed */
  readonly transportTo: (url: string) => Promise<{ readonly transport: Transport; readonly target: string }>;
  readonly clock: Clock;
  /** How often a download that broke off is taken up again; default 3. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
  /** Told of the bytes so far, and of all of them where the server says. */
  readonly onProgress?: (bytes: number, all: number | undefined) => void;
  /** Told that a download goes on from this byte, or begins anew (0). */
  readonly onResume?: (from: number) => void;
  readonly maxBytes?: number;
}

/**
 * The part file for the bill with this hash: the same one for the same hash, with what it holds, perhaps from an earlier run.
 * What is in it for another hash is of no use any more.
 *
 * @param sha1 as the signed answer has it, in lower case
 */
export type OpenPart = (sha1: string) => PartFile;

/**
 * Downloads the bill into a part file and proves it by its hash, over all its plain bytes. What broke off, now or in an earlier
 * run, is continued where the server can do that, else begun anew; an address that has expired is asked for once more. After
 * it returns, the file is the one that WeChat Pay signed for; before, nothing of it may be shown.
 *
 * @returns where the bill is, or `undefined` when nothing happened that day
 * @throws `BILL_HASH_WRONG`, `BILL_MALFORMED`, `BILL_TOO_LARGE`, `BILL_NOT_READY`, `HOST_NOT_ALLOWED`, network errors
 */
export async function fetchBill(
  query: BillQuery,
  openPart: OpenPart,
  parts: DownloadParts,
): Promise<string | undefined> {
  const { signal, maxBytes } = parts;
  const unpacking: UnpackOptions = {
    name: query.date,
    ...(signal === undefined ? {} : { signal }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
  for (let again = false; ; again = true) {
    const ticket = await applyForBill(parts.transport, query, signal);
    if (ticket === undefined) return undefined;
    const part = openPart(ticket.sha1.toLowerCase());
    if (part.size > 0) parts.onResume?.(part.size);
    let pieced = part.size > 0;
    try {
      pieced = (await download(ticket, part, parts)) || pieced;
    } catch (error) {
      if (again || !isExpired(error)) throw error;
      continue;
    }
    try {
      await checkHash(part.path, ticket.sha1, unpacking);
      return part.path;
    } catch (error) {
      // A file put together from pieces, or one whose end is missing, gets another chance in one piece.
      const cut = error instanceof WxpayError && error.params['reason'] === 'key:bill.reason.truncated';
      const mayMend = isWxpayError(error, 'BILL_HASH_WRONG', 'BILL_MALFORMED') && (pieced || cut);
      if (again || !mayMend) throw error;
      part.clear();
      parts.onResume?.(0);
    }
  }
}

/** 400 INVALID_REQUEST on a download: the five minutes are over (bills 1). */
function isExpired(error: unknown): boolean {
  return error instanceof WxpayError && error.httpStatus === 400 && error.wechat?.code === 'INVALID_REQUEST';
}

/** @returns whether the file was put together from several answers */
async function download({ download_url: url }: BillTicket, part: PartFile, parts: DownloadParts): Promise<boolean> {
  const { transport, target } = await parts.transportTo(url);
  const retries = parts.retries ?? 3;
  let pieced = false;
  for (let attempt = 1; ; attempt += 1) {
    const from = part.size;
    const sink = sinkInto(part, from, parts);
    const request: ApiRequest = {
      method: 'GET',
      target,
      body: new Uint8Array(),
      effect: 'read',
      answer: 'file',
      sink,
      ...(from === 0 ? {} : { headers: { range: `bytes=${from}-` } }),
      ...(parts.signal === undefined ? {} : { signal: parts.signal }),
    };
    try {
      await settle(request, () => transport(request));
      return pieced;
    } catch (error) {
      const unsatisfied = error instanceof WxpayError && error.httpStatus === 416 && from > 0;
      // All of it was there already, or the file is another one by now.
      if (unsatisfied) part.clear();
      const broken = isWxpayError(error, 'NETWORK_CUT', 'NETWORK_TIMEOUT') && sink.begun;
      if (!(unsatisfied || broken) || attempt > retries || parts.signal?.aborted === true) throw error;
      pieced ||= part.size > 0;
      parts.onResume?.(part.size);
      await parts.clock.sleep(Math.min(250 * 2 ** (attempt - 1), 4_000), parts.signal);
    }
  }
}

function sinkInto(part: PartFile, from: number, parts: DownloadParts): BodySink {
  const limit = parts.maxBytes ?? Infinity;
  let begun = false;
  let all: number | undefined;
  return {
    get begun() {
      return begun;
    },
    begin(status, headers) {
      const range = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(headers['content-range']?.[0] ?? '');
      if (status === 206) {
        if (range === null || Number(range[1]) !== from)
          throw new WxpayError('ANSWER_MALFORMED', { params: { reason: 'content-range' } });
      } else if (status === 200) part.clear();
      else throw new WxpayError('ANSWER_MALFORMED', { params: { reason: `HTTP ${status}` }, httpStatus: status });
      all = lengthOf(headers, part.size);
      begun = true;
    },
    write(chunk) {
      if (part.size + chunk.length > limit)
        throw new WxpayError('BILL_TOO_LARGE', { params: { file: 'download', limit } });
      part.write(chunk);
      parts.onProgress?.(part.size, all);
    },
  };
}

function lengthOf(headers: Headers, before: number): number | undefined {
  const length = headers['content-length']?.[0];
  return length === undefined || !/^\d{1,15}$/.test(length) ? undefined : before + Number(length);
}
