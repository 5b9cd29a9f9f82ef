/** A folder of captured callbacks: one file each, as `verify-callback` and `callback replay` read them, for the owner only. */
import { mkdir, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WxpayError } from '../../core/errors.ts';
import type { HeaderLines } from './send.ts';

export interface ReceivedMessage {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderLines;
  readonly body: Buffer;
}

export interface CaptureFolder {
  readonly dir: string;
  /** @returns the file; `undefined` for one of too many that do not verify. @throws WxpayError `FILE_UNWRITABLE` */
  keep(message: ReceivedMessage, label: string, now: number): Promise<string | undefined>;
}

/** The label of what does not verify. */
export const unverified = 'unverified';
/** So many are kept; the oldest go first. */
export const keptCaptures = 1000;
/** So many of those that do not verify, on their own: whoever sends junk does not drive out what is genuine. */
export const keptUnverified = 200;
/** So many of them in any second: the files of a flood would drive each other out, and keep the disk from everybody else. */
export const unverifiedASecond = 100;
const ownName = /^\d{8}T\d{9}Z-\d{4,}-[\w.-]+\.http$/;

/** Makes the folder (0700) when it is not there. @throws WxpayError `FILE_UNWRITABLE` */
export async function openCaptureFolder(dir: string): Promise<CaptureFolder> {
  const failed = (error: unknown, file: string): WxpayError => {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    return new WxpayError('FILE_UNWRITABLE', { params: { file, reason }, cause: error });
  };
  /** Oldest first. */
  const kept = { verified: [] as string[], unverified: [] as string[] };
  const shelfOf = (name: string): string[] => (name.endsWith(`-${unverified}.http`) ? kept.unverified : kept.verified);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(dir)).toSorted()) if (ownName.test(name)) shelfOf(name).push(name);
  } catch (error) {
    throw failed(error, dir);
  }
  let made = 0;
  let second = 0;
  let ofSecond = 0;
  const isOneTooMany = (now: number): boolean => {
    const current = Math.floor(now / 1_000);
    if (current !== second) ofSecond = 0;
    second = current;
    ofSecond += 1;
    return ofSecond > unverifiedASecond;
  };
  return {
    dir,
    async keep(message, label, now) {
      if (label === unverified && isOneTooMany(now)) return undefined;
      const stamp = new Date(now).toISOString().replaceAll(/[-:.]/g, '');
      for (;;) {
        made += 1;
        const name = `${stamp}-${String(made).padStart(4, '0')}-${safeLabel(label)}.http`;
        const file = join(dir, name);
        try {
          await writeFile(file, rawCapture(message), { mode: 0o600, flag: 'wx' });
        } catch (error) {
          // Another listener in the same folder; or a link that somebody has put there.
          if ((error as NodeJS.ErrnoException).code === 'EEXIST' && made < 1_000_000) continue;
          // Half a capture would only mislead.
          await rm(file, { force: true }).catch(() => undefined);
          throw failed(error, file);
        }
        const shelf = shelfOf(name);
        shelf.push(name);
        const most = shelf === kept.unverified ? keptUnverified : keptCaptures;
        while (shelf.length > most) await remove(join(dir, shelf.shift() ?? ''));
        return file;
      }
    },
  };
}

/** It may be gone already: the folder is the user's. */
async function remove(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** What came from outside does not choose a path. */
function safeLabel(label: string): string {
  return /^[A-Za-z0-9][\w.-]{0,63}$/.test(label) ? label : 'callback';
}

/** The message byte for byte; a chunked body is written with its length, since its chunks were the connection's own. */
function rawCapture({ method, target, headers, body }: ReceivedMessage): Buffer {
  const chunked = headers.some(([name]) => name.toLowerCase() === 'transfer-encoding');
  const own = chunked
    ? [
        ...headers.filter(([name]) => !/^(?:transfer-encoding|content-length)$/i.test(name)),
        ['Content-Length', String(body.length)] as const,
      ]
    : headers;
  const lines = [`${method} ${target} HTTP/1.1`, ...own.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}
