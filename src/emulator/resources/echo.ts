/** `POST /v3/security/echo`: proves signature, encryption both ways and, if asked, callback delivery (protocol 1.5). */
import { constants, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readBody, readQuery } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { headerOf } from '../gateway.ts';
import { isObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { Merchant } from '../merchants.ts';
import type { Callback } from '../notify.ts';
import type { Mode } from '../platform.ts';
import { ok, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { encryptResource } from '../resource.ts';
import { checkBody } from '../rules/fields.ts';
import type { Fields } from '../rules/fields.ts';
import { beijingTime } from '../times.ts';

/** Seconds between sends: at most ten in all (protocol 1.5). */
export const echoSchedule: readonly number[] = [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600];

const fields: Fields = {
  echo_message: { type: 'string', title: '回显消息', required: true, max: 256 },
  encrypted_echo_message: { type: 'string', title: '加密回显消息', max: 1024 },
  notify_url: { type: 'string', title: '回调地址', max: 255, pattern: 'https?://[^?]+' },
};

export interface EchoOptions {
  readonly mode: () => Mode;
  /** Takes the callback away; the answer does not wait for it. */
  readonly send: (callback: Callback) => void;
}

export function echoEndpoints(options: EchoOptions): Endpoint[] {
  return [{ method: 'POST', path: '/v3/security/echo', answer: (call) => echo(call, options) }];
}

function echo(call: Call, { mode, send }: EchoOptions): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const message = body as JsonObject;
  const query = readQuery(call.query, {});
  const refusal = checkBody(message, fields) ?? ('status' in query ? query : undefined);
  if (refusal !== undefined) return refusal;
  const serial = headerOf(call.request, 'wechatpay-serial');
  if (serial === undefined) {
    return refuse(400, 'PARAM_ERROR', 'HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)', 268435461);
  }
  const key = keysOf(call, mode()).find(({ id }) => id === serial)?.privateKey;
  if (key === undefined) return refuse(400, 'PARAM_ERROR', '平台证书序列号Wechatpay-Serial错误', 268435461);
  const echoMessage = message.get('echo_message') as string;
  const encrypted = message.get('encrypted_echo_message');
  const plaintext = typeof encrypted === 'string' ? decrypt(key, encrypted) : undefined;
  if (typeof encrypted === 'string' && plaintext === undefined) {
    return refuse(400, 'PARAM_ERROR', '敏感信息解密失败', 268435461);
  }
  const notifyUrl = message.get('notify_url');
  if (typeof notifyUrl === 'string') send(makeEchoCallback(call, notifyUrl, echoMessage, plaintext));
  return ok({
    echo_message: echoMessage,
    ...(plaintext === undefined
      ? {}
      : { encrypted_echo_message: encrypt(call.merchant, plaintext).toString('base64') }),
  });
}

/** The keys that a field may be encrypted for: the two kinds side by side only while the merchant has both. */
function keysOf({ platform }: Call, mode: Mode): readonly { readonly id: string; readonly privateKey: KeyObject }[] {
  if (mode === 'public-key') return [platform.publicKey];
  return mode === 'certificate' ? platform.certificates : [...platform.certificates, platform.publicKey];
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;

function decrypt(key: KeyObject, ciphertext: string): Buffer | undefined {
  try {
    return privateDecrypt({ key, ...oaep }, Buffer.from(ciphertext, 'base64'));
  } catch {
    return undefined;
  }
}

function encrypt(merchant: Merchant, plaintext: Buffer): Buffer {
  return publicEncrypt({ key: merchant.publicKey, ...oaep }, plaintext);
}

/** `encrypt_echo_message` in the plaintext, as the official page has it; the API says `encrypted_`. */
function makeEchoCallback(call: Call, url: string, message: string, plaintext: Buffer | undefined): Callback {
  const { merchant, now, randomBytes } = call;
  const id = randomBytes(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const resource = {
    echo_message: message,
    ...(plaintext === undefined ? {} : { encrypt_echo_message: encrypt(merchant, plaintext).toString('base64') }),
  };
  const body = {
    id,
    create_time: beijingTime(now),
    resource_type: 'encrypt-resource',
    event_type: 'SECURITY_ECHO.SUCCESS',
    summary: '安全接口测试',
    resource: {
      original_type: 'security',
      ...encryptResource(JSON.stringify(resource), '', merchant.apiV3Key, randomBytes(6).toString('hex')),
    },
  };
  return { id, url, body: Buffer.from(JSON.stringify(body), 'utf8') };
}
