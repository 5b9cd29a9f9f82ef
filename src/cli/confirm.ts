/** The guard before everything that changes something at a live merchant (DESIGN section 3, CLI-MANNERS M1 to M5). */
import { WxpayError } from '../core/errors.ts';
import type { MessageKey, Params } from '../i18n/translate.ts';
import { safeText } from '../output/safe-text.ts';
import type { ResolvedProfile } from '../profiles/schema.ts';
import type { Globals, Runtime } from './command.ts';

/** What will happen, in one line with amount and unit where money is concerned. */
export interface Summary {
  readonly key: MessageKey;
  readonly params: Params;
}

/** What the guard uses of the runtime. */
export type ConfirmRuntime = Pick<Runtime, 't' | 'note' | 'prompts'> & {
  readonly globals: Pick<Globals, 'yes' | 'confirm'>;
};

/**
 * Returns when the action may go on: the base URL is loopback, `--yes` was given, or a person at a terminal said yes to
 * a question whose default is no. Silence, a pipe, CI and variables are never consent.
 *
 * @throws `CONFIRMATION_DECLINED` for a no and for the end of input; `CONFIRMATION_REQUIRED` where nobody can be asked,
 *   and where `--confirm` names another merchant; `Interrupted`
 */
export async function confirmLive(runtime: ConfirmRuntime, profile: ResolvedProfile, summary: Summary): Promise<void> {
  if (!profile.live) return;
  const { globals, t } = runtime;
  const mchid = profile.values.mchid?.value ?? '?';
  const name = profile.name ?? 'WXPAY_*';
  if (globals.confirm !== undefined && globals.confirm !== mchid)
    throw new WxpayError('CONFIRMATION_REQUIRED', {
      params: { mchid, confirm: globals.confirm },
      hint: 'profile.hint.confirm_mismatch',
      outcome: 'not_sent',
    });
  runtime.note('cli.live.banner', { mchid, profile: name });
  if (globals.yes) return;
  const prompts = await runtime.prompts();
  if (!prompts.canPrompt) throw new WxpayError('CONFIRMATION_REQUIRED', { params: { mchid }, outcome: 'not_sent' });
  const params = Object.fromEntries(
    Object.entries(summary.params).map(([key, value]) => [key, safeText(String(value))]),
  );
  const message = t('profile.confirm.live', { summary: t(summary.key, params), mchid, profile: name });
  if (!(await prompts.confirm({ message }))) throw new WxpayError('CONFIRMATION_DECLINED', { outcome: 'not_sent' });
}
