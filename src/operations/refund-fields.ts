/** The refund bodies, field by field (endpoints.md 6.1 and 6.3; `reason` is in bytes, protocol 10). */
import type { Field, Fields } from './fields.ts';

const text = (max: number, required = false): Field => ({ type: 'string', max, required });

const outRefundNo: Field = { type: 'string', required: true, max: 64, pattern: /^[0-9A-Za-z_\-|*@]+$/ };

const goods: Field = {
  type: 'object',
  fields: {
    merchant_goods_id: text(32, true),
    wechatpay_goods_id: text(32),
    goods_name: text(256),
    unit_price: { type: 'integer', min: 0, required: true },
    refund_amount: { type: 'integer', min: 0, required: true },
    refund_quantity: { type: 'integer', min: 1, required: true },
  },
};

const from: Field = {
  type: 'object',
  fields: {
    account: { type: 'string', values: ['AVAILABLE', 'UNAVAILABLE'], required: true },
    amount: { type: 'integer', min: 1, required: true },
  },
};

/** The body of `POST /v3/refund/domestic/refunds`; a service provider adds `sub_mchid`. */
export function refundFields(partner: boolean): Fields {
  return {
    ...(partner ? { sub_mchid: text(32, true) } : {}),
    transaction_id: { type: 'string', max: 32, pattern: /^[0-9A-Za-z]+$/ },
    out_trade_no: { type: 'string', min: 6, max: 32, pattern: /^[0-9A-Za-z_\-|*]+$/ },
    out_refund_no: outRefundNo,
    reason: { type: 'string', maxBytes: 80 },
    // Full URL, no query string; http is warned about, not refused (protocol 6.6).
    notify_url: { type: 'string', max: 256, pattern: /^https?:\/\/[^\s?#]+$/ },
    funds_account: { type: 'string', values: ['AVAILABLE', 'UNSETTLED'] },
    amount: {
      type: 'object',
      required: true,
      fields: {
        refund: { type: 'integer', min: 1, required: true },
        total: { type: 'integer', min: 1, required: true },
        currency: { type: 'string', max: 16, required: true },
        from: { type: 'list', item: from },
      },
    },
    goods_detail: { type: 'list', item: goods },
  };
}

/** The debit cards that an abnormal refund may go to (endpoints.md 6.3 names the first ten; the other five follow its list of banks). */
export const bankTypes = [
  'CMB_DEBIT',
  'COMM_DEBIT',
  'ABC_DEBIT',
  'CCB_DEBIT',
  'ICBC_DEBIT',
  'BOC_DEBIT',
  'PAB_DEBIT',
  'SPDB_DEBIT',
  'CITIC_DEBIT',
  'CEB_DEBIT',
  'CMBC_DEBIT',
  'CIB_DEBIT',
  'GDB_DEBIT',
  'PSBC_DEBIT',
  'NBCB_DEBIT',
] as const;

export const abnormalTypes = ['USER_BANK_CARD', 'MERCHANT_BANK_CARD'] as const;
export type AbnormalType = (typeof abnormalTypes)[number];

/** The body of `…/apply-abnormal-refund`; account and name are encrypted already. */
export function abnormalFields(partner: boolean, type: AbnormalType): Fields {
  const user = type === 'USER_BANK_CARD';
  return {
    ...(partner ? { sub_mchid: text(32, true) } : {}),
    out_refund_no: outRefundNo,
    type: { type: 'string', values: abnormalTypes, required: true },
    ...(user
      ? {
          // Not checked against the list above: banks are added without notice.
          bank_type: { type: 'string', max: 16, pattern: /^[A-Z_]+$/, required: true } as const satisfies Field,
          bank_account: text(1024, true),
          real_name: text(1024, true),
        }
      : {}),
  };
}
