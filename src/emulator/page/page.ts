/**
 * The page at the emulator's own address: orders, refunds, callbacks and requests as they come, and buttons for the payer's part.
 * The document holds no data. Its script asks for them with a token that only the document has, so that no other origin can read
 * or do anything (THREATS I3); the policy lets it load nothing but its own files.
 */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { carryOut, sameText, snapshotBytes } from '../control.ts';
import type { Emulator } from '../contract.ts';
import { isForOfficialHost } from '../guard.ts';
import type { Address, BodyReader } from '../guard.ts';
import type { RawRequest } from '../gateway.ts';
import { refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { assets } from './assets.ts';
import { isLanguage, preferredLanguage } from './language.ts';
import { pageState } from './state.ts';
import { texts } from './texts.ts';
import type { Language } from './texts.ts';
import { mayVisit } from './visit.ts';

export const pagePrefix = '/_page/';
export const pageTokenHeader = 'wxpay-page-token';

export interface Visit {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: RawRequest['headers'];
  readonly address: Address;
}

export interface Pages {
  /** @returns `elsewhere` for what is not the page's; a refusal is for the caller to send */
  visit(visit: Visit): Promise<'served' | 'elsewhere' | Reply>;
}

interface Tools {
  readonly controlToken: string;
  readonly now: () => number;
  readonly readBody: BodyReader;
  readonly emulator: () => Emulator;
}

/** The control API's actions that the page's buttons stand for. */
const actions: readonly string[] = [
  'POST pay',
  'POST refund',
  'POST callbacks',
  'POST redeliver',
  'POST transfer',
  'POST payers',
  'POST codes',
  'POST clock',
  'POST rotate',
  'POST reset',
  'GET snapshot',
  'POST snapshot',
  'POST faults',
  'DELETE faults',
];

/** `require-trusted-types-for` closes every way from a string to markup. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const refusal: Reply = { ...refuse(403, 'NO_AUTH', 'EMULATOR: the page is for this machine only', 403), check: 'host' };
const tokenless: Reply = { ...refuse(401, 'NO_AUTH', 'EMULATOR: the token is missing', 401), check: 'host' };
const tooLarge: Reply = {
  ...refuse(413, 'INVALID_REQUEST', 'EMULATOR: the body is larger than 1 MiB', 413),
  check: 'size',
};

export function openPage({ controlToken, now, readBody, emulator }: Tools): Pages {
  // Not the control API's own: that one stays in a file which only its owner can read.
  const token = createHmac('sha256', controlToken).update('page').digest('base64url');

  return {
    async visit({ message, response, headers, address }) {
      const { method = '', url: target = '' } = message;
      const { path, query } = splitTarget(target);
      const name = path.startsWith(pagePrefix) ? path.slice(pagePrefix.length) : undefined;
      const isDocument = (method === 'GET' || method === 'HEAD') && (path === '/' || path === '/pay');
      if ((name === undefined && !isDocument) || isForOfficialHost(headers, address)) return 'elsewhere';
      if (!mayVisit({ method, headers, address, remote: message.socket.remoteAddress })) {
        response.shouldKeepAlive = false;
        return refusal;
      }
      if (name === undefined) {
        const wanted = query.get('lang');
        const language = isLanguage(wanted) ? wanted : preferredLanguage(headers.get('accept-language') ?? []);
        give(response, 200, 'text/html; charset=utf-8', documentIn(language, token));
        return 'served';
      }
      const asset = Object.hasOwn(assets, name) ? assets[name] : undefined;
      if (asset !== undefined && method === 'GET') {
        give(response, 200, asset.type, asset.text);
        return 'served';
      }
      const given = headers.get(pageTokenHeader) ?? [];
      if (given.length !== 1 || !sameText(given[0] ?? '', token)) return tokenless;
      const body = await readBody(message, name === 'snapshot' ? snapshotBytes : undefined);
      if (body === 'too-large') {
        response.shouldKeepAlive = false;
        return tooLarge;
      }
      if (method === 'GET' && name === 'state') giveState(response, query, emulator(), now());
      else if (method === 'GET' && name === 'find') {
        giveJson(response, emulator().showcase.find((query.get('order') ?? '').slice(0, 512)));
      } else if (actions.includes(`${method} ${name}`)) {
        await carryOut(`${method} ${name}`, { target, body }, response, emulator());
      } else give(response, 404, 'application/json', '{}');
      return 'served';
    },
  };
}

/** The whole state; or, when the page has it already, only that and the time. */
function giveState(response: ServerResponse, query: URLSearchParams, emulator: Emulator, now: number): void {
  const state = JSON.stringify(pageState(emulator));
  const version = createHash('sha256').update(state).digest('base64url').slice(0, 22);
  const same = query.get('version') === version;
  give(
    response,
    200,
    'application/json; charset=utf-8',
    `{"now":${now},"version":"${version}"${same ? '' : `,"state":${state}`}}`,
  );
}

function giveJson(response: ServerResponse, value: unknown): void {
  give(response, 200, 'application/json; charset=utf-8', JSON.stringify(value));
}

function give(response: ServerResponse, status: number, type: string, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': String(bytes.length),
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  });
  response.end(bytes);
}

/** Only our own words and the token, which is base64url: nothing from outside gets into the document. */
function documentIn(language: Language, token: string): string {
  const { title, noscript } = texts[language];
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="page-token" content="${token}">
<title>${title}</title>
<link rel="icon" href="${pagePrefix}icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${pagePrefix}style.css">
<script type="module" src="${pagePrefix}app.js"></script>
</head>
<body>
<noscript>${noscript}</noscript>
</body>
</html>
`;
}

function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
