/**
 * Every way from one state to another that the reference knows (states 1, 3 and 4) is gone, and no other one: each path below is
 * walked action by action, and together they are compared with the list of what there is.
 */
import { constants, publicEncrypt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PayerChange } from '../../src/emulator/payers.ts';
import { platformKey } from './raw-client.ts';
import { openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ refunds: { settle_after_ms: 1000 } });
});
afterAll(async () => stage.end());

const second = 1000;
const minute = 60 * second;
const day = 1440 * minute;

/** Something with a state, and what can be done to it. */
interface Thing {
  readonly state: () => Promise<unknown>;
  /** By name; what is refused throws or answers so, and is no error here: the state tells. */
  readonly act: Readonly<Record<string, () => unknown>>;
}

type Step = readonly [action: string, then: string];

interface Machine {
  readonly make: (wish: string | undefined) => Promise<Thing>;
  /** How it was made, its first state, and what follows. */
  readonly paths: readonly (readonly [wish: string | undefined, first: string, ...steps: Step[]])[];
  /** `FROM TO`, every one that there is. */
  readonly known: readonly string[];
}

const call = async (method: string, target: string, body?: unknown, serial?: string) =>
  stage.client.call(method, target, body, serial === undefined ? {} : { headers: { 'wechatpay-serial': serial } });
const wait = (milliseconds: number) => () => stage.advance(milliseconds);
const tradeState = (number: string) => async () =>
  (await call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=${stage.emulator.info.mchid}`)).json[
    'trade_state'
  ];

function refundOf(number: string, amount = 10): () => Promise<unknown> {
  return async () => {
    const order = await call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=${stage.emulator.info.mchid}`);
    const { total = 1 } = (order.json['amount'] ?? {}) as { total?: number };
    return call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: number,
      out_refund_no: `R${stage.number()}`,
      amount: { refund: Math.min(amount, total), total, currency: 'CNY' },
    });
  };
}

async function makeOrder(wish: string | undefined): Promise<Thing> {
  const until = new Date(stage.now() + 10 * minute).toISOString().replace(/\.\d+Z$/, 'Z');
  const body = orderBody(stage, 'native', wish === 'until' ? { time_expire: until } : {});
  await call('POST', '/v3/pay/transactions/native', body);
  const number = String(body['out_trade_no']);
  const { mchid } = stage.emulator.info;
  return {
    state: tradeState(number),
    act: {
      pay: async () => stage.emulator.pay({ order: number, callback: false }),
      decline: async () => stage.emulator.pay({ order: number, decline: true }),
      close: async () => call('POST', `/v3/pay/transactions/out-trade-no/${number}/close`, { mchid }),
      refund: refundOf(number),
      'refund that ends CLOSED': async () => {
        stage.emulator.configureRefunds({ next: [{ outcome: 'CLOSED', count: 1 }] });
        await refundOf(number)();
        stage.advance(2 * second);
      },
      'ten minutes': wait(10 * minute + second),
      'seven days': wait(7 * day),
    },
  };
}

async function makeCodepay(wish: string | undefined): Promise<Thing> {
  const { appid, mchid } = stage.emulator.info;
  const { auth_code: code, openid } = stage.emulator.issueCode();
  const change: PayerChange = wish === 'password' ? { password: 'always' } : wish === 'poor' ? { balance: 1 } : {};
  stage.emulator.changePayer(openid, change);
  const number = stage.number();
  await call('POST', '/v3/pay/transactions/codepay', {
    appid,
    mchid,
    description: 'x',
    out_trade_no: number,
    payer: { auth_code: code },
    amount: { total: 100, currency: 'CNY' },
    scene_info: { store_info: { id: '7' } },
  });
  const base = `/v3/pay/transactions/out-trade-no/${number}`;
  return {
    state: tradeState(number),
    act: {
      confirm: async () => stage.emulator.pay({ order: number, callback: false }),
      'confirm without money': async () => {
        stage.emulator.changePayer(openid, { balance: 1 });
        return stage.emulator.pay({ order: number, callback: false });
      },
      decline: async () => stage.emulator.pay({ order: number, decline: true }),
      close: async () => call('POST', `${base}/close`, { mchid }),
      refund: refundOf(number),
      reverse: async () => {
        stage.advance(15 * second);
        return call('POST', `${base}/reverse`, { appid, mchid });
      },
      'reverse at once': async () => call('POST', `${base}/reverse`, { appid, mchid }),
      'a minute and a second': wait(61 * second),
      'seven days': wait(7 * day),
    },
  };
}

