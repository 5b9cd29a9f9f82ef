/**
 * Everything that an emulator remembers is kept over a restart, or is meant to be forgotten. A store that is new and stands in
 * none of these lists fails here, before it loses somebody's data.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../src/emulator/', import.meta.url));

/**
 * What becomes of each:
 * - `dump`: written out by the file's own `dump`, and taken up by its `restore`;
 * - `restore`: made again by `restore` from what was written out;
 * - `state <expression>`: written out by state.ts;
 * - anything else says why it may be forgotten.
 */
const stores: Readonly<Record<string, string>> = {
  'orders.ts orders': 'dump',
  'orders.ts burned': 'dump',
  'orders.ts paid': 'restore',
  'orders.ts named': 'restore',
  'combined-orders.ts combinedOrders': 'dump',
  'combined-orders.ts burned': 'dump',
  'combined-orders.ts named': 'restore',
  'payers.ts payers': 'dump',
  'payers.ts codes': 'dump',
  'payers.ts used': 'dump',
  'refunds.ts refunds': 'dump',
  'refunds.ts posts': 'dump',
  'refunds.ts settings': 'dump',
  'refunds.ts named': 'restore',
  'refunds.ts tallies': 'restore',
  'transfers.ts transfers': 'dump',
  'transfers.ts posts': 'dump',
  'transfers.ts settings': 'dump',
  'transfers.ts named': 'restore',
  'profit-sharing.ts receivers': 'dump',
  'profit-sharing.ts shares': 'dump',
  'profit-sharing.ts returns': 'dump',
  'profit-sharing.ts byOrder': 'restore',
  'merchant-switches.ts switches': 'dump',
  'merchant-switches.ts calls': 'the calls of the running second',
  'faults.ts armed': 'dump',
  'faults.ts made': 'dump',
  'faults.ts state': 'drawn again as often as the rule says that it was',
  'business-clock.ts offset': 'dump',
  'business-clock.ts sleepers': 'who waits, waits again after a restart',
  'randomness.ts drawn': 'dump',
  'callback-outbox.ts records': 'state outbox.records',
  'callback-outbox.ts settings': 'state outbox.settings()',
  'callback-outbox.ts held': 'what is held is a waiting record, and is sent after a restart',
  'callback-outbox.ts dropped': 'records that a reset has forgotten',
  'callback-outbox.ts free': 'sends under way',
  'callback-outbox.ts line': 'sends that wait for their turn',
  'refund-callbacks.ts sending': 'sends under way',
  'due-loop.ts awake': 'whether a loop runs',
  'due-queue.ts heap': 'filled again by whoever restores',
  'seed.ts used': 'where to begin trying numbers',
  'rate-limits.ts windows': 'the calls of the running second',
  'downloads.ts offers': 'bill downloads on offer for five minutes (README)',
  'downloads.ts held': 'their size',
  'server.ts requests': 'the request log (README)',
  'server.ts frozen': 'state stores.billed',
  'server.ts keeper': 'the one that keeps',
  'state-keeper.ts found': 'how it began',
  'state-keeper.ts failed': 'how the last write went',
  'state-keeper.ts tookMs': 'how the last write went',
  'state-keeper.ts writing': 'the write under way',
  'state-keeper.ts waiting': 'whether a loop runs',
  'rotation.ts mode': 'in a file of its own, rotation.json',
  'rotation.ts listed': 'in a file of its own, rotation.json',
  'rotation.ts signing': 'in a file of its own, rotation.json',
  'rotation.ts successor': 'in a file of its own, rotation.json',
  'rotation.ts asked': 'how an answer is chosen for a share of them',
  'server.ts merchants': 'in folders of their own, made at the start',
  'router.ts byLength': 'made at the start, never changed',
  'listeners.ts opened': 'what is listened on',
  'guard.ts pending': 'bodies that are being read',
};

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.startsWith('page/assets'))
  .toSorted((a, b) => (a < b ? -1 : 1));
const textOf = (file: string): string => readFileSync(root + file, 'utf8');

