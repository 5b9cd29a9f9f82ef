/** A runtime over a world of buffers, with a merchant that exists only in variables. */
import { createRuntime } from '../../src/cli/runtime.ts';
import type { Globals, Runtime } from '../../src/cli/command.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';
import { generateKeyPairSync } from 'node:crypto';
import { fakeWorld, type FakeWorld } from './world.ts';

const t = await loadTranslate('en');
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const merchantEnv = {
  WXPAY_MCHID: '1900000001',
  WXPAY_APPID: 'wxd678efh567hg6787',
  WXPAY_SERIAL_NO: '5E8EF0D8C1B2A3948576655443322110FFEEDDCC',
  WXPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  WXPAY_API_V3_KEY: '0123456789abcdef0123456789abcdef',
  WXPAY_BASE_URL: 'http://127.0.0.1:1',
};
export const publicKeyEnv = {
  WXPAY_PUBLIC_KEY_ID: 'PUB_KEY_ID_0119000000012026112300000000000001',
  WXPAY_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};

export function makeRuntime(
  variables: Readonly<Record<string, string>>,
  globals: Partial<Globals> = {},
): { runtime: Runtime; world: FakeWorld; dispose: () => Promise<void>; secrets: () => readonly string[] } {
  const world = fakeWorld([], { env: variables });
  const output = { isTTY: false, columns: 80, rows: undefined, colorLevel: 0 } as const;
  const made = createRuntime({
    world,
    t,
    globals: {
      profile: undefined,
      output: 'table',
      query: undefined,
      lang: 'en',
      color: 'auto',
      quiet: false,
      verbose: false,
      debug: false,
      dryRun: false,
      yes: false,
      noInput: false,
      confirm: undefined,
      timeoutMs: 1_000,
      retries: 0,
      baseUrl: undefined,
      allowHost: undefined,
      ...globals,
    },
    stdout: { ...output, write: (text) => void world.stdout.write(text) },
    stderr: { ...output, write: (text) => void world.stderr.write(text) },
    signal: new AbortController().signal,
    readerGone: new AbortController().signal,
    emit: () => {},
    self: async () => 0,
  });
  return { ...made, world };
}
