/** What a profile has for callbacks of APIv2. */
import type { V2CallbackKeys } from '../../../operations/callback/verify-v2.ts';
import type { Runtime } from '../../command.ts';

export async function openV2Keys(runtime: Runtime): Promise<V2CallbackKeys> {
  const { mchid, appid } = (await runtime.profile()).values;
  return {
    apiV2Key: (await (await runtime.credentials()).apiV2Key()).reveal(),
    ...(mchid === undefined ? {} : { mchid: mchid.value }),
    ...(appid === undefined ? {} : { appid: appid.value }),
  };
}
