import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import {
  cancelTransfer,
  clientParameters,
  queryTransfer,
  transferIntent,
  transferNumber,
  transferOnce,
  type Transfer,
  type TransferResult,
} from '../../src/operations/transfer.ts';
import type { IntentStore, TransferRecord } from '../../src/operations/transfer-intent.ts';
import { scripted, type Play, type Scripted } from './scripted-transport.ts';

/** Transfers against answers that a test writes: what is believed, what is sent again, and what is written down. */
const base = '/v3/fund-app/mch-transfer/transfer-bills';
const no = 'T1';
const parts = {
  appid: 'wx1',
  out_bill_no: no,
  openid: 'o1',
  transfer_amount: 888,
  transfer_remark: 'x',
  transfer_scene_id: '1000',
  transfer_scene_report_infos: [{ info_type: 'a', info_content: 'b' }],
};
const mchid = '1900000001';
const intent = transferIntent(mchid, parts);
const found = (extra: object = {}): Record<string, unknown> => ({
  mch_id: mchid,
  out_bill_no: no,
  transfer_bill_no: '1330',
  appid: 'wx1',
  openid: 'o1',
  transfer_amount: 888,
  transfer_remark: 'x',
  state: 'WAIT_USER_CONFIRM',
  ...extra,
});
const created = (extra: object = {}): Record<string, unknown> => ({
  out_bill_no: no,
  transfer_bill_no: '1330',
  create_time: '2026-11-24T10:00:00+08:00',
  state: 'WAIT_USER_CONFIRM',
  package_info: 'P',
  ...extra,
});
const get = (answer: unknown, more: Partial<Play> = {}): Play => ({
  on: `GET ${base}/out-bill-no/T1`,
  answer,
  ...more,
});
const post = (answer: unknown, more: Partial<Play> = {}): Play => ({ on: `POST ${base}`, answer, ...more });
const missing = get({ code: 'NOT_FOUND', message: '记录不存在' }, { status: 404 });
const cut = new WxpayError('NETWORK_CUT', { outcome: 'unknown' });

interface Memory extends IntentStore {
  readonly written: string[];
}
function memory(start?: TransferRecord): Memory {
  let record = start;
  const written: string[] = [];
  return {
    written,
    find: () => record,
    recordIntent(next) {
      written.push('intent');
      record = next;
    },
    recordOutcome(outcome) {
      written.push(`${outcome.result} ${outcome.state ?? ''}`.trim());
      if (record !== undefined) record = { ...record, outcome };
    },
  };
}
const now = Date.UTC(2026, 10, 24);
const clock = { now: () => now, monotonic: () => 0, sleep: async () => undefined };
async function once(
  store: Memory,
  ...plays: readonly Play[]
): Promise<{ done: TransferResult; play: Scripted; posts: number }> {
  const play = scripted(...plays);
  const done = await transferOnce({ transport: play.transport, clock, store }, intent, { rounds: 2, pauses: [0] });
  expect(play.left()).toBe(0);
  return { done, play, posts: play.requests.filter(({ method }) => method === 'POST').length };
}
const refusedOnce = async (store: Memory, ...plays: readonly Play[]): Promise<unknown> =>
  once(store, ...plays).then(
    () => undefined,
    (error: unknown) => error,
  );
const open: TransferRecord = { out_bill_no: no, at: now - 1000, body: intent.body };

