/** Believes an answer only if its signature holds (protocol 2). */
import { WxpayError } from '../errors.ts';
import type { ApiRequest, ApiResponse, Clock, KeyRing, Transport } from '../ports.ts';
import { verifyMessage } from '../wire/verify.ts';

export interface VerifiedOptions {
  readonly keyRing: Pick<KeyRing, 'find'>;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Verifies every answer that has to prove itself by signature. A 2xx must verify. A refusal or trouble (4xx, 5xx) that
 * carries a signature must verify too; without one it is returned as `unsigned`. `file`, `certificates` and `v2` answers pass
 * `unchecked`: their callers check a hash, the certificates that they bring, or the signature inside.
 *
 * @throws `SIGNATURE_*`, with status and Request-ID; the outcome is `unknown` for anything but a read, since the request
 *   was delivered. A read also passes on why a key could not be fetched.
 */
export function verified(inner: Transport, options: VerifiedOptions): Transport {
  return async (request) => {
    const response = await inner(request);
    if (request.answer === 'v2') return response;
    const accepted = response.status >= 200 && response.status < 300;
    const signed = response.headers['wechatpay-signature'] !== undefined;
    if (!accepted && !signed) return { ...response, trust: 'unsigned' };
    if (request.answer === 'file' || request.answer === 'certificates') return response;
    try {
      const { headers, body } = response;
      const { serial } = await verifyMessage(
        { headers, body },
        { find: (id) => options.keyRing.find(id), now: options.clock.now() },
      );
      return { ...response, trust: 'verified', serial };
    } catch (error) {
      throw refused(request, response, error);
    }
  };
}

function refused(request: ApiRequest, response: ApiResponse, error: unknown): unknown {
  if (!(error instanceof WxpayError)) return error;
  const read = request.effect === 'read';
  const facts = {
    outcome: read ? ('no_effect' as const) : ('unknown' as const),
    httpStatus: response.status,
    ...(response.requestId === undefined ? {} : { requestId: response.requestId }),
  };
  if (read || error.category === 'verification') return error.with(facts);
  // Fetching the key failed, after the write was delivered: that failure must not pass for the write's own.
  const serial = response.headers['wechatpay-serial']?.[0] ?? '';
  return new WxpayError('SIGNATURE_SERIAL_UNKNOWN', { ...facts, params: { serial }, cause: error });
}
