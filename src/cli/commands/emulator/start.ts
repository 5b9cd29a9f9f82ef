/** `wxpay emulator start`: serves a local WeChat Pay until it is interrupted. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { runningEmulator } from '../../../emulator/control-client.ts';
import { isLoopback } from '../../../emulator/guard.ts';
import { startEmulator, type Emulator, type RequestLog } from '../../../emulator/server.ts';
import type { Mode } from '../../../emulator/platform.ts';
import type { Block } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';
import { addBeginningOptions, readBeginning } from './entry-file.ts';
import { readMerchantFile } from './merchant-file.ts';

const modes: readonly Mode[] = ['mixed', 'certificate', 'public-key'];

export const command: CommandModule = {
  configure(command: Command, t) {
    command.option('--port <port>', t('emulator.option.port'));
    command.option('--https [port]', t('emulator.option.https'));
    command.option('--host <host>', t('emulator.option.host'));
    addDirOption(command, t);
    command.addOption(new Option('--mode <mode>', t('emulator.option.mode')).choices([...modes]));
    command.option('--merchant <file>', t('emulator.option.merchant'));
    command.option('--callback-speed <n>', t('emulator.option.callback_speed'));
    addBeginningOptions(command, t);
    command.option('--ephemeral', t('emulator.option.ephemeral'));
    examples(command, t, [
      'emulator.example.start',
      'emulator.example.start_json',
      'emulator.example.start_profile',
      'emulator.example.start_https',
      'emulator.example.start_ephemeral',
      'emulator.example.start_seed',
      'emulator.example.start_deterministic',
    ]);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<undefined> {
    const dir = emulatorDir(options, runtime);
    const host = textOption(options, 'host') ?? '127.0.0.1';
    if (!isLoopback(host)) runtime.warn('emulator.warn.host', { host });
    const merchantFile = textOption(options, 'merchant');
    const merchants = merchantFile === undefined ? [] : [await readMerchantFile(resolve(runtime.cwd, merchantFile))];
    const port = readPort(textOption(options, 'port'), '--port');
    const https = options['https'] === undefined ? undefined : readPort(textOption(options, 'https'), '--https');
    const beginning = await readBeginning(options, runtime);
    const running = await runningEmulator(dir);
    // Its record would be overwritten: `emulator pay` and the others would no longer find it.
    if (running !== undefined)
      throw new WxpayError('EMULATOR_RUNNING', { params: { url: running, dir }, outcome: 'not_sent' });
    const speed = readSpeed(textOption(options, 'callbackSpeed'));
    const emulator = await startEmulator({
      ...(speed === undefined ? {} : { callbacks: { speed } }),
      clock: runtime.clock,
      randomBytes: (size) => runtime.randomBytes(size),
      dir,
      pid: runtime.pid,
      host,
      port,
      ...(https === undefined ? {} : { https: { port: https } }),
      ...optionalMode(options['mode']),
      ...beginning,
      persist: options['ephemeral'] !== true,
      onStateProblem: ({ kind, file, reason }) =>
        runtime.warn(kind === 'set-aside' ? 'emulator.warn.set_aside' : 'emulator.warn.unwritable', { file, reason }),
      allowedHosts: runtime.globals.allowHost === undefined ? [] : [runtime.globals.allowHost],
      merchants,
      onLog: (entry) => logRequest(entry, runtime),
    });
    if (emulator.began === 'kept') {
      if (beginning.seed !== undefined) runtime.warn('emulator.warn.seed_kept', { dir });
      if (beginning.deterministic !== undefined) runtime.warn('emulator.warn.deterministic_kept', { dir });
    }
    try {
      if (runtime.globals.profile !== undefined) await writeProfile(runtime.globals.profile, emulator, runtime);
      announce(emulator, dir, runtime);
      await aborted(runtime.signal);
    } finally {
      await emulator.close();
    }
    return undefined;
  },
};

/** One line of JSON is an interface for scripts: always one line, whatever the terminal. */
function announce(emulator: Emulator, dir: string, runtime: Runtime): void {
  const { globals, t } = runtime;
  if (globals.output === 'json' && globals.query === undefined) {
    runtime.stdout.write(`${JSON.stringify(emulator.info)}\n`);
    return;
  }
  runtime.emit({ data: emulator.info, view: welcome(emulator, dir, runtime), id: emulator.url });
  if (globals.output === 'table') runtime.note('emulator.note.stop');

  function welcome({ info, merchants }: Emulator, folder: string, { globals: { profile } }: Runtime): Block[] {
    const provider = merchants.find(({ subMerchants }) => subMerchants !== undefined);
    // Commands that run as they stand here: each start has another order to try.
    const number = `TRY_${runtime.randomBytes(4).toString('hex').toUpperCase()}`;
    const notify = 'http://127.0.0.1:3000/notify';
    const chosen = profile === undefined ? '' : ` --profile ${profile}`;
    const next = [
      ...(profile === undefined ? [`eval "$(wxpay emulator env --dir ${quoted(folder)})"`] : []),
      `wxpay order create${chosen} --type native --description test --amount 1 --out-trade-no ${number} --notify-url ${notify}`,
      `wxpay emulator pay ${number} --dir ${quoted(folder)}`,
    ];
    return [
      {
        kind: 'details',
        title: t('emulator.title.start'),
        rows: [
          { label: 'url', value: info.url },
          { label: t('emulator.label.page'), value: `${info.url}/` },
          ...(info.https_url === null
            ? []
            : [
                { label: 'https_url', value: info.https_url },
                { label: 'ca_file', value: info.ca_file ?? '' },
              ]),
          { label: 'mchid', value: info.mchid },
          { label: 'appid', value: info.appid },
          { label: 'serial_no', value: info.serial_no },
          { label: t('emulator.label.provider'), value: provider?.mchid ?? '' },
          { label: t('emulator.label.dir'), value: folder },
        ],
      },
      { kind: 'text', text: t('emulator.next') },
      { kind: 'verbatim', text: next.join('\n') },
    ];
  }
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * One line per request: on stderr for people at a terminal, and with `--verbose` elsewhere; with `-o ndjson` a line of JSON on
 * stdout, after the one that says how to reach the emulator.
 */
function logRequest(entry: RequestLog, runtime: Runtime): void {
  const { globals, stderr } = runtime;
  if (globals.output === 'ndjson') runtime.stdout.write(`${JSON.stringify({ event: 'request', ...entry })}\n`);
  if (globals.quiet || (!globals.verbose && !(stderr.isTTY && globals.output === 'table'))) return;
  runtime.note('emulator.note.request', {
    method: entry.method,
    target: entry.target,
    status: entry.status ?? '-',
    code: [entry.code, entry.fault].filter((part) => part !== undefined).join(' '),
  });
}

async function writeProfile(name: string, emulator: Emulator, runtime: Runtime): Promise<void> {
  const { saveEmulatorProfile } = await import('./emulator-profile.ts');
  await saveEmulatorProfile(name, emulator.info, runtime);
}

function optionalMode(given: unknown): { mode?: Mode } {
  const mode = modes.find((known) => known === given);
  return mode === undefined ? {} : { mode };
}

function readSpeed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,7}(?:\.\d{1,2})?$/.test(text) && Number(text) >= 0.01 && Number(text) <= 1_000_000) return Number(text);
  throw new WxpayError('INPUT_INVALID', {
    params: { field: '--callback-speed', reason: 'key:emulator.reason.speed' },
    outcome: 'not_sent',
  });
}

function readPort(text: string | undefined, field: string): number {
  if (text === undefined) return 0;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.port' } });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
