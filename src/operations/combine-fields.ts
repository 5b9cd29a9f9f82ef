/** The body of a combined prepay, field by field (endpoints.md 9). */
import type { Field, Fields } from './fields.ts';
import { clientIp, h5Info, identity, notifyUrl, outTradeNo, text, timeExpire, type TradeType } from './order-fields.ts';

/** How many sub-orders one payment holds: an ordinary merchant combines 2 to 10, a service provider 1 to 50. */
export const subOrderLimits = {
  direct: { min: 2, max: 10 },
  partner: { min: 1, max: 50 },
} as const;

/** Ten million yuan for each sub-order, in fen. */
const maxTotal = 1_000_000_000;

/** The body of `POST /v3/combine-transactions/{type}`. */
export function combineFields(type: TradeType, partner: boolean): Fields {
  const h5 = type === 'h5';
  return {
    combine_appid: text(32, true),
    combine_mchid: text(32, true),
    combine_out_trade_no: outTradeNo,
    scene_info: {
      type: 'object',
      required: h5,
      fields: { payer_client_ip: clientIp, device_id: text(16), ...(h5 ? { h5_info: h5Info } : {}) },
    },
    sub_orders: { type: 'list', required: true, item: subOrder(partner) },
    combine_payer_info: {
      type: 'object',
      required: type === 'jsapi',
      fields: { openid: text(128), ...(partner ? { sub_openid: text(128) } : {}), identity },
    },
    time_start: timeExpire,
    time_expire: timeExpire,
    notify_url: notifyUrl,
    limit_pay: { type: 'list', item: { type: 'string', values: ['no_balance', 'no_debit', 'balance_only'] } },
    ...(type === 'jsapi' || type === 'app' ? { subsidy_info: { type: 'any' } as const } : {}),
  };
}

function subOrder(partner: boolean): Field {
  return {
    type: 'object',
    fields: {
      mchid: text(32, true),
      attach: text(128, true),
      amount: {
        type: 'object',
        required: true,
        fields: {
          total_amount: { type: 'integer', min: 1, max: maxTotal, required: true },
          currency: { type: 'string', values: ['CNY'], required: true },
        },
      },
      out_trade_no: outTradeNo,
      ...(partner ? { sub_mchid: text(32, true) } : {}),
      sub_appid: text(32),
      detail: text(6000),
      goods_tag: text(32),
      description: text(127, true),
      settle_info: {
        type: 'object',
        fields: { profit_sharing: { type: 'boolean' }, subsidy_amount: { type: 'integer', min: 0 } },
      },
      profit_sharing: { type: 'boolean' },
    },
  };
}
