/** What a journal takes for its own, line by line, and what it does when the file is no longer what it was. */
import { chmodSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import {
  readJournal,
  sha256,
  type RefundState,
  type JournalFile,
  type JournalReader,
} from '../../../src/operations/refund-batch/journal.ts';
import { identity, intent, makeFolder, type Folder } from './journal-files.ts';

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const lineOf = (json: string): string => {
  const bytes = Buffer.from(json);
  return `${bytes.length} ${crc32(bytes).toString(16).padStart(8, '0')} ${json}\n`;
};
const header = { n: 0, type: 'header', journal: 'wxpay refunds', version: 1, at: 1, ...identity };
const sound = { n: 1, type: 'intent', at: 1, ...intent(1), body_sha256: sha256(intent(1).body) };
const outcome = { n: 2, type: 'outcome', at: 1, out_refund_no: 'R-1', result: 'accepted', status: 'SUCCESS' };
const write = (...records: readonly object[]): void =>
  writeFileSync(folder.path, records.map((record) => lineOf(JSON.stringify(record))).join(''));

async function failureOf(work: Promise<unknown>): Promise<WxpayError> {
  const failure = await work.then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(WxpayError);
  return failure as WxpayError;
}

async function numbersOf(journal: JournalReader, ...states: readonly RefundState[]): Promise<string[]> {
  const found: string[] = [];
  for await (const record of journal.records(...states)) found.push(record.intent.out_refund_no);
  return found;
}

/** A promise, and what resolves it. */
function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A real file some of whose calls are other ones. */
function fileWith(change: (file: JournalFile) => Partial<JournalFile>) {
  return async (path: string, flags: number): Promise<JournalFile> => {
    const file = await open(path, flags);
    const real: JournalFile = {
      read: (...args) => file.read(...args),
      write: (...args) => file.write(...args),
      datasync: () => file.datasync(),
      truncate: (length) => file.truncate(length),
      stat: () => file.stat(),
      chmod: (mode) => file.chmod(mode),
      close: () => file.close(),
    };
    return { ...real, ...change(real) };
  };
}

describe('a line that is whole and right is taken only for what it is', () => {
  const refusedAt = async (line: number, reason: string): Promise<void> => {
    const before = readFileSync(folder.path);
    for (const opened of [() => folder.open(async () => {}), () => readJournal(folder.path, async () => {})])
      expect(await failureOf(opened())).toMatchObject({
        code: 'JOURNAL_BROKEN',
        outcome: 'not_sent',
        params: { file: folder.path, line, reason: `key:reason.journal_${reason}` },
      });
    expect(readFileSync(folder.path).equals(before)).toBe(true);
  };

  test('as it is, the one that the others are made of is sound', async () => {
    write(header, sound, outcome);
    expect(await folder.open((journal) => journal.find('R-1'))).toMatchObject({ state: 'final', intent: intent(1) });
  });

  test.each<[string, object]>([
    ['another kind', { type: 'intent' }],
    ['another program', { journal: 'other refunds' }],
    ['another version', { version: 2 }],
    ['a version as text', { version: '1' }],
    ['no merchant', { mchid: undefined }],
    ['a merchant as a number', { mchid: 1_900_000_001 }],
    ['no base URL', { origin: undefined }],
    ['a base URL as a list', { origin: ['http://127.0.0.1:1'] }],
    ['a source that is null', { source: null }],
    ['a source that is text', { source: 'a.csv' }],
    ['a source without a name', { source: { sha256: 'aa' } }],
    ['a source without its digest', { source: { name: 'a.csv' } }],
  ])('a header with %s', async (_, change) => {
    write({ ...header, ...change }, sound);
    await refusedAt(1, 'header');
  });

  test('a header that is not the first line, and a first line that is none', async () => {
    write(header, { ...header, n: 1 });
    await refusedAt(2, 'record');
    write({ ...sound, n: 0 });
    await refusedAt(1, 'header');
  });

  test.each<[string, object]>([
    ['no number', { out_refund_no: undefined }],
    ['a number that is none of ours', { out_refund_no: 1 }],
    ['an amount as text', { refund: '100' }],
    ['a broken amount', { refund: 100.5 }],
    ['an amount beyond all money', { refund: 2 ** 53 }],
    ['a total as text', { total: '1000' }],
    ['a broken total', { total: 0.1 }],
    ['a currency as a number', { currency: 156 }],
    ['a body that is no text', { body: {} }],
    ['no digest of its body', { body_sha256: undefined }],
    ['another kind', { type: 'Intent' }],
  ])('an intent with %s', async (_, change) => {
    write(header, { ...sound, ...change });
    await refusedAt(2, 'record');
  });

  test.each<[string, object]>([
    ['no number', { out_refund_no: undefined }],
    ['a number that is none of ours', { out_refund_no: 1 }],
    ['a number that nothing was recorded for', { out_refund_no: 'R-2' }],
    ['a result that there is not', { result: 'done' }],
    ['no result', { result: undefined }],
    ['another kind', { type: 'note' }],
  ])('an outcome with %s', async (_, change) => {
    write(header, sound, { ...outcome, ...change });
    await refusedAt(3, 'record');
  });

  test.each([
    ['a number that was there', { ...outcome, n: 1 }],
    ['a number too far', { ...outcome, n: 3 }],
    ['no number', { ...outcome, n: undefined }],
    ['its number as text', { ...outcome, n: '2' }],
  ])('a record with %s', async (_, record) => {
    write(header, sound, record);
    await refusedAt(3, 'number');
  });

  test.each([
    ['null', 'record'],
    ['1', 'record'],
    ['"text"', 'record'],
    ['{"n":2', 'record'],
  ])('%s', async (json, reason) => {
    write(header, sound);
    writeFileSync(folder.path, lineOf(json), { flag: 'a' });
    await refusedAt(3, reason);
  });

  test.each([
    ['prefix', (line: string) => `0${line}`],
    ['prefix', (line: string) => line.replace(' ', '  ')],
    ['prefix', (line: string) => line.replace(/ ([0-9a-f]{8}) /, (_, sum: string) => ` ${sum.toUpperCase()}X `)],
    ['prefix', () => '\n'],
    ['length', (line: string) => line.replace(/^\d+/, (digits) => String(Number(digits) + 1))],
    ['length', (line: string) => line.replace(/^\d+/, (digits) => String(Number(digits) - 1))],
    ['checksum', (line: string) => line.replace('accepted', 'refused_')],
  ])('a damaged line: %s (%#)', async (reason, damage) => {
    write(header, sound);
    writeFileSync(folder.path, damage(lineOf(JSON.stringify(outcome))), { flag: 'a' });
    await refusedAt(3, reason);
  });

  test('a line of more than 8 MiB is none of ours, however it begins; one of a little less is', async () => {
    write(header);
    const before = readFileSync(folder.path);
    writeFileSync(folder.path, Buffer.concat([before, Buffer.from('9999999 '), Buffer.alloc(9 * 1024 * 1024, 'x')]));
    await refusedAt(2, 'length');
    writeFileSync(folder.path, before);
    await folder.open((journal) => journal.recordIntent(intent(1, { body: 'x'.repeat(8_000_000) })));
    const found = await folder.open((journal) => journal.find('R-1'));
    expect(found?.intent.body).toHaveLength(8_000_000);
  });

  test('what is left of a line after a crash is cut at its whole length, and no byte beyond', async () => {
    write(header, sound);
    const whole = lineOf(JSON.stringify(outcome)).slice(0, -1);
    const before = readFileSync(folder.path);
    for (const rest of ['1', '12', '1234567', '5 ', '5 0', whole.slice(0, 40), whole]) {
      writeFileSync(folder.path, Buffer.concat([before, Buffer.from(rest)]));
      expect(await readJournal(folder.path, async ({ torn, size }) => [torn, size])).toEqual([rest.length, 1]);
    }
    for (const rest of ['0', '12345678', '-1 ', `${whole}x`]) {
      writeFileSync(folder.path, Buffer.concat([before, Buffer.from(rest)]));
      await refusedAt(3, 'checksum');
    }
  });
});

describe('a file that changes beneath an open journal', () => {
  const found = (damage: () => void): Promise<unknown> =>
    readJournal(folder.path, async (journal) => {
      damage();
      return journal.find('R-1');
    });
  beforeEach(() => write(header, sound, outcome));

  test('to nothing, or to less', async () => {
    expect(await failureOf(found(() => truncateSync(folder.path, 20)))).toMatchObject({
      code: 'JOURNAL_BROKEN',
      params: { file: folder.path, reason: 'key:reason.journal_length' },
    });
  });

  test.each([
    ['checksum', (bytes: Buffer) => bytes.fill('9', bytes.indexOf('R-1'), bytes.indexOf('R-1') + 3)],
    ['prefix', (bytes: Buffer) => bytes.fill('x', bytes.indexOf('\n') + 1, bytes.indexOf('\n') + 2)],
  ])('in one place: %s', async (reason, damage) => {
    const bytes = readFileSync(folder.path);
    damage(bytes);
    const failure = await failureOf(found(() => writeFileSync(folder.path, bytes)));
    expect(failure).toMatchObject({ code: 'JOURNAL_BROKEN', params: { reason: `key:reason.journal_${reason}` } });
  });

  test('to other lines of the same lengths, of which none is an intent', async () => {
    const length = JSON.stringify(sound).length;
    const pad = JSON.stringify({ ...outcome, n: 1, pad: '' }).length;
    const other = { ...outcome, n: 1, pad: 'x'.repeat(Buffer.byteLength(JSON.stringify(sound)) - pad) };
    expect(length).toBeGreaterThan(pad);
    const failure = await failureOf(found(() => write(header, other, outcome)));
    expect(failure).toMatchObject({ code: 'JOURNAL_BROKEN', params: { reason: 'key:reason.journal_record' } });
  });

  test('to other lines of the same lengths, of which none is an outcome', async () => {
    const pad = JSON.stringify({ n: 2, type: 'x', pad: '' }).length;
    const other = { n: 2, type: 'x', pad: 'x'.repeat(JSON.stringify(outcome).length - pad) };
    const failure = await failureOf(found(() => write(header, sound, other)));
    expect(failure).toMatchObject({ code: 'JOURNAL_BROKEN', params: { reason: 'key:reason.journal_record' } });
  });
});

describe('a thousand numbers', () => {
  test('are all found, in their order and states, by whoever wrote them and by whoever reads', async () => {
    const numbers = Array.from({ length: 1_000 }, (_, at) => `R-${at}`);
    const check = async (journal: JournalReader): Promise<void> => {
      expect(journal.size).toBe(1_000);
      expect(await numbersOf(journal)).toEqual(numbers);
      for (const [at, number] of numbers.entries())
        expect(journal.stateOf(number)).toBe(at % 4 === 0 ? 'final' : 'open');
      expect([journal.count('open'), journal.count('final'), journal.count('pending')]).toEqual([750, 250, 0]);
      expect(await numbersOf(journal, 'final')).toEqual(numbers.filter((_, at) => at % 4 === 0));
      expect(await numbersOf(journal, 'pending', 'refused')).toEqual([]);
      expect(await numbersOf(journal, 'pending', 'open')).toHaveLength(750);
      expect(journal.stateOf('R-1000')).toBeUndefined();
    };
    await folder.open(async (journal) => {
      await Promise.all(numbers.map((_, at) => journal.recordIntent(intent(at))));
      for (const at of numbers.keys())
        if (at % 4 === 0)
          await journal.recordOutcome({ out_refund_no: `R-${at}`, result: 'accepted', status: 'SUCCESS' });
      await check(journal);
    });
    await folder.open(check);
  });

  test('two orders whose numbers share a checksum are two orders', async () => {
    const seen = new Map<number, string>();
    let pair: readonly [string, string] | undefined;
    for (let at = 0; pair === undefined; at += 1) {
      // Texts that differ in their last four bytes only never share one.
      const number = sha256(String(at)).slice(0, 20);
      const other = seen.get(crc32(number));
      if (other !== undefined) pair = [other, number];
      seen.set(crc32(number), number);
    }
    await folder.open(async (journal) => {
      for (const [at, order] of pair.entries())
        await journal.recordIntent({ ...intent(at), transaction_id: `T-${at}`, out_trade_no: order });
      for (const [at, order] of pair.entries()) {
        const found: string[] = [];
        for await (const record of journal.recordsOf({ out_trade_no: order })) found.push(record.intent.out_refund_no);
        expect(found).toEqual([`R-${at}`]);
      }
    });
  });

  test('an order without one of its numbers is found by the other', async () => {
    await folder.open(async (journal) => {
      for (const [number, change] of [
        ['A', { transaction_id: undefined, out_trade_no: 'O' }],
        ['B', { transaction_id: 'T', out_trade_no: undefined }],
      ] as const) {
        const { transaction_id: _, out_trade_no: __, ...rest } = intent(number);
        const named = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
        await journal.recordIntent({ ...rest, ...named });
      }
      const by = async (order: object): Promise<string[]> => {
        const found: string[] = [];
        for await (const record of journal.recordsOf(order)) found.push(record.intent.out_refund_no);
        return found;
      };
      expect([await by({ out_trade_no: 'O' }), await by({ transaction_id: 'T' })]).toEqual([['A'], ['B']]);
      expect(await by({ out_trade_no: 'T', transaction_id: 'O' })).toEqual([]);
    });
  });
});

describe('writing', () => {
  test('what is not yet on the disk is not known, and the end of the work waits for it', async () => {
    const asked = signal();
    const synced = signal();
    const ended = signal();
    let closed = false;
    const opened = folder.open(
      async (journal) => {
        const appended = journal.recordIntent(intent(1));
        appended.catch(() => {});
        await asked.promise;
        expect([journal.size, journal.stateOf('R-1')]).toEqual([0, undefined]);
        ended.resolve();
      },
      {
        openFile: fileWith((file) => ({
          datasync: async () => {
            asked.resolve();
            await synced.promise;
            await file.datasync();
          },
          close: async () => {
            closed = true;
            await file.close();
          },
        })),
      },
    );
    await ended.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed).toBe(false);
    synced.resolve();
    await opened;
    expect(closed).toBe(true);
    expect(await readJournal(folder.path, (journal) => journal.find('R-1'))).toMatchObject({ state: 'open' });
  });

  test.each([true, false])(
    'half a line that the full disk took is cut off again (where that works: %s), and nothing follows it',
    async (works) => {
      await folder.open((journal) => journal.recordIntent(intent(1)));
      const before = readFileSync(folder.path);
      let writes = 0;
      const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      await folder.open(
        async (journal) => {
          const failures = [
            await failureOf(journal.recordIntent(intent(2))),
            await failureOf(journal.recordIntent(intent(3))),
            await failureOf(journal.recordOutcome({ out_refund_no: 'R-1', result: 'unknown' })),
          ];
          for (const failure of failures)
            expect(failure).toMatchObject({
              code: 'FILE_UNWRITABLE',
              params: { file: folder.path, reason: 'ENOSPC: no space left on device' },
            });
          expect(failures[0]?.outcome).toBe('not_sent');
          expect([journal.size, journal.stateOf('R-1')]).toEqual([1, 'open']);
        },
        {
          openFile: fileWith((file) => ({
            write: async (buffer, offset, length, position) => {
              writes += 1;
              if (writes > 1) throw full;
              return file.write(buffer, offset, Math.floor(length / 2), position);
            },
            truncate: (length) => (works ? file.truncate(length) : Promise.reject(new Error('EIO'))),
          })),
        },
      );
      expect(writes).toBe(2);
      if (works) expect(readFileSync(folder.path)).toEqual(before);
      expect(await folder.open(numbersOf)).toEqual(['R-1']);
      expect(readFileSync(folder.path)).toEqual(before);
    },
  );

  test('a disk that takes nothing and says so is full', async () => {
    await folder.open(
      async (journal) => {
        expect(await failureOf(journal.recordIntent(intent(1)))).toMatchObject({
          code: 'FILE_UNWRITABLE',
          outcome: 'not_sent',
        });
      },
      { openFile: fileWith(() => ({ write: async () => ({ bytesWritten: 0 }) })) },
    );
  });

  test('what a crash tore off is cut, and that is on the disk before anything follows', async () => {
    write(header, sound);
    const before = readFileSync(folder.path);
    writeFileSync(folder.path, '99 abc', { flag: 'a' });
    const calls: string[] = [];
    await folder.open(async (journal) => expect(journal.torn).toBe(6), {
      openFile: fileWith((file) => ({
        truncate: async (length) => {
          calls.push(`truncate ${length}`);
          await file.truncate(length);
        },
        datasync: async () => {
          calls.push('sync');
          await file.datasync();
        },
      })),
    });
    expect(calls).toEqual([`truncate ${before.length}`, 'sync']);
    expect(readFileSync(folder.path)).toEqual(before);
  });

  test('a journal that is whole is not touched when it is opened', async () => {
    write(header, sound);
    chmodSync(folder.path, 0o600);
    const never = (): never => expect.fail('it was changed');
    await folder.open(numbersOf, {
      openFile: fileWith(() => ({ truncate: never, datasync: never, write: never, chmod: never })),
    });
  });

  test('Windows has no such modes', async () => {
    write(header, sound);
    chmodSync(folder.path, 0o644);
    await folder.open(numbersOf, { lock: { pid: process.pid, platform: 'win32', isAlive: () => true } });
    expect(statSync(folder.path).mode & 0o777).toBe(0o644);
  });
});

