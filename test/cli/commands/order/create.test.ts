import { describe, expect, test } from 'vitest';
import type { CommandInput } from '../../../../src/cli/command.ts';
import { command } from '../../../../src/cli/commands/order/create.ts';
import { makeRuntime, merchantEnv } from '../../../helpers/runtime.ts';

const common = { type: 'native', description: '咖啡', amount: '1', notifyUrl: 'https://a.example/n' };
const partnerEnv = { ...merchantEnv, WXPAY_SUB_MCHID: '1900000109' };

async function bodyOf(
  options: CommandInput['options'],
  env: Readonly<Record<string, string>> = merchantEnv,
): Promise<Record<string, unknown>> {
  const { runtime } = makeRuntime(env, { dryRun: true });
  const result = await command.run({ args: [], options: { ...common, ...options } }, runtime);
  const data = result?.data as { readonly body?: Record<string, unknown> } | undefined;
  return data?.body ?? {};
}

describe('the body of an order', () => {
  test.each<[string, CommandInput['options'], object]>([
    ['the merchant of the profile', {}, { appid: merchantEnv.WXPAY_APPID, mchid: merchantEnv.WXPAY_MCHID }],
    ['yuan as fen', { amount: '12.34yuan' }, { amount: { total: 1234 } }],
    ['a number of its own', { outTradeNo: 'ORDER_0001' }, { out_trade_no: 'ORDER_0001' }],
    ['a made number', {}, { out_trade_no: expect.stringMatching(/^[0-9A-Z]{32}$/) }],
    [
      'attach, tag and payment limits',
      { attach: 'a', goodsTag: 'WXG', limitPay: ['no_credit'] },
      { attach: 'a', goods_tag: 'WXG', limit_pay: ['no_credit'] },
    ],
    [
      'switches',
      { supportFapiao: true, profitSharing: true },
      { support_fapiao: true, settle_info: { profit_sharing: true } },
    ],
    [
      'the scene',
      { clientIp: '203.0.113.9', deviceId: 'd', storeId: 's' },
      { scene_info: { payer_client_ip: '203.0.113.9', device_id: 'd', store_info: { id: 's' } } },
    ],
    ['an expiry as it is', { timeExpire: '2026-11-23T10:00:00+08:00' }, { time_expire: '2026-11-23T10:00:00+08:00' }],
    ['an expiry from now, in Beijing time', { timeExpire: '30m' }, { time_expire: '2026-11-23T08:30:00+08:00' }],
    ['the payer', { type: 'jsapi', openid: 'o1' }, { payer: { openid: 'o1' } }],
    [
      'h5',
      {
        type: 'h5',
        clientIp: '203.0.113.9',
        h5Type: 'Wap',
        appName: 'n',
        appUrl: 'https://u.example',
        bundleId: 'b',
        packageName: 'p',
      },
      {
        scene_info: {
          h5_info: { type: 'Wap', app_name: 'n', app_url: 'https://u.example', bundle_id: 'b', package_name: 'p' },
        },
      },
    ],
    [
      'flags over --data, member by member',
      {
        amount: '2',
        storeId: 's',
        data: '{"amount":{"total":1,"currency":"CNY"},"scene_info":{"payer_client_ip":"203.0.113.9","store_info":{"id":"old","name":"n"}}}',
      },
      { amount: { total: 2, currency: 'CNY' }, scene_info: { store_info: { id: 's', name: 'n' } } },
    ],
    ['an appid in --data over the profile’s', { data: '{"appid":"wx_other"}' }, { appid: 'wx_other' }],
  ])('has %s', async (_what, options, members) => {
    expect(await bodyOf(options)).toMatchObject(members);
  });

  test('of a service provider names both merchants, and the payer by the appid that knows them', async () => {
    expect(await bodyOf({ type: 'jsapi', openid: 'o1' }, partnerEnv)).toMatchObject({
      sp_appid: merchantEnv.WXPAY_APPID,
      sp_mchid: merchantEnv.WXPAY_MCHID,
      sub_mchid: '1900000109',
      payer: { sp_openid: 'o1' },
    });
    const withAppid = { ...partnerEnv, WXPAY_SUB_APPID: 'wx_sub' };
    expect(await bodyOf({ type: 'jsapi', openid: 'o1' }, withAppid)).toMatchObject({
      sub_appid: 'wx_sub',
      payer: { sub_openid: 'o1' },
    });
  });

  test('two orders without a number have two numbers', async () => {
    expect((await bodyOf({}))['out_trade_no']).not.toBe((await bodyOf({}))['out_trade_no']);
  });
});

