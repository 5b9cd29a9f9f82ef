/** Reads the signature headers as they may have been meant: under other names, joined, quoted, swapped, re-coded. */
import { decodeBase64 } from '../../../core/crypto/base64.ts';
import type { Headers } from '../../../core/ports.ts';
import { decodeEntities } from './body-repairs.ts';
import type { Cause } from './findings.ts';

export const roles = ['timestamp', 'nonce', 'serial', 'signature', 'type'] as const;
export type Role = (typeof roles)[number];

export interface Repair {
  readonly cause: Cause;
  readonly params?: Readonly<Record<string, string | number>>;
}

/** What a header may have been, and what had to be undone for it. */
export interface HeaderGuess {
  readonly value: string;
  readonly repairs: readonly Repair[];
}

export interface LooseHeaders {
  /** As captured, before any repair: the first value under the right name, else under a similar one. */
  readonly captured: Readonly<Partial<Record<Role, string>>>;
  /** The least repaired first; the type has no guesses. */
  readonly guesses: Readonly<Record<Role, readonly HeaderGuess[]>>;
  /** Some header was there under another name, as PHP, CGI and Django write them. */
  readonly names: 'canonical' | 'environment' | 'other';
}

export const headerTitles: Readonly<Record<Role, string>> = {
  timestamp: 'Wechatpay-Timestamp',
  nonce: 'Wechatpay-Nonce',
  serial: 'Wechatpay-Serial',
  signature: 'Wechatpay-Signature',
  type: 'Wechatpay-Signature-Type',
};

/** Longer values are no signature headers. */
const longest = 4096;
const mostGuesses = 24;

export function readHeadersLoosely(headers: Headers): LooseHeaders {
  const found: Record<Role, HeaderGuess[]> = { timestamp: [], nonce: [], serial: [], signature: [], type: [] };
  const captured: Partial<Record<Role, string>> = {};
  let names: LooseHeaders['names'] = 'canonical';
  for (const [name, values] of Object.entries(headers)) {
    const role = roleOf(name);
    const [first] = values;
    if (role === undefined || first === undefined) continue;
    const title = headerTitles[role];
    const canonical = name === title.toLowerCase();
    if (!canonical) names = /^(?:http_|HTTP_)/.test(name) ? 'environment' : 'other';
    captured[role] = canonical ? first : (captured[role] ?? first);
    const renamed: readonly Repair[] = canonical
      ? []
      : [{ cause: 'header_renamed', params: { header: title, found: name.slice(0, 64) } }];
    for (const value of values.slice(0, 4)) {
      if (value.length > longest) continue;
      const repeated: readonly Repair[] =
        values.length > 1 ? [{ cause: 'header_repeated', params: { header: title } }] : [];
      for (const guess of readings(value, title))
        found[role].push({ value: guess.value, repairs: [...renamed, ...repeated, ...guess.repairs] });
    }
  }
  const guesses = {} as Record<Role, readonly HeaderGuess[]>;
  for (const role of roles) guesses[role] = distinct([...forms(role, found[role]), ...swapped(role, found)]);
  return { captured, guesses, names };
}

function roleOf(name: string): Role | undefined {
  const plain = name.toLowerCase().replaceAll('_', '-');
  const found = /(?:^|-)wechatpay-?(timestamp|nonce|serial|signature-type|signaturetype|signature)$/.exec(plain)?.[1];
  if (found === undefined) return undefined;
  return found.startsWith('signature') && found !== 'signature' ? 'type' : (found as Role);
}

