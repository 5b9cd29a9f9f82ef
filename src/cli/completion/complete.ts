/** What may come next on a half-typed command line. Reads profiles and cached serials; sends nothing, changes nothing. */
import type { Argument, Command, Option } from 'commander';

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export type Completion =
  | { readonly kind: 'values'; readonly values: readonly Candidate[] }
  /** The shell's own completion of file names. */
  | { readonly kind: 'files' };

/** Values that only this machine knows. */
export type ValueSource = 'profiles' | 'serials' | 'topics' | 'commands' | 'methods' | 'endpoints';

export interface Completer {
  /** The program with the options and arguments of the command that the words name, if they name one. */
  readonly program: Command;
  readonly command: Command;
  /** How many of the words are the path of the command. */
  readonly depth: number;
  /** @param given the arguments before the one that is being typed; @param current what stands there so far */
  values(source: ValueSource, given?: readonly string[], current?: string): Promise<readonly Candidate[]>;
}

/** Arguments and options by their name, where the name says what the value is. */
const sources: Readonly<Record<string, ValueSource>> = {
  '--profile': 'profiles',
  'profile show <name>': 'profiles',
  'profile use <name>': 'profiles',
  'profile remove <name>': 'profiles',
  'certs show <serial>': 'serials',
  'api <method>': 'methods',
  'api <path>': 'endpoints',
  '--serial': 'serials',
};
const fileNames = /^(?:files?|bill|orders|dir|folder|headers|body|out|path)$/;
const nothing: Completion = { kind: 'values', values: [] };

/** @param words the words before the one that is being typed, without `wxpay` itself */
export async function complete(words: readonly string[], current: string, completer: Completer): Promise<Completion> {
  const { program, command, depth } = completer;
  const options = optionsOf(program, command);
  if (words.includes('--')) return await argumentValues(words, current, completer, options);
  const waiting = options.find((option) => takesValue(option) && isNamed(option, words.at(-1) ?? ''));
  if (waiting !== undefined) return await optionValues(waiting, current, completer);
  const assigned = /^(--[a-z0-9-]+)=(.*)$/s.exec(current);
  if (assigned !== null) {
    const [, flag = '', value = ''] = assigned;
    const option = options.find((candidate) => candidate.long === flag && takesValue(candidate));
    const found = option === undefined ? nothing : await optionValues(option, value, completer);
    if (found.kind === 'files') return found;
    return {
      kind: 'values',
      values: found.values.map((candidate) => ({ ...candidate, value: `${flag}=${candidate.value}` })),
    };
  }
  if (current.startsWith('-')) {
    const used = new Set(words);
    const flags = options.filter(
      ({ long, short, hidden }) => !hidden && !used.has(long ?? '') && !used.has(short ?? 'none'),
    );
    return starting(
      current,
      flags.map(({ long, short, description }) => ({ value: long ?? short ?? '', description })),
    );
  }
  if (command.commands.length > 0 && positionals(words, options).length === depth) {
    const commands = command.commands.map((child) => ({ value: child.name(), description: child.description() }));
    // A noun with a verb of its own by default takes what that verb takes, too; `help` stands beside the commands.
    const more = command === program ? [{ value: 'help', description: '' }] : [];
    return starting(current, [...commands, ...more]);
  }
  return await argumentValues(words, current, completer, options);
}

async function argumentValues(
  words: readonly string[],
  current: string,
  completer: Completer,
  options: readonly Option[],
): Promise<Completion> {
  const { command, depth } = completer;
  if (words[0] === 'help' && depth === 0) {
    const named = [...(await completer.values('topics')), ...(await completer.values('commands'))];
    return words.length === 1 ? starting(current, named) : nothing;
  }
  const given = positionals(words, options).slice(depth);
  const index = given.length;
  const declared = command.registeredArguments;
  const argument: Argument | undefined =
    declared[index] ?? (declared.at(-1)?.variadic === true ? declared.at(-1) : undefined);
  if (argument === undefined) return nothing;
  if (argument.argChoices !== undefined) return starting(current, argument.argChoices.map(bare));
  const source = sources[`${pathOf(command)} <${argument.name()}>`];
  if (source !== undefined) return starting(current, await completer.values(source, given, current));
  return fileNames.test(argument.name().replaceAll('.', '')) ? { kind: 'files' } : nothing;
}

async function optionValues(option: Option, current: string, completer: Completer): Promise<Completion> {
  if (option.argChoices !== undefined) return starting(current, option.argChoices.map(bare));
  const source = sources[option.long ?? ''];
  if (source !== undefined) return starting(current, await completer.values(source));
  // `native | jsapi | app`: choices that the command itself checks, and that its help lists.
  const listed = /[\w-]+(?: \| [\w-]+)+/.exec(option.description)?.[0].split(' | ');
  if (listed !== undefined) return starting(current, listed.map(bare));
  const placeholder = /[<[]([^>\]]*)[>\]]/.exec(option.flags)?.[1] ?? '';
  // `--data @file`, `--out <file>`: only where a file is meant.
  return fileNames.test(placeholder) ? { kind: 'files' } : nothing;
}

function optionsOf(program: Command, command: Command): readonly Option[] {
  const own = command === program ? [] : command.options;
  const help = command.createHelp().visibleOptions(command);
  const known = [...own, ...help, ...program.options];
  return known.filter((option, at) => known.findIndex((other) => other.flags === option.flags) === at);
}

/** The words that are no flags and no values of flags. */
function positionals(words: readonly string[], options: readonly Option[]): readonly string[] {
  const found: string[] = [];
  let open = true;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (open && word === '--') open = false;
    else if (!open || !word.startsWith('-') || word === '-') found.push(word);
    else if (options.some((option) => option.required && isNamed(option, word))) at += 1;
  }
  return found;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function isNamed({ long, short }: Option, word: string): boolean {
  return word !== '' && (word === long || word === short);
}

function bare(value: string): Candidate {
  return { value, description: '' };
}

function starting(current: string, values: readonly Candidate[]): Completion {
  return { kind: 'values', values: values.filter(({ value }) => value.startsWith(current)) };
}

function pathOf(command: Command): string {
  return command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim();
}
