/** What an emulator begins with: seeds and fault rules. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SeedEntry } from '../../src/emulator/beginning.ts';
import { parseEntries } from '../../src/emulator/entries.ts';
import type { EmulatorState } from '../../src/emulator/state.ts';
import { receive } from './receiver.ts';
import { openSibling, openStage, tempDir } from './stage.ts';
import type { Stage } from './stage.ts';

let keys: Stage;
beforeAll(async () => {
  keys = await openStage();
});
afterAll(async () => {
  await keys.end();
});

async function withSeed(seed: readonly SeedEntry[], work: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openSibling(keys, { seed });
  try {
    await work(stage);
  } finally {
    await stage.end();
  }
}

const order = (stage: Stage, number: string) =>
  stage.client.call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=${stage.emulator.info.mchid}`);

describe('a seed', () => {
  test('makes orders in each state, as old as it says', async () => {
    await withSeed(
      [
        { kind: 'order', out_trade_no: 'SEED_UNPAID', total: 100, state: 'NOTPAY' },
        { kind: 'order', out_trade_no: 'SEED_PAID', total: 1290, openid: 'oSEED1', attach: 'a=1', ago_ms: 60_000 },
        { kind: 'order', out_trade_no: 'SEED_CLOSED', total: 3, state: 'CLOSED', product: 'jsapi' },
        { kind: 'order', out_trade_no: 'SEED_H5', total: 4, product: 'h5', at: '2026-11-22T10:00:00+08:00' },
        { kind: 'orders', count: 3, total: 7, prefix: 'MANY_' },
      ],
      async (stage) => {
        expect(stage.emulator.began).toBe('seeded');
        expect((await order(stage, 'SEED_UNPAID')).json).toMatchObject({
          trade_state: 'NOTPAY',
          amount: { total: 100 },
        });
        expect((await order(stage, 'SEED_PAID')).json).toMatchObject({
          trade_state: 'SUCCESS',
          attach: 'a=1',
          payer: { openid: 'oSEED1' },
          success_time: '2026-11-23T10:33:56+08:00',
        });
        expect((await order(stage, 'SEED_CLOSED')).json).toMatchObject({ trade_state: 'CLOSED' });
        expect((await order(stage, 'SEED_H5')).json).toMatchObject({
          trade_type: 'MWEB',
          success_time: '2026-11-22T10:00:00+08:00',
        });
        expect((await order(stage, 'MANY_00000003')).json).toMatchObject({ trade_state: 'SUCCESS' });
        // An unpaid one is paid as any.
        await expect(stage.emulator.pay({ order: 'SEED_UNPAID', callback: false })).resolves.toBeDefined();
      },
    );
  });

  test("a service provider's orders are its sub-merchant's", async () => {
    const provider = keys.emulator.merchants.find(({ subMerchants }) => subMerchants !== undefined)!;
    await withSeed(
      [
        { kind: 'order', mchid: provider.mchid, out_trade_no: 'SEED_SUB', total: 5, product: 'jsapi' },
        { kind: 'refund', mchid: provider.mchid, out_trade_no: 'SEED_SUB', out_refund_no: 'SEED_SUB_R' },
      ],
      async ({ emulator }) => {
        expect(emulator.ledger().refunds).toMatchObject([
          { mchid: provider.mchid, sub_mchid: provider.subMerchants![0]!.mchid, status: 'SUCCESS', amount: 5 },
        ]);
      },
    );
  });

  test.each(['PROCESSING', 'SUCCESS', 'ABNORMAL', 'CLOSED'] as const)(
    'makes a refund that is %s, tells nobody, and counts no POST',
    async (status) => {
      const receiver = await receive(200);
      try {
        await withSeed(
          [
            { kind: 'order', out_trade_no: 'SEED_O', total: 100, ago_ms: 86_400_000 },
            {
              kind: 'refund',
              out_trade_no: 'SEED_O',
              out_refund_no: 'SEED_R',
              amount: 40,
              status,
              notify_url: receiver.url,
              ago_ms: 3_600_000,
            },
          ],
          async ({ emulator, client, advance }) => {
            advance(10_000);
            const { json } = await client.call('GET', '/v3/refund/domestic/refunds/SEED_R');
            expect(json).toMatchObject({ status, amount: { refund: 40 } });
            expect(emulator.ledger().refunds).toMatchObject([{ posts: 0 }]);
            await new Promise((resolve) => {
              setTimeout(resolve, 150);
            });
            expect(receiver.arrivals).toEqual([]);
            if (status !== 'PROCESSING') return;
            // It waits until somebody decides it, and that is told.
            await emulator.settleRefund({ refund: 'SEED_R' });
            expect(receiver.arrivals).toHaveLength(1);
          },
        );
      } finally {
        await receiver.close();
      }
    },
  );

  test('makes transfers in each state, uses up no outcome, and tells nobody', async () => {
    const receiver = await receive(200);
    const transfer = { kind: 'transfer', openid: 'oSEED', amount: 100, notify_url: receiver.url } as const;
    try {
      await withSeed(
        [
          { ...transfer, out_bill_no: 'SEEDT1' },
          { ...transfer, out_bill_no: 'SEEDT2', state: 'WAIT_USER_CONFIRM' },
          { ...transfer, out_bill_no: 'SEEDT3', state: 'FAIL', fail_reason: 'ACCOUNT_FROZEN', ago_ms: 172_800_000 },
          { ...transfer, out_bill_no: 'SEEDT4', state: 'CANCELLED', ago_ms: 172_800_000 },
          { ...transfer, out_bill_no: 'SEEDT5', amount: 200_000, user_name: '张三' },
        ],
        async ({ emulator }) => {
          const states = emulator.transfers.ledger().map(({ state, posts }) => [state, posts]);
          expect(states).toEqual([
            ['SUCCESS', 0],
            ['WAIT_USER_CONFIRM', 0],
            ['FAIL', 0],
            ['CANCELLED', 0],
            ['SUCCESS', 0],
          ]);
          emulator.moveClock({ by_ms: 86_400_000 });
          // The one that waited has ended by now, and that is told.
          await expect.poll(() => receiver.arrivals.length).toBe(1);
          expect(emulator.callbacks).toMatchObject([{ out_bill_no: 'SEEDT2' }]);
        },
      );
    } finally {
      await receiver.close();
    }
  });

  test('describes payers, merchants and receivers of shares', async () => {
    await withSeed(
      [
        { kind: 'payer', openid: 'oPOOR', balance: 5 },
        { kind: 'receiver', type: 'MERCHANT_ID', account: '1900009900', name: '示例' },
        { kind: 'merchant', mchid: keys.emulator.info.mchid, max_total: 10 },
      ],
      async ({ emulator }) => {
        expect(emulator.snapshot()).toMatchObject({
          payers: { payers: [{ openid: 'oPOOR', balance: 5 }] },
          switches: [{ max_total: 10 }],
        });
        expect(emulator.snapshot().sharing.receivers).toHaveLength(1);
      },
    );
  });

  test('leaves the settings of refunds as they are', async () => {
    const refunds = { next: [{ outcome: 'ABNORMAL', count: 1 }], rate_limits: true, spacing: 'refuse' } as const;
    const seed: SeedEntry[] = [
      { kind: 'orders', count: 20, total: 10, prefix: 'SET_' },
      ...Array.from({ length: 20 }, (_, index) => ({
        kind: 'refund' as const,
        out_trade_no: `SET_${String(index + 1).padStart(8, '0')}`,
        out_refund_no: `SET_R${index}`,
      })),
    ];
    const stage = await openSibling(keys, { seed, refunds });
    expect(stage.emulator.refundSettings).toMatchObject(refunds);
    expect(stage.emulator.ledger().refunds.every(({ status }) => status === 'SUCCESS')).toBe(true);
    await stage.end();
  });

  test.each<[string, object[], string, object]>([
    ['an unknown kind', [{ kind: 'ordr' }], 'seed[0].kind', { reason: 'key:emulator.reason.choice' }],
    ['no kind', [{}], 'seed[0].kind', { reason: 'key:emulator.reason.choice' }],
    [
      'a field that does not exist',
      [{ kind: 'order', out_trade_no: 'ABCDEF', totl: 1 }],
      'seed[0].totl',
      { kind: 'order' },
    ],
    ['a field of the prototype', [{ kind: 'payer', openid: 'o', constructor: 1 }], 'seed[0].constructor', {}],
    ['a missing field', [{ kind: 'order', out_trade_no: 'ABCDEF' }], 'seed[0].total', {}],
    ['yuan', [{ kind: 'order', out_trade_no: 'ABCDEF', total: 1.5 }], 'seed[0].total', {}],
    ['an amount as a text', [{ kind: 'order', out_trade_no: 'ABCDEF', total: '1' }], 'seed[0].total', {}],
    [
      'a state that cannot be',
      [{ kind: 'order', out_trade_no: 'ABCDEF', total: 1, state: 'PAID' }],
      'seed[0].state',
      {},
    ],
    ['two times', [{ kind: 'order', out_trade_no: 'ABCDEF', total: 1, at: 'x', ago_ms: 1 }], 'seed[0].ago_ms', {}],
    [
      'a time without an offset',
      [{ kind: 'order', out_trade_no: 'ABCDEF', total: 1, at: '2026-11-22T10:00:00' }],
      'seed[0].at',
      {},
    ],
    [
      'tomorrow',
      [{ kind: 'order', out_trade_no: 'ABCDEF', total: 1, at: '2026-11-24T10:00:00+08:00' }],
      'seed[0].at',
      {},
    ],
    [
      'a number twice',
      [
        { kind: 'order', out_trade_no: 'ABCDEF', total: 1 },
        { kind: 'order', out_trade_no: 'ABCDEF', total: 1 },
      ],
      'seed[1].out_trade_no',
      {},
    ],
    [
      'a merchant that nobody knows',
      [{ kind: 'order', mchid: '1999999999', out_trade_no: 'ABCDEF', total: 1 }],
      'seed[0]',
      { what: '1999999999' },
    ],
    [
      'a sub-merchant of an ordinary one',
      [{ kind: 'order', sub_mchid: '1', out_trade_no: 'ABCDEF', total: 1 }],
      'seed[0].sub_mchid',
      {},
    ],
    [
      'a number that WeChat Pay refuses',
      [{ kind: 'order', out_trade_no: 'A', total: 1 }],
      'seed[0]',
      { wechat_code: 'PARAM_ERROR' },
    ],
    [
      'a refund of nothing',
      [{ kind: 'refund', out_trade_no: 'NOBODY', out_refund_no: 'R' }],
      'seed[0]',
      { what: 'NOBODY' },
    ],
    ['a refund without its order', [{ kind: 'refund', out_refund_no: 'R' }], 'seed[0].out_trade_no', {}],
    [
      'a refund of more than was paid',
      [
        { kind: 'orders', count: 1, total: 5, prefix: 'Z_' },
        { kind: 'refund', out_trade_no: 'Z_00000001', out_refund_no: 'R', amount: 6 },
      ],
      'seed[1]',
      { wechat_code: 'PARAM_ERROR' },
    ],
    [
      'a reason without a failure',
      [{ kind: 'transfer', out_bill_no: 'T1', openid: 'o', amount: 100, fail_reason: 'ACCOUNT_FROZEN' }],
      'seed[0].fail_reason',
      {},
    ],
    [
      'a transfer that waited too long',
      [
        {
          kind: 'transfer',
          out_bill_no: 'T1',
          openid: 'o',
          amount: 100,
          state: 'WAIT_USER_CONFIRM',
          ago_ms: 86_400_000,
        },
      ],
      'seed[0].ago_ms',
      {},
    ],
    [
      'too large a transfer',
      [{ kind: 'transfer', out_bill_no: 'T1', openid: 'o', amount: 2_000_001, user_name: '张三' }],
      'seed[0]',
      { wechat_code: 'INVALID_REQUEST' },
    ],
    ['a wallet that is none', [{ kind: 'payer', openid: 'o', balance: -1 }], 'seed[0].balance', {}],
    ['orders by the billion', [{ kind: 'orders', count: 1e9, total: 1 }], 'seed[0].count', {}],
  ])('%s is refused: the start fails and says where', async (_, seed, field, params) => {
    const starting = openSibling(keys, { seed: seed as unknown as SeedEntry[] });
    await expect(starting).rejects.toMatchObject({ code: 'INPUT_INVALID', params: { field, ...params } });
  });

  test('of a file is named by its lines', async () => {
    const seed = parseEntries('{"kind":"orders","count":1,"total":1}\n\n{"kind":"payer"}\n', 'seed.ndjson');
    await expect(openSibling(keys, { seed })).rejects.toMatchObject({ params: { field: 'seed.ndjson:3 openid' } });
  });
});

describe('what it begins with', () => {
  const seed: SeedEntry[] = [{ kind: 'order', out_trade_no: 'BEGIN_1', total: 100 }];
  const faults = [{ kind: 'status', status: 500, path: '/v3/nowhere', count: -1 }] as const;
  const numbers = (state: EmulatorState): string[] => state.orders.orders.map(({ request }) => request.out_trade_no);

  test('comes back with a reset', async () => {
    const stage = await openSibling(keys, { seed, faults });
    stage.emulator.seed({ count: 1, total: 5, prefix: 'MORE_' });
    stage.emulator.faults.add({ kind: 'stall', path: '/v3/elsewhere' });
    stage.emulator.reset();
    expect(numbers(stage.emulator.snapshot())).toEqual(['BEGIN_1']);
    expect(stage.emulator.faults.list()).toMatchObject([{ path: '/v3/nowhere', count: -1 }]);
    await stage.end();
  });

  test('gives way to the state of an earlier run; fault rules are those of this start', async () => {
    const dir = tempDir();
    let stage = await openStage({ dir, persist: true, seed, faults });
    expect(stage.emulator.began).toBe('seeded');
    stage.emulator.seed({ count: 1, total: 5, prefix: 'MORE_' });
    await stage.end();
    stage = await openStage({ dir, persist: true, seed, faults: [{ kind: 'stall', path: '/v3/other' }] });
    expect(stage.emulator.began).toBe('kept');
    expect(numbers(stage.emulator.snapshot())).toEqual(['BEGIN_1', 'MORE_00000001']);
    expect(stage.emulator.faults.list()).toMatchObject([{ path: '/v3/other' }]);
    await stage.end();
    stage = await openStage({ dir, persist: true });
    expect(stage.emulator.faults.list()).toMatchObject([{ path: '/v3/other' }]);
    await stage.end();
    rmSync(dir, { recursive: true, force: true });
  });

  test('is nothing where nothing is said', () => {
    expect(keys.emulator.began).toBe('empty');
  });

  test('a fault that is none keeps it from starting', async () => {
    const wrong = [...faults, { kind: 'latency', ms: 1, status: 500 }] as unknown as typeof faults;
    await expect(openSibling(keys, { faults: wrong })).rejects.toMatchObject({ params: { field: 'faults[1].status' } });
  });
});