describe('a transfer', () => {
  test('asks, writes its intent down, is sent, and is written down again', async () => {
    const store = memory();
    const { done } = await once(store, missing, post(created()));
    expect(done).toMatchObject({ result: 'accepted', transfer: { package_info: 'P' } });
    expect(store.written).toEqual(['intent', 'accepted WAIT_USER_CONFIRM']);
  });

  test('that is known is not sent again; what its user needs comes from the record', async () => {
    const outcome = {
      result: 'accepted',
      state: 'WAIT_USER_CONFIRM',
      transfer_bill_no: '1330',
      package_info: 'P',
    } as const;
    const { done, posts } = await once(memory({ ...open, outcome }), get(found()));
    expect([posts, done.result, done.transfer.package_info]).toEqual([0, 'existing', 'P']);
  });

  test('that another machine made is asked for its package by the same POST again', async () => {
    const store = memory();
    const { done } = await once(store, get(found()), post(created()));
    expect(done).toMatchObject({ result: 'existing', transfer: { package_info: 'P' } });
    // On record before anything is sent.
    expect(store.written[0]).toBe('intent');
  });

  test('whose answer is lost is found by its number', async () => {
    const store = memory();
    const { done } = await once(store, missing, post('', { throws: cut }), get(found({ state: 'SUCCESS' })));
    expect(done).toMatchObject({ result: 'adopted', transfer: { state: 'SUCCESS' } });
    expect(store.written).toEqual(['intent', 'adopted SUCCESS']);
  });

  test('that did not arrive goes again byte for byte', async () => {
    const { done, play } = await once(memory(), missing, post('', { throws: cut }), missing, post(created()));
    expect(done.result).toBe('accepted');
    const bodies = play.requests
      .filter(({ method }) => method === 'POST')
      .map(({ body }) => Buffer.from(body).toString());
    expect(bodies).toEqual([intent.body, intent.body]);
  });

  test('that an earlier run may have sent goes again with that run’s bytes', async () => {
    const before = {
      ...open,
      body: intent.body.replace('"transfer_amount"', '"user_name":"old","transfer_amount"'),
      serial: 'S',
    };
    const { play } = await once(memory(before), missing, post(created()));
    expect(Buffer.from(play.requests[1]!.body).toString()).toBe(before.body);
    expect(play.requests[1]!.headers).toEqual({ 'wechatpay-serial': 'S' });
  });

  test.each<[string, readonly Play[]]>([
    ['cut answers', [post('', { throws: cut }), get('', { throws: cut }), get('', { throws: cut })]],
    [
      '5xx',
      [
        post({ code: 'SYSTEM_ERROR', message: '' }, { status: 500 }),
        missing,
        post('', { throws: cut }),
        missing,
        post('', { throws: cut }),
      ],
    ],
    [
      '429',
      [
        post({ code: 'FREQUENCY_LIMITED', message: '' }, { status: 429 }),
        get('', { throws: cut }),
        get('', { throws: cut }),
      ],
    ],
    ['an unsigned 2xx', [post(created(), { trust: 'unsigned' }), get('', { throws: cut }), get('', { throws: cut })]],
    [
      'another number in the answer',
      [post(created({ out_bill_no: 'T2' })), get('', { throws: cut }), get('', { throws: cut })],
    ],
  ])('with %s stays unknown, and says how to ask', async (_, plays) => {
    const store = memory();
    expect(await refusedOnce(store, missing, ...plays)).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      next: ['transfer', 'query', no],
    });
    expect(store.written).toEqual(['intent', 'unknown']);
  });

  test('that is refused was not made, and the record says so', async () => {
    const store = memory();
    const refusal = post({ code: 'NOT_ENOUGH', message: '余额不足' }, { status: 403 });
    expect(await refusedOnce(store, missing, refusal)).toMatchObject({
      code: 'API_REFUSED',
      outcome: 'rejected',
      hint: 'transfer.hint.not_enough',
    });
    expect(store.written).toEqual(['intent', 'refused']);
  });

  test.each([
    ['transfer_amount', { transfer_amount: 889 }],
    ['openid', { openid: 'o2' }],
    ['transfer_remark', { transfer_remark: 'y' }],
    ['appid', { appid: 'wx2' }],
  ])('under a number of another %s stops', async (field, extra) => {
    const store = memory();
    expect(await refusedOnce(store, get(found(extra)))).toMatchObject({ code: 'TRANSFER_DIFFERS', params: { field } });
    expect(store.written).toEqual([]);
  });

  test('whose scene is another stops at what the record says, or at what WeChat Pay says', async () => {
    const before = { ...open, body: intent.body.replace('"1000"', '"1005"') };
    expect(await refusedOnce(memory(before))).toMatchObject({ code: 'TRANSFER_UNRESOLVED', outcome: 'unknown' });
    const taken = { ...before, outcome: { result: 'accepted' } as const };
    expect(await refusedOnce(memory(taken))).toMatchObject({ code: 'TRANSFER_DIFFERS' });
    const refusal = post({ code: 'INVALID_REQUEST', message: '单号已存在但信息不一致' }, { status: 400 });
    expect(await refusedOnce(memory(), get(found()), refusal)).toMatchObject({ code: 'TRANSFER_DIFFERS' });
  });

  test.each<[string, TransferRecord]>([
    ['was taken', { ...open, outcome: { result: 'accepted', state: 'SUCCESS' } }],
    ['was taken long ago', { ...open, at: 0, outcome: { result: 'adopted', state: 'WAIT_USER_CONFIRM' } }],
    ['may have been sent more than 29 days ago', { ...open, at: now - 30 * 86_400_000 }],
  ])('that %s and is not shown any more is never sent again', async (_, record) => {
    expect(await refusedOnce(memory(record), missing)).toMatchObject({
      code: 'TRANSFER_FORGOTTEN',
      outcome: 'unknown',
    });
  });

  test('is not sent when its intent cannot be written', async () => {
    const store = memory();
    const failing = {
      ...store,
      recordIntent: () => {
        throw new WxpayError('FILE_UNWRITABLE', { outcome: 'not_sent' });
      },
    };
    expect(await refusedOnce(failing, missing)).toMatchObject({ code: 'FILE_UNWRITABLE', outcome: 'not_sent' });
  });

  test.each([
    ['ALREADY_EXISTS', '单据已存在'],
    ['INVALID_REQUEST', '转账场景已关闭'],
    ['SYSTEM_ERROR', '系统错误'],
  ])('that exists is not called another one because of %s %s: a second one would be made', async (code, message) => {
    const { done } = await once(memory(), get(found()), post({ code, message }, { status: 400 }));
    expect(done).toMatchObject({ result: 'existing' });
    expect(done.transfer.package_info).toBeUndefined();
  });
});

