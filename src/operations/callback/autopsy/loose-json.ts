/**
 * Reads JSON as it is after people and programs had it: printed by Python, Java or a console, cut off, with line breaks in
 * its strings. And writes it again in the styles of the known writers. Nothing that is read here is ever believed: it is
 * made into bytes, and only the signature decides about those.
 */

export type JsonNode =
  | { readonly kind: 'object'; readonly members: readonly Member[] }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly value: string }
  /** Numbers and words, as they are written. */
  | { readonly kind: 'bare'; readonly text: string };

export interface Member {
  readonly name: string;
  readonly value: JsonNode;
}

export interface LooseJson {
  readonly node: JsonNode;
  /** The text ended in the middle. */
  readonly cut: boolean;
  /** It is no JSON, but the way in which a program prints a value. */
  readonly printed: boolean;
}

const deepest = 32;
const mostNodes = 2_000;

/** @returns `undefined` for a text that has no object in it that could be read */
export function readLoosely(text: string): LooseJson | undefined {
  let at = 0;
  let nodes = 0;
  let cut = false;
  let printed = false;
  let broken = false;

  const blanks = (): void => {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  };
  const give = (): undefined => {
    broken = true;
    return undefined;
  };

  const string = (quote: string): string => {
    if (quote === "'") printed = true;
    at += 1;
    const parts: string[] = [];
    let from = at;
    for (;;) {
      if (at >= text.length) {
        cut = true;
        parts.push(text.slice(from));
        return parts.join('');
      }
      const char = text[at];
      if (char === quote) {
        parts.push(text.slice(from, at));
        at += 1;
        return parts.join('');
      }
      if (char !== '\\') {
        at += 1;
        continue;
      }
      parts.push(text.slice(from, at));
      const code = /^\\u([0-9a-fA-F]{4})|^\\x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 6));
      if (code !== null) {
        parts.push(String.fromCharCode(Number.parseInt(code[1] ?? code[2] ?? '', 16)));
        at += code[0].length;
      } else {
        const next = text[at + 1] ?? '';
        parts.push(escapes[next] ?? next);
        at += 2;
      }
      from = at;
    }
  };

  const value = (depth: number, java: boolean): JsonNode | undefined => {
    nodes += 1;
    if (depth > deepest || nodes > mostNodes) return give();
    blanks();
    const char = text[at];
    if (char === '{') return object(depth + 1);
    if (char === '[') return array(depth + 1);
    if (char === '"' || char === "'") return { kind: 'string', value: string(char) };
    if (java) return javaText();
    const word = /^[-+.\w]+/.exec(text.slice(at, at + 64))?.[0];
    if (word === undefined) {
      if (at < text.length) return give();
      cut = true;
      return { kind: 'bare', text: 'null' };
    }
    at += word.length;
    const plain = words[word];
    if (plain !== undefined) printed = true;
    return { kind: 'bare', text: plain ?? word };
  };

  /** `{a=b, c=d}`: a value ends where another name begins, or the map does. */
  const javaText = (): JsonNode => {
    const rest = /, [A-Za-z_]\w*=|\}/g;
    rest.lastIndex = at;
    const end = rest.exec(text)?.index ?? text.length;
    const found = text.slice(at, end);
    at = end;
    return { kind: 'string', value: found };
  };

  const object = (depth: number): JsonNode | undefined => {
    const members: Member[] = [];
    at += 1;
    for (;;) {
      blanks();
      if (at >= text.length) cut = true;
      if (at >= text.length || text[at] === '}') {
        at += 1;
        return { kind: 'object', members };
      }
      if (text[at] === ',') {
        at += 1;
        continue;
      }
      const quote = text[at];
      let name: string;
      if (quote === '"' || quote === "'") name = string(quote);
      else {
        const word = /^[A-Za-z_$][\w$]*/.exec(text.slice(at, at + 128))?.[0];
        if (word === undefined) return give();
        printed = true;
        name = word;
        at += word.length;
      }
      blanks();
      const java = text[at] === '=';
      if (at < text.length && text[at] !== ':' && !java) return give();
      at += 1;
      const inner = value(depth, java);
      if (inner === undefined || broken) return give();
      members.push({ name, value: inner });
    }
  };

  const array = (depth: number): JsonNode | undefined => {
    const items: JsonNode[] = [];
    at += 1;
    for (;;) {
      blanks();
      if (at >= text.length) cut = true;
      if (at >= text.length || text[at] === ']') {
        at += 1;
        return { kind: 'array', items };
      }
      if (text[at] === ',') {
        at += 1;
        continue;
      }
      const inner = value(depth, false);
      if (inner === undefined || broken) return give();
      items.push(inner);
    }
  };

  blanks();
  if (text[at] !== '{') return undefined;
  const node = object(0);
  return node === undefined || broken ? undefined : { node, cut, printed };
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
};

