import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { eventTemplates } from '../../../src/operations/callback/event-templates.ts';
import { eventTypes, makeEvent, ownEvent } from '../../../src/operations/callback/events.ts';
import { parseRawHttp } from '../../../src/operations/callback/capture/raw-http.ts';
import { damages, makeMessage, rawMessage, type Damage, type Message } from '../../../src/operations/callback/send.ts';
import { verifyCallback, type CallbackReport } from '../../../src/operations/callback/verify.ts';
import { foreignKey } from './staged-callback.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const now = Date.UTC(2026, 10, 24, 2, 0, 0);
const serial = '5157F09EFDC096DE15EBE81A47057A7232F1B8E1';
const apiV3Key = Buffer.from('0123456789abcdef0123456789abcdef');
const keys = {
  find: async (id: string) =>
    id === serial ? { id, kind: 'platform-certificate' as const, publicKey: createPublicKey(privateKey) } : undefined,
  apiV3Key,
  mchid: '1900000001',
  appid: 'wx1',
};
const story = { mchid: '1900000001', appid: 'wx1', subMchid: '1900000109', now, randomBytes };
const sealing = { key: { id: serial, privateKey }, foreignKey: () => foreignKey, apiV3Key, now, randomBytes };
const envelope = { id: 'EV-1', create_time: '2026-11-24T10:00:00+08:00' };

async function judge(message: Message, at = now): Promise<CallbackReport> {
  return verifyCallback(parseRawHttp(rawMessage(message, '/notify', 'localhost')), keys, at);
}

const forms = eventTypes.flatMap((type) => [
  [type, undefined] as const,
  ...Object.keys(eventTemplates[type]?.variants ?? {}).map((variant) => [type, variant] as const),
]);

test.each(forms)('%s (%s) is a callback that verifies, decrypts and says nothing odd', async (type, variant) => {
  const event = makeEvent(type, variant, story);
  const report = await judge(makeMessage(event, envelope, sealing, undefined));
  expect(report).toMatchObject({ verdict: 'valid', remarks: [], envelope: { event_type: type, id: 'EV-1' } });
  expect(report.resource).toEqual(event.resource);
  // Nothing is left of a template.
  expect(JSON.stringify(event)).not.toMatch(/\{[a-z_]+\}|undefined|null/);
  expect(event.event_type.length).toBeLessThanOrEqual(64);
  expect(event.associated_data.length).toBeLessThanOrEqual(16);
});

/** Which step a verifier stops at, for every damage. */
const codes: Readonly<Record<Damage, string>> = {
  body: 'SIGNATURE_WRONG',
  'body-text': 'SIGNATURE_WRONG',
  'body-cut': 'SIGNATURE_WRONG',
  'body-empty': 'SIGNATURE_WRONG',
  signature: 'SIGNATURE_WRONG',
  'signature-form': 'SIGNATURE_HEADER_INVALID',
  'signature-empty': 'SIGNATURE_HEADER_INVALID',
  probe: 'SIGNATURE_PROBE',
  timestamp: 'SIGNATURE_WRONG',
  stale: 'SIGNATURE_STALE',
  future: 'SIGNATURE_STALE',
  'timestamp-ms': 'SIGNATURE_HEADER_INVALID',
  nonce: 'SIGNATURE_WRONG',
  serial: 'SIGNATURE_SERIAL_UNKNOWN',
  key: 'SIGNATURE_WRONG',
  type: 'SIGNATURE_TYPE_UNSUPPORTED',
  'missing-timestamp': 'SIGNATURE_HEADER_INVALID',
  'missing-nonce': 'SIGNATURE_HEADER_INVALID',
  'missing-serial': 'SIGNATURE_HEADER_INVALID',
  'missing-signature': 'SIGNATURE_HEADER_INVALID',
  'missing-all': 'SIGNATURE_MISSING',
  'duplicate-signature': 'SIGNATURE_HEADER_INVALID',
  ciphertext: 'DECRYPT_FAILED',
  'api-v3-key': 'DECRYPT_FAILED',
  'associated-data': 'DECRYPT_FAILED',
  json: 'CALLBACK_MALFORMED',
  mchid: 'ANSWER_MISMATCH',
};

test.each(damages)('C1 to C10: what is broken by "%s" is refused, and for that alone', async (damage) => {
  const event = makeEvent('TRANSACTION.SUCCESS', undefined, story);
  const report = await judge(makeMessage(event, envelope, sealing, damage));
  expect(report).toMatchObject({ verdict: 'invalid', failure: { code: codes[damage] } });
});

describe('a stale message', () => {
  test.each([
    ['stale', -600_000],
    ['future', 600_000],
  ] as const)('(%s) was signed rightly at its own time', async (damage, skew) => {
    const message = makeMessage(makeEvent('REFUND.SUCCESS', undefined, story), envelope, sealing, damage);
    expect((await judge(message, now + skew)).verdict).toBe('valid');
  });
});

test('an event of the future is sent with a resource of its own', async () => {
  const event = ownEvent('NEW_THING.HAPPENED', { a: 1 }, undefined);
  expect(event).toMatchObject({ original_type: 'new_thing', associated_data: 'new_thing' });
  expect(await judge(makeMessage(event, envelope, sealing, undefined))).toMatchObject({
    verdict: 'valid',
    resource: { a: 1 },
  });
});

test('keys made for tests are not in the message', () => {
  const text = rawMessage(
    makeMessage(makeEvent('REFUND.SUCCESS', undefined, story), envelope, sealing, undefined),
    '/',
    'a',
  ).toString('latin1');
  expect(text).not.toContain(apiV3Key.toString());
  expect(text).not.toContain(createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).asymmetricKeyType!);
});
