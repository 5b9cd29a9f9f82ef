import { expect, test } from 'vitest';
import { baseUrlOf } from '../../src/profiles/base-url.ts';
import type { ResolvedProfile } from '../../src/profiles/schema.ts';

const profileWith = (base_url?: string): ResolvedProfile =>
  ({
    values: base_url === undefined ? {} : { base_url: { value: base_url, source: 'flag' } },
  }) as unknown as ResolvedProfile;

test.each([
  [undefined, 'https://api.mch.weixin.qq.com'],
  ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
  ['https://api2.mch.weixin.qq.com', 'https://api2.mch.weixin.qq.com'],
])('%s is %s', (given, expected) => {
  expect(baseUrlOf(profileWith(given))).toBe(expected);
});
