// What many orders cost an emulator: memory, the time of queries and of new orders, the file of its state, and its start. Two
// emulators take turns, one nearly empty and one full, each the built program in a process of its own, which keeps its state as it
// does by default. Usage: npm run bench:emulator [orders] [requests] [rounds]
import { execFileSync, spawn } from 'node:child_process';
import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { interleave, median, report } from './measure.js';

const orders = Number(process.argv[2] ?? 100_000);
const requests = Number(process.argv[3] ?? 2_000);
const rounds = Number(process.argv[4] ?? 7);
/** Beyond a bare Node, in milliseconds. */
const startGoalMs = 300;
const wxpay = fileURLToPath(new URL('../bin/wxpay.js', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'wxpay-bench-'));
const env = { PATH: process.env.PATH, HOME: home, LANG: 'en_US.UTF-8' };
const running = new Set();

try {
  // The first start of a folder makes its keys, which costs a moment that depends on luck: it is not measured.
  for (const name of ['empty', 'full']) await stop(await start(name));
  const starts = await measureStarts('empty');

  const empty = await start('empty');
  const full = await start('full');
  const before = residentBytes(full);
  const seeding = performance.now();
  // In parts: an answer lists every order that was made.
  for (let left = orders; left > 0; left -= 10_000)
    await control(full, 'POST', 'seed', { count: Math.min(left, 10_000), total: 1, prefix: 'BENCH_' });
  await control(empty, 'POST', 'seed', { count: 1, total: 1, prefix: 'BENCH_' });
  const seeded = performance.now() - seeding;

  const times = { query: { empty: [], full: [] }, create: { empty: [], full: [] } };
  for (let done = -100; done < requests; done += 1)
    for (const [name, emulator] of Object.entries({ empty, full })) {
      const number = name === 'empty' ? 1 : 1 + Math.floor(Math.random() * orders);
      const query = await timed(() => ask(emulator, 'GET', pathOf(number, emulator)));
      const create = await timed(() => ask(emulator, 'POST', '/v3/pay/transactions/native', orderBody(emulator, done)));
      // The first ones warm both up.
      if (done >= 0) {
        times.query[name].push(query);
        times.create[name].push(create);
      }
    }
  const after = residentBytes(full);

  const stopped = { empty: await timed(() => stop(empty)), full: await timed(() => stop(full)) };
  const stateBytes = statSync(join(home, 'full', 'state.json')).size;
  const again = await measureStarts('full');

  const row = (kind, share) => {
    const [one, many] = [percentile(times[kind].empty, share), percentile(times[kind].full, share)];
    return {
      name: share === 1 ? `${kind}, the longest` : `${kind}, p${share * 100}`,
      value: `${many.toFixed(2)} ms`,
      ratio: many / one,
    };
  };
  report(`an emulator with ${orders} orders, against one with ${requests + 101}`, [
    row('query', 0.5),
    row('query', 0.99),
    row('create', 0.5),
    row('create', 0.99),
    // While the state is written, nobody is answered.
    row('create', 1),
    { name: 'end, its state written', value: `${stopped.full.toFixed(0)} ms`, ratio: stopped.full / stopped.empty },
    {
      name: 'start, its state read',
      value: `${again.emulator.toFixed(0)} ms`,
      ratio: again.emulator / starts.emulator,
    },
  ]);
  report('what it holds', [
    { name: `resident set more by ${orders} orders`, value: `${mebibytes(after - before)} MiB`, ratio: after / before },
    {
      name: 'the same, an order',
      value: `${((after - before) / orders / 1024).toFixed(2)} KiB`,
      ratio: after / before,
    },
    { name: 'file of its state', value: `${mebibytes(stateBytes)} MiB`, ratio: stateBytes / (after - before) },
    { name: `making ${orders} paid orders by the control API`, value: `${(seeded / 1000).toFixed(1)} s`, ratio: 1 },
  ]);
  const beyond = starts.emulator - starts.node;
  report(`start until it answers, against node -e 0 and ${startGoalMs} ms`, [
    { name: 'node -e 0', value: `${starts.node.toFixed(0)} ms`, ratio: 1 },
    { name: 'emulator start', value: `${starts.emulator.toFixed(0)} ms`, ratio: starts.emulator / starts.node },
    { name: 'beyond bare Node', value: `${beyond.toFixed(0)} ms`, ratio: beyond / startGoalMs, goal: 1 },
  ]);
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(home, { recursive: true, force: true });
}

