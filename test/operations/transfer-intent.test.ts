import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { intentPath, withIntentStore, type IntentStoreOptions } from '../../src/operations/transfer-intent.ts';
import { realClock } from '../helpers/local.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-transfers-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

let names = 0;
const options = (extra: Partial<IntentStoreOptions> = {}): IntentStoreOptions => ({
  stateDir: dir,
  identity: { mchid: '1900000001', origin: 'http://127.0.0.1:1' },
  out_bill_no: 'T1',
  lock: { clock: realClock, pid: process.pid, platform: process.platform, isAlive: () => true },
  uid: process.getuid?.(),
  waitMs: 50,
  randomName: () => `n${(names += 1)}`,
  ...extra,
});
const record = { out_bill_no: 'T1', at: 5, body: '{"x":1}', serial: 'S' };

describe('the record of a transfer', () => {
  test('is there for the next run, private, with its outcome', async () => {
    await withIntentStore(options(), async (store) => {
      expect(store.find()).toBeUndefined();
      store.recordIntent(record);
    });
    const path = intentPath(options());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await withIntentStore(options(), async (store) => {
      expect(store.find()).toEqual(record);
      store.recordOutcome({ result: 'unknown', code: 'OUTCOME_UNKNOWN' });
    });
    await withIntentStore(options(), async (store) => {
      expect(store.find()).toEqual({ ...record, outcome: { result: 'unknown', code: 'OUTCOME_UNKNOWN' } });
    });
    expect(readdirSync(join(path, '..'))).toHaveLength(1);
  });

  test('is of one merchant at one place, and of one number, whatever the disk makes of case', () => {
    const paths = [
      options(),
      options({ out_bill_no: 't1' }),
      options({ identity: { mchid: '1900000002', origin: 'http://127.0.0.1:1' } }),
      options({ identity: { mchid: '1900000001', origin: 'http://127.0.0.1:2' } }),
    ].map((each) => intentPath(each).toLowerCase());
    expect(new Set(paths).size).toBe(4);
  });

  test.each<[string, (text: string) => string, string]>([
    ['cut', (text) => text.slice(0, -20), 'JOURNAL_BROKEN'],
    ['empty', () => '', 'JOURNAL_BROKEN'],
    ['with another body', (text) => text.replace(String.raw`{\"x\":1}`, String.raw`{\"x\":2}`), 'JOURNAL_BROKEN'],
    ['of another number', (text) => text.replace('"T1"', '"T2"'), 'JOURNAL_BROKEN'],
    ['of another version', (text) => text.replace('"version":1', '"version":2'), 'JOURNAL_BROKEN'],
    ['of another merchant', (text) => text.replace('1900000001', '1900000002'), 'JOURNAL_FOREIGN'],
  ])('that is %s is refused, and nothing is done', async (_, damage, code) => {
    await withIntentStore(options(), async (store) => store.recordIntent(record));
    const path = intentPath(options());
    const text = readFileSync(path, 'utf8');
    expect(damage(text)).not.toBe(text);
    writeFileSync(path, damage(text));
    let called = false;
    const work = async (): Promise<void> => {
      called = true;
    };
    await expect(withIntentStore(options(), work)).rejects.toMatchObject({ code, outcome: 'not_sent' });
    expect(called).toBe(false);
  });

  test('is held by one at a time', async () => {
    await withIntentStore(options(), async () => {
      await expect(withIntentStore(options(), async () => undefined)).rejects.toMatchObject({ code: 'JOURNAL_BUSY' });
    });
  });
});
