/** `POST /v3/security/echo`: proves signature, encryption both ways and, if asked, callback delivery (protocol 1.5). */
import { readBody, readQuery } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { Outbox } from '../callback-outbox.ts';
import { ok } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { checkBody } from '../rules/fields.ts';
import type { Fields } from '../rules/fields.ts';
import { decryptFields, encryptField } from '../sensitive.ts';

/** Seconds between sends: at most ten in all (protocol 1.5). */
export const echoSchedule: readonly number[] = [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600];

const fields: Fields = {
  echo_message: { type: 'string', title: '回显消息', required: true, max: 256 },
  encrypted_echo_message: { type: 'string', title: '加密回显消息', max: 1024 },
  notify_url: { type: 'string', title: '回调地址', max: 255, pattern: 'https?://[^?]+' },
};

export interface EchoOptions {
  /** Takes the callback away; the answer does not wait for it. */
  readonly outbox: Outbox;
}

export function echoEndpoints(options: EchoOptions): Endpoint[] {
  return [{ method: 'POST', path: '/v3/security/echo', answer: (call) => echo(call, options) }];
}

function echo(call: Call, { outbox }: EchoOptions): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const message = body as JsonObject;
  const query = readQuery(call.query, {});
  const refusal = checkBody(message, fields) ?? ('status' in query ? query : undefined);
  if (refusal !== undefined) return refusal;
  const echoMessage = message.get('echo_message') as string;
  const encrypted = message.get('encrypted_echo_message');
  // The serial is looked at even where nothing is encrypted.
  const opened = decryptFields(call, typeof encrypted === 'string' ? [encrypted] : []);
  if ('status' in opened) return opened;
  const [plaintext] = opened.texts;
  const notifyUrl = message.get('notify_url');
  if (typeof notifyUrl === 'string') tell(call, outbox, notifyUrl, echoMessage, plaintext);
  return ok({
    echo_message: echoMessage,
    ...(plaintext === undefined ? {} : { encrypted_echo_message: encryptField(plaintext, call.merchant.publicKey) }),
  });
}

/** `encrypt_echo_message` in the plaintext, as the official page has it; the API says `encrypted_`. */
function tell({ merchant }: Call, outbox: Outbox, url: string, message: string, plaintext: Buffer | undefined): void {
  outbox.post({
    merchant,
    url,
    event_type: 'SECURITY_ECHO.SUCCESS',
    original_type: 'security',
    associated_data: '',
    summary: '安全接口测试',
    content: {
      echo_message: message,
      ...(plaintext === undefined ? {} : { encrypt_echo_message: encryptField(plaintext, merchant.publicKey) }),
    },
    subject: {},
    schedule: echoSchedule,
  });
}
