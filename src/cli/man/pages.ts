/**
 * The manual pages, made from the program when the package is built (scripts/man.js): `wxpay(1)`, one page for each command and
 * noun, and `wxpay-<topic>(7)` for the topics of `wxpay help`. In English, since npm installs no translated pages.
 */
import { loadTranslate, type Translate } from '../../i18n/translate.ts';
import {
  describeProgram,
  type DescribedArgument,
  type DescribedCommand,
  type DescribedOption,
  type DescribedProgram,
} from '../command-tree.ts';
import { environmentText, environmentVariables } from '../environment.ts';
import { exitCodeRows } from '../exit-codes.ts';
import { textTopics } from '../help-topics.ts';
import { buildWholeProgram } from '../program.ts';
import { bold, escapeText, item, macro, prose, verbatim } from './roff.ts';

export interface ManPage {
  /** `wxpay-order-create.1` */
  readonly file: string;
  readonly text: string;
}

interface Book {
  readonly program: DescribedProgram;
  readonly t: Translate;
  /** `2026-11-23` */
  readonly date: string;
}

/** @param date of the version, so that two builds of it are the same */
export async function manPages({ version, date }: { version: string; date: string }): Promise<readonly ManPage[]> {
  const t = await loadTranslate('en');
  const silent = { write: () => true };
  const program = describeProgram(await buildWholeProgram({ stdout: silent, stderr: silent, version }, t));
  const book: Book = { program, t, date };
  return [
    programPage(book),
    ...program.commands.map((command) => commandPage(command, book)),
    ...textTopics.map((topic) => topicPage(topic, book)),
  ];
}

/** Commands whose first example a newcomer may try, in this order. */
const firstSteps = ['demo', 'emulator start', 'profile add', 'order create', 'order query', 'refund create', 'doctor'];

function programPage(book: Book): ManPage {
  const { program, t } = book;
  const top = program.commands.filter(({ path }) => !path.includes(' '));
  const groups = [...new Set(top.map(({ group }) => group))];
  return page('wxpay', 1, t('cli.tagline'), book, [
    ...synopsis('wxpay <command> [options]'),
    macro('SH', 'COMMANDS'),
    ...groups.flatMap((group) => [
      macro('SS', escapeText(group ?? t('cli.help.commands'))),
      ...top.filter((command) => command.group === group).flatMap(({ path, summary }) => item(path, summary)),
    ]),
    macro('SH', 'OPTIONS'),
    '.PP',
    ...prose(t('cli.man.global')),
    ...optionItems(program.global_options, t),
    macro('SH', 'EXIT STATUS'),
    ...exitCodeRows.flatMap(({ code, text }) => item(String(code), t(text))),
    macro('SH', 'ENVIRONMENT'),
    ...environmentVariables.flatMap((name) => item(name, t(environmentText(name)))),
    macro('SH', 'EXAMPLES'),
    ...firstSteps.flatMap((path) =>
      program.commands.filter((command) => command.path === path).flatMap(({ examples }) => example(examples[0] ?? '')),
    ),
    ...seeAlso([...top.map(({ path }) => path), ...textTopics.map((topic) => `help ${topic}`)]),
  ]);
}

function commandPage(command: DescribedCommand, book: Book): ManPage {
  const { t, program } = book;
  const below = program.commands.filter(({ path }) =>
    command.commands.some((name) => path === `${command.path} ${name}`),
  );
  const exits = exitCodeRows.filter(({ code }) => command.exit_codes.includes(code));
  return page(nameOf(command.path), 1, command.summary, book, [
    ...synopsis(command.usage),
    ...section('EXAMPLES', command.examples.flatMap(example)),
    ...section(
      'COMMANDS',
      below.flatMap(({ path, summary }) => item(`wxpay ${path}`, summary)),
    ),
    ...section(
      'ARGUMENTS',
      command.arguments.flatMap((argument) => item(argument.name, describedBy(argument, t))),
    ),
    macro('SH', 'OPTIONS'),
    ...optionGroups(command.options, t),
    '.PP',
    ...prose(t('cli.man.inherited')),
    '.BR wxpay (1).',
    ...section(
      'EXIT STATUS',
      exits.flatMap(({ code, text }) => item(String(code), t(text))),
    ),
    ...seeAlso(['', ...(command.commands.length > 0 ? below.map(({ path }) => path) : command.see_also)]),
  ]);
}

