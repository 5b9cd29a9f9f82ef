import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWxpayError } from '../../../../src/core/errors.ts';
import { captureFormats, type Capture } from '../../../../src/operations/callback/capture/capture.ts';
import {
  readCaptures,
  readCaptureStream,
  readEntries,
  readFiles,
  type CaptureEntry,
} from '../../../../src/operations/callback/capture/read.ts';
import { verifyCallback } from '../../../../src/operations/callback/verify.ts';
import { keys, makeCallback, now, rawHttp, type Made } from '../staged-callback.ts';
import { writers } from './written-as.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(batches: AsyncIterable<readonly CaptureEntry[]>): Promise<CaptureEntry[]> {
  const all: CaptureEntry[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

const verdict = async (capture: Capture): Promise<string> => (await verifyCallback(capture, keys, now)).verdict;

const made = makeCallback();

describe('an undamaged callback verifies, written as', () => {
  test.each(Object.entries(writers))('%s', async (_name, write) => {
    const captures = readCaptures(write(made), { file: 'x' });
    expect(captures.map(({ body }) => body.toString())).toEqual([made.body]);
    expect(captures.map(({ origin }) => origin?.file)).toEqual(['x']);
    expect(await Promise.all(captures.map(verdict))).toEqual(['valid']);
  });
});

describe('the same out of a stream, in pieces of any size', () => {
  test.each(Object.entries(writers))('%s', async (_name, write) => {
    for (const size of [7, 1_000, 1_000_000]) {
      const entries = await collect(readCaptureStream(inPieces(write(made), size)));
      expect(entries.filter((entry) => 'capture' in entry)).toHaveLength(1);
    }
  });
});

const damages: Readonly<Record<string, (made: Made) => Made>> = {
  'another nonce': ({ headers, body }) => ({ headers: { ...headers, 'Wechatpay-Nonce': 'OTHER' }, body }),
  'another amount of blanks': ({ headers, body }) => ({ headers, body: body.replace(',"', ', "') }),
  'another summary': ({ headers, body }) => ({ headers, body: body.replace('支付', '退款') }),
  'a member more': ({ headers, body }) => ({ headers, body: body.replace('{', '{"a":1,') }),
  'one character less': ({ headers, body }) => ({ headers, body: body.replace('EV-2', 'EV-') }),
};

describe.each(Object.entries(damages))('a callback with %s is never valid, written as', (_damage, damage) => {
  const broken = damage(made);
  // Who parses the body and serialises it again undoes what was done to its blanks, and then WeChat Pay did sign it.
  const keeping = Object.entries(writers).filter(([name]) => !/serialisation/.test(name) || !/blanks/.test(_damage));
  test.each(keeping)('%s', async (_name, write) => {
    const entries = readEntries(write(broken));
    expect(entries).toHaveLength(1);
    for (const entry of entries) if ('capture' in entry) expect(await verdict(entry.capture)).toBe('invalid');
  });
});

const signatureHeaders = ['Timestamp', 'Nonce', 'Serial', 'Signature'].map((name) => `Wechatpay-${name}`);

describe('C1: a repeated signature header is refused as repeated in', () => {
  test.each<[string, (headers: readonly (readonly [string, string])[]) => string]>([
    ['raw HTTP', (list) => `${list.map((pair) => pair.join(': ')).join('\n')}\n\n${made.body}`],
    ['a paste', (list) => `${list.map((pair) => pair.join('\t')).join('\n')}\n\n${made.body}`],
    ['curl', (list) => `curl x ${list.map((pair) => `-H '${pair.join(': ')}'`).join(' ')} -d '${made.body}'`],
    ['pairs', (list) => JSON.stringify({ headers: list, body: made.body })],
    ['a flat list', (list) => JSON.stringify({ rawHeaders: list.flat(), body: made.body })],
    [
      'name and value',
      (list) => JSON.stringify({ headers: list.map(([name, value]) => ({ name, value })), body: made.body }),
    ],
  ])('%s', async (_name, write) => {
    for (const repeated of signatureHeaders)
      for (const value of [made.headers[repeated] ?? '', '1']) {
        const [capture] = readCaptures(
          Buffer.from(write([...Object.entries(made.headers), [repeated.toLowerCase(), value]])),
        );
        const report = await verifyCallback(capture as Capture, keys, now);
        expect(report.failure).toMatchObject({
          code: 'SIGNATURE_HEADER_INVALID',
          params: { header: repeated, reason: 'key:reason.header_repeated' },
        });
      }
  });

  test.each([
    ['two spellings', { ...made.headers, 'wechatpay-nonce': 'NONCE1' }, undefined],
    ['a list', { ...made.headers, 'Wechatpay-Nonce': ['NONCE1', 'NONCE1'] }, undefined],
    ['two records that differ', made.headers, { ...made.headers, 'Wechatpay-Nonce': ['OTHER'] }],
  ])('JSON with %s', async (_name, headers, multiValueHeaders) => {
    const [capture] = readCaptures(Buffer.from(JSON.stringify({ headers, multiValueHeaders, body: made.body })));
    expect((await verifyCallback(capture as Capture, keys, now)).failure?.params).toMatchObject({
      reason: 'key:reason.header_repeated',
    });
  });
});

test('a file that an editor made GB18030 of still verifies; a message on the wire is not mended', async () => {
  // 支付成功 in GB18030.
  const damaged = (text: string): Buffer => {
    const parts = text.split('支付成功').map((part) => Buffer.from(part));
    return Buffer.concat(
      parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('d6a7b8b6b3c9b9a6', 'hex'), part])),
    );
  };
  for (const name of ['AWS API Gateway', 'curl for bash', 'a table of developer tools', 'HAR']) {
    const [capture] = readCaptures(damaged(writers[name]?.(made).toString() ?? ''));
    expect([name, await verdict(capture as Capture)]).toEqual([name, 'valid']);
  }
  const [raw] = readCaptures(damaged(writers['raw HTTP']?.(made).toString() ?? ''));
  expect(await verdict(raw as Capture)).toBe('invalid');
});

