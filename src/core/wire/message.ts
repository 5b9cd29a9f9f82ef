/**
 * The three messages that are signed, as bytes. Every line ends with a line feed, the last one too. Nothing here trims,
 * decodes or re-encodes: what is signed is what is sent, and what is verified is what came.
 */

export interface RequestParts {
  /** Upper case. */
  readonly method: string;
  /** Origin-form target exactly as on the request line: path, and `?query` if there is one. */
  readonly target: string;
  /** Unix seconds, the same string as in the header. */
  readonly timestamp: string;
  readonly nonce: string;
  /** The exact body bytes (of a multipart upload: its `meta` JSON); empty for none. */
  readonly body: Uint8Array;
}

/** Method, target, timestamp, nonce, body: five lines (protocol 1.1). */
export function requestMessage({ method, target, timestamp, nonce, body }: RequestParts): Buffer {
  return lines(`${method}\n${target}\n${timestamp}\n${nonce}\n`, body);
}

export interface AnswerParts {
  /** `Wechatpay-Timestamp`, the raw header. */
  readonly timestamp: string;
  /** `Wechatpay-Nonce`, the raw header. */
  readonly nonce: string;
  /** The raw body bytes; empty for a 204. */
  readonly body: Uint8Array;
}

/** Timestamp, nonce, body: three lines, for answers and callbacks alike (protocol 2, 6.1). */
export function answerMessage({ timestamp, nonce, body }: AnswerParts): Buffer {
  return lines(`${timestamp}\n${nonce}\n`, body);
}

/**
 * Four lines (protocol 7).
 *
 * @param prepay `prepay_id=<id>` for JSAPI and mini-programs, the bare id for apps
 */
export function payMessage(appid: string, timestamp: string, nonce: string, prepay: string): Buffer {
  return Buffer.from(`${appid}\n${timestamp}\n${nonce}\n${prepay}\n`, 'utf8');
}

function lines(head: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(head, 'utf8'), body, Buffer.from('\n')]);
}
