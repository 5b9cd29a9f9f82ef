/** Whose callbacks `callback trigger` makes: an emulator's, or those of a key that is given. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { loadPrivateKey } from '../../../core/crypto/key-files.ts';
import { WxpayError } from '../../../core/errors.ts';
import { readCallbackKeys } from '../../../emulator/callback-keys.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { EmulatorInfo } from '../../../emulator/contract.ts';
import type { Translate } from '../../../i18n/translate.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { addDirOption, emulatorDir, textOption } from '../emulator/emulator-dir.ts';

export interface SigningKeys {
  readonly key: { readonly id: string; readonly privateKey: KeyObject };
  readonly foreignKey: () => KeyObject;
  readonly apiV3Key: Uint8Array;
  readonly mchid: string;
  readonly appid: string;
  readonly subMchid: string;
}

export function addKeyOptions(command: Command, t: Translate): void {
  addDirOption(command, t);
  command.option('--mchid <mchid>', t('callbacks.option.mchid'));
  command.addOption(
    new Option('--sign-with <key>', t('callbacks.option.sign_with')).choices(['certificate', 'public-key']),
  );
  command.option('--key <file>', t('callbacks.option.key'));
  command.option('--serial <id>', t('callbacks.option.serial'));
}

/** @throws WxpayError for keys that cannot be found or read, and for flags that do not belong together */
export async function signingKeys(options: CommandInput['options'], runtime: Runtime): Promise<SigningKeys> {
  const file = textOption(options, 'key');
  const serial = textOption(options, 'serial');
  if (file !== undefined || serial !== undefined) return givenKey(file, serial, options, runtime);
  const dir = emulatorDir(options, runtime);
  const mchid = textOption(options, 'mchid') ?? (await ownMchid(runtime, dir));
  const by = textOption(options, 'signWith');
  const { key, foreignKey, merchant } = await readCallbackKeys(dir, {
    mchid,
    by: by === 'certificate' || by === 'public-key' ? by : undefined,
    running: await askRunning(dir),
    now: runtime.clock.now(),
    randomBytes: (size) => runtime.randomBytes(size),
  });
  return {
    key,
    foreignKey: () => foreignKey,
    apiV3Key: Buffer.from(merchant.apiV3Key, 'utf8'),
    mchid: merchant.mchid,
    appid: merchant.appids[0] ?? 'wx0000000000000000',
    subMchid: merchant.subMerchants?.[0]?.mchid ?? '1900000109',
  };
}

/** The profile's merchant, where the emulator keeps it: the one that the app under test runs as. */
async function ownMchid(runtime: Runtime, dir: string): Promise<string | undefined> {
  const profile = await runtime.profile().catch((error: unknown) => {
    // No profile is needed here; one that is asked for by name is.
    if (runtime.globals.profile !== undefined) throw error;
    return undefined;
  });
  const mchid = profile?.values.mchid?.value;
  if (mchid === undefined) return undefined;
  const { readdir } = await import('node:fs/promises');
  const kept = await readdir(resolve(dir, 'merchants')).catch((): string[] => []);
  return kept.includes(mchid) ? mchid : undefined;
}

async function askRunning(dir: string): Promise<EmulatorInfo | undefined> {
  try {
    return await (await findEmulator(dir)).info();
  } catch (error) {
    if (error instanceof WxpayError) return undefined;
    throw error;
  }
}

async function givenKey(
  file: string | undefined,
  serial: string | undefined,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<SigningKeys> {
  if (file === undefined || serial === undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: file === undefined ? '--key' : '--serial', reason: 'key:reason.key_and_serial' },
      outcome: 'not_sent',
    });
  if (!/^(?:[0-9A-Fa-f]{8,40}|PUB_KEY_ID_[0-9]{1,64})$/.test(serial))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--serial', reason: 'key:reason.no_serial' },
      outcome: 'not_sent',
    });
  const privateKey = loadPrivateKey(await readKeyFile(resolve(runtime.cwd, file)), file);
  const { mchid, appid, sub_mchid } = (await runtime.profile()).values;
  return {
    key: { id: serial.startsWith('PUB_KEY_ID_') ? serial : serial.toUpperCase(), privateKey },
    foreignKey: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    apiV3Key: await runtime.apiV3Key(),
    mchid: textOption(options, 'mchid') ?? mchid?.value ?? '1900000001',
    appid: appid?.value ?? 'wx0000000000000000',
    subMchid: sub_mchid?.value ?? '1900000109',
  };
}

async function readKeyFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new WxpayError('KEY_UNREADABLE', { params: { source: file, reason }, cause: error, outcome: 'not_sent' });
  }
}
