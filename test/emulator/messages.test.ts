import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  answerMessage,
  requestMessage,
  signMessage,
  signatureHolds,
  truncatedMessage,
} from '../../src/emulator/messages.ts';

interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly message: string;
  readonly expected_base64: string;
  readonly public_key: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly body_file: string;
}

const folder = new URL('../vectors/', import.meta.url);
const { vectors } = JSON.parse(readFileSync(new URL('vectors.json', folder), 'utf8')) as { vectors: Vector[] };
const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8');

/** The printed message taken apart by its first four line feeds. */
function parts(message: string): [string, string, string, string, string] {
  const [method = '', target = '', timestamp = '', nonce = '', ...body] = message.split('\n');
  return [method, target, timestamp, nonce, body.slice(0, -1).join('\n')];
}

describe('request messages', () => {
  const signed = vectors.filter(({ kind, message }) => kind === 'rsa-sign' && /^(GET|POST) ?\n/.test(message));

  test('there are vectors to check', () => {
    expect(signed.map(({ id }) => id)).toEqual(
      expect.arrayContaining([
        'doc-post-body',
        'doc-get-path',
        'doc-upload-meta',
        'derived-get-query',
        'derived-get-certificates',
      ]),
    );
  });

  test.each(signed)('$id: the emulator builds the very bytes that the documentation signs', (vector) => {
    const [method, target, timestamp, nonce, body] = parts(vector.message);
    const message = requestMessage(method, target, timestamp, nonce, Buffer.from(body, 'utf8'));
    expect(message.toString('utf8')).toBe(vector.message);
    expect(signMessage(message, createPrivateKey(read(vector.key)))).toBe(vector.expected_base64);
  });

  test('ends with a line feed even after a body that ends with one', () => {
    expect(requestMessage('POST', '/a', '1', 'n', Buffer.from('{}\n')).toString()).toBe('POST\n/a\n1\nn\n{}\n\n');
  });

  test('takes body bytes as they are, even when they are no UTF-8', () => {
    const message = requestMessage('POST', '/a', '1', 'n', Buffer.of(0xff, 0x00));
    expect(message.subarray(-3)).toEqual(Buffer.of(0xff, 0x00, 0x0a));
  });
});

describe('answer messages', () => {
  const answered = vectors.filter(({ kind }) => kind === 'rsa-verify');

  test.each(answered)('$id: a published answer verifies', ({ headers, body, public_key }) => {
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const message = answerMessage(lower['wechatpay-timestamp']!, lower['wechatpay-nonce']!, Buffer.from(body, 'utf8'));
    const key = createPublicKey(read(public_key));
    expect(signatureHolds(message, lower['wechatpay-signature']!, key)).toBe(true);
    expect(signatureHolds(Buffer.concat([message, Buffer.of(0x0a)]), lower['wechatpay-signature']!, key)).toBe(false);
  });

  test('an empty body leaves an empty line', () => {
    expect(answerMessage('1', 'n', Buffer.alloc(0)).toString()).toBe('1\nn\n\n');
  });
});

describe('signatures', () => {
  const vector = vectors.find(({ id }) => id === 'doc-post-body')!;
  const key = createPublicKey(createPrivateKey(read(vector.key)));
  const message = Buffer.from(vector.message, 'utf8');
  const good = vector.expected_base64;

  test.each([
    ['the published one', good, true],
    ['without padding', good.replace(/=+$/, ''), false],
    ['URL-safe alphabet', good.replaceAll('+', '-').replaceAll('/', '_'), false],
    ['a line feed inside', `${good.slice(0, 64)}\n${good.slice(64)}`, false],
    ['empty', '', false],
    ['not base64 at all', '!!!!', false],
    ['a probe', `WECHATPAY/SIGNTEST/${good.slice(19)}`, false],
  ])('%s: %#', (_name, signature, verdict) => {
    expect(signatureHolds(message, signature, key)).toBe(verdict);
  });
});

test('SIGN_ERROR shows the first eight characters of the body, Chinese ones whole', () => {
  expect(truncatedMessage('POST', '/a', '1', 'n', Buffer.from('{"描述":"中杯拿铁"}', 'utf8'))).toBe(
    'POST\n/a\n1\nn\n{"描述":"中\n',
  );
});
