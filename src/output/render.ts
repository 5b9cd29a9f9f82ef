/**
 * A command's result as the text that goes to stdout. Nothing that lays out for people (cli-table3, string-width, chalk, uqr)
 * is loaded for JSON.
 */
import type { Translate } from '../i18n/translate.ts';
import type { ColorLevel } from './paint.ts';
import { safeJson, safeText, safeVerbatim } from './safe-text.ts';
import type { Block, Result } from './view.ts';

export interface RenderOptions {
  readonly format: 'table' | 'json' | 'ndjson' | 'csv';
  /** JMESPath, applied to `data`; its result is printed instead. */
  readonly query?: string | undefined;
  readonly tty: boolean;
  /** Columns of the terminal. */
  readonly width: number;
  /** Lines of the terminal, where they are known. */
  readonly rows?: number | undefined;
  readonly colorLevel: ColorLevel;
  /** CSV without the protection against formulas. */
  readonly raw?: boolean | undefined;
  readonly t: Translate;
}

/**
 * The whole output of a result, ending with a line feed (empty when there is nothing to show). JSON is exactly one document.
 *
 * @throws QueryError when the query is invalid or does not fit the data
 */
export async function renderResult(result: Result, options: RenderOptions): Promise<string> {
  if (options.query !== undefined) return renderQuery(options.query, result, options);
  if (options.format === 'json') return `${safeJson(result.data, options)}\n`;
  if (options.format === 'ndjson') return renderLines(rowsOf(result), options);
  if (options.format === 'csv') return renderRows(rowsOf(result), fieldsOf(result), options);
  return renderView(result.view, options);
}

async function renderQuery(query: string, result: Result, options: RenderOptions): Promise<string> {
  const { compileQuery } = await import('./query.ts');
  const found = (await compileQuery(query))(result.data) ?? null;
  const rows: readonly unknown[] = Array.isArray(found) ? found : [found];
  if (options.format === 'ndjson') return renderLines(rows, options);
  if (options.format === 'csv') return renderRows(rows, undefined, options);
  // A single text is what a script or a person wants bare; everything else is JSON in either format.
  if (options.format === 'table' && typeof found === 'string') return `${safeVerbatim(found, options)}\n`;
  return `${safeJson(found, options)}\n`;
}

function rowsOf(result: Result): readonly unknown[] {
  if (result.rows !== undefined) return result.rows;
  return Array.isArray(result.data) ? (result.data as readonly unknown[]) : [result.data];
}

/** The declared columns of a list: those of its table. */
function fieldsOf(result: Result): readonly string[] | undefined {
  if (result.rows === undefined && !Array.isArray(result.data)) return undefined;
  const table = result.view.find((block) => block.kind === 'table');
  return table?.columns.map((column) => column.field);
}

function renderLines(rows: readonly unknown[], { tty }: RenderOptions): string {
  return rows.map((row) => `${safeJson(row, { tty, indent: 0 })}\n`).join('');
}

async function renderRows(
  rows: readonly unknown[],
  fields: readonly string[] | undefined,
  { raw = false, tty }: RenderOptions,
): Promise<string> {
  const { renderCsv } = await import('./csv.ts');
  return renderCsv(rows, { ...(fields === undefined ? {} : { fields }), raw, tty });
}

async function renderView(view: readonly Block[], options: RenderOptions): Promise<string> {
  const blocks: { readonly kind: Block['kind']; readonly text: string }[] = [];
  for (const block of view) {
    const text = await renderBlock(block, options);
    if (text !== undefined && text !== '') blocks.push({ kind: block.kind, text });
  }
  return blocks
    .map(({ kind, text }, index) => {
      // Running text stays together; everything else stands apart.
      const apart = index > 0 && !(kind === 'text' && blocks[index - 1]?.kind === 'text');
      return `${apart ? '\n' : ''}${text.endsWith('\n') ? text : `${text}\n`}`;
    })
    .join('');
}

async function renderBlock(block: Block, options: RenderOptions): Promise<string | undefined> {
  const { tty, width: columns, colorLevel } = options;
  if (block.kind === 'verbatim') return safeVerbatim(block.text, { tty });
  if (block.kind === 'qr') return renderQr(block.text, options);
  const [{ loadWidths }, { paint: loadPaint }] = await Promise.all([import('./width.ts'), import('./paint.ts')]);
  const [widths, paint] = await Promise.all([loadWidths(), loadPaint(colorLevel)]);
  if (block.kind === 'text') {
    const { safeMultiline } = await import('./safe-text.ts');
    const safe = safeMultiline(block.text);
    const lines = tty ? widths.wrap(safe, columns) : safe.split('\n');
    return lines.map((line) => paint(block.tone ?? 'plain', line)).join('\n');
  }
  const { renderDetails, renderTable } = await import('./table.ts');
  const layout = { tty, columns, paint, widths };
  const body =
    block.kind === 'details'
      ? renderDetails(block.rows, layout)
      : block.rows.length === 0
        ? safeText(block.empty)
        : await renderTable(block.columns, block.rows, layout);
  if (block.title === undefined) return body;
  return `${paint('strong', safeText(block.title))}\n${body}`;
}

/** Never in a pipe; where the terminal is too small for the code, what it holds. */
async function renderQr(text: string, { tty, width, rows, colorLevel, t }: RenderOptions): Promise<string | undefined> {
  if (!tty) return undefined;
  const { drawQr, measureQr } = await import('./qr.ts');
  const drawn = await drawQr(text, { columns: width, rows, colorLevel });
  if (drawn !== undefined) return drawn;
  const room = await measureQr(text);
  const content = safeVerbatim(text, { tty });
  return room === undefined ? content : `${t('output.qr.too_small', room)}\n${content}`;
}
