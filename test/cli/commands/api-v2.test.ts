/** `wxpay api --v2` over the whole program, against the emulator: plain, over mTLS, and with answers that are not to be believed. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../helpers/cli.ts';
import { runInProcess } from '../../helpers/in-process.ts';
import { startLocal, type Local } from '../../helpers/local.ts';

let local: Local;
let env: Record<string, string>;
let made = 0;

beforeAll(async () => {
  local = await startLocal({ https: { port: 0 }, refunds: { settle_after_ms: null } });
  const { info, home } = local;
  // Nothing of APIv3: neither private key nor APIv3 key is needed.
  env = {
    HOME: home.dir,
    WXPAY_CONFIG_DIR: join(home.dir, 'config'),
    WXPAY_CACHE_DIR: join(home.dir, 'cache'),
    WXPAY_MCHID: info.mchid,
    WXPAY_APPID: info.appid,
    WXPAY_API_V2_KEY: info.api_v2_key,
    WXPAY_CLIENT_CERT_FILE: info.p12_file,
    WXPAY_CA_FILE: info.ca_file ?? '',
    WXPAY_BASE_URL: info.https_url ?? '',
  };
});
afterEach(() => local.emulator.faults.clear());
afterAll(async () => local.close());

const run = (argv: readonly string[], changes: Record<string, string> = {}, input?: string): Promise<RunResult> =>
  runInProcess(['api', '--v2', '--retries', '0', ...argv], {
    env: { ...env, ...changes },
    cwd: local.home.dir,
    ...(input === undefined ? {} : { input }),
  });
const flags = (fields: Readonly<Record<string, string>>): string[] =>
  Object.entries(fields).flatMap(([name, value]) => ['-f', `${name}=${value}`]);

async function paid(): Promise<string> {
  made += 1;
  const number = `API_V2_${made}`;
  const result = await run([
    '/pay/unifiedorder',
    ...flags({
      body: '咖啡',
      out_trade_no: number,
      total_fee: '1290',
      spbill_create_ip: '203.0.113.9',
      notify_url: 'http://127.0.0.1:9/notify',
      trade_type: 'NATIVE',
    }),
    '--json',
  ]);
  expect(result.code, result.stderr).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({ result_code: 'SUCCESS', trade_type: 'NATIVE' });
  await local.emulator.pay({ order: number, callback: false });
  return number;
}
const refundFlags = (order: string, changes = {}): string[] =>
  flags({ out_trade_no: order, out_refund_no: `R_${order}`, total_fee: '1290', refund_fee: '100', ...changes });

describe('wxpay api --v2', () => {
  test('places, pays, queries, refunds over mTLS and asks about the refund, without anything of APIv3', async () => {
    const number = await paid();
    const shown = await run(['/pay/orderquery', '-f', `out_trade_no=${number}`, '--lang', 'en']);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('answer verified (HMAC-SHA256)');
    expect(shown.stdout).toMatch(/total_fee +¥12\.90 \(1290\)/);
    const refunded = await run(['POST', '/secapi/pay/refund', ...refundFlags(number), '--json']);
    expect(refunded.code, refunded.stderr).toBe(0);
    expect(refunded.stderr).toContain(`R_${number}`);
    expect(JSON.parse(refunded.stdout)).toMatchObject({ refund_fee: '100', out_refund_no: `R_${number}` });
    const asked = await run([
      '/pay/refundquery',
      '-f',
      `out_refund_no=R_${number}`,
      '--query',
      'refund_status_0',
      '--json',
    ]);
    expect(asked.stdout.trim()).toBe('"PROCESSING"');
  });

  test.each(['xml', 'json'])('takes the fields from a %s file, and -f over them', async (form) => {
    const number = await paid();
    const file = `query.${form}`;
    const text = form === 'xml' ? '<xml><out_trade_no>X</out_trade_no></xml>' : '{"out_trade_no":"X"}';
    writeFileSync(join(local.home.dir, file), text);
    const result = await run(['/pay/orderquery', '--data', `@${file}`, '-f', `out_trade_no=${number}`, '--json']);
    expect(JSON.parse(result.stdout)).toMatchObject({ out_trade_no: number, trade_state: 'SUCCESS' });
  });

  test('signs with MD5 where it is asked to', async () => {
    const number = await paid();
    const { stdout } = await run([
      '/pay/orderquery',
      '-f',
      `out_trade_no=${number}`,
      '--sign-type',
      'MD5',
      '--lang',
      'en',
    ]);
    expect(stdout).toContain('answer verified (MD5)');
  });

  test('shows a bill and says that nothing signs it; a refusal of one is unsigned, too', async () => {
    const shifted = await startLocal();
    try {
      const day = 86_400_000;
      shifted.emulator.seed({ count: 2, total: 100, paid_ago_ms: 2 * day });
      const date = new Date(Date.now() - 2 * day + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '');
      const mine = {
        WXPAY_APPID: shifted.info.appid,
        WXPAY_API_V2_KEY: shifted.info.api_v2_key,
        WXPAY_BASE_URL: shifted.info.url,
      };
      for (const packed of [[], ['-f', 'tar_type=GZIP']]) {
        const result = await run(['/pay/downloadbill', '-f', `bill_date=${date}`, ...packed, '--lang', 'en'], mine);
        expect(result.code, result.stderr).toBe(0);
        expect(result.stdout).toMatch(/^交易时间,公众账号ID,/);
        expect(result.stdout).toContain('总交易单数');
        expect(result.stderr).toContain('does not sign bills');
      }
      const none = await run(['/pay/downloadbill', '-f', 'bill_date=20200101', '--json'], mine);
      expect(none.code).toBe(4);
      expect(errorOf(none)).toMatchObject({
        code: 'API_REFUSED',
        unsigned: true,
        wechat: { message: 'No Bill Exist' },
      });
    } finally {
      await shifted.close();
    }
  });

  test.each<[string, string[], string, number]>([
    ['an unknown order', ['/pay/orderquery', '-f', 'out_trade_no=NOBODY_1'], 'NOT_FOUND', 5],
    ['an unknown refund', ['/pay/refundquery', '-f', 'out_refund_no=NOBODY_1'], 'NOT_FOUND', 5],
    ['missing fields', ['/pay/unifiedorder', '-f', 'out_trade_no=A_1'], 'API_REFUSED', 4],
    ["another merchant's appid", ['/pay/orderquery', '-f', 'out_trade_no=A', '-f', 'appid=wx0'], 'API_REFUSED', 4],
    [
      'a refund of an unknown order',
      [
        '/secapi/pay/refund',
        ...flags({ out_trade_no: 'NOBODY_1', out_refund_no: 'R', total_fee: '1', refund_fee: '1' }),
      ],
      'NOT_FOUND',
      5,
    ],
    [
      'an unknown merchant',
      ['/pay/orderquery', '-f', 'out_trade_no=A', '-f', 'mch_id=1900000999'],
      'CREDENTIALS_REFUSED',
      14,
    ],
    ['no number for a refund', ['/secapi/pay/refund', '-f', 'out_trade_no=A'], 'INPUT_MISSING', 2],
    ['no path', [], 'INPUT_MISSING', 2],
    ['GET', ['GET', '/pay/orderquery'], 'INPUT_INVALID', 2],
    ['a path of APIv3', ['/v3/certificates'], 'PATH_INVALID', 2],
    ['a path with a query', ['/pay/orderquery?x=1'], 'PATH_INVALID', 2],
    ['a path that climbs', ['/pay/../secapi/pay/refund'], 'PATH_INVALID', 2],
    ['an entity in the data', ['/pay/orderquery', '--data', '<xml><a>&x;</a></xml>'], 'INPUT_INVALID', 2],
  ])('refuses %s', async (_, argv, code, exit) => {
    const result = await run([...argv, '--json']);
    expect(result).toMatchObject({ code: exit, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code });
  });

  test('where the certificate is wanted and the address is http, says that', async () => {
    const result = await run(['/secapi/pay/refund', ...refundFlags('A')], { WXPAY_BASE_URL: local.info.url });
    expect([result.code, result.stderr]).toEqual([14, expect.stringContaining('emulator start --https')]);
  });

  test("says WeChat Pay's own code, and that HTTP said 200", async () => {
    const number = await paid();
    const argv = [...refundFlags(number, { total_fee: '1', refund_fee: '1' }), '--json'];
    const result = await run(['/secapi/pay/refund', ...argv]);
    expect(errorOf(result)).toMatchObject({
      code: 'API_REFUSED',
      http_status: 200,
      outcome: 'rejected',
      unsigned: false,
      wechat: { code: 'REFUND_FEE_MISMATCH' },
    });
  });

  test('another APIv2 key is refused as credentials', async () => {
    const result = await run(['/pay/orderquery', '-f', 'out_trade_no=A', '--json'], {
      WXPAY_API_V2_KEY: 'x'.repeat(32),
    });
    expect(result.code).toBe(14);
    expect(errorOf(result)).toMatchObject({
      code: 'CREDENTIALS_REFUSED',
      wechat: { message: '签名错误，请检查后再试' },
    });
  });

  test('a refund over plain HTTP names the certificate as the cause', async () => {
    const number = await paid();
    const result = await run(['/secapi/pay/refund', ...refundFlags(number), '--json'], {
      WXPAY_BASE_URL: local.info.url,
    });
    expect(result.code).toBe(14);
    expect(errorOf(result)).toMatchObject({
      code: 'CLIENT_CERTIFICATE_REFUSED',
      outcome: 'rejected',
      http_status: 400,
    });
  });

  test('without a certificate in the profile a refund is not sent', async () => {
    const { WXPAY_CLIENT_CERT_FILE: _file, ...without } = env;
    const result = await runInProcess(['api', '--v2', '/secapi/pay/refund', ...refundFlags('A_1'), '--json'], {
      env: without,
    });
    expect(result.code).toBe(3);
    expect(errorOf(result)).toMatchObject({ code: 'CREDENTIAL_MISSING', outcome: 'not_sent' });
  });
});

describe('answers that are not to be believed', () => {
  test.each(['missing', 'wrong'] as const)('C1: a read whose signature is %s is not shown: exit 6', async (variant) => {
    const number = await paid();
    local.emulator.faults.add({ kind: 'signature', variant });
    const result = await run(['/pay/orderquery', '-f', `out_trade_no=${number}`, '--json']);
    expect(result).toMatchObject({ code: 6, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: variant === 'missing' ? 'SIGNATURE_MISSING' : 'SIGNATURE_WRONG' });
  });

  test('C4: a validly signed answer about another order is not shown: exit 6', async () => {
    const number = await paid();
    local.emulator.faults.add({ kind: 'replay-other' });
    const result = await run(['/pay/orderquery', '-f', `out_trade_no=${number}`, '--json']);
    expect(result).toMatchObject({ code: 6, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'ANSWER_MISMATCH' });
  });

  test.each([
    ['SYSTEMERROR, though it was carried out', { kind: 'status', status: 500, when: 'after' }],
    ['SYSTEMERROR, and nothing happened', { kind: 'status', status: 500, when: 'before' }],
    ['FREQUENCY_LIMITED', { kind: 'status', status: 429 }],
    ['503', { kind: 'status', status: 503, when: 'after' }],
    ['no signature', { kind: 'signature', variant: 'missing' }],
    ['a wrong signature', { kind: 'signature', variant: 'wrong' }],
    ['another refund', { kind: 'replay-other' }],
    ['a cut connection', { kind: 'cut', when: 'after' }],
    ['half an answer', { kind: 'truncate' }],
  ] as const)('a refund answered by %s is unknown: exit 8 and the command that asks', async (_, fault) => {
    const number = await paid();
    local.emulator.faults.add({ ...fault, path: '/secapi/pay/refund' });
    const result = await run(['/secapi/pay/refund', ...refundFlags(number), '--json']);
    expect(result, result.stderr).toMatchObject({ code: 8, stdout: '' });
    expect(errorOf(result)).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      next: `wxpay api --v2 /pay/refundquery -f out_refund_no=R_${number}`,
    });
    // It was sent once: nothing repeats it by itself.
    const posts = local.emulator.ledger();
    const all = [...posts.refunds, ...posts.without_refund].find(
      ({ out_refund_no }) => out_refund_no === `R_${number}`,
    );
    expect(all?.posts).toBe(1);
  });

  test('a path that nobody serves has done nothing: exit 5, and nothing to ask about', async () => {
    const result = await run(['/pay/nonsense', '-f', 'out_trade_no=A_1', '--json']);
    expect(result).toMatchObject({ code: 5, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'NOT_FOUND', outcome: 'rejected', next: null });
    expect(result.stderr).toContain('no such path');
  });

  test.each([
    [
      'with a number: the call that asks',
      ['-f', 'out_trade_no=A_1'],
      'wxpay api --v2 /pay/orderquery -f out_trade_no=A_1',
    ],
    ['without one: where to look', [], null],
  ])('a path that wxpay does not know, whose answer is lost, %s', async (_, flags, next) => {
    const server = createServer((request, response) => void request.resume().on('end', () => response.destroy()));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await run(['/pay/nonsense', ...flags, '--json'], { WXPAY_BASE_URL: url });
    server.close();
    expect(result).toMatchObject({ code: 8, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'OUTCOME_UNKNOWN', next });
    expect(result.stderr.includes('merchant platform')).toBe(next === null);
  });

  test('a read is tried again when the connection is cut', async () => {
    const number = await paid();
    local.emulator.faults.add({ kind: 'cut', when: 'before', path: '/pay/orderquery' });
    const result = await runInProcess(['api', '--v2', '/pay/orderquery', '-f', `out_trade_no=${number}`, '--json'], {
      env,
    });
    expect(result.code).toBe(0);
  });
});

describe('what is shown and asked', () => {
  test('--dry-run sends nothing, and shows neither key nor signature', async () => {
    const before = local.emulator.requests.length;
    const result = await run(['/secapi/pay/refund', ...refundFlags('A_1'), '--dry-run']);
    expect(result.code).toBe(0);
    expect(local.emulator.requests.length).toBe(before);
    expect(result.stdout).toContain('<sign><![CDATA[[redacted]]]></sign>');
    expect(result.stdout).toContain('apiclient_cert.p12');
    expect(result.stdout + result.stderr).not.toContain(local.info.api_v2_key);
  });

  test('--debug shows the exchange without the key', async () => {
    const number = await paid();
    const { stderr } = await run(['/pay/orderquery', '-f', `out_trade_no=${number}`, '--debug']);
    expect(stderr).toContain('/pay/orderquery');
    expect(stderr).toContain(number);
    expect(stderr).not.toContain(local.info.api_v2_key);
    expect(stderr.toLowerCase()).not.toContain('authorization');
  });

  test.each([
    '/secapi/pay/refund',
    '/pay/micropay',
    '/secapi/pay/reverse',
    '/pay/unifiedorder',
    '/mmpaymkttransfers/sendredpack',
  ])('M1: %s of a live merchant is not sent off a terminal without --yes: exit 10', async (path) => {
    const result = await run([path, ...refundFlags('A_1'), '--json'], {
      WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com',
    });
    expect(result).toMatchObject({ code: 10, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'CONFIRMATION_REQUIRED', outcome: 'not_sent' });
  });

  test('without --v2 it says what it is for', async () => {
    const result = await runInProcess(['api', '/pay/orderquery'], { env });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('--v2');
  });
});
