/** `wxpay emulator run -- <command…>`: an app as it is, against an emulator, though its SDK has WeChat Pay's hosts hard-coded. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { Others } from '../../../emulator/connect-proxy.ts';
import type { Emulator } from '../../../emulator/contract.ts';
import { runningEmulator } from '../../../emulator/control-client.ts';
import { startEmulator } from '../../../emulator/server.ts';
import { officialHosts } from '../../../emulator/tls.ts';
import { makeTrustStore } from '../../../emulator/trust-store.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { bundleVariables, childEnvironment, type ChildParts } from '../../emulated/child-environment.ts';
import type { RunSettings } from '../../emulated/settings.ts';
import { examples } from '../../help.ts';
import { Interrupted } from '../../interrupt.ts';
import { addDirOption, textOption } from './emulator-dir.ts';
import { addBeginningOptions, readBeginning } from './entry-file.ts';
import { readMerchantFile } from './merchant-file.ts';
import { variablesOf } from './env.ts';

export const command: CommandModule = {
  // The program decides when it ends, and may have much to put away.
  graceMs: 2 ** 31 - 1,

  configure(command: Command, t) {
    command.argument('<command...>', t('emulator.argument.command'));
    command.addOption(
      new Option('--others <others>', t('emulator.option.others')).choices(['refuse', 'pass']).default('refuse'),
    );
    addDirOption(command, t);
    command.option('--merchant <file>', t('emulator.option.merchant'));
    addBeginningOptions(command, t);
    examples(command, t, ['emulator.example.run', 'emulator.example.run_pass', 'emulator.example.run_seed']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const [program = '', ...rest] = args;
    const others: Others = options['others'] === 'pass' ? 'pass' : 'refuse';
    const merchantFile = textOption(options, 'merchant');
    const merchants = merchantFile === undefined ? [] : [await readMerchantFile(resolve(runtime.cwd, merchantFile))];
    const kept = textOption(options, 'dir');
    const beginning = await readBeginning(options, runtime);
    const temporary = await temporaryFolder(runtime);
    try {
      const dir = kept === undefined ? join(temporary, 'emulator') : resolve(runtime.cwd, kept);
      await refuseRunning(dir);
      const refused = new Set<string>();
      const emulator = await startEmulator({
        clock: runtime.clock,
        randomBytes: (size) => runtime.randomBytes(size),
        dir,
        pid: runtime.pid,
        merchants,
        ...beginning,
        https: { port: 0 },
        proxy: {
          port: 0,
          others,
          onRefused: (host) => {
            if (!refused.has(host)) runtime.warn('emulator.warn.refused', { host });
            refused.add(host);
          },
        },
        onLog: (entry) => {
          const { method, target, status = '-', code = '' } = entry;
          if (runtime.globals.verbose) runtime.note('emulator.note.request', { method, target, status, code });
        },
      });
      try {
        const env = await environmentFor(emulator, { temporary, dir, others, mchid: merchants[0]?.mchid }, runtime);
        return { data: null, view: [], exitCode: await runProgram(program, rest, env, runtime) };
      } finally {
        await emulator.close();
      }
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  },
};

const prefix = 'wxpay-run-';

/** Named after this process, so that the folder of a killed one is recognised, and removed, by the next. */
async function temporaryFolder(runtime: Pick<Runtime, 'pid' | 'isAlive'>): Promise<string> {
  const parent = tmpdir();
  for (const name of await readdir(parent).catch(() => [])) {
    const owner = /^wxpay-run-(\d+)-\w{6}$/.exec(name)?.[1];
    if (owner !== undefined && !runtime.isAlive(Number(owner)))
      await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
  const path = join(parent, `${prefix}${runtime.pid}-`);
  try {
    return await mkdtemp(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new WxpayError('FILE_UNWRITABLE', { params: { file: path, reason }, cause: error });
  }
}

async function refuseRunning(dir: string): Promise<void> {
  const url = await runningEmulator(dir);
  if (url !== undefined) throw new WxpayError('EMULATOR_RUNNING', { params: { url, dir }, outcome: 'not_sent' });
}

interface Place {
  readonly temporary: string;
  readonly dir: string;
  readonly others: Others;
  /** The app's own merchant; absent: the emulator's. */
  readonly mchid: string | undefined;
}

async function environmentFor(emulator: Emulator, place: Place, runtime: Runtime): Promise<Record<string, string>> {
  const { temporary, dir, others } = place;
  const { info } = emulator;
  const own = await readFile(info.ca_file ?? '', 'utf8');
  const trusted = await trustedBefore(runtime.env);
  const extra = await readable(runtime.env['NODE_EXTRA_CA_CERTS']);
  const bundle = [trusted, extra, own].join('\n');
  const files = {
    bundle: join(temporary, 'ca-bundle.pem'),
    extra: join(temporary, 'ca-extra.pem'),
    trustStore: join(temporary, 'truststore.p12'),
    preload: fileURLToPath(new URL('../emulated/preload.cjs', import.meta.url)),
  };
  await Promise.all([
    writeFile(files.bundle, bundle),
    writeFile(files.extra, [extra, own].join('\n')),
    writeFile(files.trustStore, makeTrustStore(derOf(bundle))),
  ]);
  const settings: RunSettings = {
    hosts: officialHosts,
    address: '127.0.0.1',
    port: portOf(info.https_url),
    proxyPort: portOf(emulator.proxyUrl),
    others,
    refusal: runtime.t('emulator.warn.refused', { host: '{host}' }),
  };
  const merchant = { ...variablesOf(merchantInfo(emulator, place.mchid)), WXPAY_EMULATOR_DIR: dir };
  const parts: ChildParts = { env: runtime.env, settings, merchant, files };
  return childEnvironment(parts);
}

/** A merchant that brought its own key has no files here to point to. */
function merchantInfo(emulator: Emulator, mchid: string | undefined): Emulator['info'] {
  const merchant = emulator.merchants.find((candidate) => candidate.mchid === mchid);
  return merchant?.files === undefined ? emulator.info : emulator.infoOf(merchant.mchid);
}

function portOf(url: string | null | undefined): number {
  return Number(new URL(url ?? '').port);
}

/** Where systems keep their trusted certificates in one file. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** What the program would have trusted: by its variables, else by its system, else what Node.js brings. */
async function trustedBefore(env: Runtime['env']): Promise<string> {
  const named = await Promise.all([...new Set(bundleVariables.map((name) => env[name]))].map(readable));
  const given = named.filter((text) => text !== '');
  if (given.length > 0) return given.join('\n');
  for (const file of systemBundles) {
    const text = await readable(file);
    if (text !== '') return text;
  }
  return rootCertificates.join('\n');
}

async function readable(file: string | undefined): Promise<string> {
  if (file === undefined || file === '') return '';
  return readFile(file, 'latin1').catch(() => '');
}

function derOf(bundle: string): Buffer[] {
  const blocks = bundle.match(/(?<=-----BEGIN CERTIFICATE-----)[^-]+(?=-----END CERTIFICATE-----)/g) ?? [];
  return [...new Set(blocks.map((block) => block.replaceAll(/\s/g, '')))].map((base64) =>
    Buffer.from(base64, 'base64'),
  );
}

/** @returns the exit code: the program's own, or 128 and the number of the signal that ended it */
async function runProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  runtime: Runtime,
): Promise<number> {
  const child = spawn(program, args, { cwd: runtime.cwd, env, stdio: 'inherit', windowsHide: true });
  const stop = relaySignals(child, runtime);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        const params = {
          field: '<command>',
          reason: error.code === 'ENOENT' ? 'key:reason.no_program' : 'key:reason.program_unstartable',
          program,
          cause: error.code ?? error.name,
        };
        reject(new WxpayError('INPUT_INVALID', { params, outcome: 'not_sent', cause: error }));
      });
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    stop();
  }
}

/** A terminal gives its Ctrl-C to the program by itself; a second one would make many programs drop everything. */
function relaySignals(child: ChildProcess, { signal, stdout, stderr }: Runtime): () => void {
  const atTerminal = stdout.isTTY || stderr.isTTY;
  const relay = (): void => {
    const name = signal.reason instanceof Interrupted ? signal.reason.signal : 'SIGTERM';
    if (name !== 'SIGINT' || !atTerminal) child.kill(name);
  };
  if (signal.aborted) relay();
  else signal.addEventListener('abort', relay, { once: true });
  return () => signal.removeEventListener('abort', relay);
}