const words: Readonly<Record<string, string>> = { None: 'null', True: 'true', False: 'false', undefined: 'null' };

export interface JsonStyle {
  readonly item: ',' | ', ';
  readonly colon: ':' | ': ' | ' : ';
  /** One level; absent: all on one line. */
  readonly indent?: string;
  readonly lineEnd?: '\n' | '\r\n';
  readonly escape: 'none' | 'slashes' | 'unicode' | 'unicode_upper' | 'slashes_unicode' | 'html';
}

export const compactStyle: JsonStyle = { item: ',', colon: ':', escape: 'none' };

/** Every layout with every way of escaping; the most likely first. */
export const styles: readonly JsonStyle[] = (
  [
    compactStyle,
    { item: ', ', colon: ': ', escape: 'none' },
    { item: ',', colon: ': ', indent: '  ', escape: 'none' },
    { item: ',', colon: ': ', indent: '    ', escape: 'none' },
    { item: ',', colon: ': ', indent: '\t', escape: 'none' },
    { item: ',', colon: ' : ', indent: '  ', escape: 'none' },
    { item: ',', colon: ': ', indent: '  ', lineEnd: '\r\n', escape: 'none' },
  ] as const satisfies readonly JsonStyle[]
).flatMap((layout) =>
  (['none', 'unicode', 'slashes', 'slashes_unicode', 'unicode_upper', 'html'] as const).map((escape) => ({
    ...layout,
    escape,
  })),
);

export function writeJson(node: JsonNode, style: JsonStyle): string {
  return write(node, style, '');
}

/** `"name":value`, as it stands in an object of the style without line breaks. */
export function writeMember({ name, value }: Member, style: JsonStyle): string {
  return `${quoted(name, style)}${style.colon}${write(value, style, '')}`;
}

function write(node: JsonNode, style: JsonStyle, margin: string): string {
  if (node.kind === 'bare') return node.text;
  if (node.kind === 'string') return quoted(node.value, style);
  const [open, close] = node.kind === 'object' ? ['{', '}'] : ['[', ']'];
  const inner = style.indent === undefined ? '' : margin + style.indent;
  const parts =
    node.kind === 'object'
      ? node.members.map(({ name, value }) => `${quoted(name, style)}${style.colon}${write(value, style, inner)}`)
      : node.items.map((item) => write(item, style, inner));
  if (parts.length === 0) return `${open}${close}`;
  if (style.indent === undefined) return `${open}${parts.join(style.item)}${close}`;
  const line = style.lineEnd ?? '\n';
  return `${open}${line}${inner}${parts.join(`,${line}${inner}`)}${line}${margin}${close}`;
}

function quoted(value: string, { escape }: JsonStyle): string {
  let text = JSON.stringify(value);
  if (escape === 'slashes' || escape === 'slashes_unicode') text = text.replaceAll('/', String.raw`\/`);
  if (escape === 'html') text = text.replaceAll(/[<>&\u2028\u2029]/g, lower);
  if (escape === 'unicode' || escape === 'slashes_unicode') text = text.replaceAll(/[\u007f-\uffff]/g, lower);
  if (escape === 'unicode_upper') text = text.replaceAll(/[\u007f-\uffff<>&'+`]/g, upper);
  return text;
}

function lower(char: string): string {
  return String.raw`\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function upper(char: string): string {
  return String.raw`\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
