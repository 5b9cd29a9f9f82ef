// An app on node-easywechat, APIv3, as its documentation shows it: no host is named anywhere.
const { createHash } = require('node:crypto');
const { CacheInterface, Pay, ServerRequest } = require('node-easywechat');
const { emulator, openReceiver, paidBefore, say } = require('./around.cjs');

const env = process.env;
const [, , , certificateFile] = process.argv;

/** Instead of files in the working directory. */
class MemoryCache extends CacheInterface {
  kept = new Map();
  async get(name, fallback) {
    return this.kept.get(name) ?? fallback;
  }
  async set(name, value) {
    this.kept.set(name, value);
    return true;
  }
}

async function live() {
  const app = new Pay({
    mch_id: env.WXPAY_MCHID,
    private_key: env.WXPAY_PRIVATE_KEY_FILE,
    certificate: certificateFile,
    secret_key: env.WXPAY_API_V3_KEY,
    v2_secret_key: env.WXPAY_API_V2_KEY,
    http: { throw: false },
  });
  app.setCache(new MemoryCache());
  const events = [];
  // Its own way: validate the request, then let the server decrypt and hand it on.
  const receiver = await openReceiver(async ({ headers, body }, response) => {
    app.setRequest(new ServerRequest('POST', '/notify', headers, Buffer.from(body)));
    await app.getValidator().validate(app.getRequest());
    const server = app.getServer();
    server.handlePaid(async (message) => void events.push(['paid', message.trade_state]));
    server.handleRefunded(async (message) => void events.push(['refunded', message.refund_status]));
    const answer = await server.serve();
    response.writeHead(answer.getStatusCode()).end(answer.getBody().toString());
  });
  const client = app.getClient();
  const ask = async (method, path, payload) => {
    const response = await client.request(method, path, payload);
    return { status: response.getStatusCode(), ...response.toObject() };
  };
  const no = `EASYWECHAT_${Date.now()}`;
  const mchid = env.WXPAY_MCHID;
  const order = (suffix) => ({
    mchid,
    appid: env.WXPAY_APPID,
    description: 'Image形象店',
    out_trade_no: `${no}${suffix}`,
    notify_url: receiver.url,
    amount: { total: 1290 },
  });
  const placed = await ask('POST', '/v3/pay/transactions/native', { data: order('') });
  await ask('POST', '/v3/pay/transactions/app', { data: order('A') });
  const closed = await ask('POST', `/v3/pay/transactions/out-trade-no/${no}A/close`, { data: { mchid } });
  const query = async () => ask('GET', `/v3/pay/transactions/out-trade-no/${no}`, { params: { mchid } });
  const unpaid = await query();
  // Nothing is decided before it is asked for below, however slow this machine is.
  await emulator('refund', '--after', 'never');
  await emulator('pay', no);
  const paid = await query();
  const refunded = await ask('POST', '/v3/refund/domestic/refunds', {
    data: {
      transaction_id: paid.transaction_id,
      out_refund_no: `R${no}`,
      notify_url: receiver.url,
      amount: { refund: 290, total: 1290, currency: 'CNY' },
    },
  });
  await emulator('refund', `R${no}`, '--outcome', 'success');
  const refund = await ask('GET', `/v3/refund/domestic/refunds/R${no}`);
  const bill_date = await paidBefore();
  const applied = await ask('GET', '/v3/bill/tradebill', { params: { bill_date } });
  const { pathname, search } = new URL(applied.download_url);
  const bill = (await client.request('GET', pathname + search)).toString();
  const [{ headers, body }] = receiver.told;
  const changed = new ServerRequest('POST', '/notify', headers, Buffer.from(`${body} `));
  say({
    placed: placed.status,
    closed: closed.status,
    states: [unpaid.trade_state, paid.trade_state],
    refund: [refunded.status, refund.status],
    callbacks: events,
    'a changed callback': await app
      .getValidator()
      .validate(changed)
      .catch((error) => error.message),
    'trade bill': createHash('sha1').update(bill).digest('hex') === applied.hash_value,
  });
  receiver.close();
}

void live();
