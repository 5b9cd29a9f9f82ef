// An APIv2 app on wechat-pay, which has no base URL; its refund is an https request of Node with the merchant's PKCS#12 file.
const { readFileSync } = require('node:fs');
const { Payment, middleware } = require('wechat-pay');
const { emulator, openReceiver, paidBefore, say } = require('./around.cjs');

const env = process.env;

// The promise of an inner step is nobody's; the outer one says the same.
process.on('unhandledRejection', () => {});

async function live() {
  const config = {
    appId: env.WXPAY_APPID,
    mchId: env.WXPAY_MCHID,
    partnerKey: env.WXPAY_API_V2_KEY,
    pfx: readFileSync(env.WXPAY_CLIENT_CERT_FILE),
  };
  const told = [];
  let judge = middleware(config).getNotify();
  const receiver = await openReceiver(async ({ body, request }, response) => {
    request.rawBody = body;
    judge.done((message, _request, answer) => {
      told.push(message);
      answer.reply('success');
    })(request, response);
  });
  const payment = new Payment({ ...config, notifyUrl: receiver.url });
  const no = `WECHAT_PAY_${Date.now()}`;
  const order = (suffix) => ({
    body: '咖啡',
    out_trade_no: `${no}${suffix}`,
    total_fee: 1290,
    spbill_create_ip: '203.0.113.9',
    trade_type: 'NATIVE',
    product_id: '1',
  });
  const placed = await payment.unifiedOrder(order(''));
  await payment.unifiedOrder(order('B'));
  const closed = await payment.closeOrder({ out_trade_no: `${no}B` });
  // Nothing is decided before it is asked for below, however slow this machine is.
  await emulator('refund', '--after', 'never');
  await emulator('pay', no);
  const queried = await payment.orderQuery({ out_trade_no: no });
  const refunded = await payment.refund({
    out_trade_no: no,
    out_refund_no: `R${no}`,
    total_fee: 1290,
    refund_fee: 100,
    notify_url: receiver.url,
  });
  judge = middleware(config).getRefundNotify();
  await emulator('refund', `R${no}`, '--outcome', 'success');
  const refund = await payment.refundQuery({ out_refund_no: `R${no}` });
  const wrong = new Payment({ ...config, partnerKey: 'x'.repeat(32) });
  const bill = await payment.downloadBill({ bill_date: (await paidBefore()).replaceAll('-', ''), bill_type: 'ALL' });
  say({
    placed: placed.code_url.startsWith('weixin://'),
    closed: closed.result_code,
    queried: queried.trade_state,
    refund: [refunded.result_code, refund.refund_status_0],
    'callback of the payment': [told[0].out_trade_no === no, told[0].result_code],
    'callback of the refund': told[1],
    'a wrong key': await wrong.orderQuery({ out_trade_no: no }).catch((error) => error.message),
    bill: [bill.list.length, bill.stat['总交易单数']],
  });
  receiver.close();
}

void live();
