import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { confirmLive, type ConfirmRuntime } from '../../src/cli/confirm.ts';
import type { Prompts } from '../../src/cli/prompts.ts';
import { WxpayError } from '../../src/core/errors.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';
import { resolvedFrom } from '../../src/profiles/resolve.ts';
import { errorOf, makeHome, type Home } from '../helpers/cli.ts';
import { makeMerchantFiles } from '../helpers/merchant-files.ts';
import { enter, typeInto } from '../helpers/terminal.ts';

const t = await loadTranslate('en');
const summary = { key: 'order.confirm.close', params: { out_trade_no: 'T1\u001b[2J' } } as const;
const profileAt = (base_url?: string) =>
  resolvedFrom({
    name: 'shop',
    file: '/p.json',
    profile: { version: 1, mchid: '1900000001', ...(base_url === undefined ? {} : { base_url }) },
  });

/** Asks nobody unless `answer` is given. */
function runtimeWith(globals: Partial<ConfirmRuntime['globals']>, answer?: boolean) {
  const asked: string[] = [];
  const notes: string[] = [];
  const unexpected = (): never => expect.fail('nobody may be asked this');
  const prompts: Prompts = {
    canPrompt: answer !== undefined,
    input: unexpected,
    secret: unexpected,
    select: unexpected,
    confirm: async ({ message }) => {
      asked.push(message);
      return answer ?? unexpected();
    },
  };
  const runtime: ConfirmRuntime = {
    t,
    globals: { yes: false, confirm: undefined, ...globals },
    note: (key, params) => void notes.push(t(key, params)),
    prompts: async () => prompts,
  };
  return { runtime, asked, notes };
}

async function outcomeOf(work: Promise<void>): Promise<string> {
  return await work.then(
    () => 'goes on',
    (error: unknown) => (error instanceof WxpayError ? `${error.code} ${error.outcome}` : expect.fail(String(error))),
  );
}

describe('live money asks', () => {
  test.each([
    ['a person who says yes', {}, true, 'goes on', 1],
    ['a person who says no', {}, false, 'CONFIRMATION_DECLINED not_sent', 1],
    ['nobody there', {}, undefined, 'CONFIRMATION_REQUIRED not_sent', 0],
    ['--yes off a terminal', { yes: true }, undefined, 'goes on', 0],
    ['--yes on a terminal', { yes: true }, true, 'goes on', 0],
    ['--yes --confirm of this merchant', { yes: true, confirm: '1900000001' }, undefined, 'goes on', 0],
    [
      '--yes --confirm of another merchant',
      { yes: true, confirm: '1900000002' },
      true,
      'CONFIRMATION_REQUIRED not_sent',
      0,
    ],
    ['--confirm alone, which is no yes', { confirm: '1900000001' }, undefined, 'CONFIRMATION_REQUIRED not_sent', 0],
  ])('%s', async (_, globals, answer, outcome, questions) => {
    const { runtime, asked } = runtimeWith(globals, answer);
    expect(await outcomeOf(confirmLive(runtime, profileAt(), summary))).toBe(outcome);
    expect(asked).toHaveLength(questions);
  });

  test('the question says what, at which merchant, under which profile; foreign text is made visible', async () => {
    const { runtime, asked, notes } = runtimeWith({}, true);
    await confirmLive(runtime, profileAt(), summary);
    expect(asked).toEqual([String.raw`Close the order T1\x1b[2J, at the live merchant 1900000001 (profile shop)?`]);
    expect(notes).toEqual(['LIVE merchant 1900000001 (profile shop)']);
  });

  test.each(['http://127.0.0.1:8080', 'http://localhost:1', 'https://[::1]:8443'])(
    "%s is nobody's money",
    async (url) => {
      const { runtime, asked, notes } = runtimeWith({}, false);
      expect(await outcomeOf(confirmLive(runtime, profileAt(url), summary))).toBe('goes on');
      expect([asked, notes]).toEqual([[], []]);
    },
  );
});

describe('through the binary, on a live profile', () => {
  let dir: string;
  let home: Home;
  let env: Readonly<Record<string, string>>;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'wxpay-confirm-'));
    home = makeHome();
    const shop = makeMerchantFiles(dir);
    env = {
      WXPAY_MCHID: shop.mchid,
      WXPAY_SERIAL_NO: shop.serial,
      WXPAY_PRIVATE_KEY_FILE: shop.keyFile,
      // Whatever gets past the guard reaches nothing.
      HTTPS_PROXY: 'http://127.0.0.1:9',
    };
  });
  afterAll(() => {
    home.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  test.each([
    ['y', 'y\n', {}],
    ['many times yes', 'yes\n'.repeat(1000), {}],
    ['nothing', '', {}],
    ['yes in every variable', '', { YES: '1', WXPAY_YES: '1', CI: 'true', WXPAY_CONFIRM: '1900000001' }],
  ])('I3: %s on a pipe is no consent', async (_, input, more) => {
    const result = await home.run(['order', 'close', 'T20261123', '--json'], { input, env: { ...env, ...more } });
    expect([result.code, errorOf(result)['code'], result.stdout]).toEqual([10, 'CONFIRMATION_REQUIRED', '']);
  });

  test('on a terminal a bare Enter is a no', async () => {
    const { code } = await typeInto(['order', 'close', 'T20261123'], { ...home.env, ...env }, [
      { after: 'at the live merchant', type: enter },
    ]);
    expect(code).toBe(10);
  });

  test('M4: on a terminal with -o json nobody is asked', async () => {
    expect((await typeInto(['order', 'close', 'T20261123', '-o', 'json'], { ...home.env, ...env }, [])).code).toBe(10);
  });
});
