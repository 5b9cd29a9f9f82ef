/**
 * Who may see the page: this machine's own browsers, by a loopback name, and no page of another origin (THREATS I3). A link from
 * elsewhere may open it, since opening it does nothing.
 */
import type { Address } from '../guard.ts';
import { calledName, isLoopback, isWelcome } from '../guard.ts';
import type { RawRequest } from '../gateway.ts';

export interface Visitor {
  readonly method: string;
  readonly headers: RawRequest['headers'];
  readonly address: Address;
  /** The other end of the connection. */
  readonly remote: string | undefined;
}

/** Whether this request may reach the page and what belongs to it. What it may do there is asked of its token. */
export function mayVisit({ method, headers, address, remote }: Visitor): boolean {
  const called = calledName(headers, address);
  if (called === undefined || !isLoopback(called.name) || !isOwnMachine(remote)) return false;
  const own = `${address.secure === true ? 'https' : 'http'}://${headers.get('host')?.[0] ?? ''}`.toLowerCase();
  const origins = headers.get('origin') ?? [];
  if (origins.length > 1 || (origins[0] !== undefined && origins[0].toLowerCase() !== own)) return false;
  const rest = new Map(headers);
  rest.delete('origin');
  if (method === 'GET' && isNavigation(headers)) rest.delete('sec-fetch-site');
  return isWelcome(rest, address);
}

/** A person opened it in a window of its own: not a frame, not a script. */
function isNavigation(headers: RawRequest['headers']): boolean {
  return headers.get('sec-fetch-mode')?.[0] === 'navigate' && headers.get('sec-fetch-dest')?.[0] === 'document';
}

function isOwnMachine(remote: string | undefined): boolean {
  return remote !== undefined && isLoopback(remote.replace(/^::ffff:/, ''));
}
