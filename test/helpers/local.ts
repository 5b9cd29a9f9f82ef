/** A home folder whose environment points the built binary at an emulator of its own. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/core/ports.ts';
import type { Emulator, EmulatorInfo, EmulatorOptions } from '../../src/emulator/contract.ts';
import { startEmulator } from '../../src/emulator/server.ts';
import { makeHome, type Home, type RunOptions, type RunResult } from './cli.ts';

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      });
    }),
};

export interface Local {
  readonly home: Home;
  readonly emulator: Emulator;
  readonly info: EmulatorInfo;
  /** The merchant as variables, as CI would set them. */
  readonly env: Readonly<Record<string, string>>;
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  close(): Promise<void>;
}

export async function startLocal(options: Partial<EmulatorOptions> = {}): Promise<Local> {
  const home = makeHome();
  const emulator = await startEmulator({
    clock: realClock,
    randomBytes: (size) => randomBytes(size),
    dir: join(home.dir, 'emulator'),
    ...options,
  });
  const { info } = emulator;
  const env = {
    WXPAY_MCHID: info.mchid,
    WXPAY_APPID: info.appid,
    WXPAY_SERIAL_NO: info.serial_no,
    WXPAY_PRIVATE_KEY: readFileSync(info.private_key_file, 'utf8'),
    WXPAY_API_V3_KEY: info.api_v3_key,
    WXPAY_BASE_URL: info.url,
  };
  return {
    home,
    emulator,
    info,
    env,
    run: (argv, runOptions = {}) => home.run(argv, { ...runOptions, env: { ...env, ...runOptions.env } }),
    async close() {
      await emulator.close();
      home.remove();
    },
  };
}