/** The value as it is; without blanks and quotes; decoded; each part of what was joined. */
function readings(value: string, header: string): readonly HeaderGuess[] {
  const found: HeaderGuess[] = [{ value, repairs: [] }];
  const add = (changed: string, cause: Cause): void => {
    if (changed !== value && changed !== '') found.push({ value: changed, repairs: [{ cause, params: { header } }] });
  };
  const trimmed = value.trim();
  add(trimmed, 'header_quoted');
  const quoted = /^(?:b?(['"])(.*)\1|\[\s*(['"]?)(.*)\3\s*\])[,;]?$/.exec(trimmed);
  if (quoted !== null) add(quoted[2] ?? quoted[4] ?? '', 'header_quoted');
  if (trimmed.includes(',')) for (const part of trimmed.split(',').slice(0, 4)) add(part.trim(), 'header_joined');
  if (/%[0-9a-f]{2}/i.test(trimmed)) add(percentDecoded(trimmed), 'header_encoded');
  if (trimmed.includes('&')) add(decodeEntities(trimmed), 'header_encoded');
  if (trimmed.includes('\\'))
    add(
      trimmed
        .replaceAll(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
        .replaceAll('\\', ''),
      'header_encoded',
    );
  return found;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What else a value of this role may have been. */
function forms(role: Role, guesses: readonly HeaderGuess[]): readonly HeaderGuess[] {
  const more = guesses.flatMap(({ value, repairs }) =>
    otherForms(role, value).map(([changed, cause]) => ({
      value: changed,
      repairs: [...repairs, { cause, params: { header: headerTitles[role] } }],
    })),
  );
  return [...guesses, ...more].filter(({ value }) => fits(role, value));
}

function otherForms(role: Role, value: string): readonly (readonly [string, Cause])[] {
  if (role === 'timestamp') {
    if (/^\d{13}$/.test(value)) return [[value.slice(0, 10), 'timestamp_milliseconds']];
    if (/^\d{16}$|^\d{19}$|^\d{10}\.\d+$/.test(value)) return [[value.slice(0, 10), 'timestamp_format']];
    const time = /^\d{4}-|^[A-Z][a-z]{2}[, ]/.test(value) ? Date.parse(value) : Number.NaN;
    return Number.isNaN(time) ? [] : [[String(Math.floor(time / 1000)), 'timestamp_format']];
  }
  if (role === 'nonce')
    return [
      [value.toUpperCase(), 'nonce_case'],
      [value.toLowerCase(), 'nonce_case'],
    ];
  if (role === 'signature') return signatureForms(value);
  if (role === 'serial') return serialForms(value);
  return [];
}

function signatureForms(value: string): readonly (readonly [string, Cause])[] {
  const found: [string, Cause][] = [];
  const add = (changed: string, cause: Cause): void => {
    if (changed === value) return;
    found.push([changed, cause]);
    const padded = withPadding(changed);
    if (padded !== changed) found.push([padded, cause]);
  };
  const standard = value.replaceAll('-', '+').replaceAll('_', '/');
  add(standard, 'signature_url_safe');
  add(value.trim().replaceAll(' ', '+'), 'signature_plus');
  add(value.replaceAll(/\s|\\n|\\r/g, ''), 'signature_blanks');
  add(value.replaceAll(/[\r\n\t]+ ?/g, '').replaceAll(' ', '+'), 'signature_plus');
  add(withPadding(value), 'signature_padding');
  // Bits behind the last byte are none of the signature: another spelling of the same bytes.
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(value)) add(Buffer.from(value, 'base64').toString('base64'), 'signature_padding');
  if (/^[0-9a-fA-F]{256,1024}$/.test(value)) add(Buffer.from(value, 'hex').toString('base64'), 'header_encoded');
  return found;
}

function withPadding(value: string): string {
  let end = value.length;
  while (end > 0 && value[end - 1] === '=') end -= 1;
  const bare = value.slice(0, end);
  return bare.length % 4 === 1 ? value : bare.padEnd(Math.ceil(bare.length / 4) * 4, '=');
}

function serialForms(value: string): readonly (readonly [string, Cause])[] {
  const found: [string, Cause][] = [];
  const bare = value.replaceAll(/[\s:]|^0x/gi, '').toUpperCase();
  if (bare !== value.toUpperCase() || bare.startsWith('PUB_')) found.push([bare, 'serial_format']);
  if (/^\d{20,50}$/.test(value)) found.push([BigInt(value).toString(16).toUpperCase(), 'serial_format']);
  if (/^[0-9a-f]{1,39}$/i.test(value)) found.push([value.toUpperCase().padStart(40, '0'), 'serial_format']);
  return found;
}

/** Can the value stand in this role at all? */
function fits(role: Role, value: string): boolean {
  if (role === 'timestamp') return /^\d{10}$/.test(value);
  if (role === 'nonce') return /^[\x20-\x7e]{1,128}$/.test(value);
  if (role === 'serial') return /^(?:[0-9A-Fa-f]{8,40}|PUB_KEY_ID_\d{1,64})$/.test(value);
  if (role === 'signature') return (decodeBase64(value)?.length ?? 0) >= 128;
  return true;
}

/** Values of the other headers that have the form of this one. */
function swapped(role: Role, found: Readonly<Record<Role, readonly HeaderGuess[]>>): readonly HeaderGuess[] {
  if (role === 'type') return [];
  return roles
    .filter((other) => other !== role && other !== 'type')
    .flatMap((other) =>
      found[other]
        .filter(({ value }) => fits(role, value) && (role !== 'nonce' || value.length <= 64))
        .map(({ value, repairs }) => ({
          value,
          repairs: [
            ...repairs,
            { cause: 'headers_swapped' as const, params: { header: headerTitles[role], other: headerTitles[other] } },
          ],
        })),
    );
}

function distinct(guesses: readonly HeaderGuess[]): readonly HeaderGuess[] {
  const seen = new Set<string>();
  return guesses
    .toSorted((a, b) => a.repairs.length - b.repairs.length)
    .filter(({ value }) => !seen.has(value) && seen.add(value))
    .slice(0, mostGuesses);
}
