/** Files that people saved, in whatever encoding their editor or shell liked. */
import { malformedCapture } from './capture.ts';

export interface DecodedText {
  readonly text: string;
  readonly encoding: 'utf-8' | 'utf-16' | 'gb18030';
}

/**
 * The text of a file: UTF-16 (what PowerShell's `>` writes) by its byte order mark or by its zero bytes, else UTF-8, else
 * GB18030 (what Chinese Windows calls ANSI). One byte order mark in front belongs to the file and is dropped.
 *
 * @throws `CALLBACK_MALFORMED` when it is none of them
 */
export function decodeText(bytes: Uint8Array): DecodedText {
  const order = utf16Order(bytes);
  if (order !== undefined)
    return {
      text: withoutMark(new TextDecoder(order, { ignoreBOM: true }).decode(bytes)),
      encoding: 'utf-16',
    };
  try {
    return { text: withoutMark(utf8.decode(bytes)), encoding: 'utf-8' };
  } catch {
    // Not UTF-8.
  }
  try {
    return { text: new TextDecoder('gb18030', { fatal: true }).decode(bytes), encoding: 'gb18030' };
  } catch {
    throw malformedCapture('capture_encoding');
  }
}

/** Made once: making one costs more than decoding a line. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Two bytes a character: ASCII, which captures begin with, leaves every other byte zero. */
export function utf16Order(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const [first, second, third, fourth] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (bytes.length < 4) return undefined;
  if (first !== 0 && second === 0 && third !== 0 && fourth === 0) return 'utf-16le';
  if (first === 0 && second !== 0 && third === 0 && fourth !== 0) return 'utf-16be';
  return undefined;
}

function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** The bytes without a UTF-8 byte order mark in front of them. */
export function withoutByteOrderMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
