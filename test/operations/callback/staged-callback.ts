/** A WeChat Pay that makes callbacks, with keys of its own. */
import { createCipheriv, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { VerificationKey } from '../../../src/core/ports.ts';

const platform = generateKeyPairSync('rsa', { modulusLength: 2048 });
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const foreignKey = foreign.privateKey;

export const now = Date.UTC(2026, 10, 23, 2, 0, 0);
export const apiV3Key = Buffer.from('0123456789abcdef0123456789abcdef');
export const serial = 'PUB_KEY_ID_0119000000012026112300000000000001';
export const key: VerificationKey = { id: serial, kind: 'wechatpay-public-key', publicKey: platform.publicKey };
export const keys = {
  find: async (id: string) => (id === serial ? key : undefined),
  apiV3Key,
  mchid: '1900000001',
  appid: 'wx1',
};

export const payment = {
  appid: 'wx1',
  mchid: '1900000001',
  out_trade_no: 'ORDER_0001',
  transaction_id: '4200001234202611231234567890',
  trade_state: 'SUCCESS',
  amount: { total: 100 },
};

export interface Made {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Wishes {
  readonly resource?: unknown;
  readonly event?: string;
  readonly envelope?: object;
  readonly encrypted?: object;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly signedBy?: KeyObject;
  readonly encryptedWith?: Uint8Array;
}

/** A callback as WeChat Pay makes it, or with something else about it. */
export function makeCallback(wishes: Wishes = {}): Made {
  const nonce = 'fdasflkja484';
  const associated = 'transaction';
  const cipher = createCipheriv('aes-256-gcm', wishes.encryptedWith ?? apiV3Key, nonce);
  cipher.setAAD(Buffer.from(associated));
  const plain = typeof wishes.resource === 'string' ? wishes.resource : JSON.stringify(wishes.resource ?? payment);
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
  const body = JSON.stringify({
    id: 'EV-2026112310000000001',
    create_time: '2026-11-23T10:00:00+08:00',
    resource_type: 'encrypt-resource',
    event_type: wishes.event ?? 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource: {
      original_type: 'transaction',
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext,
      associated_data: associated,
      nonce,
      ...wishes.encrypted,
    },
    ...wishes.envelope,
  });
  const timestamp = String(now / 1000);
  const signature = sign(
    'sha256',
    Buffer.from(`${timestamp}\nNONCE1\n${body}\n`),
    wishes.signedBy ?? platform.privateKey,
  ).toString('base64');
  const headers = Object.entries({
    'Content-Type': 'application/json',
    'Wechatpay-Timestamp': timestamp,
    'Wechatpay-Nonce': 'NONCE1',
    'Wechatpay-Serial': serial,
    'Wechatpay-Signature': signature,
    'Wechatpay-Signature-Type': 'WECHATPAY2-SHA256-RSA2048',
    ...wishes.headers,
  }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { headers: Object.fromEntries(headers), body };
}

/** As it comes over the wire. */
export function rawHttp({ headers, body }: Made, lineEnd = '\r\n'): Buffer {
  const lines = ['POST /notify HTTP/1.1', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${lines.join(lineEnd)}${lineEnd}${lineEnd}${body}`);
}
