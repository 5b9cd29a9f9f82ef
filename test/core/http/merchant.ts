/** A merchant and a WeChat Pay that signs, for the transport's tests. Keys are made once per test file. */
import { generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import { createSigner } from '../../../src/core/wire/authorization.ts';
import { answerMessage } from '../../../src/core/wire/message.ts';
import type { Clock, Headers, KeyRing, Signer, VerificationKey } from '../../../src/core/ports.ts';

export const startTime = 1_900_000_000_000;

/** A clock that moves only by sleeping; remembers how long. */
export function fakeClock(): Clock & { sleeps: number[]; advance(milliseconds: number): void } {
  let time = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    advance: (milliseconds) => void (time += milliseconds),
    now: () => startTime + time,
    monotonic: () => time,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      sleeps.push(milliseconds);
      time += milliseconds;
    },
  };
}

const merchantKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const platformKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const foreignKeys = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const merchantPublicKey = merchantKeys.publicKey;
export const foreignPrivateKey = foreignKeys.privateKey;
export const platformPrivateKey = platformKeys.privateKey;
export const publicKeyId = 'PUB_KEY_ID_0000000000000024101100397200000006';

export const signer: Signer = createSigner({
  mchid: '1900000001',
  serialNo: '5E8EF0D8C1B2A3948576655443322110FFEEDDCC',
  privateKey: merchantKeys.privateKey,
});

export const platformKey: VerificationKey = {
  id: publicKeyId,
  kind: 'wechatpay-public-key',
  publicKey: platformKeys.publicKey,
};

export const keyRing: KeyRing = {
  find: async (id) => (id === publicKeyId ? platformKey : undefined),
  preferred: async () => platformKey,
  list: async () => [platformKey],
};

export interface AnswerSignature {
  readonly timestamp?: number;
  readonly serial?: string;
  readonly key?: KeyObject;
  readonly signature?: string;
}

/** The signature headers for a body, as WeChat Pay would send them now, or with something wrong. */
export function answerHeaders(body: Uint8Array, now: number, change: AnswerSignature = {}): Headers {
  const timestamp = String(change.timestamp ?? Math.floor(now / 1_000));
  const nonce = 'N0NCE';
  const message = answerMessage({ timestamp, nonce, body });
  const signature =
    change.signature ?? signBytes('sha256', message, change.key ?? platformKeys.privateKey).toString('base64');
  return {
    'wechatpay-timestamp': [timestamp],
    'wechatpay-nonce': [nonce],
    'wechatpay-serial': [change.serial ?? publicKeyId],
    'wechatpay-signature': [signature],
    'wechatpay-signature-type': ['WECHATPAY2-SHA256-RSA2048'],
  };
}
