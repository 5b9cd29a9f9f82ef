/** refund: English texts. Keys are `refund.<name>` and `reason.<name>`; both languages hold the same keys and placeholders. */
export const refund = {
  'reason.key_part_long': 'more than 128 characters',
  'reason.key_part_space': 'it begins or ends with white space',
  'reason.journal_prefix': 'the line does not begin with length and checksum',
  'reason.journal_length': 'its length is not what it says',
  'reason.journal_checksum': 'its checksum does not hold',
  'reason.journal_number': 'a line is missing or out of order',
  'reason.journal_record': 'it is no record of this version',
  'reason.journal_header': 'it does not begin with a journal header',
  'refund.hint.not_enough':
    'Top up the merchant balance, then run the same command again: the number {out_refund_no} stays.',
  'refund.hint.user_account': 'The payer’s account cannot take money. Refund by other means.',
  'refund.hint.order_unknown': 'WeChat Pay knows no such paid order at this merchant. Look with "wxpay order query".',
} as const;
