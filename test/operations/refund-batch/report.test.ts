import { afterEach, describe, expect, test } from 'vitest';
import {
  failureOf,
  mergeReports,
  reportDocument,
  reportFields,
  reportRows,
  summarise,
  type BatchSummary,
  type MergedReport,
} from '../../../src/operations/refund-batch/report.ts';
import { openWorld, row, transactionId, type World } from './batch-world.ts';

let world: World;
afterEach(() => world.close());

const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => row(n + 1, 100 + n));
type Done = Awaited<ReturnType<World['run']>>;
const documentOf = ({ plan, outcomes, ...rest }: Done): string =>
  [...reportDocument(summarise(plan, { outcomes, ...rest }), reportRows(plan, outcomes))].join('');
const source = (name: string, text: string): Parameters<typeof mergeReports>[0][number] => ({
  name,
  async *lines() {
    yield* text.split('\n');
  },
});
const merge = async (...texts: readonly string[]): Promise<MergedReport> =>
  mergeReports(texts.map((text, index) => source(`r${index + 1}.json`, text)));
const kinds = ({ problems }: MergedReport): string[] => problems.map(({ kind }) => kind);

test('a merged report has the members of a report, whatever a damaged one has besides', async () => {
  world = openWorld();
  const text = documentOf(await world.run(lines(3)));
  const { summary, problems } = await merge(text.replace('"file":{', '"file":{"fe":3,'));
  expect(text).toContain('"file":{');
  expect([problems, summary.file, summary.planned]).toEqual([[], { count: 3, fen: 303 }, { count: 3, fen: 303 }]);
});

describe('a report', () => {
  test('lists every row once, in file order, with the fields of its interface', async () => {
    world = openWorld();
    const done = await world.run(lines(5));
    const rows = [...reportRows(done.plan, done.outcomes)];
    expect(rows.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6]);
    for (const one of rows) expect(Object.keys(one)).toEqual([...reportFields]);
    expect(rows[0]).toMatchObject({
      transaction_id: transactionId(1),
      amount: 100,
      result: 'succeeded',
      existing: false,
    });
  });

  test('adds up: planned = succeeded + processing + failed + skipped, in count and in fen', async () => {
    world = openWorld(12);
    let count = 0;
    world.bank.troubleOf = () => {
      count += 1;
      if (count === 4) return { kind: 'refuse', status: 403, code: 'RULE_LIMIT' };
      return count === 8 ? { kind: 'refuse', status: 403, code: 'NOT_ENOUGH' } : undefined;
    };
    const done = await world.run(lines(12), { concurrency: 1 });
    const summary = summarise(done.plan, done);
    expect(summary).toMatchObject({
      planned: { count: 12, fen: 1266 },
      succeeded: { count: 6 },
      failed: { count: 2, fen: 103 + 107 },
      skipped: { count: 4 },
      reconciled: true,
      stopped: { reason: 'refused', code: 'NOT_ENOUGH' },
    });
    expect(failureOf(summary, false)).toBe('BATCH_INCOMPLETE');
  });

  test('says that it does not add up while anything is unknown', async () => {
    world = openWorld();
    world.bank.troubleOf = (no) => (no.includes(transactionId(2)) ? { kind: 'nothing' } : undefined);
    const done = await world.run(lines(3), { once: { rounds: 1, pauses: [1] } });
    const summary = summarise(done.plan, done);
    expect(summary).toMatchObject({ unknown: { count: 1, fen: 101 }, reconciled: false });
    expect(failureOf(summary, false)).toBe('OUTCOME_UNKNOWN');
  });

  const tally = (count: number): { count: number; fen: number } => ({ count, fen: count });
  test.each<[Partial<BatchSummary>, boolean, string | undefined]>([
    [{}, false, undefined],
    [{}, true, undefined],
    [{ processing: tally(1) }, false, undefined],
    [{ processing: tally(1) }, true, 'NOT_FINAL'],
    [{ failed: tally(1), processing: tally(1) }, true, 'BATCH_INCOMPLETE'],
    [{ skipped: tally(1) }, false, 'BATCH_INCOMPLETE'],
    [{ unknown: tally(1), failed: tally(1) }, false, 'OUTCOME_UNKNOWN'],
    [{ unknown: tally(1) }, true, 'OUTCOME_UNKNOWN'],
    [{ reconciled: false }, false, 'BATCH_INCOMPLETE'],
    [{ stopped: { reason: 'reader_gone', code: '' } }, false, 'BATCH_INCOMPLETE'],
    [{ stopped: { reason: 'journal', code: 'FILE_UNWRITABLE' } }, false, 'BATCH_INCOMPLETE'],
  ])('%j, waited %s, is %s', (change, waited, code) => {
    world = openWorld(1);
    const none = tally(0);
    const clean = { unknown: none, failed: none, skipped: none, processing: none, reconciled: true, stopped: null };
    expect(failureOf({ ...clean, ...change }, waited)).toBe(code);
  });
});

