import { parseBaseUrl } from '../../../src/core/http/base-url.ts';
import { createConnection } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { closeAll, rawServer } from './loopback.ts';
import { openTunnel, proxyFor } from '../../../src/core/http/proxy.ts';

const live = parseBaseUrl('https://api.mch.weixin.qq.com');
const label = (env: Record<string, string>, base = live): string | undefined => proxyFor(base, env)?.label;

test.each<[Record<string, string>, string | undefined]>([
  [{}, undefined],
  [{ HTTPS_PROXY: '' }, undefined],
  [{ HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128'],
  [{ HTTPS_PROXY: 'p:3128' }, 'http://p:3128'],
  [{ HTTPS_PROXY: 'https://p' }, 'https://p:443'],
  [{ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:2' }, 'http://low:1'],
  [{ ALL_PROXY: 'http://all:1' }, 'http://all:1'],
  [{ HTTP_PROXY: 'http://plain:1' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'weixin.qq.com' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'a.b, .qq.com' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', no_proxy: 'API.MCH.WEIXIN.QQ.COM' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'api.mch.weixin.qq.com:443' }, undefined],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'api.mch.weixin.qq.com:8443' }, 'http://p:1'],
  [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'q.com,in.qq.com.evil' }, 'http://p:1'],
])('%j leads through %s', (env, wanted) => {
  expect(label(env)).toBe(wanted);
});

test('loopback and plain http never go through a proxy', () => {
  const env = { HTTPS_PROXY: 'http://p:1', ALL_PROXY: 'http://p:1' };
  expect(label(env, parseBaseUrl('https://127.0.0.1:8443'))).toBeUndefined();
  expect(label(env, parseBaseUrl('http://emulator:80', ['emulator']))).toBeUndefined();
});

test.each([
  'socks5://u:hunter2@p:1',
  'file:///x',
  'http://',
  'http://a b',
  'http://u:hunter2/x@p:3128',
  'http://u:x?hunter2@p:3128',
  'http://u:x#y@hunter2@p:3128',
  'u:x/hunter2@p:3128',
  '//u:x/hunter2@p:3128',
])('B7: %s is refused instead of ignored, without its password', (value) => {
  expect(() => proxyFor(live, { HTTPS_PROXY: value })).toThrow(expect.objectContaining({ code: 'NETWORK_PROXY' }));
  expect(() => proxyFor(live, { HTTPS_PROXY: value })).not.toThrow('hunter2');
});

test('credentials are decoded once and kept out of the label', () => {
  const proxy = proxyFor(live, { HTTPS_PROXY: 'http://us%65r:p%40%zz@p:1' });
  expect(proxy?.authorization).toBe(`Basic ${Buffer.from('user:p%40%zz').toString('base64')}`);
  expect(proxy?.label).toBe('http://p:1');
});

afterEach(closeAll);

test('B7: the tunnel to an IPv6 address is asked for in brackets', async () => {
  let hear: (text: string) => void = () => undefined;
  const heard = new Promise<string>((resolve) => (hear = resolve));
  const port = await rawServer((socket) => socket.once('data', (chunk) => hear(chunk.toString('latin1'))));
  const proxy = proxyFor(live, { HTTPS_PROXY: `http://127.0.0.1:${port}` })!;
  const base = parseBaseUrl('https://[2001:db8::1]:8443', ['2001:db8::1']);
  openTunnel(createConnection(port, '127.0.0.1'), proxy, base, 'ua', () => undefined);
  const seen = await heard;
  expect(seen).toBe('CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\nUser-Agent: ua\r\n\r\n');
});
