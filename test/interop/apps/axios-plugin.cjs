// An app on wechatpay-axios-plugin as its documentation shows it: no host is named anywhere.
const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { gunzipSync } = require('node:zlib');
const { Wechatpay } = require('wechatpay-axios-plugin');
const { paidBefore } = require('./around.cjs');

const env = process.env;
const [, , wxpay, platformSerial, platformFile] = process.argv;
const client = new Wechatpay({
  mchid: env.WXPAY_MCHID,
  serial: env.WXPAY_SERIAL_NO,
  privateKey: readFileSync(env.WXPAY_PRIVATE_KEY_FILE),
  certs: { [platformSerial]: readFileSync(platformFile) },
  secret: env.WXPAY_API_V2_KEY,
  merchant: { pfx: readFileSync(env.WXPAY_CLIENT_CERT_FILE), passphrase: env.WXPAY_MCHID },
});

async function live() {
  const no = `PLUGIN_${Date.now()}`;
  const order = await client.v3.pay.transactions.native.post({
    mchid: env.WXPAY_MCHID,
    appid: env.WXPAY_APPID,
    out_trade_no: no,
    description: 'x',
    notify_url: 'http://127.0.0.1:9/notify',
    amount: { total: 1290 },
  });
  execFileSync(process.execPath, [wxpay, 'emulator', 'pay', no, '--no-callback']);
  const found = await client.v3.pay.transactions.outTradeNo.$out_trade_no$.get({
    params: { mchid: env.WXPAY_MCHID },
    out_trade_no: no,
  });
  const refund = async (security) =>
    client.v2.secapi.pay.refund
      .post(
        {
          appid: env.WXPAY_APPID,
          mch_id: env.WXPAY_MCHID,
          nonce_str: 'x'.repeat(16),
          out_trade_no: no,
          out_refund_no: `R${no}`,
          total_fee: 1290,
          refund_fee: 100,
        },
        { security },
      )
      .then(({ data }) => data.result_code ?? data)
      .catch((error) => error.response?.status ?? error.message);
  const bill_date = await paidBefore();
  const billOf = async (path, params) => {
    const { data } = await client.v3.bill[path].get({ params });
    const query = Object.fromEntries(new URL(data.download_url).searchParams);
    // Files are not signed: its documentation takes the verifying transformation away for them.
    const file = await client.v3.billdownload.file.get({
      params: query,
      responseType: 'arraybuffer',
      transformRequest: [],
      transformResponse: [],
    });
    const text = query.tartype === undefined ? file.data : gunzipSync(file.data);
    return createHash('sha1').update(text).digest('hex') === data.hash_value;
  };
  const said = {
    'trade bill': await billOf('tradebill', { bill_date, bill_type: 'ALL' }),
    'trade bill, packed': await billOf('tradebill', { bill_date, tar_type: 'GZIP' }),
    'fund flow bill': await billOf('fundflowbill', { bill_date }),
    order: order.status,
    state: found.data.trade_state,
    'refund without a certificate': await refund(false),
    refund: await refund(true),
  };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

void live();
