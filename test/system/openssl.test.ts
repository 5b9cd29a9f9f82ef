/**
 * R17: our signatures and sensitive fields are OpenSSL's, and OpenSSL's are ours: the command line program, which is not the library in
 * Node, over random messages, empty ones, UTF-8 and a mebibyte. `WXPAY_OPENSSL_MESSAGES` says how many; their seed is printed.
 */
import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decryptOaep, encryptOaep, signSha256, verifySha256 } from '../../src/core/crypto/rsa.ts';
import { chooseSeed, seeded } from '../faults/random.ts';

const count = Number(process.env['WXPAY_OPENSSL_MESSAGES'] ?? 200);
const version = spawnSync('openssl', ['version'], { encoding: 'utf8' });
const able = version.status === 0;
if (!able) process.stdout.write('openssl.test.ts: skipped, there is no openssl here\n');

let dir = '';
let privateKey: KeyObject;
let publicKey: KeyObject;
beforeAll(() => {
  if (!able) return;
  dir = mkdtempSync(join(tmpdir(), 'wxpay-openssl-'));
  openssl(['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'key.pem']);
  openssl(['pkey', '-in', 'key.pem', '-pubout', '-out', 'public.pem']);
  privateKey = createPrivateKey(readFileSync(join(dir, 'key.pem')));
  publicKey = createPublicKey(readFileSync(join(dir, 'public.pem')));
});
afterAll(() => {
  if (able) rmSync(dir, { recursive: true, force: true });
});

function openssl(argv: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', argv, { cwd: dir });
  if (status !== 0) throw new Error(`openssl ${argv.join(' ')}: ${stderr.toString()}`);
  return stdout;
}
const isTakenByOpenssl = (message: string, signature: string): boolean =>
  spawnSync('openssl', ['dgst', '-sha256', '-verify', 'public.pem', '-signature', signature, message], { cwd: dir })
    .status === 0;

const seed = chooseSeed();
const random = seeded(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const alphabets = ['abc{}":,\n', '支付订单退款元', '\0\r\n\u00FF', '\u{1F4B0}é\u202E'];
/** Text of up to so many characters; the first ones are what is easily got wrong. */
function textOf(index: number, most: number): string {
  if (index === 0) return '';
  const letters = Array.from(alphabets[index % alphabets.length] ?? '');
  return Array.from({ length: below(most) + 1 }, () => letters[below(letters.length)]).join('');
}
function messageOf(index: number): Buffer {
  return index === 1 ? Buffer.alloc(1 << 20, '支付') : Buffer.from(textOf(index, 3_000));
}
const write = (name: string, bytes: Uint8Array | string): void => writeFileSync(join(dir, name), bytes);

describe.skipIf(!able)(`R17: ${version.stdout.trim()}, ${count} messages, seed ${seed}`, () => {
  test(
    'takes what we sign, and we take what it signs; neither takes it for another message',
    { timeout: 600_000 },
    () => {
      for (let index = 0; index < count; index += 1) {
        const message = messageOf(index);
        write('message', message);
        const ours = signSha256(privateKey, message);
        write('signature', Buffer.from(ours, 'base64'));
        openssl(['dgst', '-sha256', '-sign', 'key.pem', '-out', 'theirs', 'message']);
        const theirs = readFileSync(join(dir, 'theirs')).toString('base64');
        // PKCS#1 v1.5 has one signature for a message.
        expect([index, theirs]).toEqual([index, ours]);
        expect([index, isTakenByOpenssl('message', 'signature')]).toEqual([index, true]);
        expect([index, verifySha256(publicKey, message, theirs)]).toEqual([index, 'valid']);
        if (index % 10 !== 0) continue;
        const other = Buffer.concat([message, Buffer.from('\n')]);
        write('other', other);
        expect([index, isTakenByOpenssl('other', 'signature')]).toEqual([index, false]);
        expect([index, verifySha256(publicKey, other, theirs)]).not.toEqual([index, 'valid']);
      }
    },
  );

  test('reads the sensitive fields that we encrypt, and we read its', { timeout: 600_000 }, () => {
    const oaep = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha1', '-pkeyopt', 'rsa_mgf1_md:sha1'];
    for (let index = 0; index < count; index += 1) {
      // At most 160 bytes, where 214 fit.
      const text = textOf(index, 40);
      write('cipher', Buffer.from(encryptOaep(publicKey, text), 'base64'));
      const read = openssl(['pkeyutl', '-decrypt', '-inkey', 'key.pem', '-in', 'cipher', ...oaep]);
      expect([index, read.toString()]).toEqual([index, text]);
      write('plain', text);
      const cipher = openssl(['pkeyutl', '-encrypt', '-pubin', '-inkey', 'public.pem', '-in', 'plain', ...oaep]);
      expect([index, decryptOaep(privateKey, cipher.toString('base64'))]).toEqual([index, text]);
    }
  });
});
