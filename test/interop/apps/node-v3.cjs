// An app on wechatpay-node-v3, whose host is fixed.
const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const WxPay = require('wechatpay-node-v3');
const { paidBefore } = require('./around.cjs');

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
  const bill_date = await paidBefore();
  const billOf = async ({ data }) => {
    // It has no call for the file, but gives out what signs one.
    const { pathname, search } = new URL(data.download_url);
    const [nonce, timestamp] = ['x'.repeat(32), String(Math.floor(Date.now() / 1000))];
    const signature = client.getSignature('GET', nonce, timestamp, pathname + search);
    const Authorization = client.getAuthorization(nonce, timestamp, signature);
    const file = await fetch(data.download_url, { headers: { Authorization, 'User-Agent': 'app' } });
    return (
      createHash('sha1')
        .update(Buffer.from(await file.arrayBuffer()))
        .digest('hex') === data.hash_value
    );
  };
  const said = {
    'trade bill': await billOf(await client.tradebill({ bill_date, bill_type: 'ALL' })),
    'fund flow bill': await billOf(await client.fundflowbill({ bill_date, account_type: 'BASIC' })),
    order: order.status,
    state: found.data.trade_state,
    refund: refund.data.status,
    certificates: certificates.length,
  };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

void live();
