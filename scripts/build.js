// Builds dist/: one ESM chunk per lazily loaded command, plus what they share. The old build stays until the new one is whole.
import { build } from 'esbuild';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const fresh = `dist.new-${process.pid}`;
try {
  await build({
    entryPoints: { 'cli/main': 'src/cli/main.ts' },
    absWorkingDir: root,
    outdir: fresh,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    define: { __WXPAY_VERSION__: JSON.stringify(version) },
    chunkNames: 'chunks/[name]-[hash]',
    logLevel: 'warning',
  });
  const old = `${root}dist.old-${process.pid}`;
  try {
    renameSync(`${root}dist`, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(`${root}${fresh}`, `${root}dist`);
  rmSync(old, { recursive: true, force: true });
} finally {
  rmSync(`${root}${fresh}`, { recursive: true, force: true });
}
