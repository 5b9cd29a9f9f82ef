/**
 * The one error class of wxpay, with a stable `code`.
 *
 * Programs and tests match on `code`, never on text: the text that people read is made from the code and its
 * `params` in `i18n`, in two languages. `category` decides the exit code (one table, in `cli/exit-codes.ts`) and
 * `outcome` says whether money may have moved.
 */

/**
 * What is known about the effect of the call that failed.
 *
 * - `no_effect`: a read or a local computation; there is nothing that could have happened.
 * - `not_sent`: a write that provably never reached WeChat Pay.
 * - `rejected`: WeChat Pay answered, and refused.
 * - `unknown`: a write was (or may have been) delivered and its result is not known. Money may have moved.
 * - `partial`: a batch of which a part was done.
 */
export type Outcome = 'no_effect' | 'not_sent' | 'rejected' | 'unknown' | 'partial';

export type ErrorCategory =
  | 'bug'
  | 'usage'
  | 'config'
  | 'refused'
  | 'not_found'
  | 'verification'
  | 'network'
  | 'unknown_outcome'
  | 'batch'
  | 'unconfirmed'
  | 'throttled'
  | 'not_final'
  | 'credentials';

/** Every error code, with its category. The texts are `i18n/<lang>/errors.ts`; a missing one does not compile. */
const categories = {
  INTERNAL: 'bug',

  // Usage: bad flags, arguments, input data. Nothing was sent.
  USAGE: 'usage',
  INPUT_MISSING: 'usage',
  INPUT_INVALID: 'usage',
  INPUT_UNREADABLE: 'usage',
  SECRET_IN_ARGV: 'usage',
  AMOUNT_UNIT_MISSING: 'usage',
  AMOUNT_INVALID: 'usage',
  AMOUNT_RATIO: 'usage',
  AMOUNT_EXCEEDS_ORDER: 'usage',
  QUERY_EXPRESSION_INVALID: 'usage',
  HOST_NOT_ALLOWED: 'usage',
  FORWARD_HOST_REFUSED: 'usage',
  PATH_INVALID: 'usage',
  BATCH_INVALID: 'usage',
  PLAN_STALE: 'usage',

  // Configuration: profiles, keys, certificates, files of this machine.
  PROFILE_NONE: 'config',
  PROFILE_NOT_FOUND: 'config',
  PROFILE_EXISTS: 'config',
  PROFILE_INVALID: 'config',
  PROFILE_FILE_BROKEN: 'config',
  PROFILE_FILE_NEWER: 'config',
  CREDENTIAL_MISSING: 'config',
  SECRET_UNREADABLE: 'config',
  KEYCHAIN_UNAVAILABLE: 'config',
  KEY_UNREADABLE: 'config',
  KEY_WRONG_KIND: 'config',
  KEY_WEAK: 'config',
  KEY_CERTIFICATE_MISMATCH: 'config',
  CLIENT_CERTIFICATE_MISMATCH: 'config',
  API_V3_KEY_LENGTH: 'config',
  CERTIFICATE_EXPIRED: 'config',
  CERTIFICATE_ENDING: 'config',
  ROTATION_DUE: 'config',
  ON_CHANGE_FAILED: 'config',
  P12_PASSPHRASE_WRONG: 'config',
  P12_INVALID: 'config',
  FILE_UNWRITABLE: 'config',
  LOCK_TIMEOUT: 'config',
  JOURNAL_BUSY: 'config',
  JOURNAL_BROKEN: 'config',
  JOURNAL_FOREIGN: 'config',
  ENVIRONMENT_UNSAFE: 'config',
  EMULATOR_KEY_ON_LIVE: 'config',
  EMULATOR_NOT_RUNNING: 'config',
  EMULATOR_PORT_BUSY: 'config',
  EMULATOR_RUNNING: 'config',
  LISTEN_PORT_BUSY: 'config',

  // WeChat Pay said no.
  API_REFUSED: 'refused',
  BILL_NOT_READY: 'refused',
  ORDER_PAID: 'refused',
  ORDER_CLOSED: 'refused',
  ORDER_NOT_PAID: 'refused',
  PAYMENT_FAILED: 'refused',
  REFUND_DIFFERS: 'refused',
  REFUND_NOTHING_LEFT: 'refused',
  REFUND_CLOSED: 'refused',
  REFUND_ABNORMAL: 'refused',
  TRANSFER_DIFFERS: 'refused',
  TRANSFER_FAILED: 'refused',
  TRANSFER_NOT_CANCELLABLE: 'refused',
  EMULATOR_ORDER_EXPIRED: 'refused',
  EMULATOR_HANDLE_EXPIRED: 'refused',
  EMULATOR_REFUND_FINAL: 'refused',
  EMULATOR_TRANSFER_STATE: 'refused',
  NOT_FOUND: 'not_found',
  CREDENTIALS_REFUSED: 'credentials',
  CLIENT_CERTIFICATE_REFUSED: 'credentials',
  THROTTLED: 'throttled',
  SERVER_ERROR: 'throttled',

  // An answer, callback or file whose authenticity or content does not hold.
  SIGNATURE_MISSING: 'verification',
  SIGNATURE_HEADER_INVALID: 'verification',
  SIGNATURE_TYPE_UNSUPPORTED: 'verification',
  SIGNATURE_STALE: 'verification',
  SIGNATURE_SERIAL_UNKNOWN: 'verification',
  SIGNATURE_PROBE: 'verification',
  SIGNATURE_WRONG: 'verification',
  ANSWER_MISMATCH: 'verification',
  ANSWER_MALFORMED: 'verification',
  CALLBACK_MALFORMED: 'verification',
  CALLBACK_UNEXPECTED: 'verification',
  DECRYPT_FAILED: 'verification',
  CERTIFICATES_INVALID: 'verification',
  CERTIFICATES_NONE: 'not_found',
  CHECK_FAILED: 'verification',
  BILL_HASH_WRONG: 'verification',
  BILL_MALFORMED: 'verification',
  BILL_TOO_LARGE: 'verification',
  BILL_SUMS_DIFFER: 'verification',

  // The network; provably nothing happened.
  NETWORK_DNS: 'network',
  NETWORK_REFUSED: 'network',
  NETWORK_TLS: 'network',
  NETWORK_PROXY: 'network',
  NETWORK_TIMEOUT: 'network',
  NETWORK_CUT: 'network',
  NETWORK_REDIRECT: 'network',
  ANSWER_TOO_LARGE: 'network',

  // A write whose result is not known.
  OUTCOME_UNKNOWN: 'unknown_outcome',
  REFUND_UNRESOLVED: 'unknown_outcome',
  TRANSFER_UNRESOLVED: 'unknown_outcome',
  TRANSFER_FORGOTTEN: 'unknown_outcome',

  CONFIRMATION_REQUIRED: 'unconfirmed',
  CONFIRMATION_DECLINED: 'unconfirmed',
  BATCH_TOTAL_MISMATCH: 'unconfirmed',
  BATCH_LIMIT: 'unconfirmed',
  REMOVAL_UNCONFIRMED: 'unconfirmed',
  NOT_FINAL: 'not_final',

  // A batch that was carried out, and not all of it succeeded.
  BATCH_INCOMPLETE: 'batch',

  // Two books that do not agree.
  BILL_DIFFERS: 'batch',
} as const satisfies Record<string, ErrorCategory>;

