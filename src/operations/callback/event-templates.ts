/**
 * What WeChat Pay tells in each kind of callback: one realistic resource per event type (protocol 6.2 to 6.4; members as the
 * field tables there list them). Data only; `{…}` stands for a value that is put in when the event is made.
 */

export type Json = string | number | boolean | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface EventTemplate {
  /** `resource.original_type`. Where the reference does not say, the family's name in lower case. */
  readonly original_type: string;
  /** Default: the original_type. */
  readonly associated_data?: string;
  readonly summary: string;
  readonly resource: Readonly<JsonObject>;
  /** Members that take the place of others for another kind of merchant or order; `null` takes one away. */
  readonly variants?: Readonly<Record<string, Readonly<Record<string, Json | null>>>>;
}

const payment: JsonObject = {
  mchid: '{mchid}',
  appid: '{appid}',
  out_trade_no: '{out_trade_no}',
  transaction_id: '{transaction_id}',
  trade_type: 'JSAPI',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  bank_type: 'OTHERS',
  attach: '',
  success_time: '{now}',
  payer: { openid: '{openid}' },
  amount: { total: 100, payer_total: 100, currency: 'CNY', payer_currency: 'CNY' },
};

const partnerPayment = {
  mchid: null,
  appid: null,
  sp_mchid: '{mchid}',
  sp_appid: '{appid}',
  sub_mchid: '{sub_mchid}',
  payer: { sp_openid: '{openid}' },
};

const refund = (refund_status: string): JsonObject => ({
  mchid: '{mchid}',
  out_trade_no: '{out_trade_no}',
  transaction_id: '{transaction_id}',
  out_refund_no: '{out_refund_no}',
  refund_id: '{refund_id}',
  refund_status,
  ...(refund_status === 'SUCCESS' ? { success_time: '{now}' } : {}),
  user_received_account: '支付用户零钱',
  amount: { total: 100, refund: 100, payer_total: 100, payer_refund: 100 },
});

const partnerRefund = { mchid: null, sp_mchid: '{mchid}', sub_mchid: '{sub_mchid}' };

const transferBill: JsonObject = {
  mch_id: '{mchid}',
  out_bill_no: '{alphanumeric}',
  transfer_bill_no: '{digits}',
  state: 'SUCCESS',
  transfer_amount: 100,
  openid: '{openid}',
  create_time: '{before}',
  update_time: '{now}',
};

const authorization = (state: string): JsonObject => ({
  out_authorization_no: '{alphanumeric}',
  appid: '{appid}',
  openid: '{openid}',
  user_display_name: '测试用户',
  authorization_id: '{digits}',
  state,
  authorize_time: '{before}',
});

const sharing: JsonObject = {
  mchid: '{mchid}',
  transaction_id: '{transaction_id}',
  order_id: '{digits}',
  out_order_no: '{number}',
  receiver: { type: 'MERCHANT_ID', account: '1900000109', amount: 10, description: '分账' },
  success_time: '{now}',
};

const score: JsonObject = {
  appid: '{appid}',
  mchid: '{mchid}',
  service_id: '{service_id}',
  openid: '{openid}',
};

const scoreOrder: JsonObject = {
  ...score,
  out_order_no: '{number}',
  service_introduction: '充电宝租借',
  post_payments: [{ name: '租金', amount: 100, description: '2元/小时', count: 1 }],
  risk_fund: { name: 'DEPOSIT', amount: 9900 },
  time_range: { start_time: '{compact_before}', end_time: '{compact}' },
  order_id: '{digits}',
  need_collection: true,
};

const scoreService = (user_service_status: string): JsonObject => ({
  ...score,
  user_service_status,
  openorclose_time: '{compact}',
  out_request_no: '{number}',
});

const plan = (sign_state: string): JsonObject => ({
  sign_plan_id: '{digits}',
  ...score,
  merchant_sign_plan_no: '{number}',
  plan_id: '{digits}',
  going_detail_no: 1,
  sign_state,
  plan_name: '月度会员',
  plan_over_time: '{later}',
  total_origin_price: 3000,
  deduction_quantity: 1,
  total_actual_price: 2500,
  signed_detail_list: [
    {
      plan_detail_no: 1,
      original_price: 3000,
      actual_price: 2500,
      plan_detail_state: 'NOT_USED',
      plan_detail_name: '首月',
    },
  ],
  sign_time: '{before}',
  ...(sign_state === 'UNSIGNED'
    ? { cancel_sign_time: '{now}', cancel_sign_type: 'USER', cancel_reason: '不再需要' }
    : {}),
});

