/**
 * How commander's help looks: Chinese measured as two columns and wrapped without spaces (commander does neither), sections in
 * the user's language, examples before options, nothing wider than the terminal (CLI-MANNERS H1 to H6).
 */
import type { Argument, Command, Help, Option } from 'commander';
import type { MessageKey, Translate } from '../i18n/translate.ts';
import { inParentheses, withColon } from '../output/colon.ts';
import { type Widths, widthsBy } from '../output/width.ts';
import { exitCodeRows } from './exit-codes.ts';
import { helpFacts } from './help-facts.ts';

interface Section {
  readonly title: string;
  readonly items: readonly { readonly term: string; readonly description: string }[];
}

/** Command lines, by the command they belong to: commander has no place for them. */
const examplesOf = new WeakMap<Command, readonly string[]>();

/**
 * Adds examples to a command's help.
 *
 * @param keys messages that hold one command line each, or a line that explains and the command line below it
 */
export function examples(command: Command, t: Translate, keys: readonly MessageKey[]): void {
  examplesOf.set(
    command,
    keys.map((key) => t(key)),
  );
}

/** The examples of a command, as they were added. */
export function examplesFor(command: Command): readonly string[] {
  return examplesOf.get(command) ?? [];
}

/**
 * Gives the program, and every command that is made under it afterwards, our help.
 *
 * @param stdout the stream that help goes to; its columns are the limit, 80 where it has none
 */
export function configureHelp(program: Command, t: Translate, stdout: { readonly columns?: number | undefined }): void {
  const columns = stdout.columns === undefined || stdout.columns <= 0 ? 80 : stdout.columns;
  program.configureHelp({
    helpWidth: columns,
    displayWidth: (text) => widthsBy(graphemeWidth).displayWidth(text),
    formatHelp: (command, helper) => formatHelp(command, helper, t, columns),
  });
}

function formatHelp(command: Command, helper: Help, t: Translate, columns: number): string {
  const widths = widthsBy(graphemeWidth);
  const item = (term: string, description: string): Section['items'][number] => ({ term, description });
  const optionItem = (option: Option) => item(option.flags, optionDescription(option, t));
  const sections: Section[] = [];
  const visibleArguments = helper.visibleArguments(command);
  sections.push({
    title: t('cli.help.arguments'),
    items: visibleArguments.map((argument) => item(argument.name(), argumentDescription(argument, t))),
  });
  for (const [title, options] of grouped(helper.visibleOptions(command), (option) => option.helpGroupHeading))
    sections.push({ title: title ?? t('cli.help.options'), items: options.map(optionItem) });
  for (const [title, commands] of grouped(helper.visibleCommands(command), (child) => child.helpGroup() || undefined))
    sections.push({
      title: title ?? t('cli.help.commands'),
      items: commands.map((child) => item(commandTerm(child), helper.subcommandDescription(child))),
    });
  // At the top the commands come first: they are what one looks for there.
  if (command.parent === null) sections.sort((a, b) => Number(holdsOptions(a)) - Number(holdsOptions(b)));

  const wrapped = (text: string, indent: number): readonly string[] =>
    widths.wrap(text, columns - indent).map((line) => ' '.repeat(indent) + line);
  const lines: string[] = [
    ...usageLines(t('cli.help.usage'), helper.commandUsage(command), widths, columns),
    '',
    ...wrapped(helper.commandDescription(command), 0),
    '',
  ];
  const samples = examplesFor(command);
  if (samples.length > 0)
    lines.push(
      withColon(t('cli.help.examples')),
      ...samples.flatMap((text) => exampleLines(text, widths, columns)),
      '',
    );
  const termWidth = Math.max(
    0,
    ...sections.flatMap((section) => section.items.map(({ term }) => widths.displayWidth(term))),
  );
  // Descriptions keep at least half of the line; a longer term stands on a line of its own.
  const column = Math.min(termWidth, Math.floor(columns / 2) - 4);
  for (const { title, items } of sections) {
    if (items.length === 0) continue;
    lines.push(...widths.wrap(withColon(title), columns));
    for (const { term, description } of items) lines.push(...itemLines(term, description, { widths, columns, column }));
    lines.push('');
  }
  const globals = command.parent === null ? [] : rootOptions(command);
  if (globals.length > 0) {
    lines.push(withColon(t('cli.help.global')));
    // Two spaces part the names; the second one is left over where a line ends between them.
    const names = wrapped(globals.map((option) => option.long ?? option.flags).join('  '), 2);
    lines.push(...names.map((line) => `  ${line.trim()}`), '');
  }
  const facts = helpFacts[pathOf(command)];
  if (facts !== undefined) {
    lines.push(withColon(t('cli.help.exits')));
    const codes = exitCodeRows.filter(({ name }) => facts.exits.includes(name));
    for (const { code, text } of codes) lines.push(...itemLines(String(code), t(text), { widths, columns, column: 3 }));
    lines.push('', withColon(t('cli.help.see_also')));
    lines.push(...facts.seeAlso.map((path) => `  wxpay ${path}`), '');
  }
  if (command.parent === null) lines.push(...wrapped(t('cli.help.footer'), 0), '');
  return lines.map((line) => line.trimEnd()).join('\n');
}

