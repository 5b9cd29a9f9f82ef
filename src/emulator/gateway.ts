/**
 * The gateway: everything that is checked before an endpoint is reached, in the order that live answers show (states 7,
 * steps 2 to 6). Its refusals are never signed.
 */
import { parseAuthorization } from './authorization.ts';
import type { Check } from './checks.ts';
import type { ClientCertificate } from './client-certificate.ts';
import type { Merchant } from './merchants.ts';
import { signedPart } from './multipart.ts';
import { requestMessage, signatureHolds, truncatedMessage } from './messages.ts';
import { refuse } from './reply.ts';
import type { Reply } from './reply.ts';

/** A request as it came: nothing decoded, nothing merged. */
export interface RawRequest {
  readonly method: string;
  /** The request target exactly as on the request line. */
  readonly target: string;
  /** Lower-case name → every value, in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  /** What the caller showed in TLS; absent over plain HTTP. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

export interface Authenticated {
  readonly merchant: Merchant;
}

/** The single value of a header; `undefined` when it is missing, blank or repeated. */
export function headerOf(request: RawRequest, name: string): string | undefined {
  const values = request.headers.get(name);
  const [value] = values ?? [];
  return values?.length === 1 && value !== undefined && value.trim() !== '' ? value : undefined;
}

const signError = 268443699;

/**
 * Who calls, proven by the signature over the raw request line and the raw body, of an upload its `meta`.
 *
 * @param now seconds since the epoch
 */
export function authenticate(
  request: RawRequest,
  find: (mchid: string) => Merchant | undefined,
  now: number,
): Authenticated | Reply {
  // The pay group has its own words, and does not look at User-Agent and Accept (endpoints 1.3).
  const payGroup = request.target.startsWith('/v3/pay/');
  if (!payGroup && lacksClientHeaders(request)) {
    return { ...refuse(400, 'INVALID_REQUEST', 'Http头缺少Accept或User-Agent', 268435461), check: 'client-headers' };
  }
  const header = headerOf(request, 'authorization');
  const fields = header === undefined ? 'malformed' : parseAuthorization(header);
  if (fields === 'type' || fields === 'malformed') return unreadable(payGroup, fields);
  if (Math.abs(now - Number(fields.timestamp)) > 300) {
    return signRefusal('timestamp', 'Http头Authorization中的timestamp与发起请求的时间不得超过5分钟');
  }
  const merchant = find(fields.mchid);
  if (merchant === undefined) return signRefusal('merchant', '签名错误');
  // Clients in wide use read it from the certificate in lower case; serials are compared without case (protocol 12).
  if (fields.serialNo.toUpperCase() !== merchant.serialNo) {
    return signRefusal('serial', '商户证书序列号有误。请使用签名私钥匹配的证书序列号');
  }
  const { method, target } = request;
  const body = signedPart(headerOf(request, 'content-type'), request.body);
  const message = requestMessage(method, target, fields.timestamp, fields.nonce, body);
  if (!signatureHolds(message, fields.signature, merchant.publicKey)) {
    const refusal = refuse(401, 'SIGN_ERROR', '错误的签名，验签失败', signError, {
      detail: { issue: 'sign not match' },
      field: 'signature',
      location: 'authorization',
      sign_information: {
        method,
        sign_message_length: message.length,
        truncated_sign_message: truncatedMessage(method, target, fields.timestamp, fields.nonce, body),
        url: target,
      },
    });
    return { ...refusal, check: 'signature' };
  }
  return { merchant };
}

/** No User-Agent; or, with a body, no Accept. A GET may come without Accept: widespread clients send none. */
function lacksClientHeaders(request: RawRequest): boolean {
  if (headerOf(request, 'user-agent') === undefined) return true;
  return request.method !== 'GET' && headerOf(request, 'accept') === undefined;
}

function unreadable(payGroup: boolean, fault: 'type' | 'malformed'): Reply {
  if (payGroup) return { ...signRefusal('authorization', '签名信息错误，验签失败'), withoutRequestId: true };
  return signRefusal(
    'authorization',
    fault === 'type'
      ? 'HTTP头Authorization认证类型不正确'
      : 'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》',
  );
}

function signRefusal(check: Check, message: string): Reply {
  return { ...refuse(401, 'SIGN_ERROR', message, signError), check };
}
