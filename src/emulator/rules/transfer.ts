/** The field tables of merchant transfers, the API of 2025, and what their scenes ask for (endpoints 11.1). */
import type { Fields, StringField } from './fields.ts';
import { id32, notifyUrl } from './order.ts';

export const transferStates = [
  'ACCEPTED',
  'PROCESSING',
  'WAIT_USER_CONFIRM',
  'TRANSFERING',
  'SUCCESS',
  'FAIL',
  'CANCELING',
  'CANCELLED',
] as const;
/** `TRANSFERING` is WeChat Pay's own spelling. */
export type TransferState = (typeof transferStates)[number];

/** Digits and letters only: no separators, unlike other merchant numbers (states 6). */
export const outBillNo: StringField = { type: 'string', title: '商户单号', max: 32, pattern: '^[0-9A-Za-z]+$' };
export const transferBillNo: StringField = {
  type: 'string',
  title: '微信转账单号',
  max: 64,
  pattern: '^[0-9A-Za-z]+$',
};

const { required: _required, ...optionalUrl } = notifyUrl;

/** The body of `POST …/transfer-bills`. */
export const transferFields: Fields = {
  appid: { ...id32('商户AppID'), required: true },
  out_bill_no: { ...outBillNo, required: true },
  openid: { type: 'string', title: '收款用户OpenID', max: 64, required: true },
  // RSA-OAEP ciphertext.
  user_name: { type: 'string', title: '收款用户姓名', max: 1024 },
  transfer_amount: { type: 'integer', title: '转账金额', min: 1, required: true },
  transfer_remark: { type: 'string', title: '转账备注', max: 32, required: true },
  notify_url: { ...optionalUrl, max: 256 },
  user_recv_perception: { type: 'string', title: '用户收款感知', max: 32 },
  transfer_scene_id: { type: 'string', title: '转账场景ID', max: 36, required: true },
  transfer_scene_report_infos: {
    type: 'array',
    title: '转账场景报备信息',
    max: 10,
    items: {
      type: 'object',
      title: '转账场景报备信息',
      fields: {
        info_type: { type: 'string', title: '信息类型', max: 15, required: true },
        info_content: { type: 'string', title: '信息内容', max: 32, required: true },
      },
    },
  },
  user_recv_style: {
    type: 'object',
    title: '用户收款样式',
    fields: {
      type: {
        type: 'string',
        title: '用户收款样式类型',
        max: 32,
        values: ['CONFIRM_PAGE', 'RED_PACKET'],
        required: true,
      },
    },
  },
};

export interface Scene {
  /** Exactly these must be reported; `undefined` where the reference does not say which: any will do. */
  readonly reports?: readonly string[];
  /** What the payee may be told the money is; `undefined` where the reference does not say. */
  readonly perceptions?: readonly string[];
}

/** The scenes that the reference knows. */
export const scenes: Readonly<Record<string, Scene>> = {
  '1000': { reports: ['活动名称', '奖励说明'], perceptions: ['活动奖励', '现金奖励'] },
  '1002': {},
  '1004': {},
  '1005': { reports: ['岗位类型', '报酬说明'] },
  '1006': {},
  '1009': {},
  '1010': {},
  '1011': {},
  '1013': {},
};

/** Fen. The least is documented; the most is that of the product before (UNCONFIRMED). */
export const amountLimits = { least: 10, most: 2_000_000, redPacket: 20_000, nameFrom: 200_000 } as const;

/** The documented `fail_reason` values. */
export const failReasons = [
  'ACCOUNT_FROZEN',
  'ACCOUNT_NOT_EXIST',
  'DAY_RECEIVED_COUNT_EXCEED',
  'DAY_RECEIVED_QUOTA_EXCEED',
  'EXCEEDED_ESTIMATED_AMOUNT',
  'ID_CARD_NOT_CORRECT',
  'MCH_CANCEL',
  'MERCHANT_REJECT',
  'MERCHANT_NOT_CONFIRM',
  'NAME_NOT_CORRECT',
  'OPENID_INVALID',
  'OVERDUE_CLOSE',
  'PAYEE_ACCOUNT_ABNORMAL',
  'PAYER_ACCOUNT_ABNORMAL',
  'PRODUCT_AUTH_CHECK_FAIL',
  'REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED',
  'REAL_NAME_CHECK_FAIL',
  'TRANSFER_QUOTA_EXCEED',
  'TRANSFER_REMARK_SET_FAIL',
  'TRANSFER_RISK',
  'TRANSFER_SCENE_INVALID',
  'TRANSFER_SCENE_UNAVAILABLE',
  'BLOCK_B2C_USERLIMITAMOUNT_MONTH',
  'BLOCK_B2C_USERLIMITAMOUNT_BSRULE_MONTH',
  'RECEIVE_ACCOUNT_NOT_CONFIGURE',
  'BUDGET_NOT_ENOUGH',
  'OTHER_FAIL_REASON_TYPE',
] as const;
export type FailReason = (typeof failReasons)[number];
