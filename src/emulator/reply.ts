/** What the emulator answers, before it is signed and sent. */
import type { Check } from './checks.ts';

export interface Reply {
  readonly status: number;
  /** The JSON body; `undefined` for an empty one. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** WeChat Pay's internal code, the digits after the last `-` of `Request-ID`; 0 when all is well (protocol 8.4). */
  readonly internal: number;
  /** The bytes of a download, sent instead of a JSON body and never signed (endpoints 1.2). */
  readonly file?: Uint8Array;
  /** An answer of APIv2, written as XML and signed in its own way; `code` is for the log. */
  readonly xml?: { readonly fields: ReadonlyMap<string, string>; readonly code?: string };
  /** Headers beyond the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Some refusals of the gateway carry no `Request-ID` (endpoints 1.3). */
  readonly withoutRequestId?: boolean;
  /** For the log: the check that refuses; absent in refusals of the endpoints themselves. */
  readonly check?: Check;
}

export function ok(body: Readonly<Record<string, unknown>>): Reply {
  return { status: 200, body, internal: 0 };
}

export const noContent: Reply = { status: 204, body: undefined, internal: 0 };

/** An answer without body and Request-ID, as for an unknown path (404) or a wrong verb (405). */
export function bare(status: number): Reply {
  return { status, body: undefined, internal: status, withoutRequestId: true };
}

/**
 * A refusal in WeChat Pay's shape (endpoints 1.3).
 *
 * @param internal the numeric code for `Request-ID`
 */
export function refuse(status: number, code: string, message: string, internal: number, detail?: unknown): Reply {
  return {
    status,
    body: detail === undefined ? { code, message } : { code, detail, message },
    internal,
  };
}

/** 400 PARAM_ERROR with the `detail` that live answers carry: `location` and `value` (protocol 8.1). */
export function paramError(message: string, location: string | null, value: unknown, internal = 268435461): Reply {
  return refuse(400, 'PARAM_ERROR', message, internal, { location, value });
}