describe('a question', () => {
  test.each([
    ['the number', { out_bill_no: 'T2' }, 'ANSWER_MISMATCH'],
    ['the merchant', { mch_id: '1' }, 'ANSWER_MISMATCH'],
    ['the amount', { transfer_amount: '888' }, 'ANSWER_MALFORMED'],
    ['the state', { state: undefined }, 'ANSWER_MALFORMED'],
  ])('C4: refuses an answer whose %s does not fit', async (_, extra, code) => {
    const { transport } = scripted(get(found(extra)));
    await expect(queryTransfer(transport, mchid, { out_bill_no: no })).rejects.toMatchObject({ code });
  });

  test('goes to the right endpoint for either number', () => {
    expect(transferNumber('A'.repeat(32))).toHaveProperty('out_bill_no');
    expect(transferNumber('1'.repeat(40))).toHaveProperty('transfer_bill_no');
  });
});

describe('a cancellation', () => {
  const cancel = async (state: string, ...plays: readonly Play[]): Promise<Transfer> => {
    const { transport } = scripted(...plays);
    const before = found({ state }) as unknown as Transfer;
    return cancelTransfer({ transport, clock }, mchid, before, { rounds: 2, pauses: [0] });
  };
  const on = `POST ${base}/out-bill-no/T1/cancel`;

  test('is believed when it says so, or when the transfer says so', async () => {
    expect(await cancel('WAIT_USER_CONFIRM', { on, answer: created({ state: 'CANCELING' }) })).toMatchObject({
      state: 'CANCELING',
    });
    expect(await cancel('WAIT_USER_CONFIRM', { on, throws: cut }, get(found({ state: 'CANCELLED' })))).toMatchObject({
      state: 'CANCELLED',
    });
  });

  test('that came too late says what the transfer is', async () => {
    await expect(cancel('SUCCESS')).rejects.toMatchObject({ code: 'TRANSFER_NOT_CANCELLABLE' });
    const refusal = { on, status: 400, answer: { code: 'INVALID_REQUEST', message: '' } };
    await expect(cancel('WAIT_USER_CONFIRM', refusal, get(found({ state: 'TRANSFERING' })))).rejects.toMatchObject({
      code: 'TRANSFER_NOT_CANCELLABLE',
      params: { state: 'TRANSFERING' },
    });
  });

  test('that nobody answers is unknown', async () => {
    const lost = get('', { throws: cut });
    await expect(cancel('WAIT_USER_CONFIRM', { on, throws: cut }, lost, lost)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      next: ['transfer', 'query', no],
    });
  });
});

test('the client parameters are those of wx.requestMerchantTransfer', () => {
  expect(clientParameters({ mchid, appid: 'wx1' }, 'P')).toEqual({ mchId: mchid, appId: 'wx1', package: 'P' });
});

test.each([
  ['out_bill_no', { out_bill_no: 'A-1' }],
  ['transfer_amount', { transfer_amount: 0 }],
  ['transfer_remark', { transfer_remark: 'x'.repeat(33) }],
  ['user_name', { transfer_amount: 200_000 }],
  ['notify_url', { notify_url: 'https://example.com/?x' }],
  ['transfer_scene_report_infos[0].info_type', { transfer_scene_report_infos: [{ info_content: 'x' }] }],
])('a wrong %s is not sent', (field, extra) => {
  expect(() => transferIntent(mchid, { ...parts, ...extra } as typeof parts)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', params: expect.objectContaining({ field }) as object }) as Error,
  );
});
