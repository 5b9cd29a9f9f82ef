/** Undoes what is known to happen to whole bodies. Each repair gives zero or more bodies that might have been the one sent. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { decodeText, encodeText, utf8Text } from './charset.ts';
import type { Cause } from './findings.ts';
import { readLoosely, type JsonNode } from './loose-json.ts';

export interface Repaired {
  readonly cause: Cause;
  readonly body: Buffer;
  readonly params?: Readonly<Record<string, string | number>>;
}

/** A callback has at most 1 MiB of ciphertext (protocol 6.1). */
const largest = 2 * 1024 * 1024;

/** How a document of this kind begins and ends, as it is and encoded. */
export interface DocumentShape {
  readonly open: string;
  readonly close: string;
  /** Percent-encoded, perhaps as the value of a form's only field. */
  readonly percent: RegExp;
  readonly percentField: RegExp;
  readonly base64: RegExp;
  /** What may be missing at its end. */
  readonly ends: readonly string[];
}

export const jsonShape: DocumentShape = {
  open: '{',
  close: '}',
  percent: /^\s*(?:%7B|[\w-]+=%7B)/i,
  percentField: /^[\w-]+=(?=%7B)/i,
  base64: /^eyJ[A-Za-z0-9+/]+={0,2}$/,
  ends: ['}', '}}', '"}}', '"}', '}\n', '}}\n'],
};

/** APIv2's; the end of a document is no part of what is signed. */
export const xmlShape: DocumentShape = {
  open: '<xml',
  close: '</xml>',
  percent: /^\s*(?:[\w-]+=)?%(?:25)*3C(?:xml|%(?:25)*3Fxml)/i,
  percentField: /^[\w-]+=(?=%)/i,
  base64: /^(?:PHhtb|PD94b)[A-Za-z0-9+/]+={0,2}$/,
  ends: ['>', 'l>', '</xml>'],
};

/** One damage undone, the most likely first. Bodies that are what they were are left out. */
export function* repairBody(body: Buffer, shape: DocumentShape = jsonShape): Generator<Repaired> {
  for (const repair of repairs)
    for (const found of repair(body, shape))
      if (found.body.length > 0 && found.body.length <= largest && !found.body.equals(body)) yield found;
}

type Repair = (body: Buffer, shape: DocumentShape) => Iterable<Repaired>;

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

