/** `emulator start --profile NAME`: a profile for the emulator's merchant, which only refers to the emulator's own files. */
import { dirname, join } from 'node:path';
import { WxpayError, isWxpayError } from '../../../core/errors.ts';
import type { EmulatorInfo } from '../../../emulator/contract.ts';
import { isLoopback } from '../../../emulator/guard.ts';
import type { Profile } from '../../../profiles/schema.ts';
import type { Runtime } from '../../command.ts';

/**
 * Writes the profile, in the place of an older one of an emulator. A profile of a live merchant is never replaced.
 *
 * @throws WxpayError `INPUT_INVALID`, and whatever the profile store throws
 */
export async function saveEmulatorProfile(
  name: string,
  info: EmulatorInfo,
  runtime: Pick<Runtime, 'profileStore' | 'note'>,
): Promise<void> {
  const store = await runtime.profileStore();
  const existing = await store.read(name).catch((error: unknown) => {
    if (isWxpayError(error, 'PROFILE_NOT_FOUND')) return undefined;
    throw error;
  });
  if (existing !== undefined && !isEmulators(existing.profile)) {
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--profile', reason: 'key:emulator.reason.live_profile' },
    });
  }
  await store.save(name, profileOf(info), { force: existing !== undefined });
  runtime.note('emulator.note.profile', { name });
}

function isEmulators(profile: Profile): boolean {
  const url = profile.base_url;
  return url !== undefined && URL.canParse(url) && isLoopback(new URL(url).hostname.replaceAll(/^\[|\]$/g, ''));
}

function profileOf(info: EmulatorInfo): Profile {
  const home = dirname(info.private_key_file);
  return {
    version: 1,
    mchid: info.mchid,
    appid: info.appid,
    serial_no: info.serial_no,
    private_key: `file:${info.private_key_file}`,
    api_v3_key: `file:${join(home, 'api_v3_key')}`,
    api_v2_key: `file:${join(home, 'api_v2_key')}`,
    client_cert_file: info.p12_file,
    base_url: info.https_url ?? info.url,
    ...(info.ca_file === null ? {} : { ca_file: info.ca_file }),
    ...(info.public_key_id === null ? {} : { public_key_id: info.public_key_id }),
    ...(info.public_key_file === null ? {} : { public_key: `file:${info.public_key_file}` }),
  };
}
