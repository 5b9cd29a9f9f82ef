// Builds dist/: one ESM chunk per lazily loaded command, plus what they share. The old build stays until the new one is whole.
import { build } from 'esbuild';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const fresh = `dist.new-${process.pid}`;
try {
  const shared = {
    absWorkingDir: root,
    outdir: fresh,
    bundle: true,
    platform: 'node',
    target: 'node20.18',
    define: { __WXPAY_VERSION__: JSON.stringify(version) },
    logLevel: 'warning',
  };
  await build({
    ...shared,
    entryPoints: { 'cli/main': 'src/cli/main.ts' },
    splitting: true,
    packages: 'external',
    format: 'esm',
    chunkNames: 'chunks/[name]-[hash]',
  });
  await build({
    ...shared,
    entryPoints: { 'cli/entry': 'src/cli/entry.ts' },
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    plugins: [
      {
        name: 'main-is-built-already',
        setup: (build) => {
          build.onResolve({ filter: /^\.\/main\.ts$/ }, () => ({ path: './main.js', external: true }));
        },
      },
    ],
  });
  // What `emulator run` puts into Node.js programs: read by them, not by us.
  await build({
    ...shared,
    entryPoints: { 'emulated/preload': 'src/cli/emulated/preload.ts' },
    format: 'cjs',
    target: 'node14',
    outExtension: { '.js': '.cjs' },
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
