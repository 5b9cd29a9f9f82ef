/** Adds what every request carries, and signs exactly what will be sent (protocol 1). */
import { WxpayError } from '../errors.ts';
import type { ApiRequest, Clock, KeyRing, Nonce, Signer, Transport } from '../ports.ts';
import { buildAuthorization } from '../wire/authorization.ts';
import { requestMessage } from '../wire/message.ts';
import { checkTarget } from './request-target.ts';

export interface SignedOptions {
  /** A function is asked by the first request that has to be signed. */
  readonly signer: Signer | (() => Promise<Signer>);
  readonly clock: Pick<Clock, 'now'>;
  readonly nonce: Nonce;
  readonly keyRing: Pick<KeyRing, 'preferred'>;
  /** Never empty: some endpoints refuse requests without one (protocol 1.3). */
  readonly userAgent: string;
  /** Language of WeChat Pay's error messages. */
  readonly acceptLanguage: 'en' | 'zh-CN';
}

/** Set by this layer or by the connection; a caller that sets one of them would sign one thing and send another. */
const reserved: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Signs each try anew: a fresh timestamp and nonce over the same method, target and body. Adds accept, content-type,
 * user-agent, accept-language, and `wechatpay-serial` with the key we prefer to be answered with (protocol 4); the
 * request's own headers win over these.
 *
 * @throws `PATH_INVALID`, `INPUT_INVALID` for a header that cannot be sent, before anything is signed
 */
export function signed(inner: Transport, options: SignedOptions): Transport {
  return async (request) => {
    const prepared = await prepareRequest(request, options);
    return inner(prepared);
  };
}

/** The request with all headers that go on the wire: what a dry run shows. */
export async function prepareRequest(request: ApiRequest, options: SignedOptions): Promise<ApiRequest> {
  checkTarget(request.target);
  const own = request.headers ?? {};
  checkHeaders(own);
  if (request.answer === 'v2') return { ...request, headers: { ...v2Headers(options), ...own } };
  const signer = typeof options.signer === 'function' ? await options.signer() : options.signer;
  // The download of certificates must not ask for the keys that it is about to bring.
  const preferred = request.answer === 'certificates' ? undefined : await options.keyRing.preferred();
  const timestamp = String(Math.floor(options.clock.now() / 1_000));
  const nonce = options.nonce();
  const body = request.signedBody ?? request.body;
  const message = requestMessage({ method: request.method, target: request.target, timestamp, nonce, body });
  const signature = signer.sign(message);
  const { mchid, serialNo } = signer;
  const authorization = buildAuthorization({ mchid, serialNo, nonce, timestamp, signature });
  const headers: Record<string, string> = {
    accept: request.answer === 'file' ? '*/*' : 'application/json',
    'accept-encoding': 'identity',
    'accept-language': options.acceptLanguage,
    'user-agent': options.userAgent,
    ...(request.body.length > 0 ? { 'content-type': 'application/json' } : {}),
    ...(preferred === undefined ? {} : { 'wechatpay-serial': preferred.id }),
    ...own,
    authorization,
  };
  return { ...request, headers };
}

/** APIv2 knows no Authorization: its signature is in the body (protocol 11.1). */
function v2Headers({ userAgent }: SignedOptions): Record<string, string> {
  return {
    accept: 'text/xml, text/plain',
    'accept-encoding': 'identity',
    'user-agent': userAgent,
    'content-type': 'text/xml; charset=utf-8',
  };
}

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const fault = !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)
      ? 'name'
      : reserved.has(name)
        ? 'own'
        : !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)
          ? 'value'
          : undefined;
    if (fault === undefined) continue;
    throw new WxpayError('INPUT_INVALID', {
      params: { field: `header ${name.slice(0, 60)}`, reason: `key:reason.own_header_${fault}` },
      outcome: 'not_sent',
    });
  }
}
