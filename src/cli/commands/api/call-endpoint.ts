/** `wxpay api <METHOD> <path>`: one call of APIv3, from what was typed to what is shown. */
import path from 'node:path';
import { inputUnreadable } from '../../../core/durable/system-error.ts';
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { parseBaseUrl } from '../../../core/http/base-url.ts';
import { parseDownloadUrl } from '../../../core/http/download-url.ts';
import type { ApiResponse, Transport } from '../../../core/ports.ts';
import { changeValues, parsePair, parsePath } from '../../../operations/body-fields.ts';
import {
  fetchPages,
  mostPages,
  ownNumber,
  planCall,
  requireFilled,
  sendCall,
  withQuery,
  type Call,
  type CallAnswer,
  type CallBody,
  type Pages,
} from '../../../operations/call.ts';
import { methodsOf, nearestPath } from '../../../operations/catalogue.ts';
import { decryptField } from '../../../operations/crypt.ts';
import { beyondBmp, isObject } from '../../../operations/fields.ts';
import { readSubject, type Subject } from '../../../operations/sign.ts';
import { buildUpload, largestUpload, type Upload } from '../../../operations/upload.ts';
import { formatFen } from '../../../output/money.ts';
import { safeJson, safeVerbatim } from '../../../output/safe-text.ts';
import type { Block, Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import { encryptFields, hasBody, readBody, textsOf } from './fields.ts';

type Options = CommandInput['options'];

export async function callEndpoint(
  args: readonly string[],
  options: Options,
  runtime: Runtime,
): Promise<Result | undefined> {
  checkOptions(options);
  const subject = readTarget(args, options, runtime);
  const body = await assembleBody(subject, options, runtime);
  const call: Call = {
    ...planCall(subject.method, subject.target, body ?? { body: new Uint8Array(), document: undefined }),
    ...(subject.origin === undefined ? {} : { origin: subject.origin }),
  };
  checkBody(call, body, options);
  const profile = await runtime.profile();
  checkOrigin(subject.origin, profile, runtime);
  sayWhatIsKnown(call, subject, profile, runtime);
  for (const field of beyondBmp(call.document)) runtime.warn('order.warn.beyond_bmp', { field });
  if (runtime.globals.dryRun)
    return dryRun(runtime, call.request, {
      ...(subject.origin === undefined ? {} : { origin: subject.origin }),
      ...(body?.form === undefined ? {} : { form: body.form }),
    });
  if (call.request.effect !== 'read') await confirmWrite(call, profile, runtime);
  const transport = await transportFor(subject, profile, runtime);
  const answer = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
    options['paginate'] === true ? fetchPages(transport, call) : sendCall(transport, call),
  );
  return show(call, answer, options, runtime);
}

/** Options that contradict each other. */
function checkOptions(options: Options): void {
  const raw = options['raw'] === true;
  for (const [name, flag] of [
    ['paginate', '--paginate'],
    ['include', '--include'],
    ['decrypt', '--decrypt'],
  ] as const)
    if (raw && options[name] !== undefined) throw invalid(flag, 'api_not_raw');
  if (options['upload'] !== undefined && options['encrypt'] !== undefined) throw invalid('--encrypt', 'api_not_upload');
  if (options['serial'] !== undefined && options['encrypt'] === undefined) throw invalid('--serial', 'api_serial');
  for (const field of textsOf(options['decrypt'])) parsePath(field);
}

