/**
 * Takes key and certificate out of a PKCS#12 file (`apiclient_cert.p12`). Node cannot, so node-forge does, and only this: in
 * a worker with limits, after the header has been read here (THREATS D2). mTLS hands the file to TLS and needs none of this.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { WxpayError } from '../errors.ts';
import { integerOf, octetsOf, octetStringTag, oidOf, readBer, sequenceTag, type BerNode } from './ber.ts';
import { identify } from './key-files.ts';

export interface OpenedPkcs12 {
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** PEM of the certificate that belongs to the key. */
  readonly certificate: string;
}

export interface Pkcs12Limits {
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

const sizeLimit = 1024 * 1024;
const iterationLimit = 600_000;

/**
 * @param passphrase the merchant number, unless it was changed
 * @param source how messages name the file
 * @param limits of the worker: 5 s and 256 MB by default
 * @throws `KEY_WRONG_KIND`, `P12_PASSPHRASE_WRONG`, and `P12_INVALID` for a file above 1 MiB, without a MAC, with more than
 * 600 000 iterations, without a matching pair of RSA key and certificate, or one that exhausts the limits
 */
export async function openPkcs12(
  bytes: Uint8Array,
  passphrase: string,
  source: string,
  limits: Pkcs12Limits = { timeoutMs: 5_000, memoryMb: 256 },
): Promise<OpenedPkcs12> {
  const refuse = (reason: string, params: Readonly<Record<string, number>> = {}): WxpayError =>
    new WxpayError('P12_INVALID', { params: { ...params, source, reason: `key:reason.p12_${reason}` } });
  if (bytes.length > sizeLimit) throw refuse('size', { max: sizeLimit });
  const kind = identify(bytes);
  if (kind !== 'pkcs12')
    throw new WxpayError('KEY_WRONG_KIND', { params: { source, wanted: 'kind:pkcs12', found: `kind:${kind}` } });
  const header = readHeader(bytes);
  if (header === undefined) throw refuse('structure');
  if (!header.hasMac) throw refuse('no_mac');
  if (header.iterations > iterationLimit) throw refuse('iterations', { max: iterationLimit });
  const answer = await inWorker({ der: bytes, passphrase }, limits);
  if (answer.kind === 'opened') return { privateKey: answer.privateKey, certificate: answer.certificate };
  if (answer.kind === 'passphrase') throw new WxpayError('P12_PASSPHRASE_WRONG', { params: { source } });
  throw refuse(answer.kind);
}

/**
 * Packs the merchant's key and certificate as the merchant platform's tool does, but with AES-256 and PBKDF2 instead of
 * RC2 and 3DES, which OpenSSL 3 has retired.
 *
 * @param privateKey PKCS#8 PEM
 * @param certificate PEM
 */
export async function makePkcs12(privateKey: string, certificate: string, passphrase: string): Promise<Buffer> {
  const { default: forge } = await import('node-forge');
  const pfx = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(privateKey),
    [forge.pki.certificateFromPem(certificate)],
    passphrase,
    { algorithm: 'aes256', count: 10_000, friendlyName: 'apiclient' },
  );
  return Buffer.from(forge.asn1.toDer(pfx).getBytes(), 'latin1');
}

type Answer =
  | { readonly kind: 'opened'; readonly privateKey: string; readonly certificate: string }
  | { readonly kind: 'passphrase' | 'structure' | 'no_pair' | 'limits' };

/**
 * The worker is a string, so that it is the same whether this module is bundled or not; node-forge is resolved from here.
 * Nothing but file, passphrase and PEM crosses the boundary, and the worker sees no environment.
 */
