/** What went over the wire, as events for `--debug`, with the secrets taken out before anybody sees it. */
import { WxpayError } from '../errors.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../ports.ts';
import { createRedactor, redactHeader, redactTarget, type Redact } from './redact.ts';
import type { RetryEvent } from './retried.ts';

/**
 * `call` and `settled` frame a call with all its tries; `request`, `response` and `failure` are one try on the wire;
 * `retry` stands between tries. Header values and bodies are redacted.
 */
export type TraceEvent =
  | { readonly kind: 'call'; readonly method: string; readonly target: string; readonly effect: string }
  | {
      readonly kind: 'request';
      readonly host: string;
      readonly method: string;
      readonly target: string;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: string;
    }
  | {
      readonly kind: 'response';
      readonly host: string;
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: string;
      readonly milliseconds: number;
    }
  | { readonly kind: 'failure'; readonly code: string; readonly outcome: string; readonly milliseconds: number }
  | ({ readonly kind: 'retry' } & RetryEvent)
  | {
      readonly kind: 'settled';
      /** `HTTP <status>` or an error code. */
      readonly result: string;
      readonly trust: string;
      readonly attempts: number;
      readonly milliseconds: number;
    };

export interface LoggedOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly redact: Redact;
  readonly onEvent: (event: TraceEvent) => void;
}

/** The outermost layer: one `call` and one `settled` per call. */
export function logged(inner: Transport, options: LoggedOptions): Transport {
  return async (request) => {
    const { onEvent, redact } = options;
    const start = options.clock.monotonic();
    const elapsed = (): number => Math.round(options.clock.monotonic() - start);
    onEvent({
      kind: 'call',
      method: request.method,
      target: redactTarget(request.target, redact),
      effect: request.effect,
    });
    try {
      const response = await inner(request);
      onEvent({
        kind: 'settled',
        result: `HTTP ${response.status}`,
        trust: response.trust,
        attempts: response.attempts ?? 1,
        milliseconds: elapsed(),
      });
      return response;
    } catch (error) {
      const attempts = error instanceof WxpayError ? Number(error.params['attempts'] ?? 1) : 1;
      onEvent({ kind: 'settled', result: codeOf(error), trust: 'none', attempts, milliseconds: elapsed() });
      throw error;
    }
  };
}

/** Just around the sender: every try with the headers that were really sent. */
export function traced(inner: Transport, host: string, options: LoggedOptions): Transport {
  return async (request) => {
    const { onEvent } = options;
    const own = request.secrets === undefined ? undefined : createRedactor(request.secrets);
    const redact: Redact = own === undefined ? options.redact : (text) => own(options.redact(text));
    const start = options.clock.monotonic();
    const elapsed = (): number => Math.round(options.clock.monotonic() - start);
    onEvent(requestEvent(request, host, redact));
    try {
      const response = await inner(request);
      onEvent(responseEvent(response, elapsed(), redact));
      return response;
    } catch (error) {
      const outcome = error instanceof WxpayError ? error.outcome : 'unknown';
      onEvent({ kind: 'failure', code: codeOf(error), outcome, milliseconds: elapsed() });
      throw error;
    }
  };
}

function requestEvent(request: ApiRequest, host: string, redact: Redact): TraceEvent {
  return {
    kind: 'request',
    host,
    method: request.method,
    target: redactTarget(request.target, redact),
    headers: Object.entries(request.headers ?? {}).map(([name, value]) => [name, redactHeader(name, value, redact)]),
    // Of an upload what is signed says what the file is; the file itself is nothing to read.
    body:
      request.signedBody === undefined
        ? bodyText(request.body, redact)
        : `${bodyText(request.signedBody, redact)}\n… (${request.body.length} bytes)`,
  };
}

function responseEvent(response: ApiResponse, milliseconds: number, redact: Redact): TraceEvent {
  return {
    kind: 'response',
    host: response.host,
    status: response.status,
    headers: Object.entries(response.headers).flatMap(([name, values]) =>
      values.map((value) => [name, redactHeader(name, value, redact)] as const),
    ),
    body: bodyText(response.body, redact),
    milliseconds,
  };
}

const shownBytes = 64 * 1024;

function bodyText(body: Uint8Array, redact: Redact): string {
  if (body.length === 0) return '';
  // The whole text is redacted before it is cut, or a secret on the edge would show its first half.
  const text = redact(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  const cut = text.length > shownBytes ? `${text.slice(0, shownBytes)}… (${body.length} bytes)` : text;
  return cut.replaceAll(/([?&]token=)[^&"\s]*/g, '$1[redacted]');
}

function codeOf(error: unknown): string {
  return error instanceof WxpayError ? error.code : 'INTERRUPTED';
}
