import { expect, test } from 'vitest';
import { fileUnwritable, systemCode, systemReason } from '../../../src/core/durable/system-error.ts';
import { WxpayError } from '../../../src/core/errors.ts';

test.each<[unknown, string | undefined]>([
  [Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT'],
  [{ code: 'EIO' }, 'EIO'],
  [{ code: 7 }, undefined],
  [new Error('no code'), undefined],
  ['ENOENT', undefined],
  [null, undefined],
  [undefined, undefined],
])('the code of %s is %s', (error, code) => {
  expect(systemCode(error)).toBe(code);
});

test('the reason is the system’s message without the call and the paths behind it', () => {
  expect(systemReason(new Error("ENOSPC: no space left on device, write '/a'"))).toBe(
    'ENOSPC: no space left on device',
  );
  expect(systemReason(new Error('odd'))).toBe('odd');
  expect(systemReason('thrown, as text')).toBe('thrown, as text');
  expect(systemReason(undefined)).toBe('undefined');
});

test('an error of ours passes unchanged; any other names the file and stays as the cause', () => {
  const ours = new WxpayError('LOCK_TIMEOUT', { params: { file: 'a' } });
  expect(fileUnwritable('b', ours)).toBe(ours);
  const cause = new Error('EIO: i/o error, read');
  expect(fileUnwritable('b', cause)).toMatchObject({
    code: 'FILE_UNWRITABLE',
    params: { file: 'b', reason: 'EIO: i/o error' },
    cause,
  });
});
