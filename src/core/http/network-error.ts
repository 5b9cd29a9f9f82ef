/** What went wrong on the wire, as one of our codes. */
import { WxpayError, type ErrorCode, type Outcome } from '../errors.ts';
import { isLoopback } from './base-url.ts';

export interface Wire {
  /** Name and port, for messages. */
  readonly host: string;
  readonly secure: boolean;
  /** True when the first byte of the request may have left. */
  readonly started: boolean;
  /** Effect `read`: nothing can have happened. */
  readonly harmless: boolean;
}

const dnsCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME', 'ENODATA', 'ESERVFAIL']);
const unreachableCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
]);
const timeoutCodes = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);
const tlsCode =
  /^(ERR_TLS|ERR_SSL|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MISMATCH|EPROTO$)/;

/**
 * Alerts about the client's certificate, as OpenSSL names them. A server that sends one has not accepted the handshake, and
 * reads no request before it has (RFC 8446, 4.4.2.4 and 6.2), even where ours had left already, as TLS 1.3 allows.
 */
const certificateAlert =
  /ALERT_(?:(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|ACCESS_DENIED)|(CERTIFICATE_EXPIRED)|(UNKNOWN_CA)|(CERTIFICATE_REQUIRED))$/;
const alertReasons = ['refused', 'expired', 'foreign', 'wanted'] as const;

/** `no_effect` for reads, else whether a byte may have left. */
export function outcomeOf(wire: Wire): Outcome {
  if (wire.harmless) return 'no_effect';
  return wire.started ? 'unknown' : 'not_sent';
}

/** Our error for what undici, net or tls reported. `seconds` is the deadline to name in a time-out. */
export function networkError(error: unknown, wire: Wire, seconds: number): WxpayError {
  if (error instanceof WxpayError) return error.with({ outcome: outcomeOf(wire) });
  const code = codeOf(error);
  const reason = reasonOf(error, code);
  const fail = (name: ErrorCode, params: Record<string, string | number> = {}): WxpayError =>
    new WxpayError(name, { params: { host: wire.host, ...params }, outcome: outcomeOf(wire), cause: error });
  const alert = certificateAlert.exec(code);
  if (alert !== null) {
    const kind = alertReasons.find((_, index) => alert[index + 1] !== undefined) ?? 'refused';
    return new WxpayError('NETWORK_TLS', {
      params: { host: wire.host, reason: `key:reason.client_certificate_${kind}` },
      outcome: outcomeOf({ ...wire, started: false }),
      hint: 'hint.CLIENT_CERTIFICATE_REFUSED',
      cause: error,
    });
  }
  if (tlsCode.test(code)) return fail('NETWORK_TLS', { reason });
  if (timeoutCodes.has(code)) return fail('NETWORK_TIMEOUT', { seconds });
  if (!wire.started) {
    if (dnsCodes.has(code)) return fail('NETWORK_DNS');
    if (unreachableCodes.has(code)) {
      const refused = fail('NETWORK_REFUSED');
      // Nothing of WeChat Pay's is on this machine but an emulator, and that has been stopped.
      const local = /^(.*):(\d+)$/.exec(wire.host);
      return isLoopback(local?.[1] ?? '')
        ? refused.with({ params: { ...refused.params, port: local?.[2] ?? '' }, hint: 'cli.hint.emulator_down' })
        : refused;
    }
    // Cut off while connecting: with TLS, mostly somebody who dislikes the handshake.
    return wire.secure ? fail('NETWORK_TLS', { reason }) : fail('NETWORK_REFUSED');
  }
  return fail('NETWORK_CUT', { reason });
}

/** The `code` of the error, of its cause, or of the first of several attempts (two address families). */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === 'string' && code !== '' && code !== 'UND_ERR_SOCKET') return code;
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  const inner = cause === undefined ? '' : codeOf(cause);
  return inner !== '' ? inner : typeof code === 'string' ? code : '';
}

/** Short, on one line; OpenSSL's own messages carry addresses of memory and line feeds. */
function reasonOf(error: unknown, code: string): string {
  const message = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
  const plain = message.replace(/^[0-9A-F]+:error:[^:]*:/i, '').slice(0, 160);
  return code === '' || plain.includes(code) ? plain : `${code}: ${plain}`;
}
