// Refunds from a file. First the throughput of the whole batch (parse, look up, journal, refund, report) against a bare loop that
// makes the same two signed and verified requests a row with equal concurrency, and does nothing else; then the memory that a
// million rows take.
//
// Usage: npm run bench:batch [-- [--rows n] [--rounds n] [--memory-rows n] [--program]]
//   --program  a million rows through the built program and over HTTP instead of the operations over answers made in memory;
//              some twenty minutes
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { interleave, report, timesAsFast } from './measure.js';
import { refundAll } from './bare-refund.js';
import { writeRows } from './batch-file.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '9' },
    'memory-rows': { type: 'string', default: '1000000' },
    program: { type: 'boolean', default: false },
  },
});
const count = Number(values.rows);
const rounds = Number(values.rounds);
const many = Number(values['memory-rows']);
const limit = 256 * 1024 * 1024;
let journals = 0;
const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, 'node_modules/.cache/wxpay-bench');
mkdirSync(cache, { recursive: true });
// Beside the project and not in the temporary folder, which is memory on some machines: fdatasync must cost what it costs.
const dir = mkdtempSync(join(cache, 'batch-'));
if (statfsSync(dir).type === 0x01_02_19_94) console.log('the journal is on a tmpfs: fdatasync costs nothing here');

