/**
 * What the emulator keeps on disk: its own keys and its merchants', made at first start and used again ever after.
 *
 * A set of files is written into a folder of its own under a temporary name, then renamed into place: there is always a
 * whole set or none, and when two emulators start at once in one folder, one set wins and both use it.
 */
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { WxpayError } from '../core/errors.ts';

/** File name → content. */
export type FileSet = Readonly<Record<string, string | Uint8Array>>;

/** Makes the folder (0700) when it is not there. @throws WxpayError `FILE_UNWRITABLE` */
export async function makeFolder(dir: string): Promise<string> {
  const path = resolve(dir);
  await writing(path, async () => mkdir(path, { recursive: true, mode: 0o700 }));
  return path;
}

/**
 * The set of files `name` in `dir`; when it is not there yet, `make` makes it and it is kept.
 *
 * @returns the folder of the set
 * @throws WxpayError `FILE_UNWRITABLE`
 */
export async function keepFiles(
  dir: string,
  name: string,
  randomBytes: (size: number) => Buffer,
  make: () => Promise<FileSet>,
): Promise<string> {
  const home = join(dir, name);
  if (await exists(home)) return home;
  const files = await make();
  const draft = join(dir, `.${name}-${randomBytes(6).toString('hex')}`);
  await writing(home, async () => {
    try {
      await mkdir(draft, { mode: 0o700 });
      for (const [file, content] of Object.entries(files)) await writeDurably(join(draft, file), content);
      await rename(draft, home);
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      // Another emulator was quicker: its set is as good as ours.
      if (!(await exists(home))) throw error;
    }
  });
  return home;
}

/** Puts a file in the place of an older one, whole or not at all, readable by its owner only. */
export async function replaceFile(path: string, content: string, randomBytes: (size: number) => Buffer): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writing(path, async () => {
    try {
      await writeDurably(draft, content);
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  });
}

/** The text of a file of ours. @throws WxpayError `KEY_UNREADABLE` */
async function readOwnFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new WxpayError('KEY_UNREADABLE', { params: { source: path, reason: reasonOf(error) }, cause: error });
  }
}

/**
 * Reads a file of ours and makes of its text what `parse` makes.
 *
 * @throws WxpayError `KEY_UNREADABLE`, naming the file
 */
export async function parseOwnFile<T>(path: string, parse: (text: string) => T): Promise<T> {
  const text = await readOwnFile(path);
  try {
    return parse(text);
  } catch (error) {
    throw new WxpayError('KEY_UNREADABLE', { params: { source: path, reason: reasonOf(error) }, cause: error });
  }
}

/** The names of the sets in a folder; drafts that a killed emulator left are not among them. */
export async function listSets(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name);
}

async function exists(path: string): Promise<boolean> {
  try {
    await readdir(path);
    return true;
  } catch {
    return false;
  }
}

async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WxpayError) throw error;
    throw new WxpayError('FILE_UNWRITABLE', { params: { file: path, reason: reasonOf(error) }, cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
