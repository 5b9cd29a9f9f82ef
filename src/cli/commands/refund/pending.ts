/** `wxpay refund pending`: what the journal holds as unresolved or not final. Asks nobody. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { JournalReader, RefundRecord } from '../../../operations/refund-batch/journal.ts';
import { formatFen } from '../../../output/money.ts';
import { describeRefundState } from '../../../output/states.ts';
import type { Cell, Result } from '../../../output/view.ts';
import type { Translate } from '../../../i18n/translate.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { ownJournal, peekJournal } from './refund-journal.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.option('--journal <file>', t('refund.option.journal'));
    examples(command, t, ['refund.example.pending', 'refund.example.pending_journal']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const file = typeof options['journal'] === 'string' ? options['journal'] : undefined;
    const place =
      file === undefined
        ? await ownJournal(runtime, await runtime.profile())
        : { path: resolve(runtime.cwd, file), own: false };
    const found = await peekJournal(place, unsettled);
    if (found === undefined && file !== undefined)
      throw new WxpayError('INPUT_UNREADABLE', { params: { file, reason: 'ENOENT' } });
    const records = found ?? [];
    if (records.length > 0) runtime.note('refund.note.resume', { count: records.length });
    return pendingResult(records, runtime.t);
  },
};

/** Everything that is not settled, in the order in which it was begun. */
export async function unsettled(journal: Pick<JournalReader, 'records'>): Promise<readonly RefundRecord[]> {
  const records: RefundRecord[] = [];
  for await (const record of journal.records('open', 'pending')) records.push(record);
  return records;
}

export function pendingResult(records: readonly RefundRecord[], t: Translate): Result {
  return {
    data: records.map((record) => dataOf(record)),
    view: [
      {
        kind: 'table',
        columns: [
          { field: 'out_refund_no', title: 'out_refund_no', fixed: true },
          { field: 'state', title: t('refund.label.state') },
          { field: 'refund', title: t('refund.label.amount'), align: 'right', fixed: true },
          { field: 'out_trade_no', title: t('refund.label.order') },
          { field: 'refund_id', title: 'refund_id' },
        ],
        rows: records.map(({ intent, outcome, state }) => [
          intent.out_refund_no,
          stateCell(state, outcome?.status, t),
          formatFen(intent.refund),
          intent.out_trade_no ?? intent.transaction_id ?? '',
          outcome?.refund_id ?? '',
        ]),
        empty: t('refund.pending.none'),
      },
    ],
  };
}

/** One line of `-o json`, an interface. */
function dataOf({ intent, outcome, state }: RefundRecord): Record<string, unknown> {
  return {
    out_refund_no: intent.out_refund_no,
    state: state === 'open' ? 'UNKNOWN' : (outcome?.status ?? 'PROCESSING'),
    refund: intent.refund,
    total: intent.total,
    out_trade_no: intent.out_trade_no ?? null,
    transaction_id: intent.transaction_id ?? null,
    refund_id: outcome?.refund_id ?? null,
    row: intent.row ?? null,
    ref: intent.ref ?? null,
    code: outcome?.code ?? null,
  };
}

function stateCell(state: RefundRecord['state'], status: string | undefined, t: Translate): Cell {
  if (state === 'open') return { text: t('refund.state.unknown'), tone: 'bad' };
  return describeRefundState(status ?? 'PROCESSING', t);
}
