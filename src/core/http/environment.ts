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
  return /(?:^|[\s"])--inspect(?:-brk|-wait|-port)?(?:=|[\s"]|$)/.test(env['NODE_OPTIONS'] ?? '');
}

function unsafe(variable: string, danger: string): WxpayError {
  return new WxpayError('ENVIRONMENT_UNSAFE', { params: { variable, danger }, outcome: 'not_sent' });
}
