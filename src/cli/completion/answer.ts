/**
 * `wxpay __complete <shell> …`: what the scripts ask. The first line is `:values` or `:files`, then one candidate a line, its
 * description after a tab where the shell shows one. Fails silently: a person who presses TAB wants no error.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Translate } from '../../i18n/translate.ts';
import { safeText } from '../../output/safe-text.ts';
import { isProfileName } from '../../profiles/schema.ts';
import { directories } from '../directories.ts';
import { topicNames } from '../help-topics.ts';
import type { World } from '../world.ts';
import { complete, type Candidate, type Completer, type ValueSource } from './complete.ts';
import { splitLine } from './split.ts';

export interface CompletionDeps {
  readonly world: World;
  readonly t: Translate;
  /** The program, and in it the command that the words name, with its options. */
  find(words: readonly string[]): Promise<Pick<Completer, 'program' | 'command' | 'depth'>>;
}

/** @param argv what follows `__complete` */
export async function answerCompletion(argv: readonly string[], deps: CompletionDeps): Promise<void> {
  const [shell = '', ...rest] = argv;
  const typed = shell === 'bash' ? splitLine(rest[0] ?? '') : { words: rest.slice(0, -1), current: rest.at(-1) ?? '' };
  const words = shell === 'bash' ? typed.words.slice(1) : typed.words;
  const found = await deps.find(words);
  const completion = await complete(words, typed.current, {
    ...found,
    values: (source, given = [], current = '') =>
      source === 'methods' || source === 'endpoints' ? endpoints(source, given, current) : values(source, deps, found),
  });
  const { stdout } = deps.world;
  if (completion.kind === 'files') {
    stdout.write(':files\n');
    return;
  }
  // bash itself parts words at `=` and `:` and completes the last part only.
  const broken = shell === 'bash' ? /^.*[=:]/s.exec(typed.current)?.[0].length : undefined;
  const lines = completion.values.map(({ value, description }) => {
    const text = safeText(value).slice(broken ?? 0);
    return shell === 'bash' || (shell === 'fish' && description === '')
      ? text
      : `${text}\t${safeText(description).replaceAll('\n', ' ')}`;
  });
  stdout.write([':values', ...lines, ''].join('\n'));
}

/** The methods, or paths with their titles: those of the method that was typed, and of GET where none was. */
async function endpoints(
  source: 'methods' | 'endpoints',
  given: readonly string[],
  current: string,
): Promise<readonly Candidate[]> {
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const isMethod = source === 'methods' && !current.startsWith('/');
  if (isMethod) return methods.map((value) => ({ value, description: '' }));
  const method = source === 'methods' ? 'GET' : (given[0] ?? '').toUpperCase();
  const { completePath } = await import('../../operations/catalogue.ts');
  return completePath(method, current).map(({ path, title }) => ({ value: path, description: title }));
}

async function values(
  source: Exclude<ValueSource, 'methods' | 'endpoints'>,
  { world, t }: CompletionDeps,
  { program }: { readonly program: Command },
): Promise<readonly Candidate[]> {
  if (source === 'topics') return topicNames.map((name) => ({ value: name, description: t(`topics.summary.${name}`) }));
  if (source === 'commands')
    return program.commands.map((child) => ({ value: child.name(), description: child.description() }));
  const { config, cache } = directories(world);
  return source === 'profiles' ? await profiles(join(config, 'profiles')) : await serials(join(cache, 'certificates'));
}

async function profiles(dir: string): Promise<readonly Candidate[]> {
  const names = (await readdir(dir).catch(() => []))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
  return names
    .filter(isProfileName)
    .toSorted()
    .map((value) => ({ value, description: '' }));
}

/** Serials only, whoever wrote them: nothing is trusted because it can be completed. */
async function serials(dir: string): Promise<readonly Candidate[]> {
  const found = new Map<string, string>();
  for (const file of (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.json')).slice(0, 100)) {
    const text = await readFile(join(dir, file), 'utf8').catch(() => '');
    const entries = text.matchAll(/"serial_no":\s*"([0-9A-F]{1,64})"(?:[^{}]*?"expire_time":\s*"([0-9T:+-]{10})?)?/g);
    for (const [, serial = '', until = ''] of entries) found.set(serial, until);
  }
  return [...found].map(([value, description]) => ({ value, description }));
}
