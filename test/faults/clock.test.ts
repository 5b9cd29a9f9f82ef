/**
 * C7, K: the wall clock of the machine jumps while the built program refunds. WeChat Pay refuses what is signed five minutes off, and
 * answers cannot be checked then; nothing of that refunds twice, and with the right time again the same command comes to its end.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStage, reportFaults, type Stage } from './batch-stage.ts';
import { long } from './long.ts';
import { chooseSeed, seeded } from './random.ts';

const rounds = long ? 40 : 2;
const hour = 3_600_000;
/** Milliseconds: hardly, within what WeChat Pay allows, beyond it, and to where the time of the journal's records is long past or far ahead. */
const jumps = [-400 * 24 * hour, -hour, -310_000, -200_000, -1_000, 1_000, 200_000, 310_000, hour, 400 * 24 * hour];

let dir = '';
let clock = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-clock-'));
  clock = join(dir, 'clock');
  setClock(0);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function setClock(ms: number): void {
  writeFileSync(`${clock}.new`, String(ms));
  renameSync(`${clock}.new`, clock);
}

const sleep = async (ms: number): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
};
const open = async (): Promise<Stage> =>
  openStage({
    orders: 18,
    flags: ['--concurrency', '2', '--spacing', '50ms'],
    env: {
      WXPAY_TEST_CLOCK: clock,
      NODE_OPTIONS: `--require ${fileURLToPath(new URL('jumping-clock.cjs', import.meta.url))}`,
    },
  });

describe('a clock that jumps under a batch', () => {
  test(
    `at random, ${rounds} batches: refunds every row once, and reports what is so`,
    { timeout: rounds * 40_000 },
    async () => {
      const seed = chooseSeed();
      const random = seeded(seed);
      const faults: string[] = [];
      const codes = new Map<number | undefined, number>();
      let jumped = 0;
      for (let round = 0; round < rounds && faults.length === 0; round += 1) {
        const stage = await open();
        // Time for the clock to jump in: between journal and request, and between request and answer.
        stage.local.emulator.faults.add({
          method: 'POST',
          kind: 'latency',
          ms: 60,
          when: 'before',
          probability: 0.3,
          seed,
        });
        stage.local.emulator.faults.add({
          method: 'POST',
          kind: 'latency',
          ms: 60,
          when: 'after',
          probability: 0.3,
          seed,
        });
        try {
          for (let run = 0; run < 3; run += 1) {
            const running = new AbortController();
            const jumping = (async () => {
              while (!running.signal.aborted) {
                // Short, so that a batch comes further than its first question.
                await sleep(50 + random() * 400);
                setClock(jumps[Math.floor(random() * jumps.length)] ?? 0);
                await sleep(random() * 80);
                setClock(0);
                jumped += 1;
              }
            })();
            const result = await stage.run();
            running.abort();
            await jumping;
            setClock(0);
            codes.set(result.code, (codes.get(result.code) ?? 0) + 1);
            if (![0, 6, 8, 9, 14].includes(result.code ?? -1)) faults.push(`exit ${result.code}\n${result.stderr}`);
            if (/\n {4}at /.test(result.stderr)) faults.push(result.stderr);
            faults.push(...stage.doubles());
          }
          const last = await stage.run();
          faults.push(...(await reportFaults(stage, last)), ...stage.doubles(), ...stage.lost());
          if (last.code !== 0) faults.push(`with the right time: exit ${last.code}\n${last.stderr}`);
        } finally {
          await stage.close();
        }
      }
      process.stdout.write(`seed ${seed}: ${rounds} batches, ${jumped} jumps, exits ${JSON.stringify([...codes])}\n`);
      expect({ seed, faults }).toEqual({ seed, faults: [] });
    },
  );

  test.each([
    ['an hour behind', -hour],
    ['an hour ahead', hour],
  ])(
    '%s: nothing is refunded, the difference is named, and the same command goes on with the right time',
    async (_, off) => {
      const stage = await open();
      try {
        setClock(off);
        const wrong = await stage.run();
        expect(wrong.code).not.toBe(0);
        expect(wrong.stderr).toMatch(/clock is 3\d{3} seconds (?:behind|ahead)/);
        expect(stage.local.emulator.ledger().refunds).toEqual([]);
        setClock(0);
        const right = await stage.run();
        expect({
          code: right.code,
          faults: [...(await reportFaults(stage, right)), ...stage.doubles(), ...stage.lost()],
        }).toEqual({
          code: 0,
          faults: [],
        });
      } finally {
        await stage.close();
      }
    },
  );
});
