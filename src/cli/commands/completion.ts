/** `wxpay completion`: the script by which a shell completes wxpay's command lines. */
import { Argument, type Command } from 'commander';
import type { Result } from '../../output/view.ts';
import type { CommandInput, CommandModule } from '../command.ts';
import { completionScript, shells, type Shell } from '../completion/scripts.ts';
import { examples } from '../help.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.addArgument(new Argument('<shell>', t('cli.completion.shell')).choices([...shells]));
    examples(command, t, ['cli.example.completion', 'cli.example.completion_zsh', 'cli.example.completion_fish']);
  },

  async run({ args }: CommandInput): Promise<Result> {
    const script = completionScript(args[0] as Shell);
    return { data: { shell: args[0], script }, view: [{ kind: 'verbatim', text: script.trimEnd() }] };
  },
};
