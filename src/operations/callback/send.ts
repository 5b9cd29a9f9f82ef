/** Makes callbacks as WeChat Pay does, perfect or broken in one chosen way (protocol 6.1). Nothing here sends. */
import type { KeyObject } from 'node:crypto';
import { encryptAesGcm } from '../../core/crypto/aes-gcm.ts';
import { signSha256 } from '../../core/crypto/rsa.ts';
import { authorizationScheme } from '../../core/wire/authorization.ts';
import { answerMessage } from '../../core/wire/message.ts';
import { probePrefix } from '../../core/wire/verify.ts';
import type { EventContent } from './events.ts';

/** Header lines in the order in which they are sent. */
export type HeaderLines = readonly (readonly [string, string])[];

/** A callback on the wire. */
export interface Message {
  readonly headers: HeaderLines;
  readonly body: Buffer;
}

/** What an app must refuse, one fault at a time: everything else about the message is right. */
export const damages = [
  /** One space more in the body than was signed: what parsing and writing the JSON again does. */
  'body',
  /** One letter of the body is another. */
  'body-text',
  /** The body is cut in half. */
  'body-cut',
  'body-empty',
  /** Valid base64 of the right length, by the right key, of something else. */
  'signature',
  /** No base64. */
  'signature-form',
  'signature-empty',
  /** The deliberate wrong signature that WeChat Pay sends now and then (protocol 2). */
  'probe',
  /** The header says a second more than was signed. */
  'timestamp',
  /** Signed ten minutes ago, or ten minutes ahead. */
  'stale',
  'future',
  /** In milliseconds, and signed so. */
  'timestamp-ms',
  'nonce',
  /** A serial that nobody knows. */
  'serial',
  /** Signed by a key of somebody else under the right serial. */
  'key',
  /** Another signature type. */
  'type',
  'missing-timestamp',
  'missing-nonce',
  'missing-serial',
  'missing-signature',
  'missing-all',
  /** Two signature headers, the right one first. */
  'duplicate-signature',
  /** Signed as it should be; the tag of the ciphertext does not hold. */
  'ciphertext',
  /** Signed as it should be, encrypted with another APIv3 key. */
  'api-v3-key',
  /** Signed as it should be; the associated data is not what was encrypted with. */
  'associated-data',
  /** Signed as it should be, and no JSON. */
  'json',
  /** Signed as it should be, for another merchant. */
  'mchid',
] as const;
export type Damage = (typeof damages)[number];

export interface Envelope {
  readonly id: string;
  /** RFC 3339. */
  readonly create_time: string;
}

