// An app on wxpay-v3, which has no base URL, as its documentation shows it.
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const Payment = require('wxpay-v3');
const { emulator, openReceiver, paidBefore, say } = require('./around.cjs');

const env = process.env;

async function live() {
  const receiver = await openReceiver();
  const payment = new Payment({
    appid: env.WXPAY_APPID,
    mchid: env.WXPAY_MCHID,
    private_key: readFileSync(env.WXPAY_PRIVATE_KEY_FILE, 'utf8'),
    serial_no: env.WXPAY_SERIAL_NO,
    apiv3_private_key: env.WXPAY_API_V3_KEY,
    notify_url: receiver.url,
  });
  // It also fetches them when it is made, but nobody can wait for that.
  const certificates = await payment.decodeCertificates();
  const no = `WXPAY_V3_${Date.now()}`;
  const order = (suffix, more = {}) => ({
    description: 'Image形象店-深圳',
    out_trade_no: `${no}${suffix}`,
    amount: { total: 1290 },
    ...more,
  });
  const parse = ({ data }) => JSON.parse(data);
  const scene_info = { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } };
  const placed = [
    await payment.native(order('')),
    await payment.jsapi(order('J', { payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zN' } })),
    await payment.app(order('A')),
    await payment.h5(order('H', { scene_info })),
  ];
  const unpaid = parse(await payment.getTransactionsByOutTradeNo({ out_trade_no: no }));
  const closed = await payment.close({ out_trade_no: `${no}A` });
  const missing = await payment.getTransactionsByOutTradeNo({ out_trade_no: 'NEVER_ORDERED' });

  const judge = async ({ headers, body }) =>
    payment.verifySign({
      timestamp: headers['wechatpay-timestamp'],
      nonce: headers['wechatpay-nonce'],
      serial: headers['wechatpay-serial'],
      signature: headers['wechatpay-signature'],
      body,
    });
  // Nothing is decided before it is asked for below, however slow this machine is.
  await emulator('refund', '--after', 'never');
  await emulator('pay', no);
  const [paidCallback] = receiver.told;
  const paid = payment.decodeResource(JSON.parse(paidCallback.body).resource);
  const queried = parse(await payment.getTransactionsById({ transaction_id: paid.transaction_id }));

  const refunded = parse(
    await payment.refund({
      out_trade_no: no,
      out_refund_no: `R${no}`,
      amount: { refund: 290, total: 1290, currency: 'CNY' },
    }),
  );
  await emulator('refund', `R${no}`, '--outcome', 'success');
  const refundCallback = receiver.told[1];
  const refund = parse(await payment.getRefund({ out_refund_no: `R${no}` }));

  const bill_date = await paidBefore();
  const bill = async (apply) => {
    const applied = parse(await apply);
    const { status, data } = await payment.downloadbill(applied.download_url);
    return status === 200 && createHash('sha1').update(data).digest('hex') === applied.hash_value && data.length > 0;
  };
  say({
    certificates: certificates.length,
    placed: placed.map(({ status }) => status),
    unpaid: unpaid.trade_state,
    closed: closed.status,
    missing: [missing.status, parse(missing).code],
    'callback of the payment': [await judge(paidCallback), paid.out_trade_no === no, paid.trade_state],
    'the same, changed': await judge({ ...paidCallback, body: `${paidCallback.body} ` }),
    queried: queried.trade_state,
    refund: [refunded.status, refund.status, refund.amount.refund],
    'callback of the refund': [
      await judge(refundCallback),
      payment.decodeResource(JSON.parse(refundCallback.body).resource).refund_status,
    ],
    'trade bill': await bill(payment.tradebill({ bill_date, bill_type: 'ALL' })),
    'fund flow bill': await bill(payment.fundflowbill({ bill_date, account_type: 'BASIC' })),
  });
  receiver.close();
}

void live();
