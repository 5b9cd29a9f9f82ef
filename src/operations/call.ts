/** One call of any APIv3 endpoint: planned, sent, and its answer believed only as far as it proves itself. */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import { settle, unknownBecause } from '../core/http/outcome.ts';
import type { ApiRequest, ApiResponse, Method, Transport } from '../core/ports.ts';
import { buildTarget } from '../core/wire/target.ts';
import { parseJson } from '../core/wire/json.ts';
import { allEndpoints, findEndpoint, parameterName, type Endpoint } from './catalogue.ts';
import { isObject } from './fields.ts';

/** A call before anything has left. */
export interface Call {
  readonly request: ApiRequest;
  /** Without the query, as it is sent. */
  readonly path: string;
  /** `undefined` outside the catalogue. */
  readonly endpoint: Endpoint | undefined;
  /** The values in the path by their names in the catalogue. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The body as JSON; of an upload its meta. `undefined` without one. */
  readonly document: unknown;
  /** `https://host`, where it is not the profile's. */
  readonly origin?: string;
}

export interface CallBody {
  readonly body: Uint8Array;
  readonly document: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an upload: what is signed. */
  readonly signedBody?: Uint8Array;
}

/**
 * What only reads is a `read`; everything else, and everything that the catalogue does not know and that is no GET, a `write`,
 * which is never repeated by itself.
 *
 * @param target path and query as they are sent
 * @throws `INPUT_MISSING` for a path that still holds `{…}`, `INPUT_INVALID` for an endpoint whose answers are not signed
 */
export function planCall(method: Method, target: string, { body, document, headers, signedBody }: CallBody): Call {
  const path = target.split('?', 1)[0] ?? target;
  const found = findEndpoint(method, path);
  const endpoint = found?.endpoint;
  if (endpoint?.signed === false) throw unsigned(path);
  const effect = method === 'GET' ? 'read' : (endpoint?.effect ?? 'write');
  const secrets = authCodes(document);
  const request: ApiRequest = {
    method,
    target,
    body,
    effect,
    ...(headers === undefined ? {} : { headers }),
    ...(signedBody === undefined ? {} : { signedBody }),
    ...(secrets.length === 0 ? {} : { secrets }),
  };
  return { request, path, endpoint, parameters: found?.parameters ?? {}, document };
}

/**
 * `{out_trade_no}` that nobody has filled in.
 *
 * @param typed the path as it was typed, before anything encoded its braces
 * @throws `INPUT_MISSING`
 */
export function requireFilled(typed: string): void {
  const path = typed.split('?', 1)[0] ?? '';
  const open = path.split('/').find((segment) => /^(?:\{.*\}|%7B.*%7D|:[a-z_]+)$/i.test(segment));
  if (open === undefined) return;
  const name = open.replace(/^(?:\{|%7B|:)(.*?)(?:\}|%7D)?$/i, '$1');
  throw new WxpayError('INPUT_MISSING', {
    params: { field: name, flag: '<path>', variable: '<path>', open },
    hint: 'api.hint.open',
    outcome: 'not_sent',
  });
}

function unsigned(path: string): WxpayError {
  const bill = path === '/v3/billdownload/file';
  return new WxpayError('INPUT_INVALID', {
    params: { field: path.slice(0, 200), reason: 'key:reason.api_unsigned' },
    hint: bill ? 'api.hint.unsigned_bill' : 'api.hint.unsigned',
    outcome: 'not_sent',
  });
}

/** Payment codes: whoever sees one within its minute can take money with it. */
function authCodes(document: unknown): readonly string[] {
  if (Array.isArray(document)) return document.flatMap(authCodes);
  if (!isObject(document)) return [];
  return Object.entries(document).flatMap(([name, value]) =>
    name === 'auth_code' && typeof value === 'string' ? [value] : authCodes(value),
  );
}

export interface CallAnswer {
  readonly response: ApiResponse;
  /** `undefined` for an answer without a body, and for one that is no JSON that every reader keeps. */
  readonly document: unknown;
  /** Why there is no document although there is a body: an i18n key. */
  readonly unreadable?: string;
}

/**
 * Sends the call. What comes back is verified, and about what was asked as far as that can be seen: identifiers in the path and
 * in the body that the answer repeats must be the same (THREATS C4).
 *
 * @throws `WxpayError`: see core/http/outcome.ts; `ANSWER_MISMATCH` for reads; `OUTCOME_UNKNOWN` with the command that asks, where
 *   one is known
 */
export async function sendCall(transport: Transport, call: Call): Promise<CallAnswer> {
  try {
    const response = await settle(call.request, () => transport(call.request));
    const answer = readAnswer(response);
    requireSame(call, answer);
    return answer;
  } catch (error) {
    throw explained(call, error);
  }
}

function readAnswer(response: ApiResponse): CallAnswer {
  if (response.body.length === 0) return { response, document: undefined };
  try {
    return { response, document: parseJson(response.body) };
  } catch (error) {
    if (!isWxpayError(error, 'ANSWER_MALFORMED')) throw error;
    return { response, document: undefined, unreadable: String(error.params['reason']) };
  }
}

