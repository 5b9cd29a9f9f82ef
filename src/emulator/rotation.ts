/**
 * How the platform's keys change while the emulator runs, on command: a new certificate beside the old one, the switch to
 * it (all at once or a share of the answers, as the grey release does), the end of the old one; and the merchant's own move
 * between certificates and the public key (protocol 3.5, 4). With
 * `remember` it is so again after the next start.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { WxpayError } from '../core/errors.ts';
import { issueCertificate, makeKeys } from './authority.ts';
import { keepFiles, parseOwnFile, replaceFile } from './folder.ts';
import type { Mode, Platform, PlatformCertificate, SigningKey } from './platform.ts';

export type RotationStep =
  /** A new certificate is listed beside the old ones; the old one still signs. */
  | 'issue'
  /** The newest certificate signs answers and callbacks; the old ones stay listed. */
  | 'switch'
  /** Only the newest certificate is left. */
  | 'retire';

export interface RotateRequest {
  /** Absent: `issue`, then `switch`. */
  readonly step?: RotationStep;
  /** Of the new certificate, in days; may be a fraction. Default 5 years. A negative one has expired (at most a day ago). */
  readonly days?: number;
  /** The old certificates' `expire_time` is moved up to so many days from now. */
  readonly oldDays?: number;
  /** With `switch`: the share of answers and callbacks that the new certificate signs, 0 to 1. Default 1. */
  readonly share?: number;
  /** Changes the mode instead: the migration from certificates to the public key, or back. */
  readonly mode?: Mode;
}

export interface RotationState {
  readonly mode: Mode;
  /** Serials that `/v3/certificates` lists, oldest first; empty in public-key mode. */
  readonly listed: readonly string[];
  /** The serial or id that signs what asks for nothing in particular. */
  readonly signing: string;
  /** PEM files of the listed certificates. */
  readonly files: readonly string[];
  /** When each listed certificate ends, milliseconds since the epoch. */
  readonly expires_at: readonly number[];
  /** The certificate that takes over step by step, and its share of answers and callbacks. */
  readonly successor: { readonly id: string; readonly share: number } | null;
}

export interface Rotation {
  /** The platform with the certificate of the moment. */
  readonly platform: Platform;
  readonly mode: () => Mode;
  readonly state: () => RotationState;
  /** The key of a callback. */
  readonly callbackKey: () => SigningKey;
  /** @throws WxpayError `INPUT_INVALID` */
  readonly rotate: (request: RotateRequest) => Promise<RotationState>;
}

interface Options {
  readonly dir: string;
  /** Default: what is remembered, else `mixed`. */
  readonly mode: Mode | undefined;
  readonly now: () => number;
  readonly randomBytes: (size: number) => Buffer;
  /** Whether what was rotated outlasts this run. */
  readonly remember: boolean;
}

/** `rotation.json`: certificates by serial. */
interface Remembered {
  readonly mode: Mode;
  readonly listed: readonly { readonly id: string; readonly expires_at: number }[];
  readonly signing: string;
  readonly successor: { readonly id: string; readonly share: number } | null;
}

