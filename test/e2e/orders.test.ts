import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocal, type Local } from '../helpers/local.ts';
import { binary, errorOf } from '../helpers/cli.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});

const create = (no: string, ...more: string[]): string[] => [
  'order',
  'create',
  '--type',
  'native',
  '--description',
  '咖啡',
  '--amount',
  '1234',
  '--out-trade-no',
  no,
  '--notify-url',
  'http://127.0.0.1:9/notify',
  ...more,
];

describe('an order', () => {
  test('is created, paid, queried by both numbers, and may not be closed then', async () => {
    const created = await local.run([...create('LIFE_0001'), '--json']);
    expect(created).toMatchObject({ code: 0 });
    expect(JSON.parse(created.stdout)).toMatchObject({
      out_trade_no: 'LIFE_0001',
      code_url: expect.stringMatching(/^weixin:\/\//),
    });

    const before = await local.run(['order', 'query', 'LIFE_0001', '--json']);
    expect(JSON.parse(before.stdout)).toMatchObject({ trade_state: 'NOTPAY', amount: { total: 1234 } });

    await local.emulator.pay({ order: 'LIFE_0001' });
    const after = await local.run(['order', 'query', 'LIFE_0001', '--json']);
    const order = JSON.parse(after.stdout) as { trade_state: string; transaction_id: string };
    expect(order.trade_state).toBe('SUCCESS');

    const byId = await local.run(['order', 'query', order.transaction_id, '-o', 'json']);
    expect(JSON.parse(byId.stdout)).toMatchObject({ out_trade_no: 'LIFE_0001' });

    const again = await local.run(create('LIFE_0001'));
    expect(again.code).toBe(4);
    expect(again.stderr).toContain('The order LIFE_0001 is paid.');

    const closed = await local.run(['order', 'close', 'LIFE_0001', '--json']);
    expect(closed).toMatchObject({ code: 4, stdout: '' });
    expect(errorOf(closed)).toMatchObject({ code: 'ORDER_PAID', outcome: 'rejected' });
  });

  test('is closed, and closing it again finds nothing to do', async () => {
    await local.run(create('CLOSE_0001'));
    const first = await local.run(['order', 'close', 'CLOSE_0001', '--json']);
    expect(JSON.parse(first.stdout)).toMatchObject({ result: 'closed', trade_state: 'CLOSED' });
    const second = await local.run(['order', 'close', 'CLOSE_0001', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({ result: 'already_closed' });
  });

  test('that was never made is not closed: the number would be burned', async () => {
    const result = await local.run(['order', 'close', 'NEVER_0001', '--json']);
    expect(result.code).toBe(5);
    expect(
      local.emulator.requests.some((entry) => entry.method === 'POST' && entry.target.includes('NEVER_0001')),
    ).toBe(false);
    expect(await local.run(create('NEVER_0001'))).toMatchObject({ code: 0 });
  });

  test('can be created again with identical parameters, and not with others', async () => {
    expect(await local.run(create('AGAIN_0001'))).toMatchObject({ code: 0 });
    expect(await local.run(create('AGAIN_0001'))).toMatchObject({ code: 0 });
    const drift = await local.run([...create('AGAIN_0001', '--attach', 'other'), '--json']);
    expect(drift.code).toBe(4);
    expect(errorOf(drift)).toMatchObject({
      code: 'API_REFUSED',
      http_status: 400,
      request_id: expect.stringMatching(/./),
    });
  });

  test('that nobody knows is exit 5', async () => {
    const result = await local.run(['order', 'query', 'UNKNOWN_0001', '--json']);
    expect(result).toMatchObject({ code: 5, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'NOT_FOUND', http_status: 404 });
  });

  test.each([
    [
      'jsapi',
      ['--openid', 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'],
      { signType: 'RSA', package: expect.stringMatching(/^prepay_id=/) },
    ],
    ['mini', ['--openid', 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'], { signType: 'RSA', paySign: expect.stringMatching(/./) }],
    ['app', [], { package: 'Sign=WXPay', partnerid: expect.stringMatching(/^\d+$/) }],
  ])('of type %s comes with signed pay parameters', async (type, flags, parameters) => {
    const argv = create(`PAY_${type}_1`, ...flags, '--json');
    argv[3] = type;
    const result = await local.run(argv);
    expect(result.code).toBe(0);
    expect((JSON.parse(result.stdout) as { pay_parameters: unknown }).pay_parameters).toMatchObject(parameters);
  });

  test('of type h5 comes with its url', async () => {
    const argv = create('PAY_h5_0001', '--client-ip', '203.0.113.9', '--h5-type', 'Wap', '--json');
    argv[3] = 'h5';
    expect(JSON.parse((await local.run(argv)).stdout)).toMatchObject({ h5_url: expect.stringMatching(/^https:\/\//) });
  });

  test('takes every field by --data, and flags win', async () => {
    const body = {
      description: 'from data',
      amount: { total: 1 },
      out_trade_no: 'DATA_0001',
      notify_url: 'http://127.0.0.1:9/n',
      attach: 'kept',
      detail: { cost_price: 1, goods_detail: [{ merchant_goods_id: 'g1', quantity: 1, unit_price: 1 }] },
    };
    const result = await local.run(['order', 'create', '--type', 'native', '--data', '-', '--amount', '2', '--json'], {
      input: JSON.stringify(body),
    });
    expect(result.code).toBe(0);
    const order = JSON.parse((await local.run(['order', 'query', 'DATA_0001', '--json'])).stdout) as {
      amount: { total: number };
    };
    expect(order.amount.total).toBe(2);
  });
});

describe('bad input sends nothing', () => {
  test.each([
    [['--amount', '12.34'], 'AMOUNT_UNIT_MISSING'],
    [['--amount', '1e3'], 'AMOUNT_INVALID'],
    [['--amount', '-5'], 'AMOUNT_INVALID'],
    [['--out-trade-no', 'a/b/c/d'], 'INPUT_INVALID'],
    [['--out-trade-no', '退款退款退款'], 'INPUT_INVALID'],
    [['--notify-url', 'https://a.example/?x=1'], 'INPUT_INVALID'],
    [['--type', 'paypal'], 'INPUT_INVALID'],
    [['--data', '{"unknown_field":1}'], 'INPUT_INVALID'],
    [['--data', '{"attach":null}'], 'INPUT_INVALID'],
    [['--data', '{not json'], 'INPUT_INVALID'],
    [['--query', 'a['], 'QUERY_EXPRESSION_INVALID'],
  ])('%j is exit 2 (%s)', async (flags, code) => {
    const before = local.emulator.requests.length;
    const result = await local.run([...create('BAD_000001'), ...flags, '--json']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code });
    expect(local.emulator.requests.length).toBe(before);
  });

  test.each([['..'], ['%2e%2e'], ['a?x=1'], ['a#b'], ['a/b']])(
    'B1: the order number %s never becomes a path',
    async (no) => {
      const before = local.emulator.requests.length;
      expect(await local.run(['order', 'query', no])).toMatchObject({ code: 2 });
      expect(local.emulator.requests.length).toBe(before);
    },
  );

  test('a command that nearly exists is suggested, and not run', async () => {
    const result = await local.run(['order', 'qurey', 'X_000001']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('query');
    expect(result.stdout).toBe('');
  });
});

describe('output', () => {
  test('piped carries no escape codes, in any format', async () => {
    await local.run(create('PLAIN_0001'));
    for (const format of ['table', 'json', 'ndjson', 'csv']) {
      const { stdout, stderr } = await local.run(['order', 'query', 'PLAIN_0001', '-o', format]);
      expect(stdout).not.toContain('\u001b');
      expect(stderr).not.toContain('\u001b');
      expect(stdout).toContain('PLAIN_0001');
    }
  });

  test('is the same with global flags before and after the command', async () => {
    const before = await local.run(['--json', 'order', 'query', 'PLAIN_0001']);
    const after = await local.run(['order', 'query', 'PLAIN_0001', '--json']);
    expect(before.stdout).toBe(after.stdout);
    expect(JSON.parse(before.stdout)).toBeTypeOf('object');
  });

  test('is filtered by --query', async () => {
    const { stdout } = await local.run(['order', 'query', 'PLAIN_0001', '--json', '--query', 'amount.total']);
    expect(JSON.parse(stdout)).toBe(1234);
  });

  test('speaks Chinese when asked, with the same JSON', async () => {
    const zh = await local.run(['order', 'query', 'UNKNOWN_0001', '--lang', 'zh-CN', '--json']);
    expect(zh.stderr).toMatch(/没有找到/);
    expect(errorOf(zh)).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('--quiet prints just the id', async () => {
    const { stdout } = await local.run([...create('QUIET_0001'), '--quiet']);
    expect(stdout).toMatch(/^weixin:\/\/\S+\n$/);
  });

  test('--dry-run prints the request, sends nothing and shows no signature', async () => {
    const before = local.emulator.requests.length;
    const { code, stdout } = await local.run([...create('DRY_000001'), '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toContain('curl -X POST');
    expect(stdout).toContain('[redacted]');
    expect(local.emulator.requests.length).toBe(before);
  });

  test('no secret appears, not even with --debug', async () => {
    const { stdout, stderr } = await local.run(['order', 'query', 'PLAIN_0001', '--debug']);
    const key = readFileSync(local.info.private_key_file, 'utf8').split('\n')[1] ?? '';
    expect(stderr).toContain('/v3/pay/transactions');
    for (const secret of [local.info.api_v3_key, key]) {
      expect(stdout + stderr).not.toContain(secret);
    }
    expect(stderr).not.toMatch(/signature="(?!\[)/);
  });
});

describe('trouble', () => {
  afterAll(() => local.emulator.faults.clear());
  const query = ['order', 'query', 'PLAIN_0001', '--json', '--retries', '0'];

  test.each([
    [{ kind: 'signature', variant: 'missing' }, 'SIGNATURE_MISSING'],
    [{ kind: 'signature', variant: 'wrong' }, 'SIGNATURE_WRONG'],
    [{ kind: 'signature', variant: 'stale' }, 'SIGNATURE_STALE'],
    [{ kind: 'signature', variant: 'foreign' }, 'SIGNATURE_'],
    [{ kind: 'signature', variant: 'unknown-serial' }, 'SIGNATURE_SERIAL_UNKNOWN'],
    [{ kind: 'signature', variant: 'probe' }, 'SIGNATURE_PROBE'],
    [{ kind: 'replay-other' }, 'ANSWER_MISMATCH'],
  ])('a read with %j is exit 6 and prints no data', async (fault, code) => {
    await local.run(create('OTHER_0001'));
    local.emulator.faults.clear();
    local.emulator.faults.add({ path: '/v3/pay/transactions*', ...fault } as never);
    const result = await local.run(query);
    local.emulator.faults.clear();
    expect(result).toMatchObject({ code: 6, stdout: '' });
    expect(String(errorOf(result)['code'])).toContain(code);
  });

  test.each([['missing'], ['wrong'], ['stale'], ['foreign'], ['probe']])(
    'a write answered with a %s signature is exit 8 and names the command that finds out',
    async (variant) => {
      local.emulator.faults.clear();
      local.emulator.faults.add({ method: 'POST', path: '/v3/pay/transactions*', kind: 'signature', variant } as never);
      const no = `WRITE_${variant}`;
      const result = await local.run([...create(no), '--json', '--retries', '0']);
      local.emulator.faults.clear();
      expect(result).toMatchObject({ code: 8, stdout: '' });
      expect(errorOf(result)).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        outcome: 'unknown',
        next: `wxpay order query ${no}`,
      });
      expect(await local.run(['order', 'query', no])).toMatchObject({ code: 0 });
    },
  );

  test.each([
    [{ kind: 'status', status: 429 }, 11, 'THROTTLED'],
    [{ kind: 'status', status: 500 }, 11, 'SERVER_ERROR'],
    [{ kind: 'truncate' }, 7, 'NETWORK_CUT'],
    [{ kind: 'cut' }, 7, 'NETWORK_CUT'],
    [{ kind: 'stall' }, 7, 'NETWORK_TIMEOUT'],
    [{ kind: 'redirect', location: 'http://127.0.0.1:1/' }, 7, 'NETWORK_REDIRECT'],
  ])('a read with %j is exit %i (%s)', async (fault, exit, code) => {
    local.emulator.faults.clear();
    local.emulator.faults.add({ path: '/v3/pay/transactions*', ...fault } as never);
    const result = await local.run([...query, '--timeout', '1']);
    local.emulator.faults.clear();
    expect(result).toMatchObject({ code: exit, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code });
  });

  test('a probe on a read is tried again and passes', async () => {
    local.emulator.faults.clear();
    local.emulator.faults.add({
      path: '/v3/pay/transactions*',
      kind: 'signature',
      variant: 'probe',
      count: 1,
    } as never);
    expect(await local.run(['order', 'query', 'PLAIN_0001'])).toMatchObject({ code: 0 });
  });

  test('a write cut after it was carried out is exit 8 when retries are off, and succeeds with them', async () => {
    local.emulator.faults.clear();
    local.emulator.faults.add({
      method: 'POST',
      path: '/v3/pay/transactions*',
      kind: 'cut',
      when: 'after',
      count: 1,
    } as never);
    expect(await local.run([...create('CUT_000001'), '--retries', '0', '--json'])).toMatchObject({ code: 8 });
    local.emulator.faults.add({
      method: 'POST',
      path: '/v3/pay/transactions*',
      kind: 'cut',
      when: 'after',
      count: 1,
    } as never);
    expect(await local.run([...create('CUT_000002'), '--json'])).toMatchObject({ code: 0 });
    local.emulator.faults.clear();
  });

  test('a close whose answer is lost is settled by asking', async () => {
    await local.run(create('LOST_00001'));
    local.emulator.faults.add({ method: 'POST', path: '*/close', kind: 'cut', when: 'after', count: 1 } as never);
    const result = await local.run(['order', 'close', 'LOST_00001', '--json', '--retries', '0']);
    local.emulator.faults.clear();
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ trade_state: 'CLOSED' });
  });

  test('a dead host is exit 7, and says that nothing was sent', async () => {
    const result = await local.run([
      ...create('DEAD_00001'),
      '--json',
      '--base-url',
      'http://127.0.0.1:1',
      '--retries',
      '0',
    ]);
    expect(result.code).toBe(7);
    expect(errorOf(result)).toMatchObject({ code: 'NETWORK_REFUSED', outcome: 'not_sent' });
  });

  test('a wrong private key is exit 14, and the refusal is marked unsigned', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const result = await local.run(query, { env: { WXPAY_PRIVATE_KEY: pem } });
    expect(result.code).toBe(14);
    expect(errorOf(result)).toMatchObject({
      code: 'CREDENTIALS_REFUSED',
      http_status: 401,
      unsigned: true,
      wechat: { code: 'SIGN_ERROR' },
    });
  });

  test('a foreign host gets nothing', async () => {
    for (const url of [
      'https://evil.example.com',
      'https://api.mch.weixin.qq.com@evil.example.com',
      'http://api.mch.weixin.qq.com',
      'https://api.mch.weixin.qq.com:8443',
    ]) {
      const result = await local.run([...query, '--base-url', url]);
      expect(result.code).toBeGreaterThanOrEqual(2);
      expect(result.code).toBeLessThanOrEqual(3);
      expect(['HOST_NOT_ALLOWED', 'PROFILE_INVALID']).toContain(errorOf(result)['code']);
    }
  });
});

describe('live money', () => {
  const live = { WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com', HTTPS_PROXY: 'http://127.0.0.1:1' };

  test.each([
    ['order create', () => create('LIVE_00001')],
    ['order close', () => ['order', 'close', 'LIVE_00001']],
  ])('I3, I6: %s needs a yes: off a terminal it is exit 10, also with y on standard input', async (_what, argv) => {
    const result = await local.run([...argv(), '--json'], {
      env: { ...live, WXPAY_YES: '1', CI: 'true' },
      input: 'y\ny\ny\n',
    });
    expect(result).toMatchObject({ code: 10, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'CONFIRMATION_REQUIRED', outcome: 'not_sent' });
  });

  test('I5: the certificate of an emulator is refused there, whoever says yes', async () => {
    const result = await local.run([...create('LIVE_00002'), '--json', '--yes'], {
      env: { ...live, WXPAY_CLIENT_CERT_FILE: local.info.certificate_file },
    });
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'EMULATOR_KEY_ON_LIVE' });
  });

  test('B7: with a yes it goes through the proxy or not at all', async () => {
    const result = await local.run([...create('LIVE_00003'), '--json', '--yes', '--retries', '0'], { env: live });
    expect(result).toMatchObject({ code: 7, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'NETWORK_PROXY', outcome: 'not_sent' });
  });
});

describe('--watch', () => {
  test('ends with the payment, and shows every change', async () => {
    await local.run(create('WATCH_0001'));
    const watching = local.run(['order', 'query', 'WATCH_0001', '--watch', '-o', 'ndjson']);
    // Not before the first look, however slowly the command starts.
    const looked = (): boolean =>
      local.emulator.requests.some(({ method, target }) => method === 'GET' && target.includes('WATCH_0001'));
    await expect.poll(looked, { interval: 20 }).toBe(true);
    await local.emulator.pay({ order: 'WATCH_0001' });
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    const states = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { trade_state: string }).trade_state);
    expect(states).toEqual(['NOTPAY', 'SUCCESS']);
  });

  test('that ends before the payment is exit 12, shows the last state, and names the command that asks again', async () => {
    await local.run(create('WATCH_0002'));
    const result = await local.run(['order', 'query', 'WATCH_0002', '--watch', '--for', '300ms', '--json']);
    expect(result.code).toBe(12);
    expect(JSON.parse(result.stdout)).toMatchObject({ out_trade_no: 'WATCH_0002', trade_state: 'NOTPAY' });
    expect(errorOf(result)).toMatchObject({ code: 'NOT_FINAL', next: 'wxpay order query WATCH_0002' });
  });
});

test('the certificates are downloaded, verified and written 0600, one PEM per serial', async () => {
  const { statSync, readdirSync } = await import('node:fs');
  const out = join(local.home.dir, 'certs');
  const result = await local.run(['certs', 'download', '--out', out, '--json']);
  expect(result.code).toBe(0);
  const names = readdirSync(out);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(statSync(join(out, name)).mode & 0o777).toBe(0o600);
  expect(names.join(' ')).toContain(String(local.info.platform_serial_no));
  expect((await local.run(['certs', 'list', '--json'])).stdout).toContain(String(local.info.platform_serial_no));
  expect(await local.run(['certs', 'show', String(local.info.platform_serial_no)])).toMatchObject({ code: 0 });
});

test.runIf(existsSync('/dev/full'))(
  'an answer that cannot be written is exit 3 and one line, not a stack',
  async () => {
    const { execa } = await import('execa');
    const result = await execa('bash', ['-c', `"${process.execPath}" "${binary}" order query PLAIN_0001 > /dev/full`], {
      env: { ...local.home.env, ...local.env },
      extendEnv: false,
      reject: false,
    });
    expect(result.exitCode).toBe(3);
    expect(result.stderr.trim()).toBe('wxpay: cannot write to standard output: ENOSPC');
  },
);
