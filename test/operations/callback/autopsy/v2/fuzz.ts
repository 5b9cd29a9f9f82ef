/**
 * Near-valid APIv2 callbacks without end. An oracle of plain `node:crypto` judges each one; what `verifyV2Callback` accepts and the
 * oracle does not is a false accept, and so is a proof of the autopsy that the oracle does not confirm.
 */
import { createDecipheriv } from 'node:crypto';
import { openBudget } from '../../../../../src/operations/callback/autopsy/budget.ts';
import { performV2Autopsy } from '../../../../../src/operations/callback/autopsy/v2/autopsy.ts';
import { verifyV2Callback } from '../../../../../src/operations/callback/verify-v2.ts';
import { seeded } from '../../../../faults/random.ts';
import {
  apiV2Key,
  apiV3Key,
  appid,
  bareXml,
  canonical,
  digest,
  md5Key,
  mchid,
  payment,
  refund,
  signed,
  xml,
  type Fields,
  type SignType,
} from './stage.ts';

export interface V2Figures {
  readonly callbacks: number;
  readonly accepted: number;
  readonly falseAccepts: readonly string[];
  readonly falseRefusals: readonly string[];
  readonly autopsies: number;
  readonly proven: number;
  readonly falseProofs: readonly string[];
  readonly crashes: readonly string[];
}

type Random = () => number;
const at = (length: number, random: Random): number => Math.floor(random() * Math.max(1, length));
const pick = <T>(list: readonly T[], random: Random): T => list[at(list.length, random)] as T;
const types: readonly SignType[] = ['MD5', 'HMAC-SHA256'];
const otherKeys = [apiV3Key, 'x'.repeat(32), '', `${apiV2Key}\n`];

/** Every one of these changes the fields, the sign or the key, or only seems to. */
const inFields: readonly ((fields: Fields, random: Random) => Fields)[] = [
  (fields, random) => {
    const name = pick(Object.keys(fields), random);
    const value = fields[name] ?? '';
    const cut = at(value.length + 1, random);
    return {
      ...fields,
      [name]:
        value.slice(0, cut) +
        pick(['', ' ', '0', '&', '<', '%26', '\u4e2d'], random) +
        value.slice(cut + at(2, random)),
    };
  },
  (fields, random) => {
    const { [pick(Object.keys(fields), random)]: _lost, ...rest } = fields;
    return rest;
  },
  (fields, random) => ({
    ...fields,
    [pick(['s', 'sign_type', 'key', 'attach2', 'SIGN'], random)]: pick(
      ['', 'MD5', 'HMAC-SHA256', apiV3Key, '1'],
      random,
    ),
  }),
  (fields, random) => ({
    ...fields,
    sign: pick(
      [
        (fields['sign'] ?? '').toLowerCase(),
        '',
        (fields['sign'] ?? '').slice(0, 31),
        ` ${fields['sign'] ?? ''}`,
        `${fields['sign'] ?? ''}0`,
        '0'.repeat(32),
      ],
      random,
    ),
  }),
  (fields, random) => {
    const [one, two] = [pick(Object.keys(fields), random), pick(Object.keys(fields), random)];
    return { ...fields, [one]: fields[two] ?? '', [two]: fields[one] ?? '' };
  },
  (fields, random) => signed(fields, pick(types, random), pick(otherKeys, random)),
  (fields, random) => ({ ...fields, sign: digest(`${canonical(fields)}&key=`, pick(types, random), '') }),
  (fields, random) => ({ ...fields, total_fee: pick(['1', '1290.0', '12.90', '01290', '1290 '], random) }),
  (fields) => Object.fromEntries(Object.entries(fields).toReversed()),
  (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '')),
];

const inText: readonly ((text: string, random: Random) => string)[] = [
  (text, random) => {
    const cut = at(text.length, random);
    return (
      text.slice(0, cut) +
      pick(['', '<', '&', ']]>', '<a/>', '\0', '<!-- -->', '<sign>x</sign>'], random) +
      text.slice(cut + at(3, random))
    );
  },
  (text, random) => text.slice(0, at(text.length, random)),
  (text) => `<!DOCTYPE xml [<!ENTITY a "b">]>${text}`,
  (text) => text.replace('</xml>', '<total_fee>1</total_fee></xml>'),
  (text) => `\uFEFF${text}\n`,
  (text) => encodeURIComponent(text),
  (text) => text.replaceAll('<![CDATA[', '').replaceAll(']]>', ''),
  (text) => Buffer.from(text).toString('latin1'),
];