async function makeRefund(wish: string | undefined): Promise<Thing> {
  const body = orderBody(stage, 'native');
  await call('POST', '/v3/pay/transactions/native', body);
  const order = String(body['out_trade_no']);
  await stage.emulator.pay({ order, callback: false });
  const outcome = wish === 'CLOSED' || wish === 'ABNORMAL' ? wish : 'SUCCESS';
  stage.emulator.configureRefunds({ next: [{ outcome, count: 1 }], settle_after_ms: wish === 'never' ? null : 1000 });
  const number = `R${stage.number()}`;
  const create = async () =>
    call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: order,
      out_refund_no: number,
      amount: { refund: 10, total: 1290, currency: 'CNY' },
    });
  const id = String((await create()).json['refund_id']);
  stage.emulator.configureRefunds({ settle_after_ms: 1000 });
  const settle = (to: 'SUCCESS' | 'ABNORMAL' | 'CLOSED') => async () =>
    stage.emulator.settleRefund({ refund: number, outcome: to });
  return {
    state: async () => (await call('GET', `/v3/refund/domestic/refunds/${number}`)).json['status'],
    act: {
      'a second': wait(second),
      'create again': create,
      'settle SUCCESS': settle('SUCCESS'),
      'settle ABNORMAL': settle('ABNORMAL'),
      'settle CLOSED': settle('CLOSED'),
      'to a card': async () =>
        call('POST', `/v3/refund/domestic/refunds/${id}/apply-abnormal-refund`, {
          out_refund_no: number,
          type: 'MERCHANT_BANK_CARD',
        }),
      'a year': wait(365 * day),
    },
  };
}

async function makeCombined(): Promise<Thing> {
  const { appid, mchid } = stage.emulator.info;
  const number = `C${stage.number()}`;
  const subs = ['A', 'B'].map((name) => ({ mchid, out_trade_no: `${number}${name}` }));
  await call('POST', '/v3/combine-transactions/native', {
    combine_appid: appid,
    combine_mchid: mchid,
    combine_out_trade_no: number,
    notify_url: 'http://127.0.0.1:9/',
    sub_orders: subs.map((sub) => ({
      ...sub,
      attach: 'x',
      description: 'x',
      amount: { total_amount: 100, currency: 'CNY' },
    })),
  });
  const base = `/v3/combine-transactions/out-trade-no/${number}`;
  const refundSub = (name: string) => async () =>
    call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: `${number}${name}`,
      out_refund_no: `R${stage.number()}`,
      amount: { refund: 10, total: 100, currency: 'CNY' },
    });
  return {
    state: async () => {
      const { json } = await call('GET', base);
      return (json['sub_orders'] as { trade_state: string }[]).map((sub) => sub.trade_state).join('+');
    },
    act: {
      pay: async () => stage.emulator.pay({ order: number, callback: false }),
      'pay one sub-order': async () => stage.emulator.pay({ order: `${number}A`, callback: false }),
      decline: async () => stage.emulator.pay({ order: number, decline: true }),
      close: async () => call('POST', `${base}/close`, { combine_appid: appid, sub_orders: subs }),
      'close one sub-order': async () => call('POST', `/v3/pay/transactions/out-trade-no/${number}A/close`, { mchid }),
      'refund A': refundSub('A'),
      'refund B': refundSub('B'),
      'seven days': wait(7 * day),
    },
  };
}

