// Somebody's app: it knows WeChat Pay's host, its own merchant and nothing else. It orders, is paid, and asks.
const { createSign, randomBytes } = require('node:crypto');
const { execFile } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const https = require('node:https');

const { WXPAY_MCHID: mchid, WXPAY_APPID: appid, WXPAY_SERIAL_NO: serial } = process.env;
const key = readFileSync(process.env.WXPAY_PRIVATE_KEY_FILE);
const [, , wxpay] = process.argv;

function authorization(method, path, body) {
  const [timestamp, nonce] = [Math.floor(Date.now() / 1000), randomBytes(16).toString('hex')];
  const signature = createSign('RSA-SHA256')
    .update(`${method}\n${path}\n${timestamp}\n${nonce}\n${body}\n`)
    .sign(key, 'base64');
  return `WECHATPAY2-SHA256-RSA2048 mchid="${mchid}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${serial}"`;
}

const headersFor = (method, path, body) => ({
  accept: 'application/json',
  'content-type': 'application/json',
  'user-agent': 'life',
  authorization: authorization(method, path, body),
});

function byHttps(method, path, data) {
  const body = data === undefined ? '' : JSON.stringify(data);
  return new Promise((resolve, reject) => {
    const options = { hostname: 'api.mch.weixin.qq.com', method, path, headers: headersFor(method, path, body) };
    const request = https.request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, data: JSON.parse(text) }));
    });
    request.on('error', reject).end(body);
  });
}

async function byFetch(path) {
  const response = await fetch(`https://api2.mch.weixin.qq.com${path}`, { headers: headersFor('GET', path, '') });
  return { status: response.status, data: await response.json() };
}

const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(204).end());
  server.emit('callback', request.headers['wechatpay-serial']);
});

async function live() {
  const no = `LIFE_${Date.now()}`;
  const callback = new Promise((resolve) => server.once('callback', resolve));
  const order = await byHttps('POST', '/v3/pay/transactions/native', {
    mchid,
    appid,
    description: 'x',
    out_trade_no: no,
    notify_url: `http://127.0.0.1:${server.address().port}/notify`,
    amount: { total: 1 },
  });
  await new Promise((resolve, reject) => {
    execFile(process.execPath, [wxpay, 'emulator', 'pay', no], (error) => (error ? reject(error) : resolve()));
  });
  const found = await byFetch(`/v3/pay/transactions/out-trade-no/${no}?mchid=${mchid}`);
  const said = { order: order.status, called: (await callback) !== undefined, state: found.data.trade_state };
  process.stdout.write(`${JSON.stringify(said)}\n`);
  server.close();
}

server.listen(0, '127.0.0.1', () => void live());
