/** Sensitive fields (RSA-OAEP) and callback resources (AES-256-GCM), both ways. Data in, data out. */
import type { KeyObject } from 'node:crypto';
import { encryptAesGcm } from '../core/crypto/aes-gcm.ts';
import { decryptOaep, encryptOaep } from '../core/crypto/rsa.ts';
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import type { VerificationKey } from '../core/ports.ts';
import { decryptResource, readResource, type EncryptedResource } from '../core/wire/envelope.ts';
import { parseJson } from '../core/wire/json.ts';

export interface EncryptedField {
  /** base64 of one RSA block: 344 characters for RSA-2048. */
  readonly ciphertext: string;
  /** Goes into the `Wechatpay-Serial` header of the request that carries the field (protocol 5). */
  readonly wechatpay_serial: string;
  readonly kind: VerificationKey['kind'];
}

/**
 * Encrypts one sensitive field for WeChat Pay: with the key of this id, else with the preferred one.
 *
 * @param fetch false sends nothing: only keys at hand will do
 * @throws `NOT_FOUND` for a key that nobody knows, `INPUT_INVALID` for a text that does not fit (214 bytes), and what a
 *   download of certificates throws
 */
export async function encryptField(
  ring: Pick<CertificateKeyRing, 'find' | 'list' | 'preferred' | 'refresh'>,
  plaintext: string,
  { serial, fetch }: { readonly serial: string | undefined; readonly fetch: boolean },
): Promise<EncryptedField> {
  const key = serial === undefined ? await preferredKey(ring, fetch) : await namedKey(ring, serial, fetch);
  if (key === undefined)
    throw new WxpayError('NOT_FOUND', {
      hint: 'crypt.hint.key',
      params: { what: serial ?? 'Wechatpay-Serial' },
      next: ['certs', 'download'],
      outcome: 'not_sent',
    });
  return { ciphertext: encryptOaep(key.publicKey, plaintext), wechatpay_serial: key.id, kind: key.kind };
}

async function preferredKey(
  ring: Pick<CertificateKeyRing, 'preferred' | 'refresh'>,
  fetch: boolean,
): Promise<VerificationKey | undefined> {
  const held = await ring.preferred();
  if (held !== undefined || !fetch) return held;
  await ring.refresh();
  return ring.preferred();
}

async function namedKey(
  ring: Pick<CertificateKeyRing, 'find' | 'list'>,
  serial: string,
  fetch: boolean,
): Promise<VerificationKey | undefined> {
  if (fetch) return ring.find(/^[0-9a-f]+$/i.test(serial) ? serial.toUpperCase() : serial);
  return (await ring.list()).find((key) => key.id.toUpperCase() === serial.toUpperCase());
}

/**
 * Decrypts a field that WeChat Pay encrypted with the merchant certificate. White space around the base64 is nobody's secret.
 *
 * @throws `DECRYPT_FAILED`
 */
export function decryptField(merchantKey: KeyObject, ciphertext: string): string {
  return decryptOaep(merchantKey, ciphertext.replaceAll(/\s+/g, ''));
}

export interface DecryptedResource {
  readonly event_type: string | null;
  readonly original_type: string | null;
  readonly plaintext: string;
  /** The plaintext as JSON, where it is JSON that loses nothing by being parsed. */
  readonly resource: unknown;
}

/**
 * Decrypts a callback's resource, given as the whole callback body, as its `resource` alone, or as an entry of
 * `/v3/certificates`. What comes out is authentic under the APIv3 key; no signature is looked at.
 *
 * @throws `CALLBACK_MALFORMED`, `DECRYPT_FAILED`, `API_V3_KEY_LENGTH`
 */
export function decryptCallbackResource(document: Uint8Array, apiV3Key: Uint8Array): DecryptedResource {
  const outer = parsed(document);
  const members = isObject(outer) ? outer : {};
  const resource = readResource(members['resource'] ?? members['encrypt_certificate'] ?? outer);
  const plaintext = decryptResource(resource, apiV3Key);
  const eventType = members['event_type'];
  return {
    event_type: typeof eventType === 'string' ? eventType : null,
    original_type: resource.original_type ?? null,
    plaintext: plaintext.toString('utf8'),
    resource: asJson(plaintext) ?? null,
  };
}

export interface ResourceOptions {
  readonly apiV3Key: Uint8Array;
  /** `transaction`, `refund`, … */
  readonly originalType: string;
  /** Defaults to the original type, as WeChat Pay has it. */
  readonly associatedData: string | undefined;
  /** 12 ASCII characters, fresh for every call: the same one twice under one key gives both plaintexts away. */
  readonly nonce: string;
}

/** Makes a callback resource as WeChat Pay does, for tests of a receiver. @throws `API_V3_KEY_LENGTH` */
export function encryptCallbackResource(plaintext: string, options: ResourceOptions): EncryptedResource {
  const { apiV3Key, originalType, nonce, associatedData = originalType } = options;
  return {
    original_type: originalType,
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: encryptAesGcm({ key: apiV3Key, nonce, associatedData, plaintext }),
    associated_data: associatedData,
    nonce,
  };
}

function parsed(document: Uint8Array): unknown {
  try {
    return parseJson(document, { anyNumber: true });
  } catch (error) {
    if (!isWxpayError(error, 'ANSWER_MALFORMED')) throw error;
    throw new WxpayError('CALLBACK_MALFORMED', { params: error.params });
  }
}

/** `undefined` for anything that is no JSON, or that a parser would change (a number beyond 2^53). */
function asJson(plaintext: Uint8Array): unknown {
  try {
    return parseJson(plaintext);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