const fapiao = (fapiao_status: string, card_status: string): JsonObject => ({
  mchid: '{mchid}',
  fapiao_apply_id: '{digits}',
  fapiao_information: [{ fapiao_id: '{number}', fapiao_status, card_status }],
});

const contract: JsonObject = {
  mchid: '{mchid}',
  appid: '{appid}',
  contract_id: '{digits}',
  plan_id: 12535,
  out_contract_code: '{number}',
  contract_display_account: '微信代扣',
  contract_state: 'SIGNED',
  contract_signed_time: '{before}',
  contract_expired_time: '{later}',
  openid: '{openid}',
};

const ended = { contract_termination_mode: 'USER_TERMINATE', contract_terminated_time: '{now}' };

const papay = (extra: JsonObject): JsonObject => ({
  mchid: '{mchid}',
  appid: '{appid}',
  openid: '{openid}',
  contract_id: '{digits}',
  plan_id: 12535,
  out_contract_code: '{number}',
  operate_time: '{now}',
  contract_expired_time: '{later}',
  ...extra,
});

const industry = (trade_state: string, trade_state_desc: string): JsonObject => ({
  mchid: '{mchid}',
  appid: '{appid}',
  out_trade_no: '{out_trade_no}',
  transaction_id: '{transaction_id}',
  trade_type: 'FACEPAY',
  trade_state,
  trade_state_desc,
  bank_type: 'OTHERS',
  success_time: '{now}',
  payer: { openid: '{openid}' },
  amount: { total: 100, payer_total: 100, discount_total: 0, currency: 'CNY' },
  device_info: { device_id: '{number}', device_ip: '203.0.113.9' },
});

const parking: JsonObject = {
  parking_id: '{digits}',
  plate_number: '粤B888888',
  plate_color: 'BLUE',
  start_time: '{before}',
  end_time: '{now}',
  parking_name: '测试停车场',
  charging_duration: 3600,
  device_id: '{number}',
};

const deduction = (trade_state: string, trade_state_description: string): JsonObject => ({
  appid: '{appid}',
  sp_mchid: '{mchid}',
  sub_mchid: '{sub_mchid}',
  sub_appid: '{appid}',
  out_trade_no: '{out_trade_no}',
  transaction_id: '{transaction_id}',
  description: '停车场扣费',
  create_time: '{before}',
  trade_state,
  trade_state_description,
  success_time: '{now}',
  bank_type: 'OTHERS',
  user_repaid: trade_state === 'SUCCESS' ? 'Y' : 'N',
  trade_scene: 'PARKING',
  parking_info: parking,
  payer: { openid: '{openid}' },
  amount: { total: 100, payer_total: 100, discount_total: 0, currency: 'CNY' },
});

const violation: JsonObject = {
  sub_mchid: '{sub_mchid}',
  company_name: '测试公司',
  record_id: '{digits}',
  punish_plan: '关闭支付权限',
  punish_time: '{now}',
  punish_description: '交易异常',
  risk_type: 'ONE_YUAN_PURCHASES',
  risk_description: '一元购',
};

const recharge = (recharge_state: string, words: string, extra: JsonObject): JsonObject => ({
  sp_mchid: '{mchid}',
  sub_mchid: '{sub_mchid}',
  out_recharge_no: '{number}',
  recharge_id: '{digits}',
  recharge_channel: 'BANK_TRANSFER',
  account_type: 'DEPOSIT',
  recharge_scene: 'ECOMMERCE_DEPOSIT',
  recharge_state,
  recharge_state_desc: words,
  recharge_amount: { amount: 100, currency: 'CNY' },
  accept_time: '{before}',
  ...extra,
});

