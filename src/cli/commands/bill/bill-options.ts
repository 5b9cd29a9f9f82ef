/** What the commands that show a bill have in common: which rows, in which form, and where to. */
import { extname } from 'node:path';
import { Option, type Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { Translate } from '../../../i18n/translate.ts';
import type { BillKind } from '../../../operations/bill/columns.ts';
import { readConditions, type Condition } from '../../../operations/bill/where.ts';
import type { CommandInput, Globals, OutputFormat } from '../../command.ts';

export interface BillOptions {
  readonly where: readonly string[];
  readonly sum: boolean;
  readonly raw: boolean;
  readonly out: string | undefined;
  readonly format: OutputFormat;
  readonly maxBytes: number | undefined;
  readonly unsafeFormulas: boolean;
}

export function billOptions(command: Command, t: Translate): void {
  command
    .addOption(
      new Option('--where <condition>', t('bill.option.where'))
        .argParser((text: string, before: readonly string[]) => [...before, text])
        .default([], ''),
    )
    .option('--sum', t('bill.option.sum'))
    .option('--raw', t('bill.option.raw'))
    .option('--out <path>', t('bill.option.out'))
    .option('--max-size <size>', t('bill.option.max_size'))
    .option('--unsafe-formulas', t('bill.option.unsafe_formulas'));
}

/** @throws `INPUT_INVALID` for options that contradict each other */
export function readBillOptions({ options }: Pick<CommandInput, 'options'>, globals: Globals): BillOptions {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const out = text('out');
  const size = text('maxSize');
  const read: BillOptions = {
    where: (options['where'] as readonly string[] | undefined) ?? [],
    sum: options['sum'] === true,
    raw: options['raw'] === true,
    out,
    // A file is for programs: its name says for which, where --output does not.
    format: out !== undefined && globals.output === 'table' ? formatOf(out) : globals.output,
    maxBytes: size === undefined ? undefined : readSize(size),
    unsafeFormulas: options['unsafeFormulas'] === true,
  };
  if (read.raw && (read.sum || read.where.length > 0)) throw conflict('--raw', read.sum ? '--sum' : '--where');
  if (read.sum && out !== undefined) throw conflict('--sum', '--out');
  if (globals.query !== undefined && !read.sum) throw conflict('--query', '--where, --sum');
  return read;
}

/** The conditions for a kind of bill; local files show their kind only when they are read. */
export function conditionsOf(kind: BillKind, { where }: BillOptions): readonly Condition[] {
  return readConditions(kind, where);
}

function formatOf(path: string): OutputFormat {
  const extension = extname(path).toLowerCase();
  return extension === '.json' ? 'json' : extension === '.ndjson' || extension === '.jsonl' ? 'ndjson' : 'csv';
}

/** `500M`, `20G`, or bytes. */
function readSize(text: string): number {
  const match = /^(\d{1,12})([KMGT])?$/i.exec(text);
  const power = 'KMGT'.indexOf((match?.[2] ?? '').toUpperCase());
  const bytes = Number(match?.[1] ?? 0) * (match?.[2] === undefined ? 1 : 1024 ** (power + 1));
  if (bytes < 1 || !Number.isSafeInteger(bytes)) throw invalid('--max-size', text, 'size');
  return bytes;
}

function conflict(field: string, other: string): WxpayError {
  return invalid(field, other, 'together');
}

function invalid(field: string, value: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { field, value, reason: `key:bill.reason.${reason}` },
    outcome: 'not_sent',
  });
}
