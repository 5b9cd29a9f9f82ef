/** The guards before a batch moves money: its total, its limits, and a person's or a script's explicit consent. */
import { WxpayError } from '../../../core/errors.ts';
import { formatYuan, parseAmount } from '../../../core/money.ts';
import type { JournalReader } from '../../../operations/refund-batch/journal.ts';
import type { BatchPlan, Tally } from '../../../operations/refund-batch/plan.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { Globals, Runtime } from '../../command.ts';
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
 * What can be refused before anybody is asked anything: a total that is not the expected one, a file over its limits, and a
 * live batch that nobody can be asked about and that was not agreed to (`--yes --confirm <mchid>`, and the total or a saved
 * plan).
 *
 * @throws `BATCH_TOTAL_MISMATCH`, `BATCH_LIMIT`, `CONFIRMATION_REQUIRED`
 */
export async function guardBatch(
  runtime: Pick<Runtime, 't' | 'globals' | 'prompts'>,
  profile: Pick<ResolvedProfile, 'live'>,
  file: Tally & { readonly mchid: string },
  limits: BatchLimits,
): Promise<void> {
  const { t, globals } = runtime;
  const { mchid } = file;
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
  if (globals.confirm !== undefined && globals.confirm !== mchid)
    throw new WxpayError('CONFIRMATION_REQUIRED', {
      params: { mchid, confirm: globals.confirm },
      hint: 'profile.hint.confirm_mismatch',
      outcome: 'not_sent',
    });
  if (isAgreed(globals, mchid, limits) || (await runtime.prompts()).canPrompt) return;
  throw new WxpayError('CONFIRMATION_REQUIRED', {
    params: { mchid, total: file.fen },
    hint: 'batch.hint.confirm',
    outcome: 'not_sent',
  });
}

/** Off a terminal a live batch names its merchant as well (DESIGN section 3). */
function isAgreed(globals: Pick<Globals, 'yes' | 'confirm'>, mchid: string, limits: BatchLimits): boolean {
  return globals.yes && globals.confirm === mchid && (limits.expectTotal !== undefined || limits.saved);
}

/**
 * The question before a live batch: its total is typed. Not asked where the command line said it all, or where nothing would be
 * sent. Call `guardBatch` first.
 *
 * @throws `CONFIRMATION_DECLINED`, `Interrupted`, `INPUT_MISSING` at the end of input
 */
export async function confirmBatch(
  runtime: Pick<Runtime, 't' | 'globals' | 'prompts' | 'note' | 'warn'>,
  profile: Pick<ResolvedProfile, 'live' | 'name'>,
  plan: BatchPlan,
  journal: JournalReader,
  limits: BatchLimits,
): Promise<void> {
  if (!profile.live) return;
  const { t, globals } = runtime;
  const { mchid } = plan.identity;
  runtime.note('cli.live.banner', { mchid, profile: profile.name ?? 'WXPAY_*' });
  if (isAgreed(globals, mchid, limits) || !anythingToSend(plan, journal)) return;
  const { file } = plan;
  runtime.warn('batch.confirm.summary', {
    planned: tallyText(file, t),
    send: tallyText(plan.tally('send'), t),
    mchid,
  });
  const prompts = await runtime.prompts();
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
