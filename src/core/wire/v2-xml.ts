/**
 * The XML of APIv2: one root, flat fields, text only (protocol 11). What is more than that is refused before a parser sees
 * it: XXE was a real incident of APIv2 SDKs (THREATS C12).
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { WxpayError } from '../errors.ts';

/** The fields by name, in the order in which they stood; values are text, never numbers. */
export type V2Fields = ReadonlyMap<string, string>;

const maxBytes = 64 * 1024;
const maxFields = 512;
const namePattern = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
const textName = '#text';
const cdataName = '#cdata';

/** Order and repetition are kept, CDATA and text are told apart, and nothing is converted. */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  ignoreDeclaration: true,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
  trimValues: false,
  textNodeName: textName,
  cdataPropName: cdataName,
});

/**
 * Reads a document like `<xml><return_code><![CDATA[SUCCESS]]></return_code>…</xml>`: at most 64 KiB of UTF-8, one root,
 * each field once and without fields in it.
 *
 * Refused: DOCTYPE, entity declarations and references but the five predefined and numeric ones, processing instructions,
 * comments (a value with one in it means different things to different readers), attributes.
 *
 * @param root the name that the root must have: `xml`, or `root` in a decrypted `req_info`
 * @throws `ANSWER_MALFORMED` with a reason; callers that read something else lay their own code over it
 */
export function parseV2Xml(bytes: Uint8Array, root: 'xml' | 'root' = 'xml'): V2Fields {
  const text = checkedText(bytes);
  let nodes: readonly Node[];
  try {
    if (XMLValidator.validate(text) !== true) throw malformed('syntax');
    nodes = (parser.parse(text) as readonly Node[]).filter((node) => !isBlank(node));
  } catch (error) {
    throw error instanceof WxpayError ? error : malformed('syntax');
  }
  const [document, ...more] = nodes;
  if (document === undefined || more.length > 0 || nameOf(document) !== root) throw malformed('root', { root });
  if (document[':@'] !== undefined) throw malformed('attributes');
  const fields = new Map<string, string>();
  for (const node of childrenOf(document)) {
    if (isBlank(node)) continue;
    const name = nameOf(node);
    if (name === textName || name === cdataName) throw malformed('text');
    if (!namePattern.test(name) || unsafe.has(name)) throw malformed('name', { name: name.slice(0, 64) });
    if (node[':@'] !== undefined) throw malformed('attributes');
    if (fields.has(name)) throw malformed('repeated', { name });
    if (fields.size >= maxFields) throw malformed('fields', { max: maxFields });
    fields.set(name, valueOf(node, name));
  }
  return fields;
}

const unsafe: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** What a scan of the bytes can refuse, before there is anything to parse. */
function checkedText(bytes: Uint8Array): string {
  if (bytes.length === 0) throw malformed('empty');
  if (bytes.length > maxBytes) throw malformed('size', { max: maxBytes });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('utf8');
  }
  // Within CDATA these are only text, but no field of APIv2 has them: nothing of it is worth a doubt.
  if (/<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)/i.test(text)) throw malformed('doctype');
  if (text.includes('<!--')) throw malformed('comment');
  const declaration = /^\s*<\?xml\s+version="1\.[01]"(?:\s+encoding="utf-8")?(?:\s+standalone="(?:yes|no)")?\s*\?>/i;
  const body = text.replace(declaration, '');
  if (body.includes('<?')) throw malformed('instruction');
  if (depthOf(body) > 2) throw malformed('depth');
  return body;
}

/** The deepest nesting, counted in one pass, without recursion and without trusting the tags to match. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at)) {
    const cdata = text.startsWith('<![CDATA[', at);
    const end = text.indexOf(cdata ? ']]>' : '>', at);
    if (end === -1) throw malformed('syntax');
    if (!cdata) {
      if (text[at + 1] === '/') depth -= 1;
      else {
        deepest = Math.max(deepest, depth + 1);
        if (text[end - 1] !== '/') depth += 1;
      }
    }
    at = end + 1;
  }
  return deepest;
}

interface Node {
  readonly ':@'?: unknown;
  readonly [name: string]: unknown;
}

function nameOf(node: Node): string {
  return Object.keys(node).find((key) => key !== ':@') ?? '';
}

function childrenOf(node: Node): readonly Node[] {
  const children = node[nameOf(node)];
  return Array.isArray(children) ? (children as readonly Node[]) : [];
}

function isBlank(node: Node): boolean {
  const text = node[textName];
  return typeof text === 'string' && text.trim() === '';
}

function valueOf(node: Node, name: string): string {
  const children = childrenOf(node);
  const hasCdata = children.some((child) => nameOf(child) === cdataName);
  let value = '';
  for (const child of children) {
    const kind = nameOf(child);
    if (kind === cdataName)
      value += childrenOf(child)
        .map((part) => textOf(part))
        .join('');
    else if (kind === textName) {
      // Space around CDATA is layout; anything else beside it is two readings of one value.
      if (hasCdata && !isBlank(child)) throw malformed('mixed', { name });
      if (!hasCdata) value += decodeEntities(textOf(child), name);
    } else throw malformed('depth');
  }
  if (children.filter((child) => nameOf(child) === cdataName).length > 1) throw malformed('mixed', { name });
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(value)) throw malformed('control', { name });
  return value;
}

function textOf(node: Node): string {
  const text = node[textName];
  return typeof text === 'string' ? text : '';
}

const predefined: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** The five predefined entities and character references; every other `&` is refused. */
function decodeEntities(text: string, name: string): string {
  return text.replaceAll(
    /&(#x[0-9a-fA-F]{1,6}|#[0-9]{1,7}|[a-z]{1,8})?(;)?/g,
    (_, reference?: string, end?: string) => {
      if (reference === undefined || end === undefined) throw malformed('entity', { name });
      if (!reference.startsWith('#')) {
        const character = Object.hasOwn(predefined, reference) ? predefined[reference] : undefined;
        if (character === undefined) throw malformed('entity', { name });
        return character;
      }
      const point = reference.startsWith('#x') ? Number.parseInt(reference.slice(2), 16) : Number(reference.slice(1));
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw malformed('entity', { name });
      return String.fromCodePoint(point);
    },
  );
}

function malformed(reason: string, params: Readonly<Record<string, string | number>> = {}): WxpayError {
  return new WxpayError('ANSWER_MALFORMED', { params: { ...params, reason: `key:reason.xml_${reason}` } });
}

/**
 * Writes the fields as APIv2 wants them: `<xml>`, one element each, values in CDATA; empty values are left out, as they are
 * in the signature.
 *
 * @throws `INPUT_INVALID` for a name or character that XML cannot carry
 */
export function buildV2Xml(fields: V2Fields): string {
  const lines: string[] = [];
  for (const [name, value] of fields) {
    if (value === '') continue;
    const fault =
      !namePattern.test(name) || unsafe.has(name) ? 'xml_name' : hasControl(value) ? 'xml_control' : undefined;
    if (fault !== undefined) {
      const params = { field: name.slice(0, 64), name: name.slice(0, 64), reason: `key:reason.${fault}` };
      throw new WxpayError('INPUT_INVALID', { params, outcome: 'not_sent' });
    }
    // `]]>` would end the section.
    const text = value.includes(']]>') ? escaped(value) : `<![CDATA[${value}]]>`;
    lines.push(`<${name}>${text}</${name}>`);
  }
  return `<xml>${lines.join('')}</xml>`;
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A carriage return would come out of XML as a line feed, and the signature would be over something else. */
function hasControl(value: string): boolean {
  return /[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(value);
}
