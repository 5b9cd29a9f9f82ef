/** Compares candidates with the sign that was captured: made as APIv2 makes it, and as programs make it that get it wrong. */
import { createHmac, hash } from 'node:crypto';
import { signV2, signV2Text, v2Canonical, type V2SignType } from '../../../../core/wire/v2-sign.ts';
import type { V2Fields } from '../../../../core/wire/v2-xml.ts';
import type { Budget } from '../budget.ts';
import { encodeText } from '../charset.ts';
import type { Repair } from '../header-repairs.ts';

/** The sign as it may have been meant. */
export interface Target {
  /** Upper-case hex: all of it, or its beginning. */
  readonly hex: string;
  readonly whole: boolean;
  readonly repairs: readonly Repair[];
}

/** A shorter beginning proves nothing. */
const leastDigits = 24;

/** `undefined` for what cannot be a sign. */
export function readTarget(sign: string): Target | undefined {
  if (sign.length > 1_000) return undefined;
  const bare = sign.replaceAll(/[\s"'\u200b\ufeff]/g, '');
  const repairs: Repair[] = bare === sign ? [] : [{ cause: 'v2_sign_form' }];
  if (/^[0-9a-f]+$/i.test(bare) && bare.length >= leastDigits && bare.length <= 64) {
    const hex = bare.toUpperCase();
    if (hex !== bare) repairs.push({ cause: 'v2_sign_case' });
    return { hex, whole: hex.length === 32 || hex.length === 64, repairs };
  }
  const bytes = /^[A-Za-z0-9+/_-]{22,44}={0,2}$/.test(bare) ? Buffer.from(bare, 'base64') : undefined;
  if (bytes === undefined || (bytes.length !== 16 && bytes.length !== 32)) return undefined;
  return { hex: bytes.toString('hex').toUpperCase(), whole: true, repairs: [{ cause: 'v2_sign_form' }] };
}

export interface Match {
  readonly type: V2SignType;
  /** What is left to say about the sign itself. */
  readonly repairs: readonly Repair[];
}

/** Judges the text to sign under a key; `undefined` where it is not the one, or when the budget has ended. */
export type Judge = (canonical: string, key: string) => Match | undefined;

export function makeJudge(target: Target, budget: Budget): Judge {
  return (canonical, key) => {
    for (const type of typesOf(target)) {
      if (!budget.message(canonical.length + key.length)) return undefined;
      const match = compare(signV2Text(canonical, key, type), type, target);
      if (match !== undefined) return match;
    }
    return undefined;
  };
}

/** Which algorithms can have made it; 32 digits may be the half of 64. */
function typesOf({ hex }: Target): readonly V2SignType[] {
  return hex.length > 32 ? ['HMAC-SHA256'] : ['MD5', 'HMAC-SHA256'];
}

function compare(sign: string, type: V2SignType, { hex, repairs }: Target): Match | undefined {
  if (sign === hex) return { type, repairs };
  if (!sign.startsWith(hex)) return undefined;
  const params = { length: hex.length, expected: sign.length };
  return { type, repairs: [...repairs, { cause: 'v2_sign_truncated', params }] };
}

/**
 * Ways in which programs sign that WeChat Pay does not use: what matches one of them came from somebody who has the key and not
 * from WeChat Pay.
 */
export function signedOtherwise(fields: V2Fields, key: string, target: Target, budget: Budget): Repair | undefined {
  const tries: readonly (readonly [Repair, string | Buffer, string?])[] = [...otherTexts(fields, key)];
  for (const [repair, text, hmacKey = key] of tries) {
    if (!budget.message(text.length)) return undefined;
    const md5 = hash('md5', text, 'hex').toUpperCase();
    const mac = createHmac('sha256', hmacKey).update(text).digest('hex').toUpperCase();
    if (target.whole && (md5 === target.hex || mac === target.hex)) return repair;
  }
  const plain = `${v2Canonical(fields)}&key=${key}`;
  if (!budget.message(plain.length)) return undefined;
  return hash('sha256', plain, 'hex').toUpperCase() === target.hex
    ? { cause: 'v2_signed_otherwise', params: { how: 'SHA-256' } }
    : undefined;
}

/** Fields that programs leave out when they sign. */
export const signedWithout: ReadonlySet<string> = new Set(['sign_type', 'nonce_str']);

type Pair = readonly [string, string];

function* otherTexts(fields: V2Fields, key: string): Generator<readonly [Repair, string | Buffer, string?]> {
  const all: readonly Pair[] = [...fields].filter(([name]) => name !== 'sign');
  const filled = all.filter(([, value]) => value !== '');
  const sorted = (pairs: readonly Pair[]): readonly Pair[] => pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const joined = (pairs: readonly Pair[]): string => pairs.map(([name, value]) => `${name}=${value}`).join('&');
  const tail = `&key=${key}`;
  const canonical = v2Canonical(fields);
  const empty = all.find(([, value]) => value === '')?.[0];
  if (empty !== undefined)
    yield [{ cause: 'v2_signed_empty', params: { field: empty } }, `${joined(sorted(all))}${tail}`];
  for (const sign of ['', signV2(fields, key, 'MD5'), signV2(fields, key, 'HMAC-SHA256')])
    yield [{ cause: 'v2_signed_sign' }, `${joined(sorted([...filled, ['sign', sign]]))}${tail}`];
  yield [{ cause: 'v2_signed_order' }, `${joined(filled)}${tail}`];
  const folded = filled.toSorted(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  yield [{ cause: 'v2_signed_order' }, `${joined(folded)}${tail}`];
  for (const how of ['…key', '…&key', 'key…', 'key=…', '…'] as const) {
    const texts = { '…key': canonical + key, '…&key': `${canonical}&${key}`, 'key…': key + canonical };
    const text = how === '…' ? canonical : how === 'key=…' ? `key=${key}&${canonical}` : texts[how];
    // Without the key in it, only a MAC is a signature.
    yield [{ cause: 'v2_signed_key', params: { how } }, text];
  }
  yield [{ cause: 'v2_signed_key', params: { how: 'HMAC' } }, `${canonical}${tail}`, ''];
  for (const encode of [encodeURIComponent, formEncoded]) {
    const encoded = filled.map(([name, value]): Pair => [name, encode(wellFormed(value))]);
    yield [{ cause: 'v2_signed_encoded' }, `${joined(sorted(encoded))}${tail}`];
  }
  const gbk = encodeText(`${canonical}${tail}`, 'gbk');
  if (gbk !== undefined) yield [{ cause: 'v2_signed_charset', params: { charset: 'GBK' } }, gbk];
  for (const left of signedWithout) {
    if (!fields.has(left)) continue;
    const rest = sorted(filled.filter(([name]) => name !== left));
    yield [{ cause: 'v2_signed_without', params: { field: left } }, `${joined(rest)}${tail}`];
  }
}

/** Half of a pair would throw. */
export function wellFormed(text: string): string {
  return text.replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
