/** The few words of roff's `man` macros that the manual needs, in plain ASCII: what groff and mandoc read alike. */

/** Columns of a source line; roff fills lines anew, so this is for those who read the source. */
const sourceColumns = 78;

/**
 * Text as it is to be seen. A hyphen stays a hyphen-minus, a quote stays straight, so that what is copied from a manual page
 * still runs; what is not ASCII is written by its code point, since no macro package agrees on an encoding.
 */
export function escapeText(text: string): string {
  let escaped = '';
  for (const char of text) escaped += escapes[char] ?? (char < '\u0080' ? char : `\\[u${codeOf(char)}]`);
  return escaped;
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
};

function codeOf(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

/** A line of text that roff cannot take for a request. */
function textLine(escaped: string): string {
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** A macro and its arguments, each of them one word for roff. */
export function macro(name: string, ...words: readonly string[]): string {
  return [`.${name}`, ...words.map((word) => (/^[^ ]+$/.test(word) ? word : `"${word}"`))].join(' ');
}

/** Running text: broken at spaces, and filled again by whoever shows it. */
export function prose(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const escaped = escapeText(word);
    if (line !== '' && line.length + 1 + escaped.length > sourceColumns) {
      lines.push(textLine(line));
      line = '';
    }
    line += line === '' ? escaped : ` ${escaped}`;
  }
  if (line !== '') lines.push(textLine(line));
  return lines;
}

/** Lines that stay as they are, set in: command lines. */
export function verbatim(lines: readonly string[]): readonly string[] {
  return ['.PP', '.RS 4', '.nf', ...lines.map((line) => textLine(escapeText(line))), '.fi', '.RE'];
}

/** A term with its explanation. */
export function item(term: string, explanation: string): readonly string[] {
  const text = prose(explanation);
  return ['.TP', bold(term), ...(text.length === 0 ? ['\\&'] : text)];
}

export function bold(text: string): string {
  return macro('B', escapeText(text));
}
