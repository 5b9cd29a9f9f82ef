/** The guards before a batch moves money: its total, its limits, and a person's or a script's explicit consent. */
import { WxpayError } from '../../../core/errors.ts';
import { formatYuan, parseAmount } from '../../../core/money.ts';
import type { JournalReader } from '../../../operations/refund-batch/journal.ts';
import type { BatchPlan } from '../../../operations/refund-batch/plan.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { Runtime } from '../../command.ts';
import { tallyText } from './batch-view.ts';
import { bothUnits } from './refund-view.ts';

export interface BatchLimits {
  /** Fen; `undefined` when the command line does not say. */
  readonly expectTotal: number | undefined;
  readonly maxTotal: number;
  readonly maxCount: number;
  /** The plan was saved and looked at: its total needs no second confirmation. */
  readonly saved: boolean;
}

/**
 * Returns when the batch may go on. The total and the limits count everywhere; a live batch also needs consent: at a terminal
 * its total is typed, elsewhere `--yes --confirm <mchid>` and the total (or a saved plan) say it.
 *
 * @throws `BATCH_TOTAL_MISMATCH`, `BATCH_LIMIT`, `CONFIRMATION_REQUIRED`, `CONFIRMATION_DECLINED`
 */
export async function confirmBatch(
  runtime: Runtime,
  profile: ResolvedProfile,
  plan: BatchPlan,
  journal: JournalReader,
  limits: BatchLimits,
): Promise<void> {
  const { t, globals } = runtime;
  const { file, identity } = plan;
  if (limits.expectTotal !== undefined && limits.expectTotal !== file.fen)
    throw new WxpayError('BATCH_TOTAL_MISMATCH', {
      params: { found: bothUnits(file.fen, t), wanted: bothUnits(limits.expectTotal, t) },
      outcome: 'not_sent',
    });
  if (file.fen > limits.maxTotal)
    throw new WxpayError('BATCH_LIMIT', {
      params: { found: bothUnits(file.fen, t), flag: '--max-total', limit: bothUnits(limits.maxTotal, t) },
      outcome: 'not_sent',
    });
  if (file.count > limits.maxCount)
    throw new WxpayError('BATCH_LIMIT', {
      params: { found: file.count, flag: '--max-count', limit: limits.maxCount },
      outcome: 'not_sent',
    });
  if (!profile.live) return;
  const { mchid } = identity;
  if (globals.confirm !== undefined && globals.confirm !== mchid)
    throw new WxpayError('CONFIRMATION_REQUIRED', {
      params: { mchid, confirm: globals.confirm },
      hint: 'profile.hint.confirm_mismatch',
      outcome: 'not_sent',
    });
  runtime.note('cli.live.banner', { mchid, profile: profile.name ?? 'WXPAY_*' });
  if (!anythingToSend(plan, journal)) return;
  const totalIsKnown = limits.expectTotal !== undefined || limits.saved;
  if (globals.yes && globals.confirm === mchid && totalIsKnown) return;
  const prompts = await runtime.prompts();
  if (!prompts.canPrompt)
    throw new WxpayError('CONFIRMATION_REQUIRED', {
      params: { mchid, total: file.fen },
      hint: 'batch.hint.confirm',
      outcome: 'not_sent',
    });
  if (globals.yes && totalIsKnown) return;
  runtime.warn('batch.confirm.summary', {
    planned: tallyText(file, t),
    send: tallyText(plan.tally('send'), t),
    mchid,
  });
  await prompts.input({
    message: t('batch.confirm.type_total', { yuan: formatYuan(file.fen) }),
    validate: (text) => (isTotal(text.trim(), file.fen) ? undefined : t('batch.confirm.other_total')),
  });
}

/** The total in yuan as it was shown, or with its unit. */
function isTotal(text: string, fen: number): boolean {
  if (text === formatYuan(fen)) return true;
  if (!/[^\d.]/.test(text)) return false;
  try {
    return parseAmount(text) === fen;
  } catch {
    return false;
  }
}

function anythingToSend(plan: BatchPlan, journal: JournalReader): boolean {
  for (let row = 0; row < plan.rows.count; row += 1) {
    if (plan.actionOf(row) !== 'send') continue;
    const state = journal.stateOf(plan.numberOf(row));
    if (state !== 'final' && state !== 'pending') return true;
  }
  return false;
}
