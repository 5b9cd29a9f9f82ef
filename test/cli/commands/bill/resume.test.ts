/** A download that one run could not finish, and the next one does (THREATS H4). */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunResult } from '../../../helpers/cli.ts';
import type { WorldOptions } from '../../../helpers/in-process.ts';
import { cut, downloads, openServers, whole, type Servers } from './bill-servers.ts';
import { openBillStage, type BillStage } from './bill-stage.ts';

let stage: BillStage;
let servers: Servers;
beforeAll(async () => {
  stage = await openBillStage();
  servers = openServers(stage);
  stage.local.emulator.seed({ count: 40, total: 1290, paid_ago_ms: stage.day, prefix: 'A' });
});
beforeEach(() => rmSync(folder(), { recursive: true, force: true }));
afterEach(async () => servers.close());
afterAll(async () => stage.close());

const folder = (): string => join(stage.local.home.dir, 'cache', 'bills');
const parts = (): readonly string[] => (existsSync(folder()) ? readdirSync(folder()) : []);
const argv = ['bill', 'trade', '2026-11-22', '-o', 'ndjson', '--lang', 'en'];
const rows = ({ stdout }: RunResult): number => stdout.split('\n').length - 1;
/** A run of its own, after the others have ended. */
const runAs = async (pid: number, url: string, world: Partial<WorldOptions> = {}): Promise<RunResult> =>
  stage.run(argv, { WXPAY_BASE_URL: url }, { pid, isAlive: () => false, ...world });

/** One door that can be cut and mended: the address is a part of what a bill is remembered by. */
async function door(): Promise<{
  readonly url: string;
  readonly ranges: () => readonly (string | undefined)[];
  cutAt: number | undefined;
  /** Cannot begin in the middle. */
  forgetful: boolean;
}> {
  const server = await servers.between((body, response, request) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
    if (made.cutAt !== undefined) cut(body, response, made.cutAt);
    else if (Number.isNaN(from) || made.forgetful) whole(body, response);
    else if (from >= body.length) response.writeHead(416, { 'content-length': 0 }).end();
    else {
      const rest = body.subarray(from);
      const range = `bytes ${from}-${body.length - 1}/${body.length}`;
      response.writeHead(206, { 'content-range': range, 'content-length': rest.length }).end(rest);
    }
  });
  const ranges = () => downloads(server).map(({ headers }) => headers.range);
  const made = { url: server.url, ranges, cutAt: undefined as number | undefined, forgetful: false };
  return made;
}

/** What a run that was cut leaves: its name, and what is in it. */
async function interrupted(at = 200) {
  const gate = await door();
  gate.cutAt = at;
  expect(await runAs(101, gate.url)).toMatchObject({ code: 7, stdout: '' });
  gate.cutAt = undefined;
  const [name = ''] = parts();
  return { gate, file: join(folder(), name), before: gate.ranges().length };
}

