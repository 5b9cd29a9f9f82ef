import { describe, expect, test } from 'vitest';
import { codepayRequest, payByCode, reverseOrder, reverseRequest } from '../../src/operations/codepay.ts';
import { WxpayError } from '../../src/core/errors.ts';
import type { Party } from '../../src/operations/order.ts';
import { scripted, type Play } from './scripted-transport.ts';

const direct: Party = { kind: 'direct', mchid: '1900000001' };
const partner: Party = { kind: 'partner', sp_mchid: '1900000001', sub_mchid: '1900000109' };
const no = 'ORDER_0001';
const code = '130061098828009406';
type Fieldset = Record<string, unknown>;

const body = (change: Fieldset = {}): Fieldset => ({
  appid: 'wx1',
  mchid: '1900000001',
  description: 'd',
  out_trade_no: no,
  payer: { auth_code: code },
  amount: { total: 100 },
  scene_info: { store_info: { id: '1' } },
  ...change,
});
const order = (state: string, change: Fieldset = {}): Fieldset => ({
  appid: 'wx1',
  mchid: '1900000001',
  out_trade_no: no,
  trade_state: state,
  trade_type: 'MICROPAY',
  amount: { total: 100 },
  ...change,
});
const post = (play: Partial<Play> = {}): Play => ({ on: 'POST /v3/pay/transactions/codepay', ...play });
const look = (state: string, change: Fieldset = {}): Play => ({
  on: `GET /v3/pay/transactions/out-trade-no/${no}?mchid=1900000001`,
  answer: order(state, change),
});
const missing: Play = { on: 'GET', status: 404, answer: { code: 'ORDER_NOT_EXIST', message: 'm' } };
const userPaying = post({ status: 202, answer: { code: 'USER_PAYING', message: 'm' } });
const cut = (): WxpayError => new WxpayError('NETWORK_CUT', { params: { host: 'h' }, outcome: 'unknown' });

/** Time passes by sleeping. */
function clock(): { now: () => number; monotonic: () => number; sleep: (ms: number) => Promise<void> } {
  let time = 0;
  return {
    now: () => time,
    monotonic: () => time,
    sleep: async (ms) => {
      time += ms;
    },
  };
}
const pay = async (
  plays: readonly Play[],
  limit = 15_000,
): Promise<{ result: unknown; left: number; posts: number }> => {
  const { transport, left, requests } = scripted(...plays);
  const wait = { interval: 5_000, limit, clock: clock() };
  const result = await payByCode(
    transport,
    direct,
    codepayRequest(direct, body()),
    { out_trade_no: no, total: 100 },
    wait,
  ).catch((error: unknown) => error);
  return { result, left: left(), posts: requests.filter(({ method }) => method === 'POST').length };
};

describe('a body that WeChat Pay would refuse is not sent', () => {
  test.each<[string, Party, Fieldset, string]>([
    ['no code', direct, { payer: {} }, 'payer.auth_code'],
    ['a code that is none', direct, { payer: { auth_code: '13006109882800940' } }, 'payer.auth_code'],
    ['no store', direct, { scene_info: {} }, 'scene_info.store_info'],
    ['a total of nothing', direct, { amount: { total: 0 } }, 'amount.total'],
    ['a notify_url', direct, { notify_url: 'https://a.example/' }, 'notify_url'],
    ['a service provider’s without its numbers', partner, {}, 'sp_appid'],
  ])('%s', (_what, party, change, field) => {
    const work = (): unknown => codepayRequest(party, body(change));
    expect(work).toThrowError(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        outcome: 'not_sent',
        params: expect.objectContaining({ field }),
      }),
    );
  });

  test('E1: an error about a code does not repeat it', () => {
    const wrong = `${code}9`;
    try {
      codepayRequest(direct, body({ payer: { auth_code: wrong } }));
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify([error, (error as Error).message])).not.toContain(code);
    }
  });
});

