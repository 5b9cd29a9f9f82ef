/** Answers on the wire: headers as seen live, the signature, and the ways to spoil either. */
import type { KeyObject } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { SignatureFault } from './faults.ts';
import { answerMessage, signMessage } from './messages.ts';
import type { Reply } from './reply.ts';
import { xmlBytes } from './v2/reply.ts';

export interface Sealed {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly requestId: string | undefined;
}

export interface Seal {
  /** The key that signs; absent for an answer of the gateway, which is not signed. */
  readonly key?: { readonly id: string; readonly privateKey: KeyObject };
  /** A key that the caller does not trust, for a foreign signature. */
  readonly foreignKey: KeyObject;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
  readonly fault?: { readonly variant: SignatureFault; readonly header?: string };
}

/** The documented prefix of a deliberate probe; what follows only has to look like base64 (protocol 2). */
const probePrefix = 'WECHATPAY/SIGNTEST/';
export const signatureType = 'WECHATPAY2-SHA256-RSA2048';

/** Turns a reply into status, headers and bytes, signed over exactly those bytes. */
export function sealAnswer(reply: Reply, seal: Seal): Sealed {
  const body = bytesOf(reply, seal);
  const requestId = reply.withoutRequestId
    ? undefined
    : `${seal.randomBytes(18).toString('hex').toUpperCase()}-${reply.internal}`;
  const plainAnswer = body.length === 0 && seal.key === undefined;
  const type = typeOf(reply);
  return {
    status: reply.status,
    body,
    requestId,
    headers: [
      ['Server', 'nginx'],
      ['Date', new Date(seal.now).toUTCString()],
      ...(plainAnswer ? [] : ([['Content-Type', type]] as const)),
      ['Content-Length', String(body.length)],
      ['Content-Language', 'zh-CN'],
      ['Cache-Control', 'no-cache, must-revalidate'],
      ['X-Content-Type-Options', 'nosniff'],
      ...(requestId === undefined ? [] : ([['Request-ID', requestId]] as const)),
      ...Object.entries(reply.headers ?? {}),
      ...(seal.key === undefined || reply.file !== undefined || reply.xml !== undefined
        ? []
        : signatureHeaders(body, { ...seal, key: seal.key })),
    ],
  };
}

/** APIv2 answers `text/plain`, XML or not (protocol 11.2). */
function typeOf({ file, xml, withoutRequestId }: Reply): string {
  if (xml !== undefined || (file !== undefined && withoutRequestId === true)) return 'text/plain';
  return file === undefined ? 'application/json; charset=utf-8' : 'application/octet-stream';
}

function bytesOf({ body, file, xml }: Reply, { fault }: Seal): Buffer {
  if (xml !== undefined) {
    const spoiled = fault === undefined ? undefined : fault.variant === 'missing' ? 'missing' : 'wrong';
    return xmlBytes(xml.fields, spoiled);
  }
  if (file !== undefined) return Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  return body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body), 'utf8');
}

/** The five headers that prove an answer or a callback, spoiled where a fault says so. */
export function signatureHeaders(
  body: Uint8Array,
  seal: Seal & { readonly key: { readonly id: string; readonly privateKey: KeyObject } },
): (readonly [string, string])[] {
  const variant = seal.fault?.variant;
  const seconds = Math.floor(seal.now / 1000) - (variant === 'stale' ? 600 : 0);
  const timestamp = String(seconds);
  const nonce = seal.randomBytes(16).toString('hex');
  const key = variant === 'foreign' || variant === 'unknown-serial' ? seal.foreignKey : seal.key.privateKey;
  // A wrong signature is a perfect one over one byte more.
  const message = answerMessage(timestamp, nonce, variant === 'wrong' ? Buffer.concat([body, Buffer.of(0)]) : body);
  const signature = variant === 'probe' ? makeProbe(seal.randomBytes) : signMessage(message, key);
  const serial = variant === 'unknown-serial' ? seal.randomBytes(20).toString('hex').toUpperCase() : seal.key.id;
  const headers: (readonly [string, string])[] = [
    ['Wechatpay-Nonce', nonce],
    ['Wechatpay-Serial', serial],
    ['Wechatpay-Signature', signature],
    ['Wechatpay-Signature-Type', variant === 'type' ? 'WECHATPAY2-SM2-WITH-SM3' : signatureType],
    ['Wechatpay-Timestamp', timestamp],
  ];
  if (variant === 'duplicate-header') return [...headers, ['Wechatpay-Signature', makeProbe(seal.randomBytes)]];
  if (variant !== 'missing') return headers;
  const dropped = seal.fault?.header?.toLowerCase();
  return dropped === undefined ? [] : headers.filter(([name]) => name.toLowerCase() !== dropped);
}

/** 344 characters, as the documented sample has; decodes to 256 bytes without complaint. */
function makeProbe(randomBytes: (size: number) => Buffer): string {
  return `${probePrefix}${randomBytes(256).toString('base64').slice(probePrefix.length)}`;
}

/** Sends a whole answer. */
export function sendAnswer(response: ServerResponse, sealed: Sealed): void {
  response.writeHead(sealed.status, sealed.headers.flat());
  response.end(sealed.body);
}

/** Declares the whole length, sends the first `bytes` of the body, and closes. */
export function sendTruncated(response: ServerResponse, sealed: Sealed, bytes: number | undefined): void {
  const socket = response.socket;
  response.writeHead(sealed.status, sealed.headers.flat());
  const part = sealed.body.subarray(0, bytes ?? Math.floor(sealed.body.length / 2));
  response.flushHeaders();
  response.write(part, () => socket?.end());
}

/** Sends the first `bytes` of the raw answer, head included, then resets the connection. */
export function sendCut(response: ServerResponse, sealed: Sealed, bytes: number | undefined): void {
  const { socket } = response;
  if (bytes === undefined || bytes === 0) {
    socket?.resetAndDestroy();
    return;
  }
  const head = sealed.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const raw = Buffer.concat([Buffer.from(`HTTP/1.1 ${sealed.status} -\r\n${head}\r\n`, 'utf8'), sealed.body]);
  socket?.write(raw.subarray(0, bytes), () => socket.destroy());
}
