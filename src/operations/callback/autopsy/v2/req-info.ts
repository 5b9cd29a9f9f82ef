/** Opens `req_info` of a refund's callback under what people take for its key, and out of what happens to its text. */
import { createDecipheriv, hash } from 'node:crypto';
import { decryptReqInfo } from '../../../../core/wire/v2-req-info.ts';
import { parseV2Xml } from '../../../../core/wire/v2-xml.ts';
import { decodeEntities } from '../body-repairs.ts';
import type { Budget } from '../budget.ts';
import type { Repair } from '../header-repairs.ts';
import { percentDecoded } from './readings.ts';

/** Larger than the strict reader takes: nothing is tried. */
const largest = 64 * 1024;

export interface Opened {
  /** The text or the key had to be mended, or the one who encrypted it used another key than WeChat Pay would. */
  readonly repairs: readonly Repair[];
}

/** The text as it was sent, the likely ones first. */
function* texts(reqInfo: string): Generator<readonly [string, readonly Repair[]]> {
  const made = (how: string): readonly Repair[] => [{ cause: 'v2_req_info_text', params: { how } }];
  yield [reqInfo, []];
  const tight = reqInfo.replaceAll(/[\s"']/g, '');
  if (tight !== reqInfo) {
    yield [tight, made('blanks')];
    yield [reqInfo.trim().replaceAll(' ', '+'), made('+')];
  }
  if (/[-_]/.test(tight)) yield [padded(tight.replaceAll('-', '+').replaceAll('_', '/')), made('-_')];
  if (tight.length % 4 !== 0) yield [padded(tight.replace(/=+$/, '')), made('=')];
  if (tight.includes('%')) yield [percentDecoded(tight), made('%')];
  if (tight.includes('&')) yield [decodeEntities(tight), made('&')];
  if (/^(?:[0-9a-f]{2})+$/i.test(tight)) yield [Buffer.from(tight, 'hex').toString('base64'), made('hex')];
  const inner = Buffer.from(tight, 'base64').toString('latin1');
  if (/^[A-Za-z0-9+/\s]{16,}={0,2}$/.test(inner)) yield [inner.replaceAll(/\s/g, ''), made('base64')];
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** Ways to make an AES key of the APIv2 key, WeChat Pay's own excepted. */
const derivations: readonly { readonly how: string; readonly aes: (key: string) => Buffer }[] = [
  { how: 'key', aes: (key) => Buffer.from(key) },
  { how: 'MD5', aes: (key) => Buffer.from(hash('md5', key, 'hex').toUpperCase()) },
  { how: 'MD5 (16)', aes: (key) => hash('md5', key, 'buffer') },
  { how: 'MD5/2', aes: (key) => Buffer.from(hash('md5', key, 'hex').slice(0, 16)) },
  { how: 'MD5 MD5', aes: (key) => Buffer.from(hash('md5', hash('md5', key, 'hex'), 'hex')) },
  { how: 'SHA-256', aes: (key) => hash('sha256', key, 'buffer') },
];

/** Under one of the keys; what comes out must be the documented XML. */
export function openReqInfo(
  reqInfo: string,
  keys: readonly { readonly key: string; readonly repairs: readonly Repair[] }[],
  budget: Budget,
): Opened | undefined {
  if (reqInfo.length > largest) return undefined;
  for (const [text, textRepairs] of texts(reqInfo))
    for (const { key, repairs } of keys) {
      if (!budget.message(text.length)) return undefined;
      if (opens(() => decryptReqInfo(text, key))) return { repairs: [...textRepairs, ...repairs] };
    }
  for (const [text, textRepairs] of texts(reqInfo)) {
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length === 0 || bytes.length % 16 !== 0) continue;
    for (const { key, repairs } of keys)
      for (const { how, aes } of derivations) {
        const made = aes(key);
        if (made.length !== 16 && made.length !== 32) continue;
        if (!budget.message(bytes.length)) return undefined;
        if (opens(() => parseV2Xml(decrypt(bytes, made, 'ecb'), 'root')))
          return { repairs: [...textRepairs, ...repairs, { cause: 'v2_req_info_key', params: { how } }] };
      }
    for (const { key, repairs } of keys) {
      const made = Buffer.from(hash('md5', key, 'hex'));
      if (!budget.message(bytes.length)) return undefined;
      if (opens(() => parseV2Xml(decrypt(bytes, made, 'cbc'), 'root')))
        return { repairs: [...textRepairs, ...repairs, { cause: 'v2_req_info_key', params: { how: 'CBC' } }] };
    }
  }
  return undefined;
}

/** Whether its beginning comes out right: the key is right then, and the rest was cut off. */
export function isCut(reqInfo: string, key: string): boolean {
  const bytes = Buffer.from(reqInfo.slice(0, largest), 'base64');
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 16));
  if (whole.length === 0) return false;
  const decipher = createDecipheriv('aes-256-ecb', Buffer.from(hash('md5', key, 'hex')), null).setAutoPadding(false);
  const start = Buffer.concat([decipher.update(whole), decipher.final()]).toString('latin1');
  return /^\s*<root>\s*<\w/.test(start);
}

function decrypt(bytes: Buffer, key: Buffer, mode: 'ecb' | 'cbc'): Buffer {
  const iv = mode === 'ecb' ? null : Buffer.alloc(16);
  const decipher = createDecipheriv(`aes-${key.length * 8}-${mode}`, key, iv);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

function opens(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
