import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadTranslate } from '../../src/i18n/translate.ts';
import { daysUntil, expiryCell, formatInstant, formatTime } from '../../src/output/time.ts';

test.each([
  ['2026-11-23T10:31:02+08:00', 'Asia/Shanghai', '2026-11-23 10:31:02 +08:00'],
  ['2026-11-23T10:31:02+08:00', 'UTC', '2026-11-23 02:31:02 +00:00'],
  ['2026-11-23T00:00:00Z', 'America/New_York', '2026-11-22 19:00:00 -05:00'],
  ['2026-07-01T00:00:00Z', 'America/New_York', '2026-06-30 20:00:00 -04:00'],
  ['2026-11-23T00:00:00.123Z', 'Asia/Kolkata', '2026-11-23 05:30:00 +05:30'],
  ['2026-11-23T16:00:00Z', 'Asia/Shanghai', '2026-11-24 00:00:00 +08:00'],
  ['2026-11-23T10:31:02+08:00', 'No/Such_Zone', '2026-11-23 02:31:02 +00:00'],
])('%s in %s is %s', (text, zone, shown) => {
  expect(formatTime(text, zone)).toBe(shown);
});

test.each(['', 'tomorrow', '2026-11-23', '20261123103102', '2026-13-45T99:00:00Z', '\u001b[2J'])(
  'leaves %j, which is no time, as it is',
  (text) => {
    expect(formatTime(text, 'UTC')).toBe(text);
  },
);

test('a shown time is the same instant in every zone', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_102_444_800 }),
      fc.constantFrom('UTC', 'Asia/Shanghai', 'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu'),
      (seconds, zone) => {
        const [date, time, offset] = formatInstant(seconds * 1000, zone).split(' ');
        expect(Date.parse(`${date}T${time}${offset}`)).toBe(seconds * 1000);
      },
    ),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e20])('shows %d, which is no instant, as it is', (milliseconds) => {
  expect(formatInstant(milliseconds, 'UTC')).toBe(String(milliseconds));
});

const day = 86_400_000;

test.each([
  [31 * day, 31, 'days left: 31', 'good'],
  [30 * day, 30, 'days left: 30', 'warn'],
  [day, 1, 'days left: 1', 'warn'],
  [day - 1, 0, 'expires within a day', 'bad'],
  [0, 0, 'expires within a day', 'bad'],
  [-1, -1, 'days since expiry: 1', 'bad'],
])('an expiry in %i ms is %i days away: %s', async (distance, days, text, tone) => {
  expect(daysUntil(distance, 0)).toBe(days);
  expect(expiryCell(distance, 0, await loadTranslate('en'))).toEqual({ text, tone });
});
