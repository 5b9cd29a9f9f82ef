/** `certs export`: the keys that verify WeChat Pay in the forms that other software reads. */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../core/durable/atomic-file.ts';
import { fileUnwritable } from '../core/durable/system-error.ts';
import { WxpayError } from '../core/errors.ts';
import type { VerificationKey } from '../core/ports.ts';
import type { Writer } from './certificate-rotation.ts';

/** A JSON Web Key (RFC 7517) whose `kid` is what `Wechatpay-Serial` says. */
export interface Jwk {
  readonly kty: 'RSA';
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'RS256';
  readonly n: string;
  readonly e: string;
  /** The certificate, base64 (not url-safe) of its DER. */
  readonly x5c?: readonly string[];
  readonly 'x5t#S256'?: string;
}

export function toJwks(keys: readonly VerificationKey[]): { readonly keys: readonly Jwk[] } {
  return {
    keys: keys.map((key) => {
      const { n = '', e = '' } = key.publicKey.export({ format: 'jwk' });
      const common = { kty: 'RSA', kid: key.id, use: 'sig', alg: 'RS256', n, e } as const;
      if (key.certificate === undefined) return common;
      const { raw } = new X509Certificate(key.certificate);
      return {
        ...common,
        x5c: [raw.toString('base64')],
        'x5t#S256': createHash('sha256').update(raw).digest('base64url'),
      };
    }),
  };
}

/** The certificate, or the public key where there is none. */
export function toPem(key: VerificationKey): string {
  return key.certificate ?? key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

export function toDer(key: VerificationKey): Buffer {
  if (key.certificate !== undefined) return new X509Certificate(key.certificate).raw;
  return key.publicKey.export({ type: 'spki', format: 'der' });
}

/**
 * Writes one file per key, `wechatpay_<id>.<format>`, atomically, 0600. An id becomes a file name only if it is one
 * (THREATS A7).
 *
 * @returns the paths
 * @throws `FILE_UNWRITABLE`, `CERTIFICATES_INVALID`
 */
export function writeKeyFiles(
  keys: readonly VerificationKey[],
  format: 'pem' | 'der',
  dir: string,
  writer: Writer,
): readonly string[] {
  const stranger = keys.find((key) => !/^(?:[0-9A-F]{8,40}|PUB_KEY_ID_[0-9]{1,64})$/.test(key.id));
  if (stranger !== undefined)
    throw new WxpayError('CERTIFICATES_INVALID', {
      params: { serial: stranger.id, reason: 'key:reason.certificates_serial' },
    });
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileUnwritable(dir, error);
  }
  return keys.map((key) => {
    const file = join(dir, `wechatpay_${key.id}.${format}`);
    writeFileAtomic(file, format === 'pem' ? toPem(key) : toDer(key), writer);
    return file;
  });
}
