import { describe, expect, test } from 'vitest';
import { lookupFor, parseTarget } from '../../../src/operations/callback/target.ts';

const strict = { flag: '--forward-to', allowHosts: [], privateHosts: false };

describe('I4: where callbacks go', () => {
  test.each([
    'http://127.0.0.1:3000/notify',
    'http://localhost:3000',
    'https://app.localhost:3443/a?b=c',
    'http://[::1]:3000/',
    'http://127.9.9.9/',
    'HTTP://LOCALHOST:3000/',
  ])('this machine needs no flag: %s', (url) => {
    expect(parseTarget(url, strict).loopback).toBe(true);
  });

  test.each(['http://10.0.0.7:3000/', 'http://192.168.1.2/', 'http://172.31.0.1/', 'http://[fd00::1]/'])(
    'a private address: %s only where that is wanted, or named',
    (url) => {
      expect(() => parseTarget(url, strict)).toThrow(expect.objectContaining({ code: 'FORWARD_HOST_REFUSED' }));
      expect(parseTarget(url, { ...strict, privateHosts: true }).loopback).toBe(false);
      expect(parseTarget(url, { ...strict, allowHosts: [new URL(url).host] }).loopback).toBe(false);
    },
  );

  test.each([
    'http://app:3000/',
    'https://example.com/notify',
    'http://8.8.8.8/',
    'http://172.32.0.1/',
    'http://localhost.example.com/',
  ])('a stranger has to be named: %s', (url) => {
    const rules = { ...strict, privateHosts: true };
    expect(() => parseTarget(url, rules)).toThrow(expect.objectContaining({ code: 'FORWARD_HOST_REFUSED' }));
    expect(parseTarget(url, { ...rules, allowHosts: [new URL(url).hostname] }).loopback).toBe(false);
  });

  test.each([
    'http://169.254.169.254/latest',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
    'http://100.100.100.200/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0x7f.1/',
    'http://2130706433/',
    'file:///etc/passwd',
    'ftp://localhost/',
    'javascript:alert(1)',
    'http:localhost',
    'http://',
    'localhost:3000',
    'http://localhost@evil.example/',
    'http://user:secret@localhost/',
    'http://@localhost/',
    'http://localhost/#a',
    'https://api.mch.weixin.qq.com/v3/x',
    'https://api.mch.weixin.qq.com./v3/x',
    'https://api.wechatpay.cn/',
    'https://pay.weixin.qq.com/',
  ])('never: %s, whatever is named', (url) => {
    const host = URL.canParse(url) ? new URL(url).hostname : url;
    const rules = { flag: '--to', allowHosts: [host, host.replaceAll(/[[\]]/g, '')], privateHosts: true };
    expect(() => parseTarget(url, rules)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  test('a name that leads elsewhere by the time of the connection is refused there', async () => {
    const ask = async (name: string, target: string): Promise<unknown> =>
      new Promise((resolve) => {
        lookupFor(parseTarget(target, { ...strict, allowHosts: ['localhost'] }))(name, {}, (error, address) =>
          resolve(error?.code ?? address),
        );
      });
    expect(await ask('localhost', 'http://localhost:1/')).toMatch(/^(?:127\.0\.0\.1|::1)$/);
    // What a rebinding resolver would say.
    expect(await ask('192.0.2.1', 'http://localhost:1/')).toBe('EADDRREFUSED');
    expect(await ask('169.254.169.254', 'http://localhost:1/')).toBe('EADDRREFUSED');
  });
});
