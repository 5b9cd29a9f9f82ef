/**
 * `wxpay demo`: the whole life of an order against a private emulator. Every step is a real command of this very program,
 * run as a person would type it, and every step is checked; nothing is left behind.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { WxpayError } from '../../core/errors.ts';
import { startEmulator, type Emulator } from '../../emulator/server.ts';
import { startReceiver, type Receiver } from '../../operations/callback/receive.ts';
import { isObject } from '../../operations/fields.ts';
import { shellQuote } from '../../output/shell.ts';
import type { Block, Result } from '../../output/view.ts';
import type { MessageKey } from '../../i18n/translate.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { examples } from '../help.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    examples(command, t, ['demo.example.demo', 'demo.example.demo_json']);
  },

  async run(_input: CommandInput, runtime: Runtime): Promise<Result> {
    const dir = await temporaryFolder();
    const cleanup: (() => Promise<void>)[] = [() => rm(dir, { recursive: true, force: true })];
    try {
      return await play(dir, runtime, (undo) => cleanup.unshift(undo));
    } finally {
      for (const undo of cleanup) await undo();
    }
  },
};

async function temporaryFolder(): Promise<string> {
  const prefix = join(tmpdir(), 'wxpay-demo-');
  try {
    return await mkdtemp(prefix);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new WxpayError('FILE_UNWRITABLE', { params: { file: prefix, reason }, cause: error });
  }
}

interface Step {
  readonly title: string;
  readonly command: string;
  readonly passed: boolean;
}

interface Stage {
  readonly runtime: Runtime;
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly steps: Step[];
}

async function play(dir: string, runtime: Runtime, onCleanup: (undo: () => Promise<void>) => void): Promise<Result> {
  const { t } = runtime;
  const stage: Stage = {
    runtime,
    dir,
    steps: [],
    env: {
      WXPAY_CONFIG_DIR: join(dir, 'config'),
      WXPAY_CACHE_DIR: join(dir, 'cache'),
      ...kept(runtime.env),
    },
  };
  if (runtime.globals.output === 'table') emitText(runtime, [{ kind: 'text', text: t('demo.intro') }]);

  const emulatorDir = join(dir, 'emulator');
  const emulator: Emulator = await startEmulator({
    clock: runtime.clock,
    randomBytes: (size) => runtime.randomBytes(size),
    dir: emulatorDir,
  });
  onCleanup(() => emulator.close());
  announce(stage, 'demo.step.emulator', ['emulator', 'start', '--profile', 'demo'], true);
  emitText(runtime, [
    {
      kind: 'details',
      rows: [
        { label: 'url', value: emulator.info.url },
        { label: 'mchid', value: emulator.info.mchid },
        { label: 'serial_no', value: emulator.info.serial_no },
      ],
    },
  ]);

  const receiver: Receiver = await startReceiver();
  onCleanup(() => receiver.close());

  // Secrets travel by file, never by argument; the throw-away folder is 0700 and goes away at the end.
  const apiV3KeyFile = join(dir, 'api_v3_key');
  await writeFile(apiV3KeyFile, emulator.info.api_v3_key, { mode: 0o600 });
  await show(stage, 'demo.step.profile', [
    'profile',
    'add',
    'demo',
    '--mchid',
    emulator.info.mchid,
    '--appid',
    emulator.info.appid,
    '--private-key-file',
    emulator.info.private_key_file,
    '--certificate-file',
    emulator.info.certificate_file,
    '--api-v3-key-file',
    apiV3KeyFile,
    '--notify-url',
    receiver.url,
    '--base-url',
    emulator.info.url,
    '--use',
  ]);

  const paid = 'DEMO_ORDER_0001';
  await show(stage, 'demo.step.create', [
    'order',
    'create',
    '--type',
    'native',
    '--description',
    t('demo.goods'),
    '--amount',
    '12.34yuan',
    '--out-trade-no',
    paid,
  ]);
  await expectState(stage, paid, 'NOTPAY');

  const arrival = receiver.next(AbortSignal.any([runtime.signal, AbortSignal.timeout(10_000)]));
  // It may fail while the step before it is still running; whoever awaits it hears of it then.
  arrival.catch(() => {});
  await show(stage, 'demo.step.pay', ['emulator', 'pay', paid, '--dir', emulatorDir]);
  const callback = await arrival;
  const captured = join(dir, 'callback.http');
  await writeFile(captured, callback.raw, { mode: 0o600 });
  await show(stage, 'demo.step.verify', ['verify-callback', captured]);
  await expectTransaction(stage, captured, paid);

  const damaged = join(dir, 'callback-damaged.http');
  await writeFile(damaged, damage(callback.raw), { mode: 0o600 });
  await show(stage, 'demo.step.damaged', ['verify-callback', damaged], exitCodes.verification);

  await show(stage, 'demo.step.query', ['order', 'query', paid]);
  await expectState(stage, paid, 'SUCCESS');

  const closed = 'DEMO_ORDER_0002';
  await show(stage, 'demo.step.create_second', [
    'order',
    'create',
    '--type',
    'jsapi',
    '--openid',
    'oDemoPayer0000000000000000001',
    '--description',
    t('demo.goods'),
    '--amount',
    '100',
    '--out-trade-no',
    closed,
  ]);
  await show(stage, 'demo.step.close', ['order', 'close', closed]);
  await expectState(stage, closed, 'CLOSED');

  await show(stage, 'demo.step.certs', ['certs', 'download', '--out', join(dir, 'certs')]);

  return {
    data: { passed: stage.steps.every((step) => step.passed), steps: stage.steps },
    view: [
      { kind: 'text', text: t('demo.done', { count: stage.steps.length }), tone: 'good' },
      { kind: 'text', text: t('demo.next') },
    ],
  };
}

/** What a terminal looks like; nothing that a merchant is made of, and no proxy: the demo is all on this machine. */
function kept(env: Runtime['env']): Readonly<Record<string, string>> {
  const names = ['PATH', 'TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'CLICOLOR', 'CLICOLOR_FORCE', 'CI'];
  return Object.fromEntries(
    [...names, 'WXPAY_ACCESSIBLE'].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

/** Runs a command as typed, shows it and its output, and insists on its exit code. */
async function show(
  stage: Stage,
  title: MessageKey,
  argv: readonly string[],
  expected: number = exitCodes.ok,
): Promise<void> {
  const { runtime } = stage;
  announce(stage, title, argv, false);
  const quiet = runtime.globals.output !== 'table' || runtime.globals.quiet;
  runtime.signal.throwIfAborted();
  const { lang, color } = runtime.globals;
  const code = await runtime.self([...argv, '--lang', lang, '--color', color], {
    env: stage.env,
    ...(quiet ? { stdout: () => {} } : {}),
  });
  // An interrupted step fails because of that, not because something is wrong.
  runtime.signal.throwIfAborted();
  if (code !== expected) throw failed(stage, `${shorten(stage, argv)} → exit ${code}`);
  stage.steps[stage.steps.length - 1] = { title: runtime.t(title), command: shorten(stage, argv), passed: true };
}

function announce(stage: Stage, title: MessageKey, argv: readonly string[], passed: boolean): void {
  const { runtime } = stage;
  stage.steps.push({ title: runtime.t(title), command: shorten(stage, argv), passed });
  emitText(runtime, [
    { kind: 'text', text: `\n${stage.steps.length}. ${runtime.t(title)}` },
    { kind: 'text', text: `$ ${shorten(stage, argv)}`, tone: 'dim' },
  ]);
}

function emitText(runtime: Runtime, view: readonly Block[]): void {
  if (runtime.globals.output === 'table' && !runtime.globals.quiet) runtime.emit({ data: null, view });
}

/** The command as a person would type it: the throw-away folder is left out. */
function shorten(stage: Stage, argv: readonly string[]): string {
  return ['wxpay', ...argv.map((word) => word.replace(`${stage.dir}/`, ''))].map(shellQuote).join(' ');
}

/** Runs a command silently with JSON output, for the checks between the steps. */
async function ask(stage: Stage, argv: readonly string[]): Promise<Record<string, unknown>> {
  let text = '';
  const code = await stage.runtime.self([...argv, '-o', 'json'], {
    env: stage.env,
    stdout: (chunk) => (text += chunk),
  });
  if (code !== exitCodes.ok) throw failed(stage, `${shorten(stage, argv)} → exit ${code}`);
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw failed(stage, shorten(stage, argv));
  return value;
}

async function expectState(stage: Stage, out_trade_no: string, state: string): Promise<void> {
  const order = await ask(stage, ['order', 'query', out_trade_no]);
  if (order['trade_state'] !== state)
    throw failed(stage, `${out_trade_no}: ${String(order['trade_state'])} ≠ ${state}`);
}

async function expectTransaction(stage: Stage, file: string, out_trade_no: string): Promise<void> {
  const report = await ask(stage, ['verify-callback', file]);
  const resource = isObject(report['resource']) ? report['resource'] : {};
  if (
    report['verdict'] !== 'valid' ||
    resource['out_trade_no'] !== out_trade_no ||
    resource['trade_state'] !== 'SUCCESS'
  )
    throw failed(stage, `verify-callback: ${String(report['verdict'])}`);
}

/** Changes one byte of the body: the verification must notice. */
function damage(raw: Buffer): Buffer {
  const copy = Buffer.from(raw);
  const at = copy.length - 2;
  // The brace that ends the body becomes a bracket: what the autopsy says of it is then the plain truth.
  copy[at] = copy[at] === 0x5d ? 0x7d : 0x5d;
  return copy;
}

function failed(stage: Stage, reason: string): WxpayError {
  return new WxpayError('CHECK_FAILED', {
    params: { reason: `${stage.steps.length}. ${stage.steps.at(-1)?.title ?? ''}: ${reason}` },
  });
}
