/** A time on the emulator's clock, as people write it. */
import { WxpayError } from '../../../core/errors.ts';

/** RFC 3339 with an offset; a day is its beginning in Beijing, where bills begin. @throws WxpayError `INPUT_INVALID` */
export function readInstant(field: string, text: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00+08:00` : text;
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.test(time) && Date.parse(time))
    return time;
  throw new WxpayError('INPUT_INVALID', {
    params: { field, reason: 'key:emulator.reason.time' },
    outcome: 'not_sent',
  });
}
