import { describe, expect, test } from 'vitest';
import { childEnvironment } from '../../../src/cli/emulated/child-environment.ts';
import type { RunSettings } from '../../../src/cli/emulated/settings.ts';
import { officialHosts } from '../../../src/emulator/tls.ts';

const settings: RunSettings = {
  hosts: officialHosts,
  address: '127.0.0.1',
  port: 8443,
  proxyPort: 8888,
  others: 'refuse',
  refusal: '{host}',
};
const files = { bundle: '/t/bundle.pem', extra: '/t/extra.pem', trustStore: '/t/store.p12', preload: '/t/preload.cjs' };
const made = (env: Record<string, string | undefined> = {}, more = {}): Record<string, string> =>
  childEnvironment({ env, settings, merchant: { WXPAY_MCHID: '1900000001' }, files: { ...files, ...more } });

test('each language is told in its own way', () => {
  expect(made()).toMatchObject({
    HTTPS_PROXY: 'http://127.0.0.1:8888',
    https_proxy: 'http://127.0.0.1:8888',
    NODE_EXTRA_CA_CERTS: '/t/extra.pem',
    NODE_OPTIONS: '--require /t/preload.cjs',
    SSL_CERT_FILE: '/t/bundle.pem',
    REQUESTS_CA_BUNDLE: '/t/bundle.pem',
    CURL_CA_BUNDLE: '/t/bundle.pem',
    WXPAY_MCHID: '1900000001',
  });
  expect(made()['JAVA_TOOL_OPTIONS']?.split(' ')).toEqual([
    '-Dhttps.proxyHost=127.0.0.1',
    '-Dhttps.proxyPort=8888',
    '-Dhttp.nonProxyHosts=localhost|127.*|[::1]',
    '-Djavax.net.ssl.trustStore=/t/store.p12',
    '-Djavax.net.ssl.trustStoreType=PKCS12',
  ]);
});

test('what the program had in NODE_OPTIONS and JAVA_TOOL_OPTIONS stays; a folder with blanks is quoted', () => {
  const env = made(
    { NODE_OPTIONS: '--max-old-space-size=99', JAVA_TOOL_OPTIONS: '-Xmx1g' },
    { preload: '/a folder/preload.cjs', trustStore: '/a folder/store.p12' },
  );
  expect(env['NODE_OPTIONS']).toBe('--max-old-space-size=99 --require "/a folder/preload.cjs"');
  expect(env['JAVA_TOOL_OPTIONS']).toMatch(/^-Xmx1g .*"-Djavax\.net\.ssl\.trustStore=\/a folder\/store\.p12"/);
});

describe('exceptions from the proxy', () => {
  test.each([
    [{}, 'localhost,127.0.0.1,::1'],
    [{ NO_PROXY: '*' }, 'localhost,127.0.0.1,::1'],
    [{ NO_PROXY: 'example.test' }, 'localhost,127.0.0.1,::1,example.test'],
    [{ no_proxy: 'a.test b.test', NO_PROXY: 'c.test' }, 'localhost,127.0.0.1,::1,a.test,b.test,c.test'],
    [{ NO_PROXY: '.qq.com,weixin.qq.com,*.weixin.qq.com,api.mch.weixin.qq.com:443' }, 'localhost,127.0.0.1,::1'],
    [{ NO_PROXY: 'com,cn,.cn,API.WECHATPAY.CN' }, 'localhost,127.0.0.1,::1'],
    [{ NO_PROXY: 'api*.mch.weixin.qq.com,*qq.com' }, 'localhost,127.0.0.1,::1'],
    [{ NO_PROXY: 'q.com,10.0.0.0/8,localhost' }, 'localhost,127.0.0.1,::1,q.com,10.0.0.0/8'],
  ])('%j become %s: this machine always, WeChat Pay never', (env, expected) => {
    const { NO_PROXY, no_proxy } = made(env);
    expect(NO_PROXY).toBe(expected);
    expect(no_proxy).toBe(expected);
  });
});

test('nothing of a live merchant stays, and everything else does', () => {
  const env = made({ WXPAY_PRIVATE_KEY: 'x', WXPAY_PROFILE: 'live', WXPAY_LANG: 'en', PATH: '/bin', EMPTY: undefined });
  expect(env).toMatchObject({ WXPAY_LANG: 'en', PATH: '/bin' });
  for (const name of ['WXPAY_PRIVATE_KEY', 'WXPAY_PROFILE', 'EMPTY']) expect(env).not.toHaveProperty(name);
});
