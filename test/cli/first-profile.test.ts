/** A command that needs a merchant, and a machine that has none. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeHome, type Home } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { ctrlC, enter, typeInto } from '../helpers/terminal.ts';

const down = '\u001b[B';
const query = ['order', 'query', 'T20261123_000001'];
const question = 'this command needs one';

let home: Home;
beforeEach(() => {
  home = makeHome();
});
afterEach(() => home.remove());

const nobodyListens = { WXPAY_EMULATOR_DIR: '/nonexistent/emulator' };
const type = (argv: readonly string[], typing: Parameters<typeof typeInto>[2], env = {}) =>
  typeInto(argv, { ...home.env, ...nobodyListens, ...env }, typing);

describe('on a terminal without a profile', () => {
  test('stopping ends as it would have without the question', async () => {
    const { code, text } = await type(query, [
      { after: question, type: down },
      { after: 'stop', type: `${down}${enter}` },
    ]);
    expect([code, text.includes('There is no merchant profile yet.')]).toEqual([3, true]);
  });

  test('Ctrl-C is 130', async () => {
    expect((await type(query, [{ after: question, type: ctrlC }])).code).toBe(130);
  });

  test('adding a merchant asks what profile add asks', async () => {
    const { code, text } = await type(query, [
      { after: question, type: enter },
      { after: 'Name', type: `shop${enter}` },
      { after: 'Merchant number', type: ctrlC },
    ]);
    expect([code, text.includes('Merchant number')]).toEqual([130, true]);
  });

  test.each([
    ['--json', ['--json'], {}],
    ['--no-input', ['--no-input'], {}],
    ['--yes, which would speak for a merchant that nobody knows yet', ['--yes'], {}],
    ['CI', [], { CI: 'true' }],
    ['WXPAY_NO_INPUT', [], { WXPAY_NO_INPUT: '1' }],
  ])('nobody is asked with %s', async (_, flags, env) => {
    const { code, text } = await type([...query, ...flags], [], env);
    expect([code, text.includes(question)]).toEqual([3, false]);
  });

  test('doctor says that there is none, and certs import needs none: neither asks', async () => {
    const doctor = await type(['doctor', '--offline'], []);
    expect([doctor.code, doctor.text.includes(question)]).toEqual([3, false]);
  });
});

test('off a terminal the message names the commands that help', async () => {
  const { code, stderr, stdout } = await home.run(query);
  expect([code, stdout]).toEqual([3, '']);
  for (const command of ['wxpay profile add', 'wxpay emulator start --profile local', 'wxpay help environment'])
    expect(stderr).toContain(`"${command}"`);
});

describe('with an emulator', () => {
  let local: Local;
  beforeEach(async () => {
    local = await startLocal();
  });
  afterEach(async () => local.close());
  const profileFile = (): string => join(home.dir, '.config', 'wxpay', 'profiles', 'local.json');

  test('one that runs is used: its profile is there afterwards, and the command goes on', async () => {
    const { code, text } = await type(
      query,
      [
        { after: question, type: down },
        { after: 'use the emulator', type: enter },
      ],
      { WXPAY_EMULATOR_DIR: join(local.home.dir, 'emulator') },
    );
    // The order does not exist; what matters is that a merchant was asked.
    expect([code, text.includes(local.info.url)]).toEqual([5, true]);
    expect(JSON.parse(readFileSync(profileFile(), 'utf8'))).toMatchObject({ mchid: local.info.mchid });
  });

  test('one that is started meanwhile is waited for', async () => {
    const dir = join(home.dir, 'later');
    const asked = type(
      query,
      [
        { after: question, type: down },
        { after: 'start an emulator', type: enter },
      ],
      { WXPAY_EMULATOR_DIR: dir },
    );
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const emulator = home.spawn(['emulator', 'start', '--port', '0', '--dir', dir, '--ephemeral']);
    try {
      const { code, text } = await asked;
      expect([code, text.includes('wxpay emulator start')]).toEqual([5, true]);
      expect(existsSync(profileFile())).toBe(true);
    } finally {
      emulator.kill('SIGINT');
      await emulator;
    }
  });

  test('of several profiles none of which is chosen, one is asked for', async () => {
    const { info } = local;
    const v3 = ['--api-v3-key-file', join(dirname(info.private_key_file), 'api_v3_key')];
    const keys = ['--p12-file', info.p12_file, ...v3, '--base-url', info.url];
    for (const name of ['first', 'second', 'third'])
      expect((await home.run(['profile', 'add', name, '--mchid', info.mchid, ...keys])).code).toBe(0);
    expect((await home.run(['profile', 'remove', 'first', '--yes'])).code).toBe(0);
    const { code, text } = await type(query, [
      { after: 'Which one', type: down },
      { after: 'third', type: enter },
    ]);
    expect([code, text.includes('Which one')]).toEqual([5, true]);
    expect((await home.run(query)).code).toBe(2);
  });
});
