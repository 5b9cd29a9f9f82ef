import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command as envCommand } from '../../src/cli/commands/emulator/env.ts';
import { command as faultCommand } from '../../src/cli/commands/emulator/fault.ts';
import { command as payCommand } from '../../src/cli/commands/emulator/pay.ts';
import { command as refundCommand } from '../../src/cli/commands/emulator/refund.ts';
import { command as startCommand } from '../../src/cli/commands/emulator/start.ts';
import type { CommandModule, Globals, Runtime } from '../../src/cli/command.ts';
import type { EmulatorInfo } from '../../src/emulator/contract.ts';
import { findEmulator } from '../../src/emulator/control-client.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';
import type { Result } from '../../src/output/view.ts';
import { openProfileStore } from '../../src/profiles/store.ts';
import { makeClient } from './raw-client.ts';
import { heldClock, openStage, orderBody, tempDir } from './stage.ts';
import type { Stage } from './stage.ts';
import { until } from '../helpers/timing.ts';

const t = await loadTranslate('en');

interface Desk {
  readonly runtime: Runtime;
  readonly stop: AbortController;
  readonly out: string[];
  readonly emitted: Result[];
  readonly said: string[];
}

/** The slices of the runtime that these commands use. */
function makeDesk(home: string, globals: Partial<Globals> = {}): Desk {
  const stop = new AbortController();
  const out: string[] = [];
  const emitted: Result[] = [];
  const said: string[] = [];
  const clock = heldClock();
  const runtime = {
    globals: { output: 'table', quiet: false, verbose: false, ...globals },
    env: {},
    platform: process.platform,
    cwd: home,
    pid: 4711,
    clock,
    randomBytes: (size: number) => randomBytes(size),
    t,
    stdout: { write: (text: string) => void out.push(text), isTTY: false, columns: 80, colorLevel: 0 },
    stderr: { write: (text: string) => void said.push(text), isTTY: false, columns: 80, colorLevel: 0 },
    signal: stop.signal,
    dirs: { config: join(home, 'config'), cache: join(home, 'cache'), state: join(home, 'state') },
    profileStore: async () =>
      openProfileStore({
        config: join(home, 'config'),
        platform: process.platform,
        pid: process.pid,
        uid: process.getuid?.(),
        isAlive: () => true,
        clock,
        randomName: () => randomBytes(8).toString('hex'),
      }),
    note: (key: never, params: never) => void said.push(t(key, params)),
    warn: (key: never, params: never) => void said.push(t(key, params)),
    emit: (result: Result) => void emitted.push(result),
  } as unknown as Runtime;
  return { runtime, stop, out, emitted, said };
}

/** Starts an emulator by its command, in a folder whose keys are made; ends it by the signal. */
async function whileStarted(
  desk: Desk,
  options: Record<string, unknown>,
  work: () => Promise<void>,
): Promise<Result | undefined> {
  let failure: unknown;
  const running = startCommand.run({ args: [], options }, desk.runtime);
  running.catch((error: unknown) => {
    failure = error;
  });
  await until(() => desk.out.length > 0 || desk.emitted.length > 0 || failure !== undefined);
  try {
    if (failure === undefined) await work();
  } finally {
    desk.stop.abort(new Error('SIGINT'));
  }
  return running;
}

let stage: Stage;
let home: string;
beforeAll(async () => {
  home = tempDir();
  // Every character that a shell could take for more than a character.
  const dir = join(home, `it's a "$(false)\` \\ folder`);
  mkdirSync(dir);
  stage = await openStage({ dir });
});
afterAll(async () => {
  await stage.end();
  rmSync(home, { recursive: true, force: true });
});

const run = async (
  module: CommandModule,
  desk: Desk,
  args: string[],
  options: Record<string, unknown> = {},
): Promise<Result> => (await module.run({ args, options: { dir: stage.dir, ...options } }, desk.runtime))!;

