/** The days that a bill command is asked for, by the clock of whoever makes the bills. */
import { WxpayError } from '../../../core/errors.ts';
import { emulatorTime } from '../../../emulator/control-client.ts';
import { readDates } from '../../../operations/bill/dates.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import type { Runtime } from '../../command.ts';

/**
 * WeChat Pay's today is this machine's. An emulator's clock may have been moved, and it is asked; a dry run asks nobody.
 *
 * @throws WxpayError as `readDates` does
 */
export async function readBillDates(text: string, runtime: Runtime): Promise<readonly string[]> {
  const here = runtime.clock.now();
  let dates: readonly string[] | undefined;
  let today: WxpayError | undefined;
  try {
    dates = readDates(text, here);
  } catch (error) {
    // A day that has not come yet may have been there for an emulator; anything else is wrong by any clock.
    if (!(error instanceof WxpayError) || error.params['reason'] !== 'key:bill.reason.date_today') throw error;
    today = error;
  }
  const profile = await runtime.profile();
  const now = profile.live || runtime.globals.dryRun ? undefined : await askTime(baseUrlOf(profile), runtime);
  if (now !== undefined) return readDates(text, now);
  if (dates === undefined) throw today ?? new WxpayError('INPUT_INVALID', { params: { field: 'date' } });
  return dates;
}

async function askTime(base: string, runtime: Runtime): Promise<number | undefined> {
  const ca = base.startsWith('https:') ? await (await runtime.credentials()).ca().catch(() => undefined) : undefined;
  return emulatorTime(base, ca);
}
