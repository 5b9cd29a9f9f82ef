// One batch of many rows in a process of its own: parse, look up, refund, journal, report, against answers made up in memory and
// on a clock that does not wait. Prints time and memory by step; run again with the same folder, it is the resume of a batch that is
// done. Usage: node batch-rows.js <library> <dir> <rows> <rows per order>
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeRows } from './batch-file.js';
import { peakMemory } from './measure.js';

const [library, dir, rowsText, perOrderText] = process.argv.slice(2);
const { parseBatch, planBatch, applyPlan, withJournal, summarise, reportRows, reportDocument, writeStreamAtomic } =
  await import(pathToFileURL(library).href);
const count = Number(rowsText);
const mchid = '1900000001';
mkdirSync(dir, { recursive: true });
const file = join(dir, 'rows.csv');
if (!existsSync(file)) await writeRows(file, count, Number(perOrderText));

const steps = {};
const started = performance.now();
let last = performance.now();
const step = (name) => {
  const now = performance.now();
  steps[name] = { seconds: (now - last) / 1000, ...process.memoryUsage() };
  last = now;
};

// Time stands still: pauses between refunds of an order cost nothing, and nothing waits for its turn.
let time = 0;
const clock = {
  now: () => 1_795_000_000_000 + time,
  monotonic: () => time,
  sleep: async (ms) => {
    time += Math.max(0, ms);
  },
};
const answer = (body) => ({
  status: 200,
  headers: {},
  body: Buffer.from(JSON.stringify(body)),
  trust: 'verified',
  host: 'bench',
});
let ids = 0;
const transport = async (request) => {
  await new Promise((resolve) => setImmediate(resolve));
  if (request.method === 'GET') {
    const id = /\/id\/(\w+)/.exec(request.target)?.[1];
    return answer({
      mchid,
      transaction_id: id,
      out_trade_no: `ORDER_${id.slice(-10)}`,
      trade_state: 'SUCCESS',
      amount: { total: 1_000_007, currency: 'CNY' },
    });
  }
  const { transaction_id, out_refund_no, amount } = JSON.parse(Buffer.from(request.body).toString());
  ids += 1;
  return answer({
    refund_id: `50${String(ids).padStart(27, '0')}`,
    out_refund_no,
    transaction_id,
    out_trade_no: `ORDER_${transaction_id.slice(-10)}`,
    status: 'PROCESSING',
    amount: { ...amount },
  });
};

const run = async () => {
  const parsed = await parseBatch(() => createReadStream(file, { highWaterMark: 256 * 1024 }));
  if (parsed.faults.count > 0) throw new Error(JSON.stringify(parsed.faults.list[0]));
  step('parse');
  const identity = {
    mchid,
    base_url: 'http://127.0.0.1:1',
    batch_id: '',
    source: { name: 'rows.csv', sha256: parsed.sha256 },
  };
  let names = 0;
  return withJournal(
    {
      path: `${file}.journal`,
      identity: { mchid, origin: identity.base_url, source: identity.source },
      clock,
      lock: { pid: process.pid, platform: process.platform, isAlive: () => true },
      randomName: () => `n${(names += 1)}`,
    },
    async (journal) => {
      step('open journal');
      const plan = await planBatch({ transport, clock, journal }, parsed, {
        identity,
        party: { kind: 'direct', mchid },
        concurrency: 32,
        rate: 1e12,
      });
      if (plan.faults.count > 0) throw new Error(JSON.stringify(plan.faults.list[0]));
      step('plan');
      const applied = await applyPlan({ transport, clock, journal }, plan, {
        concurrency: 32,
        rate: 1e12,
        failureRate: 1e12,
      });
      step('apply');
      const summary = summarise(plan, applied);
      writeStreamAtomic(join(dir, 'report.json'), reportDocument(summary, reportRows(plan, applied.outcomes)), {
        platform: process.platform,
        pid: process.pid,
        randomName: () => 'report',
      });
      step('report');
      return summary;
    },
  );
};
const summary = await run();
if (summary.processing.count !== count || !summary.reconciled) throw new Error(JSON.stringify(summary));
const seconds = (performance.now() - started) / 1000;
const peak = peakMemory();
console.log(JSON.stringify({ count, peak, seconds, steps, journal: statSync(`${file}.journal`).size }));
