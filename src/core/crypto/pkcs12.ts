/**
 * Takes key and certificate out of a PKCS#12 file (`apiclient_cert.p12`). Node cannot, so node-forge does, and only this: in a
 * worker with limits, after the header has been checked (THREATS D2). mTLS itself hands the file to TLS and needs none of this.
 */
import { Worker } from 'node:worker_threads';
import { createRequire } from 'node:module';
import { WxpayError } from '../errors.ts';
import { identify } from './key-files.ts';

export interface OpenedPkcs12 {
  /** PKCS#8 PEM. */
  readonly privateKey: string;
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
 * @throws WxpayError `KEY_WRONG_KIND`, `P12_INVALID`, `P12_PASSPHRASE_WRONG`
 */
export async function openPkcs12(
  bytes: Uint8Array,
  passphrase: string,
  source: string,
  limits: Pkcs12Limits = { timeoutMs: 5_000, memoryMb: 256 },
): Promise<OpenedPkcs12> {
  const refuse = (reason: string): WxpayError => new WxpayError('P12_INVALID', { params: { source, reason } });
  if (bytes.length > sizeLimit) throw refuse(`> ${sizeLimit} bytes`);
  const kind = identify(bytes);
  if (kind !== 'pkcs12')
    throw new WxpayError('KEY_WRONG_KIND', { params: { source, wanted: 'kind:pkcs12', found: `kind:${kind}` } });
  const header = readHeader(bytes);
  if (header === undefined) throw refuse('ASN.1');
  if (!header.hasMac) throw refuse('MAC');
  if (header.largestInteger > iterationLimit) throw refuse(`iterations > ${iterationLimit}`);
  const answer = await inWorker({ der: Buffer.from(bytes).toString('latin1'), passphrase }, limits);
  if (answer.kind === 'opened') return { privateKey: answer.privateKey, certificate: answer.certificate };
  if (answer.kind === 'passphrase') throw new WxpayError('P12_PASSPHRASE_WRONG', { params: { source } });
  throw refuse(answer.reason);
}

type Answer =
  | { readonly kind: 'opened'; readonly privateKey: string; readonly certificate: string }
  | { readonly kind: 'passphrase' }
  | { readonly kind: 'invalid'; readonly reason: string };

/**
 * The worker is a string, so that it is the same whether this module is bundled or not; node-forge is resolved from here.
 * Nothing but DER, passphrase and PEM crosses the boundary.
 */
const workerSource = `
const { parentPort, workerData } = require('node:worker_threads');
const { createPrivateKey } = require('node:crypto');
const forge = require(workerData.forge);
function open({ der, passphrase }) {
  let p12;
  try {
    p12 = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(der), true, passphrase);
  } catch (error) {
    return /MAC could not be verified|Invalid password/i.test(String(error && error.message)) ? { kind: 'passphrase' } : { kind: 'invalid', reason: 'PKCS#12' };
  }
  const { certBag, pkcs8ShroudedKeyBag, keyBag } = forge.pki.oids;
  const bags = (type) => p12.getBags({ bagType: type })[type] || [];
  const key = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)].find((bag) => bag.key);
  if (!key) return { kind: 'invalid', reason: 'no private key' };
  const certificates = bags(certBag).filter((bag) => bag.cert);
  const same = (bag) => bag.cert.publicKey.n && bag.cert.publicKey.n.equals(key.key.n);
  const match = certificates.find(same);
  if (!match) return { kind: 'invalid', reason: 'no certificate of the key' };
  const pem = createPrivateKey(forge.pki.privateKeyToPem(key.key)).export({ type: 'pkcs8', format: 'pem' });
  return { kind: 'opened', privateKey: pem, certificate: forge.pki.certificateToPem(match.cert).replaceAll('\\r\\n', '\\n') };
}
let answer;
try { answer = open(workerData); } catch { answer = { kind: 'invalid', reason: 'PKCS#12' }; }
parentPort.postMessage(answer);
`;

function inWorker(input: { readonly der: string; readonly passphrase: string }, limits: Pkcs12Limits): Promise<Answer> {
  const forge = createRequire(import.meta.url).resolve('node-forge');
  return new Promise((resolve) => {
    const worker = new Worker(workerSource, {
      eval: true,
      workerData: { ...input, forge },
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: limits.memoryMb },
    });
    const timer = setTimeout(() => settle({ kind: 'invalid', reason: `> ${limits.timeoutMs} ms` }), limits.timeoutMs);
    let settled = false;
    const settle = (answer: Answer): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      void worker.terminate().then(() => resolve(answer));
    };
    worker.once('message', (answer: Answer) => settle(answer));
    worker.once('error', () => settle({ kind: 'invalid', reason: 'PKCS#12' }));
    worker.once('exit', () => settle({ kind: 'invalid', reason: 'PKCS#12' }));
  });
}

interface Header {
  readonly hasMac: boolean;
  /** The largest INTEGER outside the encrypted parts: an upper bound of every iteration count that is visible. */
  readonly largestInteger: number;
}

/** Walks the DER without building anything: is there a MAC, and how many iterations are asked for? `undefined` for broken DER. */
function readHeader(bytes: Uint8Array): Header | undefined {
  let largestInteger = 0;
  let nodes = 0;
  const walk = (start: number, end: number, depth: number, visit?: (index: number) => void): boolean => {
    let at = start;
    let index = 0;
    while (at < end) {
      nodes += 1;
      if (depth > 32 || nodes > 10_000) return false;
      const tag = bytes[at] ?? 0;
      const first = bytes[at + 1];
      if (first === undefined) return false;
      let length = first;
      let content = at + 2;
      if (first >= 0x80) {
        const count = first & 0x7f;
        // BER's indefinite length is not DER.
        if (count === 0 || count > 4) return false;
        length = 0;
        for (let offset = 0; offset < count; offset += 1) length = length * 256 + (bytes[content + offset] ?? 0);
        content += count;
      }
      if (content + length > end) return false;
      if (depth === 1) visit?.(index);
      index += 1;
      if (tag === 0x02 && length <= 6) {
        let value = 0;
        for (let offset = 0; offset < length; offset += 1) value = value * 256 + (bytes[content + offset] ?? 0);
        if (value > largestInteger) largestInteger = value;
      }
      const constructed = (tag & 0x20) !== 0;
      // An OCTET STRING of a PFX wraps more DER (the AuthenticatedSafe and SafeContents); where it is not DER it is data.
      if (constructed && !walk(content, content + length, depth + 1, visit)) return false;
      if (tag === 0x04 && length > 2 && bytes[content] === 0x30) walk(content, content + length, depth + 1);
      at = content + length;
    }
    return at === end;
  };
  let members = 0;
  const whole = walk(0, bytes.length, 0, (index) => {
    members = Math.max(members, index + 1);
  });
  // PFX ::= SEQUENCE { version, authSafe, macData OPTIONAL }
  return whole ? { hasMac: members >= 3, largestInteger } : undefined;
}
