/** Consent to a live batch (DESIGN section 3, CLI-MANNERS I3, M1, M5): nobody is taken at a word that they did not say. */
import { describe, expect, test } from 'vitest';
import { confirmBatch, guardBatch, type BatchLimits } from '../../../../src/cli/commands/refund/batch-confirm.ts';
import type { Globals } from '../../../../src/cli/command.ts';
import type { Prompts } from '../../../../src/cli/prompts.ts';
import type { JournalReader, RefundState } from '../../../../src/operations/refund-batch/journal.ts';
import type { BatchPlan } from '../../../../src/operations/refund-batch/plan.ts';
import { loadTranslate } from '../../../../src/i18n/translate.ts';

const t = await loadTranslate('en');
const mchid = '1900000001';
const file = { count: 2, fen: 1234 };
const none: BatchLimits = { expectTotal: undefined, maxTotal: 1e9, maxCount: 1e9, saved: false };
const live = { live: true, name: 'shop' };

interface Person {
  /** Typed one after the other until one will do. */
  readonly types: readonly string[];
}

function world(globals: Partial<Globals>, person?: Person) {
  const asked: string[] = [];
  const said: string[] = [];
  const prompts = {
    canPrompt: person !== undefined,
    async input({ message, validate }: Parameters<Prompts['input']>[0]) {
      asked.push(message);
      for (const text of person?.types ?? []) if ((await validate?.(text)) === undefined) return text;
      throw new Error('nothing that was typed will do');
    },
  } as unknown as Prompts;
  const runtime = {
    t,
    globals: { yes: false, confirm: undefined, ...globals } as Globals,
    prompts: async () => prompts,
    note: (key: string) => void said.push(key),
    warn: (key: string) => void said.push(key),
  };
  return { runtime, asked, said };
}

const planOf = (count: number): BatchPlan =>
  ({
    identity: { mchid },
    file,
    rows: { count },
    tally: () => file,
    actionOf: () => 'send',
    numberOf: (row: number) => `R${row}`,
  }) as unknown as BatchPlan;
const journalOf = (state?: RefundState): JournalReader => ({ stateOf: () => state }) as unknown as JournalReader;

describe('off a terminal', () => {
  test.each<[string, Partial<Globals>, Partial<BatchLimits>]>([
    ['nothing', {}, {}],
    ['--yes', { yes: true }, {}],
    ['--confirm', { confirm: mchid }, {}],
    ['--yes --confirm without the total', { yes: true, confirm: mchid }, {}],
    ['--yes with the total', { yes: true }, { expectTotal: 1234 }],
    ['--confirm with the total', { confirm: mchid }, { expectTotal: 1234 }],
    ['--yes and a saved plan', { yes: true }, { saved: true }],
    ['another merchant', { yes: true, confirm: '1900000002' }, { expectTotal: 1234 }],
  ])('%s is no consent', async (_, globals, limits) => {
    const { runtime } = world(globals);
    await expect(guardBatch(runtime, live, { ...file, mchid }, { ...none, ...limits })).rejects.toMatchObject({
      code: 'CONFIRMATION_REQUIRED',
      outcome: 'not_sent',
    });
  });

  test.each<[string, Partial<BatchLimits>]>([
    ['and the total', { expectTotal: 1234 }],
    ['and a saved plan', { saved: true }],
  ])('--yes --confirm %s is, and nothing is asked', async (_, limits) => {
    const { runtime, asked } = world({ yes: true, confirm: mchid });
    await guardBatch(runtime, live, { ...file, mchid }, { ...none, ...limits });
    await confirmBatch(runtime, live, planOf(2), journalOf(), { ...none, ...limits });
    expect(asked).toEqual([]);
  });
});

describe('at a terminal', () => {
  test.each([['12.34'], ['12.34yuan'], ['1234fen'], [' 12.34 ']])('the total typed as %j is consent', async (typed) => {
    const { runtime, asked } = world({}, { types: [typed] });
    await guardBatch(runtime, live, { ...file, mchid }, none);
    await confirmBatch(runtime, live, planOf(2), journalOf(), none);
    expect(asked).toHaveLength(1);
  });

  test.each([['y'], ['yes'], [''], ['1234'], ['12.3'], ['12.340'], ['1234yuan'], ['12'], ['１２.34']])(
    '%j is not',
    async (typed) => {
      const { runtime } = world({}, { types: [typed] });
      await expect(confirmBatch(runtime, live, planOf(2), journalOf(), none)).rejects.toThrow('will do');
    },
  );

  test('--yes alone still asks for the total', async () => {
    const { runtime, asked } = world({ yes: true }, { types: ['12.34'] });
    await confirmBatch(runtime, live, planOf(2), journalOf(), none);
    expect(asked).toHaveLength(1);
  });

  test('nothing is asked where nothing would be sent', async () => {
    const { runtime, asked } = world({}, { types: [] });
    await confirmBatch(runtime, live, planOf(2), journalOf('final'), none);
    await confirmBatch(runtime, live, planOf(0), journalOf(), none);
    expect(asked).toEqual([]);
  });

  test('an unresolved or refused row would be sent again, and is asked about', async () => {
    for (const state of ['open', 'refused', 'not_sent'] as const) {
      const { runtime, asked } = world({}, { types: ['12.34'] });
      await confirmBatch(runtime, live, planOf(1), journalOf(state), none);
      expect(asked).toHaveLength(1);
    }
  });
});

test('an emulator asks nobody, but keeps to totals and limits', async () => {
  const { runtime, asked } = world({});
  await guardBatch(runtime, { live: false }, { ...file, mchid }, none);
  await confirmBatch(runtime, { live: false, name: undefined }, planOf(2), journalOf(), none);
  expect(asked).toEqual([]);
  const limits: readonly Partial<BatchLimits>[] = [{ expectTotal: 1233 }, { maxTotal: 1233 }, { maxCount: 1 }];
  for (const limit of limits)
    await expect(guardBatch(runtime, { live: false }, { ...file, mchid }, { ...none, ...limit })).rejects.toMatchObject(
      {
        category: 'unconfirmed',
      },
    );
});
