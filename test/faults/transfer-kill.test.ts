import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FaultInput } from '../../src/emulator/faults.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { chooseSeed, seeded } from './random.ts';

/**
 * SIGKILL at random instants of a transfer, with and without trouble on the way; then the same command until it is done.
 * A fifth of `WXPAY_FAULT_KILLS`: every one of them is two processes.
 */
const kills = Math.ceil(Number(process.env['WXPAY_FAULT_KILLS'] ?? '40') / 5);
const seed = chooseSeed();
let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});

const posts = { method: 'POST', path: '/v3/fund-app/mch-transfer/transfer-bills', count: 1 } as const;
const troubles: readonly (FaultInput | undefined)[] = [
  undefined,
  { ...posts, kind: 'latency', ms: 150, when: 'before' },
  { ...posts, kind: 'latency', ms: 150, when: 'after' },
  { ...posts, kind: 'cut', when: 'after' },
  { ...posts, kind: 'status', status: 500, when: 'after' },
];
const data = JSON.stringify({
  openid: 'oABCD5example_openid00000001',
  transfer_remark: 'x',
  transfer_scene_id: '1002',
  transfer_scene_report_infos: [{ info_type: 'x', info_content: 'x' }],
});

test(
  `${kills} transfers that were killed are each made once (seed ${seed})`,
  async () => {
    const random = seeded(seed);
    let struck = 0;
    // As long as one takes that nobody kills, on this machine and under this load.
    const start = performance.now();
    await local.run(['transfer', 'create', '--data', data, '--amount', '888', '--ref', 'alive']);
    const span = performance.now() - start;
    for (let at = 0; at < kills; at += 1) {
      const argv = ['transfer', 'create', '--data', data, '--amount', '888', '--ref', `kill-${at}`, '--json'];
      local.emulator.faults.clear();
      const trouble = troubles[at % troubles.length];
      if (trouble !== undefined) local.emulator.faults.add(trouble);
      const running = local.home.spawn(argv, { env: local.env });
      const timer = setTimeout(() => running.kill('SIGKILL'), random() * span * 1.2);
      const ended = await running;
      clearTimeout(timer);
      if (ended.signal === 'SIGKILL') struck += 1;
      const again = await local.run(argv);
      expect(again).toMatchObject({ code: 0 });
      const { out_bill_no: number, state } = JSON.parse(again.stdout) as Record<string, unknown>;
      expect(state).toBe('WAIT_USER_CONFIRM');
      const made = local.emulator.transfers.ledger().filter((entry) => entry.out_bill_no === number);
      expect(made).toMatchObject([{ amount: 888 }]);
    }
    expect(local.emulator.transfers.ledger()).toHaveLength(kills + 1);
    // Or it was no test.
    expect(struck).toBeGreaterThan(0);
  },
  kills * 15_000,
);
