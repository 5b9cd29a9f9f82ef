/** Environment variables that would take the protection away from underneath. */
import { WxpayError } from '../errors.ts';

/**
 * Refuses to send a write while `NODE_TLS_REJECT_UNAUTHORIZED=0` is set (THREATS B6). Our own connections verify anyway;
 * whoever set it expects otherwise, and other software in this process would not.
 *
 * @throws `ENVIRONMENT_UNSAFE`
 */
export function checkEnvironment(env: Readonly<Record<string, string | undefined>>, effect: string): void {
  if (effect === 'read' || !isTlsUnverified(env)) return;
  throw new WxpayError('ENVIRONMENT_UNSAFE', {
    params: { variable: 'NODE_TLS_REJECT_UNAUTHORIZED', danger: 'key:reason.tls_unverified' },
    outcome: 'not_sent',
  });
}

/** True when the variable is set; a command that only reads warns. */
export function isTlsUnverified(env: Readonly<Record<string, string | undefined>>): boolean {
  return env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0';
}
