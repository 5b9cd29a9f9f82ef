/** encrypt and certs import as a person meets them: on a terminal, through the built binary. */
import { constants, createPrivateKey, createPublicKey, privateDecrypt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeHome, type Home } from '../../../helpers/cli.ts';
import { makeMerchantFiles, type MerchantFiles } from '../../../helpers/merchant-files.ts';
import { ctrlC, enter, typeInto } from '../../../helpers/terminal.ts';

let root: string;
let shop: MerchantFiles;
let home: Home;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-import-'));
  shop = makeMerchantFiles(join(root, 'shop'), { passphrase: 'changed' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  home = makeHome();
});
afterEach(() => home.remove());

test('encrypt asks for the text and echoes nothing of it', async () => {
  const env = {
    ...home.env,
    WXPAY_PUBLIC_KEY_ID: 'PUB_KEY_ID_01',
    // Our own pair stands for WeChat Pay's, so that the test can open what was encrypted.
    WXPAY_PUBLIC_KEY_FILE: ownPublicKey(),
  };
  const { code, text } = await typeInto(['encrypt'], env, [{ after: 'Text to encrypt', type: `CANARY 张三${enter}` }]);
  expect([code, text.includes('CANARY')]).toEqual([0, false]);
  expect(text).toContain('Wechatpay-Serial: PUB_KEY_ID_01');
  const ciphertext = /[A-Za-z0-9+/]{340,}={0,2}/.exec(text.replaceAll(/\s/g, ''))?.[0] ?? '';
  const key = createPrivateKey(shop.keyPem);
  const opened = privateDecrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    Buffer.from(ciphertext, 'base64'),
  );
  expect(opened.toString()).toBe('CANARY 张三');
});

test('import asks for the passphrase where the merchant number does not open the file, and adds a profile', async () => {
  const { code, text } = await typeInto(
    ['certs', 'import', shop.p12File, '--mchid', shop.mchid, '--out', join(home.dir, 'keys')],
    home.env,
    [
      { after: 'Passphrase of the p12', type: `changed${enter}` },
      { after: 'Add a profile', type: `y${enter}` },
      { after: 'Name of the profile', type: `shop${enter}` },
      { after: 'APIv3 key', type: enter },
      { after: 'appid', type: enter },
      { after: 'PUB_KEY_ID_', type: enter },
    ],
  );
  expect(text).toContain('Saved the profile shop');
  expect([code, text.includes('changed')]).toEqual([0, false]);
  const file = join(home.dir, '.config', 'wxpay', 'profiles', 'shop.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    mchid: shop.mchid,
    serial_no: shop.serial,
    private_key: `file:${join(home.dir, 'keys', 'apiclient_key.pem')}`,
  });
});

test('a no to the profile leaves the files, and Ctrl-C at the passphrase leaves nothing', async () => {
  const argv = ['certs', 'import', shop.p12File, '--mchid', shop.mchid, '--out', join(home.dir, 'keys')];
  const stopped = await typeInto(argv, home.env, [{ after: 'Passphrase', type: ctrlC }]);
  expect(stopped.code).toBe(130);
  const declined = await typeInto(argv, home.env, [
    { after: 'Passphrase', type: `changed${enter}` },
    { after: 'Add a profile', type: enter },
  ]);
  expect(declined.code).toBe(0);
  expect(declined.text).toContain('wxpay profile add NAME');
  expect(readFileSync(join(home.dir, 'keys', 'apiclient_key.pem'), 'utf8')).toBe(shop.keyPem);
});

function ownPublicKey(): string {
  const file = join(root, 'own.pem');
  writeFileSync(file, createPublicKey(shop.keyPem).export({ type: 'spki', format: 'pem' }));
  return file;
}
