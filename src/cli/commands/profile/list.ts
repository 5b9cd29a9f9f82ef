/** `wxpay profile list`: the profiles on this machine, the current one marked. One broken file hides no other. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { Result } from '../../../output/view.ts';
import { resolvedFrom } from '../../../profiles/resolve.ts';
import type { ProfileStore } from '../../../profiles/store.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { errorText } from '../../render-error.ts';
import { placeKey } from './profile-view.ts';

interface Row {
  readonly name: string;
  readonly current: boolean;
  readonly mchid: string | null;
  readonly appid: string | null;
  readonly base_url: string | null;
  readonly live: boolean | null;
  readonly file: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export const command: CommandModule = {
  configure(command: Command, t) {
    examples(command, t, ['profile.example.list', 'profile.example.list_json']);
  },

  async run(_input: CommandInput, runtime: Runtime): Promise<Result> {
    const { t } = runtime;
    const store = await runtime.profileStore();
    const current = store.current();
    const rows: Row[] = [];
    for (const name of store.list()) rows.push(await rowOf(name, name === current, store, runtime));
    return {
      data: rows,
      view: [
        {
          kind: 'table',
          columns: [
            { field: 'current', title: '', fixed: true },
            { field: 'name', title: t('profile.column.name'), fixed: true },
            { field: 'mchid', title: t('profile.column.mchid'), fixed: true },
            { field: 'appid', title: 'appid' },
            { field: 'base_url', title: t('profile.column.place') },
          ],
          rows: rows.map((row) => [
            row.current ? '*' : '',
            row.name,
            row.mchid ?? '',
            row.appid ?? '',
            row.error === null
              ? {
                  text: `${t(placeKey(row.live ?? true))} ${row.base_url ?? ''}`,
                  tone: row.live === true ? 'plain' : 'dim',
                }
              : { text: row.error.message, tone: 'bad' },
          ]),
          empty: t('profile.list_empty'),
        },
      ],
      ...(current === undefined ? {} : { id: current }),
    };
  },
};

async function rowOf(name: string, current: boolean, store: ProfileStore, runtime: Runtime): Promise<Row> {
  const file = store.fileOf(name);
  try {
    const stored = await store.read(name);
    const { allowHost } = runtime.globals;
    const { values, live } = resolvedFrom(stored, allowHost === undefined ? [] : [allowHost]);
    return {
      name,
      current,
      mchid: values.mchid?.value ?? null,
      appid: values.appid?.value ?? null,
      base_url: values.base_url?.value ?? null,
      live,
      file,
      error: null,
    };
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    const { message, hint } = errorText(error, runtime.t);
    return {
      name,
      current,
      mchid: null,
      appid: null,
      base_url: null,
      live: null,
      file,
      error: { code: error.code, message: `${message} ${hint}` },
    };
  }
}
