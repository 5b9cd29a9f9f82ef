import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeClient } from './raw-client.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import { openStage, orderBody, partnerBody } from './stage.ts';
import type { Stage } from './stage.ts';

/** The legality matrix of the state reference, cell by cell, for both parties and all products. */
let stage: Stage;
let partner: RawClient;
beforeAll(async () => {
  stage = await openStage();
  partner = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
});
afterAll(async () => stage.end());

const minute = 60_000;
const day = 86_400_000;

type State = 'never created' | 'NOTPAY' | 'expired' | 'SUCCESS' | 'CLOSED' | 'burned';

describe.each(['direct', 'partner'] as const)('%s', (party) => {
  const base = `/v3/pay/${party === 'partner' ? 'partner/' : ''}transactions`;
  const sub = '1900000109';
  const client = (): RawClient => (party === 'direct' ? stage.client : partner);
  const caller = (): Record<string, string> =>
    party === 'direct' ? { mchid: '1900000001' } : { sp_mchid: '1900000100', sub_mchid: sub };
  const search = (): string => new URLSearchParams(caller()).toString();
  const prepay = async (product: string, body: object): Promise<RawAnswer> =>
    client().call('POST', `${base}/${product}`, body);
  const query = async (number: string): Promise<RawAnswer> =>
    client().call('GET', `${base}/out-trade-no/${number}?${search()}`);
  const queryById = async (id: string): Promise<RawAnswer> => client().call('GET', `${base}/id/${id}?${search()}`);
  const close = async (number: string): Promise<RawAnswer> =>
    client().call('POST', `${base}/out-trade-no/${number}/close`, caller());
  const summary = (answer: RawAnswer): string =>
    [answer.status, answer.json?.code, answer.json?.message].filter((part) => part !== undefined).join(' ');

  describe.each(['jsapi', 'app', 'h5', 'native'])('%s', (product) => {
    const other = product === 'native' ? 'app' : 'native';
    let body: Record<string, unknown>;
    let number: string;

    /** The number in the wanted state. */
    async function bring(state: State): Promise<void> {
      const extra = state === 'expired' ? { time_expire: new Date(stage.now() + 2 * minute).toISOString() } : {};
      body = party === 'direct' ? orderBody(stage, product, extra) : partnerBody(stage, product, extra);
      number = body['out_trade_no'] as string;
      if (state === 'never created') return;
      if (state === 'burned') {
        await close(number);
        return;
      }
      expect((await prepay(product, body)).status).toBe(200);
      if (state === 'expired') stage.advance(3 * minute);
      if (state === 'SUCCESS') await stage.emulator.pay({ order: number, callback: false });
      if (state === 'CLOSED') await close(number);
    }

    const reentry = '400 INVALID_REQUEST 请求重入时，参数与首次请求时不一致';
    const paid = '400 ORDERPAID 该订单已支付';
    const closed = '400 ORDER_CLOSED 订单已关闭';

    test.each<[State, string]>([
      ['never created', '200'],
      ['NOTPAY', '200'],
      ['expired', '400 ORDER_CLOSED 该订单已失效'],
      ['SUCCESS', paid],
      ['CLOSED', closed],
      ['burned', reentry],
    ])('prepay of the same again, %s: %s', async (state, verdict) => {
      await bring(state);
      expect(summary(await prepay(product, body))).toBe(verdict);
    });

    test.each<[State, string]>([
      ['NOTPAY', reentry],
      ['expired', reentry],
      ['SUCCESS', paid],
      ['CLOSED', closed],
    ])('prepay with another parameter, %s: %s', async (state, verdict) => {
      await bring(state);
      for (const drift of [
        { description: 'other' },
        { attach: 'new' },
        { amount: { total: 1291, currency: 'CNY' } },
        { amount: { total: 1290 } },
        { notify_url: 'http://127.0.0.1:9/other' },
      ]) {
        expect(summary(await prepay(product, { ...body, ...drift }))).toBe(verdict);
      }
    });

    test.each<[State, string]>([
      ['NOTPAY', '403 OUT_TRADE_NO_USED 商户订单号重复'],
      ['expired', '403 OUT_TRADE_NO_USED 商户订单号重复'],
      ['SUCCESS', paid],
      ['CLOSED', closed],
    ])('prepay of another product, %s: %s', async (state, verdict) => {
      await bring(state);
      const { payer: _payer, scene_info: _scene, ...rest } = body;
      expect(summary(await prepay(other, rest))).toBe(verdict);
    });

    test.each<[State, string]>([
      ['never created', '404 ORDER_NOT_EXIST 订单不存在'],
      ['NOTPAY', '200'],
      ['expired', '200'],
      ['SUCCESS', '200'],
      ['CLOSED', '200'],
      ['burned', '404 ORDER_NOT_EXIST 订单不存在'],
    ])('query, %s: %s', async (state, verdict) => {
      await bring(state);
      const answer = await query(number);
      expect(summary(answer)).toBe(verdict);
      if (answer.status !== 200) return;
      const shown = state === 'expired' ? 'NOTPAY' : state;
      expect(answer.json).toMatchObject({ out_trade_no: number, trade_state: shown, ...caller() });
    });

    test.each<[State, string]>([
      ['never created', '204'],
      ['NOTPAY', '204'],
      ['expired', '204'],
      ['SUCCESS', '400 ORDER_PAID 该订单已支付'],
      ['CLOSED', '204'],
      ['burned', '204'],
    ])('close, %s: %s', async (state, verdict) => {
      await bring(state);
      expect(summary(await close(number))).toBe(verdict);
      const after = await query(number);
      if (state === 'NOTPAY' || state === 'expired' || state === 'CLOSED') {
        expect(after.json).toMatchObject({ trade_state: 'CLOSED', trade_state_desc: '订单已关闭' });
      }
      if (state === 'SUCCESS') expect(after.json).toMatchObject({ trade_state: 'SUCCESS' });
    });

    test.each<[State, string | undefined]>([
      ['never created', 'NOT_FOUND'],
      ['NOTPAY', undefined],
      ['expired', 'EMULATOR_ORDER_EXPIRED'],
      ['SUCCESS', 'ORDER_PAID'],
      ['CLOSED', 'ORDER_CLOSED'],
      ['burned', 'NOT_FOUND'],
    ])('payment, %s: %s', async (state, code) => {
      await bring(state);
      const paying = stage.emulator.pay({ order: number, callback: false });
      if (code === undefined) expect((await paying).transaction).toMatchObject({ trade_state: 'SUCCESS' });
      else await expect(paying).rejects.toMatchObject({ code });
    });

    test('a paid order is found by its transaction_id too, and shows who paid', async () => {
      await bring('NOTPAY');
      const { transaction } = await stage.emulator.pay({ order: number, callback: false });
      const id = transaction['transaction_id'] as string;
      expect(id).toMatch(/^4200\d{6}\d{8}\d{10}$/);
      const byId = await queryById(id);
      expect(byId.json).toEqual((await query(number)).json);
      expect(byId.json).toEqual(transaction);
      expect(byId.json).toMatchObject({
        trade_type: { jsapi: 'JSAPI', app: 'APP', h5: 'MWEB', native: 'NATIVE' }[product],
        bank_type: 'OTHERS',
        amount: { total: 1290, payer_total: 1290, currency: 'CNY', payer_currency: 'CNY' },
      });
      const payer = byId.json['payer'] as Record<string, string>;
      expect(Object.keys(payer)).toEqual(party === 'direct' ? ['openid'] : ['sp_openid']);
    });

    test('an unpaid order shows what live answers show, and no transaction', async () => {
      await bring('NOTPAY');
      const { json } = await query(number);
      expect(json).toEqual({
        amount: { payer_currency: 'CNY', total: 1290 },
        ...(party === 'direct'
          ? { appid: body['appid'], mchid: body['mchid'] }
          : { sp_appid: body['sp_appid'], sp_mchid: body['sp_mchid'], sub_mchid: sub }),
        out_trade_no: number,
        promotion_detail: [],
        scene_info: { device_id: '' },
        trade_state: 'NOTPAY',
        trade_state_desc: '订单未支付',
      });
    });

    test('a repeat hands out a fresh handle of the documented form', async () => {
      await bring('NOTPAY');
      const field = { jsapi: 'prepay_id', app: 'prepay_id', h5: 'h5_url', native: 'code_url' }[product]!;
      const form = {
        prepay_id: /^wx\d{8}[0-9a-f]{22}0000$/,
        code_url: /^weixin:\/\/wxpay\/bizpayurl\?pr=[0-9A-Za-z]{16}$/,
        h5_url:
          /^https:\/\/wx\.tenpay\.com\/cgi-bin\/mmpayweb-bin\/checkmweb\?prepay_id=wx[0-9a-z]{34}&package=\d{10}$/,
      }[field]!;
      const first = (await prepay(product, body)).json as Record<string, string>;
      const second = (await prepay(product, body)).json as Record<string, string>;
      expect(Object.keys(first)).toEqual([field]);
      expect(first[field]).toMatch(form);
      expect(second[field]).not.toBe(first[field]);
      const old = stage.emulator.pay({ order: first[field]!, callback: false });
      // Only a code_url ends with its successor.
      if (product === 'native') await expect(old).rejects.toMatchObject({ code: 'NOT_FOUND' });
      else expect((await old).transaction).toMatchObject({ out_trade_no: number });
    });

    test('a handle expires, and a repeat renews it', async () => {
      await bring('NOTPAY');
      stage.advance((product === 'h5' ? 5 : 120) * minute + 1);
      const paying = stage.emulator.pay({ order: number, callback: false });
      await expect(paying).rejects.toMatchObject({ code: 'EMULATOR_HANDLE_EXPIRED' });
      expect((await prepay(product, body)).status).toBe(200);
      expect((await stage.emulator.pay({ order: number, callback: false })).callback).toBeNull();
    });

    test('an order closes by itself after seven days', async () => {
      await bring('NOTPAY');
      stage.advance(7 * day - 1);
      expect((await query(number)).json).toMatchObject({ trade_state: 'NOTPAY' });
      stage.advance(1);
      expect((await query(number)).json).toMatchObject({ trade_state: 'CLOSED' });
    });

    test('members in another order are the same parameters', async () => {
      await bring('NOTPAY');
      const reversed = Object.fromEntries(Object.entries(body).toReversed());
      expect((await prepay(product, reversed)).status).toBe(200);
    });
  });

  describe('times to pay', () => {
    const at = (milliseconds: number): string => new Date(stage.now() + milliseconds).toISOString();
    const place = async (timeExpire: string, product = 'app'): Promise<string> => {
      const body = (party === 'direct' ? orderBody : partnerBody)(stage, product, { time_expire: timeExpire });
      expect((await prepay(product, body)).status).toBe(200);
      return body['out_trade_no'] as string;
    };

    test('one in the past is raised to a minute from now', async () => {
      const number = await place(at(-day));
      stage.advance(minute);
      expect((await stage.emulator.pay({ order: number, callback: false })).transaction).toBeDefined();
    });

    test.each([
      ['app', 15],
      ['native', 7],
    ])('for %s, one too far ahead is cut at %i days', async (product, days) => {
      const body = (party === 'direct' ? orderBody : partnerBody)(stage, product, { time_expire: at(60 * day) });
      await prepay(product, body);
      stage.advance(days * day - 1);
      expect((await prepay(product, body)).status).toBe(200);
      stage.advance(2);
      expect((await query(body['out_trade_no'] as string)).json).toMatchObject({ trade_state: 'CLOSED' });
    });
  });

  describe('query and close parameters', () => {
    let number: string;
    beforeEach(async () => {
      const body = (party === 'direct' ? orderBody : partnerBody)(stage, 'native');
      number = body['out_trade_no'] as string;
      await prepay('native', body);
    });

    /** Each parameter, and what is wrong with it. */
    const wrong: readonly [string, string | undefined][] = [
      ['missing', undefined],
      ['empty', ''],
      ['too long', '1'.repeat(33)],
      ['no number', '19000000x1'],
      ['somebody else', '1900000777'],
    ];
    const names = party === 'direct' ? ['mchid'] : ['sp_mchid', 'sub_mchid'];
    const cases = names.flatMap((name) => wrong.map(([what, value]) => ({ name, what, value })));

    test.each(cases)('$name $what', async ({ name, what, value }) => {
      const changed: Record<string, string> = { ...caller() };
      if (value === undefined) delete changed[name];
      else changed[name] = value;
      const text = new URLSearchParams(changed).toString();
      const expected = name === 'sub_mchid' && what === 'somebody else' ? [403, 'NO_AUTH'] : [400, 'PARAM_ERROR'];
      for (const target of [`out-trade-no/${number}`, 'id/4200001234202611231234567890']) {
        const answer = await client().call('GET', `${base}/${target}${text === '' ? '' : `?${text}`}`);
        expect([answer.status, answer.json.code]).toEqual(expected);
      }
      const closing = await client().call('POST', `${base}/out-trade-no/${number}/close`, changed);
      expect([closing.status, closing.json.code]).toEqual(expected);
      expect((await query(number)).json).toMatchObject({ trade_state: 'NOTPAY' });
    });

    test.each(names)('%s of the wrong type or null in a close', async (name) => {
      for (const value of [null, 1900000001, true, {}, []]) {
        const answer = await client().call('POST', `${base}/out-trade-no/${number}/close`, {
          ...caller(),
          [name]: value,
        });
        expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
      }
    });

    test('an unknown or repeated parameter', async () => {
      for (const extra of ['&sub_mch_id=1', `&${search()}`, '&']) {
        const answer = await client().call('GET', `${base}/out-trade-no/${number}?${search()}${extra}`);
        expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
        expect(answer.json.message).toBe('请求中含有未在API文档中定义的参数');
      }
      const closing = await client().call('POST', `${base}/out-trade-no/${number}/close`, { ...caller(), appid: 'x' });
      expect(closing.json).toMatchObject({ detail: { location: null, value: ['/body/appid'] } });
      const queried = await client().call('POST', `${base}/out-trade-no/${number}/close?${search()}`, caller());
      expect([queried.status, queried.json.code]).toEqual([400, 'PARAM_ERROR']);
    });

    test.each([
      'ABCDE',
      'A'.repeat(33),
      'ABC.DEF',
      'ABC%20DEF',
      'ABC%2FDEF',
      '%E8%AE%A2%E5%8D%95',
      'ABCDE%',
      'ABC@DEF',
    ])('B1: the number %s', async (text) => {
      const answer = await query(text);
      expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
      expect(answer.json).toMatchObject({ detail: { location: 'uri_template' } });
      expect((await close(text)).status).toBe(400);
    });

    test('B2: | may come raw or percent-encoded, as long as it is signed as it came', async () => {
      const body = (party === 'direct' ? orderBody : partnerBody)(stage, 'native', { out_trade_no: `A|B*C-${number}` });
      expect((await prepay('native', body)).status).toBe(200);
      for (const written of [`A|B*C-${number}`, `A%7CB%2AC-${number}`, `A%7cB*C-${number}`]) {
        expect((await query(written)).json).toMatchObject({ out_trade_no: `A|B*C-${number}` });
      }
    });
  });
});