describe('what is missing is named with the flag that supplies it', () => {
  test.each<[CommandInput['options'], string, string]>([
    [{ description: undefined }, 'description', '--description'],
    [{ amount: undefined }, 'amount.total', '--amount'],
    [{ notifyUrl: undefined }, 'notify_url', '--notify-url'],
    [{ type: 'jsapi' }, 'payer.openid', '--openid'],
    [{ type: 'h5' }, 'scene_info.payer_client_ip', '--client-ip'],
    [{ type: 'h5', clientIp: '203.0.113.9' }, 'scene_info.h5_info.type', '--h5-type'],
  ])('%j', async (options, field, flag) => {
    await expect(bodyOf(options)).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      outcome: 'not_sent',
      params: { field, flag },
    });
  });

  test('a merchant without an appid', async () => {
    const { WXPAY_APPID: _, ...env } = merchantEnv;
    await expect(bodyOf({}, env)).rejects.toMatchObject({ code: 'CREDENTIAL_MISSING', params: { field: 'appid' } });
  });
});

test('the number is told before anything is sent, and a made one even with --quiet', async () => {
  for (const [options, quiet, told] of [
    [{ outTradeNo: 'ORDER_0001' }, false, true],
    [{ outTradeNo: 'ORDER_0001' }, true, false],
    [{}, true, true],
  ] as const) {
    // Nothing listens there.
    const { runtime, world, dispose } = makeRuntime(merchantEnv, { quiet });
    await expect(command.run({ args: [], options: { ...common, ...options } }, runtime)).rejects.toMatchObject({
      code: 'NETWORK_REFUSED',
      outcome: 'not_sent',
    });
    expect(/ORDER_0001|[0-9A-Z]{32}/.test(world.err())).toBe(told);
    await dispose();
  }
});

test('I6: at a live merchant nothing is sent without a yes, whatever the variables and standard input say', async () => {
  const live = {
    ...merchantEnv,
    WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com',
    CI: 'true',
    WXPAY_YES: '1',
    YES: '1',
  };
  const { runtime } = makeRuntime(live);
  await expect(command.run({ args: [], options: common }, runtime)).rejects.toMatchObject({
    code: 'CONFIRMATION_REQUIRED',
    outcome: 'not_sent',
  });
});

test('M1: a --confirm that names another merchant stops everything, also with --yes', async () => {
  const live = { ...merchantEnv, WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com' };
  const { runtime } = makeRuntime(live, { yes: true, confirm: '1900000002' });
  await expect(command.run({ args: [], options: common }, runtime)).rejects.toMatchObject({
    code: 'CONFIRMATION_REQUIRED',
  });
});

test('a skeleton needs no merchant, and is a body that --data takes back once its number is filled in', async () => {
  for (const type of ['native', 'jsapi', 'app', 'h5']) {
    const { runtime } = makeRuntime({});
    const result = await command.run({ args: [], options: { type, skeleton: true } }, runtime);
    const body = await bodyOf({
      type,
      description: undefined,
      amount: undefined,
      notifyUrl: undefined,
      data: JSON.stringify({ ...(result?.data as object), out_trade_no: 'FILLED_IN_0001' }),
    });
    expect(body).toMatchObject({ ...(result?.data as object), out_trade_no: 'FILLED_IN_0001' });
    await expect(bodyOf({ type, data: JSON.stringify(result?.data) })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  }
});
