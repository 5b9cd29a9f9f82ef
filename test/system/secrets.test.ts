/**
 * E2, R9: unique tokens in every place that holds a secret; every command, in many kinds of trouble, with every trace
 * switched on; and not one of them in any byte that comes out, or in any command line (E1).
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entries } from '../../src/cli/program.ts';
import type { FaultInput } from '../../src/emulator/faults.ts';
import { startLocal, type Local } from '../helpers/local.ts';

const token = (size: number): string => randomBytes(size).toString('hex').slice(0, size);
const passphrase = `PASS-${token(20)}`;
const proxyPassword = `PROXY-${token(20)}`;
const apiV2Key = token(32);
const secretFile = `REF-${token(20)}`;

let local: Local;
let env: Record<string, string> = {};
let dir = '';
let needles: string[] = [];
let sink: Server;
beforeAll(async () => {
  local = await startLocal();
  dir = join(local.home.dir, 'work');
  mkdirSync(dir, { mode: 0o700 });
  env = {
    ...local.env,
    WXPAY_API_V2_KEY: apiV2Key,
    WXPAY_CLIENT_CERT_PASSPHRASE: passphrase,
    WXPAY_NOTIFY_URL: 'http://127.0.0.1:9/notify',
  };
  const pem = env['WXPAY_PRIVATE_KEY'] ?? '';
  const lines = pem.split('\n').filter((line) => line.length >= 32 && !line.startsWith('-----'));
  const plain = [local.info.api_v3_key, apiV2Key, passphrase, proxyPassword, secretFile];
  needles = [...lines, ...plain.flatMap(disguises)];
  // A proxy that closes: nothing of this leaves the machine.
  sink = createServer((socket) => socket.end('HTTP/1.1 403 No\r\n\r\n'));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text, { mode: 0o600 });
  write('key.txt', local.info.api_v3_key);
  write('key.pem', pem);
  write('wrong.pem', secretFile);
  write('order.json', JSON.stringify({ description: 'x', amount: { total: 1 }, out_trade_no: 'SECRET_0002' }));
  write('callback.http', 'POST / HTTP/1.1\r\nWechatpay-Nonce: x\r\n\r\n{}');
  await local.run(['order', 'create', ...order('SECRET_0001')], { env });
});
afterAll(async () => {
  sink.close();
  await local.close();
});

/** The forms in which a secret might come out. */
function disguises(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const inner = bytes.toString('base64').replace(/=+$/, '').slice(0, -2);
  return [secret, inner, bytes.toString('hex'), encodeURIComponent(secret), secret.slice(0, 24)];
}

function order(no: string): string[] {
  return ['--type', 'native', '--description', 'x', '--amount', '1', '--out-trade-no', no];
}

/** Command lines that get far; a command without one here is run with a number, and takes part all the same. */
const lines: Readonly<Record<string, readonly (readonly string[])[]>> = {
  demo: [['demo']],
  'order create': [
    ['order', 'create', ...order('SECRET_0001')],
    ['order', 'create', '--type', 'jsapi', '--openid', 'o1', '--data', '@order.json'],
    ['order', 'create', ...order('SECRET_0001'), '--dry-run'],
  ],
  'order query': [
    ['order', 'query', 'SECRET_0001'],
    ['order', 'query', 'SECRET_0001', '--watch', '--for', '1s'],
  ],
  'order close': [['order', 'close', 'SECRET_0001']],
  'certs download': [['certs', 'download', '--out', 'certs']],
  'certs list': [['certs', 'list']],
  'certs show': [['certs', 'show']],
  sign: [
    ['sign', 'GET', '/v3/certificates', '--explain'],
    ['sign', '--pay', 'jsapi', '--prepay-id', 'wx1'],
  ],
  encrypt: [['encrypt', '@order.json']],
  decrypt: [['decrypt', '@order.json']],
  'refund create': [['refund', 'create', 'SECRET_0001', '--amount', '1', '--yes']],
  'verify-callback': [['verify-callback', 'callback.http']],
  'profile add': [
    ['profile', 'add', 'a', '--mchid', '1900000001', '--private-key-file', 'key.pem', '--api-v3-key-file', 'key.txt'],
    [
      'profile',
      'add',
      'b',
      '--mchid',
      '1900000001',
      '--private-key-file',
      'wrong.pem',
      '--api-v3-key-file',
      'wrong.pem',
    ],
  ],
  'profile list': [['profile', 'list']],
  'profile show': [['profile', 'show']],
  'profile use': [['profile', 'use', 'none']],
  'profile remove': [['profile', 'remove', 'none', '--yes']],
  'emulator pay': [['emulator', 'pay', 'SECRET_0001']],
  'emulator fault': [['emulator', 'fault', 'cut']],
};

/** These print secrets of the emulator on purpose: they are what an app under test is set up with. */
const meant = new Set(['emulator start', 'emulator env']);

