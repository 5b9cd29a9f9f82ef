/** The field tables of profit sharing (endpoints 12). Lengths that no source gives follow the nearest field that has one. */
import type { Fields, StringField } from './fields.ts';
import { id32, transactionId } from './order.ts';
import type { Party } from './order.ts';
import { refundParty } from './refund.ts';

const number64 = (title: string): StringField => ({
  type: 'string',
  title,
  max: 64,
  unit: 'bytes',
  pattern: String.raw`^[0-9a-zA-Z_\-\|\*@]+$`,
});

export const outOrderNo = number64('商户分账单号');
export const outReturnNo = number64('商户回退单号');
export const receiverTypes = ['MERCHANT_ID', 'PERSONAL_OPENID', 'PERSONAL_SUB_OPENID'] as const;
export type ReceiverType = (typeof receiverTypes)[number];

/** A service provider names its sub-merchant, and may name receivers by the sub-merchant's appid. */
function identity(party: Party): Fields {
  return {
    ...refundParty(party),
    appid: id32('应用ID'),
    ...(party === 'partner' ? { sub_appid: id32('子商户应用ID') } : {}),
  };
}

function typeField(party: Party): StringField {
  const values = receiverTypes.filter((type) => party === 'partner' || type !== 'PERSONAL_SUB_OPENID');
  return { type: 'string', title: '分账接收方类型', max: 32, values, required: true };
}

const account: StringField = { type: 'string', title: '分账接收方账号', max: 64, required: true };
/** RSA-OAEP ciphertext. */
const name: StringField = { type: 'string', title: '分账接收方姓名', max: 1024 };
const description: StringField = { type: 'string', title: '分账描述', max: 80, required: true };

/** The body of `POST /v3/profitsharing/orders`: at most 50 receivers. */
export function shareFields(party: Party): Fields {
  return {
    ...identity(party),
    transaction_id: { ...transactionId, required: true },
    out_order_no: { ...outOrderNo, required: true },
    receivers: {
      type: 'array',
      title: '分账接收方列表',
      max: 50,
      items: {
        type: 'object',
        title: '分账接收方列表',
        fields: {
          type: typeField(party),
          account,
          name,
          amount: { type: 'integer', title: '分账金额', min: 1, required: true },
          description,
        },
      },
    },
    unfreeze_unsplit: { type: 'boolean', title: '是否解冻剩余未分资金', required: true },
  };
}

/** The body of `POST /v3/profitsharing/orders/unfreeze`. */
export function unfreezeFields(party: Party): Fields {
  return {
    ...refundParty(party),
    transaction_id: { ...transactionId, required: true },
    out_order_no: { ...outOrderNo, required: true },
    description,
  };
}

/** The body of `POST /v3/profitsharing/return-orders`; one of the two numbers of the share is needed. */
export function returnFields(party: Party): Fields {
  return {
    ...refundParty(party),
    order_id: { type: 'string', title: '微信分账单号', max: 64, pattern: '^[0-9a-zA-Z]+$' },
    out_order_no: outOrderNo,
    out_return_no: { ...outReturnNo, required: true },
    return_mchid: { type: 'string', title: '回退商户号', max: 32, pattern: '^[0-9]+$', required: true },
    amount: { type: 'integer', title: '回退金额', min: 1, required: true },
    description: { ...description, title: '回退描述' },
  };
}

/** The body of `…/receivers/add`. */
export function addReceiverFields(party: Party): Fields {
  return {
    ...deleteReceiverFields(party),
    name,
    relation_type: {
      type: 'string',
      title: '与分账方的关系类型',
      max: 32,
      required: true,
      values: [
        'SERVICE_PROVIDER',
        'STORE',
        'STAFF',
        'STORE_OWNER',
        'PARTNER',
        'HEADQUARTER',
        'BRAND',
        'DISTRIBUTOR',
        'USER',
        'SUPPLIER',
        'CUSTOM',
      ],
    },
    custom_relation: { type: 'string', title: '自定义的分账关系', max: 10 },
  };
}

/** The body of `…/receivers/delete`. */
export function deleteReceiverFields(party: Party): Fields {
  return { ...identity(party), appid: { ...id32('应用ID'), required: true }, type: typeField(party), account };
}
