import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { changeFields, eventTypes, makeEvent, ownEvent, type Change } from '../../../src/operations/callback/events.ts';

const story = {
  mchid: '1900000001',
  appid: 'wx1',
  subMchid: '1900000109',
  now: Date.UTC(2026, 10, 24, 2, 0, 0),
  randomBytes,
};

test('the events of the reference are all there', () => {
  for (const type of [
    'TRANSACTION.SUCCESS TRANSACTION.FAIL TRANSACTION.PAY_BACK TRANSACTION.INDUSTRY_SUCCESS TRANSACTION.INDUSTRY_FAILED',
    'REFUND.SUCCESS REFUND.ABNORMAL REFUND.CLOSED SECURITY_ECHO.SUCCESS PROFITSHARING.SUCCESS PROFITSHARING.RETURN',
    'MCHTRANSFER.BILL.FINISHED MCHTRANSFER.BATCH.FINISHED MCHTRANSFER.BATCH.CLOSED MCHTRANSFER.AUTHORIZATION.CONFIRMED',
    'MCHTRANSFER.AUTHORIZATION.CLOSED PAYSCORE.USER_CONFIRM PAYSCORE.USER_PAID PAYSCORE.USER_OPEN_SERVICE',
    'PAYSCORE.USER_CLOSE_SERVICE PAYSCORE.USER_ACCEPTED COUPON.USE COUPON.SEND COMPLAINT.CREATE COMPLAINT.STATE_CHANGE',
    'FAPIAO.ISSUED FAPIAO.REVERSED FAPIAO.CARD_INSERTED FAPIAO.CARD_DISCARDED FAPIAO.USER_APPLIED PAPAY.SIGN PAPAY.TERMINATE',
    'RISKTRADE.IDENTIFICATION MCHWITHDRAW.CHANGE',
  ].flatMap((line) => line.split(' ')))
    expect(eventTypes, type).toContain(type);
  for (const family of ['ENTRUST.', 'VEHICLE.', 'VIOLATION.', 'RECHARGE.'])
    expect(eventTypes.some((type) => type.startsWith(family))).toBe(true);
});

test('a payment names the merchant, and numbers of the right form', () => {
  const { resource } = makeEvent('transaction.success', undefined, story);
  expect(resource).toMatchObject({
    mchid: '1900000001',
    appid: 'wx1',
    out_trade_no: expect.stringMatching(/^[0-9A-Za-z_\-|*]{6,32}$/) as string,
    transaction_id: expect.stringMatching(/^42000\d{23}$/) as string,
    success_time: '2026-11-24T10:00:00+08:00',
    amount: { total: 100, currency: 'CNY' },
  });
  expect(makeEvent('TRANSACTION.SUCCESS', undefined, story).resource['out_trade_no']).not.toBe(
    resource['out_trade_no'],
  );
});

test.each([
  ['partner', ['sp_mchid', 'sub_mchid'], ['mchid', 'appid']],
  ['combine', ['combine_mchid', 'combine_out_trade_no', 'sub_orders'], ['mchid', 'out_trade_no', 'amount']],
])('the form "%s" has its own members and not the others', (variant, present, absent) => {
  const { resource } = makeEvent('TRANSACTION.SUCCESS', variant, story);
  for (const name of present) expect(resource).toHaveProperty(name);
  for (const name of absent) expect(resource).not.toHaveProperty(name);
});

describe('an event that does not exist', () => {
  test.each([
    ['REFUND.DONE', undefined],
    ['__proto__', undefined],
    ['constructor', undefined],
    ['TRANSACTION.SUCCESS', 'toString'],
    ['COMPLAINT.CREATE', 'partner'],
  ])('is refused: %s (%s)', (type, variant) => {
    expect(() => makeEvent(type, variant, story)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  test.each(['', 'X', 'A B', `A${'B'.repeat(64)}`, 'A\nB', '1A'])('cannot even have the name %j', (type) => {
    expect(() => ownEvent(type, {}, undefined)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});

describe('changes of fields', () => {
  const resource = { no: 'T1', amount: { total: 100 }, list: [{ ok: true }] };
  const typed = (path: string, text: string): Change => ({ kind: 'typed', path, text });

  test.each([
    [typed('amount.total', '1'), { ...resource, amount: { total: 1 } }],
    [typed('no', '1'), { ...resource, no: '1' }],
    [typed('list.0.ok', 'false'), { ...resource, list: [{ ok: false }] }],
    [
      { kind: 'text', path: 'amount.total', text: '1' },
      { ...resource, amount: { total: '1' } },
    ],
    [
      { kind: 'text', path: 'new.deep', text: 'x' },
      { ...resource, new: { deep: 'x' } },
    ],
    [
      { kind: 'json', path: 'list.1', value: { ok: 1 } },
      { ...resource, list: [{ ok: true }, { ok: 1 }] },
    ],
    [
      { kind: 'json', path: 'amount', value: 5 },
      { ...resource, amount: 5 },
    ],
  ] satisfies [Change, object][])('%j', (change, expected) => {
    expect(changeFields(resource, [change])).toEqual(expected);
    expect(resource.amount.total).toBe(100);
  });

  test.each([
    typed('amount.totl', '1'),
    typed('amount', '1'),
    typed('amount.total', '1.0'),
    typed('amount.total', '01'),
    typed('amount.total', '1e2'),
    typed('amount.total', ''),
    typed('list.0.ok', 'yes'),
    typed('list.1.ok', 'true'),
    typed('', '1'),
    typed('no.', '1'),
    typed('no.length', '1'),
    { kind: 'text', path: '__proto__.polluted', text: 'x' },
    { kind: 'text', path: 'constructor.prototype.polluted', text: 'x' },
    { kind: 'text', path: 'list.5', text: 'x' },
    { kind: 'text', path: 'no.deep', text: 'x' },
  ] satisfies Change[])('that lead nowhere or to another type are refused: %j', (change) => {
    expect(() => changeFields(resource, [change])).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
