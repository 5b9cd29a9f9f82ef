/** Tables and details for people: fitted to a terminal, or plain lines for a pipe. */
import { withColon } from './colon.ts';
import type { Paint } from './paint.ts';
import { safeText } from './safe-text.ts';
import type { Cell, Column, DetailRow, Tone } from './view.ts';
import type { Widths } from './width.ts';

export interface Layout {
  readonly tty: boolean;
  /** Columns of the terminal; without meaning off a terminal. */
  readonly columns: number;
  readonly paint: Paint;
  readonly widths: Widths;
}

interface SafeCell {
  readonly text: string;
  readonly tone: Tone;
}

/** A cell's part in one line of the terminal. */
interface Line {
  readonly text: string;
  readonly tone: Tone | 'strong';
}

/** Spaces between two columns. No lines are drawn: box characters are two columns wide on some Chinese terminals. */
const gap = '  ';
/** A column that may shrink keeps at least so many columns: three Chinese characters and the ellipsis. */
const narrowest = 8;

/**
 * A table. On a terminal it is fitted: columns that are not `fixed` shrink, the widest first, and what is cut shows as `…`,
 * or goes on below in a column that `wraps`, or stands below its row where it is `copied`;
 * where even that does not fit, each row becomes a block of `title  value` lines that loses nothing. Off a terminal: a
 * heading and one line per row, fields apart by tabs, nothing cut (CLI-MANNERS O2).
 */
export async function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | Cell)[])[],
  layout: Layout,
): Promise<string> {
  const head = columns.map((column) => safeText(column.title));
  const cells = rows.map((row) => columns.map((_, index) => safeCell(row[index] ?? '')));
  if (!layout.tty)
    return [head, ...cells.map((row) => row.map((cell) => cell.text))].map((row) => row.join('\t')).join('\n');
  const widths = fit(columns, [head, ...cells.map((row) => row.map((cell) => cell.text))], layout);
  if (widths === undefined) return renderRecords(head, cells, layout);
  const lines: (readonly Line[])[] = [head.map((text): Line => ({ text, tone: 'strong' }))];
  /** By the number of the line that they stand below. */
  const below = new Map<number, readonly SafeCell[]>();
  for (const row of cells) {
    const moved = row.filter((cell, x) => isBroken(cell, columns[x], widths[x] ?? 1, layout.widths));
    const kept = row.map((cell): SafeCell => (moved.includes(cell) ? { text: '', tone: 'plain' } : cell));
    lines.push(...linesOf(kept, columns, widths, layout.widths));
    if (moved.length > 0) below.set(lines.length - 1, moved);
  }
  const grid = await drawGrid(lines.length, widths);
  const texts = lines.flatMap((row) =>
    row.map((cell, x) => {
      const width = widths[x] ?? 0;
      const text = layout.widths.truncate(cell.text, width);
      const padding = ' '.repeat(Math.max(0, width - layout.widths.displayWidth(text)));
      const painted = layout.paint(cell.tone, text);
      return columns[x]?.align === 'right' ? padding + painted : painted + padding;
    }),
  );
  let next = 0;
  const drawn = grid.replaceAll(/x+/g, () => texts[next++] ?? '');
  if (below.size === 0) return drawn;
  const room = layout.columns - gap.length;
  return drawn
    .split('\n')
    .flatMap((line, y) => [
      line,
      ...(below.get(y) ?? []).flatMap(({ text, tone }) =>
        layout.widths.wrap(text, room).map((part) => gap + layout.paint(tone, part)),
      ),
    ])
    .join('\n');
}

/** Whether a text that people copy would be broken within a word. */
function isBroken({ text }: SafeCell, column: Column | undefined, width: number, { displayWidth }: Widths): boolean {
  return column?.copied === true && text.split(' ').some((word) => displayWidth(word) > width);
}

