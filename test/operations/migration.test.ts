/** The phases of a migration that an emulator does not show, and the faults that go up. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import type { ApiRequest, Transport, VerificationKey } from '../../src/core/ports.ts';
import { echo } from '../../src/operations/echo.ts';
import { inspectMigration, type MigrationReport } from '../../src/operations/migration.ts';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey: VerificationKey = { id: 'PUB_KEY_ID_01', kind: 'wechatpay-public-key', publicKey: pair.publicKey };
const certificate: VerificationKey = {
  id: 'AA'.repeat(20),
  kind: 'platform-certificate',
  publicKey: pair.publicKey,
  expiresAt: 2_000_000_000_000,
};
const now = 1_800_000_000_000;

/** Echoes what it was sent, signed by this key. */
function echoing(signer: string, change: (body: Record<string, unknown>) => unknown = (body) => body): Transport {
  return async (request: ApiRequest) => ({
    status: 200,
    headers: {},
    body: Buffer.from(
      JSON.stringify(change(JSON.parse(Buffer.from(request.body).toString()) as Record<string, unknown>)),
    ),
    trust: 'verified',
    serial: signer,
    host: 'h',
  });
}

function inspect(
  keys: readonly VerificationKey[],
  transport: Transport,
  download: 'offered' | 'none' | WxpayError = 'offered',
): Promise<MigrationReport> {
  return inspectMigration({
    ring: { list: async () => keys },
    clock: { now: () => now },
    hasApiV3Key: true,
    message: 'm',
    transport: async () => transport,
    download: async () => {
      if (download === 'none') throw new WxpayError('CERTIFICATES_NONE');
      if (download instanceof WxpayError) throw download;
      return { downloadedAt: now, certificates: [] };
    },
  });
}

describe('a migration', () => {
  test('is ready when all is here and answers still come with the certificate', async () => {
    const { phase, steps } = await inspect([publicKey, certificate], echoing(certificate.id));
    expect(phase).toBe('ready');
    expect(steps.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done', 'todo', 'open', 'open']);
    expect(steps[4]).toMatchObject({ detail: 'answers_by_certificate', params: { serial: certificate.id } });
  });

  test('is not ready while the certificates that still sign are not at hand, or have expired', async () => {
    const expired = { ...certificate, expiresAt: now - 1 };
    for (const keys of [[publicKey], [publicKey, expired]])
      expect((await inspect(keys, echoing(certificate.id))).phase).toBe('preparing');
  });

  test('is switching, then finished, by what signs and what is offered', async () => {
    expect((await inspect([publicKey, certificate], echoing(publicKey.id))).phase).toBe('switching');
    expect((await inspect([publicKey], echoing(publicKey.id), 'none')).phase).toBe('finished');
  });

  test('passes on what is no statement about it', async () => {
    const down = new WxpayError('NETWORK_DNS');
    await expect(inspect([publicKey], echoing(publicKey.id), down)).rejects.toBe(down);
    const transport: Transport = async () => {
      throw new WxpayError('NETWORK_TIMEOUT');
    };
    await expect(inspect([publicKey], transport)).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT' });
  });
});

describe('an echo', () => {
  const ask = (transport: Transport, merchantKey = pair.privateKey): ReturnType<typeof echo> =>
    echo({ transport, key: publicKey, message: 'hello', merchantKey });

  test('names the key, may be repeated, and is believed when it comes back', async () => {
    let sent: ApiRequest | undefined;
    const transport = echoing('X', (body) => body);
    const proof = await ask(async (request) => {
      sent = request;
      return transport(request);
    });
    expect(proof).toEqual({ signer: 'X', encryption: true });
    expect(sent).toMatchObject({ effect: 'read', headers: { 'wechatpay-serial': publicKey.id } });
  });

  test.each([
    ['another message', { echo_message: 'bye' }],
    ['no message', {}],
    ['no encrypted message', { echo_message: 'hello' }],
    ['a number', { echo_message: 5 }],
  ])('C4: refuses %s', async (_, body) => {
    await expect(ask(echoing('X', () => body))).rejects.toMatchObject({ code: 'ANSWER_MISMATCH' });
  });

  test('refuses what was encrypted for somebody else', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await expect(ask(echoing('X'), privateKey)).rejects.toMatchObject({ code: 'DECRYPT_FAILED' });
  });
});
