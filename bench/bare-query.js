// The least that is right: sign, send with undici, verify, parse. The peer that bench/transport.js compares with.
import { createPrivateKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

export async function loop(info, count) {
  const key = createPrivateKey(readFileSync(info.private_key_file));
  const platform = new X509Certificate(readFileSync(info.platform_certificate_file)).publicKey;
  const pool = new Pool(info.url, { connections: 1, pipelining: 1 });
  const path = `/v3/pay/transactions/out-trade-no/BENCH_0001?mchid=${info.mchid}`;
  let order;
  for (let index = 0; index < count; index += 1) {
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
    const message = Buffer.concat([
      Buffer.from(`${headers['wechatpay-timestamp']}\n${headers['wechatpay-nonce']}\n`),
      bytes,
      Buffer.from('\n'),
    ]);
    if (
      statusCode !== 200 ||
      !verify('sha256', message, platform, Buffer.from(headers['wechatpay-signature'], 'base64'))
    )
      throw new Error(`HTTP ${statusCode}`);
    order = JSON.parse(bytes.toString());
  }
  await pool.close();
  return order;
}
