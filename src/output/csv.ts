/** CSV for people's spreadsheets (RFC 4180), safe to open: no cell is a formula (THREATS A4). */
import { safeText } from './safe-text.ts';

export interface CsvOptions {
  /** The columns, by JSON field name; a field that holds an object stands for all its members. Default: every key, in order of appearance. */
  readonly fields?: readonly string[];
  /** Leaves cells as they are, for machines: spreadsheets will run formulas in them. */
  readonly raw?: boolean;
  /** True when the text goes to a terminal: control characters are then shown instead of written. */
  readonly tty?: boolean;
}

type Scalar = string | number | boolean;
type FlatRow = ReadonlyMap<string, Scalar>;

/** Excel, LibreOffice and WPS take a cell that begins so for a formula. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;
/** …but a negative number is only a number. */
const plainNumber = /^-\d+(?:\.\d+)?$/;

/**
 * A header line and one line per row, CRLF line ends. Nested objects become dotted columns, arrays JSON text, `null` an
 * empty cell. Rows that are no objects stand in a column `value`.
 */
export function renderCsv(rows: readonly unknown[], options: CsvOptions = {}): string {
  const flat = rows.map(flatten);
  const columns = columnsOf(flat, options.fields);
  if (columns.length === 0) return '';
  const lines = [columns, ...flat.map((row) => columns.map((column) => row.get(column)))];
  return lines.map((line) => `${line.map((value) => csvField(value, options)).join(',')}\r\n`).join('');
}

/** One field. Text that a spreadsheet would run is prefixed with `'` and quoted; numbers stay numbers. */
export function csvField(value: Scalar | undefined, { raw = false, tty = false }: CsvOptions = {}): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = tty ? safeText(value) : value;
  // Looked at before `safeText` had its way with a leading tab.
  const dangerous = !raw && formula.test(value) && !plainNumber.test(value);
  if (dangerous) return quote(`'${text}`);
  return /[",\r\n]|^\s|\s$/.test(text) ? quote(text) : text;
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** By way of JSON, so that a row looks as it does there: what redacts itself in JSON does so here. */
function flatten(row: unknown): FlatRow {
  const cells = new Map<string, Scalar>();
  const visit = (value: unknown, path: string): void => {
    // null keeps its column, empty.
    if (value === null) cells.set(path, '');
    else if (Array.isArray(value)) cells.set(path, JSON.stringify(value));
    else if (typeof value === 'object') {
      for (const [name, member] of Object.entries(value)) visit(member, path === '' ? name : `${path}.${name}`);
    } else cells.set(path, value as Scalar);
  };
  const shown = JSON.parse(JSON.stringify(row) ?? 'null') as unknown;
  visit(shown, typeof shown === 'object' && shown !== null && !Array.isArray(shown) ? '' : 'value');
  return cells;
}

function columnsOf(rows: readonly FlatRow[], fields: readonly string[] | undefined): readonly string[] {
  const union = new Set(rows.flatMap((row) => [...row.keys()]));
  if (fields === undefined) return [...union];
  const columns = fields.flatMap((field) => {
    if (union.has(field)) return [field];
    const members = [...union].filter((key) => key.startsWith(`${field}.`));
    return members.length === 0 ? [field] : members;
  });
  // Headings that name nothing of the data say nothing about it.
  if (rows.length > 0 && !columns.some((column) => union.has(column))) return [...union];
  return [...new Set(columns)];
}
