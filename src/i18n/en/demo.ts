/** demo: English texts. Keys are `demo.<name>`; both languages hold the same keys and placeholders. */
export const demo = {
  'demo.intro':
    'A private WeChat Pay on this machine, a throw-away merchant, and the whole life of an order. No money moves.',
  'demo.goods': 'Demo coffee',
  'demo.step.emulator': 'Start a local WeChat Pay',
  'demo.step.profile': 'Add its merchant as a profile',
  'demo.step.create': 'Place a native order; the payer scans the QR code',
  'demo.step.pay': 'Pay it, as the payer would; WeChat Pay sends the callback',
  'demo.step.verify': 'Verify and decrypt the callback as it came over the wire',
  'demo.step.damaged': 'Change one byte of it: it must be refused',
  'demo.step.query': 'Ask for the order',
  'demo.step.create_second': 'Place a second order, for jsapi, with its pay parameters',
  'demo.step.close': 'Close it',
  'demo.step.certs': 'Download and verify the platform certificates',
  'demo.done': 'All {count} steps were checked and are right.',
  'demo.next': 'Next: "wxpay emulator start" for a WeChat Pay of your own, or "wxpay profile add" for your merchant.',
  'demo.example.demo': 'wxpay demo',
  'demo.example.demo_json': 'wxpay demo --json',
} as const;
