/** What APIv2 demands of fields, who may act for whom, and APIv2's names for the refusals of the books. */
import { checkAccount, checkPrepay, checkRefundRight } from '../merchant-switches.ts';
import type { OrderProduct } from '../orders.ts';
import type { Reply } from '../reply.ts';
import { readTime } from '../times.ts';
import type { V2Call } from './gateway.ts';

/** A refusal of a call that was understood. */
export interface V2Error {
  readonly code: string;
  readonly text: string;
}

export interface Rule {
  readonly required?: true;
  /** Characters. */
  readonly max: number;
  readonly pattern?: RegExp;
  readonly form?: (value: string) => boolean;
}

const fen = /^[1-9]\d{0,14}$/;
const digits = /^\d+$/;

/** 14 digits in Beijing time. */
export function readDigitsTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  return readTime(`${year}-${month}-${day}T${hour}:${minute}:${second}+08:00`);
}

const time: Rule = { max: 14, form: (value) => readDigitsTime(value) !== undefined };

/** No query, a host, http or https (protocol 6.6). */
const notifyUrl: Rule = { max: 256, form: (value) => /^https?:\/\/[^?#\s]+$/.test(value) && URL.canParse(value) };

/** APIv2 takes one character and `@`, too (states 6). */
const outTradeNo: Rule = { max: 32, pattern: /^[0-9A-Za-z_\-|*@]+$/ };
const outRefundNo: Rule = { max: 64, pattern: /^[0-9A-Za-z_\-|*@]+$/ };
const transactionId: Rule = { max: 32, pattern: /^[0-9A-Za-z]+$/ };
const identity: Readonly<Record<string, Rule>> = {
  appid: { required: true, max: 32 },
  sub_appid: { max: 32 },
  sub_mch_id: { max: 32, pattern: digits },
};

export const orderRules: Readonly<Record<string, Rule>> = {
  ...identity,
  device_info: { max: 32 },
  body: { required: true, max: 128 },
  detail: { max: 6000 },
  attach: { max: 127 },
  out_trade_no: { ...outTradeNo, required: true },
  fee_type: { max: 16, pattern: /^CNY$/ },
  total_fee: { required: true, max: 15, pattern: fen },
  spbill_create_ip: { required: true, max: 64 },
  time_start: time,
  time_expire: time,
  goods_tag: { max: 32 },
  notify_url: { ...notifyUrl, required: true },
  trade_type: { required: true, max: 16, pattern: /^(?:JSAPI|NATIVE|APP|MWEB)$/ },
  product_id: { max: 32 },
  limit_pay: { max: 32, pattern: /^no_credit$/ },
  openid: { max: 128 },
  sub_openid: { max: 128 },
  scene_info: { max: 256 },
};

/** No callback, so no notify_url; who pays is in the code. */
export const micropayRules: Readonly<Record<string, Rule>> = {
  ...identity,
  device_info: { max: 32 },
  body: { required: true, max: 128 },
  detail: { max: 6000 },
  attach: { max: 127 },
  out_trade_no: { ...outTradeNo, required: true },
  total_fee: { required: true, max: 15, pattern: fen },
  fee_type: { max: 16, pattern: /^CNY$/ },
  spbill_create_ip: { required: true, max: 64 },
  goods_tag: { max: 32 },
  limit_pay: { max: 32, pattern: /^no_credit$/ },
  auth_code: { required: true, max: 128, pattern: digits },
};

export const orderQueryRules: Readonly<Record<string, Rule>> = {
  ...identity,
  transaction_id: transactionId,
  out_trade_no: outTradeNo,
};

export const closeRules: Readonly<Record<string, Rule>> = {
  ...identity,
  out_trade_no: { ...outTradeNo, required: true },
};

export const refundRules: Readonly<Record<string, Rule>> = {
  ...identity,
  transaction_id: transactionId,
  out_trade_no: outTradeNo,
  out_refund_no: { ...outRefundNo, required: true },
  total_fee: { required: true, max: 15, pattern: fen },
  refund_fee: { required: true, max: 15, pattern: fen },
  refund_fee_type: { max: 8, pattern: /^CNY$/ },
  refund_desc: { max: 80 },
  refund_account: { max: 30, pattern: /^REFUND_SOURCE_(?:UNSETTLED|RECHARGE)_FUNDS$/ },
  notify_url: notifyUrl,
};

export const refundQueryRules: Readonly<Record<string, Rule>> = {
  ...identity,
  transaction_id: transactionId,
  out_trade_no: outTradeNo,
  out_refund_no: outRefundNo,
  refund_id: { max: 32, pattern: /^[0-9A-Za-z]+$/ },
  offset: { max: 4, pattern: digits },
};

export const billRules: Readonly<Record<string, Rule>> = {
  ...identity,
  bill_date: { required: true, max: 8, pattern: /^\d{8}$/ },
  bill_type: { max: 16, pattern: /^(?:ALL|SUCCESS|REFUND)$/ },
  tar_type: { max: 8, pattern: /^GZIP$/ },
};

/** Fields that APIv2 does not know are signed and ignored. */
export function checkFields({ fields }: V2Call, rules: Readonly<Record<string, Rule>>): V2Error | undefined {
  for (const [name, { required, max, pattern, form }] of Object.entries(rules)) {
    const value = fields.get(name) ?? '';
    if (value === '') {
      if (required) return lacking(name);
    } else if (Array.from(value).length > max) return { code: 'PARAM_ERROR', text: `${name}参数长度有误` };
    else if (pattern?.test(value) === false || form?.(value) === false) {
      return { code: 'PARAM_ERROR', text: `${name}参数格式有误` };
    }
  }
  return undefined;
}

export function lacking(name: string): V2Error {
  return { code: 'LACK_PARAMS', text: `缺少参数${name}` };
}

/** The account is open; then as `checkIdentity`. */
export function checkParties(call: V2Call): V2Error | undefined {
  return translated(checkAccount(call.switches, 400)) ?? checkIdentity(call);
}

/** The product is opened for the merchant, and the amount within its limit. */
export function checkProduct({ switches, fields }: V2Call, product: OrderProduct): V2Error | undefined {
  return translated(checkPrepay(switches, product, Number(fields.get('total_fee'))));
}

/** The merchant may refund. How APIv2 calls one that is blocked is UNCONFIRMED: as APIv3 does. */
export function checkRefunds({ switches }: V2Call): V2Error | undefined {
  return translated(checkRefundRight(switches));
}

function translated(refusal: Reply | undefined): V2Error | undefined {
  return refusal === undefined ? undefined : translate(refusal);
}

/** The appid belongs to the merchant, the sub-merchant to the service provider. */
export function checkIdentity({ merchant, fields, party, subMchid }: V2Call): V2Error | undefined {
  const noMatch: V2Error = { code: 'APPID_MCHID_NOT_MATCH', text: 'appid和mch_id不匹配' };
  if (!merchant.appids.includes(fields.get('appid') ?? '')) return noMatch;
  if (party === 'direct') return undefined;
  if (subMchid === undefined || subMchid === '') return lacking('sub_mch_id');
  const sub = merchant.subMerchants?.find(({ mchid }) => mchid === subMchid);
  if (sub === undefined) return { code: 'NOAUTH', text: '商户未授权服务商该产品权限' };
  const subAppid = fields.get('sub_appid') ?? '';
  return subAppid === '' || sub.appids.includes(subAppid) ? undefined : noMatch;
}

/** APIv3's code → APIv2's, where they differ by more than underscores. Texts are the books' own. */
const codes: Readonly<Record<string, string>> = {
  ORDER_PAID: 'ORDERPAID',
  ORDER_CLOSED: 'ORDERCLOSED',
  ORDER_NOT_EXIST: 'ORDERNOTEXIST',
  NOT_ENOUGH: 'NOTENOUGH',
  NO_AUTH: 'NOAUTH',
  MCH_NOT_EXISTS: 'MCHID_NOT_EXIST',
  SYSTEM_ERROR: 'SYSTEMERROR',
  BANK_ERROR: 'BANKERROR',
  AUTH_CODE_EXPIRE: 'AUTHCODEEXPIRE',
  ORDER_REVERSED: 'ORDERREVERSED',
  RULE_LIMIT: 'RULELIMIT',
  RESOURCE_NOT_EXISTS: 'ORDERNOTEXIST',
};

/** Refusals that APIv2 tells apart by their code, and APIv3 by their text only. */
const byText: Readonly<Record<string, V2Error>> = {
  '请求重入时，参数与首次请求时不一致': { code: 'INVALID_REQUEST', text: '201 商户订单号重复' },
  '订单金额或退款金额与之前请求不一致，请核实后再试': {
    code: 'REFUND_FEE_MISMATCH',
    text: '订单金额或退款金额与之前请求不一致，请核实后再试',
  },
  累计退款金额大于支付金额: { code: 'REFUND_FEE_INVALID', text: '累计退款金额大于支付金额' },
  订单已全额退款: { code: 'ERROR', text: '订单已全额退款' },
  退款单不存在: { code: 'REFUNDNOTEXIST', text: '退款单不存在' },
};

/** A refusal of the books as APIv2 words it. */
export function translate(reply: Reply): V2Error {
  const { code = 'SYSTEMERROR', message: text = '' } = (reply.body ?? {}) as { code?: string; message?: string };
  return byText[text] ?? { code: codes[code] ?? code, text };
}
