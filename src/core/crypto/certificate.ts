/** What a certificate says, and whether Tenpay's root issued it. */
import { X509Certificate } from 'node:crypto';

export interface CertificateFacts {
  /** Upper-case hex, padded to 40 digits. */
  readonly serial_no: string;
  readonly subject: string;
  readonly issuer: string;
  /** The subject's common name: the mchid on a merchant certificate, `Tenpay.com sign` on a platform certificate (protocol 12). */
  readonly common_name: string | undefined;
  /** Milliseconds since the epoch. */
  readonly not_before: number;
  readonly not_after: number;
  /** SHA-256, upper-case hex with colons. */
  readonly fingerprint256: string;
}

export function describeCertificate(certificate: X509Certificate): CertificateFacts {
  return {
    serial_no: certificate.serialNumber.toUpperCase().padStart(40, '0'),
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    common_name: /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject ?? '')?.[1],
    not_before: Date.parse(certificate.validFrom),
    not_after: Date.parse(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
  };
}

/** True when `root` issued and signed `certificate`. No path is built: WeChat Pay's chain is one pinned issuer (protocol 3.4). */
export function isIssuedBy(certificate: X509Certificate, root: X509Certificate): boolean {
  return certificate.checkIssued(root) && certificate.verify(root.publicKey);
}

/** The emulator puts this word into every subject it issues, so that its keys are recognised anywhere (THREATS I5). */
export function isEmulatorCertificate(certificate: X509Certificate): boolean {
  return /\bEMULATOR\b/.test(`${certificate.subject}\n${certificate.issuer}`);
}

function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}

/**
 * "Tenpay.com Root CA", the issuer of platform certificates: from CertTrustChain.p7b (protocol 3.4), SHA-256 fingerprint
 * B2:9F:8B:25:13:EB:2F:7C:49:C0:7C:7C:20:F4:02:7C:A9:03:D0:71:DF:72:CA:A0:B2:B9:24:EF:F4:3A:94:52, valid 2017-08-09 to
 * 2032-08-09. Whether certificates issued after 2023-09 still chain to it is UNCONFIRMED, so a failing chain is loud but not fatal.
 */
export const tenpayRootCa = `-----BEGIN CERTIFICATE-----
MIIEcDCCA1igAwIBAgIUG9QiDlDbwEsGrTl1SYRsAcPo69IwDQYJKoZIhvcNAQEL
BQAwcDELMAkGA1UEBhMCQ04xEzARBgNVBAoMCmlUcnVzQ2hpbmExHDAaBgNVBAsM
E0NoaW5hIFRydXN0IE5ldHdvcmsxLjAsBgNVBAMMJWlUcnVzQ2hpbmEgQ2xhc3Mg
MiBFbnRlcnByaXNlIENBIC0gRzMwHhcNMTcwODA5MDkxNTU1WhcNMzIwODA5MDkx
NTU1WjBeMQswCQYDVQQGEwJDTjETMBEGA1UEChMKVGVucGF5LmNvbTEdMBsGA1UE
CxMUVGVucGF5LmNvbSBDQSBDZW50ZXIxGzAZBgNVBAMTElRlbnBheS5jb20gUm9v
dCBDQTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBALvnPD6k39BdPYAH
+6lnWPjuHH+2pcmZUf2E8cNFQFNr+ECRZylYV2iKyItCQt3I2/7VIDZl6aR9TE7n
sZrtSmOXCw635QOrq2yF9LTSDotAhf3ER0+216w3age/VzGcNVQpTf6gRCHCuQIk
8pe/oh06JagGvX0wERa+I6NfuG58ZHQY9d6RqLXKQl0Up95v73HDsG487z8k6jcn
qpGngmHQxdWiWRJugqxNRUD+awv2/DUsqGOffPX4jzJ6rLSJSlQXvuniDYxmaiaD
cK0bUbB5aM+1zMwogoHSYxWj/6B+vgcnHQCUrwGdiQR5+F+yRWzy5bO09IzaFgeO
PNPLPOsCAwEAAaOCARIwggEOMBIGA1UdEwEB/wQIMAYBAf8CAQAwDgYDVR0PAQH/
BAQDAgEGMCAGA1UdEQQZMBekFTATMREwDwYDVQQDDAhzd2JlLTI2NjAdBgNVHQ4E
FgQUTFo4GLdm9oHX52HcWnzuL4tui2gwHwYDVR0jBBgwFoAUK1vVxWgI69vN5LA5
MqJf/8dPmEUwRgYDVR0gBD8wPTA7BgoqgRyG7xcBAQECMC0wKwYIKwYBBQUHAgEW
H2h0dHBzOi8vd3d3Lml0cnVzLmNvbS5jbi9jdG5jcHMwPgYDVR0fBDcwNTAzoDGg
L4YtaHR0cDovL3RvcGNhLml0cnVzLmNvbS5jbi9jcmwvaXRydXNjMmNhZzMuY3Js
MA0GCSqGSIb3DQEBCwUAA4IBAQBwZhL/eiOQmMyo1D0IR9mu1DPWl5J3XXhjc4R6
mFgsN/FCeVP9M4U9y2FJH6i5Ha5YCecKGw5pwhA0rjZr/6okWwo22GF+nzI/gQiz
6ugAKs5VjFbeiEb04Ncz4HT8FP1idK3tyCjqCUTkLNt0U3tR7wy26hgOqlT2wCZ9
X4MfT8dUMdt9nCZx4ujN5yZOzaLOCHmzoGDGxgKg91bbu0TG2Yzd2ylhrxxRtFH9
aZ/J1x5UoF7uwhTM8P92DuAldWC1/bX1kciOtQvQEZeAy+9y/1BtFxoBnmDxnqkX
+lirIUYTLDaL7HaLrOLECUlaxZCU/Nkwm3tmqQxtCh+XQBdd
-----END CERTIFICATE-----
`;
