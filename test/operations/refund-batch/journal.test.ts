import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isWxpayError, WxpayError } from '../../../src/core/errors.ts';
import { readJournal, sha256 } from '../../../src/operations/refund-batch/journal.ts';
import type { Journal, RefundRecord } from '../../../src/operations/refund-batch/journal.ts';
import { realClock } from '../../helpers/local.ts';
import { Dead, failingDisk, identity, intent, makeFolder, type Folder, type Trouble } from './journal-files.ts';
import { expectFast, timeOf } from '../../helpers/timing.ts';

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

async function all(journal: { records: Journal['records'] }): Promise<RefundRecord[]> {
  const found: RefundRecord[] = [];
  for await (const record of journal.records()) found.push(record);
  return found;
}

const read = (): Promise<RefundRecord[]> => folder.open(all);

async function failureOf(work: Promise<unknown>): Promise<WxpayError> {
  const failure = await work.then(
    (value) => value,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(WxpayError);
  return failure as WxpayError;
}

describe('G2: the journal', () => {
  test('keeps the latest of every number, in the order of first intents', async () => {
    await folder.open(async (journal) => {
      await journal.recordIntent(intent(1));
      await journal.recordIntent(intent(2));
      await journal.recordOutcome({ out_refund_no: 'R-1', result: 'unknown', code: 'NETWORK_CUT' });
      await journal.recordOutcome({ out_refund_no: 'R-1', result: 'adopted', status: 'PROCESSING', refund_id: '503' });
      await journal.recordOutcome({ out_refund_no: 'R-2', result: 'refused', wechat_code: 'NOT_ENOUGH' });
      await journal.recordIntent(intent(2));
      await journal.recordIntent(intent(3));
      await journal.recordOutcome({ out_refund_no: 'R-3', result: 'accepted', status: 'SUCCESS', refund_id: '504' });
    });
    const records = await read();
    expect(records).toMatchObject([
      {
        intent: { ...intent(1), body_sha256: sha256(intent(1).body) },
        outcome: { refund_id: '503' },
        state: 'pending',
      },
      { intent: intent(2), state: 'open' },
      { intent: intent(3), outcome: { status: 'SUCCESS' }, state: 'final' },
    ]);
    expect(records[1]).not.toHaveProperty('outcome');
    await folder.open(async (journal) => {
      expect(journal.size).toBe(3);
      expect([
        journal.count('open'),
        journal.count('pending'),
        journal.count('final'),
        journal.count('refused'),
      ]).toEqual([1, 1, 1, 0]);
      expect(journal.stateOf('R-1')).toBe('pending');
      expect(journal.stateOf('R-9')).toBeUndefined();
      expect(await journal.find('R-9')).toBeUndefined();
      expect(await journal.find('R-3')).toMatchObject({ outcome: { refund_id: '504' } });
    });
  });

  test.each([
    [{ result: 'accepted', status: 'PROCESSING' }, 'pending'],
    [{ result: 'accepted', status: 'SUCCESS' }, 'final'],
    [{ result: 'adopted', status: 'CLOSED' }, 'final'],
    [{ result: 'adopted', status: 'ABNORMAL' }, 'pending'],
    [{ result: 'refused' }, 'refused'],
    [{ result: 'not_sent' }, 'not_sent'],
    [{ result: 'unknown' }, 'open'],
  ] as const)('takes %j for %s', async (outcome, state) => {
    await folder.open(async (journal) => {
      await journal.recordIntent(intent(1));
      expect(journal.stateOf('R-1')).toBe('open');
      await journal.recordOutcome({ out_refund_no: 'R-1', ...outcome });
      expect(journal.stateOf('R-1')).toBe(state);
    });
    await folder.open(async (journal) => expect(journal.stateOf('R-1')).toBe(state));
  });

  test('finds what concerns an order by either number, and nothing else', async () => {
    await folder.open(async (journal) => {
      await journal.recordIntent(intent('A', { transaction_id: '42', out_trade_no: 'ORDER' }));
      await journal.recordIntent(intent('B', { transaction_id: '42', out_trade_no: 'ORDER' }));
      await journal.recordIntent(intent('C', { transaction_id: 'ORDER', out_trade_no: '42' }));
      const numbers = async (order: object): Promise<string[]> => {
        const found: string[] = [];
        for await (const record of journal.recordsOf(order)) found.push(record.intent.out_refund_no);
        return found;
      };
      expect(await numbers({ transaction_id: '42' })).toEqual(['A', 'B']);
      expect(await numbers({ out_trade_no: 'ORDER' })).toEqual(['A', 'B']);
      expect(await numbers({ out_trade_no: '42', transaction_id: 'ORDER' })).toEqual(['C']);
      expect(await numbers({ out_trade_no: 'X' })).toEqual([]);
      expect(await numbers({})).toEqual([]);
    });
  });

  test('numbers its records, since a clock may go backwards', async () => {
    let now = 1_000_000;
    const clock = { ...realClock, now: () => (now -= 60_000) };
    for (const number of [1, 2])
      await folder.open(
        async (journal) => {
          await journal.recordIntent(intent(number));
          await journal.recordOutcome({ out_refund_no: `R-${number}`, result: 'accepted', status: 'SUCCESS' });
        },
        { clock },
      );
    const lines = readFileSync(folder.path, 'utf8').trimEnd().split('\n');
    const records = lines.map((line) => JSON.parse(line.slice(line.indexOf('{'))) as { n: number; at: number });
    expect(records.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4]);
    expect(records[4]?.at).toBeLessThan(records[0]?.at ?? 0);
    expect((await read()).map(({ state }) => state)).toEqual(['final', 'final']);
  });

  test('is mode 0600, also where it was wider', async () => {
    await folder.open(async () => {});
    expect(statSync(folder.path).mode & 0o777).toBe(0o600);
    chmodSync(folder.path, 0o644);
    await folder.open(async () => {});
    expect(statSync(folder.path).mode & 0o777).toBe(0o600);
  });

  test('refuses an outcome without an intent', async () => {
    await folder.open(async (journal) => {
      expect(await failureOf(journal.recordOutcome({ out_refund_no: 'R-1', result: 'accepted' }))).toMatchObject({
        code: 'INTERNAL',
      });
    });
  });

  test('takes bodies longer than it reads at once, in any place', async () => {
    const lengths = [10, 262_000, 262_144, 600_000, 10, 1_500_000, 10];
    await folder.open(async (journal) => {
      for (const [number, length] of lengths.entries())
        await journal.recordIntent(intent(number, { body: 'x'.repeat(length) }));
    });
    const records = await read();
    expect(records.map(({ intent }) => intent.body.length)).toEqual(lengths);
  });

  test('is read without its lock while another writes it, and is not changed by that', async () => {
    expect(await readJournal(folder.path, async () => 1)).toBeUndefined();
    await folder.open(async (journal) => {
      await journal.recordIntent(intent(1));
      writeFileSync(folder.path, '99 abc', { flag: 'a' });
      const before = readFileSync(folder.path);
      expect(await readJournal(folder.path, async (reader) => [reader.size, reader.torn])).toEqual([1, 6]);
      expect(readFileSync(folder.path)).toEqual(before);
    });
  });
});