function readTarget(args: readonly string[], options: Options, runtime: Runtime): Subject {
  const place = args[1] ?? args[0] ?? '';
  requireFilled(place.replace(/^https?:\/\/[^/?#]*/i, ''));
  // A parser takes them out silently, and another endpoint is called.
  if (/(?:^|\/)(?:\.|%2e){1,2}(?:[/?]|$)/i.test(place))
    throw new WxpayError('PATH_INVALID', {
      params: { value: place.slice(0, 200), reason: 'key:reason.target_segment' },
      outcome: 'not_sent',
    });
  if (args[1] === undefined && args[0]?.includes('/') !== true)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'path', flag: '<path>', variable: '<path>' },
      hint: 'api.hint.usage',
      outcome: 'not_sent',
    });
  const { allowHost } = runtime.globals;
  const read = readSubject(args, hasBody(options), allowHost === undefined ? [] : [allowHost]);
  if (!/^\/(?:[a-z]+\/)?v3\//.test(read.target))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: read.target.slice(0, 200), reason: 'key:reason.api_not_v3' },
      hint: 'api.hint.v2',
      outcome: 'not_sent',
    });
  const pairs = textsOf(options['queryParam']).map((pair) => {
    const { path: name, text } = parsePair(pair);
    if (text === undefined || name === '') throw invalid(`--query-param ${pair}`, 'v2_pair');
    return [name, text] as const;
  });
  // `|` stands in order numbers and is signed as %7C (protocol 1.1).
  return { ...read, target: withQuery(read.target.replaceAll('|', '%7C'), pairs) };
}

interface AssembledBody extends CallBody {
  /** How curl would make it. */
  readonly form?: readonly string[];
}

async function assembleBody(subject: Subject, options: Options, runtime: Runtime): Promise<AssembledBody | undefined> {
  const given = await readBody(options, runtime);
  const file = options['upload'];
  if (typeof file !== 'string') return encryptFields(given, options, runtime);
  const bytes = await readUpload(file, runtime);
  const target = subject.target.split('?', 1)[0] ?? '';
  // Fields go into the default meta; `--data` is the meta itself.
  const meta = given === undefined ? {} : options['data'] === undefined ? (given.document as object) : given.body;
  const upload: Upload = buildUpload(
    target,
    { name: path.basename(file), bytes },
    meta as Uint8Array | Record<string, unknown>,
    `wxpay${runtime.nonce()}`,
  );
  return {
    body: upload.body,
    signedBody: upload.meta,
    document: JSON.parse(upload.meta.toString('utf8')) as unknown,
    headers: { 'content-type': upload.contentType },
    form: [
      '-F',
      `meta=${upload.meta.toString('utf8')};type=application/json`,
      '-F',
      `file=@${file};type=${upload.fileType}`,
    ],
  };
}

async function readUpload(file: string, { cwd }: Runtime): Promise<Buffer> {
  const { open } = await import('node:fs/promises');
  try {
    const handle = await open(path.resolve(cwd, file));
    try {
      const { size } = await handle.stat();
      if (size > largestUpload)
        throw new WxpayError('INPUT_INVALID', {
          params: { field: file, reason: 'key:reason.api_file_size', bytes: size, max: largestUpload },
          outcome: 'not_sent',
        });
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw inputUnreadable(file, error, 'not_sent');
  }
}

/** What cannot come to a good end is not sent. */
function checkBody({ request, endpoint }: Call, body: CallBody | undefined, options: Options): void {
  if (request.method === 'GET' && body !== undefined)
    throw invalid(options['data'] === undefined ? '-f' : '--data', 'api_get_body');
  if (options['paginate'] === true && request.method !== 'GET') throw invalid('--paginate', 'api_paginate');
  if (endpoint?.body === 'multipart' && request.signedBody === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: '--upload', flag: '--upload <file>', variable: '--upload' },
      hint: 'api.hint.upload',
      outcome: 'not_sent',
    });
  if (endpoint !== undefined && endpoint.body !== 'multipart' && request.signedBody !== undefined)
    throw invalid('--upload', 'api_takes_no_file');
}

/** @throws `INPUT_INVALID` for a live merchant's request on the way to this machine, and the other way round */
function checkOrigin(origin: string | undefined, profile: ResolvedProfile, { globals }: Runtime): void {
  if (origin === undefined) return;
  const allowHosts = globals.allowHost === undefined ? [] : [globals.allowHost];
  const base = parseBaseUrl(baseUrlOf(profile), allowHosts);
  try {
    parseDownloadUrl(`${origin}/`, base, allowHosts);
  } catch (error) {
    if (!isWxpayError(error, 'HOST_NOT_ALLOWED')) throw error;
    throw new WxpayError('INPUT_INVALID', {
      params: { field: origin, reason: 'key:reason.api_other_world', base: base.origin },
      hint: 'api.hint.other_world',
      outcome: 'not_sent',
    });
  }
}