describe('start', () => {
  test('prints one line of JSON, exactly the documented fields, and ends with the signal', async () => {
    const desk = makeDesk(home, { output: 'json' });
    const ended = await whileStarted(desk, {}, async () => {
      expect(desk.out).toHaveLength(1);
      expect(desk.out[0]).toMatch(/^\{[^\n]*\}\n$/);
      const info = JSON.parse(desk.out[0]!) as EmulatorInfo;
      expect(Object.keys(info)).toEqual(Object.keys(stage.emulator.info));
      expect(info.private_key_file.startsWith(join(home, 'state', 'emulator'))).toBe(true);
      const client = await findEmulator(join(home, 'state', 'emulator'));
      expect(await client.info()).toEqual(info);
      const record = readFileSync(join(home, 'state', 'emulator', 'emulator.json'), 'utf8');
      expect(JSON.parse(record)).toMatchObject({ url: info.url, pid: 4711 });
    });
    expect(ended).toBeUndefined();
    expect(() => readFileSync(join(home, 'state', 'emulator', 'emulator.json'))).toThrow(/ENOENT/);
  });

  test('a second one in the folder of a running one is refused with its URL; a record that nobody answers is not in the way', async () => {
    const desk = makeDesk(home, { output: 'json' });
    const record = join(home, 'state', 'emulator', 'emulator.json');
    await whileStarted(desk, {}, async () => {
      const { url } = JSON.parse(desk.out[0]!) as EmulatorInfo;
      const before = readFileSync(record, 'utf8');
      await expect(whileStarted(makeDesk(home, { output: 'json' }), {}, async () => {})).rejects.toMatchObject({
        code: 'EMULATOR_RUNNING',
        params: { url },
      });
      expect(readFileSync(record, 'utf8')).toBe(before);
    });
    writeFileSync(record, '{"url":"http://127.0.0.1:9","token":"gone","pid":4711}');
    const next = makeDesk(home, { output: 'json' });
    await whileStarted(next, {}, async () => expect(next.out).toHaveLength(1));
  });

  test('writes a profile that only refers to its files; a second start renews it, a live one is left alone', async () => {
    const desk = makeDesk(home, { output: 'json', profile: 'dev' });
    await whileStarted(desk, {}, async () => {
      const info = JSON.parse(desk.out[0]!) as EmulatorInfo;
      const { profile } = await (await desk.runtime.profileStore()).read('dev');
      expect(profile).toMatchObject({
        mchid: info.mchid,
        base_url: info.url,
        private_key: `file:${info.private_key_file}`,
        public_key_id: info.public_key_id,
      });
      expect(JSON.stringify(profile)).not.toContain(info.api_v3_key);
      expect(readFileSync(profile.api_v3_key!.slice('file:'.length), 'utf8')).toBe(info.api_v3_key);
    });
    const again = makeDesk(home, { output: 'json', profile: 'dev' });
    await whileStarted(again, {}, async () => {
      const { profile } = await (await again.runtime.profileStore()).read('dev');
      expect(profile.base_url).toBe((JSON.parse(again.out[0]!) as EmulatorInfo).url);
    });
    const store = await desk.runtime.profileStore();
    await store.save('live', { version: 1, mchid: '1900000009' });
    const live = makeDesk(home, { output: 'json', profile: 'live' });
    await expect(whileStarted(live, {}, async () => {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      params: { field: '--profile' },
    });
    expect((await store.read('live')).profile.mchid).toBe('1900000009');
  });

  test('begins with what its files say; a wrong line keeps it from starting', async () => {
    const dir = join(home, 'seeded');
    const [seed, faults] = ['seed.ndjson', 'faults.json'];
    writeFileSync(join(home, seed), '{"kind":"orders","count":2,"total":5,"prefix":"CLI_"}\n');
    writeFileSync(join(home, faults), '\uFEFF[\n{"kind":"stall","path":"/v3/nowhere"}\n]');
    const desk = makeDesk(home, { output: 'json' });
    await whileStarted(desk, { dir, seed, faults }, async () => {
      const client = await findEmulator(dir);
      expect((await client.snapshot()).orders.orders).toHaveLength(2);
      expect(await client.listFaults()).toMatchObject([{ path: '/v3/nowhere' }]);
    });
    expect(desk.said).toEqual([]);
    // The second start goes on with the first one's state, and says so.
    const again = makeDesk(home, { output: 'json' });
    await whileStarted(again, { dir, seed }, async () => {
      expect((await (await findEmulator(dir)).snapshot()).orders.orders).toHaveLength(2);
    });
    expect(again.said).toEqual([t('emulator.warn.seed_kept', { dir })]);

    writeFileSync(join(home, faults), '[\n{"kind":"stall"},\n{"kind":"latency","ms":-1}\n]');
    await expect(whileStarted(makeDesk(home), { dir, faults }, async () => {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      params: { field: 'faults.json:3 ms' },
    });
    writeFileSync(join(home, faults), Buffer.from([0xff, 0xfe, 0x7b]));
    await expect(whileStarted(makeDesk(home), { dir, faults }, async () => {})).rejects.toMatchObject({
      params: { field: 'faults.json', reason: 'key:emulator.reason.utf8' },
    });
    await expect(whileStarted(makeDesk(home), { dir, seed: 'none.json' }, async () => {})).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
    });
  });

  test('is deterministic when it is told, and says when an earlier run stands in the way', async () => {
    const dir = join(home, 'deterministic');
    const options = { dir, deterministic: '7', at: '2026-05-04' };
    const desk = makeDesk(home, { output: 'json' });
    await whileStarted(desk, options, async () => {
      expect((await (await findEmulator(dir)).clock()).now).toBe(Date.UTC(2026, 4, 3, 16));
    });
    expect(desk.said).toEqual([]);
    const again = makeDesk(home, { output: 'json' });
    await whileStarted(again, options, async () => {});
    expect(again.said).toEqual([t('emulator.warn.deterministic_kept', { dir })]);
    for (const [wrong, field] of [
      [{ at: '2026-05-04' }, '--at'],
      [{ deterministic: '7', at: 'noon' }, '--at'],
      [{ deterministic: '' }, '--deterministic'],
    ] as const) {
      const starting = whileStarted(makeDesk(home), { dir, ...wrong }, async () => {});
      await expect(starting).rejects.toMatchObject({ code: 'INPUT_INVALID', params: { field } });
    }
  });

  test('with --https, variables and profile lead to it and name its CA', async () => {
    const desk = makeDesk(home, { output: 'json', profile: 'tls' });
    await whileStarted(desk, { https: true }, async () => {
      const info = JSON.parse(desk.out[0]!) as EmulatorInfo;
      expect(info.https_url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
      const expected = { base_url: info.https_url, ca_file: info.ca_file };
      expect((await (await desk.runtime.profileStore()).read('tls')).profile).toMatchObject(expected);
      const { data } = await run(envCommand, makeDesk(home), [], { dir: join(home, 'state', 'emulator') });
      expect(data).toMatchObject({ WXPAY_BASE_URL: info.https_url, WXPAY_CA_FILE: info.ca_file });
    });
  });

  test('greets people with what to do next, and never with a secret', async () => {
    const desk = makeDesk(home);
    // The stage's own emulator serves from here: without its record the folder is free.
    rmSync(join(stage.dir, 'emulator.json'), { force: true });
    await whileStarted(desk, { dir: stage.dir }, async () => {
      const text = JSON.stringify(desk.emitted[0]!.view);
      expect(text).toContain('wxpay emulator pay');
      expect(text).not.toContain(stage.emulator.info.api_v3_key);
      expect(text).not.toContain(stage.emulator.info.api_v2_key);
    });
    expect(desk.said.join(' ')).toContain('Ctrl-C');
  });

  test.each([
    [{ port: 'http' }, 'INPUT_INVALID'],
    [{ port: '65536' }, 'INPUT_INVALID'],
    [{ port: '-1' }, 'INPUT_INVALID'],
    [{ https: '65536' }, 'INPUT_INVALID'],
    [{ merchant: 'missing.json' }, 'INPUT_UNREADABLE'],
    [{ host: '203.0.113.77' }, 'INPUT_INVALID'],
  ])('%j is refused with %s', async (options, code) => {
    const desk = makeDesk(home, { output: 'json' });
    await expect(whileStarted(desk, options, async () => {})).rejects.toMatchObject({ code });
  });

  test('a busy port is said', async () => {
    const desk = makeDesk(home, { output: 'json' });
    const { port } = new URL(stage.emulator.url);
    await expect(whileStarted(desk, { port }, async () => {})).rejects.toMatchObject({
      code: 'EMULATOR_PORT_BUSY',
    });
  });
});

// A start that failed leaves the record of the emulator that runs; one that ran in its folder took it away.
describe('with an emulator running', () => {
  beforeAll(async () => {
    await stage.end();
    stage = await openStage({ dir: stage.dir });
  });

  test('pay pays and tells where the callback went', async () => {
    const body = orderBody(stage, 'native', { notify_url: 'http://127.0.0.1:1/notify' });
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    const desk = makeDesk(home);
    const result = await run(payCommand, desk, [body['out_trade_no'] as string]);
    expect(result.data).toMatchObject({
      transaction: { trade_state: 'SUCCESS' },
      callback: { delivered: false, failure: 'ECONNREFUSED', url: 'http://127.0.0.1:1/notify' },
    });
    expect(desk.said.join()).toContain('ECONNREFUSED');
    await expect(run(payCommand, desk, [body['out_trade_no'] as string])).rejects.toMatchObject({ code: 'ORDER_PAID' });
  });

  test('pay takes a handle, and pays without a callback when asked to', async () => {
    const placed = await stage.client.call('POST', '/v3/pay/transactions/jsapi', orderBody(stage, 'jsapi'));
    const desk = makeDesk(home);
    const result = await run(payCommand, desk, [placed.json['prepay_id'] as string], { callback: false });
    expect(result.data).toMatchObject({ callback: null });
    expect(desk.said).toEqual([]);
  });

  test('env gives a shell exactly the values, whatever characters are in them', async () => {
    const result = await run(envCommand, makeDesk(home), []);
    const variables = result.data as Record<string, string>;
    const { info } = stage.emulator;
    expect(variables).toEqual({
      WXPAY_BASE_URL: info.url,
      WXPAY_MCHID: info.mchid,
      WXPAY_APPID: info.appid,
      WXPAY_SERIAL_NO: info.serial_no,
      WXPAY_PRIVATE_KEY_FILE: info.private_key_file,
      WXPAY_API_V3_KEY: info.api_v3_key,
      WXPAY_API_V2_KEY: info.api_v2_key,
      WXPAY_PUBLIC_KEY_ID: info.public_key_id,
      WXPAY_PUBLIC_KEY_FILE: info.public_key_file,
      WXPAY_CLIENT_CERT_FILE: info.p12_file,
    });
    const [block] = result.view;
    const script = block!.kind === 'verbatim' ? block!.text : '';
    if (process.platform === 'win32') return;
    const printed = execFileSync(
      'sh',
      [
        '-c',
        `eval "$SCRIPT"; printf '%s\\0' ${Object.keys(variables)
          .map((name) => `"$${name}"`)
          .join(' ')}`,
      ],
      {
        env: { PATH: process.env['PATH'], SCRIPT: script },
        encoding: 'utf8',
      },
    );
    expect(printed.split('\0').slice(0, -1)).toEqual(Object.values(variables));
  });

  test('env quotes for fish and PowerShell by their own rules', async () => {
    const lineOf = async (shell: string): Promise<string> => {
      const { view } = await run(envCommand, makeDesk(home), [], { shell });
      const [block] = view;
      return (block!.kind === 'verbatim' ? block!.text : '')
        .split('\n')
        .find((line) => line.includes('P12') || line.includes('PRIVATE_KEY'))!;
    };
    expect(await lineOf('fish')).toContain(String.raw`it\'s a "$(false)` + '`' + String.raw` \\ folder`);
    expect(await lineOf('powershell')).toContain(`it''s a "$(false)`);
  });

  test('env speaks for another merchant when asked', async () => {
    const { data } = await run(envCommand, makeDesk(home), [], { mchid: '1900000100' });
    expect(data).toMatchObject({ WXPAY_MCHID: '1900000100' });
  });

  test('fault adds, lists and clears', async () => {
    const desk = makeDesk(home);
    const added = await run(faultCommand, desk, ['status'], {
      status: '429',
      retryAfter: '2',
      count: '2',
      method: 'GET',
    });
    expect(added.data).toMatchObject({
      count: 2,
      method: 'GET',
      fault: { kind: 'status', status: 429, retry_after: 2 },
    });
    expect(stage.emulator.faults.list()).toEqual([added.data]);
    expect((await run(faultCommand, desk, ['list'])).data).toEqual([added.data]);
    const answer = await makeClient(stage.emulator.info, stage.now).call('GET', '/v3/certificates');
    expect(answer.status).toBe(429);
    expect((await run(faultCommand, desk, ['clear', added.id!])).data).toEqual({ cleared: 1 });
  });

  test('a file of rules is added whole or not at all', async () => {
    const desk = makeDesk(home);
    writeFileSync(
      join(home, 'rules.ndjson'),
      '{"kind":"stall","path":"/v3/a"}\n{"kind":"cut","path":"/v3/b","count":3}\n',
    );
    const added = await run(faultCommand, desk, [], { file: 'rules.ndjson' });
    expect(added.data).toMatchObject([{ path: '/v3/a' }, { path: '/v3/b', count: 3 }]);
    expect(stage.emulator.faults.list()).toEqual(added.data);
    writeFileSync(join(home, 'rules.ndjson'), '{"kind":"stall","path":"/v3/c"}\n\n{"kind":"cut","ms":3}\n');
    await expect(run(faultCommand, desk, [], { file: 'rules.ndjson' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      params: { field: 'rules.ndjson:3 ms', kind: 'cut' },
    });
    expect(stage.emulator.faults.list()).toEqual(added.data);
    for (const [args, options] of [
      [['stall'], {}],
      [[], { count: '2' }],
    ] as const) {
      const both = run(faultCommand, desk, [...args], { file: 'rules.ndjson', ...options });
      await expect(both).rejects.toMatchObject({ params: { field: '--file' } });
    }
    await expect(run(faultCommand, desk, [])).rejects.toMatchObject({ params: { field: '<kind>' } });
    stage.emulator.faults.clear();
  });

  test('fault takes a probability with a seed, and a late commit that hangs up', async () => {
    const desk = makeDesk(home);
    const drawn = await run(faultCommand, desk, ['late-commit'], {
      ms: '50',
      hangUp: true,
      probability: '0.25',
      seed: '7',
    });
    expect(drawn.data).toMatchObject({
      count: -1,
      probability: 0.25,
      seed: 7,
      fault: { kind: 'late-commit', ms: 50, hang_up: true },
    });
    const [block] = drawn.view;
    expect(block).toMatchObject({ rows: [[drawn.id, 'late-commit 50 hang_up p=0.25', '* *', '∞']] });
    stage.emulator.faults.clear();
  });

  describe('refund', () => {
    async function place(notifyUrl?: string): Promise<string> {
      const [order] = stage.emulator.seed({ count: 1, total: 100 });
      const number = `R_${order!.out_trade_no}`;
      const amount = { refund: 40, total: 100, currency: 'CNY' };
      const body = { out_trade_no: order!.out_trade_no, out_refund_no: number, notify_url: notifyUrl, amount };
      expect((await stage.client.call('POST', '/v3/refund/domestic/refunds', body)).status).toBe(200);
      return number;
    }

    test.each(['success', 'abnormal', 'closed'])(
      '%s is what becomes of it, and nothing after that',
      async (outcome) => {
        const number = await place();
        const desk = makeDesk(home);
        const result = await run(refundCommand, desk, [number], { outcome });
        expect(result.data).toMatchObject({ refund: { status: outcome.toUpperCase() }, callback: null });
        expect(desk.said).toEqual([]);
        await expect(run(refundCommand, desk, [number], { outcome })).rejects.toMatchObject({
          code: 'EMULATOR_REFUND_FINAL',
        });
      },
    );

    test('tells where the callback did not go', async () => {
      const desk = makeDesk(home);
      const result = await run(refundCommand, desk, [await place('http://127.0.0.1:1/refund')]);
      expect(result.data).toMatchObject({
        refund: { status: 'SUCCESS' },
        callback: { event_type: 'REFUND.SUCCESS', delivered: false, failure: 'ECONNREFUSED' },
      });
      expect(desk.said.join()).toContain('ECONNREFUSED');
      const quiet = await run(refundCommand, desk, [await place('http://127.0.0.1:1/refund')], { callback: false });
      expect(quiet.data).toMatchObject({ callback: null });
    });

    test('without a number shows how refunds go, changes it, and sets it back', async () => {
      const desk = makeDesk(home);
      const start = stage.emulator.refundSettings;
      expect((await run(refundCommand, desk, [])).data).toEqual(start);
      const changed = await run(refundCommand, desk, [], {
        next: '2',
        outcome: 'abnormal',
        after: 'never',
        spacing: 'refuse',
        rateLimits: 'on',
        balance: '5000',
      });
      expect(changed.data).toEqual({
        settle_after_ms: null,
        next: [{ outcome: 'ABNORMAL', count: 2 }],
        spacing: 'refuse',
        rate_limits: true,
        balances: { '1900000001': 5000 },
      });
      expect(stage.emulator.refundSettings).toEqual(changed.data);
      const more = await run(refundCommand, desk, [], { after: '50', balance: '7', mchid: '1900000109' });
      expect(more.data).toMatchObject({
        settle_after_ms: 50,
        spacing: 'refuse',
        balances: { '1900000001': 5000, '1900000109': 7 },
      });
      expect((await run(refundCommand, desk, [], { reset: true, rateLimits: 'on' })).data).toEqual({
        ...start,
        rate_limits: true,
      });
      expect((await run(refundCommand, desk, [], { reset: true })).data).toEqual(start);
    });

    test.each([
      [[], { outcome: 'abnormal' }],
      [[], { next: '1' }],
      [[], { next: '0', outcome: 'closed' }],
      [[], { next: 'all', outcome: 'closed' }],
      [[], { after: 'soon' }],
      [[], { after: '-1' }],
      [[], { balance: '1.5' }],
      [['R1'], { next: '1', outcome: 'closed' }],
      [['R1'], { reset: true }],
      [['R1'], { rateLimits: 'on' }],
    ])('%j %j is refused', async (args, options) => {
      await expect(run(refundCommand, makeDesk(home), args, options)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    });
  });

  test.each([
    [['nonsense'], {}],
    [['status'], {}],
    [['status'], { status: 'many' }],
    [['latency'], { ms: '1.5' }],
    [['stall'], { probability: '2' }],
    [['stall'], { probability: '0' }],
    [['stall'], { probability: 'half' }],
    [['stall'], { seed: '1' }],
  ])('fault %j %j is refused', async (args, options) => {
    await expect(run(faultCommand, makeDesk(home), args, options)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

test('without an emulator, every command says how to start one', async () => {
  const desk = makeDesk(home);
  for (const module of [payCommand, envCommand, faultCommand, refundCommand]) {
    await expect(module.run({ args: ['list'], options: {} }, desk.runtime)).rejects.toMatchObject({
      code: 'EMULATOR_NOT_RUNNING',
    });
  }
});
