import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findEmulator } from '../../src/emulator/control-client.ts';
import { send } from './raw-client.ts';
import type { RawAnswer } from './raw-client.ts';
import { openSibling, openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

async function control(method: string, name: string, body?: unknown, token?: string): Promise<RawAnswer> {
  const bytes = Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
  const headers = ['host', new URL(stage.emulator.url).host, 'content-length', String(bytes.length)];
  if (token !== undefined) headers.push('wxpay-emulator-token', token);
  return send(stage.emulator.url, method, `/_emulator/${name}`, headers, bytes);
}
const allowed = async (method: string, name: string, body?: unknown): Promise<RawAnswer> =>
  control(method, name, body, stage.emulator.controlToken);

test('I3: only healthz answers without the token', async () => {
  expect((await control('GET', 'healthz')).json).toEqual({ ok: true, now: stage.now() });
  const plain = await send(
    stage.emulator.url,
    'GET',
    '/healthz',
    ['host', new URL(stage.emulator.url).host],
    Buffer.alloc(0),
  );
  expect([plain.status, plain.json]).toEqual([200, { ok: true, now: stage.now() }]);
  for (const [method, name] of [
    ['GET', 'info'],
    ['GET', 'requests'],
    ['POST', 'pay'],
    ['GET', 'faults'],
    ['POST', 'faults'],
    ['DELETE', 'faults'],
    ['POST', 'merchants'],
    ['POST', 'seed'],
    ['POST', 'refund'],
    ['GET', 'refunds'],
    ['POST', 'refunds'],
    ['GET', 'ledger'],
    ['GET', 'clock'],
    ['POST', 'clock'],
    ['GET', 'callbacks'],
    ['GET', 'nothing'],
  ] as const) {
    for (const token of [undefined, '', 'wrong', `${stage.emulator.controlToken}x`]) {
      const answer = await control(method, name, undefined, token);
      expect([answer.status, answer.json]).toEqual([
        401,
        { error: { code: 'CREDENTIALS_REFUSED', params: { status: 401 } } },
      ]);
    }
  }
});

test('the token, the keys and the record are for their owner only', () => {
  const record = JSON.parse(readFileSync(stage.emulator.recordFile, 'utf8')) as Record<string, unknown>;
  expect(record).toEqual({ url: stage.emulator.url, token: stage.emulator.controlToken });
  expect(stage.emulator.controlToken.length).toBeGreaterThanOrEqual(32);
  if (process.platform === 'win32') return;
  const { info } = stage.emulator;
  for (const file of [
    stage.emulator.recordFile,
    info.private_key_file,
    info.p12_file,
    `${stage.dir}/platform/ca_key.pem`,
  ]) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  for (const folder of ['platform', 'merchants', join('merchants', info.mchid)]) {
    expect(statSync(join(stage.dir, folder)).mode & 0o777).toBe(0o700);
  }
});

test('adds merchants, lists them, and tells what an app needs', async () => {
  const added = await allowed('POST', 'merchants', { mchid: '1900000003', appids: ['wx00000000000000cc'] });
  expect(added.json).toMatchObject({
    mchid: '1900000003',
    serial_no: expect.stringMatching(/^[0-9A-F]{40}$/) as string,
  });
  const listed = (await allowed('GET', 'merchants')).json as unknown as { mchid: string }[];
  expect(listed.map(({ mchid }) => mchid)).toEqual(expect.arrayContaining(['1900000001', '1900000100', '1900000003']));
  expect((await allowed('GET', 'info')).json).toEqual(stage.emulator.info);
  expect((await allowed('POST', 'info', { mchid: '1900000003' })).json).toMatchObject({ mchid: '1900000003' });
});

describe('refuses with a code', () => {
  test.each([
    ['POST', 'merchants', {}, 'INPUT_INVALID'],
    ['POST', 'merchants', { mchid: '1', appids: ['wx'] }, 'INPUT_INVALID'],
    ['POST', 'merchants', { mchid: '1900000004', appids: ['wx'], api_v3_key: 'short' }, 'API_V3_KEY_LENGTH'],
    ['POST', 'merchants', { mchid: '1900000004', appids: ['wx'], certificate: 'x' }, 'KEY_UNREADABLE'],
    ['POST', 'merchants', { mchid: '1900000004', appids: ['wx'], surprise: 'x' }, 'INPUT_INVALID'],
    ['POST', 'merchants', { mchid: '../../evil', appids: ['wx'] }, 'INPUT_INVALID'],
    ['POST', 'info', { mchid: '1900000999' }, 'NOT_FOUND'],
    ['POST', 'pay', {}, 'INPUT_INVALID'],
    ['POST', 'pay', { order: 1 }, 'INPUT_INVALID'],
    ['POST', 'pay', { order: 'UNKNOWN01' }, 'NOT_FOUND'],
    ['POST', 'faults', { kind: 'nonsense' }, 'INPUT_INVALID'],
    ['POST', 'seed', {}, 'INPUT_INVALID'],
    ['POST', 'seed', { count: 1, total: 1, mchid: '1900000999' }, 'NOT_FOUND'],
    ['POST', 'refund', {}, 'INPUT_INVALID'],
    ['POST', 'refund', { refund: 'UNKNOWN' }, 'NOT_FOUND'],
    ['POST', 'refund', { refund: 'UNKNOWN', outcome: 'success' }, 'INPUT_INVALID'],
    ['POST', 'refunds', { unknown: 1 }, 'INPUT_INVALID'],
    ['POST', 'pay', 'not json', 'INPUT_INVALID'],
    ['POST', 'pay', '[]', 'INPUT_INVALID'],
    ['GET', 'constructor', undefined, 'NOT_FOUND'],
  ])('%s %s %j: %s', async (method, name, body, code) => {
    const answer = await allowed(method, name, body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json).toMatchObject({ error: { code } });
  });
});

describe('the client', () => {
  test('pays, reads and sets faults', async () => {
    const client = await findEmulator(stage.dir);
    const body = orderBody(stage, 'native');
    const number = body['out_trade_no'] as string;
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    expect(await client.pay({ order: number, callback: false })).toMatchObject({
      transaction: { out_trade_no: number, trade_state: 'SUCCESS' },
      callback: null,
    });
    await expect(client.pay({ order: number })).rejects.toMatchObject({
      code: 'ORDER_PAID',
      params: { out_trade_no: number },
    });
    expect(await client.info()).toEqual(stage.emulator.info);
    const rule = await client.addFault({ kind: 'stall', path: '/v3/x' });
    expect(await client.listFaults()).toEqual([rule]);
    expect(await client.clearFaults(rule.id)).toEqual({ cleared: 1 });
  });

  test('makes orders, decides refunds, and reads the ledger', async () => {
    const client = await findEmulator(stage.dir);
    const orders = await client.seed({ count: 2, total: 1290 });
    expect(orders).toHaveLength(2);
    const change = { settle_after_ms: null, balances: { '1900000001': 1000 } };
    expect(await client.configureRefunds(change)).toMatchObject(change);
    const amount = { refund: 290, total: 1290, currency: 'CNY' };
    const body = { out_trade_no: orders[0]!.out_trade_no, out_refund_no: 'C1', amount };
    expect((await stage.client.call('POST', '/v3/refund/domestic/refunds', body)).status).toBe(200);
    expect(await client.refundSettings()).toEqual(stage.emulator.refundSettings);
    expect(stage.emulator.refundSettings.balances).toEqual({ '1900000001': 710 });
    expect(await client.settleRefund({ refund: 'C1', outcome: 'CLOSED' })).toMatchObject({
      refund: { out_refund_no: 'C1', status: 'CLOSED' },
      callback: null,
    });
    await expect(client.settleRefund({ refund: 'C1' })).rejects.toMatchObject({
      code: 'EMULATOR_REFUND_FINAL',
      params: { out_refund_no: 'C1', state: 'CLOSED' },
    });
    const ledger = await client.ledger();
    expect(ledger).toEqual(stage.emulator.ledger());
    expect(ledger.refunds).toMatchObject([{ out_refund_no: 'C1', amount: 290, posts: 1, status: 'CLOSED' }]);
    expect(await client.callbacks()).toEqual([]);
  });

  test('says so when there is no emulator, a dead one, or another one', async () => {
    const missing = expect.objectContaining({ code: 'EMULATOR_NOT_RUNNING' }) as Error;
    await expect(findEmulator(`${stage.dir}/nowhere`)).rejects.toEqual(missing);
    const dead = await findEmulator(stage.dir, 'http://127.0.0.1:1');
    await expect(dead.info()).rejects.toEqual(missing);
    const other = await openSibling(stage);
    const mistaken = await findEmulator(stage.dir, other.emulator.url);
    await expect(mistaken.info()).rejects.toEqual(missing);
    await other.end();
  });
});
