/** A throw-away shell in which `wxpay` is the built binary, with an emulator beside it: where documented commands are tried. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startReceiver } from '../../src/operations/callback/receive.ts';
import { binary, makeHome } from '../helpers/cli.ts';

export interface Tried {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Shell {
  /** The folder in which commands run. */
  readonly dir: string;
  readonly port: number;
  /** Where callbacks are received. */
  readonly receiverPort: number;
  run(script: string, env?: Readonly<Record<string, string>>): Promise<Tried>;
  /** Starts a command that serves until the end, and waits until it does. */
  serve(command: string, env?: Readonly<Record<string, string>>): Promise<void>;
  /** Puts the emulator's merchant and the last callback where the documents have them. */
  furnish(): Promise<Readonly<Record<string, string>>>;
  /** Waits for a callback and keeps it under these names. */
  capture(...names: string[]): Promise<void>;
  close(): Promise<void>;
}

export async function openShell(): Promise<Shell> {
  const home = makeHome();
  const bin = join(home.dir, 'bin');
  const dir = join(home.dir, 'work');
  mkdirSync(bin);
  mkdirSync(dir);
  writeFileSync(join(bin, 'wxpay'), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`);
  chmodSync(join(bin, 'wxpay'), 0o755);
  const base = { ...home.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const port = await freePort();
  const receiver = await startReceiver();
  const serving: ChildProcess[] = [];

  const run: Shell['run'] = async (script, env = {}) => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: dir,
      env: { ...base, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 100_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  };

  return {
    dir,
    port,
    receiverPort: Number(new URL(receiver.url).port),
    run,
    async serve(command, env = {}) {
      const child = spawn('bash', ['-c', `exec ${command}`], {
        cwd: dir,
        env: { ...base, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      serving.push(child);
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const ready = await Promise.race([
        once(child.stdout, 'data').then(() => true),
        once(child, 'close').then(() => false),
      ]);
      if (!ready) throw new Error(`${command} ended: ${stderr}`);
    },
    async furnish() {
      const exported = await run('eval "$(wxpay emulator env)"; env');
      const env: Record<string, string> = {};
      for (const line of exported.stdout.split('\n')) {
        const [, name, value] = /^(WXPAY_\w+)=(.*)$/.exec(line) ?? [];
        if (name !== undefined && value !== undefined && name !== 'WXPAY_LANG') env[name] = value;
      }
      const key = env['WXPAY_PRIVATE_KEY_FILE'];
      const certificate = env['WXPAY_CLIENT_CERT_FILE'];
      if (key === undefined || certificate === undefined) throw new Error(`no merchant: ${exported.stderr}`);
      copyFileSync(key, join(dir, 'apiclient_key.pem'));
      chmodSync(join(dir, 'apiclient_key.pem'), 0o600);
      copyFileSync(certificate.replace(/\.p12$/, '.pem'), join(dir, 'apiclient_cert.pem'));
      copyFileSync(certificate.replace(/\.pem$/, '.p12'), join(dir, 'apiclient_cert.p12'));
      writeFileSync(join(dir, 'api_v3_key.txt'), env['WXPAY_API_V3_KEY'] ?? '', { mode: 0o600 });
      return env;
    },
    async capture(...names) {
      const { raw } = await receiver.next(AbortSignal.timeout(60_000));
      for (const name of names) writeFileSync(join(dir, name), raw);
    },
    async close() {
      for (const child of serving) {
        const closed = once(child, 'close');
        child.kill('SIGINT');
        await closed;
      }
      await receiver.close();
      home.remove();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function readText(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}
