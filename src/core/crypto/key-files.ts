/**
 * Keys and certificates out of files, in every form that people have them in: PEM (PKCS#1, PKCS#8, encrypted), DER. When a file is
 * the wrong one, the error says what it really is (protocol 12).
 */
import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { WxpayError } from '../errors.ts';
import { integerOf, octetStringTag, oidOf, readBer, sequenceTag } from './ber.ts';
import { requireStrongRsa } from './rsa.ts';

/** What bytes are. The names are part of the `kind.<name>` message keys. */
export type FileKind =
  | 'empty'
  | 'private-key'
  | 'encrypted-private-key'
  | 'openssh-key'
  | 'ec-private-key'
  | 'public-key'
  | 'certificate'
  | 'certificate-request'
  | 'pkcs12'
  | 'pkcs7'
  | 'bare-base64'
  | 'ssh-public-key'
  | 'utf16-text'
  | 'zip'
  | 'html'
  | 'json'
  | 'unknown';

const pemKinds: readonly (readonly [RegExp, FileKind])[] = [
  [/-----BEGIN OPENSSH PRIVATE KEY-----/, 'openssh-key'],
  [/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/, 'encrypted-private-key'],
  [/-----BEGIN EC PRIVATE KEY-----/, 'ec-private-key'],
  [/-----BEGIN (?:RSA )?PRIVATE KEY-----/, 'private-key'],
  [/-----BEGIN (?:RSA )?PUBLIC KEY-----/, 'public-key'],
  [/-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/, 'certificate-request'],
  [/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/, 'certificate'],
  [/-----BEGIN PKCS7-----/, 'pkcs7'],
];

/** Says what the bytes are, by their form, without a passphrase. */
export function identify(bytes: Uint8Array): FileKind {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = withoutBom(buffer.subarray(0, 64 * 1024).toString('latin1'));
  if (text.trim() === '') return 'empty';
  for (const [pattern, kind] of pemKinds) if (pattern.test(text)) return kind;
  if ((buffer[0] === 0xff && buffer[1] === 0xfe) || (buffer[0] === 0xfe && buffer[1] === 0xff)) return 'utf16-text';
  if (/^\s*ssh-(?:rsa|ed25519|dss) AAAA/.test(text)) return 'ssh-public-key';
  if (buffer[0] === 0x50 && buffer[1] === 0x4b && buffer[2] === 0x03) return 'zip';
  if (/^\s*(?:<!doctype html|<html)/i.test(text)) return 'html';
  if (/^\s*[{[]/.test(text)) return 'json';
  if (buffer[0] === 0x30) return identifyDer(buffer);
  if (/^[A-Za-z0-9+/=\s]{64,}$/.test(text)) return 'bare-base64';
  return 'unknown';
}

function identifyDer(der: Buffer): FileKind {
  const byHeader = identifyHeader(der);
  if (byHeader !== undefined) return byHeader;
  const attempts: readonly (readonly [FileKind, () => unknown])[] = [
    ['certificate', () => new X509Certificate(der)],
    ['private-key', () => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })],
    ['private-key', () => createPrivateKey({ key: der, format: 'der', type: 'pkcs1' })],
    ['public-key', () => createPublicKey({ key: der, format: 'der', type: 'spki' })],
    ['public-key', () => createPublicKey({ key: der, format: 'der', type: 'pkcs1' })],
  ];
  for (const [kind, attempt] of attempts) {
    try {
      attempt();
      return kind;
    } catch {
      // The next form.
    }
  }
  return 'unknown';
}

/** The forms that Node cannot read by itself, told by their outline. */
function identifyHeader(der: Buffer): FileKind | undefined {
  // PFX ::= SEQUENCE { version INTEGER 3, authSafe ContentInfo … }: after the outer length comes 02 01 03 30. Read off the
  // first bytes, so that a cut or hostile file is still named as what it pretends to be.
  const start = der[1] !== undefined && der[1] >= 0x80 ? 2 + (der[1] & 0x7f) : 2;
  if (der.subarray(start, start + 4).equals(Buffer.from([0x02, 0x01, 0x03, 0x30]))) return 'pkcs12';
  const outer = readBer(der);
  const [first, second] = outer?.children ?? [];
  // ContentInfo of signedData: a CertTrustChain.p7b.
  if (oidOf(der, first) === '2a864886f70d010702') return 'pkcs7';
  // EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, OCTET STRING }
  if (outer?.children.length === 2 && first?.tag === sequenceTag && second?.tag === octetStringTag)
    return 'encrypted-private-key';
  // ECPrivateKey ::= SEQUENCE { version 1, OCTET STRING, … }
  if (integerOf(der, first) === 1 && second?.tag === octetStringTag) return 'ec-private-key';
  // CertificationRequest ::= SEQUENCE { SEQUENCE { version 0, subject, … }, … }; a certificate has no such version.
  const [version, subject] = first?.children ?? [];
  if (outer?.children.length === 3 && integerOf(der, version) === 0 && subject?.tag === sequenceTag)
    return first?.children.length === 4 ? 'certificate-request' : undefined;
  return undefined;
}

/**
 * Loads the merchant's private key: PKCS#8 or PKCS#1, PEM or DER, encrypted with its passphrase, or the base64 lines alone.
 *
 * @param source how messages name it (a path or a variable, never the key)
 * @throws WxpayError `KEY_WRONG_KIND`, `KEY_UNREADABLE`, `KEY_WEAK`
 */
