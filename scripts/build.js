// Builds dist/: one ESM chunk per lazily loaded command, plus what they share. The old build stays until the new one is whole.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeManPages } from './man.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
/** `import text from './file?raw'`: the file as a string, as the tests' bundler has it. */
const textFiles = {
  name: 'text-files',
  setup: (build) => {
    build.onResolve({ filter: /\?raw$/ }, ({ path, resolveDir }) => ({
      // Below the root: esbuild writes the name into what is published.
      path: relative(root, resolve(resolveDir, path.slice(0, -'?raw'.length))),
      namespace: 'raw',
    }));
    build.onLoad({ filter: /./, namespace: 'raw' }, ({ path }) => ({
      contents: readFileSync(resolve(root, path), 'utf8'),
      loader: 'text',
      watchFiles: [resolve(root, path)],
    }));
  },
};
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
    plugins: [textFiles],
  };
  await build({
    ...shared,
    entryPoints: { 'cli/main': 'src/cli/main.ts', 'emulator/library': 'src/cli/emulator-library.ts' },
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
      textFiles,
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
  declare('cli/emulator-library', `${root}${fresh}/types`);
  const { outdir: _, ...reading } = shared;
  await writeManPages(`${root}${fresh}/man`, reading);
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

/** The type declarations that an entry of the package needs, and no others; their imports name the files that are there. */
function declare(entry, folder) {
  const all = `${root}${fresh}/declared`;
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(
    process.execPath,
    [tsc, '-p', root, '--declaration', '--emitDeclarationOnly', '--noCheck', '--outDir', all],
    {
      stdio: ['ignore', 2, 2],
    },
  );
  const waiting = [`${entry}.d.ts`];
  for (const file of waiting) {
    const text = readFileSync(join(all, file), 'utf8').replaceAll(
      /(from '|import\(['"])(\.[^'"]+)\.ts(['"])/g,
      (_, before, path, after) => {
        const found = join(dirname(file), `${path}.d.ts`);
        if (!waiting.includes(found)) waiting.push(found);
        return `${before}${path}.js${after}`;
      },
    );
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  rmSync(all, { recursive: true });
}
