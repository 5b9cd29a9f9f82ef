import { describe, expect, test } from 'vitest';
import { watchAndShow, type Watch } from '../../src/cli/watching.ts';
import type { Runtime } from '../../src/cli/command.ts';
import { WxpayError } from '../../src/core/errors.ts';
import type { Result } from '../../src/output/view.ts';
import { makeRuntime } from '../helpers/runtime.ts';

const result = (state: string): Result => ({ data: state, view: [] });

function stage(output: 'table' | 'json' | 'ndjson', watch: (watch: Watch<string>) => Promise<string>, known?: string) {
  const shown: unknown[] = [];
  const { runtime: made, world } = makeRuntime({}, { output });
  const reader = new AbortController();
  const runtime: Runtime = { ...made, readerGone: reader.signal, emit: ({ data }) => void shown.push(data) };
  const watching = { intervals: [1], limit: 1, watch, result, ...(known === undefined ? {} : { known }) };
  return { watched: watchAndShow(watching, runtime), shown, world, leave: () => reader.abort() };
}

/** Goes through the states, and ends with the last one. */
const through =
  (...states: readonly string[]) =>
  async ({ onChange }: Watch<string>): Promise<string> => {
    for (const state of states) onChange(state);
    return states.at(-1) ?? '';
  };
const tooLate = async ({ onChange }: Watch<string>): Promise<string> => {
  onChange('B');
  throw new WxpayError('NOT_FINAL', { params: { what: 'x', state: 'B' } });
};

describe('watching', () => {
  test('shows every state as it comes, a blank line apart, and leaves nothing to print', async () => {
    const { watched, shown, world } = stage('table', through('A', 'B'));
    expect(await watched).toEqual({ last: 'B', answer: undefined });
    expect([shown, world.out()]).toEqual([['A', 'B'], '\n']);
  });

  test('shows a state that was known before', async () => {
    const { watched, shown } = stage('ndjson', through('B'), 'A');
    await watched;
    expect(shown).toEqual(['A', 'B']);
  });

  test('is one document in JSON: the last state', async () => {
    const { watched, shown } = stage('json', through('A', 'B'));
    expect((await watched).answer?.data).toBe('B');
    expect(shown).toEqual([]);
  });

  test('is one document in JSON where the end did not come in time, too', async () => {
    const { watched, shown } = stage('json', tooLate);
    await expect(watched).rejects.toMatchObject({ code: 'NOT_FINAL' });
    expect(shown).toEqual(['B']);
  });

  test('shows no state twice where the end did not come in time', async () => {
    const { watched, shown } = stage('ndjson', tooLate);
    await expect(watched).rejects.toMatchObject({ code: 'NOT_FINAL' });
    expect(shown).toEqual(['B']);
  });

  test('ends without a word when nobody reads any more, and fails for any other reason', async () => {
    const gone = stage('table', async ({ signal }) => {
      await Promise.resolve();
      gone.leave();
      signal.throwIfAborted();
      return 'A';
    });
    expect(await gone.watched).toEqual({ last: undefined, answer: undefined });
    const broken = stage('table', async () => Promise.reject(new WxpayError('NETWORK_CUT')));
    await expect(broken.watched).rejects.toMatchObject({ code: 'NETWORK_CUT' });
  });
});
