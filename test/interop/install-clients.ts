/**
 * Installs the judges before the suite, from this folder's own lockfile, unless exactly these versions are there already.
 * They stay out of the root's node_modules, because wechatpay-axios-plugin brings a bin named `wxpay` too.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const home = new URL('./', import.meta.url);

export async function setup(): Promise<void> {
  if (isInstalled()) return;
  // npm is a script on Windows and needs its shell there; nothing that is passed comes from outside.
  const shell = process.platform === 'win32';
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: fileURLToPath(home),
    shell,
  });
}

function isInstalled(): boolean {
  try {
    const { dependencies } = readJson('package.json') as { dependencies: Record<string, string> };
    // Written last by npm: without it, an installation was interrupted.
    readJson('node_modules/.package-lock.json');
    return Object.entries(dependencies).every(([name, version]) => {
      const installed = readJson(`node_modules/${name}/package.json`) as { version: string };
      return installed.version === version;
    });
  } catch {
    return false;
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, home), 'utf8'));
}
