/**
 * R7: the built program writes profiles from a hundred processes at once, and is killed at random instants. Nothing is lost, no file
 * is torn, and a lock whose holder is dead holds nobody up.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { binary, makeHome, type Home } from '../helpers/cli.ts';
import { makeMerchantFiles, type MerchantFiles } from '../helpers/merchant-files.ts';
import { long } from './long.ts';
import { chooseSeed, seeded } from './random.ts';

const writers = long ? 100 : 10;
const updates = long ? 20 : 2;
const kills = long ? Number(process.env['WXPAY_FAULT_KILLS'] ?? '1000') : 20;

let home: Home;
let merchant: MerchantFiles;
let profiles = '';
beforeEach(() => {
  home = makeHome();
  merchant = makeMerchantFiles(join(home.dir, 'merchant'));
  writeFileSync(join(home.dir, 'v3.txt'), 'x'.repeat(32), { mode: 0o600 });
  profiles = join(home.dir, 'config', 'profiles');
});
afterEach(() => home.remove());

const add = (name: string, appid: string): readonly string[] => {
  const files = `--certificate-file ${merchant.certificateFile} --private-key-file ${merchant.keyFile}`.split(' ');
  const key = ['--api-v3-key-file', join(home.dir, 'v3.txt')];
  return ['profile', 'add', name, '--mchid', merchant.mchid, '--appid', appid, ...files, ...key, '--force'];
};

function start(argv: readonly string[]): { kill(): void; done: Promise<{ code: number | null; stderr: string }> } {
  const env = { ...home.env, WXPAY_CONFIG_DIR: join(home.dir, 'config') };
  const child = spawn(process.execPath, [binary, ...argv], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const done = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, stderr }));
  });
  return { kill: () => void child.kill('SIGKILL'), done };
}

const appidOf = (name: string): unknown =>
  (JSON.parse(readFileSync(join(profiles, `${name}.json`), 'utf8')) as { appid?: unknown }).appid;
const appid = (number: number): string => `wx${String(number).padStart(16, '0')}`;

describe('R7: profiles that many processes write', () => {
  test(
    `F1, R7: ${writers} writers at once, ${updates} times each: nothing is lost`,
    async () => {
      for (let round = 0; round < updates; round += 1) {
        const ended = await Promise.all(
          Array.from({ length: writers }, (_, writer) => start(add(`own-${writer}-${round}`, appid(round))).done),
        );
        expect(ended.filter(({ code }) => code !== 0)).toEqual([]);
      }
      const names = Array.from(
        { length: writers * updates },
        (_, index) => `own-${index % writers}-${Math.floor(index / writers)}`,
      );
      const kept = readdirSync(profiles);
      expect(kept.filter((name) => !name.endsWith('.json'))).toEqual([]);
      expect(kept).toHaveLength(names.length);
      for (const name of names) expect(appidOf(name)).toBe(appid(Number(name.split('-')[2])));
      process.stdout.write(`${writers} writers × ${updates}: ${kept.length} of ${names.length} profiles, 0 lost\n`);
    },
    writers * updates * 2_000 + 60_000,
  );

  test(
    `F3, R7: ${kills} kills of a writer: the profile is the old or the new one, and the next writer waits for nobody`,
    async () => {
      const seed = chooseSeed();
      const random = seeded(seed);
      const begun = performance.now();
      expect(await start(add('victim', appid(0))).done).toMatchObject({ code: 0 });
      const span = performance.now() - begun;
      const allowed = new Set<unknown>([appid(0)]);
      let struck = 0;
      let torn = 0;
      for (let at = 0; at < kills; at += 4) {
        const running = Array.from({ length: 4 }, (_, index) => {
          const value = appid(at + index + 1);
          allowed.add(value);
          return start(add('victim', value));
        });
        await Promise.all(
          running.map(async (one) => {
            // Four at a time take longer than one.
            const timer = setTimeout(() => one.kill(), random() * span * 3);
            const { code } = await one.done;
            clearTimeout(timer);
            if (code === null) struck += 1;
          }),
        );
        try {
          if (!allowed.has(appidOf('victim'))) torn += 1;
        } catch {
          torn += 1;
        }
      }
      const before = performance.now();
      expect(await start(add('victim', appid(999_999))).done).toMatchObject({ code: 0 });
      const last = performance.now() - before;
      process.stdout.write(
        `seed ${seed}: ${struck} of ${kills} writers killed, ${torn} torn, the next one took ${last.toFixed(0)} ms\n`,
      );
      expect({ seed, torn }).toEqual({ seed, torn: 0 });
      expect(appidOf('victim')).toBe(appid(999_999));
      expect(readdirSync(profiles)).toEqual(['victim.json']);
      expect(struck).toBeGreaterThan(0);
    },
    kills * 2_000 + 60_000,
  );
});
