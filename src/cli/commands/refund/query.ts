/** `wxpay refund query`: one refund by its number; `--watch` polls until it is settled. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import {
  differenceOf,
  intentOf,
  liveRefundIntervals,
  queryRefund,
  queryRefundRequest,
  watchRefund,
  type Refund,
} from '../../../operations/refund.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { partyOf, requireValue } from '../../party.ts';
import { watchAndShow, watchLimit } from '../../watching.ts';
import { openJournal, ownJournal, peekJournal, type JournalPlace } from './refund-journal.ts';
import { refundView } from './refund-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('<out_refund_no>', t('refund.argument.out_refund_no'))
      .option('--watch', t('refund.option.watch'))
      .option('--for <duration>', t('refund.option.for'));
    examples(command, t, ['refund.example.query', 'refund.example.query_json', 'refund.example.query_watch']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const out_refund_no = args[0] ?? '';
    const limit = watchLimit(options, '10m');
    const profile = await runtime.profile();
    const party = partyOf(profile);
    const request = queryRefundRequest(party, out_refund_no);
    if (runtime.globals.dryRun) return dryRun(runtime, request);
    const transport = await runtime.transport();
    const place = await ownJournal(runtime, profile);
    const mchid = requireValue(profile, 'mchid');
    if (options['watch'] !== true) {
      const refund = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
        queryRefund(transport, party, out_refund_no),
      );
      await learn(runtime, place, mchid, refund);
      return result(refund, runtime);
    }
    const { last, answer } = await watchAndShow<Refund>(
      {
        intervals: profile.live ? liveRefundIntervals : [500, 1_000],
        limit,
        watch: async (watch) => watchRefund(transport, party, out_refund_no, watch),
        result: (refund) => result(refund, runtime),
        waiting: ({ status }) => ['refund.busy.watching', { out_refund_no, state: status }],
      },
      runtime,
    );
    if (last !== undefined) await learn(runtime, place, mchid, last);
    return answer;
  },
};

/**
 * A refund that the journal holds as unresolved is resolved by having been found: `refund query` is what an unknown outcome
 * tells people to run. Nothing is written for refunds that the journal does not know; and a question is not worth failing for
 * what the disk does.
 */
async function learn(runtime: Runtime, place: JournalPlace, mchid: string, refund: Refund): Promise<void> {
  const { out_refund_no, status, refund_id } = refund;
  try {
    const stale = await peekJournal(place, async (journal) => {
      const state = journal.stateOf(out_refund_no);
      return state === 'open' || state === 'pending';
    });
    if (stale !== true) return;
    await openJournal(runtime, place, async (journal) => {
      const record = await journal.find(out_refund_no);
      if (record === undefined || record.outcome?.status === status) return;
      const mine = differenceOf(refund, intentOf(record, mchid)) === undefined;
      await journal.recordOutcome(
        mine
          ? { out_refund_no, result: 'adopted', status, refund_id }
          : { out_refund_no, result: 'refused', code: 'REFUND_DIFFERS' },
      );
    });
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    runtime.note('refund.note.not_learnt', { file: place.path });
  }
}

function result(refund: Refund, runtime: Runtime): Result {
  return { data: refund, view: refundView(refund, runtime.t), id: refund.out_refund_no };
}