async function makeTransfer(wish: string | undefined): Promise<Thing> {
  const number = stage.number();
  const openid = `o${number}`;
  stage.emulator.transfers.configure({ review_ms: wish === 'reviewed' ? second : 0 });
  const base = '/v3/fund-app/mch-transfer/transfer-bills';
  const create = async () =>
    call('POST', base, {
      appid: stage.emulator.info.appid,
      out_bill_no: number,
      openid,
      transfer_amount: 100,
      transfer_remark: 'x',
      transfer_scene_id: '1000',
      transfer_scene_report_infos: ['活动名称', '奖励说明'].map((type) => ({ info_type: type, info_content: 'x' })),
    });
  await create();
  const confirm = (outcome: 'success' | 'transfering' | 'fail') => async () =>
    stage.emulator.transfers.confirm({ transfer: number, outcome });
  return {
    state: async () => (await call('GET', `${base}/out-bill-no/${number}`)).json['state'],
    act: {
      'create again': create,
      cancel: async () => call('POST', `${base}/out-bill-no/${number}/cancel`),
      confirm: confirm('transfering'),
      'confirm, and it is there': confirm('success'),
      fail: confirm('fail'),
      'the account is closed': () => stage.emulator.changePayer(openid, { state: 'closed' }),
      'a second': wait(second),
      '24 hours': wait(day),
    },
  };
}

/** A share as a whole with its receivers, then what is frozen of the order. */
async function makeShare(wish: string | undefined): Promise<Thing> {
  const { appid, mchid, platform_serial_no: serial } = stage.emulator.info;
  const order = stage.number();
  await call('POST', '/v3/pay/transactions/native', {
    ...orderBody(stage, 'native'),
    out_trade_no: order,
    amount: { total: 10_000, currency: 'CNY' },
    settle_info: { profit_sharing: true },
  });
  const { transaction } = await stage.emulator.pay({ order, callback: false });
  const id = String(transaction['transaction_id']);
  stage.advance(minute);
  const padding = {
    key: platformKey(stage.emulator.info),
    padding: constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash: 'sha1',
  };
  const receiver = { type: 'MERCHANT_ID', account: '1900000888' };
  await call(
    'POST',
    '/v3/profitsharing/receivers/add',
    {
      appid,
      ...receiver,
      name: publicEncrypt(padding, Buffer.from('甲公司')).toString('base64'),
      relation_type: 'PARTNER',
    },
    serial!,
  );
  const number = `P${order}`;
  const account = wish === 'a stranger' ? '1900000777' : receiver.account;
  const share = async (name: string) =>
    call('POST', '/v3/profitsharing/orders', {
      appid,
      transaction_id: id,
      out_order_no: name,
      receivers: [{ ...receiver, account, amount: 100, description: 'x' }],
      unfreeze_unsplit: false,
    });
  await share(number);
  const unfreeze = async () =>
    call('POST', '/v3/profitsharing/orders/unfreeze', {
      transaction_id: id,
      out_order_no: `U${stage.number()}`,
      description: 'x',
    });
  return {
    state: async () => {
      const { json } = await call('GET', `/v3/profitsharing/orders/${number}?transaction_id=${id}`);
      const [first] = json['receivers'] as { result: string }[];
      const left = await call('GET', `/v3/profitsharing/transactions/${id}/amounts`);
      return `${String(json['state'])}/${first!.result}/${left.json['unsplit_amount'] === 0 ? 'free' : 'frozen'}`;
    },
    act: {
      'a second': wait(second),
      'share again': async () => share(number),
      'share after the end': async () => share(`Q${order}`),
      unfreeze,
      'thirty days': wait(30 * day),
      pay: async () => stage.emulator.pay({ order, callback: false }),
      [`close ${mchid}`]: async () => call('POST', `/v3/pay/transactions/out-trade-no/${order}/close`, { mchid }),
    },
  };
}

async function makeReturn(wish: string | undefined): Promise<Thing> {
  const share = await makeShare(undefined);
  const [latest] = stage.emulator.snapshot().sharing.shares.toReversed();
  const number = latest!.request.out_order_no;
  stage.advance(second);
  await share.state();
  stage.emulator.configureRefunds({ balances: { '1900000888': wish === 'poor' ? 1 : null } });
  const back = `B${stage.number()}`;
  const create = async () =>
    call('POST', '/v3/profitsharing/return-orders', {
      out_order_no: number,
      out_return_no: back,
      return_mchid: '1900000888',
      amount: 50,
      description: 'x',
    });
  await create();
  return {
    state: async () =>
      (await call('GET', `/v3/profitsharing/return-orders/${back}?out_order_no=${number}`)).json['result'],
    act: {
      'a second': wait(second),
      'create again': create,
      'money comes': () => stage.emulator.configureRefunds({ balances: { '1900000888': null } }),
    },
  };
}

