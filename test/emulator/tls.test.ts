/** HTTPS, the emulator's own authority, and the merchant's certificate: over real connections, with Node's own TLS as witness. */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wantsClientCertificate } from '../../src/core/http/client-certificate.ts';
import type { EmulatorInfo } from '../../src/emulator/contract.ts';
import { issueCertificate } from '../../src/emulator/authority.ts';
import { demandsCertificate, isOwnCertificate } from '../../src/emulator/client-certificate.ts';
import { startEmulator } from '../../src/emulator/server.ts';
import { openTls } from '../../src/emulator/tls.ts';
import { realClock } from '../helpers/local.ts';
import { makeMerchantFiles } from '../helpers/merchant-files.ts';
import { makeClient } from './raw-client.ts';
import { openStage, tempDir } from './stage.ts';
import type { Stage } from './stage.ts';

const day = 86_400_000;
let stage: Stage;
let info: EmulatorInfo;
let ca: string;
beforeAll(async () => {
  stage = await openStage({ https: { port: 0 }, clock: realClock });
  ({ info } = stage.emulator);
  ca = readFileSync(info.ca_file!, 'utf8');
});
afterAll(async () => stage.end());

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** One request on a connection of its own. */
async function ask(options: RequestOptions & { body?: string } = {}): Promise<Answer> {
  const { hostname, port } = new URL(info.https_url!);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, ca, agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], text }),
      );
    });
    outgoing.on('error', reject).end(options.body);
  });
}

const own = (): RequestOptions => ({
  cert: readFileSync(info.certificate_file),
  key: readFileSync(info.private_key_file),
});

/** Issued by the emulator's authority of merchants. */
async function issued(mchid: string, years: number): Promise<RequestOptions> {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const platform = (name: string): string => readFileSync(join(stage.dir, 'platform', name), 'utf8');
  const cert = await issueCertificate({
    publicKey: pair.publicKey,
    commonName: mchid,
    unit: 'EMULATOR merchant',
    issuer: { certificate: platform('ca_cert.pem'), privateKey: platform('ca_key.pem') },
    years,
    now: Date.now() + (years < 0 ? -2 * day : 0),
    randomBytes: (size) => randomBytes(size),
  });
  return { cert, key: pair.privateKey };
}

