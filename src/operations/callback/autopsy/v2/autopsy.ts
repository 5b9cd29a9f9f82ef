/**
 * Why does a callback of APIv2 not verify? (DESIGN section 5; protocol 11.)
 *
 * Its signature is a digest over its fields and a key that both sides have. So the autopsy undoes the known damages to
 * document, values and key, and makes the signature again: where it comes out as captured, that was the damage. Nobody can
 * tell a wrong key from a changed field where none does. What is found never makes a damaged callback valid.
 */
import { v2Canonical } from '../../../../core/wire/v2-sign.ts';
import type { WxpayError } from '../../../../core/errors.ts';
import type { V2Fields } from '../../../../core/wire/v2-xml.ts';
import type { Capture } from '../../capture/capture.ts';
import { frameworks, type Framework } from '../../recipes.ts';
import { openBudget, type Budget } from '../budget.ts';
import { firstDifference } from '../differences.ts';
import type { Autopsy, Cause, Facts, Finding } from '../findings.ts';
import type { Repair } from '../header-repairs.ts';
import { keyGuesses } from '../key-guesses.ts';
import { readFields, type Reading } from './readings.ts';
import { isCut, openReqInfo } from './req-info.ts';
import { makeJudge, readTarget, signedOtherwise, type Match, type Target } from './signing.ts';
import { editFields, likely, type Known } from './value-repairs.ts';

export interface V2AutopsyInput extends Known {
  readonly capture: Pick<Capture, 'body'> & Partial<Pick<Capture, 'bodyIs'>>;
  /** Why `verifyV2Callback` refused it. */
  readonly failure: WxpayError;
  /** As configured. */
  readonly apiV2Key: string;
  readonly apiV3Key?: string;
  readonly framework?: Framework;
  readonly budget?: Budget;
}

interface Key {
  readonly key: string;
  readonly repairs: readonly Repair[];
}

/** Fields, key and algorithm that give the captured sign. */
interface Found {
  readonly reading: Reading;
  readonly fields: V2Fields;
  readonly match: Match | undefined;
  readonly repairs: readonly Repair[];
}

/** Never throws for what is in a capture; never says that it is valid. */
export function performV2Autopsy(input: V2AutopsyInput): Autopsy {
  const budget = input.budget ?? openBudget();
  const { body } = input.capture;
  const readings = readFields(body, budget);
  const [first] = readings;
  const sign = first?.fields.get('sign') ?? '';
  const target = readTarget(sign);
  const refund = readings.find(({ fields }) => (fields.get('req_info') ?? '') !== '');
  const keys = keysOf(input);
  const done = (findings: readonly Finding[], facts: Partial<Facts>, more: Partial<Autopsy> = {}): Autopsy => ({
    grade: findings.some(({ grade }) => grade === 'proven')
      ? 'proven'
      : findings.length > 0
        ? 'indicated'
        : 'not_identifiable',
    findings,
    evidence: [],
    facts: {
      api: 'v2',
      signature: sign === '' ? 'absent' : target === undefined ? 'unreadable' : 'foreign',
      resource: 'absent',
      bodyLength: body.length,
      ...facts,
    },
    tried: budget.tried(),
    frameworks: helpful(findings, input.framework),
    ...more,
  });
  if (refund !== undefined && target === undefined) {
    const reqInfo = refund.fields.get('req_info') ?? '';
    const opened = openReqInfo(reqInfo, keys, budget);
    if (opened !== undefined) {
      const findings = [...refund.repairs, ...opened.repairs].map(proven);
      return done(findings.length > 0 ? unique(findings) : judgeIdentity(input), { resource: 'holds' });
    }
    const cut = isCut(reqInfo, input.apiV2Key) ? [indicated('v2_req_info_cut')] : [];
    return done([...cut, ...clues(input, refund.fields)], { resource: cut.length > 0 ? 'holds' : 'fails' });
  }
  const found = target === undefined ? undefined : findSigned(readings, target, keys, input, budget);
  if (found === undefined || first === undefined) return done(clues(input, first?.fields), {});
  const { match, fields, reading } = found;
  const findings = unique(
    [...reading.repairs, ...found.repairs, ...(match === undefined ? [] : signFindings(fields, match))].map(proven),
  );
  const facts: Partial<Facts> =
    match === undefined ? { signature: 'foreign' } : { signature: 'intact', signedBy: match.type };
  if (findings.length === 0) return done(judgeIdentity(input), facts);
  const signed = v2Canonical(fields);
  const captured = v2Canonical(first.fields);
  const difference =
    match === undefined ? undefined : firstDifference('sign_string', Buffer.from(captured), Buffer.from(signed));
  return done(findings, facts, {
    evidence: difference === undefined ? [] : [difference],
    ...(match === undefined ? {} : { mendedV2: { signed, type: match.type } }),
  });
}

