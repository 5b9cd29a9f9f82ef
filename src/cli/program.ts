/**
 * The registration list and the way from argv to one command. Only the command that runs is loaded; the others are known
 * by their line here.
 */
import { Command, CommanderError } from 'commander';
import { WxpayError } from '../core/errors.ts';
import { loadTranslate, type MessageKey, type Translate } from '../i18n/translate.ts';
import { chooseLang } from '../i18n/locale.ts';
import type { CommandModule } from './command.ts';
import { afterSentence } from '../output/colon.ts';
import { configureHelp } from './help.ts';
import { addGlobalOptions, peek, readGlobals, valueFlags } from './options.ts';
import { reportError, runCommand } from './run-command.ts';
import { exitCodes } from './exit-codes.ts';
import type { World } from './world.ts';

export interface Entry {
  readonly path: readonly [string, ...string[]];
  readonly summary: MessageKey;
  readonly group: MessageKey;
  readonly load: () => Promise<{ readonly command: CommandModule }>;
}

/** Every command: one line each. */
export const entries: readonly Entry[] = [
  { path: ['demo'], summary: 'cli.summary.demo', group: 'cli.group.setup', load: () => import('./commands/demo.ts') },
  {
    path: ['order', 'create'],
    summary: 'cli.summary.order_create',
    group: 'cli.group.orders',
    load: () => import('./commands/order/create.ts'),
  },
  {
    path: ['order', 'query'],
    summary: 'cli.summary.order_query',
    group: 'cli.group.orders',
    load: () => import('./commands/order/query.ts'),
  },
  {
    path: ['order', 'close'],
    summary: 'cli.summary.order_close',
    group: 'cli.group.orders',
    load: () => import('./commands/order/close.ts'),
  },
  {
    path: ['order', 'reverse'],
    summary: 'cli.summary.order_reverse',
    group: 'cli.group.orders',
    load: () => import('./commands/order/reverse.ts'),
  },
  {
    path: ['refund', 'create'],
    summary: 'refund.summary.create',
    group: 'refund.group.title',
    load: () => import('./commands/refund/create.ts'),
  },
  {
    path: ['refund', 'query'],
    summary: 'refund.summary.query',
    group: 'refund.group.title',
    load: () => import('./commands/refund/query.ts'),
  },
  {
    path: ['refund', 'batch'],
    summary: 'batch.summary.batch',
    group: 'refund.group.title',
    load: () => import('./commands/refund/batch.ts'),
  },
  {
    path: ['refund', 'report', 'merge'],
    summary: 'batch.summary.report_merge',
    group: 'refund.group.title',
    load: () => import('./commands/refund/report/merge.ts'),
  },
  {
    path: ['refund', 'pending'],
    summary: 'refund.summary.pending',
    group: 'refund.group.title',
    load: () => import('./commands/refund/pending.ts'),
  },
  {
    path: ['refund', 'resume'],
    summary: 'refund.summary.resume',
    group: 'refund.group.title',
    load: () => import('./commands/refund/resume.ts'),
  },
  {
    path: ['refund', 'abnormal'],
    summary: 'refund.summary.abnormal',
    group: 'refund.group.title',
    load: () => import('./commands/refund/abnormal.ts'),
  },
  {
    path: ['transfer', 'create'],
    summary: 'transfer.summary.create',
    group: 'transfer.group.title',
    load: () => import('./commands/transfer/create.ts'),
  },
  {
    path: ['transfer', 'query'],
    summary: 'transfer.summary.query',
    group: 'transfer.group.title',
    load: () => import('./commands/transfer/query.ts'),
  },
  {
    path: ['transfer', 'cancel'],
    summary: 'transfer.summary.cancel',
    group: 'transfer.group.title',
    load: () => import('./commands/transfer/cancel.ts'),
  },
  {
    path: ['bill', 'trade'],
    summary: 'bill.summary.trade',
    group: 'bill.group.title',
    load: () => import('./commands/bill/trade.ts'),
  },
  {
    path: ['bill', 'fundflow'],
    summary: 'bill.summary.fundflow',
    group: 'bill.group.title',
    load: () => import('./commands/bill/fundflow.ts'),
  },
  {
    path: ['bill', 'read'],
    summary: 'bill.summary.read',
    group: 'bill.group.title',
    load: () => import('./commands/bill/read.ts'),
  },
  {
    path: ['bill', 'reconcile'],
    summary: 'bill.summary.reconcile',
    group: 'bill.group.title',
    load: () => import('./commands/bill/reconcile.ts'),
  },
  {
    path: ['certs', 'download'],
    summary: 'cli.summary.certs_download',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/download.ts'),
  },
  {
    path: ['certs', 'list'],
    summary: 'cli.summary.certs_list',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/list.ts'),
  },
  {
    path: ['certs', 'show'],
    summary: 'cli.summary.certs_show',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/show.ts'),
  },
  {
    path: ['certs', 'rotate'],
    summary: 'cli.summary.certs_rotate',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/rotate.ts'),
  },
  {
    path: ['certs', 'verify'],
    summary: 'cli.summary.certs_verify',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/verify.ts'),
  },
  {
    path: ['certs', 'import'],
    summary: 'cli.summary.certs_import',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/import.ts'),
  },
  {
    path: ['certs', 'export'],
    summary: 'cli.summary.certs_export',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/export.ts'),
  },
  {
    path: ['certs', 'migrate'],
    summary: 'cli.summary.certs_migrate',
    group: 'cli.group.keys',
    load: () => import('./commands/certs/migrate.ts'),
  },
  { path: ['api'], summary: 'cli.summary.api', group: 'cli.group.orders', load: () => import('./commands/api.ts') },
  { path: ['sign'], summary: 'cli.summary.sign', group: 'cli.group.keys', load: () => import('./commands/sign.ts') },
  {
    path: ['encrypt'],
    summary: 'cli.summary.encrypt',
    group: 'cli.group.keys',
    load: () => import('./commands/encrypt.ts'),
  },
  {
    path: ['decrypt'],
    summary: 'cli.summary.decrypt',
    group: 'cli.group.keys',
    load: () => import('./commands/decrypt.ts'),
  },
  {
    path: ['doctor'],
    summary: 'cli.summary.doctor',
    group: 'cli.group.setup',
    load: () => import('./commands/doctor.ts'),
  },
  {
    path: ['verify-callback'],
    summary: 'cli.summary.verify_callback',
    group: 'cli.group.callbacks',
    load: () => import('./commands/verify-callback.ts'),
  },
  {
    path: ['callback', 'listen'],
    summary: 'callbacks.summary.listen',
    group: 'cli.group.callbacks',
    load: () => import('./commands/callback/listen.ts'),
  },
  {
    path: ['callback', 'trigger'],
    summary: 'callbacks.summary.trigger',
    group: 'cli.group.callbacks',
    load: () => import('./commands/callback/trigger.ts'),
  },
  {
    path: ['callback', 'replay'],
    summary: 'callbacks.summary.replay',
    group: 'cli.group.callbacks',
    load: () => import('./commands/callback/replay.ts'),
  },
  {
    path: ['profile', 'add'],
    summary: 'cli.summary.profile_add',
    group: 'cli.group.setup',
    load: () => import('./commands/profile/add.ts'),
  },
  {
    path: ['profile', 'list'],
    summary: 'cli.summary.profile_list',
    group: 'cli.group.setup',
    load: () => import('./commands/profile/list.ts'),
  },
  {
    path: ['profile', 'show'],
    summary: 'cli.summary.profile_show',
    group: 'cli.group.setup',
    load: () => import('./commands/profile/show.ts'),
  },
  {
    path: ['profile', 'use'],
    summary: 'cli.summary.profile_use',
    group: 'cli.group.setup',
    load: () => import('./commands/profile/use.ts'),
  },
  {
    path: ['profile', 'remove'],
    summary: 'cli.summary.profile_remove',
    group: 'cli.group.setup',
    load: () => import('./commands/profile/remove.ts'),
  },
  {
    path: ['emulator', 'start'],
    summary: 'cli.summary.emulator_start',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/start.ts'),
  },
  {
    path: ['emulator', 'run'],
    summary: 'cli.summary.emulator_run',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/run.ts'),
  },
  {
    path: ['emulator', 'pay'],
    summary: 'cli.summary.emulator_pay',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/pay.ts'),
  },
  {
    path: ['emulator', 'refund'],
    summary: 'cli.summary.emulator_refund',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/refund.ts'),
  },
  {
    path: ['emulator', 'transfer'],
    summary: 'cli.summary.emulator_transfer',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/transfer.ts'),
  },
  {
    path: ['emulator', 'code'],
    summary: 'emulator.summary.code',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/code.ts'),
  },
  {
    path: ['emulator', 'payer'],
    summary: 'emulator.summary.payer',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/payer.ts'),
  },
  {
    path: ['emulator', 'merchant'],
    summary: 'emulator.summary.merchant',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/merchant.ts'),
  },
  {
    path: ['emulator', 'env'],
    summary: 'cli.summary.emulator_env',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/env.ts'),
  },
  {
    path: ['emulator', 'callbacks'],
    summary: 'emulator.summary.callbacks',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/callbacks.ts'),
  },
  {
    path: ['emulator', 'clock'],
    summary: 'emulator.summary.clock',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/clock.ts'),
  },
  {
    path: ['emulator', 'reset'],
    summary: 'emulator.summary.reset',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/reset.ts'),
  },
  {
    path: ['emulator', 'snapshot', 'save'],
    summary: 'emulator.summary.snapshot_save',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/snapshot-save.ts'),
  },
  {
    path: ['emulator', 'snapshot', 'load'],
    summary: 'emulator.summary.snapshot_load',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/snapshot-load.ts'),
  },
  {
    path: ['emulator', 'rotate'],
    summary: 'cli.summary.emulator_rotate',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/rotate.ts'),
  },
  {
    path: ['emulator', 'fault'],
    summary: 'cli.summary.emulator_fault',
    group: 'cli.group.emulator',
    load: () => import('./commands/emulator/fault.ts'),
  },
  {
    path: ['completion'],
    summary: 'cli.summary.completion',
    group: 'cli.group.setup',
    load: () => import('./commands/completion.ts'),
  },
];