function holdsOptions(section: Section): boolean {
  return section.items.some(({ term }) => term.startsWith('-'));
}

/** `refund create`, for its facts. */
function pathOf(command: Command): string {
  if (command.parent === null) return '';
  return `${pathOf(command.parent)} ${command.name()}`.trim();
}

function commandTerm(command: Command): string {
  const values = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...values].join(' ');
}

/** The options that a command inherits: named only, since `wxpay --help` explains them. */
function rootOptions(command: Command): readonly Option[] {
  const root = command.parent === null ? command : rootOf(command.parent);
  return root.options.filter((option) => !option.hidden);
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function usageLines(title: string, usage: string, widths: Widths, columns: number): readonly string[] {
  // A full-width colon brings its space along.
  const start = title.endsWith('：') ? title : `${title} `;
  const indent = widths.displayWidth(start);
  const [first = '', ...rest] = widths.wrap(usage, columns - indent);
  return [`${start}${first}`, ...rest.map((line) => ' '.repeat(indent) + line)];
}

interface ItemLayout {
  readonly widths: Widths;
  readonly columns: number;
  /** Width of the column of terms. */
  readonly column: number;
}

function itemLines(term: string, description: string, { widths, columns, column }: ItemLayout): readonly string[] {
  const indent = column + 4;
  const text = description === '' ? [] : widths.wrap(description, columns - indent);
  if (widths.displayWidth(term) > column)
    return [
      ...widths.wrap(term, columns - 2).map((line) => `  ${line}`),
      ...text.map((line) => ' '.repeat(indent) + line),
    ];
  const [first = '', ...rest] = text;
  return [`  ${widths.pad(term, column)}  ${first}`, ...rest.map((line) => ' '.repeat(indent) + line)];
}

/** An example stays a command line that can be pasted: it is broken with `\`, and only between words. */
function exampleLines(text: string, widths: Widths, columns: number): readonly string[] {
  const lines = text.split('\n');
  const commandLine = lines.pop() ?? '';
  const explained = lines.flatMap((line) => widths.wrap(line, columns - 4).map((part) => `  # ${part}`));
  const words = commandLine.match(/(?:[^\s'"]|'[^']*'|"(?:[^"\\]|\\.)*")+/g) ?? [];
  const rows: string[] = [];
  let row = ' ';
  for (const word of words) {
    // Room for the ` \` that a break needs.
    if (row.trim() !== '' && widths.displayWidth(`${row} ${word}`) > columns - 2) {
      rows.push(`${row} \\`);
      row = '   ';
    }
    row += ` ${word}`;
  }
  return [...explained, ...rows, row];
}

function optionDescription(option: Option, t: Translate): string {
  return described(option.description, option.argChoices, shownDefault(option), t);
}

function argumentDescription(argument: Argument, t: Translate): string {
  return described(argument.description, argument.argChoices, argument.defaultValue, t);
}

/** The default of a flag that takes a value; that a switch is off by default goes without saying. */
export function shownDefault(option: Option): unknown {
  const value: unknown = option.defaultValueDescription ?? option.defaultValue;
  return (option.required || option.optional) && value !== '' ? value : undefined;
}

function described(description: string, choices: readonly string[] | undefined, value: unknown, t: Translate): string {
  const facts = [
    ...(choices === undefined ? [] : [choices.join(' | ')]),
    ...(value === undefined
      ? []
      : [t('output.help.default', { value: typeof value === 'string' ? value : JSON.stringify(value) })]),
  ];
  return facts.length === 0 ? description : inParentheses(description, facts.join('; ')).trim();
}

/** The items by their group, groups in the order of their first item. */
function grouped<T>(
  items: readonly T[],
  groupOf: (item: T) => string | undefined,
): ReadonlyMap<string | undefined, T[]> {
  const groups = new Map<string | undefined, T[]>();
  for (const item of items) {
    const group = groupOf(item);
    groups.set(group, [...(groups.get(group) ?? []), item]);
  }
  return groups;
}

/**
 * Columns of a grapheme of our own catalogues: Chinese and full-width forms are two wide. Help must not wait for string-width
 * to load; a test holds the two equal on every text.
 */
function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  const wide =
    (code >= 0x2e80 && code <= 0x303e) ||
    (code >= 0x3041 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    code >= 0x20000;
  return wide ? 2 : 1;
}
