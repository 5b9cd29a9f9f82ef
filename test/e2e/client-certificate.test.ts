/** The merchant's certificate in TLS, from the built binary to a server that demands and checks it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { makeMerchantFiles, type MerchantFiles } from '../helpers/merchant-files.ts';

let local: Local;
let order: string;
let base: Record<string, string>;
/** Of this merchant's number, and issued by somebody else. */
let foreign: MerchantFiles;
let expired: MerchantFiles;
let other: MerchantFiles;

beforeAll(async () => {
  local = await startLocal({ https: { port: 0 } });
  const { info, home, emulator } = local;
  const dir = (name: string): string => join(home.dir, name);
  for (const name of ['foreign', 'expired', 'other']) mkdirSync(dir(name));
  foreign = makeMerchantFiles(dir('foreign'), { mchid: info.mchid });
  expired = makeMerchantFiles(dir('expired'), { mchid: info.mchid, notAfter: new Date(Date.now() - 86_400_000) });
  other = makeMerchantFiles(dir('other'), { mchid: '1900000002' });
  base = {
    WXPAY_BASE_URL: info.https_url ?? '',
    WXPAY_CA_FILE: info.ca_file ?? '',
    WXPAY_API_V2_KEY: info.api_v2_key,
  };
  const [seeded] = emulator.seed({ count: 1, total: 1000 });
  order = seeded?.out_trade_no ?? '';
});
afterAll(async () => local.close());

/** One fen of the order goes back, under this number. */
async function refund(number: string, env: Record<string, string>, ...flags: string[]): Promise<RunResult> {
  const fields = { out_trade_no: order, out_refund_no: number, total_fee: '1000', refund_fee: '1' };
  const words = Object.entries(fields).flatMap(([name, value]) => ['-f', `${name}=${value}`]);
  return local.run(['api', '--v2', '/secapi/pay/refund', ...words, ...flags], { env: { ...base, ...env } });
}
const pem = (files: Pick<MerchantFiles, 'certificateFile' | 'keyPem'>): Record<string, string> => ({
  WXPAY_CLIENT_CERT_FILE: files.certificateFile,
  WXPAY_PRIVATE_KEY: files.keyPem,
});
const refunded = (): readonly string[] => local.emulator.ledger().refunds.map(({ out_refund_no }) => out_refund_no);

describe('accepted', () => {
  test('as PEM', async () => {
    const result = await refund('R_PEM', { WXPAY_CLIENT_CERT_FILE: local.info.certificate_file });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(refunded()).toContain('R_PEM');
  });

  test('as .p12, whose passphrase is the merchant number', async () => {
    const result = await refund('R_P12', { WXPAY_CLIENT_CERT_FILE: local.info.p12_file });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(refunded()).toContain('R_P12');
  });
});

describe('refused, with nothing refunded and no doubt about it', () => {
  const passphrase = (): string => {
    const file = join(local.home.dir, 'passphrase');
    writeFileSync(file, '1900000002', { mode: 0o600 });
    return `file:${file}`;
  };
  const cases: readonly [string, () => Record<string, string>, number, string, string, string][] = [
    ['a missing one', () => ({}), 3, 'CREDENTIAL_MISSING', 'not_sent', 'WXPAY_CLIENT_CERT_FILE'],
    ['an expired one', () => pem(expired), 3, 'CERTIFICATE_EXPIRED', 'not_sent', 'expired on|过期'],
    [
      'an expired .p12',
      () => ({ WXPAY_CLIENT_CERT_FILE: expired.p12File }),
      3,
      'CERTIFICATE_EXPIRED',
      'not_sent',
      'expired on|过期',
    ],
    [
      "another merchant's",
      () => ({ WXPAY_CLIENT_CERT_FILE: other.p12File, WXPAY_CLIENT_CERT_PASSPHRASE: passphrase() }),
      3,
      'CLIENT_CERTIFICATE_MISMATCH',
      'not_sent',
      '1900000002',
    ],
    [
      'one that is no pair with the key',
      () => ({ WXPAY_CLIENT_CERT_FILE: foreign.certificateFile }),
      3,
      'KEY_CERTIFICATE_MISMATCH',
      'not_sent',
      'key|私钥',
    ],
    ['one that WeChat Pay did not issue', () => pem(foreign), 14, 'CLIENT_CERTIFICATE_REFUSED', 'rejected', 'HTTP 400'],
  ];

  test.each(cases)('%s', async (title, env, code, name, outcome, text) => {
    const number = `R_${cases.findIndex(([other]) => other === title)}`;
    const result = await refund(number, env(), '--json');
    expect([result.code, errorOf(result)['code'], errorOf(result)['outcome']]).toEqual([code, name, outcome]);
    for (const lang of ['en', 'zh-CN']) {
      const shown = await refund(number, env(), '--lang', lang);
      expect(shown.code).toBe(code);
      expect(shown.stderr).toMatch(new RegExp(text));
      if (lang === 'zh-CN') expect(shown.stderr).toMatch(/证书|client_cert_file/);
    }
    expect(refunded()).not.toContain(number);
  });

  test.each([
    [45, 'the client certificate has expired'],
    [48, 'the server does not know who issued the client certificate'],
    [42, 'it is not accepted'],
  ])('by alert %i in the handshake: exit 7, since nothing can have been sent', async (alert, text) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert])));
    });
    const port = await listening(server);
    const env = { WXPAY_CLIENT_CERT_FILE: local.info.p12_file, WXPAY_BASE_URL: `https://127.0.0.1:${port}` };
    const result = await refund(`R_ALERT_${alert}`, env, '--json');
    server.close();
    expect([result.code, errorOf(result)['code'], errorOf(result)['outcome']]).toEqual([7, 'NETWORK_TLS', 'not_sent']);
    expect(errorOf(result)['message']).toContain(text);
  });

  test('a server whose CA is not given: exit 7, and nothing was sent', async () => {
    const result = await refund(
      'R_CA',
      { WXPAY_CLIENT_CERT_FILE: local.info.p12_file, WXPAY_CA_FILE: foreign.certificateFile },
      '--json',
    );
    expect([result.code, errorOf(result)['code'], errorOf(result)['outcome']]).toEqual([7, 'NETWORK_TLS', 'not_sent']);
    expect(refunded()).not.toContain('R_CA');
  });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