describe('the server', () => {
  test('nothing of TLS is there unless it is asked for', async () => {
    const plain = await openStage();
    expect(plain.emulator.info).toMatchObject({ https_url: null, ca_file: null });
    await plain.end();
  });

  test.each(['localhost', '127.0.0.1', '::1', 'api.mch.weixin.qq.com', 'api2.mch.weixin.qq.com', 'api.wechatpay.cn'])(
    'its certificate holds for %s under its own authority and under no other',
    async (name) => {
      const options = { servername: name.includes(':') || /^\d/.test(name) ? '' : name, headers: { host: name } };
      const checked = { ...options, checkServerIdentity: (_host: string, cert: object) => identityOf(name, cert) };
      const { port } = new URL(info.https_url!);
      const host = name.startsWith('api') ? name : `${name.includes(':') ? `[${name}]` : name}:${port}`;
      // The page is at the emulator's own names; WeChat Pay's have none.
      expect(await ask({ ...checked, headers: { host } })).toMatchObject({
        status: name.startsWith('api') ? 404 : 200,
      });
      await expect(ask({ ...checked, ca: undefined })).rejects.toMatchObject({
        code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      });
    },
  );

  test('the authority is for TLS alone, says EMULATOR, is kept, and its key is for its owner only (THREATS I5)', async () => {
    const certificate = new X509Certificate(ca);
    expect(certificate.subject).toContain('CN=wxpay EMULATOR TLS CA');
    expect(certificate.ca && certificate.verify(certificate.publicKey)).toBe(true);
    for (const file of ['ca_key.pem', 'server_key.pem'])
      expect(statSync(join(stage.dir, 'tls', file)).mode & 0o777).toBe(0o600);
    const merchants = new X509Certificate(readFileSync(join(stage.dir, 'platform', 'ca_cert.pem')));
    expect(certificate.publicKey.equals(merchants.publicKey)).toBe(false);
    const again = await startEmulator({ clock: realClock, randomBytes, dir: stage.dir, https: { port: 0 } });
    expect(readFileSync(again.info.ca_file!, 'utf8')).toBe(ca);
    await again.close();
  });

  test('a certificate that runs out, or a host of another name, is issued anew under the same authority', async () => {
    const dir = tempDir();
    const open = async (names: readonly string[], now: number): Promise<X509Certificate> => {
      const identity = await openTls(dir, names, { now, randomBytes });
      return new X509Certificate(identity.certificate);
    };
    const now = Date.now();
    const first = await open([], now);
    expect(Date.parse(first.validTo) - now).toBeLessThan(826 * day);
    expect((await open([], now + 600 * day)).serialNumber).toBe(first.serialNumber);
    const later = await open([], now + 720 * day);
    expect(Date.parse(later.validTo)).toBeGreaterThan(Date.parse(first.validTo));
    const named = await open(['pay.test', '192.0.2.7', '0.0.0.0'], now);
    expect(named.checkHost('pay.test')).toBe('pay.test');
    expect(named.checkIP('192.0.2.7')).toBe('192.0.2.7');
    expect(named.subjectAltName).not.toContain('0.0.0.0');
    const authority = new X509Certificate(readFileSync(join(dir, 'tls', 'ca_cert.pem')));
    for (const certificate of [first, later, named])
      expect(certificate.checkIssued(authority) && certificate.verify(authority.publicKey)).toBe(true);
    rmSync(dir, { recursive: true });
  });

  test('plain HTTP is served beside it', async () => {
    const client = makeClient(info, () => Date.now());
    expect((await client.call('GET', '/v3/certificates')).status).toBe(200);
    expect((await ask({ path: '/v3/certificates' })).status).toBe(400);
  });

  test('TLS older than 1.2 is refused', async () => {
    await expect(ask({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' })).rejects.toThrow(
      /protocol version|unsupported protocol|no protocols/i,
    );
  });

  test('a busy port ends the start, and the plain listener with it', async () => {
    const port = Number(new URL(info.https_url!).port);
    const dir = tempDir();
    await expect(startEmulator({ clock: realClock, randomBytes, dir, https: { port } })).rejects.toMatchObject({
      code: 'EMULATOR_PORT_BUSY',
      params: { port },
    });
    rmSync(dir, { recursive: true });
  });

  test('close ends a handshake that never comes to an end', async () => {
    const short = await openStage({ https: { port: 0 }, dir: stage.dir });
    const { port } = new URL(short.emulator.info.https_url!);
    const stuck = connect({ host: '127.0.0.1', port: Number(port), ca });
    // A client that begins, and sends no more.
    stuck.on('error', () => undefined);
    await new Promise((resolve) => stuck.once('connect', resolve));
    stuck.pause();
    const begin = performance.now();
    await short.emulator.close();
    expect(performance.now() - begin).toBeLessThan(2_000);
    stuck.destroy();
  });

  test('I3: the names of WeChat Pay are heard on TLS alone, and lead to no control API', async () => {
    const { port } = new URL(info.url);
    const status = await new Promise((resolve, reject) => {
      httpRequest(
        { host: '127.0.0.1', port, path: '/v3/certificates', headers: { host: 'api.mch.weixin.qq.com' }, agent: false },
        (response) => resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
    const healthz = { path: '/_emulator/healthz', servername: 'api.mch.weixin.qq.com' };
    expect(await ask({ ...healthz, headers: { host: 'api.mch.weixin.qq.com' } })).toMatchObject({ status: 404 });
    expect(await ask({ ...healthz, servername: 'localhost' })).toMatchObject({ status: 200 });
    expect(await ask({ headers: { host: 'api.mch.weixin.qq.com:8443' } })).toMatchObject({ status: 403 });
  });
});

function identityOf(name: string, cert: object): Error | undefined {
  const x509 = new X509Certificate((cert as { raw: Buffer }).raw);
  const held = name.includes(':') || /^\d/.test(name) ? x509.checkIP(name) : x509.checkHost(name);
  return held === undefined ? new Error(`not for ${name}`) : undefined;
}

describe('the client certificate', () => {
  const paths = [
    '/secapi/pay/refund',
    '/secapi/pay/reverse',
    '/pay/downloadfundflow',
    '/mmpaymkttransfers/sendredpack',
  ];
  const missing = 'No required SSL certificate was sent';
  const wrong = 'The SSL certificate error';

  test.each(paths)("%s without one is refused with the web server's own page", async (path) => {
    const answer = await ask({ path, method: 'POST', body: '<xml></xml>' });
    expect(answer).toMatchObject({ status: 400, type: 'text/html' });
    expect(answer.text).toContain(`<title>400 ${missing}</title>`);
    expect(stage.emulator.requests.at(-1)).toMatchObject({ method: 'POST', target: path, status: 400, code: missing });
  });

  test('over plain HTTP there can be none', async () => {
    const { port } = new URL(info.url);
    const text = await new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        { host: '127.0.0.1', port, path: paths[0], method: 'POST', agent: false },
        (response) => {
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () => resolve(body));
        },
      );
      outgoing.on('error', reject).end();
    });
    expect(text).toContain(missing);
  });

  test('one that somebody else issued, one that has expired and one that is not valid yet are refused', async () => {
    const dir = tempDir();
    const foreign = makeMerchantFiles(dir, { mchid: info.mchid });
    const strange = { cert: readFileSync(foreign.certificateFile), key: foreign.keyPem };
    for (const options of [strange, await issued(info.mchid, -1)])
      expect((await ask({ path: paths[0]!, ...options })).text).toContain(wrong);
    const before = await openStage({ https: { port: 0 }, dir: stage.dir, clock: { ...realClock, now: () => 1e12 } });
    const { port } = new URL(before.emulator.info.https_url!);
    expect((await ask({ path: paths[0]!, port, ...own() })).text).toContain(wrong);
    await before.emulator.close();
    rmSync(dir, { recursive: true });
  });

  test("the merchant's own passes, as PEM and as .p12, by TLS 1.2 and 1.3", async () => {
    const pfx = { pfx: readFileSync(info.p12_file), passphrase: info.mchid };
    for (const certificate of [own(), pfx])
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const answer = await ask({ path: paths[0]!, ...certificate, minVersion: version, maxVersion: version });
        expect(answer.text).not.toContain('SSL certificate');
      }
  });

  test('a merchant that brought its own certificate is known by it', async () => {
    const dir = tempDir();
    const files = makeMerchantFiles(dir, { mchid: '1900000555' });
    const certificate = readFileSync(files.certificateFile, 'utf8');
    await stage.emulator.addMerchant({ mchid: '1900000555', appids: ['wx0000000000000001'], certificate });
    const answer = await ask({ path: paths[0]!, cert: certificate, key: files.keyPem });
    expect(answer.text).not.toContain('SSL certificate');
    rmSync(dir, { recursive: true });
  });

  test('elsewhere nobody asks: APIv3 goes with it, without it, and with a wrong one', async () => {
    const expired = await issued(info.mchid, -1);
    for (const options of [{}, own(), expired])
      expect((await ask({ path: '/v3/certificates', ...options })).status).toBe(400);
  });

  test('whose it is decides the endpoint', () => {
    const certificate = { serialNo: 'AB', mchid: '1900000001', issue: undefined };
    expect(isOwnCertificate(certificate, '1900000001')).toBe(true);
    expect(isOwnCertificate(certificate, '1900000002')).toBe(false);
    expect(isOwnCertificate({ ...certificate, issue: 'expired' }, '1900000001')).toBe(false);
    expect(isOwnCertificate(undefined, '1900000001')).toBe(false);
  });

  test("this list and the sender's, made apart from each other, agree", () => {
    const wanting = [
      ...paths,
      '/secapi/pay/profitsharing',
      '/secapi/pay/multiprofitsharing',
      '/secapi/pay/profitsharingreturn',
      '/secapi/pay/profitsharingfinish',
      '/secapi/mch/submchmanage',
      '/mmpaymkttransfers/promotion/transfers',
      '/mmpaysptrans/pay_bank',
      '/mmpaysptrans/query_bank',
      '/risk/getpublickey',
      '/billcommentsp/batchquerycomment',
    ];
    const others = [
      '/pay/unifiedorder',
      '/pay/orderquery',
      '/pay/closeorder',
      '/pay/refundquery',
      '/pay/downloadbill',
      '/pay/micropay',
      '/pay/profitsharingquery',
      '/tools/shorturl',
      '/v3/refund/domestic/refunds',
      '/v3/pay/transactions/out-trade-no/T1/reverse',
      '/secapi/pay/refunds',
      '/x/secapi/pay/refund',
    ];
    for (const path of wanting)
      expect([path, demandsCertificate(path), wantsClientCertificate(path)]).toEqual([path, true, true]);
    for (const path of others)
      expect([path, demandsCertificate(path), wantsClientCertificate(path)]).toEqual([path, false, false]);
  });
});
