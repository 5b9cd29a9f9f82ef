import { Command } from 'commander';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { configureHelp } from '../../src/cli/help.ts';
import { addGlobalOptions } from '../../src/cli/options.ts';
import { entries } from '../../src/cli/program.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';

describe.each(['zh-CN', 'en'] as const)('H5: help (%s)', (lang) => {
  test.each(entries.map((entry) => [entry.path.join(' '), entry] as const))(
    'of %s fits 60, 80 and 120 columns',
    async (_, entry) => {
      const t = await loadTranslate(lang);
      const { command: module } = await entry.load();
      for (const columns of [60, 80, 120]) {
        const root = new Command('wxpay').helpCommand(false);
        configureHelp(root, t, { columns });
        addGlobalOptions(root, t);
        const leaf = root.command(entry.path.join('-')).description(t(entry.summary));
        leaf.helpOption('-h, --help', t('cli.help.option'));
        module.configure(leaf, t);
        for (const line of leaf.helpInformation().split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
      }
    },
  );
});
