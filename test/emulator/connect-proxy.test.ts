/** The proxy that leads WeChat Pay's hosts here, at the level of bytes. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLiveHost } from '../../src/emulator/connect-proxy.ts';
import type { Emulator } from '../../src/emulator/contract.ts';
import { realClock } from '../helpers/local.ts';
import { openSibling, openStage } from './stage.ts';
import type { Stage } from './stage.ts';

let refusing: Stage;
let passing: Stage;
let echo: Server;
let echoPort: number;
const refused: string[] = [];
beforeAll(async () => {
  refusing = await openStage({
    clock: realClock,
    https: { port: 0 },
    proxy: { port: 0, others: 'refuse', onRefused: (host) => void refused.push(host) },
  });
  passing = await openSibling(refusing, { clock: realClock, https: { port: 0 }, proxy: { port: 0, others: 'pass' } });
  echo = createServer((socket) => void socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  echoPort = (echo.address() as AddressInfo).port;
});
afterAll(async () => {
  await Promise.all([refusing.end(), passing.end()]);
  echo.close();
});

const portOf = ({ proxyUrl }: Emulator): number => Number(new URL(proxyUrl!).port);

/** Sends the head, then resolves with socket and first answer. */
async function say(emulator: Emulator, head: string): Promise<{ socket: Socket; answer: string }> {
  const socket = connect(portOf(emulator), '127.0.0.1');
  socket.on('error', () => undefined).write(head);
  const answer = await new Promise<string>((resolve) => {
    socket.once('data', (chunk) => resolve(chunk.toString()));
    socket.once('close', () => resolve(''));
  });
  return { socket, answer };
}
const tunnel = async (emulator: Emulator, authority: string) => {
  const { socket, answer } = await say(emulator, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  return { socket, status: Number(answer.split(' ')[1]), answer };
};

describe('a tunnel', () => {
  test.each(['api.mch.weixin.qq.com', 'api2.mch.weixin.qq.com', 'api.wechatpay.cn', 'API2.WECHATPAY.CN.'])(
    'to %s ends at the emulator, in TLS',
    async (host) => {
      const { socket, status } = await tunnel(refusing.emulator, `${host}:443`);
      expect(status).toBe(200);
      const name = host.toLowerCase().replace(/\.$/, '');
      const ca = readFileSync(refusing.emulator.info.ca_file!);
      const secured = connectTls({ socket, ca, servername: name });
      const text = await new Promise<string>((resolve, reject) => {
        secured.on('error', reject).once('data', (chunk: Buffer) => resolve(chunk.toString()));
        secured.write(`GET /v3/certificates HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
      });
      expect(text).toMatch(/^HTTP\/1\.1 40[01] /);
      secured.destroy();
    },
  );

  test('to another host is refused and told of, or let through', async () => {
    const { status, answer, socket } = await tunnel(refusing.emulator, `localhost:${echoPort}`);
    expect([status, answer]).toEqual([403, expect.stringContaining('--others pass')]);
    expect(refused).toEqual(['localhost']);
    socket.destroy();
    const open = await tunnel(passing.emulator, `127.0.0.1:${echoPort}`);
    expect(open.status).toBe(200);
    const back = new Promise((resolve) => open.socket.once('data', (chunk) => resolve(chunk.toString())));
    open.socket.write('as it is');
    expect(await back).toBe('as it is');
    open.socket.destroy();
  });

  test('where nobody listens is 502, and what is no host and port 400', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    for (const [authority, status] of [
      [`127.0.0.1:${port}`, 502],
      ['localhost', 400],
      ['localhost:0', 400],
      ['user@localhost:443', 400],
    ] as const) {
      const made = await tunnel(passing.emulator, authority);
      expect([authority, made.status]).toEqual([authority, status]);
      made.socket.destroy();
    }
  });

  test.each(['apihk.mch.weixin.qq.com', 'fraud.mch.weixin.qq.com', 'mch.weixin.qq.com', 'payapp.wechatpay.cn'])(
    'to %s, live and not stood in for, is never let through',
    async (host) => {
      expect(isLiveHost(host)).toBe(true);
      const { socket, status, answer } = await tunnel(passing.emulator, `${host}:443`);
      expect([status, answer]).toEqual([403, expect.stringContaining('never let through')]);
      socket.destroy();
    },
  );

  test('nor is another port of a host that is', async () => {
    for (const emulator of [refusing.emulator, passing.emulator]) {
      const { socket, status } = await tunnel(emulator, 'api.mch.weixin.qq.com:80');
      expect(status).toBe(403);
      socket.destroy();
    }
    for (const host of ['weixin.qq.com', 'api.weixin.qq.com', 'notwechatpay.cn']) expect(isLiveHost(host)).toBe(false);
  });
});

test('a request in the clear is answered for those hosts, and for no others', async () => {
  const ask = async (target: string, host: string): Promise<string> => {
    const { socket, answer } = await say(
      refusing.emulator,
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    socket.destroy();
    return answer.split('\r\n')[0] ?? '';
  };
  const host = 'api.mch.weixin.qq.com';
  expect(await ask(`https://${host}/v3/certificates`, host)).toMatch(/ 40[01] /);
  expect(await ask('https://example.com/', 'example.com')).toContain(' 403 ');
  expect(await ask(`http://${host}/v3/certificates`, host)).toContain(' 400 ');
  expect(await ask('/v3/certificates', host)).toContain(' 400 ');
  expect(await ask('/_emulator/info', '127.0.0.1')).toContain(' 400 ');
  expect(await ask(`https://${host}/_emulator/healthz`, host)).toContain(' 404 ');
});
