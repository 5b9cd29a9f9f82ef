/** `wxpay-cli/emulator`: an emulator inside somebody's test suite. Where such a program meets the real world. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../core/ports.ts';
import type { Emulator, EmulatorOptions } from '../emulator/contract.ts';
import { startEmulator as start } from '../emulator/server.ts';
import { sleep } from './sleep.ts';

export type {
  Emulator,
  EmulatorInfo,
  PayRequest,
  PayResult,
  RequestLog,
  SettleRequest,
  SettleResult,
} from '../emulator/contract.ts';
export type { SeedEntry } from '../emulator/beginning.ts';
export type { FaultInput, FaultRule } from '../emulator/faults.ts';
export type { MerchantOptions } from '../emulator/merchants.ts';
export { WxpayError } from '../core/errors.ts';

/** Everything has a default. */
export type LibraryOptions = Partial<EmulatorOptions>;

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep,
};

/**
 * Starts an emulator on a free port of 127.0.0.1. Without `dir` it lives in a temporary folder, which is removed when it is
 * closed; with one, its keys and merchants are kept there, and the next start is quicker.
 *
 * @throws WxpayError `EMULATOR_PORT_BUSY`, `FILE_UNWRITABLE`, `KEY_UNREADABLE`, `INPUT_INVALID`
 */
export async function startEmulator(options: LibraryOptions = {}): Promise<Emulator> {
  const temporary = options.dir === undefined ? await mkdtemp(join(tmpdir(), 'wxpay-emulator-')) : undefined;
  const remove = async (): Promise<void> => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  const emulator = await start({
    clock: realClock,
    randomBytes: (size) => randomBytes(size),
    ...options,
    dir: options.dir ?? temporary ?? '',
  }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const close = emulator.close.bind(emulator);
  return Object.defineProperty(emulator, 'close', {
    value: async () => {
      await close();
      await remove();
    },
  });
}
