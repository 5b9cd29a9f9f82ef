/** APIv2 callbacks to damage, made and judged by hand: plain node:crypto, nothing of the program but what is tried. */
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import type { Autopsy } from '../../../../../src/operations/callback/autopsy/findings.ts';
import { performV2Autopsy, type V2AutopsyInput } from '../../../../../src/operations/callback/autopsy/v2/autopsy.ts';
import { verifyV2Callback } from '../../../../../src/operations/callback/verify-v2.ts';

export const apiV2Key = '192006250b4c09247ec02edce69f6a2d';
export const apiV3Key = 'AbCdEfGhIjKlMnOpQrStUvWxYz012345';
export const mchid = '10000100';
export const appid = 'wxd930ea5d5a258f4f';
export type Fields = Record<string, string>;
export type SignType = 'MD5' | 'HMAC-SHA256';

export const payment: Fields = {
  appid,
  attach: '中杯拿铁 & "加糖" <热>',
  bank_type: 'CFT',
  cash_fee: '1290',
  device_info: '',
  fee_type: 'CNY',
  is_subscribe: 'N',
  mch_id: mchid,
  nonce_str: 'ibuaiVcKdpRxkhJA',
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  out_trade_no: '0001409811653',
  result_code: 'SUCCESS',
  return_code: 'SUCCESS',
  time_end: '20141030133525',
  total_fee: '1290',
  trade_type: 'JSAPI',
  transaction_id: '1004400740201409030005092168',
};

export function canonical(fields: Fields): string {
  return Object.keys(fields)
    .filter((name) => name !== 'sign' && fields[name] !== '')
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('&');
}

export function digest(text: string | Buffer, type: SignType, key = apiV2Key): string {
  const made = type === 'MD5' ? createHash('md5') : createHmac('sha256', key);
  return made.update(text).digest('hex').toUpperCase();
}

export function signed(fields: Fields = payment, type: SignType = 'MD5', key = apiV2Key): Fields {
  return { ...fields, sign: digest(`${canonical(fields)}&key=${key}`, type, key) };
}

/** As WeChat Pay writes it: CDATA, empty fields kept. */
export function xml(fields: Fields): string {
  const lines = Object.entries(fields).map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`);
  return `<xml>${lines.join('\n')}</xml>`;
}

/** Values bare, as they are. */
export function bareXml(fields: Fields): string {
  return `<xml>${Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('')}</xml>`;
}

export const refundInfo: Fields = {
  out_refund_no: 'R1',
  out_trade_no: 'T1',
  refund_fee: '100',
  refund_status: 'SUCCESS',
  success_time: '2026-11-28 10:00:00',
};

export function rootXml(fields: Fields = refundInfo): string {
  return xml(fields)
    .replace(/^<xml>/, '<root>')
    .replace(/<\/xml>$/, '</root>');
}

export function encrypt(plain: string, key: Buffer, mode = 'ecb'): string {
  const cipher = createCipheriv(`aes-${key.length * 8}-${mode}`, key, mode === 'ecb' ? null : Buffer.alloc(16));
  return Buffer.concat([cipher.update(plain), cipher.final()]).toString('base64');
}

export const md5Key = (key = apiV2Key): Buffer => Buffer.from(createHash('md5').update(key).digest('hex'));

export function refund(reqInfo = encrypt(rootXml(), md5Key())): string {
  return xml({ return_code: 'SUCCESS', appid, mch_id: mchid, nonce_str: 'n', req_info: reqInfo });
}

export type More = Partial<
  Pick<V2AutopsyInput, 'apiV2Key' | 'apiV3Key' | 'mchid' | 'appid' | 'budget' | 'framework'>
> & {
  readonly bodyIs?: 'bytes' | 'text' | 'parsed';
};

/** Verifies as the program does; `undefined` for what is valid. */
export function lookInto(body: string | Buffer, { bodyIs, ...more }: More = {}): Autopsy | undefined {
  const bytes = Buffer.from(body);
  const keys = { apiV2Key, mchid, appid, ...more };
  const { failure, verdict } = verifyV2Callback({ body: bytes }, keys);
  if (failure === undefined) return undefined;
  if (verdict !== 'invalid') throw new Error('a failure that is no verdict');
  const capture = { body: bytes, ...(bodyIs === undefined ? {} : { bodyIs }) };
  return performV2Autopsy({ capture, failure, apiV3Key, ...keys });
}
