/**
 * A receiver of callbacks in front of the app under development: verifies and decrypts each, keeps it, passes its untouched bytes
 * on, and answers WeChat Pay as the app has answered (protocol 6.5). What does not verify is refused and goes nowhere.
 */
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { isWxpayError, WxpayError } from '../../core/errors.ts';
import type { Clock, Headers } from '../../core/ports.ts';
import { acknowledges, v2Answer } from './acknowledgement.ts';
import { kindOf, type CallbackKind, type Capture } from './capture/capture.ts';
import { unverified, type CaptureFolder, type ReceivedMessage } from './capture-folder.ts';
import { exchange, type Exchange } from './exchange.ts';
import { wechatPatienceMs } from './expectation.ts';
import { forwardable } from './forwardable.ts';
import { isWelcome, listenLimits, makeBodyReader, makeGate } from './listen-guard.ts';
import { makeRepeats, type Notice, type Repeat } from './repeats.ts';
import type { HeaderLines } from './send.ts';
import type { Target } from './target.ts';
import { verifyCallback, type CallbackKeys, type CallbackReport } from './verify.ts';
import { verifyV2Callback, type V2CallbackKeys } from './verify-v2.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly publicHosts: readonly string[];
  /** Where verified callbacks go; absent: they are answered here. */
  readonly forwardTo?: Target;
  /** Passes on what does not verify, too, with a header that says so. */
  readonly forwardUnverified: boolean;
  /** Passes on repeats that the app has acknowledged, too. */
  readonly forwardRepeats: boolean;
  /** The first so many comings of every callback are answered with a failure. */
  readonly failFirst: number;
  readonly clock: Clock;
  readonly keys: CallbackKeys;
  /** Asked for with the first callback of APIv2: who has none may have no key for them. */
  readonly v2Keys: () => Promise<V2CallbackKeys>;
  /** Absent: nothing is kept. */
  readonly captures?: CaptureFolder;
  readonly onReceived: (received: Received) => void;
  /** An answer that came after WeChat Pay had stopped waiting for it. */
  readonly onLate: (received: Received, late: Exchange) => void;
  /** A capture that could not be kept. */
  readonly onUnkept: (error: WxpayError) => void;
}

/**
 * What was done with a callback.
 *
 * - `forwarded`: the app was asked. `held_back`: a repeat that the app has acknowledged.
 * - `answered`: there is no app to ask. `failed_on_purpose`: by `failFirst`.
 * - `refused`: it does not verify. `unjudged`: whether it verifies could not be found out.
 */
export type Action = 'forwarded' | 'held_back' | 'answered' | 'failed_on_purpose' | 'refused' | 'unjudged';

export interface Received {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly target: string;
  readonly kind: CallbackKind;
  /** Absent when it could not be judged. */
  readonly report?: CallbackReport;
  /** Why it could not be judged. */
  readonly error?: WxpayError;
  readonly repeat?: Repeat;
  readonly action: Action;
  /** What the app said, where it was asked. */
  readonly app?: Exchange;
  /** `taken`: WeChat Pay sees it as acknowledged. */
  readonly answered: { readonly status: number; readonly ms: number; readonly taken: boolean };
  /** The file in which it is kept. */
  readonly capture?: string;
}

export interface Listener {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Takes no more; what is under way gets a second. */
  close(): Promise<void>;
}

/** What is left of WeChat Pay's patience for the way back. */
const deadlineMs = wechatPatienceMs - 200;
/** How long an answer is awaited to be able to say how late it is. */
const lateMs = 30_000;
const closingMs = 1000;

/**
 * Starts listening; returns once it has reached itself.
 *
 * @throws WxpayError `LISTEN_PORT_BUSY`, `INPUT_INVALID` (a host that is none of this machine's)
 */