export const eventTemplates: Readonly<Record<string, EventTemplate>> = {
  'TRANSACTION.SUCCESS': {
    original_type: 'transaction',
    summary: '支付成功',
    resource: payment,
    variants: {
      partner: partnerPayment,
      codepay: { trade_type: 'MICROPAY', scene_info: { device_id: '{number}' } },
      combine: {
        mchid: null,
        appid: null,
        out_trade_no: null,
        transaction_id: null,
        trade_type: null,
        trade_state: null,
        trade_state_desc: null,
        bank_type: null,
        attach: null,
        success_time: null,
        payer: null,
        amount: null,
        combine_appid: '{appid}',
        combine_mchid: '{mchid}',
        combine_out_trade_no: '{out_trade_no}',
        combine_payer_info: { openid: '{openid}' },
        scene_info: { device_id: '{number}' },
        sub_orders: [
          {
            mchid: '{mchid}',
            trade_type: 'JSAPI',
            trade_state: 'SUCCESS',
            bank_type: 'OTHERS',
            attach: '1',
            success_time: '{now}',
            transaction_id: '{transaction_id}',
            out_trade_no: '{number}',
            amount: { total_amount: 100, payer_amount: 100, currency: 'CNY', payer_currency: 'CNY' },
          },
          {
            mchid: '{mchid}',
            trade_type: 'JSAPI',
            trade_state: 'SUCCESS',
            bank_type: 'OTHERS',
            attach: '2',
            success_time: '{now}',
            transaction_id: '{digits}',
            out_trade_no: '{another_number}',
            amount: { total_amount: 50, payer_amount: 50, currency: 'CNY', payer_currency: 'CNY' },
          },
        ],
      },
    },
  },
  'TRANSACTION.FAIL': {
    original_type: 'transaction',
    summary: '扣款失败',
    resource: deduction('PAY_FAIL', '扣款失败'),
  },
  'TRANSACTION.PAY_BACK': {
    original_type: 'transaction',
    summary: '还款成功',
    resource: deduction('SUCCESS', '还款成功'),
  },
  'TRANSACTION.INDUSTRY_SUCCESS': {
    original_type: 'transaction',
    summary: '支付成功',
    resource: industry('SUCCESS', '支付成功'),
  },
  'TRANSACTION.INDUSTRY_FAILED': {
    original_type: 'transaction',
    summary: '支付失败',
    resource: industry('PAYERROR', '支付失败'),
  },
  'REFUND.SUCCESS': {
    original_type: 'refund',
    summary: '退款成功',
    resource: refund('SUCCESS'),
    variants: { partner: partnerRefund },
  },
  'REFUND.ABNORMAL': {
    original_type: 'refund',
    summary: '退款异常',
    resource: refund('ABNORMAL'),
    variants: { partner: partnerRefund },
  },
  'REFUND.CLOSED': {
    original_type: 'refund',
    summary: '退款关闭',
    resource: refund('CLOSED'),
    variants: { partner: partnerRefund },
  },
  'MCHTRANSFER.BILL.FINISHED': {
    original_type: 'mch_payment',
    summary: '商家转账单据终态通知',
    resource: transferBill,
    variants: {
      fail: { state: 'FAIL', fail_reason: 'OVERDUE_CLOSE' },
      cancelled: { state: 'CANCELLED' },
    },
  },
  'MCHTRANSFER.BATCH.FINISHED': {
    original_type: 'mch_payment',
    summary: '商家转账批次完成通知',
    resource: {
      out_batch_no: '{alphanumeric}',
      batch_id: '{digits}',
      batch_status: 'FINISHED',
      total_num: 2,
      total_amount: 200,
      success_amount: 100,
      success_num: 1,
      fail_amount: 100,
      fail_num: 1,
      update_time: '{now}',
    },
  },
  'MCHTRANSFER.BATCH.CLOSED': {
    original_type: 'mch_payment',
    summary: '商家转账批次关闭通知',
    resource: {
      mchid: '{mchid}',
      out_batch_no: '{alphanumeric}',
      batch_id: '{digits}',
      batch_status: 'CLOSED',
      total_num: 2,
      total_amount: 200,
      close_reason: 'OVERDUE_CLOSE',
      update_time: '{now}',
    },
  },
  'MCHTRANSFER.AUTHORIZATION.CONFIRMED': {
    original_type: 'mch_payment',
    summary: '用户确认授权',
    resource: authorization('TAKING_EFFECT'),
  },
  'MCHTRANSFER.AUTHORIZATION.CLOSED': {
    original_type: 'mch_payment',
    summary: '授权关闭',
    resource: { ...authorization('CLOSED'), close_info: { close_time: '{now}', close_reason: 'CLOSE_VIA_MCH_API' } },
  },
  'PROFITSHARING.SUCCESS': {
    original_type: 'profitsharing',
    summary: '分账',
    resource: sharing,
    variants: { partner: partnerRefund },
  },
  'PROFITSHARING.RETURN': {
    original_type: 'profitsharing',
    summary: '分账回退',
    resource: sharing,
    variants: { partner: partnerRefund },
  },
  'PAYSCORE.USER_CONFIRM': {
    original_type: 'payscore',
    summary: '用户确认成功',
    resource: { ...scoreOrder, state: 'DOING', state_description: 'USER_CONFIRM', total_amount: 0 },
  },
  'PAYSCORE.USER_PAID': {
    original_type: 'payscore',
    summary: '用户支付成功',
    resource: {
      ...scoreOrder,
      state: 'DONE',
      total_amount: 100,
      collection: {
        state: 'USER_PAID',
        total_amount: 100,
        paying_amount: 0,
        paid_amount: 100,
        details: [
          { seq: 1, amount: 100, paid_type: 'NEWTON', paid_time: '{compact}', transaction_id: '{transaction_id}' },
        ],
      },
    },
  },
  'PAYSCORE.USER_OPEN_SERVICE': {
    original_type: 'payscore',
    summary: '用户开启服务',
    resource: scoreService('USER_OPEN_SERVICE'),
  },
  'PAYSCORE.USER_CLOSE_SERVICE': {
    original_type: 'payscore',
    summary: '用户关闭服务',
    resource: scoreService('USER_CLOSE_SERVICE'),
  },
  'PAYSCORE.USER_ACCEPTED': {
    original_type: 'payscore',
    summary: '用户授权成功',
    resource: { ...scoreService('USER_OPEN_SERVICE'), authorization_code: '{number}' },
  },
  'PAYSCORE.USER_SIGN_PLAN': { original_type: 'payscore', summary: '用户签约计划', resource: plan('SIGNED') },
  'PAYSCORE.USER_CANCEL_SIGN_PLAN': { original_type: 'payscore', summary: '用户取消计划', resource: plan('UNSIGNED') },
  'COUPON.SEND': {
    original_type: 'coupon',
    summary: '领券成功',
    resource: {
      event_type: 'EVENT_TYPE_BUSICOUPON_SEND',
      coupon_code: '{digits}',
      stock_id: '{digits}',
      send_time: '{now}',
      openid: '{openid}',
      send_channel: 'BUSICOUPON_SEND_CHANNEL_MINIAPP',
      send_merchant: '{mchid}',
    },
  },
  'COUPON.USE': {
    original_type: 'coupon',
    summary: '代金券核销',
    resource: {
      stock_creator_mchid: '{mchid}',
      stock_id: '{digits}',
      coupon_id: '{digits}',
      coupon_name: '满减券',
      status: 'USED',
      description: '测试',
      create_time: '{before}',
      coupon_type: 'NORMAL',
      no_cash: false,
      available_begin_time: '{before}',
      available_end_time: '{later}',
      singleitem: false,
      normal_coupon_information: { coupon_amount: 10, transaction_minimum: 100 },
      consume_information: {
        consume_time: '{now}',
        consume_mchid: '{mchid}',
        transaction_id: '{transaction_id}',
        consume_amount: 100,
      },
    },
  },
  'COMPLAINT.CREATE': {
    original_type: 'complaint',
    summary: '产生新投诉',
    resource: { complaint_id: '{digits}', action_type: 'CREATE_COMPLAINT' },
  },
  'COMPLAINT.STATE_CHANGE': {
    original_type: 'complaint',
    summary: '投诉单状态变化',
    resource: { complaint_id: '{digits}', action_type: 'USER_RESPONSE' },
  },
  'FAPIAO.ISSUED': { original_type: 'fapiao', summary: '发票开具成功', resource: fapiao('ISSUED', 'INSERT_ACCEPTED') },
  'FAPIAO.REVERSED': { original_type: 'fapiao', summary: '发票冲红成功', resource: fapiao('REVERSED', 'DISCARDED') },
  'FAPIAO.CARD_INSERTED': { original_type: 'fapiao', summary: '发票插入卡包', resource: fapiao('ISSUED', 'INSERTED') },
  'FAPIAO.CARD_DISCARDED': {
    original_type: 'fapiao',
    summary: '发票卡券作废',
    resource: fapiao('REVERSED', 'DISCARDED'),
  },
  'FAPIAO.USER_APPLIED': {
    original_type: 'fapiao',
    summary: '用户提交抬头',
    resource: { mchid: '{mchid}', fapiao_apply_id: '{digits}', apply_time: '{now}' },
  },
  'PAPAY.SIGN': { original_type: 'papay', summary: '签约成功', resource: papay({}) },
  'PAPAY.TERMINATE': {
    original_type: 'papay',
    summary: '解约成功',
    resource: papay({ contract_termination_mode: 'USER' }),
  },
  'ENTRUST.SIGN': { original_type: 'entrust', summary: '签约成功', resource: contract },
  'ENTRUST.TERMINATE': {
    original_type: 'entrust',
    summary: '解约成功',
    resource: { ...contract, contract_state: 'TERMINATED', contract_terminate_info: ended },
  },
  'VEHICLE.USER_STATE_CHANGE': {
    original_type: 'vehicle',
    summary: '车主状态变更',
    resource: {
      appid: '{appid}',
      sp_mchid: '{mchid}',
      sub_mchid: '{sub_mchid}',
      sp_openid: '{openid}',
      contract_id: '{digits}',
      bind_state: 'NORMAL',
      plate_number: '粤B888888',
    },
  },
  'VEHICLE.ENTRANCE_STATE_CHANGE': {
    original_type: 'vehicle',
    summary: '停车入场状态变更',
    resource: {
      sp_mchid: '{mchid}',
      sub_mchid: '{sub_mchid}',
      parking_id: '{digits}',
      out_parking_no: '{number}',
      plate_number: '粤B888888',
      plate_color: 'BLUE',
      start_time: '{before}',
      parking_name: '测试停车场',
      free_duration: 1800,
      parking_state: 'NORMAL',
      state_update_time: '{now}',
    },
  },
  'VIOLATION.PUNISH': { original_type: 'violation', summary: '商户处置', resource: violation },
  'VIOLATION.INTERCEPT': { original_type: 'violation', summary: '交易拦截', resource: violation },
  'VIOLATION.APPEAL': { original_type: 'violation', summary: '商户申诉', resource: violation },
  'RISKTRADE.IDENTIFICATION': {
    original_type: 'risktrade',
    summary: '风险订单',
    resource: { mchid: '{mchid}', out_trade_no: '{out_trade_no}', risk_type: 1, risk_level: 1 },
  },
  'MCHWITHDRAW.CHANGE': {
    original_type: 'mch_withdraw',
    summary: '提现状态变更',
    resource: {
      status: 'SUCCESS',
      withdraw_id: '{digits}',
      out_request_no: '{number}',
      amount: 100,
      create_time: '{before}',
      update_time: '{now}',
      account_type: 'BASIC',
      account_number: '1234',
      account_bank: '招商银行',
      sp_mchid: '{mchid}',
      sub_mchid: '{sub_mchid}',
    },
  },
  'RECHARGE.SUCCESS': {
    original_type: 'recharge',
    summary: '充值成功',
    resource: recharge('SUCCESS', '充值成功', { success_time: '{now}' }),
  },
  'RECHARGE.CLOSED': {
    original_type: 'recharge',
    summary: '充值关闭',
    resource: recharge('CLOSED', '充值关闭', { close_time: '{now}' }),
  },
  'RECHARGE.FUND_RETURNED': {
    original_type: 'recharge',
    summary: '充值资金退回',
    resource: {
      recharge_returned_id: '{digits}',
      sp_mchid: '{mchid}',
      sub_mchid: '{sub_mchid}',
      out_recharge_no: '{number}',
      recharge_id: '{digits}',
      recharge_channel: 'BANK_TRANSFER',
      detail: {
        bank_name: '招商银行',
        bank_card_tail: '1234',
        amount: 100,
        currency: 'CNY',
        memo: '{number}',
        return_time: '{now}',
        return_reason: '附言不符',
      },
    },
  },
  'SECURITY_ECHO.SUCCESS': {
    original_type: 'security',
    associated_data: '',
    summary: '安全接口测试',
    resource: { echo_message: 'hello' },
  },
};
