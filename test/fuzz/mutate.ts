/** Inputs that are nearly right: good ones, damaged in the ways in which files and bytes get damaged. */
export type Random = () => number;

export const below = (limit: number, random: Random): number => Math.floor(random() * limit);
export const pick = <T>(list: readonly T[], random: Random): T => list[below(list.length, random)] as T;

/** What scanners treat specially. */
const tokens = [
  '\0',
  '\n',
  '\r\n',
  '\r',
  '\t',
  ' ',
  '"',
  "'",
  '`',
  '\\',
  '/',
  ',',
  ';',
  ':',
  '=',
  '<',
  '>',
  '&',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '|',
  '-',
  '+',
  '.',
  '0',
  '1',
  '9',
  '00',
  '-1',
  '1e9',
  '0x10',
  '1.005',
  '9007199254740993',
  '99999999999999999999',
  'null',
  'true',
  '""',
  '{}',
  '[]',
  '__proto__',
  'constructor',
  '\uFEFF',
  '\u202E',
  '\u0301',
  '１',
  '元',
  '支付',
  '\u001B[2J',
  '%00',
  '%2e%2e',
  '../',
  '<![CDATA[',
  ']]>',
  '<!DOCTYPE x>',
  '&#0;',
  '&#x41;',
  '&lt;',
  '<xml>',
  '</xml>',
  '--',
  '-----BEGIN PRIVATE KEY-----',
  '-----END CERTIFICATE-----',
  '\u{1F4B0}',
].map((text) => Buffer.from(text));
const bytes = [
  [0xff], [0xfe, 0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x80], [0xf4, 0x90, 0x80, 0x80], [0x30, 0x80], [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], [0x00, 0x00],
].map((list) => Buffer.from(list)); // prettier-ignore

/** One to six changes, seldom more than two: a bit, a byte, a piece removed, doubled, moved, taken from another input, a token, a cut end. */
export function mutate(seeds: readonly Uint8Array[], random: Random): Buffer {
  let made = Buffer.from(pick(seeds, random));
  for (let change = pick([0, 0, 0, 1, 1, 2, 5], random); change >= 0; change -= 1) {
    const at = below(made.length + 1, random);
    const to = Math.min(made.length, at + 1 + below(pick([2, 8, 64], random), random));
    const [before, piece, after] = [made.subarray(0, at), made.subarray(at, to), made.subarray(to)];
    const rest = made.subarray(at);
    const kind = below(10, random);
    if (kind <= 1 && at < made.length) {
      made = Buffer.from(made);
      made[at] = kind === 0 ? (made[at] ?? 0) ^ (1 << below(8, random)) : below(256, random);
    } else if (kind === 2) made = Buffer.concat([before, after]);
    else if (kind === 3) made = Buffer.concat([before, piece, piece, after]);
    else if (kind === 4) {
      const other = pick(seeds, random);
      const from = below(other.length + 1, random);
      made = Buffer.concat([before, other.subarray(from, from + below(64, random)), rest]);
    } else if (kind <= 7) made = Buffer.concat([before, pick(tokens, random), kind === 5 ? after : rest]);
    else if (kind === 8) made = Buffer.concat([before, pick(bytes, random), rest]);
    else if (change === 0) made = Buffer.from(before);
  }
  return made;
}

/** Members and elements of everything that JSON can say, with the names that matter now and then. */
export function anyJson(names: readonly string[], random: Random, depth = 0): unknown {
  const kind = below(depth > 4 ? 6 : 8, random);
  if (kind === 0) return pick([null, true, false], random);
  if (kind === 1) return pick([0, -1, 1, 1.5, 100, 2 ** 31, 2 ** 53, 1e300, -0], random);
  if (kind <= 4) return pick([...names, '', '*', '/v3/*', 'before', 'after', '\0', '支付', 'x'.repeat(300)], random);
  if (kind === 5) return below(1_000, random);
  const count = below(5, random);
  if (kind === 6) return Array.from({ length: count }, () => anyJson(names, random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: count }, () => [pick(names, random), anyJson(names, random, depth + 1)]),
  );
}
