// Writes the manual pages, which the program makes of itself (src/cli/man), when the package is built.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param folder gets the pages
 * @param options how src/ is built
 */
export async function writeManPages(folder, options) {
  // Below the root, where the packages are found; nothing of it is published.
  const workshop = mkdtempSync(join(root, 'dist.new-man-'));
  try {
    const outfile = join(workshop, 'pages.mjs');
    await build({ ...options, entryPoints: ['src/cli/man/pages.ts'], outfile, format: 'esm', packages: 'external' });
    const { manPages } = await import(pathToFileURL(outfile));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const pages = await manPages({ version, date: dateOfSource() });
    mkdirSync(folder, { recursive: true });
    for (const { file, text } of pages) writeFileSync(join(folder, file), text);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** The day of the source, not of the build: two builds of one commit are the same. Empty where nobody knows. */
function dateOfSource() {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  if (epoch !== undefined) return new Date(Number(epoch) * 1000).toISOString().slice(0, 10);
  try {
    const log = ['log', '-1', '--format=%cs'];
    return execFileSync('git', log, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
