/** Certificates as a PKCS#12 trust store, the form that every Java since 8 reads. */

/** One DER element. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), body]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]): Buffer => der(0x31, ...parts);
const octets = (content: Uint8Array): Buffer => der(0x04, content);
/** [0] EXPLICIT */
const tagged = (content: Uint8Array): Buffer => der(0xa0, content);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));

const pkcs7Data = oid('2a864886f70d010701');
const certBag = oid('2a864886f70d010c0a0103');
const x509Certificate = oid('2a864886f70d01091601');
const friendlyName = oid('2a864886f70d010914');
/** 2.16.840.1.113894.746875.1.1, Java's own: without it an entry is a certificate, and not a trusted one. */
const trustedKeyUsage = oid('6086480186f966adca7b0101');
const anyExtendedKeyUsage = oid('551d2500');

/**
 * Makes the store. It is not encrypted and has no integrity code, since there is nothing secret in it: Java opens it without
 * a password.
 *
 * @param certificates DER
 */
export function makeTrustStore(certificates: readonly Uint8Array[]): Buffer {
  const bags = certificates.map((certificate, index) => {
    const name = Buffer.from(`wxpay-${index}`, 'utf16le').swap16();
    return sequence(
      certBag,
      tagged(sequence(x509Certificate, tagged(octets(certificate)))),
      set(sequence(friendlyName, set(der(0x1e, name))), sequence(trustedKeyUsage, set(anyExtendedKeyUsage))),
    );
  });
  const contents = sequence(pkcs7Data, tagged(octets(sequence(...bags))));
  const version = der(0x02, Buffer.of(3));
  return sequence(version, sequence(pkcs7Data, tagged(octets(sequence(contents)))));
}
