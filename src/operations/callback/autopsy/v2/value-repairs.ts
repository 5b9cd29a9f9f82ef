/** Undoes what happens to single fields between the wire and a capture. Each edit gives the fields as they may have been sent. */
import type { V2Fields } from '../../../../core/wire/v2-xml.ts';
import { decodeEntities } from '../body-repairs.ts';
import type { Repair } from '../header-repairs.ts';
import { percentDecoded } from './readings.ts';
import { signedWithout, wellFormed } from './signing.ts';

export interface Edit {
  readonly fields: V2Fields;
  readonly repair: Repair;
}

/** What a profile knows of itself. */
export interface Known {
  readonly mchid?: string;
  readonly appid?: string;
}

/** Damages to one field, and to all of them in the same way. */
export function* editFields(fields: V2Fields, known: Known): Generator<Edit> {
  yield* everywhere(fields);
  for (const [name, value] of fields) {
    if (name === 'sign') continue;
    for (const [cause, sent] of retyped(value))
      yield { fields: withValue(fields, name, sent), repair: { cause, params: { field: name, text: shown(value) } } };
  }
  yield* likely(fields, known);
}

/** The few that are worth trying in pairs. */
export function* likely(fields: V2Fields, known: Known): Generator<Edit> {
  for (const [name, value] of fields) {
    if (name === 'sign') continue;
    const params = { field: name };
    for (const [cause, sent] of respelled(value))
      yield {
        fields: withValue(fields, name, sent),
        repair: { cause, params: cause === 'v2_empty_written' ? { ...params, text: shown(value) } : params },
      };
    if (value !== '' && !signedWithout.has(name))
      yield { fields: without(fields, name), repair: { cause: 'v2_field_added', params } };
  }
  for (const [name, values] of lostFields(fields, known)) {
    const captured = fields.get(name) ?? '';
    const cause = captured === '' ? 'v2_field_lost' : 'v2_value_changed';
    for (const value of values)
      if (value !== captured)
        yield { fields: withValue(fields, name, value), repair: { cause, params: { field: name, value } } };
  }
}

function withValue(fields: V2Fields, name: string, value: string): V2Fields {
  return new Map(fields).set(name, value);
}

function without(fields: V2Fields, name: string): V2Fields {
  const rest = new Map(fields);
  rest.delete(name);
  return rest;
}

function shown(value: string): string {
  return value.slice(0, 40);
}

const emptyWords: ReadonlySet<string> = new Set([
  'null',
  'NULL',
  'undefined',
  'None',
  'nil',
  '<nil>',
  'NaN',
  '[]',
  '{}',
  'Array',
  '[object Object]',
  '""',
  "''",
]);

type Sent = readonly [Repair['cause'], string];

