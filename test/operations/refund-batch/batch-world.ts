/** Files, a bank, a clock and a journal: what the tests of plan and apply run in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyPlan, type Applied, type ApplyOptions } from '../../../src/operations/refund-batch/apply.ts';
import { withJournal, type Journal } from '../../../src/operations/refund-batch/journal.ts';
import { parseBatch } from '../../../src/operations/refund-batch/parse.ts';
import {
  planBatch,
  type BatchIdentity,
  type BatchPlan,
  type PlanOptions,
} from '../../../src/operations/refund-batch/plan.ts';
import type { RowOutcome } from '../../../src/operations/refund-batch/outcomes.ts';
import { mchid, openBank, type Bank } from './bank.ts';
import { virtualClock, type VirtualClock } from './virtual-clock.ts';

export const transactionId = (n: number): string => `420000234620261123${String(n).padStart(9, '0')}7`;
export const outTradeNo = (n: number): string => `ORDER_${String(n).padStart(4, '0')}`;
export const header = 'transaction_id,out_trade_no,amount_fen,reason,out_refund_no,ref';
/** A row by transaction_id. */
export const row = (n: number, fen: number, ref = '', refundNo = ''): string =>
  `${transactionId(n)},,${fen},,${refundNo},${ref}`;

export interface World {
  readonly clock: VirtualClock;
  readonly bank: Bank;
  plan(lines: readonly string[], options?: Partial<PlanOptions>, journal?: Journal): Promise<BatchPlan>;
  /** Plans and applies; a journal is kept over several runs of the same lines. */
  run(
    lines: readonly string[],
    options?: ApplyOptions & { readonly plan?: Partial<PlanOptions>; readonly keep?: boolean },
  ): Promise<Applied & { readonly plan: BatchPlan; readonly rows: readonly RowOutcome[] }>;
  journal<T>(identity: BatchIdentity, work: (journal: Journal) => Promise<T>): Promise<T>;
  close(): void;
}

/** Orders 1 to `orders`, each of `total` fen. */
export function openWorld(orders = 10, total = 1_000): World {
  const clock = virtualClock();
  const bank = openBank(clock);
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-batch-'));
  for (let n = 1; n <= orders; n += 1) bank.addOrder(transactionId(n), outTradeNo(n), total);
  let names = 0;
  const identityOf = (sha256: string): BatchIdentity => ({
    mchid,
    base_url: 'http://127.0.0.1:1',
    batch_id: '',
    source: { name: 'refunds.csv', sha256 },
  });
  const parse = async (lines: readonly string[]): ReturnType<typeof parseBatch> => {
    const bytes = Buffer.from(`${[header, ...lines].join('\n')}\n`);
    return parseBatch(async function* () {
      yield bytes;
    });
  };
  const world: World = {
    clock,
    bank,
    async plan(lines, options = {}, journal) {
      const parsed = await parse(lines);
      return planBatch({ transport: bank.transport, clock, ...(journal === undefined ? {} : { journal }) }, parsed, {
        identity: identityOf(parsed.sha256),
        party: { kind: 'direct', mchid },
        ...options,
      });
    },
    async run(lines, { plan: planOptions = {}, ...options } = {}) {
      const { sha256 } = await parse(lines);
      return world.journal(identityOf(sha256), async (journal) => {
        const plan = await world.plan(lines, planOptions, journal);
        if (plan.faults.count > 0) throw new Error(`faults: ${JSON.stringify(plan.faults.list)}`);
        const applied = await applyPlan({ transport: bank.transport, clock, journal }, plan, options);
        const rows = Array.from({ length: plan.rows.count }, (_, index) => applied.outcomes.get(index));
        return { ...applied, plan, rows };
      });
    },
    journal: (identity, work) =>
      withJournal(
        {
          path: join(dir, `${identity.source.sha256.slice(0, 8)}.journal`),
          identity: { mchid, origin: identity.base_url, source: identity.source },
          clock,
          lock: { pid: process.pid, platform: process.platform, isAlive: () => true },
          randomName: () => `t${(names += 1)}`,
        },
        work,
      ),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
  return world;
}
