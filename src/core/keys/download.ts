/** `GET /v3/certificates`, and why its answer may be believed although it brings the very keys that verify it (protocol 3.3). */
import { X509Certificate } from 'node:crypto';
import { describeCertificate, isIssuedBy, tenpayRootCa } from '../crypto/certificate.ts';
import { requireStrongRsa } from '../crypto/rsa.ts';
import { isWxpayError, WxpayError } from '../errors.ts';
import { settle } from '../http/outcome.ts';
import type { ApiRequest, ApiResponse, Clock, Transport, VerificationKey } from '../ports.ts';
import { decryptCertificates, type DownloadedCertificate } from '../wire/envelope.ts';
import { normaliseCode } from '../wire/error-body.ts';
import { verifyMessage } from '../wire/verify.ts';
import { sameSerial } from './serial.ts';
import type { CertificateSet, PlatformCertificate } from './store.ts';

export interface DownloadOptions {
  readonly transport: Transport;
  /** 32 bytes: the real proof of origin, since only the merchant and WeChat Pay hold it. */
  readonly apiV3Key: Uint8Array;
  readonly clock: Pick<Clock, 'now'>;
  /** WeChat Pay public keys of the profile: during a migration one of them may have signed the answer. */
  readonly publicKeys?: readonly VerificationKey[];
  /** Refuse certificates that Tenpay.com Root CA did not issue. Otherwise that is for the caller to say. */
  readonly requireChain?: boolean;
}

/** The request, for a dry run too. */
export const certificatesRequest: ApiRequest = {
  method: 'GET',
  target: '/v3/certificates',
  body: new Uint8Array(),
  effect: 'read',
  answer: 'certificates',
};

/**
 * Downloads the platform certificates, in the order of protocol 3.3: decrypt every entry under the APIv3 key, compare its
 * serial with the certificate inside, verify the signature of that same answer with the certificate that it names, judge
 * dates and, if asked, the issuer. All or nothing; nothing is stored here. A signature that does not hold is asked for once
 * more, since it may be a probe (protocol 2).
 *
 * @throws `CERTIFICATES_NONE` for a merchant on the WeChat Pay public key; `DECRYPT_FAILED` for a wrong APIv3 key;
 *   `CERTIFICATES_INVALID`, `SIGNATURE_*`, and what `settle` throws
 */
export async function downloadCertificates(options: DownloadOptions): Promise<CertificateSet> {
  for (let attempt = 1; ; attempt++) {
    const response = await ask(options.transport);
    try {
      return await believe(response, options);
    } catch (error) {
      if (!(error instanceof WxpayError)) throw error;
      const transient = isWxpayError(error, 'SIGNATURE_PROBE', 'SIGNATURE_WRONG');
      if (transient && attempt === 1) continue;
      throw error.with({
        httpStatus: response.status,
        ...(response.requestId === undefined ? {} : { requestId: response.requestId }),
      });
    }
  }
}

async function ask(transport: Transport): Promise<ApiResponse> {
  try {
    return await settle(certificatesRequest, () => transport(certificatesRequest));
  } catch (error) {
    if (!isWxpayError(error, 'NOT_FOUND') || error.wechat === undefined) throw error;
    // The documentation and the SDKs disagree about the code (protocol 4); a 404 without one is some other server's.
    if (!['RESOURCENOTEXISTS', 'NOTFOUND'].includes(normaliseCode(error.wechat.code))) throw error;
    throw new WxpayError('CERTIFICATES_NONE', {
      wechat: error.wechat,
      unsigned: error.unsigned,
      ...(error.httpStatus === undefined ? {} : { httpStatus: error.httpStatus }),
      ...(error.requestId === undefined ? {} : { requestId: error.requestId }),
    });
  }
}

async function believe(response: ApiResponse, options: DownloadOptions): Promise<CertificateSet> {
  const now = options.clock.now();
  const certificates = decryptCertificates(response.body, options.apiV3Key).map(platformCertificate);
  if (certificates.length === 0) throw new WxpayError('CERTIFICATES_NONE');
  const candidates: readonly VerificationKey[] = [...(options.publicKeys ?? []), ...certificates];
  const bySerial = (id: string): VerificationKey | undefined =>
    candidates.find((key) => key.id === id || (key.kind === 'platform-certificate' && sameSerial(key.id, id)));
  const { headers, body } = response;
  let serial: string;
  try {
    ({ serial } = await verifyMessage({ headers, body }, { find: async (id) => bySerial(id), now }));
  } catch (error) {
    if (isWxpayError(error, 'SIGNATURE_SERIAL_UNKNOWN')) throw invalid('signer', error.params);
    throw error;
  }
  const signer = bySerial(serial);
  if (signer?.expiresAt !== undefined && signer.expiresAt <= now) throw invalid('expired', { serial });
  if (options.requireChain === true) {
    const stranger = certificates.find((key) => !isIssuedByTenpay(key.certificate));
    if (stranger !== undefined) throw invalid('issuer', { serial: stranger.id });
  }
  return { downloadedAt: now, certificates: certificates.filter((key) => key.expiresAt > now) };
}

/**
 * The API's `expire_time` is when WeChat Pay retires the certificate, which may be before the certificate's own end; the
 * earlier one counts (protocol 3.1).
 */
function platformCertificate(entry: DownloadedCertificate): PlatformCertificate {
  const x509 = new X509Certificate(entry.certificate);
  const id = entry.serial_no;
  requireStrongRsa(x509.publicKey, id);
  const effectiveAt = timeOf(entry.effective_time);
  const retiredAt = timeOf(entry.expire_time);
  if (effectiveAt === undefined || retiredAt === undefined) throw invalid('time', { serial: id });
  return {
    id,
    kind: 'platform-certificate',
    publicKey: x509.publicKey,
    certificate: x509.toString(),
    effectiveAt,
    expiresAt: Math.min(retiredAt, describeCertificate(x509).not_after),
  };
}

/** RFC 3339 with an offset; `undefined` for anything else. */
function timeOf(text: string): number | undefined {
  const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
  const time = form.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** True when Tenpay.com Root CA issued the certificate. Whether newer ones still chain to it is not known (protocol 15). */
export function isIssuedByTenpay(pem: string): boolean {
  return isIssuedBy(new X509Certificate(pem), new X509Certificate(tenpayRootCa));
}

function invalid(reason: string, params: Readonly<Record<string, string | number>>): WxpayError {
  return new WxpayError('CERTIFICATES_INVALID', { params: { ...params, reason: `key:reason.certificates_${reason}` } });
}
