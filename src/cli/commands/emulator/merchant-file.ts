/** `--merchant`: an app's own merchant, from a JSON file. */
import { readFile } from 'node:fs/promises';
import { inputUnreadable } from '../../../core/durable/system-error.ts';
import { WxpayError } from '../../../core/errors.ts';
import { readMerchantOptions } from '../../../emulator/merchant-options.ts';
import type { MerchantOptions } from '../../../emulator/merchants.ts';

/** @throws WxpayError `INPUT_UNREADABLE`, `INPUT_INVALID` */
export async function readMerchantFile(file: string): Promise<MerchantOptions> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw inputUnreadable(file, error);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return readMerchantOptions(value as Record<string, unknown>);
  } catch (error) {
    if (error instanceof WxpayError) throw error;
  }
  throw new WxpayError('INPUT_INVALID', { params: { field: '--merchant', reason: 'key:emulator.reason.merchant' } });
}
