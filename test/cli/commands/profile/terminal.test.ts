/** The profile commands as a person meets them: on a terminal, through the built binary. */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeHome, type Home } from '../../../helpers/cli.ts';
import { makeMerchantFiles, type MerchantFiles } from '../../../helpers/merchant-files.ts';
import { ctrlC, ctrlD, enter, typeInto, type Typing } from '../../../helpers/terminal.ts';

let root: string;
let shop: MerchantFiles;
let other: MerchantFiles;
let emulated: MerchantFiles;
let home: Home;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-terminal-'));
  shop = makeMerchantFiles(join(root, 'shop'));
  other = makeMerchantFiles(join(root, 'other'), { mchid: '1900000002', passphrase: 'changed' });
  emulated = makeMerchantFiles(join(root, 'emulated'), { organisation: 'wxpay EMULATOR' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  home = makeHome();
});
afterEach(() => home.remove());

const v3 = 'CANARYv3CANARYv3CANARYv3CANARYv3';
const fileOf = (name: string): string => join(home.dir, '.config', 'wxpay', 'profiles', `${name}.json`);
const stored = (name: string): unknown => JSON.parse(readFileSync(fileOf(name), 'utf8'));
const type = (argv: readonly string[], typing: readonly Typing[], env = home.env) => typeInto(argv, env, typing);

describe('profile add on a terminal', () => {
  test('asks, checks every answer, reads the serial, and echoes no secret', async () => {
    const { code, text } = await type(
      ['profile', 'add'],
      [
        { after: 'Name of the profile', type: `a.b${enter}` },
        { after: '1 to 64 letters', type: `${'\u007f'.repeat(3)}shop${enter}` },
        { after: 'Merchant number', type: `123${enter}` },
        { after: '8 to 10 digits', type: `${'\u007f'.repeat(3)}${shop.mchid}${enter}` },
        { after: 'apiclient_key.pem', type: `'${shop.keyFile}'${enter}` },
        // The certificate beside the key is offered.
        { after: 'apiclient_cert.pem', type: enter },
        { after: 'APIv3 key', type: `${v3.slice(1)}${enter}` },
        { after: 'this one has 31', type: `${'\u007f'.repeat(31)}${v3}${enter}` },
        { after: 'appid', type: `wx01${enter}` },
        { after: 'PUB_KEY_ID_', type: `PUB_KEY_ID_01${enter}` },
        { after: 'pub_key.pem', type: enter },
      ],
    );
    expect(text).toContain('Saved the profile shop');
    expect([code, text.includes('CANARY')]).toEqual([0, false]);
    expect(stored('shop')).toEqual({
      version: 1,
      mchid: shop.mchid,
      appid: 'wx01',
      serial_no: shop.serial,
      private_key: `file:${shop.keyFile}`,
      api_v3_key: v3,
      public_key_id: 'PUB_KEY_ID_01',
      public_key: `file:${shop.publicKeyFile}`,
      client_cert_file: shop.certificateFile,
    });
  });

  test('says that a key file is open to others on a line of its own, after the answer', async () => {
    const loose = join(home.dir, 'loose.pem');
    copyFileSync(shop.keyFile, loose);
    chmodSync(loose, 0o644);
    const { code, text } = await type(
      ['profile', 'add', 'shop', '--mchid', shop.mchid],
      [
        { after: 'apiclient_key.pem', type: `${loose}${enter}` },
        { after: 'apiclient_cert.pem', type: ctrlC },
      ],
    );
    expect([code, text]).toEqual([130, expect.stringMatching(/\n\S*loose\.pem can be read by others \(mode 644\)/)]);
  });

  test('refuses an emulator’s certificate for the live host while it is typed, and not after the last question', async () => {
    const { code, text } = await type(
      ['profile', 'add', 'shop', '--mchid', emulated.mchid, '--private-key-file', emulated.keyFile],
      [
        { after: 'apiclient_cert.pem', type: `${emulated.certificateFile}${enter}` },
        { after: 'emulator', type: ctrlC },
      ],
    );
    expect([code, existsSync(fileOf('shop')), text.includes('APIv3 key (')]).toEqual([130, false, false]);
  });

  test('refuses a certificate of another key while it is typed', async () => {
    const { code } = await type(
      ['profile', 'add', 'shop', '--mchid', shop.mchid, '--private-key-file', shop.keyFile],
      [
        { after: 'apiclient_cert.pem', type: `${other.certificateFile}${enter}` },
        { after: 'do not belong together', type: ctrlC },
      ],
    );
    expect([code, existsSync(fileOf('shop'))]).toEqual([130, false]);
  });

  test('takes a p12 for the key, and asks for its passphrase only where it is not the merchant number', async () => {
    const { code, text } = await type(
      ['profile', 'add', 'other', '--mchid', other.mchid],
      [
        { after: 'apiclient_key.pem', type: `${other.p12File}${enter}` },
        { after: 'Passphrase', type: `wrong${enter}` },
        { after: 'does not open', type: `${'\u007f'.repeat(5)}changed${enter}` },
        { after: 'APIv3 key', type: enter },
        { after: 'appid', type: enter },
        { after: 'PUB_KEY_ID_', type: enter },
      ],
    );
    expect([code, text.includes('changed')]).toEqual([0, false]);
    expect(stored('other')).toMatchObject({ serial_no: other.serial, client_cert_file: other.p12File });
  });

  test('asks nothing when the command line is complete', async () => {
    const argv = ['--mchid', shop.mchid, '--p12-file', shop.p12File, '--api-v3-key-ref', 'env:V3'];
    expect((await type(['profile', 'add', 'shop', ...argv], [])).code).toBe(0);
  });

  test.each([{ CI: '1' }, { WXPAY_NO_INPUT: '1' }, { TERM: 'dumb' }])('I1: asks nothing with %j', async (env) => {
    const { code, text } = await type(['profile', 'add', 'shop'], [], { ...home.env, ...env });
    expect([code, text]).toEqual([2, expect.stringContaining('--mchid')]);
  });

  test('M4: asks nothing with -o json', async () => {
    expect((await type(['profile', 'add', 'shop', '--json'], [])).code).toBe(2);
  });

  test('I5: Ctrl-C is 130, the end of input is 2; nothing is saved and no stack is shown', async () => {
    const interrupted = await type(['profile', 'add', 'shop'], [{ after: 'Merchant number', type: ctrlC }]);
    const ended = await type(['profile', 'add', 'shop'], [{ after: 'Merchant number', type: ctrlD }]);
    expect([interrupted.code, ended.code]).toEqual([130, 2]);
    for (const { text } of [interrupted, ended]) expect(text).not.toMatch(/ {4}at /);
    expect(existsSync(fileOf('shop'))).toBe(false);
  });
});

describe('profile remove on a terminal', () => {
  beforeEach(async () => {
    const argv = ['--mchid', shop.mchid, '--p12-file', shop.p12File];
    expect((await home.run(['profile', 'add', 'shop', ...argv])).code).toBe(0);
  });

  test.each([
    ['y', `y${enter}`, 0, false],
    ['a bare Enter, since the default is no', enter, 10, true],
    ['n', `n${enter}`, 10, true],
    ['the end of input', ctrlD, 10, true],
    ['Ctrl-C', ctrlC, 130, true],
  ])('%s', async (_, key, code, stays) => {
    const result = await type(['profile', 'remove', 'shop'], [{ after: 'Remove the profile shop', type: key }]);
    expect([result.code, existsSync(fileOf('shop'))]).toEqual([code, stays]);
  });
});