export async function startListener(options: ListenOptions): Promise<Listener> {
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const turns = new WeakMap<Socket, Promise<void>>();
  const handle = makeHandler(options, stopping.signal);
  const server = createServer(
    {
      maxHeaderSize: listenLimits.headerBytes,
      headersTimeout: listenLimits.headersTimeoutMs,
      requestTimeout: listenLimits.requestTimeoutMs,
      keepAliveTimeout: listenLimits.keepAliveMs,
      connectionsCheckingInterval: 1000,
    },
    (message, response) => {
      const treat = async (): Promise<void> =>
        handle(message, response, address).catch(() => {
          // The caller has gone, or never sent what it promised.
          response.destroy();
        });
      // Requests in one breath are answered in their order anyway, and take neither the places of anybody else's nor their time.
      const work = turns.get(message.socket)?.then(nextTurn).then(treat) ?? treat();
      turns.set(message.socket, work);
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    },
  );
  server.maxConnections = listenLimits.connections;
  server.maxRequestsPerSocket = listenLimits.requestsPerSocket;
  const port = await bind(server, options);
  const address = { host: options.host, port, publicHosts: options.publicHosts };
  const here = ['0.0.0.0', '::'].includes(options.host) ? '127.0.0.1' : options.host;
  const url = `http://${here.includes(':') ? `[${here}]` : here}:${port}`;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeIdleConnections();
    const patience = new AbortController();
    const waited = options.clock.sleep(closingMs, patience.signal).catch(() => undefined);
    await Promise.race([Promise.allSettled(underWay), waited]);
    patience.abort();
    stopping.abort();
    await Promise.race([Promise.allSettled(underWay), new Promise((resolve) => setImmediate(resolve))]);
    server.closeAllConnections();
    await closed;
  };
  if (!(await reaches(url))) {
    await close();
    throw new WxpayError('LISTEN_PORT_BUSY', { params: { port } });
  }
  return { url, port, close };
}

/** Until what has come from others meanwhile was read. */
async function nextTurn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