/** Not openid: an endpoint that translates one answers with another. */
const identifier = /(?:_no|_id|mchid)$/;

function requireSame({ parameters, document, request }: Call, { response, document: answer }: CallAnswer): void {
  if (!isObject(answer)) return;
  const asked = { ...numbersOf(document), ...parameters };
  for (const [field, wanted] of Object.entries(asked)) {
    const found = answer[field];
    if (!identifier.test(field) || typeof found !== 'string' || found === wanted) continue;
    const { requestId } = response;
    const error = new WxpayError('ANSWER_MISMATCH', {
      params: { field, found: found.slice(0, 64), wanted },
      httpStatus: response.status,
      ...(requestId === undefined ? {} : { requestId }),
    });
    throw request.effect === 'read' ? error : unknownBecause(error);
  }
}

/** The texts on the top level of a body that are numbers of something: `out_trade_no`, `transaction_id`, … */
function numbersOf(document: unknown): Record<string, string> {
  if (!isObject(document)) return {};
  return Object.fromEntries(
    Object.entries(document).filter(
      (entry): entry is [string, string] =>
        /(?:_no|transaction_id|_code)$/.test(entry[0]) && typeof entry[1] === 'string',
    ),
  );
}

/** The merchant's own number that the call is about, by which it can be asked about. */
export function ownNumber({ document, parameters }: Call): readonly [string, string] | undefined {
  const own = (from: Readonly<Record<string, string>>): [string, string] | undefined =>
    Object.entries(from).find(([name]) => /^(?:out|combine_out|merchant)_\w+_no$/.test(name));
  return own(numbersOf(document)) ?? own(parameters);
}

function explained(call: Call, error: unknown): unknown {
  if (!isWxpayError(error)) return error;
  // The gateway's own answers to paths and methods that it does not have: empty and unsigned (endpoints 1.3).
  if (error.unsigned && error.wechat === undefined && (error.httpStatus === 404 || error.httpStatus === 405)) {
    const { method } = call.request;
    const params = { ...error.params, what: `${method} ${call.path}` };
    return error.with({ params, hint: error.httpStatus === 404 ? 'api.hint.no_path' : 'api.hint.no_method' });
  }
  // The last part of a write's path is no number.
  if (error.code === 'NOT_FOUND' && call.request.method !== 'GET') {
    const [, number] = ownNumber(call) ?? [];
    return error.with({ params: { ...error.params, what: number ?? `${call.request.method} ${call.path}` } });
  }
  if (error.code !== 'OUTCOME_UNKNOWN') return error;
  const next = askAbout(call);
  if (next !== undefined) return error.with({ next });
  return error.hint === undefined ? error.with({ hint: 'api.hint.unknown' }) : error;
}

/** Queries that need more than their path, as far as it is known (endpoints 12): the parameter, from the body. */
const alsoAsked: Readonly<Record<string, readonly string[]>> = {
  '/v3/profitsharing/orders/{out_order_no}': ['transaction_id', 'sub_mchid'],
  '/v3/profitsharing/return-orders/{out_return_no}': ['out_order_no', 'sub_mchid'],
  '/v3/refund/domestic/refunds/{out_refund_no}': ['sub_mchid'],
};

