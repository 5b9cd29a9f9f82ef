/** Runs a target over damaged inputs, and says what it found in a form that can be repeated. */
import { seeded } from '../faults/random.ts';
import { mutate } from './mutate.ts';
import type { Target } from './parsers.ts';

export interface Figures {
  readonly name: string;
  readonly runs: number;
  /** Taken as good, and rightly so. */
  readonly taken: number;
  readonly slowestMs: number;
  /** Each with the input in base64. */
  readonly failures: readonly string[];
}

/** @param deadline when to stop however many runs are left, by `performance.now()` */
export async function fuzz(target: Target, runs: number, seed: number, deadline = Infinity): Promise<Figures> {
  const random = seeded(seed);
  const wanted = Math.max(5, Math.ceil(runs / (target.dear ?? 1)));
  const failures: string[] = [];
  let [done, taken, slowest] = [0, 0, 0];
  while (done < wanted && failures.length < 3 && performance.now() < deadline) {
    const bytes = done < target.seeds.length ? Buffer.from(target.seeds[done] ?? []) : mutate(target.seeds, random);
    const before = process.cpuUsage();
    try {
      if (await target.judge(bytes, random)) taken += 1;
    } catch (error) {
      failures.push(`${String(error instanceof Error ? error.stack : error)}\n${bytes.toString('base64')}`);
    }
    const { user, system } = process.cpuUsage(before);
    slowest = Math.max(slowest, (user + system) / 1_000);
    done += 1;
  }
  return { name: target.name, runs: done, taken, slowestMs: Math.round(slowest), failures };
}