function topicPage(topic: (typeof textTopics)[number], book: Book): ManPage {
  const { t } = book;
  const parts = t(`topics.${topic}`).split('\n\n');
  const body = parts.flatMap((part) =>
    part.startsWith('  ') ? verbatim(part.split('\n').map((line) => line.trim())) : ['.PP', ...prose(part)],
  );
  return page(nameOf(topic), 7, t(`topics.summary.${topic}`), book, [
    macro('SH', 'DESCRIPTION'),
    ...body,
    ...seeAlso(['']),
  ]);
}

function page(name: string, chapter: 1 | 7, summary: string, book: Book, body: readonly string[]): ManPage {
  const { program, date } = book;
  const lines = [
    macro('TH', escapeText(name.toUpperCase()), String(chapter), date, `wxpay ${program.version}`, 'WeChat Pay'),
    // A name that is broken at the end of a line cannot be copied.
    '.nh',
    macro('SH', 'NAME'),
    // As indexes want it: the name, a hyphen, and what it is.
    ...prose(`${name} - ${summary}`),
    ...body,
  ];
  // A heading begins a paragraph of its own.
  const kept = lines.filter((line, at) => line !== '.PP' || !/^\.S[HS] /.test(lines[at - 1] ?? ''));
  return { file: `${name}.${chapter}`, text: `${kept.join('\n')}\n` };
}

function synopsis(usage: string): readonly string[] {
  return [macro('SH', 'SYNOPSIS'), bold(usage)];
}

function section(title: string, body: readonly string[]): readonly string[] {
  return body.length === 0 ? [] : [macro('SH', title), ...body];
}

/** A command line, with what explains it above. */
function example(text: string): readonly string[] {
  const lines = text.split('\n');
  const commandLine = lines.pop() ?? '';
  return [...(lines.length === 0 ? [] : ['.PP', ...prose(lines.join(' '))]), ...verbatim([commandLine])];
}

function optionGroups(options: readonly DescribedOption[], t: Translate): readonly string[] {
  const groups = [...new Set(options.map(({ group }) => group))];
  return groups.flatMap((group) => [
    ...(group === null ? [] : [macro('SS', escapeText(group))]),
    ...optionItems(
      options.filter((option) => option.group === group),
      t,
    ),
  ]);
}

function optionItems(options: readonly DescribedOption[], t: Translate): readonly string[] {
  return options.flatMap((option) => item(option.flags, describedBy(option, t)));
}

function describedBy(described: DescribedArgument | DescribedOption, t: Translate): string {
  const value = 'default' in described ? described.default : null;
  const facts = [
    ...(described.choices === null ? [] : [described.choices.join(' | ')]),
    ...(value === null ? [] : [t('output.help.default', { value })]),
  ];
  return facts.length === 0 ? described.description : `${described.description} (${facts.join('; ')})`.trim();
}

/** @param names paths of commands, `help <topic>`, or the empty text for the program itself */
function seeAlso(names: readonly string[]): readonly string[] {
  const pages = names.flatMap((name): readonly [string, 1 | 7][] => {
    const topic = /^help (.*)$/.exec(name)?.[1];
    if (topic === undefined) return [[nameOf(name), 1]];
    return textTopics.some((known) => known === topic) ? [[nameOf(topic), 7]] : [];
  });
  return [
    macro('SH', 'SEE ALSO'),
    ...pages.map(([name, chapter], at) => `.BR ${escapeText(name)} (${chapter})${at === pages.length - 1 ? '' : ','}`),
  ];
}

/** `wxpay-order-create` */
function nameOf(path: string): string {
  return ['wxpay', ...path.split(' ').filter((word) => word !== '')].join('-');
}
