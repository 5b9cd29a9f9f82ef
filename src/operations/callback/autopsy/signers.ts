/** Who made the signature, and over which digest: then a message is found by hashing, which is 20 times as fast as verifying. */
import type { KeyObject } from 'node:crypto';
import { decodeBase64 } from '../../../core/crypto/base64.ts';
import { recoverSha256 } from '../../../core/crypto/rsa.ts';
import type { VerificationKey } from '../../../core/ports.ts';
import type { Budget } from './budget.ts';
import type { HeaderGuess } from './header-repairs.ts';

export interface Signer {
  readonly id: string;
  readonly publicKey: KeyObject;
  /** The merchant's own key signs requests, never callbacks. */
  readonly isMerchant: boolean;
}

/** A signature that a key at hand did make over the message with this digest. */
export interface Signed {
  readonly signer: Signer;
  readonly signature: HeaderGuess;
  /** Lower-case hex. */
  readonly digest: string;
}

/** @param named the id in `Wechatpay-Serial`: its key is tried first, since one key may be there under two names */
export function signersOf(
  known: readonly VerificationKey[],
  merchant: { readonly publicKey: KeyObject; readonly serial?: string } | undefined,
  named: string | undefined,
): readonly Signer[] {
  const first = (id: string): number => (id === named ? 0 : 1);
  const list = known
    .filter(({ publicKey }) => publicKey.asymmetricKeyType === 'rsa')
    .map(({ id, publicKey }) => ({ id, publicKey, isMerchant: false }))
    .toSorted((a, b) => first(a.id) - first(b.id))
    .slice(0, 32);
  return merchant === undefined || merchant.publicKey.asymmetricKeyType !== 'rsa'
    ? list
    : [...list, { id: merchant.serial ?? '', publicKey: merchant.publicKey, isMerchant: true }];
}

/** The first pair of signature and key that belong together. */
export function findSigner(
  signatures: readonly HeaderGuess[],
  signers: readonly Signer[],
  budget: Budget,
): Signed | undefined {
  for (const signature of signatures) {
    const bytes = decodeBase64(signature.value);
    if (bytes === undefined) continue;
    for (const signer of signers) {
      if (bytes.length !== modulusBytes(signer.publicKey)) continue;
      if (!budget.signature()) return undefined;
      const digest = recoverSha256(signer.publicKey, bytes);
      if (digest !== undefined) return { signer, signature, digest: digest.toString('hex') };
    }
  }
  return undefined;
}

export function modulusBytes(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}
