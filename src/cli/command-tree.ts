/** The whole program as data: what `wxpay help commands --json` prints and the manual pages are made of. */
import type { Argument, Command, Option } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { examplesFor, shownDefault } from './help.ts';
import { helpFacts } from './help-facts.ts';

/** Field names are an interface, as all JSON is. */
export interface DescribedArgument {
  readonly name: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly description: string;
  readonly choices: readonly string[] | null;
}

export interface DescribedOption {
  readonly flags: string;
  readonly long: string | null;
  readonly short: string | null;
  /** Whether a value follows: `none` for a switch. */
  readonly value: 'none' | 'optional' | 'required';
  readonly mandatory: boolean;
  readonly description: string;
  readonly choices: readonly string[] | null;
  readonly default: string | null;
  /** The heading it stands under in help; `null` under the plain one. */
  readonly group: string | null;
}

export interface DescribedCommand {
  /** `order create`; a noun or a group of verbs, such as `order`, has `commands`. */
  readonly path: string;
  readonly group: string | null;
  readonly summary: string;
  readonly usage: string;
  /** Names of the commands below it; empty for one that runs. */
  readonly commands: readonly string[];
  readonly arguments: readonly DescribedArgument[];
  readonly options: readonly DescribedOption[];
  /** Command lines, each perhaps below a line that explains. */
  readonly examples: readonly string[];
  readonly exit_codes: readonly number[];
  readonly see_also: readonly string[];
}

export interface DescribedProgram {
  readonly name: string;
  readonly version: string;
  readonly global_options: readonly DescribedOption[];
  readonly commands: readonly DescribedCommand[];
}

/** @param program with every command configured */
export function describeProgram(program: Command): DescribedProgram {
  return {
    name: program.name(),
    version: program.version() ?? '',
    global_options: optionsOf(program),
    commands: program.commands.flatMap((command) => describedUnder(command, [])),
  };
}

function describedUnder(command: Command, above: readonly string[]): readonly DescribedCommand[] {
  const words = [...above, command.name()];
  const path = words.join(' ');
  const facts = helpFacts[path];
  const described: DescribedCommand = {
    path,
    group: command.helpGroup() || null,
    summary: command.description(),
    usage: command.createHelp().commandUsage(command),
    commands: command.commands.map((child) => child.name()),
    arguments: command.registeredArguments.map(describedArgument),
    options: optionsOf(command),
    examples: examplesFor(command),
    exit_codes: (facts?.exits ?? []).map((name) => exitCodes[name]),
    see_also: facts?.seeAlso ?? [],
  };
  return [described, ...command.commands.flatMap((child) => describedUnder(child, words))];
}

function describedArgument(argument: Argument): DescribedArgument {
  return {
    name: argument.name(),
    required: argument.required,
    variadic: argument.variadic,
    description: argument.description,
    choices: argument.argChoices ?? null,
  };
}

function optionsOf(command: Command): readonly DescribedOption[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flags: option.flags,
      long: option.long ?? null,
      short: option.short ?? null,
      value: valueOf(option),
      mandatory: option.mandatory,
      description: option.description,
      choices: option.argChoices ?? null,
      default: textOf(shownDefault(option)),
      group: option.helpGroupHeading ?? null,
    }));
}

function valueOf(option: Option): DescribedOption['value'] {
  return option.required ? 'required' : option.optional ? 'optional' : 'none';
}

function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