const merchant = generateKeyPairSync('rsa', { modulusLength: 2048 });
const platform = generateKeyPairSync('rsa', { modulusLength: 2048 });
const file = (name, text) => {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
  return join(dir, name);
};
const info = {
  mchid: '1900000001',
  serial_no: 'A'.repeat(40),
  private_key_file: file('merchant.pem', merchant.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  public_key_id: 'PUB_KEY_ID_0119000000012026112400000000000001',
  public_key_file: file('platform.pem', platform.publicKey.export({ type: 'spki', format: 'pem' })),
};
const platformKey = file('platform-private.pem', platform.privateKey.export({ type: 'pkcs8', format: 'pem' }));
const server = spawn(
  process.execPath,
  [join(root, 'bench/signed-server.js'), platformKey, info.public_key_id, info.mchid],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);

try {
  const { url } = JSON.parse(
    await new Promise((resolve, reject) => {
      createInterface({ input: server.stdout }).once('line', resolve);
      server.once('exit', () => reject(new Error('the server ended')));
    }),
  );
  info.url = url;
  const library = await bundle();
  await throughput(await import(pathToFileURL(library).href));
  if (values.program) await memoryOfProgram();
  else memoryOfOperations(library);
} finally {
  server.stdin.end();
  rmSync(dir, { recursive: true, force: true });
}

/** The operations as a library, bundled just for this run. */
async function bundle() {
  const outfile = join(cache, 'batch.mjs');
  await build({
    stdin: {
      contents: `export { sleep } from './src/cli/sleep.ts';
        export { createTransport } from './src/core/http/compose.ts';
        export { parseBaseUrl } from './src/core/http/base-url.ts';
        export { createKeyRing } from './src/core/keys/keyring.ts';
        export { createSigner } from './src/core/wire/authorization.ts';
        export { writeStreamAtomic } from './src/core/durable/stream-file.ts';
        export { applyPlan } from './src/operations/refund-batch/apply.ts';
        export { withJournal } from './src/operations/refund-batch/journal.ts';
        export { parseBatch } from './src/operations/refund-batch/parse.ts';
        export { planBatch } from './src/operations/refund-batch/plan.ts';
        export { reportDocument, reportRows, summarise } from './src/operations/refund-batch/report.ts';`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}

function rowsOf(size) {
  return Array.from({ length: size }, (_, n) => ({
    transaction_id: `42000023${String(n).padStart(19, '0')}1`,
    fen: (n % 90) + 1,
    reason: `商品已售完${n % 7}`,
  }));
}

async function throughput(lib) {
  const rows = rowsOf(count);
  const csv = file(
    'rows.csv',
    `transaction_id,amount_fen,reason\n${rows.map((row) => `${row.transaction_id},${row.fen},${row.reason}`).join('\n')}\n`,
  );
  // On loopback the server that signs the answers takes half of the machine, and every microsecond of ours shows. Where
  // answers take a network's time, what counts is whether the journal makes a refund wait.
  for (const [inFlight, delay] of [
    [8, 0],
    [32, 0],
    [8, 20],
  ]) {
    server.stdin.write(`${delay}\n`);
    const times = await interleave(
      {
        bare: () => refundAll(info, rows, inFlight),
        on: () => ours(lib, csv, inFlight, true),
        off: () => ours(lib, csv, inFlight, false),
      },
      delay === 0 ? rounds : 3,
    );
    const perSecond = (name) => count / (times[name].median / 1000);
    const line = (name, key, goal) => ({
      name,
      value: `${perSecond(key).toFixed(0)}/s`,
      ratio: timesAsFast(times[key], times.bare),
      better: 'higher',
      ...(goal === undefined ? {} : { goal }),
    });
    const answers = delay === 0 ? 'answers at once' : `answers after ${delay} ms`;
    report(`${count} refunds from a file, ${inFlight} in flight, ${answers}, against the bare loop`, [
      line('bare loop: look up, refund, verify', 'bare'),
      line('refund batch, journal on', 'on', 0.7),
      line('refund batch, journal off', 'off'),
    ]);
  }
}

/** A batch from its file to its report. Old journals are not taken away here, since that is no part of a batch. */
async function ours(lib, csv, inFlight, withJournalOn) {
  const { createPrivateKey, createPublicKey } = await import('node:crypto');
  const clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: lib.sleep,
  };
  const key = {
    id: info.public_key_id,
    kind: 'public-key',
    publicKey: createPublicKey(readFileSync(info.public_key_file)),
  };
  const { transport, close } = lib.createTransport({
    baseUrl: lib.parseBaseUrl(info.url),
    signer: lib.createSigner({
      mchid: info.mchid,
      serialNo: info.serial_no,
      privateKey: createPrivateKey(readFileSync(info.private_key_file)),
    }),
    keyRing: lib.createKeyRing({ publicKeys: [key], clock }),
    clock,
    nonce: () => randomBytes(16).toString('hex').toUpperCase(),
    random: Math.random,
    env: {},
    userAgent: 'wxpay-bench',
    acceptLanguage: 'en',
    // The limits that keep a merchant below the documented rates are not what is measured here.
    ratePerSecond: 1e9,
  });
  const parsed = await lib.parseBatch(() => createReadStream(csv));
  const source = { name: 'rows.csv', sha256: parsed.sha256 };
  const identity = { mchid: info.mchid, base_url: info.url, batch_id: '', source };
  const fileOptions = {
    platform: process.platform,
    pid: process.pid,
    randomName: () => randomBytes(12).toString('hex'),
  };
  const carryOut = async (journal) => {
    const deps = { transport, clock, ...(journal === undefined ? {} : { journal }) };
    const options = { concurrency: inFlight, rate: 1e9 };
    const party = { kind: 'direct', mchid: info.mchid };
    const plan = await lib.planBatch(deps, parsed, { ...options, identity, party });
    const applied = await lib.applyPlan(deps, plan, { ...options, failureRate: 1e9 });
    const summary = lib.summarise(plan, applied);
    if (summary.processing.count !== count || !summary.reconciled) throw new Error(JSON.stringify(summary));
    const pieces = lib.reportDocument(summary, lib.reportRows(plan, applied.outcomes));
    lib.writeStreamAtomic(join(dir, 'report.json'), pieces, fileOptions);
  };
  if (!withJournalOn) await carryOut(undefined);
  else {
    const path = join(dir, `rows.csv.${(journals += 1)}.journal`);
    await lib.withJournal(
      {
        path,
        identity: { mchid: info.mchid, origin: info.url, source },
        clock,
        lock: { ...fileOptions, isAlive: () => true },
        randomName: fileOptions.randomName,
      },
      carryOut,
    );
  }
  await close();
}

/** A process of its own, whose peak the system keeps: a new batch, then the same again, which has a full journal to read. */
function memoryOfOperations(library) {
  const script = join(root, 'bench/batch-rows.js');
  const lines = [];
  for (const [name, perOrder] of [
    ['an order a row', 1],
    ['three rows an order', 3],
  ])
    for (const again of ['', ', again']) {
      const folder = join(dir, `rows-${perOrder}`);
      const text = execFileSync(process.execPath, [script, library, folder, String(many), String(perOrder)], {
        stdio: ['ignore', 'pipe', 'inherit'],
        encoding: 'utf8',
      });
      const { peak, seconds, journal } = JSON.parse(text);
      const mb = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
      console.log(`  ${name}${again}: ${seconds.toFixed(0)} s, journal ${mb(journal)}`);
      lines.push({ name: `${name}${again}`, value: mb(peak), ratio: peak / limit, goal: 1 });
    }
  report(`${many} rows planned, refunded, journalled and reported: peak memory against 256 MB`, lines);
}

/** The program as people run it, over HTTP; what it used at most is what the system says when it exits. */
async function memoryOfProgram() {
  const csv = join(dir, 'many.csv');
  await writeRows(csv, many, 3);
  const hook = file(
    'peak.mjs',
    `import { writeFileSync } from 'node:fs';\nimport { peakMemory } from ${JSON.stringify(new URL('measure.js', import.meta.url).href)};\nprocess.on('exit', () => writeFileSync(process.env.PEAK_FILE, String(peakMemory())));\n`,
  );
  const peakFile = join(dir, 'peak');
  const env = {
    PATH: process.env.PATH,
    HOME: dir,
    LANG: 'en_US.UTF-8',
    PEAK_FILE: peakFile,
    WXPAY_MCHID: info.mchid,
    WXPAY_SERIAL_NO: info.serial_no,
    WXPAY_PRIVATE_KEY_FILE: info.private_key_file,
    WXPAY_PUBLIC_KEY_ID: info.public_key_id,
    WXPAY_PUBLIC_KEY_FILE: info.public_key_file,
    WXPAY_BASE_URL: info.url,
  };
  const argv = ['refund', 'batch', csv, '--json', '--report', join(dir, 'report.json')];
  const pace = ['--concurrency', '32', '--rate', '100000', '--failure-rate', '100000', '--spacing', '0s'];
  const start = performance.now();
  const code = await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', hook, join(root, 'bin/wxpay.js'), ...argv, ...pace], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (piece) => (text += piece));
    child.on('error', reject);
    child.on('close', (exit) => {
      console.log(`  ${text.slice(0, 600)}`);
      resolve(exit);
    });
  });
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`exit ${code}`);
  const peak = Number(readFileSync(peakFile, 'utf8'));
  report(`${many} rows through the built program in ${seconds.toFixed(0)} s: peak memory against 256 MB`, [
    { name: 'three rows an order', value: `${(peak / 1024 / 1024).toFixed(0)} MB`, ratio: peak / limit, goal: 1 },
  ]);
}
