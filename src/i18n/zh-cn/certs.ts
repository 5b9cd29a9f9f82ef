import type { certs as en } from '../en/certs.ts';

/** certs: 中文文案,键与占位符和英文一致。 */
export const certs: Readonly<Record<keyof typeof en, string>> = {
  'reason.certificates_signer': '应答由 {serial} 签名,而它不在应答带来的证书之中',
  'reason.certificates_expired': '为应答签名的证书 {serial} 已过期',
  'reason.certificates_issuer': '{serial} 不是由 Tenpay.com Root CA 签发的',
  'reason.certificates_time': '{serial} 的日期不是 RFC 3339 时间',
  'reason.certificates_twice': '列表中有重复的序列号',
};
