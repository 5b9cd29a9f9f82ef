/** The shop of the READMEs' example: what a reader has instead of it is an SDK. */
export const shop = `
import { createSign, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EmulatorInfo } from 'wxpay-cli/emulator';

export async function placeOrder(info: EmulatorInfo, { total }: { total: number }) {
  const shop = createServer((_request, response) => response.writeHead(204).end());
  await new Promise<void>((resolve) => shop.listen(0, '127.0.0.1', resolve));
  shop.unref();
  const order = {
    appid: info.appid,
    mchid: info.mchid,
    description: 'coffee',
    out_trade_no: randomBytes(8).toString('hex'),
    notify_url: 'http://127.0.0.1:' + (shop.address() as AddressInfo).port + '/notify',
    amount: { total, currency: 'CNY' },
  };
  const target = '/v3/pay/transactions/native';
  const body = JSON.stringify(order);
  for (;;) {
    const nonce = randomBytes(16).toString('hex');
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = createSign('RSA-SHA256')
      .update(['POST', target, timestamp, nonce, body, ''].join('\\n'))
      .sign(readFileSync(info.private_key_file), 'base64');
    const fields = { mchid: info.mchid, nonce_str: nonce, timestamp, serial_no: info.serial_no, signature };
    const pairs = Object.entries(fields).map(([name, value]) => name + '="' + value + '"');
    const answer = await fetch(info.url + target, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'user-agent': 'shop',
        authorization: 'WECHATPAY2-SHA256-RSA2048 ' + pairs.join(','),
      },
    });
    if (answer.status === 500) continue;
    const { code_url } = (await answer.json()) as { code_url: string };
    return { out_trade_no: order.out_trade_no, code_url };
  }
}
`;
