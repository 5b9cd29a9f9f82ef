// The least that is right: sign, send with undici, verify, parse. The peer that bench/transport.js compares with.
import { createPrivateKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/** `count` queries, `inFlight` at a time, on one pool. @returns the last order */
export async function loop(info, count, inFlight = 1) {
  const key = createPrivateKey(readFileSync(info.private_key_file));
  const platform = new X509Certificate(readFileSync(info.platform_certificate_file)).publicKey;
  const pool = new Pool(info.url, { connections: inFlight, pipelining: 1 });
  const path = `/v3/pay/transactions/out-trade-no/BENCH_0001?mchid=${info.mchid}`;
  let left = count;
  let order;
  const worker = async () => {
    while (left-- > 0) order = await query({ info, key, platform, pool, path });
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  await pool.close();
  return order;
}

async function query({ info, key, platform, pool, path }) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(16).toString('hex').toUpperCase();
  const signature = sign('sha256', Buffer.from(`GET\n${path}\n${timestamp}\n${nonce}\n\n`), key).toString('base64');
  const { statusCode, headers, body } = await pool.request({
    method: 'GET',
    path,
    headers: {
      accept: 'application/json',
      'user-agent': 'bare',
      authorization: `WECHATPAY2-SHA256-RSA2048 mchid="${info.mchid}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${info.serial_no}"`,
    },
  });
  const bytes = Buffer.from(await body.arrayBuffer());
  const head = [headers['wechatpay-timestamp'], headers['wechatpay-nonce'], ''].join('\n');
  const message = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\n')]);
  const signed = Buffer.from(String(headers['wechatpay-signature']), 'base64');
  if (statusCode !== 200 || !verify('sha256', message, platform, signed)) throw new Error(`HTTP ${statusCode}`);
  return JSON.parse(bytes.toString());
}
