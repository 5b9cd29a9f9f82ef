import { expect, test } from 'vitest';
import { errorCodes, WxpayError } from '../../src/core/errors.ts';
import { exitCodeRows, exitCodes } from '../../src/cli/exit-codes.ts';

test('every error code has an exit code', () => {
  for (const code of errorCodes) expect(exitCodes[new WxpayError(code).category]).toBeTypeOf('number');
});

test('the table is the documented one', () => {
  expect(Object.fromEntries(exitCodeRows.map(({ name, code }) => [name, code]))).toEqual({
    ok: 0,
    bug: 1,
    usage: 2,
    config: 3,
    refused: 4,
    not_found: 5,
    verification: 6,
    network: 7,
    unknown_outcome: 8,
    batch: 9,
    unconfirmed: 10,
    throttled: 11,
    not_final: 12,
    credentials: 14,
    interrupted: 130,
    hung_up: 129,
    terminated: 143,
  });
});

test('X2: 13 is never assigned, since Node itself exits 13 on an unsettled top-level await', () => {
  expect(Object.values(exitCodes)).not.toContain(13);
});
