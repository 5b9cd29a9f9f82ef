/** Where two byte strings part, and what kind of rewriting lies between two JSON texts. */
import type { Difference, Rewriting } from './findings.ts';
import { utf8Text } from './charset.ts';
import { readLoosely } from './loose-json.ts';

const before = 12;
const shown = 48;

/** The first difference with some bytes before it; `undefined` when there is none. */
export function firstDifference(
  part: Difference['part'],
  captured: Uint8Array,
  sent: Uint8Array,
): Difference | undefined {
  const shorter = Math.min(captured.length, sent.length);
  let offset = 0;
  while (offset < shorter && captured[offset] === sent[offset]) offset += 1;
  if (offset === shorter && captured.length === sent.length) return undefined;
  let from = Math.max(0, offset - before);
  // Not in the middle of a character.
  while (from > 0 && from > offset - before - 3 && ((captured[from] ?? 0) & 0xc0) === 0x80) from -= 1;
  return {
    part,
    offset,
    capturedLength: captured.length,
    sentLength: sent.length,
    from,
    captured: cutAtCharacter(captured, from),
    sent: cutAtCharacter(sent, from),
  };
}

function cutAtCharacter(bytes: Uint8Array, from: number): Uint8Array {
  let end = Math.min(bytes.length, from + shown);
  while (end < bytes.length && end > from + shown - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(from, end);
}

/** What a writer did differently, told from the two texts: layout and escapes. */
export function compareWriting(captured: Buffer, sent: Buffer): readonly Rewriting[] {
  const ours = utf8Text(captured) ?? captured.toString('latin1');
  const theirs = utf8Text(sent) ?? '';
  const found: Rewriting[] = [];
  const differs = (pattern: RegExp): boolean => count(ours, pattern) !== count(theirs, pattern);
  if (outsideStrings(ours) !== outsideStrings(theirs)) found.push('spacing');
  if (differs(/\\\//g)) found.push('slash_escapes');
  if (differs(/\\u(?:00[89a-f]|0[1-9a-f]|[1-9a-f])[0-9a-f]{2}/gi)) found.push('unicode_escapes');
  if (differs(/\\u00[2-7][0-9a-f]/gi)) found.push('html_escapes');
  return found;
}

/** Who writes JSON like that, going by the captured text. */
export type Writer = 'php' | 'python' | 'go' | 'dotnet' | 'java' | 'pretty' | 'unknown';

export function guessWriter(captured: Buffer): Writer {
  const text = utf8Text(captured) ?? '';
  const unicode = /\\u[0-9a-f]{4}/.test(text);
  if (text.includes('\\/')) return 'php';
  if (/^\{"[^"]*": /.test(text) || /^\{'[^']*': /.test(text) || /^b['"]/.test(text)) return 'python';
  if (/\\u00(?:2B|27|26|3C|3E)/.test(text)) return 'dotnet';
  if (/\\u00(?:26|3c|3e)/.test(text)) return 'go';
  if (/^\{\s+"[^"]*" : /.test(text) || /^\{[a-z_]+=/.test(text)) return 'java';
  if (/^\{\r?\n/.test(text)) return 'pretty';
  const sorted = topNames(text);
  if (sorted.length > 1 && sorted.join() === sorted.toSorted().join()) return 'go';
  return unicode ? 'python' : 'unknown';
}

function topNames(text: string): readonly string[] {
  const node = readLoosely(text)?.node;
  return node?.kind === 'object' ? node.members.map(({ name }) => name) : [];
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Blanks between the tokens of JSON, where they stand. */
function outsideStrings(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').replaceAll(/\S/g, '');
}
