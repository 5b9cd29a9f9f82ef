import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { dryRun } from '../../src/cli/dry-run.ts';
import { createRequest, queryRequest } from '../../src/operations/order.ts';
import { makeRuntime, merchantEnv, publicKeyEnv } from '../helpers/runtime.ts';

describe('D1: --dry-run', () => {
  const party = { kind: 'direct', mchid: '1900000001' } as const;
  const body = {
    appid: 'wx1',
    mchid: '1900000001',
    description: 'it\'s 中文 "quoted"',
    out_trade_no: 'DRY_0001',
    notify_url: 'https://a.example/n',
    amount: { total: 1 },
  };

  test('shows the request with every header, the message that is signed, and no signature', async () => {
    const { runtime, world } = makeRuntime({ ...merchantEnv, ...publicKeyEnv });
    const { data, view } = await dryRun(runtime, createRequest('native', party, body));
    const shown = data as {
      url: string;
      headers: Record<string, string>;
      body: unknown;
      sign_message: string;
      dry_run: boolean;
    };
    expect(shown).toMatchObject({
      dry_run: true,
      method: 'POST',
      url: 'http://127.0.0.1:1/v3/pay/transactions/native',
      body,
    });
    expect(shown.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/json',
      'wechatpay-serial': publicKeyEnv.WXPAY_PUBLIC_KEY_ID,
      authorization: expect.stringContaining('signature="[redacted]"'),
    });
    const [method, target, timestamp, nonce, text] = shown.sign_message.split('\n');
    expect([method, target, text]).toEqual(['POST', '/v3/pay/transactions/native', JSON.stringify(body)]);
    expect(shown.headers['authorization']).toContain(`timestamp="${timestamp}"`);
    expect(shown.headers['authorization']).toContain(`nonce_str="${nonce}"`);
    expect(JSON.stringify(view)).toContain('curl -X POST');
    expect(world.err()).toContain('Dry run');
  });

  test('finds a key that cannot sign', async () => {
    const { runtime } = makeRuntime({ ...merchantEnv, WXPAY_PRIVATE_KEY: 'none' });
    await expect(dryRun(runtime, queryRequest(party, { out_trade_no: 'DRY_0001' }))).rejects.toMatchObject({
      category: 'config',
    });
  });

  test('the command is one that a shell reads back word for word', async () => {
    const { runtime } = makeRuntime(merchantEnv);
    const { view } = await dryRun(runtime, createRequest('native', party, body));
    const block = Array.isArray(view) ? (view[0] as { text: string }) : { text: '' };
    const words = execFileSync('bash', ['-c', `curl() { printf '%s\\0' "$@"; }; ${block.text}`], {
      encoding: 'utf8',
    }).split('\0');
    expect(words).toContain(JSON.stringify(body));
    expect(words.filter((word) => word.startsWith('authorization: WECHATPAY2-SHA256-RSA2048 '))).toHaveLength(1);
  });
});
