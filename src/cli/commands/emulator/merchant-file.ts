/** `--merchant`: an app's own merchant, from a JSON file. */
import { readFile } from 'node:fs/promises';
import { WxpayError } from '../../../core/errors.ts';
import { readMerchantOptions } from '../../../emulator/merchant-options.ts';
import type { MerchantOptions } from '../../../emulator/merchants.ts';

/** @throws WxpayError `INPUT_UNREADABLE`, `INPUT_INVALID` */
export async function readMerchantFile(file: string): Promise<MerchantOptions> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new WxpayError('INPUT_UNREADABLE', { params: { file, reason }, cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return readMerchantOptions(value as Record<string, unknown>);
  } catch (error) {
    if (error instanceof WxpayError) throw error;
  }
  throw new WxpayError('INPUT_INVALID', { params: { field: '--merchant', reason: 'key:emulator.reason.merchant' } });
}
