/**
 * The field tables of combined orders (endpoints 9). Where the collected field tables and the official pages disagree (a
 * direct caller's `sub_mchid`, the payer of APP, Native and H5), the pages are followed.
 */
import type { Fields, ObjectField } from './fields.ts';
import {
  h5Info,
  id32,
  merchantNumber,
  notifyUrl,
  outTradeNo,
  payerClientIp,
  payerIdentity,
  subsidyInfo,
  timeField,
} from './order.ts';
import type { Party, Product } from './order.ts';

/** How many sub-orders one payment holds. */
export const subOrderCounts: Readonly<Record<Party, readonly [number, number]>> = {
  direct: [2, 10],
  partner: [1, 50],
};

export const combineOutTradeNo = { ...outTradeNo, title: '合单商户订单号' } as const;

/** The body of a combined prepay. */
export function combineFields(product: Product, party: Party): Fields {
  return {
    combine_appid: { ...id32('合单商户appid'), required: true },
    combine_mchid: { ...merchantNumber('合单商户号'), required: true },
    combine_out_trade_no: { ...combineOutTradeNo, required: true },
    scene_info: sceneInfo(product),
    sub_orders: {
      type: 'array',
      title: '子单信息',
      required: true,
      items: { type: 'object', title: '子单信息', fields: subOrderFields(party) },
    },
    combine_payer_info: {
      type: 'object',
      title: '支付者',
      ...(product === 'jsapi' ? { required: true } : {}),
      fields: {
        openid: { type: 'string', title: '用户标识', max: 128 },
        ...(party === 'partner' ? { sub_openid: { type: 'string', title: '用户子标识', max: 128 } as const } : {}),
        identity: combinedIdentity,
      },
    },
    time_start: timeField('交易起始时间'),
    time_expire: timeField('交易结束时间'),
    notify_url: notifyUrl,
    limit_pay: {
      type: 'array',
      title: '指定支付方式',
      items: { type: 'string', title: '指定支付方式', max: 32, values: ['no_balance', 'no_debit', 'balance_only'] },
    },
    ...(product === 'jsapi' || product === 'app' ? { subsidy_info: subsidyInfo } : {}),
  };
}

/** The body of a combined close. */
export function combineCloseFields(party: Party): Fields {
  return {
    combine_appid: { ...id32('合单商户appid'), required: true },
    sub_orders: {
      type: 'array',
      title: '子单信息',
      required: true,
      items: { type: 'object', title: '子单信息', fields: subOrderName(party) },
    },
  };
}

function subOrderName(party: Party): Fields {
  return {
    mchid: { ...merchantNumber('子单商户号'), required: true },
    out_trade_no: { ...outTradeNo, title: '子单商户订单号', required: true },
    ...(party === 'partner' ? { sub_mchid: { ...merchantNumber('二级商户号'), required: true } as const } : {}),
    sub_appid: id32('子商户应用ID'),
  };
}

function subOrderFields(party: Party): Fields {
  return {
    ...subOrderName(party),
    attach: { type: 'string', title: '附加数据', max: 128, unit: 'bytes', required: true },
    amount: {
      type: 'object',
      title: '订单金额',
      required: true,
      fields: {
        // Ten million yuan for each sub-order.
        total_amount: { type: 'integer', title: '标价金额', min: 1, max: 1_000_000_000, required: true },
        currency: { type: 'string', title: '标价币种', max: 16, values: ['CNY'], required: true },
      },
    },
    detail: { type: 'string', title: '商品详情', max: 6000 },
    goods_tag: id32('订单优惠标记'),
    description: { type: 'string', title: '商品描述', max: 127, required: true },
    settle_info: {
      type: 'object',
      title: '结算信息',
      fields: {
        profit_sharing: { type: 'boolean', title: '是否指定分账' },
        subsidy_amount: { type: 'integer', title: '补差金额', min: 0 },
      },
    },
    profit_sharing: { type: 'boolean', title: '是否指定分账' },
  };
}

function sceneInfo(product: Product): ObjectField {
  return {
    type: 'object',
    title: '场景信息',
    ...(product === 'h5' ? { required: true } : {}),
    fields: {
      device_id: { type: 'string', title: '商户端设备号', max: 16 },
      payer_client_ip: payerClientIp,
      ...(product === 'h5' ? { h5_info: h5Info } : {}),
    },
  };
}

/** As in an ordinary prepay, and a telephone number besides. */
const combinedIdentity: ObjectField = {
  ...payerIdentity,
  fields: {
    ...payerIdentity.fields,
    type: {
      type: 'string',
      title: '证件类型',
      max: 32,
      required: true,
      values: [
        'IDCARD',
        'HONGKONG_MACAO',
        'HONGKONG_MACAO_RESIDENT',
        'TAIWAN_RESIDENT',
        'FOREIGN_RESIDENT',
        'OVERSEA_PASSPORT',
        'PHONE_NUMBER',
      ],
    },
  },
};