test('how much of the body is to be trusted is said', () => {
  const is = (name: string): string | undefined => readCaptures(writers[name]?.(made) ?? Buffer.alloc(0))[0]?.bodyIs;
  expect(is('raw HTTP')).toBe('bytes');
  expect(is('raw HTTP in UTF-16')).toBe('text');
  expect(is('curl for bash')).toBe('text');
  expect(is('AWS API Gateway, version 2')).toBe('bytes');
  expect(is('an object whose serialisation is the body')).toBe('parsed');
});

test('F8: headers and members with names that objects have are only names', () => {
  const [capture] = readCaptures(
    Buffer.from(
      JSON.stringify({
        headers: [...Object.entries(made.headers), ['__proto__', 'x'], ['constructor', 'y']],
        body: made.body,
      }),
    ),
  );
  expect(capture?.headers['__proto__']).toEqual(['x']);
  expect(() => readCaptures(Buffer.from(`{"headers":{"__proto__":{"a":1}},"body":""}`))).toThrow('json_name');
  expect(({} as { a?: number }).a).toBeUndefined();
});

describe('the body alone is a callback without headers', () => {
  test.each([
    ['an envelope', made.body],
    ['XML of APIv2', '<xml><a>1</a></xml>'],
  ])('%s', (_name, body) => {
    expect(readCaptures(Buffer.from(body))).toMatchObject([{ headers: {}, bodyIs: 'bytes', format: 'files' }]);
    expect(readCaptures(Buffer.from(body))[0]?.body.toString()).toBe(body);
  });
});

