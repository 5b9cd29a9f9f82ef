import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { runInProcess, shiftedClock } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';

let local: Local;
let offset = 0;
const clock = shiftedClock(() => offset);
beforeAll(async () => {
  local = await startLocal({ clock });
});
afterAll(async () => local.close());

const run = async (argv: readonly string[], input?: string): Promise<RunResult> =>
  runInProcess(argv, {
    env: { ...local.env, HOME: local.home.dir, WXPAY_LANG: 'en' },
    clock,
    cwd: local.home.dir,
    ...(input === undefined ? {} : { input }),
  });
const create = (no: string, ...more: string[]): string[] => [
  'order',
  'create',
  '--type',
  'codepay',
  '--description',
  'Coffee',
  '--amount',
  '100',
  '--store-id',
  '7',
  '--out-trade-no',
  no,
  '--auth-code-stdin',
  ...more,
];
const newCode = (): string => local.emulator.issueCode().auth_code;

test('a payment by code is taken, and the paid order is the answer', async () => {
  const result = await run(create('PAID_0001', '--json'), `${newCode()}\n`);
  expect(result.code).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({
    out_trade_no: 'PAID_0001',
    trade_state: 'SUCCESS',
    trade_type: 'MICROPAY',
  });
});

test('a payer who needs a password is waited for', async () => {
  const { auth_code: code, openid } = local.emulator.issueCode();
  local.emulator.changePayer(openid, { password: 'always' });
  const paying = run(create('WAIT_0001'), code);
  for (let tries = 0; tries < 1_000; tries += 1) {
    const paid = await local.emulator.pay({ order: 'WAIT_0001' }).catch(() => undefined);
    if (paid !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const result = await paying;
  expect(result.code).toBe(0);
  expect(result.stderr).toContain('has to enter the password');
});

test('Ctrl-C while the payer is waited for says how to ask and how to reverse: the payment may still come', async () => {
  const { auth_code: code, openid } = local.emulator.issueCode();
  local.emulator.changePayer(openid, { password: 'always' });
  let press: () => void = () => {};
  const paying = runInProcess(create('CTRL_C_0001', '--json'), {
    env: { ...local.env, HOME: local.home.dir, WXPAY_LANG: 'en' },
    clock,
    cwd: local.home.dir,
    input: code,
    onSignal(listener) {
      press = () => listener('SIGINT');
      return () => {};
    },
  });
  const asked = (): boolean =>
    local.emulator.requests.some(({ target }) => target.includes('out-trade-no/CTRL_C_0001'));
  for (let tries = 0; tries < 500 && !asked(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  press();
  const result = await paying;
  expect([result.code, result.stdout, errorOf(result)]).toMatchObject([
    130,
    '',
    { code: 'OUTCOME_UNKNOWN', outcome: 'unknown', exit_code: 130, next: 'wxpay order query CTRL_C_0001' },
  ]);
  expect(result.stderr).toContain('wxpay order reverse CTRL_C_0001');
  expect(result.stderr).not.toContain(code);
});

test('the code is in no trace, no dry run and no error (THREATS E1, E2)', async () => {
  const code = newCode();
  const traced = await run(create('TRACE_0001', '--debug'), code);
  expect(traced).toMatchObject({ code: 0 });
  expect(traced.stderr).toContain('[redacted]');
  const dry = await run(create('DRY_0001', '--dry-run', '--json'), code);
  expect(JSON.parse(dry.stdout)).toMatchObject({ body: { payer: { auth_code: '[redacted]' } } });
  const inArgv = await run([...create('ARGV_0001').slice(0, -1), '--auth-code', code, '--json']);
  expect([inArgv.code, errorOf(inArgv)]).toMatchObject([2, { code: 'SECRET_IN_ARGV' }]);
  const data = JSON.stringify({ payer: { auth_code: code } });
  const inData = await run([...create('ARGV_0002').slice(0, -1), '--data', data, '--json']);
  expect([inData.code, errorOf(inData)]).toMatchObject([2, { code: 'SECRET_IN_ARGV' }]);
  const wrong = await run(create('WRONG_0001', '--json'), `${code}9`);
  expect([wrong.code, errorOf(wrong)]).toMatchObject([2, { code: 'INPUT_INVALID' }]);
  for (const { stdout, stderr } of [traced, dry, inArgv, inData, wrong]) expect(stdout + stderr).not.toContain(code);
});

describe('what is missing or does not belong', () => {
  test.each<[string[], string | undefined, string]>([
    [create('NONE_0001').slice(0, -1), undefined, 'INPUT_MISSING'],
    [create('NONE_0001').filter((word) => !['--store-id', '7'].includes(word)), '1', 'INPUT_MISSING'],
    [create('NONE_0001', '--notify-url', 'https://a.example/'), '1', 'INPUT_INVALID'],
    [create('NONE_0001', '--openid', 'o'), '1', 'INPUT_INVALID'],
    [create('NONE_0001', '--combine', '{}'), '1', 'INPUT_INVALID'],
    [['order', 'create', '--type', 'native', '--auth-code-stdin'], '1', 'INPUT_INVALID'],
  ])('%j', async (argv, input, code) => {
    const result = await run([...argv, '--json'], input);
    expect([result.code, result.stdout, errorOf(result)]).toMatchObject([2, '', { code }]);
  });
});

test('an answer that is lost is asked about; nothing is paid twice', async () => {
  local.emulator.faults.add({ kind: 'cut', when: 'after', path: '/v3/pay/transactions/codepay' });
  const { auth_code: code, openid } = local.emulator.issueCode();
  local.emulator.changePayer(openid, { balance: 150 });
  const result = await run(create('LOST_0001', '--json'), code);
  expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('asking what became of the payment')]);
  expect(JSON.parse(result.stdout)).toMatchObject({ trade_state: 'SUCCESS' });
  const posts = local.emulator.requests.filter(({ target }) => target.endsWith('/codepay')).length;
  await run(create('LOST_0001'), code);
  expect(local.emulator.requests.filter(({ target }) => target.endsWith('/codepay'))).toHaveLength(posts + 1);
});

describe('reverse', () => {
  const reverse = async (no: string, ...more: string[]): Promise<RunResult> =>
    run(['order', 'reverse', no, '--json', ...more]);

  test('gives the money back, and again finds nothing to do', async () => {
    await run(create('REVERSE_0001'), newCode());
    const early = await reverse('REVERSE_0001');
    expect([early.code, errorOf(early)]).toMatchObject([4, { wechat: { code: 'RULE_LIMIT' } }]);
    offset += 15_000;
    expect(JSON.parse((await reverse('REVERSE_0001')).stdout)).toMatchObject({
      result: 'reversed',
      trade_state: 'REVOKED',
    });
    expect(JSON.parse((await reverse('REVERSE_0001')).stdout)).toMatchObject({ result: 'already_reversed' });
  });

  test('of an order that nobody made sends no reversal', async () => {
    const result = await reverse('NEVER_0001');
    expect(result.code).toBe(5);
    expect(local.emulator.requests.filter(({ target }) => target.includes('NEVER_0001/reverse'))).toEqual([]);
  });

  test('a dry run sends nothing', async () => {
    const before = local.emulator.requests.length;
    const result = await reverse('DRY_0002', '--dry-run');
    expect(JSON.parse(result.stdout)).toMatchObject({ method: 'POST', body: { mchid: local.info.mchid } });
    expect(local.emulator.requests).toHaveLength(before);
  });

  test('a lost answer is settled by asking', async () => {
    await run(create('REVERSE_0002'), newCode());
    offset += 15_000;
    local.emulator.faults.add({ kind: 'cut', when: 'after', path: '*/reverse' });
    expect(await reverse('REVERSE_0002')).toMatchObject({ code: 0 });
  });
});
