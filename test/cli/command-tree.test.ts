import { expect, test } from 'vitest';
import type { DescribedProgram } from '../../src/cli/command-tree.ts';
import { entries, run } from '../../src/cli/program.ts';
import { fakeWorld } from '../helpers/world.ts';

async function tree(): Promise<DescribedProgram> {
  const world = fakeWorld(['help', 'commands', '--json']);
  expect(await run(world)).toBe(0);
  expect(world.err()).toBe('');
  return JSON.parse(world.out()) as DescribedProgram;
}

test('G9: `help commands --json` describes every command, and what it stands under', async () => {
  const { commands, version } = await tree();
  expect(version).toBe('9.9.9');
  const leaves = commands.filter((command) => command.commands.length === 0).map(({ path }) => path);
  expect(leaves.toSorted()).toEqual(entries.map(({ path }) => path.join(' ')).toSorted());
  expect(commands.find(({ path }) => path === 'refund report')?.commands).toEqual(['merge']);
});

test('every command and every group says what it is for', async () => {
  const { commands } = await tree();
  expect(commands.filter(({ summary }) => summary === '').map(({ path }) => path)).toEqual([]);
  expect(commands.find(({ path }) => path === 'emulator snapshot')?.summary).toBe('save, load');
});

test('an option says whether it takes a value, which ones, and what it is without', async () => {
  const { commands, global_options: globals } = await tree();
  const output = globals.find(({ long }) => long === '--output');
  expect(output).toMatchObject({ short: '-o', value: 'required', choices: ['table', 'json', 'ndjson', 'csv'] });
  expect(globals.find(({ long }) => long === '--json')).toMatchObject({ value: 'none', choices: null, default: null });
  const query = commands.find(({ path }) => path === 'order query');
  expect(query?.exit_codes).toContain(12);
  expect(query?.examples[0]).toMatch(/wxpay order query/);
  expect(query?.arguments[0]).toMatchObject({ name: 'no', required: false, variadic: false });
});

test('G5: a flag means the same kind of thing with every command', async () => {
  const { commands, global_options: globals } = await tree();
  const kinds = new Map<string, Set<string>>();
  for (const { long, value } of [...globals, ...commands.flatMap(({ options }) => options)])
    kinds.set(long ?? '', (kinds.get(long ?? '') ?? new Set()).add(value));
  const both = [...kinds].filter(([, values]) => values.size > 1).map(([flag]) => flag);
  // Two that are switches here and take a value there: a third is a surprise.
  expect(both).toEqual(['--check', '--list']);
});

test('`help commands` is a list for people', async () => {
  const world = fakeWorld(['help', 'commands']);
  expect(await run(world)).toBe(0);
  expect(world.out()).toContain('wxpay refund report merge\t');
});

test('H2: every command that runs has two examples or more', async () => {
  const { commands } = await tree();
  const poor = commands.filter((command) => command.commands.length === 0 && command.examples.length < 2);
  expect(poor.map(({ path }) => path)).toEqual([]);
});
