/** `certs migrate`: how far a merchant is on the way from platform certificates to the WeChat Pay public key (protocol 4). */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import type { CertificateSet } from '../core/keys/store.ts';
import type { Clock, Transport, VerificationKey } from '../core/ports.ts';
import { echo } from './echo.ts';

/** In the order in which they are taken. */
export const migrationSteps = [
  'public_key',
  'api_v3_key',
  'platform_certificates',
  'requests',
  'answers',
  'callbacks',
  'finish',
] as const;
export type MigrationStep = (typeof migrationSteps)[number];

export interface StepReport {
  readonly step: MigrationStep;
  /** `waiting`: WeChat Pay does it over some days. `open`: nothing can be said before an earlier step is done. */
  readonly state: 'done' | 'todo' | 'waiting' | 'open' | 'failed';
  /** What is known, or what is to be done: the name of a text. */
  readonly detail: MigrationDetail;
  readonly params: Readonly<Record<string, string | number>>;
  readonly error: WxpayError | undefined;
}

export type MigrationDetail =
  | 'public_key_set'
  | 'public_key_missing'
  | 'api_v3_key_set'
  | 'api_v3_key_missing'
  | 'certificates_at_hand'
  | 'certificates_missing'
  | 'certificates_not_needed'
  | 'requests_accepted'
  | 'requests_refused'
  | 'answers_by_public_key'
  | 'answers_by_certificate'
  | 'callbacks_both'
  | 'callbacks_done'
  | 'finish_when_full'
  | 'finished'
  | 'after_public_key'
  | 'after_answers';

/**
 * - `preparing`: something is missing here.
 * - `ready`: all is prepared here; the switch has not been started on the merchant platform.
 * - `switching`: answers come with the public key, the certificates still work.
 * - `finished`: there are no platform certificates any more.
 */
export type MigrationPhase = 'preparing' | 'ready' | 'switching' | 'finished';

export interface MigrationReport {
  readonly phase: MigrationPhase;
  readonly steps: readonly StepReport[];
}

export interface MigrationOptions {
  readonly ring: Pick<CertificateKeyRing, 'list'>;
  /** Fetches and verifies without keeping anything. @throws `CERTIFICATES_NONE` once there are none */
  readonly download: () => Promise<CertificateSet>;
  readonly transport: () => Promise<Transport>;
  readonly clock: Pick<Clock, 'now'>;
  readonly hasApiV3Key: boolean;
  readonly message: string;
}

/**
 * Looks at each step. Two requests at most, which change nothing.
 *
 * @throws network errors and `CREDENTIALS_REFUSED`; faults of a step are in the report
 */
export async function inspectMigration(options: MigrationOptions): Promise<MigrationReport> {
  const keys = await options.ring.list();
  const publicKey = keys.find((key) => key.kind === 'wechatpay-public-key');
  const certificates = keys.filter((key) => (key.expiresAt ?? 0) > options.clock.now());
  const offered = options.hasApiV3Key ? await offersCertificates(options) : undefined;
  const echoed = publicKey === undefined ? undefined : await askWith(publicKey, options);
  const byPublicKey = echoed !== undefined && 'signer' in echoed && echoed.signer === publicKey?.id;
  const finished = offered === false && byPublicKey;
  const steps: readonly StepReport[] = [
    publicKey === undefined
      ? step('public_key', 'todo', 'public_key_missing')
      : step('public_key', 'done', 'public_key_set', { id: publicKey.id }),
    options.hasApiV3Key
      ? step('api_v3_key', 'done', 'api_v3_key_set')
      : step('api_v3_key', 'todo', 'api_v3_key_missing'),
    offered === false
      ? step('platform_certificates', 'done', 'certificates_not_needed')
      : certificates.length > 0
        ? step('platform_certificates', 'done', 'certificates_at_hand', { count: certificates.length })
        : step('platform_certificates', 'todo', 'certificates_missing'),
    ...exchange(publicKey, echoed),
    finished
      ? step('callbacks', 'done', 'callbacks_done')
      : byPublicKey
        ? step('callbacks', 'waiting', 'callbacks_both')
        : step('callbacks', 'open', 'after_answers'),
    finished
      ? step('finish', 'done', 'finished')
      : byPublicKey
        ? step('finish', 'todo', 'finish_when_full')
        : step('finish', 'open', 'after_answers'),
  ];
  const prepared = steps.slice(0, 4).every(({ state }) => state === 'done');
  const phase = finished ? 'finished' : byPublicKey ? 'switching' : prepared ? 'ready' : 'preparing';
  return { phase, steps };
}

type Echoed = { readonly signer: string } | { readonly refusal: WxpayError };

/** Whether requests that name the public key are taken, and with what their answers are signed. */
function exchange(publicKey: VerificationKey | undefined, echoed: Echoed | undefined): readonly StepReport[] {
  if (publicKey === undefined || echoed === undefined)
    return [step('requests', 'open', 'after_public_key'), step('answers', 'open', 'after_public_key')];
  if ('refusal' in echoed)
    return [
      { ...step('requests', 'failed', 'requests_refused', { id: publicKey.id }), error: echoed.refusal },
      step('answers', 'open', 'after_public_key'),
    ];
  return [
    step('requests', 'done', 'requests_accepted'),
    echoed.signer === publicKey.id
      ? step('answers', 'done', 'answers_by_public_key')
      : step('answers', 'todo', 'answers_by_certificate', { serial: echoed.signer }),
  ];
}

async function askWith(key: VerificationKey, { transport, message }: MigrationOptions): Promise<Echoed> {
  try {
    const { signer } = await echo({ transport: await transport(), key, message });
    return { signer };
  } catch (error) {
    // That the key is unknown there, or not the one that signs, is what this is about.
    if (isWxpayError(error) && ['refused', 'not_found', 'verification'].includes(error.category))
      return { refusal: error };
    throw error;
  }
}

async function offersCertificates({ download }: MigrationOptions): Promise<boolean> {
  try {
    await download();
    return true;
  } catch (error) {
    if (isWxpayError(error, 'CERTIFICATES_NONE')) return false;
    throw error;
  }
}

function step(
  name: MigrationStep,
  state: StepReport['state'],
  detail: MigrationDetail,
  params: StepReport['params'] = {},
): StepReport {
  return { step: name, state, detail, params, error: undefined };
}
