/** UTF-8 that somebody took for another charset, and the way back. */

export type Charset = 'latin1' | 'windows-1252' | 'gbk' | 'utf-16le' | 'utf-16be';

/** The bytes as UTF-8 text; `undefined` when they are none. A byte order mark stays. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Text of that charset; `undefined` for bytes that have no meaning in it, or where this Node does not know it. */
export function decodeText(bytes: Uint8Array, charset: Charset): string | undefined {
  if (charset === 'latin1') return Buffer.from(bytes).toString('latin1');
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The bytes of the text in that charset; `undefined` when a character is not in it. */
export function encodeText(text: string, charset: 'latin1' | 'windows-1252' | 'gbk'): Buffer | undefined {
  if (charset === 'latin1') return /[^\u0000-\u00ff]/.test(text) ? undefined : Buffer.from(text, 'latin1');
  const table = charset === 'gbk' ? gbk() : windows1252();
  const bytes: number[] = [];
  for (const char of text) {
    const code = table.get(char);
    if (code === undefined) return undefined;
    if (code > 0xff) bytes.push(code >> 8);
    bytes.push(code & 0xff);
  }
  return Buffer.from(bytes);
}

let gbkTable: ReadonlyMap<string, number> | undefined;
let windowsTable: ReadonlyMap<string, number> | undefined;

/** Made from the decoder that Node has, once. */
function gbk(): ReadonlyMap<string, number> {
  if (gbkTable !== undefined) return gbkTable;
  const table = new Map<string, number>();
  for (let code = 0; code < 0x80; code += 1) table.set(String.fromCharCode(code), code);
  table.set('€', 0x80);
  for (let high = 0x81; high <= 0xfe; high += 1)
    for (let low = 0x40; low <= 0xfe; low += 1) {
      const char = low === 0x7f ? undefined : decodeText(Uint8Array.of(high, low), 'gbk');
      if (char?.length === 1 && !table.has(char)) table.set(char, (high << 8) | low);
    }
  gbkTable = table;
  return table;
}

function windows1252(): ReadonlyMap<string, number> {
  if (windowsTable !== undefined) return windowsTable;
  const table = new Map<string, number>();
  for (let code = 0; code <= 0xff; code += 1) {
    const char = decodeText(Uint8Array.of(code), 'windows-1252') ?? String.fromCharCode(code);
    table.set(char, code);
  }
  windowsTable = table;
  return table;
}
