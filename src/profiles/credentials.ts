/** From the effective profile to usable keys, each read when it is asked for and only once. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { describeCertificate } from '../core/crypto/certificate.ts';
import { identify, loadCertificate, loadPrivateKey, loadPublicKey } from '../core/crypto/key-files.ts';
import { WxpayError } from '../core/errors.ts';
import type { ClientCertificate } from '../core/http/send.ts';
import type { VerificationKey } from '../core/ports.ts';
import { defaultBaseUrl } from './resolve.ts';
import { profileFields, type ProfileField, type ResolvedProfile, type Sourced } from './schema.ts';
import { readKeyFile, readSecret, secretPlace, type Secret, type SecretReader } from './secrets.ts';

/** Every function throws `CREDENTIAL_MISSING` naming field and variable where the profile says nothing. */
export interface Credentials {
  mchid(): string;
  /** Serial of the merchant API certificate, upper-case hex: the profile's, else read from the certificate or `.p12`. */
  serialNo(): Promise<string>;
  /**
   * The merchant's API private key, RSA of 2048 bits or more: the profile's, else the one in the `.p12`.
   *
   * @throws `KEY_WRONG_KIND`, `KEY_UNREADABLE`, `KEY_WEAK`, `SECRET_UNREADABLE`, and `EMULATOR_KEY_ON_LIVE` where the
   *   certificate at hand is an emulator's and the base URL is not loopback
   */
  merchantKey(): Promise<KeyObject>;
  /** The merchant API certificate; `undefined` where the profile has none. */
  certificate(): Promise<X509Certificate | undefined>;
  /** 32 bytes. @throws `API_V3_KEY_LENGTH`, `SECRET_UNREADABLE` */
  apiV3Key(): Promise<Buffer>;
  apiV2Key(): Promise<Secret>;
  /** The WeChat Pay public key for the key ring; empty where the profile has none. Id and key come together or not at all. */
  publicKeys(): Promise<readonly VerificationKey[]>;
  /** For endpoints that want mTLS (protocol 11.3). */
  clientCertificate(): Promise<ClientCertificate>;
  /** PEM text of additional CAs; `undefined` where the profile names none. */
  ca(): Promise<string | undefined>;
}

/** Larger than a bundle of every public CA (about 250 KiB); a `.p12` may have 1 MiB (THREATS D2). */
export const certificateLimit = 1_048_576;

