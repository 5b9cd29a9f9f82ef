import type { refund as en } from '../en/refund.ts';

/** refund: 中文文案，键与占位符和英文一致。 */
export const refund: Readonly<Record<keyof typeof en, string>> = {
  'reason.key_part_long': '超过 128 个字符',
  'reason.key_part_space': '首尾有空白字符',
  'reason.journal_prefix': '行首不是长度和校验和',
  'reason.journal_length': '长度与声明不符',
  'reason.journal_checksum': '校验和不符',
  'reason.journal_number': '缺行或次序错乱',
  'reason.journal_record': '不是本版本的记录',
  'reason.journal_header': '开头不是流水文件头',
  'refund.hint.not_enough': '充值商户余额后重新运行同一命令，退款单号 {out_refund_no} 不变。',
  'refund.hint.user_account': '付款人账户无法收款，请用其他方式退款。',
  'refund.hint.order_unknown': '该商户没有这笔已支付订单。用 "wxpay order query" 查看。',
};
