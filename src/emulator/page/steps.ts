/** The request log's verification steps: what was checked, in order, and which check refused (states 7). */
import type { Check } from '../checks.ts';
import { demandsCertificate } from '../client-certificate.ts';
import type { RequestLog } from '../contract.ts';

export interface Step {
  readonly check: Check;
  readonly outcome: 'passed' | 'refused' | 'not-reached';
}

const doors: readonly Check[] = ['host', 'size', 'path'];

/** Which checks the request went through and which one refused it. */
export function stepsOf({ target, refused_by: refusedBy, fault, status }: RequestLog): readonly Step[] {
  const checks = checksOf(target);
  const stopped = refusedBy === undefined ? -1 : checks.indexOf(refusedBy);
  if (refusedBy === 'fault' || (fault !== undefined && status === undefined)) {
    const proven = checks.slice(0, -1).map((check) => ({ check, outcome: 'passed' as const }));
    return [...proven, { check: 'fault', outcome: 'refused' }];
  }
  return checks.map((check, index) => ({
    check,
    outcome: stopped < 0 || index < stopped ? 'passed' : index === stopped ? 'refused' : 'not-reached',
  }));
}

function checksOf(target: string): readonly Check[] {
  const path = target.replace(/\?.*$/s, '');
  if (path.startsWith('/v3/')) {
    // The pay group does not look at User-Agent and Accept (endpoints 1.3).
    const headers: readonly Check[] = path.startsWith('/v3/pay/') ? [] : ['client-headers'];
    return [...doors, ...headers, 'authorization', 'timestamp', 'merchant', 'serial', 'signature', 'rules'];
  }
  const certificates = demandsCertificate(path);
  return [
    'host',
    'size',
    ...(certificates ? (['certificate'] as const) : []),
    'path',
    'xml',
    'merchant',
    ...(certificates ? (['own-certificate'] as const) : []),
    'signature',
    'rules',
  ];
}
