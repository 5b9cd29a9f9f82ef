/**
 * Widths in terminal columns, and cutting, padding and wrapping by them.
 *
 * All of these take text that is already safe (`safeText`). `loadWidths` is asynchronous so that string-width is loaded only
 * where something is laid out: JSON never needs it.
 */

export interface Widths {
  /** Terminal columns that the text takes. */
  readonly displayWidth: (text: string) => number;
  /** The text cut to at most `columns` columns; what is cut shows as `…`. */
  readonly truncate: (text: string, columns: number) => string;
  /** The text with spaces up to `columns` columns. */
  readonly pad: (text: string, columns: number, align?: 'left' | 'right') => string;
  /** Lines of at most `columns` columns, broken at spaces where there are any; only spaces at a break are lost. */
  readonly wrap: (text: string, columns: number) => readonly string[];
}

interface Grapheme {
  readonly text: string;
  readonly width: number;
}

/** The measuring functions, by string-width. */
export async function loadWidths(): Promise<Widths> {
  const { default: stringWidth } = await import('string-width');
  return widthsBy((grapheme) => stringWidth(grapheme));
}

/** The measuring functions by a measure of one grapheme: for texts that are known not to need string-width's tables. */
export function widthsBy(measure: (grapheme: string) => number): Widths {
  const segmenter = new Intl.Segmenter();

  const widthOf = (grapheme: string): number => {
    const code = grapheme.length === 1 ? grapheme.charCodeAt(0) : 0;
    if (code >= 0x20 && code < 0x7f) return 1;
    // The common Chinese characters, without a table look-up each.
    return code >= 0x4e00 && code <= 0x9fff ? 2 : measure(grapheme);
  };

  function* graphemes(text: string): Generator<Grapheme> {
    if (isPlain(text)) {
      for (const char of text) yield { text: char, width: 1 };
      return;
    }
    for (const { segment } of segmenter.segment(text)) yield { text: segment, width: widthOf(segment) };
  }

  const displayWidth = (text: string): number => {
    if (isPlain(text)) return text.length;
    let width = 0;
    for (const grapheme of graphemes(text)) width += grapheme.width;
    return width;
  };

  const truncate = (text: string, columns: number): string => {
    if (text.length <= columns && isPlain(text)) return text;
    // Reads no further than the terminal is wide, however long the text is.
    let width = 0;
    let kept = '';
    let keptBeforeEllipsis = '';
    for (const grapheme of graphemes(text)) {
      width += grapheme.width;
      if (width > columns) return columns < 1 ? '' : `${keptBeforeEllipsis}…`;
      kept += grapheme.text;
      if (width <= columns - 1) keptBeforeEllipsis = kept;
    }
    return text;
  };

  const pad = (text: string, columns: number, align: 'left' | 'right' = 'left'): string => {
    const spaces = ' '.repeat(Math.max(0, columns - displayWidth(text)));
    return align === 'right' ? spaces + text : text + spaces;
  };

  const wrap = (text: string, columns: number): readonly string[] =>
    text.split('\n').flatMap((line) => [...wrapLine(graphemes(line), Math.max(1, columns))]);

  return { displayWidth, truncate, pad, wrap };
}

/** Printable ASCII: one column each. */
function isPlain(text: string): boolean {
  return /^[\u0020-\u007e]*$/.test(text);
}

/** Never at the start of a line, in Chinese and in full-width forms. */
const closing = /^[、。〉》」』】〕〗！），．：；？］｝”’…,.!?;:)\]}]/;
/** Never at the end of a line. */
const opening = /^[〈《「『【〔〖（［｛“‘([{]/;

/**
 * Breaks at spaces and beside wide characters, as Chinese is broken; a longer word is cut where the line ends.
 *
 * wrap-ansi is not used here: it normalises the text to NFC, which replaces characters (U+F900 by U+8C48) that a person may
 * want to copy, and breaks Chinese before its commas.
 */
function* wrapLine(line: Iterable<Grapheme>, columns: number): Generator<string> {
  let row = '';
  let rowWidth = 0;
  /** Where the row may be broken last, and how wide it is up to there. */
  let breakAt = 0;
  let breakWidth = 0;
  let previous: Grapheme | undefined;
  let started = false;
  for (const grapheme of line) {
    if (row !== '' && previous !== undefined && mayBreak(previous, grapheme))
      [breakAt, breakWidth] = [row.length, rowWidth];
    let swallowed = false;
    // Twice at most: what is carried over may be too long by itself.
    while (rowWidth + grapheme.width > columns && rowWidth > 0) {
      if (breakAt === 0 || grapheme.text === ' ') [breakAt, breakWidth] = [row.length, rowWidth];
      yield row.slice(0, breakAt).replace(/ +$/, '');
      started = true;
      // The line feed stands for a space at the break.
      swallowed = grapheme.text === ' ';
      row = row.slice(breakAt);
      rowWidth -= breakWidth;
      [breakAt, breakWidth] = [0, 0];
    }
    previous = swallowed ? undefined : grapheme;
    if (swallowed) continue;
    row += grapheme.text;
    rowWidth += grapheme.width;
  }
  if (row !== '' || !started) yield row;
}

function mayBreak(left: Grapheme, right: Grapheme): boolean {
  if (right.text === ' ') return false;
  if (left.text === ' ') return true;
  return (left.width > 1 || right.width > 1) && !closing.test(right.text) && !opening.test(left.text);
}
