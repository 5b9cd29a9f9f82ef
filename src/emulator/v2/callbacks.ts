/** What APIv2 tells a merchant: payments signed, refunds encrypted under the APIv2 key and not signed (protocol 11.4). */
import { createCipheriv, createHash } from 'node:crypto';
import type { Order } from '../orders.ts';
import type { Refund } from '../refunds.ts';
import { describePayment } from './orders.ts';
import { describeRefundOutcome } from './refunds.ts';
import { makeSign } from './signature.ts';
import { readXml, writeXml } from './xml.ts';

/** The payment's callback; signed with the algorithm that the order was placed with. */
export function paymentXml(order: Order, nonce: string): string {
  const { request, merchant } = order;
  const signType = request.v2?.sign_type ?? 'MD5';
  const given: Record<string, string | undefined> = {
    appid: request.appid ?? request.sp_appid,
    attach: request.attach,
    mch_id: merchant.mchid,
    nonce_str: nonce,
    out_trade_no: request.out_trade_no,
    result_code: 'SUCCESS',
    return_code: 'SUCCESS',
    sub_appid: request.sub_appid,
    sub_mch_id: request.sub_mchid,
    ...describePayment(order),
    ...(signType === 'MD5' ? {} : { sign_type: signType }),
  };
  const fields = new Map<string, string>();
  for (const name of Object.keys(given).sort()) {
    const value = given[name];
    if (value !== undefined && value !== '') fields.set(name, value);
  }
  fields.set('sign', makeSign(fields, merchant.apiV2Key, signType));
  return writeXml(fields);
}

/** The refund's callback: AES-256-ECB under the lower-case hex MD5 of the APIv2 key, as text. */
export function refundXml(refund: Refund, nonce: string): string {
  const { merchant, order } = refund;
  const { request } = order;
  const key = createHash('md5').update(merchant.apiV2Key).digest('hex');
  const cipher = createCipheriv('aes-256-ecb', Buffer.from(key, 'latin1'), null);
  const plain = writeXml(new Map(Object.entries(describeRefundOutcome(refund))), 'root');
  const fields: Record<string, string | undefined> = {
    return_code: 'SUCCESS',
    appid: request.appid ?? request.sp_appid,
    mch_id: merchant.mchid,
    sub_appid: request.sub_appid,
    sub_mch_id: request.sub_mchid,
    nonce_str: nonce,
    req_info: Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]).toString('base64'),
  };
  return writeXml(new Map(Object.entries(fields).map(([name, value]) => [name, value ?? ''])));
}

/** Only XML that says SUCCESS counts: neither JSON nor the bare word does. */
export function isAcknowledged(answer: Buffer): boolean {
  const fields = readXml(answer);
  return typeof fields !== 'string' && fields.get('return_code') === 'SUCCESS';
}
