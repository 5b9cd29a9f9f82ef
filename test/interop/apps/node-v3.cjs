// An app on wechatpay-node-v3, whose host is fixed.
const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const WxPay = require('wechatpay-node-v3');

const env = process.env;
const [, , wxpay, certificateFile] = process.argv;
const client = new WxPay({
  appid: env.WXPAY_APPID,
  mchid: env.WXPAY_MCHID,
  publicKey: readFileSync(certificateFile),
  privateKey: readFileSync(env.WXPAY_PRIVATE_KEY_FILE),
});

async function live() {
  const no = `NODE_V3_${Date.now()}`;
  const order = await client.transactions_native({
    description: 'x',
    out_trade_no: no,
    notify_url: 'http://127.0.0.1:9/notify',
    amount: { total: 1290 },
  });
  execFileSync(process.execPath, [wxpay, 'emulator', 'pay', no, '--no-callback']);
  const found = await client.query({ out_trade_no: no });
  const refund = await client.refunds({
    out_trade_no: no,
    out_refund_no: `R${no}`,
    amount: { refund: 100, total: 1290, currency: 'CNY' },
  });
  const certificates = await client.get_certificates(env.WXPAY_API_V3_KEY);
  const said = {
    order: order.status,
    state: found.data.trade_state,
    refund: refund.data.status,
    certificates: certificates.length,
  };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

void live();
