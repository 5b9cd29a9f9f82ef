import { createHash, publicEncrypt, constants } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { casesOf, withValue } from './field-cases.ts';
import type { Row } from './field-cases.ts';
import { makeClient, platformKey } from './raw-client.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import { decrypt, receive } from './receiver.ts';
import type { Envelope, Receiver } from './receiver.ts';
import { openSibling, openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/** Profit sharing, state by state and error by error, for both kinds of caller. */
let stage: Stage;
let provider: RawClient;
beforeAll(async () => {
  stage = await openStage();
  provider = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
  await stage.emulator.addMerchant({ mchid: '1900000888', appids: ['wx00000000000000f8'] });
});
afterAll(async () => stage.end());

const base = '/v3/profitsharing';
const second = 1000;
const minute = 60 * second;
const day = 1440 * minute;
const total = 10_000;
type Body = Record<string, unknown>;
const codeOf = (answer: RawAnswer): string =>
  answer.json?.code === undefined ? String(answer.status) : `${answer.status} ${answer.json.code}`;

describe.each(['direct', 'partner'] as const)('%s', (party) => {
  const client = (): RawClient => (party === 'direct' ? stage.client : provider);
  const sub = party === 'partner' ? { sub_mchid: '1900000109' } : {};
  const search = (extra: Record<string, string>): string => new URLSearchParams({ ...sub, ...extra }).toString();
  const appid = (): string => stage.emulator.infoOf(party === 'direct' ? '1900000001' : '1900000100').appid;
  const encrypted = (name: string): string =>
    publicEncrypt(
      { key: platformKey(stage.emulator.info), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from(name),
    ).toString('base64');
  const post = async (path: string, body: object): Promise<RawAnswer> =>
    client().call('POST', `${base}/${path}`, body, {
      headers: { 'wechatpay-serial': stage.emulator.info.platform_serial_no! },
    });

  /** A paid order, old enough to be shared. @returns its transaction_id */
  async function paidOrder(profitSharing = true, age = minute): Promise<string> {
    const number = stage.number();
    const identity =
      party === 'direct'
        ? { appid: appid(), mchid: '1900000001' }
        : { sp_appid: appid(), sp_mchid: '1900000100', ...sub };
    await client().call('POST', `/v3/pay/${party === 'partner' ? 'partner/' : ''}transactions/native`, {
      ...identity,
      description: 'x',
      out_trade_no: number,
      notify_url: 'http://127.0.0.1:9/',
      amount: { total },
      settle_info: { profit_sharing: profitSharing },
    });
    const { transaction } = await stage.emulator.pay({ order: number, callback: false });
    stage.advance(age);
    return String(transaction['transaction_id']);
  }

  async function addReceiver(
    type = 'MERCHANT_ID',
    account = '1900000888',
    name: string | undefined = '甲公司',
  ): Promise<RawAnswer> {
    return post('receivers/add', {
      ...sub,
      appid: appid(),
      type,
      account,
      ...(name === undefined ? {} : { name: encrypted(name) }),
      relation_type: 'PARTNER',
    });
  }

  const part = (amount = 1000, extra: Body = {}): Body => ({
    type: 'MERCHANT_ID',
    account: '1900000888',
    amount,
    description: '分给甲公司',
    ...extra,
  });
  const shareBody = (id: string, extra: Body = {}): Body => ({
    ...sub,
    appid: appid(),
    transaction_id: id,
    out_order_no: `P${stage.number()}`,
    receivers: [part()],
    unfreeze_unsplit: false,
    ...extra,
  });
  const share = async (id: string, extra: Body = {}): Promise<RawAnswer> => post('orders', shareBody(id, extra));
  const query = async (number: unknown, id: string): Promise<RawAnswer> =>
    client().call('GET', `${base}/orders/${String(number)}?${search({ transaction_id: id })}`);
  const unfreeze = async (id: string, extra: Body = {}): Promise<RawAnswer> =>
    post('orders/unfreeze', {
      ...sub,
      transaction_id: id,
      out_order_no: `U${stage.number()}`,
      description: '解冻',
      ...extra,
    });
  const unsplit = async (id: string): Promise<unknown> =>
    (await client().call('GET', `${base}/transactions/${id}/amounts`)).json['unsplit_amount'];
  const giveBack = async (number: unknown, extra: Body = {}): Promise<RawAnswer> =>
    post('return-orders', {
      ...sub,
      out_order_no: number,
      out_return_no: `B${stage.number()}`,
      return_mchid: '1900000888',
      amount: 400,
      description: '退回',
      ...extra,
    });
  const queryReturn = async (answer: RawAnswer): Promise<RawAnswer> =>
    client().call(
      'GET',
      `${base}/return-orders/${String(answer.json['out_return_no'])}?${search({ out_order_no: String(answer.json['out_order_no']) })}`,
    );
  const refund = async (id: string, amount: number): Promise<RawAnswer> =>
    client().call('POST', '/v3/refund/domestic/refunds', {
      ...sub,
      transaction_id: id,
      out_refund_no: `R${stage.number()}`,
      amount: { refund: amount, total, currency: 'CNY' },
    });
  const settled = async (answer: RawAnswer, id: string): Promise<RawAnswer> => {
    stage.advance(second);
    return query(answer.json['out_order_no'], id);
  };
  const outcomes = (answer: RawAnswer): unknown[] =>
    (answer.json['receivers'] as Body[]).map(({ result, fail_reason }) => fail_reason ?? result);

  beforeAll(async () => {
    expect(codeOf(await addReceiver())).toBe('200');
  });

  test('a share is accepted, settles, and leaves the rest frozen', async () => {
    const id = await paidOrder();
    expect(await unsplit(id)).toBe(total);
    const answer = await share(id);
    expect(answer.json).toMatchObject({
      ...sub,
      transaction_id: id,
      order_id: expect.stringMatching(/^30\d{26}$/),
      state: 'PROCESSING',
      receivers: [{ amount: 1000, type: 'MERCHANT_ID', account: '1900000888', result: 'PENDING' }],
    });
    expect(await unsplit(id)).toBe(total - 1000);
    const after = await settled(answer, id);
    expect(after.json).toMatchObject({ state: 'FINISHED', receivers: [{ result: 'SUCCESS' }] });
    expect(after.json['order_id']).toBe(answer.json['order_id']);
  });

  /** What becomes of a receiver, and why. */
  test.each<[string, string, () => Promise<Body>]>([
    ['SUCCESS', 'a merchant that was added', async () => part()],
    ['SUCCESS', 'the name it was added with', async () => part(100, { name: encrypted('甲公司') })],
    ['RECEIVER_REAL_NAME_NOT_VERIFIED', 'another name', async () => part(100, { name: encrypted('乙公司') })],
    ['NO_RELATION', 'a merchant that was not added', async () => part(100, { account: '1900000777' })],
    [
      'NO_RELATION',
      'a receiver that was deleted',
      async () => {
        const person = { type: 'PERSONAL_OPENID', account: 'oDELETED' };
        await addReceiver(person.type, person.account, undefined);
        await post('receivers/delete', { ...sub, appid: appid(), ...person });
        return part(100, person);
      },
    ],
    ['SUCCESS', 'a person', async () => person('normal')],
    ['ACCOUNT_ABNORMAL', 'a person whose account is closed', async () => person('closed')],
    ['RECEIVER_HIGH_RISK', 'a person whose account is frozen', async () => person('frozen')],
  ])('%s: %s', async (expected, _what, make) => {
    const id = await paidOrder();
    const receiver = await make();
    const after = await settled(await share(id, { receivers: [receiver] }), id);
    expect(outcomes(after)).toEqual([expected]);
    // What a receiver does not get is there to be shared again.
    expect(await unsplit(id)).toBe(expected === 'SUCCESS' ? total - Number(receiver['amount']) : total);
  });

  async function person(state: 'normal' | 'closed' | 'frozen'): Promise<Body> {
    const account = `o${state}${party}`;
    await addReceiver('PERSONAL_OPENID', account, undefined);
    stage.emulator.changePayer(account, { state });
    return part(100, { type: 'PERSONAL_OPENID', account });
  }

  /** Every error of the reference's list, and the sequence that brings it about. */
  test.each<[string, string, () => Promise<RawAnswer>]>([
    ['404 RESOURCE_NOT_EXISTS', 'an unknown order', async () => share('4200001234202611231234567890')],
    ['400 INVALID_REQUEST', '非分账订单不支持分账', async () => share(await paidOrder(false))],
    ['403 RULE_LIMIT', 'within a minute of the payment', async () => share(await paidOrder(true, minute - 1))],
    [
      '400 INVALID_REQUEST',
      '分账金额超出最大分账比例',
      async () => share(await paidOrder(), { receivers: [part(3001)] }),
    ],
    ['200', 'exactly 30 %', async () => share(await paidOrder(), { receivers: [part(3000)] })],
    [
      '400 INVALID_REQUEST',
      'more than 30 % in several shares',
      async () => {
        const id = await paidOrder();
        await share(id, { receivers: [part(2000)] });
        return share(id, { receivers: [part(1001)] });
      },
    ],
    [
      '403 NOT_ENOUGH',
      '分账金额不足',
      async () => {
        const id = await paidOrder();
        await refund(id, total - 500);
        return share(id, { receivers: [part(501)] });
      },
    ],
    [
      '400 INVALID_REQUEST',
      '分账接收方与原请求不一致',
      async () => {
        const id = await paidOrder();
        const { json } = await share(id);
        return share(id, { out_order_no: json['out_order_no'], receivers: [part(1001)] });
      },
    ],
    [
      '200',
      'the same again, its name encrypted anew',
      async () => {
        const id = await paidOrder();
        const body = shareBody(id, { receivers: [part(100, { name: encrypted('甲公司') })] });
        await post('orders', body);
        return post('orders', { ...body, receivers: [part(100, { name: encrypted('甲公司') })] });
      },
    ],
    [
      '400 INVALID_REQUEST',
      '订单已完结分账',
      async () => {
        const id = await paidOrder();
        await unfreeze(id);
        return share(id);
      },
    ],
    [
      '400 INVALID_REQUEST',
      'shared with the rest unfrozen',
      async () => {
        const id = await paidOrder();
        await share(id, { unfreeze_unsplit: true });
        return share(id);
      },
    ],
    ['400 INVALID_REQUEST', 'after thirty days', async () => share(await paidOrder(true, 30 * day + 1))],
    [
      '403 RULE_LIMIT',
      'the fifty-first share',
      async () => {
        const id = await paidOrder();
        for (let count = 0; count < 50; count += 1) await share(id, { receivers: [part(1)] });
        return share(id, { receivers: [part(1)] });
      },
    ],
    [
      '400 PARAM_ERROR',
      '51 receivers',
      async () => share(await paidOrder(), { receivers: Array.from({ length: 51 }, () => part(1)) }),
    ],
    ['400 PARAM_ERROR', 'nobody to share with', async () => share(await paidOrder(), { receivers: undefined })],
    [
      '400 APPID_MCHID_NOT_MATCH',
      'another appid',
      async () => share(await paidOrder(), { appid: 'wx0000000000000000' }),
    ],
    [
      '400 PARAM_ERROR',
      'a person, and no appid',
      async () => share(await paidOrder(), { appid: undefined, receivers: [part(1, { type: 'PERSONAL_OPENID' })] }),
    ],
    [
      '400 PARAM_ERROR',
      'a name that is not encrypted',
      async () => share(await paidOrder(), { receivers: [part(1, { name: '甲公司' })] }),
    ],
    party === 'partner'
      ? [
          '403 NO_AUTH',
          'somebody else’s sub-merchant',
          async () => share(await paidOrder(), { sub_mchid: '1900000777' }),
        ]
      : ['400 PARAM_ERROR', 'a sub-merchant', async () => share(await paidOrder(), { sub_mchid: '1900000109' })],
    party === 'partner'
      ? ['400 PARAM_ERROR', 'no sub-merchant', async () => share(await paidOrder(), { sub_mchid: undefined })]
      : [
          '400 PARAM_ERROR',
          'a type of service providers',
          async () => share(await paidOrder(), { receivers: [part(1, { type: 'PERSONAL_SUB_OPENID' })] }),
        ],
    [
      '429 FREQUENCY_LIMITED',
      'more than 300 in a second',
      async () => {
        stage.emulator.configureRefunds({ rate_limits: true });
        try {
          for (let count = 0; count < 300; count += 1) await post('orders', {});
          return await post('orders', {});
        } finally {
          stage.emulator.configureRefunds({ rate_limits: false });
          stage.advance(second);
        }
      },
    ],
  ])('share, %s: %s', async (expected, _how, act) => {
    expect(codeOf(await act())).toBe(expected);
  });

  describe('unfreeze', () => {
    test('gives the rest to the merchant, and ends it', async () => {
      const id = await paidOrder();
      await share(id);
      const answer = await unfreeze(id);
      expect(answer.json).toMatchObject({
        state: 'PROCESSING',
        receivers: [{ amount: total - 1000, result: 'PENDING' }],
      });
      expect(outcomes(await settled(answer, id))).toEqual(['SUCCESS']);
      expect(await unsplit(id)).toBe(0);
      expect(codeOf(await unfreeze(id))).toBe('400 INVALID_REQUEST');
    });

    test('with the number of a share says yes and unfreezes nothing', async () => {
      const id = await paidOrder();
      const { json } = await share(id);
      expect(codeOf(await unfreeze(id, { out_order_no: json['out_order_no'] }))).toBe('200');
      expect(await unsplit(id)).toBe(total - 1000);
    });

    test.each<[string, string, () => Promise<RawAnswer>]>([
      ['404 RESOURCE_NOT_EXISTS', 'an unknown order', async () => unfreeze('4200001234202611231234567890')],
      ['400 INVALID_REQUEST', 'an order without sharing', async () => unfreeze(await paidOrder(false))],
      ['400 PARAM_ERROR', 'no description', async () => unfreeze(await paidOrder(), { description: undefined })],
    ])('%s: %s', async (expected, _how, act) => {
      expect(codeOf(await act())).toBe(expected);
    });
  });

  describe('return', () => {
    async function shared(): Promise<RawAnswer> {
      const id = await paidOrder();
      return settled(await share(id), id);
    }

    test('is accepted and succeeds; the same again is the same', async () => {
      const { json } = await shared();
      const answer = await giveBack(json['out_order_no']);
      expect(answer.json).toMatchObject({
        ...sub,
        order_id: json['order_id'],
        out_order_no: json['out_order_no'],
        return_mchid: '1900000888',
        amount: 400,
        result: 'PROCESSING',
      });
      stage.advance(second);
      expect((await queryReturn(answer)).json).toMatchObject({ result: 'SUCCESS', finish_time: expect.any(String) });
      const again = await giveBack(json['out_order_no'], { out_return_no: answer.json['out_return_no'] });
      expect(again.json).toMatchObject({ return_id: answer.json['return_id'], result: 'SUCCESS' });
      const other = await giveBack(json['out_order_no'], { out_return_no: answer.json['out_return_no'], amount: 1 });
      expect(codeOf(other)).toBe('400 INVALID_REQUEST');
    });

    test.each<[string, string, () => Promise<unknown>]>([
      [
        'BALANCE_NOT_ENOUGH',
        'the receiver has spent it',
        async () => stage.emulator.configureRefunds({ balances: { '1900000888': 399 } }),
      ],
      ['TIME_OUT_CLOSED', 'after 180 days', async () => stage.advance(180 * day + second)],
    ])('FAILED %s: %s', async (reason, _how, prepare) => {
      const { json } = await shared();
      await prepare();
      const answer = await giveBack(json['out_order_no']);
      stage.advance(second);
      expect((await queryReturn(answer)).json).toMatchObject({ result: 'FAILED', fail_reason: reason });
      stage.emulator.configureRefunds({ balances: { '1900000888': null } });
      // A failed one does not count.
      expect(codeOf(await giveBack(json['out_order_no'], { amount: 1000 }))).toBe('200');
    });

    test.each<[string, string, (share: RawAnswer) => Promise<RawAnswer>]>([
      ['404 RESOURCE_NOT_EXISTS', 'an unknown share', async () => giveBack('UNKNOWN')],
      [
        '400 INVALID_REQUEST',
        'more than was received',
        async ({ json }) => giveBack(json['out_order_no'], { amount: 1001 }),
      ],
      [
        '400 INVALID_REQUEST',
        'more than is left',
        async ({ json }) => {
          await giveBack(json['out_order_no'], { amount: 700 });
          return giveBack(json['out_order_no'], { amount: 301 });
        },
      ],
      [
        '400 INVALID_REQUEST',
        'a merchant that received nothing',
        async ({ json }) => giveBack(json['out_order_no'], { return_mchid: '1900000999' }),
      ],
      ['400 PARAM_ERROR', 'neither number', async () => giveBack(undefined)],
      ['200', 'by WeChat Pay’s number', async ({ json }) => giveBack(undefined, { order_id: json['order_id'] })],
    ])('%s: %s', async (expected, _how, act) => {
      expect(codeOf(await act(await shared()))).toBe(expected);
    });

    test('of a person is refused', async () => {
      const id = await paidOrder();
      const { json } = await settled(await share(id, { receivers: [await person('normal')] }), id);
      expect(codeOf(await giveBack(json['out_order_no']))).toBe('400 INVALID_REQUEST');
    });
  });

  test('frozen money can be refunded, what was shared only after an unfreeze', async () => {
    const id = await paidOrder();
    await share(id);
    expect(codeOf(await refund(id, total - 999))).toBe('403 NOT_ENOUGH');
    expect(codeOf(await refund(id, 2000))).toBe('200');
    expect(await unsplit(id)).toBe(total - 3000);
    await unfreeze(id);
    expect(codeOf(await refund(id, total - 2000))).toBe('200');
  });

  describe('what a merchant is told', () => {
    let receiver: Receiver;
    beforeAll(async () => {
      receiver = await receive(200);
    });
    afterAll(async () => receiver.close());
    afterEach(() => {
      stage.emulator.changeMerchant('1900000888', { sharing_notify_url: null });
    });
    /** Of one order: the shares of other tests may end meanwhile. */
    const told = (id: string) =>
      receiver.arrivals
        .map(({ text }) => {
          const { event_type: event, resource } = JSON.parse(text) as Envelope & { readonly event_type: string };
          const { original_type: type } = resource;
          return { event, type, content: decrypt(resource, stage.emulator.infoOf('1900000888').api_v3_key) };
        })
        .filter(({ content }) => content['transaction_id'] === id);
    const whose = party === 'direct' ? { mchid: '1900000001' } : { sp_mchid: '1900000100', sub_mchid: '1900000109' };

    test('of a share: its own part, once, under its own key, when it has it', async () => {
      stage.emulator.changeMerchant('1900000888', { sharing_notify_url: receiver.url });
      await addReceiver();
      await addReceiver('PERSONAL_OPENID', 'oPERSON', undefined);
      const id = await paidOrder();
      const shared = await share(id, {
        receivers: [
          part(700),
          part(1, { type: 'PERSONAL_OPENID', account: 'oPERSON' }),
          part(2, { account: '1900000777' }),
        ],
      });
      const number = shared.json['out_order_no'];
      expect(shared.json).toMatchObject({ state: 'PROCESSING' });
      expect(told(id)).toEqual([]);
      stage.advance(second);
      await expect.poll(() => told(id).length).toBe(1);
      // Asked about again and again, it is told once.
      for (let turn = 0; turn < 3; turn += 1) await query(number, id);
      stage.advance(minute);
      const { json } = await query(number, id);
      expect(json).toMatchObject({ state: 'FINISHED' });
      const [first] = json['receivers'] as Body[];
      expect(told(id)).toEqual([
        {
          event: 'PROFITSHARING.SUCCESS',
          type: 'profitsharing',
          content: {
            ...whose,
            transaction_id: id,
            order_id: json['order_id'],
            out_order_no: number,
            receiver: { type: 'MERCHANT_ID', account: '1900000888', amount: 700, description: '分给甲公司' },
            success_time: first!['finish_time'],
          },
        },
      ]);
      expect(stage.emulator.callbacks).toContainEqual(
        expect.objectContaining({ mchid: '1900000888', out_order_no: number }),
      );
    });

    test('of a return: that it gave back; of one that failed nothing', async () => {
      await addReceiver();
      const id = await paidOrder();
      const shared = await share(id, { receivers: [part(500)] });
      stage.advance(second);
      await query(shared.json['out_order_no'], id);
      stage.emulator.changeMerchant('1900000888', { sharing_notify_url: receiver.url });
      stage.emulator.configureRefunds({ balances: { '1900000888': 250 } });
      const failing = await giveBack(shared.json['out_order_no'], { return_mchid: '1900000888', amount: 300 });
      const back = await giveBack(shared.json['out_order_no'], { return_mchid: '1900000888', amount: 200 });
      stage.advance(second);
      const returns = () => told(id).filter(({ event }) => event === 'PROFITSHARING.RETURN');
      await expect.poll(() => returns().length).toBe(1);
      stage.emulator.configureRefunds({ balances: { '1900000888': null } });
      expect(failing.status).toBe(200);
      expect(returns().map(({ content }) => content)).toEqual([
        expect.objectContaining({
          ...whose,
          transaction_id: id,
          order_id: back.json['return_id'],
          out_order_no: back.json['out_return_no'],
          receiver: expect.objectContaining({ account: '1900000888', amount: 200 }) as object,
        }),
      ]);
    });

    test('is nothing without its own URL, of an unfreeze, or of a share with nobody that can be told', async () => {
      await addReceiver();
      const id = await paidOrder();
      await share(id);
      stage.advance(second);
      await unfreeze(id);
      stage.advance(second);
      await new Promise((resolve) => {
        setTimeout(resolve, 150);
      });
      expect(told(id)).toEqual([]);
      // Nor later: what was due has been done with.
      stage.emulator.changeMerchant('1900000888', { sharing_notify_url: receiver.url });
      await share(await paidOrder());
      stage.advance(second);
      await expect.poll(() => stage.emulator.callbacks.at(-1)?.state).toBe('delivered');
      expect(told(id)).toEqual([]);
    });
  });

  test('the bill of a day has every part that was received and every return, and adds up', async () => {
    // A day of its own.
    stage.advance(day);
    await addReceiver();
    const id = await paidOrder();
    const date = new Date(stage.now() + 8 * 60 * minute).toISOString().slice(0, 10);
    const apply = async (extra: Record<string, string> = {}) =>
      client().call('GET', `${base}/bills?${search({ bill_date: date, ...extra })}`);
    const shared = await share(id, {
      receivers: [part(700, { description: '甲,乙' }), part(2, { account: '1900000777' })],
    });
    stage.advance(second);
    const back = await giveBack(shared.json['out_order_no'], { return_mchid: '1900000888', amount: 200 });
    stage.advance(second);
    expect(codeOf(await apply())).toBe('400 INVALID_REQUEST');
    stage.advance(2 * day);
    const answer = await apply();
    expect(answer).toMatchObject({ status: 200, json: { hash_type: 'SHA1' } });
    const address = new URL(String(answer.json['download_url']));
    const { text } = await client().call('GET', address.pathname + address.search);
    expect(createHash('sha1').update(text).digest('hex')).toBe(answer.json['hash_value']);
    const lines = text.trimEnd().split('\n');
    const [header = '', first = '', second_ = '', totalHeader = '', totals = ''] = lines;
    expect(lines).toHaveLength(5);
    const named = (line: string, names: string) =>
      Object.fromEntries(names.split(',').map((name, index) => [name, line.slice(1).split(',`')[index]]));
    expect(named(first, header)).toMatchObject({
      分账方: party === 'direct' ? '1900000001' : '1900000109',
      微信订单号: id,
      '商户分账/回退单号': shared.json['out_order_no'],
      订单金额: '100.00',
      分账接收方: '1900000888',
      分账金额: '7.00',
      业务类型: '分账',
      分账描述: '甲\\ 乙',
    });
    expect(named(second_, header)).toMatchObject({
      '微信分账/回退单号': back.json['return_id'],
      '商户分账/回退单号': back.json['out_return_no'],
      分账金额: '2.00',
      业务类型: '分账回退',
    });
    expect(named(totals, totalHeader)).toEqual({ 总条数: '2', 分账总金额: '7.00', 分账回退总金额: '2.00' });
    // The same for ever, and packed on request.
    expect((await apply()).json['hash_value']).toBe(answer.json['hash_value']);
    expect(String((await apply({ tar_type: 'GZIP' })).json['download_url'])).toContain('tartype=gzip');
    // A day on which nothing was shared has none.
    stage.advance(2 * day);
    const empty = new Date(stage.now() + 8 * 60 * minute - 2 * day).toISOString().slice(0, 10);
    expect(codeOf(await apply({ bill_date: empty }))).toBe('400 NO_STATEMENT_EXIST');
    for (const wrong of ['2026-02-30', 'yesterday', '']) {
      expect(codeOf(await apply({ bill_date: wrong }))).toBe('400 PARAM_ERROR');
    }
    expect(codeOf(await apply({ tar_type: 'ZIP' }))).toBe('400 PARAM_ERROR');
    const other = await client().call('GET', `${base}/bills?bill_date=${date}&sub_mchid=1900000777`);
    expect(codeOf(other)).toBe(party === 'direct' ? '400 PARAM_ERROR' : '403 NO_AUTH');
  });

  test('what nobody knows is not found', async () => {
    const id = await paidOrder();
    const answer = await share(id);
    expect(codeOf(await query('UNKNOWN', id))).toBe('404 RESOURCE_NOT_EXISTS');
    expect(codeOf(await query(answer.json['out_order_no'], '4200001234202611231234567890'))).toBe(
      '404 RESOURCE_NOT_EXISTS',
    );
    const target = `${base}/return-orders/UNKNOWN?${search({ out_order_no: 'X' })}`;
    expect(codeOf(await client().call('GET', target))).toBe('404 RESOURCE_NOT_EXISTS');
    expect(codeOf(await client().call('GET', `${base}/transactions/4200001234202611231234567890/amounts`))).toBe(
      '404 RESOURCE_NOT_EXISTS',
    );
    expect(codeOf(await client().call('GET', `${base}/transactions/${await paidOrder(false)}/amounts`))).toBe(
      '400 INVALID_REQUEST',
    );
    expect(codeOf(await client().call('GET', `${base}/transactions/${id}/amounts?sub_mchid=1`))).toBe(
      '400 PARAM_ERROR',
    );
  });

  test('a receiver is echoed as it came, as often as it comes', async () => {
    const name = encrypted('丙公司');
    const body = { ...sub, appid: appid(), type: 'MERCHANT_ID', account: '1900000666', name, relation_type: 'STORE' };
    const { appid: _appid, ...echo } = body;
    for (let count = 0; count < 2; count += 1) expect((await post('receivers/add', body)).json).toEqual(echo);
    const gone = { ...sub, appid: appid(), type: 'MERCHANT_ID', account: '1900000666' };
    for (let count = 0; count < 2; count += 1) expect(codeOf(await post('receivers/delete', gone))).toBe('200');
  });

  test.each<[string, Body]>([
    ['a merchant without a name', { name: undefined }],
    ['a name that is not encrypted', { name: '甲公司' }],
    ['a relation that nobody knows', { relation_type: 'FRIEND' }],
    ['a custom relation without words', { relation_type: 'CUSTOM' }],
    ['a custom relation of eleven characters', { relation_type: 'CUSTOM', custom_relation: '一二三四五六七八九十一' }],
    ['no appid', { appid: undefined }],
    ['an unknown member', { amount: 1 }],
  ])('%s is not added', async (_what, change) => {
    const body = {
      ...sub,
      appid: appid(),
      type: 'MERCHANT_ID',
      account: '1',
      name: encrypted('x'),
      relation_type: 'STORE',
    };
    expect(codeOf(await post('receivers/add', { ...body, ...change }))).toBe('400 PARAM_ERROR');
  });

  const rows: readonly Row[] = [
    {
      path: 'out_order_no',
      type: 'string',
      required: true,
      fill: '',
      good: ['a|b*c@d-e_f'],
      bad: ['中', 'a b', 'x'.repeat(65)],
    },
    { path: 'transaction_id', type: 'string', required: true, fill: '', bad: ['中', 'x'.repeat(33)] },
    { path: 'unfreeze_unsplit', type: 'boolean', required: true },
    { path: 'receivers', type: 'array', required: true, bad: [[]] },
    { path: 'receivers.0', type: 'object' },
    { path: 'receivers.0.type', type: 'string', required: true, fill: '', bad: ['SOMEBODY'] },
    { path: 'receivers.0.account', type: 'string', required: true, max: 64 },
    { path: 'receivers.0.amount', type: 'integer', required: true, least: 1 },
    { path: 'receivers.0.description', type: 'string', required: true, max: 80 },
  ];
  test.each(rows.flatMap(casesOf))(
    'the field $path: $what is accepted: $accepted',
    async ({ path, value, accepted }) => {
      const body = withValue(shareBody(await paidOrder()), path, value);
      const answer = await post('orders', body);
      expect(codeOf(answer)).toBe(accepted ? '200' : '400 PARAM_ERROR');
    },
  );
});

describe('the ratio of a sub-merchant', () => {
  test.each<[string, () => RawClient, string, string]>([
    ['its service provider', () => provider, '1900000109', '200'],
    ['somebody else’s', () => provider, '1900000777', '403 NO_AUTH'],
    ['an ordinary merchant', () => stage.client, '1900000109', '403 NO_AUTH'],
  ])('%s', async (_who, client, mchid, expected) => {
    const answer = await client().call('GET', `${base}/merchant-configs/${mchid}`);
    expect(codeOf(answer)).toBe(expected);
    if (expected === '200') expect(answer.json).toEqual({ sub_mchid: mchid, max_ratio: 3000 });
  });
});

test('what a merchant has not been told yet is told after a restart, and nothing twice', async () => {
  const receiver = await receive(200);
  let own = await openSibling(stage, { persist: true });
  const opened = [own];
  const post = async (path: string, body: object): Promise<RawAnswer> =>
    own.client.call('POST', path, body, {
      headers: { 'wechatpay-serial': own.emulator.info.platform_serial_no! },
    });
  try {
    const { appid, mchid } = own.emulator.info;
    own.emulator.changeMerchant('1900000888', { sharing_notify_url: receiver.url });
    const encrypted = publicEncrypt(
      { key: platformKey(own.emulator.info), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from('甲公司'),
    ).toString('base64');
    const account = { type: 'MERCHANT_ID', account: '1900000888' };
    await post(`${base}/receivers/add`, { appid, ...account, name: encrypted, relation_type: 'PARTNER' });
    await post('/v3/pay/transactions/native', {
      appid,
      mchid,
      description: 'x',
      out_trade_no: 'RESTART_1',
      notify_url: 'http://127.0.0.1:9/',
      amount: { total },
      settle_info: { profit_sharing: true },
    });
    const { transaction } = await own.emulator.pay({ order: 'RESTART_1', callback: false });
    own.emulator.moveClock({ by_ms: minute });
    const shared = await post(`${base}/orders`, {
      appid,
      transaction_id: transaction['transaction_id'],
      out_order_no: 'RESTART_P1',
      receivers: [{ ...account, amount: 10, description: 'x' }],
      unfreeze_unsplit: false,
    });
    expect(shared.status).toBe(200);
    for (const advance of [minute, 0]) {
      await own.emulator.close();
      own = await openSibling(own, { persist: true });
      opened.push(own);
      own.emulator.moveClock({ by_ms: advance });
      await expect.poll(() => receiver.arrivals.length).toBe(1);
    }
  } finally {
    for (const one of opened) await one.end();
    await receiver.close();
  }
});
