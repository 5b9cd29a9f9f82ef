/**
 * R12: whatever stands in an argument, a base URL, a download address or a redirect, nothing goes to a host that is not on the list. Runs
 * itself again in a network name space of its own, where every name but WeChat Pay's is a sink that counts who comes.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/core/ports.ts';
import { makeHome, type Home, type RunResult } from '../helpers/cli.ts';
import { runInProcess } from '../helpers/in-process.ts';
import { makeMerchantFiles } from '../helpers/merchant-files.ts';
import { realClock } from '../helpers/local.ts';
import { long } from './long.ts';
import { questionOf, replyTo } from './name-server.ts';
import { canStandApart, nameServer, own, runApart } from './name-space.ts';
import { chooseSeed, seeded } from './random.ts';

const inside = process.env['WXPAY_OFF_HOST_INSIDE'] === '1';
const total = Number(process.env['WXPAY_OFF_HOST_RUNS'] ?? (long ? '100000' : '300'));
const [wechatPay, elsewhere] = ['203.0.113.1', '203.0.113.66'];

const outside = (): void => {
  const able = canStandApart('off-host.test.ts');
  test.skipIf(!able)(
    `${total} generated arguments, addresses and redirects`,
    async () => {
      const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
      const self = fileURLToPath(import.meta.url);
      const argv = [process.execPath, vitest, 'run', '--project', 'unit', self];
      const env = { ...process.env, WXPAY_OFF_HOST_INSIDE: '1', WXPAY_OFF_HOST_RUNS: String(total), NO_COLOR: '1' };
      const root = fileURLToPath(new URL('../..', import.meta.url));
      const stdout = await runApart([nameServer, wechatPay, elsewhere].map(own), argv, { env, cwd: root });
      expect(stdout).toMatch(/Tests {2}4 passed/);
      process.stdout.write(
        stdout
          .split('\n')
          .filter((line) => line.startsWith('off-host: '))
          .join('\n') + '\n',
      );
    },
    7_200_000,
  );
};

/** One of the hosts on the list, as the name server and the sockets see them. */
const isListed = (name: string): boolean => /^api2?\.mch\.weixin\.qq\.com$/.test(name);

