/** Journals in a folder of their own, and disks that fail when they are told to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withJournal } from '../../../src/operations/refund-batch/journal.ts';
import type {
  Intent,
  Journal,
  JournalFile,
  JournalIdentity,
  JournalOptions,
} from '../../../src/operations/refund-batch/journal.ts';
import { realClock } from '../../helpers/local.ts';

export const identity: JournalIdentity = { mchid: '1900000001', origin: 'http://127.0.0.1:1' };

export interface Folder {
  readonly dir: string;
  readonly path: string;
  /** Opens the folder's journal. */
  open<T>(work: (journal: Journal) => Promise<T>, options?: Partial<JournalOptions>): Promise<T>;
  remove(): void;
}

let names = 0;

export function makeFolder(): Folder {
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-journal-'));
  const path = join(dir, 'refunds.journal');
  return {
    dir,
    path,
    open: (work, options = {}) =>
      withJournal(
        {
          path,
          identity,
          clock: realClock,
          lock: { pid: process.pid, platform: process.platform, isAlive: () => true },
          randomName: () => `name${(names += 1)}`,
          ...options,
        },
        work,
      ),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function intent(number: number | string, change: Partial<Intent> = {}): Intent {
  const out_refund_no = typeof number === 'number' ? `R-${number}` : number;
  return {
    out_refund_no,
    transaction_id: `T-${number}`,
    out_trade_no: `O-${number}`,
    refund: 100,
    total: 1000,
    currency: 'CNY',
    body: JSON.stringify({ out_refund_no, reason: '退款\n"x"', amount: { refund: 100, total: 1000, currency: 'CNY' } }),
    ...change,
  };
}

export type Trouble = 'ENOSPC' | 'EIO' | 'short' | 'dead-before' | 'dead-after' | 'dead-half';

export class Dead extends Error {}

export interface FailingDisk {
  readonly openFile: (path: string, flags: number) => Promise<JournalFile>;
  /** Calls so far. */
  readonly calls: () => number;
}

/**
 * A real file whose `at`-th changing call (write, datasync, truncate, chmod) has the trouble. After a death nothing
 * reaches the disk any more.
 */
export function failingDisk(at: number, trouble: Trouble): FailingDisk {
  let calls = 0;
  let dead = false;
  const failure = (code: string): Error => Object.assign(new Error(`${code}: no, write`), { code });
  return {
    calls: () => calls,
    openFile: async (path, flags) => {
      const file = await open(path, flags);
      const change = async <T>(work: () => Promise<T>, half: () => Promise<T>): Promise<T> => {
        if (dead) throw new Dead();
        calls += 1;
        if (calls !== at) return work();
        switch (trouble) {
          case 'ENOSPC':
          case 'EIO':
            throw failure(trouble);
          case 'short':
            return half();
          case 'dead-before':
            dead = true;
            throw new Dead();
          case 'dead-after':
            await work();
            dead = true;
            throw new Dead();
          case 'dead-half':
            await half();
            dead = true;
            throw new Dead();
        }
      };
      return {
        read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
        stat: () => file.stat(),
        close: () => file.close(),
        write: (buffer, offset, length, position) =>
          change(
            () => file.write(buffer, offset, length, position),
            () => file.write(buffer, offset, Math.ceil(length / 2), position),
          ),
        datasync: () =>
          change(
            () => file.datasync(),
            () => file.datasync(),
          ),
        truncate: (length) =>
          change(
            () => file.truncate(length),
            () => file.truncate(length),
          ),
        chmod: (mode) =>
          change(
            () => file.chmod(mode),
            () => file.chmod(mode),
          ),
      };
    },
  };
}
