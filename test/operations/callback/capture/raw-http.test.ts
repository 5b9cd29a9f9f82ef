import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWxpayError } from '../../../../src/core/errors.ts';
import { parseRawHttp, splitMessages } from '../../../../src/operations/callback/capture/raw-http.ts';
import { expectFast, timeOf } from '../../../helpers/timing.ts';

const parse = (text: string) => parseRawHttp(Buffer.from(text, 'latin1'));

describe('parseRawHttp reads', () => {
  test.each([
    ['CRLF', 'POST /n HTTP/1.1\r\nA: 1\r\nb: 2\r\n\r\nbody', { a: ['1'], b: ['2'] }, 'body'],
    ['LF', 'POST /n HTTP/1.1\nA: 1\nb: 2\n\nbody', { a: ['1'], b: ['2'] }, 'body'],
    ['headers without a request line', 'A: 1\n\nbody', { a: ['1'] }, 'body'],
    ['a response', 'HTTP/1.1 200 OK\r\nA: 1\r\n\r\nbody', { a: ['1'] }, 'body'],
    ['HTTP/2 with lower-case names', 'POST /n HTTP/2\r\na: 1\r\n\r\n', { a: ['1'] }, ''],
    ['a header twice, since repetition is a reason to refuse', 'A: 1\nA: 2\n\n', { a: ['1', '2'] }, ''],
    ['blanks around values', 'A: \t 1 2 \t\nB:3\n\n', { a: ['1 2'], b: ['3'] }, ''],
    ['an empty value', 'A:\n\n', { a: [''] }, ''],
    ['colons in values', 'A: b: c\n\n', { a: ['b: c'] }, ''],
    ['the body untouched', 'A: 1\n\n{"a":1}\r\n\r\n \n', { a: ['1'] }, '{"a":1}\r\n\r\n \n'],
    ['exactly Content-Length bytes', 'Content-Length: 4\n\nbody\n', { 'content-length': ['4'] }, 'body'],
    [
      'all of a JSON body that was serialised anew under the old Content-Length',
      'Content-Length: 7\n\n{\n  "a": 1\n}',
      { 'content-length': ['7'] },
      '{\n  "a": 1\n}',
    ],
    [
      'a JSON body under an old Content-Length up to the next request',
      'Content-Length: 7\n\n{\n  "a": 1\n}\nPOST /n HTTP/1.1\nA: 1\n\n{}',
      { 'content-length': ['7'] },
      '{\n  "a": 1\n}',
    ],
    [
      'an XML body that is longer than its Content-Length',
      'Content-Length: 6\n\n<xml>\n<a>1</a>\n</xml>',
      { 'content-length': ['6'] },
      '<xml>\n<a>1</a>\n</xml>',
    ],
    [
      'a whole JSON body without the next request',
      'Content-Length: 7\n\n{"a":1}POST /n HTTP/1.1\n\n{}',
      { 'content-length': ['7'] },
      '{"a":1}',
    ],
    ['a whole JSON body without what was put behind it', 'Content-Length: 2\n\n{}}', { 'content-length': ['2'] }, '{}'],
    ['what is left of a body that was cut', 'Content-Length: 5\n\nbody', { 'content-length': ['5'] }, 'body'],
    ['pseudo headers of HTTP/2 as none', ':method: POST\n:path: /n\na: 1\n\n', { a: ['1'] }, ''],
    [
      'chunks',
      'Transfer-Encoding: chunked\n\n2\r\nbo\r\n02;x=y\r\ndy\r\n0\r\nTrailer: 1\r\n\r\n',
      { 'transfer-encoding': ['chunked'] },
      'body',
    ],
    [
      'JSON that was put together from chunks',
      'Transfer-Encoding: chunked\n\n{"a":1}',
      { 'transfer-encoding': ['chunked'] },
      '{"a":1}',
    ],
    ['a body that begins with an empty line', 'A: 1\r\n\r\n\r\n\r\nx', { a: ['1'] }, '\r\n\r\nx'],
    [
      'F8: names that objects have',
      '__proto__: 1\nconstructor: 2\n\n',
      { ['__proto__']: ['1'], constructor: ['2'] },
      '',
    ],
  ])('%s', (_what, text, headers, body) => {
    const capture = parse(text);
    expect(Object.entries(capture.headers)).toEqual(Object.entries(headers));
    expect(capture.body.toString('latin1')).toBe(body);
  });
});

