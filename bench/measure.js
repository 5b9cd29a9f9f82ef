// Interleaved measurements: candidates take turns, so that whatever else the machine does hits all of them alike.
import { appendFileSync } from 'node:fs';

/** Runs each candidate `rounds` times in turn. @returns milliseconds per candidate: minimum and median */
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
      const sorted = list.toSorted((a, b) => a - b);
      return [name, { median: sorted[Math.floor(sorted.length / 2)], min: sorted[0] }];
    }),
  );
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
