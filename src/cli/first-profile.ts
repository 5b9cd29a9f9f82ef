/** A person at a terminal whose command needs a merchant, and there is none: leads to one, instead of ending with advice. */
import { isWxpayError } from '../core/errors.ts';
import { safeText } from '../output/safe-text.ts';
import type { ResolvedProfile } from '../profiles/schema.ts';
import type { Runtime } from './command.ts';
import { Interrupted } from './interrupt.ts';

/** The name that an emulator's profile gets, as in the README. */
const emulatorProfile = 'local';
const pollMs = 500;

export type FirstProfileRuntime = Pick<
  Runtime,
  | 'globals'
  | 'env'
  | 'cwd'
  | 'dirs'
  | 't'
  | 'stderr'
  | 'signal'
  | 'clock'
  | 'prompts'
  | 'profileStore'
  | 'note'
  | 'busy'
  | 'self'
>;

/**
 * Resolves the profile; where none exists, or several and nothing chooses, asks what to do and resolves again. Whatever is
 * chosen, a live write asks for itself afterwards: with `--yes`, which would answer for a merchant that nobody knew yet, nobody is
 * led anywhere.
 *
 * @param resolve with the name of a profile, or as flags and variables have it
 */
export async function leadToProfile(
  resolve: (name?: string) => Promise<ResolvedProfile>,
  runtime: FirstProfileRuntime,
): Promise<ResolvedProfile> {
  try {
    return await resolve();
  } catch (error) {
    const none = isWxpayError(error, 'PROFILE_NONE');
    const several = isWxpayError(error, 'INPUT_MISSING') && error.hint === 'profile.hint.choose';
    if ((!none && !several) || runtime.globals.yes || !(await runtime.prompts()).canPrompt) throw error;
    if (several) return await resolve(await chooseProfile(runtime));
    await makeProfile(error, runtime);
    return await resolve();
  }
}

async function chooseProfile(runtime: FirstProfileRuntime): Promise<string> {
  const names = (await runtime.profileStore()).list();
  const prompts = await runtime.prompts();
  return await prompts.select({
    message: runtime.t('profile.lead.which'),
    choices: names.map((name) => ({ value: name, name })),
  });
}

async function makeProfile(none: unknown, runtime: FirstProfileRuntime): Promise<void> {
  const { t } = runtime;
  const { emulatorDir } = await import('./commands/emulator/emulator-dir.ts');
  const dir = emulatorDir({}, runtime);
  const { runningEmulator } = await import('../emulator/control-client.ts');
  const running = await runningEmulator(dir);
  const local =
    running === undefined
      ? ({ value: 'wait', name: t('profile.lead.wait') } as const)
      : ({ value: 'use', name: t('profile.lead.use', { url: safeText(running) }) } as const);
  const prompts = await runtime.prompts();
  const answer = await prompts.select<'add' | 'wait' | 'use' | 'quit'>({
    message: t('profile.lead.question'),
    choices: [{ value: 'add', name: t('profile.lead.add') }, local, { value: 'quit', name: t('profile.lead.quit') }],
  });
  switch (answer) {
    case 'quit':
      throw none;
    case 'add':
      return await addMerchant(none, runtime);
    case 'wait':
      runtime.note('profile.lead.start', { command: 'wxpay emulator start' });
      await runtime.busy('profile.lead.waiting', {}, async () => {
        while ((await runningEmulator(dir)) === undefined) await runtime.clock.sleep(pollMs, runtime.signal);
      });
      return await useEmulator(dir, runtime);
    case 'use':
      return await useEmulator(dir, runtime);
  }
}

/** What it prints is conversation here: stdout belongs to the command that was typed. */
async function addMerchant(none: unknown, runtime: FirstProfileRuntime): Promise<void> {
  const code = await runtime.self(['profile', 'add', '--lang', runtime.globals.lang], {
    env: runtime.env,
    stdout: (text) => runtime.stderr.write(text),
  });
  if (code === 0) return;
  const { reason } = runtime.signal as { reason: unknown };
  throw runtime.signal.aborted ? reason : code === 130 ? new Interrupted('SIGINT') : none;
}

async function useEmulator(dir: string, runtime: FirstProfileRuntime): Promise<void> {
  const { findEmulator } = await import('../emulator/control-client.ts');
  const { saveEmulatorProfile } = await import('./commands/emulator/emulator-profile.ts');
  const info = await (await findEmulator(dir)).info();
  await saveEmulatorProfile(emulatorProfile, info, runtime);
}
