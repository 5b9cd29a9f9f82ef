/** `wxpay help <topic>`: pages that are made from the tables in code, so that they cannot drift from it. */
import type { Translate } from '../i18n/translate.ts';
import { renderResult } from '../output/render.ts';
import type { Result } from '../output/view.ts';
import type { Globals } from './command.ts';
import { colorLevel } from './color.ts';
import { environmentText, environmentVariables } from './environment.ts';
import { exitCodeRows, exitCodes } from './exit-codes.ts';
import type { World } from './world.ts';

export const topics: readonly string[] = ['exit-codes', 'environment'];

/** @param flags what is known of the global flags */
export async function showTopic(
  name: string,
  flags: { readonly json: boolean; readonly color: Globals['color'] | undefined },
  world: World,
  t: Translate,
): Promise<number> {
  const isTTY = world.stdout.isTTY === true;
  const text = await renderResult(name === 'exit-codes' ? exitCodesPage(t) : environmentPage(t), {
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
