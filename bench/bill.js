// A trade bill of a million rows to NDJSON, as a whole process, against gunzip + line split in Node; interleaved, medians.
// Usage: npm run bench:bill [rounds] [rows]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { interleave, report } from './measure.js';

const rounds = Number(process.argv[2] ?? 5);
const rows = Number(process.argv[3] ?? 1_000_000);
const wxpay = fileURLToPath(new URL('../bin/wxpay.js', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'wxpay-bench-'));
const file = join(home, 'bill.csv.gz');
const env = { PATH: process.env.PATH, HOME: home, LANG: 'en_US.UTF-8' };

const header =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\n';
const goods = ['中杯拿铁', '礼盒', '测试商品-大杯美式', '会员年卡'];

/** A generator that is the same every time: figures of two days can be compared. */
function makeDraw(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function makeBill() {
  const draw = makeDraw(1);
  const gzip = createGzip({ level: 6 });
  const hash = createHash('sha1');
  const packed = [];
  gzip.on('data', (chunk) => packed.push(chunk));
  let plainBytes = 0;
  const write = async (text) => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    plainBytes += bytes.length;
    if (!gzip.write(bytes)) await new Promise((resolve) => gzip.once('drain', resolve));
  };
  const two = (value) => String(value).padStart(2, '0');
  const yuan = (fen) => `${Math.floor(fen / 100)}.${two(fen % 100)}`;
  const digits = (count) => Array.from({ length: count }, () => draw(10)).join('');
  let text = header;
  let [total, fees] = [0, 0];
  for (let row = 0; row < rows; row += 1) {
    const fen = 1 + draw(50_000);
    const fee = Math.floor((fen * 6 + 500) / 1000);
    total += fen;
    fees += fee;
    const second = Math.floor((row / rows) * 86_400);
    const time = `2026-11-22 ${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
    text += `\`${time},\`wx8a1b2c3d4e5f6071,\`1900000001,\`0,\`,\`4200001234${digits(18)},\`T20261122_${String(row).padStart(8, '0')},\`oABCD5${digits(22)},\`JSAPI,\`SUCCESS,\`OTHERS,\`CNY,\`${yuan(fen)},\`0.00,\`0,\`0,\`0.00,\`0.00,\`,\`,\`${goods[draw(4)]},\`shop=${draw(500)},\`${yuan(fee)}000,\`0.60%,\`${yuan(fen)},\`0.00,\`\n`;
    if (text.length > 1 << 20) {
      await write(text);
      text = '';
    }
  }
  text += `总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n\`${rows},\`${yuan(total)},\`0.00,\`0.00,\`${yuan(fees)}000,\`${yuan(total)},\`0.00\n`;
  await write(text);
  const ended = once(gzip, 'end');
  gzip.end();
  await ended;
  writeFileSync(file, Buffer.concat(packed));
  return { sha1: hash.digest('hex'), plainBytes };
}

/** What a script does that only wants the lines: the fastest plain way, by blocks of text. */
const splitter = join(home, 'split.mjs');
writeFileSync(
  splitter,
  `import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
const decoder = new TextDecoder();
let rest = '', lines = 0, length = 0;
for await (const chunk of createReadStream(process.argv[2]).pipe(createGunzip({ chunkSize: 512 * 1024 }))) {
  const parts = (rest + decoder.decode(chunk, { stream: true })).split('\\n');
  rest = parts.pop();
  for (const line of parts) { lines += 1; length += line.length; }
}
if (lines < 3 || length === 0) process.exitCode = 1;
`,
);

const peaks = {};
/** Runs to the end and keeps the largest resident size seen. What reads a pipe is measured where `piped` says so, not elsewhere. */
const run =
  (name, args, piped = false) =>
  () =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', piped ? 'pipe' : 'ignore', 'inherit'] });
      child.stdout?.resume();
      const watch = setInterval(() => {
        try {
          const peak =
            Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
          peaks[name] = Math.max(peaks[name] ?? 0, peak);
        } catch {
          // It has ended, or this system has no /proc.
        }
      }, 20);
      child.on('error', reject);
      child.on('exit', (code) => {
        clearInterval(watch);
        if (code === 0) resolve();
        else reject(new Error(`${args.join(' ')}: exit ${code}`));
      });
    });

try {
  const { sha1, plainBytes } = await makeBill();
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${rows} rows, ${megabytes(statSync(file).size)} packed, ${megabytes(plainBytes)} plain`);
  const times = await interleave(
    {
      'gunzip + line split': run('split', [splitter, file]),
      'bill read -o ndjson': run('ndjson', [wxpay, 'bill', 'read', file, '-o', 'ndjson']),
      '… into a pipe': run('piped', [wxpay, 'bill', 'read', file, '-o', 'ndjson'], true),
      '… with the hash checked first': run('checked', [wxpay, 'bill', 'read', file, '--sha1', sha1, '-o', 'ndjson']),
      'bill read --sum': run('sum', [wxpay, 'bill', 'read', file, '--sum', '--json']),
    },
    rounds,
  );
  const base = times['gunzip + line split'].median;
  report(
    'bill: speed against gunzip + line split',
    Object.entries(times).map(([name, { median }]) => ({
      name,
      value: `${median.toFixed(0)} ms`,
      ratio: base / median,
      ...(name.startsWith('gunzip') || name.includes('sum') || name.includes('pipe')
        ? {}
        : { goal: 0.5, better: 'higher' }),
    })),
  );
  report(
    'bill: peak memory, of 150 MB',
    Object.entries(peaks).map(([name, peak]) => ({
      name,
      value: `${peak.toFixed(0)} MB`,
      ratio: peak / 150,
      ...(name === 'split' ? {} : { goal: 1 }),
    })),
  );
} finally {
  rmSync(home, { recursive: true, force: true });
}
