/** The field tables of refunds (endpoints 6; `reason` counts bytes, protocol 10). */
import { notifyUrlPattern, outTradeNo, parties, transactionId } from './order.ts';
import type { Party } from './order.ts';
import type { Fields, ObjectField, StringField } from './fields.ts';

export type RefundStatus = 'PROCESSING' | 'SUCCESS' | 'ABNORMAL' | 'CLOSED';
/** What a refund comes to. */
export type RefundOutcome = Exclude<RefundStatus, 'PROCESSING'>;

export const refundOutcomes: readonly RefundOutcome[] = ['SUCCESS', 'ABNORMAL', 'CLOSED'];

/** 1 to 64 bytes of `[0-9A-Za-z_-|*@]`. */
export const outRefundNo: StringField = {
  type: 'string',
  title: '商户退款单号',
  max: 64,
  unit: 'bytes',
  pattern: String.raw`^[0-9a-zA-Z_\-\|\*@]+$`,
};

/** WeChat Pay's own number of a refund, as the path of an abnormal refund carries it. */
export const refundId: StringField = { type: 'string', title: '微信支付退款单号', max: 32, pattern: '^[0-9a-zA-Z]+$' };

/** A service provider names its sub-merchant; an ordinary merchant names nobody, not even itself. */
export function refundParty(party: Party): Readonly<Record<string, StringField>> {
  if (party === 'direct') return {};
  const { sub_mchid: subMchid } = parties.partner;
  return subMchid === undefined ? {} : { sub_mchid: subMchid };
}

/** The body of `POST /v3/refund/domestic/refunds`. */
export function refundFields(party: Party): Fields {
  return {
    ...refundParty(party),
    transaction_id: transactionId,
    out_trade_no: outTradeNo,
    out_refund_no: { ...outRefundNo, required: true },
    reason: { type: 'string', title: '退款原因', max: 80, unit: 'bytes' },
    notify_url: {
      type: 'string',
      title: '退款结果回调url',
      max: 256,
      pattern: notifyUrlPattern,
      form: (value) => URL.canParse(value),
    },
    funds_account: { type: 'string', title: '退款资金来源', max: 32, values: ['AVAILABLE', 'UNSETTLED'] },
    amount,
    goods_detail: {
      type: 'array',
      title: '退款商品',
      items: {
        type: 'object',
        title: '退款商品',
        fields: {
          merchant_goods_id: { type: 'string', title: '商户侧商品编码', max: 32, required: true },
          wechatpay_goods_id: { type: 'string', title: '微信支付商品编码', max: 32 },
          goods_name: { type: 'string', title: '商品名称', max: 256 },
          unit_price: { type: 'integer', title: '商品单价', min: 0, required: true },
          refund_amount: { type: 'integer', title: '商品退款金额', min: 0, required: true },
          refund_quantity: { type: 'integer', title: '商品退货数量', min: 1, required: true },
        },
      },
    },
  };
}

const amount: ObjectField = {
  type: 'object',
  title: '金额信息',
  required: true,
  fields: {
    refund: { type: 'integer', title: '退款金额', min: 1, required: true },
    from: {
      type: 'array',
      title: '退款出资账户及金额',
      items: {
        type: 'object',
        title: '退款出资账户及金额',
        fields: {
          account: {
            type: 'string',
            title: '出资账户类型',
            max: 32,
            values: ['AVAILABLE', 'UNAVAILABLE'],
            required: true,
          },
          amount: { type: 'integer', title: '出资金额', min: 1, required: true },
        },
      },
    },
    total: { type: 'integer', title: '原订单金额', min: 1, required: true },
    currency: { type: 'string', title: '退款币种', max: 16, values: ['CNY'], required: true },
  },
};

/** The banks of an abnormal refund to the payer's card, and the names they go by in `user_received_account`. */
export const banks: Readonly<Record<string, string>> = {
  CMB_DEBIT: '招商银行',
  COMM_DEBIT: '交通银行',
  ABC_DEBIT: '农业银行',
  CCB_DEBIT: '建设银行',
  ICBC_DEBIT: '工商银行',
  BOC_DEBIT: '中国银行',
  PAB_DEBIT: '平安银行',
  SPDB_DEBIT: '浦发银行',
  CITIC_DEBIT: '中信银行',
  CEB_DEBIT: '光大银行',
  CMBC_DEBIT: '民生银行',
  CIB_DEBIT: '兴业银行',
  GDB_DEBIT: '广发银行',
  PSBC_DEBIT: '邮储银行',
  NBCB_DEBIT: '宁波银行',
};

/** The body of `…/apply-abnormal-refund`; account and name are RSA-OAEP ciphertexts. */
export function abnormalFields(party: Party): Fields {
  return {
    ...refundParty(party),
    out_refund_no: { ...outRefundNo, required: true },
    type: {
      type: 'string',
      title: '异常退款处理方式',
      max: 32,
      values: ['USER_BANK_CARD', 'MERCHANT_BANK_CARD'],
      required: true,
    },
    bank_type: { type: 'string', title: '开户银行', max: 16, values: Object.keys(banks) },
    bank_account: { type: 'string', title: '收款银行卡号', max: 1024 },
    real_name: { type: 'string', title: '收款用户姓名', max: 1024 },
  };
}