describe('group commit', () => {
  test('appends that come together share one write and one sync, and none is early', async () => {
    const syncs: number[] = [];
    await folder.open(
      async (journal) => {
        await Promise.all(Array.from({ length: 100 }, (_, number) => journal.recordIntent(intent(number))));
        expect(syncs.length).toBeLessThanOrEqual(2);
        // Everything that was acknowledged is on the disk.
        expect(readFileSync(folder.path, 'utf8').trimEnd().split('\n')).toHaveLength(101);
      },
      {
        openFile: async (path, flags) => {
          const file = await open(path, flags);
          return Object.assign(Object.create(file) as typeof file, {
            read: file.read.bind(file),
            write: file.write.bind(file),
            stat: file.stat.bind(file),
            truncate: file.truncate.bind(file),
            chmod: file.chmod.bind(file),
            close: file.close.bind(file),
            datasync: async () => {
              syncs.push(1);
              await file.datasync();
            },
          });
        },
      },
    );
    expect(await read()).toHaveLength(100);
  });

  test('an append is not acknowledged before its sync has ended', async () => {
    const order: string[] = [];
    await folder.open(
      async (journal) => {
        await journal.recordIntent(intent(1)).then(() => order.push('acknowledged'));
      },
      {
        openFile: async (path, flags) => {
          const file = await open(path, flags);
          return {
            read: (...args) => file.read(...args),
            stat: () => file.stat(),
            truncate: (length) => file.truncate(length),
            chmod: (mode) => file.chmod(mode),
            close: () => file.close(),
            write: (...args) => {
              order.push('write');
              return file.write(...args);
            },
            datasync: async () => {
              await realClock.sleep(20);
              order.push('synced');
            },
          };
        },
      },
    );
    expect(order).toEqual(['write', 'synced', 'acknowledged']);
  });
});

