import { Command, Option } from 'commander';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { configureHelp, examples } from '../../src/cli/help.ts';
import { addGlobalOptions } from '../../src/cli/options.ts';
import { en } from '../../src/i18n/en/catalogue.ts';
import { loadTranslate, type Translate } from '../../src/i18n/translate.ts';
import { zhCn } from '../../src/i18n/zh-cn/catalogue.ts';

const english = await loadTranslate('en');
const chinese = await loadTranslate('zh-CN');

/** A program with everything that help can show. */
function program(t: Translate, columns: number | undefined): Command {
  const root = new Command('wxpay').description(t('cli.tagline')).helpCommand(false).exitOverride();
  root.helpOption('-h, --help', t('cli.help.option'));
  configureHelp(root, t, { columns });
  addGlobalOptions(root, t);
  const order = root.command('order').description(t('cli.group.order')).helpGroup(t('cli.group.orders'));
  order.helpOption('-h, --help', t('cli.help.option')).helpCommand(false);
  const create = order.command('create').description(`${t('cli.summary.order_create')} ${t('cli.tagline')}`);
  create
    .argument('<out_trade_no>', t('cli.tagline'))
    .helpOption('-h, --help', t('cli.help.option'))
    .addOption(new Option('--type <type>', t('cli.option.output')).choices(['native', 'jsapi']).default('native'))
    .addOption(new Option('--a-flag-with-a-very-long-name <and-value>', t('cli.tagline')))
    .addOption(new Option('--hidden').hideHelp());
  examples(create, t, ['order.example.create_native', 'order.example.create_jsapi']);
  return root;
}

const languages = [
  ['zh-CN', chinese],
  ['en', english],
] as const;

describe.each(languages)('H5: help (%s)', (_, t) => {
  test.each([40, 60, 80, 120])('has no line wider than %i columns', (columns) => {
    const root = program(t, columns);
    for (const command of [root, ...root.commands, ...root.commands.flatMap((child) => child.commands)])
      for (const line of command.helpInformation().split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
  });

  test.each([undefined, 0])('takes 80 columns where the stream says %s', (columns) => {
    expect(program(t, columns).helpInformation()).toBe(program(t, 80).helpInformation());
  });

  test('aligns descriptions by display width', () => {
    const lines = program(t, 120)
      .helpInformation()
      .split('\n')
      .filter((line) => /^ {2}-/.test(line));
    const starts = lines.map((line) => stringWidth(/^ {2}-.*? {2,}/.exec(line)?.[0] ?? ''));
    expect(new Set(starts).size).toBe(1);
  });
});

test('our own measure agrees with string-width on every text that we have', () => {
  const helper = program(english, 80).createHelp();
  for (const text of [...Object.values(en), ...Object.values(zhCn)].flatMap((message) => message.split('\n')))
    expect([text, helper.displayWidth(text)]).toEqual([text, stringWidth(text)]);
});

test('shows sections in the user’s language, and no English ones', () => {
  const create = program(chinese, 80).commands[0]?.commands[0];
  const help = create?.helpInformation() ?? '';
  expect(help).toContain(chinese('cli.help.options'));
  expect(help).not.toMatch(/Usage|Options|Commands|Arguments|choices|default/);
  expect(help).toContain('native | jsapi');
  expect(help).not.toContain('--hidden');
});

test('groups commands under their heading, and puts them before the options', () => {
  const help = program(english, 80).helpInformation();
  expect(help.indexOf('\nOrders:\n')).toBeGreaterThan(0);
  expect(help.indexOf('\nOrders:\n')).toBeLessThan(help.indexOf('\nOptions:\n'));
});

test('names the inherited options, and explains them at the top only', () => {
  const help = program(english, 80).commands[0]?.commands[0]?.helpInformation() ?? '';
  expect(help).toContain('--profile');
  expect(help).not.toContain(english('cli.option.profile'));
});

describe('H2: examples', () => {
  test('come before the options', () => {
    const help = program(english, 200).commands[0]?.commands[0]?.helpInformation() ?? '';
    expect(help).toContain(`Examples:\n  ${english('order.example.create_native')}\n`);
    expect(help.indexOf('Examples:')).toBeLessThan(help.indexOf('Options:'));
  });

  test.each([40, 60, 80])('stay one command line for a shell when broken at %i columns', (columns) => {
    const help = program(chinese, columns).commands[0]?.commands[0]?.helpInformation() ?? '';
    const unbroken = help.replaceAll(/ \\\n +/g, ' ');
    expect(unbroken).toContain(`  ${chinese('order.example.create_native')}\n`);
    expect(unbroken).toContain(`  ${chinese('order.example.create_jsapi')}\n`);
  });
});

describe('H1', () => {
  test.each([['-h'], ['--help'], ['order', '-h'], ['order', 'create', '--help']])(
    'help of %s goes to stdout and is no error',
    async (...argv) => {
      const root = program(english, 80);
      let out = '';
      let err = '';
      const streams = {
        writeOut: (text: string) => void (out += text),
        writeErr: (text: string) => void (err += text),
      };
      for (const command of [root, ...root.commands, ...root.commands.flatMap((child) => child.commands)])
        command.configureOutput(streams).exitOverride();
      await expect(root.parseAsync(argv, { from: 'user' })).rejects.toMatchObject({ exitCode: 0 });
      expect(out).toContain('Usage: wxpay');
      expect(err).toBe('');
    },
  );
});
