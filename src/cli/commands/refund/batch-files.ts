/** The files around a batch: what is read, where the journal is, and what other journals hold open. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { inputUnreadable } from '../../../core/durable/system-error.ts';
import { readJournal, type JournalIdentity } from '../../../operations/refund-batch/journal.ts';
import type { Source } from '../../../operations/refund-batch/parse.ts';
import type { BatchIdentity } from '../../../operations/refund-batch/plan.ts';
import type { Shard } from '../../../operations/refund-batch/shard.ts';
import type { Runtime } from '../../command.ts';

export interface BatchFile {
  /** Base name, for people and the journal's header. */
  readonly name: string;
  /** Where the journal is put; `undefined` for standard input. */
  readonly dir: string | undefined;
  readonly source: Source;
  /** The first bytes, as text. */
  readonly start: string;
}

/** @throws WxpayError `INPUT_UNREADABLE` */
export async function openBatchFile(file: string, runtime: Pick<Runtime, 'cwd' | 'readStdin'>): Promise<BatchFile> {
  if (file === '-') {
    const bytes = await runtime.readStdin(64 * 1024 * 1024);
    return {
      name: 'stdin',
      dir: undefined,
      async *source() {
        yield bytes;
      },
      start: bytes.toString('utf8', 0, 64),
    };
  }
  const path = resolve(runtime.cwd, file);
  return {
    name: basename(path),
    dir: dirname(path),
    source: () => chunksOf(file, path),
    start: await startOf(file, path),
  };
}

async function startOf(file: string, path: string): Promise<string> {
  for await (const chunk of chunksOf(file, path, 64)) return Buffer.from(chunk).toString('utf8');
  return '';
}

async function* chunksOf(file: string, path: string, first?: number): AsyncIterable<Uint8Array> {
  const options = { highWaterMark: 256 * 1024, ...(first === undefined ? {} : { end: first - 1 }) };
  try {
    yield* createReadStream(path, options) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw inputUnreadable(file, error, 'not_sent');
  }
}

/** The lines of a file; `-` is not known here. */
export async function* linesOf(file: string, cwd: string): AsyncIterable<string> {
  const input = createReadStream(resolve(cwd, file), { encoding: 'utf8' });
  const failed = new Promise<never>((_, reject) => {
    input.once('error', reject);
  });
  failed.catch(() => {});
  try {
    await Promise.race([new Promise((done) => void input.once('open', done)), failed]);
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    throw inputUnreadable(file, error, 'not_sent');
  }
}

export function journalIdentityOf(identity: BatchIdentity): JournalIdentity {
  const { mchid, sub_mchid, base_url, batch_id, source } = identity;
  return {
    mchid,
    ...(sub_mchid === undefined ? {} : { sub_mchid }),
    origin: base_url,
    source,
    ...(batch_id === '' ? {} : { batch_id }),
  };
}

/**
 * Beside the file: `<file>[.<i>of<n>].journal`. Where that one is another batch's (the file had other content, or it was
 * another merchant or batch id), `<file>.<8 hex digits>[…].journal`, whose digits stand for all of that.
 */
export async function journalPath(dir: string, identity: BatchIdentity, shard: Shard | undefined): Promise<string> {
  const part = shard === undefined ? '' : `.${shard.index}of${shard.of}`;
  const own = join(dir, `${identity.source.name}.${keyOf(identity)}${part}.journal`);
  if (existsSync(own)) return own;
  const plain = join(dir, `${identity.source.name}${part}.journal`);
  const header = await readJournal(plain, async (journal) => journal.header);
  return header === undefined || isOf(header, identity) ? plain : own;
}

function isOf(header: JournalIdentity, identity: BatchIdentity): boolean {
  const wanted = journalIdentityOf(identity);
  const facts = ({ mchid, sub_mchid, origin, source, batch_id }: JournalIdentity): string =>
    JSON.stringify([mchid, sub_mchid, origin, source?.sha256, batch_id]);
  return facts(header) === facts(wanted);
}

function keyOf({ mchid, sub_mchid, base_url, batch_id, source }: BatchIdentity): string {
  const key = JSON.stringify([mchid, sub_mchid ?? '', base_url, batch_id, source.sha256]);
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

/**
 * Orders with a refund that another journal of this merchant holds as unresolved, and the numbers of these refunds: earlier
 * contents of the file, and single refunds.
 *
 * @param own this batch's journal and those of its other shards are left out: shards share no order
 * @param more journals elsewhere
 */
export async function unresolvedElsewhere(
  identity: BatchIdentity,
  own: string,
  shard: Shard | undefined,
  more: readonly string[],
): Promise<{ readonly orders: ReadonlyMap<string, ReadonlySet<string>>; readonly journals: readonly string[] }> {
  const orders = new Map<string, Set<string>>();
  const journals: string[] = [];
  for (const path of [...siblings(identity.source.name, own), ...more]) {
    if (path === own) continue;
    await readJournal(path, async (journal) => {
      const { header } = journal;
      if (header.mchid !== identity.mchid || header.origin !== identity.base_url || journal.count('open') === 0) return;
      // Shards of one batch share no order.
      if (shard !== undefined && isOf(header, identity) && path.endsWith(`of${shard.of}.journal`)) return;
      journals.push(path);
      for await (const { intent } of journal.records('open')) {
        const order = intent.transaction_id;
        if (order === undefined) continue;
        orders.set(order, (orders.get(order) ?? new Set()).add(intent.out_refund_no));
      }
    });
  }
  return { orders, journals };
}

function siblings(name: string, own: string): readonly string[] {
  const dir = dirname(own);
  let names: readonly string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names
    .filter((other) => other.startsWith(name) && journalName.test(other.slice(name.length)))
    .map((other) => join(dir, other));
}

const journalName = /^(?:\.[0-9a-f]{8})?(?:\.\d+of\d+)?\.journal$/;
