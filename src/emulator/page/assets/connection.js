/** Talks to the emulator. The token is in this document only, where no other origin can read it. */
import { hasText, t, visible } from './dom.js';

const token = document.querySelector('meta[name="page-token"]')?.getAttribute('content') ?? '';

/** A refusal in words for people. */
export class Refusal extends Error {}

/** The token is no longer good: another emulator answers. */
export class Restarted extends Error {}

/**
 * @param {string} method
 * @param {string} name
 * @param {Record<string, unknown>} [input]
 * @returns {Promise<any>}
 */
export async function call(method, name, input) {
  const response = await fetch(`/_page/${name}`, {
    method,
    headers: { 'wxpay-page-token': token, ...(input === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(input === undefined ? {} : { body: JSON.stringify(input) }),
    signal: AbortSignal.timeout(30_000),
    cache: 'no-store',
  });
  if (response.status === 401) throw new Restarted();
  const answer = await response.json();
  if (response.ok) return answer;
  const { code = String(response.status), params = {} } = answer?.error ?? {};
  /** @type {Record<string, string>} */
  const values = { code };
  for (const [field, value] of Object.entries(params)) values[field] = visible(String(value));
  const keys = [`error_${code}_${String(params.field)}`, `error_${code}`];
  throw new Refusal(t(keys.find((key) => hasText(key)) ?? 'error_other', values));
}