/** What the catalogue has to say before anything is sent. */
function sayWhatIsKnown(call: Call, subject: Subject, profile: ResolvedProfile, runtime: Runtime): void {
  const { endpoint, request } = call;
  const { method } = request;
  if (subject.normalised) runtime.note('sign.note.normalised', { target: subject.target });
  if (subject.origin !== undefined && subject.origin !== new URL(baseUrlOf(profile)).origin)
    runtime.note('api.note.url', { origin: subject.origin });
  if (endpoint === undefined) {
    const methods = methodsOf(call.path).join(', ');
    const nearest = methods === '' ? nearestPath(call.path) : undefined;
    if (methods !== '') runtime.note('api.note.method', { path: call.path, method, methods });
    else if (nearest !== undefined) runtime.note('api.note.nearest', { path: call.path, nearest });
    else runtime.note('api.note.unlisted', { path: call.path });
    return;
  }
  if (endpoint.body === 'none' && request.body.length > 0)
    runtime.note('api.note.no_body', { method, path: endpoint.path });
  if (endpoint.body === 'json' && request.body.length === 0)
    runtime.note('api.note.body', { method, path: endpoint.path });
  const host = new URL(subject.origin ?? baseUrlOf(profile)).host;
  if (profile.live && endpoint.host !== undefined && endpoint.host !== host)
    runtime.note('api.note.host', { host: endpoint.host, path: endpoint.path });
}

async function confirmWrite(call: Call, profile: ResolvedProfile, runtime: Runtime): Promise<void> {
  const number = ownNumber(call);
  if (number !== undefined) runtime.note('v2.note.number', { field: number[0], number: number[1] });
  const { method, target } = call.request;
  const about = aboutOf(call.document);
  await confirmLive(runtime, profile, {
    key: about === '' ? 'api.confirm.bare' : 'api.confirm.call',
    params: { method, path: target, about },
  });
}

/** Numbers and amounts, the amounts with their unit: whole fen in every API (endpoints 1.1). */
function aboutOf(document: unknown): string {
  const found: string[] = [];
  const look = (value: unknown, name: string): void => {
    if (found.length >= 8) return;
    if (Array.isArray(value)) value.forEach((item) => look(item, name));
    else if (isObject(value)) for (const [inner, one] of Object.entries(value)) look(one, inner);
    else if (typeof value === 'number' && /(?:^|_)(?:amount|total|refund|fee)$/.test(name))
      found.push(`${name} ${formatFen(value)}`);
    else if (typeof value === 'string' && /(?:_no|^transaction_id|^openid|^account)$/.test(name))
      found.push(`${name} ${value}`);
  };
  look(document, '');
  return found.join(', ');
}

async function transportFor(subject: Subject, profile: ResolvedProfile, runtime: Runtime): Promise<Transport> {
  const { origin, target } = subject;
  if (origin === undefined || origin === new URL(baseUrlOf(profile)).origin) return runtime.transport();
  return (await runtime.transportTo(origin + target)).transport;
}

