import type { sign as en } from '../en/sign.ts';

/** sign: 中文文案,键与占位符和英文一致。 */
export const sign: Readonly<Record<keyof typeof en, string>> = {
  'reason.pay_name': '字段名应为 {wanted}',
  'reason.pay_space': '值的前后有空格',
  'reason.pay_seconds': '必须是 10 位的 Unix 秒',
  'reason.pay_prefix_app': 'APP 使用不带 "prepay_id=" 前缀的 prepay_id',
  'reason.pay_package_app': '必须是 Sign=WXPay',
  'reason.pay_prefix_jsapi': '必须以 "prepay_id=" 开头',
  'reason.pay_sign_type': '必须是 RSA,而不是 {found}',
  'reason.pay_appid': '下单使用的是 {wanted}',
  'reason.pay_signed_prefix': '签名内容带了 "prepay_id=";APP 只签 prepay_id 本身',
  'reason.pay_signed_bare': '只签了 prepay_id 本身,应带上 "prepay_id="',
  'reason.pay_signed_package': '签了 "Sign=WXPay";APIv3 应签 prepay_id',
  'reason.pay_signed_other_appid': '签名用的 appid 与传给客户端的不同',
  'reason.pay_signed_milliseconds': '签了毫秒时间戳',
  'reason.pay_signed_no_final_lf': '签名时漏了最后一个换行符',
  'reason.pay_signed_backslash_n': '签的是 \\n 两个字符,而不是换行符',
  'reason.pay_signature': '验签不通过:签名用了别的密钥,或别的内容',
};
