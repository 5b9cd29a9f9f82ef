/**
 * One exchange about an order: what every order operation does with an answer. Answers are settled first (core/http/outcome.ts),
 * then read, and a write whose answer cannot be read has an unknown outcome.
 */
import { WxpayError } from '../core/errors.ts';
import { settle, unknownBecause } from '../core/http/outcome.ts';
import type { ApiRequest, ApiResponse, Transport } from '../core/ports.ts';
import { parseJson } from '../core/wire/json.ts';
import { isObject } from './fields.ts';

/** Sends and settles: a 2xx that may be believed comes back, everything else is thrown (core/http/outcome.ts). */
export async function sent(transport: Transport, request: ApiRequest, next?: readonly string[]): Promise<ApiResponse> {
  try {
    return await settle(request, () => transport(request));
  } catch (error) {
    if (next !== undefined && error instanceof WxpayError && error.outcome === 'unknown') throw error.with({ next });
    throw error;
  }
}

/** The answer's JSON object. @throws WxpayError `ANSWER_MALFORMED`; for a write `OUTCOME_UNKNOWN` */
export function objectOf(
  response: ApiResponse,
  outcome: 'unknown' | 'no_effect',
  next?: readonly string[],
): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(response.body);
  } catch (error) {
    const reason = error instanceof WxpayError ? String(error.params['reason'] ?? error.code) : 'no JSON';
    value = undefined;
    if (outcome === 'unknown') throw unknownOutcome(malformed(response, reason), next ?? []);
    throw malformed(response, reason);
  }
  if (isObject(value)) return value;
  const error = malformed(response, 'no JSON object');
  throw outcome === 'unknown' ? unknownOutcome(error, next ?? []) : error;
}

/** The signature covers neither URL nor request: what was asked must stand in the answer (THREATS C4). @throws WxpayError `ANSWER_MISMATCH` */
export function requireSame(response: ApiResponse, field: string, found: unknown, wanted: string): void {
  if (found === wanted) return;
  throw new WxpayError('ANSWER_MISMATCH', {
    params: { field, found: typeof found === 'string' ? found : (JSON.stringify(found) ?? 'nothing'), wanted },
    ...idOf(response),
  });
}

/** `ANSWER_MALFORMED` with what is wrong with the answer. */
export function malformed(response: ApiResponse, reason: string): WxpayError {
  return new WxpayError('ANSWER_MALFORMED', { params: { reason }, httpStatus: response.status, ...idOf(response) });
}

function idOf(response: ApiResponse): { requestId?: string } {
  return response.requestId === undefined ? {} : { requestId: response.requestId };
}

/** A write that was delivered and whose result is not known, with the command that asks. */
export function unknownOutcome(cause: unknown, next: readonly string[]): WxpayError {
  if (!(cause instanceof WxpayError)) {
    const reason = cause instanceof Error ? cause.name : 'error';
    return new WxpayError('OUTCOME_UNKNOWN', { params: { reason }, outcome: 'unknown', next, cause });
  }
  return (cause.code === 'OUTCOME_UNKNOWN' ? cause : unknownBecause(cause)).with({ next });
}