/** What the document says, by one plain pattern; `undefined` for what the pattern does not cover whole. */
function readPlainly(text: string): Fields | undefined {
  const body = /^\uFEFF?\s*<xml>([^]*)<\/xml>\s*$/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const fields: Fields = {};
  const rest = body.replaceAll(
    /<([A-Za-z][\w.-]*)>(?:<!\[CDATA\[((?:(?!\]\]>)[^])*)\]\]>|([^<&]*))<\/\1>|<([A-Za-z][\w.-]*)\/>/g,
    (whole, name?: string, section?: string, bare?: string, none?: string) => {
      const field = name ?? none ?? '';
      if (Object.hasOwn(fields, field)) return whole;
      fields[field] = section ?? bare ?? '';
      return '';
    },
  );
  return rest.trim() === '' ? fields : undefined;
}

/** Whether WeChat Pay's own rule holds over it. */
function oracle(text: string): boolean {
  // Refused wherever they stand, though they do no harm in CDATA.
  if (/<!--|\0/.test(text)) return false;
  const fields = readPlainly(text);
  if (fields === undefined || fields['mch_id'] !== mchid) return false;
  if (fields['req_info'] !== undefined) return opens(fields['req_info']);
  const said = fields['sign_type'];
  const sign = fields['sign'] ?? '';
  const type = said ?? (sign.length === 64 ? 'HMAC-SHA256' : 'MD5');
  if (type !== 'MD5' && type !== 'HMAC-SHA256') return false;
  return sign === digest(`${canonical(fields)}&key=${apiV2Key}`, type);
}

function opens(reqInfo: string): boolean {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(reqInfo)) return false;
  try {
    const decipher = createDecipheriv('aes-256-ecb', md5Key(), null);
    const plain = Buffer.concat([decipher.update(Buffer.from(reqInfo, 'base64')), decipher.final()]).toString('utf8');
    return /^<root>[^]*<\/root>$/.test(plain);
  } catch {
    return false;
  }
}

/** @param every so many refused ones are looked into, since a search takes its time */
export function fuzzV2Callbacks(count: number, seed: number, every: number): V2Figures {
  const random = seeded(seed);
  const figures = {
    callbacks: count,
    accepted: 0,
    falseAccepts: [] as string[],
    falseRefusals: [] as string[],
    autopsies: 0,
    proven: 0,
    falseProofs: [] as string[],
    crashes: [] as string[],
  };
  let refused = 0;
  for (let round = 0; round < count; round += 1) {
    let fields = signed({ ...payment, out_trade_no: String(round) }, pick(types, random));
    for (let more = at(3, random); more > 0; more -= 1) fields = pick(inFields, random)(fields, random);
    let text = random() < 0.1 ? refund() : random() < 0.1 ? bareXml(fields) : xml(fields);
    if (random() < 0.3) text = pick(inText, random)(text, random);
    const body = Buffer.from(text);
    try {
      const { verdict, failure } = verifyV2Callback({ body }, { apiV2Key, mchid, appid });
      const sound = oracle(text);
      if (verdict === 'valid') {
        figures.accepted += 1;
        if (!sound && !isEscaped(text)) figures.falseAccepts.push(text);
      } else if (sound) figures.falseRefusals.push(text);
      if (failure === undefined) continue;
      refused += 1;
      if (refused % every !== 0) continue;
      figures.autopsies += 1;
      const budget = openBudget({ messages: 20_000, bytes: 16 * 1024 * 1024, signatures: 0 });
      const { grade, mendedV2, findings } = performV2Autopsy({
        capture: { body },
        failure,
        apiV2Key,
        apiV3Key,
        mchid,
        appid,
        budget,
      });
      if (grade === 'proven') {
        figures.proven += 1;
        // Every sign that is anywhere in it, whole or cut, against the message that is called the one signed.
        const held =
          mendedV2 === undefined ||
          [apiV2Key, apiV3Key].some((key) =>
            hexIn(text).some((sign) => digest(`${mendedV2.signed}&key=${key}`, mendedV2.type, key).startsWith(sign)),
          );
        if (!held || findings.length === 0) figures.falseProofs.push(text);
      }
    } catch (error) {
      figures.crashes.push(`${String(error)}: ${text}`);
    }
  }
  return figures;
}

/** The plain pattern knows no references; what has some is judged by the strict reader's own tests. */
function isEscaped(text: string): boolean {
  return /&(?:amp|lt|gt|quot|apos|#)/.test(text);
}

function hexIn(text: string): readonly string[] {
  return [
    ...(text.startsWith('%3C') ? decodeURIComponent(text) : text).replaceAll(/\s/g, '').matchAll(/[0-9A-Fa-f]{24,}/g),
  ].flatMap(([hex]) => [hex.toUpperCase(), hex.slice(0, 64).toUpperCase(), hex.slice(0, 32).toUpperCase()]);
}
