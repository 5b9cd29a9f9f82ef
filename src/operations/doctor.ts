/**
 * `wxpay doctor` as a list of named checks. Each looks at one thing and returns what it found; none changes anything, prints
 * anything, or moves money. What a check needs of the world comes in as a thunk, so that one broken part leaves the others
 * to be looked at.
 */
import { existsSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { clockToleranceSeconds } from '../core/clock-tolerance.ts';
import { isWxpayError, WxpayError, type ErrorCode } from '../core/errors.ts';
import { backupOf, type BaseUrl } from '../core/http/base-url.ts';
import { isTlsUnverified, leakingOptions, nodeOptions } from '../core/http/environment.ts';
import { proxyFor } from '../core/http/proxy.ts';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import type { Clock, Transport, VerificationKey } from '../core/ports.ts';
import { parseRawHttp } from './callback/capture/raw-http.ts';
import { verifyCallback } from './callback/verify.ts';
import { echo } from './echo.ts';
import { judgeKey, tenpayAnchors } from './key-check.ts';

/** `info` is said and is no fault. The verdict is made of the others. */
export type Level = 'info' | 'warn' | 'fail';

/** Findings of ours; their texts are `doctor.finding.<name>` and `doctor.fix.<name>`. */
export type FindingName =
  | 'node_ended'
  | 'node_ends_soon'
  | 'node_too_old'
  | 'node_options_report'
  | 'node_options_inspect'
  | 'node_options_keylog'
  | 'node_options_tls'
  | 'node_debug'
  | 'extra_ca'
  | 'extra_ca_missing'
  | 'unknown_variable'
  | 'locale_not_utf8'
  | 'config_dir_open'
  | 'profile_file_open'
  | 'profile_broken_copy'
  | 'environment_overrides'
  | 'notify_url_query'
  | 'notify_url_http'
  | 'notify_url_local'
  | 'key_file_open'
  | 'merchant_certificate_ends_soon'
  | 'merchant_certificate_ends_now'
  | 'ca_file_ends_soon'
  | 'ca_file_expired'
  | 'no_client_certificate'
  | 'public_key_is_merchants'
  | 'public_key_is_a_certificates'
  | 'api_v3_key_missing'
  | 'api_v3_key_characters'
  | 'api_keys_equal'
  | 'proxy_used'
  | 'proxy_conflict'
  | 'backup_unreachable'
  | 'clock_skew'
  | 'clock_drift'
  | 'public_key_needed'
  | 'no_certificates'
  | 'platform_keys_none'
  | 'platform_keys_stale'
  | 'platform_certificate_expired'
  | 'platform_certificate_ends_soon'
  | 'platform_certificate_ends_now'
  | 'platform_chain'
  | 'platform_key_usage'
  | 'cache_unusable'
  | 'cache_unwritable'
  | 'serial_unknown_there'
  | 'answered_by_other_key'
  | 'echo_unavailable'
  | 'callback_requested'
  | 'callback_not_arrived'
  | 'callback_invalid';

export interface Finding {
  /** One of ours, or the code of the error that using the thing would meet. */
  readonly name: FindingName | ErrorCode;
  readonly level: Level;
  readonly params: Readonly<Record<string, string | number>>;
  /** Its text and hint are the finding's, and its category decides the exit code. */
  readonly error?: WxpayError;
  /** For a failure of ours: the code whose category decides the exit code. */
  readonly code?: ErrorCode;
}

export type CheckName =
  | 'runtime'
  | 'environment'
  | 'terminal'
  | 'store'
  | 'profile'
  | 'keys'
  | 'api_keys'
  | 'proxy'
  | 'host'
  | 'clock'
  | 'backup'
  | 'certificates'
  | 'platform_keys'
  | 'echo'
  | 'callback';

export interface CheckReport {
  readonly check: CheckName;
  /** `skipped`: nothing was looked at, because of `because`. */
  readonly status: 'ok' | 'warn' | 'fail' | 'skipped';
  readonly because: CheckName | 'offline' | 'nothing_to_check' | null;
  readonly findings: readonly Finding[];
}

export interface Diagnosis {
  readonly verdict: 'ok' | 'warnings' | 'failed';
  readonly checks: readonly CheckReport[];
  /** The code whose category is the exit code: the root of the trouble before what follows from it. */
  readonly failed: ErrorCode | undefined;
}

/** What is known of the effective profile. */
export interface ProfileFacts {
  readonly live: boolean;
  readonly baseUrl: BaseUrl;
  readonly notifyUrl: string | undefined;
  readonly hasApiV3Key: boolean;
  readonly hasPublicKey: boolean;
  readonly overridden: readonly { readonly field: string; readonly by: string; readonly hidden: string }[];
}

/** What is known of the merchant's keys. */
export interface KeyFacts {
  /** What using the profile would meet. */
  readonly faults: readonly WxpayError[];
  /** The same of the APIv3 and APIv2 keys. */
  readonly apiKeyFaults: readonly WxpayError[];
  readonly looseFiles: readonly { readonly file: string; readonly mode: string }[];
  readonly merchantKey: KeyObject | undefined;
  readonly merchantCertificate: { readonly serial: string; readonly expiresAt: number } | undefined;
  /** The profile names one for TLS; whether it is sound is among the faults. */
  readonly hasClientCertificate: boolean;
  readonly publicKeys: readonly VerificationKey[];
  readonly ca: { readonly file: string; readonly expiresAt: number } | undefined;
  readonly apiV3Key: Uint8Array | undefined;
  readonly apiV2Key: string | undefined;
}

export interface Reached {
  /** Whole seconds by which our clock is ahead of the server's; `undefined` where it did not say its own. */
  readonly clockAhead: number | undefined;
}

export interface DoctorContext {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nodeVersion: string;
  readonly platform: NodeJS.Platform;
  /** The variables that wxpay reads. */
  readonly knownVariables: ReadonlySet<string>;
  /** Faults of the files below the configuration folder, found without changing them. */
  readonly store: () => Promise<readonly Finding[]>;
  /** @throws WxpayError what any command would meet */
  readonly profile: () => Promise<ProfileFacts>;
  readonly keys: () => Promise<KeyFacts>;
  readonly ring: () => Promise<CertificateKeyRing>;
  /** False when nothing can be written where the cache is. */
  readonly cacheWritable: () => boolean;
  /** Asks a host for nothing in particular, unsigned. @throws WxpayError of category `network` */
  readonly reach: (base: BaseUrl) => Promise<Reached>;
  readonly transport: () => Promise<Transport>;
  /** Short ASCII text that names this run. */
  readonly message: string;
  readonly notifyUrl: string | undefined;
  /** The next callback that arrives at our own listener; absent where nobody listens. */
  readonly callback: ((signal: AbortSignal) => Promise<Uint8Array>) | undefined;
}

export interface Check {
  readonly name: CheckName;
  readonly online: boolean;
  /** Checks without which this one says nothing: when one of them fails, it is skipped. */
  readonly after: readonly CheckName[];
  /** `undefined`: there was nothing to look at. */
  run(context: DoctorContext): Promise<readonly Finding[] | undefined> | readonly Finding[] | undefined;
}

/** In the order in which they are made and shown. */
export const checks: readonly Check[] = [
  { name: 'runtime', online: false, after: [], run: checkRuntime },
  { name: 'environment', online: false, after: [], run: checkEnvironment },
  { name: 'terminal', online: false, after: [], run: checkTerminal },
  { name: 'store', online: false, after: [], run: ({ store }) => store() },
  { name: 'profile', online: false, after: ['store'], run: checkProfile },
  { name: 'keys', online: false, after: ['profile'], run: checkKeys },
  { name: 'api_keys', online: false, after: ['profile'], run: checkApiKeys },
  { name: 'proxy', online: false, after: ['profile'], run: checkProxy },
  { name: 'host', online: true, after: ['profile', 'proxy'], run: checkHost },
  { name: 'clock', online: true, after: ['host'], run: checkClock },
  { name: 'backup', online: true, after: ['profile', 'proxy'], run: checkBackup },
  { name: 'certificates', online: true, after: ['keys', 'api_keys', 'host', 'clock'], run: checkCertificates },
  { name: 'platform_keys', online: false, after: ['profile', 'api_keys'], run: checkPlatformKeys },
  { name: 'echo', online: true, after: ['keys', 'api_keys', 'host', 'clock'], run: checkEcho },
  { name: 'callback', online: true, after: ['echo'], run: checkCallback },
];

/** Makes the checks one after another. Never throws but for a bug. */
export async function diagnose(context: DoctorContext, options: { readonly offline: boolean }): Promise<Diagnosis> {
  const reports: CheckReport[] = [];
  for (const check of checks) {
    const hindrance = reports.find(
      ({ check: name, status, because }) =>
        check.after.includes(name) && (status === 'fail' || (status === 'skipped' && because !== 'nothing_to_check')),
    );
    if (check.online && options.offline) reports.push(skipped(check.name, 'offline'));
    else if (hindrance !== undefined) reports.push(skipped(check.name, hindrance.check));
    else reports.push(await examine(check, context, reports));
  }
  const findings = reports.flatMap((report) => report.findings);
  const failed = findings.filter(({ level }) => level === 'fail');
  const warned = findings.some(({ level }) => level === 'warn');
  return {
    verdict: failed.length > 0 ? 'failed' : warned ? 'warnings' : 'ok',
    checks: reports,
    failed: worstOf(failed),
  };
}

async function examine(check: Check, context: DoctorContext, before: readonly CheckReport[]): Promise<CheckReport> {
  let findings: readonly Finding[] | undefined;
  try {
    findings = await check.run(context);
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    findings = [failure(error)];
  }
  if (findings === undefined) return skipped(check.name, 'nothing_to_check');
  const cause = findings.length === 1 ? before.find((report) => saidBefore(report, findings[0])) : undefined;
  if (cause !== undefined) return skipped(check.name, cause.check);
  const levels = new Set(findings.map(({ level }) => level));
  const status = levels.has('fail') ? 'fail' : levels.has('warn') ? 'warn' : 'ok';
  return { check: check.name, status, because: null, findings };
}

/** One fault can surface in several checks; it is told once. */
function saidBefore(report: CheckReport, finding: Finding | undefined): boolean {
  const { error } = finding ?? {};
  return error !== undefined && report.findings.some((earlier) => earlier.error?.message === error.message);
}

function skipped(check: CheckName, because: CheckReport['because']): CheckReport {
  return { check, status: 'skipped', because, findings: [] };
}

/** What is wrong here explains what goes wrong there, so it goes first. */
const severity: readonly (readonly string[])[] = [
  ['config', 'usage'],
  ['credentials'],
  ['verification'],
  ['refused', 'not_found'],
  ['throttled'],
  ['network'],
];

function worstOf(failed: readonly Finding[]): ErrorCode | undefined {
  const codes = failed.map(({ error, code }) => error?.code ?? code ?? 'CHECK_FAILED');
  for (const categories of severity) {
    const found = codes.find((code) => categories.includes(new WxpayError(code).category));
    if (found !== undefined) return found;
  }
  return codes[0];
}

function failure(error: WxpayError): Finding {
  return { name: error.code, level: 'fail', params: error.params, error };
}

function warning(name: FindingName, params: Finding['params'] = {}): Finding {
  return { name, level: 'warn', params };
}

function said(name: FindingName, params: Finding['params'] = {}): Finding {
  return { name, level: 'info', params };
}

const day = 86_400_000;

/** End of life by major version, from the release schedule of Node.js. */
const nodeEnds: Readonly<Record<number, string>> = {
  18: '2025-04-30',
  20: '2026-04-30',
  22: '2027-04-30',
  24: '2028-04-30',
  26: '2029-04-30',
};

function checkRuntime({ nodeVersion: version, clock }: DoctorContext): readonly Finding[] {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const tooOld = major < 20 || (major === 20 && (minor < 18 || (minor === 18 && patch < 1)));
  if (tooOld) return [{ name: 'node_too_old', level: 'fail', params: { version }, code: 'ENVIRONMENT_UNSAFE' }];
  // Odd versions live for half a year; nobody knows the ends of what is not on the list yet.
  const end = nodeEnds[major] ?? (major % 2 === 1 && major < 26 ? nodeEnds[major - 1] : undefined);
  if (end === undefined) return [];
  const left = Date.parse(end) - clock.now();
  if (left < 0) return [warning('node_ended', { version, date: end })];
  return left < 90 * day ? [warning('node_ends_soon', { version, date: end })] : [];
}

function checkEnvironment({ env, knownVariables }: DoctorContext): readonly Finding[] {
  const findings: Finding[] = [];
  const option = (pattern: RegExp, name: FindingName, but?: RegExp): void => {
    const found = nodeOptions(env, pattern).find((one) => but?.test(one) !== true);
    if (found !== undefined) findings.push(warning(name, { option: found }));
  };
  option(leakingOptions, 'node_options_report', /^--tls/);
  option(/^--inspect/, 'node_options_inspect');
  option(/^--tls-keylog/, 'node_options_keylog');
  option(/^--tls-(?:min|max)-v1\.[01]|^--(?:tls-cipher-list|openssl-legacy-provider)/, 'node_options_tls');
  if (isTlsUnverified(env))
    findings.push(
      failure(
        new WxpayError('ENVIRONMENT_UNSAFE', {
          params: { variable: 'NODE_TLS_REJECT_UNAUTHORIZED', danger: 'key:reason.tls_unverified' },
        }),
      ),
    );
  if (/(?:^|,)\s*(?:\*|https?2?|net|tls|undici|fetch)\s*(?:,|$)/i.test(env['NODE_DEBUG'] ?? ''))
    findings.push(warning('node_debug', { value: env['NODE_DEBUG'] ?? '' }));
  const extra = env['NODE_EXTRA_CA_CERTS'];
  if (extra !== undefined && extra !== '')
    findings.push(existsSync(extra) ? said('extra_ca', { file: extra }) : warning('extra_ca_missing', { file: extra }));
  const strangers = Object.keys(env).filter((name) => name.startsWith('WXPAY_') && !knownVariables.has(name));
  for (const variable of strangers.sort()) findings.push(warning('unknown_variable', { variable }));
  return findings;
}

/** Node writes UTF-8 whatever the locale says. */
function checkTerminal({ env, platform }: DoctorContext): readonly Finding[] {
  if (platform === 'win32') return [];
  const variable = ['LC_ALL', 'LC_CTYPE', 'LANG'].find((name) => (env[name] ?? '') !== '');
  const value = variable === undefined ? '' : (env[variable] ?? '');
  const charset = /\.([^@]+)/.exec(value)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset)
    ? []
    : [warning('locale_not_utf8', { variable: variable ?? '', value })];
}

