/** What the resource says about the rest: its AEAD tag holds or not, whatever became of the envelope around it. */
import { requireApiV3KeyLength } from '../../../core/crypto/aes-gcm.ts';
import { isWxpayError } from '../../../core/errors.ts';
import { decryptResource, type EncryptedResource } from '../../../core/wire/envelope.ts';
import { utf8Text } from './charset.ts';
import type { Facts } from './findings.ts';
import { readLoosely, type JsonNode } from './loose-json.ts';

/** The resource of a body in whatever state; `undefined` when there is none. */
export function findResource(body: Buffer): EncryptedResource | undefined {
  const node = readLoosely((utf8Text(body) ?? body.toString('latin1')).replace(/^\uFEFF/, ''))?.node;
  const inner = member(node, 'resource');
  const resource = inner?.kind === 'string' ? readLoosely(inner.value)?.node : inner;
  const text = (name: string): string | undefined => {
    const value = member(resource, name);
    return value?.kind === 'string' ? value.value : undefined;
  };
  const ciphertext = text('ciphertext');
  const nonce = text('nonce');
  if (ciphertext === undefined || nonce === undefined) return undefined;
  const associated = text('associated_data') ?? text('associatedData');
  return {
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext,
    nonce,
    ...(associated === undefined ? {} : { associated_data: associated }),
  };
}

function member(node: JsonNode | undefined, name: string): JsonNode | undefined {
  return node?.kind === 'object' ? node.members.find((one) => one.name === name)?.value : undefined;
}

/** Does the tag hold under this key? The plaintext is dropped: nothing of it may be shown while the signature fails. */
export function holds(resource: EncryptedResource, key: Uint8Array): boolean {
  try {
    requireApiV3KeyLength(key);
    decryptResource(resource, key);
    return true;
  } catch (error) {
    if (isWxpayError(error, 'API_V3_KEY_LENGTH', 'DECRYPT_FAILED')) return false;
    throw error;
  }
}

export function judgeResource(resource: EncryptedResource | undefined, key: Uint8Array | undefined): Facts['resource'] {
  if (resource === undefined) return 'absent';
  if (key === undefined || key.length !== 32) return 'no_key';
  return holds(resource, key) ? 'holds' : 'fails';
}
