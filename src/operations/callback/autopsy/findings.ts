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
  'text_around',
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
  'algorithm_unsupported',
  'other_merchant',
  // Something else altogether.
  'message_changed',
  'capture_parsed',
  'not_an_envelope',
  'v2_notification',
  // APIv2: the document and its values, the sign, the keys, and who signs in other ways.
  'v2_parsed',
  'v2_cdata_lost',
  'v2_markup',
  'v2_no_document',
  'v2_trimmed',
  'v2_padded',
  'v2_retyped',
  'v2_number_lost',
  'v2_entities',
  'v2_url_encoded',
  'v2_empty_written',
  'v2_names',
  'v2_field_lost',
  'v2_field_added',
  'v2_value_changed',
  'v2_one_character',
  'v2_sign_form',
  'v2_sign_case',
  'v2_sign_truncated',
  'v2_sign_type',
  'v2_sign_unreadable',
  'v2_no_sign',
  'v2_answer',
  'v2_signed_empty',
  'v2_signed_sign',
  'v2_signed_order',
  'v2_signed_key',
  'v2_signed_encoded',
  'v2_signed_charset',
  'v2_signed_without',
  'v2_signed_otherwise',
  'v2_key_blanks',
  'v2_key_encoded',
  'v2_key_v3',
  'v2_other_mchid',
  'v2_sub_merchant',
  'v2_req_info_text',
  'v2_req_info_cut',
  'v2_req_info_key',
] as const;
export type Cause = (typeof causes)[number];

/** What to do about a cause; message keys are `autopsy.cure.<name>`. */
export const cures = {
  reserialised: 'raw_body',
  byte_order_mark: 'raw_body',
  line_ends: 'raw_body',
  final_newline: 'raw_body',
  blanks_around: 'raw_body',
  text_around: 'capture_raw',
  mojibake: 'charset',
  charset: 'charset',
  charset_lost: 'charset',
  html_entities: 'raw_body',
  percent_encoded: 'capture_raw',
  form_parsed: 'raw_body',
  string_literal: 'capture_raw',
  bytes_literal: 'capture_raw',
  printed_object: 'capture_raw',
  base64_body: 'capture_raw',
  compressed: 'proxy_body',
  padded: 'raw_body',
  truncated: 'proxy_body',
  one_byte: 'capture_raw',
  other_body: 'same_request',
  body_empty: 'raw_body',
  body_lost: 'raw_body',
  body_length: 'raw_body',
  envelope_changed: 'raw_body',
  body_changed: 'raw_body',
  headers_missing: 'proxy_headers',
  header_missing: 'proxy_headers',
  header_renamed: 'proxy_headers',
  header_repeated: 'proxy_headers',
  header_joined: 'proxy_headers',
  header_quoted: 'header_values',
  header_encoded: 'header_values',
  headers_swapped: 'header_values',
  timestamp_milliseconds: 'header_values',
  timestamp_format: 'header_values',
  timestamp_other: 'same_request',
  nonce_case: 'header_values',
  nonce_other: 'same_request',
  nonce_truncated: 'limit',
  signature_url_safe: 'signature_value',
  signature_plus: 'signature_value',
  signature_blanks: 'signature_value',
  signature_padding: 'signature_value',
  signature_truncated: 'limit',
  signature_case: 'signature_value',
  signature_unreadable: 'signature_value',
  signature_changed: 'fetch_key',
  signature_other: 'same_request',
  serial_format: 'serial',
  serial_other: 'serial',
  serial_merchant: 'platform_key',
  serial_unknown: 'fetch_key',
  type_changed: 'type',
  type_unsupported: 'type',
  probe: 'probe',
  stale: 'stale',
  clock_behind: 'clock',
  key_other: 'platform_key',
  key_merchant: 'platform_key',
  signed_by_merchant: 'not_wechat',
  api_v3_key_wrong: 'api_v3_key',
  api_v3_key_length: 'api_v3_key',
  api_v3_key_blanks: 'api_v3_key',
  api_v3_key_encoded: 'api_v3_key',
  api_v3_key_is_v2: 'api_v3_key',
  api_keys_swapped: 'api_v3_key',
  algorithm_unsupported: 'algorithm',
  other_merchant: 'other_merchant',
  message_changed: 'capture_raw',
  capture_parsed: 'capture_raw',
  not_an_envelope: 'not_an_envelope',
  v2_notification: 'v2',
  v2_parsed: 'capture_raw',
  v2_cdata_lost: 'v2_values',
  v2_markup: 'capture_raw',
  v2_no_document: 'capture_raw',
  v2_trimmed: 'v2_values',
  v2_padded: 'v2_values',
  v2_retyped: 'v2_values',
  v2_number_lost: 'v2_values',
  v2_entities: 'v2_values',
  v2_url_encoded: 'v2_values',
  v2_empty_written: 'v2_values',
  v2_names: 'v2_values',
  v2_field_lost: 'v2_values',
  v2_field_added: 'v2_values',
  v2_value_changed: 'v2_changed',
  v2_one_character: 'capture_raw',
  v2_sign_form: 'v2_sign',
  v2_sign_case: 'v2_sign',
  v2_sign_truncated: 'limit',
  v2_sign_type: 'v2_sign_type',
  v2_sign_unreadable: 'v2_sign',
  v2_no_sign: 'capture_raw',
  v2_answer: 'not_an_envelope',
  v2_signed_empty: 'v2_not_wechat',
  v2_signed_sign: 'v2_not_wechat',
  v2_signed_order: 'v2_not_wechat',
  v2_signed_key: 'v2_not_wechat',
  v2_signed_encoded: 'v2_not_wechat',
  v2_signed_charset: 'v2_not_wechat',
  v2_signed_without: 'v2_not_wechat',
  v2_signed_otherwise: 'v2_not_wechat',
  v2_key_blanks: 'v2_key',
  v2_key_encoded: 'v2_key',
  v2_key_v3: 'v2_key',
  v2_other_mchid: 'other_merchant',
  v2_sub_merchant: 'v2_provider_key',
  v2_req_info_text: 'v2_req_info',
  v2_req_info_cut: 'limit',
  v2_req_info_key: 'v2_not_wechat',
} as const satisfies Readonly<Record<Cause, string>>;

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
  readonly part: 'timestamp' | 'nonce' | 'serial' | 'signature' | 'body' | 'sign_string';
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
  /** Signature and resource are APIv2's: a digest under a shared key, and `req_info`. */
  readonly api?: 'v2';
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

/** The same of APIv2: the string that is signed, without the key at its end. */
export interface MendedV2 {
  readonly signed: string;
  readonly type: 'MD5' | 'HMAC-SHA256';
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
  readonly mendedV2?: MendedV2;
}
