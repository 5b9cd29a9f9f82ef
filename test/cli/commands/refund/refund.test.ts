import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FaultInput } from '../../../../src/emulator/faults.ts';
import { errorOf, makeHome, type Home, type RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';

let local: Local;
let home: Home;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});
beforeEach(() => {
  home = makeHome();
});
afterEach(() => {
  home.remove();
  local.emulator.faults.clear();
  local.emulator.configureRefunds({ settle_after_ms: 1000, next: [], balances: { [local.info.mchid]: null } });
});

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

const run = (argv: readonly string[], { env, ...options }: Options = {}): Promise<RunResult> =>
  runInProcess(argv, { ...options, env: { ...home.env, ...local.env, ...env }, cwd: home.dir });

function paid(total = 1290): { out_trade_no: string; transaction_id: string } {
  const [order] = local.emulator.seed({ count: 1, total });
  if (order === undefined) throw new Error('no order');
  const { out_trade_no, transaction_id } = order;
  return { out_trade_no, transaction_id };
}

/** The refunds that were really carried out for an order. */
const refundsOf = ({ transaction_id }: { transaction_id: string }): { amount: number; out_refund_no: string }[] =>
  local.emulator.ledger().refunds.filter((entry) => entry.transaction_id === transaction_id);

/** The same from another machine, which knows no journal. */
const elsewhere = (argv: readonly string[]): Promise<RunResult> =>
  run(argv, { env: { WXPAY_CONFIG_DIR: join(home.dir, 'elsewhere') } });

const fault = (input: FaultInput): void => void local.emulator.faults.add(input);
const posts = { method: 'POST', path: '/v3/refund/domestic/refunds' } as const;
const queries = { method: 'GET', path: '/v3/refund/domestic/refunds/*' } as const;
const json = (result: RunResult): Record<string, unknown> => JSON.parse(result.stdout) as Record<string, unknown>;

describe('--skeleton', () => {
  test('needs no merchant and sends nothing; filled in, it is what --data takes', async () => {
    const order = paid();
    const printed = await runInProcess(['refund', 'create', '--skeleton'], { env: home.env });
    expect([printed.code, printed.stderr]).toEqual([0, '']);
    const body = json(printed) as { out_trade_no: string; amount: Record<string, unknown> };
    const blank = await run(['refund', order.out_trade_no, '--data', JSON.stringify(body), '--json']);
    expect([blank.code, refundsOf(order)]).toEqual([2, []]);
    const filled = { ...body, out_trade_no: order.out_trade_no, amount: { ...body.amount, refund: 290, total: 1290 } };
    const done = await run(['refund', order.out_trade_no, '--data', JSON.stringify(filled), '--json']);
    expect(done.code, done.stderr).toBe(0);
    expect(refundsOf(order)).toMatchObject([{ amount: 290 }]);
  });
});

