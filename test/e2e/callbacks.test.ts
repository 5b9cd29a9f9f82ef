/** A shop under development: the emulator pays, `callback listen` verifies and passes on, the app answers as it pleases. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaultCallbackSettings } from '../../src/emulator/callback-settings.ts';
import type { Running } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { until } from '../helpers/timing.ts';

interface App {
  readonly url: string;
  readonly bodies: Buffer[];
  readonly headers: NodeJS.Dict<string[]>[];
  status: number;
  close(): Promise<void>;
}

let local: Local;
let app: App;
let captures: string;
beforeAll(async () => {
  local = await startLocal();
  const bodies: Buffer[] = [];
  const headers: NodeJS.Dict<string[]>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks));
      headers.push(request.headersDistinct);
      response
        .writeHead(app.status)
        .end(app.status === 204 ? undefined : '{"code":"FAIL","message":"\u001B[31m库存不足"}');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  app = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wxpay/notify`,
    bodies,
    headers,
    status: 204,
    close: async () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
});
beforeEach(() => {
  app.status = 204;
  app.bodies.length = 0;
  app.headers.length = 0;
  captures = join(local.home.dir, randomBytes(6).toString('hex'));
  local.emulator.outbox.configure({ ...defaultCallbackSettings, speed: 1000 });
});
afterAll(async () => {
  await app.close();
  await local.close();
});

interface Listening {
  readonly child: Running;
  readonly url: string;
  readonly lines: () => Record<string, unknown>[];
  readonly text: () => string;
}

/** Starts the built binary and waits for its word that it listens. */
async function listen(argv: readonly string[], ready: RegExp): Promise<Listening> {
  const child = local.home.spawn(['callback', 'listen', '--captures', captures, ...argv], {
    env: local.env,
    timeout: 110_000,
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(
    () => ready.test(text),
    () => text,
  );
  return {
    child,
    url: /(?:^|\n)url +(\S+)|"url":"([^"]+)"/.exec(text)!.slice(1).join(''),
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** An order, placed by the binary and paid at the emulator. */
async function pay(url: string): Promise<Awaited<ReturnType<Local['emulator']['pay']>>> {
  const no = `E2E_${randomBytes(6).toString('hex')}`;
  const flags = ['--type', 'native', '--description', 'x', '--amount', '1290', '--out-trade-no', no];
  const created = await local.run(['order', 'create', ...flags, '--notify-url', `${url}/notify`]);
  expect(created).toMatchObject({ code: 0 });
  return local.emulator.pay({ order: no });
}

describe('callback listen', () => {
  test('passes a paid order’s callback on, byte for byte, and WeChat Pay has the app’s answer', async () => {
    const listening = await listen(['--forward-to', app.url, '-o', 'ndjson'], /"listening"/);
    const paid = await pay(listening.url);
    expect(paid.callback).toMatchObject({ delivered: true, status: 204 });
    const record = local.emulator.outbox.find(paid.callback!.id)!;
    expect(app.bodies.map(String)).toEqual([record.body]);
    for (const [name, value] of record.attempts[0]!.headers!)
      expect(app.headers[0]![name.toLowerCase()], name).toEqual([value]);
    await until(() => listening.lines().length === 2, listening.text);
    expect(listening.lines()).toMatchObject([
      { type: 'listening', url: listening.url, forward_to: app.url },
      {
        type: 'callback',
        verdict: 'valid',
        event_type: 'TRANSACTION.SUCCESS',
        id: record.id,
        action: 'forwarded',
        app: { status: 204, in_time: true },
        answered: { status: 204 },
        resource: { amount: { total: 1290 } },
      },
    ]);
    listening.child.kill('SIGINT');
    const ended = await listening.child;
    expect(ended.exitCode).toBe(130);
    expect(listening.lines()).toContainEqual(
      expect.objectContaining({ type: 'summary', received: 1, acknowledged: 1 }),
    );

    expect(statSync(captures).mode & 0o777).toBe(0o700);
    const [file = ''] = readdirSync(captures);
    expect(readFileSync(join(captures, file)).includes(app.bodies[0]!)).toBe(true);
    expect(await local.run(['verify-callback', join(captures, file)])).toMatchObject({ code: 0 });
  });

  test('an app that refuses is told of, and asked again by the schedule until it takes it', async () => {
    app.status = 500;
    const listening = await listen(['--forward-to', app.url], /Ctrl-C/);
    const paid = await pay(listening.url);
    expect(paid.callback).toMatchObject({ delivered: false, status: 500 });
    await until(() => app.bodies.length >= 2, listening.text);
    app.status = 204;
    const record = local.emulator.outbox.find(paid.callback!.id)!;
    await until(() => record.state === 'delivered', listening.text);
    await until(() => /→ 204 in \d+ ms/.test(listening.text()), listening.text);
    const text = listening.text();
    expect(text).toMatch(/TRANSACTION\.SUCCESS {2}E2E_\w+ {2}¥12\.90 {2}→ 500 in \d+ ms/);
    expect(text).toContain('库存不足');
    expect(text).not.toContain('\u001B');
    expect(text).toMatch(/\(repeat, [2-9] times now\) → 204/);
    listening.child.kill('SIGTERM');
    expect((await listening.child).exitCode).toBe(143);
  });

  test('repeats, probes and what is forged do not reach the app; --exit-after ends it', async () => {
    local.emulator.outbox.configure({ probes: 1, duplicates: 1 });
    const listening = await listen(['--forward-to', app.url, '-o', 'ndjson', '--exit-after', '4'], /"listening"/);
    await pay(listening.url);
    await until(() => listening.lines().length === 4, listening.text);
    const forged = ['--to', listening.url, '--dir', 'emulator', '--break', 'key'];
    const sent = await local.run(['callback', 'trigger', 'REFUND.SUCCESS', ...forged], { cwd: local.home.dir });
    expect(sent).toMatchObject({ code: 0 });
    expect((await listening.child).exitCode).toBe(0);
    const callbacks = listening.lines().filter(({ type }) => type === 'callback');
    expect(callbacks.map(({ action }) => action)).toEqual(['refused', 'forwarded', 'held_back', 'refused']);
    expect(callbacks[0]).toMatchObject({ failure: { code: 'SIGNATURE_PROBE' }, resource: null });
    expect(app.bodies).toHaveLength(1);
  });

  test('an app that is not there yet is warned about', async () => {
    const listening = await listen(['--forward-to', 'http://127.0.0.1:1/', '--lang', 'zh-CN'], /Ctrl-C/);
    await until(() => listening.text().includes('还没有程序在监听'), listening.text);
    expect((await pay(listening.url)).callback).toMatchObject({ delivered: false, status: 502 });
    await until(() => listening.text().includes('没有程序在监听\n'), listening.text);
    listening.child.kill('SIGINT');
    expect((await listening.child).exitCode).toBe(130);
    expect(listening.text()).toMatch(/失败 [1-9]/);
  });

  test('a reader that goes away ends it', async () => {
    const listening = await listen(['-o', 'ndjson'], /"listening"/);
    listening.child.stdout?.destroy();
    await pay(listening.url);
    await pay(listening.url).catch(() => undefined);
    expect((await listening.child).exitCode).toBe(0);
  });

  test.each<[readonly string[], number]>([
    [['--port', '99999'], 2],
    [['--port', 'x'], 2],
    [['-o', 'csv'], 2],
    [['--fail-first', '-1'], 2],
    [['--public-host', 'a:80'], 2],
    [['--forward-to', 'http://169.254.169.254/'], 2],
    [['--forward-to', 'http://10.0.0.1/'], 2],
    [['--forward-to', 'https://api.mch.weixin.qq.com/'], 2],
  ])('%j is refused before anything is listened on', async (argv, code) => {
    expect(await local.run(['callback', 'listen', ...argv])).toMatchObject({ code, stdout: '' });
  });

  test('without a merchant it says so at once', async () => {
    expect((await local.home.run(['callback', 'listen'])).code).toBe(3);
  });
});
