/** How a server's refusal of the client certificate arrives, and that it leaves no doubt about what was sent. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { networkError } from '../../../src/core/http/network-error.ts';
import { settle } from '../../../src/core/http/outcome.ts';
import type { ApiResponse } from '../../../src/core/ports.ts';
import { closeAll, httpServer, httpsServer, issue, post, rawServer, sender, type Issued } from './loopback.ts';

let authority: Issued;
let server: Issued;
let foreign: Issued;
beforeAll(() => {
  authority = issue('Test CA', { ca: true });
  server = issue('127.0.0.1', { issuer: authority });
  foreign = issue('1900000001');
});
afterEach(closeAll);

const refund = post({ target: '/secapi/pay/refund', clientCertificate: true });
const present = { clientCertificate: async () => foreign };

describe('an alert in the handshake', () => {
  test.each([
    [42, 'refused'],
    [43, 'refused'],
    [44, 'refused'],
    [45, 'expired'],
    [46, 'refused'],
    [48, 'foreign'],
    [49, 'refused'],
    [116, 'wanted'],
  ])('%i: nothing was sent, and the reason is "%s"', async (alert, reason) => {
    const port = await rawServer((socket) => {
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert])));
    });
    await expect(sender(`https://127.0.0.1:${port}`, present).send(refund)).rejects.toMatchObject({
      code: 'NETWORK_TLS',
      outcome: 'not_sent',
      params: { reason: `key:reason.client_certificate_${reason}` },
      hint: 'hint.CLIENT_CERTIFICATE_REFUSED',
    });
  });

  test('after the request had left, as TLS 1.3 allows: still nothing was sent, since nothing was read', () => {
    const error = Object.assign(new Error('alert'), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' });
    const wire = { host: 'h', secure: true, started: true, harmless: false };
    expect(networkError(error, wire, 1)).toMatchObject({ code: 'NETWORK_TLS', outcome: 'not_sent' });
    const other = Object.assign(new Error('alert'), { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' });
    expect(networkError(other, wire, 1)).toMatchObject({ code: 'NETWORK_TLS', outcome: 'unknown' });
  });
});

test('with a client certificate TLS is 1.2, where the server judges it before a request can leave; without one it is 1.3', async () => {
  const seen: (string | null)[] = [];
  const tls = { key: server.key, cert: server.cert, requestCert: true, rejectUnauthorized: false };
  const port = await httpsServer(tls, (request, response) => {
    seen.push((request.socket as import('node:tls').TLSSocket).getProtocol());
    response.end('{}');
  });
  const { send } = sender(`https://127.0.0.1:${port}`, { ...present, ca: authority.cert });
  await send(refund);
  await send(post());
  expect(seen).toEqual(['TLSv1.2', 'TLSv1.3']);
});

test('OpenSSL as a server that demands a certificate: the foreign one is refused, twenty times out of twenty, with nothing sent', async () => {
  if (spawnSync('openssl', ['version']).status !== 0) {
    process.stderr.write('openssl s_server: skipped, there is no openssl here\n');
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-s-server-'));
  writeFileSync(join(dir, 'ca.pem'), authority.cert);
  writeFileSync(join(dir, 'server.pem'), `${server.key}${server.cert}`);
  const port = await freePort();
  const child = spawn(
    'openssl',
    [
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      'server.pem',
      '-CAfile',
      'ca.pem',
      '-Verify',
      '2',
      '-verify_return_error',
      '-www',
    ],
    { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  try {
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => chunk.includes('ACCEPT') && resolve());
    });
    const own = { ca: authority.cert, clientCertificate: async () => issue('1900000001', { issuer: authority }) };
    expect((await sender(`https://127.0.0.1:${port}`, own).send(get())).status).toBe(200);
    for (let turn = 0; turn < 20; turn += 1) {
      await expect(
        sender(`https://127.0.0.1:${port}`, { ...present, ca: authority.cert }).send(refund),
      ).rejects.toMatchObject({ code: 'NETWORK_TLS', outcome: 'not_sent' });
    }
  } finally {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true });
  }
});

const get = () => ({ ...refund, method: 'GET' as const, target: '/', body: new Uint8Array(), answer: 'file' as const });

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe("the web server's page", () => {
  const page = (title: string): string => `<html>\r\n<head><title>400 ${title}</title></head>\r\n<body></body></html>`;
  const settled = async (status: number, body: string): Promise<unknown> => {
    const port = await httpServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end(body);
    });
    const attempt = async (): Promise<ApiResponse> => ({
      ...(await sender(`http://127.0.0.1:${port}`, present).send(refund)),
      trust: 'unsigned' as never,
    });
    return settle(refund, attempt);
  };

  test.each([
    ['No required SSL certificate was sent', 'wanted'],
    ['The SSL certificate error', 'refused'],
  ])('"%s" is the refusal that it is: rejected, and no doubt about money', async (title, reason) => {
    await expect(settled(400, page(title))).rejects.toMatchObject({
      code: 'CLIENT_CERTIFICATE_REFUSED',
      category: 'credentials',
      outcome: 'rejected',
      params: { status: 400, reason: `key:reason.client_certificate_${reason}` },
    });
  });

  test.each([
    [400, page('Bad Request')],
    [
      400,
      `{"code":"PARAM_ERROR","message":"${page('The SSL certificate error').replaceAll(/["\r\n]/g, '')} ${'x'.repeat(5000)}"}`,
    ],
    [403, page('The SSL certificate error')],
  ])('%i with another page is nothing of the kind', async (status, body) => {
    await expect(settled(status, body)).rejects.toMatchObject({ code: 'API_REFUSED' });
  });
});
