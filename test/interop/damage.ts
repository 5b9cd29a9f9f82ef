/** One byte changed, in ways that a checksum, a parser or a lenient decoder might overlook. */

/** The text with its character at `index` changed to another printable one that means something else. */
export function changeCharacter(text: string, index: number): string {
  const old = text[index];
  if (old === undefined) throw new RangeError(`no character ${index}`);
  return text.slice(0, index) + nextCharacter(old) + text.slice(index + 1);
}

/** The bytes with one bit of the byte at `index` flipped; printable ASCII stays printable. */
export function changeByte(bytes: Buffer, index: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[index] = (changed[index] ?? 0) ^ 0x01;
  return changed;
}

/** `a` → `b`, `Z` → `a`, `9` → `+`: base64 stays base64, a number mostly a number. */
function nextCharacter(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const at = alphabet.indexOf(character);
  if (at >= 0) return alphabet[(at + 1) % alphabet.length] ?? '';
  return character === '.' ? ';' : '.';
}

/** The pairs of an Authorization header, in the order in which they came. */
export function readAuthorization(header: string): (readonly [name: string, value: string])[] {
  return [...header.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value] as const);
}

export function writeAuthorization(fields: readonly (readonly [string, string])[]): string {
  return `WECHATPAY2-SHA256-RSA2048 ${fields.map(([name, value]) => `${name}="${value}"`).join(',')}`;
}

/** Every order of the given things. */
export function permutations<T>(things: readonly T[]): T[][] {
  if (things.length === 0) return [[]];
  return things.flatMap((first, at) =>
    permutations(things.filter((_, other) => other !== at)).map((r) => [first, ...r]),
  );
}
