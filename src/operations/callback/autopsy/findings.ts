/** What an autopsy can find, and how sure it is. */
import type { Framework } from '../recipes.ts';
import type { Tried } from './budget.ts';

/**
 * - `proven`: with this undone, the signature verifies.
 * - `indicated`: the evidence points here, and nothing could be verified.
 * - `not_identifiable`: none of the known damages explains it.
 */
export type Grade = 'proven' | 'indicated' | 'not_identifiable';

/** Message keys are `autopsy.cause.<name>` and `autopsy.cure.<name>`. */
export const causes = [
  // The body.
  'reserialised',
  'byte_order_mark',
  'line_ends',
  'final_newline',
  'blanks_around',
  'mojibake',
  'charset',
  'charset_lost',
  'html_entities',
  'percent_encoded',
  'form_parsed',
  'string_literal',
  'bytes_literal',
  'printed_object',
  'base64_body',
  'compressed',
  'padded',
  'truncated',
  'one_byte',
  'other_body',
  'body_empty',
  'body_lost',
  'body_length',
  'envelope_changed',
  'body_changed',
  // The headers.
  'headers_missing',
  'header_missing',
  'header_renamed',
  'header_repeated',
  'header_joined',
  'header_quoted',
  'header_encoded',
  'headers_swapped',
  'timestamp_milliseconds',
  'timestamp_format',
  'timestamp_other',
  'nonce_case',
  'nonce_other',
  'nonce_truncated',
  'signature_url_safe',
  'signature_plus',
  'signature_blanks',
  'signature_padding',
  'signature_truncated',
  'signature_case',
  'signature_unreadable',
  'signature_changed',
  'signature_other',
  'serial_format',
  'serial_other',
  'serial_merchant',
  'serial_unknown',
  'type_changed',
  'type_unsupported',
  'probe',
  'stale',
  'clock_behind',
  // The keys.
  'key_other',
  'key_merchant',
  'signed_by_merchant',
  'api_v3_key_wrong',
  'api_v3_key_length',
  'api_v3_key_blanks',
  'api_v3_key_encoded',
  'api_v3_key_is_v2',
  'api_keys_swapped',
  'associated_data',
  'other_merchant',
  // Something else altogether.
  'message_changed',
  'not_an_envelope',
  'v2_notification',
] as const;
export type Cause = (typeof causes)[number];

/** What about re-serialised JSON is different; message keys are `autopsy.sign.<name>`. */
export const rewritings = [
  'spacing',
  'member_order',
  'slash_escapes',
  'unicode_escapes',
  'html_escapes',
  'numbers',
  'members_added',
  'members_lost',
  'members_renamed',
  'dates',
  'base64',
  'nested_string',
] as const;
export type Rewriting = (typeof rewritings)[number];

export interface Finding {
  readonly cause: Cause;
  readonly grade: 'proven' | 'indicated';
  readonly params: Readonly<Record<string, string | number>>;
  /** For `reserialised`. */
  readonly rewritings?: readonly Rewriting[];
}

/** Where captured and sent part for the first time. Bytes, since that is what is signed. */
export interface Difference {
  readonly part: 'timestamp' | 'nonce' | 'serial' | 'signature' | 'body';
  /** Bytes that both sides have in common at the start. */
  readonly offset: number;
  readonly capturedLength: number;
  readonly sentLength: number;
  /** Both from `from` on, at most 48 bytes. */
  readonly from: number;
  readonly captured: Uint8Array;
  readonly sent: Uint8Array;
}

/** Established apart from any search. */
export interface Facts {
  /**
   * - `intact`: a key at hand made this very signature over some message.
   * - `foreign`: its form is right, and no key at hand made it (or its bytes were changed).
   * - `unreadable`: no base64, or of a length that no key at hand makes.
   */
  readonly signature: 'intact' | 'foreign' | 'unreadable' | 'absent';
  /** The id of the key that made it. */
  readonly signedBy?: string;
  /** Whether the AEAD tag of the resource holds under the APIv3 key. `absent`: no resource to be found in the body. */
  readonly resource: 'holds' | 'fails' | 'absent' | 'no_key';
  readonly bodyLength: number;
  /** `Content-Length`, where it was captured. */
  readonly declaredLength?: number;
}

/** The message that the signature verifies. For tests and for showing differences: never data to act on. */
export interface Mended {
  readonly timestamp: string;
  readonly nonce: string;
  readonly serial: string;
  readonly signature: string;
  readonly body: Buffer;
}

export interface Autopsy {
  readonly grade: Grade;
  /** The main one first; empty when nothing could be identified. */
  readonly findings: readonly Finding[];
  readonly evidence: readonly Difference[];
  readonly facts: Facts;
  readonly tried: Tried;
  /** Whose recipe to show: the one asked for, else those that the damage points to; empty where none helps. */
  readonly frameworks: readonly Framework[];
  readonly mended?: Mended;
}
