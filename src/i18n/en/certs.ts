/** certs: English texts. Keys are `certs.<name>`; both languages hold the same keys and placeholders. */
export const certs = {
  'reason.certificates_signer':
    'the answer is signed with {serial}, which is not among the certificates that it brings',
  'reason.certificates_expired': 'the certificate {serial} that signed the answer has expired',
  'reason.certificates_issuer': 'Tenpay.com Root CA did not issue {serial}',
  'reason.certificates_time': 'the dates of {serial} are no RFC 3339 times',
  'reason.certificates_twice': 'a serial stands in the list twice',
} as const;
