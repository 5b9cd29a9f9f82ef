/** Bytes for people who must see every one of them: the lines of a signed message. */

/** Whatever shows as nothing, as something else, or not where it stands. */
const unseen =
  /[\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Shows bytes as text in which nothing is invisible: line feeds as `\n`, other control characters as `\xNN`, spaces at either
 * end as `\x20`, characters without a shape as `<U+200B>`, bytes that are no UTF-8 as `\xNN`, and a backslash doubled, so that
 * the two characters `\n` are told from a line feed.
 *
 * @param limit longer text is cut, with `…`; characters
 */
export function visibleBytes(bytes: Uint8Array, limit = Number.POSITIVE_INFINITY): string {
  // No character shows shorter than it is encoded, but for UTF-8's four bytes at most.
  const cut = bytes.length > limit * 4 ? bytes.subarray(0, limit * 4) : bytes;
  const shown = decode(cut)
    .map(({ text, valid }) => (valid ? text.replaceAll('\\', '\\\\').replaceAll(unseen, show) : text))
    .join('');
  const whole = cut === bytes ? showEnds(shown) : shown;
  return cut !== bytes || whole.length > limit ? `${whole.slice(0, limit)}…` : whole;
}

/** Spaces at the start, and at the end before the line feed that closes a line. */
function showEnds(text: string): string {
  const close = text.endsWith(String.raw`\n`) ? String.raw`\n` : '';
  const line = text.slice(0, text.length - close.length);
  let start = 0;
  while (line[start] === ' ') start += 1;
  let end = line.length;
  while (end > start && line[end - 1] === ' ') end -= 1;
  const space = hex(0x20);
  return space.repeat(start) + line.slice(start, end) + space.repeat(line.length - end) + close;
}

function show(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n') return String.raw`\n`;
  if (character === '\r') return String.raw`\r`;
  if (character === '\t') return String.raw`\t`;
  if (code < 0x20 || code === 0x7f) return hex(code);
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
}

function hex(byte: number): string {
  return String.raw`\x` + byte.toString(16).padStart(2, '0');
}

/** Runs of UTF-8 and, between them, the bytes that are none. */
function decode(bytes: Uint8Array): readonly { readonly text: string; readonly valid: boolean }[] {
  const whole = strict(bytes);
  if (whole !== undefined) return [{ text: whole, valid: true }];
  const runs: { text: string; valid: boolean }[] = [];
  let start = 0;
  let at = 0;
  const flush = (): void => {
    if (at > start) runs.push({ text: Buffer.from(bytes.subarray(start, at)).toString('utf8'), valid: true });
  };
  while (at < bytes.length) {
    const size = sequenceLength(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    flush();
    runs.push({ text: hex(bytes[at] ?? 0), valid: false });
    at += 1;
    start = at;
  }
  flush();
  return runs;
}

/** Bytes of the UTF-8 character at `at`, 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  return strict(bytes.subarray(at, at + size)) === undefined ? 0 : size;
}

function strict(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