describe('a journal belongs to', () => {
  const whole = { ...identity, sub_mchid: '2', source: { name: 'a.csv', sha256: 'aa' }, batch_id: 'b' };

  test.each([
    [{ mchid: '1900000002' }, 'mchid'],
    [{ sub_mchid: '3' }, 'sub_mchid'],
    [{ origin: 'https://api.mch.weixin.qq.com' }, 'base_url'],
    [{ source: { name: 'a.csv', sha256: 'bb' } }, 'source'],
    [{ batch_id: 'c' }, 'batch_id'],
  ])('its own: %j is refused', async (change, field) => {
    await folder.open(async () => {}, { identity: whole });
    const before = readFileSync(folder.path);
    const failure = await failureOf(folder.open(async () => {}, { identity: { ...whole, ...change } }));
    expect(failure).toMatchObject({
      code: 'JOURNAL_FOREIGN',
      category: 'config',
      params: { field, file: folder.path },
    });
    expect(readFileSync(folder.path)).toEqual(before);
    await folder.open(async (journal) => expect(journal.header).toEqual(whole), { identity: whole });
  });

  test('its source by content, not by name', async () => {
    await folder.open(async () => {}, { identity: whole });
    await folder.open(async () => {}, { identity: { ...whole, source: { name: 'copy.csv', sha256: 'aa' } } });
  });
});

describe('F1: what is no journal is left alone', () => {
  test.each(['hello', 'hello\n', '{"a":1}\n', '5 00000000 hello\n', 'a,b\n1,2\n', '\0\0\0\0', '12 '])(
    'a file with %j is refused and not changed',
    async (text) => {
      writeFileSync(folder.path, text);
      const failure = await failureOf(folder.open(async () => {}));
      expect(failure).toMatchObject({ code: 'JOURNAL_BROKEN', params: { line: 1, file: folder.path } });
      expect(readFileSync(folder.path, 'utf8')).toBe(text);
    },
  );

  test('an empty file becomes a journal', async () => {
    writeFileSync(folder.path, '');
    expect(await read()).toEqual([]);
  });

  test('a symbolic link is refused', async () => {
    writeFileSync(join(folder.dir, 'other'), '');
    symlinkSync(join(folder.dir, 'other'), folder.path);
    expect(await failureOf(folder.open(async () => {}))).toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(readFileSync(join(folder.dir, 'other'), 'utf8')).toBe('');
  });

  test('a missing folder is FILE_UNWRITABLE', async () => {
    const failure = await failureOf(folder.open(async () => {}, { path: join(folder.dir, 'no', 'x.journal') }));
    expect(failure).toMatchObject({ code: 'FILE_UNWRITABLE', category: 'config' });
  });
});

