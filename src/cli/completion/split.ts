/** A half-typed command line into words, as a shell would, but without doing anything that it says. */

export interface TypedLine {
  /** The whole words before the cursor, without quotes. */
  readonly words: readonly string[];
  /** The word that is being typed, without quotes; empty after a space. */
  readonly current: string;
}

/**
 * Splits at spaces outside quotes. `'…'`, `"…"` and `\x` are understood; nothing is expanded, since completion runs while people
 * only look.
 */
export function splitLine(line: string): TypedLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? '';
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else if (quote === '"' && char === '\\' && /["\\$`]/.test(line[at + 1] ?? '')) word += line[(at += 1)] ?? '';
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '\\') word = (word ?? '') + (line[(at += 1)] ?? '');
    else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  return { words, current: word ?? '' };
}
