/**
 * Foreign text made visible instead of obeyed (THREATS A1 to A3).
 *
 * Every string that reaches a person goes through one of these: descriptions, error messages, headers and file names come
 * from the network, and a terminal obeys what it is sent. Nothing is dropped silently: what cannot be shown is named.
 */

/** C0, DEL and C1. */
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * Characters that reorder the text around them or take no room: bidi controls, zero-width and format characters, blank
 * fillers, line separators, interlinear marks, tags. The zero-width joiner is among them: terminals disagree on the width of
 * joined emoji, and a table must not depend on it.
 */
const invisible =
  /[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

const loneSurrogates = /\p{Surrogate}/gu;

/** Of a run of combining marks the first six stay: no script needs more, and a pile of them paints over other lines. */
const markPile = /(\p{M}{6})\p{M}+/gu;

/** Anything that one of the rules above might touch. Most text has none of it and is returned as it is. */
const suspicious =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\p{M}\p{Surrogate}]/u;

const named: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` };

/** A string for one line of a terminal: a cell, a spinner, an error line. Control characters become `\x1b`, `\n`, … and invisible ones `<U+202E>`. */
export function safeText(text: string): string {
  if (!suspicious.test(text)) return text;
  return cutPiles(nameInvisible(text.replace(controls, escapeControl)));
}

/** The same for running text of several lines: line feeds stay. */
export function safeMultiline(text: string): string {
  if (!suspicious.test(text)) return text;
  return cutPiles(nameInvisible(text.replace(controls, (char) => (char === '\n' ? char : escapeControl(char)))));
}

/**
 * The same for text that people copy: tabs and line ends of either kind stay, and nothing is cut. Off a terminal only control
 * characters are escaped: an invisible character may be part of a signed body, and a file deceives no eye.
 */
export function safeVerbatim(text: string, { tty }: { readonly tty: boolean }): string {
  if (!suspicious.test(text)) return text;
  const inert = text.replaceAll(/\r\n|[\u0000-\u001f\u007f-\u009f]/g, (char) =>
    char === '\n' || char === '\t' || char === '\r\n' ? char : escapeControl(char),
  );
  return tty ? nameInvisible(inert) : inert;
}

/**
 * One JSON document, two spaces deep by default. On a terminal the characters that JSON allows but a terminal obeys (DEL, C1)
 * and those that deceive the eye are `\u` escapes too; the document stays the same value. `undefined` becomes `null`.
 */
export function safeJson(
  value: unknown,
  { tty, indent = 2 }: { readonly tty: boolean; readonly indent?: number },
): string {
  const json = JSON.stringify(value, undefined, indent) ?? 'null';
  if (!tty || !suspicious.test(json)) return json;
  return json.replaceAll(/[\u007f-\u009f]/g, escapeJson).replace(invisible, escapeJson);
}

function nameInvisible(text: string): string {
  return text.replace(invisible, nameCodePoint).replace(loneSurrogates, nameCodePoint);
}

function cutPiles(text: string): string {
  return text.replace(markPile, '$1…');
}

function escapeControl(char: string): string {
  return named[char] ?? String.raw`\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

function nameCodePoint(char: string): string {
  return `<U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;
}

/** Each UTF-16 unit of the match as `\uXXXX`: an astral character is a pair of them. */
function escapeJson(char: string): string {
  let escaped = '';
  for (let index = 0; index < char.length; index += 1)
    escaped += String.raw`\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`;
  return escaped;
}
