import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PayerChange } from '../../src/emulator/payers.ts';
import { casesOf, withValue } from './field-cases.ts';
import type { Row } from './field-cases.ts';
import { makeClient } from './raw-client.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/** Payment by code and its reversal, state by state and error by error. */
let stage: Stage;
let provider: RawClient;
beforeAll(async () => {
  stage = await openStage();
  provider = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
});
afterAll(async () => stage.end());

const second = 1000;
const minute = 60 * second;
const day = 1440 * minute;
const password = 100_001;
let made = 0;
/** A well-formed code that nobody has used. */
const newCode = (): string => {
  made += 1;
  return `13${String(made).padStart(16, '0')}`;
};
const codeOf = (answer: RawAnswer): string =>
  answer.json?.code === undefined ? String(answer.status) : `${answer.status} ${answer.json.code}`;

describe.each(['direct', 'partner'] as const)('%s', (party) => {
  const base = `/v3/pay/${party === 'partner' ? 'partner/' : ''}transactions`;
  const client = (): RawClient => (party === 'direct' ? stage.client : provider);
  const caller = (): Record<string, string> =>
    party === 'direct' ? { mchid: '1900000001' } : { sp_mchid: '1900000100', sub_mchid: '1900000109' };
  const identity = (): Record<string, string> =>
    party === 'direct'
      ? { appid: stage.emulator.info.appid, ...caller() }
      : { sp_appid: stage.emulator.infoOf('1900000100').appid, ...caller() };
  const bodyOf = (extra: Record<string, unknown> = {}): Record<string, unknown> => ({
    ...identity(),
    description: '测试商品',
    out_trade_no: stage.number(),
    payer: { auth_code: newCode() },
    amount: { total: 100, currency: 'CNY' },
    scene_info: { store_info: { id: '7' } },
    ...extra,
  });
  const pay = async (body: object): Promise<RawAnswer> => client().call('POST', `${base}/codepay`, body);
  const query = async (number: string): Promise<RawAnswer> =>
    client().call('GET', `${base}/out-trade-no/${number}?${new URLSearchParams(caller()).toString()}`);
  const reverse = async (number: string, body: object = identity()): Promise<RawAnswer> =>
    client().call('POST', `${base}/out-trade-no/${number}/reverse`, body);
  const close = async (number: string): Promise<RawAnswer> =>
    client().call('POST', `${base}/out-trade-no/${number}/close`, caller());
  const refund = async (number: string, amount = 40): Promise<RawAnswer> =>
    client().call('POST', '/v3/refund/domestic/refunds', {
      ...(party === 'partner' ? { sub_mchid: '1900000109' } : {}),
      out_trade_no: number,
      out_refund_no: `R${number}`,
      amount: { refund: amount, total: 100, currency: 'CNY' },
    });
  /** The body of a payer like that, with the code on that payer's phone. */
  const bodyFor = (change: PayerChange, total = 100): Record<string, unknown> => {
    const { auth_code: code, openid } = stage.emulator.issueCode();
    stage.emulator.changePayer(openid, change);
    return bodyOf({ payer: { auth_code: code }, amount: { total, currency: 'CNY' } });
  };
  const stateOf = async (number: string): Promise<unknown> => (await query(number)).json['trade_state'];

  test('a paid order is answered at once, as a query shows it', async () => {
    const body = bodyOf({ attach: 'till=3' });
    const answer = await pay(body);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      ...caller(),
      trade_type: 'MICROPAY',
      trade_state: 'SUCCESS',
      attach: 'till=3',
      amount: { total: 100, payer_total: 100 },
      success_time: expect.stringMatching(/\+08:00$/),
    });
    expect((await query(String(body['out_trade_no']))).json).toEqual(answer.json);
    expect(JSON.stringify(answer.json)).not.toContain((body['payer'] as { auth_code: string }).auth_code);
  });

  /** How each state comes about: the payment's own answer, what happens then, and what a query says. */
  const ways: readonly [
    string,
    string,
    string,
    (number: string) => Promise<unknown> | void,
    () => Record<string, unknown>,
  ][] = [
    ['SUCCESS', 'a small sum', '200', () => {}, () => bodyOf()],
    ['SUCCESS', 'exactly 1000 yuan', '200', () => {}, () => bodyOf({ amount: { total: 100_000 } })],
    ['USERPAYING', 'more than 1000 yuan', '202 USER_PAYING', () => {}, () => bodyOf({ amount: { total: password } })],
    ['USERPAYING', 'a payer who always enters it', '202 USER_PAYING', () => {}, () => bodyFor({ password: 'always' })],
    ['USERPAYING', 'a bank that is down', '500 BANK_ERROR', () => {}, () => bodyFor({ bank: 'down' })],
    [
      'SUCCESS',
      'the password is entered',
      '202 USER_PAYING',
      async (order) => stage.emulator.pay({ order }),
      () => bodyOf({ amount: { total: password } }),
    ],
    [
      'NOTPAY',
      'the payer declines',
      '202 USER_PAYING',
      async (order) => stage.emulator.pay({ order, decline: true }),
      () => bodyOf({ amount: { total: password } }),
    ],
    [
      'NOTPAY',
      'nobody enters it for a minute',
      '202 USER_PAYING',
      () => stage.advance(minute + 1),
      () => bodyOf({ amount: { total: password } }),
    ],
    [
      'PAYERROR',
      'the wallet is too empty when the password is entered',
      '202 USER_PAYING',
      async (order) => stage.emulator.pay({ order }),
      () => bodyFor({ password: 'always', balance: 99 }),
    ],
    ['PAYERROR', 'the wallet is too empty', '403 NOT_ENOUGH', () => {}, () => bodyFor({ balance: 99 })],
    ['REFUND', 'a part is refunded', '200', async (number) => refund(number), () => bodyOf()],
    ['REVOKED', 'paid, and reversed', '200', async (number) => late(number), () => bodyOf()],
    [
      'REVOKED',
      'under way, and reversed',
      '202 USER_PAYING',
      async (number) => late(number),
      () => bodyOf({ amount: { total: password } }),
    ],
    [
      'REVOKED',
      'failed, and reversed',
      '403 NOT_ENOUGH',
      async (number) => late(number),
      () => bodyFor({ balance: 0 }),
    ],
  ];
  const late = async (number: string): Promise<unknown> => {
    stage.advance(15 * second);
    return reverse(number);
  };

  test.each(ways)('%s: %s, answered %s', async (state, _how, answered, then, make) => {
    const body = make();
    const number = String(body['out_trade_no']);
    expect(codeOf(await pay(body))).toBe(answered);
    await then(number);
    expect(await stateOf(number)).toBe(state);
  });

  test('CLOSED: declined, and then unpaid for seven days', async () => {
    const body = bodyOf({ amount: { total: password } });
    const number = String(body['out_trade_no']);
    await pay(body);
    await stage.emulator.pay({ order: number, decline: true });
    stage.advance(7 * day);
    expect(await stateOf(number)).toBe('CLOSED');
    expect(codeOf(await pay(body))).toBe('400 ORDER_CLOSED');
    expect(codeOf(await reverse(number))).toBe('400 ORDER_CLOSED');
  });

  /** Every error of the reference's list for this endpoint, and the sequence that brings it about. */
  test.each<[string, string, () => Promise<RawAnswer>]>([
    ['400 AUTH_CODE_INVALID', '17 digits', async () => pay(bodyOf({ payer: { auth_code: '1'.repeat(17) } }))],
    ['400 AUTH_CODE_INVALID', 'another prefix', async () => pay(bodyOf({ payer: { auth_code: '28'.repeat(9) } }))],
    ['400 AUTH_CODE_INVALID', 'letters', async () => pay(bodyOf({ payer: { auth_code: `13${'x'.repeat(16)}` } }))],
    [
      '403 AUTH_CODE_EXPIRE',
      'older than a minute',
      async () => {
        const { auth_code: code } = stage.emulator.issueCode();
        stage.advance(minute + 1);
        return pay(bodyOf({ payer: { auth_code: code } }));
      },
    ],
    ['403 AUTH_CODE_EXPIRE', 'used before', async () => twice({ out_trade_no: stage.number() })],
    ['403 NOT_ENOUGH', 'an empty wallet', async () => pay(bodyFor({ balance: 99 }))],
    ['403 TRADE_ERROR', 'a frozen payer', async () => pay(bodyFor({ state: 'frozen' }))],
    ['500 BANK_ERROR', 'a bank that is down', async () => pay(bodyFor({ bank: 'down' }))],
    ['400 ORDER_PAID', 'paid before', async () => twice({})],
    ['400 INVALID_REQUEST', 'again with other parameters', async () => againWith({ attach: 'x' })],
    ['400 INVALID_REQUEST', 'again with a new code', async () => againWith({ payer: { auth_code: newCode() } })],
    ['202 USER_PAYING', 'again while under way', async () => againWith({})],
    [
      '400 ORDER_REVERSED',
      'reversed before',
      async () => {
        const body = bodyOf();
        await pay(body);
        await late(String(body['out_trade_no']));
        return pay(body);
      },
    ],
    [
      '403 OUT_TRADE_NO_USED',
      'a number of a native order',
      async () => {
        const number = stage.number();
        const { payer: _payer, scene_info: _scene, ...common } = bodyOf({ out_trade_no: number });
        await client().call('POST', `${base}/native`, { ...common, notify_url: 'http://127.0.0.1:9/' });
        return pay(bodyOf({ out_trade_no: number }));
      },
    ],
    ['400 APPID_MCHID_NOT_MATCH', 'another appid', async () => pay(bodyOf(wrongAppid()))],
    [
      '400 PARAM_ERROR',
      'another merchant',
      async () => pay(bodyOf({ [party === 'direct' ? 'mchid' : 'sp_mchid']: '1900000777' })),
    ],
    ['400 PARAM_ERROR', 'a store without any number', async () => pay(bodyOf({ scene_info: { store_info: {} } }))],
    [
      '200',
      'a store by the merchant’s own number',
      async () => pay(bodyOf({ scene_info: { store_info: { out_id: 'x' } } })),
    ],
    ['400 PARAM_ERROR', 'a notify_url', async () => pay(bodyOf({ notify_url: 'http://127.0.0.1:9/' }))],
    [
      '400 INVALID_REQUEST',
      'a burned number',
      async () => {
        const number = stage.number();
        await close(number);
        return pay(bodyOf({ out_trade_no: number }));
      },
    ],
  ])('payment, %s: %s', async (expected, _how, act) => {
    expect(codeOf(await act())).toBe(expected);
  });

  const wrongAppid = (): Record<string, unknown> => ({
    [party === 'direct' ? 'appid' : 'sp_appid']: 'wx0000000000000000',
  });
  async function twice(change: object): Promise<RawAnswer> {
    const body = bodyOf();
    await pay(body);
    return pay({ ...body, ...change });
  }
  async function againWith(change: object): Promise<RawAnswer> {
    const body = bodyOf({ amount: { total: password } });
    await pay(body);
    return pay({ ...body, ...change });
  }

  /** The same for the reversal. */
  test.each<[string, string, (number: string) => Promise<unknown>, string | undefined]>([
    ['404 ORDER_NOT_EXIST', 'never created', async () => {}, undefined],
    ['403 RULE_LIMIT', 'within 15 s', async (number) => pay(bodyOf({ out_trade_no: number })), 'SUCCESS'],
    [
      '403 RULE_LIMIT',
      'after more than seven days',
      async (number) => {
        await pay(bodyOf({ out_trade_no: number }));
        stage.advance(7 * day + 1);
      },
      'SUCCESS',
    ],
    [
      '403 TRADE_ERROR',
      'refunded in part',
      async (number) => {
        await pay(bodyOf({ out_trade_no: number }));
        await refund(number);
        stage.advance(minute);
      },
      'REFUND',
    ],
    [
      '403 TRADE_ERROR',
      'no payment by code',
      async (number) => {
        const { payer: _payer, scene_info: _scene, ...common } = bodyOf({ out_trade_no: number });
        await client().call('POST', `${base}/native`, { ...common, notify_url: 'http://127.0.0.1:9/' });
      },
      'NOTPAY',
    ],
    [
      '200',
      'reversed before',
      async (number) => {
        await pay(bodyOf({ out_trade_no: number }));
        await late(number);
      },
      'REVOKED',
    ],
  ])('reversal, %s: %s', async (expected, _how, prepare, then) => {
    const number = stage.number();
    await prepare(number);
    const answer = await reverse(number);
    expect(codeOf(answer)).toBe(expected);
    if (expected === '200') expect(answer.json).toEqual({ ...identity(), out_trade_no: number });
    expect(await stateOf(number)).toBe(then);
  });

  test('a close of a payment by code is refused: only a reversal will do', async () => {
    const body = bodyOf({ amount: { total: password } });
    await pay(body);
    const answer = await close(String(body['out_trade_no']));
    expect([codeOf(answer), answer.json.message]).toEqual([
      '403 TRADE_ERROR',
      '当前交易不允许进行普通关单（只能撤销）',
    ]);
  });

  test('what WeChat Pay has decided about the merchant holds here, too', async () => {
    const mchid = party === 'direct' ? '1900000001' : '1900000100';
    const open = { account: 'open', products: null, max_total: null, per_second: null } as const;
    const under = async (change: object, call: () => Promise<RawAnswer>): Promise<string> => {
      stage.emulator.changeMerchant(mchid, { ...open, ...change });
      const code = codeOf(await call());
      stage.emulator.changeMerchant(mchid, open);
      return code;
    };
    const body = bodyOf();
    const number = String(body['out_trade_no']);
    expect(await under({ account: 'closed' }, async () => pay(body))).toBe('400 MCH_NOT_EXISTS');
    expect(await under({ products: ['native', 'jsapi'] }, async () => pay(body))).toBe('403 NO_AUTH');
    expect(await under({ max_total: 99 }, async () => pay(body))).toBe('403 RULE_LIMIT');
    expect(await under({ per_second: 0 }, async () => pay(body))).toBe('429 FREQUENCY_LIMITED');
    // Refused before there was an order, and before the code was used up.
    expect(await query(number)).toMatchObject({ status: 404 });
    expect(await under({ products: ['codepay'], max_total: 100 }, async () => pay(body))).toBe('200');
    stage.advance(15 * second);
    expect(await under({ account: 'closed' }, async () => reverse(number))).toBe('400 MCH_NOT_EXISTS');
    expect(await stateOf(number)).toBe('SUCCESS');
    // What may no longer be taken may still be given back.
    expect(await under({ products: ['native'], max_total: 0 }, async () => reverse(number))).toBe('200');
    expect(await stateOf(number)).toBe('REVOKED');
  });

  test('what was reversed cannot be refunded, and is not paid afterwards', async () => {
    const paid = bodyOf();
    await pay(paid);
    await late(String(paid['out_trade_no']));
    expect(codeOf(await refund(String(paid['out_trade_no']), 100))).toBe('400 INVALID_REQUEST');
    const unpaid = bodyOf({ amount: { total: password } });
    await pay(unpaid);
    await late(String(unpaid['out_trade_no']));
    expect(codeOf(await refund(String(unpaid['out_trade_no']), 100))).toBe('404 RESOURCE_NOT_EXISTS');
    await expect(stage.emulator.pay({ order: String(unpaid['out_trade_no']) })).rejects.toMatchObject({
      code: 'ORDER_CLOSED',
    });
  });

  test('a wallet is drawn on, and a reversal gives back', async () => {
    const { auth_code: code, openid } = stage.emulator.issueCode();
    stage.emulator.changePayer(openid, { balance: 150 });
    const body = bodyOf({ payer: { auth_code: code } });
    expect(codeOf(await pay(body))).toBe('200');
    const again = async (): Promise<string> =>
      codeOf(await pay(bodyOf({ payer: { auth_code: stage.emulator.issueCode(openid).auth_code } })));
    expect(await again()).toBe('403 NOT_ENOUGH');
    await late(String(body['out_trade_no']));
    expect(await again()).toBe('200');
  });

  test('nothing can be refunded to a closed account', async () => {
    const { auth_code: code, openid } = stage.emulator.issueCode();
    const body = bodyOf({ payer: { auth_code: code } });
    await pay(body);
    stage.emulator.changePayer(openid, { state: 'closed' });
    expect(codeOf(await refund(String(body['out_trade_no'])))).toBe('403 USER_ACCOUNT_ABNORMAL');
    stage.emulator.changePayer(openid, { state: 'normal' });
    expect(codeOf(await refund(String(body['out_trade_no'])))).toBe('200');
  });

  const rows: readonly Row[] = [
    { path: 'description', type: 'string', required: true, max: 127 },
    { path: 'out_trade_no', type: 'string', required: true, min: 6, max: 32, bad: ['12345', 'ABC@DEF'] },
    { path: 'attach', type: 'string', max: 128 },
    { path: 'goods_tag', type: 'string', max: 32 },
    { path: 'support_fapiao', type: 'boolean' },
    { path: 'payer', type: 'object', required: true },
    { path: 'payer.auth_code', type: 'string', required: true, fill: '' },
    { path: 'amount', type: 'object', required: true },
    { path: 'amount.total', type: 'integer', required: true, least: 1 },
    { path: 'amount.currency', type: 'string', fill: '', bad: ['USD'] },
    { path: 'scene_info', type: 'object', required: true },
    { path: 'scene_info.device_id', type: 'string', max: 32 },
    { path: 'scene_info.device_ip', type: 'string', fill: '', good: ['::1'], bad: ['localhost'] },
    { path: 'scene_info.store_info', type: 'object', required: true },
    { path: 'scene_info.store_info.out_id', type: 'string', max: 32 },
    { path: 'settle_info', type: 'object' },
    { path: 'settle_info.profit_sharing', type: 'boolean' },
    { path: 'detail', type: 'object' },
    { path: 'detail.goods_detail', type: 'array', required: true, bad: [[]] },
    { path: 'detail.goods_detail.0.wxpay_goods_id', type: 'string', max: 32 },
  ];
  const full = (): Record<string, unknown> =>
    bodyOf({
      settle_info: {},
      detail: { goods_detail: [{ merchant_goods_id: '1', quantity: 1, unit_price: 1 }] },
    });

  test.each(rows.flatMap(casesOf))(
    'the field $path: $what is accepted: $accepted',
    async ({ path, value, accepted }) => {
      expect(codeOf(await pay(withValue(full(), path, value)))).toBe(accepted ? '200' : '400 PARAM_ERROR');
    },
  );

  test('a reversal takes exactly the numbers of who reverses', async () => {
    const body = bodyOf();
    await pay(body);
    const number = String(body['out_trade_no']);
    for (const name of Object.keys(identity())) {
      const { [name]: _left, ...rest } = identity();
      expect([name, codeOf(await reverse(number, rest))]).toEqual([name, '400 PARAM_ERROR']);
    }
    expect(codeOf(await reverse(number, { ...identity(), out_trade_no: number }))).toBe('400 PARAM_ERROR');
    expect(codeOf(await reverse(number, { ...identity(), ...wrongAppid() }))).toBe('400 APPID_MCHID_NOT_MATCH');
  });
});

test('an order that was paid by a payer who declined, paid or never was asked is not asked again', async () => {
  const body = {
    appid: stage.emulator.info.appid,
    mchid: '1900000001',
    description: 'x',
    out_trade_no: stage.number(),
    payer: { auth_code: newCode() },
    amount: { total: password },
    scene_info: { store_info: { id: '7' } },
  };
  await stage.client.call('POST', '/v3/pay/transactions/codepay', body);
  await stage.emulator.pay({ order: body.out_trade_no, decline: true });
  await expect(stage.emulator.pay({ order: body.out_trade_no })).rejects.toMatchObject({
    code: 'EMULATOR_ORDER_EXPIRED',
  });
});

test.each([
  ['balance', -1],
  ['balance', 1.5],
  ['state', 'asleep'],
  ['bank', true],
  ['openid', 'x'],
])('a payer with %s %j is refused', (name, value) => {
  expect(() => stage.emulator.changePayer('o1', { [name]: value })).toThrowError(
    expect.objectContaining({ code: 'INPUT_INVALID', params: expect.objectContaining({ field: name }) }),
  );
});