describe('a refund', () => {
  test('takes number, body and everything else from flags and --data', async () => {
    const order = paid();
    const body = {
      ...order,
      reason: 'from data',
      funds_account: 'AVAILABLE',
      amount: { refund: 1, total: 1290, currency: 'CNY', from: [{ account: 'AVAILABLE', amount: 2 }] },
      goods_detail: [{ merchant_goods_id: 'g', unit_price: 2, refund_amount: 2, refund_quantity: 1 }],
      out_refund_no: 'DATA|1*@',
    };
    const argv = ['refund', order.out_trade_no, '--data', '-', '--amount', '2', '--reason', 'flag', '--json'];
    const dry = await run([...argv, '--dry-run'], { input: JSON.stringify(body) });
    expect(dry.code).toBe(0);
    expect(json(dry)['body']).toEqual({
      transaction_id: order.transaction_id,
      out_refund_no: 'DATA|1*@',
      reason: 'flag',
      funds_account: 'AVAILABLE',
      amount: { ...body.amount, refund: 2 },
      goods_detail: body.goods_detail,
    });
    expect(refundsOf(order)).toEqual([]);
    expect(json(await run(argv, { input: JSON.stringify(body) }))).toMatchObject({
      result: 'accepted',
      out_refund_no: 'DATA|1*@',
    });
    expect(json(await run(['refund', 'query', 'DATA|1*@', '--json']))).toMatchObject({
      out_refund_no: 'DATA|1*@',
    });
  });

  test.each(['CLOSED', 'ABNORMAL'] as const)('that ends %s is printed and is exit 4', async (outcome) => {
    local.emulator.configureRefunds({ settle_after_ms: 100, next: [{ outcome, count: 1 }] });
    const order = paid();
    const result = await run(['refund', order.out_trade_no, '--amount', '5', '--wait', '--json']);
    expect(result).toMatchObject({ code: 4 });
    expect(json(result)).toMatchObject({ status: outcome });
    // Found again, it is still no success.
    expect(await run(['refund', order.out_trade_no, '--amount', '5'])).toMatchObject({ code: 4 });
  });

  test('works for a service provider', async () => {
    const mchid = '1900009999';
    const sub = '1900000109';
    await local.emulator.addMerchant({
      mchid,
      appids: ['wx0000000000000009'],
      subMerchants: [{ mchid: sub, appids: [] }],
    });
    const [order] = local.emulator.seed({ count: 1, total: 500, mchid, sub_mchid: sub });
    const info = local.emulator.infoOf(mchid);
    const env = {
      WXPAY_MCHID: mchid,
      WXPAY_SUB_MCHID: sub,
      WXPAY_SERIAL_NO: info.serial_no,
      WXPAY_PRIVATE_KEY: readFileSync(info.private_key_file, 'utf8'),
      WXPAY_API_V3_KEY: info.api_v3_key,
    };
    const result = await run(['refund', order?.out_trade_no ?? '', '--all', '--wait', '--json'], { env });
    expect(result).toMatchObject({ code: 0 });
    expect(json(result)).toMatchObject({ status: 'SUCCESS', amount: { refund: 500 } });
    const no = String(json(result)['out_refund_no']);
    expect(json(await run(['refund', 'query', no, '--json'], { env }))).toMatchObject({ status: 'SUCCESS' });
    expect(refundsOf(order ?? paid())).toMatchObject([{ mchid, sub_mchid: sub, amount: 500 }]);
  });
});

