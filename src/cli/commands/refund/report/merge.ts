/** `wxpay refund report merge`: the reports of shards, put together and counted again. */
import type { Command } from 'commander';
import { WxpayError } from '../../../../core/errors.ts';
import {
  failureOf,
  mergeReports,
  type MergedReport,
  type ReportRow,
} from '../../../../operations/refund-batch/report.ts';
import type { Block, Result } from '../../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../../command.ts';
import { examples } from '../../../help.ts';
import { linesOf } from '../batch-files.ts';
import { writeReport } from '../batch-report.ts';
import { reportBlocks } from '../batch-view.ts';

/** Rows on stdout; `--report` has all of them. */
const maxListed = 10_000;

export const command: CommandModule = {
  needsReader: true,

  configure(command: Command, t) {
    command
      .argument('<files...>', t('batch.argument.reports'))
      .option('--report <file>', t('batch.option.merged_report'));
    examples(command, t, ['batch.example.merge', 'batch.example.merge_report']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const { t, cwd } = runtime;
    const merged = await mergeReports(args.map((file) => ({ name: file, lines: () => linesOf(file, cwd) })));
    const { summary, problems } = merged;
    const rows = await rowsOf(merged);
    const file = options['report'];
    if (typeof file === 'string') {
      if (args.includes(file))
        throw new WxpayError('INPUT_INVALID', {
          params: { field: '--report', reason: 'key:batch.reason.report_is_input' },
          outcome: 'not_sent',
        });
      writeReport(file, summary, () => rows, runtime);
    }
    const failed = failureOf(summary, false);
    const told: readonly Block[] = problems.map(({ kind, params }) => ({
      kind: 'text',
      tone: 'bad',
      text: t(`batch.problem.${kind}`, params),
    }));
    return {
      data: {
        ...summary,
        problems: problems.map(({ kind, params }) => ({ kind, ...params })),
        ...(rows.length <= maxListed ? { rows } : { rows_omitted: rows.length }),
      },
      ...(runtime.globals.output === 'ndjson' || runtime.globals.output === 'csv' ? { rows } : {}),
      view: [...reportBlocks(summary, rows, t), ...told],
      ...(failed === undefined ? {} : { failed }),
    };
  },
};

async function rowsOf(merged: MergedReport): Promise<readonly ReportRow[]> {
  const rows: ReportRow[] = [];
  for await (const row of merged.rows()) rows.push(row);
  return rows.toSorted((a, b) => a.line - b.line);
}
