// Interleaved measurements: candidates take turns, so that whatever else the machine does hits all of them alike.
import { appendFileSync, readFileSync } from 'node:fs';

/**
 * Runs each candidate `rounds` times in turn. @returns milliseconds per candidate: minimum, median, and all of them in the order
 * of the rounds
 */
export async function interleave(candidates, rounds) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 0; round < rounds + 1; round += 1) {
    for (const [name, run] of Object.entries(candidates)) {
      const start = performance.now();
      await run();
      // The first round warms caches and is not counted.
      if (round > 0) times[name].push(performance.now() - start);
    }
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, list]) => {
      return [name, { median: median(list), min: Math.min(...list), list }];
    }),
  );
}

export function median(list) {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
}

/** How many times as fast as `base` a candidate was: the median of the rounds, each against its neighbour in time. */
export function timesAsFast(candidate, base) {
  return median(candidate.list.map((time, round) => base.list[round] / time));
}

/**
 * The most memory that this process has had at once, in bytes, as the system counts it. On Linux `maxRSS` begins with what the
 * process had that started this one.
 */
export function peakMemory() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}

/** Does a row meet its goal? `undefined` where there is none. */
export function isMet({ ratio, goal, better }) {
  if (goal === undefined) return undefined;
  return better === 'higher' ? ratio >= goal : ratio <= goal;
}

/** `≥ 0.7`, or nothing. */
export function goalText({ goal, better }) {
  return goal === undefined ? '' : `${better === 'higher' ? '≥' : '≤'} ${goal}`;
}

/** Prints rows of name, value, ratio, goal, and says whether the goal is met. bench/run.js gets them as JSON as well. */
export function report(title, rows) {
  console.log(`\n${title} (node ${process.version}, ${process.platform} ${process.arch})`);
  for (const row of rows) {
    const met = isMet(row);
    const goal = met === undefined ? '' : `  goal ${goalText(row)}  ${met ? 'met' : 'MISSED'}`;
    console.log(`  ${row.name.padEnd(44)} ${row.value.padStart(14)}  ratio ${row.ratio.toFixed(2)}${goal}`);
  }
  const collect = process.env.WXPAY_BENCH_COLLECT;
  if (collect !== undefined) appendFileSync(collect, `${JSON.stringify({ title, rows })}\n`);
}