describe('bad input sends nothing', () => {
  let order: { out_trade_no: string; transaction_id: string };
  beforeAll(() => {
    order = paid(10_000);
  });

  test.each([
    [[], 'INPUT_MISSING'],
    [['--amount', '12.34'], 'AMOUNT_UNIT_MISSING'],
    [['--amount', '1e3'], 'AMOUNT_INVALID'],
    [['--amount', '0'], 'AMOUNT_INVALID'],
    [['--amount', '5', '--all'], 'INPUT_INVALID'],
    [['--amount', '10001'], 'AMOUNT_EXCEEDS_ORDER'],
    [['--amount', '100'], 'AMOUNT_RATIO'],
    [['--amount', '1000000'], 'AMOUNT_RATIO'],
    [['--data', '{"amount":{"refund":100}}'], 'AMOUNT_RATIO'],
    [['--amount', '5', '--reason', '退'.repeat(27)], 'INPUT_INVALID'],
    [['--amount', '5', '--notify-url', 'https://a.example/?x=1'], 'INPUT_INVALID'],
    [['--amount', '5', '--out-refund-no', '退款'], 'INPUT_INVALID'],
    [['--amount', '5', '--out-refund-no', 'X', '--ref', 'y'], 'INPUT_INVALID'],
    [['--amount', '5', '--ref', ' y'], 'INPUT_INVALID'],
    [['--amount', '5', '--funds-account', 'MINE'], 'INPUT_INVALID'],
    [['--amount', '5', '--goods-detail', '{no'], 'INPUT_INVALID'],
    [['--amount', '5', '--goods-detail', '[{}]'], 'INPUT_INVALID'],
    [['--data', '{"amount":{"refund":"5"}}'], 'INPUT_INVALID'],
    [['--data', '{"amount":{"refund":5,"total":1}}'], 'INPUT_INVALID'],
    [['--data', '{"amount":{"refund":5,"currency":"USD"}}'], 'INPUT_INVALID'],
    [['--data', '{"amount":{"refund":5,"currency":1}}'], 'INPUT_INVALID'],
    [['--data', '{"amount":{"refund":5},"transaction_id":"42"}'], 'INPUT_INVALID'],
    [['--data', '{"amount":{"refund":5},"attach":"x"}'], 'INPUT_INVALID'],
    [['--amount', '5', '--for', 'soon'], 'INPUT_INVALID'],
  ])('%j is exit 2 (%s)', async (flags, code) => {
    const result = await run(['refund', order.out_trade_no, ...flags, '--json']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code });
    expect(refundsOf(order)).toEqual([]);
    expect(
      local.emulator
        .ledger()
        .without_refund.filter(({ out_refund_no }) => out_refund_no.includes(order.transaction_id)),
    ).toEqual([]);
  });

  test('G7: a hundredth of the order needs its unit written out', async () => {
    const result = await run(['refund', order.out_trade_no, '--amount', '100fen', '--json']);
    expect(json(result)).toMatchObject({ amount: { refund: 100 } });
  });

  test.each([['NEVER_00001'], ['4200009999202611231234567890']])(
    'an order that nobody knows (%s) is exit 5',
    async (no) => {
      const result = await run(['refund', no, '--all', '--json']);
      expect(result.code).toBe(5);
    },
  );

  test('an unpaid order is exit 4', async () => {
    const create = [
      'order',
      'create',
      '--type',
      'native',
      '--description',
      'x',
      '--amount',
      '5',
      '--out-trade-no',
      'UNPAID_001',
    ];
    await run([...create, '--notify-url', 'http://127.0.0.1:9/']);
    const result = await run(['refund', 'UNPAID_001', '--all', '--json']);
    expect(result.code).toBe(4);
    expect(errorOf(result)).toMatchObject({ code: 'ORDER_NOT_PAID', outcome: 'not_sent' });
  });
});

describe('--dry-run', () => {
  test('shows the exact request after looking the order up, and refunds nothing', async () => {
    const order = paid();
    const result = await run(['refund', order.out_trade_no, '--amount', '5', '--dry-run']);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout).toContain(`"transaction_id":"${order.transaction_id}"`);
    expect(result.stdout).toContain('[redacted]');
    expect(result.stderr).toContain('looked up');
    expect(refundsOf(order)).toEqual([]);
  });
});

