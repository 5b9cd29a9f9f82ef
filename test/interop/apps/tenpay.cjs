// An APIv2 app on tenpay as its documentation shows it: neither host nor authority are named.
const { readFileSync } = require('node:fs');
const Tenpay = require('tenpay');
const { emulator, openReceiver, paidBefore, say } = require('./around.cjs');

const env = process.env;

async function live() {
  const receiver = await openReceiver(async (_callback, response) =>
    response.end('<xml><return_code>SUCCESS</return_code></xml>'),
  );
  const api = new Tenpay({
    appid: env.WXPAY_APPID,
    mchid: env.WXPAY_MCHID,
    partnerKey: env.WXPAY_API_V2_KEY,
    pfx: readFileSync(env.WXPAY_CLIENT_CERT_FILE),
    notify_url: receiver.url,
    refund_url: receiver.url,
    spbill_create_ip: '203.0.113.9',
  });
  const no = `TENPAY_${Date.now()}`;
  const placed = await api.unifiedOrder({ out_trade_no: no, body: '咖啡', total_fee: 1290, trade_type: 'NATIVE' });
  // Nothing is decided before it is asked for below, however slow this machine is.
  await emulator('refund', '--after', 'never');
  await emulator('pay', no);
  const refund = { out_trade_no: no, out_refund_no: `R${no}`, total_fee: 1290, refund_fee: 100 };
  const refunded = await api.refund(refund);
  await emulator('refund', `R${no}`, '--outcome', 'success');
  const bare = new Tenpay({ appid: env.WXPAY_APPID, mchid: env.WXPAY_MCHID, partnerKey: env.WXPAY_API_V2_KEY });
  const bill = await api.downloadBill({ bill_date: (await paidBefore()).replaceAll('-', '') });
  say({
    placed: placed.code_url.startsWith('weixin://'),
    queried: (await api.orderQuery({ out_trade_no: no })).trade_state,
    refunded: refunded.result_code,
    refund: (await api.refundQuery({ out_refund_no: `R${no}` })).refund_status_0,
    callbacks: receiver.told.length,
    'a refund without a certificate': await bare.refund({ ...refund, out_refund_no: `X${no}` }).then(
      () => 'accepted',
      () => 'refused',
    ),
    bill: bill.includes('`12.90'),
  });
  receiver.close();
}

void live();
