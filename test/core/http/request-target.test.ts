import { expect, test } from 'vitest';
import { checkTarget } from '../../../src/core/http/request-target.ts';

test.each([
  '/',
  '/v3/pay/transactions/id/1?mchid=2',
  '/v3/a|b*c@d',
  '/v3/%7C',
  '/v3/a..b/.c',
  '/v3/x?u=https://a/../b',
])('accepts %s as it is', (target) => checkTarget(target));

test.each([
  '',
  'v3/x',
  '//evil.com/x',
  '/\\evil.com',
  'https://evil.com/x',
  '/v3/refunds/..',
  '/v3/./x',
  '/v3/%2e%2e/x',
  '/v3/.%2E',
  '/v3/x#y',
  '/v3/x y',
  '/v3/x\r\nX: y',
  '/v3/x\0',
  '/v3/退款',
])('B1: refuses %j', (target) => {
  expect(() => checkTarget(target)).toThrow(expect.objectContaining({ code: 'PATH_INVALID' }));
});
