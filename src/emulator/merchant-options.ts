/** A merchant's description as JSON: what the control API and `emulator start --merchant` take. */
import { WxpayError } from '../core/errors.ts';
import type { MerchantOptions, SubMerchant } from './merchants.ts';

const texts = {
  api_v3_key: 'apiV3Key',
  api_v2_key: 'apiV2Key',
  certificate: 'certificate',
  public_key: 'publicKey',
  serial_no: 'serialNo',
} as const;

/**
 * `{mchid, appids, api_v3_key?, api_v2_key?, certificate?, public_key?, serial_no?, sub_merchants?: [{mchid, appids}]}`;
 * certificate and public key are PEM texts.
 *
 * @throws WxpayError `INPUT_INVALID`
 */
export function readMerchantOptions(input: Readonly<Record<string, unknown>>): MerchantOptions {
  const { mchid, appids, sub_merchants: subMerchants } = input;
  if (typeof mchid !== 'string') throw invalid('mchid');
  if (!isTexts(appids)) throw invalid('appids');
  const optional: Record<string, string> = {};
  for (const [name, value] of Object.entries(input)) {
    if (name === 'mchid' || name === 'appids' || name === 'sub_merchants') continue;
    if (!Object.hasOwn(texts, name) || typeof value !== 'string') throw invalid(name);
    optional[texts[name as keyof typeof texts]] = value;
  }
  return {
    mchid,
    appids,
    ...optional,
    ...(subMerchants === undefined ? {} : { subMerchants: readSubMerchants(subMerchants) }),
  };
}

function readSubMerchants(value: unknown): SubMerchant[] {
  if (!Array.isArray(value)) throw invalid('sub_merchants');
  return value.map((entry: unknown) => {
    const { mchid, appids = [] } = (entry ?? {}) as Record<string, unknown>;
    if (typeof mchid !== 'string' || !isTexts(appids)) throw invalid('sub_merchants');
    return { mchid, appids };
  });
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.merchant' } });
}
