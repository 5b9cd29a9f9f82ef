import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeAll, httpServer } from '../http/loopback.ts';
import { day, platformCertificate } from './platform.ts';

let root: string;
let child: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-ring-'));
  child = join(root, 'child.mjs');
  const entry = fileURLToPath(new URL('keyring-child.ts', import.meta.url));
  buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile: child });
});
afterAll(async () => {
  await closeAll();
  rmSync(root, { recursive: true, force: true });
});

test('C3: a dozen processes that start without a cache download once between them', { timeout: 60_000 }, async () => {
  const now = Date.now();
  const made = platformCertificate('5a'.repeat(20), now - day, now + 400 * day);
  let downloads = 0;
  const port = await httpServer((_request, response) => {
    downloads += 1;
    setTimeout(() => response.end(JSON.stringify({ id: made.serial, pem: made.pem })), 50);
  });
  const cache = join(root, 'cache');
  const run = (serial: string) =>
    promisify(execFile)(process.execPath, [child, cache, `http://127.0.0.1:${port}/`, serial]);
  const found = await Promise.all(Array.from({ length: 12 }, () => run(made.serial)));
  expect(found.map(({ stdout }) => stdout)).toEqual(Array(12).fill('true'));
  expect(downloads).toBe(1);
  // And an unknown serial within the minute asks nobody.
  expect((await run('5B'.repeat(20))).stdout).toBe('false');
  expect(downloads).toBe(1);
  expect(readdirSync(join(cache, 'certificates'))).toHaveLength(1);
});