const workerSource = `
const { parentPort, workerData } = require('node:worker_threads');
const { createPrivateKey } = require('node:crypto');
const forge = require(workerData.forge);
function open({ der, passphrase }) {
  let p12;
  try {
    const asn1 = forge.asn1.fromDer(Buffer.from(der).toString('latin1'));
    p12 = forge.pkcs12.pkcs12FromAsn1(asn1, true, passphrase);
  } catch (error) {
    const wrong = /MAC could not be verified|Invalid password/i.test(String(error && error.message));
    return { kind: wrong ? 'passphrase' : 'structure' };
  }
  const { certBag, pkcs8ShroudedKeyBag, keyBag } = forge.pki.oids;
  const bags = (type) => p12.getBags({ bagType: type })[type] || [];
  const certificates = bags(certBag).filter((bag) => bag.cert && bag.cert.publicKey && bag.cert.publicKey.n);
  for (const { key } of [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)]) {
    const match = key && certificates.find(({ cert }) => cert.publicKey.n.equals(key.n));
    if (!match) continue;
    const privateKey = createPrivateKey(forge.pki.privateKeyToPem(key)).export({ type: 'pkcs8', format: 'pem' });
    const certificate = forge.pki.certificateToPem(match.cert).replaceAll('\\r\\n', '\\n');
    return { kind: 'opened', privateKey, certificate };
  }
  return { kind: 'no_pair' };
}
let answer;
try { answer = open(workerData); } catch { answer = { kind: 'structure' }; }
parentPort.postMessage(answer);
`;

function inWorker(
  input: { readonly der: Uint8Array; readonly passphrase: string },
  limits: Pkcs12Limits,
): Promise<Answer> {
  const forge = createRequire(import.meta.url).resolve('node-forge');
  return new Promise((resolve) => {
    const worker = new Worker(workerSource, {
      eval: true,
      workerData: { ...input, forge },
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb, maxYoungGenerationSizeMb: 32 },
    });
    let settled = false;
    const settle = (answer: Answer): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      void worker.terminate().then(() => resolve(answer));
    };
    const timer = setTimeout(() => settle({ kind: 'limits' }), limits.timeoutMs);
    worker.once('message', (answer: Answer) => settle(answer));
    // Out of memory arrives here.
    worker.once('error', () => settle({ kind: 'limits' }));
    worker.once('exit', () => settle({ kind: 'structure' }));
  });
}

interface Header {
  readonly hasMac: boolean;
  /** The largest iteration count that the file asks for, of the MAC and of every encryption that is visible. */
  readonly iterations: number;
}

/** Reads `PFX ::= SEQUENCE { version, authSafe ContentInfo, macData MacData OPTIONAL }` without decrypting anything. */
function readHeader(bytes: Uint8Array): Header | undefined {
  const pfx = readBer(bytes);
  const [version, authSafe, macData] = pfx?.children ?? [];
  if (pfx?.tag !== sequenceTag || integerOf(bytes, version) !== 3 || authSafe?.tag !== sequenceTag) return undefined;
  if (macData === undefined) return { hasMac: false, iterations: 0 };
  const [digest, salt, count] = macData.children;
  if (digest === undefined || salt?.tag !== octetStringTag) return undefined;
  // MacData's iterations default to 1.
  const ofMac = count === undefined ? 1 : integerOf(bytes, count);
  const ofContent = largestIterations(bytes, authSafe, 0);
  if (ofMac === undefined || ofContent === undefined) return undefined;
  return { hasMac: true, iterations: Math.max(ofMac, ofContent) };
}

/** PKCS#12's own schemes are below 1.2.840.113549.1.12.1; PBES2 takes its key from PBKDF2. */
const pkcs12Scheme = '2a864886f70d010c01';
const pbkdf2 = '2a864886f70d01050c';
const dataContent = '2a864886f70d010701';

/** Looks at every AlgorithmIdentifier, also in what `data` contents wrap. `undefined` when something does not parse. */
function largestIterations(bytes: Uint8Array, node: BerNode, depth: number): number | undefined {
  const [first, second] = node.children;
  const oid = node.tag === sequenceTag ? oidOf(bytes, first) : '';
  if (oid.startsWith(pkcs12Scheme) || oid === pbkdf2) return integerOf(bytes, second?.children[1]);
  let largest = 0;
  const [wrapped] = second?.children ?? [];
  // ContentInfo ::= SEQUENCE { contentType, [0] EXPLICIT content }; an EncryptedContentInfo begins with the same OID.
  if (oid === dataContent && second?.tag === 0xa0 && wrapped !== undefined) {
    // AuthenticatedSafe wraps SafeContents, which wraps no further data.
    const content = octetsOf(bytes, wrapped);
    const inner = depth > 2 ? undefined : readBer(content);
    const found = inner && largestIterations(content, inner, depth + 1);
    if (found === undefined) return undefined;
    largest = found;
  }
  for (const child of node.children) {
    const found = largestIterations(bytes, child, depth);
    if (found === undefined) return undefined;
    largest = Math.max(largest, found);
  }
  return largest;
}
