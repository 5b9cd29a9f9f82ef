/**
 * R1, G3: the built program is killed at random instants while the emulator misbehaves; after the last resume every row has
 * exactly one refund, and ledger, journal, report and exit code say the same.
 *
 * `WXPAY_FAULT_KILLS` sets the number of kills (`npm run test:faults`: 1,000), `WXPAY_FAULT_SEED` repeats a run.
 */
import { describe, expect, test } from 'vitest';
import { settle } from '../../src/core/http/outcome.ts';
import { refundIntent, refundRequest } from '../../src/operations/refund.ts';
import { clientOf, misbehave, openStage, reportFaults, type Stage } from './batch-stage.ts';
import { chooseSeed, seeded } from './random.ts';

const kills = Number(process.env['WXPAY_FAULT_KILLS'] ?? 50);
const perBatch = 12;

/** Where a kill hit, by what the journal says. */
interface Histogram {
  /** Nothing was recorded yet: start, parsing, looking up. */
  start: number;
  /** At least one intent is on the disk, and no outcome of it: between journal and answer, or answer and journal. */
  between: number;
  /** Something is recorded, and nothing of it open. */
  quiet: number;
}

/**
 * When to kill: about when starting and looking the orders up is over, in milliseconds after the start. Learnt from what the
 * kills hit, over all batches, since it depends on what else the machine does.
 */
interface Aim {
  ms: number;
}

interface Tallies {
  readonly histogram: Histogram;
  readonly totals: { kills: number; rows: number; runs: number; batches: number };
  readonly aim: Aim;
}

/**
 * What a script without wxpay does: a new number per attempt, no record of what was sent. It must be caught at it, or this
 * harness sees nothing (THREATS 4).
 */
async function naiveBatch(stage: Stage, random: () => number): Promise<void> {
  const client = clientOf(stage.local);
  for (const row of stage.rows) {
    if (row.refused) continue;
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const out_refund_no = `N${Math.floor(random() * 2 ** 52).toString(36)}`;
      const intent = refundIntent({
        party: { kind: 'direct', mchid: stage.local.info.mchid },
        out_refund_no,
        order: { transaction_id: row.transaction_id },
        refund: row.fen,
        total: 10_000,
      });
      try {
        const request = refundRequest(intent);
        await settle(request, () => client.transport(request));
        break;
      } catch {
        // "It did not work, so try again."
      }
    }
  }
  await client.close();
}

describe('a batch that is killed', () => {
  test(
    `refunds every row once, ${kills} kills`,
    async () => {
      const seed = chooseSeed();
      const random = seeded(seed);
      const histogram: Histogram = { start: 0, between: 0, quiet: 0 };
      const totals = { kills: 0, rows: 0, runs: 0, batches: 0 };
      const aim: Aim = { ms: 250 };
      const faults: string[] = [];
      const batches = Math.ceil(kills / perBatch);
      const started = performance.now();
      // Two at once: the machine has two processors, and a batch is mostly waiting.
      const todo = Array.from({ length: batches }, (_, index) => index);
      const hand = async (): Promise<void> => {
        for (let index = todo.shift(); index !== undefined; index = todo.shift()) {
          const stage = await openStage({ orders: 18, withRefused: true, flags: ['--concurrency', '4'] });
          misbehave(stage.local, seed + index * 1_000);
          try {
            const share = Math.min(perBatch, kills - index * perBatch);
            faults.push(
              ...(await killBatch(stage, share, random, { histogram, totals, aim })).map((f) => `batch ${index}: ${f}`),
            );
          } finally {
            await stage.close();
          }
        }
      };
      await Promise.all([hand(), hand()]);
      const between = histogram.between / totals.kills;
      process.stdout.write(
        `seed ${seed}: ${totals.kills} kills, ${totals.rows} rows in ${totals.batches} batches, ${totals.runs} runs, ` +
          `${((performance.now() - started) / 1000).toFixed(0)} s; start ${histogram.start}, ` +
          `between journal and answer ${histogram.between} (${(between * 100).toFixed(0)} %), quiet ${histogram.quiet}\n`,
      );
      expect({ seed, faults }).toEqual({ seed, faults: [] });
      expect(totals.kills).toBeGreaterThanOrEqual(kills);
      expect(between).toBeGreaterThanOrEqual(0.2);
    },
    60_000 + kills * 4_000,
  );
});

test('the same faults make a naive batch refund twice, and this harness sees it', async () => {
  const seed = chooseSeed();
  const stage = await openStage({ orders: 60 });
  try {
    misbehave(stage.local, seed);
    await naiveBatch(stage, seeded(seed));
    const perOrder = new Map<string, number>();
    for (const { transaction_id } of stage.local.emulator.ledger().refunds)
      perOrder.set(transaction_id, (perOrder.get(transaction_id) ?? 0) + 1);
    const wanted = new Map<string, number>();
    for (const { transaction_id } of stage.rows) wanted.set(transaction_id, (wanted.get(transaction_id) ?? 0) + 1);
    const doubles = [...perOrder].filter(([order, count]) => count > (wanted.get(order) ?? 0)).length;
    process.stdout.write(`seed ${seed}: the naive batch refunded ${doubles} of ${wanted.size} orders more than once\n`);
    expect({ seed, found: doubles > 0 }).toEqual({ seed, found: true });
    expect(stage.doubles().length).toBeGreaterThan(0);
  } finally {
    await stage.close();
  }
});

async function killBatch(
  stage: Stage,
  share: number,
  random: () => number,
  { histogram, totals, aim }: Tallies,
): Promise<readonly string[]> {
  const faults: string[] = [];
  totals.batches += 1;
  totals.rows += stage.rows.length;
  for (let killed = 0; killed < share;) {
    totals.runs += 1;
    // Most rows must be left for later kills, so the life of a process is short.
    const { killed: hit, result } = await stage.killAfter(aim.ms + random() * 500);
    if (hit) {
      killed += 1;
      totals.kills += 1;
      const states = await stage.states();
      if (states.size === 0) {
        histogram.start += 1;
        aim.ms = Math.min(aim.ms + 60, 10_000);
      } else {
        if ([...states.values()].includes('open')) histogram.between += 1;
        else histogram.quiet += 1;
        aim.ms = Math.max(aim.ms - 15, 100);
      }
    } else if (result !== undefined) faults.push(...(await reportFaults(stage, result)));
    // It was faster than the kill, or all rows are done and what is left are kills of a batch with nothing to do.
    if (!hit) aim.ms = Math.max(aim.ms - 100, 100);
    faults.push(...stage.doubles());
    if (faults.length > 0) return faults;
  }
  for (let attempt = 1; ; attempt += 1) {
    totals.runs += 1;
    const result = await stage.run();
    // What the emulator carries out after everybody has gone.
    await new Promise((resolve) => {
      setTimeout(resolve, 350);
    });
    faults.push(...(await reportFaults(stage, result)), ...stage.doubles());
    if (faults.length > 0 || (await isDone(stage))) break;
    if (attempt === 20) return [`not done after ${attempt} runs: exit ${result.code}\n${result.stderr}`];
  }
  return [...faults, ...stage.lost()];
}

async function isDone(stage: Stage): Promise<boolean> {
  const states = await stage.states();
  return stage.rows.every(({ out_refund_no, refused }) => {
    const state = states.get(out_refund_no);
    return refused ? state === 'refused' : state === 'final' || state === 'pending';
  });
}