describe('trouble', () => {
  const once = (order: { out_trade_no: string }, ...more: string[]): Promise<RunResult> =>
    run(['refund', order.out_trade_no, '--amount', '5', '--json', ...more]);

  const lost: readonly (readonly [string, FaultInput])[] = [
    ['cut after', { ...posts, kind: 'cut', when: 'after' }],
    ['cut before', { ...posts, kind: 'cut', when: 'before' }],
    ['cut in the middle of the answer', { ...posts, kind: 'cut', when: 'after', bytes: 60 }],
    ['truncated', { ...posts, kind: 'truncate' }],
    ['stalled after', { ...posts, kind: 'stall', when: 'after' }],
    ['stalled before', { ...posts, kind: 'stall', when: 'before' }],
    ['500 after', { ...posts, kind: 'status', status: 500, when: 'after' }],
    ['500 before', { ...posts, kind: 'status', status: 500, when: 'before' }],
    ['502', { ...posts, kind: 'status', status: 502, when: 'after' }],
    ['429 after', { ...posts, kind: 'status', status: 429, when: 'after' }],
    ['429 before', { ...posts, kind: 'status', status: 429, when: 'before' }],
    ['signature missing', { ...posts, kind: 'signature', variant: 'missing' }],
    ['signature wrong', { ...posts, kind: 'signature', variant: 'wrong' }],
    ['signature stale', { ...posts, kind: 'signature', variant: 'stale' }],
    ['signature of a foreign key', { ...posts, kind: 'signature', variant: 'foreign' }],
    ['probe', { ...posts, kind: 'signature', variant: 'probe' }],
    ['about another refund', { ...posts, kind: 'replay-other' }],
    ['redirected', { ...posts, kind: 'redirect', location: 'http://127.0.0.1:1/' }],
  ];

  test.each(lost)('G4: an answer that is %s is settled by asking, and refunds once', async (_, input) => {
    const order = paid();
    fault(input);
    const result = await once(order, '--timeout', '1');
    expect(result).toMatchObject({ code: 0 });
    expect(['accepted', 'adopted']).toContain(json(result)['result']);
    expect(refundsOf(order)).toMatchObject([{ amount: 5 }]);
    expect(json(await once(order))).toMatchObject({ result: 'existing' });
    expect(json(await elsewhere(['refund', order.transaction_id, '--amount', '5', '--json']))).toMatchObject({
      result: 'existing',
    });
    expect(refundsOf(order)).toHaveLength(1);
  });

  test.each(lost)(
    'G4: an answer that is %s, without asking, is exit 8, and the command it names resolves it',
    async (name, input) => {
      const order = paid();
      fault(input);
      const result = await once(order, '--timeout', '1', '--retries', '0');
      expect(result).toMatchObject({ code: 8, stdout: '' });
      const error = errorOf(result);
      expect(error).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        outcome: 'unknown',
        next: expect.stringMatching(/^wxpay refund query R-/),
      });
      const no = String(error['next']).split(' ').at(-1) ?? '';

      const pending = await run(['refund', 'pending', '--json']);
      expect(JSON.parse(pending.stdout)).toContainEqual(
        expect.objectContaining({ out_refund_no: no, state: 'UNKNOWN', refund: 5 }),
      );
      const applied = refundsOf(order).length === 1;
      expect(applied, name).toBe(!/before|redirect/.test(name));
      const asked = await run(String(error['next']).split(' ').slice(1));
      expect(asked.code).toBe(applied ? 0 : 5);

      const resumed = await run(['refund', 'resume', '--json']);
      expect(resumed.code).toBe(0);
      expect(refundsOf(order)).toMatchObject([{ amount: 5, out_refund_no: no }]);
      expect(JSON.parse((await run(['refund', 'pending', '--json'])).stdout)).not.toContainEqual(
        expect.objectContaining({ out_refund_no: no, state: 'UNKNOWN' }),
      );
    },
  );

  test.each([
    ['wrong', 'SIGNATURE_WRONG'],
    ['missing', 'SIGNATURE_MISSING'],
  ] as const)('the first question unverifiable (%s) sends nothing and is exit 6', async (variant, code) => {
    const order = paid();
    fault({ ...queries, kind: 'signature', variant, count: -1 });
    fault({ path: '/v3/refund/domestic/refunds/*', kind: 'signature', variant, count: -1 });
    const result = await once(order, '--retries', '0');
    // Its 404 is not signed when it fails: then the same number is sent, which is always safe.
    if (variant === 'missing') expect(result.code).toBe(0);
    else {
      expect(result).toMatchObject({ code: 6, stdout: '' });
      expect(errorOf(result)).toMatchObject({ code, outcome: 'not_sent' });
      expect(refundsOf(order)).toEqual([]);
    }
  });

  test('NOT_ENOUGH keeps the number: after topping up the same command refunds', async () => {
    const order = paid();
    local.emulator.configureRefunds({ balances: { [local.info.mchid]: 1 } });
    const result = await once(order);
    expect(result).toMatchObject({ code: 4, stdout: '' });
    expect(errorOf(result)).toMatchObject({
      code: 'API_REFUSED',
      outcome: 'rejected',
      wechat: { code: 'NOT_ENOUGH' },
      hint: expect.stringMatching(/same command again: the number R-.* stays/),
    });
    local.emulator.configureRefunds({ balances: { [local.info.mchid]: 100 } });
    expect(json(await once(order))).toMatchObject({ result: 'accepted' });
    expect(refundsOf(order)).toHaveLength(1);
  });
});

