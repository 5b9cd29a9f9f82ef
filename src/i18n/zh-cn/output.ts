import type { output as en } from '../en/output.ts';

/** output: 中文文案，键与占位符和英文一致。 */
export const output: Readonly<Record<keyof typeof en, string>> = {
  'output.state.NOTPAY': '未支付',
  'output.state.SUCCESS': '支付成功',
  'output.state.REFUND': '转入退款',
  'output.state.CLOSED': '已关闭',
  'output.state.USERPAYING': '用户支付中',
  'output.state.PAYERROR': '支付失败',
  'output.state.REVOKED': '已撤销',
  'output.refund_state.PROCESSING': '退款处理中',
  'output.refund_state.SUCCESS': '退款成功',
  'output.refund_state.CLOSED': '退款关闭',
  'output.refund_state.ABNORMAL': '退款异常',
  'output.expiry.days': '剩余 {days} 天',
  'output.expiry.today': '不足一天后过期',
  'output.expiry.past': '已过期 {days} 天',
  'output.help.default': '默认 {value}',
  'output.qr.too_small': '终端太小，画不下二维码（需要 {columns} 列、{rows} 行）。二维码内容：',
  'output.transfer_state.ACCEPTED': '已受理',
  'output.transfer_state.PROCESSING': '正在锁定资金',
  'output.transfer_state.WAIT_USER_CONFIRM': '待用户确认',
  'output.transfer_state.TRANSFERING': '已确认，转账中',
  'output.transfer_state.SUCCESS': '已到账',
  'output.transfer_state.FAIL': '失败',
  'output.transfer_state.CANCELING': '撤销中',
  'output.transfer_state.CANCELLED': '已撤销',
};
