// Adds the platform packages to package-lock.json that the registry at hand did not list when the lockfile was made.
//
// `npm ci` refuses a lockfile that lacks an optional dependency, even one for another platform. Where a mirror holds only some
// platforms' packages, npm leaves the others out. Their version is known (their parent names it exactly); their hash is not, so
// they carry none. They are development tools only. Run it after `npm install`; a test holds the lockfile complete.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const lock = JSON.parse(readFileSync(file, 'utf8'));
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64'];
let added = 0;
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] !== undefined || parent.dev !== true) continue;
    const words = name.split(/[/-]/);
    lock.packages[path] = {
      version,
      cpu: processors.filter((cpu) => words.includes(cpu)),
      dev: true,
      optional: true,
      os: systems.filter((os) => words.includes(os) || (os === 'win32' && words.includes('windows'))),
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} added`);
