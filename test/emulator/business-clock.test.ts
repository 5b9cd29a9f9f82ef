/** A clock that a test may move, and what moves with it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBusinessClock } from '../../src/emulator/business-clock.ts';
import { holds, platformKey } from './raw-client.ts';
import { receive } from './receiver.ts';
import { heldClock, openStage, orderBody, start } from './stage.ts';
import type { Stage } from './stage.ts';

const day = 86_400_000;

describe('the clock', () => {
  test('goes on from where it was set, and back', () => {
    const wire = heldClock();
    const clock = openBusinessClock(wire);
    expect(clock.state()).toEqual({ now: start, offset_ms: 0 });
    expect(clock.move({ by_ms: day })).toEqual({ now: start + day, offset_ms: day });
    wire.advance(1000);
    expect(clock.now()).toBe(start + day + 1000);
    expect(clock.move({ by_ms: -2 * day }).offset_ms).toBe(-day);
    expect(clock.move({ at: '2026-12-01T00:00:00+08:00' }).now).toBe(Date.UTC(2026, 10, 30, 16));
    expect(clock.move({ reset: true })).toEqual({ now: start + 1000, offset_ms: 0 });
  });

  test('moves by what was asked, to the millisecond, while the real time goes on', () => {
    let reads = 0;
    const clock = openBusinessClock({ ...heldClock(), now: () => start + reads++ });
    expect(clock.move({ by_ms: day }).offset_ms).toBe(day);
    expect(clock.move({ by_ms: 90 }).offset_ms).toBe(day + 90);
    expect(clock.move({ reset: true }).offset_ms).toBe(0);
  });

  test.each([
    [{}],
    [null],
    [{ by_ms: 1.5 }],
    [{ by_ms: '1' }],
    [{ by_ms: 1e15 }],
    [{ at: '2026-02-30T00:00:00Z' }],
    [{ at: '2026-12-01' }],
    [{ at: '1999-12-01T00:00:00Z' }],
    [{ reset: false }],
    [{ by_ms: 1, reset: true }],
  ])('refuses %j and stays', (change) => {
    const clock = openBusinessClock(heldClock());
    expect(() => clock.move(change)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    expect(clock.state().offset_ms).toBe(0);
  });

  test('wakes whoever sleeps, and leaves nobody asleep when it is called off', async () => {
    const clock = openBusinessClock(heldClock());
    const asleep = clock.sleep(60_000);
    clock.move({ by_ms: 1 });
    await asleep;
    const stop = new AbortController();
    const called = clock.sleep(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(called).rejects.toThrow('enough');
    await expect(clock.sleep(60_000, stop.signal)).rejects.toThrow('enough');
  });
});

describe('moving it', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ refunds: { settle_after_ms: 3_600_000 } });
  });
  afterAll(async () => stage.end());

  const query = async (number: string) =>
    stage.client.call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=${stage.emulator.info.mchid}`);

  test('closes what is not paid in time, while requests and answers are signed in real time', async () => {
    const body = orderBody(stage, 'native');
    const number = body['out_trade_no'] as string;
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    expect((await query(number)).json).toMatchObject({ trade_state: 'NOTPAY' });
    stage.emulator.moveClock({ by_ms: 8 * day });
    // The client has signed with the time of the wire: any other is refused after five minutes.
    const answer = await query(number);
    expect(answer.json).toMatchObject({ trade_state: 'CLOSED' });
    expect(answer.headers['wechatpay-timestamp']).toEqual([String(Math.floor(start / 1000))]);
    expect(holds(answer.headers, answer.text, platformKey(stage.emulator.info))).toBe(true);
    expect(stage.emulator.requests.at(-1)?.at).toBe(start);
  });

  test('settles refunds, and dates payments and refunds by its own time', async () => {
    stage.emulator.moveClock({ at: '2026-12-01T10:00:00+08:00' });
    const [order] = stage.emulator.seed({ count: 1, total: 100 });
    const refund = await stage.client.call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: order!.out_trade_no,
      out_refund_no: 'CLOCK_R1',
      amount: { refund: 100, total: 100, currency: 'CNY' },
    });
    expect(refund.json).toMatchObject({ status: 'PROCESSING', create_time: '2026-12-01T10:00:00+08:00' });
    stage.emulator.moveClock({ by_ms: 3_600_000 });
    const settled = await stage.client.call('GET', '/v3/refund/domestic/refunds/CLOCK_R1');
    expect(settled.json).toMatchObject({ status: 'SUCCESS', success_time: '2026-12-01T11:00:00+08:00' });
    expect(stage.emulator.ledger().refunds.at(-1)).toMatchObject({ out_refund_no: 'CLOCK_R1', status: 'SUCCESS' });
  });

  test('a day brings every send of a callback that a day has', async () => {
    const receiver = await receive(500);
    try {
      const body = orderBody(stage, 'native', { notify_url: receiver.url });
      await stage.client.call('POST', '/v3/pay/transactions/native', body);
      const { callback } = await stage.emulator.pay({ order: body['out_trade_no'] as string });
      const record = () => stage.emulator.outbox.find(callback!.id)!;
      const before = stage.emulator.clock.now;
      expect(record()).toMatchObject({ state: 'waiting', next_at: before + 15_000 });
      stage.emulator.moveClock({ by_ms: 30_000 });
      await expect.poll(() => record().attempts.length).toBe(3);
      // 15 s, 15 s, then 30 s: from when each was due.
      expect(record().next_at).toBe(before + 60_000);
      stage.emulator.moveClock({ by_ms: day + 240_000 });
      await expect.poll(() => record().state).toBe('given_up');
      expect(receiver.arrivals).toHaveLength(16);
      const stamps = receiver.arrivals.map(({ headers }) => headers['wechatpay-timestamp']?.[0]);
      expect(new Set(stamps)).toEqual(new Set([String(Math.floor(start / 1000))]));
    } finally {
      await receiver.close();
    }
  });

  test('yesterday has a bill when it is tomorrow', async () => {
    stage.emulator.moveClock({ at: '2026-12-05T23:00:00+08:00' });
    stage.emulator.seed({ count: 1, total: 7, prefix: 'BILL_' });
    const target = '/v3/bill/tradebill?bill_date=2026-12-05';
    expect((await stage.client.call('GET', target)).status).toBe(400);
    stage.emulator.moveClock({ at: '2026-12-06T10:00:00+08:00' });
    expect((await stage.client.call('GET', target)).status).toBe(200);
  });
});
