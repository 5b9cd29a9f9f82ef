/**
 * The fields that a captured APIv2 callback may have had: read strictly, read with patience, and out of what parsers, loggers
 * and frameworks make of XML. Nothing that is read here is ever believed: only the signature decides about it.
 */
import { parseV2Xml, type V2Fields } from '../../../../core/wire/v2-xml.ts';
import { decodeEntities, repairBody, xmlShape } from '../body-repairs.ts';
import { utf8Text } from '../charset.ts';
import type { Budget } from '../budget.ts';
import type { Repair } from '../header-repairs.ts';
import { readLoosely, type JsonNode } from '../loose-json.ts';

export interface Reading {
  readonly fields: V2Fields;
  /** What had to be undone to read it so; none where the strict reader reads it. */
  readonly repairs: readonly Repair[];
}

/** APIv2's documents are small (the strict reader takes 64 KiB); what is larger is not read. */
const largest = 64 * 1024;
const mostFields = 512;
const mostReadings = 60;

/** The likely ones first, each once. */
export function readFields(body: Buffer, budget: Budget): readonly Reading[] {
  const readings: Reading[] = [];
  const seen = new Set<string>();
  const take = (from: Buffer, repairs: readonly Repair[]): void => {
    for (const reading of readingsOf(from)) {
      const name = JSON.stringify([...reading.fields]);
      if (reading.fields.size === 0 || seen.has(name) || readings.length >= mostReadings) continue;
      seen.add(name);
      readings.push({ fields: reading.fields, repairs: [...repairs, ...reading.repairs] });
    }
  };
  take(body, []);
  const first: { readonly body: Buffer; readonly repairs: readonly Repair[] }[] = [];
  for (const { cause, params, body: repaired } of repairBody(body, xmlShape)) {
    if (!budget.rewrite(repaired.length)) return readings;
    const repairs: readonly Repair[] = [params === undefined ? { cause } : { cause, params }];
    first.push({ body: repaired, repairs });
    take(repaired, repairs);
  }
  for (const guess of first)
    for (const { cause, params, body: repaired } of repairBody(guess.body, xmlShape)) {
      if (!budget.rewrite(repaired.length)) return readings;
      take(repaired, [...guess.repairs, params === undefined ? { cause } : { cause, params }]);
    }
  return readings;
}

function* readingsOf(body: Buffer): Generator<Reading> {
  if (body.length > largest) return;
  try {
    yield { fields: parseV2Xml(body), repairs: [] };
    return;
  } catch {
    // Not as strictly as that.
  }
  const text = utf8Text(body);
  if (text === undefined) return;
  const loose = readXmlLoosely(text);
  if (loose !== undefined) {
    yield loose;
    const decoded = new Map([...loose.fields].map(([name, value]) => [name, decodeEntities(value)]));
    yield { fields: decoded, repairs: loose.repairs };
  }
  yield* parsedForms(text);
}

