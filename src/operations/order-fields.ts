/** The prepay bodies, field by field (endpoints.md 2.1 and 3; lengths are characters unless said otherwise). */
import type { Field, Fields } from './fields.ts';

export type TradeType = 'native' | 'jsapi' | 'app' | 'h5';
export const tradeTypes: readonly TradeType[] = ['native', 'jsapi', 'app', 'h5'];

export const text = (max: number, required = false): Field => ({ type: 'string', max, required });

/** RFC 3339 with an offset. */
export const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

export const outTradeNo: Field = {
  type: 'string',
  required: true,
  min: 6,
  max: 32,
  pattern: /^[0-9A-Za-z_\-|*]+$/,
  form: 'form_out_trade_no',
};

export const timeExpire: Field = { type: 'string', max: 64, pattern: rfc3339, form: 'form_time' };

/** Full URL, no query string (endpoints 2.1); http is warned about, not refused (protocol 6.6). */
export const notifyUrl: Field = {
  type: 'string',
  required: true,
  max: 255,
  pattern: /^https?:\/\/[^\s?#]+$/,
  form: 'form_notify_url',
};

export const clientIp: Field = {
  type: 'string',
  max: 45,
  required: true,
  pattern: /^[0-9A-Fa-f.:]+$/,
  form: 'form_ip',
};

export const h5Info: Field = {
  type: 'object',
  required: true,
  fields: {
    type: text(32, true),
    app_name: text(64),
    app_url: text(128),
    bundle_id: text(128),
    package_name: text(128),
  },
};

const storeInfo: Field = {
  type: 'object',
  fields: { id: text(32, true), name: text(256), area_code: text(32), address: text(512) },
};

const goods: Field = {
  type: 'object',
  fields: {
    merchant_goods_id: text(32, true),
    wechatpay_goods_id: text(32),
    goods_name: text(256),
    quantity: { type: 'integer', min: 1, required: true },
    unit_price: { type: 'integer', min: 0, required: true },
  },
};

/** 实名支付, by special permission; number and name are encrypted by the caller. */
export const identity: Field = {
  type: 'object',
  fields: { type: text(32, true), number: { type: 'any', required: true }, name: { type: 'any', required: true } },
};

function common(type: TradeType): Fields {
  const h5 = type === 'h5';
  return {
    description: text(127, true),
    out_trade_no: outTradeNo,
    time_expire: timeExpire,
    attach: text(128),
    notify_url: notifyUrl,
    goods_tag: text(32),
    support_fapiao: { type: 'boolean' },
    limit_pay: {
      type: 'list',
      item: { type: 'string', values: ['no_balance', 'no_credit', 'no_debit', 'balance_only'] },
    },
    amount: {
      type: 'object',
      required: true,
      fields: { total: { type: 'integer', min: 1, required: true }, currency: { type: 'string', values: ['CNY'] } },
    },
    detail: {
      type: 'object',
      maxBytes: 6144,
      fields: {
        cost_price: { type: 'integer', min: 0 },
        invoice_id: text(32),
        goods_detail: { type: 'list', item: goods, max: 6000 },
      },
    },
    scene_info: {
      type: 'object',
      required: h5,
      fields: {
        payer_client_ip: clientIp,
        device_id: text(32),
        store_info: storeInfo,
        ...(h5 ? { h5_info: h5Info } : {}),
      },
    },
    settle_info: {
      type: 'object',
      fields: { profit_sharing: { type: 'boolean' }, subsidy_amount: { type: 'integer', min: 0 } },
    },
    ...(type === 'jsapi' || type === 'app' ? { subsidy_info: { type: 'any' } as const satisfies Field } : {}),
  };
}

/** The body of `POST /v3/pay/transactions/{type}`. */
export function directFields(type: TradeType): Fields {
  return {
    appid: text(32, true),
    mchid: text(32, true),
    ...common(type),
    ...(type === 'jsapi'
      ? {
          payer: {
            type: 'object',
            required: true,
            fields: { openid: text(128, true), identity },
          } as const satisfies Field,
        }
      : {}),
  };
}

/** The body of `POST /v3/pay/partner/transactions/{type}`; one of `sp_openid` and `sub_openid` is checked by the caller. */
export function partnerFields(type: TradeType): Fields {
  return {
    sp_appid: text(32, true),
    sp_mchid: text(32, true),
    sub_appid: text(32),
    sub_mchid: text(32, true),
    ...common(type),
    ...(type === 'jsapi'
      ? {
          payer: {
            type: 'object',
            required: true,
            fields: { sp_openid: text(128), sub_openid: text(128), identity },
          } as const satisfies Field,
        }
      : {}),
  };
}
