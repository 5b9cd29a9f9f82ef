import { constants, createPrivateKey, privateDecrypt, publicEncrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decrypt, receive } from './receiver.ts';
import { makeClient, platformKey } from './raw-client.ts';
import type { RawAnswer } from './raw-client.ts';
import { openSibling, openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/** Merchant transfers, state by state and error by error (states 4, endpoints 11.1). */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const base = '/v3/fund-app/mch-transfer/transfer-bills';
const hour = 3_600_000;
type Body = Record<string, unknown>;
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;
const codeOf = (answer: RawAnswer): string =>
  answer.json?.code === undefined ? String(answer.status) : `${answer.status} ${answer.json.code}`;

function body(extra: Body = {}): Body {
  return {
    appid: stage.emulator.info.appid,
    out_bill_no: stage.number(),
    openid: 'oABCD5example_openid00000001',
    transfer_amount: 1000,
    transfer_remark: '新会员有礼',
    transfer_scene_id: '1000',
    transfer_scene_report_infos: [
      { info_type: '活动名称', info_content: '新会员有礼' },
      { info_type: '奖励说明', info_content: '注册会员抽奖一等奖' },
    ],
    ...extra,
  };
}
const encrypted = (name: string): string =>
  publicEncrypt({ key: platformKey(stage.emulator.info), ...oaep }, Buffer.from(name)).toString('base64');
const post = async (given: object, at = stage): Promise<RawAnswer> =>
  at.client.call('POST', base, given, {
    headers: { 'wechatpay-serial': stage.emulator.info.platform_serial_no! },
  });
const query = async (number: unknown, at = stage): Promise<RawAnswer> =>
  at.client.call('GET', `${base}/out-bill-no/${String(number)}`);
const cancel = async (number: unknown, given?: object): Promise<RawAnswer> =>
  stage.client.call('POST', `${base}/out-bill-no/${String(number)}/cancel`, given);
async function created(extra: Body = {}): Promise<string> {
  const answer = await post(body(extra));
  expect(codeOf(answer)).toBe('200');
  return String(answer.json['out_bill_no']);
}
const stateOf = async (number: string): Promise<unknown> => (await query(number)).json['state'];

describe('a transfer', () => {
  test('waits for its user at once, with what the mini-program needs, and is found by either number', async () => {
    const answer = await post(body());
    expect(answer.json).toEqual({
      out_bill_no: expect.stringMatching(/^T\d+$/) as string,
      transfer_bill_no: expect.stringMatching(/^1330\d{36}$/) as string,
      create_time: expect.stringMatching(/^2026-11-2\dT.*\+08:00$/) as string,
      state: 'WAIT_USER_CONFIRM',
      package_info: expect.stringMatching(/^[\w+/=]{20,}$/) as string,
    });
    const number = answer.json['out_bill_no'];
    const found = await query(number);
    expect(found.json).toMatchObject({
      mch_id: stage.emulator.info.mchid,
      out_bill_no: number,
      state: 'WAIT_USER_CONFIRM',
      transfer_amount: 1000,
      transfer_remark: '新会员有礼',
      openid: 'oABCD5example_openid00000001',
    });
    const other = await stage.client.call('GET', `${base}/transfer-bill-no/${String(answer.json['transfer_bill_no'])}`);
    expect(other.json).toEqual(found.json);
  });

  test('is reviewed first where the settings say so', async () => {
    stage.emulator.transfers.configure({ review_ms: 1000 });
    const answer = await post(body());
    stage.emulator.transfers.configure({ review_ms: 1000 });
    expect(answer.json['state']).toBe('ACCEPTED');
    expect(answer.json).not.toHaveProperty('package_info');
    const number = String(answer.json['out_bill_no']);
    stage.advance(1000);
    expect(await stateOf(number)).toBe('PROCESSING');
    stage.advance(1000);
    expect(await stateOf(number)).toBe('WAIT_USER_CONFIRM');
    stage.emulator.transfers.configure({ review_ms: 0 });
  });

  test('is paid once its user confirms', async () => {
    const number = await created();
    const { transfer, callback } = await stage.emulator.transfers.confirm({ transfer: number, outcome: 'transfering' });
    expect([transfer['state'], callback]).toEqual(['TRANSFERING', null]);
    stage.advance(999);
    expect(await stateOf(number)).toBe('TRANSFERING');
    stage.advance(1);
    expect(await stateOf(number)).toBe('SUCCESS');
  });

  test('is paid at once on command', async () => {
    const number = await created();
    expect((await stage.emulator.transfers.confirm({ transfer: number })).transfer['state']).toBe('SUCCESS');
    await expect(stage.emulator.transfers.confirm({ transfer: number })).rejects.toMatchObject({
      code: 'EMULATOR_TRANSFER_STATE',
      params: { state: 'SUCCESS' },
    });
  });

  test('fails when nobody confirms within 24 hours, and not before', async () => {
    const number = await created();
    stage.advance(24 * hour - 1);
    expect(await stateOf(number)).toBe('WAIT_USER_CONFIRM');
    stage.advance(1);
    expect((await query(number)).json).toMatchObject({ state: 'FAIL', fail_reason: 'OVERDUE_CLOSE' });
  });

  test.each([
    ['frozen', 'ACCOUNT_FROZEN'],
    ['closed', 'ACCOUNT_NOT_EXIST'],
  ] as const)('fails for a user whose account is %s', async (state, reason) => {
    const openid = `oPayee_${state}_00000000000001`;
    stage.emulator.changePayer(openid, { state });
    const number = await created({ openid });
    await stage.emulator.transfers.confirm({ transfer: number });
    expect((await query(number)).json).toMatchObject({ state: 'FAIL', fail_reason: reason });
  });

  test('is not shown any more after 30 days, but its number stays used', async () => {
    const given = body();
    await post(given);
    stage.advance(30 * 24 * hour + 1);
    expect(codeOf(await query(given['out_bill_no']))).toBe('404 NOT_FOUND');
    expect(codeOf(await post({ ...given, transfer_amount: 2000 }))).toBe('400 INVALID_REQUEST');
  });
});

describe('a number', () => {
  test('gives the same transfer for the same content, as it stands now, whatever the ciphertext', async () => {
    const given = body({ user_name: encrypted('张三') });
    const first = await post(given);
    const again = await post({ ...given, user_name: encrypted('张三') });
    expect(again.json).toEqual(first.json);
    await stage.emulator.transfers.confirm({ transfer: String(given['out_bill_no']) });
    const paid = await post({ ...given, user_name: encrypted('张三') });
    expect(paid.json).toMatchObject({ state: 'SUCCESS', transfer_bill_no: first.json['transfer_bill_no'] });
    expect(paid.json).not.toHaveProperty('package_info');
    expect(stage.emulator.transfers.ledger().filter((entry) => entry.out_bill_no === given['out_bill_no'])).toEqual([
      expect.objectContaining({ amount: 1000, posts: 3 }),
    ]);
  });

  test.each<[string, Body]>([
    ['amount', { transfer_amount: 1001 }],
    ['openid', { openid: 'oABCD5example_openid00000002' }],
    ['remark', { transfer_remark: '另一个' }],
    [
      'report',
      {
        transfer_scene_report_infos: [
          { info_type: '活动名称', info_content: '别的活动' },
          { info_type: '奖励说明', info_content: '注册会员抽奖一等奖' },
        ],
      },
    ],
    ['name', { user_name: '李四' }],
  ])('is refused with another %s', async (_, change) => {
    const given = body({ user_name: encrypted('张三') });
    expect(codeOf(await post(given))).toBe('200');
    const name = change['user_name'];
    const again = await post({
      ...given,
      ...change,
      ...(typeof name === 'string' ? { user_name: encrypted(name) } : {}),
    });
    expect(codeOf(again)).toBe('400 INVALID_REQUEST');
    expect(again.json.message).toBe('单号已存在但信息不一致，请查单后比较确认');
  });
});

describe('a cancellation', () => {
  test.each([undefined, {}])('takes back what waits, with body %j, and says so again', async (given) => {
    const number = await created();
    const answer = await cancel(number, given);
    expect(answer.json).toEqual({
      out_bill_no: number,
      transfer_bill_no: expect.any(String) as string,
      state: 'CANCELING',
      update_time: expect.any(String) as string,
    });
    stage.advance(1000);
    expect(await stateOf(number)).toBe('CANCELLED');
    expect((await cancel(number)).json['state']).toBe('CANCELLED');
    await expect(stage.emulator.transfers.confirm({ transfer: number })).rejects.toMatchObject({
      code: 'EMULATOR_TRANSFER_STATE',
    });
  });

  test.each(['transfering', 'success', 'fail'] as const)('comes too late after %s', async (outcome) => {
    const number = await created();
    await stage.emulator.transfers.confirm({ transfer: number, outcome });
    expect(codeOf(await cancel(number))).toBe('400 INVALID_REQUEST');
  });

  test('of nothing is 404', async () => {
    expect(codeOf(await cancel('NOSUCHBILL'))).toBe('404 NOT_FOUND');
  });
});

describe('the request', () => {
  test.each<[string, Body, string]>([
    ['an unknown member', { mchid: '1' }, '400 PARAM_ERROR'],
    ['a number with a separator', { out_bill_no: 'A-1' }, '400 PARAM_ERROR'],
    ['33 characters of number', { out_bill_no: 'A'.repeat(33) }, '400 PARAM_ERROR'],
    ['no openid', { openid: undefined }, '400 PARAM_ERROR'],
    ['a remark of 33 characters', { transfer_remark: '备'.repeat(33) }, '400 PARAM_ERROR'],
    ['no report', { transfer_scene_report_infos: undefined }, '400 PARAM_ERROR'],
    [
      'half a report',
      { transfer_scene_report_infos: [{ info_type: '活动名称', info_content: 'x' }] },
      '400 PARAM_ERROR',
    ],
    ['a notify_url with a query', { notify_url: 'https://example.com/n?x=1' }, '400 PARAM_ERROR'],
    ['amount 0', { transfer_amount: 0 }, '400 PARAM_ERROR'],
    ['9 fen', { transfer_amount: 9 }, '400 INVALID_REQUEST'],
    [
      'a red packet above 200 yuan',
      { transfer_amount: 20_001, user_recv_style: { type: 'RED_PACKET' } },
      '400 INVALID_REQUEST',
    ],
    ['2000 yuan without a name', { transfer_amount: 200_000 }, '400 PARAM_ERROR'],
    ['another scene’s perception', { user_recv_perception: '劳务报酬' }, '400 INVALID_REQUEST'],
    ['an unknown scene', { transfer_scene_id: '9999' }, '403 NO_AUTH'],
    ['a foreign appid', { appid: 'wx0000000000000000' }, '400 APPID_MCHID_NOT_MATCH'],
    ['a name that is no ciphertext', { user_name: '张三' }, '400 PARAM_ERROR'],
  ])('with %s gets its refusal', async (_, change, refusal) => {
    expect(codeOf(await post(body(change)))).toBe(refusal);
  });

  test('of a service provider is 403', async () => {
    const provider = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
    expect(codeOf(await provider.call('POST', base, body()))).toBe('403 NO_AUTH');
  });

  test('takes a name for WeChat Pay, and a query gives it back for the merchant', async () => {
    const number = await created({ transfer_amount: 200_000, user_name: encrypted('张三') });
    const key = createPrivateKey(readFileSync(stage.emulator.info.private_key_file));
    const { user_name: name } = (await query(number)).json;
    expect(privateDecrypt({ key, ...oaep }, Buffer.from(String(name), 'base64')).toString('utf8')).toBe('张三');
  });

  test('needs a balance, which comes back when the money does not go', async () => {
    const { mchid } = stage.emulator.info;
    stage.emulator.configureRefunds({ balances: { [mchid]: 1500 } });
    const number = await created();
    expect(codeOf(await post(body()))).toBe('403 NOT_ENOUGH');
    await stage.emulator.transfers.confirm({ transfer: number, outcome: 'fail', reason: 'TRANSFER_RISK' });
    expect(stage.emulator.refundSettings.balances[mchid]).toBe(1500);
    stage.emulator.configureRefunds({ balances: { [mchid]: null } });
  });

  test('is limited to 100 a second where limits are on', async () => {
    const sibling = await openSibling(stage, { refunds: { rate_limits: true } });
    try {
      const codes = new Set<string>();
      for (let sent = 0; sent < 101; sent += 1) codes.add(codeOf(await query('NOSUCHBILL', sibling)));
      expect([...codes]).toEqual(['404 NOT_FOUND', '429 FREQUENCY_LIMITED']);
    } finally {
      await sibling.end();
    }
  });
});

describe('the callback', () => {
  test.each([
    ['success', undefined, 'SUCCESS'],
    ['fail', 'NAME_NOT_CORRECT', 'FAIL'],
  ] as const)('tells %s once', async (outcome, reason, state) => {
    const receiver = await receive(204);
    try {
      const number = await created({ notify_url: receiver.url });
      const { callback } = await stage.emulator.transfers.confirm({
        transfer: number,
        outcome,
        ...(reason === undefined ? {} : { reason }),
      });
      expect(callback).toMatchObject({ delivered: true, event_type: 'MCHTRANSFER.BILL.FINISHED', out_bill_no: number });
      const told = stage.emulator.callbacks.filter((one) => one['out_bill_no'] === number);
      expect(told).toHaveLength(1);
      const { resource } = JSON.parse(receiver.arrivals[0]!.text) as { resource: Record<string, string> };
      expect(resource['original_type']).toBe('mch_payment');
      expect(decrypt(resource, stage.emulator.info.api_v3_key)).toEqual({
        mch_id: stage.emulator.info.mchid,
        out_bill_no: number,
        transfer_bill_no: expect.any(String) as string,
        state,
        transfer_amount: 1000,
        openid: 'oABCD5example_openid00000001',
        ...(reason === undefined ? {} : { fail_reason: reason }),
        create_time: expect.any(String) as string,
        update_time: expect.any(String) as string,
      });
      expect(await stateOf(number)).toBe(state);
    } finally {
      await receiver.close();
    }
  });

  test.each([
    ['expiry', async () => stage.advance(24 * hour)],
    [
      'cancellation',
      async (number: string) => {
        await cancel(number);
        stage.advance(1000);
      },
    ],
  ] as const)('tells a %s that nobody asks about', async (_, act) => {
    const receiver = await receive(204);
    try {
      const number = await created({ notify_url: receiver.url });
      await act(number);
      await expect
        .poll(() => stage.emulator.callbacks.filter((one) => one['out_bill_no'] === number && one.delivered).length)
        .toBe(1);
    } finally {
      await receiver.close();
    }
  });
});

test('what is dumped is plain data, and another emulator takes it up where it was', async () => {
  const given = body();
  await post(given);
  const number = String(given['out_bill_no']);
  const dumped = JSON.parse(JSON.stringify(stage.emulator.transfers.book.dump())) as ReturnType<
    typeof stage.emulator.transfers.book.dump
  >;
  const sibling = await openSibling(stage);
  try {
    sibling.advance(stage.now() - sibling.now());
    sibling.emulator.transfers.book.restore(dumped);
    expect((await query(number, sibling)).json['state']).toBe('WAIT_USER_CONFIRM');
    expect(codeOf(await post({ ...given, transfer_amount: 1 }, sibling))).toBe('400 INVALID_REQUEST');
    sibling.advance(24 * hour);
    expect((await query(number, sibling)).json['state']).toBe('FAIL');
  } finally {
    await sibling.end();
  }
});
