/** Verifies and decrypts one captured callback, and reports each step (protocol 6; DESIGN section 5). */
import { isWxpayError, WxpayError, type ErrorCode } from '../../core/errors.ts';
import type { VerificationKey } from '../../core/ports.ts';
import { decryptResource, parseEnvelope, type Envelope } from '../../core/wire/envelope.ts';
import { parseJson } from '../../core/wire/json.ts';
import { verifyMessage } from '../../core/wire/verify.ts';
import { isObject } from '../fields.ts';
import type { Capture } from './capture/raw-http.ts';

export const stepNames = [
  'headers',
  'type',
  'timestamp',
  'serial',
  'signature',
  'envelope',
  'decryption',
  'identity',
] as const;
export type StepName = (typeof stepNames)[number];

export interface Step {
  readonly step: StepName;
  /** `skipped`: a step before it failed, so nothing can be said. */
  readonly result: 'passed' | 'failed' | 'skipped';
}

export interface CallbackReport {
  readonly verdict: 'valid' | 'invalid';
  readonly steps: readonly Step[];
  readonly serial?: string;
  readonly envelope?: Envelope;
  /** The decrypted resource. Present only when every step passed: what is not authentic is not shown as data. */
  readonly resource?: Record<string, unknown>;
  readonly failure?: WxpayError;
}

export interface CallbackKeys {
  find(serial: string): Promise<VerificationKey | undefined>;
  /** 32 bytes. */
  readonly apiV3Key: Uint8Array;
  /** Compared with the decrypted resource, when known (THREATS C10). */
  readonly mchid?: string;
}

/** Which step each verification failure belongs to. */
const stepOf: Partial<Record<ErrorCode, StepName>> = {
  SIGNATURE_MISSING: 'headers',
  SIGNATURE_HEADER_INVALID: 'headers',
  SIGNATURE_TYPE_UNSUPPORTED: 'type',
  SIGNATURE_STALE: 'timestamp',
  SIGNATURE_SERIAL_UNKNOWN: 'serial',
  SIGNATURE_PROBE: 'signature',
  SIGNATURE_WRONG: 'signature',
  CALLBACK_MALFORMED: 'envelope',
  DECRYPT_FAILED: 'decryption',
  API_V3_KEY_LENGTH: 'decryption',
  ANSWER_MALFORMED: 'decryption',
  ANSWER_MISMATCH: 'identity',
};

/**
 * @param now milliseconds since the epoch
 * @param ignoreAge for old captures: the timestamp is read but its age is not judged
 * @returns a report; a fault of the callback is a verdict, not an exception
 * @throws errors that are no fault of the callback (a failing key refresh, a bug)
 */
export async function verifyCallback(
  capture: Capture,
  keys: CallbackKeys,
  now: number,
  ignoreAge = false,
): Promise<CallbackReport> {
  let serial: string | undefined;
  let envelope: Envelope | undefined;
  try {
    ({ serial } = await verifyMessage(capture, { find: (id) => keys.find(id), now, ignoreAge }));
    envelope = parseEnvelope(capture.body);
    const resource = readResource(envelope, keys.apiV3Key);
    requireOurs(resource, keys.mchid);
    return { verdict: 'valid', steps: steps(undefined), serial, envelope, resource };
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    const failed = stepOf[error.code];
    if (failed === undefined) throw error;
    return {
      verdict: 'invalid',
      steps: steps(failed),
      ...(serial === undefined ? {} : { serial }),
      ...(envelope === undefined ? {} : { envelope }),
      failure: error,
    };
  }
}

function readResource(envelope: Envelope, apiV3Key: Uint8Array): Record<string, unknown> {
  const value = parseJson(decryptResource(envelope.resource, apiV3Key));
  if (!isObject(value)) throw new WxpayError('ANSWER_MALFORMED', { params: { reason: 'key:reason.not_object' } });
  return value;
}

/** A genuine callback of another merchant is not ours. Service providers see their number as `sp_mchid`. */
function requireOurs(resource: Record<string, unknown>, mchid: string | undefined): void {
  const found = resource['sp_mchid'] ?? resource['mchid'] ?? resource['mch_id'];
  if (mchid === undefined || found === undefined || found === mchid) return;
  throw new WxpayError('ANSWER_MISMATCH', { params: { field: 'mchid', found: String(found), wanted: mchid } });
}

function steps(failed: StepName | undefined): readonly Step[] {
  const at = failed === undefined ? stepNames.length : stepNames.indexOf(failed);
  return stepNames.map((step, index) => ({
    step,
    result: index < at ? 'passed' : index === at ? 'failed' : 'skipped',
  }));
}
