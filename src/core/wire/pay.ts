/** Client pay parameters (protocol 7): made, and checked when somebody else made them. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { verifySha256 } from '../crypto/rsa.ts';
import type { Signer } from '../ports.ts';
import { payMessage } from './message.ts';

/** `mini` is the mini-program: like jsapi, but `appId` is not handed over. */
export type PayClient = 'jsapi' | 'mini' | 'app';

export interface PayInput {
  /** The appid used when ordering (the sub_appid in service-provider mode, if one was given). */
  readonly appid: string;
  /** APP only: the merchant number. */
  readonly partnerid: string;
  readonly prepayId: string;
  /** Unix seconds. */
  readonly timestamp: string;
  /** At most 32 characters. */
  readonly nonce: string;
  readonly signer: Signer;
}

/** Signed with the merchant's key over four lines; the JSAPI line carries `prepay_id=`, the APP line does not. */
export function clientPayParameters(client: PayClient, input: PayInput): Readonly<Record<string, string>> {
  const { appid, partnerid, prepayId, timestamp, nonce, signer } = input;
  if (client === 'app') {
    const sign = signer.sign(payMessage(appid, timestamp, nonce, prepayId));
    return { appid, partnerid, prepayid: prepayId, package: 'Sign=WXPay', noncestr: nonce, timestamp, sign };
  }
  const packageLine = `prepay_id=${prepayId}`;
  const paySign = signer.sign(payMessage(appid, timestamp, nonce, packageLine));
  const parameters = { timeStamp: timestamp, nonceStr: nonce, package: packageLine, signType: 'RSA', paySign };
  return client === 'jsapi' ? { appId: appid, ...parameters } : parameters;
}

/** A fault in pay parameters. `reason` is an i18n key below `reason.`. */
export interface PayFault {
  readonly field: string;
  readonly reason: string;
  readonly params: Readonly<Record<string, string | number>>;
}

const namesOf: Readonly<Record<PayClient, readonly string[]>> = {
  jsapi: ['appId', 'timeStamp', 'nonceStr', 'package', 'signType', 'paySign'],
  mini: ['timeStamp', 'nonceStr', 'package', 'signType', 'paySign'],
  app: ['appid', 'partnerid', 'prepayid', 'package', 'noncestr', 'timestamp', 'sign'],
};

/**
 * Checks pay parameters that somebody else made.
 *
 * @param appid the appid used when ordering; for mini, where it is signed but not handed over
 * @param key the merchant's private or public key
 * @returns every fault found, the most telling first; empty when the signature verifies and every field is right
 */
export function checkPayParameters(
  client: PayClient,
  given: Readonly<Record<string, unknown>>,
  appid: string,
  key: KeyObject,
): readonly PayFault[] {
  const faults: PayFault[] = [];
  const add = (field: string, reason: string, params: PayFault['params'] = {}): void => {
    faults.push({ field, reason, params });
  };
  const names = namesOf[client];
  for (const name of names) {
    const value = given[name];
    if (value === undefined) {
      const near = Object.keys(given).find(
        (candidate) =>
          candidate.toLowerCase() === name.toLowerCase() || (name === 'package' && candidate === 'packageValue'),
      );
      if (near === 'packageValue') continue;
      if (near === undefined) add(name, 'missing');
      else add(near, 'pay_name', { wanted: name });
    } else if (typeof value !== 'string') add(name, 'not_string');
    else if (value !== value.trim()) add(name, 'pay_space');
  }
  const text = (...candidates: string[]): string => {
    for (const name of candidates) {
      const found = Object.entries(given).find(([candidate]) => candidate.toLowerCase() === name.toLowerCase())?.[1];
      if (found !== undefined) return String(found);
    }
    return '';
  };
  const timestamp = text('timeStamp');
  const nonce = text('nonceStr');
  const signature = text(client === 'app' ? 'sign' : 'paySign');
  const packageText = text('package', 'packageValue');
  if (!/^\d{10}$/.test(timestamp)) add(client === 'app' ? 'timestamp' : 'timeStamp', 'pay_seconds');
  if (nonce.length > 32) add(client === 'app' ? 'noncestr' : 'nonceStr', 'too_long', { length: nonce.length, max: 32 });
  let prepayId: string;
  if (client === 'app') {
    prepayId = text('prepayid');
    if (prepayId.startsWith('prepay_id=')) add('prepayid', 'pay_prefix_app');
    if (packageText !== 'Sign=WXPay') add('package', 'pay_package_app');
  } else {
    prepayId = packageText.replace(/^prepay_id=/, '');
    if (!packageText.startsWith('prepay_id=')) add('package', 'pay_prefix_jsapi');
    if (text('signType') !== 'RSA') add('signType', 'pay_sign_type', { found: text('signType') });
  }
  const signedAppid = client === 'mini' ? appid : text('appId') || appid;
  if (client !== 'mini' && signedAppid !== appid)
    add(client === 'app' ? 'appid' : 'appId', 'pay_appid', { wanted: appid });
  faults.push(
    ...signatureFaults({
      client,
      appid,
      signedAppid,
      timestamp,
      nonce,
      prepayId,
      signature,
      publicKey: publicKeyOf(key),
    }),
  );
  return faults;
}

interface Signed {
  readonly client: PayClient;
  readonly appid: string;
  readonly signedAppid: string;
  readonly timestamp: string;
  readonly nonce: string;
  readonly prepayId: string;
  readonly signature: string;
  readonly publicKey: KeyObject;
}

/** When the signature does not verify, tries the known mix-ups and names the one under which it does. */
function signatureFaults(signed: Signed): readonly PayFault[] {
  const { client, appid, signedAppid, timestamp, nonce, prepayId, signature, publicKey } = signed;
  const field = client === 'app' ? 'sign' : 'paySign';
  const bare = prepayId.replace(/^prepay_id=/, '');
  const right = client === 'app' ? bare : `prepay_id=${bare}`;
  const verifies = (message: Uint8Array): boolean => verifySha256(publicKey, message, signature) === 'valid';
  const verdict = verifySha256(publicKey, payMessage(signedAppid, timestamp, nonce, right), signature);
  if (verdict === 'valid') return [];
  if (verdict === 'malformed') return [{ field, reason: 'no_base64', params: {} }];
  const mixUps: readonly (readonly [string, Uint8Array])[] = [
    [
      client === 'app' ? 'pay_signed_prefix' : 'pay_signed_bare',
      payMessage(signedAppid, timestamp, nonce, client === 'app' ? `prepay_id=${bare}` : bare),
    ],
    ['pay_signed_package', payMessage(signedAppid, timestamp, nonce, 'Sign=WXPay')],
    ['pay_signed_other_appid', payMessage(appid, timestamp, nonce, right)],
    ['pay_signed_milliseconds', payMessage(signedAppid, `${timestamp}000`, nonce, right)],
    ['pay_signed_no_final_lf', payMessage(signedAppid, timestamp, nonce, right).subarray(0, -1)],
    ['pay_signed_backslash_n', Buffer.from(`${signedAppid}\\n${timestamp}\\n${nonce}\\n${right}\\n`)],
  ];
  const found = mixUps.find(([, message]) => verifies(message));
  return [{ field, reason: found?.[0] ?? 'pay_signature', params: {} }];
}

function publicKeyOf(key: KeyObject): KeyObject {
  return key.type === 'private' ? createPublicKey(key) : key;
}