test('a body that lost its headers on the way is a capture, so that somebody says so', async () => {
  const [capture] = readCaptures(Buffer.from(JSON.stringify({ headers: { Host: 'x' }, body: made.body })));
  expect((await verifyCallback(capture as Capture, keys, now)).failure?.code).toBe('SIGNATURE_MISSING');
});

describe('a file of headers and a file that is the body', () => {
  const lines = Object.entries(made.headers);
  test.each([
    ['lines', lines.map((pair) => pair.join(': ')).join('\r\n')],
    ['a request line before them', `POST /n HTTP/1.1\n${lines.map((pair) => pair.join(': ')).join('\n')}\n\n`],
    ['a table', lines.map((pair) => pair.join('\t')).join('\n')],
    ['an object', JSON.stringify(made.headers)],
    ['pairs', JSON.stringify(lines)],
  ])('%s', async (_name, text) => {
    const capture = readFiles(Buffer.from(text), Buffer.from(made.body), 'body.json');
    expect(capture).toMatchObject({ bodyIs: 'bytes', format: 'files', origin: { file: 'body.json' } });
    expect(await verdict(capture)).toBe('valid');
    expect(await verdict(readFiles(Buffer.from(text), Buffer.from(`${made.body}\n`)))).toBe('invalid');
  });

  test.each([
    ['', 'capture_no_headers'],
    ['{}', 'capture_no_headers'],
    ['"x"', 'capture_no_headers'],
    ['{', 'json_syntax'],
  ])('refuses %j', (text, reason) => {
    expect(() => readFiles(Buffer.from(text), Buffer.from(''))).toThrow(reason);
  });
});

describe('refuses with the reason', () => {
  test.each([
    ['', undefined, 'capture_empty'],
    [' \n\t', undefined, 'capture_empty'],
    ['hello', undefined, 'capture_unknown'],
    ['{"a":1}', undefined, 'capture_none'],
    ['{"a":', undefined, 'json_syntax'],
    [JSON.stringify({ headers: made.headers }), undefined, 'capture_no_body'],
    [JSON.stringify({ headers: made.headers, body: 'x!', isBase64Encoded: true }), undefined, 'capture_base64'],
    ['curl x -d @body.json', undefined, 'curl_file'],
    ['curl x -H @headers.txt', undefined, 'curl_file'],
    ['curl x --data-binary "@/etc/passwd"', undefined, 'curl_file'],
    ['curl x -F a=b', undefined, 'curl_option'],
    ['curl x -d "$BODY"', undefined, 'capture_shell'],
    ['curl x -d "$(cat /etc/passwd)"', undefined, 'capture_shell'],
    ['curl x -d `id`', undefined, 'capture_shell'],
    ["curl x -d 'abc", undefined, 'capture_quote'],
    ['curl x -d "abc', undefined, 'capture_quote'],
    [String.raw`curl x -d $'\xff'`, undefined, 'capture_encoding'],
    ['Invoke-WebRequest -Uri x -Body $body', undefined, 'capture_shell'],
    ['Invoke-WebRequest -Uri x -InFile body.json', undefined, 'curl_file'],
    ['wget x', 'curl', 'capture_unknown'],
    ['{}', 'http', 'no_empty_line'],
    ['A: 1\n\n', 'har', 'json_syntax'],
    ['nothing', 'ndjson', 'capture_none'],
    ['POST /n HTTP/1.1\nA: 1\nno header\n\n{}', undefined, 'header_line'],
  ] as const)('%j as %s', (text, format, reason) => {
    expect(() => readCaptures(Buffer.from(text), { format })).toThrowError(
      expect.objectContaining({
        code: 'CALLBACK_MALFORMED',
        params: expect.objectContaining({ reason: `key:reason.${reason}` }),
      }),
    );
  });
});