async function checkProfile({ profile }: DoctorContext): Promise<readonly Finding[]> {
  const { overridden, notifyUrl, live } = await profile();
  const findings = overridden.map((params) => warning('environment_overrides', params));
  const url = notifyUrl !== undefined && URL.canParse(notifyUrl) ? new URL(notifyUrl) : undefined;
  if (url === undefined) return findings;
  const params = { url: notifyUrl ?? '' };
  if (url.search !== '') findings.push(warning('notify_url_query', params));
  if (live && url.protocol === 'http:') findings.push(warning('notify_url_http', params));
  if (live && isPrivateHost(url.hostname)) findings.push(warning('notify_url_local', params));
  return findings;
}

/** Where WeChat Pay's callbacks cannot come: this machine and private networks. */
function isPrivateHost(hostname: string): boolean {
  const host = hostname.replaceAll(/^\[|\]$/g, '');
  return (
    /(?:^|\.)(?:localhost|local|internal|lan)$/i.test(host) ||
    /^(?:127|10|0)\.|^192\.168\.|^169\.254\.|^172\.(?:1[6-9]|2\d|3[01])\./.test(host) ||
    /^(?:::1?|f[cd][0-9a-f]{2}:.*|fe80:.*)$/i.test(host)
  );
}

async function checkKeys({ keys, clock }: DoctorContext): Promise<readonly Finding[]> {
  const facts = await keys();
  const findings: Finding[] = facts.faults.map(failure);
  for (const file of facts.looseFiles) findings.push(warning('key_file_open', file));
  const { merchantCertificate: own, merchantKey, ca } = facts;
  if (own !== undefined) {
    const days = Math.floor((own.expiresAt - clock.now()) / day);
    const params = { serial: own.serial, days, date: dateOf(own.expiresAt) };
    if (days >= 0 && days <= 7) findings.push(warning('merchant_certificate_ends_now', params));
    else if (days > 7 && days <= 30) findings.push(warning('merchant_certificate_ends_soon', params));
  }
  if (!facts.hasClientCertificate) findings.push(said('no_client_certificate'));
  if (ca !== undefined && ca.expiresAt < clock.now())
    findings.push({
      name: 'ca_file_expired',
      level: 'fail',
      params: { file: ca.file, date: dateOf(ca.expiresAt) },
      code: 'CERTIFICATE_EXPIRED',
    });
  else if (ca !== undefined && ca.expiresAt < clock.now() + 30 * day)
    findings.push(warning('ca_file_ends_soon', { file: ca.file, date: dateOf(ca.expiresAt) }));
  for (const key of facts.publicKeys)
    if (merchantKey !== undefined && isPublicHalf(key.publicKey, merchantKey))
      findings.push({
        name: 'public_key_is_merchants',
        level: 'fail',
        params: { id: key.id },
        code: 'KEY_WRONG_KIND',
      });
  return findings;
}