describe('refund abnormal', () => {
  const card = '6225880137006868';
  async function abnormal(): Promise<{ refund_id: string; out_refund_no: string }> {
    local.emulator.configureRefunds({ settle_after_ms: 0, next: [{ outcome: 'ABNORMAL', count: 1 }] });
    const result = json(await run(['refund', paid().out_trade_no, '--amount', '5', '--wait', '--json']));
    expect(result).toMatchObject({ status: 'ABNORMAL' });
    return { refund_id: String(result['refund_id']), out_refund_no: String(result['out_refund_no']) };
  }

  test('sends it to the merchant, or to a card whose number and holder are encrypted', async () => {
    for (const [type, ...more] of [
      ['MERCHANT_BANK_CARD'],
      ['USER_BANK_CARD', '--bank-type', 'CMB_DEBIT', '--bank-account-file', 'card', '--real-name-stdin'],
    ] as const) {
      const { refund_id, out_refund_no } = await abnormal();
      writeFileSync(join(home.dir, 'card'), `${card}\n`);
      const argv = ['refund', 'abnormal', refund_id, '--out-refund-no', out_refund_no, '--type', type, ...more];
      const dry = await run([...argv, '--dry-run'], { input: '张三\n' });
      expect(dry.code).toBe(0);
      expect(dry.stdout).not.toContain(card);
      const result = await run([...argv, '--json', '--debug'], { input: '张三\n' });
      expect(result).toMatchObject({ code: 0 });
      expect(json(result)).toMatchObject({
        out_refund_no,
        refund_id,
        status: expect.stringMatching(/PROCESSING|SUCCESS/),
      });
      expect(result.stdout + result.stderr).not.toContain(card);
      const watched = await run(['refund', 'query', out_refund_no, '--watch', '--json']);
      expect(json(watched)).toMatchObject({ status: 'SUCCESS', channel: 'OTHER_BANKCARD' });
    }
  });

  test('refuses a refund that is not abnormal, and one of another number', async () => {
    const done = json(await run(['refund', paid().out_trade_no, '--amount', '5', '--wait', '--json']));
    const argv = ['refund', 'abnormal', String(done['refund_id']), '--type', 'MERCHANT_BANK_CARD', '--json'];
    const result = await run([...argv, '--out-refund-no', String(done['out_refund_no'])]);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('SUCCESS') });
    const { out_refund_no } = await abnormal();
    expect(await run([...argv, '--out-refund-no', out_refund_no])).toMatchObject({ code: 2 });
  });

  test('E1: takes neither card number nor name from the command line', async () => {
    const argv = ['refund', 'abnormal', '5030', '--out-refund-no', 'R', '--type', 'USER_BANK_CARD', '--json'];
    for (const flags of [['--bank-account', card], [`--bank-account=${card}`], ['--real-name', '张三']]) {
      const result = await run([...argv, '--bank-type', 'CMB_DEBIT', ...flags]);
      expect(result).toMatchObject({ code: 2 });
      expect(errorOf(result)).toMatchObject({ code: 'SECRET_IN_ARGV' });
      expect(result.stderr).not.toMatch(/6225|张三/);
    }
    expect(errorOf(await run(argv))).toMatchObject({ code: 'INPUT_MISSING' });
    expect(errorOf(await run([...argv, '--bank-type', 'CMB_DEBIT']))).toMatchObject({ code: 'INPUT_MISSING' });
    const both = await run([...argv, '--bank-type', 'CMB_DEBIT', '--bank-account-stdin', '--real-name-stdin']);
    expect(errorOf(both)).toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('is settled by asking when its answer is lost, and exit 8 when that is not possible', async () => {
    const { refund_id, out_refund_no } = await abnormal();
    const argv = ['refund', 'abnormal', refund_id, '--out-refund-no', out_refund_no, '--type', 'MERCHANT_BANK_CARD'];
    const path = '*/apply-abnormal-refund';
    fault({ method: 'POST', path, kind: 'cut', when: 'before' });
    expect(await run([...argv, '--retries', '0'])).toMatchObject({ code: 8 });
    fault({ method: 'POST', path, kind: 'cut', when: 'after' });
    expect(await run(argv)).toMatchObject({ code: 0 });
  });
});