/** One line for each noun that has verbs. */
const nouns: Readonly<Record<string, { summary: MessageKey; group: MessageKey; verb?: string }>> = {
  order: { summary: 'cli.group.order', group: 'cli.group.orders' },
  // `wxpay refund <no>` is `wxpay refund create <no>`.
  refund: { summary: 'refund.group.summary', group: 'cli.group.orders', verb: 'create' },
  transfer: { summary: 'transfer.group.summary', group: 'cli.group.orders' },
  bill: { summary: 'bill.group.summary', group: 'cli.group.orders' },
  certs: { summary: 'cli.group.certs', group: 'cli.group.keys' },
  callback: { summary: 'callbacks.summary.noun', group: 'cli.group.callbacks' },
  profile: { summary: 'cli.group.profile', group: 'cli.group.setup' },
  emulator: { summary: 'cli.group.emulator_commands', group: 'cli.group.emulator' },
};

/**
 * Runs one command line.
 *
 * @returns the exit code; never throws and never exits
 */
export async function run(world: World): Promise<number> {
  const peeked = peek(world.argv);
  const t = await loadTranslate(chooseLang(peeked.lang, world.env, () => world.systemLocale()));
  try {
    return await dispatch(world, t);
  } catch (error) {
    return await reportError(toUsageError(error, t), {
      world,
      t,
      json: peeked.json,
      debug: world.argv.includes('--debug'),
    });
  }
}

