/** The state of the configuration folder, looked at without changing anything: what `doctor` says about files. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { WxpayError } from '../core/errors.ts';
import { isProfileName } from './schema.ts';
import { faultOf, type StorePlace } from './store.ts';

export interface StoreFault {
  readonly kind: 'config_dir_open' | 'profile_file_open' | 'profile_broken_copy' | 'profile_fault';
  readonly params: Readonly<Record<string, string>>;
  /** Of `profile_fault`: what a command that uses the profile would meet. */
  readonly error?: WxpayError;
  /** The profile concerned is the one in use. */
  readonly inUse: boolean;
}

/**
 * Every file and folder of the store that is open to others, broken, or left over.
 *
 * @param chosen the profile in use, if one is
 */
export function inspectStore(
  { config, platform, uid }: Pick<StorePlace, 'config' | 'platform' | 'uid'>,
  chosen: string | undefined,
): readonly StoreFault[] {
  const dir = join(config, 'profiles');
  const faults: StoreFault[] = [];
  const modes = platform !== 'win32';
  for (const folder of [config, dir]) {
    const mode = modeOf(folder);
    // A sticky folder like /tmp is open to all and still nobody can replace what is in it.
    if (modes && mode !== undefined && (mode & 0o022) !== 0 && (mode & 0o1000) === 0)
      faults.push({ kind: 'config_dir_open', params: { file: folder, mode: octal(mode) }, inUse: false });
  }
  for (const entry of namesIn(dir)) {
    const file = join(dir, entry);
    const name = basename(entry, '.json');
    if (/\.json\.broken-[0-9]+$/.test(entry)) {
      faults.push({ kind: 'profile_broken_copy', params: { file }, inUse: false });
      continue;
    }
    if (!entry.endsWith('.json') || !isProfileName(name)) continue;
    const inUse = name === chosen;
    const error = faultOf(file, { platform, uid });
    if (error !== undefined) faults.push({ kind: 'profile_fault', params: { file }, error, inUse });
    const mode = modeOf(file);
    if (modes && mode !== undefined && (mode & 0o077) !== 0)
      faults.push({ kind: 'profile_file_open', params: { file, mode: octal(mode) }, inUse });
  }
  return faults;
}

function modeOf(path: string): number | undefined {
  try {
    const link = lstatSync(path);
    return (link.isSymbolicLink() ? statSync(path) : link).mode & 0o7777;
  } catch {
    return undefined;
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, '0');
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}