const within = (): void => {
  const seed = chooseSeed();
  const random = seeded(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  /** Retries are not waited for. */
  const clock: Clock = { ...realClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keyId = 'PUB_KEY_ID_0119000000012026112900000000000001';

  /** Whoever came to a host off the list, by address and port. */
  const strangers: string[] = [];
  /** Connections to WeChat Pay's own hosts. */
  let genuine = 0;
  /** What our own API on this machine answers next: a bill whose file is elsewhere, or a redirect. */
  let next: { readonly download: string } | { readonly redirect: string; readonly status: number } | undefined;
  let requests = 0;

  let home: Home;
  let names: Socket;
  const servers: (Server | HttpServer)[] = [];
  let api = '';
  let env: Record<string, string> = {};
  beforeAll(async () => {
    names = createSocket('udp4', (query, { port, address }) => names.send(answerOf(query), port, address));
    await new Promise<void>((resolve) => names.bind(53, nameServer, resolve));
    for (const [address, port] of [
      ...[80, 443, 8080].map((one) => [elsewhere, one] as const),
      [wechatPay, 80],
      [wechatPay, 8080],
      [wechatPay, 443],
    ] as const) {
      const server = createServer((socket) => {
        if (address === wechatPay && port === 443) genuine += 1;
        else strangers.push(`${address}:${port}`);
        // Hung up on before it has said anything, undici would come again and again.
        socket.on('error', () => {}).once('data', () => socket.destroy());
      });
      await new Promise<void>((resolve) => server.listen(port, address, resolve));
      servers.push(server);
    }
    const local = createHttpServer((request, response) => {
      requests += 1;
      const answer = next ?? { redirect: '/', status: 302 };
      request.resume();
      if ('redirect' in answer) {
        response.writeHead(answer.status, [['Location', answer.redirect]] as never).end();
        return;
      }
      const digest = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';
      const body = JSON.stringify({ hash_type: 'SHA1', hash_value: digest, download_url: answer.download });
      const [timestamp, nonce] = [String(Math.floor(Date.now() / 1_000)), randomBytes(16).toString('hex')];
      response.writeHead(200, {
        'Content-Type': 'application/json',
        'Wechatpay-Serial': keyId,
        'Wechatpay-Timestamp': timestamp,
        'Wechatpay-Nonce': nonce,
        'Wechatpay-Signature': sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), privateKey).toString(
          'base64',
        ),
      });
      response.end(body);
    });
    await new Promise<void>((resolve) => local.listen(0, '127.0.0.1', resolve));
    servers.push(local);
    api = `http://127.0.0.1:${(local.address() as AddressInfo).port}`;
    home = makeHome();
    const merchant = makeMerchantFiles(`${home.dir}/merchant`);
    env = {
      ...home.env,
      CI: 'true',
      WXPAY_MCHID: merchant.mchid,
      WXPAY_SERIAL_NO: merchant.serial,
      WXPAY_PRIVATE_KEY_FILE: merchant.keyFile,
      WXPAY_CERTIFICATE_FILE: merchant.certificateFile,
      WXPAY_API_V3_KEY: '0123456789abcdef0123456789abcdef',
      WXPAY_PUBLIC_KEY_ID: keyId,
      WXPAY_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    };
  });
  afterAll(() => {
    names.close();
    for (const server of servers) server.close();
    home.remove();
  });

  /** Everything has an address. */
  function answerOf(query: Buffer): Buffer {
    const { name, isA } = questionOf(query);
    return replyTo(query, isA ? (isListed(name) ? wechatPay : elsewhere) : undefined);
  }

  /** The same address in other words, names that only begin or end like one of WeChat Pay's, and what parsers read differently. */
  const strangersNames = [
    'evil.example EVIL.example. xn--evil-9d4b.example ｅvil.example %65vil.example',
    `${elsewhere} 3405803842 0xcb.0.0x71.0x42 0313.0.0161.0102 [::ffff:${elsewhere}]`,
    'api.mch.weixin.qq.com.evil.example evilapi.mch.weixin.qq.com mch.weixin.qq.com api.mch.weixin.qq.co',
    'api.mch.weixin.qq.com%00.evil.example api.mch.weixin.qq.com@evil.example u:p@evil.example',
    '127.0.0.1.evil.example localhost.evil.example localhost@evil.example 127.0.0.1@evil.example',
  ].flatMap((names) => names.split(' '));
  const noise = [
    '',
    '',
    '',
    '@',
    '/',
    '//',
    '\\',
    '.',
    '#',
    '?',
    '%2e',
    '%40',
    '%5c',
    '%2f',
    '\t',
    '\n',
    '：',
    ' ',
    ';',
  ];
  const ports = ['', '', ':443', ':80', ':8080'];
  const paths = [
    '',
    '/',
    '/v3/certificates',
    '/v3/bill/tradebill?bill_date=2026-11-01',
    '/v3/billdownload/file?token=x',
  ];
  const generated = (): string => {
    const listed = pick(['api.mch.weixin.qq.com', 'api2.mch.weixin.qq.com', new URL(api).host, 'localhost']);
    const scheme = pick(['https://', 'https://', 'http://', 'HTTPS://', 'https:', 'https:/\\', '//', '\\\\', '', '/']);
    const hosts = pick([
      [random() < 0.2 ? listed : pick(strangersNames)],
      [listed, pick(noise), pick(strangersNames)],
      [pick(strangersNames), pick(noise), listed],
    ]);
    const [before, after] = random() < 0.5 ? ['', ''] : [pick(noise), pick(noise)];
    return `${scheme}${before}${hosts.join('')}${pick(ports)}${after}${pick(paths)}`;
  };

  const codes = new Map<number | undefined, number>();
  async function wxpay(argv: readonly string[], more: Record<string, string> = {}): Promise<RunResult> {
    const result = await runInProcess([...argv, '--json'], { env: { ...env, ...more }, clock, cwd: home.dir });
    codes.set(result.code, (codes.get(result.code) ?? 0) + 1);
    if (result.stderr.includes('"INTERNAL"')) expect.fail(`${JSON.stringify(argv)}: ${result.stderr}`);
    return result;
  }
  const live = { WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com' };

  test('the sink sees who comes, and WeChat Pay is reached', async () => {
    for (const url of ['http://evil.example/', `http://${elsewhere}:8080/`, 'http://api.mch.weixin.qq.com/'])
      await expect(fetch(url)).rejects.toThrow();
    expect(strangers).toEqual([`${elsewhere}:80`, `${elsewhere}:8080`, `${wechatPay}:80`]);
    strangers.length = 0;
    expect((await wxpay(['api', 'GET', '/v3/certificates'], live)).code).toBe(7);
    expect(genuine).toBeGreaterThan(0);
    expect(strangers).toEqual([]);
  });

  /** Every run alike, told with the text that brought somebody to the sink. */
  async function each(count: number, what: string, one: (text: string) => Promise<unknown>): Promise<void> {
    codes.clear();
    const [before, asked] = [genuine, requests];
    for (let run = 0; run < count; run += 1) {
      const text = generated();
      await one(text);
      if (strangers.length > 0) expect.fail(`${JSON.stringify(text)} (seed ${seed}): ${strangers.join(', ')}`);
    }
    // What came late.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(strangers).toEqual([]);
    const exits = [...codes].map(([code, times]) => `${times} × exit ${code}`).join(', ');
    const reached = `${genuine - before} connections to WeChat Pay, ${requests - asked} requests to this machine`;
    process.stdout.write(`off-host: seed ${seed}: ${count} ${what}, 0 to another host; ${reached}; ${exits}\n`);
  }

  test('arguments', { timeout: 7_200_000 }, () =>
    each(Math.ceil(total * 0.9), 'arguments', async (text) => {
      const base = pick([live, { WXPAY_BASE_URL: api }]);
      next = undefined;
      const argv = pick([
        ['api', 'GET', text],
        ['api', 'GET', text],
        ['api', 'POST', text, '--data', '{}', '--yes'],
        ['api', 'GET', '/v3/certificates', '--base-url', text],
        ['certs', 'download', '--base-url', text],
        ['order', 'query', text],
        ['order', 'query', 'ORDER_0001', '--base-url', text],
      ]);
      await wxpay(argv, random() < 0.1 ? { WXPAY_BASE_URL: text } : base);
    }),
  );

  test('download addresses', { timeout: 7_200_000 }, () =>
    each(Math.ceil(total * 0.05), 'download addresses', async (text) => {
      next = { download: text };
      const asked = requests;
      await wxpay(['bill', pick(['trade', 'fundflow']), '2026-11-20'], { WXPAY_BASE_URL: api });
      expect(requests).toBeGreaterThan(asked);
    }),
  );

  test('redirects', { timeout: 7_200_000 }, () =>
    each(Math.ceil(total * 0.05), 'redirects', async (text) => {
      // What no header can hold, no server sends.
      const redirect = text.replaceAll(/[^\u0021-\u00FF]/g, '');
      next = { redirect, status: pick([301, 302, 303, 307, 308]) };
      const asked = requests;
      const argv = pick([
        ['order', 'query', 'ORDER_0001'],
        ['order', 'close', 'ORDER_0001'],
        ['api', 'GET', '/v3/certificates'],
        ['certs', 'download'],
        ['bill', 'trade', '2026-11-20'],
        ['refund', 'query', 'REFUND_0001'],
      ]);
      await wxpay(argv, { WXPAY_BASE_URL: api });
      expect(requests).toBeGreaterThan(asked);
    }),
  );
};

describe('R12: nothing goes off-host', inside ? within : outside);
