import type { callback as en } from '../en/callback.ts';

/** callback: 中文文案,键与占位符和英文一致。 */
export const callback: Readonly<Record<keyof typeof en, string>> = {
  'callback.argument.file': '抓到的原始 HTTP 请求;- 表示标准输入',
  'callback.option.at': '按此时刻判断时间戳:RFC 3339 或 Unix 秒',
  'callback.option.ignore_age': '不检查回调的时间',
  'callback.example.verify': 'wxpay verify-callback 回调.http',
  'callback.example.verify_old': 'wxpay verify-callback 回调.http --ignore-age --json',
  'callback.title.valid': '回调真实有效',
  'callback.title.invalid': '回调无效',
  'callback.passed': '通过',
  'callback.failed': '未通过',
  'callback.skipped': '未执行',
  'callback.step.headers': '签名请求头',
  'callback.step.type': '签名类型',
  'callback.step.timestamp': '时间戳在 300 秒内',
  'callback.step.serial': '密钥已知',
  'callback.step.signature': '签名',
  'callback.step.envelope': '外层报文',
  'callback.step.decryption': '解密',
  'callback.step.identity': '属于本商户',
  'reason.header_line': '不是合法的请求头:{line}',
  'reason.transfer_encoding': '仍是分块传输编码(chunked),请抓取解码后的报文',
  'reason.no_empty_line': '请求头与报文之间没有空行',
  'reason.content_length': 'Content-Length 不是单个数字',
  'reason.body_short': '报文只有 {length} 字节,Content-Length 为 {declared}',
};