test('one broken capture does not hide the others', async () => {
  const good = { headers: made.headers, body: made.body };
  const entries = readEntries(Buffer.from(JSON.stringify([good, { headers: made.headers }, good])));
  expect(entries.map((entry) => ('capture' in entry ? 'capture' : entry.unreadable.params?.['reason']))).toEqual([
    'capture',
    'key:reason.capture_no_body',
    'capture',
  ]);
  const text = [good, 'x', { level: 1 }, good]
    .map((one) => (one === 'x' ? '{"wechatpay-nonce":' : JSON.stringify(one)))
    .join('\n');
  let others = 0;
  const lines = await collect(
    readCaptureStream(inPieces(Buffer.from(text), 50), { file: 'f', onOtherLine: () => (others += 1) }),
  );
  expect(lines.map((entry) => ('capture' in entry ? entry.capture.origin : entry.origin))).toEqual([
    { file: 'f', index: 0, line: 1 },
    { file: 'f', index: 1, line: 2 },
    { file: 'f', index: 2, line: 4 },
  ]);
  expect(others).toBe(1);
});

test('what cannot be read is an entry of a stream, not its end', async () => {
  const entries = await collect(readCaptureStream(inPieces(Buffer.from('hello'), 2), { file: 'x' }));
  expect(entries).toEqual([
    { unreadable: expect.objectContaining({ code: 'CALLBACK_MALFORMED' }), origin: { file: 'x' } },
  ]);
});

test('R13: what is too large is refused without being held', async () => {
  const mebibyte = Buffer.alloc(1024 * 1024, 0x20);
  let taken = 0;
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        taken += 1;
        yield mebibyte;
      }
    } finally {
      ended = true;
    }
  }
  const [entry] = await collect(readCaptureStream(endless(), {}));
  expect(entry).toMatchObject({ unreadable: { params: { reason: 'key:reason.capture_large' } } });
  expect(taken).toBe(65);
  expect(ended).toBe(true);
});

test('R13: an endless line is passed over, and the lines behind it are read', async () => {
  const line = Buffer.from(`${JSON.stringify({ headers: made.headers, body: made.body })}\n`);
  const mebibyte = Buffer.alloc(1024 * 1024, 0x41);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield line;
    yield Buffer.from('{"a":"');
    for (let count = 0; count < 200; count += 1) yield mebibyte;
    yield Buffer.from('"}\n');
    yield line;
  }
  const before = process.memoryUsage().arrayBuffers;
  const entries = await collect(readCaptureStream(pieces()));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  expect(entries).toMatchObject([
    { capture: { origin: { line: 1 } } },
    { unreadable: { params: { reason: 'key:reason.capture_line' } }, origin: { line: 2 } },
    { capture: { origin: { line: 3 } } },
  ]);
});