describe('parseRawHttp refuses', () => {
  test.each([
    ['nothing', '', 'no_empty_line'],
    ['no empty line', 'POST /n HTTP/1.1\r\nA: 1\r\n', 'no_empty_line'],
    ['a body alone', '{"id":"1"}\n\n', 'header_line'],
    ['a name with a blank', 'A : 1\n\n', 'header_line'],
    ['no name', ': 1\n\n', 'header_line'],
    ['a line without a colon', 'A\n\n', 'header_line'],
    ['a folded line', 'A: 1\n 2\n\n', 'header_line'],
    ['a line before the request line', 'x\nPOST /n HTTP/1.1\n\n', 'header_line'],
    ['chunks that were cut', 'Transfer-Encoding: chunked\n\n5\r\nbo', 'transfer_encoding'],
    ['chunks without an end', 'Transfer-Encoding: chunked\n\n2\r\nbo\r\n', 'transfer_encoding'],
    ['a chunk that is longer than it says', 'Transfer-Encoding: chunked\n\n2\r\nbody\r\n0\r\n', 'transfer_encoding'],
    ['a chunk of a size that is no number', 'Transfer-Encoding: chunked\n\n0x2\r\nbo\r\n0\r\n', 'transfer_encoding'],
    ['a chunk of a negative size', 'Transfer-Encoding: chunked\n\n-2\r\nbo\r\n0\r\n', 'transfer_encoding'],
    ['a body in another coding', 'Transfer-Encoding: gzip\n\nbody', 'transfer_encoding'],
    ['a Content-Length that is no number', 'Content-Length: 4x\n\nbody', 'content_length'],
    ['a negative Content-Length', 'Content-Length: -1\n\nbody', 'content_length'],
    ['two Content-Lengths', 'Content-Length: 4\nContent-Length: 4\n\nbody', 'content_length'],
  ])('%s', (_what, text, reason) => {
    expect(() => parse(text)).toThrowError(
      expect.objectContaining({
        code: 'CALLBACK_MALFORMED',
        params: expect.objectContaining({ reason: `key:reason.${reason}` }),
      }),
    );
  });
});

test('a capture that was written is read back, byte for byte', () => {
  const name = fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ-_.0189')), minLength: 1, maxLength: 20 });
  const value = fc
    .string({ unit: fc.constantFrom(...Array.from('abc XYZ:;,="\t\u00e9/+')), maxLength: 40 })
    .map((text) => text.replaceAll(/^[ \t]+|[ \t]+$/g, ''));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value), { maxLength: 8 }),
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('\r\n', '\n'),
      fc.boolean(),
      (headers, body, end, withLength) => {
        const own = headers.filter(([key]) => !/^(content-length|transfer-encoding)$/i.test(key));
        const all = withLength ? [...own, ['Content-Length', String(body.length)]] : own;
        const head = ['POST /n HTTP/1.1', ...all.map(([key, text]) => `${key}: ${text}`), '', ''].join(end);
        const capture = parseRawHttp(Buffer.concat([Buffer.from(head, 'latin1'), body]));
        expect(capture.body).toEqual(Buffer.from(body));
        for (const [key, text] of own) expect(capture.headers[key?.toLowerCase() ?? '']).toContain(text);
      },
    ),
  );
});

test('R6: whatever comes, it is a capture or CALLBACK_MALFORMED', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(
        fc.constantFrom('POST / HTTP/1.1', 'A: 1', '\r\n', '\n', '\r', ':', ' ', 'Content-Length: 9', '\0', '{}'),
        {
          maxLength: 30,
        },
      )
      .map((parts) => Buffer.from(parts.join(''))),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      try {
        const { body } = parseRawHttp(bytes);
        expect(body.length).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(isWxpayError(error, 'CALLBACK_MALFORMED')).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('R13: a hostile line of a million blanks takes no time', async () => {
  await expectFast(1_000, () => timeOf(() => parse(`A: ${'\t '.repeat(500_000)}x${' '.repeat(1_000_000)}y\n\n`)));
});

describe('a capture of several requests', () => {
  const message = (body: string, more = '') => `POST /n HTTP/1.1\r\nA: 1\r\n${more}\r\n${body}`;
  const long = (body: string) => message(body, `Content-Length: ${body.length}\r\n`);
  const split = (text: string) => splitMessages(Buffer.from(text, 'latin1')).map((part) => part.toString('latin1'));

  test.each([
    ['right behind one another', [long('{"a":1}'), long('{"b":2}'), long('{}')], ''],
    ['on lines of their own', [long('{"a":1}'), long('{"b":2}')], '\r\n'],
    ['without a length', [message('{"a":1}'), message('{"b":2}')], '\n'],
  ])('%s: each is a message', (_, messages, separator) => {
    expect(split(messages.join(separator))).toEqual(messages);
  });

  test('a blank line between two belongs to neither', () => {
    expect(split(`${message('{"a":1}')}\n\n${message('{}')}`)).toEqual([message('{"a":1}'), message('{}')]);
  });

  test('a body that holds a request line is one body', () => {
    const whole = long('x\nPOST /n HTTP/1.1\r\nA: 1\r\n\r\n');
    expect(split(`${whole}\n${long('{}')}`)).toEqual([whole, long('{}')]);
  });

  test('a body that was made shorter than its length does not swallow the next request', () => {
    const shorter = message('{"a":1}', 'Content-Length: 12\r\n');
    expect(split(`${shorter}\n${long('{}')}`)).toEqual([shorter, long('{}')]);
  });

  test('what is no callback stays with what stands before it', () => {
    const text = `${long('{}')}\nHTTP/1.1 204 No Content\r\n\r\nGET / HTTP/1.1\r\n\r\n`;
    expect(split(text)).toEqual([text]);
  });

  test('a thousand of them take no longer than their length', () => {
    expect(split(Array.from({ length: 1000 }, () => long(`{"a":"${'x'.repeat(1000)}"}`)).join('\n'))).toHaveLength(
      1000,
    );
    const hostile = message(`{${'\nPOST /n HTTP/1.1\r\n'.repeat(100_000)}`, 'Content-Length: 99999999\r\n');
    const began = performance.now();
    expect(split(hostile)).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