export function openCredentials(profile: ResolvedProfile, reader: SecretReader): Credentials {
  const { values } = profile;

  const required = (field: ProfileField): Sourced => {
    const value = values[field];
    if (value === undefined) throw missing(field);
    return value;
  };

  const mchid = (): string => required('mchid').value;

  /** The certificate file: what it holds, once opened. */
  const certificateFile = once(async (): Promise<{ certificate: X509Certificate; privateKey?: string } | undefined> => {
    const file = values.client_cert_file?.value;
    if (file === undefined) return undefined;
    const bytes = readCertificateFile('client_cert_file', file);
    if (identify(bytes) !== 'pkcs12') return { certificate: loadCertificate(bytes, file) };
    const { openPkcs12 } = await import('../core/crypto/pkcs12.ts');
    const opened = await openPkcs12(bytes, await passphrase(), file);
    return { certificate: loadCertificate(Buffer.from(opened.certificate), file), privateKey: opened.privateKey };
  });

  const readCertificateFile = (field: ProfileField, file: string): Buffer =>
    // Certificates are public; a `.p12` is under its passphrase. So nobody is told about their permissions.
    readKeyFile(field, file, { platform: reader.platform, uid: reader.uid }, certificateLimit);

  /** WeChat Pay's own tool uses the merchant number (protocol 12). */
  const passphrase = async (): Promise<string> => {
    const reference = values.client_cert_passphrase?.value;
    if (reference === undefined) return mchid();
    return (await readSecret('client_cert_passphrase', reference, reader)).reveal();
  };

  const certificate = async (): Promise<X509Certificate | undefined> => (await certificateFile())?.certificate;

  const merchantKey = once(async (): Promise<KeyObject> => {
    const stored = values.private_key;
    const file = values.client_cert_file?.value;
    // A PEM certificate costs little to look at; opening a `.p12` just for this check would take longer than the request.
    if (profile.live && file !== undefined && (stored === undefined || !/\.(?:p12|pfx)$/i.test(file)))
      refuseEmulator(await certificate());
    if (stored !== undefined) {
      const secret = values.client_cert_passphrase === undefined ? undefined : await passphrase();
      return loadPrivateKey(await keyBytes('private_key', stored.value), originOf('private_key', stored), secret);
    }
    const packed = (await certificateFile())?.privateKey;
    if (packed === undefined) throw missing('private_key');
    return loadPrivateKey(Buffer.from(packed), file ?? '');
  });

  const refuseEmulator = (found: X509Certificate | undefined): void => {
    if (found !== undefined && isEmulatorCertificate(found))
      throw new WxpayError('EMULATOR_KEY_ON_LIVE', {
        params: { url: values.base_url?.value ?? defaultBaseUrl },
        outcome: 'not_sent',
      });
  };

  /** A key may be DER, so its file is read as bytes; the other places hold text. */
  const keyBytes = async (field: ProfileField, reference: string): Promise<Buffer> => {
    const place = secretPlace(reference);
    if (place.kind === 'file') return readKeyFile(field, place.path, reader);
    return Buffer.from(unfold((await readSecret(field, reference, reader)).reveal()));
  };

  const serialNo = once(async (): Promise<string> => {
    if (values.serial_no !== undefined) return values.serial_no.value;
    const found = await certificate();
    if (found === undefined) throw missing('serial_no');
    return describeCertificate(found).serial_no;
  });

  const apiV3Key = once(async (): Promise<Buffer> => {
    const key = Buffer.from((await readSecret('api_v3_key', required('api_v3_key').value, reader)).reveal());
    if (key.length !== 32) throw new WxpayError('API_V3_KEY_LENGTH', { params: { length: key.length } });
    return key;
  });

  const apiV2Key = once(async () => readSecret('api_v2_key', required('api_v2_key').value, reader));

  const publicKeys = once(async (): Promise<readonly VerificationKey[]> => {
    if (values.public_key === undefined && values.public_key_id === undefined) return [];
    const id = required('public_key_id').value;
    const key = required('public_key');
    const place = secretPlace(key.value);
    const bytes =
      place.kind === 'file' ? readCertificateFile('public_key', place.path) : Buffer.from(unfold(key.value));
    const publicKey = loadPublicKey(bytes, originOf('public_key', key));
    return [{ id, kind: 'wechatpay-public-key', publicKey }];
  });

  const clientCertificate = once(async (): Promise<ClientCertificate> => {
    const file = required('client_cert_file').value;
    const bytes = readCertificateFile('client_cert_file', file);
    if (identify(bytes) === 'pkcs12') return { pfx: bytes, passphrase: await passphrase() };
    const found = loadCertificate(bytes, file);
    const key = await merchantKey();
    if (!found.checkPrivateKey(key)) throw new WxpayError('KEY_CERTIFICATE_MISMATCH', { params: { source: file } });
    return { cert: bytes.toString('latin1'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
  });

  const ca = once(async (): Promise<string | undefined> => {
    const file = values.ca_file?.value;
    if (file === undefined) return undefined;
    const text = readCertificateFile('ca_file', file).toString('latin1');
    loadCertificate(Buffer.from(text, 'latin1'), file);
    return text;
  });

  return {
    mchid,
    serialNo,
    merchantKey,
    certificate,
    apiV3Key,
    apiV2Key,
    publicKeys,
    clientCertificate,
    ca,
  };
}

/** The emulator puts this word into every subject and issuer, so that its keys are recognised anywhere (THREATS I5). */
export function isEmulatorCertificate(certificate: X509Certificate): boolean {
  return /\bEMULATOR\b/.test(`${certificate.subject}\n${certificate.issuer}`);
}

/** How a message names a key: by its file or variable, or by the profile that holds it; never by the key. */
export function originOf(field: ProfileField, { value, source }: Sourced): string {
  if (profileFields[field].path === true) return value;
  const place = secretPlace(value);
  if (place.kind === 'file') return place.path;
  if (place.kind === 'env') return place.variable;
  if (place.kind === 'keychain') return value;
  if (source.from === 'env') return source.variable;
  return source.from === 'profile' ? `${source.file} (${field})` : field;
}

/** `CREDENTIAL_MISSING` for a field, naming every variable that supplies it. */
export function missing(field: ProfileField): WxpayError {
  const variable = profileFields[field].variables.map(({ name }) => name).join(' / ');
  return new WxpayError('CREDENTIAL_MISSING', { params: { field, variable }, outcome: 'not_sent' });
}

/** CI systems that take one line only hold a PEM with `\n` written out. */
function unfold(text: string): string {
  return text.includes('-----BEGIN ') && !text.includes('\n') ? text.replaceAll(String.raw`\n`, '\n') : text;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
