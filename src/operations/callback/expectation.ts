/** What an app is expected to answer to a callback, as an assertion. */
import { WxpayError } from '../../core/errors.ts';
import type { Exchange } from './exchange.ts';

/**
 * - `ok`: 200 or 204, which WeChat Pay takes for an acknowledgement; `fail`: any 4xx or 5xx.
 * - a status, or a class of them (`2xx`); `any`: whatever it is, as long as there is an answer.
 */
export type Expectation = 'ok' | 'fail' | 'any' | `${1 | 2 | 3 | 4 | 5}xx` | number;

/** WeChat Pay waits so long (protocol 6.5). */
export const wechatPatienceMs = 5000;

/** @throws WxpayError `INPUT_INVALID` */
export function readExpectation(text: string): Expectation {
  const lower = text.toLowerCase();
  if (lower === 'ok' || lower === 'fail' || lower === 'any') return lower;
  if (/^[1-5]xx$/.test(lower)) return lower as Expectation;
  if (/^[1-5]\d\d$/.test(lower)) return Number(lower);
  throw new WxpayError('INPUT_INVALID', {
    params: { field: '--expect', reason: 'key:reason.expect' },
    outcome: 'not_sent',
  });
}

/** True when the app has answered as expected, and in time for WeChat Pay to hear it. */
export function isMet(expectation: Expectation, { status, ms }: Exchange): boolean {
  if (status === undefined || ms > wechatPatienceMs) return false;
  if (typeof expectation === 'number') return status === expectation;
  if (expectation === 'ok') return isAcknowledgement(status);
  if (expectation === 'fail') return status >= 400;
  return expectation === 'any' || String(status)[0] === expectation[0];
}

/** Protocol 6.5: nothing else counts. */
export function isAcknowledgement(status: number | undefined): boolean {
  return status === 200 || status === 204;
}