function proven({ cause, params = {} }: Repair): Finding {
  return { cause, grade: 'proven', params };
}

function indicated(cause: Cause, params: Finding['params'] = {}): Finding {
  return { cause, grade: 'indicated', params };
}

function unique(findings: readonly Finding[]): readonly Finding[] {
  const named = (one: Finding): string => JSON.stringify([one.cause, one.params['field'] ?? '']);
  return findings.filter((finding, at) => findings.findIndex((one) => named(one) === named(finding)) === at);
}

/** The key as it is, as it was meant, and the other one of the profile. */
function keysOf({ apiV2Key, apiV3Key }: V2AutopsyInput): readonly Key[] {
  const keys: Key[] = [{ key: apiV2Key, repairs: [] }];
  const add = (key: string, repair: Repair): void => {
    if (key !== '' && keys.every((known) => known.key !== key)) keys.push({ key, repairs: [repair] });
  };
  for (const { damage, key } of keyGuesses(apiV2Key)) {
    const cause = damage === 'blanks' ? 'v2_key_blanks' : 'v2_key_encoded';
    add(key.toString('utf8'), { cause, params: { length: Buffer.byteLength(apiV2Key) } });
  }
  if (apiV3Key !== undefined)
    for (const key of [apiV3Key, ...keyGuesses(apiV3Key).map((guess) => guess.key.toString('utf8'))])
      add(key, { cause: 'v2_key_v3' });
  return keys;
}

/** From the likely to the far-fetched; ends with the budget. */
function findSigned(
  readings: readonly Reading[],
  target: Target,
  keys: readonly Key[],
  known: Known,
  budget: Budget,
): Found | undefined {
  const judge = makeJudge(target, budget);
  const together = (reading: Reading, fields: V2Fields, key: Key, repairs: readonly Repair[]): Found | undefined => {
    const match = judge(v2Canonical(fields), key.key);
    return match === undefined
      ? undefined
      : { reading, fields, match, repairs: [...repairs, ...key.repairs, ...match.repairs] };
  };
  for (const reading of readings)
    for (const key of keys) {
      const found = together(reading, reading.fields, key, []);
      if (found !== undefined) return found;
    }
  for (const reading of readings.slice(0, 6))
    for (const edit of editFields(reading.fields, known))
      for (const key of reading === readings[0] ? keys : keys.slice(0, 1)) {
        if (budget.over()) return undefined;
        const found = together(reading, edit.fields, key, [edit.repair]);
        if (found !== undefined) return found;
      }
  for (const reading of readings.slice(0, 12))
    for (const key of keys) {
      const repair = signedOtherwise(reading.fields, key.key, target, budget);
      if (repair === undefined) continue;
      const repairs = [repair, ...key.repairs, ...target.repairs];
      return { reading, fields: reading.fields, match: undefined, repairs };
    }
  const [reading] = readings;
  const [key] = keys;
  if (reading === undefined || key === undefined) return undefined;
  for (const edit of likely(reading.fields, known))
    for (const again of editFields(edit.fields, known)) {
      if (budget.over()) return undefined;
      const found = together(reading, again.fields, key, [edit.repair, again.repair]);
      if (found !== undefined) return found;
    }
  return findOneCharacter(reading, key, together, budget);
}

const typed = Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 0x20));

