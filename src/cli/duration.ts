/** Durations on the command line: `500ms`, `30s`, `5m`, `2h`, `1d`. */
import { WxpayError } from '../core/errors.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * @returns milliseconds
 * @throws WxpayError `INPUT_INVALID` naming the flag
 */
export function parseDuration(flag: string, text: string): number {
  const match = /^(\d{1,7})(ms|s|m|h|d)$/.exec(text);
  const unit = units[match?.[2] ?? ''];
  if (match === null || unit === undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: flag, reason: 'key:reason.duration' },
      outcome: 'not_sent',
    });
  return Number(match[1]) * unit;
}
