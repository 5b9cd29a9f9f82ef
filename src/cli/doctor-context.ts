/** What the doctor's checks need of the real world: thunks over runtime, profiles and files. */
import { X509Certificate } from 'node:crypto';
import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../core/durable/system-error.ts';
import { WxpayError } from '../core/errors.ts';
import { parseBaseUrl } from '../core/http/base-url.ts';
import { createSend } from '../core/http/send.ts';
import type { Receiver } from '../operations/callback/receive.ts';
import type { DoctorContext, Finding, KeyFacts, ProfileFacts, Reached } from '../operations/doctor.ts';
import { openCredentials } from '../profiles/credentials.ts';
import { inspectStore } from '../profiles/health.ts';
import { inspectProfile } from '../profiles/inspect.ts';
import type { ResolvedProfile, Source } from '../profiles/schema.ts';
import type { Runtime } from './command.ts';
import { environmentVariables } from './environment.ts';
import { baseUrlOf } from '../profiles/base-url.ts';

export interface DoctorOptions {
  readonly notifyUrl: string | undefined;
  readonly receiver: Receiver | undefined;
}

/** Read by the frame, and no part of a configuration. */
const quietVariables = [
  'WXPAY_NO_INPUT',
  'WXPAY_ACCESSIBLE',
  'WXPAY_ROTATED_SERIALS',
  'WXPAY_ROTATED_FILES',
  'WXPAY_DROPPED_SERIALS',
  'WXPAY_EMULATOR_RUN',
];

export function doctorContext(runtime: Runtime, { notifyUrl, receiver }: DoctorOptions): DoctorContext {
  const profile = once(async () => profileFacts(await runtime.profile(), runtime));
  const reached = new Map<string, Promise<Reached>>();
  return {
    clock: runtime.clock,
    env: runtime.env,
    nodeVersion: runtime.nodeVersion,
    platform: runtime.platform,
    knownVariables: new Set<string>([...environmentVariables, ...quietVariables]),
    store: async () => storeFindings(runtime),
    profile,
    keys: once(async () => keyFacts(await runtime.profile(), runtime)),
    ring: async () => runtime.keyRing(),
    cacheWritable: () => isWritable(runtime.dirs.cache),
    reach: async (base) => {
      const held = reached.get(base.origin) ?? reach(base, runtime);
      reached.set(base.origin, held);
      return held;
    },
    transport: async () => runtime.transport(),
    message: `wxpay-doctor-${runtime.randomBytes(4).toString('hex')}`,
    notifyUrl,
    callback: receiver === undefined ? undefined : async (signal) => (await receiver.next(signal)).raw,
  };
}

/** Before the profile is resolved: that would mend what it can, and move aside what it cannot. */
async function storeFindings(runtime: Runtime): Promise<readonly Finding[]> {
  const store = await runtime.profileStore();
  const variable = runtime.env['WXPAY_PROFILE'];
  let chosen = runtime.globals.profile ?? (variable === '' ? undefined : variable);
  const findings: Finding[] = [];
  if (chosen === undefined) {
    try {
      chosen = store.current();
    } catch (error) {
      if (!(error instanceof WxpayError)) throw error;
      findings.push({ name: error.code, level: 'fail', params: error.params, error });
    }
  }
  const place = { config: runtime.dirs.config, platform: runtime.platform, uid: runtime.uid };
  for (const { kind, params, error, inUse } of inspectStore(place, chosen)) {
    if (kind !== 'profile_fault') findings.push({ name: kind, level: 'warn', params });
    // A broken profile that nobody uses now hinders nobody now.
    else if (error !== undefined)
      findings.push({ name: error.code, level: inUse ? 'fail' : 'warn', params: error.params, error });
  }
  return findings;
}

