/** Verifies and decrypts one captured callback, and reports each step (protocol 6; DESIGN section 5). */
import { isWxpayError, WxpayError, type ErrorCode } from '../../core/errors.ts';
import type { VerificationKey } from '../../core/ports.ts';
import { decryptResource, parseEnvelope, type Envelope } from '../../core/wire/envelope.ts';
import { parseJson } from '../../core/wire/json.ts';
import { verifyMessage, type SignatureCheck } from '../../core/wire/verify.ts';
import { isObject } from '../fields.ts';
import type { Capture } from './capture/capture.ts';

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
  /** `skipped`: a step before it failed, so nothing can be said. `not_judged`: the caller asked to leave it out. */
  readonly result: 'passed' | 'failed' | 'skipped' | 'not_judged';
}

/**
 * - `appid`: the resource names another appid than the profile; a merchant may have several.
 * - `v2_md5`: signed with MD5, as APIv2 allows.
 * - `v2_unsigned`: a refund of APIv2, which nothing signs.
 * - `state`: a success event about a payment or refund that is none (THREATS C10).
 */
export type Remark = 'appid' | 'state' | 'v2_md5' | 'v2_unsigned';

export interface CallbackReport {
  readonly verdict: 'valid' | 'invalid';
  readonly steps: readonly Step[];
  readonly serial?: string;
  readonly envelope?: Envelope;
  /** What is odd about a callback that is authentic all the same. */
  readonly remarks: readonly Remark[];
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
  /** Remarked on when the resource names another, when known. */
  readonly appid?: string;
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
 * @param check how the signature is verified; `verifySha256InPool` where many callbacks are verified at once
 * @returns a report; a fault of the callback is a verdict, not an exception
 * @throws errors that are no fault of the callback (a failing key refresh, a bug)
 */
export async function verifyCallback(
  capture: Pick<Capture, 'headers' | 'body'>,
  keys: CallbackKeys,
  now: number,
  ignoreAge = false,
  check?: SignatureCheck,
): Promise<CallbackReport> {
  let serial: string | undefined;
  let envelope: Envelope | undefined;
  try {
    ({ serial } = await verifyMessage(capture, { find: (id) => keys.find(id), now, ignoreAge, check }));
    envelope = parseEnvelope(capture.body);
    const resource = readResource(envelope, keys.apiV3Key);
    requireOurs(resource, keys.mchid);
    const remarks = remarksOn(envelope, resource, keys.appid);
    return { verdict: 'valid', steps: steps(undefined, { ignoreAge }), serial, envelope, remarks, resource };
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    const failed = stepOf[error.code];
    if (failed === undefined) throw error;
    return {
      verdict: 'invalid',
      steps: steps(failed, { ignoreAge, probe: error.code === 'SIGNATURE_PROBE' }),
      remarks: [],
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

/**
 * A genuine callback of another merchant is not ours. Service providers see their number as `sp_mchid`, combined orders as
 * `combine_mchid` (protocol 6.2).
 */
function requireOurs(resource: Record<string, unknown>, mchid: string | undefined): void {
  const found = resource['sp_mchid'] ?? resource['combine_mchid'] ?? resource['mchid'] ?? resource['mch_id'];
  if (mchid === undefined || found === undefined || found === mchid) return;
  throw new WxpayError('ANSWER_MISMATCH', {
    params: {
      field: 'mchid',
      found: (typeof found === 'string' ? found : JSON.stringify(found)).slice(0, 64),
      wanted: mchid,
    },
  });
}

function remarksOn(
  envelope: Envelope,
  resource: Record<string, unknown>,
  appid: string | undefined,
): readonly Remark[] {
  const remarks: Remark[] = [];
  const found = resource['sp_appid'] ?? resource['combine_appid'] ?? resource['appid'];
  if (appid !== undefined && found !== undefined && found !== appid) remarks.push('appid');
  const field = { 'TRANSACTION.SUCCESS': 'trade_state', 'REFUND.SUCCESS': 'refund_status' }[envelope.event_type];
  const parts = Array.isArray(resource['sub_orders']) ? resource['sub_orders'].filter(isObject) : [resource];
  if (field !== undefined && parts.some((part) => part[field] !== 'SUCCESS')) remarks.push('state');
  return remarks;
}

/** @param probe a probe is recognised before anybody looks for its key, so nothing is said about the serial */
function steps(
  failed: StepName | undefined,
  { ignoreAge, probe = false }: { readonly ignoreAge: boolean; readonly probe?: boolean },
): readonly Step[] {
  const at = failed === undefined ? stepNames.length : stepNames.indexOf(failed);
  return stepNames.map((step, index) => {
    if (index === at) return { step, result: 'failed' };
    if (index > at || (probe && step === 'serial')) return { step, result: 'skipped' };
    return { step, result: ignoreAge && step === 'timestamp' ? 'not_judged' : 'passed' };
  });
}
