/** The field tables of prepay, query and close (endpoints 2 to 5). */
import { isIP } from 'node:net';
import { readTime } from '../times.ts';
import type { ArrayField, Field, Fields, ObjectField, StringField } from './fields.ts';

export type Product = 'jsapi' | 'app' | 'h5' | 'native';
/** `direct`: an ordinary merchant. `partner`: a service provider that acts for a sub-merchant. */
export type Party = 'direct' | 'partner';

export const id32 = (title: string): StringField => ({ type: 'string', title, max: 32 });
export const merchantNumber = (title: string): StringField => ({ type: 'string', title, max: 32, pattern: '^[0-9]+$' });

/** 6 to 32 bytes of `[0-9A-Za-z_-|*]`; live answers count bytes here and print this pattern. */
export const outTradeNo: StringField = {
  type: 'string',
  title: '商户订单号',
  min: 6,
  max: 32,
  unit: 'bytes',
  pattern: String.raw`^[0-9a-zA-Z_\-\|\*]+$`,
};

/** Accepted as `[0-9A-Za-z]{1,32}` although 28 digits are given out (states 6). */
export const transactionId: StringField = { ...id32('微信支付订单号'), pattern: '^[0-9a-zA-Z]+$' };

/** http or https, a path, no query: the pattern that live answers print. */
export const notifyUrlPattern = String.raw`^https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$`;

export const notifyUrl: StringField = {
  type: 'string',
  title: '通知地址',
  max: 255,
  pattern: notifyUrlPattern,
  form: (value) => URL.canParse(value),
  required: true,
};

/** RFC 3339 with an offset. */
export const timeField = (title: string): StringField => ({
  type: 'string',
  title,
  max: 64,
  form: (value) => readTime(value) !== undefined,
});

/** The path and query fields of query and close, by name. */
export const parties: Readonly<Record<Party, Readonly<Record<string, StringField>>>> = {
  direct: { mchid: { ...merchantNumber('直连商户号'), required: true } },
  partner: {
    sp_mchid: { ...merchantNumber('服务商户号'), required: true },
    sub_mchid: { ...merchantNumber('子商户号/二级商户号'), required: true },
  },
};

/** The body of close: `{mchid}`, or `{sp_mchid, sub_mchid}`. */
export function closeFields(party: Party): Fields {
  return parties[party];
}

/** The body of a prepay, by product and party. */
export function prepayFields(product: Product, party: Party): Fields {
  return {
    ...identity(party),
    description: { type: 'string', title: '商品描述', max: 127, required: true },
    out_trade_no: { ...outTradeNo, required: true },
    time_expire: timeField('交易结束时间'),
    attach: { type: 'string', title: '附加数据', max: 128, unit: 'bytes' },
    notify_url: notifyUrl,
    goods_tag: id32('订单优惠标记'),
    support_fapiao: { type: 'boolean', title: '电子发票入口开放标识' },
    limit_pay: {
      type: 'array',
      title: '指定支付方式',
      items: {
        type: 'string',
        title: '指定支付方式',
        max: 32,
        values: ['no_balance', 'no_credit', 'no_debit', 'balance_only'],
      },
    },
    amount: {
      type: 'object',
      title: '金额信息',
      required: true,
      fields: {
        total: { type: 'integer', title: '总金额', min: 1, required: true },
        currency: { type: 'string', title: '货币类型', max: 16, values: ['CNY'] },
      },
    },
    ...(product === 'jsapi' ? { payer: payer(party) } : {}),
    detail,
    scene_info: sceneInfo(product),
    settle_info: {
      type: 'object',
      title: '结算信息',
      fields: {
        profit_sharing: { type: 'boolean', title: '是否指定分账' },
        ...(party === 'partner' ? { subsidy_amount: { type: 'integer', title: '补差金额', min: 0 } as const } : {}),
      },
    },
    ...(product === 'jsapi' || product === 'app' ? { subsidy_info: subsidyInfo } : {}),
  };
}