describe('damage', () => {
  const write = async (numbers = [1, 2, 3]): Promise<Buffer> => {
    await folder.open(async (journal) => {
      for (const number of numbers) {
        await journal.recordIntent(intent(number, { body: '{"退":1}' }));
        await journal.recordOutcome({
          out_refund_no: `R-${number}`,
          result: 'accepted',
          status: 'SUCCESS',
          refund_id: '5',
        });
      }
    });
    return readFileSync(folder.path);
  };
  /** How many whole lines a prefix of the file holds. */
  const linesIn = (bytes: Buffer): number => bytes.toString('latin1').split('\n').length - 1;

  test('G2: truncated at every length, what was whole before is there and the torn rest is cut', async () => {
    const bytes = await write([1, 2]);
    const header = bytes.indexOf('\n') + 1;
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = bytes.subarray(0, length);
      writeFileSync(folder.path, cut);
      if (length > 0 && length < header) {
        expect(await failureOf(read())).toMatchObject({ code: 'JOURNAL_BROKEN' });
        continue;
      }
      const whole = length === 0 ? 0 : linesIn(cut) - 1;
      const records = await folder.open(async (journal) => {
        const found = await all(journal);
        await journal.recordIntent(intent('after'));
        return found;
      });
      expect(records).toHaveLength(Math.ceil(whole / 2));
      expect(records.filter(({ outcome }) => outcome !== undefined)).toHaveLength(Math.floor(whole / 2));
      expect((await read()).at(-1)?.intent.out_refund_no).toBe('after');
    }
  });

  test('G2: no flipped byte goes unnoticed, and none makes the file change', async () => {
    const bytes = await write();
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(folder.path, damaged);
      // Reading and opening share the scan; opening, which takes the lock, is dearer.
      const failure = await failureOf(at % 40 === 0 ? read() : readJournal(folder.path, all));
      expect(failure.code).toBe('JOURNAL_BROKEN');
      expect(failure.params['line']).toBe(linesIn(bytes.subarray(0, at)) + 1);
      if (at % 40 === 0) expect(readFileSync(folder.path)).toEqual(damaged);
    }
    // The last byte in all its forms: it decides what is a torn end.
    for (let bit = 0; bit < 8; bit += 1) {
      const damaged = Buffer.from(bytes);
      damaged[bytes.length - 1] = 0x0a ^ (1 << bit);
      writeFileSync(folder.path, damaged);
      expect(await failureOf(read())).toMatchObject({ code: 'JOURNAL_BROKEN', params: { line: 7 } });
    }
  });

  test('G2: a line that is missing, doubled or out of order is noticed', async () => {
    const lines = (await write()).toString('utf8').trimEnd().split('\n');
    const variants = [
      lines.toSpliced(2, 1),
      lines.toSpliced(2, 0, lines[1] ?? ''),
      lines.with(1, lines[2] ?? '').with(2, lines[1] ?? ''),
      lines.slice(1),
      [...lines, lines[0] ?? ''],
      lines.toSpliced(3, 0, ''),
    ];
    for (const variant of variants) {
      writeFileSync(folder.path, `${variant.join('\n')}\n`);
      expect(await failureOf(read())).toMatchObject({ code: 'JOURNAL_BROKEN' });
    }
  });

  test('a power cut that leaves zeros at the end is a torn end', async () => {
    const bytes = await write();
    for (const tail of [
      Buffer.alloc(1),
      Buffer.alloc(5000),
      Buffer.concat([Buffer.from('300 ab'), Buffer.alloc(600)]),
    ]) {
      writeFileSync(folder.path, Buffer.concat([bytes, tail]));
      expect(await read()).toHaveLength(3);
      expect(readFileSync(folder.path)).toEqual(bytes);
    }
  });

  test('garbage at the end that is no beginning of a line is not cut', async () => {
    const bytes = await write();
    for (const tail of ['x', ' 1', '12 zz\n', '5 00000000 {"n":7} and more']) {
      writeFileSync(folder.path, Buffer.concat([bytes, Buffer.from(tail)]));
      expect(await failureOf(read())).toMatchObject({ code: 'JOURNAL_BROKEN', params: { line: 8 } });
    }
  });

  test('a record of a kind that this version does not know is refused, not skipped', async () => {
    await write();
    const { crc32 } = await import('node:zlib');
    for (const record of [
      { n: 7, type: 'other' },
      { n: 7, type: 'outcome', out_refund_no: 'R-1', result: 'maybe' },
      { n: 7, type: 'outcome', out_refund_no: 'R-9', result: 'accepted' },
      { n: 7, type: 'intent', out_refund_no: 'R-9' },
    ]) {
      const bytes = readFileSync(folder.path);
      const json = JSON.stringify(record);
      writeFileSync(folder.path, `${json.length} ${crc32(json).toString(16).padStart(8, '0')} ${json}\n`, {
        flag: 'a',
      });
      expect(await failureOf(read())).toMatchObject({ code: 'JOURNAL_BROKEN', params: { line: 8 } });
      writeFileSync(folder.path, bytes);
    }
  });
});

