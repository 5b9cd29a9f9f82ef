/** `wxpay profile remove`: removes a profile after a yes. Key files that it refers to stay. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<name>', t('profile.argument.name'));
    examples(command, t, ['profile.example.remove', 'profile.example.remove_yes']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const name = args[0] ?? '';
    const store = await runtime.profileStore();
    const file = store.fileOf(name);
    if (!store.list().includes(name)) throw new WxpayError('PROFILE_NOT_FOUND', { params: { name } });
    if (!runtime.globals.yes) await confirmRemoval(name, file, runtime);
    await store.remove(name);
    return {
      data: { removed: name, file },
      view: [{ kind: 'text', text: runtime.t('profile.removed', { name }), tone: 'good' }],
      id: name,
    };
  },
};

async function confirmRemoval(name: string, file: string, runtime: Runtime): Promise<void> {
  const prompts = await runtime.prompts();
  if (!prompts.canPrompt) throw new WxpayError('REMOVAL_UNCONFIRMED', { params: { name }, outcome: 'not_sent' });
  const message = runtime.t('profile.confirm.remove', { name, file });
  if (!(await prompts.confirm({ message }))) throw new WxpayError('CONFIRMATION_DECLINED', { outcome: 'not_sent' });
}