describe('the next run of the same command', () => {
  test('goes on where the last one was cut, from a file that nobody else could read', async () => {
    const { gate, file, before } = await interrupted(200);
    expect([statSync(file).size, statSync(file).mode & 0o777]).toEqual([200, 0o600]);
    const result = await runAs(102, gate.url);
    expect([result.code, rows(result)]).toEqual([0, 40]);
    expect(gate.ranges().slice(before)).toEqual(['bytes=200-']);
    expect(result.stderr).toContain('going on from byte 200');
    expect(parts()).toEqual([]);
  });

  test('after Ctrl-C, too', async () => {
    let press: () => void = () => {};
    let serving = true;
    const server = await servers.between((body, response, request) => {
      if (serving) {
        response.writeHead(200, { 'content-length': body.length });
        response.write(body.subarray(0, 150), () => setTimeout(() => press(), 100));
        return;
      }
      expect(request.headers.range).toBe('bytes=150-');
      whole(body, response);
    });
    const stopped = await runAs(101, server.url, {
      onSignal: (listener) => {
        press = () => listener('SIGINT');
        return () => {};
      },
    });
    expect([stopped.code, stopped.stdout]).toEqual([130, '']);
    serving = false;
    expect(parts()).toHaveLength(1);
    expect(rows(await runAs(102, server.url))).toBe(40);
  });

  test('wherever it was cut, all of it is right; also where nothing was missing but the proof', async () => {
    const { gate, file } = await interrupted();
    const name = file;
    let packed = Buffer.alloc(0);
    const server = await servers.between((body, response) => {
      packed = Buffer.from(body);
      whole(body, response);
    });
    await runAs(103, server.url);
    expect(packed.length).toBeGreaterThan(400);
    const first = (await runAs(104, gate.url)).stdout;
    const step = Math.ceil(packed.length / 25);
    for (const at of [
      1,
      2,
      ...Array.from({ length: 24 }, (_, n) => (n + 1) * step),
      packed.length - 1,
      packed.length,
    ]) {
      writeFileSync(name, packed.subarray(0, at), { mode: 0o600 });
      const result = await runAs(105, gate.url);
      expect([at, result.code, result.stdout === first]).toEqual([at, 0, true]);
      expect(parts()).toEqual([]);
    }
  });

  test('begins anew with a server that knows no ranges', async () => {
    const { gate } = await interrupted();
    gate.forgetful = true;
    expect(rows(await runAs(102, gate.url))).toBe(40);
    expect(parts()).toEqual([]);
  });

  test('takes nothing from another merchant, another server or another day', async () => {
    const { gate, file } = await interrupted();
    const other = await door();
    expect(rows(await runAs(102, other.url))).toBe(40);
    expect(other.ranges()).toEqual([undefined]);
    expect(existsSync(file)).toBe(true);
    await stage.run(
      ['bill', 'trade', '2026-11-21', '-o', 'ndjson'],
      { WXPAY_BASE_URL: gate.url },
      { pid: 103, isAlive: () => false },
    );
    expect(existsSync(file)).toBe(true);
  });

  test('leaves alone what a process that lives is writing', async () => {
    const { gate, file, before } = await interrupted();
    const result = await runAs(102, gate.url, { isAlive: (pid) => pid === 101 });
    expect([rows(result), gate.ranges().slice(before)]).toEqual([40, [undefined]]);
    expect(statSync(file).size).toBe(200);
  });

  test('clears away what nobody came back for', async () => {
    const { gate, file } = await interrupted();
    const days = (count: number): Date => new Date(Date.parse('2026-11-23T10:30:00+08:00') - count * 86_400_000);
    // Of another bill, so that only its age decides.
    const other = file.replace(/\.[0-9a-f]{16}\./, '.0123456789abcdef.');
    for (const [age, stays] of [
      [2.9, true],
      [3.1, false],
    ] as const) {
      writeFileSync(other, 'x', { mode: 0o600 });
      utimesSync(other, days(age), days(age));
      expect(rows(await runAs(102, gate.url))).toBe(40);
      expect([age, existsSync(other)]).toEqual([age, stays]);
    }
  });
});

describe('a part that is not what it says', () => {
  test('other bytes of the same length are found out by the hash, before a row is shown', async () => {
    const { gate, file, before } = await interrupted();
    writeFileSync(file, Buffer.alloc(200, 0x41), { mode: 0o600 });
    const result = await runAs(102, gate.url);
    expect([result.code, rows(result)]).toEqual([0, 40]);
    expect(gate.ranges().slice(before)).toEqual(['bytes=200-', undefined]);
    expect(result.stderr).toContain('beginning anew');
  });

  test('a whole bill of somebody’s making is not shown', async () => {
    const { gate, file } = await interrupted();
    writeFileSync(file, 'forged,bill\n'.repeat(10_000), { mode: 0o600 });
    const result = await runAs(102, gate.url);
    expect([result.code, rows(result), result.stdout.includes('forged')]).toEqual([0, 40, false]);
  });

  test('a link is not followed', async () => {
    const { gate, file, before } = await interrupted();
    const target = join(stage.local.home.dir, 'precious.txt');
    writeFileSync(target, 'precious', { mode: 0o600 });
    rmSync(file);
    symlinkSync(target, file);
    expect(rows(await runAs(102, gate.url))).toBe(40);
    expect(gate.ranges().slice(before)).toEqual([undefined]);
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  test('a file that others could write is not gone on with', async () => {
    const { gate, file, before } = await interrupted();
    chmodSync(file, 0o660);
    expect(rows(await runAs(102, gate.url))).toBe(40);
    expect(gate.ranges().slice(before)).toEqual([undefined]);
  });

  test('a folder in its place hinders nobody', async () => {
    const { gate, file } = await interrupted();
    rmSync(file);
    mkdirSync(file);
    expect(rows(await runAs(102, gate.url))).toBe(40);
  });
});

test('a bill that has changed since is another bill: nothing of the old one is used or kept', async () => {
  const { gate, file, before } = await interrupted();
  stage.local.emulator.seed({ count: 1, total: 1, paid_ago_ms: stage.day, prefix: 'B' });
  const result = await runAs(102, gate.url);
  expect([result.code, rows(result)]).toEqual([0, 41]);
  expect(gate.ranges().slice(before)).toEqual([undefined]);
  expect(existsSync(file)).toBe(false);
});
