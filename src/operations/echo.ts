/** `POST /v3/security/echo`: one call that proves keys without touching money (protocol 1.5). */
import type { KeyObject } from 'node:crypto';
import { decryptOaep, encryptOaep } from '../core/crypto/rsa.ts';
import { WxpayError } from '../core/errors.ts';
import { settle } from '../core/http/outcome.ts';
import type { ApiRequest, Transport, VerificationKey } from '../core/ports.ts';
import { parseJson } from '../core/wire/json.ts';

export interface EchoRequest {
  readonly transport: Transport;
  /** The key that `Wechatpay-Serial` names and that the field is encrypted for. */
  readonly key: VerificationKey;
  /** Short ASCII text: it comes back, in the callback too. */
  readonly message: string;
  /** Decrypts what comes back encrypted; absent, nothing is encrypted. */
  readonly merchantKey?: KeyObject;
  /** Where a callback shall go. */
  readonly notifyUrl?: string;
}

export interface EchoProof {
  /** The key that verified the answer: not always the one that was named, while keys are exchanged (protocol 4). */
  readonly signer: string;
  /** The field came back the same, through WeChat Pay's key and the merchant's. */
  readonly encryption: boolean;
}

/**
 * Sends an echo. That it returns proves the request's signature and the answer's; with `merchantKey` encryption both ways.
 *
 * @throws `API_REFUSED` (also for a serial that WeChat Pay does not know), `CREDENTIALS_REFUSED`, `NOT_FOUND`, `SIGNATURE_*`,
 *   `DECRYPT_FAILED`, `ANSWER_MISMATCH`, and network errors
 */
export async function echo({ transport, key, message, merchantKey, notifyUrl }: EchoRequest): Promise<EchoProof> {
  // Not ASCII alone: UTF-8 has to survive the way there and back.
  const secret = merchantKey === undefined ? undefined : `${message} \u52a0\u5bc6`;
  const body = {
    echo_message: message,
    ...(secret === undefined ? {} : { encrypted_echo_message: encryptOaep(key.publicKey, secret) }),
    ...(notifyUrl === undefined ? {} : { notify_url: notifyUrl }),
  };
  const request: ApiRequest = {
    method: 'POST',
    target: '/v3/security/echo',
    body: Buffer.from(JSON.stringify(body)),
    headers: { 'wechatpay-serial': key.id },
    // It changes nothing, so it may be repeated.
    effect: 'read',
  };
  const response = await settle(request, () => transport(request));
  const answer = parseJson(response.body);
  const members = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {};
  expectSame('echo_message', members['echo_message'], message);
  if (merchantKey !== undefined && secret !== undefined) {
    const encrypted = members['encrypted_echo_message'];
    if (typeof encrypted !== 'string') throw mismatch('encrypted_echo_message', '-', '…');
    expectSame('encrypted_echo_message', decryptOaep(merchantKey, encrypted), secret);
  }
  return { signer: response.serial ?? '', encryption: merchantKey !== undefined };
}

function expectSame(field: string, found: unknown, wanted: string): void {
  if (found !== wanted) throw mismatch(field, typeof found === 'string' ? found.slice(0, 80) : '-', wanted);
}

function mismatch(field: string, found: string, wanted: string): WxpayError {
  return new WxpayError('ANSWER_MISMATCH', { params: { field, found, wanted } });
}
