/**
 * R4, G9, A5: Ctrl-C, SIGTERM, a terminal that is closed and a reader that goes away, at random instants of a batch while the emulator
 * misbehaves. Whatever was under way is finished and recorded; the same command goes on until every row has its one refund.
 *
 * `WXPAY_FAULT_KILLS` sets how many endings there are.
 */
import { describe, expect, test } from 'vitest';
import type { BatchSummary } from '../../src/operations/refund-batch/report.ts';
import { misbehave, openStage, type Ended, type Ending, type Stage } from './batch-stage.ts';
import { chooseSeed, seeded } from './random.ts';

const endings = Number(process.env['WXPAY_FAULT_KILLS'] ?? 12);
const perBatch = 12;
const ways: readonly Ending[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'EPIPE'];
/** Besides what a batch ends with when nothing struck it: done, open outcomes, failures. */
const codes: Readonly<Record<Ending, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, EPIPE: 9 };

/** The signal came when everything was done and only the report was left to be written. */
function isComplete(stdout: string): boolean {
  try {
    const { stopped, skipped, unknown } = JSON.parse(stdout) as BatchSummary;
    return stopped === null && skipped.count === 0 && unknown.count === 0;
  } catch {
    return false;
  }
}

function faultsOf({ code, signal, stdout, stderr }: Ended, how: Ending): readonly string[] {
  // A signal that came before anything listened ends the process as it ends any other.
  if (code === undefined) return signal === how ? [] : [`${how}: ended by ${signal ?? 'nothing'}`];
  return [
    ...([0, 8, 9, codes[how]].includes(code) ? [] : [`${how}: exit ${code}\n${stderr}`]),
    ...(stderr.includes('\n    at ') || stderr.includes('EPIPE') ? [`${how}: ${stderr}`] : []),
    // What goes on is said, where there is something left.
    ...(code === codes[how] &&
    how !== 'EPIPE' &&
    !isComplete(stdout) &&
    !/wxpay refund batch|Interrupted|again/.test(stderr)
      ? [`${how}: no way on is named\n${stderr}`]
      : []),
  ];
}

async function finish(stage: Stage): Promise<readonly string[]> {
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    await stage.run();
    // What the emulator carries out after everybody has gone.
    await new Promise((resolve) => {
      setTimeout(resolve, 350);
    });
    const states = await stage.states();
    if (stage.rows.every(({ out_refund_no }) => ['final', 'pending'].includes(states.get(out_refund_no) ?? '')))
      return [...stage.doubles(), ...stage.lost()];
  }
  return ['not done after 20 runs'];
}

describe('R4: a batch that is told to end', () => {
  test(
    `at ${endings} random instants doubles and loses nothing`,
    async () => {
      const seed = chooseSeed();
      const random = seeded(seed);
      const faults: string[] = [];
      const counts = new Map<string, number>();
      // As long as starting takes on this machine and under this load; learnt from what was hit.
      let aim = 300;
      let done = 0;
      const started = performance.now();
      for (let batch = 0; done < endings && faults.length === 0; batch += 1) {
        const stage = await openStage({ orders: 24, flags: ['--concurrency', '2'] });
        misbehave(stage.local, seed + batch * 1_000);
        try {
          for (let at = 0; at < perBatch && done < endings; at += 1) {
            const how = ways[done % ways.length] ?? 'SIGINT';
            const ended = await stage.endAfter(aim + random() * 600, how, how === 'EPIPE' ? ['-o', 'ndjson'] : []);
            done += 1;
            const hit = ended.code === codes[how];
            const name = ended.code === undefined ? `${how} before it listened` : hit ? how : `${how} too late`;
            counts.set(name, (counts.get(name) ?? 0) + 1);
            aim = Math.min(2_000, Math.max(100, aim + (ended.code === undefined ? 60 : hit ? -10 : -60)));
            faults.push(...faultsOf(ended, how), ...stage.doubles());
          }
          faults.push(...(await finish(stage)));
        } finally {
          await stage.close();
        }
      }
      process.stdout.write(
        `seed ${seed}: ${done} endings in ${((performance.now() - started) / 1_000).toFixed(0)} s, ${JSON.stringify(Object.fromEntries(counts))}\n`,
      );
      expect({ seed, faults }).toEqual({ seed, faults: [] });
      // A few may all come too early on a busy machine.
      if (endings >= 100)
        for (const how of ways)
          expect({ how, hit: counts.get(how) ?? 0 }).toEqual({ how, hit: expect.toSatisfy((hit: number) => hit > 0) });
    },
    60_000 + endings * 6_000,
  );
});
