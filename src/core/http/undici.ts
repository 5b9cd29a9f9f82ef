/** The two parts of undici that a request needs. */
import type { Pool, buildConnector } from 'undici';

export interface UndiciParts {
  readonly Pool: typeof Pool;
  readonly buildConnector: typeof buildConnector;
}

/**
 * Loads them by their files: undici's index brings fetch, WebSocket, caches and more, and takes three times as long, which is a fifth
 * of a whole command. The files are no interface of undici's, which is one reason why package.json names its version exactly; a test
 * compares them with what the index has.
 */
export async function loadUndici(): Promise<UndiciParts> {
  const [pool, connect] = await Promise.all([
    import('undici/lib/dispatcher/pool.js'),
    import('undici/lib/core/connect.js'),
  ]);
  return { Pool: pool.default, buildConnector: connect.default };
}
