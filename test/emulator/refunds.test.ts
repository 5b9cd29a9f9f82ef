import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaultRefundSettings } from '../../src/emulator/refund-settings.ts';
import type { RefundSettingsChange } from '../../src/emulator/refund-settings.ts';
import type { SeedRequest, SeededOrder } from '../../src/emulator/seed.ts';
import { holds, makeClient, platformKey } from './raw-client.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import { decrypt, receive } from './receiver.ts';
import type { Envelope, Receiver } from './receiver.ts';
import { openStage, orderBody, start as startTime } from './stage.ts';
import type { Stage } from './stage.ts';
import { until } from '../helpers/timing.ts';

/** The refund cases and transitions of the state reference, section 3, for both parties. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ callbackTimeoutMs: 300 });
});
beforeEach(() => {
  stage.advance(startTime - stage.now());
  const none = Object.fromEntries(Object.keys(stage.emulator.refundSettings.balances).map((mchid) => [mchid, null]));
  stage.emulator.configureRefunds({ ...defaultRefundSettings, balances: none });
});
afterAll(async () => stage.end());

const base = '/v3/refund/domestic/refunds';
const day = 86_400_000;
const minute = 60_000;
const summary = ({ status, json }: RawAnswer): string =>
  [status, json?.code, json?.message].filter((part) => part !== undefined).join(' ');

let made = 0;
const nextNumber = (): string => {
  made += 1;
  return `R20261123_${made}`;
};

const otherAmounts = '400 INVALID_REQUEST 订单金额或退款金额与之前请求不一致，请核实后再试';
const otherOrder = '400 INVALID_REQUEST 您的请求参数与订单信息不一致';
const fully = '400 INVALID_REQUEST 订单已全额退款';
const missing = '404 RESOURCE_NOT_EXISTS 订单不存在';

describe.each(['direct', 'partner'] as const)('%s', (party) => {
  const mchid = party === 'direct' ? '1900000001' : '1900000100';
  const sub = party === 'direct' ? {} : { sub_mchid: '1900000109' };
  const search = party === 'direct' ? '' : '?sub_mchid=1900000109';
  const transactions = `/v3/pay/${party === 'direct' ? '' : 'partner/'}transactions`;
  const identity = party === 'direct' ? 'mchid=1900000001' : 'sp_mchid=1900000100&sub_mchid=1900000109';
  let client: RawClient;
  beforeAll(() => {
    client = party === 'direct' ? stage.client : makeClient(stage.emulator.infoOf(mchid), stage.now);
  });

  const seed = (extra: Partial<SeedRequest> = {}): SeededOrder =>
    stage.emulator.seed({ count: 1, total: 1290, mchid, ...extra })[0]!;
  const create = async (
    order: { out_trade_no: string },
    refund: number,
    extra: { number?: string; total?: number; notify_url?: string } & Record<string, unknown> = {},
  ): Promise<RawAnswer> => {
    const { number = nextNumber(), total = 1290, ...rest } = extra;
    const amount = { refund, total, currency: 'CNY' };
    const body = { ...sub, out_trade_no: order.out_trade_no, out_refund_no: number, amount, ...rest };
    return client.call('POST', base, body);
  };
  const query = async (number: string): Promise<RawAnswer> => client.call('GET', `${base}/${number}${search}`);
  const tradeState = async (order: SeededOrder): Promise<unknown> => {
    const answer = await client.call('GET', `${transactions}/out-trade-no/${order.out_trade_no}?${identity}`);
    return (answer.json as Record<string, unknown>)['trade_state'];
  };

  test('an accepted refund has every documented member, in the order seen live', async () => {
    const order = seed();
    const answer = await create(order, 290, { number: `T${made}a|b*@` });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      JSON.stringify({
        amount: {
          currency: 'CNY',
          discount_refund: 0,
          from: [],
          payer_refund: 290,
          payer_total: 1290,
          refund: 290,
          refund_fee: 0,
          settlement_refund: 290,
          settlement_total: 1290,
          total: 1290,
        },
        channel: 'ORIGINAL',
        create_time: '2026-11-23T10:34:56+08:00',
        funds_account: 'AVAILABLE',
        out_refund_no: `T${made}a|b*@`,
        out_trade_no: order.out_trade_no,
        promotion_detail: [],
        refund_id: answer.json['refund_id'],
        status: 'PROCESSING',
        transaction_id: order.transaction_id,
        user_received_account: '支付用户零钱',
      }),
    );
    expect(answer.json['refund_id']).toMatch(/^50\d{8}20261123\d{11}$/);
    expect(holds(answer.headers, answer.text, platformKey(stage.emulator.info))).toBe(true);
    const written = encodeURIComponent(`T${made}a|b*@`);
    expect((await query(written)).json).toEqual(answer.json);
  });

  test('becomes a success after its delay, at the time at which it fell due', async () => {
    const number = nextNumber();
    const before = stage.now();
    await create(seed(), 1, { number });
    stage.advance(999);
    expect((await query(number)).json).toMatchObject({ status: 'PROCESSING' });
    expect((await query(number)).json).not.toHaveProperty('success_time');
    stage.advance(5001);
    const done = await query(number);
    expect(done.json).toMatchObject({ status: 'SUCCESS' });
    expect(Date.parse(done.json['success_time'] as string)).toBe(Math.floor((before + 1000) / 1000) * 1000);
  });

  test('the order is in state REFUND from acceptance on, whatever becomes of the refund', async () => {
    const order = seed();
    expect(await tradeState(order)).toBe('SUCCESS');
    await create(order, 1000, { number: 'fails', total: 1291 });
    expect(await tradeState(order)).toBe('SUCCESS');
    const number = nextNumber();
    await create(order, 1, { number });
    expect(await tradeState(order)).toBe('REFUND');
    await stage.emulator.settleRefund({ refund: number, outcome: 'CLOSED' });
    expect(await tradeState(order)).toBe('REFUND');
  });

  describe('the same number again', () => {
    test.each(['PROCESSING', 'SUCCESS', 'ABNORMAL', 'CLOSED'] as const)(
      'same parameters, %s: the existing refund, and money moves once',
      async (status) => {
        const order = seed();
        const number = nextNumber();
        stage.emulator.configureRefunds({ settle_after_ms: null });
        const first = await create(order, 290, { number });
        if (status !== 'PROCESSING') await stage.emulator.settleRefund({ refund: number, outcome: status });
        const again = await create(order, 290, { number });
        expect(again.json).toMatchObject({ status, refund_id: first.json['refund_id'] });
        const entries = stage.emulator.ledger().refunds.filter((entry) => entry.out_refund_no === number);
        expect(entries).toHaveLength(1);
        expect(entries[0]).toMatchObject({ amount: 290, posts: 2, status });
      },
    );

    test('the order named by its other number, and another reason, are the same refund', async () => {
      const order = seed();
      const number = nextNumber();
      const first = await create(order, 290, { number });
      const { out_trade_no: _no, ...byId } = order;
      const again = await create({ out_trade_no: '' }, 290, {
        number,
        out_trade_no: undefined,
        transaction_id: byId.transaction_id,
        reason: '别的原因',
      });
      expect(again.json).toMatchObject({ refund_id: first.json['refund_id'], out_trade_no: order.out_trade_no });
    });

    test.each([
      ['another amount', 291, 1290, otherAmounts],
      ['another total', 290, 1291, otherAmounts],
      ['both', 1, 2, otherAmounts],
    ])('%s', async (_name, refund, total, verdict) => {
      const order = seed();
      const number = nextNumber();
      await create(order, 290, { number });
      expect(summary(await create(order, refund, { number, total }))).toBe(verdict);
    });

    test('for a different order', async () => {
      const number = nextNumber();
      await create(seed(), 290, { number });
      expect(summary(await create(seed(), 290, { number }))).toBe(otherOrder);
    });

    test('after the order has been refunded fully', async () => {
      const order = seed();
      const number = nextNumber();
      await create(order, 1290, { number });
      expect(summary(await create(order, 1290, { number }))).toBe('200');
      expect(summary(await create(order, 1290))).toBe(fully);
    });
  });

  describe('amounts', () => {
    test('a total that is not the order’s', async () => {
      expect(summary(await create(seed(), 290, { total: 1291 }))).toBe(otherAmounts);
      expect(summary(await create(seed(), 290, { total: 290 }))).toBe(otherAmounts);
    });

    test('more than the total, in one request', async () => {
      expect((await create(seed(), 1291)).json.code).toBe('PARAM_ERROR');
    });

    test('more than is left', async () => {
      const order = seed();
      expect(summary(await create(order, 1000))).toBe('200');
      expect(summary(await create(order, 291))).toBe('400 INVALID_REQUEST 累计退款金额大于支付金额');
      expect(summary(await create(order, 290))).toBe('200');
      expect(summary(await create(order, 1))).toBe(fully);
    });

    test('a closed refund gives its amount back, under a new number', async () => {
      const order = seed();
      const number = nextNumber();
      await create(order, 1290, { number });
      await stage.emulator.settleRefund({ refund: number, outcome: 'CLOSED' });
      expect((await create(order, 1290, { number })).json).toMatchObject({ status: 'CLOSED' });
      expect(summary(await create(order, 1290))).toBe('200');
    });

    test('fifty parts, and no more, but for one closed', async () => {
      const order = seed();
      const numbers = Array.from({ length: 50 }, nextNumber);
      for (const number of numbers) expect((await create(order, 10, { number })).status).toBe(200);
      const refused = '400 INVALID_REQUEST 部分退款次数超过限制，一笔订单最多支持50次部分退款';
      expect(summary(await create(order, 10))).toBe(refused);
      // A repeat is not one more.
      expect(summary(await create(order, 10, { number: numbers[7]! }))).toBe('200');
      await stage.emulator.settleRefund({ refund: numbers[0]!, outcome: 'CLOSED' });
      expect(summary(await create(order, 10))).toBe('200');
      expect(summary(await create(order, 10))).toBe(refused);
    });
  });

  describe('orders that cannot be refunded', () => {
    test.each(['NOTPAY', 'CLOSED', 'never created'])('%s', async (state) => {
      const provider = stage.emulator.merchants.find((merchant) => merchant.mchid === mchid)!;
      const { appid: _appid, mchid: _mchid, ...common } = orderBody(stage, 'native');
      const [appid] = provider.appids;
      const body =
        party === 'direct' ? { ...common, appid, mchid } : { ...common, sp_appid: appid, sp_mchid: mchid, ...sub };
      const number = common['out_trade_no'] as string;
      if (state !== 'never created') {
        expect((await client.call('POST', `${transactions}/native`, body)).status).toBe(200);
      }
      if (state === 'CLOSED') {
        const caller = party === 'direct' ? { mchid } : { sp_mchid: mchid, ...sub };
        await client.call('POST', `${transactions}/out-trade-no/${number}/close`, caller);
      }
      expect(summary(await create({ out_trade_no: number }, 290))).toBe(missing);
    });

    test('an unknown transaction_id, and the out_trade_no beside it is not looked at', async () => {
      const order = seed();
      const answer = await create(order, 290, { transaction_id: '4200000000202611230000000000' });
      expect(summary(answer)).toBe(missing);
    });

    test.each([
      [365 * day, '200'],
      [365 * day + 1, '400 TRADE_OVERDUE 订单已经超过退款期限'],
    ])('paid %i ms ago: %s', async (ago, verdict) => {
      expect(summary(await create(seed({ paid_ago_ms: ago }), 290))).toBe(verdict);
    });
  });

  test('an unknown refund', async () => {
    expect(summary(await query('UNKNOWN'))).toBe('404 RESOURCE_NOT_EXISTS 退款单不存在');
  });

  describe('the merchant’s balance', () => {
    const owner = party === 'direct' ? mchid : '1900000109';
    test('too low: nothing is created, and the same number may come again after a top-up', async () => {
      stage.emulator.configureRefunds({ balances: { [owner]: 300 } });
      const order = seed();
      const number = nextNumber();
      const refused = await create(order, 301, { number });
      expect(summary(refused)).toBe('403 NOT_ENOUGH 基本账户余额不足，请充值后重新发起');
      expect(refused.headers['request-id']![0]).toMatch(/-268892709$/);
      expect((await query(number)).status).toBe(404);
      expect(await tradeState(order)).toBe('SUCCESS');
      stage.emulator.configureRefunds({ balances: { [owner]: 301 } });
      expect(summary(await create(order, 301, { number }))).toBe('200');
      expect(stage.emulator.refundSettings.balances).toEqual({ [owner]: 0 });
      // Repeats draw nothing, closed refunds give back.
      expect(summary(await create(order, 301, { number }))).toBe('200');
      expect(summary(await create(order, 1))).toMatch(/NOT_ENOUGH/);
      await stage.emulator.settleRefund({ refund: number, outcome: 'CLOSED' });
      expect(stage.emulator.refundSettings.balances).toEqual({ [owner]: 301 });
    });
  });

  describe('sixty seconds between the parts of an order', () => {
    test.each([
      ['allow', 0, '200'],
      ['refuse', 59_999, '429 FREQUENCY_LIMITED 频率超限'],
      ['refuse', 60_000, '200'],
    ] as const)('%s, after %i ms: %s', async (spacing, wait, verdict) => {
      stage.emulator.configureRefunds({ spacing });
      const order = seed();
      const number = nextNumber();
      expect(summary(await create(order, 290, { number }))).toBe('200');
      stage.advance(wait);
      expect(summary(await create(order, 290))).toBe(verdict);
      // A repeat is no part, and another order has its own minute.
      expect(summary(await create(order, 290, { number }))).toBe('200');
      expect(summary(await create(seed(), 290))).toBe('200');
    });
  });

  describe('outcomes', () => {
    test.each(['SUCCESS', 'ABNORMAL', 'CLOSED'] as const)('%s on command, by either number', async (outcome) => {
      stage.emulator.configureRefunds({ settle_after_ms: null });
      const number = nextNumber();
      const { json } = await create(seed(), 290, { number });
      stage.advance(30 * day);
      expect((await query(number)).json).toMatchObject({ status: 'PROCESSING' });
      const { refund, callback } = await stage.emulator.settleRefund({ refund: json['refund_id'] as string, outcome });
      expect(callback).toBeNull();
      expect(refund).toMatchObject({ status: outcome, out_refund_no: number });
      expect((await query(number)).json).toEqual(refund);
      expect('success_time' in refund).toBe(outcome === 'SUCCESS');
      stage.advance(-30 * day);
    });

    test('are final, but for ABNORMAL', async () => {
      const number = nextNumber();
      await create(seed(), 290, { number });
      await stage.emulator.settleRefund({ refund: number, outcome: 'ABNORMAL' });
      await expect(stage.emulator.settleRefund({ refund: number, outcome: 'ABNORMAL' })).rejects.toMatchObject({
        code: 'EMULATOR_REFUND_FINAL',
      });
      stage.advance(day);
      expect((await query(number)).json).toMatchObject({ status: 'ABNORMAL' });
      await stage.emulator.settleRefund({ refund: number });
      for (const outcome of ['SUCCESS', 'ABNORMAL', 'CLOSED'] as const) {
        await expect(stage.emulator.settleRefund({ refund: number, outcome })).rejects.toMatchObject({
          code: 'EMULATOR_REFUND_FINAL',
          params: { out_refund_no: number, state: 'SUCCESS' },
        });
      }
    });

    test('of the next refunds, one after the other; a refused one uses none up', async () => {
      stage.emulator.configureRefunds({
        next: [
          { outcome: 'ABNORMAL', count: 2 },
          { outcome: 'CLOSED', count: 1 },
        ],
      });
      const seen: unknown[] = [];
      for (let index = 0; index < 4; index += 1) {
        await create({ out_trade_no: 'UNKNOWN' }, 1);
        const number = nextNumber();
        await create(seed(), 290, { number });
        await create(seed(), 291, { number });
        stage.advance(1000);
        seen.push((await query(number)).json['status']);
      }
      expect(seen).toEqual(['ABNORMAL', 'ABNORMAL', 'CLOSED', 'SUCCESS']);
      stage.emulator.configureRefunds({ next: [{ outcome: 'CLOSED', count: -1 }] });
      for (let index = 0; index < 3; index += 1) await create(seed(), 1);
      expect(stage.emulator.refundSettings.next).toEqual([{ outcome: 'CLOSED', count: -1 }]);
    });
  });
});

describe('settings and commands from outside', () => {
  test.each<[unknown]>([
    [null],
    [[]],
    [{ unknown: 1 }],
    [{ settle_after_ms: -1 }],
    [{ settle_after_ms: '1000' }],
    [{ settle_after_ms: 1.5 }],
    [{ next: 'ABNORMAL' }],
    [{ next: [null] }],
    [{ next: [{ outcome: 'abnormal' }] }],
    [{ next: [{ outcome: 'PROCESSING' }] }],
    [{ next: [{ outcome: 'CLOSED', count: 0 }] }],
    [{ spacing: true }],
    [{ rate_limits: 'on' }],
    [{ balances: { '1900000001': -1 } }],
    [{ balances: null }],
  ])('%j is no setting, and changes nothing', (change) => {
    const before = stage.emulator.refundSettings;
    expect(() => stage.emulator.configureRefunds(change as RefundSettingsChange)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }) as Error,
    );
    expect(stage.emulator.refundSettings).toEqual(before);
  });

  test('a refund that nobody knows, or that two merchants have, is not settled', async () => {
    await stage.emulator.addMerchant({ mchid: '1900000002', appids: ['wx00000000000000ff'] });
    const other = makeClient(stage.emulator.infoOf('1900000002'), stage.now);
    const number = nextNumber();
    for (const [client, mchid] of [
      [stage.client, '1900000001'],
      [other, '1900000002'],
    ] as const) {
      const [order] = stage.emulator.seed({ count: 1, total: 5, mchid });
      const amount = { refund: 5, total: 5, currency: 'CNY' };
      const body = { transaction_id: order!.transaction_id, out_refund_no: number, amount };
      expect((await client.call('POST', base, body)).status).toBe(200);
      // What belongs to one merchant does not exist for another.
      if (client === other)
        expect(summary(await stage.client.call('POST', base, { ...body, out_refund_no: 'X' }))).toBe(missing);
    }
    await expect(stage.emulator.settleRefund({ refund: 'NOBODY' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(stage.emulator.settleRefund({ refund: number })).rejects.toMatchObject({ code: 'INPUT_MISSING' });
    const settled = await stage.emulator.settleRefund({ refund: number, mchid: '1900000002', outcome: 'CLOSED' });
    expect(settled.refund).toMatchObject({ status: 'CLOSED' });
    expect((await stage.client.call('GET', `${base}/${number}`)).json).toMatchObject({ status: 'PROCESSING' });
  });
});

describe('callbacks', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    receiver = await receive(200);
  });
  afterEach(async () => receiver.close());

  async function start(client: RawClient, extra: Record<string, unknown> = {}, mchid?: string): Promise<string> {
    const [order] = stage.emulator.seed({ count: 1, total: 1290, ...(mchid === undefined ? {} : { mchid }) });
    const number = nextNumber();
    const amount = { refund: 290, total: 1290, currency: 'CNY' };
    const body = { transaction_id: order!.transaction_id, out_refund_no: number, notify_url: receiver.url, amount };
    expect((await client.call('POST', base, { ...body, ...extra })).status).toBe(200);
    return number;
  }

  /** Waits in real time, of which the emulator's timer needs some. */
  async function arrived(count: number): Promise<void> {
    await until(() => receiver.arrivals.length >= count);
    expect(receiver.arrivals).toHaveLength(count);
  }

  test.each([
    ['SUCCESS', '退款成功'],
    ['ABNORMAL', '退款异常'],
    ['CLOSED', '退款关闭'],
  ] as const)('REFUND.%s is told, signed and encrypted, when it falls due', async (outcome, words) => {
    stage.emulator.configureRefunds({ next: [{ outcome, count: 1 }] });
    const number = await start(stage.client);
    stage.advance(1000);
    await arrived(1);
    const [arrival] = receiver.arrivals;
    expect(holds(arrival!.headers, arrival!.text, platformKey(stage.emulator.info))).toBe(true);
    const envelope = JSON.parse(arrival!.text) as Envelope;
    expect(envelope).toMatchObject({
      event_type: `REFUND.${outcome}`,
      resource_type: 'encrypt-resource',
      summary: words,
      resource: { original_type: 'refund', algorithm: 'AEAD_AES_256_GCM', associated_data: 'refund' },
    });
    const shown = await stage.client.call('GET', `${base}/${number}`);
    const { out_trade_no, transaction_id, refund_id, success_time } = shown.json;
    expect(decrypt(envelope.resource, stage.emulator.info.api_v3_key)).toEqual({
      mchid: '1900000001',
      out_trade_no,
      transaction_id,
      out_refund_no: number,
      refund_id,
      refund_status: outcome,
      ...(outcome === 'SUCCESS' ? { success_time } : {}),
      user_received_account: '支付用户零钱',
      amount: { total: 1290, refund: 290, payer_total: 1290, payer_refund: 290 },
    });
    expect(stage.emulator.callbacks.at(-1)).toMatchObject({
      event_type: `REFUND.${outcome}`,
      out_refund_no: number,
      delivered: true,
      status: 200,
      url: receiver.url,
    });
  });

  test('a service provider is told under its own key, with both merchant numbers', async () => {
    const info = stage.emulator.infoOf('1900000100');
    await start(makeClient(info, stage.now), { sub_mchid: '1900000109' }, '1900000100');
    stage.advance(1000);
    await arrived(1);
    const envelope = JSON.parse(receiver.arrivals[0]!.text) as Envelope;
    const content = decrypt(envelope.resource, info.api_v3_key);
    expect(content).toMatchObject({ sp_mchid: '1900000100', sub_mchid: '1900000109', refund_status: 'SUCCESS' });
    expect(content).not.toHaveProperty('mchid');
  });

  test('one outcome is told once, whoever looks at it or commands it', async () => {
    const number = await start(stage.client);
    const settled = await stage.emulator.settleRefund({ refund: number });
    expect(settled.callback).toMatchObject({ delivered: true, event_type: 'REFUND.SUCCESS', attempts: 1 });
    const looked = await start(stage.client);
    stage.advance(1000);
    expect((await stage.client.call('GET', `${base}/${looked}`)).json).toMatchObject({ status: 'SUCCESS' });
    await arrived(2);
    await new Promise((resolve) => {
      setTimeout(resolve, 120);
    });
    expect(receiver.arrivals).toHaveLength(2);
  });

  test('an abnormal refund that found its way is told a second time', async () => {
    const number = await start(stage.client);
    await stage.emulator.settleRefund({ refund: number, outcome: 'ABNORMAL' });
    const { json } = await stage.client.call('GET', `${base}/${number}`);
    const path = `${base}/${String(json['refund_id'])}/apply-abnormal-refund`;
    const body = { out_refund_no: number, type: 'MERCHANT_BANK_CARD' };
    expect((await stage.client.call('POST', path, body)).status).toBe(200);
    stage.advance(1000);
    await arrived(2);
    const told = receiver.arrivals.map(({ text }) => (JSON.parse(text) as { event_type: string }).event_type);
    expect(told).toEqual(['REFUND.ABNORMAL', 'REFUND.SUCCESS']);
  });

  test('nobody is told without a notify_url, or when that is wanted', async () => {
    const silent = await start(stage.client, { notify_url: undefined });
    expect(await stage.emulator.settleRefund({ refund: silent })).toMatchObject({ callback: null });
    const quiet = await start(stage.client);
    expect(await stage.emulator.settleRefund({ refund: quiet, callback: false })).toMatchObject({ callback: null });
    stage.advance(minute);
    await new Promise((resolve) => {
      setTimeout(resolve, 120);
    });
    expect(receiver.arrivals).toEqual([]);
  });

  test('a receiver that fails is on record', async () => {
    const number = await start(stage.client, { notify_url: 'http://127.0.0.1:1/refund' });
    const { callback } = await stage.emulator.settleRefund({ refund: number });
    expect(callback).toMatchObject({ delivered: false, failure: 'ECONNREFUSED' });
    expect(stage.emulator.callbacks.at(-1)).toEqual(callback);
  });

  test('many at once all arrive', async () => {
    for (let index = 0; index < 60; index += 1) await start(stage.client);
    stage.advance(1000);
    await arrived(60);
  });
});

