import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocal, type Local } from '../helpers/local.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});

test('a second profile does not silently take the place of the only one', async () => {
  const { info, home } = local;
  const secret = join(home.dir, 'api_v3_key');
  writeFileSync(secret, info.api_v3_key, { mode: 0o600 });
  const add = (name: string): Promise<{ code: number | undefined }> =>
    home.run([
      'profile',
      'add',
      name,
      '--mchid',
      info.mchid,
      '--appid',
      info.appid,
      '--base-url',
      info.url,
      '--private-key-file',
      info.private_key_file,
      '--certificate-file',
      info.certificate_file,
      '--api-v3-key-file',
      secret,
    ]);
  expect(await add('first')).toMatchObject({ code: 0 });
  expect(await add('second')).toMatchObject({ code: 0 });
  // Still the first: no command that worked before asks for --profile now.
  const { stdout } = await home.run(['profile', 'show', '--json']);
  expect(stdout).toContain('"first"');
  expect(await home.run(['certs', 'download'])).toMatchObject({ code: 0 });
});
