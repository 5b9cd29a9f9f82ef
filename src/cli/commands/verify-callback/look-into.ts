/** Gathers what an autopsy may use: every key at hand, the merchant's own, both API keys. Whatever is missing is left out. */
import { createPublicKey } from 'node:crypto';
import { WxpayError } from '../../../core/errors.ts';
import { performAutopsy, type AutopsyInput } from '../../../operations/callback/autopsy/autopsy.ts';
import type { Autopsy } from '../../../operations/callback/autopsy/findings.ts';
import { frameworks, type Framework } from '../../../operations/callback/recipes.ts';
import type { V2AutopsyInput } from '../../../operations/callback/autopsy/v2/autopsy.ts';
import type { CallbackReport } from '../../../operations/callback/verify.ts';
import type { Runtime } from '../../command.ts';

/** @throws `INPUT_INVALID` for a framework without a recipe */
export function readFramework(value: unknown): Framework | undefined {
  if (value === undefined) return undefined;
  const found = frameworks.find((framework) => framework === value);
  if (found !== undefined) return found;
  throw new WxpayError('INPUT_INVALID', {
    params: { field: '--framework', reason: 'key:reason.not_one_of', values: frameworks.join(', ') },
    outcome: 'not_sent',
  });
}

/** `undefined` for a valid callback: there is nothing to look into. */
export async function lookInto(
  capture: AutopsyInput['capture'],
  report: CallbackReport,
  runtime: Runtime,
  more: Pick<AutopsyInput, 'framework' | 'siblings' | 'budget'>,
): Promise<Autopsy | undefined> {
  const { failure } = report;
  if (failure === undefined) return undefined;
  const credentials = await runtime.credentials();
  const merchant = await atHand(async () => {
    const certificate = await credentials.certificate();
    const publicKey = certificate?.publicKey ?? createPublicKey(await credentials.merchantKey());
    const serial = await atHand(() => credentials.serialNo());
    return { publicKey, ...(serial === undefined ? {} : { serial }) };
  });
  const apiV3Key = await atHand(() => runtime.apiV3Key());
  const apiV2Key = await atHand(async () => Buffer.from((await credentials.apiV2Key()).reveal()));
  return performAutopsy({
    capture,
    failure,
    keys: await (await runtime.keyRing()).list(),
    ...(merchant === undefined ? {} : { merchant }),
    ...(apiV3Key === undefined ? {} : { apiV3Key }),
    ...(apiV2Key === undefined ? {} : { apiV2Key }),
    ...more,
  });
}

/** The same for APIv2, which has no keys but those of the profile. */
export async function lookIntoV2(
  capture: V2AutopsyInput['capture'],
  report: CallbackReport,
  runtime: Runtime,
  more: Pick<V2AutopsyInput, 'framework' | 'budget'>,
): Promise<Autopsy | undefined> {
  const { failure } = report;
  if (failure === undefined) return undefined;
  const { performV2Autopsy } = await import('../../../operations/callback/autopsy/v2/autopsy.ts');
  const apiV2Key = (await (await runtime.credentials()).apiV2Key()).reveal();
  const apiV3Key = await atHand(async () => Buffer.from(await runtime.apiV3Key()).toString('utf8'));
  const { mchid, appid } = (await runtime.profile()).values;
  return performV2Autopsy({
    capture,
    failure,
    apiV2Key,
    ...(apiV3Key === undefined ? {} : { apiV3Key }),
    ...(mchid === undefined ? {} : { mchid: mchid.value }),
    ...(appid === undefined ? {} : { appid: appid.value }),
    ...more,
  });
}

/** What a profile does not have is no reason not to look. */
async function atHand<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof WxpayError) return undefined;
    throw error;
  }
}
