import { expect, test } from 'vitest';
import type { Transport } from '../../src/core/ports.ts';
import type { Party } from '../../src/operations/order.ts';
import { lookUpSubOrder } from '../../src/operations/refund-sub-order.ts';
import { scripted } from './scripted-transport.ts';

const direct: Party = { kind: 'direct', mchid: '1900000001' };
const partner: Party = { kind: 'partner', sp_mchid: '1900000001', sub_mchid: '1900000109' };
const sub = (mchid: string, id: string, more: object = {}): object => ({
  mchid,
  out_trade_no: 'SAME_0001',
  transaction_id: id,
  trade_state: 'SUCCESS',
  amount: { total_amount: 5, currency: 'CNY' },
  ...more,
});
const answering = (sub_orders: readonly object[]): Transport =>
  scripted({
    on: 'GET /v3/combine-transactions/out-trade-no/C_0001',
    answer: { combine_out_trade_no: 'C_0001', combine_mchid: '1900000001', combine_appid: 'wx', sub_orders },
  }).transport;
const look = async (party: Party, ...subs: object[]): Promise<unknown> =>
  lookUpSubOrder(answering(subs), party, 'C_0001', { out_trade_no: 'SAME_0001' });

test('of two sub-orders with one number, at two merchants, the own one is taken', async () => {
  const found = await look(direct, sub('1900000002', '1'), sub('1900000001', '2'));
  expect(found).toEqual({
    transaction_id: '2',
    out_trade_no: 'SAME_0001',
    total: 5,
    currency: 'CNY',
    trade_state: 'SUCCESS',
  });
});

test('a service provider gets the one of the sub-merchant that it acts for', async () => {
  const subs = ['1900000110', '1900000109'].map((sub_mchid, at) => sub('1900000001', String(at), { sub_mchid }));
  expect(await look(partner, ...subs)).toMatchObject({ transaction_id: '1' });
});

test.each([
  ['another merchant’s', direct, sub('1900000002', '1'), '1900000002'],
  ['another sub-merchant’s', partner, sub('1900000001', '1', { sub_mchid: '1900000110' }), '1900000110'],
] as const)('%s sub-order is refused, naming whose it is', async (_what, party, other, found) => {
  await expect(look(party, other)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    outcome: 'not_sent',
    params: { found },
  });
});

test('a paid sub-order without an amount is no basis for a refund', async () => {
  await expect(look(direct, sub('1900000001', '1', { amount: undefined }))).rejects.toMatchObject({
    code: 'ANSWER_MALFORMED',
  });
});
