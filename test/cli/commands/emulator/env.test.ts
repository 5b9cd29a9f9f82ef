import { expect, test } from 'vitest';
import { variablesOf } from '../../../../src/cli/commands/emulator/env.ts';
import type { EmulatorInfo } from '../../../../src/emulator/contract.ts';

test('an emulator that is older than the program, and sends fewer fields, has fewer variables', () => {
  const older = { url: 'http://127.0.0.1:8080', mchid: '1900000001', public_key_id: null } as unknown as EmulatorInfo;
  expect(variablesOf(older)).toEqual({ WXPAY_BASE_URL: 'http://127.0.0.1:8080', WXPAY_MCHID: '1900000001' });
});
