import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { realClock } from '../../../helpers/local.ts';
import {
  apiV3Key,
  key,
  makeCallback,
  now,
  rawHttp,
  serial,
  type Made,
} from '../../../operations/callback/staged-callback.ts';

const merchant = generateKeyPairSync('rsa', { modulusLength: 2048 });
const spki = (publicKey: typeof key.publicKey): string => publicKey.export({ type: 'spki', format: 'pem' }).toString();

const run = (
  argv: readonly string[],
  input: string | Buffer,
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> =>
  runInProcess(['verify-callback', ...argv], {
    input,
    clock: { ...realClock, now: () => now },
    env: {
      HOME: '/nonexistent',
      WXPAY_LANG: 'en',
      WXPAY_MCHID: '1900000001',
      WXPAY_SERIAL_NO: 'A'.repeat(40),
      WXPAY_PRIVATE_KEY: merchant.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      WXPAY_API_V3_KEY: apiV3Key.toString(),
      WXPAY_PUBLIC_KEY_ID: serial,
      WXPAY_PUBLIC_KEY: spki(key.publicKey),
      WXPAY_BASE_URL: 'http://127.0.0.1:1',
      ...env,
    },
  });

const made = makeCallback();
const escaped: Made = {
  headers: made.headers,
  body: made.body.replaceAll('/', String.raw`\/`).replace('支付成功', String.raw`\u652f\u4ed8\u6210\u529f`),
};
interface Document {
  readonly verdict: string;
  readonly resource: unknown;
  readonly autopsy: null | {
    readonly grade: string;
    readonly findings: readonly { readonly cause: string; readonly text: string; readonly cure: string }[];
    readonly evidence: readonly { readonly part: string; readonly captured: string; readonly sent: string }[];
    readonly tried: { readonly messages: number; readonly budget_ended: boolean };
    readonly frameworks: readonly string[];
  };
}
const parsed = ({ stdout }: RunResult): Document => JSON.parse(stdout) as Document;

test('a valid callback has no autopsy', async () => {
  expect(parsed(await run(['--json'], rawHttp(made)))).toMatchObject({ verdict: 'valid', autopsy: null });
});

test('cause, evidence, confidence and cure are in the JSON, and the resource is not', async () => {
  const result = await run(['--json'], rawHttp(escaped));
  expect(result.code).toBe(6);
  const document = parsed(result);
  expect(document).toMatchObject({
    verdict: 'invalid',
    resource: null,
    autopsy: { grade: 'proven', findings: [{ cause: 'reserialised' }], frameworks: ['laravel', 'thinkphp'] },
  });
  expect(document.autopsy?.evidence).toMatchObject([{ part: 'body' }]);
  expect(document.autopsy?.evidence[0]?.sent).toContain('支付成功');
  expect(document.autopsy?.tried.budget_ended).toBe(false);
  expect(result.stdout + result.stderr).not.toContain('ORDER_0001');
});

test.each([
  ['en', 'The JSON was parsed and written again', 'how to keep the raw body'],
  ['zh-CN', 'JSON 被解析后重新序列化', '如何拿到原始报文'],
])('people read it in %s', async (lang, cause, recipe) => {
  const { stdout, code } = await run([], rawHttp(escaped), { WXPAY_LANG: lang });
  expect(code).toBe(6);
  expect(stdout).toContain(cause);
  expect(stdout).toContain(recipe);
  expect(stdout).toContain('$request->getContent()');
});

describe('--framework', () => {
  test('shows that recipe and no other', async () => {
    const { stdout } = await run(['--framework', 'gin'], rawHttp(escaped));
    expect(stdout).toContain('io.ReadAll(c.Request.Body)');
    expect(stdout).not.toContain('getContent');
  });

  test('refuses what it has no recipe for, and names those that it has', async () => {
    const { code, stderr } = await run(['--framework', 'rails'], rawHttp(escaped));
    expect(code).toBe(2);
    expect(stderr).toContain('thinkphp');
  });
});

test('A1: escape sequences and bidi controls in what is compared arrive visible', async () => {
  const hostile = '\u001b]52;c;ZXZpbA==\u0007\u202e';
  const damaged: Made = {
    headers: { ...made.headers, 'Wechatpay-Serial': 'PUB_KEY_ID_7' },
    body: `${hostile}log ${made.body}`,
  };
  const { stdout, code } = await run([], rawHttp(damaged));
  expect(code).toBe(6);
  expect(stdout).not.toMatch(/[\u001b\u0007\u202e]/);
  expect(stdout).toContain(String.raw`\x1b]52`);
  expect(stdout).toContain('<U+202E>');
});

test('the merchant key in place of the WeChat Pay public key is named', async () => {
  const { stdout } = await run(['--json'], rawHttp(made), {
    WXPAY_PUBLIC_KEY: spki(createPublicKey(merchant.privateKey)),
  });
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'invalid', autopsy: { findings: [{ cause: 'key_merchant' }] } });
});

test('another APIv3 key is named, and neither key is shown', async () => {
  const other = 'fedcba9876543210fedcba9876543210';
  const { stdout, stderr } = await run([], rawHttp(made), {
    WXPAY_API_V3_KEY: other,
    WXPAY_API_V2_KEY: apiV3Key.toString(),
  });
  expect(stdout).toContain('swapped');
  expect(stdout + stderr).not.toContain(other);
  expect(stdout + stderr).not.toContain(apiV3Key.toString());
});

test('a body of another callback is told from the headers of one before it', async () => {
  const other = makeCallback({ envelope: { id: 'EV-2' } });
  const lines = [made, { headers: made.headers, body: other.body }].map((one) => JSON.stringify(one)).join('\n');
  const { stdout, code } = await run(['--json'], lines);
  expect(code).toBe(6);
  const { captures } = JSON.parse(stdout) as { captures: readonly Document[] };
  expect(captures).toMatchObject([
    { verdict: 'valid', autopsy: null },
    {
      verdict: 'invalid',
      autopsy: { grade: 'proven', findings: [{ cause: 'other_body', params: { other: 'stdin:1' } }] },
    },
  ]);
});
