// What a command costs before it does anything: whole processes against `node -e 0`, interleaved, medians.
// Usage: npm run bench:startup [rounds]
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleave, report } from './measure.js';

const rounds = Number(process.argv[2] ?? 15);
const wxpay = fileURLToPath(new URL('../bin/wxpay.js', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'wxpay-bench-'));
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyFile = join(home, 'key.pem');
writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
const env = {
  PATH: process.env.PATH,
  HOME: home,
  LANG: 'en_US.UTF-8',
  WXPAY_MCHID: '1900000001',
  WXPAY_SERIAL_NO: 'A'.repeat(40),
  WXPAY_PRIVATE_KEY_FILE: keyFile,
};

const run = (args) => () =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')}: exit ${code}`))));
  });

try {
  const times = await interleave(
    {
      node: run(['-e', '0']),
      version: run([wxpay, '--version']),
      help: run([wxpay, '--help']),
      sign: run([wxpay, 'sign', 'GET', '/v3/certificates', '--json']),
      profiles: run([wxpay, 'profile', 'list', '--json']),
    },
    rounds,
  );
  const base = times.node.median;
  const row = (name, key, goal) => ({
    name,
    value: `${times[key].median.toFixed(1)} ms`,
    ratio: times[key].median / base,
    goal,
  });
  report('startup, whole processes against node -e 0', [
    row('node -e 0', 'node'),
    row('wxpay --version', 'version', 1.25),
    row('wxpay --help', 'help'),
    row('wxpay sign', 'sign'),
    row('wxpay profile list', 'profiles'),
  ]);
} finally {
  rmSync(home, { recursive: true, force: true });
}
