import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../helpers/cli.ts';
import { runInProcess } from '../../helpers/in-process.ts';
import { realClock } from '../../helpers/local.ts';
import {
  apiV3Key,
  key,
  makeCallback,
  now,
  payment,
  rawHttp,
  serial,
  type Made,
} from '../../operations/callback/staged-callback.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-verify-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Options {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly at?: number;
}

const run = (argv: readonly string[], { input, env, at = now }: Options = {}): Promise<RunResult> =>
  runInProcess(['verify-callback', ...argv], {
    cwd: dir,
    clock: { ...realClock, now: () => at },
    ...(input === undefined ? {} : { input }),
    env: {
      HOME: dir,
      WXPAY_LANG: 'en',
      WXPAY_MCHID: '1900000001',
      WXPAY_APPID: 'wx1',
      WXPAY_SERIAL_NO: 'A'.repeat(40),
      WXPAY_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      WXPAY_API_V3_KEY: apiV3Key.toString(),
      WXPAY_PUBLIC_KEY_ID: serial,
      WXPAY_PUBLIC_KEY: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      WXPAY_BASE_URL: 'http://127.0.0.1:1',
      ...env,
    },
  });

const made = makeCallback();
const spaced: Made = { headers: made.headers, body: made.body.replace(',"', ', "') };
const line = ({ headers, body }: Made): string => JSON.stringify({ headers, body });
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(dir, name), content);
  return name;
};
const parsed = ({ stdout }: RunResult): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

