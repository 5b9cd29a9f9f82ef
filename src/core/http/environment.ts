/** Environment variables that would take the protection away from underneath. */
import { WxpayError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Refuses to send a write while `NODE_TLS_REJECT_UNAUTHORIZED=0` is set (THREATS B6): our own connections verify anyway, but
 * whoever set it expects otherwise, and other software in this process would not. And refuses one to a live host while
 * `NODE_OPTIONS` opens a debugger (THREATS E4), through which anybody on the machine reads the keys.
 *
 * @param live false on this machine, where nobody's money moves and an app may well be debugged
 * @throws `ENVIRONMENT_UNSAFE`
 */
export function checkEnvironment(env: Environment, effect: string, live: boolean): void {
  if (effect === 'read') return;
  if (isTlsUnverified(env)) throw unsafe('NODE_TLS_REJECT_UNAUTHORIZED', 'key:reason.tls_unverified');
  if (live && opensDebugger(env)) throw unsafe('NODE_OPTIONS', 'key:reason.debugger');
}

/** True when the variable is set; a command that only reads warns. */
export function isTlsUnverified(env: Environment): boolean {
  return env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0';
}

/** `--inspect-publish-uid`, which editors set for their terminals, opens nothing by itself. */
function opensDebugger(env: Environment): boolean {
  return nodeOptions(env, /^--inspect(?:-brk|-wait|-port)?$/).length > 0;
}

/**
 * The options of `NODE_OPTIONS` that match, without their values. It is split as Node does: at blanks, and what is in double quotes
 * is one.
 */
export function nodeOptions(env: Environment, pattern: RegExp): readonly string[] {
  const words = (env['NODE_OPTIONS'] ?? '').match(/(?:"(?:[^"\\]|\\.)*"|[^\s"])+/g) ?? [];
  return words.map((word) => word.replaceAll('"', '').replace(/=.*$/s, '')).filter((word) => pattern.test(word));
}

/** Reports and heap files, which hold the environment and the keys, and TLS key logs (THREATS E4): a command for a live host warns. */
export const leakingOptions = /^--(?:report-|experimental-report|heapsnapshot|heap-prof|diagnostic-dir|tls-keylog)/;

function unsafe(variable: string, danger: string): WxpayError {
  return new WxpayError('ENVIRONMENT_UNSAFE', { params: { variable, danger }, outcome: 'not_sent' });
}
