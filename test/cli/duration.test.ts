import { expect, test } from 'vitest';
import { parseDuration } from '../../src/cli/duration.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['0s', 0],
])('%s is %i milliseconds', (text, milliseconds) => {
  expect(parseDuration('--for', text)).toBe(milliseconds);
});

test.each(['', '5', 's', '5 m', '-5m', '+5m', '1.5h', '1e3s', '5M', '５m', '5m\n', '12345678s', '5w'])(
  'refuses %j, naming the flag',
  (text) => {
    expect(() => parseDuration('--for', text)).toThrowError(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        outcome: 'not_sent',
        params: expect.objectContaining({ field: '--for' }),
      }),
    );
  },
);
