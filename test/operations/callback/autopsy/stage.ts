/** A WeChat Pay, a merchant, and an oracle that knows nothing of our code: plain `node:crypto`. */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { autopsyDocument, autopsyView } from '../../../../src/cli/commands/verify-callback/autopsy-view.ts';
import { loadTranslate } from '../../../../src/i18n/translate.ts';
import { isWxpayError, type WxpayError } from '../../../../src/core/errors.ts';
import type { Headers, VerificationKey } from '../../../../src/core/ports.ts';
import { performAutopsy, type AutopsyInput } from '../../../../src/operations/callback/autopsy/autopsy.ts';
import type { Autopsy, Mended } from '../../../../src/operations/callback/autopsy/findings.ts';
import { defaultLimits, openBudget } from '../../../../src/operations/callback/autopsy/budget.ts';
import { verifyCallback, type CallbackReport } from '../../../../src/operations/callback/verify.ts';

const pair = (): { publicKey: KeyObject; privateKey: KeyObject } => generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKeyMode = pair();
const certificateMode = pair();
const merchantPair = pair();
const stranger = pair();

export const ids = {
  publicKey: 'PUB_KEY_ID_0119000000012026112300000000000001',
  certificate: '5157F09EFDC096DE15EBE81A47057A7232F1B8E1',
  merchant: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB',
} as const;
export const keys: readonly VerificationKey[] = [
  { id: ids.publicKey, kind: 'wechatpay-public-key', publicKey: publicKeyMode.publicKey },
  { id: ids.certificate, kind: 'platform-certificate', publicKey: certificateMode.publicKey },
];
export const merchant = { publicKey: merchantPair.publicKey, serial: ids.merchant };
export const strangerKey = stranger.privateKey;
export const merchantKey = merchantPair.privateKey;
export const certificateKey = certificateMode.privateKey;
export const platformKey = publicKeyMode.privateKey;
export const now = Date.UTC(2026, 10, 23, 2, 0, 0);
export const apiV3Key = Buffer.from('0123456789abcdef0123456789abcdef');

export interface Sent {
  /** Lower-case names, as they arrive. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface SendOptions {
  readonly timestamp?: string;
  readonly nonce?: string;
  /** `undefined` members are left out. */
  readonly envelope?: object;
  readonly resource?: object;
  readonly plaintext?: string;
  readonly associated?: string;
  /** How the body is written; WeChat Pay's way by default. */
  readonly write?: (envelope: object) => string;
  readonly signedBy?: KeyObject;
  readonly serial?: string;
  readonly key?: Uint8Array;
}

export const payment = JSON.stringify({
  appid: 'wx1',
  mchid: '1900000001',
  out_trade_no: 'ORDER_0001',
  transaction_id: '4200001234202611231234567890',
  trade_state: 'SUCCESS',
  amount: { total: 100, payer_total: 100 },
  // So that the ciphertext holds '+', '/' and '=' however the key turns out.
  attach: 'x'.repeat(301),
});

/** A genuine callback. */
export function send(options: SendOptions = {}): Sent {
  const associated = options.associated ?? 'transaction';
  const nonce = 'fdasflkja484';
  const cipher = createCipheriv('aes-256-gcm', options.key ?? apiV3Key, nonce);
  cipher.setAAD(Buffer.from(associated));
  const ciphertext = Buffer.concat([cipher.update(options.plaintext ?? payment), cipher.final(), cipher.getAuthTag()]);
  const envelope = {
    id: '3119dfba-e649-5eec-ab1e-3412bc4d2e17',
    create_time: '2026-11-23T10:00:00+08:00',
    resource_type: 'encrypt-resource',
    event_type: 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    resource: {
      original_type: 'transaction',
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: ciphertext.toString('base64'),
      associated_data: associated,
      nonce,
      ...options.resource,
    },
    ...options.envelope,
  };
  const body = Buffer.from((options.write ?? JSON.stringify)(envelope));
  const timestamp = options.timestamp ?? String(now / 1000);
  const word = options.nonce ?? 'Xq3Zr8vB1nM5kL7pW2sD9fG4hJ6tY0cA';
  const signature = sign('sha256', lines(timestamp, word, body), options.signedBy ?? publicKeyMode.privateKey);
  return {
    headers: {
      'content-type': 'application/json',
      'content-length': String(body.length),
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': word,
      'wechatpay-serial': options.serial ?? ids.publicKey,
      'wechatpay-signature': signature.toString('base64'),
      'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
    },
    body,
  };
}

export interface Damaged {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer | string;
}

export function capture({ headers, body }: Damaged): { readonly headers: Headers; readonly body: Buffer } {
  const list: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) list[name] = typeof value === 'string' ? [value] : [...value];
  return { headers: list, body: Buffer.from(body) };
}

export interface Judgement {
  readonly report: CallbackReport;
  /** `undefined` where the callback is valid. */
  readonly autopsy: Autopsy | undefined;
}

export type Circumstances = Partial<Omit<AutopsyInput, 'capture' | 'failure'>> & { readonly now?: number };

/** Verifies, and looks into what does not: not to the end, unless a budget is given, since most tests find nothing there. */
export async function judge(damaged: Damaged, circumstances: Circumstances = {}): Promise<Judgement> {
  const taken = capture(damaged);
  const { now: at = now, ...rest } = circumstances;
  const known = rest.keys ?? keys;
  const v3 = rest.apiV3Key ?? apiV3Key;
  const find = async (id: string): Promise<VerificationKey | undefined> => known.find((key) => key.id === id);
  const report = await verifyCallback(taken, { find, apiV3Key: v3, mchid: '1900000001' }, at);
  if (report.failure === undefined) return { report, autopsy: undefined };
  const budget = openBudget({ ...defaultLimits, messages: 30_000 });
  const failure: WxpayError = report.failure;
  if (!isWxpayError(failure)) throw failure;
  const autopsy = performAutopsy({ capture: taken, failure, keys: known, merchant, apiV3Key: v3, budget, ...rest });
  await expectReadable(autopsy);
  return { report, autopsy };
}

/** Whatever is found, both languages have words for it with nothing left open. */
async function expectReadable(autopsy: Autopsy): Promise<void> {
  for (const lang of ['en', 'zh-CN'] as const) {
    const t = await loadTranslate(lang);
    const { findings } = autopsyDocument(autopsy, t) as { findings: readonly { text: string; cure: string }[] };
    for (const { text, cure } of findings)
      if (/\{\w+\}|autopsy\./.test(`${text} ${cure}`)) throw new Error(`unreadable: ${text} ${cure}`);
    if (autopsyView(autopsy, t).length === 0) throw new Error('nothing to read');
  }
}

function lines(timestamp: string, nonce: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);
}

const independent = new Map(
  [...keys, { id: ids.merchant, publicKey: merchant.publicKey }].map(({ id, publicKey }) => [
    id,
    createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })),
  ]),
);

/** Does the signature hold? Nothing of wxpay is used. */
export function oracle({ timestamp, nonce, serial, signature, body }: Mended): boolean {
  const key = independent.get(serial);
  return key !== undefined && verify('sha256', lines(timestamp, nonce, body), key, Buffer.from(signature, 'base64'));
}

/** The plaintext, or nothing. */
export function openResource(body: Buffer, key: Uint8Array = apiV3Key): string | undefined {
  try {
    const { resource } = JSON.parse(body.toString()) as { resource: Record<string, string> };
    const bytes = Buffer.from(resource['ciphertext'] ?? '', 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, resource['nonce'] ?? '', { authTagLength: 16 });
    decipher.setAAD(Buffer.from(resource['associated_data'] ?? ''));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}