export type ErrorCode = keyof typeof categories;

/** All codes, for tests and documentation. */
export const errorCodes = Object.keys(categories) as readonly ErrorCode[];

/** What WeChat Pay's own error body said; `code` is never translated. */
export interface WechatError {
  readonly code: string;
  readonly message: string;
  /** The `detail` member as it came, for `--json` and the SIGN_ERROR comparison. */
  readonly detail?: unknown;
}

export interface ErrorFacts {
  /** Values for the message's placeholders. Never a secret. Strings from the network are allowed; they are escaped on output. */
  readonly params?: Readonly<Record<string, string | number>>;
  readonly outcome?: Outcome;
  readonly httpStatus?: number;
  readonly requestId?: string;
  readonly wechat?: WechatError;
  /** `true` when the answer carried no verifiable signature: the refusal is reported, and marked. */
  readonly unsigned?: boolean;
  /** The command that resolves the situation, as argv, e.g. `['order', 'query', 'T1']`. */
  readonly next?: readonly string[];
  /** For i18n: a hint key that replaces the code's own hint. */
  readonly hint?: string;
  readonly cause?: unknown;
}

export class WxpayError extends Error {
  override readonly name = 'WxpayError';
  readonly code: ErrorCode;
  readonly category: ErrorCategory;
  readonly params: Readonly<Record<string, string | number>>;
  readonly outcome: Outcome;
  readonly httpStatus: number | undefined;
  readonly requestId: string | undefined;
  readonly wechat: WechatError | undefined;
  readonly unsigned: boolean;
  readonly next: readonly string[] | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, facts: ErrorFacts = {}) {
    super(describe(code, facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.category = categories[code];
    this.params = facts.params ?? {};
    this.outcome = facts.outcome ?? 'no_effect';
    this.httpStatus = facts.httpStatus;
    this.requestId = facts.requestId;
    this.wechat = facts.wechat;
    this.unsigned = facts.unsigned ?? false;
    this.next = facts.next;
    this.hint = facts.hint;
  }

  /** The same error with other facts laid over its own: how a layer adds what it knows (an outcome, the next command). */
  with(facts: ErrorFacts): WxpayError {
    return new WxpayError(this.code, { ...this.facts(), ...facts });
  }

  private facts(): ErrorFacts {
    const facts: Record<string, unknown> = { params: this.params, outcome: this.outcome, unsigned: this.unsigned };
    if (this.httpStatus !== undefined) facts['httpStatus'] = this.httpStatus;
    if (this.requestId !== undefined) facts['requestId'] = this.requestId;
    if (this.wechat !== undefined) facts['wechat'] = this.wechat;
    if (this.next !== undefined) facts['next'] = this.next;
    if (this.hint !== undefined) facts['hint'] = this.hint;
    if (this.cause !== undefined) facts['cause'] = this.cause;
    return facts;
  }
}

/** True for a `WxpayError`, optionally of one of the given codes. */
export function isWxpayError(error: unknown, ...codes: ErrorCode[]): error is WxpayError {
  return error instanceof WxpayError && (codes.length === 0 || codes.includes(error.code));
}

/** A terse English line for logs and test output; people see the catalogue's text instead. */
function describe(code: ErrorCode, facts: ErrorFacts): string {
  const parts: string[] = [code];
  if (facts.wechat !== undefined) parts.push(`${facts.wechat.code}: ${facts.wechat.message}`);
  const params = Object.entries(facts.params ?? {});
  if (params.length > 0) parts.push(params.map(([name, value]) => `${name}=${String(value)}`).join(' '));
  return parts.join(' ');
}
