/** Times for people: in a local zone, whose offset is said. */
import type { Translate } from '../i18n/translate.ts';
import type { Cell } from './view.ts';

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
const day = 86_400_000;

/**
 * An RFC 3339 time in the given zone: `2026-11-23 10:31:02 +08:00`. Text that is no such time is returned as it is.
 *
 * @param timeZone IANA name, e.g. `Asia/Shanghai`; the system's own where it is absent, UTC where it is unknown
 */
export function formatTime(text: string, timeZone?: string): string {
  if (!rfc3339.test(text)) return text;
  const instant = Date.parse(text.toUpperCase());
  return Number.isNaN(instant) ? text : formatInstant(instant, timeZone);
}

/** The same for milliseconds since the epoch. */
export function formatInstant(milliseconds: number, timeZone?: string): string {
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) return String(milliseconds);
  const parts = new Map(
    formatter(timeZone)
      .formatToParts(milliseconds)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  // `GMT+08:00`, and plain `GMT` for UTC.
  const offset = part('timeZoneName').replace('GMT', '');
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}:${part('second')} ${offset === '' ? '+00:00' : offset}`;
}

/** Whole days from `now` until `then` (milliseconds), rounded down: 0 within the last day, negative once it has passed. */
export function daysUntil(then: number, now: number): number {
  return Math.floor((then - now) / day);
}

/** How long something is still valid, in words; a warning from 30 days before, an alarm once it has expired. */
export function expiryCell(then: number, now: number, t: Translate): Cell {
  const days = daysUntil(then, now);
  if (days < 0) return { text: t('output.expiry.past', { days: -days }), tone: 'bad' };
  if (days === 0) return { text: t('output.expiry.today'), tone: 'bad' };
  return { text: t('output.expiry.days', { days }), tone: days <= 30 ? 'warn' : 'good' };
}

function formatter(timeZone: string | undefined): Intl.DateTimeFormat {
  const options = {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  } as const;
  try {
    return new Intl.DateTimeFormat('en-US', { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC' });
  }
}
