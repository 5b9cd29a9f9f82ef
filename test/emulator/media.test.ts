import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boundaryOf, readParts, signedPart } from '../../src/emulator/multipart.ts';
import type { RawAnswer } from './raw-client.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x2d, 0x2d, 0x00]);
const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const boundary = 'frontier7';
const form = (meta: string, name: string, file: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n`,
    ),
    Buffer.from(`${meta}\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n`),
    Buffer.from('Content-Type: image/png\r\n\r\n'),
    file,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
const metaOf = (filename: string, file: Buffer): string => JSON.stringify({ filename, sha256: hash(file) });

interface Sent {
  readonly path?: string;
  readonly meta?: string;
  readonly name?: string;
  readonly file?: Buffer;
  readonly signed?: string;
  readonly body?: Buffer;
  readonly type?: string;
}
function upload({ path = 'upload', name = 'a.png', file = picture, ...sent }: Sent): Promise<RawAnswer> {
  const meta = sent.meta ?? metaOf(name, file);
  const body = sent.body ?? form(meta, name, file);
  return stage.client.call('POST', `/v3/merchant/media/${path}`, body, {
    signedBody: sent.signed ?? meta,
    headers: { 'content-type': sent.type ?? `multipart/form-data; boundary=${boundary}` },
  });
}

describe('an upload', () => {
  test.each<readonly [string, Sent]>([
    ['a picture', {}],
    ['a picture with a Chinese name', { name: '门店.JPG' }],
    ['a video', { path: 'video_upload', name: 'a.mp4' }],
    ['the largest picture', { file: Buffer.alloc(5 * 1024 * 1024, 1) }],
    ['with its boundary in quotes', { type: `multipart/form-data; boundary="${boundary}"` }],
  ])('%s is taken: the signature covers its meta alone', async (_, sent) => {
    const answer = await upload(sent);
    expect([answer.status, answer.json.code]).toEqual([200, undefined]);
    expect(answer.json['media_id']).toMatch(/^[\w-]{104}$/);
    expect(answer.headers['wechatpay-signature']).toHaveLength(1);
  });

  test('whose whole body is signed is refused, as it is by WeChat Pay', async () => {
    const body = form(metaOf('a.png', picture), 'a.png', picture);
    const answer = await upload({ signed: body.toString('latin1') });
    expect([answer.status, answer.json.code]).toEqual([401, 'SIGN_ERROR']);
  });

  test.each<readonly [string, Sent]>([
    ['another file than the meta says', { meta: metaOf('a.png', Buffer.from('other')) }],
    ['another name', { meta: metaOf('b.png', picture) }],
    ['no hash', { meta: '{"filename":"a.png"}' }],
    ['a meta that is no JSON', { meta: 'meta' }],
    ['a kind that is not taken', { name: 'a.gif' }],
    ['a picture as a video', { path: 'video_upload' }],
    ['an empty file', { file: Buffer.alloc(0) }],
    ['a file that is too large', { file: Buffer.alloc(5 * 1024 * 1024 + 1) }],
  ])('with %s is 400 PARAM_ERROR', async (_, sent) => {
    const answer = await upload(sent);
    expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
  });

  test('that is no multipart document is refused', async () => {
    const json = await upload({ body: Buffer.from('{}'), signed: '{}', type: 'application/json' });
    expect([json.status, json.json.code]).toEqual([400, 'PARAM_ERROR']);
  });

  test('other bodies stay within a megabyte', async () => {
    const large = Buffer.from(JSON.stringify({ a: 'x'.repeat(1024 * 1024) }));
    expect((await stage.client.call('POST', '/v3/pay/transactions/native', large)).status).toBe(413);
  });
});

describe('a multipart document', () => {
  test('any two parts are read back as they were, whatever stands in them', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        const [meta, file] = [Buffer.from(a), Buffer.from(b)];
        const body = form(meta.toString('latin1'), 'a.png', file);
        const parts = readParts(body, boundary);
        expect(parts?.map(({ name }) => name)).toEqual(['meta', 'file']);
        expect(parts?.[1]?.body.equals(file)).toBe(true);
      }),
    );
  });

  test('broken bytes are no document, and are signed whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const body = Buffer.from(bytes);
        const cut = form('{}', 'a', picture).subarray(0, 40 + (bytes[0] ?? 0) / 4);
        for (const broken of [body, cut, Buffer.concat([Buffer.from(`--${boundary}\r\n`), body])])
          expect(readParts(broken, boundary)).toBeUndefined();
        expect(signedPart(`multipart/form-data; boundary=${boundary}`, body)).toBe(body);
      }),
    );
    expect(boundaryOf('application/json')).toBeUndefined();
    expect(boundaryOf(undefined)).toBeUndefined();
  });
});
