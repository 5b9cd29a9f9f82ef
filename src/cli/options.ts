/** The global flags: declared once, parsed once, known to the command finder and to completion. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../core/errors.ts';
import { chooseLang } from '../i18n/locale.ts';
import type { Translate } from '../i18n/translate.ts';
import type { Globals, OutputFormat } from './command.ts';

const formats: readonly OutputFormat[] = ['table', 'json', 'ndjson', 'csv'];

/** Global flags that take a value, for finding the command among the arguments. */
export const valueFlags: ReadonlySet<string> = new Set([
  '--profile',
  '-o',
  '--output',
  '--query',
  '--lang',
  '--confirm',
  '--timeout',
  '--retries',
  '--base-url',
  '--allow-host',
  '--color',
]);

export function addGlobalOptions(program: Command, t: Translate): void {
  const options = [
    new Option('--profile <name>', t('cli.option.profile')),
    new Option('-o, --output <format>', t('cli.option.output')).choices([...formats]),
    new Option('--json', t('cli.option.json')),
    new Option('--query <jmespath>', t('cli.option.query')),
    new Option('--lang <lang>', t('cli.option.lang')).choices(['zh-CN', 'en']),
    new Option('--color <when>', t('cli.option.color')).choices(['always', 'never', 'auto']),
    new Option('--no-color', t('cli.option.no_color')),
    new Option('-q, --quiet', t('cli.option.quiet')),
    new Option('--verbose', t('cli.option.verbose')),
    new Option('--debug', t('cli.option.debug')),
    new Option('--dry-run', t('cli.option.dry_run')),
    new Option('--yes', t('cli.option.yes')),
    new Option('--no-input', t('cli.option.no_input')),
    new Option('--confirm <mchid>', t('cli.option.confirm')),
    new Option('--timeout <seconds>', t('cli.option.timeout')),
    new Option('--retries <n>', t('cli.option.retries')),
    new Option('--base-url <url>', t('cli.option.base_url')),
    new Option('--allow-host <host>', t('cli.option.allow_host')),
  ];
  for (const option of options) program.addOption(option);
}

/**
 * Reads the parsed global flags.
 *
 * @throws WxpayError `INPUT_INVALID` for a time-out or retry count that is no number in its bounds
 */
export function readGlobals(
  values: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  systemLocale: () => string | undefined,
): Globals {
  const text = (name: string): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined);
  const output = values['json'] === true ? 'json' : ((text('output') ?? 'table') as OutputFormat);
  return {
    profile: text('profile'),
    output,
    query: text('query'),
    lang: chooseLang(text('lang'), env, systemLocale),
    color: values['color'] === false ? 'never' : ((text('color') ?? 'auto') as Globals['color']),
    quiet: values['quiet'] === true,
    verbose: values['verbose'] === true,
    debug: values['debug'] === true || isOn(env['WXPAY_DEBUG']),
    dryRun: values['dryRun'] === true,
    yes: values['yes'] === true,
    noInput: values['input'] === false,
    confirm: text('confirm'),
    timeoutMs: Math.round(numberIn('--timeout', text('timeout') ?? '30', 0.001, 86_400) * 1000),
    retries: Math.trunc(numberIn('--retries', text('retries') ?? '3', 0, 20)),
    baseUrl: text('baseUrl'),
    allowHost: text('allowHost'),
  };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}

function numberIn(flag: string, text: string, low: number, high: number): number {
  if (!/^\d+(?:\.\d+)?$/.test(text) || Number(text) < low || Number(text) > high)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: flag, reason: 'key:cli.usage.number', low, high },
      outcome: 'not_sent',
    });
  return Number(text);
}

/** What can be known of the flags before commander has parsed them: for the language and format of its own errors. */
export function peek(argv: readonly string[]): {
  lang: string | undefined;
  json: boolean;
  color: 'always' | 'never' | undefined;
} {
  let lang: string | undefined;
  let json = false;
  let color: 'always' | 'never' | undefined;
  for (const [index, word] of argv.entries()) {
    if (word === '--') break;
    if (word === '--lang') lang = argv[index + 1];
    else if (word.startsWith('--lang=')) lang = word.slice('--lang='.length);
    else if (word === '--json' || /^(?:--output=|-o=?)(?:nd)?json$/.test(word)) json = true;
    else if ((word === '-o' || word === '--output') && /^(?:nd)?json$/.test(argv[index + 1] ?? '')) json = true;
    else if (word === '--no-color' || word === '--color=never') color = 'never';
    else if (word === '--color=always') color = 'always';
    else if (word === '--color' && (argv[index + 1] === 'always' || argv[index + 1] === 'never'))
      color = argv[index + 1] as 'always' | 'never';
  }
  return { lang, json, color };
}