function isPublicHalf(publicKey: KeyObject, privateKey: KeyObject): boolean {
  return publicKey.export({ format: 'jwk' }).n === privateKey.export({ format: 'jwk' }).n;
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The length is judged where the key is read. */
async function checkApiKeys({ profile, keys }: DoctorContext): Promise<readonly Finding[]> {
  const { hasApiV3Key } = await profile();
  const { apiV3Key, apiV2Key, apiKeyFaults } = await keys();
  const faults = apiKeyFaults.map(failure);
  if (!hasApiV3Key) return [...faults, warning('api_v3_key_missing')];
  if (apiV3Key === undefined) return faults;
  const text = Buffer.from(apiV3Key).toString('latin1');
  const findings: Finding[] = [...faults];
  if (!/^[0-9A-Za-z]{32}$/.test(text)) findings.push(warning('api_v3_key_characters'));
  if (apiV2Key !== undefined && apiV2Key === text) findings.push(warning('api_keys_equal'));
  return findings;
}

async function checkProxy({ profile, env }: DoctorContext): Promise<readonly Finding[]> {
  const { baseUrl } = await profile();
  const findings: Finding[] = [];
  for (const [lower, upper] of [
    ['https_proxy', 'HTTPS_PROXY'],
    ['no_proxy', 'NO_PROXY'],
  ] as const) {
    const [used, ignored] = [env[lower] ?? '', env[upper] ?? ''];
    if (used !== '' && ignored !== '' && used !== ignored) findings.push(warning('proxy_conflict', { lower, upper }));
  }
  // A value that is no proxy throws.
  const proxy = proxyFor(baseUrl, env);
  if (proxy !== undefined) findings.push(said('proxy_used', { proxy: proxy.label, host: baseUrl.host }));
  return findings;
}

async function checkHost({ profile, reach }: DoctorContext): Promise<readonly Finding[]> {
  await reach((await profile()).baseUrl);
  return [];
}

async function checkBackup({ profile, reach }: DoctorContext): Promise<readonly Finding[] | undefined> {
  const backup = backupOf((await profile()).baseUrl);
  if (backup === undefined) return undefined;
  try {
    await reach(backup);
    return [];
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    return [{ ...warning('backup_unreachable', { host: backup.host }), error }];
  }
}

/** WeChat Pay refuses requests that are 5 minutes off, and so do we its answers. */
async function checkClock({ profile, reach }: DoctorContext): Promise<readonly Finding[] | undefined> {
  const { clockAhead } = await reach((await profile()).baseUrl);
  if (clockAhead === undefined) return undefined;
  const seconds = Math.abs(clockAhead);
  const params = { seconds, direction: clockAhead > 0 ? 'key:doctor.ahead' : 'key:doctor.behind' };
  if (seconds > clockToleranceSeconds)
    return [{ name: 'clock_skew', level: 'fail', params, code: 'ENVIRONMENT_UNSAFE' }];
  return seconds > 60 ? [warning('clock_drift', params)] : [];
}

/** The download is the one thing that proves the APIv3 key (protocol 3.3). */
async function checkCertificates({ profile, ring }: DoctorContext): Promise<readonly Finding[] | undefined> {
  const { hasApiV3Key, hasPublicKey } = await profile();
  if (!hasApiV3Key) return undefined;
  try {
    await (await ring()).refresh();
    return [];
  } catch (error) {
    if (!isWxpayError(error, 'CERTIFICATES_NONE')) throw error;
    return hasPublicKey ? [said('no_certificates')] : [{ ...failure(error), name: 'public_key_needed' }];
  }
}

/** After the download, if there was one: what is at hand now. */
async function checkPlatformKeys(context: DoctorContext): Promise<readonly Finding[]> {
  const { live } = await context.profile();
  const now = context.clock.now();
  const ring = await context.ring();
  const keys = await ring.list();
  const findings: Finding[] = [];
  const cache = ring.cache();
  if (cache?.state === 'unusable') findings.push(warning('cache_unusable', { file: cache.file }));
  if (cache !== undefined && cache.file !== '' && !context.cacheWritable())
    findings.push(warning('cache_unwritable', { file: cache.file }));
  if (keys.length === 0) return [...findings, warning('platform_keys_none')];
  const hours = cache?.downloadedAt === undefined ? 0 : Math.floor((now - cache.downloadedAt) / 3_600_000);
  if (hours >= 12) findings.push(warning('platform_keys_stale', { hours }));
  const anchors = tenpayAnchors();
  const certificates = keys.filter((key) => key.kind === 'platform-certificate');
  const latest = Math.max(...certificates.map((key) => key.expiresAt ?? 0));
  for (const key of certificates) {
    const { chain, validity, daysLeft, usage } = judgeKey(key, now, anchors);
    const params = { serial: key.id, days: daysLeft ?? 0 };
    if (validity === 'expired') findings.push(warning('platform_certificate_expired', params));
    // One that has a successor may end when it likes.
    else if (key.expiresAt === latest && daysLeft !== null && daysLeft <= 30)
      findings.push(
        warning(daysLeft <= 7 ? 'platform_certificate_ends_now' : 'platform_certificate_ends_soon', params),
      );
    if (live && chain === 'foreign') findings.push(warning('platform_chain', params));
    if (usage === 'unsuitable') findings.push(warning('platform_key_usage', params));
  }
  const publicKeys = keys.filter((key) => key.kind === 'wechatpay-public-key');
  for (const key of publicKeys)
    if (certificates.some((other) => other.publicKey.equals(key.publicKey)))
      findings.push({
        name: 'public_key_is_a_certificates',
        level: 'fail',
        params: { id: key.id },
        code: 'KEY_WRONG_KIND',
      });
  return findings;
}

async function checkEcho(context: DoctorContext): Promise<readonly Finding[] | undefined> {
  const key = await (await context.ring()).preferred();
  const { merchantKey } = await context.keys();
  if (key === undefined || merchantKey === undefined) return undefined;
  const { notifyUrl, message } = context;
  try {
    const proof = await echo({
      transport: await context.transport(),
      key,
      merchantKey,
      message,
      ...(notifyUrl === undefined ? {} : { notifyUrl }),
    });
    return proof.signer === key.id ? [] : [said('answered_by_other_key', { named: key.id, signer: proof.signer })];
  } catch (error) {
    // A gateway that does not offer the test says so; every other refusal is a finding.
    if (isWxpayError(error, 'NOT_FOUND') || (isWxpayError(error) && error.httpStatus === 501))
      return [said('echo_unavailable')];
    if (isWxpayError(error, 'API_REFUSED') && /serial|序列号/i.test(error.wechat?.message ?? ''))
      return [{ ...failure(error), name: 'serial_unknown_there', params: { id: key.id } }];
    throw error;
  }
}

const callbackWaitMs = 20_000;

async function checkCallback(context: DoctorContext): Promise<readonly Finding[] | undefined> {
  const { notifyUrl: url, callback, clock, message } = context;
  if (url === undefined) return undefined;
  if (callback === undefined) return [said('callback_requested', { url, message })];
  const stop = new AbortController();
  const raw = await Promise.race([
    callback(stop.signal),
    clock.sleep(callbackWaitMs, stop.signal).then(() => undefined),
  ]).finally(() => stop.abort(new WxpayError('NETWORK_TIMEOUT')));
  if (raw === undefined)
    return [
      {
        name: 'callback_not_arrived',
        level: 'fail',
        params: { url, seconds: callbackWaitMs / 1000 },
        code: 'NETWORK_TIMEOUT',
      },
    ];
  const { apiV3Key } = await context.keys();
  if (apiV3Key === undefined) return undefined;
  const ring = await context.ring();
  const report = await verifyCallback(
    parseRawHttp(Buffer.from(raw)),
    { find: (serial) => ring.find(serial), apiV3Key },
    clock.now(),
    false,
  );
  if (report.verdict === 'valid' && report.resource?.['echo_message'] === message) return [];
  const { failure: error } = report;
  return [
    {
      name: 'callback_invalid',
      level: 'fail',
      params: { url },
      ...(error === undefined ? { code: 'CHECK_FAILED' as const } : { error }),
    },
  ];
}
