import { expect, test } from 'vitest';
import { readCaptures, readCaptureStream } from '../../../../src/operations/callback/capture/read.ts';
import { makeCallback, rawHttp } from '../staged-callback.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('a raw message is one capture that knows where it comes from', () => {
  const made = makeCallback();
  const [capture, ...more] = readCaptures(rawHttp(made), { file: 'a.http' });
  expect(more).toEqual([]);
  expect(capture).toMatchObject({ bodyIs: 'bytes', format: 'http', origin: { file: 'a.http', index: 0 } });
  expect(capture?.body.toString()).toBe(made.body);
});

test('what cannot be read is an entry of a stream, not its end', async () => {
  const entries = await collect(readCaptureStream(inPieces(Buffer.from('hello'), 2), { file: 'x' }));
  expect(entries).toEqual([
    { unreadable: expect.objectContaining({ code: 'CALLBACK_MALFORMED' }), origin: { file: 'x' } },
  ]);
});

test('what is too large is refused without being held', async () => {
  const mebibyte = Buffer.alloc(1024 * 1024, 0x20);
  let taken = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      taken += 1;
      yield mebibyte;
    }
  }
  const [entry] = await collect(readCaptureStream(endless(), {}));
  expect(entry).toMatchObject({ unreadable: { params: { reason: 'key:reason.capture_large' } } });
  expect(taken).toBe(65);
});
