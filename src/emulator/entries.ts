/**
 * Lists that somebody wrote by hand: fault rules, what an emulator begins with. A file is one JSON array, or one JSON document
 * after the other (NDJSON); what is wrong with an entry is said with the place where it stands.
 */
import { WxpayError } from '../core/errors.ts';
import { isObject, parseJson, plain } from './json.ts';

export interface Entries {
  readonly values: readonly unknown[];
  /** How an error names a field of an entry; the field may be empty. */
  readonly nameOf: (index: number, field: string) => string;
}

/** The entries of a program: `seed[2].total`. */
export function listEntries(name: string, values: readonly unknown[] | Entries): Entries {
  if ('nameOf' in values) return values;
  return {
    values,
    nameOf: (index, field) => (field === '' ? `${name}[${index}]` : `${name}[${index}].${field}`),
  };
}

/**
 * The entries of a file: `seed.json:7 total`.
 *
 * @param file how errors name it
 * @throws WxpayError `INPUT_INVALID` naming the line
 */
export function parseEntries(text: string, file: string): Entries {
  // A BOM is what Windows editors put in front; it is no part of JSON.
  const bare = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const parts = splitEntries(bare);
  const nameAt = (line: number, field: string): string => [`${file}:${line}`, field].filter(Boolean).join(' ');
  const values = parts.map(({ text: part, line }) => {
    const value = parseJson(part);
    if (!isObject(value)) throw invalid(nameAt(line, ''), 'key:emulator.reason.entry');
    return plain(value);
  });
  // Every entry is good, and still it is no array: a comma or the bracket at its end.
  if (bare.trimStart().startsWith('[') && parseJson(bare) === undefined) {
    throw invalid(nameAt(parts.at(-1)?.line ?? 1, ''), 'key:emulator.reason.entry_list');
  }
  return { values, nameOf: (index, field) => nameAt(parts[index]?.line ?? 1, field) };
}

/** Runs `work` on each entry; an error about one of its fields is given the entry's place. */
export function forEachEntry(entries: Entries, work: (value: unknown, index: number) => void): void {
  for (const [index, value] of entries.values.entries()) {
    try {
      work(value, index);
    } catch (error) {
      if (!(error instanceof WxpayError)) throw error;
      const { field, what, reason } = error.params;
      const missing = error.code === 'NOT_FOUND';
      if (!missing && error.code !== 'INPUT_INVALID') throw error;
      throw new WxpayError('INPUT_INVALID', {
        params: missing
          ? { field: entries.nameOf(index, ''), reason: 'key:emulator.reason.entry_unknown', what: what ?? '' }
          : { ...error.params, field: entries.nameOf(index, String(field ?? '')), reason: reason ?? '' },
        outcome: 'not_sent',
        cause: error,
      });
    }
  }
}

interface Part {
  readonly text: string;
  /** Where it begins, from 1. */
  readonly line: number;
}

/** Takes the text apart by its brackets only: whether a part is JSON is the reader's to say. */
function splitEntries(text: string): Part[] {
  const parts: Part[] = [];
  const outer = text.trimStart().startsWith('[') ? 1 : 0;
  const tokens = /"(?:[^"\\]|\\.)*"?|[[{]|[\]}]|\n|[^\S\n]+|,|[^\s"[\]{},]+/gs;
  let depth = 0;
  let line = 1;
  let begun: { at: number; line: number } | undefined;
  const end = (at: number): void => {
    if (begun !== undefined) parts.push({ text: text.slice(begun.at, at), line: begun.line });
    begun = undefined;
  };
  for (const { 0: token, index } of text.matchAll(tokens)) {
    const isOuter = outer === 1 && ((depth === 0 && token === '[') || (depth === 1 && token === ']'));
    const separates = depth <= outer && (/^\s/.test(token) || (token === ',' && outer === 1));
    if (isOuter || separates) end(index);
    else begun ??= { at: index, line };
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth = Math.max(0, depth - 1);
    line += token.split('\n').length - 1;
    if (depth === outer && (token === ']' || token === '}')) end(index + 1);
  }
  end(text.length);
  return parts;
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason }, outcome: 'not_sent' });
}
