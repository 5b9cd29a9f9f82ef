/** `wxpay profile use`: chooses the profile that commands use when nothing else is said. */
import type { Command } from 'commander';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<name>', t('profile.argument.name'));
    examples(command, t, ['profile.example.use', 'profile.example.use_json']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const name = args[0] ?? '';
    const store = await runtime.profileStore();
    await store.use(name);
    const variable = runtime.env['WXPAY_PROFILE'];
    if (variable !== undefined && variable !== '' && variable !== name)
      runtime.warn('profile.warn.variable_wins', { name: variable });
    return {
      data: { current: name },
      view: [{ kind: 'text', text: runtime.t('profile.used', { name }), tone: 'good' }],
      id: name,
    };
  },
};
