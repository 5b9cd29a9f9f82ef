/** Puts the layers together, in the one order that is right (DESIGN section 4). */
import type { Clock, KeyRing, Nonce, Signer, Transport } from '../ports.ts';
import { backupOf, type BaseUrl } from './base-url.ts';
import { checkEnvironment } from './environment.ts';
import { createLimit, limited, type Limit } from './limited.ts';
import { logged, traced, type TraceEvent } from './logged.ts';
import type { Redact } from './redact.ts';
import { retried } from './retried.ts';
import { createSend, type ClientCertificate, type Timeouts } from './send.ts';
import { signed } from './signed.ts';
import { verified } from './verified.ts';

export interface TransportOptions {
  readonly baseUrl: BaseUrl;
  /** A function is asked by the first request that has to be signed. */
  readonly signer: Signer | (() => Promise<Signer>);
  readonly keyRing: KeyRing;
  readonly clock: Clock;
  readonly nonce: Nonce;
  /** Uniform in [0, 1): jitter. */
  readonly random: () => number;
  /** Proxy variables, NODE_TLS_REJECT_UNAUTHORIZED and NODE_OPTIONS. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** E.g. `wxpay-cli/0.1.0 (linux; node 20.20.2)`. */
  readonly userAgent: string;
  readonly acceptLanguage: 'en' | 'zh-CN';
  /** PEM bundle of additional certificate authorities. */
  readonly ca?: string;
  readonly clientCertificate?: () => Promise<ClientCertificate>;
  /** Deadlines of one try. */
  readonly timeouts?: Partial<Timeouts>;
  readonly retries?: number;
  /** Requests per second; default 150, what WeChat Pay allows for refunds (protocol 10). */
  readonly ratePerSecond?: number;
  /** Redacted events for `--debug`. */
  readonly trace?: { readonly redact: Redact; readonly onEvent: (event: TraceEvent) => void };
}

export interface ComposedTransport {
  readonly transport: Transport;
  /** Ends idle connections at once. Not needed for the process to end. */
  close(): Promise<void>;
}

/**
 * `logged(retried(limited(verified(signed(send)))))` over the base URL and, where there is one, its official backup host.
 * Both share one rate limit. Nothing is loaded or connected before the first request.
 *
 * A write is refused (`ENVIRONMENT_UNSAFE`) while NODE_TLS_REJECT_UNAUTHORIZED=0 is set, or while NODE_OPTIONS opens a debugger.
 */
export function createTransport(options: TransportOptions): ComposedTransport {
  const { clock, env, trace } = options;
  const limit = createLimit({ clock, ratePerSecond: options.ratePerSecond ?? 150 });
  const backupUrl = backupOf(options.baseUrl);
  const primary = layersOver(options.baseUrl, options, limit);
  const backup = backupUrl === undefined ? undefined : layersOver(backupUrl, options, limit);
  const repeated = retried(primary.transport, {
    clock,
    random: options.random,
    ...(options.retries === undefined ? {} : { retries: options.retries }),
    ...(backup === undefined ? {} : { backup: backup.transport }),
    ...(trace === undefined ? {} : { onRetry: (event) => trace.onEvent({ kind: 'retry', ...event }) }),
  });
  const outermost = trace === undefined ? repeated : logged(repeated, { clock, ...trace });
  return {
    transport: async (request) => {
      checkEnvironment(env, request.effect, !options.baseUrl.loopback);
      return outermost(request);
    },
    close: async () => {
      await Promise.all([primary.close(), backup?.close()]);
    },
  };
}

/** `limited(verified(signed(send)))` over one host. */
function layersOver(baseUrl: BaseUrl, options: TransportOptions, limit: Limit): ComposedTransport {
  const { clock, trace } = options;
  const sender = createSend({ ...options, baseUrl });
  const wire = trace === undefined ? sender.send : traced(sender.send, baseUrl.host, { clock, ...trace });
  return {
    transport: limited(verified(signed(wire, options), options), limit),
    close: () => sender.close(),
  };
}
