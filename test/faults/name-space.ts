/** A network name space of our own, in which every address is ours and nothing leaves this machine. Needs root and iproute2. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** The resolver asks whom this file names; inside the name space that is us. */
export const nameServer = /^nameserver\s+([0-9.]+)\s*$/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))?.[1] ?? '';

/** Whether this machine lets us have one; says so, if not. */
export function canStandApart(test: string): boolean {
  const able =
    nameServer !== '' &&
    spawnSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up'], { stdio: 'ignore' }).status === 0;
  if (!able) process.stdout.write(`${test}: skipped, it needs root, iproute2 and a network name space of its own\n`);
  return able;
}

/** Makes this machine answer at the address, which it may have already. */
export const own = (address: string): string => `(ip address add ${address}/32 dev lo 2>/dev/null || true)`;

/**
 * Runs a program there.
 *
 * @param steps shell commands that lay the network
 * @returns its standard output
 */
export async function runApart(
  steps: readonly string[],
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const script = ['ip link set lo up', ...steps, 'exec "$@"'].join(' && ');
  const { stdout } = await promisify(execFile)('unshare', ['-n', 'sh', '-c', script, 'apart', ...argv], {
    ...options,
    maxBuffer: 1e8,
  });
  return stdout;
}
