import { expect, test } from 'vitest';
import { wantsClientCertificate } from '../../../src/core/http/client-certificate.ts';

test.each([
  '/secapi/pay/refund',
  '/secapi/pay/reverse',
  '/secapi/pay/profitsharing',
  '/secapi/pay/profitsharingreturn',
  '/pay/downloadfundflow',
  '/mmpaymkttransfers/sendredpack',
  '/mmpaymkttransfers/promotion/transfers',
  '/mmpaysptrans/pay_bank',
  '/mmpaysptrans/query_bank',
  '/risk/getpublickey',
  '/billcommentsp/batchquerycomment',
  '/secapi/mch/submchmanage?action=query',
])('%s wants the client certificate', (target) => {
  expect(wantsClientCertificate(target)).toBe(true);
});

test.each([
  '/v3/refund/domestic/refunds',
  '/v3/pay/transactions/native',
  '/v3/certificates',
  '/pay/unifiedorder',
  '/pay/orderquery',
  '/pay/refundquery',
  '/pay/profitsharingquery',
  '/tools/shorturl',
  '/secapi/pay/refundx',
  '/v3/x?y=/secapi/pay/refund',
  '//secapi/pay/refund',
])('%s does not get it', (target) => {
  expect(wantsClientCertificate(target)).toBe(false);
});
