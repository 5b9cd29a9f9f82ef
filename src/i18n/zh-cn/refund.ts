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
};