async function dispatch(world: World, t: Translate): Promise<number> {
  if (world.argv[0] === '__complete') {
    const { answerCompletion } = await import('./completion/answer.ts');
    const find = async (words: readonly string[]) => findForCompletion(words, world, t);
    // A person who presses TAB wants no error.
    await answerCompletion(world.argv.slice(1), { world, t, find }).catch(() => undefined);
    return exitCodes.ok;
  }
  const argv = await asked({ ...world, argv: withVerb(world.argv) }, t);
  if (typeof argv === 'number') return argv;
  const entry = findEntry(argv);
  const program = buildProgram(world, t);
  let exitCode: number = exitCodes.ok;
  if (entry !== undefined) {
    const { command: module } = await entry.load();
    const leaf = commandAt(program, entry.path);
    module.configure(leaf, t);
    leaf.action(async () => {
      const globals = readGlobals(program.opts(), world.env, () => world.systemLocale());
      exitCode = await runCommand(module, { args: leaf.args, options: leaf.opts() }, { world, t, globals, run });
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.missingMandatoryOptionValue' && entry !== undefined)
      await refuseUnknown(program, commandAt(program, entry.path), argv);
    // A noun alone, or nothing at all, asks for help: on stdout, and no error.
    if (error.code === 'commander.help') {
      const words = commandWords(argv);
      if (words.length === 0 && world.stdout.isTTY === true && !asksForHelp(argv)) {
        world.stdout.write(`${t('cli.greeting')}\n`);
        return exitCodes.ok;
      }
      (isGroup(words) ? commandAt(program, words) : program).outputHelp();
      return exitCodes.ok;
    }
    if (error.exitCode === 0) return exitCodes.ok;
    throw error;
  }
  return exitCode;
}

/**
 * Commander looks for what is missing before it looks at what it does not know; a person who mistyped the very option is better
 * told so. Throws where there is such a word, and runs nothing.
 */
async function refuseUnknown(program: Command, leaf: Command, argv: readonly string[]): Promise<void> {
  for (const option of leaf.options) option.mandatory = false;
  leaf.action(() => {});
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.unknownOption') throw error;
  }
}

/** Anything but a bare `wxpay`, perhaps with flags. */
function asksForHelp(argv: readonly string[]): boolean {
  return argv.some((word) => word === '--help' || word === '-h' || word === 'help');
}

/**
 * `help x` is `x --help`, unless x is a topic, which is shown at once. Help about a command that does not exist is a usage
 * error: commander would show the help of what stands above it, and pass for success.
 */
async function asked(world: World, t: Translate): Promise<readonly string[] | number> {
  const { argv } = world;
  const words = wordsAt(argv);
  const [first] = words;
  const helpful = first?.word === 'help';
  const subject = words.map(({ word }) => word).slice(helpful ? 1 : 0);
  if (helpful) {
    const { topics, showTopic } = await import('./help-topics.ts');
    const [topic, ...more] = subject;
    // `help emulator` is the topic, `help emulator pay` the command.
    if (topic !== undefined && more.length === 0 && topics.includes(topic))
      return showTopic(topic, peek(argv), { world, t, program: () => buildWholeProgram(world, t) });
  }
  const wanted = helpful ? argv.filter((_, index) => index !== first.index) : argv;
  const isHelpFlag = (word: string): boolean => word === '--help' || word === '-h';
  const exists = subject.length === 0 || isGroup(subject) || findEntry(wanted) !== undefined;
  if (!exists) return wanted.filter((word) => !isHelpFlag(word));
  return helpful ? [...wanted, '--help'] : wanted;
}

/** Puts in the verb that a noun has by default, where none of its own follows. */
function withVerb(argv: readonly string[]): readonly string[] {
  const [noun, next] = wordsAt(argv);
  if (noun === undefined || next === undefined || !isNoun([noun.word])) return argv;
  const verb = nouns[noun.word]?.verb;
  const own = entries.some(({ path }) => path[0] === noun.word && path[1] === next.word);
  return verb === undefined || own ? argv : argv.toSpliced(noun.index + 1, 0, verb);
}

function isNoun(words: readonly string[]): boolean {
  return words.length === 1 && Object.hasOwn(nouns, words[0] ?? '');
}

/** Words that name no command, but the beginning of some: `refund`, `refund report`. */
function isGroup(words: readonly string[]): boolean {
  return entries.some(({ path }) => words.length < path.length && words.every((word, at) => path[at] === word));
}

/** The command that the words name, with its options, or the noun, or the program itself. */
async function findForCompletion(
  words: readonly string[],
  world: World,
  t: Translate,
): Promise<{ program: Command; command: Command; depth: number }> {
  const program = buildProgram(world, t);
  const named = commandWords(words);
  const entry = findEntry(words);
  if (entry === undefined) {
    const depth = isGroup(named) ? named.length : isNoun(named.slice(0, 1)) ? 1 : 0;
    return { program, command: depth === 0 ? program : commandAt(program, named.slice(0, depth)), depth };
  }
  const { command: module } = await entry.load();
  const leaf = commandAt(program, entry.path);
  module.configure(leaf, t);
  // The default verb of a noun has not been typed.
  const typed = entry.path.every((part, at) => named[at] === part);
  return { program, command: leaf, depth: typed ? entry.path.length : 1 };
}

/** The command tree: names and summaries; the leaf that runs gets its options from its module. */
export function buildProgram(world: Pick<World, 'stdout' | 'stderr' | 'version'>, t: Translate): Command {
  const program = new Command('wxpay');
  program
    .description(t('cli.tagline'))
    .version(world.version, '-V, --version', t('cli.version.option'))
    .helpOption('-h, --help', t('cli.help.option'))
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void world.stdout.write(text),
      // Our own error line replaces commander's.
      writeErr: () => {},
      outputError: () => {},
    });
  configureHelp(program, t, world.stdout);
  addGlobalOptions(program, t);
  for (const entry of entries) {
    const leaf = commandAt(program, entry.path, t);
    leaf.description(t(entry.summary));
    if (entry.path.length === 1) leaf.helpGroup(t(entry.group));
    // A group below a noun has no words of its own: its verbs say what it is for.
    const group = entry.path.length > 2 ? commandAt(program, entry.path.slice(0, -1)) : undefined;
    group?.description(group.commands.map((verb) => verb.name()).join(', '));
  }
  return program;
}

