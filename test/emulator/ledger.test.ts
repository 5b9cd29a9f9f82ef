import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FaultInput } from '../../src/emulator/faults.ts';
import type { LedgerEntry } from '../../src/emulator/refunds.ts';
import { defaultRefundSettings } from '../../src/emulator/refund-settings.ts';
import { openRefundBook } from '../../src/emulator/refunds.ts';
import { openOrderBook } from '../../src/emulator/orders.ts';
import type { SeedRequest, SeededOrder } from '../../src/emulator/seed.ts';
import { holds, platformKey } from './raw-client.ts';
import type { RawAnswer, RawOptions } from './raw-client.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { until } from '../helpers/timing.ts';

/** What proves that nothing was refunded twice must see everything, trouble included. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.emulator.faults.clear();
});
afterAll(async () => stage.end());

const base = '/v3/refund/domestic/refunds';
let made = 0;
const nextNumber = (): string => {
  made += 1;
  return `L${made}`;
};
const seed = (): SeededOrder => stage.emulator.seed({ count: 1, total: 100 })[0]!;
const bodyOf = (order: SeededOrder, number: string): object => ({
  transaction_id: order.transaction_id,
  out_refund_no: number,
  amount: { refund: 40, total: 100, currency: 'CNY' },
});
const entryOf = (number: string): LedgerEntry | undefined =>
  stage.emulator.ledger().refunds.find((entry) => entry.out_refund_no === number);
const soon = async (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

test('an entry says who, for what, how much, when, and how often it was asked for', async () => {
  const order = seed();
  const number = nextNumber();
  const { json } = await stage.client.call('POST', base, bodyOf(order, number));
  expect(entryOf(number)).toEqual({
    mchid: '1900000001',
    out_trade_no: order.out_trade_no,
    transaction_id: order.transaction_id,
    out_refund_no: number,
    refund_id: json['refund_id'],
    amount: 40,
    total: 100,
    status: 'PROCESSING',
    at: stage.now(),
    posts: 1,
  });
  await stage.client.call('GET', `${base}/${number}`);
  await stage.client.call('POST', base, bodyOf(order, number));
  expect(entryOf(number)).toMatchObject({ posts: 2 });
});

describe('trouble', () => {
  async function refund(fault: FaultInput, options: RawOptions = {}): Promise<{ number: string; answer: unknown }> {
    stage.emulator.faults.add({ ...fault, path: base });
    const number = nextNumber();
    const answer: RawAnswer | Error = await stage.client
      .call('POST', base, bodyOf(seed(), number), options)
      .catch((error: unknown) => error as Error);
    return { number, answer };
  }

  test.each<[FaultInput, boolean]>([
    [{ kind: 'status', status: 429 }, false],
    [{ kind: 'status', status: 500 }, false],
    [{ kind: 'status', status: 500, when: 'after' }, true],
    [{ kind: 'status', status: 502, when: 'after' }, true],
    [{ kind: 'cut', when: 'before' }, false],
    [{ kind: 'cut', when: 'after' }, true],
    [{ kind: 'cut', when: 'after', bytes: 30 }, true],
    [{ kind: 'truncate' }, true],
    [{ kind: 'signature', variant: 'wrong' }, true],
    [{ kind: 'signature', variant: 'missing' }, true],
    [{ kind: 'replay-other' }, true],
    [{ kind: 'redirect', location: 'https://evil.example/' }, false],
    [{ kind: 'latency', ms: 5 }, true],
  ])('%j: carried out %j, and the POST is counted either way', async (fault, carriedOut) => {
    const { number } = await refund(fault);
    const asked = stage.emulator.ledger().without_refund.find((entry) => entry.out_refund_no === number);
    if (carriedOut) expect([entryOf(number)?.posts, asked]).toEqual([1, undefined]);
    else expect([entryOf(number), asked?.posts]).toEqual([undefined, 1]);
  });

  test.each(['before', 'after'] as const)('a stall %s', async (when) => {
    const leaving = new AbortController();
    const call = refund({ kind: 'stall', when }, { signal: leaving.signal });
    await until(() => stage.emulator.faults.list().length === 0);
    leaving.abort();
    const { number } = await call;
    expect(entryOf(number) !== undefined).toBe(when === 'after');
  });

  test('G4: late application: a query says 404, the same number is sent again, and one refund comes of it', async () => {
    stage.emulator.faults.add({ kind: 'late-commit', ms: 1_000, hang_up: true, path: base });
    const order = seed();
    const number = nextNumber();
    await expect(stage.client.call('POST', base, bodyOf(order, number))).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await stage.client.call('GET', `${base}/${number}`)).status).toBe(404);
    const again = await stage.client.call('POST', base, bodyOf(order, number));
    expect(again.status).toBe(200);
    await soon(1_200);
    const entries = stage.emulator.ledger().refunds.filter((entry) => entry.transaction_id === order.transaction_id);
    expect(entries).toEqual([expect.objectContaining({ refund_id: again.json['refund_id'], posts: 2 })]);
  });

  test('the ledger shows the double refund of a client that takes a new number for every try', async () => {
    const order = seed();
    for (let tries = 0; tries < 2; tries += 1) {
      stage.emulator.faults.add({ kind: 'cut', when: 'after', path: base });
      await stage.client.call('POST', base, bodyOf(order, nextNumber())).catch(() => undefined);
    }
    const entries = stage.emulator.ledger().refunds.filter((entry) => entry.transaction_id === order.transaction_id);
    expect(entries.map(({ amount }) => amount)).toEqual([40, 40]);
  });

  test('C4: replay-other is a valid answer about another refund', async () => {
    await stage.client.call('POST', base, bodyOf(seed(), nextNumber()));
    const { number, answer } = await refund({ kind: 'replay-other' });
    const { json, headers, text } = answer as RawAnswer;
    expect(json).toMatchObject({ refund_id: expect.any(String) as string, amount: { refund: 40 } });
    expect(json['out_refund_no']).not.toBe(number);
    expect(holds(headers, text, platformKey(stage.emulator.info))).toBe(true);
  });

  test('a fifth to a third of faulty answers, the same ones each time, and still one refund each', async () => {
    const rules: FaultInput[] = [
      { kind: 'status', status: 500, when: 'after', probability: 0.08, seed: 1, path: base },
      { kind: 'cut', when: 'before', probability: 0.08, seed: 2, path: base },
      { kind: 'cut', when: 'after', probability: 0.08, seed: 3, path: base },
      { kind: 'signature', variant: 'wrong', probability: 0.06, seed: 4, path: base },
    ];
    const run = async (): Promise<{ posts: number[]; faults: (string | undefined)[] }> => {
      for (const rule of rules) stage.emulator.faults.add(rule);
      const before = stage.emulator.requests.length;
      const numbers: string[] = [];
      for (let row = 0; row < 60; row += 1) {
        const number = nextNumber();
        const body = bodyOf(seed(), number);
        for (let status = 0; status !== 200;) {
          const answer = await stage.client.call('POST', base, body).catch(() => undefined);
          status =
            answer !== undefined && holds(answer.headers, answer.text, platformKey(stage.emulator.info))
              ? answer.status
              : 0;
        }
        numbers.push(number);
      }
      stage.emulator.faults.clear();
      const faults = stage.emulator.requests.slice(before).map(({ fault }) => fault);
      return { posts: numbers.map((number) => entryOf(number)?.posts ?? 0), faults };
    };
    const first = await run();
    const share = first.faults.filter((fault) => fault !== undefined).length / first.faults.length;
    expect(share).toBeGreaterThan(0.2);
    expect(first.posts.reduce((sum, posts) => sum + posts, 0)).toBe(first.faults.length);
    expect(await run()).toEqual(first);
  });
});

describe('seeding', () => {
  test('makes orders that query and refund like any other', async () => {
    const orders = stage.emulator.seed({ count: 3, total: 1290, prefix: 'Shop|*-_' });
    expect(orders.map(({ out_trade_no }) => out_trade_no)).toEqual([
      'Shop|*-_00000001',
      'Shop|*-_00000002',
      'Shop|*-_00000003',
    ]);
    for (const order of orders) {
      expect(order.transaction_id).toMatch(/^4200\d{6}20261123\d{10}$/);
      for (const path of [`out-trade-no/${encodeURIComponent(order.out_trade_no)}`, `id/${order.transaction_id}`]) {
        const shown = await stage.client.call('GET', `/v3/pay/transactions/${path}?mchid=1900000001`);
        expect(shown.json).toMatchObject({
          appid: stage.emulator.info.appid,
          out_trade_no: order.out_trade_no,
          transaction_id: order.transaction_id,
          trade_state: 'SUCCESS',
          amount: { total: 1290 },
          payer: { openid: expect.stringMatching(/^o.{27}$/) as string },
        });
      }
    }
    expect(stage.emulator.seed({ count: 1, total: 1, prefix: 'Shop|*-_' })).toMatchObject([
      { out_trade_no: 'Shop|*-_00000004' },
    ]);
  });

  test('leaves alone what is there', async () => {
    const body = {
      appid: stage.emulator.info.appid,
      mchid: '1900000001',
      description: 'x',
      out_trade_no: 'TAKEN00000001',
      notify_url: 'http://127.0.0.1:9/notify',
      amount: { total: 7 },
    };
    expect((await stage.client.call('POST', '/v3/pay/transactions/native', body)).status).toBe(200);
    expect(stage.emulator.seed({ count: 1, total: 1, prefix: 'TAKEN' })).toMatchObject([
      { out_trade_no: 'TAKEN00000002' },
    ]);
  });

  test('for a service provider', () => {
    const mchid = '1900000100';
    for (const extra of [{}, { sub_mchid: '1900000109' }]) {
      expect(stage.emulator.seed({ count: 2, total: 5, mchid, ...extra })).toHaveLength(2);
    }
  });

  test.each<[object, string]>([
    [{ count: 0, total: 1 }, 'INPUT_INVALID'],
    [{ count: 1_000_001, total: 1 }, 'INPUT_INVALID'],
    [{ count: 1.5, total: 1 }, 'INPUT_INVALID'],
    [{ count: 1 }, 'INPUT_INVALID'],
    [{ count: 1, total: 0 }, 'INPUT_INVALID'],
    [{ count: 1, total: '1' }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, prefix: 'x'.repeat(24) }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, prefix: '' }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, prefix: 'a@' }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, paid_ago_ms: -1 }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, sub_mchid: '1900000109' }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, mchid: '1900000100', sub_mchid: '1900000777' }, 'INPUT_INVALID'],
    [{ count: 1, total: 1, mchid: '1999999999' }, 'NOT_FOUND'],
  ])('%j: %s', (request, code) => {
    expect(() => stage.emulator.seed(request as SeedRequest)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

test('a hundred thousand orders and refunds take seconds, not minutes', () => {
  const count = 100_000;
  const begin = performance.now();
  const orders = stage.emulator.seed({ count, total: 100, prefix: 'MANY' });
  const seeded = performance.now() - begin;
  expect(new Set(orders.map(({ transaction_id }) => transaction_id)).size).toBe(count);
  // The book itself, without the signatures that every request costs.
  const [merchant] = stage.emulator.merchants;
  const randomBytes = (size: number): Buffer => Buffer.alloc(size, made++ % 10);
  const books = openOrderBook(randomBytes);
  const refunds = openRefundBook({ orders: books, randomBytes, settings: defaultRefundSettings, onPending: () => {} });
  for (const [index, order] of orders.entries()) {
    books.adopt({
      party: 'direct',
      product: 'native',
      merchant: merchant!,
      request: { out_trade_no: order.out_trade_no, notify_url: '', amount: { total: 100 } },
      parameters: '',
      payableUntil: 0,
      closesAt: 0,
      state: 'SUCCESS',
      handles: [],
      payment: { transactionId: order.transaction_id, successAt: 0, payer: {} },
    });
    const call = { merchant: merchant!, party: 'direct' as const, now: index };
    const amount = { refund: 40, total: 100 };
    const request = { transaction_id: order.transaction_id, out_refund_no: `M${index}`, amount };
    expect(
      refunds.create(call, request).status === 200 && refunds.query(call, `M${index}`, undefined).status === 200,
    ).toBe(true);
  }
  const ledger = refunds.ledger(count + 10_000);
  expect(ledger.refunds).toHaveLength(count);
  expect(ledger.refunds.every(({ status, amount }) => status === 'SUCCESS' && amount === 40)).toBe(true);
  const took = performance.now() - begin;
  expect({ seeded: seeded < 15_000, took: took < 25_000 }).toEqual({ seeded: true, took: true });
});
