/** The APIv3 endpoints that the emulator models, as the table in README shows them. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '../../src/emulator/server.ts';
import { realClock } from '../helpers/local.ts';

interface Endpoint {
  readonly method: string;
  readonly path: string;
}

export async function modelledEndpoints(): Promise<readonly Endpoint[]> {
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-endpoints-'));
  const emulator = await startEmulator({ clock: realClock, randomBytes: (size) => randomBytes(size), dir });
  try {
    return emulator.endpoints;
  } finally {
    await emulator.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** One row for endpoints that differ in their last word only: `/v3/pay/transactions/{app,h5}`; a `{parameter}` stays. */
export function endpointRows(endpoints: readonly Endpoint[]): string[] {
  const families = new Map<string, string[]>();
  for (const { method, path } of endpoints) {
    const cut = path.lastIndexOf('/') + 1;
    const last = path.slice(cut);
    const key = last.startsWith('{') ? `${method} ${path}` : `${method} ${path.slice(0, cut)}`;
    families.set(key, [...(families.get(key) ?? []), ...(last.startsWith('{') ? [] : [last])]);
  }
  return [...families].map(([key, lasts]) => {
    const [method = '', path = ''] = key.split(' ');
    const end = lasts.length > 1 ? `{${lasts.join(',')}}` : lasts.join('');
    return `| \`${method}\` | \`${path}${end}\` |`;
  });
}
