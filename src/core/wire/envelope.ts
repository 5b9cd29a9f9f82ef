/** The encrypted envelopes: callbacks (protocol 6.1) and the certificate list (protocol 3.1). */
import { X509Certificate } from 'node:crypto';
import { decryptAesGcm } from '../crypto/aes-gcm.ts';
import { isWxpayError, WxpayError } from '../errors.ts';
import { parseJson } from './json.ts';

export interface EncryptedResource {
  readonly algorithm: string;
  /** base64; the last 16 bytes are the tag. */
  readonly ciphertext: string;
  /** May be missing or empty; both mean no additional data. */
  readonly associated_data?: string;
  readonly nonce: string;
  readonly original_type?: string;
}

export interface Envelope {
  readonly id: string;
  readonly create_time?: string;
  readonly event_type: string;
  readonly resource_type?: string;
  readonly summary?: string;
  readonly resource: EncryptedResource;
}

const algorithm = 'AEAD_AES_256_GCM';

/**
 * Reads a callback's envelope out of its raw body.
 *
 * @throws WxpayError `CALLBACK_MALFORMED`
 */
export function parseEnvelope(body: Uint8Array): Envelope {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch (error) {
    throw malformed(isWxpayError(error) ? String(error.params['reason'] ?? 'JSON') : 'JSON');
  }
  if (!isRecord(value)) throw malformed('JSON');
  const { id, event_type, resource } = value;
  if (typeof id !== 'string') throw malformed('id');
  if (typeof event_type !== 'string') throw malformed('event_type');
  return { ...value, id, event_type, resource: parseResource(resource, 'resource') };
}

function parseResource(value: unknown, field: string): EncryptedResource {
  if (!isRecord(value)) throw malformed(field);
  for (const name of ['algorithm', 'ciphertext', 'nonce'] as const)
    if (typeof value[name] !== 'string') throw malformed(`${field}.${name}`);
  // An empty string and a missing member both mean "no additional data"; anything else that is no string is a fault (protocol 14, 18).
  if (value['associated_data'] !== undefined && typeof value['associated_data'] !== 'string')
    throw malformed(`${field}.associated_data`);
  return value as unknown as EncryptedResource;
}

/**
 * Decrypts a callback's resource.
 *
 * @param apiV3Key 32 bytes
 * @throws WxpayError `API_V3_KEY_LENGTH`, `DECRYPT_FAILED` (also for another algorithm)
 */
export function decryptResource(resource: EncryptedResource, apiV3Key: Uint8Array): Buffer {
  if (resource.algorithm !== algorithm)
    throw new WxpayError('DECRYPT_FAILED', { params: { reason: resource.algorithm } });
  const { nonce, ciphertext, associated_data: associatedData } = resource;
  return decryptAesGcm({ key: apiV3Key, nonce, associatedData, ciphertext });
}

export interface DownloadedCertificate {
  /** 40 upper-case hex digits, the same in the list and in the certificate. */
  readonly serial_no: string;
  /** RFC 3339, as the API gives it. */
  readonly effective_time: string;
  /** RFC 3339: when WeChat Pay retires it, which may be before the certificate's own end. */
  readonly expire_time: string;
  readonly certificate: string;
}

/**
 * Decrypts the list of `/v3/certificates`. The keys of the official example carry stray trailing spaces, so names are trimmed.
 *
 * @throws WxpayError `CERTIFICATES_INVALID` when anything does not hold; `API_V3_KEY_LENGTH`
 */
export function decryptCertificates(body: Uint8Array, apiV3Key: Uint8Array): readonly DownloadedCertificate[] {
  let value: unknown;
  try {
    value = trimNames(parseJson(body));
  } catch (cause) {
    throw invalid('JSON', cause);
  }
  if (!isRecord(value) || !Array.isArray(value['data'])) throw invalid('data');
  return value['data'].map((entry) => decryptEntry(entry, apiV3Key));
}

function decryptEntry(entry: unknown, apiV3Key: Uint8Array): DownloadedCertificate {
  if (!isRecord(entry)) throw invalid('data[]');
  const { serial_no, effective_time, expire_time, encrypt_certificate } = entry;
  if (typeof serial_no !== 'string' || !/^[0-9A-Fa-f]{8,40}$/.test(serial_no)) throw invalid('serial_no');
  if (typeof effective_time !== 'string' || typeof expire_time !== 'string') throw invalid('expire_time');
  let certificate: string;
  try {
    certificate = decryptResource(parseResource(encrypt_certificate, 'encrypt_certificate'), apiV3Key).toString('utf8');
  } catch (error) {
    if (isWxpayError(error, 'API_V3_KEY_LENGTH')) throw error;
    throw invalid('key:reason.certificate_decrypt', error);
  }
  let serial: string;
  try {
    serial = new X509Certificate(certificate).serialNumber;
  } catch (cause) {
    throw invalid('X.509', cause);
  }
  // Leading zeros are lost by some clients; compare padded (protocol 12).
  if (pad(serial) !== pad(serial_no)) throw invalid(`serial_no ${serial_no} ≠ ${serial}`);
  return { serial_no: serial_no.toUpperCase(), effective_time, expire_time, certificate };
}

function pad(serial: string): string {
  return serial.toUpperCase().padStart(40, '0');
}

function trimNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(trimNames);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.trim(), trimNames(inner)]));
}

function malformed(reason: string): WxpayError {
  return new WxpayError('CALLBACK_MALFORMED', { params: { reason } });
}

function invalid(reason: string, cause?: unknown): WxpayError {
  return new WxpayError('CERTIFICATES_INVALID', { params: { reason }, cause });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