/** Starts an emulator in a folder of its own; done when it has said that it is ready. */
async function start(name) {
  const child = spawn(process.execPath, [wxpay, 'emulator', 'start', '--json', '--dir', join(home, name)], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.add(child);
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  const line = await Promise.race([
    new Promise((resolve) => {
      createInterface({ input: child.stdout }).once('line', resolve);
    }),
    ended.then(() => Promise.reject(new Error(`the emulator in ${name} has ended`))),
  ]);
  const info = JSON.parse(line);
  const { token } = JSON.parse(readFileSync(join(home, name, 'emulator.json'), 'utf8'));
  const key = createPrivateKey(readFileSync(info.private_key_file));
  return { child, ended, info, token, key, agent: new Agent({ keepAlive: true, maxSockets: 1 }) };
}

async function stop({ child, ended, agent }) {
  agent.destroy();
  child.kill('SIGTERM');
  await ended;
  running.delete(child);
}

/** Medians, in milliseconds, of a bare Node and of an emulator until it is ready; its end is not counted. */
async function measureStarts(name) {
  const list = [];
  const { node } = await interleave(
    {
      node: bareNode,
      emulator: async () => {
        const began = performance.now();
        const emulator = await start(name);
        list.push(performance.now() - began);
        await stop(emulator);
      },
    },
    rounds,
  );
  return { node: node.median, emulator: median(list.slice(1)) };
}

function bareNode() {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', '0'], { env, stdio: 'ignore' });
    child.on('error', reject);
    child.on('exit', resolve);
  });
}

function pathOf(number, { info }) {
  return `/v3/pay/transactions/out-trade-no/BENCH_${String(number).padStart(8, '0')}?mchid=${info.mchid}`;
}

function orderBody({ info }, index) {
  return JSON.stringify({
    appid: info.appid,
    mchid: info.mchid,
    description: 'bench',
    out_trade_no: `NEW_${String(index + 1_000_000)}`,
    notify_url: 'http://127.0.0.1:9/n',
    amount: { total: 1, currency: 'CNY' },
  });
}

/** One signed call on the emulator's own connection; its answer must be a success. */
async function ask({ info, key, agent }, method, path, body = '') {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(16).toString('hex').toUpperCase();
  const signature = sign('sha256', Buffer.from(`${method}\n${path}\n${timestamp}\n${nonce}\n${body}\n`), key);
  const credential = `mchid="${info.mchid}",nonce_str="${nonce}",signature="${signature.toString('base64')}",timestamp="${timestamp}",serial_no="${info.serial_no}"`;
  const headers = {
    accept: 'application/json',
    'user-agent': 'bare',
    'content-type': 'application/json',
    authorization: `WECHATPAY2-SHA256-RSA2048 ${credential}`,
  };
  await call(`${info.url}${path}`, { method, headers, agent }, body);
}

async function control({ info, token, agent }, method, name, body) {
  const headers = { 'wxpay-emulator-token': token, 'content-type': 'application/json' };
  await call(`${info.url}/_emulator/${name}`, { method, headers, agent }, JSON.stringify(body));
}

function call(url, options, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`HTTP ${response.statusCode}: ${text.slice(0, 200)}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function percentile(list, share) {
  return list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];
}

/** What the process has in memory, as the system counts it: garbage that nobody has collected included. */
function residentBytes({ child }) {
  const kibibytes =
    process.platform === 'linux'
      ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]
      : execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' });
  return Number(kibibytes) * 1024;
}

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}