describe('G10: a disk that fails', () => {
  /** Writes 6 records one after the other; what was acknowledged. */
  const run = async (
    at: number,
    trouble: Trouble,
  ): Promise<{ acknowledged: string[]; calls: number; failures: unknown[] }> => {
    const disk = failingDisk(at, trouble);
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    await folder
      .open(
        async (journal) => {
          for (const number of [1, 2, 3]) {
            for (const step of [
              async () => journal.recordIntent(intent(number)),
              async () =>
                journal.recordOutcome({ out_refund_no: `R-${number}`, result: 'accepted', status: 'SUCCESS' }),
            ]) {
              try {
                await step();
                acknowledged.push(`${number}`);
              } catch (error) {
                failures.push(error);
              }
            }
          }
        },
        { openFile: disk.openFile },
      )
      .catch((error: unknown) => failures.push(error));
    return { acknowledged, calls: disk.calls(), failures };
  };

  test.each(['ENOSPC', 'EIO'] as const)('at every call: %s fails that append and all after it', async (trouble) => {
    for (let at = 1; ; at += 1) {
      folder.remove();
      folder = makeFolder();
      const { acknowledged, calls, failures } = await run(at, trouble);
      if (calls < at) break;
      expect(failures.length + acknowledged.length).toBeGreaterThanOrEqual(6);
      expect(failures.length).toBeGreaterThan(0);
      for (const failure of failures)
        expect(isWxpayError(failure, 'FILE_UNWRITABLE', 'INTERNAL'), String(failure)).toBe(true);
      // What was acknowledged is there, and the journal goes on.
      const records = await read();
      expect(records.length).toBe(Math.ceil(acknowledged.length / 2));
      await folder.open((journal) => journal.recordIntent(intent('again')));
    }
  });

  test('at every call: a short write is completed', async () => {
    for (let at = 1; ; at += 1) {
      folder.remove();
      folder = makeFolder();
      const { acknowledged, calls } = await run(at, 'short');
      if (calls < at) break;
      expect(acknowledged).toHaveLength(6);
      expect((await read()).map(({ state }) => state)).toEqual(['final', 'final', 'final']);
    }
  });

  test.each(['dead-before', 'dead-half', 'dead-after'] as const)(
    'G3: at every call: %s loses nothing that was acknowledged',
    async (trouble) => {
      for (let at = 1; ; at += 1) {
        folder.remove();
        folder = makeFolder();
        const { acknowledged, calls, failures } = await run(at, trouble);
        if (calls < at) break;
        expect(failures.some((failure) => failure instanceof Dead || isWxpayError(failure))).toBe(true);
        const records = await read();
        const kept = records.flatMap((record) => (record.outcome === undefined ? [1] : [1, 1])).length;
        expect(kept).toBeGreaterThanOrEqual(acknowledged.length);
        // At most the one that was under way may be there besides.
        expect(kept).toBeLessThanOrEqual(acknowledged.length + 1);
      }
    },
  );

  test('a journal whose folder is full cannot be made, and says so', async () => {
    const fs = await import('node:fs');
    const full = {
      ...fs,
      writeSync: () => {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      },
    };
    const failure = await failureOf(folder.open(async () => {}, { fs: full }));
    expect(failure).toMatchObject({ code: 'FILE_UNWRITABLE', params: { reason: 'ENOSPC: no space left on device' } });
    expect(readdirSync(folder.dir)).toEqual([]);
  });

  test('an intent that cannot be made durable has the outcome not_sent', async () => {
    await folder.open(
      async (journal) => {
        expect(await failureOf(journal.recordIntent(intent(1)))).toMatchObject({ outcome: 'not_sent' });
        expect(journal.stateOf('R-1')).toBeUndefined();
      },
      { openFile: failingDisk(1, 'ENOSPC').openFile },
    );
  });
});

