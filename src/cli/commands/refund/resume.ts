/** `wxpay refund resume`: resolves what the journal holds as unresolved. It asks first, and sends only the bytes of the intent. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { resumeRefund, type Refund } from '../../../operations/refund.ts';
import type { RefundRecord } from '../../../operations/refund-batch/journal.ts';
import { formatFen } from '../../../output/money.ts';
import { describeRefundState } from '../../../output/states.ts';
import type { Cell, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { examples } from '../../help.ts';
import { requireValue } from '../../party.ts';
import { errorText } from '../../render-error.ts';
import { pendingResult, unsettled } from './pending.ts';
import { chosenJournal, openJournal, pausesFor, peekJournal } from './refund-journal.ts';
import { bothUnits } from './refund-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.option('--journal <file>', t('refund.option.journal'));
    examples(command, t, ['refund.example.resume', 'refund.example.resume_journal']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const profile = await runtime.profile();
    const mchid = requireValue(profile, 'mchid');
    const file = typeof options['journal'] === 'string' ? options['journal'] : undefined;
    const place = await chosenJournal(runtime, profile, file);
    const before = (await peekJournal(place, unsettled)) ?? [];
    if (before.length === 0) return report([], runtime);
    if (runtime.globals.dryRun) {
      runtime.note('cli.dry_run.note');
      return pendingResult(before, runtime.t);
    }
    const open = before.filter(({ state }) => state === 'open');
    if (open.length > 0) {
      const sum = open.reduce((sum, { intent }) => sum + intent.refund, 0);
      await confirmLive(runtime, profile, {
        key: 'refund.confirm.resume',
        params: { count: open.length, amount: bothUnits(sum, runtime.t) },
      });
    }
    const transport = await runtime.transport();
    const lines: Line[] = [];
    await runtime.busy('refund.busy.resuming', { count: before.length }, () =>
      openJournal(runtime, place, async (journal) => {
        // Taken down first: resolving changes what is open.
        for (const record of await unsettled(journal)) {
          runtime.signal.throwIfAborted();
          try {
            const done = await resumeRefund({ transport, clock: runtime.clock, journal, mchid }, record, {
              rounds: runtime.globals.retries,
              ...pausesFor(profile),
              signal: runtime.signal,
            });
            lines.push({ record, refund: done.refund });
          } catch (error) {
            if (!(error instanceof WxpayError)) throw error;
            lines.push({ record, error });
          }
        }
      }),
    );
    return report(lines, runtime);
  },
};

interface Line {
  readonly record: RefundRecord;
  readonly refund?: Refund;
  readonly error?: WxpayError;
}

function report(lines: readonly Line[], { t }: Runtime): Result {
  const states = lines.map((line) => stateOf(line));
  const cells = lines.map((line) => cellOf(line, t));
  return {
    data: lines.map(({ record, refund, error }, index) => ({
      out_refund_no: record.intent.out_refund_no,
      state: states[index],
      refund: record.intent.refund,
      out_trade_no: record.intent.out_trade_no ?? null,
      transaction_id: record.intent.transaction_id ?? null,
      refund_id: refund?.refund_id ?? null,
      code: error?.code ?? null,
      message: error === undefined ? null : errorText(error, t).message,
    })),
    view: [
      {
        kind: 'table',
        columns: [
          { field: 'out_refund_no', title: 'out_refund_no', fixed: true },
          { field: 'state', title: t('refund.label.state') },
          { field: 'refund', title: t('refund.label.amount'), align: 'right', fixed: true },
          { field: 'out_trade_no', title: t('refund.label.order') },
          { field: 'message', title: t('refund.label.message') },
        ],
        rows: lines.map(({ record, error }, index) => [
          record.intent.out_refund_no,
          cells[index] ?? '',
          formatFen(record.intent.refund),
          record.intent.out_trade_no ?? record.intent.transaction_id ?? '',
          error === undefined ? '' : errorText(error, t).message,
        ]),
        empty: t('refund.pending.none'),
      },
    ],
    ...failedOf(lines),
  };
}

/** Money may have moved: what was open stays so until it is settled or refused. */
function isOpen(record: RefundRecord, error: WxpayError | undefined): boolean {
  if (error === undefined) return false;
  return error.outcome === 'unknown' || (record.state === 'open' && error.outcome !== 'rejected');
}

/** Exit 8 while anything is unknown, else that of the first thing that went wrong. */
function failedOf(lines: readonly Line[]): { readonly failed?: string } {
  if (lines.some(({ record, error }) => isOpen(record, error))) return { failed: 'OUTCOME_UNKNOWN' };
  const code = lines.find(({ error }) => error !== undefined)?.error?.code;
  return code === undefined ? {} : { failed: code };
}

/** The state in the API's words, or `UNKNOWN` or `REFUSED`. */
function stateOf({ record, refund, error }: Line): string {
  if (refund !== undefined) return refund.status;
  if (isOpen(record, error)) return 'UNKNOWN';
  return record.state === 'pending' ? (record.outcome?.status ?? 'PROCESSING') : 'REFUSED';
}

function cellOf(line: Line, t: Runtime['t']): Cell {
  const state = stateOf(line);
  if (state === 'UNKNOWN') return { text: t('refund.state.unknown'), tone: 'bad' };
  return state === 'REFUSED' ? { text: t('refund.state.refused'), tone: 'bad' } : describeRefundState(state, t);
}
