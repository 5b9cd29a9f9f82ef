/** `certs verify`: issuer, dates, usage of every key at hand, and whether it verifies a live answer. */
import type { WxpayError } from '../core/errors.ts';
import { isWxpayError } from '../core/errors.ts';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import type { Clock, Transport, VerificationKey } from '../core/ports.ts';
import { describeKey, type KeyReport } from './certificates.ts';
import { echo } from './echo.ts';
import { judgeKey, type Anchors, type KeyVerdict } from './key-check.ts';

export type Live =
  /** An answer to a request that named this key was signed with it, and holds. */
  | 'verified'
  /** The answer holds, and was signed with another key of the ring: usual while keys are exchanged. */
  | 'other_key'
  | 'failed'
  /** Nobody was asked, or the server offers no echo. */
  | 'not_asked';

export type KeyFault = 'chain' | 'expired' | 'not_yet' | 'usage' | 'live';

export interface VerifiedKey extends Omit<KeyReport, 'pem' | 'subject' | 'issuer' | 'tenpay_issued'> {
  readonly chain: KeyVerdict['chain'];
  readonly validity: KeyVerdict['validity'];
  readonly usage: KeyVerdict['usage'];
  readonly live: Live;
  /** The key that signed the answer. */
  readonly signer: string | null;
  readonly faults: readonly KeyFault[];
  readonly error: WxpayError | undefined;
}

export interface VerifyOptions {
  readonly ring: Pick<CertificateKeyRing, 'list' | 'preferred' | 'refresh'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly anchors: Anchors;
  /** Absent: nothing is sent. */
  readonly transport: (() => Promise<Transport>) | undefined;
  readonly message: string;
}

/**
 * Looks at every key at hand; downloads the certificates first where there are none and something may be sent.
 *
 * @throws what a download throws; faults of keys are in the result
 */
export async function verifyKeys(options: VerifyOptions): Promise<readonly VerifiedKey[]> {
  const { ring, clock, anchors, transport } = options;
  let keys = await ring.list();
  if (keys.length === 0 && transport !== undefined) {
    await ring.refresh();
    keys = await ring.list();
  }
  const preferred = await ring.preferred();
  const verified: VerifiedKey[] = [];
  for (const key of keys) {
    const {
      pem: _pem,
      subject: _subject,
      issuer: _issuer,
      tenpay_issued: _own,
      ...report
    } = describeKey(key, preferred, clock.now());
    const { chain, validity, usage } = judgeKey(key, clock.now(), anchors);
    // A retired certificate signs nothing any more.
    const usable = validity === null || validity === 'valid';
    const asked = transport === undefined || !usable ? notAsked : await ask(key, await transport(), options.message);
    const faults: KeyFault[] = [];
    if (chain === 'foreign') faults.push('chain');
    if (validity === 'expired' || validity === 'not_yet') faults.push(validity);
    if (usage === 'unsuitable') faults.push('usage');
    if (asked.live === 'failed') faults.push('live');
    verified.push({ ...report, chain, validity, usage, ...asked, faults });
  }
  return verified;
}

type Asked = Pick<VerifiedKey, 'live' | 'signer' | 'error'>;
const notAsked: Asked = { live: 'not_asked', signer: null, error: undefined };

async function ask(key: VerificationKey, transport: Transport, message: string): Promise<Asked> {
  try {
    const { signer } = await echo({ transport, key, message });
    return { live: signer === key.id ? 'verified' : 'other_key', signer, error: undefined };
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    if (error.code === 'NOT_FOUND' || error.httpStatus === 501) return notAsked;
    return { live: 'failed', signer: null, error };
  }
}
