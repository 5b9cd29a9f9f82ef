/** The field tables of payment by code and its reversal (endpoints 10). */
import { isIP } from 'node:net';
import type { Fields } from './fields.ts';
import { id32, outTradeNo, parties } from './order.ts';
import type { Party } from './order.ts';

function identity(party: Party): Fields {
  if (party === 'direct') return { appid: { ...id32('应用AppID'), required: true }, ...parties.direct };
  return {
    sp_appid: { ...id32('服务商应用ID'), required: true },
    ...parties.partner,
    sub_appid: id32('子商户应用ID'),
  };
}

/** The body of `…/transactions/codepay`. There is no notify_url: nothing is told, the merchant asks. */
export function codepayFields(party: Party): Fields {
  return {
    ...identity(party),
    description: { type: 'string', title: '商品描述', max: 127, required: true },
    out_trade_no: { ...outTradeNo, required: true },
    attach: { type: 'string', title: '附加数据', max: 128, unit: 'bytes' },
    goods_tag: id32('订单优惠标记'),
    support_fapiao: { type: 'boolean', title: '电子发票入口开放标识' },
    payer: {
      type: 'object',
      title: '支付者',
      required: true,
      // What is no payment code is AUTH_CODE_INVALID, not a parameter error.
      fields: { auth_code: { type: 'string', title: '授权码', max: 32, required: true } },
    },
    amount: {
      type: 'object',
      title: '订单金额',
      required: true,
      fields: {
        total: { type: 'integer', title: '总金额', min: 1, required: true },
        currency: { type: 'string', title: '货币类型', max: 16, values: ['CNY'] },
      },
    },
    scene_info: {
      type: 'object',
      title: '场景信息',
      required: true,
      fields: {
        device_id: id32('商户端设备号'),
        device_ip: { type: 'string', title: '商户端设备IP', max: 45, form: (value) => isIP(value) !== 0 },
        store_info: {
          type: 'object',
          title: '商户门店信息',
          required: true,
          fields: { id: id32('门店编号'), out_id: id32('商家自定义编码') },
        },
      },
    },
    detail: {
      type: 'object',
      title: '优惠功能',
      maxBytes: 6144,
      fields: {
        cost_price: { type: 'integer', title: '订单原价', min: 0 },
        invoice_id: id32('商品小票ID'),
        goods_detail: {
          type: 'array',
          title: '单品列表',
          max: 6000,
          required: true,
          items: {
            type: 'object',
            title: '单品列表',
            fields: {
              merchant_goods_id: { ...id32('商品编码'), required: true },
              wxpay_goods_id: id32('微信支付商品编码'),
              goods_name: { type: 'string', title: '商品名称', max: 256 },
              quantity: { type: 'integer', title: '商品数量', min: 1, required: true },
              unit_price: { type: 'integer', title: '商品单价', min: 0, required: true },
            },
          },
        },
      },
    },
    settle_info: {
      type: 'object',
      title: '结算信息',
      fields: { profit_sharing: { type: 'boolean', title: '是否指定分账' } },
    },
  };
}

/** The body of `…/out-trade-no/{out_trade_no}/reverse`. */
export const reverseFields = identity;