/** A character of a value that was lost, added, or replaced by another that can be typed. */
function findOneCharacter(
  reading: Reading,
  key: Key,
  together: (reading: Reading, fields: V2Fields, key: Key, repairs: readonly Repair[]) => Found | undefined,
  budget: Budget,
): Found | undefined {
  for (const [field, value] of reading.fields) {
    if (field === 'sign') continue;
    const repair: Repair = { cause: 'v2_one_character', params: { field } };
    const attempt = (sent: string): Found | undefined =>
      budget.over() ? undefined : together(reading, new Map(reading.fields).set(field, sent), key, [repair]);
    for (let at = 0; at <= value.length; at += 1) {
      const [before, after, char] = [value.slice(0, at), value.slice(at + 1), value[at] ?? ''];
      const guesses = [
        ...(char === '' ? [] : [before + after]),
        ...typed.flatMap((other) => [before + other + char + after, ...(char === '' ? [] : [before + other + after])]),
      ];
      for (const sent of guesses) {
        const found = attempt(sent);
        if (found !== undefined) return found;
      }
      if (budget.over()) return undefined;
    }
  }
  return undefined;
}

/** The algorithm is what `sign_type` says; without it, the length tells. */
function signFindings(fields: V2Fields, { type }: Match): readonly Repair[] {
  const said = fields.get('sign_type') ?? '';
  return said === '' || said === type
    ? []
    : [{ cause: 'v2_sign_type', params: { said: said.slice(0, 32), found: type } }];
}

/** Nothing was damaged: then it is about somebody else. */
function judgeIdentity({ failure }: V2AutopsyInput): readonly Finding[] {
  if (failure.code !== 'ANSWER_MISMATCH') return [];
  const { found = '', wanted = '' } = failure.params;
  return [{ cause: 'other_merchant', grade: 'proven', params: { found, wanted } }];
}

/** Nothing could be made again: what the document says. */
function clues({ capture, mchid }: V2AutopsyInput, fields: V2Fields | undefined): readonly Finding[] {
  const { body, bodyIs } = capture;
  const text = body.toString('utf8');
  const found: Finding[] = [];
  if (bodyIs === 'parsed') found.push(indicated('capture_parsed'));
  if (fields === undefined || fields.size === 0) {
    if (text.trim() === '') return [indicated('body_empty')];
    return [...found, indicated(/<\/xml>\s*$/i.test(text) ? 'v2_no_document' : 'truncated', { missing: '?' })];
  }
  if (/<xml[\s>]/i.test(text) && !/<\/xml\s*>/i.test(text)) found.push(indicated('truncated', { missing: '?' }));
  if (text.includes('\uFFFD') || /\?{3}/.test(text)) found.push(indicated('charset_lost'));
  const rounded = [...fields].find(
    ([name, value]) => name !== 'sign' && /^\d(?:\.\d+)?[eE]\+?\d\d$|^[1-9]\d{14,16}0{8,}$/.test(value),
  );
  if (rounded !== undefined) found.push(indicated('v2_number_lost', { field: rounded[0], text: rounded[1] }));
  const sign = fields.get('sign') ?? '';
  if (sign === '' && !fields.has('req_info')) {
    const answer = [...fields.keys()].every((name) => name === 'return_code' || name === 'return_msg');
    found.push(indicated(answer ? 'v2_answer' : 'v2_no_sign'));
  } else if (sign !== '' && readTarget(sign) === undefined)
    found.push(indicated('v2_sign_unreadable', { length: sign.length }));
  const named = fields.get('mch_id');
  if (mchid !== undefined && named !== undefined && named !== mchid)
    found.push(
      fields.get('sub_mch_id') === mchid
        ? indicated('v2_sub_merchant', { found: named, wanted: mchid })
        : indicated('v2_other_mchid', { found: named.slice(0, 32), wanted: mchid }),
    );
  return found;
}

/** Damages that keeping the raw body prevents. */
const bodyDamages: ReadonlySet<Cause> = new Set([
  'blanks_around',
  'mojibake',
  'charset',
  'charset_lost',
  'html_entities',
  'percent_encoded',
  'padded',
  'line_ends',
  'body_empty',
  'capture_parsed',
  'v2_cdata_lost',
  'v2_parsed',
  'v2_trimmed',
  'v2_padded',
  'v2_retyped',
  'v2_number_lost',
  'v2_entities',
  'v2_url_encoded',
  'v2_empty_written',
  'v2_field_lost',
  'v2_field_added',
  'v2_names',
] satisfies readonly Cause[]);

function helpful(findings: readonly Finding[], asked: Framework | undefined): readonly Framework[] {
  if (!findings.some(({ cause }) => bodyDamages.has(cause))) return [];
  return asked === undefined ? frameworks : [asked];
}