describe('how a payment ends', () => {
  test.each<[string, Play[]]>([
    ['paid at once', [post({ answer: order('SUCCESS') })]],
    ['after the password', [userPaying, look('USERPAYING'), look('SUCCESS')]],
    ['after a 200 that says USERPAYING', [post({ answer: order('USERPAYING') }), look('SUCCESS')]],
    ['after a lost answer', [post({ throws: cut() }), look('SUCCESS')]],
    ['after a 500', [post({ status: 500, answer: { code: 'SYSTEM_ERROR', message: 'm' } }), look('SUCCESS')]],
    [
      'after a BANK_ERROR',
      [post({ status: 500, answer: { code: 'BANK_ERROR', message: 'm' } }), look('USERPAYING'), look('SUCCESS')],
    ],
    ['after a 429', [post({ status: 429, answer: { code: 'FREQUENCY_LIMITED', message: 'm' } }), look('SUCCESS')]],
    ['after an unsigned 200', [post({ answer: order('SUCCESS'), trust: 'unsigned' }), look('SUCCESS')]],
    [
      'after an answer about another order',
      [post({ answer: order('SUCCESS', { out_trade_no: 'OTHER_1' }) }), look('SUCCESS')],
    ],
    [
      'after an answer about another sum',
      [post({ answer: order('SUCCESS', { amount: { total: 1 } }) }), look('SUCCESS')],
    ],
    ['though it could not be found at first', [post({ throws: cut() }), missing, look('SUCCESS')]],
    ['though a question was lost', [userPaying, { on: 'GET', throws: cut() }, look('SUCCESS')]],
  ])('succeeded %s, sent once', async (_how, plays) => {
    expect(await pay(plays)).toEqual({ result: order('SUCCESS'), left: 0, posts: 1 });
  });

  test.each<[string, Play[], object]>([
    [
      'refused',
      [post({ status: 403, answer: { code: 'NOT_ENOUGH', message: 'm' } })],
      { code: 'API_REFUSED', outcome: 'rejected' },
    ],
    [
      'of a used code',
      [post({ status: 403, answer: { code: 'AUTH_CODE_EXPIRE', message: 'm' } })],
      { code: 'API_REFUSED' },
    ],
    [
      'paid before',
      [post({ status: 400, answer: { code: 'ORDER_PAID', message: 'm' } })],
      { code: 'ORDER_PAID', params: { out_trade_no: no } },
    ],
    [
      'not permitted',
      [post({ status: 403, answer: { code: 'NO_AUTH', message: 'm' } })],
      { code: 'CREDENTIALS_REFUSED' },
    ],
    [
      'failed',
      [userPaying, look('PAYERROR')],
      { code: 'PAYMENT_FAILED', outcome: 'rejected', next: ['order', 'reverse', no] },
    ],
    ['reversed by somebody else', [userPaying, look('REVOKED')], { code: 'PAYMENT_FAILED', next: undefined }],
    [
      'still waiting for the password',
      [userPaying, look('USERPAYING'), look('USERPAYING'), look('USERPAYING')],
      { code: 'NOT_FINAL', next: ['order', 'reverse', no], hint: 'order.hint.reverse' },
    ],
    [
      'declined',
      [userPaying, look('USERPAYING'), look('NOTPAY'), look('NOTPAY')],
      { code: 'NOT_FINAL', params: { state: 'NOTPAY' }, next: ['order', 'reverse', no] },
    ],
    [
      'lost, and never found',
      [post({ throws: cut() }), missing, missing, missing],
      { code: 'OUTCOME_UNKNOWN', outcome: 'unknown', next: ['order', 'query', no] },
    ],
    [
      'under way, and nobody to ask',
      [userPaying, { on: 'GET', throws: cut() }, { on: 'GET', throws: cut() }, { on: 'GET', throws: cut() }],
      { code: 'OUTCOME_UNKNOWN', next: ['order', 'query', no] },
    ],
  ])('%s', async (_how, plays, expected) => {
    const { result, left, posts } = await pay(plays);
    expect(result).toBeInstanceOf(WxpayError);
    expect(result).toMatchObject(expected);
    expect([left, posts]).toEqual([0, 1]);
  });
});

describe('reversal', () => {
  const target = `/v3/pay/transactions/out-trade-no/${no}/reverse`;
  const parts = { party: direct, appid: 'wx1', out_trade_no: no };
  const reverse = (play: Partial<Play> = {}): Play => ({
    on: `POST ${target}`,
    answer: { appid: 'wx1', mchid: '1900000001', out_trade_no: no },
    ...play,
  });

  test('names who reverses', () => {
    expect(JSON.parse(Buffer.from(reverseRequest(parts).body).toString())).toEqual({
      appid: 'wx1',
      mchid: '1900000001',
    });
    const request = reverseRequest({ party: partner, appid: 'wx1', sub_appid: 'wx2', out_trade_no: no });
    expect(request.target).toBe(`/v3/pay/partner/transactions/out-trade-no/${no}/reverse`);
    expect(JSON.parse(Buffer.from(request.body).toString())).toEqual({
      sp_appid: 'wx1',
      sub_appid: 'wx2',
      sp_mchid: '1900000001',
      sub_mchid: '1900000109',
    });
  });

  test.each<[string, Play[]]>([
    ['confirmed', [reverse(), look('REVOKED')]],
    ['closed, since it was not paid', [reverse(), look('CLOSED')]],
    ['though the answer was lost', [reverse({ throws: cut() }), look('REVOKED')]],
    ['though the answer is about another order', [reverse({ answer: { out_trade_no: 'OTHER_1' } }), look('REVOKED')]],
  ])('%s', async (_how, plays) => {
    const { transport, left } = scripted(...plays);
    expect(await reverseOrder(transport, parts)).toMatchObject({ out_trade_no: no });
    expect(left()).toBe(0);
  });

  test.each<[string, Play[], object]>([
    [
      'refused',
      [reverse({ status: 403, answer: { code: 'RULE_LIMIT', message: 'm' } })],
      { code: 'API_REFUSED', outcome: 'rejected' },
    ],
    [
      'lost, and still paid',
      [reverse({ throws: cut() }), look('SUCCESS')],
      { code: 'OUTCOME_UNKNOWN', next: ['order', 'query', no] },
    ],
    [
      'lost, and nobody to ask',
      [reverse({ throws: cut() }), { on: 'GET', throws: cut() }],
      { code: 'OUTCOME_UNKNOWN' },
    ],
    ['answered, and still paid', [reverse(), look('SUCCESS')], { code: 'OUTCOME_UNKNOWN', outcome: 'unknown' }],
  ])('%s', async (_how, plays, expected) => {
    const { transport, left } = scripted(...plays);
    await expect(reverseOrder(transport, parts)).rejects.toMatchObject(expected);
    expect(left()).toBe(0);
  });
});
