import { describe, expect, test } from 'vitest';
import { makeRuntime, merchantEnv, publicKeyEnv } from '../helpers/runtime.ts';

describe('the runtime', () => {
  test('F7: works from variables alone, with a home that is not there', async () => {
    const { runtime, dispose } = makeRuntime(merchantEnv);
    expect((await runtime.profile()).name).toBeUndefined();
    expect((await runtime.signer()).mchid).toBe('1900000001');
    expect(await runtime.transport()).toBeTypeOf('function');
    await dispose();
  });

  test('asks for nothing that a command does not need: a public key verifies without the merchant’s', async () => {
    const { WXPAY_API_V3_KEY } = merchantEnv;
    const { runtime } = makeRuntime({ ...publicKeyEnv, WXPAY_API_V3_KEY, WXPAY_BASE_URL: 'http://127.0.0.1:1' });
    const ring = await runtime.keyRing();
    expect(await ring.find(publicKeyEnv.WXPAY_PUBLIC_KEY_ID)).toMatchObject({ kind: 'wechatpay-public-key' });
    // Nor is the merchant's key asked for before something has to be signed.
    const transport = await runtime.transport();
    const request = { method: 'GET', target: '/v3/certificates', body: new Uint8Array(), effect: 'read' } as const;
    await expect(transport(request)).rejects.toMatchObject({ code: 'CREDENTIAL_MISSING' });
  });

  test('makes each thing once', async () => {
    const { runtime } = makeRuntime(merchantEnv);
    expect(await runtime.signer()).toBe(await runtime.signer());
    expect(await runtime.profile()).toBe(await runtime.profile());
    expect(await runtime.keyRing()).toBe(await runtime.keyRing());
  });

  test('K3: says when a flag wins over a variable, and over the profile only when asked', async () => {
    const loud = makeRuntime(merchantEnv, { baseUrl: 'http://127.0.0.1:2' });
    await loud.runtime.profile();
    expect(loud.world.err()).toContain('--base-url');
    expect(loud.world.err()).toContain('WXPAY_BASE_URL');
  });

  test('B3: refuses a foreign host before anything is signed', async () => {
    const { runtime } = makeRuntime(merchantEnv, { baseUrl: 'https://evil.example' });
    await expect(runtime.transport()).rejects.toMatchObject({ code: expect.stringMatching(/HOST|PROFILE/) });
  });

  test.each([
    '--report-uncaught-exception',
    '--max-old-space-size=512 --heapsnapshot-signal=SIGUSR2',
    '"--heap-prof"',
    '--tls-keylog=/tmp/keys',
  ])('E4: says at a live host that NODE_OPTIONS=%s may write the keys to a file', async (value) => {
    const warned = async (baseUrl: string): Promise<string> => {
      const { runtime, world } = makeRuntime({ ...merchantEnv, WXPAY_BASE_URL: baseUrl, NODE_OPTIONS: value });
      await runtime.transport();
      return world.err();
    };
    const said = await warned('https://api.mch.weixin.qq.com');
    expect(said).toMatch(/^NODE_OPTIONS holds --(report-uncaught-exception|heapsnapshot-signal|heap-prof|tls-keylog),/);
    expect(said).not.toContain('=');
    expect(await warned('http://127.0.0.1:1')).toBe('');
  });

  test('E4: says nothing of the options that write no keys', async () => {
    const NODE_OPTIONS = '--max-old-space-size=512 --require "./a --report-x.js" --stack-trace-limit=5';
    const { runtime, world } = makeRuntime({
      ...merchantEnv,
      WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com',
      NODE_OPTIONS,
    });
    await runtime.transport();
    expect(world.err()).toBe('');
  });

  test('knows the secrets that it has handed out, and no others', async () => {
    const { runtime, secrets } = makeRuntime(merchantEnv);
    expect(secrets()).toEqual([]);
    await runtime.apiV3Key();
    expect(secrets()).toEqual([merchantEnv.WXPAY_API_V3_KEY]);
    await runtime.signer();
    expect(secrets().join('\n')).toContain('PRIVATE KEY');
  });

  test('nonces are 32 of 0-9 and A-Z, and never the same', () => {
    const { runtime } = makeRuntime(merchantEnv);
    const nonces = Array.from({ length: 100 }, () => runtime.nonce());
    expect(new Set(nonces).size).toBe(100);
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9A-Z]{32}$/);
  });

  test('A1: values in messages are shown, not obeyed', () => {
    const { runtime, world } = makeRuntime(merchantEnv);
    runtime.warn('cli.loose_file.warn', { file: 'a\u001b[2J\n\u202e', mode: '644' });
    expect(world.err()).not.toMatch(/[\u001b\u202e]/);
    expect(world.err().trimEnd()).not.toContain('\n');
  });
});
