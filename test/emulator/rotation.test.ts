/** Keys that change while the emulator runs, and the echo endpoint; the judges are node:crypto and the project's client. */
import { constants, createPublicKey, privateDecrypt, publicEncrypt, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { controlPrefix, tokenHeader } from '../../src/emulator/control-protocol.ts';
import type { RotationState } from '../../src/emulator/rotation.ts';
import { startReceiver } from '../../src/operations/callback/receive.ts';
import { runInProcess } from '../helpers/in-process.ts';
import { startLocal, type Local } from '../helpers/local.ts';

let local: Local;
let first: string;
beforeAll(async () => {
  local = await startLocal();
  first = local.info.platform_serial_no ?? '';
});
afterAll(() => local.close());

const listed = async (): Promise<readonly { serial_no: string; expire_time: string }[]> => {
  const result = await runInProcess(['certs', 'download', '--json'], { env: { ...local.home.env, ...local.env } });
  if (result.code !== 0) throw new Error(result.stderr);
  return (JSON.parse(result.stdout) as { certificates: { serial_no: string; expire_time: string }[] }).certificates;
};

test('a new certificate is issued beside the old one, takes over, and remains', async () => {
  const issued = await local.emulator.rotate({ step: 'issue', oldDays: 10 });
  expect(issued).toMatchObject({ mode: 'mixed', signing: first, listed: [first, expect.any(String)] });
  const both = await listed();
  expect(both.map(({ serial_no }) => serial_no)).toEqual(issued.listed);
  expect(Date.parse(both[0]?.expire_time ?? '')).toBeLessThan(Date.now() + 11 * 86_400_000);
  const switched = await local.emulator.rotate({ step: 'switch' });
  expect(switched.signing).toBe(issued.listed[1]);
  expect(await listed()).toHaveLength(2);
  expect((await local.emulator.rotate({ step: 'retire' })).listed).toEqual([issued.listed[1]]);
  expect(await listed()).toHaveLength(1);
  expect(new X509Certificate(readFileSync(switched.files[1] ?? '')).serialNumber).toBe(issued.listed[1]);
});

test('without a step it issues and switches; a share signs that share', async () => {
  const state = await local.emulator.rotate();
  expect(state.signing).toBe(state.listed[1]);
  expect(state.listed[0]).not.toBe(first);
  await local.emulator.rotate({ step: 'issue' });
  await local.emulator.rotate({ step: 'switch', share: 0.5 });
  const serials = new Set<string>();
  for (let n = 0; n < 4; n += 1) {
    const { signing } = await answer('GET', '/v3/certificates');
    serials.add(signing);
  }
  expect(serials.size).toBe(2);
});

test('the mode changes in both directions', async () => {
  expect((await local.emulator.rotate({ mode: 'public-key' })).listed).toEqual([]);
  await expect(listed()).rejects.toThrow(/public key/);
  const { listed: serials } = await local.emulator.rotate({ mode: 'certificate' });
  expect((await listed()).map(({ serial_no }) => serial_no)).toEqual(serials);
  await local.emulator.rotate({ mode: 'mixed' });
});

test.each([[{ step: 'twist' }], [{ days: -3 }], [{ share: 2 }], [{ mode: 'x' }]])('refuses %j', async (request) => {
  await expect(local.emulator.rotate(request as never)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('the control API rotates too, and refuses what it does not know', async () => {
  const control = async (body: object): Promise<{ status: number; state: RotationState }> => {
    const response = await fetch(`${local.emulator.url}${controlPrefix}rotate`, {
      method: 'POST',
      headers: { [tokenHeader]: local.emulator.controlToken, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, state: (await response.json()) as RotationState };
  };
  expect(await control({ step: 'issue', old_days: 5 })).toMatchObject({ status: 200, state: { mode: 'mixed' } });
  expect(await control({ stepp: 'issue' })).toMatchObject({ status: 400 });
});

test('the command rotates a running emulator, and refuses what is no number', async () => {
  const dir = join(local.home.dir, 'emulator');
  const run = (...flags: string[]): ReturnType<typeof runInProcess> =>
    runInProcess(['emulator', 'rotate', '--dir', dir, ...flags], { env: local.home.env });
  const issued = await run('--step', 'issue', '--old-days', '10', '--days', '-0.5', '--json');
  expect(issued.code, issued.stderr).toBe(0);
  expect(JSON.parse(issued.stdout)).toMatchObject({ mode: 'mixed' });
  expect(await run('--mode', 'public-key')).toMatchObject({ code: 0, stdout: expect.stringMatching(/PUB_KEY_ID/) });
  expect(await run('--mode', 'mixed')).toMatchObject({ code: 0 });
  for (const flags of [
    ['--days', 'x'],
    ['--share', '2'],
    ['--step', 'twist'],
    ['--days', '-5'],
  ])
    expect(await run(...flags)).toMatchObject({ code: 2 });
});

describe('POST /v3/security/echo', () => {
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;
  const merchantKey = (): string => readFileSync(local.info.private_key_file, 'utf8');
  const encrypted = (text: string): string =>
    publicEncrypt(
      { key: createPublicKey(readFileSync(local.info.public_key_file ?? '')), ...oaep },
      Buffer.from(text),
    ).toString('base64');
  const named = { 'wechatpay-serial': '' };
  beforeEach(() => {
    named['wechatpay-serial'] = local.info.public_key_id ?? '';
  });

  test('decrypts with the named key and encrypts for the merchant', async () => {
    const body = { echo_message: 'hello', encrypted_echo_message: encrypted('张三') };
    const { status, json, signing } = await answer('POST', '/v3/security/echo', body, named);
    expect([status, json['echo_message'], signing]).toEqual([200, 'hello', local.info.public_key_id]);
    const back = privateDecrypt(
      { key: merchantKey(), ...oaep },
      Buffer.from(String(json['encrypted_echo_message']), 'base64'),
    );
    expect(back.toString()).toBe('张三');
  });

  test.each([
    ['no Wechatpay-Serial', { echo_message: 'a' }, {}],
    ['an unknown one', { echo_message: 'a' }, { 'wechatpay-serial': 'PUB_KEY_ID_1' }],
    ['no message', {}, undefined],
    ['a field that does not open', { echo_message: 'a', encrypted_echo_message: 'AAAA' }, undefined],
    ['an unknown member', { echo_message: 'a', x: 1 }, undefined],
  ])('refuses %s', async (_, body, headers) => {
    expect(await answer('POST', '/v3/security/echo', body, headers ?? named)).toMatchObject({
      status: 400,
      json: { code: 'PARAM_ERROR' },
    });
  });

  test('delivers a callback', async () => {
    const receiver = await startReceiver();
    try {
      const body = { echo_message: 'ping', notify_url: receiver.url };
      expect(await answer('POST', '/v3/security/echo', body, named)).toMatchObject({ status: 200 });
      const { raw } = await receiver.next(AbortSignal.timeout(60_000));
      expect(raw.toString()).toContain('SECURITY_ECHO.SUCCESS');
      const opened = await runInProcess(['verify-callback', '--json'], {
        env: { ...local.home.env, ...local.env },
        input: raw,
      });
      expect(JSON.parse(opened.stdout)).toMatchObject({ verdict: 'valid', resource: { echo_message: 'ping' } });
    } finally {
      await receiver.close();
    }
  });
});

/** One signed request with the project's own signer, over fetch. */
async function answer(
  method: string,
  target: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; json: Record<string, unknown>; signing: string }> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const signed = await runInProcess(['sign', method, target, ...(text === '' ? [] : ['--data', text]), '--quiet'], {
    env: { ...local.home.env, ...local.env },
  });
  const response = await fetch(`${local.emulator.url}${target}`, {
    method,
    headers: {
      authorization: signed.stdout.trim(),
      accept: 'application/json',
      'user-agent': 'test',
      ...(text === '' ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(text === '' ? {} : { body: text }),
  });
  return {
    status: response.status,
    json: (await response.json()) as Record<string, unknown>,
    signing: response.headers.get('wechatpay-serial') ?? '',
  };
}
