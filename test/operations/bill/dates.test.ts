import { expect, test } from 'vitest';
import { readDates } from '../../../src/operations/bill/dates.ts';

/** 2026-11-24T00:30 in Beijing: another day than in London. */
const now = Date.parse('2026-11-24T00:30:00+08:00');

test.each([
  ['2026-11-22', ['2026-11-22']],
  ['yesterday', ['2026-11-23']],
  ['2026-11-21..2026-11-23', ['2026-11-21', '2026-11-22', '2026-11-23']],
  ['2026-10-31..2026-11-01', ['2026-10-31', '2026-11-01']],
  ['2024-02-28..2024-03-01', ['2024-02-28', '2024-02-29', '2024-03-01']],
])('%s', (text, days) => {
  expect(readDates(text, now)).toEqual(days);
});

test('a month is whole, or as far as it is over', () => {
  expect(readDates('2026-09', now)).toHaveLength(30);
  const present = readDates('2026-11', now);
  expect([present[0], present.at(-1), present.length]).toEqual(['2026-11-01', '2026-11-23', 23]);
});

test.each([
  ['2026-11-24', 'date_today'],
  ['2026-11-20..2026-11-24', 'date_today'],
  ['2026-12', 'date_today'],
  ['2026-11-22..2026-11-21', 'date_order'],
  ['2026-01-01..2026-11-01', 'date_many'],
  ['2026-02-30', 'date'],
  ['2026-13', 'date'],
  ['20261122', 'date'],
  ['2026-11-22..', 'date'],
  ['2026-11-20..2026-11-21..2026-11-22', 'date'],
  ['', 'date'],
  ['today', 'date'],
])('refuses %j', (text, reason) => {
  expect(() => readDates(text, now)).toThrow(new RegExp(`key:bill.reason.${reason}$`));
});