/** The command that asks what became of a write: our own where there is one, else the GET beside it that the body can fill. */
export function askAbout({ path, document, parameters, origin = '' }: Call): readonly string[] | undefined {
  const known = { ...numbersOf(document), ...parameters };
  const combined = known['combine_out_trade_no'];
  if (path.startsWith('/v3/combine-transactions/') && combined !== undefined)
    return ['order', 'query', '--combine', combined];
  const order = known['out_trade_no'];
  // By its flag: a number of 28 digits would pass for WeChat Pay's own.
  if (/^\/v3\/pay\/(?:partner\/)?transactions\//.test(path) && order !== undefined)
    return ['order', 'query', '--out-trade-no', order];
  if (path === '/v3/refund/domestic/refunds' && known['out_refund_no'] !== undefined)
    return ['refund', 'query', known['out_refund_no']];
  let best: { readonly path: string; readonly shared: number } | undefined;
  for (const endpoint of allEndpoints()) {
    if (endpoint.method !== 'GET' || !endpoint.signed) continue;
    const names = endpoint.path.split('/').flatMap((segment) => parameterName(segment) ?? []);
    if (!names.some((name) => /_no$|^transaction_id$/.test(name)) || names.some((name) => known[name] === undefined))
      continue;
    const shared = sharedSegments(endpoint.path, path);
    if (shared >= 2 && shared > (best?.shared ?? 0)) best = { path: endpoint.path, shared };
  }
  if (best === undefined) return undefined;
  const names = best.path.split('/').flatMap((segment) => parameterName(segment) ?? []);
  const body = isObject(document) ? document : {};
  const query = (alsoAsked[best.path] ?? []).flatMap((name) => {
    const value = body[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const target = buildTarget(
    best.path,
    Object.fromEntries(names.map((name) => [name, known[name] ?? ''])),
    Object.fromEntries(query),
  );
  return ['api', 'GET', origin + target];
}

/** Literal segments in common from the left, without the version. */
function sharedSegments(template: string, path: string): number {
  const [a, b] = [template.split('/').slice(2), path.split('/').slice(2)];
  let count = 0;
  while (count < a.length && a[count] === b[count]) count += 1;
  return count;
}

/** Adds `name=value` to a target, percent-encoded as it is signed (protocol 1.1). @throws `INPUT_INVALID` for what is no Unicode */
export function withQuery(target: string, pairs: readonly (readonly [name: string, value: string])[]): string {
  if (pairs.length === 0) return target;
  const added = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const end = target.at(-1);
  return `${target}${target.includes('?') ? (end === '?' || end === '&' ? '' : '&') : '?'}${added}`;
}

function encode(value: string): string {
  if (/\p{Surrogate}/u.test(value))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--query-param', reason: 'key:reason.not_unicode' },
      outcome: 'not_sent',
    });
  return encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export interface Pages {
  /** The first page's document with all items in its list. */
  readonly document: Record<string, unknown>;
  readonly items: readonly unknown[];
  readonly pages: number;
  /** Why it ended before everything was there: `limit` of pages, or `total` that does not come out. */
  readonly incomplete?: 'limit' | 'total';
  readonly response: ApiResponse;
}

export const mostPages = 1_000;

/**
 * Fetches page after page by `offset`, until an answer's list is empty or `total_count` is reached.
 *
 * @param call a GET
 * @returns `undefined` items only where the endpoint does not page: then the one answer
 * @throws `ANSWER_MISMATCH` when the same page comes again; what `sendCall` throws
 */
export async function fetchPages(transport: Transport, call: Call): Promise<Pages | CallAnswer> {
  const first = await sendCall(transport, call);
  const list = listOf(first.document);
  if (list === undefined) return first;
  const { name, document } = list;
  const total = document['total_count'];
  const step = offsetStep(call.path);
  const items = [...list.items];
  let last = list.items;
  let page = document;
  let offset = Number(new URLSearchParams(call.request.target.split('?')[1] ?? '').get('offset') ?? '0');
  const start = offset;
  let pages = 1;
  while (last.length > 0 && !isLast(page, { items, last, start, step, total })) {
    if (pages === mostPages)
      return { document: { ...document, [name]: items }, items, pages, incomplete: 'limit', response: first.response };
    offset += step === 'page' ? 1 : last.length;
    const target = withOffset(call.request.target, offset);
    const answer = await sendCall(transport, { ...call, request: { ...call.request, target } });
    const found = listOf(answer.document);
    if (found === undefined || found.name !== name) break;
    // Also a page that begins inside the one before: an endpoint that counts otherwise would give items twice.
    const before = new Set(last.map((item) => JSON.stringify(item)));
    if (found.items.length > 0 && before.has(JSON.stringify(found.items[0])))
      throw new WxpayError('ANSWER_MISMATCH', {
        params: { field: 'data[0]', found: JSON.stringify(found.items[0]).slice(0, 64), wanted: `offset=${offset}` },
      });
    items.push(...found.items);
    ({ items: last, document: page } = found);
    pages += 1;
  }
  const short = typeof total === 'number' && start === 0 && items.length < total;
  return {
    document: { ...document, [name]: items },
    items,
    pages,
    response: first.response,
    ...(short ? { incomplete: 'total' as const } : {}),
  };
}

/** `data`, or the only list of an answer that pages. */
function listOf(
  value: unknown,
):
  | { readonly name: string; readonly items: readonly unknown[]; readonly document: Record<string, unknown> }
  | undefined {
  if (!isObject(value)) return undefined;
  if (!['offset', 'limit', 'total_count'].some((name) => typeof value[name] === 'number')) return undefined;
  const lists = Object.keys(value).filter((name) => Array.isArray(value[name]));
  const name = lists.includes('data') ? 'data' : lists.length === 1 ? lists[0] : undefined;
  return name === undefined ? undefined : { name, items: value[name] as readonly unknown[], document: value };
}

/** The coupon endpoints count pages where all others count items. */
function offsetStep(path: string): 'page' | 'item' {
  return path.startsWith('/v3/marketing/') ? 'page' : 'item';
}

function isLast(
  page: Record<string, unknown>,
  state: {
    readonly items: readonly unknown[];
    readonly last: readonly unknown[];
    readonly start: number;
    readonly step: 'page' | 'item';
    readonly total: unknown;
  },
): boolean {
  const { links, limit } = page;
  if (isObject(links)) return typeof links['next'] !== 'string' || links['next'] === '';
  const before = state.step === 'item' ? state.start : typeof limit === 'number' ? state.start * limit : 0;
  if (typeof state.total === 'number') return before + state.items.length >= state.total;
  return typeof limit === 'number' && state.last.length < limit;
}

function withOffset(target: string, offset: number): string {
  const [path = '', query = ''] = target.split('?');
  const rest = query.split('&').filter((pair) => pair !== '' && !/^offset(?:=|$)/.test(pair));
  return withQuery(rest.length === 0 ? path : `${path}?${rest.join('&')}`, [['offset', String(offset)]]);
}