/** The lines that a row takes: more than one where a column `wraps` and its text does not fit. */
function linesOf(
  row: readonly SafeCell[],
  columns: readonly Column[],
  widths: readonly number[],
  { wrap }: Widths,
): readonly (readonly Line[])[] {
  const parts = row.map((cell, x) =>
    columns[x]?.wraps === true || columns[x]?.copied === true ? wrap(cell.text, widths[x] ?? 1) : [cell.text],
  );
  const height = Math.max(1, ...parts.map((part) => part.length));
  return Array.from({ length: height }, (_, y) =>
    row.map((cell, x): Line => ({ text: parts[x]?.[y] ?? '', tone: cell.tone })),
  );
}

/**
 * `label  value` lines with the values in one column. On a terminal long values wrap under themselves; in a pipe they are left
 * whole.
 */
export function renderDetails(rows: readonly DetailRow[], layout: Layout): string {
  const { widths, paint, tty, columns } = layout;
  const labels = rows.map((row) => safeText(row.label));
  const labelWidth = Math.max(0, ...labels.map((label) => widths.displayWidth(label)));
  const indent = labelWidth + gap.length;
  // Where next to the labels too little room is left, values go below them.
  const below = tty && columns - indent < 16;
  return rows
    .flatMap((row, index) => {
      const { text, tone } = safeCell(row.value);
      const label = labels[index] ?? '';
      if (!tty) return [`${widths.pad(label, labelWidth)}${gap}${text}`.trimEnd()];
      const room = below ? columns - gap.length : columns - indent;
      const [first = '', ...rest] = widths.wrap(text, room).map((line) => paint(tone, line));
      const margin = ' '.repeat(below ? gap.length : indent);
      if (below)
        return [
          ...widths.wrap(label, columns).map((line) => paint('dim', line)),
          ...[first, ...rest].map((line) => margin + line),
        ];
      const padding = ' '.repeat(labelWidth - widths.displayWidth(label));
      return [`${paint('dim', label)}${padding}${gap}${first}`, ...rest.map((line) => margin + line)];
    })
    .join('\n');
}

function renderRecords(head: readonly string[], rows: readonly (readonly SafeCell[])[], layout: Layout): string {
  return rows
    .map((row) =>
      renderDetails(
        row.map((cell, index) => ({ label: withColon(head[index] ?? ''), value: cell })),
        layout,
      ),
    )
    .join('\n\n');
}

function safeCell(cell: string | Cell): SafeCell {
  if (typeof cell === 'string') return { text: safeText(cell), tone: 'plain' };
  return { text: safeText(cell.text), tone: cell.tone ?? 'plain' };
}

/** The width of each column, or `undefined` when the table does not fit. */
function fit(
  columns: readonly Column[],
  lines: readonly (readonly string[])[],
  { widths, columns: terminal }: Layout,
): readonly number[] | undefined {
  const natural = columns.map((_, x) =>
    Math.max(
      1,
      ...lines.map((line) => {
        const text = line[x] ?? '';
        // One column more than the terminal is as bad as a million more, and is measured faster.
        return widths.displayWidth(text.length > terminal ? widths.truncate(text, terminal + 1) : text);
      }),
    ),
  );
  const result = [...natural];
  let excess = sum(result) + gap.length * (columns.length - 1) - terminal;
  while (excess > 0) {
    // The widest column that may still shrink gives up one column at a time, so that the widest end up equal.
    let widest = -1;
    for (const [x, column] of columns.entries()) {
      if (column.fixed === true || (result[x] ?? 0) <= narrowest) continue;
      if (widest === -1 || (result[x] ?? 0) > (result[widest] ?? 0)) widest = x;
    }
    if (widest === -1) return undefined;
    result[widest] = (result[widest] ?? 0) - 1;
    excess -= 1;
  }
  return result;
}

/**
 * cli-table3 lays out the grid, with a run of `x` in place of each text: it measures with an old string-width of its own,
 * loses text when it wraps or cuts, and colours pipes, so it never sees a text.
 */
async function drawGrid(height: number, widths: readonly number[]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const none = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const sides = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
  const table = new Table({
    chars: { ...Object.fromEntries([...none, ...sides].map((name) => [name, ''])), middle: gap },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colWidths: [...widths],
  });
  for (let y = 0; y < height; y += 1) table.push(widths.map((width) => 'x'.repeat(width)));
  return table.toString();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
