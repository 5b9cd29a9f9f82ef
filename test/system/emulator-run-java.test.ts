/** `emulator run` with Java: proxy and trust store by JAVA_TOOL_OPTIONS. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeHome } from '../helpers/cli.ts';

test('HttpURLConnection and HttpClient find the emulator behind the live name, in a folder with a blank', async () => {
  // Runs a source file by itself; a runtime without a compiler cannot.
  const source = fileURLToPath(new URL('./apps/Ask.java', import.meta.url));
  const home = makeHome();
  try {
    if (spawnSync('javac', ['-version']).status !== 0) {
      process.stderr.write('emulator run with Java: skipped, there is no JDK here\n');
      return;
    }
    const folder = join(home.dir, 'a folder');
    mkdirSync(folder);
    const result = await home.run(['emulator', 'run', '--', 'java', source], {
      env: { TMPDIR: folder },
      timeout: 90_000,
    });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stdout).toBe('HttpURLConnection 401\nHttpClient 401\n');
  } finally {
    home.remove();
  }
});