describe('several merchants', () => {
  test('one merchant cannot see, close or use up the numbers of another', async () => {
    const two = await stage.emulator.addMerchant({ mchid: '1900000002', appids: ['wx00000000000000ff'] });
    expect(two.serialNo).toMatch(/^[0-9A-F]{40}$/);
    const info = stage.emulator.infoOf('1900000002');
    const client = makeClient(info, stage.now);
    const body = orderBody(stage, 'native');
    const number = body['out_trade_no'] as string;
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    const path = `/v3/pay/transactions/out-trade-no/${number}`;
    expect((await client.call('GET', `${path}?mchid=1900000002`)).json.code).toBe('ORDER_NOT_EXIST');
    expect((await client.call('POST', `${path}/close`, { mchid: '1900000002' })).status).toBe(204);
    expect((await stage.client.call('GET', `${path}?mchid=1900000001`)).json).toMatchObject({ trade_state: 'NOTPAY' });
    const own = { ...body, mchid: info.mchid, appid: info.appid, out_trade_no: `${number}B` };
    await client.call('POST', '/v3/pay/transactions/native', own);
    await stage.client.call('POST', '/v3/pay/transactions/native', { ...body, out_trade_no: `${number}B` });
    await expect(stage.emulator.pay({ order: `${number}B` })).rejects.toMatchObject({ code: 'INPUT_MISSING' });
    const paid = await stage.emulator.pay({ order: `${number}B`, mchid: '1900000002', callback: false });
    expect(paid.transaction).toMatchObject({ mchid: '1900000002' });
    const unpaid = await stage.client.call('GET', `${path}B?mchid=1900000001`);
    expect(unpaid.json).toMatchObject({ trade_state: 'NOTPAY' });
    const foreign = await stage.client.call(
      'GET',
      `/v3/pay/transactions/id/${String(paid.transaction['transaction_id'])}?mchid=1900000001`,
    );
    expect(foreign.json.code).toBe('ORDER_NOT_EXIST');
  });

  test.each([
    ['an ordinary merchant as a service provider', { sp_mchid: '1900000001' }, 403, 'NO_AUTH'],
    ['itself as its sub-merchant', { sub_mchid: '1900000100' }, 400, 'INVALID_REQUEST'],
    ['a sub-merchant of nobody', { sub_mchid: '1900000777' }, 403, 'NO_AUTH'],
    ["an appid that is not the sub-merchant's", { sub_appid: 'wx0000000000000000' }, 400, 'APPID_MCHID_NOT_MATCH'],
  ])('%s is refused', async (_name, extra, status, code) => {
    const client = 'sp_mchid' in extra ? stage.client : partner;
    const body = partnerBody(stage, 'native', extra);
    const answer = await client.call('POST', '/v3/pay/partner/transactions/native', body);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });

  test('a service provider has no orders of its own', async () => {
    const provider = stage.emulator.infoOf('1900000100');
    const body = orderBody(stage, 'native', { mchid: provider.mchid, appid: provider.appid });
    const answer = await partner.call('POST', '/v3/pay/transactions/native', body);
    expect([answer.status, answer.json.code]).toEqual([403, 'NO_AUTH']);
  });

  test.each([
    [{ sp_openid: 'o', sub_openid: 'o' }, {}, 400],
    [{}, {}, 400],
    [{ sub_openid: 'o' }, {}, 400],
    [{ sub_openid: 'o' }, { sub: true }, 200],
    [{ sp_openid: 'o' }, {}, 200],
  ])('payer %j with %j answers %i', async (payer, { sub = false }: { sub?: boolean }, status) => {
    const provider = stage.emulator.merchants.find(({ subMerchants }) => subMerchants !== undefined)!;
    const extra = sub ? { sub_appid: provider.subMerchants![0]!.appids[0] } : {};
    const body = partnerBody(stage, 'jsapi', { payer, ...extra });
    expect((await partner.call('POST', '/v3/pay/partner/transactions/jsapi', body)).status).toBe(status);
  });

  test('the same number twice for two sub-merchants of one provider is taken', async () => {
    const info = await stage.emulator.addMerchant({
      mchid: '1900000200',
      appids: ['wx00000000000000aa'],
      subMerchants: [
        { mchid: '1900000201', appids: [] },
        { mchid: '1900000202', appids: [] },
      ],
    });
    const client = makeClient(stage.emulator.infoOf('1900000200'), stage.now);
    const own = { sp_mchid: info.mchid, sp_appid: info.appids[0] };
    const body = partnerBody(stage, 'native', { ...own, sub_mchid: '1900000201' });
    const target = '/v3/pay/partner/transactions/native';
    expect((await client.call('POST', target, body)).status).toBe(200);
    const other = await client.call('POST', target, { ...body, sub_mchid: '1900000202' });
    expect([other.status, other.json.code]).toEqual([400, 'INVALID_REQUEST']);
    const path = `/v3/pay/partner/transactions/out-trade-no/${String(body['out_trade_no'])}`;
    const queried = await client.call('GET', `${path}?sp_mchid=1900000200&sub_mchid=1900000202`);
    expect([queried.status, queried.json.message]).toEqual([400, '子商户号与订单不匹配']);
    const closed = await client.call('POST', `${path}/close`, { sp_mchid: '1900000200', sub_mchid: '1900000202' });
    expect(closed.status).toBe(400);
  });
});
