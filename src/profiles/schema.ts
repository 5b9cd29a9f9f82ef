/** What a merchant profile holds. */

/** A secret kept elsewhere (`env:NAME`, `file:/path`, `keychain:NAME`), or, at worst, the value itself in the 0600 file. */
export type SecretReference = string;

/**
 * A merchant as stored, one file per profile. Every field has a `WXPAY_*` variable that overrides it (DESIGN section 3).
 * Unknown fields are refused when read, so that a typing error is not silently a default.
 */
export interface Profile {
  /** Schema version of the file. */
  readonly version: 1;
  /** Merchant number, 8 to 10 digits. */
  readonly mchid?: string;
  readonly appid?: string;
  /** Serial of the merchant API certificate, 40 upper-case hex digits. */
  readonly serial_no?: string;
  /** The merchant's API private key: a reference, or PEM text. */
  readonly private_key?: SecretReference;
  /** 32 bytes. A reference, or the key itself. */
  readonly api_v3_key?: SecretReference;
  readonly api_v2_key?: SecretReference;
  /** `PUB_KEY_ID_…` */
  readonly public_key_id?: string;
  /** PEM text of the WeChat Pay public key, or a path with `file:`. Not secret. */
  readonly public_key?: string;
  /** Client certificate for mTLS: path of a `.p12` or `.pem`. */
  readonly client_cert_file?: string;
  readonly client_cert_passphrase?: SecretReference;
  /** Service provider mode: the sub-merchant. */
  readonly sub_mchid?: string;
  readonly sub_appid?: string;
  readonly notify_url?: string;
  /** `https://…` of a WeChat Pay host, or a loopback URL of an emulator. Default `https://api.mch.weixin.qq.com`. */
  readonly base_url?: string;
  /** PEM bundle of additional CAs for TLS. */
  readonly ca_file?: string;
}

export type ProfileField = Exclude<keyof Profile, 'version'>;

/** Where a value came from. */
export type Source =
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'env'; readonly variable: string }
  | { readonly from: 'profile'; readonly name: string; readonly file: string }
  | { readonly from: 'default' };

export interface Sourced {
  readonly value: string;
  readonly source: Source;
}

/**
 * The effective configuration: for each field the winning value and its source. Secrets are still references here; they
 * are read (`readSecret`) only when something needs them.
 */
export interface ResolvedProfile {
  /** The profile's name; `undefined` when the environment alone supplies everything. */
  readonly name: string | undefined;
  readonly values: Readonly<Partial<Record<ProfileField, Sourced>>>;
  /** Values that the winner hides: a flag over an environment variable, the environment over the profile. */
  readonly shadowed: readonly { readonly field: ProfileField; readonly by: Source; readonly hidden: Source }[];
  /** True when the effective base URL is not loopback: money is real. */
  readonly live: boolean;
}