/** The command tree with the options of every command: for what speaks of all of them. */
export async function buildWholeProgram(
  world: Pick<World, 'stdout' | 'stderr' | 'version'>,
  t: Translate,
): Promise<Command> {
  const program = buildProgram(world, t);
  const modules = await Promise.all(entries.map(async ({ path, load }) => ({ path, module: (await load()).command })));
  for (const { path, module } of modules) module.configure(commandAt(program, path), t);
  return program;
}

/** Finds or makes the command with this path. */
function commandAt(program: Command, path: readonly string[], t?: Translate): Command {
  let command = program;
  for (const [depth, name] of path.entries()) {
    let next = command.commands.find((candidate) => candidate.name() === name);
    if (next === undefined) {
      next = command.command(name);
      next.helpOption('-h, --help', t?.('cli.help.option') ?? 'help').helpCommand(false);
      const noun = depth === 0 && path.length > 1 ? nouns[name] : undefined;
      if (noun !== undefined && t !== undefined) next.description(t(noun.summary)).helpGroup(t(noun.group));
    }
    command = next;
  }
  return command;
}

/** The words of a command line that may name a command: no flags, and no values of global flags. */
function commandWords(argv: readonly string[]): readonly string[] {
  return wordsAt(argv).map(({ word }) => word);
}

