/** `wxpay emulator code`, `payer` and `merchant`: what they say, and what they bring about. */
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => local.close());

const run = async (argv: readonly string[], input?: string): Promise<RunResult> =>
  runInProcess(argv, {
    env: { ...local.env, HOME: local.home.dir, WXPAY_LANG: 'en' },
    cwd: local.home.dir,
    ...(input === undefined ? {} : { input }),
  });
const emulator = async (...argv: string[]): Promise<RunResult> =>
  run(['emulator', ...argv, '--dir', dirname(local.emulator.recordFile)]);
const json = ({ stdout }: RunResult): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;
const pay = ['order', 'create', '--type', 'codepay', '--description', 'x', '--amount', '100', '--store-id', '1'];
const order = ['order', 'create', '--type', 'native', '--description', 'x', '--amount', '100', '--notify-url'];

test('a code pays an order, once; with -q it is all that is printed', async () => {
  const { stdout: code } = await emulator('code', '-q');
  expect(code).toMatch(/^1[0-5]\d{16}\n$/);
  expect(await run([...pay, '--auth-code-stdin'], code)).toMatchObject({ code: 0 });
  const again = await run([...pay, '--auth-code-stdin', '--json'], code);
  expect([again.code, errorOf(again)]).toMatchObject([4, { wechat: { code: 'AUTH_CODE_EXPIRE' } }]);
});

test('a payer who has too little cannot pay, and one who is asked nothing changes nothing', async () => {
  const { openid, auth_code } = json(await emulator('code', '--json'));
  const poor = await emulator('payer', String(openid), '--balance', '99', '--json');
  expect(json(poor)).toMatchObject({ openid, balance: 99, state: 'normal', bank: 'up', password: 'auto' });
  const refused = await run([...pay, '--auth-code-stdin', '--json'], String(auth_code));
  expect([refused.code, errorOf(refused)]).toMatchObject([4, { wechat: { code: 'NOT_ENOUGH' } }]);
  expect(json(await emulator('payer', String(openid), '--json'))).toMatchObject({ balance: 99 });
  expect(json(await emulator('payer', String(openid), '--balance', 'plenty', '--json'))).toMatchObject({
    balance: null,
  });
});

test('a merchant is refused what is taken from it, until it is given back', async () => {
  const create = async (): Promise<RunResult> => run([...order, 'http://127.0.0.1:9/n', '--json', '--retries', '0']);
  const changed = await emulator('merchant', '--products', 'jsapi,h5', '--max-total', '99', '--json');
  expect(json(changed)).toMatchObject({ mchid: local.info.mchid, products: ['jsapi', 'h5'], max_total: 99 });
  expect(errorOf(await create())).toMatchObject({ wechat: { code: 'NO_AUTH' } });
  await emulator('merchant', '--products', 'all');
  expect(errorOf(await create())).toMatchObject({ wechat: { code: 'RULE_LIMIT' } });
  const url = 'http://127.0.0.1:9/sharing';
  const told = await emulator('merchant', '--sharing-notify-url', url, '--json');
  expect(JSON.parse(told.stdout)).toMatchObject({ sharing_notify_url: url });
  await emulator('merchant', '--max-total', 'none', '--sharing-notify-url', 'none');
  expect(await create()).toMatchObject({ code: 0 });
});

test('a merchant that the emulator does not serve is not found', async () => {
  expect(await emulator('merchant', '1900000999', '--account', 'closed')).toMatchObject({ code: 5, stdout: '' });
});

test('a status fault with a code of its own answers so', async () => {
  expect(await emulator('fault', 'status', '--status', '403', '--code', 'ACCOUNT_ERROR')).toMatchObject({ code: 0 });
  const refused = await run(['order', 'query', 'NEVER_0001', '--json']);
  expect(errorOf(refused)).toMatchObject({ http_status: 403, wechat: { code: 'ACCOUNT_ERROR' } });
});

test.each([
  [['payer', 'oX', '--balance', '1.5']],
  [['payer', 'oX', '--state', 'gone']],
  [['merchant', '--products', 'native,card']],
  [['merchant', '--per-second', '-1']],
  [['merchant', '--sharing-notify-url', 'ftp://127.0.0.1/']],
  [['merchant', '--max-total', '1e3']],
  [['fault', 'status', '--status', '403', '--code', 'no such']],
])('%j is a usage error', async (argv) => {
  expect(await emulator(...argv)).toMatchObject({ code: 2, stdout: '' });
});