async function show(
  call: Call,
  answer: CallAnswer | Pages,
  options: Options,
  runtime: Runtime,
): Promise<Result | undefined> {
  const { response } = answer;
  if (response.status === 202) runtime.note('api.note.accepted');
  if (options['raw'] === true) return showRaw(response, runtime);
  if ('pages' in answer) sayPages(answer, runtime);
  else if (options['paginate'] === true) runtime.note('api.note.one_page');
  if (response.body.length === 0) {
    runtime.note(call.request.effect === 'read' ? 'api.note.empty' : 'api.note.empty_write', {
      status: response.status,
    });
    if (options['include'] !== true) return undefined;
  }
  const failed = await decryptFields(answer, options, runtime);
  const { document } = answer;
  const unreadable = 'unreadable' in answer ? answer.unreadable : undefined;
  const text = Buffer.from(response.body).toString('utf8');
  if (unreadable !== undefined) runtime.warn('api.warn.no_json');
  const shown = unreadable === undefined ? document : { text };
  const json = unreadable === undefined ? safeJson(document, { tty: runtime.stdout.isTTY }) : text;
  const head = options['include'] === true ? headOf(response) : undefined;
  const view: Block[] = [
    ...(head === undefined ? [] : [{ kind: 'verbatim' as const, text: head.text }]),
    ...(response.body.length === 0 ? [] : [{ kind: 'verbatim' as const, text: json }]),
  ];
  const id = idOf(document);
  return {
    data: head === undefined ? shown : { status: response.status, headers: head.headers, body: shown ?? null },
    view,
    ...('pages' in answer ? { rows: answer.items } : {}),
    ...(id === undefined ? {} : { id }),
    ...(failed ? { failed: 'DECRYPT_FAILED' } : {}),
  };
}

/** The verified bytes as they are; on a terminal made harmless. */
async function showRaw(response: ApiResponse, runtime: Runtime): Promise<Result | undefined> {
  if (!runtime.stdout.isTTY) {
    await runtime.writeBytes(response.body);
    return undefined;
  }
  const text = safeVerbatim(Buffer.from(response.body).toString('utf8'), { tty: true });
  runtime.stdout.write(`${text}\n`);
  return undefined;
}

function sayPages({ pages, items, incomplete }: Pages, runtime: Runtime): void {
  if (incomplete === 'limit') runtime.warn('api.warn.most_pages', { pages: mostPages });
  else if (incomplete === 'total') runtime.warn('api.warn.total', { items: items.length });
  else runtime.note('api.note.pages', { pages, items: items.length });
}

/** The answer is there whatever comes of this: what cannot be decrypted stays as it came. */
async function decryptFields({ document }: CallAnswer | Pages, options: Options, runtime: Runtime): Promise<boolean> {
  const fields = textsOf(options['decrypt']);
  if (fields.length === 0) return false;
  const key = await (await runtime.credentials()).merchantKey();
  let failed = false;
  for (const field of fields) {
    const count = await changeValues(document, field, (value, at) => {
      try {
        if (typeof value === 'string') return decryptField(key, value);
      } catch (error) {
        if (!(error instanceof WxpayError)) throw error;
      }
      failed = true;
      runtime.warn('api.warn.decrypt', { field: at });
      return value;
    });
    if (count === 0) runtime.warn('api.warn.no_field', { field });
  }
  return failed;
}

/** What is no secret and helps (THREATS E2): everything else of the head stays out. */
const shownHeaders = [
  'request-id',
  'content-type',
  'content-language',
  'date',
  'retry-after',
  'wechatpay-serial',
  'wechatpay-timestamp',
  'wechatpay-nonce',
  'wechatpay-signature-type',
] as const;

function headOf({ status, headers }: ApiResponse): { text: string; headers: Record<string, string> } {
  const shown = Object.fromEntries(
    shownHeaders.flatMap((name) => {
      const values = headers[name];
      return values === undefined ? [] : [[name, values.join(', ')] as const];
    }),
  );
  const lines = Object.entries(shown).map(([name, value]) => `${name}: ${value}`);
  return { text: [`HTTP ${status}`, ...lines].join('\n'), headers: shown };
}

function idOf(document: unknown): string | undefined {
  if (!isObject(document)) return undefined;
  const names = ['code_url', 'prepay_id', 'h5_url', 'media_id', 'media_url', 'refund_id', 'order_id', 'transaction_id'];
  const value = names.map((name) => document[name]).find((one): one is string => typeof one === 'string');
  return value;
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { field: field.slice(0, 200), reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}
