/**
 * B8: WeChat Pay's primary host cannot be resolved or reached, in each of the ways in which that happens; the built binary, the
 * system's resolver and a name server of our own. Nothing leaves the network name space that this runs in.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary } from '../helpers/cli.ts';
import type { Told, Trouble } from './dns-child.ts';
import { long } from './long.ts';
import { canStandApart, nameServer, own, runApart } from './name-space.ts';

const able = canStandApart('dns.test.ts');

/** Those that make the resolver or the kernel wait are left to the long run. */
const unreached: readonly Trouble[] = long
  ? ['NXDOMAIN', 'SERVFAIL', 'silence', 'refused', 'black hole']
  : ['NXDOMAIN', 'SERVFAIL', 'refused'];

let dir = '';
const told: Told[] = [];
beforeAll(async () => {
  if (!able) return;
  dir = mkdtempSync(join(tmpdir(), 'wxpay-dns-'));
  const child = join(dir, 'child.mjs');
  const entry = fileURLToPath(new URL('dns-child.ts', import.meta.url));
  buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile: child });
  const library = fileURLToPath(new URL('../../dist/emulator/library.js', import.meta.url));
  const steps = [
    own(nameServer),
    // A black hole: it takes every packet and answers none.
    'ip link add hole type bridge && ip address add 203.0.113.1/24 dev hole && ip link set hole up',
    'ip neighbour add 203.0.113.9 lladdr 02:00:00:00:00:09 dev hole',
  ];
  const argv = [process.execPath, child, library, binary, dir, nameServer, ...unreached, 'cut'];
  const stdout = await runApart(steps, argv);
  for (const line of stdout.trimEnd().split('\n')) told.push(JSON.parse(line) as Told);
  for (const { trouble, command, code, said, ms } of told)
    process.stdout.write(`${trouble}, ${command}: exit ${code}, answer after ${said} ms, ended after ${ms} ms\n`);
}, 400_000);
afterAll(() => {
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
});

const one = (trouble: Trouble, command: Told['command']): Told => {
  const found = told.find((entry) => entry.trouble === trouble && entry.command === command);
  if (found === undefined) throw new Error(`nothing was told of ${trouble}, ${command}`);
  return found;
};

describe.skipIf(!able)('B8: the primary host', () => {
  test.each(unreached)('%s: the backup is asked, and a refund is sent once', (trouble) => {
    const query = one(trouble, 'query');
    expect(query).toMatchObject({ code: 0 });
    expect(JSON.parse(query.stdout)).toMatchObject({ trade_state: 'SUCCESS' });
    const refund = one(trouble, 'refund');
    expect(refund).toMatchObject({ code: 0, refunds: 1 });
    // Nothing was written to the primary, so nothing has to be asked first.
    expect(refund.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
  });

  test('cut after the request was written: the number is asked about, and nothing is sent again', () => {
    expect(one('cut', 'query')).toMatchObject({ code: 0 });
    const { code, refunds, requests, stdout } = one('cut', 'refund');
    expect({ code, refunds }).toEqual({ code: 0, refunds: 1 });
    expect(JSON.parse(stdout)).toMatchObject({ result: 'adopted' });
    // Its one POST never came to an answer, and is not in the log.
    expect(requests.filter((request) => request.startsWith('POST'))).toEqual([]);
    expect(requests.at(-1)).toMatch(/^GET \/v3\/refund\/domestic\/refunds\//);
  });

  test('costs the five seconds of a connection once, however many requests a command makes', () => {
    for (const { trouble, command, said } of told)
      expect({ trouble, command, said }).toMatchObject({
        said: expect.toSatisfy((ms: number) => ms > 0 && ms < 10_000),
      });
  });
});