const machines: Readonly<Record<string, Machine>> = {
  order: {
    make: makeOrder,
    known: ['NOTPAY SUCCESS', 'NOTPAY CLOSED', 'SUCCESS REFUND'],
    paths: [
      [undefined, 'NOTPAY', ['decline', 'NOTPAY'], ['refund', 'NOTPAY'], ['pay', 'SUCCESS']],
      [undefined, 'NOTPAY', ['pay', 'SUCCESS'], ['pay', 'SUCCESS'], ['close', 'SUCCESS'], ['seven days', 'SUCCESS']],
      [undefined, 'NOTPAY', ['pay', 'SUCCESS'], ['refund', 'REFUND'], ['pay', 'REFUND'], ['close', 'REFUND']],
      [undefined, 'NOTPAY', ['pay', 'SUCCESS'], ['refund that ends CLOSED', 'REFUND'], ['seven days', 'REFUND']],
      [undefined, 'NOTPAY', ['close', 'CLOSED'], ['close', 'CLOSED'], ['pay', 'CLOSED'], ['refund', 'CLOSED']],
      [undefined, 'NOTPAY', ['seven days', 'CLOSED'], ['pay', 'CLOSED']],
      // Too late to pay is not closed.
      ['until', 'NOTPAY', ['ten minutes', 'NOTPAY'], ['pay', 'NOTPAY'], ['close', 'CLOSED']],
      ['until', 'NOTPAY', ['ten minutes', 'NOTPAY'], ['seven days', 'CLOSED']],
    ],
  },
  'payment by code': {
    make: makeCodepay,
    known: [
      'USERPAYING SUCCESS',
      'USERPAYING PAYERROR',
      'USERPAYING NOTPAY',
      'USERPAYING REVOKED',
      'NOTPAY REVOKED',
      'NOTPAY CLOSED',
      'PAYERROR REVOKED',
      'SUCCESS REVOKED',
      'SUCCESS REFUND',
    ],
    paths: [
      [undefined, 'SUCCESS', ['close', 'SUCCESS'], ['decline', 'SUCCESS'], ['refund', 'REFUND'], ['reverse', 'REFUND']],
      [
        undefined,
        'SUCCESS',
        ['reverse at once', 'SUCCESS'],
        ['reverse', 'REVOKED'],
        ['reverse', 'REVOKED'],
        ['refund', 'REVOKED'],
      ],
      [
        'poor',
        'PAYERROR',
        ['confirm', 'PAYERROR'],
        ['close', 'PAYERROR'],
        ['reverse', 'REVOKED'],
        ['confirm', 'REVOKED'],
      ],
      ['password', 'USERPAYING', ['close', 'USERPAYING'], ['confirm', 'SUCCESS'], ['confirm', 'SUCCESS']],
      ['password', 'USERPAYING', ['confirm without money', 'PAYERROR']],
      ['password', 'USERPAYING', ['decline', 'NOTPAY'], ['confirm', 'NOTPAY'], ['reverse', 'REVOKED']],
      ['password', 'USERPAYING', ['a minute and a second', 'NOTPAY'], ['seven days', 'CLOSED'], ['reverse', 'CLOSED']],
      ['password', 'USERPAYING', ['reverse', 'REVOKED'], ['seven days', 'REVOKED']],
    ],
  },
  refund: {
    make: makeRefund,
    known: [
      'PROCESSING SUCCESS',
      'PROCESSING CLOSED',
      'PROCESSING ABNORMAL',
      'ABNORMAL PROCESSING',
      'ABNORMAL SUCCESS',
      'ABNORMAL CLOSED',
    ],
    paths: [
      [
        'SUCCESS',
        'PROCESSING',
        ['create again', 'PROCESSING'],
        ['a second', 'SUCCESS'],
        ['settle CLOSED', 'SUCCESS'],
        ['a year', 'SUCCESS'],
      ],
      [
        'CLOSED',
        'PROCESSING',
        ['to a card', 'PROCESSING'],
        ['a second', 'CLOSED'],
        ['settle SUCCESS', 'CLOSED'],
        ['create again', 'CLOSED'],
        ['to a card', 'CLOSED'],
      ],
      [
        'ABNORMAL',
        'PROCESSING',
        ['a second', 'ABNORMAL'],
        ['a year', 'ABNORMAL'],
        ['to a card', 'PROCESSING'],
        ['a second', 'SUCCESS'],
        ['to a card', 'SUCCESS'],
      ],
      ['ABNORMAL', 'PROCESSING', ['a second', 'ABNORMAL'], ['create again', 'ABNORMAL'], ['settle SUCCESS', 'SUCCESS']],
      ['ABNORMAL', 'PROCESSING', ['a second', 'ABNORMAL'], ['settle CLOSED', 'CLOSED']],
      ['never', 'PROCESSING', ['a year', 'PROCESSING'], ['settle ABNORMAL', 'ABNORMAL']],
    ],
  },
  'combined order': {
    make: makeCombined,
    known: [
      'NOTPAY+NOTPAY SUCCESS+SUCCESS',
      'NOTPAY+NOTPAY CLOSED+CLOSED',
      'SUCCESS+SUCCESS REFUND+SUCCESS',
      'SUCCESS+SUCCESS SUCCESS+REFUND',
      'REFUND+SUCCESS REFUND+REFUND',
    ],
    paths: [
      [
        undefined,
        'NOTPAY+NOTPAY',
        ['decline', 'NOTPAY+NOTPAY'],
        ['refund A', 'NOTPAY+NOTPAY'],
        ['close one sub-order', 'NOTPAY+NOTPAY'],
        ['close', 'CLOSED+CLOSED'],
        ['pay', 'CLOSED+CLOSED'],
        ['refund A', 'CLOSED+CLOSED'],
      ],
      [
        undefined,
        'NOTPAY+NOTPAY',
        ['pay', 'SUCCESS+SUCCESS'],
        ['close', 'SUCCESS+SUCCESS'],
        ['refund B', 'SUCCESS+REFUND'],
        ['close', 'SUCCESS+REFUND'],
      ],
      // Nobody pays for a part of it.
      [
        undefined,
        'NOTPAY+NOTPAY',
        ['pay one sub-order', 'SUCCESS+SUCCESS'],
        ['refund A', 'REFUND+SUCCESS'],
        ['refund B', 'REFUND+REFUND'],
        ['pay', 'REFUND+REFUND'],
      ],
      [undefined, 'NOTPAY+NOTPAY', ['seven days', 'CLOSED+CLOSED']],
    ],
  },
  transfer: {
    make: makeTransfer,
    known: [
      'ACCEPTED PROCESSING',
      'PROCESSING WAIT_USER_CONFIRM',
      'WAIT_USER_CONFIRM TRANSFERING',
      'WAIT_USER_CONFIRM SUCCESS',
      'WAIT_USER_CONFIRM FAIL',
      'TRANSFERING SUCCESS',
      'TRANSFERING FAIL',
      'ACCEPTED CANCELING',
      'PROCESSING CANCELING',
      'WAIT_USER_CONFIRM CANCELING',
      'CANCELING CANCELLED',
      'ACCEPTED FAIL',
      'PROCESSING FAIL',
    ],
    paths: [
      [
        'reviewed',
        'ACCEPTED',
        ['confirm', 'ACCEPTED'],
        ['a second', 'PROCESSING'],
        ['confirm', 'PROCESSING'],
        ['a second', 'WAIT_USER_CONFIRM'],
        ['create again', 'WAIT_USER_CONFIRM'],
        ['confirm', 'TRANSFERING'],
        ['cancel', 'TRANSFERING'],
        ['a second', 'SUCCESS'],
        ['cancel', 'SUCCESS'],
        ['fail', 'SUCCESS'],
        ['24 hours', 'SUCCESS'],
      ],
      [
        'reviewed',
        'ACCEPTED',
        ['cancel', 'CANCELING'],
        ['confirm', 'CANCELING'],
        ['cancel', 'CANCELING'],
        ['a second', 'CANCELLED'],
        ['confirm', 'CANCELLED'],
        ['create again', 'CANCELLED'],
        ['24 hours', 'CANCELLED'],
      ],
      ['reviewed', 'ACCEPTED', ['a second', 'PROCESSING'], ['cancel', 'CANCELING'], ['a second', 'CANCELLED']],
      ['reviewed', 'ACCEPTED', ['fail', 'FAIL']],
      ['reviewed', 'ACCEPTED', ['a second', 'PROCESSING'], ['fail', 'FAIL'], ['confirm', 'FAIL'], ['cancel', 'FAIL']],
      [undefined, 'WAIT_USER_CONFIRM', ['cancel', 'CANCELING'], ['a second', 'CANCELLED']],
      [undefined, 'WAIT_USER_CONFIRM', ['24 hours', 'FAIL'], ['confirm', 'FAIL'], ['create again', 'FAIL']],
      [undefined, 'WAIT_USER_CONFIRM', ['confirm, and it is there', 'SUCCESS']],
      [
        undefined,
        'WAIT_USER_CONFIRM',
        ['confirm', 'TRANSFERING'],
        ['the account is closed', 'TRANSFERING'],
        ['a second', 'FAIL'],
      ],
    ],
  },
  'profit sharing': {
    make: makeShare,
    known: [
      'PROCESSING/PENDING/frozen FINISHED/SUCCESS/frozen',
      'PROCESSING/PENDING/frozen FINISHED/CLOSED/frozen',
      'PROCESSING/PENDING/frozen PROCESSING/PENDING/free',
      'PROCESSING/PENDING/free FINISHED/SUCCESS/free',
      'FINISHED/SUCCESS/frozen FINISHED/SUCCESS/free',
    ],
    paths: [
      [
        undefined,
        'PROCESSING/PENDING/frozen',
        ['share again', 'PROCESSING/PENDING/frozen'],
        ['a second', 'FINISHED/SUCCESS/frozen'],
        ['share again', 'FINISHED/SUCCESS/frozen'],
        ['unfreeze', 'FINISHED/SUCCESS/free'],
        ['share after the end', 'FINISHED/SUCCESS/free'],
        ['unfreeze', 'FINISHED/SUCCESS/free'],
      ],
      [
        'a stranger',
        'PROCESSING/PENDING/frozen',
        ['a second', 'FINISHED/CLOSED/frozen'],
        ['share again', 'FINISHED/CLOSED/frozen'],
      ],
      [
        undefined,
        'PROCESSING/PENDING/frozen',
        ['unfreeze', 'PROCESSING/PENDING/free'],
        ['a second', 'FINISHED/SUCCESS/free'],
      ],
      // Nobody has to ask for it for ever.
      [
        undefined,
        'PROCESSING/PENDING/frozen',
        ['a second', 'FINISHED/SUCCESS/frozen'],
        ['thirty days', 'FINISHED/SUCCESS/free'],
        ['share after the end', 'FINISHED/SUCCESS/free'],
      ],
    ],
  },
  'return of a share': {
    make: makeReturn,
    known: ['PROCESSING SUCCESS', 'PROCESSING FAILED'],
    paths: [
      [undefined, 'PROCESSING', ['create again', 'PROCESSING'], ['a second', 'SUCCESS'], ['create again', 'SUCCESS']],
      ['poor', 'PROCESSING', ['a second', 'FAILED'], ['money comes', 'FAILED'], ['create again', 'FAILED']],
    ],
  },
};

describe.each(Object.entries(machines))('%s', (_, { make, paths, known }) => {
  test.each(
    paths.map(([wish, first, ...steps]) => ({ wish, first, steps, way: steps.map(([action]) => action).join(', ') })),
  )('$first, then $way', async ({ wish, first, steps }) => {
    const thing = await make(wish);
    expect(await thing.state()).toBe(first);
    for (const [action, then] of steps) {
      expect(Object.keys(thing.act)).toContain(action);
      await Promise.resolve()
        .then(() => thing.act[action]!())
        .catch(() => undefined);
      expect([action, await thing.state()]).toEqual([action, then]);
    }
  });

  test('goes every way that there is, and no other', () => {
    const gone = paths.flatMap(([, first, ...steps]) => {
      const states = [first, ...steps.map(([, then]) => then)];
      return states.slice(1).flatMap((then, index) => (then === states[index] ? [] : [`${states[index]} ${then}`]));
    });
    expect(new Set(gone)).toEqual(new Set(known));
  });
});
