// The least that is right for a list of refunds: look the order up, refund, each signed, sent with undici, verified and parsed. The
// peer that bench/batch.js compares with. It knows nothing of duplicates, budgets, faults or crashes.
import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/** @param rows `{ transaction_id, fen, reason }`; `inFlight` at a time on one pool */
export async function refundAll(info, rows, inFlight) {
  const pool = new Pool(info.url, { connections: inFlight, pipelining: 1 });
  const call = caller(info, pool);
  let next = 0;
  const worker = async () => {
    while (next < rows.length) {
      const { transaction_id, fen, reason } = rows[next];
      next += 1;
      const order = await call('GET', `/v3/pay/transactions/id/${transaction_id}?mchid=${info.mchid}`, '');
      const body = JSON.stringify({
        transaction_id,
        out_refund_no: `R${transaction_id}`,
        reason,
        amount: { refund: fen, total: order.amount.total, currency: 'CNY' },
      });
      const refund = await call('POST', '/v3/refund/domestic/refunds', body);
      if (refund.status !== 'PROCESSING') throw new Error(JSON.stringify(refund));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  await pool.close();
}

function caller(info, pool) {
  const key = createPrivateKey(readFileSync(info.private_key_file));
  const platform = createPublicKey(readFileSync(info.public_key_file));
  return async (method, path, body) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const nonce = randomBytes(16).toString('hex').toUpperCase();
    const message = Buffer.from(`${method}\n${path}\n${timestamp}\n${nonce}\n${body}\n`);
    const signature = sign('sha256', message, key).toString('base64');
    const response = await pool.request({
      method,
      path,
      body: body === '' ? null : body,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'user-agent': 'bare',
        authorization: `WECHATPAY2-SHA256-RSA2048 mchid="${info.mchid}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${info.serial_no}"`,
      },
    });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const { headers, statusCode } = response;
    const head = `${headers['wechatpay-timestamp']}\n${headers['wechatpay-nonce']}\n`;
    const signed = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\n')]);
    const isGenuine = verify('sha256', signed, platform, Buffer.from(headers['wechatpay-signature'], 'base64'));
    if (statusCode !== 200 || !isGenuine) throw new Error(`HTTP ${statusCode}`);
    return JSON.parse(bytes.toString());
  };
}
