/** The canonical messages, as bytes (protocol 1.1, 2, 7). Every line ends with LF, the last one too. */

export interface RequestMessage {
  /** Upper case. */
  readonly method: string;
  /** Path and query exactly as on the request line. */
  readonly target: string;
  /** Unix seconds, the very string of the header. */
  readonly timestamp: string;
  readonly nonce: string;
  /** The exact body bytes; empty for none. */
  readonly body: Uint8Array;
}

/** METHOD LF URL LF TIMESTAMP LF NONCE LF BODY LF (protocol 1.1). */
export function requestMessage({ method, target, timestamp, nonce, body }: RequestMessage): Buffer {
  return Buffer.concat([Buffer.from(`${method}\n${target}\n${timestamp}\n${nonce}\n`), body, lineFeed]);
}

/** TIMESTAMP LF NONCE LF BODY LF: answers and callbacks (protocol 2). */
export function answerMessage({
  timestamp,
  nonce,
  body,
}: Pick<RequestMessage, 'timestamp' | 'nonce' | 'body'>): Buffer {
  return Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, lineFeed]);
}

/** APPID LF TIMESTAMP LF NONCE LF PACKAGE LF: client pay parameters (protocol 7). */
export function payMessage(appid: string, timestamp: string, nonce: string, packageLine: string): Buffer {
  return Buffer.from(`${appid}\n${timestamp}\n${nonce}\n${packageLine}\n`);
}

const lineFeed = Buffer.from('\n');