/** What outlives a call: in the body of a function that opens or makes something, or of a module. */
const maker = /^(?:export )?(?:async )?function (?:open|make|start)[A-Z]/;
const memories =
  /^ {2}(?:let (\w+)|const (\w+)(?:: .*?)? = (?:\[\];|new (?:Map|Set|WeakMap|WeakSet)\b)|const \w+ = \{.*?(\w+): new (?:Map|Set)\b)/gm;

function storesOf(file: string): string[] {
  const functions = textOf(file).split(/^(?=(?:export )?(?:async )?function )/m);
  return functions
    .filter((body) => maker.test(body))
    .flatMap((body) =>
      [...body.matchAll(memories)].map(
        ([, variable, collection, member]) => `${file} ${variable ?? collection ?? member}`,
      ),
    );
}

/** Functions that make a value and remember nothing: their variables are gone when they return. */
const makesValue: readonly string[] = ['trust-store.ts bytes', 'seed.ts made', 'multipart.ts parts'];

describe('what an emulator remembers', () => {
  const found = files.flatMap(storesOf).filter((store) => !makesValue.includes(store));

  test('is found by this test', () => {
    expect(found).toEqual(expect.arrayContaining(['orders.ts orders', 'faults.ts armed', 'server.ts frozen']));
    expect(storesOf('orders.ts')).toHaveLength(4);
  });

  test.each(found)('%s is kept, or meant to be forgotten', (store) => {
    expect(Object.keys(stores)).toContain(store);
  });

  test('is no longer listed when it is gone', () => {
    expect(Object.keys(stores).filter((store) => !found.includes(store) && store !== 'server.ts merchants')).toEqual(
      [],
    );
  });

  test.each(files)('%s has no memory of its own outside of an emulator', (file) => {
    // What a module remembers, two emulators share, and a reset does not forget.
    expect(textOf(file)).not.toMatch(/^(?:export )?let /m);
    for (const [line] of textOf(file).matchAll(/^(?:export )?const \w+.* = (?:new Map\(\)|new Set\(\)|\[\]|\{\});/gm)) {
      expect(line).toBe('');
    }
  });
});

/** The text of a member of the object that a store is. */
function member(file: string, name: 'dump' | 'restore'): string {
  return new RegExp(`^ {4}${name}\\b.*?(?=^ {4}[^ \\n}]|^ {2}\\})`, 'ms').exec(textOf(file))?.[0] ?? '';
}

describe.each(Object.entries(stores).map(([store, fate]) => [...store.split(' '), fate] as [string, string, string]))(
  '%s: %s',
  (file, name, fate) => {
    if (fate === 'dump') {
      test('is written out, and taken up', () => {
        expect(member(file, 'dump')).toMatch(new RegExp(`\\b${name}\\b`));
        expect(member(file, 'restore')).toMatch(new RegExp(`\\b${name}\\b|\\bset\\(`));
      });
    } else if (fate === 'restore') {
      test('is made again', () => {
        expect(member(file, 'restore')).toMatch(new RegExp(`\\b${name}\\b`));
      });
    } else if (fate.startsWith('state ')) {
      test('is written out with the state', () => {
        expect(textOf('state.ts')).toContain(fate.slice('state '.length));
      });
    } else {
      test('has a reason to be forgotten', () => {
        expect(fate).toMatch(/\w+ \w+/);
      });
    }
  },
);

test('every store that can be written out is written out with the state, and taken up', () => {
  const own = new Set(
    Object.entries(stores)
      .filter(([, fate]) => fate === 'dump')
      .map(([store]) => store.split(' ')[0]),
  );
  const state = textOf('state.ts');
  const written = [...state.matchAll(/stores\.(\w+)\.dump\(\)/g)].map(([, name]) => name);
  const taken = [...state.matchAll(/stores\.(\w+)\.restore\(/g)].map(([, name]) => name);
  expect(written).toHaveLength(own.size);
  expect(new Set(taken)).toEqual(new Set(written));
});
