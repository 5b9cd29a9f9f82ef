/** What is left of a callback once somebody has written it down: headers, body, and how much of the body is to be trusted. */
import { WxpayError } from '../../../core/errors.ts';
import type { Headers } from '../../../core/ports.ts';

/**
 * The forms in which people keep a callback.
 *
 * - `http`: the raw message, byte for byte.
 * - `paste`: header lines and a body copied out of a window (`curl -v`, developer tools), so nearly a message.
 * - `curl`: a curl command, or PowerShell's Invoke-WebRequest.
 * - `har`: an HTTP archive.
 * - `json`: what proxies, loggers, serverless gateways and frameworks write, one document.
 * - `ndjson`: the same, one document a line.
 * - `files`: a file of headers and a file that is the body.
 */
export const captureFormats = ['http', 'paste', 'curl', 'har', 'json', 'ndjson', 'files'] as const;
export type CaptureFormat = (typeof captureFormats)[number];

/** Where in which file a capture was found. */
export interface CaptureOrigin {
  /** As the user named it; `-` is standard input. */
  readonly file?: string;
  /** Counted from 0, among the captures of one file. */
  readonly index?: number;
  /** Counted from 1, in files that hold one capture a line. */
  readonly line?: number;
}

export interface Capture {
  /** Names in lower case; every value in the order of its coming, so that repetition stays visible. No prototype. */
  readonly headers: Headers;
  /** Nobody has looked at it: it may be empty, cut, longer or shorter than a `Content-Length` says, and no JSON. */
  readonly body: Buffer;
  /**
   * - `bytes`: the very bytes that were captured.
   * - `text`: the capture held them as text, which is written as UTF-8 here; what was no UTF-8 on the wire is lost.
   * - `parsed`: the capture held the body as an object. The bytes are gone, and `body` is our own serialisation of it; it
   *   seldom verifies, and is valid only if the signature holds over exactly these bytes.
   */
  readonly bodyIs: 'bytes' | 'text' | 'parsed';
  readonly format: CaptureFormat;
  readonly origin?: CaptureOrigin;
}

/** `v3`: a signed JSON envelope (protocol 6). `v2`: an XML document that carries its own signature (protocol 11). */
export type CallbackKind = 'v3' | 'v2';

/** v2 is XML and has no signature headers, whatever became of it. Everything else is judged as v3. */
export function kindOf({ headers, body }: Pick<Capture, 'headers' | 'body'>): CallbackKind {
  if (Object.keys(headers).some((name) => name.startsWith('wechatpay-'))) return 'v3';
  const start = body.subarray(0, 256).toString('latin1');
  const isJson = /^(?:\xef\xbb\xbf)?\s*[{[]/.test(start);
  const wasXml =
    !isJson && (/(?:<|&lt;|%(?:25)*3C|\\u003c)(?:xml|\?xml)\b/i.test(start) || /^\s*["']?(?:PHhtb|PD94b)/.test(start));
  return wasXml || namesOfV2.every((name) => body.includes(name)) ? 'v2' : 'v3';
}

/** In every notice of APIv2, and in none of APIv3. */
const namesOfV2 = ['mch_id', 'nonce_str', 'return_code'];

/** A capture that cannot be read. `reason` names a text of the catalogue under `reason.`. */
export function malformedCapture(reason: string, params: Readonly<Record<string, string | number>> = {}): WxpayError {
  return new WxpayError('CALLBACK_MALFORMED', { params: { ...params, reason: `key:reason.${reason}` } });
}
