/** The client certificate of a call that wants one, judged before anything is sent: a server would only say that it is wrong. */
import { describeCertificate } from '../core/crypto/certificate.ts';
import { WxpayError } from '../core/errors.ts';
import type { ClientCertificate } from '../core/http/send.ts';
import type { Credentials } from './credentials.ts';

/**
 * @param now milliseconds since the epoch
 * @throws `CREDENTIAL_MISSING` without one, `CERTIFICATE_EXPIRED`, `CLIENT_CERTIFICATE_MISMATCH` for another merchant's,
 *   `KEY_CERTIFICATE_MISMATCH`, and what reading its file throws
 */
export async function presentableCertificate(
  credentials: Pick<Credentials, 'mchid' | 'certificate' | 'clientCertificate'>,
  now: number,
): Promise<ClientCertificate> {
  const made = await credentials.clientCertificate().catch((error: unknown) => {
    if (!(error instanceof WxpayError) || error.code !== 'CREDENTIAL_MISSING') throw error;
    throw error.with({ hint: 'certs.hint.client_certificate' });
  });
  const certificate = await credentials.certificate();
  if (certificate === undefined) return made;
  const { serial_no: serial, not_after: end, common_name: found } = describeCertificate(certificate);
  const outcome = 'not_sent';
  if (end < now) {
    const params = { serial, date: new Date(end).toISOString().slice(0, 10) };
    throw new WxpayError('CERTIFICATE_EXPIRED', { params, outcome });
  }
  const mchid = credentials.mchid();
  if (/^[0-9]{8,10}$/.test(found ?? '') && found !== mchid)
    throw new WxpayError('CLIENT_CERTIFICATE_MISMATCH', { params: { serial, found: found ?? '', mchid }, outcome });
  return made;
}
