// The least of a WeChat Pay that a batch needs: answers order queries and refunds, each answer signed, nothing checked and nothing
// kept. It stands in for the emulator where the emulator itself would be what is measured: a strict server costs more than a
// client. Usage: node signed-server.js <platform key file> <key id> <mchid>; prints {"url"} and runs until its input ends. A line
// with a number holds every answer back by so many milliseconds from then on, as a network does.
import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [keyFile, keyId, mchid] = process.argv.slice(2);
const key = createPrivateKey(readFileSync(keyFile));
let refunds = 0;
let delay = 0;

const orderOf = (transaction_id) => ({
  mchid,
  transaction_id,
  out_trade_no: `ORDER_${transaction_id.slice(-20)}`,
  trade_state: 'SUCCESS',
  amount: { total: 1_000_007, currency: 'CNY' },
});
const refundOf = ({ transaction_id, out_refund_no, amount }) => ({
  refund_id: `50${String((refunds += 1)).padStart(27, '0')}`,
  out_refund_no,
  transaction_id,
  out_trade_no: `ORDER_${transaction_id.slice(-20)}`,
  status: 'PROCESSING',
  amount,
});

const server = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (piece) => (text += piece));
  request.on('end', () => {
    const id = /^\/v3\/pay\/transactions\/id\/(\w+)/.exec(request.url)?.[1];
    const body = JSON.stringify(id === undefined ? refundOf(JSON.parse(text)) : orderOf(id));
    const timestamp = String(Math.floor(Date.now() / 1000));
    const nonce = randomBytes(16).toString('hex');
    response.writeHead(200, {
      'content-type': 'application/json',
      'request-id': nonce,
      'wechatpay-serial': keyId,
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': nonce,
      'wechatpay-signature': sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), key).toString('base64'),
      'content-length': Buffer.byteLength(body),
    });
    if (delay > 0) setTimeout(() => response.end(body), delay);
    else response.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
const input = createInterface({ input: process.stdin });
input.on('line', (line) => (delay = Number(line)));
input.on('close', () => {
  server.close();
  server.closeAllConnections();
});