describe('the documented limits per second', () => {
  const post = async (order: SeededOrder | undefined): Promise<number> => {
    const amount = { refund: 1, total: 5, currency: 'CNY' };
    const body = { out_trade_no: order?.out_trade_no ?? 'UNKNOWN', out_refund_no: nextNumber(), amount };
    return (await stage.client.call('POST', base, body)).status;
  };

  test('are off unless they are switched on', async () => {
    for (let index = 0; index < 10; index += 1) expect(await post(undefined)).toBe(404);
  });

  test('150 refunds, then 429 until the next second', async () => {
    stage.emulator.configureRefunds({ rate_limits: true });
    const orders = stage.emulator.seed({ count: 152, total: 5 });
    const answers: number[] = [];
    for (const order of orders.slice(0, 151)) answers.push(await post(order));
    expect(answers.filter((status) => status === 200)).toHaveLength(150);
    expect(answers.at(-1)).toBe(429);
    stage.advance(1000);
    expect(await post(orders[151])).toBe(200);
  });

  test('six failing ones, then 429 for whatever comes, until the next second', async () => {
    stage.emulator.configureRefunds({ rate_limits: true });
    stage.advance(1000);
    const [order] = stage.emulator.seed({ count: 1, total: 5 });
    for (let index = 0; index < 6; index += 1) expect(await post(undefined)).toBe(404);
    expect(await post(undefined)).toBe(429);
    expect(await post(order)).toBe(429);
    stage.advance(1000);
    expect(await post(order)).toBe(200);
  });

  test('queries have their own', async () => {
    stage.emulator.configureRefunds({ rate_limits: true });
    stage.advance(1000);
    for (let index = 0; index < 300; index += 1) await stage.client.call('GET', `${base}/UNKNOWN`);
    expect((await stage.client.call('GET', `${base}/UNKNOWN`)).json.code).toBe('FREQUENCY_LIMITED');
    expect(await post(undefined)).toBe(404);
  });
});