/** @throws WxpayError `KEY_UNREADABLE` where what is remembered cannot be read */
export async function openRotation(opened: Platform, options: Options): Promise<Rotation> {
  const file = join(options.dir, 'rotation.json');
  const earlier = options.remember ? await readRemembered(file) : undefined;
  let mode = options.mode ?? earlier?.mode ?? 'mixed';
  let listed: readonly PlatformCertificate[] =
    earlier === undefined ? opened.certificates : await Promise.all(earlier.listed.map(async (key) => reopen(key)));
  const byId = (id: string): PlatformCertificate => listed.find((key) => key.id === id) ?? opened.certificate;
  let signing: PlatformCertificate = earlier === undefined ? opened.certificate : byId(earlier.signing);
  let successor: { readonly key: PlatformCertificate; readonly share: number } | undefined;
  if (earlier?.successor) successor = { key: byId(earlier.successor.id), share: earlier.successor.share };
  let asked = 0;

  async function reopen({ id, expires_at: expiresAt }: Remembered['listed'][number]): Promise<PlatformCertificate> {
    const known = opened.certificates.find((key) => key.id === id);
    return { ...(known ?? (await readPlatformCertificate(join(options.dir, `rotated-${id}`)))), expiresAt };
  }

  async function remember(): Promise<void> {
    const remembered: Remembered = {
      mode,
      listed: listed.map(({ id, expiresAt }) => ({ id, expires_at: expiresAt })),
      signing: signing.id,
      successor: successor === undefined ? null : { id: successor.key.id, share: successor.share },
    };
    await replaceFile(file, `${JSON.stringify(remembered)}\n`, options.randomBytes);
  }

  /** Evenly spread and repeatable: with a share of 0.25 every fourth time. */
  const current = (): PlatformCertificate => {
    if (successor === undefined) return signing;
    asked += 1;
    const { key, share } = successor;
    return Math.floor(asked * share) > Math.floor((asked - 1) * share) ? key : signing;
  };

  const platform: Platform = {
    issuer: opened.issuer,
    foreignKey: opened.foreignKey,
    publicKey: opened.publicKey,
    get certificate() {
      return current();
    },
    get certificates() {
      return listed;
    },
  };

  const state = (): RotationState => ({
    mode,
    listed: mode === 'public-key' ? [] : listed.map(({ id }) => id),
    signing: mode === 'public-key' ? opened.publicKey.id : signing.id,
    files: mode === 'public-key' ? [] : listed.map(({ file }) => file),
    expires_at: mode === 'public-key' ? [] : listed.map(({ expiresAt }) => expiresAt),
    successor:
      mode === 'public-key' || successor === undefined ? null : { id: successor.key.id, share: successor.share },
  });

  const issue = async ({ days, oldDays }: RotateRequest): Promise<void> => {
    const now = options.now();
    const fresh = await issuePlatformCertificate(opened, days ?? 5 * 365, { ...options, now: now });
    const end = oldDays === undefined ? undefined : now + oldDays * 86_400_000;
    const aged = listed.map((key) => (end === undefined || end >= key.expiresAt ? key : { ...key, expiresAt: end }));
    signing = aged.find(({ id }) => id === signing.id) ?? signing;
    listed = [...aged, fresh];
  };
  const switchOver = (share: number): void => {
    const newest = listed.at(-1) ?? signing;
    if (share >= 1) {
      signing = newest;
      successor = undefined;
    } else successor = { key: newest, share };
  };

  return {
    platform,
    mode: () => mode,
    state,
    callbackKey: () => (mode === 'public-key' ? opened.publicKey : current()),
    async rotate(request) {
      check(request);
      if (request.mode !== undefined) mode = request.mode;
      else {
        if (request.step === undefined || request.step === 'issue') await issue(request);
        if (request.step === undefined || request.step === 'switch') switchOver(request.share ?? 1);
        if (request.step === 'retire') {
          switchOver(1);
          listed = [signing];
        }
      }
      if (options.remember) await remember();
      return state();
    },
  };
}

async function readRemembered(file: string): Promise<Remembered | undefined> {
  const there = await access(file).then(
    () => true,
    () => false,
  );
  return there ? parseOwnFile(file, (text) => JSON.parse(text) as Remembered) : undefined;
}

/** A certificate that an earlier run issued. */
async function readPlatformCertificate(home: string): Promise<PlatformCertificate> {
  const file = join(home, 'platform_cert.pem');
  const pem = await parseOwnFile(file, (text) => text);
  const x509 = await parseOwnFile(file, (text) => new X509Certificate(text));
  return {
    id: x509.serialNumber,
    privateKey: await parseOwnFile(join(home, 'platform_key.pem'), (text) => createPrivateKey(text)),
    publicKey: x509.publicKey,
    pem,
    file,
    effectiveAt: Date.parse(x509.validFrom),
    expiresAt: Date.parse(x509.validTo),
  };
}

async function issuePlatformCertificate(
  { issuer }: Platform,
  days: number,
  { dir, now, randomBytes }: { readonly dir: string; readonly now: number } & Pick<Options, 'randomBytes'>,
): Promise<PlatformCertificate> {
  const keys = await makeKeys();
  const pem = await issueCertificate({
    publicKey: keys.publicKey,
    commonName: 'Tenpay.com sign EMULATOR',
    unit: 'EMULATOR platform',
    issuer,
    years: days / 365,
    now,
    randomBytes,
  });
  const x509 = new X509Certificate(pem);
  const home = await keepFiles(dir, `rotated-${x509.serialNumber}`, randomBytes, async () => ({
    'platform_key.pem': keys.privateKey,
    'platform_cert.pem': pem,
  }));
  return {
    id: x509.serialNumber,
    privateKey: createPrivateKey(keys.privateKey),
    publicKey: x509.publicKey,
    pem,
    file: join(home, 'platform_cert.pem'),
    effectiveAt: now,
    expiresAt: Date.parse(x509.validTo),
  };
}

function check({ step, days, oldDays, share, mode }: RotateRequest): void {
  const faults: readonly (readonly [string, boolean])[] = [
    ['step', step !== undefined && !['issue', 'switch', 'retire'].includes(step)],
    ['mode', mode !== undefined && !['certificate', 'public-key', 'mixed'].includes(mode)],
    ['days', days !== undefined && !(Number.isFinite(days) && days > -1 && days < 36_500)],
    ['old_days', oldDays !== undefined && !Number.isFinite(oldDays)],
    ['share', share !== undefined && !(share >= 0 && share <= 1)],
  ];
  const found = faults.find(([, wrong]) => wrong);
  if (found !== undefined)
    throw new WxpayError('INPUT_INVALID', { params: { field: found[0], reason: 'key:emulator.reason.control' } });
}
