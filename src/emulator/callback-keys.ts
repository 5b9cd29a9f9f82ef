/** What an emulator signs callbacks with, read from its folder: for tools that send callbacks in its name. */
import { readdir } from 'node:fs/promises';
import { createPrivateKey } from 'node:crypto';
import { dirname, join } from 'node:path';
import { WxpayError } from '../core/errors.ts';
import type { EmulatorInfo } from './contract.ts';
import { parseOwnFile } from './folder.ts';
import { defaultMchid, readMerchant } from './merchants.ts';
import type { Merchant } from './merchants.ts';
import { openPlatform } from './platform.ts';
import type { Platform, SigningKey } from './platform.ts';

export interface CallbackKeys {
  readonly key: Pick<SigningKey, 'id' | 'privateKey'>;
  /** A key that no merchant knows. */
  readonly foreignKey: SigningKey['privateKey'];
  readonly merchant: Pick<Merchant, 'mchid' | 'appids' | 'apiV3Key' | 'subMerchants'>;
}

interface Wanted {
  readonly mchid: string | undefined;
  /** Default: what the emulator signs callbacks with, a certificate's key where it has one. */
  readonly by: 'certificate' | 'public-key' | undefined;
  /** What the running emulator says about itself. Without it the folder is asked, which knows nothing of a rotation. */
  readonly running: EmulatorInfo | undefined;
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/**
 * Reads the keys; makes none.
 *
 * @throws WxpayError `EMULATOR_NOT_RUNNING` when no emulator was ever started in `dir`, `NOT_FOUND` for a merchant that it does
 * not keep, `KEY_UNREADABLE`
 */
export async function readCallbackKeys(dir: string, wanted: Wanted): Promise<CallbackKeys> {
  const { mchid = defaultMchid, by, running } = wanted;
  const home = join(dir, 'merchants', mchid);
  if (!(await isThere(join(dir, 'platform')))) throw new WxpayError('EMULATOR_NOT_RUNNING', { params: { url: dir } });
  if (!(await isThere(home))) throw new WxpayError('NOT_FOUND', { params: { what: mchid } });
  const platform = await openPlatform(dir, wanted);
  const merchant = await readMerchant(home);
  const usesPublicKey = by === 'public-key' || (by === undefined && running?.platform_serial_no === null);
  return {
    key: usesPublicKey ? platform.publicKey : await certificateKey(platform, running),
    foreignKey: platform.foreignKey,
    merchant,
  };
}

/** After a rotation the certificate that signs is not the first one; its key lies beside it. */
async function certificateKey(platform: Platform, running: EmulatorInfo | undefined): Promise<CallbackKeys['key']> {
  const { platform_serial_no: id, platform_certificate_file: file } = running ?? {};
  if (typeof id !== 'string' || typeof file !== 'string' || id === platform.certificate.id) return platform.certificate;
  const privateKey = await parseOwnFile(join(dirname(file), 'platform_key.pem'), (pem) => createPrivateKey(pem));
  return { id, privateKey };
}

async function isThere(dir: string): Promise<boolean> {
  try {
    await readdir(dir);
    return true;
  } catch {
    return false;
  }
}