describe('one callback', () => {
  test('that is genuine: its steps, its state and amount in words, and its content; exit 0', async () => {
    const result = await run([file('a.http', rawHttp(made))]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('The callback is genuine');
    expect(result.stdout).toMatch(/amount\.total +¥1\.00/);
  });

  test('that is not: the step and why, and no content; exit 6', async () => {
    const result = await run([file('b.http', rawHttp(spaced))]);
    expect(result.code).toBe(6);
    expect(result.stdout).toMatch(/signature +✗ failed/);
    expect(result.stdout).not.toContain(payment.out_trade_no);
  });

  test('as one document that names its source', async () => {
    const result = await run([file('c.json', line(made)), '--json']);
    expect(result.code).toBe(0);
    expect(parsed(result)).toMatchObject({
      verdict: 'valid',
      resource: payment,
      failure: null,
      source: { file: 'c.json', index: 0, line: null },
      format: 'json',
      body_is: 'text',
    });
  });

  test('from standard input, with or without a dash', async () => {
    for (const argv of [[], ['-']]) {
      const result = await run([...argv, '--json'], { input: rawHttp(made) });
      expect(parsed(result)).toMatchObject({ verdict: 'valid', source: { file: '-' }, format: 'http' });
    }
  });

  test('with headers and body in files of their own, one of them standard input', async () => {
    const headers = file(
      'headers.txt',
      Object.entries(made.headers)
        .map((pair) => pair.join(': '))
        .join('\n'),
    );
    const body = file('body.json', made.body);
    expect((await run(['--headers', headers, '--body', body])).code).toBe(0);
    expect((await run(['--headers', headers, '--body', '-'], { input: made.body })).code).toBe(0);
    expect((await run(['--headers', headers, '--body', '-'], { input: `${made.body}\n` })).code).toBe(6);
  });

  test('read as what --format says', async () => {
    const paste = file('paste.txt', rawHttp(made));
    expect(parsed(await run([paste, '--format', 'paste', '--json']))).toMatchObject({
      format: 'paste',
      body_is: 'text',
    });
    expect((await run([paste, '--format', 'har'])).code).toBe(6);
  });

  test('C7: an old one is judged by the time it came, or not by its age', async () => {
    const old = file('old.http', rawHttp(made));
    const at = now + 86_400_000;
    const late = await run([old], { at });
    expect(late.code).toBe(6);
    expect(late.stdout).toContain('86400 s away');
    expect((await run([old, '--at', String(now / 1000)], { at })).code).toBe(0);
    expect((await run([old, '--at', new Date(now).toISOString()], { at })).code).toBe(0);
    const ignored = await run([old, '--ignore-age'], { at });
    expect(ignored.code).toBe(0);
    expect(ignored.stdout).toMatch(/timestamp within 300 s +- not judged/);
  });

  test('that lost its headers is told so, and not of an answer', async () => {
    const result = await run([file('lost.json', JSON.stringify({ headers: { Host: 'x' }, body: made.body }))]);
    expect(result.code).toBe(6);
    expect(result.stdout).toContain('none of the Wechatpay-* headers');
  });

  test('in Chinese', async () => {
    const result = await run([file('zh.http', rawHttp(spaced))], { env: { WXPAY_LANG: 'zh-CN' } });
    expect(result.stdout).toContain('回调无效');
  });

  test('what cannot be read is an error with its reason; exit 6', async () => {
    const result = await run([file('none.json', '{"a":1}'), '--json']);
    expect(result).toMatchObject({ code: 6, stdout: '' });
    expect(result.stderr).toContain('there is no callback in it');
  });
});

describe('several', () => {
  const mixed = [line(made), '{"level":"info"}', line(spaced), '{"wechatpay-nonce":', line(made)].join('\n');

  test('as a sum, why, and each of them; exit 6', async () => {
    const result = await run([file('mixed.ndjson', mixed)]);
    expect(result.code).toBe(6);
    expect(result.stdout).toContain('Not all of 4 callbacks are valid');
    expect(result.stdout).toMatch(/^valid +2\nnot valid +1\nunreadable +1\nother lines +1$/m);
    expect(result.stdout).toMatch(/mixed\.ndjson:3\t✗ not valid\t/);
    expect(result.stdout).toMatch(/1\tSIGNATURE_WRONG\tsignature/);
  });

  test('as one document, valid only when all are', async () => {
    const summary = { captures: 4, valid: 2, invalid: 1, unreadable: 1, other_lines: 1 };
    const document = parsed(await run([file('mixed.ndjson', mixed), '--json']));
    expect(document).toMatchObject({ verdict: 'invalid', summary });
    expect((document['captures'] as { verdict: string }[]).map(({ verdict }) => verdict)).toEqual([
      'valid',
      'invalid',
      'unreadable',
      'valid',
    ]);
    const good = await run([file('good.ndjson', `${line(made)}\n${line(made)}\n`), '--json']);
    expect(good.code).toBe(0);
    expect(parsed(good)).toMatchObject({ verdict: 'valid', summary: { captures: 2, valid: 2, reasons: [] } });
  });

  test('one line each with -o ndjson, and the sum on stderr', async () => {
    const result = await run([file('mixed.ndjson', mixed), '-o', 'ndjson']);
    const lines = result.stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as { verdict: string; source: { line: number } });
    expect(lines.map(({ verdict, source }) => [source.line, verdict])).toEqual([
      [1, 'valid'],
      [3, 'invalid'],
      [4, 'unreadable'],
      [5, 'valid'],
    ]);
    expect(result).toMatchObject({ code: 6, stderr: '4 callbacks: 2 valid, 1 not valid, 1 unreadable.\n' });
  });

  test('a query is about each of them', async () => {
    const result = await run([file('mixed.ndjson', mixed), '-o', 'ndjson', '--query', 'verdict', '--quiet']);
    expect(result).toMatchObject({ code: 6, stdout: '"valid"\n"invalid"\n"unreadable"\n"valid"\n', stderr: '' });
    expect((await run([file('mixed.ndjson', mixed), '--query', 'summary.valid'])).stdout).toBe('2\n');
  });

  test('as rows of CSV', async () => {
    const result = await run([file('mixed.ndjson', mixed), '-o', 'csv']);
    expect(result.stdout).toContain('mixed.ndjson,2,4,unreadable,,,,CALLBACK_MALFORMED');
  });

  test('the same delivery captured twice, once damaged: the damage is named, not the other capture', async () => {
    const document = parsed(await run([file('twice.ndjson', `${line(made)}\n${line(spaced)}\n`), '--json']));
    const [, broken] = document['captures'] as { autopsy: { grade: string; findings: { cause: string }[] } }[];
    expect(broken?.autopsy.grade).toBe('proven');
    expect(JSON.stringify(broken?.autopsy.findings)).not.toContain('twice.ndjson:1');
  });

  test('files, each named', async () => {
    const result = await run([
      file('one.http', rawHttp(made)),
      file('two.json', line(spaced)),
      file('three.txt', 'hello'),
    ]);
    expect(result.code).toBe(6);
    expect(result.stdout).toMatch(/one\.http\t✓ valid\tTRANSACTION\.SUCCESS ORDER_0001/);
    expect(result.stdout).toMatch(/two\.json\t✗ not valid\t/);
    expect(result.stdout).toMatch(/three\.txt\t✗ unreadable\t/);
  });

  test('beyond the first twenty only those that fail are listed', async () => {
    const result = await run([file('many.ndjson', `${line(made)}\n`.repeat(60) + line(spaced))]);
    expect(result.stdout).toContain('The first 1 that are not valid');
    expect(result.stdout).toMatch(/many\.ndjson:61\t/);
    expect(result.stdout).not.toContain('many.ndjson:1\t');
  });

  test('too many for one document are refused with the way out', async () => {
    const result = await run([file('flood.ndjson', '{"wechatpay-nonce":1}\n'.repeat(10_001)), '--json']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('-o ndjson takes any number');
  });
});

describe('exit 2, before anything is read', () => {
  test.each([
    [['--headers', 'x'], '--headers and --body come together'],
    [['--body', 'x'], '--headers and --body come together'],
    [['a', '--headers', 'x', '--body', 'y'], 'there are no other files'],
    [['--headers', 'x', '--body', 'y', '--format', 'har'], 'need no format'],
    [['--format', 'files'], 'one of http'],
    [['--format', 'xml'], 'one of http'],
    [['--at', 'yesterday'], 'RFC 3339'],
    [['nowhere.json'], 'ENOENT'],
    [['-', '-'], 'only once'],
  ])('%j', async (argv, text) => {
    const result = await run(argv, { input: rawHttp(made) });
    expect([2, 3]).toContain(result.code);
    expect(result.stderr).toContain(text);
    expect(result.stdout).toBe('');
  });
});

describe('A1, A2, A3: what is hostile in a capture arrives made visible, in', () => {
  const hostile = 'ok\u001b[2J\u001b]52;c;ZXZpbA==\u0007\u001b]8;;https://evil\u001b\\\u009b31m\rPAID\u202e001.0\u200f';
  const giant = 'A'.repeat(1_000_000);
  const inert = ({ stdout, stderr }: RunResult): void => {
    for (const text of [stdout, stderr]) {
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/);
      expect(text.length).toBeLessThan(20_000);
    }
  };
  const signed = (resource: object, envelope: object = {}): Made =>
    makeCallback({ resource: { ...payment, ...resource }, envelope });

  test.each<[string, Made]>([
    ['a signed attach', signed({ attach: giant })],
    ['a signed state', signed({ trade_state: hostile, trade_state_desc: hostile })],
    ['a signed number', signed({ out_trade_no: hostile + giant })],
    ['a signed merchant', signed({ mchid: hostile + giant })],
    ['a name of a member', signed({ [hostile]: 1 })],
    ['an event', signed({}, { event_type: hostile + giant })],
    ['an algorithm', makeCallback({ encrypted: { algorithm: hostile + giant } })],
    ...['Timestamp', 'Nonce', 'Serial', 'Signature', 'Signature-Type'].flatMap((name): [string, Made][] =>
      [hostile, giant].map((value) => [
        `the header ${name}`,
        { headers: { ...made.headers, [`Wechatpay-${name}`]: value }, body: made.body },
      ]),
    ),
    ['the body', { headers: made.headers, body: hostile + giant }],
  ])('%s', async (_what, callback) => {
    // Verbatim JSON off a terminal keeps what is invisible: a file deceives no eye. So signed content is looked at as a list.
    const several = await run([file('evil.ndjson', `${line(callback)}\n${line(callback)}\n`)]);
    inert(several);
    const raw = Buffer.from(JSON.stringify({ headers: callback.headers, body: callback.body }));
    const one = await run([file('evil.json', raw)]);
    expect(one.stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(one.stdout.length + one.stderr.length).toBeLessThan(20_000);
  });

  test.each([
    ['a header line', `POST / HTTP/1.1\n${hostile}${giant}\n\n{}`],
    ['a name in a list', `{"headers":[["${JSON.stringify(hostile).slice(1, -1)}","1"]],"body":""}`],
    ['a duplicate name', `{"wechatpay-nonce":1,"${'x'.repeat(500)}\\u001b":1,"${'x'.repeat(500)}\\u001b":1}`],
    ['a file of curl', `curl x -d '@${hostile}${giant}'`],
    ['an option of curl', `curl x --form=${giant}`],
    ['nothing known', hostile + giant],
  ])('%s', async (_what, text) => {
    const result = await run([file('evil.txt', text)]);
    expect(result.code).toBe(6);
    inert(result);
  });

  test('the name of a file', async () => {
    const result = await run([file('a\u001b[2J\u202e.http', rawHttp(spaced)), file('b.http', rawHttp(made))]);
    inert(result);
    expect(result.stdout).toContain(String.raw`a\x1b[2J<U+202E>.http`);
  });
});

test('two requests in one raw capture are both verified, and a wrong second one is not passed over', async () => {
  const both = Buffer.concat([rawHttp(made), Buffer.from('\n'), rawHttp(made)]);
  const good = await run([file('both.http', both), '--json']);
  expect(good.code).toBe(0);
  expect((JSON.parse(good.stdout) as { captures: object[] }).captures).toHaveLength(2);
  const wrong = Buffer.concat([rawHttp(made), Buffer.from('\n'), rawHttp(spaced)]);
  expect((await run([file('wrong.http', wrong), '--json'])).code).toBe(6);
});
