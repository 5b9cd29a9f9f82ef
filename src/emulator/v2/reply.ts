/** What APIv2 answers: XML over HTTP 200, whatever happened (protocol 11.2). */
import type { Merchant } from '../merchants.ts';
import type { Reply } from '../reply.ts';
import { makeSign } from './signature.ts';
import type { SignType } from './signature.ts';
import { writeXml } from './xml.ts';
import type { XmlFields } from './xml.ts';

type Pairs = Readonly<Record<string, string | undefined>>;

/** What an answer is signed with. */
export interface Signing {
  readonly merchant: Merchant;
  readonly signType: SignType;
  readonly randomBytes: (size: number) => Buffer;
  /** `appid`, `sub_appid` and `sub_mch_id` as they were asked with: every answer repeats them. */
  readonly identity: Pairs;
}

/** A refusal before the caller is known: `return_code` FAIL, with a text only and never signed. */
export function refuseCall(message: string, code: string): Reply {
  const fields = new Map([
    ['return_code', 'FAIL'],
    ['return_msg', message],
  ]);
  return answer(fields, code);
}

/** `return_code` SUCCESS: the call was understood. Whether it succeeded is in `result_code`. */
export function answerCall(
  signing: Signing,
  pairs: Pairs,
  error?: { readonly code: string; readonly text: string },
): Reply {
  const fields = new Map<string, string>();
  const put = (from: Pairs): void => {
    for (const [name, value] of Object.entries(from)) if (value !== undefined && value !== '') fields.set(name, value);
  };
  put({ return_code: 'SUCCESS', return_msg: 'OK', result_code: error === undefined ? 'SUCCESS' : 'FAIL' });
  put({ mch_id: signing.merchant.mchid, ...signing.identity });
  put(pairs);
  if (error !== undefined) put({ err_code: error.code, err_code_des: error.text });
  put({ nonce_str: signing.randomBytes(16).toString('hex') });
  fields.set('sign', makeSign(fields, signing.merchant.apiV2Key, signing.signType));
  return answer(fields, error?.code);
}

function answer(fields: XmlFields, code: string | undefined): Reply {
  return {
    status: 200,
    body: undefined,
    internal: 0,
    withoutRequestId: true,
    xml: { fields, ...(code === undefined ? {} : { code }) },
  };
}

/** An answer's bytes, its signature spoiled where a fault says so. */
export function xmlBytes(fields: XmlFields, fault: 'missing' | 'wrong' | undefined): Buffer {
  const sign = fields.get('sign');
  if (fault === undefined || sign === undefined) return Buffer.from(writeXml(fields), 'utf8');
  const spoiled = new Map(fields);
  if (fault === 'missing') spoiled.delete('sign');
  else spoiled.set('sign', (sign.startsWith('0') ? '1' : '0') + sign.slice(1));
  return Buffer.from(writeXml(spoiled), 'utf8');
}
