/**
 * The types through which the core meets the outside world and through which its parts meet each other.
 * Types only: no code, no imports but types.
 */
import type { KeyObject } from 'node:crypto';

/** Time comes in through this port, so that a test can hold it still. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic milliseconds, for time-outs: not moved by changes of the wall clock. */
  monotonic(): number;
  /** Resolves after `milliseconds`; rejects with the signal's reason when it is aborted first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** A fresh random string of 32 characters `[0-9A-Z]` per call (`nonce_str`, protocol 1.1). */
export type Nonce = () => string;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * What repeating or losing a request can do.
 *
 * - `read`: changes nothing.
 * - `prepay`: idempotent with identical parameters; moves no money.
 * - `close`: re-entrant, but burns a number that was never used (states.md, F).
 * - `refund`: moves money; safe only with the same out_refund_no.
 * - `write`: any other write: never repeated by us.
 */
export type Effect = 'read' | 'prepay' | 'close' | 'refund' | 'write';

/** One APIv3 request before it is signed. Body and target are final: what is signed is what is sent, byte for byte. */
export interface ApiRequest {
  readonly method: Method;
  /** Origin-form target: path and query exactly as on the request line, starting with `/`. */
  readonly target: string;
  /** The exact body bytes; empty for none. */
  readonly body: Uint8Array;
  /**
   * The bytes that go into the signed message instead of `body`: the `meta` JSON of a multipart upload (protocol
   * 1.1). Absent for everything else.
   */
  readonly signedBody?: Uint8Array;
  /** Extra headers, lower-case names. `content-type` defaults to JSON when there is a body. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly effect: Effect;
  /** What of the body must not be shown in any trace: a payment code. */
  readonly secrets?: readonly string[];
  /**
   * How the answer proves itself: `signed` (default), or `file` (bill and media downloads are not signed; the caller
   * checks a hash), or `certificates` (`/v3/certificates`, which may bring the key that verifies it: the caller verifies), or
   * `v2`: a call of APIv2, which carries its own signature both ways; the caller signs and verifies.
   */
  readonly answer?: 'signed' | 'file' | 'certificates' | 'v2';
  /** Whether TLS carries the merchant's client certificate; by default where the endpoint wants it (protocol 11.3). */
  readonly clientCertificate?: boolean;
  readonly signal?: AbortSignal;
  /**
   * Takes the body of a 2xx `file` answer piece by piece, for files that are too big to hold; the answer's own body is then
   * empty, and no limit of size applies. Only silence ends such an answer early, not its length.
   */
  readonly sink?: BodySink;
}

/** Where the body of a file goes. What it throws ends the request. */
export interface BodySink {
  /** The head of a 2xx answer has come. */
  begin(status: number, headers: Headers): void;
  write(chunk: Uint8Array): void;
  /** True once a body has begun: from then on the request is not repeated by itself. */
  readonly begun: boolean;
}

/** Response headers, lower-case names; a repeated header keeps every value, since repetition is a reason to refuse. */
export type Headers = Readonly<Record<string, readonly string[]>>;

export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The raw body bytes, never decoded or trimmed before verification. */
  readonly body: Uint8Array;
  /**
   * `verified`: the signature holds. `unsigned`: the answer carries no signature headers. `unchecked`: nobody has
   * looked yet (what the innermost transport returns, and what `certificates` and `file` answers stay).
   */
  readonly trust: 'verified' | 'unsigned' | 'unchecked';
  /** The `Request-ID` header, if there was one. */
  readonly requestId?: string;
  /** The id of the key that verified the answer. */
  readonly serial?: string;
  /** Host that answered, e.g. `api.mch.weixin.qq.com` or `127.0.0.1:8080`. */
  readonly host: string;
  /** How many times the request was sent until this answer came, 1 or more. */
  readonly attempts?: number;
  /**
   * Whole seconds by which this machine's clock is ahead of the answer's `Date` (behind: below zero), where it has one. Nothing
   * proves that header: for hints only.
   */
  readonly clockAhead?: number;
}

/**
 * Sends one request. A transport is a function; policy is wrapping (DESIGN section 4):
 * `logged(retried(limited(verified(signed(send)))))`.
 *
 * Throws `WxpayError` of category `network` (with `outcome` `not_sent` when provably no byte of the request left, else
 * `unknown` for anything but a read), or `verification`. Answers of any status are returned, not thrown.
 */
export type Transport = (request: ApiRequest) => Promise<ApiResponse>;

/** Signs messages with the merchant's API private key. */
export interface Signer {
  readonly mchid: string;
  /** Serial of the merchant API certificate, upper-case hex. */
  readonly serialNo: string;
  /** base64( RSASSA-PKCS1-v1_5( SHA-256( message ) ) ), protocol 1.2. */
  sign(message: Uint8Array): string;
}

/** A key that verifies WeChat Pay's signatures and encrypts fields for it. */
export interface VerificationKey {
  /** `Wechatpay-Serial`: 40 upper-case hex digits of a platform certificate, or `PUB_KEY_ID_…`. */
  readonly id: string;
  readonly kind: 'platform-certificate' | 'wechatpay-public-key';
  readonly publicKey: KeyObject;
  /** The certificate's PEM; absent for a public key. */
  readonly certificate?: string;
  /** Milliseconds since the epoch; absent for a public key, which has no expiry. */
  readonly effectiveAt?: number;
  /** Retirement time: the earlier of the API's `expire_time` and the certificate's notAfter. */
  readonly expiresAt?: number;
}

/** Answers "which public key has this id", for platform certificates and public keys alike. */
export interface KeyRing {
  /** The key with this id; an unknown id may cause one refresh. `undefined` when nobody knows it. */
  find(id: string): Promise<VerificationKey | undefined>;
  /** The key that requests name in `Wechatpay-Serial` and that encrypts sensitive fields: a public key, else the newest certificate. `undefined` when there is none yet. */
  preferred(): Promise<VerificationKey | undefined>;
  /** Everything at hand, without any request. */
  list(): Promise<readonly VerificationKey[]>;
}
