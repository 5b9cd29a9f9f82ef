/** Where transfers are recorded, and how the commands open that. */
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { saysTheSame, type Transfer } from '../../../operations/transfer.ts';
import {
  intentPath,
  readIntent,
  withIntentStore,
  type IntentStore,
  type TransferRecord,
} from '../../../operations/transfer-intent.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { Runtime } from '../../command.ts';
import { partyOf, requireValue } from '../../party.ts';
import { journalIdentity } from '../refund/refund-journal.ts';

/** The merchant's number. @throws WxpayError `INPUT_INVALID` for a service provider's sub-merchant: other endpoints serve those */
export function directMchid(profile: ResolvedProfile): string {
  if (partyOf(profile).kind === 'partner')
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'sub_mchid', reason: 'key:reason.transfer_partner' },
      outcome: 'not_sent',
    });
  return requireValue(profile, 'mchid');
}

/** Holds the number while `work` runs; another process with the same number is waited for. */
export async function openStore<T>(
  runtime: Runtime,
  profile: ResolvedProfile,
  out_bill_no: string,
  work: (store: IntentStore) => Promise<T>,
): Promise<T> {
  return withIntentStore(
    {
      stateDir: runtime.dirs.state,
      identity: journalIdentity(profile),
      out_bill_no,
      lock: {
        clock: runtime.clock,
        pid: runtime.pid,
        platform: runtime.platform,
        isAlive: (pid) => runtime.isAlive(pid),
        signal: runtime.signal,
      },
      uid: runtime.uid,
      waitMs: 30_000,
      randomName: () => runtime.randomBytes(12).toString('hex'),
    },
    work,
  );
}

/**
 * What was learnt of a transfer goes into its record, if this machine has one; it is not worth failing for.
 *
 * @returns the transfer, with the `package_info` of the record while its user has to confirm
 */
export async function learn(runtime: Runtime, profile: ResolvedProfile, transfer: Transfer): Promise<Transfer> {
  const { out_bill_no, transfer_bill_no, state } = transfer;
  // It comes from the network and becomes a file's name.
  if (!/^[0-9A-Za-z]{1,32}$/.test(out_bill_no)) return transfer;
  let record: TransferRecord | undefined;
  try {
    const identity = journalIdentity(profile);
    const path = intentPath({ stateDir: runtime.dirs.state, identity, out_bill_no });
    record = readIntent(path, identity, out_bill_no);
    if (record === undefined || !saysTheSame(record, transfer)) return transfer;
    const { outcome } = record;
    if (outcome?.state !== state || outcome.result === 'unknown')
      await openStore(runtime, profile, out_bill_no, async (store) => {
        const { package_info } = store.find()?.outcome ?? {};
        store.recordOutcome({
          result: 'adopted',
          state,
          transfer_bill_no,
          ...(package_info === undefined ? {} : { package_info }),
        });
      });
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    runtime.note('transfer.note.not_learnt', { file: String(error.params['file'] ?? '') });
  }
  const kept = record?.outcome;
  return state === 'WAIT_USER_CONFIRM' && kept?.transfer_bill_no === transfer_bill_no && kept.package_info !== undefined
    ? { ...transfer, package_info: kept.package_info }
    : transfer;
}