describe('reports of shards', () => {
  const shards = async (count = 40): Promise<string[]> => {
    world = openWorld(count);
    const texts: string[] = [];
    for (const index of [1, 2, 3])
      texts.push(documentOf(await world.run(lines(count), { plan: { shard: { index, of: 3 } } })));
    return texts;
  };

  test('come together to what one run would have reported', async () => {
    const merged = await merge(...(await shards()));
    expect(merged.problems).toEqual([]);
    const rows: number[] = [];
    for await (const { line } of merged.rows()) rows.push(line);
    expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n + 2));
    expect(merged.summary).toMatchObject({
      planned: { count: 40, fen: 4780 },
      succeeded: { count: 40, fen: 4780 },
      reconciled: true,
      file: { count: 40, fen: 4780 },
    });
  });

  test('one that is missing, or there twice, is named', async () => {
    const [one = '', two = '', three = ''] = await shards();
    expect(kinds(await merge(one, three))).toEqual(['shard_missing', 'file']);
    const twice = await merge(one, two, two, three);
    expect(new Set(kinds(twice))).toEqual(new Set(['row_twice', 'number_twice', 'shard_twice', 'file']));
    expect(twice.summary.reconciled).toBe(false);
    expect(failureOf(twice.summary, false)).toBe('BATCH_INCOMPLETE');
  });

  test.each<[string, (text: string) => string, string]>([
    ['an amount', (text) => text.replace(/"amount":(\d+)/, '"amount":1$1'), 'sums'],
    ['a result', (text) => text.replace('"result":"succeeded"', '"result":"failed"'), 'sums'],
    ['a row taken out', (text) => text.split('\n').toSpliced(1, 1).join('\n').replace(',\n]}', '\n]}'), 'sums'],
    ['another merchant', (text) => text.replace('"mchid":"1900000001"', '"mchid":"1900000002"'), 'foreign'],
    ['another file', (text) => text.replace(/"sha256":"./, '"sha256":"x'), 'foreign'],
    ['another number of shards', (text) => text.replace('"of":3', '"of":4'), 'shards_differ'],
  ])('a changed one is named: %s', async (_, change, kind) => {
    const [one = '', two = '', three = ''] = await shards();
    expect(kinds(await merge(one, change(two), three))).toContain(kind);
  });

  test('are read also when somebody has laid them out anew', async () => {
    const [one = '', two = '', three = ''] = await shards();
    const pretty = JSON.stringify(JSON.parse(two), null, 2);
    expect(kinds(await merge(one, pretty, three))).toEqual([]);
  });

  test.each([['', '{}', '[]', 'x', '{"wxpay_batch_report":1}', '{"wxpay_batch_report":1,"rows":[\n']].flat())(
    '%j is no report',
    async (text) => {
      world = openWorld(1);
      await expect(merge(text)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    },
  );

  test('a report that is cut off is none', async () => {
    const [one = '', two = '', three = ''] = await shards();
    const cut = two.split('\n').slice(0, 4).join('\n');
    await expect(merge(one, cut, three)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
