/** output: English texts. Keys are `output.<name>`; both languages hold the same keys and placeholders. */
export const output = {
  'output.state.NOTPAY': 'not paid',
  'output.state.SUCCESS': 'paid',
  'output.state.REFUND': 'refunded (at least in part)',
  'output.state.CLOSED': 'closed',
  'output.state.USERPAYING': 'payer is paying',
  'output.state.PAYERROR': 'payment failed',
  'output.state.REVOKED': 'reversed',
  'output.refund_state.PROCESSING': 'in progress',
  'output.refund_state.SUCCESS': 'refunded',
  'output.refund_state.CLOSED': 'closed, not refunded',
  'output.refund_state.ABNORMAL': 'stuck, needs handling',
  'output.expiry.days': 'days left: {days}',
  'output.expiry.today': 'expires within a day',
  'output.expiry.past': 'days since expiry: {days}',
  'output.help.default': 'default {value}',
  'output.qr.too_small':
    'This terminal is too small for the QR code ({columns} columns, {rows} lines). The code holds:',
} as const;