function* respelled(value: string): Generator<Sent> {
  for (const sent of [`${value} `, ` ${value}`, `${value}\n`, ` ${value} `, `\n${value}\n`]) yield ['v2_trimmed', sent];
  const trimmed = new Set([value.trim(), value.trimStart(), value.trimEnd()]);
  const quoted = /^(["'])([^]*)\1$/.exec(value.trim())?.[2];
  if (quoted !== undefined) trimmed.add(quoted);
  for (const sent of trimmed) if (sent !== value) yield ['v2_padded', sent];
  const section = /^<!\[CDATA\[([^]*)\]\]>$/.exec(value.trim())?.[1];
  if (section !== undefined) yield ['v2_cdata_lost', section];
  if (emptyWords.has(value)) yield ['v2_empty_written', ''];
  for (const sent of entityForms(value)) yield ['v2_entities', sent];
  if (/[%+]/.test(value))
    for (const sent of new Set([percentDecoded(value), percentDecoded(value.replaceAll('+', ' '))]))
      if (sent !== value) yield ['v2_url_encoded', sent];
  if (/[^\w.~*-]/.test(value)) {
    const percent = encodeURIComponent(wellFormed(value));
    for (const sent of new Set([percent, percent.replaceAll('%20', '+'), value.replaceAll(' ', '+')]))
      if (sent !== value) yield ['v2_url_encoded', sent];
  }
  if (value.includes('\n')) {
    yield ['line_ends', value.replaceAll(/\r?\n/g, '\r\n')];
    yield ['line_ends', value.replaceAll('\r\n', '\n')];
  }
}

function entityForms(value: string): ReadonlySet<string> {
  const forms = new Set<string>();
  if (value.includes('&')) {
    const once = decodeEntities(value);
    forms.add(once).add(decodeEntities(once));
  }
  if (/[&<>"']/.test(value)) {
    const basic = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const quotes = basic.replaceAll('"', '&quot;');
    forms.add(basic).add(quotes);
    for (const apostrophe of ['&#39;', '&#039;', '&#x27;', '&apos;']) forms.add(quotes.replaceAll("'", apostrophe));
  }
  forms.delete(value);
  return forms;
}

/** Read as a number, a time, a truth value, or turned into another unit, and written anew. */
function* retyped(value: string): Generator<Sent> {
  const cause = 'v2_retyped';
  if (/^\d{1,3}(?:,\d{3})+$/.test(value)) yield [cause, value.replaceAll(',', '')];
  if (/^\d+\.0+$/.test(value)) yield [cause, value.replace(/\..*$/, '')];
  if (/^\d+n$/.test(value)) yield [cause, value.slice(0, -1)];
  const [, whole = '', part = '', exponent] = /^(\d)(?:\.(\d{1,40}))?[eE]\+?(\d{1,2})$/.exec(value) ?? [];
  if (exponent !== undefined && Number(exponent) >= part.length)
    yield [cause, whole + part.padEnd(Number(exponent), '0')];
  const [, yuan = '', cents = ''] = /^[¥￥]?(\d{1,9})(?:\.(\d{1,2}))?(?:元)?$/.exec(value) ?? [];
  if (yuan !== '') yield [cause, String(Number(yuan) * 100 + Number(cents.padEnd(2, '0')))];
  if (/^\d{3,12}$/.test(value)) yield [cause, String(Number(value) / 100)];
  if (/^\d{1,31}$/.test(value))
    for (let zeros = 1; zeros + value.length <= 32; zeros += 1) yield [cause, '0'.repeat(zeros) + value];
  const digits = value.replaceAll(/\D/g, '').slice(0, 14);
  if (/^\d{4}[-/.]\d{2}[-/.]\d{2}[T ]\d{2}:\d{2}:\d{2}/.test(value)) yield [cause, digits];
  if (/^(?:true|yes|1)$/i.test(value)) yield [cause, 'Y'];
  if (/^(?:false|no|0)$/i.test(value)) yield [cause, 'N'];
}

/** The same to every field. */
function* everywhere(fields: V2Fields): Generator<Edit> {
  const all = function* (cause: Repair['cause'], change: (value: string) => string): Generator<Edit> {
    let field = '';
    const changed = new Map(
      [...fields].map(([name, value]) => {
        const sent = name === 'sign' ? value : change(value);
        if (sent !== value && field === '') field = name;
        return [name, sent] as const;
      }),
    );
    if (field !== '') yield { fields: changed, repair: { cause, params: { field, text: '' } } };
  };
  yield* all('v2_padded', (value) => value.trim());
  yield* all('v2_padded', (value) => value.replaceAll(/^"|"$/g, ''));
  yield* all('v2_entities', decodeEntities);
  for (const at of [0, 1, 2, 3, 4, 5]) yield* all('v2_entities', (value) => [...entityForms(value)][at] ?? value);
  yield* all('v2_url_encoded', percentDecoded);
  yield* all('v2_url_encoded', (value) => percentDecoded(value.replaceAll('+', ' ')));
  yield* all('v2_empty_written', (value) => (emptyWords.has(value) ? '' : value));
  const renamed = (change: (name: string) => string): Edit | undefined => {
    const named = new Map([...fields].map(([name, value]) => [name === 'sign' ? name : change(name), value]));
    const field = [...fields.keys()].find((name) => name !== 'sign' && change(name) !== name);
    return field === undefined ? undefined : { fields: named, repair: { cause: 'v2_names', params: { field } } };
  };
  for (const change of [
    (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/^_/, ''),
    (name: string) => name.toLowerCase(),
    (name: string) => name.replaceAll('-', '_'),
  ]) {
    const edit = renamed(change);
    if (edit !== undefined) yield edit;
  }
}

const banks = [
  'OTHERS',
  'CFT',
  'LQT',
  ...['ICBC', 'ABC', 'BOC', 'CCB', 'CMB', 'COMM', 'PSBC', 'CEB', 'CITIC', 'CMBC', 'GDB', 'CIB', 'PAB', 'SPDB'].flatMap(
    (bank) => [`${bank}_DEBIT`, `${bank}_CREDIT`],
  ),
];

/** Fields of a payment's notice with few possible values (protocol 11.4). */
function lostFields(fields: V2Fields, { mchid, appid }: Known): readonly (readonly [string, readonly string[]])[] {
  const amounts = ['total_fee', 'cash_fee', 'settlement_total_fee'];
  const present = [...new Set(amounts.flatMap((name) => fields.get(name) ?? []))].filter((value) => value !== '');
  return [
    ['return_code', ['SUCCESS']],
    ['result_code', ['SUCCESS']],
    ['return_msg', ['OK']],
    ['fee_type', ['CNY']],
    ['cash_fee_type', ['CNY']],
    ['is_subscribe', ['N', 'Y']],
    ['sub_is_subscribe', ['N', 'Y']],
    ['trade_type', ['JSAPI', 'NATIVE', 'APP', 'MWEB', 'MICROPAY']],
    ['trade_state', ['SUCCESS']],
    ['sign_type', ['MD5', 'HMAC-SHA256']],
    ['device_info', ['WEB']],
    ['version', ['1.0']],
    ['coupon_fee', ['0']],
    ['coupon_count', ['0', '1']],
    ['mch_id', mchid === undefined ? [] : [mchid]],
    ['appid', appid === undefined ? [] : [appid]],
    ...amounts.map((name) => [name, present] as const),
    ['bank_type', banks],
  ];
}
