/** `wxpay bill reconcile`: a trade bill against the merchant's own list, in both directions. */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { reconcile, type Difference } from '../../../operations/bill/reconcile.ts';
import { formatFen } from '../../../output/money.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';

/** More differences than anybody reads are counted, not listed. */
const maxListed = 100_000;

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<bill>', t('bill.argument.bill')).argument('<orders>', t('bill.argument.orders'));
    examples(command, t, ['bill.example.reconcile', 'bill.example.reconcile_csv']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const { t } = runtime;
    const [bill = '', orders = ''] = args.map((path) => resolve(runtime.cwd, path));
    const listed: Difference[] = [];
    const found = await reconcile(bill, orders, {
      billName: basename(bill),
      listName: basename(orders),
      signal: runtime.signal,
      onDifference: (difference) => {
        if (listed.length < maxListed) listed.push(difference);
      },
    });
    if (found.differences > listed.length)
      runtime.warn('bill.warn.unlisted', { shown: listed.length, all: found.differences });
    if (found.left_out > 0) runtime.note('bill.note.left_out', { count: found.left_out });
    const agrees = found.bill.differences.length === 0;
    if (!agrees) runtime.warn('bill.warn.summary', { file: basename(bill) });
    const amount = (fen: number | null): string => (fen === null ? '–' : formatFen(fen));
    const facts = { bill_rows: found.bill.rows, merchant_rows: found.merchant_rows, matched: found.matched };
    return {
      data: {
        ...facts,
        left_out: found.left_out,
        summary_agrees: agrees,
        difference_count: found.differences,
        differences: listed,
      },
      rows: listed,
      view: [
        {
          kind: 'table',
          columns: [
            { field: 'difference', title: t('bill.column.difference') },
            { field: 'kind', title: t('bill.column.kind') },
            { field: 'number', title: t('bill.column.number'), fixed: true },
            { field: 'bill_amount', title: t('bill.column.bill_amount'), align: 'right', fixed: true },
            { field: 'merchant_amount', title: t('bill.column.merchant_amount'), align: 'right', fixed: true },
            { field: 'bill_state', title: t('bill.column.bill_state') },
            { field: 'merchant_state', title: t('bill.column.merchant_state') },
          ],
          rows: listed.map((difference) => [
            { text: t(`bill.difference.${difference.difference}`), tone: 'bad' as const },
            t(`bill.kind.${difference.kind}`),
            difference.number,
            amount(difference.bill_amount),
            amount(difference.merchant_amount),
            difference.bill_state ?? '–',
            difference.merchant_state ?? '–',
          ]),
          empty: t('bill.empty.differences'),
        },
        { kind: 'text', text: t('bill.text.reconciled', { ...facts, differences: found.differences }) },
      ],
      ...(agrees ? (found.differences === 0 ? {} : { failed: 'BILL_DIFFERS' }) : { failed: 'BILL_SUMS_DIFFER' }),
    };
  },
};