async function bind(server: Server, { host, port }: ListenOptions): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const busy = error.code === 'EADDRINUSE' || error.code === 'EACCES';
      reject(
        busy
          ? new WxpayError('LISTEN_PORT_BUSY', { params: { port }, cause: error })
          : new WxpayError('INPUT_INVALID', {
              params: { field: '--host', reason: error.code ?? 'error' },
              cause: error,
            }),
      );
    });
    server.listen({ host, port, backlog: listenLimits.backlog }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Ready is what has answered, not what was asked to listen. */
async function reaches(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(`${url}/healthz`, { agent: false, timeout: 3000 }, (response) => {
      response.resume();
      response.on('close', () => resolve(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

type Handler = (
  message: IncomingMessage,
  response: ServerResponse,
  address: Parameters<typeof isWelcome>[1],
) => Promise<void>;

function makeHandler(options: ListenOptions, stopping: AbortSignal): Handler {
  const { clock } = options;
  const readBody = makeBodyReader();
  const treat = makeTreatment(options, stopping);
  const enter = makeGate(clock);

  return async (message, response, address) => {
    const started = clock.monotonic();
    const { method = '', url: target = '' } = message;
    if ((method === 'GET' || method === 'HEAD') && target === '/healthz') {
      answerJson(response, 200, { status: 'ok' });
      return;
    }
    if (!isWelcome(message, address)) return turnAway(response, 403, 'not allowed');
    if (method !== 'POST') return turnAway(response, 405, 'POST only', { Allow: 'POST' });
    // Whoever has not sent everything holds no place.
    const body = await readBody(message);
    if (body === 'too-large') return turnAway(response, 413, 'too large');
    const leave = await enter();
    if (leave === undefined) return turnAway(response, 503, 'too busy');
    try {
      const at = clock.now();
      const received = { method, target, headers: pairs(message.rawHeaders), body };
      const { outcome, answer, watch } = await treat(received, at, started);
      answer(response);
      const { action, app, kind } = outcome;
      const taken =
        action === 'answered' ||
        action === 'held_back' ||
        (action === 'forwarded' && app !== undefined && acknowledges(kind, app));
      const answered = { status: response.statusCode, ms: Math.round(clock.monotonic() - started), taken };
      const told = { at, target, ...outcome, answered };
      options.onReceived(told);
      void watch?.(told);
    } finally {
      leave();
    }
  };
}

interface Treated {
  readonly outcome: Omit<Received, 'at' | 'target' | 'answered'>;
  readonly answer: (response: ServerResponse) => void;
  /** Waits for what the app says when it is too late. */
  readonly watch?: (received: Received) => Promise<void>;
}

/** Judges, keeps, recognises, passes on: what to answer, and what to tell. */
function makeTreatment(
  options: ListenOptions,
  stopping: AbortSignal,
): (message: ReceivedMessage, at: number, started: number) => Promise<Treated> {
  const { clock, forwardTo } = options;
  const repeats = makeRepeats();
  let late = 0;

  /** Whatever the app does, there is an answer in time; one that comes later is still told of. */
  async function ask(
    target: Target,
    message: ReceivedMessage,
    started: number,
    mark: HeaderLines,
  ): Promise<{
    readonly app: Exchange;
    readonly watch?: (received: Received) => Promise<void>;
  }> {
    const stop = new AbortController();
    const onStop = (): void => stop.abort();
    stopping.addEventListener('abort', onStop, { once: true });
    if (stopping.aborted) stop.abort();
    const headers = [
      ...forwardable(
        message.headers.filter(([name]) => !isMark(name)),
        message.body,
      ),
      ...mark,
    ];
    // A URL with a path names the handler; one without leaves it to the callback's own path.
    const path = target.url.pathname === '/' && target.url.search === '' ? pathOf(message.target) : undefined;
    const asked = exchange(
      target,
      { headers, body: message.body },
      { clock, timeoutMs: lateMs, signal: stop.signal },
      path,
    );
    void asked.finally(() => stopping.removeEventListener('abort', onStop));
    const left = Math.max(1, deadlineMs - (clock.monotonic() - started));
    const patience = new AbortController();
    const first = await Promise.race([
      asked,
      clock.sleep(left, patience.signal).then(
        () => 'slow' as const,
        () => 'slow' as const,
      ),
    ]);
    patience.abort();
    if (first !== 'slow') return { app: first };
    const app: Exchange = { ms: Math.round(left), failure: 'slow' };
    if (late >= listenLimits.lateAtOnce) {
      stop.abort();
      return { app };
    }
    late += 1;
    const outcome = asked.finally(() => (late -= 1));
    return {
      app,
      watch: async (received) => {
        const answer = await outcome;
        if (answer.failure !== 'stopped') options.onLate(received, answer);
      },
    };
  }

  async function keep(message: ReceivedMessage, label: string, at: number): Promise<{ capture?: string }> {
    if (options.captures === undefined) return {};
    try {
      const capture = await options.captures.keep(message, label, at);
      return capture === undefined ? {} : { capture };
    } catch (error) {
      if (!isWxpayError(error)) throw error;
      options.onUnkept(error);
      return {};
    }
  }

  return async (message, at, started) => {
    const capture = captureOf(message);
    const kind = kindOf(capture);
    const failing = kind === 'v2' ? failingV2 : failingV3;
    const taking = kind === 'v2' ? takenV2 : empty(204);
    const verdict = await judge(capture, kind, options, at);
    if (verdict instanceof WxpayError) {
      const kept = await keep(message, 'unjudged', at);
      return { outcome: { ...kept, kind, action: 'unjudged', error: verdict }, answer: failing(503, 'not judged') };
    }
    const report = verdict;
    const valid = report.verdict === 'valid';
    const notice = noticeOf(report, kind);
    const label = kind === 'v2' ? notice.event_type : (report.envelope?.event_type ?? 'callback');
    const kept = await keep(message, valid ? label : unverified, at);
    if (!valid) {
      const refused = { ...kept, kind, report, action: 'refused' } as const;
      // One wording for whatever is wrong: nobody is told how near they came (THREATS C11).
      const answer = failing(401, 'verification failed');
      if (!options.forwardUnverified || forwardTo === undefined) return { outcome: refused, answer };
      const { app, watch } = await ask(forwardTo, message, started, [[unverifiedMark, report.failure?.code ?? '']]);
      return { outcome: { ...refused, app }, answer, ...(watch === undefined ? {} : { watch }) };
    }
    const { times, repeat } = repeats.meet(notice, at);
    const base = { ...kept, kind, report, ...(repeat === undefined ? {} : { repeat }) };
    if (times <= options.failFirst)
      return { outcome: { ...base, action: 'failed_on_purpose' }, answer: failing(500, 'failed on purpose') };
    if (repeat?.acknowledged === true && !options.forwardRepeats)
      return { outcome: { ...base, action: 'held_back' }, answer: taking };
    if (forwardTo === undefined) {
      repeats.acknowledge(notice);
      return { outcome: { ...base, action: 'answered' }, answer: taking };
    }
    const { app, watch } = await ask(forwardTo, message, started, []);
    // Only what WeChat Pay hears counts: an answer that came too late was none.
    if (acknowledges(kind, app)) repeats.acknowledge(notice);
    const outcome = { ...base, action: 'forwarded', app } as const;
    return { outcome, answer: relay(app, failing), ...(watch === undefined ? {} : { watch }) };
  };
}

const unverifiedMark = 'Wxpay-Unverified';
const isMark = (name: string): boolean => name.toLowerCase() === unverifiedMark.toLowerCase();

/** @returns the report, or why there is none */
async function judge(
  capture: Capture,
  kind: CallbackKind,
  { keys, v2Keys, clock }: ListenOptions,
  at: number,
): Promise<CallbackReport | WxpayError> {
  const patience = new AbortController();
  try {
    return await Promise.race([
      kind === 'v2' ? v2Keys().then((own) => verifyV2Callback(capture, own)) : verifyCallback(capture, keys, at),
      // A key that has to be fetched may take longer than anybody waits.
      clock
        .sleep(deadlineMs, patience.signal)
        .then(() => new WxpayError('NETWORK_TIMEOUT', { params: { host: 'WeChat Pay' } })),
    ]);
  } catch (error) {
    return isWxpayError(error)
      ? error
      : new WxpayError('INTERNAL', { params: { reason: error instanceof Error ? error.name : 'error' }, cause: error });
  } finally {
    patience.abort();
  }
}

function captureOf({ headers, body }: ReceivedMessage): Capture {
  return { headers: headersOf(headers), body, bodyIs: 'bytes', format: 'http' };
}

function noticeOf({ envelope, resource = {} }: CallbackReport, kind: CallbackKind): Notice {
  // APIv2 has neither ids nor types: what it tells of is all there is.
  if (kind === 'v2') {
    const event = typeof resource['out_refund_no'] === 'string' ? 'V2.REFUND' : 'V2.PAYMENT';
    const { nonce_str: nonce } = resource;
    return { id: typeof nonce === 'string' ? nonce : '', event_type: event, resource };
  }
  return { id: envelope?.id ?? '', event_type: envelope?.event_type ?? '', resource };
}

/** The app's answer as it is, but for what belongs to its connection; without one, a failure in WeChat Pay's own form. */
function relay(
  { status, headers = [], body = Buffer.alloc(0), whole, failure }: Exchange,
  failing: Failing,
): (response: ServerResponse) => void {
  if (failure === 'slow') return failing(504, 'app too slow');
  if (failure !== undefined || status === undefined || status < 200 || status > 599)
    return failing(502, failure === 'refused' ? 'app not running' : 'app failed');
  const empty = status === 204 || status === 304;
  // Of an answer that goes on and on, the status is what counts.
  const sent = empty || whole !== true ? Buffer.alloc(0) : body;
  const lines = forwardable(headers, sent).filter(
    ([name]) => !(empty && /^content-length$/i.test(name)) && !(whole !== true && /^content-encoding$/i.test(name)),
  );
  return (response) => {
    try {
      response.sendDate = !lines.some(([name]) => name.toLowerCase() === 'date');
      response.writeHead(status, lines.flat());
    } catch {
      failing(502, 'app failed')(response);
      return;
    }
    response.end(sent);
  };
}

type Failing = (status: number, message: string) => (response: ServerResponse) => void;

const failingV3: Failing = (status, message) => (response) => answerJson(response, status, { code: 'FAIL', message });

const failingV2: Failing = (status, message) => (response) => answerXml(response, status, v2Answer('FAIL', message));

function takenV2(response: ServerResponse): void {
  answerXml(response, 200, v2Answer('SUCCESS', 'OK'));
}

function answerXml(response: ServerResponse, status: number, bytes: Buffer): void {
  response.setHeader('Content-Type', 'text/xml; charset=utf-8');
  response.setHeader('Content-Length', String(bytes.length));
  response.writeHead(status).end(bytes);
}

function empty(status: number): (response: ServerResponse) => void {
  return (response) => void response.writeHead(status).end();
}

/** For whoever is not WeChat Pay, or too much: the connection ends with the answer. */
function turnAway(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): void {
  response.shouldKeepAlive = false;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  answerJson(response, status, { code: 'FAIL', message });
}

function answerJson(response: ServerResponse, status: number, document: object): void {
  const bytes = Buffer.from(JSON.stringify(document), 'utf8');
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', String(bytes.length));
  response.writeHead(status).end(bytes);
}

/** Lower-case names, every value, nothing merged. */
function headersOf(lines: HeaderLines): Headers {
  const headers = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of lines) (headers[name.toLowerCase()] ??= []).push(value);
  return headers;
}

/** Origin form: an absolute target would lead a naive app astray. */
function pathOf(target: string): string {
  return target.startsWith('/') ? target : '/';
}

function pairs(flat: readonly string[]): HeaderLines {
  const lines: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) lines.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return lines;
}
