/**
 * The emulator's own XML: flat fields in `<xml>`, read by a scanner that knows nothing else, so that there is no DTD, no entity
 * and no depth to attack (THREATS C12), and no parser in common with the program that it judges.
 */

/** Fields in the order in which they stood. */
export type XmlFields = ReadonlyMap<string, string>;

/** More than any APIv2 request has. */
const maxBytes = 64 * 1024;
const maxFields = 512;

const space = /[ \t\r\n]*/y;
/** Builders write `standalone`, too; xml2js does so by default. */
const declaration =
  /<\?xml[ \t\r\n]+version=["']1\.[01]["'](?:[ \t\r\n]+encoding=["']utf-8["'])?(?:[ \t\r\n]+standalone=["'](?:yes|no)["'])?[ \t\r\n]*\?>/iy;
const opening = /<([A-Za-z][A-Za-z0-9_]{0,63})(\/?)>/y;
const plainText = /[^<&]*/y;
const reference = /&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));/y;
const cdata = '<![CDATA[';

/** Why a body is none: what WeChat Pay has a code for. */
export type XmlFault = 'POST_DATA_EMPTY' | 'NOT_UTF8' | 'XML_FORMAT_ERROR';

export function readXml(bytes: Buffer): XmlFields | XmlFault {
  if (bytes.length === 0) return 'POST_DATA_EMPTY';
  if (bytes.length > maxBytes) return 'XML_FORMAT_ERROR';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return 'NOT_UTF8';
  }
  return readFields(text) ?? 'XML_FORMAT_ERROR';
}

interface Reader {
  readonly text: string;
  at: number;
}

/** @returns `undefined` for anything but one `<xml>` with each field once */
function readFields(text: string): XmlFields | undefined {
  const reader: Reader = { text, at: 0 };
  take(reader, space);
  take(reader, declaration);
  take(reader, space);
  if (!skip(reader, '<xml>')) return undefined;
  const fields = new Map<string, string>();
  for (;;) {
    take(reader, space);
    if (skip(reader, '</xml>')) break;
    const [, name, empty] = take(reader, opening) ?? [];
    if (name === undefined || fields.has(name) || fields.size >= maxFields) return undefined;
    const value = empty === '/' ? '' : readValue(reader);
    if (value === undefined || (empty !== '/' && !skip(reader, `</${name}>`))) return undefined;
    fields.set(name, value);
  }
  take(reader, space);
  return reader.at === text.length ? fields : undefined;
}

/** Text with references, or one CDATA section with nothing but space around it. */
function readValue(reader: Reader): string | undefined {
  const before = reader.at;
  take(reader, space);
  if (skip(reader, cdata)) {
    const end = reader.text.indexOf(']]>', reader.at);
    if (end < 0) return undefined;
    const value = reader.text.slice(reader.at, end);
    reader.at = end + 3;
    take(reader, space);
    return value;
  }
  reader.at = before;
  let value = '';
  for (;;) {
    value += take(reader, plainText)?.[0] ?? '';
    if (reader.text[reader.at] !== '&') return value;
    const [, name, decimal, hexadecimal] = take(reader, reference) ?? [];
    const point = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal);
    const character = name === undefined ? characterAt(point) : named[name];
    if (character === undefined) return undefined;
    value += character;
  }
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function characterAt(point: number): string | undefined {
  const valid = point === 9 || point === 10 || (point >= 32 && point < 0xd800) || (point > 0xdfff && point <= 0x10ffff);
  return valid ? String.fromCodePoint(point) : undefined;
}

function take(reader: Reader, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found !== null) reader.at += found[0].length;
  return found;
}

function skip(reader: Reader, text: string): boolean {
  if (!reader.text.startsWith(text, reader.at)) return false;
  reader.at += text.length;
  return true;
}

/** Writes fields as live answers have them: values in CDATA, a line feed between elements; empty values are left out. */
export function writeXml(fields: XmlFields, root: 'xml' | 'root' = 'xml'): string {
  const lines = [...fields]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `<${name}>${section(value)}</${name}>`);
  return `<${root}>${lines.join('\n')}\n</${root}>`;
}

function section(value: string): string {
  return `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}
