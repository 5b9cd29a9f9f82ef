/** `wxpay callback trigger` and `replay` as commands, against an app that verifies by hand. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';
import { holds, platformKey, wechatpayKey } from '../../../emulator/raw-client.ts';
import { decrypt } from '../../../emulator/receiver.ts';

interface Arrival {
  readonly headers: Record<string, string[]>;
  readonly raw: readonly string[];
  readonly body: Buffer;
}

let local: Local;
let url: string;
let close: () => Promise<void>;
const arrivals: Arrival[] = [];

/** An app that checks what every SDK checks: the headers, the signature, the ciphertext. */
beforeAll(async () => {
  local = await startLocal();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = request.headersDistinct as Record<string, string[]>;
      const body = Buffer.concat(chunks);
      arrivals.push({ headers, raw: request.rawHeaders, body });
      const key = [platformKey(local.info), wechatpayKey(local.info)].find((candidate) =>
        holds(headers, body.toString('utf8'), candidate),
      );
      if (key === undefined) {
        response.writeHead(401).end('{"code":"FAIL","message":"\u001B[2J签名错误"}');
        return;
      }
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`;
  close = async () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
});
afterAll(async () => {
  await close();
  await local.close();
});

async function wxpay(argv: readonly string[], input?: string): Promise<RunResult> {
  return runInProcess(argv, {
    env: { HOME: local.home.dir, WXPAY_LANG: 'en', ...local.env },
    cwd: local.home.dir,
    ...(input === undefined ? {} : { input }),
  });
}

const trigger = async (...argv: string[]): Promise<RunResult> =>
  wxpay(['callback', 'trigger', '--to', url, '--dir', 'emulator', ...argv]);
const data = ({ stdout }: RunResult): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

test('a payment arrives signed and encrypted, and its acceptance is a pass', async () => {
  const result = await trigger('transaction.success', '--set', 'amount.total=1290', '-f', 'attach=shop=7', '--json');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(data(result)).toMatchObject({
    event_type: 'TRANSACTION.SUCCESS',
    passed: true,
    expected: 'ok',
    break: null,
    answer: { status: 204, in_time: true, failure: null },
    resource: { mchid: local.info.mchid, appid: local.info.appid, attach: 'shop=7', amount: { total: 1290 } },
  });
  const envelope = JSON.parse(arrivals.at(-1)!.body.toString()) as { id: string; resource: Record<string, string> };
  expect(envelope.id).toBe(data(result)['id']);
  expect(decrypt(envelope.resource, local.info.api_v3_key)).toEqual(data(result)['resource']);
});

test.each([['--break', 'body'], ['--break', 'timestamp'], ['--break', 'key'], ['--probe']])(
  'a refusal of what is broken is a pass: %s %s',
  async (...flags) => {
    const result = await trigger('REFUND.SUCCESS', ...flags, '--json');
    expect(result.code).toBe(0);
    expect(data(result)).toMatchObject({ passed: true, expected: 'fail', answer: { status: 401 } });
  },
);

test('E7: an app that accepts what it should refuse does not pass, and what it says does no harm', async () => {
  // This one checks no APIv3 key.
  const accepted = await trigger('REFUND.SUCCESS', '--break', 'api-v3-key');
  expect(accepted.code).toBe(6);
  expect(accepted.stdout).toContain('Not as expected');
  expect(accepted.stdout).toContain('acknowledged a callback that it must refuse');
  const refused = await trigger('REFUND.SUCCESS', '--break', 'nonce', '--expect', 'ok');
  expect(refused.code).toBe(6);
  expect(refused.stdout).toContain('签名错误');
  expect(refused.stdout).not.toContain('\u001B');
});

test('an app that is not there is exit 7, whatever was expected', async () => {
  const argv = ['callback', 'trigger', 'REFUND.CLOSED', '--to', 'http://127.0.0.1:1/', '--dir', 'emulator'];
  const result = await wxpay([...argv, '--expect', 'fail']);
  expect(result.code).toBe(7);
  expect(result.stdout).toContain('nobody listens there');
  expect(result.stdout).toContain('Start the app');
});

test('the public key of the emulator signs when it is asked for', async () => {
  expect((await trigger('COMPLAINT.CREATE', '--sign-with', 'public-key')).code).toBe(0);
  expect(arrivals.at(-1)!.headers['wechatpay-serial']).toEqual([local.info.public_key_id]);
});

test('a key of one’s own signs, with the APIv3 key of the profile', async () => {
  const flags = ['--key', local.info.platform_certificate_file!.replace('cert', 'key')];
  const result = await trigger(
    'PAYSCORE.USER_PAID',
    ...flags,
    '--serial',
    local.info.platform_serial_no!.toLowerCase(),
  );
  expect(result.code).toBe(0);
  expect(arrivals.at(-1)!.headers['wechatpay-serial']).toEqual([local.info.platform_serial_no]);
});

test('after a rotation the running emulator’s certificate signs', async () => {
  const before = local.emulator.info.platform_serial_no;
  const rotated = await startLocal();
  try {
    await rotated.emulator.rotate({});
    const argv = ['callback', 'trigger', 'REFUND.SUCCESS', '--to', url, '--dir', join(rotated.home.dir, 'emulator')];
    await wxpay([...argv, '--expect', 'any']);
    const serial = arrivals.at(-1)!.headers['wechatpay-serial'];
    expect(serial).toEqual([rotated.emulator.infoOf(rotated.info.mchid).platform_serial_no]);
    expect(serial).not.toEqual([rotated.info.platform_serial_no]);
    expect(serial).not.toEqual([before]);
  } finally {
    await rotated.close();
  }
});

test('nothing is sent in a dry run, and what would be is shown', async () => {
  const count = arrivals.length;
  const result = await trigger('REFUND.SUCCESS', '--dry-run');
  expect(result.code).toBe(0);
  expect(result.stdout).toContain('POST /notify HTTP/1.1\nHost: ');
  expect(result.stdout).toContain('Wechatpay-Signature: ');
  expect(arrivals).toHaveLength(count);
});

test('--list names events and faults', async () => {
  expect(data(await wxpay(['callback', 'trigger', '--list', '--json']))).toMatchObject({
    events: expect.arrayContaining(['TRANSACTION.SUCCESS', 'COMPLAINT.CREATE']) as string[],
    breaks: expect.arrayContaining(['body', 'signature', 'timestamp', 'serial', 'nonce', 'key']) as string[],
  });
});

test('an event that nobody knows is sent with a resource that is given', async () => {
  const result = await trigger('NEW.THING', '--data', '{"a":{"b":1}}', '--set', 'a.b=2', '--json');
  expect(data(result)).toMatchObject({ event_type: 'NEW.THING', resource: { a: { b: 2 } }, passed: true });
});

describe('nothing is sent', () => {
  test.each<[string, readonly string[], number]>([
    ['without an event', [], 2],
    ['for an event that nobody knows', ['REFUND.DONE'], 2],
    ['for a field that is not there', ['REFUND.SUCCESS', '--set', 'amount.totl=1'], 2],
    ['for a number that is none', ['REFUND.SUCCESS', '--set', 'amount.total=1.5'], 2],
    ['for a pair that is none', ['REFUND.SUCCESS', '--set', 'amount.total'], 2],
    ['for JSON that is none', ['REFUND.SUCCESS', '-F', 'amount={'], 2],
    ['for a fault that nobody knows', ['REFUND.SUCCESS', '--break', 'everything'], 2],
    ['for two faults', ['REFUND.SUCCESS', '--break', 'body', '--probe'], 2],
    ['for an expectation that is none', ['REFUND.SUCCESS', '--expect', 'maybe'], 2],
    ['for a key without its serial', ['REFUND.SUCCESS', '--key', 'k.pem'], 2],
    ['for a serial that is none', ['REFUND.SUCCESS', '--key', 'k.pem', '--serial', '你'], 2],
    ['for a key that is not there', ['REFUND.SUCCESS', '--key', 'k.pem', '--serial', '0A0B0C0D'], 3],
    ['for a merchant that the emulator does not have', ['REFUND.SUCCESS', '--mchid', '1900009999'], 5],
    ['where no emulator ever was', ['REFUND.SUCCESS', '--dir', 'nowhere'], 3],
  ])('%s', async (_why, argv, code) => {
    const count = arrivals.length;
    expect(await trigger(...argv)).toMatchObject({ code, stdout: '' });
    expect(arrivals).toHaveLength(count);
  });

  test.each([
    ['http://169.254.169.254/', 2],
    ['https://api.mch.weixin.qq.com/', 2],
    ['https://example.com/', 2],
    ['file:///etc/passwd', 2],
  ])('I4: to %s', async (to, code) => {
    const argv = ['callback', 'trigger', 'REFUND.SUCCESS', '--to', to, '--dir', 'emulator'];
    expect(await wxpay(argv)).toMatchObject({ code, stdout: '' });
  });
});

describe('replay', () => {
  test('sends a capture again, byte for byte, all of its headers and no others', async () => {
    const kept = await trigger('TRANSACTION.SUCCESS', '--out', 'kept.http');
    expect(kept.code).toBe(0);
    const file = join(local.home.dir, 'kept.http');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const first = arrivals.at(-1)!;
    const result = await wxpay(['callback', 'replay', 'kept.http', '--to', url, '--expect', 'ok', '--json']);
    expect(result).toMatchObject({ code: 0 });
    expect(data(result)).toMatchObject({ passed: true, bytes: first.body.length, answer: { status: 204 } });
    const again = arrivals.at(-1)!;
    expect(again.body.equals(first.body)).toBe(true);
    expect(again.headers).toEqual(first.headers);
    // It is what verify-callback reads, too.
    expect((await wxpay(['verify-callback', 'kept.http'])).code).toBe(0);
    expect((await trigger('TRANSACTION.SUCCESS', '--out', 'kept.http')).code).toBe(3);
  });

  test('sends bytes that are no text, and odd JSON, as they are', async () => {
    const body = Buffer.concat([
      Buffer.from('{ "b" : 1,\r\n"a":"\\/"}\n\u{FEFF}'),
      randomBytes(4096),
      Buffer.of(0, 10),
    ]);
    writeFileSync(
      join(local.home.dir, 'odd.http'),
      Buffer.concat([Buffer.from('POST /x HTTP/1.1\r\nHost: a\r\nX-Odd: \u00e4\r\n\r\n', 'latin1'), body]),
    );
    const result = await wxpay(['callback', 'replay', 'odd.http', '--to', url]);
    expect(result.code).toBe(0);
    expect(arrivals.at(-1)!.body.equals(body)).toBe(true);
    expect(arrivals.at(-1)!.headers['x-odd']).toEqual(['\u00e4']);
  });

  test('says that an old one will be refused by whoever checks the time', async () => {
    const old = readFileSync(join(local.home.dir, 'kept.http'), 'latin1').replace(
      /Wechatpay-Timestamp: \d+/,
      'Wechatpay-Timestamp: 1700000000',
    );
    const result = await wxpay(['callback', 'replay', '-', '--to', url, '--expect', '401'], old);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('minutes ago');
  });

  test.each([
    ['a file that is not there', ['nothing.http', '--to', 'http://127.0.0.1:1/'], 2],
    ['no target', ['kept.http'], 2],
    ['an app that is not there', ['kept.http', '--to', 'http://127.0.0.1:1/'], 7],
  ])('%s', async (_why, argv, code) => {
    expect((await wxpay(['callback', 'replay', ...argv])).code).toBe(code);
  });
});
