/** The sign command: its own run() over a small runtime, its curl line in a real shell, and the built program against an emulator. */
import { createPrivateKey } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Globals, Runtime } from '../../../src/cli/command.ts';
import { command } from '../../../src/cli/commands/sign.ts';
import { createSigner } from '../../../src/core/wire/authorization.ts';
import { loadTranslate, type Lang } from '../../../src/i18n/translate.ts';
import { renderResult } from '../../../src/output/render.ts';
import type { Result } from '../../../src/output/view.ts';
import { errorOf } from '../../helpers/cli.ts';
import { startLocal, type Local } from '../../helpers/local.ts';

const vectors = new URL('../../vectors/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, vectors), 'utf8');
const published = (JSON.parse(read('vectors.json')) as { vectors: { id: string; expected_base64?: string }[] }).vectors;
const signatureOf = (id: string): string => published.find((vector) => vector.id === id)?.expected_base64 ?? '';

const privateKey = createPrivateKey(read('keys/doc_merchant_1900007291.key.pem'));
const signer = createSigner({ mchid: '1900007291', serialNo: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB', privateKey });
const fixed = { timestamp: '1554208460', nonce: '593BEC0C930BF1AFEB40B4A08C8FB242' };

interface Fake {
  readonly runtime: Runtime;
  /** Keys of the notes and warnings. */
  readonly said: string[];
}

async function fake(
  options: { lang?: Lang; stdin?: Buffer; cwd?: string; values?: Record<string, string> } = {},
): Promise<Fake> {
  const said: string[] = [];
  const values = { mchid: '1900007291', appid: 'wx2421b1c4370ec43b', ...options.values };
  const globals: Partial<Globals> = { allowHost: undefined };
  const unused = (): never => {
    throw new Error('sign is offline and asks for its key only');
  };
  const runtime: Partial<Runtime> = {
    globals: globals as Globals,
    cwd: options.cwd ?? '/',
    clock: { now: () => Number(fixed.timestamp) * 1000 + 999, monotonic: unused, sleep: unused },
    nonce: () => fixed.nonce,
    t: await loadTranslate(options.lang ?? 'en'),
    readStdin: async () => options.stdin ?? Buffer.alloc(0),
    profile: async () => ({
      name: 'test',
      values: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, { value, source: { from: 'default' } as const }]),
      ),
      shadowed: [],
      live: true,
    }),
    signer: async () => signer,
    credentials: async () => ({ merchantKey: async () => privateKey }) as never,
    transport: unused,
    keyRing: unused,
    note: (key) => void said.push(key),
    warn: (key) => void said.push(key),
  };
  return { runtime: runtime as Runtime, said };
}

async function sign(
  args: readonly string[],
  options: Readonly<Record<string, unknown>> = {},
  with_: Parameters<typeof fake>[0] = {},
): Promise<Result & { data: Record<string, unknown>; said: readonly string[] }> {
  const { runtime, said } = await fake(with_);
  const result = await command.run({ args, options }, runtime);
  if (result === undefined) throw new Error('no result');
  return { ...result, data: result.data as Record<string, unknown>, said };
}

async function text(
  result: Result,
  { tty = false, lang = 'en' }: { tty?: boolean; lang?: Lang } = {},
): Promise<string> {
  const t = await loadTranslate(lang);
  return renderResult(result, { format: 'table', tty, width: 80, colorLevel: 0, t });
}

describe('a request', () => {
  test.each<[string, string[], Record<string, unknown>, Buffer | undefined]>([
    ['doc-get-path', ['GET', '/v3/refund/domestic/refunds/123123123123'], {}, undefined],
    [
      'doc-post-body',
      ['POST', '/v3/pay/transactions/jsapi'],
      { data: '-' },
      Buffer.from(read('doc_jsapi_order.body.json')),
    ],
    ['derived-get-certificates', ['GET', 'https://api.mch.weixin.qq.com/v3/certificates'], {}, undefined],
  ])('%s: gives the published signature', async (id, args, options, stdin) => {
    const { data, id: quiet } = await sign(args, options, stdin === undefined ? {} : { stdin });
    expect(data['signature']).toBe(signatureOf(id));
    expect(data).toMatchObject({
      mchid: '1900007291',
      serial_no: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB',
      nonce_str: fixed.nonce,
      timestamp: fixed.timestamp,
    });
    expect(quiet).toBe(data['authorization']);
  });

  test('is printed as a header line that can be copied', async () => {
    const result = await sign(['GET', '/v3/certificates']);
    expect(await text(result)).toBe(`Authorization: ${String(result.data['authorization'])}\n`);
    expect(Object.keys(result.data)).toEqual([
      'authorization',
      'method',
      'url',
      'timestamp',
      'nonce_str',
      'serial_no',
      'mchid',
      'signature',
      'body_sha256',
    ]);
  });

  test.each(['en', 'zh-CN'] as const)('is explained in %s with its invisible bytes', async (lang) => {
    const result = await sign(['POST', '/v3/x'], { data: '{"a":"b"}\n', explain: true }, { lang });
    const shown = await text(result, { lang });
    expect(shown).toContain(
      [
        '1  method     POST\\n',
        '2  url        /v3/x\\n',
        `3  timestamp  ${fixed.timestamp}\\n`,
        `4  nonce_str  ${fixed.nonce}\\n`,
        '5  body       {"a":"b"}\\n',
        '6  body       \\n',
      ].join('\n'),
    );
    expect(shown).toContain(String(result.data['message_sha256']));
    expect(result.data['message']).toBe(`POST\n/v3/x\n${fixed.timestamp}\n${fixed.nonce}\n{"a":"b"}\n\n`);
  });

  test('--timestamp and --nonce reproduce one, and an old one is said to be old', async () => {
    const options = { timestamp: '1554200000', nonce: 'ABC' };
    const { data, said } = await sign(['GET', '/v3/x'], options);
    expect([data['timestamp'], data['nonce_str'], said]).toEqual(['1554200000', 'ABC', ['sign.note.old_timestamp']]);
  });

  test('a body of a GET and a URL that changes are pointed out', async () => {
    expect((await sign(['GET', '/v3/x y'], { data: '{}' })).said).toEqual([
      'sign.note.normalised',
      'sign.warn.get_body',
    ]);
  });
});

