/** Callback envelopes and the list of platform certificates: encrypted things in JSON (protocol 3, 6). */
import { X509Certificate } from 'node:crypto';
import { describeCertificate } from '../crypto/certificate.ts';
import { decryptAesGcm } from '../crypto/aes-gcm.ts';
import { WxpayError } from '../errors.ts';
import { parseJson } from './json.ts';

export interface EncryptedResource {
  readonly algorithm: string;
  /** base64; the last 16 bytes are the tag. */
  readonly ciphertext: string;
  /** 12 characters; their bytes are the nonce. */
  readonly nonce: string;
  /** May be absent or empty, which both mean none (protocol 6.1). */
  readonly associated_data?: string;
  readonly original_type?: string;
}

export interface Envelope {
  readonly id: string;
  readonly event_type: string;
  readonly create_time?: string;
  readonly resource_type?: string;
  readonly summary?: string;
  readonly resource: EncryptedResource;
}

/**
 * Reads a callback's body (protocol 6.1). Unknown members and event types are left alone.
 *
 * @throws `CALLBACK_MALFORMED` naming the member, or why it is no JSON
 */
export function parseEnvelope(body: Uint8Array): Envelope {
  const value = parsed(body, 'CALLBACK_MALFORMED');
  const fault = envelopeFault(value);
  if (fault !== undefined)
    throw new WxpayError('CALLBACK_MALFORMED', { params: { member: fault, reason: 'key:reason.envelope_member' } });
  return value as Envelope;
}

/**
 * A `resource` on its own, as people cut it out of a callback.
 *
 * @throws `CALLBACK_MALFORMED` naming the member
 */
export function readResource(value: unknown): EncryptedResource {
  const fault = resourceFault(value, 'resource');
  if (fault === undefined) return value as EncryptedResource;
  throw new WxpayError('CALLBACK_MALFORMED', { params: { member: fault, reason: 'key:reason.envelope_member' } });
}

function envelopeFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'body';
  for (const name of ['id', 'event_type']) if (!isText(value[name])) return name;
  for (const name of ['create_time', 'resource_type', 'summary'])
    if (value[name] !== undefined && typeof value[name] !== 'string') return name;
  return resourceFault(value['resource'], 'resource');
}

/** The member that is missing or of another type. An absent and an empty `associated_data` are both fine, `null` is neither. */
function resourceFault(resource: unknown, at: string): string | undefined {
  if (!isObject(resource)) return at;
  for (const name of ['algorithm', 'ciphertext', 'nonce']) if (!isText(resource[name])) return `${at}.${name}`;
  for (const name of ['associated_data', 'original_type'])
    if (resource[name] !== undefined && typeof resource[name] !== 'string') return `${at}.${name}`;
  return undefined;
}

/**
 * Decrypts the resource of a callback or a certificate entry (protocol 3.2).
 *
 * @param apiV3Key 32 bytes
 * @returns the plaintext bytes, authentic under the APIv3 key
 * @throws `DECRYPT_FAILED`, `API_V3_KEY_LENGTH`
 */
export function decryptResource(resource: EncryptedResource, apiV3Key: Uint8Array): Buffer {
  if (resource.algorithm !== 'AEAD_AES_256_GCM')
    throw new WxpayError('DECRYPT_FAILED', {
      params: { reason: 'key:reason.algorithm', algorithm: resource.algorithm.slice(0, 64) },
    });
  return decryptAesGcm({
    key: apiV3Key,
    nonce: resource.nonce,
    associatedData: resource.associated_data,
    ciphertext: resource.ciphertext,
  });
}

export interface DownloadedCertificate {
  /** Upper-case hex, the same in the list and in the certificate. */
  readonly serial_no: string;
  /** As the API gives it, RFC 3339; not judged here. */
  readonly effective_time: string;
  /** When WeChat Pay retires it, which may be before the certificate's own end (protocol 3.1). */
  readonly expire_time: string;
  /** PEM. */
  readonly certificate: string;
}

/**
 * Decrypts the answer of `GET /v3/certificates` (protocol 3.1 to 3.3). All or nothing: one entry that does not hold refuses
 * the whole list. Member names may carry stray spaces, as in the documentation's own example.
 *
 * Decrypting proves that the sender holds the APIv3 key. Verifying the answer's signature with one of these certificates,
 * the issuer, the dates and the strength of the keys are the caller's.
 *
 * @throws `DECRYPT_FAILED`, `API_V3_KEY_LENGTH`, `CERTIFICATES_INVALID`
 */
export function decryptCertificates(body: Uint8Array, apiV3Key: Uint8Array): readonly DownloadedCertificate[] {
  const list = trimmed(parsed(body, 'CERTIFICATES_INVALID'));
  const entries = isObject(list) ? list['data'] : undefined;
  if (!Array.isArray(entries)) throw invalidList('member', { member: 'data' });
  const certificates = entries.map((entry, index) => decryptEntry(entry, `data[${index}]`, apiV3Key));
  const serials = new Set(certificates.map(({ serial_no }) => serial_no.padStart(40, '0')));
  if (serials.size !== certificates.length) throw invalidList('twice', {});
  return certificates;
}

function decryptEntry(entry: unknown, at: string, apiV3Key: Uint8Array): DownloadedCertificate {
  if (!isObject(entry)) throw invalidList('member', { member: at });
  const { serial_no, effective_time, expire_time, encrypt_certificate: resource } = entry;
  if (typeof serial_no !== 'string' || !/^[0-9A-Fa-f]{8,40}$/.test(serial_no))
    throw invalidList('member', { member: `${at}.serial_no` });
  if (!isText(effective_time)) throw invalidList('member', { member: `${at}.effective_time` });
  if (!isText(expire_time)) throw invalidList('member', { member: `${at}.expire_time` });
  const fault = resourceFault(resource, `${at}.encrypt_certificate`);
  if (fault !== undefined) throw invalidList('member', { member: fault });
  const certificate = readCertificate(decryptResource(resource as EncryptedResource, apiV3Key), serial_no);
  const found = describeCertificate(certificate).serial_no;
  // Some clients lose leading zeros; nothing else may differ (protocol 12).
  if (found.padStart(40, '0') !== serial_no.toUpperCase().padStart(40, '0'))
    throw invalidList('serial', { listed: serial_no, found });
  return { serial_no: found, effective_time, expire_time, certificate: certificate.toString() };
}

function readCertificate(plaintext: Buffer, serial: string): X509Certificate {
  try {
    return new X509Certificate(plaintext);
  } catch {
    throw invalidList('certificate', { serial });
  }
}

/** Member names without spaces around them; a name that then stands twice is refused. */
function trimmed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(trimmed);
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const clean = name.trim();
    if (Object.hasOwn(result, clean) || clean === '__proto__') throw invalidList('member', { member: clean });
    result[clean] = trimmed(inner);
  }
  return result;
}

function parsed(body: Uint8Array, code: 'CALLBACK_MALFORMED' | 'CERTIFICATES_INVALID'): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    if (error instanceof WxpayError) throw new WxpayError(code, { params: error.params });
    throw error;
  }
}

function invalidList(reason: string, params: Readonly<Record<string, string>>): WxpayError {
  return new WxpayError('CERTIFICATES_INVALID', { params: { ...params, reason: `key:reason.list_${reason}` } });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