function wordsAt(argv: readonly string[]): readonly { readonly word: string; readonly index: number }[] {
  const words: { word: string; index: number }[] = [];
  for (let index = 0; index < argv.length && words.length < 4; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') break;
    if (valueFlags.has(word)) index += 1;
    else if (!word.startsWith('-')) words.push({ word, index });
  }
  return words;
}

/** The entry that the arguments name: the longest matching path. */
export function findEntry(argv: readonly string[]): Entry | undefined {
  const words = commandWords(withVerb(argv));
  return entries
    .filter((entry) => entry.path.every((part, index) => words[index] === part))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** Commander's complaints, by its code, in the user's language; the quoted part of its message is the name. */
const complaints: Readonly<Record<string, MessageKey>> = {
  'commander.unknownCommand': 'cli.usage.unknown_command',
  'commander.unknownOption': 'cli.usage.unknown_option',
  'commander.optionMissingArgument': 'cli.usage.option_value',
  'commander.missingArgument': 'cli.usage.argument',
  'commander.excessArguments': 'cli.usage.excess',
  'commander.missingMandatoryOptionValue': 'cli.usage.option',
};

/** Commander's errors become our usage error (exit 2), with a suggestion for what nearly exists. */
function toUsageError(error: unknown, t: Translate): unknown {
  if (!(error instanceof CommanderError)) return error;
  const key = complaints[error.code];
  // An unknown option comes with what was given to it, which may be a secret (THREATS E1).
  const name = (/'([^']*)'/.exec(error.message)?.[1] ?? '').replace(/=.*$/s, '');
  if (error.code === 'commander.unknownOption' && /^--(?:.*-)?(?:key|passphrase|password|secret)$/.test(name))
    return new WxpayError('SECRET_IN_ARGV', {
      params: { flag: name, instead: `WXPAY_${name.slice(2).replaceAll('-', '_').toUpperCase()}` },
      outcome: 'not_sent',
    });
  const near = /Did you mean (?:one of )?(.*)\?\)/.exec(error.message)?.[1];
  // What follows `=` after a switch makes commander not know the switch.
  const isSwitch = error.code === 'commander.unknownOption' && /'--[^'=]*=/.test(error.message) && near === name;
  const choice = choiceIn(error.message);
  const reason =
    choice !== undefined
      ? t('cli.usage.choice', choice)
      : key === undefined
        ? error.message.replace(/^error: /, '')
        : t(isSwitch ? 'cli.usage.switch' : key, { name });
  const isCommand = error.code === 'commander.unknownCommand';
  const names = isCommand && /^topics?$/.test(name) ? 'help topics' : near;
  const said = names === undefined || isSwitch ? reason : afterSentence(reason, t('cli.usage.did_you_mean', { names }));
  return new WxpayError('USAGE', {
    params: { reason: said },
    ...(isCommand ? { hint: 'cli.hint.commands' } : {}),
    outcome: 'not_sent',
  });
}

/** What commander says of a value that is none of an option's or argument's choices, taken apart. */
function choiceIn(message: string): { name: string; value: string; choices: string } | undefined {
  const option = /option '([^']*)' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s.exec(message);
  const argument = /argument value '(.*)' is invalid for argument '([^']*)'\. Allowed choices are (.*)\.$/s.exec(
    message,
  );
  if (option !== null) return { name: option[1] ?? '', value: option[2] ?? '', choices: option[3] ?? '' };
  if (argument === null) return undefined;
  return { name: `<${argument[2] ?? ''}>`, value: argument[1] ?? '', choices: argument[3] ?? '' };
}