describe.skipIf(process.platform === 'win32')('--curl runs in bash', () => {
  /** What curl would get as arguments and standard input. */
  function inBash(line: string): { args: string[]; stdin: Buffer } {
    const script = `curl() { printf '%s\\0' "$@" >&3; case "$*" in *'@-'*) cat;; esac; }\n${line}`;
    const dir = mkdtempSync(join(tmpdir(), 'wxpay-curl-'));
    try {
      const stdin = execFileSync('bash', ['-c', `exec 3>"${dir}/args"\n${script}`]);
      return { args: readFileSync(join(dir, 'args'), 'utf8').split('\0').slice(0, -1), stdin };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  test.each<[string, Buffer]>([
    ['quotes of all kinds', Buffer.from(`{"a":"it's \\"$HOME\\" \`id\` !! $(id)"}`)],
    ['line feeds and tabs', Buffer.from('{\n\t"a": 1\n}\n')],
    ['Chinese and an emoji', Buffer.from('{"description":"腾讯充值中心-QQ会员充值🧧"}')],
    ['a body that looks like a file name', Buffer.from('@/etc/passwd')],
    ['CRLF', Buffer.from('{"a":1}\r\n')],
    ['a BOM', Buffer.from('\uFEFF{}')],
    ['an override', Buffer.from('{"a":"\u202E"}')],
    ['an escape sequence', Buffer.from('{"a":"\x1b[2J"}')],
    ['bytes that are no text', Buffer.from([0, 1, 0xff, 0x0a])],
    ['percent signs and backslashes', Buffer.from('%s \\n %d \\\\')],
  ])('%s arrive as they are', async (_, body) => {
    const result = await sign(['POST', "/v3/x?a='1'&b=[2]"], { data: '-', curl: true }, { stdin: body });
    // Copied from a terminal, which makes more visible than a pipe does.
    for (const tty of [false, true]) {
      const { args, stdin } = inBash(await text(result, { tty }));
      expect(args).toContain(`Authorization: ${String(result.data['authorization'])}`);
      expect(args).toContain('https://api.mch.weixin.qq.com/v3/x?a=%271%27&b=[2]');
      const raw = args[args.indexOf('--data-raw') + 1] ?? '';
      expect(args.includes('--data-raw') ? Buffer.from(raw) : stdin).toEqual(body);
    }
  });
});

describe('pay parameters', () => {
  test.each([
    ['jsapi', 'paySign', 'doc-paysign-jsapi'],
    ['mini', 'paySign', 'doc-paysign-jsapi'],
    ['app', 'sign', 'doc-paysign-app'],
  ])('%s: give the published signature', async (pay, name, id) => {
    const result = await sign([], { pay, prepayId: 'wx201410272009395522657a690389285100', explain: true });
    expect(result.data[name]).toBe(signatureOf(id));
    expect(await text(result)).toContain('4  prepay');
  });

  test.each([
    [{ pay: 'jsapi' }, 'INPUT_MISSING'],
    [{ prepayId: 'wx1' }, 'INPUT_MISSING'],
    [{ pay: 'native', prepayId: 'wx1' }, 'INPUT_INVALID'],
    [{ pay: 'app', prepayId: 'prepay_id=wx1' }, 'INPUT_INVALID'],
    [{ pay: 'app', prepayId: 'wx 1' }, 'INPUT_INVALID'],
  ])('%j is refused', async (options, code) => {
    await expect(sign([], options)).rejects.toMatchObject({ code });
  });

  test('of somebody else are checked, and good ones pass', async () => {
    const { data: made } = await sign([], { pay: 'app', prepayId: 'wx201410272009395522657a690389285100' });
    const result = await sign([], { check: JSON.stringify(made) });
    expect(result.data).toEqual({ verdict: 'valid', client: 'app', faults: [] });
    expect(result.failed).toBeUndefined();
  });

  test.each(['en', 'zh-CN'] as const)('that are wrong are a verdict in %s with the field named', async (lang) => {
    const { data: made } = await sign([], { pay: 'jsapi', prepayId: 'wx201410272009395522657a690389285100' });
    const { appId, ...rest } = made;
    const wrong = { ...rest, appid: appId, package: 'wx201410272009395522657a690389285100', timeStamp: 1_554_208_460 };
    const result = await sign([], { check: JSON.stringify(wrong) }, { lang });
    expect(result.failed).toBe('CHECK_FAILED');
    const { faults } = result.data as { faults: { field: string; message: string }[] };
    expect(faults.map(({ field }) => field)).toEqual(['appid', 'timeStamp', 'package']);
    // Every placeholder is filled.
    expect(faults.every(({ message }) => message !== '' && !/[{}]|reason\./.test(message))).toBe(true);
    expect(await text(result, { lang })).toContain('appid');
  });
});

describe('against an emulator', () => {
  let local: Local;
  beforeAll(async () => {
    local = await startLocal();
  });
  afterAll(() => local.close());

  const target = '/v3/pay/transactions/native';

  async function send(body: string, authorization: string): Promise<{ status: number; body: string }> {
    const response = await fetch(local.info.url + target, {
      method: 'POST',
      body,
      headers: { authorization, accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'test' },
    });
    return { status: response.status, body: await response.text() };
  }

  test('the header is accepted, with body and all', async () => {
    const order = JSON.stringify({
      appid: local.info.appid,
      mchid: local.info.mchid,
      description: '腾讯充值中心',
      out_trade_no: 'SIGN_0001',
      notify_url: 'https://example.com/notify',
      amount: { total: 1 },
    });
    const { stdout, code } = await local.run(['sign', 'POST', target, '--data', '-', '--quiet'], { input: order });
    expect(code).toBe(0);
    expect(await send(order, stdout.trim())).toMatchObject({ status: 200 });
  });

  test('a SIGN_ERROR of a body that was serialised again is explained: exit 6, the cause named', async () => {
    const signedBody = '{"mchid":"1","amount":{"total":1}}';
    const file = join(local.home.dir, 'body.json');
    writeFileSync(file, signedBody);
    const { stdout } = await local.run(['sign', 'POST', target, '--data', `@${file}`, '--quiet']);
    const answer = await send(JSON.stringify(JSON.parse(signedBody), null, 2), stdout.trim());
    expect(answer.status).toBe(401);
    const answerFile = join(local.home.dir, 'answer.json');
    writeFileSync(answerFile, answer.body);
    const compared = await local.run(['sign', 'POST', target, '--data', `@${file}`, '--against', answerFile, '--json']);
    expect(compared.code).toBe(6);
    expect(JSON.parse(compared.stdout)).toMatchObject({
      verdict: 'different',
      differences: [{ part: 'body_length', cause: 'reserialised' }, { part: 'body_start' }],
    });
  });

  test.each([
    ['{}', 'same'],
    ['{"mchid":"1"}', 'same_as_far_as_shown'],
  ])('a SIGN_ERROR of the right message %s is %s: no more is said than the answer shows', async (body, verdict) => {
    const { stdout } = await local.run(['sign', 'POST', target, '--data', body, '--quiet']);
    const forged = stdout.trim().replace(/signature="(.)/, (_, first) => `signature="${first === 'A' ? 'B' : 'A'}`);
    const answer = await send(body, forged);
    const compared = await local.run(['sign', 'POST', target, '--data', body, '--against', '-', '--json'], {
      input: answer.body,
    });
    expect([compared.code, (JSON.parse(compared.stdout) as { verdict: string }).verdict]).toEqual([0, verdict]);
  });

  test.each([
    ['{"a":1}\n', true],
    ['{"a":1}', false],
  ])('the final line feed of a file %j is pointed out: %s', async (body, warned) => {
    const file = join(local.home.dir, 'ending.json');
    writeFileSync(file, body);
    const { stderr } = await local.run(['sign', 'POST', target, '--data', `@${file}`]);
    expect(stderr.includes('line feed')).toBe(warned);
  });

  test.each([
    [['sign'], 2, 'INPUT_MISSING'],
    [['sign', 'GET', 'https://evil.com/v3/certificates'], 2, 'HOST_NOT_ALLOWED'],
    [['sign', 'POST', '/v3/x', '--data', '@/nonexistent'], 2, 'INPUT_UNREADABLE'],
    [['sign', 'POST', '/v3/x', '--against', '-'], 2, 'INPUT_INVALID'],
    [['sign', '--check', '{"timeStamp":1,"timeStamp":2}'], 2, 'INPUT_INVALID'],
  ])('%j: exit %d, stdout empty', async (argv, exit, code) => {
    const result = await local.run([...argv, '--json'], { input: '' });
    expect([result.code, result.stdout, errorOf(result)['code']]).toEqual([exit, '', code]);
  });
});
