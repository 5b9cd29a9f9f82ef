// Interleaved measurements: candidates take turns, so that whatever else the machine does hits all of them alike.

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

/** Prints rows of name, value, ratio, goal, and says whether the goal is met. */
export function report(title, rows) {
  console.log(`\n${title} (node ${process.version}, ${process.platform} ${process.arch})`);
  for (const { name, value, ratio, goal, better } of rows) {
    const met = goal === undefined ? '' : (better === 'higher' ? ratio >= goal : ratio <= goal) ? '  met' : '  MISSED';
    const limit = goal === undefined ? '' : `  goal ${better === 'higher' ? '≥' : '≤'} ${goal}`;
    console.log(`  ${name.padEnd(44)} ${value.padStart(14)}  ratio ${ratio.toFixed(2)}${limit}${met}`);
  }
}
