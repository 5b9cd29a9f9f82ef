import { describe, expect, test } from 'vitest';
import { parseBaseUrl } from '../../../src/core/http/base-url.ts';
import { parseDownloadUrl } from '../../../src/core/http/download-url.ts';

const live = parseBaseUrl('https://api.mch.weixin.qq.com');
const local = parseBaseUrl('http://127.0.0.1:8080');
const file = '/v3/billdownload/file?token=a%2Bb&tartype=gzip';

test.each([
  ['the same host', live, `https://api.mch.weixin.qq.com${file}`, []],
  ['its backup', live, `https://api2.mch.weixin.qq.com${file}`, []],
  ['the emulator itself', local, `http://127.0.0.1:8080${file}`, []],
  ['another port of this machine', local, `http://localhost:9090${file}`, []],
  ['a host that was named', live, `https://gateway.example${file}`, ['gateway.example']],
  ['this machine, named', live, `http://127.0.0.1:9090${file}`, ['127.0.0.1:9090']],
])('%s may be asked, under the target as it stands', (_name, base, url, allow) => {
  expect(parseDownloadUrl(url, base, allow).target).toBe(file);
});

describe('refuses (THREATS B5)', () => {
  test.each([
    ['another host', live, `https://evil.example${file}`],
    ['a lookalike', live, `https://api.mch.weixin.qq.com.evil.example${file}`],
    ['user information', live, `https://api.mch.weixin.qq.com@evil.example${file}`],
    ['another port', live, `https://api.mch.weixin.qq.com:8443${file}`],
    ['no TLS', live, `http://api.mch.weixin.qq.com${file}`],
    ['a metadata address', live, `http://169.254.169.254${file}`],
    ['this machine, for real money', live, `http://127.0.0.1:8080${file}`],
    ['WeChat Pay, for the emulator', local, `https://api.mch.weixin.qq.com${file}`],
    ['a backslash', live, `https://api.mch.weixin.qq.com\\@evil.example${file}`],
    ['no path', live, 'https://api.mch.weixin.qq.com'],
    ['a fragment', live, `https://api.mch.weixin.qq.com${file}#x`],
    ['another scheme', live, 'file:///etc/passwd'],
    ['no URL', live, file],
    ['two slashes', live, `//evil.example${file}`],
    ['nothing', live, ''],
  ])('%s', (_name, base, url) => {
    expect(() => parseDownloadUrl(url, base)).toThrow(/^HOST_NOT_ALLOWED/);
  });

  test('without repeating the token', () => {
    expect(() => parseDownloadUrl('https://evil.example/?token=SECRET', live)).toThrow(/^(?!.*SECRET)/s);
    expect(() => parseDownloadUrl('evil/?token=SECRET', live)).toThrow(/^(?!.*SECRET)/s);
  });
});
