import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { backupOf, isLive, parseBaseUrl } from '../../../src/core/http/base-url.ts';
import { isWxpayError } from '../../../src/core/errors.ts';

test.each([
  ['https://api.mch.weixin.qq.com', true],
  ['https://api.mch.weixin.qq.com/', true],
  ['https://api.mch.weixin.qq.com:443', true],
  ['HTTPS://API.MCH.WEIXIN.QQ.COM', true],
  ['https://api2.mch.weixin.qq.com', true],
  ['https://api.wechatpay.cn', true],
  ['https://api2.wechatpay.cn', true],
  ['https://apihk.mch.weixin.qq.com', true],
  ['https://apius.mch.weixin.qq.com', true],
  ['https://apieu.mch.weixin.qq.com', true],
  ['http://127.0.0.1:8080', false],
  ['https://127.0.0.1', false],
  ['http://127.9.8.7:1', false],
  ['http://[::1]:9000', false],
  ['http://localhost', false],
  ['https://localhost:8443/', false],
])('accepts %s (live: %s)', (text, live) => {
  expect(isLive(parseBaseUrl(text))).toBe(live);
});

test('knows origin, host and port', () => {
  expect(parseBaseUrl('https://api.mch.weixin.qq.com:443/')).toEqual({
    origin: 'https://api.mch.weixin.qq.com',
    host: 'api.mch.weixin.qq.com',
    hostname: 'api.mch.weixin.qq.com',
    port: 443,
    secure: true,
    loopback: false,
  });
  expect(parseBaseUrl('http://[::1]:9000')).toMatchObject({ host: '[::1]:9000', hostname: '::1', port: 9000 });
});

test.each([
  '',
  'api.mch.weixin.qq.com',
  '//api.mch.weixin.qq.com',
  '/\\evil.com',
  '\thttps://api.mch.weixin.qq.com',
  ' https://api.mch.weixin.qq.com',
  'https://api.mch.weixin.qq.com\n',
  'http://api.mch.weixin.qq.com',
  'ftp://api.mch.weixin.qq.com',
  'https://api.mch.weixin.qq.com:8443',
  'https://api.mch.weixin.qq.com:80443',
  'https://api.mch.weixin.qq.com@evil.com/',
  'https://user:pass@api.mch.weixin.qq.com/',
  'https://api.mch.weixin.qq.com/v3',
  'https://api.mch.weixin.qq.com?x',
  'https://api.mch.weixin.qq.com#x',
  'https://api.mch.weixin.qq.com.',
  'https://api.mch.weixin.qq.com.evil.com',
  'https://evil-api.mch.weixin.qq.com',
  'https://xapi.mch.weixin.qq.com',
  'https://mch.weixin.qq.com',
  'https://ａｐｉ.mch.weixin.qq.com',
  'https://api。mch.weixin.qq.com',
  'https:\\\\api.mch.weixin.qq.com',
  'https:/api.mch.weixin.qq.com',
  'https://evil.com',
  'http://0.0.0.0:8080',
  'http://0x7f.0.0.1',
  'http://2130706433',
  'http://127.1',
  'http://0177.0.0.1',
  'http://127.0.0.1.evil.com',
  'http://localhost.evil.com',
  'http://localhost@evil.com',
  'http://[::ffff:a9fe:a9fe]',
  'http://[::]:8080',
  'http://169.254.169.254',
  'http://127.0.0.1:0',
  'http://127.0.0.1:99999',
])('B3: refuses %j', (text) => {
  expect(() => parseBaseUrl(text)).toThrow(expect.objectContaining({ code: 'HOST_NOT_ALLOWED' }));
});

test('a host named on purpose is accepted, and only that one', () => {
  const parse = (text: string): string => parseBaseUrl(text, ['pay.internal:8443', 'emulator']).host;
  expect(parse('https://pay.internal:8443')).toBe('pay.internal:8443');
  expect(parse('http://emulator:8080')).toBe('emulator:8080');
  expect(isLive(parseBaseUrl('http://emulator:8080', ['emulator']))).toBe(true);
  for (const text of ['https://pay.internal', 'https://pay.internal:9', 'http://x.emulator', 'http://user@emulator']) {
    expect(() => parse(text)).toThrow('HOST_NOT_ALLOWED');
  }
});

test.each(['https://u:hunter2/x@h', 'https://u:x?hunter2@h', 'https://u:x#@hunter2@h', 'u:x/hunter2@h', 'hunter2@h'])(
  'E2: the password in %s is found wherever it begins',
  (text) => {
    expect(() => parseBaseUrl(text)).toThrow(expect.objectContaining({ code: 'HOST_NOT_ALLOWED' }));
    expect(() => parseBaseUrl(text)).not.toThrow('hunter2');
  },
);

test('E2: a password in a refused URL is not repeated', () => {
  expect(() => parseBaseUrl('https://u:hunter2@evil.com')).toThrow(
    expect.objectContaining({ params: expect.objectContaining({ url: 'https://[redacted]@evil.com' }) }),
  );
});

test('each primary has its backup in the other region, everything else has none', () => {
  const backup = (text: string): string | undefined => backupOf(parseBaseUrl(text))?.origin;
  expect(backup('https://api.mch.weixin.qq.com')).toBe('https://api2.mch.weixin.qq.com');
  expect(backup('https://api.wechatpay.cn')).toBe('https://api2.wechatpay.cn');
  expect(backup('https://api2.mch.weixin.qq.com')).toBeUndefined();
  expect(backup('http://127.0.0.1:8080')).toBeUndefined();
});

test('R12: whatever is accepted is on the list, for any text', () => {
  const hosts = fc.constantFrom('api.mch.weixin.qq.com', 'evil.com', '127.0.0.1', 'localhost', '[::1]');
  const noise = fc.constantFrom('', '@', ':', '/', '\\', '.', '#', '?', '%2e', '\t', '：', ':443', ':80', 'x');
  const text = fc
    .tuple(fc.constantFrom('https://', 'http://', 'https:', '//', ''), noise, hosts, noise, hosts, noise)
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(text, fc.webUrl(), fc.string()), (input) => {
      let base;
      try {
        base = parseBaseUrl(input);
      } catch (error) {
        return isWxpayError(error, 'HOST_NOT_ALLOWED');
      }
      return /^https:\/\/(api2?\.mch\.weixin\.qq\.com)$|^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(
        base.origin,
      );
    }),
    { numRuns: 5_000 },
  );
});
