// Brings the list of manual pages in package.json up to date: npm links those that are listed one by one, and no others. Run it after
// a command has come or gone, and after `npm run build`; a test holds the list complete.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = `${root}package.json`;
const manifest = JSON.parse(readFileSync(file, 'utf8'));
manifest.man = readdirSync(`${root}dist/man`)
  .toSorted()
  .map((name) => `dist/man/${name}`);
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
