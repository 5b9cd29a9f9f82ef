/**
 * Where downloads of bills grow: files of this user's own, each named after what it is a part of, so that a later run of the
 * same command goes on with what an earlier one left (THREATS H4). What is taken over is proven as a whole or thrown away.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { adoptPartFile, openPartFile, type PartFile } from '../../../core/durable/part-file.ts';
import { fileUnwritable } from '../../../core/durable/system-error.ts';
import { WxpayError } from '../../../core/errors.ts';
import { billRequest, type BillQuery } from '../../../operations/bill/fetch.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { Runtime } from '../../command.ts';
import { Interrupted } from '../../interrupt.ts';

/** `trade-2026-11-22.<merchant and request>.<hash of the bill>.<process>.<random>.part` */
const namePattern = /^[a-z]+-[\d-]+\.([0-9a-f]{16})\.([0-9a-f]{40})\.(\d+)\.[0-9a-f]{16}\.part$/;
/** A name of an earlier version, which kept nothing. */
const oldPattern = /\.(\d+)\.[0-9a-f]{16}\.part$/;
/** What nobody has come back for by then is cleared away. */
const keptMs = 3 * 24 * 3600_000;

export type PartsRuntime = Pick<Runtime, 'platform' | 'pid' | 'uid' | 'isAlive' | 'randomBytes' | 'clock'> & {
  readonly dirs: Pick<Runtime['dirs'], 'cache'>;
};

interface Left {
  readonly file: string;
  readonly key: string;
  readonly sha1: string;
  readonly size: number;
}

export interface BillParts {
  /** @throws `FILE_UNWRITABLE` */
  readonly open: (sha1: string) => PartFile;
  /** Ends with the bill shown, or with the error: only what a network or a signal broke off is left for a later run. */
  end(error?: unknown): void;
}

/** @throws `FILE_UNWRITABLE` */
export function openBillParts(query: BillQuery, profile: ResolvedProfile, runtime: PartsRuntime): BillParts {
  const folder = join(runtime.dirs.cache, 'bills');
  const { target } = billRequest(query);
  // Another merchant's bill of that day is another bill, and an emulator's is none of WeChat Pay's.
  const identity = JSON.stringify([baseUrlOf(profile), profile.values.mchid?.value ?? '', target]);
  const key = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  let current: { readonly sha1: string; readonly part: PartFile } | undefined;
  return {
    open(sha1) {
      if (current?.sha1 === sha1) return current.part;
      current?.part.discard();
      const { platform, uid } = runtime;
      const random = runtime.randomBytes(8).toString('hex');
      const path = join(folder, `${query.kind}-${query.date}.${key}.${sha1}.${runtime.pid}.${random}.part`);
      const left = leftBehind(folder, runtime).filter((one) => one.key === key);
      // The bill has changed since: what there is of the old one is of no use.
      for (const { file } of left.filter((one) => one.sha1 !== sha1)) rmSync(join(folder, file), { force: true });
      const largest = left.filter((one) => one.sha1 === sha1).toSorted((a, b) => b.size - a.size)[0];
      const adopted =
        largest === undefined ? undefined : adoptPartFile(join(folder, largest.file), path, { platform, uid });
      const part = adopted ?? openPartFile(path, { platform });
      current = { sha1, part };
      return part;
    },

    end(error) {
      const category = error instanceof WxpayError ? error.category : undefined;
      const mayGoOn = error instanceof Interrupted || category === 'network' || category === 'throttled';
      if (mayGoOn && current !== undefined && current.part.size > 0) current.part.leave();
      else current?.part.discard();
    },
  };
}

/** What processes that have ended left; the old and the unknown of it is cleared away. */
function leftBehind(folder: string, { pid, isAlive, clock }: PartsRuntime): readonly Left[] {
  const found: Left[] = [];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(folder)) {
      const owner = Number(oldPattern.exec(file)?.[1]);
      if (Number.isNaN(owner) || owner === pid || isAlive(owner)) continue;
      const [, key = '', sha1 = ''] = namePattern.exec(file) ?? [];
      const stat = lstatSync(join(folder, file), { throwIfNoEntry: false });
      if (stat?.isFile() !== true) continue;
      if (key === '' || clock.now() - stat.mtimeMs > keptMs) rmSync(join(folder, file), { force: true });
      else found.push({ file, key, sha1, size: stat.size });
    }
  } catch (error) {
    throw fileUnwritable(folder, error);
  }
  return found;
}
