/** sign: English texts. Keys are `sign.<name>`; both languages hold the same keys and placeholders. */
export const sign = {
  'reason.pay_name': 'the name must be {wanted}',
  'reason.pay_space': 'there are spaces around the value',
  'reason.pay_seconds': 'it must be Unix seconds, ten digits',
  'reason.pay_prefix_app': 'APP takes the bare prepay_id, without "prepay_id="',
  'reason.pay_package_app': 'it must be Sign=WXPay',
  'reason.pay_prefix_jsapi': 'it must begin with "prepay_id="',
  'reason.pay_sign_type': 'it must be RSA, not {found}',
  'reason.pay_appid': 'the order was placed with {wanted}',
  'reason.pay_signed_prefix': '"prepay_id=" was signed; APP signs the bare prepay_id',
  'reason.pay_signed_bare': 'the bare prepay_id was signed; "prepay_id=" belongs to it',
  'reason.pay_signed_package': '"Sign=WXPay" was signed; APIv3 signs the prepay_id',
  'reason.pay_signed_other_appid': 'it was signed with another appid than is handed over',
  'reason.pay_signed_milliseconds': 'milliseconds were signed',
  'reason.pay_signed_no_final_lf': 'the last line feed was not signed',
  'reason.pay_signed_backslash_n': 'the two characters \\n were signed instead of line feeds',
  'reason.pay_signature': 'the signature does not verify: another key signed, or other values',
} as const;