export function loadPrivateKey(bytes: Uint8Array, source: string, passphrase?: string): KeyObject {
  const kind = identify(bytes);
  const key = read(source, () => {
    if (kind === 'private-key' || (kind === 'encrypted-private-key' && passphrase !== undefined))
      return isPem(bytes)
        ? createPrivateKey({ key: pemText(bytes), ...(passphrase === undefined ? {} : { passphrase }) })
        : fromDer(Buffer.from(bytes), withPassphrase(passphrase), ['pkcs8', 'pkcs1']);
    if (kind === 'bare-base64') {
      const der = Buffer.from(pemText(bytes), 'base64');
      if (identify(der) === 'private-key') return fromDer(der, createPrivateKey, ['pkcs8', 'pkcs1']);
    }
    throw wrongKind(source, 'private-key', kind);
  });
  requireStrongRsa(key, source);
  return key;
}

/**
 * Loads a WeChat Pay public key (`pub_key.pem`), PEM or DER. A private key or a certificate is refused by name, although Node would
 * silently take a public key out of either (THREATS 2.2).
 *
 * @throws WxpayError `KEY_WRONG_KIND`, `KEY_UNREADABLE`, `KEY_WEAK`
 */
export function loadPublicKey(bytes: Uint8Array, source: string): KeyObject {
  const kind = identify(bytes);
  const key = read(source, () => {
    if (kind === 'public-key')
      return isPem(bytes)
        ? createPublicKey(pemText(bytes))
        : fromDer(Buffer.from(bytes), createPublicKey, ['spki', 'pkcs1']);
    if (kind === 'bare-base64') {
      const der = Buffer.from(pemText(bytes), 'base64');
      if (identify(der) === 'public-key') return fromDer(der, createPublicKey, ['spki', 'pkcs1']);
    }
    throw wrongKind(source, 'public-key', kind);
  });
  requireStrongRsa(key, source);
  return key;
}

/**
 * Loads a certificate, PEM or DER (the first one of a PEM bundle).
 *
 * @throws WxpayError `KEY_WRONG_KIND`, `KEY_UNREADABLE`, `KEY_WEAK`
 */
export function loadCertificate(bytes: Uint8Array, source: string): X509Certificate {
  const kind = identify(bytes);
  // A PEM that holds key and certificate together will do: the certificate is in it.
  const holdsCertificate =
    kind === 'certificate' || (isPem(bytes) && /-----BEGIN CERTIFICATE-----/.test(pemText(bytes)));
  if (!holdsCertificate) throw wrongKind(source, 'certificate', kind);
  const certificate = read(source, () => {
    if (!isPem(bytes)) return new X509Certificate(bytes);
    return new X509Certificate(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pemText(bytes))?.[0] ?? pemText(bytes),
    );
  });
  // The key inside is parsed only now, and may be broken in a certificate that is not.
  requireStrongRsa(
    read(source, () => certificate.publicKey),
    source,
  );
  return certificate;
}

function withPassphrase(passphrase: string | undefined) {
  return (input: { key: Buffer; format: 'der'; type: 'pkcs8' | 'pkcs1' }): KeyObject =>
    createPrivateKey({ ...input, ...(passphrase === undefined ? {} : { passphrase }) });
}

function fromDer<Type extends string>(
  der: Buffer,
  create: (input: { key: Buffer; format: 'der'; type: Type }) => KeyObject,
  types: readonly Type[],
): KeyObject {
  let failure: unknown;
  for (const type of types) {
    try {
      return create({ key: der, format: 'der', type });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function read<T>(source: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof WxpayError) throw error;
    // OpenSSL's code, never its message: nothing of the key may travel in an error.
    const reason = (error as NodeJS.ErrnoException).code ?? 'ERR';
    throw new WxpayError('KEY_UNREADABLE', { params: { source, reason } });
  }
}

function wrongKind(source: string, wanted: FileKind, found: FileKind): WxpayError {
  return new WxpayError('KEY_WRONG_KIND', {
    params: { source, wanted: `kind:${wanted}`, found: `kind:${found}` },
    ...(wanted === 'private-key' && found === 'encrypted-private-key' ? { hint: 'profile.hint.key_encrypted' } : {}),
  });
}

function isPem(bytes: Uint8Array): boolean {
  return pemText(bytes).includes('-----BEGIN ');
}

/**
 * PEM text without what editors, variables and copying do to it: a BOM, CRLF, indentation, line ends written as the two
 * characters `\n` or lost altogether (protocol 14, 15). Base64 holds neither spaces nor backslashes, so nothing else changes.
 */
function pemText(bytes: Uint8Array): string {
  const lines = withoutBom(Buffer.from(bytes).toString('latin1'))
    .replaceAll(/(?:\\r)?\\n/g, '\n')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .join('\n');
  return lines.replaceAll(pemBlock, (whole, begin: string, body: string, end: string) => {
    // Lines like `DEK-Info: …` belong to an old encrypted key; their folding means something.
    if (body.includes(':')) return whole;
    const folded = body.replaceAll(/\s/g, '').match(/.{1,64}/g) ?? [];
    return [begin, ...folded, end].join('\n');
  });
}

const pemBlock = /(-----BEGIN [A-Z0-9 ]{1,40}-----)([^-]*)(-----END [A-Z0-9 ]{1,40}-----)/g;

function withoutBom(latin1: string): string {
  return latin1.replace(/^\u00EF\u00BB\u00BF/, '');
}
