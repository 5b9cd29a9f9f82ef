/** Every environment variable that wxpay reads: the list behind `wxpay help environment`, the README and its test. */
import type { MessageKey } from '../i18n/translate.ts';

export const environmentVariables = [
  'WXPAY_PROFILE',
  'WXPAY_MCHID',
  'WXPAY_APPID',
  'WXPAY_SERIAL_NO',
  'WXPAY_PRIVATE_KEY',
  'WXPAY_PRIVATE_KEY_FILE',
  'WXPAY_API_V3_KEY',
  'WXPAY_API_V2_KEY',
  'WXPAY_PUBLIC_KEY_ID',
  'WXPAY_PUBLIC_KEY',
  'WXPAY_PUBLIC_KEY_FILE',
  'WXPAY_CLIENT_CERT_FILE',
  'WXPAY_CLIENT_CERT_PASSPHRASE',
  'WXPAY_SUB_MCHID',
  'WXPAY_SUB_APPID',
  'WXPAY_NOTIFY_URL',
  'WXPAY_BASE_URL',
  'WXPAY_CA_FILE',
  'WXPAY_CONFIG_DIR',
  'WXPAY_CACHE_DIR',
  'WXPAY_EMULATOR_DIR',
  'WXPAY_LANG',
  'WXPAY_DEBUG',
  'WXPAY_NO_INPUT',
  'WXPAY_ACCESSIBLE',
  'NO_COLOR',
  'FORCE_COLOR',
  'HTTPS_PROXY',
  'NO_PROXY',
] as const;

export type EnvironmentVariable = (typeof environmentVariables)[number];

export function environmentText(variable: EnvironmentVariable): MessageKey {
  return `cli.environment.${variable}`;
}
