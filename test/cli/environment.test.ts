import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { environmentText, environmentVariables } from '../../src/cli/environment.ts';
import { profileFields } from '../../src/profiles/schema.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** What `certs rotate` and the like hand to a script of the user's, rather than read. */
const given = /_(?:SERIALS|FILES|EMULATOR_RUN)$/;

test('every WXPAY_ variable that the program reads is explained, and every one that is explained is read', () => {
  const read = new Set<string>(
    Object.values(profileFields).flatMap(({ variables }) => variables.map(({ name }) => name)),
  );
  for (const name of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || /^i18n.(?:en|zh-cn)|environment\.ts$/.test(name)) continue;
    for (const [variable] of readFileSync(join(src, name), 'utf8').matchAll(/(?<![A-Za-z_])WXPAY_[A-Z0-9_]*[A-Z0-9]/g))
      if (!given.test(variable)) read.add(variable);
  }
  expect([...read].toSorted()).toEqual(environmentVariables.filter((name) => name.startsWith('WXPAY_')).toSorted());
});

test('each is explained in both languages', async () => {
  for (const lang of ['en', 'zh-CN'] as const) {
    const t = await loadTranslate(lang);
    for (const variable of environmentVariables)
      expect(t(environmentText(variable))).not.toBe(environmentText(variable));
  }
});
