/** `wxpay profile show`: every effective value with its source, what hides what, and what is wrong with it. Never a secret. */
import type { Command } from 'commander';
import type { Result } from '../../../output/view.ts';
import { inspectProfile } from '../../../profiles/inspect.ts';
import { resolveProfile } from '../../../profiles/resolve.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { describeProfile, profileBlocks, profileRows } from './profile-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[name]', t('profile.argument.name'));
    examples(command, t, ['profile.example.show', 'profile.example.show_json']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const { globals, env, cwd, t } = runtime;
    const store = await runtime.profileStore();
    const profile = await resolveProfile({
      profile: args[0] ?? globals.profile,
      flags: { base_url: globals.baseUrl },
      env,
      store,
      cwd,
      allowHosts: globals.allowHost === undefined ? [] : [globals.allowHost],
    });
    const inspection = await inspectProfile(profile, await runtime.credentials(profile), {
      now: runtime.clock.now(),
      askKeychain: false,
    });
    const { name } = profile;
    const shown = describeProfile(
      profile,
      inspection,
      {
        file: name === undefined ? null : store.fileOf(name),
        current: name !== undefined && name === store.current(),
      },
      t,
    );
    return {
      data: shown,
      rows: profileRows(shown),
      view: profileBlocks(shown, t),
      ...(name === undefined ? {} : { id: name }),
    };
  },
};
