/** X.509 certificates: what people ask of them, and who issued them. Checks use node:crypto only. */
import type { X509Certificate } from 'node:crypto';
import { oidOf, readBer, type BerNode } from './ber.ts';

export interface CertificateDescription {
  /** Upper-case hex with leading zeros as the certificate has them: what `serial_no` and `Wechatpay-Serial` carry. */
  readonly serial_no: string;
  /** One `NAME=value` per line. */
  readonly subject: string;
  readonly issuer: string;
  /** `undefined` when the subject has none. Of a merchant certificate it is the mchid (protocol 12). */
  readonly common_name: string | undefined;
  /** Milliseconds since the epoch. */
  readonly not_before: number;
  /** Milliseconds since the epoch. */
  readonly not_after: number;
  /** SHA-256, upper-case hex pairs joined by colons. */
  readonly fingerprint256: string;
}

export function describeCertificate(x509: X509Certificate): CertificateDescription {
  return {
    serial_no: x509.serialNumber.toUpperCase(),
    subject: x509.subject ?? '',
    issuer: x509.issuer ?? '',
    common_name: /^CN=(.*)$/m.exec(x509.subject ?? '')?.[1],
    not_before: Date.parse(x509.validFrom),
    not_after: Date.parse(x509.validTo),
    fingerprint256: x509.fingerprint256,
  };
}

/** The bits of the key usage extension, in the order of RFC 5280. */
const usages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
] as const;
export type KeyUsage = (typeof usages)[number];

/**
 * What the certificate's key may be used for; `undefined` when the extension is absent, which means anything. Node's own
 * `keyUsage` is the extended one.
 */
export function keyUsageOf(certificate: X509Certificate): readonly KeyUsage[] | undefined {
  const { raw } = certificate;
  const extension = findExtension(raw, readBer(raw), '551d0f');
  if (extension === undefined) return undefined;
  const value = readBer(raw.subarray(extension.start, extension.end));
  // BIT STRING: the number of unused bits, then the bits, the first one highest.
  if (value?.tag !== 0x03) return [];
  const bits = raw.subarray(extension.start + value.start + 1, extension.start + value.end);
  return usages.filter((_, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

/** The OCTET STRING of the extension with this OID. */
function findExtension(der: Uint8Array, node: BerNode | undefined, oid: string): BerNode | undefined {
  if (node === undefined) return undefined;
  if (oidOf(der, node.children[0]) === oid) return node.children.at(-1);
  for (const child of node.children) {
    const found = findExtension(der, child, oid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * True when `root` is a CA, names itself as the issuer of `certificate`, and its key verifies the certificate's signature.
 * Dates are not judged.
 */
export function isIssuedBy(certificate: X509Certificate, root: X509Certificate): boolean {
  try {
    return root.ca && certificate.checkIssued(root) && certificate.verify(root.publicKey);
  } catch {
    return false;
  }
}

/**
 * Tenpay.com Root CA, which issues the platform certificates. Origin: the official chain
 * https://wx.gtimg.com/mch/files/CertTrustChain.p7b (protocol 3.4). The certificates above it are signed with SHA-1, which
 * strict verifiers refuse, so this one is pinned. SHA-256 fingerprint
 * B2:9F:8B:25:13:EB:2F:7C:49:C0:7C:7C:20:F4:02:7C:A9:03:D0:71:DF:72:CA:A0:B2:B9:24:EF:F4:3A:94:52, valid 2017-08-09 to
 * 2032-08-09.
 */
export const tenpayRootCa = `
-----BEGIN CERTIFICATE-----
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
`.trimStart();
