/**
 * Verifies one captured callback of APIv2 (protocol 11.4). A payment's is signed with MD5 or HMAC-SHA256; a refund's is not
 * signed, and what it tells is encrypted under the APIv2 key.
 */
import { isWxpayError, WxpayError } from '../../core/errors.ts';
import { decryptReqInfo } from '../../core/wire/v2-req-info.ts';
import { verifyV2 } from '../../core/wire/v2-sign.ts';
import { parseV2Xml, type V2Fields } from '../../core/wire/v2-xml.ts';
import type { Capture } from './capture/capture.ts';
import type { CallbackReport, Remark, Step, StepName } from './verify.ts';

export interface V2CallbackKeys {
  readonly apiV2Key: string;
  /** Compared with `mch_id`, when known (THREATS C10). */
  readonly mchid?: string;
  /** Remarked on when the callback names another, when known. */
  readonly appid?: string;
}

/**
 * The signature of a refund's callback is `not_judged`, since there is none: whoever has the APIv2 key could have made it, so
 * it is to be confirmed by a query.
 *
 * @returns a report; a fault of the callback is a verdict, not an exception
 */
export function verifyV2Callback({ body }: Pick<Capture, 'body'>, keys: V2CallbackKeys): CallbackReport {
  let at: StepName = 'envelope';
  let isRefund = false;
  try {
    const fields = readFields(body);
    isRefund = fields.has('req_info');
    const remarks: Remark[] = [];
    let resource: Record<string, unknown>;
    if (isRefund) {
      at = 'decryption';
      const { appid, mch_id, sub_appid, sub_mch_id } = Object.fromEntries(fields);
      const named = Object.entries({ appid, mch_id, sub_appid, sub_mch_id }).filter(([, value]) => value !== undefined);
      resource = {
        ...Object.fromEntries(named),
        ...Object.fromEntries(decryptReqInfo(fields.get('req_info') ?? '', keys.apiV2Key)),
      };
      remarks.push('v2_unsigned');
    } else {
      at = 'signature';
      if (verifyV2(fields, keys.apiV2Key) === 'MD5') remarks.push('v2_md5');
      resource = Object.fromEntries([...fields].filter(([name]) => name !== 'sign'));
      if (fields.get('result_code') !== 'SUCCESS') remarks.push('state');
    }
    at = 'identity';
    const found = fields.get('mch_id');
    if (keys.mchid !== undefined && found !== keys.mchid)
      throw new WxpayError('ANSWER_MISMATCH', { params: { field: 'mch_id', found: found ?? '', wanted: keys.mchid } });
    if (keys.appid !== undefined && fields.get('appid') !== keys.appid) remarks.push('appid');
    return { verdict: 'valid', steps: stepsTo(undefined, isRefund), remarks, resource };
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    return { verdict: 'invalid', steps: stepsTo(at, isRefund), remarks: [], failure: error };
  }
}

function readFields(body: Uint8Array): V2Fields {
  try {
    return parseV2Xml(body);
  } catch (error) {
    if (!isWxpayError(error, 'ANSWER_MALFORMED')) throw error;
    throw new WxpayError('CALLBACK_MALFORMED', { params: error.params, hint: 'v2.hint.callback' });
  }
}

function stepsTo(failed: StepName | undefined, isRefund: boolean): readonly Step[] {
  const names: readonly StepName[] = isRefund
    ? ['envelope', 'signature', 'decryption', 'identity']
    : ['envelope', 'signature', 'identity'];
  const end = failed === undefined ? names.length : names.indexOf(failed);
  return names.map((step, index) => {
    if (index === end) return { step, result: 'failed' };
    if (index > end) return { step, result: 'skipped' };
    return { step, result: isRefund && step === 'signature' ? 'not_judged' : 'passed' };
  });
}