function identity(party: Party): Fields {
  if (party === 'direct') {
    return { appid: { ...id32('商户appid'), required: true }, ...parties.direct };
  }
  return {
    sp_appid: { ...id32('服务商应用ID'), required: true },
    ...parties.partner,
    sub_appid: id32('子商户应用ID'),
  };
}

function payer(party: Party): ObjectField {
  const openid = (title: string): StringField => ({ type: 'string', title, max: 128 });
  const fields: Fields =
    party === 'direct'
      ? { openid: { ...openid('用户标识'), required: true } }
      : { sp_openid: openid('用户服务标识'), sub_openid: openid('用户子标识') };
  return {
    type: 'object',
    title: '支付者',
    required: true,
    fields: { ...fields, identity: payerIdentity },
  };
}

/** 实名支付: number and name are RSA-OAEP ciphertexts for the key that `Wechatpay-Serial` names. */
export const payerIdentity: ObjectField = {
  type: 'object',
  title: '实名支付',
  fields: {
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
      ],
    },
    number: { type: 'string', title: '证件号', max: 1024, required: true },
    name: { type: 'string', title: '姓名', max: 1024, required: true },
  },
};

const detail: ObjectField = {
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
      items: {
        type: 'object',
        title: '单品列表',
        fields: {
          merchant_goods_id: { ...id32('商户侧商品编码'), required: true },
          wechatpay_goods_id: id32('微信支付商品编码'),
          goods_name: { type: 'string', title: '商品名称', max: 256 },
          quantity: { type: 'integer', title: '商品数量', min: 1, required: true },
          unit_price: { type: 'integer', title: '商品单价', min: 0, required: true },
        },
      },
    },
  },
};

export const h5Info: Field = {
  type: 'object',
  title: 'H5场景信息',
  required: true,
  fields: {
    type: { type: 'string', title: '场景类型', max: 32, values: ['Wap', 'iOS', 'Android'], required: true },
    app_name: { type: 'string', title: '应用名称', max: 64 },
    app_url: { type: 'string', title: '网站URL', max: 128 },
    bundle_id: { type: 'string', title: 'iOS平台BundleID', max: 128 },
    package_name: { type: 'string', title: 'Android平台PackageName', max: 128 },
  },
};

export const payerClientIp: StringField = {
  type: 'string',
  title: '用户终端IP',
  max: 45,
  form: (value) => isIP(value) !== 0,
  required: true,
};

function sceneInfo(product: Product): ObjectField {
  const scene: ObjectField = {
    type: 'object',
    title: '场景信息',
    fields: {
      payer_client_ip: payerClientIp,
      device_id: id32('商户端设备号'),
      store_info: {
        type: 'object',
        title: '商户门店信息',
        fields: {
          id: { ...id32('门店编号'), required: true },
          name: { type: 'string', title: '门店名称', max: 256 },
          area_code: id32('地区编码'),
          address: { type: 'string', title: '详细地址', max: 512 },
        },
      },
      ...(product === 'h5' ? { h5_info: h5Info } : {}),
    },
  };
  return product === 'h5' ? { ...scene, required: true } : scene;
}

const subsidyPlan: ArrayField = {
  type: 'array',
  title: '贴息方案列表',
  required: true,
  items: {
    type: 'object',
    title: '贴息方案列表',
    fields: {
      subsidy_installment_num: { type: 'integer', title: '贴息期数', values: [3, 6, 12], required: true },
      subsidy_percent: { type: 'integer', title: '贴息比例', values: [0, 100], required: true },
    },
  },
};

export const subsidyInfo: ObjectField = {
  type: 'object',
  title: '贴息信息',
  fields: {
    subsidy_detail: {
      type: 'array',
      title: '贴息详情列表',
      items: {
        type: 'object',
        title: '贴息详情列表',
        fields: {
          subsidy_period_type: {
            type: 'string',
            title: '贴息方案类型',
            max: 32,
            values: ['DAILY', 'PERIOD'],
            required: true,
          },
          subsidy_plan: subsidyPlan,
        },
      },
    },
  },
};
