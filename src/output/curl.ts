/** A request as a curl command for sh, bash and zsh that sends exactly these bytes. */
import { shellQuote } from './shell.ts';

export interface CurlRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * Quotes, line feeds and Chinese stand as they are between single quotes. A body with control characters (a NUL above all, which
 * no argument can carry), characters that do not show, or bytes that are no UTF-8 comes through `printf` in octal instead, so
 * that copying the command cannot change it. `curl --globoff` keeps brackets in the URL as they are.
 */
export function curlCommand({ method, url, headers, body }: CurlRequest): string {
  const words = ['curl', ...(/[[\]{}]/.test(url) ? ['--globoff'] : []), '-X', method, url];
  for (const [name, value] of Object.entries(headers)) words.push('-H', `${name}: ${value}`);
  if (body.length === 0) return quoted(words);
  const text = plainText(body);
  // Not --data-binary: that would read a file for a body that begins with @.
  if (text !== undefined) return quoted([...words, '--data-raw', text]);
  return `printf '${octal(body)}' | ${quoted([...words, '--data-binary', '@-'])}`;
}

function quoted(words: readonly string[]): string {
  return words.map(shellQuote).join(' ');
}

/** The body as text when nothing in it can get lost on the way through a terminal and a shell. */
function plainText(body: Uint8Array): string | undefined {
  const text = Buffer.from(body).toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(body)) return undefined;
  return /[^\P{C}\n]|[\u2028\u2029]/u.test(text) ? undefined : text;
}

/** A format of POSIX `printf`: three octal digits for whatever is not plain ASCII. */
function octal(body: Uint8Array): string {
  return Array.from(body, (byte) =>
    byte >= 0x20 && byte < 0x7f && !`%\\'`.includes(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, '0')}`,
  ).join('');
}