describe('G11: two runs over one journal', () => {
  test('the second is refused, naming the first', async () => {
    await folder.open(async () => {
      const failure = await failureOf(folder.open(async () => {}));
      expect(failure).toMatchObject({
        code: 'JOURNAL_BUSY',
        category: 'config',
        outcome: 'not_sent',
        params: { file: folder.path, holder: process.pid },
      });
    });
    await folder.open(async () => {});
  });

  test('or waits as long as it was told to', async () => {
    const order: string[] = [];
    let second: Promise<unknown> | undefined;
    await folder.open(async () => {
      second = folder.open(async () => order.push('second'), { waitMs: 20_000 });
      await realClock.sleep(60);
      order.push('first');
    });
    await second;
    expect(order).toEqual(['first', 'second']);
  });

  test('a dead holder is taken over at once', async () => {
    const dead = Number(execFileSync(process.execPath, ['-p', 'process.pid']).toString());
    const holder = { pid: dead, platform: process.platform, isAlive: () => true };
    const lock = { ...holder, pid: process.pid, isAlive: (pid: number) => pid !== dead };
    await expectFast(500, () =>
      folder.open(() => timeOf(() => folder.open(async () => {}, { lock, waitMs: 10_000 })), { lock: holder }),
    );
  });

  test('a LOCK_TIMEOUT of the work itself is no busy journal', async () => {
    const other = new WxpayError('LOCK_TIMEOUT', { params: { file: 'x', holder: 1 } });
    expect(await failureOf(folder.open(() => Promise.reject(other)))).toMatchObject({ code: 'LOCK_TIMEOUT' });
  });
});

test('any sequence of records is read back as a map would hold it', async () => {
  const step = fc.record({
    number: fc.integer({ min: 0, max: 9 }),
    result: fc.constantFrom(undefined, 'accepted', 'adopted', 'refused', 'not_sent', 'unknown' as const),
    status: fc.constantFrom('PROCESSING', 'SUCCESS', 'CLOSED', 'ABNORMAL'),
    reopen: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      folder.remove();
      folder = makeFolder();
      const model = new Map<string, string | undefined>();
      let pending: (typeof steps)[] = [[]];
      for (const one of steps) {
        pending.at(-1)?.push(one);
        if (one.reopen) pending = [...pending, []];
      }
      for (const group of pending)
        await folder.open(async (journal) => {
          for (const { number, result, status } of group) {
            const no = `R-${number}`;
            if (result === undefined || !model.has(no)) {
              await journal.recordIntent(intent(number));
              model.set(no, undefined);
            } else {
              await journal.recordOutcome({ out_refund_no: no, result, status });
              model.set(no, result);
            }
          }
        });
      const found = await read();
      expect(new Map(found.map(({ intent, outcome }) => [intent.out_refund_no, outcome?.result]))).toEqual(model);
    }),
    { numRuns: 40 },
  );
});
