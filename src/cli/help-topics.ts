/** `wxpay help <topic>`: pages that are made from the tables in code, so that they cannot drift from it. */
import type { Command } from 'commander';
import type { Translate } from '../i18n/translate.ts';
import { renderResult } from '../output/render.ts';
import type { Block, Result } from '../output/view.ts';
import type { Globals } from './command.ts';
import { colorLevel } from './color.ts';
import { environmentText, environmentVariables } from './environment.ts';
import { exitCodeRows, exitCodes } from './exit-codes.ts';
import type { World } from './world.ts';

/** Pages of running text; the others are made of tables. */
export const textTopics = ['signing', 'keys', 'callbacks', 'money', 'output', 'ci', 'emulator'] as const;
const tables = ['exit-codes', 'environment', 'commands'] as const;
type Topic = (typeof textTopics)[number] | (typeof tables)[number];

/** What `wxpay help <topic>` knows; `topics` lists them. */
export const topicNames: readonly Topic[] = [...textTopics, ...tables];
export const topics: readonly string[] = ['topics', ...topicNames];

export interface TopicContext {
  readonly world: World;
  readonly t: Translate;
  /** The program with every command configured, for the page that lists them. */
  readonly program: () => Promise<Command>;
}

/** @param flags what is known of the global flags */
export async function showTopic(
  name: string,
  flags: { readonly json: boolean; readonly color: Globals['color'] | undefined },
  { world, t, program }: TopicContext,
): Promise<number> {
  const isTTY = world.stdout.isTTY === true;
  const page = name === 'commands' ? await commandsPage(await program(), t) : pageOf(name, t);
  const text = await renderResult(page, {
    format: flags.json ? 'json' : 'table',
    query: undefined,
    tty: isTTY,
    width: world.stdout.columns === undefined || world.stdout.columns === 0 ? 80 : world.stdout.columns,
    colorLevel: colorLevel({ flag: flags.color ?? 'auto', env: world.env, isTTY }),
    t,
  });
  world.stdout.write(text);
  return exitCodes.ok;
}

function pageOf(name: string, t: Translate): Result {
  if (name === 'exit-codes') return exitCodesPage(t);
  if (name === 'environment') return environmentPage(t);
  const topic = textTopics.find((candidate) => candidate === name);
  return topic === undefined ? listPage(t) : textPage(topic, t);
}

function listPage(t: Translate): Result {
  const rows = topicNames.map((name) => ({ name, about: t(`topics.summary.${name}`) }));
  return {
    data: rows,
    view: [
      {
        kind: 'table',
        title: t('topics.title'),
        columns: [
          { field: 'name', title: t('topics.name'), fixed: true },
          { field: 'about', title: t('topics.about'), wraps: true },
        ],
        rows: rows.map(({ name, about }) => [`wxpay help ${name}`, about]),
        empty: '',
      },
    ],
  };
}

/** Paragraphs are wrapped; command lines stay as they are, to be copied. */
function textPage(name: (typeof textTopics)[number], t: Translate): Result {
  const text = t(`topics.${name}`);
  const view: Block[] = [];
  let paragraphs: string[] = [];
  const flush = (): void => {
    if (paragraphs.length > 0) view.push({ kind: 'text', text: paragraphs.join('\n\n') });
    paragraphs = [];
  };
  for (const part of text.split('\n\n')) {
    if (!part.startsWith('  ')) {
      paragraphs.push(part);
      continue;
    }
    flush();
    view.push({ kind: 'verbatim', text: part });
  }
  flush();
  return { data: { name, text }, view };
}

/** For people a list; with `--json` everything that is known of every command, for those who build on it. */
async function commandsPage(program: Command, t: Translate): Promise<Result> {
  const { describeProgram } = await import('./command-tree.ts');
  const tree = describeProgram(program);
  const leaves = tree.commands.filter(({ commands }) => commands.length === 0);
  return {
    data: tree,
    view: [
      {
        kind: 'table',
        title: t('cli.help.commands'),
        columns: [
          { field: 'path', title: t('topics.command'), fixed: true },
          { field: 'summary', title: t('topics.about'), wraps: true },
        ],
        rows: leaves.map(({ path, summary }) => [`wxpay ${path}`, summary]),
        empty: '',
      },
    ],
  };
}

function exitCodesPage(t: Translate): Result {
  const rows = exitCodeRows.map(({ code, text }) => ({ code, meaning: t(text) }));
  return {
    data: rows,
    view: [
      {
        kind: 'table',
        title: t('cli.exit.title'),
        columns: [
          { field: 'code', title: t('cli.exit.number'), align: 'right', fixed: true },
          { field: 'meaning', title: t('cli.exit.meaning'), wraps: true },
        ],
        rows: rows.map(({ code, meaning }) => [String(code), meaning]),
        empty: '',
      },
    ],
  };
}

function environmentPage(t: Translate): Result {
  const rows = environmentVariables.map((name) => ({ name, meaning: t(environmentText(name)) }));
  return {
    data: rows,
    view: [
      {
        kind: 'table',
        title: t('cli.environment.title'),
        columns: [
          { field: 'name', title: t('cli.environment.name'), fixed: true },
          { field: 'meaning', title: t('cli.environment.meaning'), wraps: true },
        ],
        rows: rows.map(({ name, meaning }) => [name, meaning]),
        empty: '',
      },
    ],
  };
}
