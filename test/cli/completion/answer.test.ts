import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionScript, shells } from '../../../src/cli/completion/scripts.ts';
import { run } from '../../../src/cli/program.ts';
import { fakeWorld } from '../../helpers/world.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-complete-'));
  mkdirSync(join(root, 'config', 'profiles'), { recursive: true });
  for (const name of ['shop', 'sandbox-2', 'other'])
    writeFileSync(join(root, 'config', 'profiles', `${name}.json`), '{}');
  writeFileSync(join(root, 'config', 'profiles', 'evil\u001b[31m.json'), '{}');
  mkdirSync(join(root, 'cache', 'certificates'), { recursive: true });
  const certificates = [
    { serial_no: '5E8EF0D8C1', effective_time: '2026-01-01T00:00:00Z', expire_time: '2031-01-01T00:00:00Z' },
    { serial_no: '$(touch x)', effective_time: '', expire_time: '' },
  ];
  writeFileSync(join(root, 'cache', 'certificates', 'a.json'), JSON.stringify({ version: 1, certificates }));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function ask(...argv: string[]): Promise<{ kind: string; lines: string[] }> {
  const env = { WXPAY_CONFIG_DIR: join(root, 'config'), WXPAY_CACHE_DIR: join(root, 'cache'), WXPAY_LANG: 'en' };
  const world = fakeWorld(['__complete', ...argv], { env });
  expect(await run(world)).toBe(0);
  expect(world.err()).toBe('');
  const [kind = '', ...lines] = world.out().trimEnd().split('\n');
  return { kind, lines: lines.map((line) => line.split('\t')[0] ?? '') };
}

describe('completion offers', () => {
  test.each([
    [[''], ['order', 'refund', 'certs', 'help']],
    [['or'], ['order']],
    [
      ['order', ''],
      ['create', 'query', 'close'],
    ],
    [['--profile', 'shop', 'order', 'q'], ['query']],
    [['order', 'create', '--ty'], ['--type']],
    [
      ['order', 'create', '--type', ''],
      ['native', 'jsapi', 'app', 'h5'],
    ],
    [
      ['order', 'query', '--lang='],
      ['--lang=zh-CN', '--lang=en'],
    ],
    [['order', 'query', '-o', 'nd'], ['ndjson']],
    [
      ['--profile', 's'],
      ['shop', 'sandbox-2'],
    ],
    [
      ['profile', 'use', ''],
      ['other', 'sandbox-2', 'shop'],
    ],
    [['certs', 'show', ''], ['5E8EF0D8C1']],
    [['help', 'exit'], ['exit-codes']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', 'powershell'],
    ],
    [['refund', 'ab'], ['abnormal']],
    [['refund', 'report', ''], ['merge']],
    [
      ['api', 'P'],
      ['POST', 'PUT', 'PATCH'],
    ],
    [
      ['api', 'POST', '/v3/profitsharing/'],
      ['/v3/profitsharing/orders', '/v3/profitsharing/return-orders'],
    ],
    [['api', '-f', 'a=1', 'post', '/v3/profitsharing/o'], ['/v3/profitsharing/orders']],
    [['api', '/v3/certif'], ['/v3/certificates']],
    [
      ['api', 'POST', '/v3/pay/transactions/out-trade-no/T1/'],
      ['/v3/pay/transactions/out-trade-no/T1/close', '/v3/pay/transactions/out-trade-no/T1/reverse'],
    ],
    [['api', '--dec'], ['--decrypt']],
  ])('after %j: %j', async (words, wanted) => {
    const { kind, lines } = await ask('zsh', ...words);
    expect(kind).toBe(':values');
    expect(lines).toEqual(expect.arrayContaining(wanted));
    const current = words.at(-1) ?? '';
    for (const line of lines) expect(line.startsWith(current)).toBe(true);
  });

  test('only what is ours: no name that is no profile name, no serial that is no serial', async () => {
    expect((await ask('zsh', '--profile', '')).lines).toEqual(['other', 'sandbox-2', 'shop']);
    expect((await ask('zsh', 'certs', 'show', '')).lines).toEqual(['5E8EF0D8C1']);
  });

  test('only the paths of the method that was typed', async () => {
    const { lines } = await ask('zsh', 'api', 'GET', '/v3/profitsharing/');
    expect(lines).toContain('/v3/profitsharing/orders/{out_order_no}');
    expect(lines).not.toContain('/v3/profitsharing/orders');
    expect((await ask('zsh', 'api', 'POST', '/v3/certif')).lines).toEqual([]);
    expect((await ask('zsh', 'api', '--v2', '/pay/')).lines).toEqual([]);
  });

  test('no flag twice, no value of one command to another, and nothing after the last argument', async () => {
    expect((await ask('zsh', 'order', 'query', '--watch', '--wa')).lines).toEqual([]);
    expect((await ask('zsh', 'order', 'query', '--skel')).lines).toEqual([]);
    expect((await ask('zsh', 'completion', 'bash', '')).lines).toEqual([]);
  });

  test.each([
    ['refund', 'batch', ''],
    ['verify-callback', ''],
    ['bill', 'reconcile', 'bill.csv', ''],
    ['profile', 'add', 'x', '--certificate-file', ''],
    ['certs', 'download', '--out', 'k'],
  ])('files for wxpay %s %s', async (...words) => {
    expect((await ask('fish', ...words)).kind).toBe(':files');
  });

  test('bash gets what follows the last = or :, as it parts words there', async () => {
    expect(await ask('bash', 'wxpay order create --type=na')).toEqual({ kind: ':values', lines: ['native'] });
    expect(await ask('bash', "wxpay --profile 'sh")).toEqual({ kind: ':values', lines: ['shop'] });
  });

  test('nothing, and no error, for what makes no sense', async () => {
    for (const words of [['zsh'], ['nonsense', 'x'], [], ['zsh', 'no', 'such', 'command', ''], ['bash']])
      expect((await ask(...words)).kind).toMatch(/^(?::values|)$/);
  });
});

test('the scripts evaluate nothing that was typed', () => {
  for (const shell of shells) {
    const script = completionScript(shell);
    expect(script).toContain(`wxpay __complete ${shell}`);
    expect(script).not.toMatch(/\beval\b|Invoke-Expression/);
  }
});
