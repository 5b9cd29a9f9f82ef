// Requests signed, sent and verified on one connection pool, against a bare undici + node:crypto loop that does the same work
// with nothing around it; and `wxpay order query` as a whole process against a bare script. The emulator runs in a process of
// its own. Usage: npm run bench:transport [requests] [rounds]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { interleave, report } from './measure.js';

const requests = Number(process.argv[2] ?? 600);
const rounds = Number(process.argv[3] ?? 7);
const root = fileURLToPath(new URL('..', import.meta.url));
const wxpay = join(root, 'bin/wxpay.js');
const home = mkdtempSync(join(tmpdir(), 'wxpay-bench-'));
const base = { PATH: process.env.PATH, HOME: home, LANG: 'en_US.UTF-8' };

const emulator = spawn(process.execPath, [wxpay, 'emulator', 'start', '--json', '--dir', join(home, 'emulator')], {
  env: base,
  stdio: ['ignore', 'pipe', 'inherit'],
});

try {
  const info = JSON.parse(
    await new Promise((resolve) => createInterface({ input: emulator.stdout }).once('line', resolve)),
  );
  const env = {
    ...base,
    WXPAY_MCHID: info.mchid,
    WXPAY_APPID: info.appid,
    WXPAY_SERIAL_NO: info.serial_no,
    WXPAY_PRIVATE_KEY_FILE: info.private_key_file,
    WXPAY_API_V3_KEY: info.api_v3_key,
    WXPAY_BASE_URL: info.url,
  };
  await run(
    [
      wxpay,
      'order',
      'create',
      '--type',
      'native',
      '--description',
      'bench',
      '--amount',
      '1',
      '--out-trade-no',
      'BENCH_0001',
      '--notify-url',
      'http://127.0.0.1:9/n',
      '--quiet',
    ],
    env,
  );

  // The core as a library, bundled just for this run.
  const library = join(root, 'node_modules/.cache/wxpay-bench/library.mjs');
  await build({
    stdin: {
      contents: `export { sleep } from './src/cli/sleep.ts';
        export { createTransport } from './src/core/http/compose.ts';
        export { parseBaseUrl } from './src/core/http/base-url.ts';
        export { createKeyRing } from './src/core/keys/keyring.ts';
        export { createSigner } from './src/core/wire/authorization.ts';
        export { queryOrder } from './src/operations/order.ts';`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile: library,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
  const bare = join(root, 'bench/bare-query.js');
  const lib = await import(pathToFileURL(library).href);
  const { loop } = await import(pathToFileURL(bare).href);
  const times = await interleave(
    {
      ours8: () => ours(lib, info, requests, 8),
      bare8: () => loop(info, requests, 8),
      ours1: () => ours(lib, info, requests, 1),
      bare1: () => loop(info, requests, 1),
    },
    rounds,
  );
  const perSecond = (name) => requests / (times[name].median / 1000);
  const rate = (name) => `${perSecond(name).toFixed(0)}/s`;
  report(`${requests} order queries on one pool: signed, sent, verified`, [
    { name: 'bare undici + node:crypto, 8 in flight', value: rate('bare8'), ratio: 1 },
    {
      name: 'wxpay transport, 8 in flight',
      value: rate('ours8'),
      ratio: perSecond('ours8') / perSecond('bare8'),
      goal: 0.85,
      better: 'higher',
    },
    { name: 'bare undici + node:crypto, one after another', value: rate('bare1'), ratio: 1 },
    {
      name: 'wxpay transport, one after another',
      value: rate('ours1'),
      ratio: perSecond('ours1') / perSecond('bare1'),
    },
  ]);

  const script = join(home, 'bare.mjs');
  writeFileSync(
    script,
    `import { loop } from ${JSON.stringify(pathToFileURL(bare).href)};\nconst { readFileSync } = await import('node:fs');\nconsole.log(JSON.stringify(await loop(JSON.parse(readFileSync(${JSON.stringify(join(home, 'info.json'))}, 'utf8')), 1)));\n`,
  );
  writeFileSync(join(home, 'info.json'), JSON.stringify(info), { mode: 0o600 });
  const processes = await interleave(
    {
      bare: () => run([script], env),
      ours: () => run([wxpay, 'order', 'query', 'BENCH_0001', '--json'], env),
    },
    rounds * 2,
  );
  report('wxpay order query, whole process (certificates cached)', [
    { name: 'bare script', value: `${processes.bare.median.toFixed(1)} ms`, ratio: 1 },
    {
      name: 'wxpay order query',
      value: `${processes.ours.median.toFixed(1)} ms`,
      ratio: processes.ours.median / processes.bare.median,
      goal: 1.5,
    },
  ]);
} finally {
  emulator.kill('SIGTERM');
  rmSync(home, { recursive: true, force: true });
}

async function ours(
  { sleep, createTransport, parseBaseUrl, createKeyRing, createSigner, queryOrder },
  info,
  count,
  inFlight,
) {
  const { createPrivateKey, X509Certificate, randomBytes } = await import('node:crypto');
  const clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep,
  };
  const certificate = readFileSync(info.platform_certificate_file, 'utf8');
  const key = {
    id: info.platform_serial_no,
    kind: 'platform-certificate',
    publicKey: new X509Certificate(certificate).publicKey,
  };
  const { transport, close } = createTransport({
    baseUrl: parseBaseUrl(info.url),
    signer: createSigner({
      mchid: info.mchid,
      serialNo: info.serial_no,
      privateKey: createPrivateKey(readFileSync(info.private_key_file)),
    }),
    keyRing: createKeyRing({ publicKeys: [key], clock }),
    clock,
    nonce: () => randomBytes(16).toString('hex').toUpperCase(),
    random: Math.random,
    env: {},
    userAgent: 'wxpay-bench',
    acceptLanguage: 'en',
    // The limit that keeps a merchant below the documented rate is not what is measured here.
    ratePerSecond: 1e9,
  });
  let left = count;
  const worker = async () => {
    while (left-- > 0)
      await queryOrder(transport, { kind: 'direct', mchid: info.mchid }, { out_trade_no: 'BENCH_0001' });
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  await close();
}

function run(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')}: exit ${code}`))));
  });
}