function profileFacts(profile: ResolvedProfile, runtime: Runtime): ProfileFacts {
  const { values, live, shadowed } = profile;
  const { allowHost } = runtime.globals;
  return {
    live,
    baseUrl: parseBaseUrl(baseUrlOf(profile), allowHost === undefined ? [] : [allowHost]),
    notifyUrl: values.notify_url?.value,
    hasApiV3Key: values.api_v3_key !== undefined,
    hasPublicKey: values.public_key !== undefined && values.public_key_id !== undefined,
    overridden: shadowed
      .filter(({ by, hidden }) => by.from === 'env' && hidden.from === 'profile')
      .map(({ field, by, hidden }) => ({ field, by: nameOf(by), hidden: nameOf(hidden) })),
  };
}

function nameOf(source: Source): string {
  return source.from === 'env' ? source.variable : source.from === 'profile' ? source.name : source.from;
}

const isApiKey = (field: string): boolean => field === 'api_v3_key' || field === 'api_v2_key';

async function keyFacts(profile: ResolvedProfile, runtime: Runtime): Promise<KeyFacts> {
  const loose = new Map<string, string>();
  const credentials = openCredentials(profile, {
    env: runtime.env,
    platform: runtime.platform,
    uid: runtime.uid,
    onLooseFile: (file, mode) => loose.set(file, mode.toString(8).padStart(3, '0')),
  });
  const inspection = await inspectProfile(profile, credentials, { now: runtime.clock.now(), askKeychain: true });
  // What could not be read is among the findings already.
  const tried = async <T>(wanted: boolean, read: () => Promise<T>): Promise<T | undefined> => {
    if (!wanted) return undefined;
    try {
      return await read();
    } catch (error) {
      if (error instanceof WxpayError) return undefined;
      throw error;
    }
  };
  const { values } = profile;
  const ca = await tried(true, () => credentials.ca());
  const { certificate } = inspection;
  return {
    faults: inspection.findings.filter(({ field }) => !isApiKey(field)).map(({ error }) => error),
    apiKeyFaults: inspection.findings.filter(({ field }) => isApiKey(field)).map(({ error }) => error),
    merchantKey: await tried(true, () => credentials.merchantKey()),
    merchantCertificate:
      certificate === undefined ? undefined : { serial: certificate.serial_no, expiresAt: certificate.not_after },
    hasClientCertificate: values.client_cert_file !== undefined,
    publicKeys: (await tried(true, () => credentials.publicKeys())) ?? [],
    ca:
      ca === undefined
        ? undefined
        : { file: values.ca_file?.value ?? '', expiresAt: Date.parse(new X509Certificate(ca).validTo) },
    apiV3Key: await tried(values.api_v3_key !== undefined, () => credentials.apiV3Key()),
    apiV2Key: await tried(values.api_v2_key !== undefined, async () => (await credentials.apiV2Key()).reveal()),
    looseFiles: [...loose].map(([file, mode]) => ({ file, mode })),
  };
}

/** An unsigned question to an endpoint that every host has; the refusal carries the time. */
async function reach(base: Parameters<DoctorContext['reach']>[0], runtime: Runtime): Promise<Reached> {
  const { clock, env, globals } = runtime;
  const ca = await (await runtime.credentials()).ca().catch(() => undefined);
  const userAgent = 'wxpay-cli doctor';
  const sender = createSend({
    baseUrl: base,
    clock,
    userAgent,
    env,
    timeouts: { connect: 5_000, firstByte: Math.min(10_000, globals.timeoutMs), total: globals.timeoutMs },
    ...(ca === undefined ? {} : { ca }),
  });
  try {
    const { clockAhead } = await sender.send({
      method: 'GET',
      target: '/v3/certificates',
      body: new Uint8Array(),
      headers: { accept: 'application/json', 'user-agent': userAgent },
      effect: 'read',
      signal: runtime.signal,
    });
    return { clockAhead };
  } finally {
    await sender.close();
  }
}

/** The nearest thing that exists decides. */
function isWritable(dir: string): boolean {
  try {
    if (!lstatSync(dir).isFile()) {
      accessSync(dir, constants.W_OK);
      return true;
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT' && dirname(dir) !== dir) return isWritable(dirname(dir));
  }
  return false;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