describe('R13: hostile input ends soon', () => {
  const million = 1_000_000;
  test.each([
    ['blanks', ' '.repeat(million)],
    ['lines', '\n'.repeat(million)],
    ['one header line', `wechatpay-nonce: ${'\t '.repeat(million)}x`],
    ['names', 'A\n'.repeat(million)],
    ['colons', `wechatpay-nonce:${':'.repeat(million)}`],
    ['quotes', `curl ${"'".repeat(million)}`],
    ['double quotes', `curl ${'"'.repeat(million)}`],
    ['backslashes', `curl "${'\\'.repeat(million)}`],
    ['carets', `curl ^"${'^'.repeat(million)}`],
    ['backticks', `Invoke-WebRequest "${'`'.repeat(million)}`],
    ['parentheses', `Invoke-WebRequest ${'('.repeat(million)}`],
    ['hex escapes', String.raw`curl $'${String.raw`\x41`.repeat(million / 4)}`],
    ['options', `curl ${'-H a '.repeat(million / 5)}`],
    ['brackets', '['.repeat(million)],
    ['braces', '{"a":'.repeat(million / 5)],
    ['lists of lists', `${'['.repeat(60)}${'[],'.repeat(million / 4)}[]${']'.repeat(60)}`],
    ['headers inside bodies', `${'{"headers":{"a":"b"},"body":'.repeat(60)}"${'x'.repeat(million)}"${'}'.repeat(60)}`],
    [
      'JSON in JSON',
      JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ c: 'wechatpay'.repeat(million / 10) }) }) }),
    ],
    ['prefixes', `> wechatpay-nonce: 1\n${'> x\n'.repeat(million / 4)}`],
    ['braces on lines', 'wechatpay-nonce\n{\n'.repeat(million / 50)],
    ['chunks', `Wechatpay-Nonce: 1\nTransfer-Encoding: chunked\n\n${'1\r\nx\r\n'.repeat(million / 6)}`],
    ['hex without escapes', `{"a":"${String.raw`\x41`.repeat(million / 4)}\n`],
  ])('%s', (_name, text) => {
    const started = performance.now();
    for (const format of [undefined, ...captureFormats])
      try {
        readEntries(Buffer.from(text), { format });
      } catch (error) {
        expect(isWxpayError(error, 'CALLBACK_MALFORMED')).toBe(true);
      }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('R6: whatever comes, it is captures or CALLBACK_MALFORMED', () => {
  const pieces = fc.constantFrom(
    'curl ',
    '-H ',
    '-d ',
    "'",
    '"',
    "$'",
    '\\',
    '^',
    '`',
    '@{',
    '}',
    '{',
    '[',
    ']',
    ',',
    ':',
    '=',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '> ',
    '\0',
    '\\x41',
    '\\u00e9',
    'Wechatpay-Nonce',
    'wechatpay-signature',
    '"headers"',
    '"body"',
    '"raw"',
    '"type":"Buffer"',
    'null',
    '1',
    'POST / HTTP/1.1',
    'Transfer-Encoding: chunked',
    'Content-Length: 9',
    '{"resource":{"ciphertext":""}}',
    '支付',
    '\uFEFF',
    'Invoke-WebRequest ',
    '-Headers ',
    '-Body ',
    '<xml>',
    '```',
  );
  const whole = Object.values(writers).map((write) => write(made));
  const mutated = fc
    .tuple(
      fc.constantFrom(...whole),
      fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { minLength: 1, maxLength: 4 }),
    )
    .map(([bytes, changes]) => {
      let copy = Buffer.from(bytes);
      for (const [where, what, how] of changes) {
        const at = where % Math.max(1, copy.length);
        if (how === 0) copy[at] = what;
        else if (how === 1) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1)]);
        else if (how === 2) copy = Buffer.concat([copy.subarray(0, at), Buffer.from([what]), copy.subarray(at)]);
        else copy = Buffer.from(copy.subarray(0, at));
      }
      return copy;
    });
  const noise = fc.oneof(
    fc.array(pieces, { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );

  test('noise, read as anything', () => {
    fc.assert(
      fc.property(noise, fc.constantFrom(undefined, ...captureFormats), (bytes, format) => {
        try {
          for (const entry of readEntries(bytes, { format })) expect(entry).toBeDefined();
        } catch (error) {
          expect(isWxpayError(error, 'CALLBACK_MALFORMED')).toBe(true);
        }
      }),
      { numRuns: 4_000 },
    );
  });

  test('a few bytes changed: what is still valid says what WeChat Pay signed', async () => {
    await fc.assert(
      fc.asyncProperty(mutated, async (bytes) => {
        let entries: readonly CaptureEntry[] = [];
        try {
          entries = readEntries(bytes);
        } catch (error) {
          expect(isWxpayError(error, 'CALLBACK_MALFORMED')).toBe(true);
        }
        for (const entry of entries)
          if ('capture' in entry && (await verdict(entry.capture)) === 'valid')
            expect(entry.capture.body.toString()).toBe(made.body);
      }),
      { numRuns: 4_000 },
    );
  });
});

test('what was read from raw HTTP is untouched', () => {
  expect(readCaptures(rawHttp(made))[0]?.body).toEqual(Buffer.from(made.body));
});