const sweep: readonly (readonly string[])[] = entries
  .map(({ path }) => path.join(' '))
  .filter((name) => !meant.has(name))
  .flatMap((name) => lines[name] ?? [[...name.split(' '), 'SECRET_0001']]);

/** Looks for secrets on every command line of this machine while the work runs. */
async function watchCommandLines<T>(work: () => Promise<T>): Promise<{ result: T; seen: string[] }> {
  const seen: string[] = [];
  const look = (): void => {
    if (!existsSync('/proc/self/cmdline')) return;
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        seen.push(...needles.filter((needle) => line.includes(needle)).map(() => `pid ${pid}`));
      } catch {
        // It has ended.
      }
  };
  const timer = setInterval(look, 40);
  try {
    return { result: await work(), seen };
  } finally {
    clearInterval(timer);
  }
}

function leaksIn(what: string, text: string): string[] {
  return needles.filter((needle) => text.includes(needle)).map((needle) => `${what}: …${needle.slice(0, 6)}`);
}

const troubles: readonly (readonly [
  string,
  FaultInput | undefined,
  Readonly<Record<string, string>>,
  readonly string[],
])[] = [
  ['nothing wrong', undefined, {}, []],
  ['JSON', undefined, {}, ['--json']],
  ['an unsigned answer', { kind: 'signature', variant: 'missing', count: -1 }, {}, []],
  ['a wrong signature', { kind: 'signature', variant: 'wrong', count: -1 }, {}, ['--json']],
  ['a server in trouble', { kind: 'status', status: 500, count: -1 }, {}, []],
  ['a cut answer', { kind: 'cut', when: 'after', count: -1 }, {}, []],
  ['a stalled answer', { kind: 'stall', count: -1 }, {}, []],
  ['a dead host', undefined, { WXPAY_BASE_URL: 'http://127.0.0.1:1' }, []],
  ['a foreign host', undefined, { WXPAY_BASE_URL: 'https://evil.example' }, ['--json']],
  ['a broken key', undefined, { WXPAY_PRIVATE_KEY: secretFile }, []],
  ['a short APIv3 key', undefined, { WXPAY_API_V3_KEY: secretFile }, []],
  ['a key in the wrong variable', undefined, { WXPAY_SERIAL_NO: secretFile, WXPAY_PUBLIC_KEY: secretFile }, []],
  ['a proxy that says no', undefined, { WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com', HTTPS_PROXY: 'PROXY' }, []],
];

describe.skipIf(process.platform === 'win32')('E2: no secret comes out with', () => {
  test.each(troubles)('%s', async (name, fault, variables, flags) => {
    local.emulator.faults.clear();
    if (fault !== undefined) local.emulator.faults.add(fault);
    const proxy = `http://user:${proxyPassword}@127.0.0.1:${(sink.address() as { port: number }).port}`;
    const own = Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [key, value === 'PROXY' ? proxy : value]),
    );
    const leaks: string[] = [];
    const { seen } = await watchCommandLines(async () => {
      for (const argv of sweep) {
        if (argv[0] === 'demo' && name !== 'nothing wrong') continue;
        const result = await local.run([...argv, ...flags, '--debug', '--timeout', '0.5', '--retries', '0'], {
          env: { ...env, ...own, NODE_DEBUG: 'http,https,net,tls,stream' },
          cwd: dir,
        });
        leaks.push(...leaksIn(argv.join(' '), result.stdout + result.stderr));
        // The signature of a request is worth five minutes of somebody else's money.
        if (argv[0] !== 'sign' && /signature="(?!\[redacted\])/.test(result.stderr))
          leaks.push(`${argv.join(' ')}: signature`);
      }
    });
    local.emulator.faults.clear();
    expect(leaks).toEqual([]);
    expect(seen).toEqual([]);
  });
});

test('E2: no secret is in any file that wxpay wrote', () => {
  const found: string[] = [];
  const given = new Set(['key.txt', 'key.pem', 'wrong.pem']);
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      // The emulator keeps the keys that it made, for the app under test.
      if (path === join(local.home.dir, 'emulator') || (folder === dir && given.has(name))) continue;
      if (statSync(path).isDirectory()) walk(path);
      else found.push(...leaksIn(path, readFileSync(path, 'latin1')));
    }
  };
  walk(local.home.dir);
  expect(found).toEqual([]);
});

test('E6: what wxpay wrote is its owner’s alone', () => {
  const wide: string[] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const { mode } = statSync(path);
      if (/wxpay|certs/.test(path.slice(local.home.dir.length)) && (mode & 0o077) !== 0) wide.push(path);
      if (statSync(path).isDirectory()) walk(path);
    }
  };
  walk(local.home.dir);
  expect(wide.map((path) => path.slice(local.home.dir.length))).toEqual([]);
});

test('the sweep would see a leak', () => {
  expect(leaksIn('x', `prefix ${Buffer.from(passphrase).toString('base64')} suffix`)).not.toEqual([]);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  expect(leaksIn('x', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toEqual([]);
});
