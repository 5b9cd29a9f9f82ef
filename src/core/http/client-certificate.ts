/**
 * Which endpoints want the merchant's client certificate in TLS (protocol 11.3): a few of APIv2, and none of APIv3, whose requests
 * prove themselves by signature. On every other endpoint the certificate stays at home.
 */
const wanting: readonly RegExp[] = [
  /^\/secapi\/pay\/(?:refund|reverse)$/,
  /^\/secapi\/pay\/(?:multi)?profitsharing[a-z]*$/,
  /^\/secapi\/mch\//,
  /^\/pay\/downloadfundflow$/,
  /^\/mmpaymkttransfers\//,
  /^\/mmpaysptrans\/(?:pay_bank|query_bank)$/,
  /^\/risk\/getpublickey$/,
  /^\/billcommentsp\/batchquerycomment$/,
];

/** @param target origin-form: path and query */
export function wantsClientCertificate(target: string): boolean {
  const path = target.split('?', 1)[0] ?? '';
  return wanting.some((pattern) => pattern.test(path));
}
