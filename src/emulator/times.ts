/** Times as WeChat Pay writes and reads them: RFC 3339 with an offset, written in Beijing time. */

const beijing = 8 * 3600_000;

/** `2026-11-23T10:34:56+08:00` */
export function beijingTime(milliseconds: number): string {
  return `${new Date(milliseconds + beijing).toISOString().slice(0, 19)}+08:00`;
}

/** `20261123103456`, for ids. */
export function beijingDigits(milliseconds: number): string {
  return new Date(milliseconds + beijing).toISOString().slice(0, 19).replaceAll(/\D/g, '');
}

/** Milliseconds since the epoch of an RFC 3339 time with offset, or `undefined` for anything else, 30 February included. */
export function readTime(text: string): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (match === null) return undefined;
  const [, date = '', time = '', , offset = ''] = match;
  const utc = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(utc) || new Date(utc).toISOString().slice(0, 10) !== date) return undefined;
  const parsed = Date.parse(`${date}T${time}${offset}`);
  return Number.isNaN(parsed) ? undefined : parsed;
}