const repairs: readonly Repair[] = [
  function* surroundings(body, shape) {
    if (body.subarray(0, 3).equals(byteOrderMark)) yield { cause: 'byte_order_mark', body: body.subarray(3) };
    const text = body.toString('latin1');
    const line = /\r?\n$/.exec(text)?.[0];
    if (line !== undefined) yield { cause: 'final_newline', body: body.subarray(0, body.length - line.length) };
    const start = text.length - text.trimStart().length;
    const end = text.trimEnd().length;
    if (start > 0 || end < text.length)
      yield { cause: 'blanks_around', body: body.subarray(start, Math.max(start, end)) };
    const [open, close] = [text.indexOf(shape.open), text.lastIndexOf(shape.close)];
    const behind = close + shape.close.length;
    // Blanks, quotes and marks have names of their own.
    const around =
      open === -1 || close < open
        ? ''
        : `${text.slice(Math.max(0, open - 256), open)}\n${text.slice(behind, behind + 256)}`;
    if (/[A-Za-z0-9]{2}/.test(around)) yield { cause: 'text_around', body: body.subarray(open, behind) };
    const zeros = /\0+$/.exec(text.slice(-4096))?.[0].length ?? 0;
    if (zeros > 0) yield { cause: 'padded', body: body.subarray(0, body.length - zeros) };
  },
  function* lineEnds(body) {
    if (!body.includes(0x0a) && !body.includes(0x0d)) return;
    const text = body.toString('latin1');
    const make = (changed: string): Repaired => ({ cause: 'line_ends', body: Buffer.from(changed, 'latin1') });
    yield make(text.replaceAll('\r\n', '\n'));
    yield make(text.replaceAll(/\r?\n/g, '\r\n'));
    yield make(text.replaceAll(/[\r\n]/g, ''));
    yield make(text.replaceAll('\r', '\n'));
  },
  function* misread(body) {
    const text = utf8Text(body);
    if (text === undefined || !/[^\u0000-\u007f]/.test(text)) return;
    for (const charset of ['latin1', 'windows-1252', 'gbk'] as const) {
      const bytes = encodeText(text, charset);
      if (bytes !== undefined && utf8Text(bytes) !== undefined)
        yield { cause: 'mojibake', body: bytes, params: { charset: names[charset] } };
    }
  },
  function* transcoded(body) {
    if (utf8Text(body) === undefined) {
      const text = decodeText(body, 'gbk');
      if (text !== undefined) yield { cause: 'charset', body: Buffer.from(text), params: { charset: names.gbk } };
    }
    for (const charset of ['utf-16le', 'utf-16be'] as const) {
      const at = charset === 'utf-16le' ? 1 : 0;
      if (body.length < 4 || (body[at] !== 0 && body[at] !== 0xfe)) continue;
      const text = decodeText(body, charset)?.replace(/^\uFEFF/, '');
      if (text !== undefined) yield { cause: 'charset', body: Buffer.from(text), params: { charset: names[charset] } };
    }
  },
  function* compressed(body) {
    const { unpack, coding } =
      body[0] === 0x1f && body[1] === 0x8b
        ? { unpack: [gunzipSync], coding: 'gzip' }
        : body[0] === 0x78
          ? { unpack: [inflateSync], coding: 'deflate' }
          : // Brotli and raw deflate have no mark; JSON and text are neither.
            /^[\s{"'b%&A-Za-z]/.test(String.fromCharCode(body[0] ?? 0x7b))
            ? { unpack: [], coding: '' }
            : { unpack: [brotliDecompressSync, inflateRawSync], coding: 'br' };
    for (const one of unpack)
      try {
        yield { cause: 'compressed', body: one(body, { maxOutputLength: largest }), params: { coding } };
      } catch {
        // Not compressed in this way, or broken.
      }
  },
  function* literal(body) {
    const text = body.toString('latin1');
    const bytes = /^\s*b(['"])(.*)\1\s*$/s.exec(text);
    if (bytes?.[2] !== undefined) yield { cause: 'bytes_literal', body: pythonBytes(bytes[2]) };
    const whole = text.trim();
    if (/^"[^]*"$/.test(whole) && whole.length > 2) {
      const inner = parsedString(utf8Text(body)?.trim());
      if (inner !== undefined) yield { cause: 'string_literal', body: Buffer.from(inner) };
    }
    if (/^'[^]*'$/.test(whole)) yield { cause: 'string_literal', body: Buffer.from(whole.slice(1, -1), 'latin1') };
    if (whole.startsWith('{\\"')) {
      const inner = parsedString(`"${utf8Text(body)?.trim() ?? ''}"`);
      if (inner !== undefined) yield { cause: 'string_literal', body: Buffer.from(inner) };
    }
  },
  function* entities(body) {
    const text = utf8Text(body);
    if (text?.includes('&') === true) yield { cause: 'html_entities', body: Buffer.from(decodeEntities(text)) };
  },
  function* encoded(body, shape) {
    const text = body.toString('latin1');
    if (shape.percent.test(text)) {
      const plain = text.trim().replace(shape.percentField, '').replace(/[=]$/, '');
      for (const spaces of [plain, plain.replaceAll('+', '%20')])
        try {
          yield { cause: 'percent_encoded', body: Buffer.from(decodeURIComponent(spaces)) };
        } catch {
          // A percent sign that is none.
        }
    }
    if (body.length % 4 === 0 && shape.base64.test(text))
      yield { cause: 'base64_body', body: Buffer.from(text, 'base64') };
  },
  function* form(body) {
    const text = body.toString('latin1');
    // `{"id":…` as a form: an object (or a query) of which the whole body is the name of the first member.
    const node = text.includes('{\\"') || text.includes("'{") ? readLoosely(utf8Text(body) ?? text)?.node : undefined;
    for (const joined of node === undefined ? [] : formTexts(node)) {
      yield { cause: 'form_parsed', body: Buffer.from(joined) };
      // `+` became a blank: in base64, and in the offset of the time.
      const plus = joined
        .replaceAll(/(?<="ciphertext"\s*:\s*")[^"]*/g, (value) => value.replaceAll(' ', '+'))
        .replaceAll(/(?<=:\d\d) (?=\d\d:\d\d")/g, '+');
      if (plus !== joined) yield { cause: 'form_parsed', body: Buffer.from(plus) };
    }
    // The JSON of a body that a form parser gave back as its only name: a `=` behind it, and `+` became a blank.
    if (text.endsWith('}=')) yield { cause: 'form_parsed', body: body.subarray(0, -1) };
  },
  function* slashes(body) {
    // What PHP's addslashes and loggers do to quotes.
    const text = body.toString('latin1');
    if (text.includes('\\"'))
      yield { cause: 'string_literal', body: Buffer.from(text.replaceAll('\\"', '"'), 'latin1') };
    if (/^\s*"\{""/.test(text))
      yield { cause: 'string_literal', body: Buffer.from(text.trim().slice(1, -1).replaceAll('""', '"'), 'latin1') };
    if (text.includes('""')) yield { cause: 'string_literal', body: Buffer.from(text.replaceAll('""', '"'), 'latin1') };
  },
  function* lost(body, shape) {
    yield { cause: 'final_newline', body: Buffer.concat([body, Buffer.from('\n')]) };
    yield { cause: 'final_newline', body: Buffer.concat([body, Buffer.from('\r\n')]) };
    const text = body.toString('latin1');
    if (!text.trimEnd().endsWith(shape === jsonShape ? '}}' : shape.close))
      for (const end of shape.ends)
        yield { cause: 'truncated', body: Buffer.concat([body, Buffer.from(end)]), params: { missing: end.length } };
    if (!body.subarray(0, 3).equals(byteOrderMark))
      yield { cause: 'byte_order_mark', body: Buffer.concat([byteOrderMark, body]) };
  },
];

const names = {
  latin1: 'ISO-8859-1',
  'windows-1252': 'Windows-1252',
  gbk: 'GBK',
  'utf-16le': 'UTF-16LE',
  'utf-16be': 'UTF-16BE',
} as const;

function parsedString(text: string | undefined): string | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What stands between the quotes of Python's `b'…'`. */
function pythonBytes(text: string): Buffer {
  const plain = text.replaceAll(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined ? ({ n: '\n', r: '\r', t: '\t' }[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(plain, 'latin1');
}

const namedEntities: Readonly<Record<string, string>> = {
  quot: '"',
  amp: '&',
  lt: '<',
  gt: '>',
  apos: "'",
  nbsp: '\u00a0',
};

/** Named and numeric references, once. */
export function decodeEntities(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(quot|amp|lt|gt|apos|nbsp));/gi,
    (whole, hex, decimal, name) => {
      if (typeof name === 'string') return namedEntities[name.toLowerCase()] ?? whole;
      const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal);
      return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
    },
  );
}

/** A form of one or two names, put together again: `name=value&…`. */
function formTexts(node: JsonNode): readonly string[] {
  if (node.kind !== 'object' || node.members.length === 0 || node.members.length > 4) return [];
  const pairs: string[] = [];
  for (const { name, value } of node.members) {
    if (value.kind !== 'string') return [];
    pairs.push(value.value === '' ? name : `${name}=${value.value}`);
  }
  return [pairs.join('&')];
}