/** Takes values as they stand, bare or in CDATA; skips what APIv2 never sends. One pass. */
function readXmlLoosely(text: string): Reading | undefined {
  const root = /<xml(?:\s[^<>]{0,256})?>/i.exec(text);
  if (root === null) return undefined;
  const fields = new Map<string, string>();
  const bare: string[] = [];
  const extras = new Set<string>();
  if (/<!DOCTYPE/i.test(text.slice(0, root.index))) extras.add('DOCTYPE');
  const start = /<([A-Za-z_][\w.-]{0,63})(\s[^<>]{0,256})?>/y;
  let at = root.index + root[0].length;
  while (fields.size < mostFields) {
    at = text.indexOf('<', at);
    if (at === -1 || text.startsWith('</xml', at)) break;
    if (text.startsWith('<!--', at)) {
      const end = text.indexOf('-->', at);
      if (end === -1) break;
      extras.add('<!-- -->');
      at = end + 3;
      continue;
    }
    start.lastIndex = at;
    const tag = start.exec(text);
    const name = tag?.[1];
    if (tag === null || name === undefined) {
      at += 1;
      continue;
    }
    if (tag[2] !== undefined) extras.add('attributes');
    const from = at + tag[0].length;
    const section = /\s{0,64}<!\[CDATA\[/y;
    section.lastIndex = from;
    const open = section.exec(text);
    const inside = open === null ? from : from + open[0].length;
    const end = text.indexOf(open === null ? `</${name}` : ']]>', inside);
    // Without its end, the rest is no field.
    if (end === -1) break;
    const value = text.slice(inside, end);
    if (open === null && /[&<]/.test(value)) bare.push(name);
    if (!fields.has(name)) fields.set(name, value);
    const close = text.indexOf('>', end + (open === null ? 0 : 3));
    if (close === -1) break;
    at = close + 1;
  }
  const outside = aroundRoot(text, root.index);
  const repairs: Repair[] = bare.slice(0, 1).map((field) => ({ cause: 'v2_cdata_lost', params: { field } }));
  for (const what of extras) repairs.push({ cause: 'v2_markup', params: { what } });
  if (outside !== '') repairs.push({ cause: /^\0+$/.test(outside) ? 'padded' : 'text_around' });
  // The strict reader has refused it, for whatever else.
  if (repairs.length === 0) repairs.push({ cause: 'v2_markup', params: { what: 'XML' } });
  return { fields, repairs };
}

/** What stands before and behind the document, its declaration and blanks excepted. */
function aroundRoot(text: string, start: number): string {
  const before = text.slice(0, start).replace(/<\?xml[^<>]{0,128}\?>/i, '');
  const end = text.toLowerCase().lastIndexOf('</xml>');
  const behind = end === -1 ? '' : text.slice(end + '</xml>'.length);
  return (before.replace(/<!DOCTYPE[^<>]{0,256}>/i, '').replace(/<!--[^]*?-->/, '') + behind).trim().slice(0, 4096);
}

/** The fields as JSON, as a program prints an object, or as a form. */
function* parsedForms(text: string): Generator<Reading> {
  const json = readLoosely(text);
  const flat = json === undefined ? undefined : flatten(json.node);
  if (json !== undefined && flat !== undefined)
    yield { fields: flat, repairs: [{ cause: 'v2_parsed', params: { form: json.printed ? 'object' : 'JSON' } }] };
  const line = text.trim();
  if (!/^[A-Za-z][\w.]{0,63}=/.test(line) || !line.includes('&') || line.includes('<xml')) return;
  const pairs = line
    .split('&')
    .slice(0, mostFields)
    .map((pair) => pair.split('=', 1).concat(pair.slice(pair.indexOf('=') + 1)));
  const repairs: readonly Repair[] = [{ cause: 'v2_parsed', params: { form: 'a=b&c=d' } }];
  // Whoever logs the string to sign logs the key, too: it is no field.
  const kept = pairs.filter(([name]) => name !== 'key').map(([name = '', value = '']) => [name, value] as const);
  yield { fields: new Map(kept), repairs };
  for (const blank of ['+', ' ']) {
    const decoded = kept.map(([name, value]) => [name, percentDecoded(value.replaceAll('+', blank))] as const);
    yield { fields: new Map(decoded), repairs };
  }
}

export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** How parsers hand an element over: its text, a list of one, an object with its text in it. */
const textNames: ReadonlySet<string> = new Set(['#text', '_', '$t', '__cdata', '#cdata', '#cdata-section', 'value']);

function flatten(node: JsonNode, depth = 0): V2Fields | undefined {
  if (node.kind !== 'object' || depth > 3) return undefined;
  const [only, ...more] = node.members;
  if (only !== undefined && more.length === 0 && (only.value.kind === 'object' || only.value.kind === 'string')) {
    const inner = only.value.kind === 'object' ? flatten(only.value, depth + 1) : undefined;
    if (inner !== undefined) return inner;
  }
  const fields = new Map<string, string>();
  for (const { name, value } of node.members.slice(0, mostFields)) {
    const text = textOf(value);
    if (text !== undefined && !fields.has(name)) fields.set(name, text);
  }
  return fields;
}

function textOf(node: JsonNode): string | undefined {
  if (node.kind === 'string') return node.value;
  if (node.kind === 'bare') return node.text === 'null' || node.text === 'None' ? '' : node.text;
  if (node.kind === 'array') {
    const [only, ...more] = node.items;
    if (only === undefined) return '';
    return more.length === 0 ? textOf(only) : undefined;
  }
  if (node.members.length === 0) return '';
  const text = node.members.find(({ name }) => textNames.has(name));
  return text === undefined ? undefined : textOf(text.value);
}