describe('what is no file', () => {
  test('a folder in its place is refused, and may be read by nobody', async () => {
    mkdirSync(folder.path);
    expect(await failureOf(folder.open(async () => {}))).toMatchObject({
      code: 'FILE_UNWRITABLE',
      params: { file: folder.path },
    });
    expect(await failureOf(readJournal(folder.path, async () => {}))).toMatchObject({
      code: 'INPUT_UNREADABLE',
      params: { file: folder.path },
    });
  });

  test('a file that becomes something else between the look and the opening is refused', async () => {
    write(header);
    let closed = 0;
    const failure = await failureOf(
      folder.open(async () => {}, {
        openFile: fileWith((file) => ({
          stat: async () => ({ size: 0, mode: 0o600, isFile: () => false }),
          close: async () => {
            closed += 1;
            await file.close();
          },
        })),
      }),
    );
    expect(failure).toMatchObject({ code: 'FILE_UNWRITABLE', params: { file: folder.path } });
    expect(closed).toBe(1);
  });

  test('a disk that cannot be read is INPUT_UNREADABLE, and the file is closed', async () => {
    write(header);
    let closed = 0;
    const broken = fileWith((file) => ({
      read: () => Promise.reject(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })),
      close: async () => {
        closed += 1;
        await file.close();
      },
    }));
    expect(await failureOf(readJournal(folder.path, async () => {}, broken))).toMatchObject({
      code: 'INPUT_UNREADABLE',
      params: { file: folder.path, reason: 'EIO: i/o error' },
    });
    expect(closed).toBe(1);
  });

  test('one that may not be read is INPUT_UNREADABLE', async () => {
    const denied = (): Promise<JournalFile> =>
      Promise.reject(Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' }));
    expect(await failureOf(readJournal(folder.path, async () => {}, denied))).toMatchObject({
      code: 'INPUT_UNREADABLE',
      params: { file: folder.path, reason: 'EACCES: permission denied' },
    });
  });
});
