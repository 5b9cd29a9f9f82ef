/**
 * The emulator's own canonical messages. Deliberately independent of `core/wire`: a mistake there must not be repeated by
 * its judge. Sources: protocol 1.1 (requests) and 2 (answers and callbacks).
 */
import { sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const lineFeed = Buffer.from([0x0a]);

/**
 * What the caller must have signed: five lines, each closed by LF, the last one too.
 *
 * @param target the request target exactly as it stood on the request line, never decoded
 * @param body the raw body bytes; empty for none
 */
export function requestMessage(
  method: string,
  target: string,
  timestamp: string,
  nonce: string,
  body: Uint8Array,
): Buffer {
  return Buffer.concat([Buffer.from(`${method}\n${target}\n${timestamp}\n${nonce}\n`, 'utf8'), body, lineFeed]);
}

/** What the platform signs of an answer or a callback: three lines, each closed by LF. */
export function answerMessage(timestamp: string, nonce: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`, 'utf8'), body, lineFeed]);
}

/** base64( RSASSA-PKCS1-v1_5( SHA-256( message ) ) ), protocol 1.2. */
export function signMessage(message: Uint8Array, key: KeyObject): string {
  return sign('RSA-SHA256', message, key).toString('base64');
}

/** True only for a signature in strict, padded, standard base64 that holds. Never throws. */
export function signatureHolds(message: Uint8Array, signature: string, key: KeyObject): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== signature) return false;
  try {
    return verify('RSA-SHA256', message, key, bytes);
  } catch {
    return false;
  }
}

/** The `truncated_sign_message` of a SIGN_ERROR answer: the body is cut to its first eight characters (protocol 8.1). */
export function truncatedMessage(
  method: string,
  target: string,
  timestamp: string,
  nonce: string,
  body: Uint8Array,
): string {
  const start = Array.from(Buffer.from(body.subarray(0, 64)).toString('utf8'))
    .slice(0, 8)
    .join('');
  return `${method}\n${target}\n${timestamp}\n${nonce}\n${start}\n`;
}