export interface Sealing {
  readonly key: { readonly id: string; readonly privateKey: KeyObject };
  /** A key that no merchant knows, for the damage `key`; made only when it is asked for. */
  readonly foreignKey: () => KeyObject;
  /** 32 bytes. */
  readonly apiV3Key: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/**
 * The signed and encrypted message of an event.
 *
 * @param damage the one thing that is wrong with it
 */
export function makeMessage(
  event: EventContent,
  envelope: Envelope,
  sealing: Sealing,
  damage: Damage | undefined,
): Message {
  const signed = makeBody(event, envelope, sealing, damage);
  const body = damageBody(signed, damage);
  const headers: HeaderLines = [
    ['Content-Type', 'application/json'],
    ['Content-Length', String(body.length)],
    ['User-Agent', 'Mozilla/4.0'],
    ['Accept', '*/*'],
    ['Request-ID', `${sealing.randomBytes(18).toString('hex').toUpperCase()}-0`],
    ...signatureLines(signed, sealing, damage),
  ];
  return { headers, body };
}

function makeBody(event: EventContent, envelope: Envelope, sealing: Sealing, damage: Damage | undefined): Buffer {
  const { randomBytes } = sealing;
  const resource = damage === 'mchid' ? ofAnother(event.resource) : event.resource;
  const nonce = randomBytes(6).toString('hex');
  const ciphertext = encryptAesGcm({
    key: damage === 'api-v3-key' ? randomBytes(32) : sealing.apiV3Key,
    nonce,
    associatedData: event.associated_data,
    plaintext: JSON.stringify(resource),
  });
  const body = JSON.stringify({
    ...envelope,
    resource_type: 'encrypt-resource',
    event_type: event.event_type,
    summary: event.summary,
    resource: {
      original_type: event.original_type,
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: damage === 'ciphertext' ? otherTag(ciphertext) : ciphertext,
      associated_data: damage === 'associated-data' ? `${event.associated_data}x` : event.associated_data,
      nonce,
    },
  });
  return Buffer.from(damage === 'json' ? body.slice(0, -1) : body, 'utf8');
}

/** The same resource of a merchant whose number ends otherwise. */
function ofAnother(resource: EventContent['resource']): EventContent['resource'] {
  const names = ['mchid', 'sp_mchid', 'combine_mchid', 'mch_id'];
  return Object.fromEntries(
    Object.entries(resource).map(([name, value]) =>
      names.includes(name) && typeof value === 'string' ? [name, otherEnd(value)] : [name, value],
    ),
  );
}

function otherEnd(text: string): string {
  return `${text.slice(0, -1)}${text.endsWith('9') ? '8' : '9'}`;
}

function otherTag(ciphertext: string): string {
  const bytes = Buffer.from(ciphertext, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return bytes.toString('base64');
}

function damageBody(signed: Buffer, damage: Damage | undefined): Buffer {
  if (damage === 'body') return Buffer.concat([signed.subarray(0, 1), Buffer.from(' '), signed.subarray(1)]);
  // A member's name, so that it stays JSON whatever the content.
  if (damage === 'body-text') return Buffer.from(signed.toString('utf8').replace('"summary"', '"Summary"'), 'utf8');
  if (damage === 'body-cut') return signed.subarray(0, Math.floor(signed.length / 2));
  return damage === 'body-empty' ? Buffer.alloc(0) : signed;
}

function signatureLines(body: Buffer, sealing: Sealing, damage: Damage | undefined): HeaderLines {
  const { key, now, randomBytes } = sealing;
  const skew = damage === 'stale' ? -600 : damage === 'future' ? 600 : 0;
  const seconds = Math.floor(now / 1000) + skew;
  const timestamp = damage === 'timestamp-ms' ? String(seconds * 1000) : String(seconds);
  const nonce = randomBytes(16).toString('hex');
  const by = damage === 'key' ? sealing.foreignKey() : key.privateKey;
  const right = signSha256(by, answerMessage({ timestamp, nonce, body }));
  const lines: HeaderLines = [
    ['Wechatpay-Nonce', damage === 'nonce' ? randomBytes(16).toString('hex') : nonce],
    ['Wechatpay-Serial', damage === 'serial' ? randomBytes(20).toString('hex').toUpperCase() : key.id],
    ['Wechatpay-Signature', damageSignature(right, { ...sealing, timestamp, nonce }, damage)],
    ['Wechatpay-Signature-Type', damage === 'type' ? 'WECHATPAY2-SM2-WITH-SM3' : authorizationScheme],
    ['Wechatpay-Timestamp', damage === 'timestamp' ? String(seconds + 1) : timestamp],
  ];
  if (damage === 'duplicate-signature') return [...lines, ['Wechatpay-Signature', otherTag(right)]];
  if (damage === 'missing-all') return [];
  const dropped = /^missing-(\w+)$/.exec(damage ?? '')?.[1];
  return dropped === undefined ? lines : lines.filter(([name]) => name.toLowerCase() !== `wechatpay-${dropped}`);
}

function damageSignature(
  right: string,
  { key, timestamp, nonce, randomBytes }: Sealing & { readonly timestamp: string; readonly nonce: string },
  damage: Damage | undefined,
): string {
  if (damage === 'signature')
    return signSha256(key.privateKey, answerMessage({ timestamp, nonce, body: Buffer.from('another body') }));
  if (damage === 'signature-form') return `!${right.slice(1)}`;
  if (damage === 'signature-empty') return '';
  return damage === 'probe' ? `${probePrefix}${randomBytes(256).toString('base64').slice(probePrefix.length)}` : right;
}

/** The message as it goes over the wire, for keeping: what `verify-callback` and `callback replay` read. */
export function rawMessage(message: Message, target: string, host: string): Buffer {
  const lines = [
    `POST ${target} HTTP/1.1`,
    `Host: ${host}`,
    ...message.headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), message.body]);
}
