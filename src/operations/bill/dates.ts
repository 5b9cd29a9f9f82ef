/** The days of bills, in Beijing time (bills 2). */
import { WxpayError } from '../../core/errors.ts';

/** WeChat Pay keeps three months; a longer range is a slip. */
const maxDays = 93;
const day = 86_400_000;
const beijing = 8 * 3_600_000;

/**
 * Reads `2026-11-22`, `2026-11-20..2026-11-22`, `2026-11` (a whole month, or as far as it is over) and `yesterday`.
 *
 * @param now milliseconds since the epoch
 * @returns days as `yyyy-MM-dd`, in order
 * @throws `INPUT_INVALID` for what is no day, a range backwards or of more than 93 days, and today, whose bill is made tomorrow
 */
export function readDates(text: string, now: number): readonly string[] {
  const today = dayOf(now);
  if (text === 'yesterday') return [dayOf(now - day)];
  const month = /^(\d{4}-(?:0[1-9]|1[0-2]))$/.exec(text)?.[1];
  const [from = '', to = from, ...more] = month === undefined ? text.split('..') : monthOf(month, today);
  if (!isDay(from) || !isDay(to) || more.length > 0) throw invalid(text, 'date');
  if (to < from) throw invalid(text, 'date_order');
  if (to >= today) throw invalid(text, 'date_today', { today });
  const days: string[] = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`); at += day) {
    if (days.length === maxDays) throw invalid(text, 'date_many', { max: maxDays });
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

function monthOf(month: string, today: string): readonly [string, string] {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const last = new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
  const yesterday = new Date(Date.parse(`${today}T00:00:00Z`) - day).toISOString().slice(0, 10);
  return [`${month}-01`, last < today || yesterday < `${month}-01` ? last : yesterday];
}

function dayOf(at: number): string {
  return new Date(at + beijing).toISOString().slice(0, 10);
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

function invalid(value: string, reason: string, params: Readonly<Record<string, string | number>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field: 'date', value, reason: `key:bill.reason.${reason}` },
    outcome: 'not_sent',
  });
}
