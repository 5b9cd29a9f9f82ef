/** `wxpay api` for APIv3, against a server that knows nothing of ours. */
import { constants, createHash, createPublicKey, publicEncrypt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../helpers/cli.ts';
import { runInProcess } from '../../helpers/in-process.ts';
import { merchantEnv } from '../../helpers/runtime.ts';
import { startStub, type Stub, type StubRequest } from '../../helpers/wechat-stub.ts';

let stub: Stub;
let dir: string;
let env: Record<string, string>;

beforeAll(async () => {
  stub = await startStub(merchantEnv.WXPAY_PRIVATE_KEY);
  dir = mkdtempSync(join(tmpdir(), 'wxpay-api-'));
  env = {
    ...merchantEnv,
    HOME: dir,
    WXPAY_LANG: 'en',
    WXPAY_CONFIG_DIR: join(dir, 'config'),
    WXPAY_CACHE_DIR: join(dir, 'cache'),
    WXPAY_BASE_URL: stub.url,
    WXPAY_PUBLIC_KEY_ID: stub.keyId,
    WXPAY_PUBLIC_KEY: stub.publicKey,
  };
});
beforeEach(() => {
  stub.answer = () => ({ body: '{}' });
});
afterEach(() => {
  for (const request of stub.requests) expect(request.authentic, request.url).toBe(true);
  stub.requests.length = 0;
});
afterAll(async () => {
  await stub.close();
  rmSync(dir, { recursive: true, force: true });
});

const run = (argv: readonly string[], changes: Record<string, string> = {}, input?: string): Promise<RunResult> =>
  runInProcess(['api', ...argv], {
    env: { ...env, ...changes },
    cwd: dir,
    ...(input === undefined ? {} : { input }),
  });
const last = (): StubRequest => {
  const request = stub.requests.at(-1);
  if (request === undefined) throw new Error('nothing was sent');
  return request;
};
const unknownWrite = '/v3/nothing/known';

describe('the body', () => {
  test('-f is always a text, -F is typed: an order number of digits never becomes a number', async () => {
    const result = await run([
      'POST',
      '/v3/profitsharing/orders',
      '-f',
      'out_order_no=20261124000000000001',
      '-f',
      'unfreeze=true',
      '-F',
      'unfreeze_unsplit=true',
      '-f',
      'receivers[].account=A',
      '-F',
      'receivers[].amount=1',
      '-f',
      'receivers[].account=B',
      '-F',
      'receivers[].amount=2',
      '-F',
      'empty[]',
      '-F',
      'amount[total]=100',
    ]);
    expect(result.code, result.stderr).toBe(0);
    expect(last().body.toString()).toBe(
      '{"out_order_no":"20261124000000000001","unfreeze":"true","unfreeze_unsplit":true,' +
        '"receivers":[{"account":"A","amount":1},{"account":"B","amount":2}],"empty":[],"amount":{"total":100}}',
    );
    expect(last().headers['content-type']).toBe('application/json');
  });

  test('--data goes out byte for byte, with its spaces and its big numbers', async () => {
    const bytes = '{ "a" : 12345678901234567890,\n "b":"\\u5496"}\n';
    writeFileSync(join(dir, 'body.json'), bytes);
    for (const [data, input] of [['@body.json'], ['-', bytes], [bytes]] as const) {
      const result = await run(['POST', unknownWrite, '--data', data], {}, input);
      expect(result.code, result.stderr).toBe(0);
      expect(last().body.toString()).toBe(bytes);
    }
  });

  test.each<readonly [string, readonly string[], string]>([
    ['JSON that is none', ['--data', '{"a":1,}'], 'it is not JSON'],
    ['the same member twice', ['--data', '{"a":1,"a":2}'], 'there twice'],
    ['--data and fields', ['--data', '{}', '-f', 'a=1'], 'do not go with it'],
    ['a number that would change', ['-F', 'a=90071992547409929'], '2^53'],
    ['a fraction', ['-F', 'amount.total=12.34'], 'whole fen'],
    ['a field without a value', ['-f', 'a'], 'name=value'],
    ['a file for an endpoint that takes none', ['--upload', 'x.jpg'], ''],
  ])('refuses %s, and sends nothing', async (_, argv, text) => {
    const result = await run(['POST', '/v3/profitsharing/orders', ...argv, '--json']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(text);
    expect(stub.requests).toEqual([]);
  });

  test('refuses a body for a GET', async () => {
    const result = await run(['GET', '/v3/certificates', '-f', 'a=1']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('--query-param');
    expect(stub.requests).toEqual([]);
  });

  test('a value comes from a file or from standard input, without the final line feed', async () => {
    writeFileSync(join(dir, 'value.txt'), '@咖啡\n');
    await run(['POST', unknownWrite, '-F', 'a=@value.txt', '-F', 'b=@-', '-f', 'c=@value.txt'], {}, 'in\n');
    expect(JSON.parse(last().body.toString())).toEqual({ a: '@咖啡', b: 'in', c: '@value.txt' });
  });
});

describe('sensitive fields', () => {
  test('are encrypted with the key that Wechatpay-Serial names, and never stand on the command line', async () => {
    writeFileSync(join(dir, 'name.txt'), '张三\n');
    const result = await run([
      'POST',
      '/v3/profitsharing/receivers/add',
      '-f',
      'account=x',
      '-F',
      'name=@name.txt',
      '--encrypt',
      'name',
    ]);
    expect(result.code, result.stderr).toBe(0);
    expect(last().headers['wechatpay-serial']).toBe(stub.keyId);
    const body = JSON.parse(last().body.toString()) as { name: string; account: string };
    expect(body.account).toBe('x');
    expect(Buffer.from(body.name, 'base64')).toHaveLength(256);

    const refused = await run(['POST', unknownWrite, '-f', 'list[0].name=张三', '--encrypt', 'list[].name']);
    expect(refused.code).toBe(2);
    expect(errorCode(await run(['POST', unknownWrite, '-f', 'name=张三', '--encrypt', 'name', '--json']))).toBe(
      'SECRET_IN_ARGV',
    );
    expect(refused.stderr).not.toContain('张三');
    expect(stub.requests).toHaveLength(1);
  });

  test('in every item of a list of --data, which is written anew for it', async () => {
    const input = JSON.stringify({ list: [{ name: 'a' }, { name: 'b' }], n: 1 });
    const result = await run(['POST', unknownWrite, '--data', '-', '--encrypt', 'list[].name'], {}, input);
    expect(result.code, result.stderr).toBe(0);
    const body = JSON.parse(last().body.toString()) as { list: { name: string }[] };
    expect(body.list.map(({ name }) => name.length)).toEqual([344, 344]);
  });

  test('a field that is not there is not sent without its encryption', async () => {
    const result = await run(['POST', unknownWrite, '--data', '-', '--encrypt', 'nam'], {}, '{"name":"x"}');
    expect(result.code).toBe(2);
    expect(stub.requests).toEqual([]);
  });

  test('of the answer are decrypted with the merchant key; what cannot be decrypted stays, with exit 6', async () => {
    const merchant = createPublicKey(merchantEnv.WXPAY_PRIVATE_KEY);
    const ciphertext = publicEncrypt(
      { key: merchant, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from('李四'),
    ).toString('base64');
    stub.answer = () => ({ body: JSON.stringify({ data: [{ phone: ciphertext }], broken: 'AAAA' }) });
    const result = await run(['GET', '/v3/nothing/known', '--decrypt', 'data[].phone', '--json']);
    expect(result.code, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toEqual({ data: [{ phone: '李四' }], broken: 'AAAA' });
    const broken = await run(['GET', '/v3/nothing/known', '--decrypt', 'broken', '--decrypt', 'missing']);
    expect(broken.code).toBe(6);
    expect(JSON.parse(broken.stdout)).toMatchObject({ broken: 'AAAA' });
    expect(broken.stderr).toContain('no field missing');
  });

  test('a payment code is refused on the command line and is not shown by a dry run or a trace', async () => {
    const path = '/v3/pay/transactions/codepay';
    const inArgv = await run(['POST', path, '-f', 'payer.auth_code=130061098828009406', '--json']);
    expect(errorCode(inArgv)).toBe('SECRET_IN_ARGV');
    const argv = ['POST', path, '-f', 'out_trade_no=T1', '-F', 'payer.auth_code=@-'];
    const dry = await run([...argv, '--dry-run', '--json'], {}, '130061098828009406');
    const debug = await run([...argv, '--debug'], {}, '130061098828009406');
    expect(last().body.toString()).toContain('130061098828009406');
    for (const { stdout, stderr, code } of [dry, debug]) {
      expect(code, stderr).toBe(0);
      expect(stdout + stderr).not.toContain('130061098828009406');
    }
  });
});

describe('the target', () => {
  test('query parameters are percent-encoded as they are signed, behind those of the path', async () => {
    const result = await run(['GET', '/v3/nothing/known?a=1', '--query-param', 'b=x y&z', '--query-param', 'c=中|*']);
    expect(result.code, result.stderr).toBe(0);
    expect(last().url).toBe('/v3/nothing/known?a=1&b=x%20y%26z&c=%E4%B8%AD%7C%2A');
  });

  test('an order number with | is signed as %7C', async () => {
    await run(['GET', '/v3/pay/transactions/out-trade-no/A|000001']);
    expect(last().url).toBe('/v3/pay/transactions/out-trade-no/A%7C000001');
  });

  test.each([
    '/v3/pay/transactions/out-trade-no/{out_trade_no}',
    '/v3/pay/transactions/out-trade-no/%7Bout_trade_no%7D',
    '/v3/pay/transactions/out-trade-no/:out_trade_no',
  ])('names the parameter that is still open in %s', async (path) => {
    const result = await run(['GET', path, '--json']);
    expect(result.code).toBe(2);
    expect(errorOf(result)).toMatchObject({ code: 'INPUT_MISSING', message: 'out_trade_no is missing.' });
    expect(stub.requests).toEqual([]);
  });

  test.each([
    '/v3/refund/domestic/refunds/../../pay',
    '/v3/refund/domestic/refunds/%2e%2E/x',
    '//evil.example/v3/x',
    'C:/Program Files/Git/v3/certificates',
    'ftp://api.mch.weixin.qq.com/v3/x',
    'https://api.mch.weixin.qq.com@evil.example/v3/x',
    'http://0.0.0.0:1/v3/x',
    'http://2130706433/v3/x',
    'https://api.mch.weixin.qq.com.evil.example/v3/x',
    'https://api.mch.weixin.qq.com/v3/x',
  ])('refuses %s, and sends nothing (THREATS B1 to B3)', async (place) => {
    const result = await run(['GET', place]);
    expect(result.code).toBe(2);
    expect(stub.requests).toEqual([]);
  });

  test('a full URL of a host that is allowed is taken, and said', async () => {
    const other = await startStub(merchantEnv.WXPAY_PRIVATE_KEY);
    try {
      const result = await run(['GET', `${other.url}/v3/nothing/known?x=1`]);
      expect(result.code, result.stderr).toBe(0);
      expect(result.stderr).toContain(other.url);
      expect(other.requests.map(({ url, authentic }) => ({ url, authentic }))).toEqual([
        { url: '/v3/nothing/known?x=1', authentic: true },
      ]);
      expect(stub.requests).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('Authorization never reaches another host: a redirect is not followed (THREATS B5)', async () => {
    const foreign = await startStub(merchantEnv.WXPAY_PRIVATE_KEY);
    try {
      for (const status of [301, 302, 307, 308]) {
        stub.answer = () => ({ status, headers: { location: `${foreign.url}/v3/stolen` } });
        const result = await run(['GET', '/v3/nothing/known', '--retries', '0']);
        expect(result.code).toBe(7);
      }
      const port = new URL(foreign.url).port;
      // Every one of these would reach that server, were it sent.
      for (const host of ['0.0.0.0', '0x7f.1', '[::ffff:127.0.0.1]'])
        expect((await run(['GET', `http://${host}:${port}/v3/x`])).code).toBe(2);
      expect(foreign.requests).toEqual([]);
    } finally {
      await foreign.close();
    }
  });

  test.each<readonly [readonly string[], string]>([
    [['GET', '/v3/profitsharing/orders'], 'wants POST'],
    [['GET', '/v3/certificate'], 'Did you mean /v3/certificates?'],
    [['GET', unknownWrite], 'called all the same'],
    [['POST', '/v3/profitsharing/orders'], 'wants a JSON body'],
    [['POST', '/v3/apply4subject/applyment/1/cancel', '-f', 'a=1'], 'takes no body'],
  ])('%j works, with a note: %s', async (argv, note) => {
    const result = await run(argv);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain(note);
    expect(stub.requests).toHaveLength(1);
  });

  test.each([
    ['/v3/billdownload/file?token=x', 'wxpay bill trade'],
    ['/v3/merchant-service/images/abc', 'cannot be verified'],
  ])('a download that nothing signs is not made: %s', async (path, text) => {
    const result = await run(['GET', path]);
    expect(result.code).toBe(2);
    expect(result.stderr.replaceAll(/\s+/g, ' ')).toContain(
      text === 'cannot be verified' ? 'Nothing in such an answer' : text,
    );
    expect(stub.requests).toEqual([]);
  });
});

describe('an answer', () => {
  test('is the document of the API, with its own names', async () => {
    stub.answer = () => ({ body: '{"code_url":"weixin://x","n":1}' });
    expect((await run(['GET', unknownWrite, '--json'])).stdout).toBe('{\n  "code_url": "weixin://x",\n  "n": 1\n}\n');
    expect((await run(['GET', unknownWrite])).stdout).toBe('{\n  "code_url": "weixin://x",\n  "n": 1\n}\n');
    expect((await run(['GET', unknownWrite, '--query', 'n'])).stdout).toBe('1\n');
    expect((await run(['GET', unknownWrite, '--quiet'])).stdout).toBe('weixin://x\n');
  });

  test('--raw is the verified bytes, --include the status and harmless headers', async () => {
    const body = '{ "big":12345678901234567890 }';
    stub.answer = () => ({ body, headers: { 'set-cookie': 'secret=1', 'x-other': 'y' } });
    expect((await run(['GET', unknownWrite, '--raw'])).stdout).toBe(body);
    const shown = await run(['GET', unknownWrite]);
    expect(shown.stdout).toBe(`${body}\n`);
    expect(shown.stderr).toContain('without a loss');
    const included = await run(['GET', unknownWrite, '--include', '--json']);
    const { status, headers } = JSON.parse(included.stdout) as { status: number; headers: Record<string, string> };
    expect(status).toBe(200);
    expect(headers['request-id']).toBe('STUB-0');
    expect(Object.keys(headers).toSorted().join(' ')).not.toMatch(/cookie|x-other|signature$/);
  });

  test.each<readonly [string, readonly string[], number]>([
    ['a read', ['GET', unknownWrite], 6],
    ['a POST that only reads', ['POST', '/v3/gov/subsidy/companies/query', '-f', 'a=1'], 6],
    [
      'a write: its outcome is open',
      ['POST', '/v3/profitsharing/orders', '-f', 'out_order_no=P1', '-f', 'transaction_id=42'],
      8,
    ],
    ['a write that nobody knows', ['POST', unknownWrite, '-f', 'a=1'], 8],
    ['a DELETE', ['DELETE', unknownWrite], 8],
  ])('that is not signed is not shown for %s', async (_, argv, code) => {
    stub.answer = () => ({ body: '{"secret":"UNPROVEN"}', sign: false });
    const result = await run([...argv, '--retries', '0', '--raw']);
    expect(result.code).toBe(code);
    expect(result.stdout).toBe('');
    expect(result.stderr).not.toContain('UNPROVEN');
  });

  test('about something else is refused (THREATS C4)', async () => {
    stub.answer = () => ({ body: '{"out_trade_no":"OTHER"}' });
    const read = await run(['GET', '/v3/pay/transactions/out-trade-no/T1', '--json']);
    expect(read.code).toBe(6);
    expect(errorCode(read)).toBe('ANSWER_MISMATCH');
    stub.answer = () => ({ body: '{"out_order_no":"OTHER"}' });
    const write = await run(['POST', '/v3/profitsharing/orders', '-f', 'out_order_no=P1', '--json']);
    expect(write.code).toBe(8);
    expect(write.stdout).toBe('');
  });

  test('about another openid is what a translation of openids answers with', async () => {
    stub.answer = () => ({ body: '{"openid":"oB"}' });
    expect((await run(['POST', '/v3/express/users/oA/transform', '-f', 'appid=wx1', '--json'])).code).toBe(0);
  });

  test('without a body leaves stdout empty, and says so', async () => {
    stub.answer = () => ({ status: 204 });
    const result = await run(['POST', '/v3/pay/transactions/out-trade-no/T1/close', '-f', 'mchid=1', '--json']);
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(result.stderr).toContain('look once with a GET');
  });
});

describe('a write', () => {
  test.each<readonly [string, () => ReturnType<Stub['answer']>]>([
    ['that is cut', () => 'cut'],
    ['that ends with 500', () => ({ status: 500, body: '{"code":"SYSTEM_ERROR","message":"x"}' })],
    ['that ends with 429', () => ({ status: 429, body: '{"code":"FREQUENCY_LIMITED","message":"x"}' })],
  ])('%s is not repeated: exit 8 with the command that asks', async (_, answer) => {
    stub.answer = answer;
    const result = await run([
      'POST',
      '/v3/profitsharing/orders',
      '-f',
      'out_order_no=P1',
      '-f',
      'transaction_id=42',
      '--json',
    ]);
    expect(stub.requests).toHaveLength(1);
    expect(result.code).toBe(8);
    expect(errorOf(result)).toMatchObject({
      outcome: 'unknown',
      next: "wxpay api GET '/v3/profitsharing/orders/P1?transaction_id=42'",
    });
  });

  test('that nobody knows how to ask about says what to do', async () => {
    stub.answer = () => 'cut';
    const result = await run(['POST', unknownWrite, '-f', 'a=1']);
    expect(result.code).toBe(8);
    expect(result.stderr).toContain('Ask with a GET first');
  });

  test('a read is repeated, a POST that only reads too', async () => {
    for (const argv of [
      ['GET', unknownWrite],
      ['POST', '/v3/gov/subsidy/companies/query', '-f', 'a=1'],
    ]) {
      stub.requests.length = 0;
      stub.answer = () => (stub.requests.length === 1 ? { status: 500 } : { body: '{"a":1}' });
      expect((await run(argv)).code).toBe(0);
      expect(stub.requests).toHaveLength(2);
    }
  });

  test.each([
    ['POST', '/v3/refund/domestic/refunds'],
    ['PATCH', '/v3/x'],
    ['PUT', '/v3/x'],
    ['DELETE', '/v3/x'],
  ])('%s at a live merchant asks first; off a terminal it is not sent', async (method, path) => {
    const result = await run([method, path, '-f', 'out_trade_no=T1', '--json'], { WXPAY_BASE_URL: '' });
    expect(result.code).toBe(10);
    expect(errorCode(result)).toBe('CONFIRMATION_REQUIRED');
  });

  test('a refusal is what it is, with the words of WeChat Pay', async () => {
    stub.answer = () => ({ status: 400, body: '{"code":"PARAM_ERROR","message":"金额错误"}' });
    const result = await run(['POST', unknownWrite, '-f', 'a=1', '--json']);
    expect(result.code).toBe(4);
    expect(errorOf(result)).toMatchObject({ outcome: 'rejected', wechat: { code: 'PARAM_ERROR' } });
  });

  test('what a write was about is named by its number, and not by the end of the path', async () => {
    stub.answer = () => ({ status: 404, body: '{"code":"RESOURCE_NOT_EXISTS","message":"订单不存在"}' });
    const refund = '/v3/refund/domestic/refunds';
    const named = await run(['POST', refund, '-f', 'out_trade_no=T100000', '-f', 'out_refund_no=R100000', '--json']);
    expect(errorOf(named)).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('T100000') });
    expect((await run(['POST', unknownWrite, '-f', 'a=1'])).stderr).toContain(`POST ${unknownWrite}`);
  });

  test('a path that WeChat Pay does not have is named whole', async () => {
    stub.answer = () => ({ status: 404, sign: false });
    const missing = await run(['GET', '/v3/nothing/known']);
    expect(missing.code).toBe(5);
    expect(missing.stderr).toContain('GET /v3/nothing/known');
    expect(missing.stderr).toContain('has no such path');
    stub.answer = () => ({ status: 405, sign: false });
    expect((await run(['GET', '/v3/nothing/known'])).stderr).toContain('not with this method');
  });
});

describe('--dry-run', () => {
  test('prints a curl without the signature and sends nothing', async () => {
    const result = await run(['POST', '/v3/profitsharing/orders', '-f', 'a=1', '--dry-run']);
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^curl -X POST /);
    expect(result.stdout).toContain(`${stub.url}/v3/profitsharing/orders`);
    expect(result.stdout).toContain('signature="[redacted]"');
    expect(result.stdout).toContain('{"a":"1"}');
    expect(stub.requests).toEqual([]);
  });

  test('of an upload shows the file by its name', async () => {
    writeFileSync(join(dir, 'a.png'), 'PNG');
    const result = await run(['POST', '/v3/merchant/media/upload', '--upload', 'a.png', '--dry-run']);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toContain('file=@a.png;type=image/png');
    expect(result.stdout).not.toContain('multipart/form-data');
    expect(stub.requests).toEqual([]);
  });
});

describe('--upload', () => {
  const bytes = Buffer.from([0xff, 0xd8, 0x00, 0x0d, 0x0a, 0x2d, 0x2d, 0xff]);
  test('sends name, hash and file; what is signed is the meta alone', async () => {
    writeFileSync(join(dir, '店面.JPG'), bytes);
    stub.answer = () => ({ body: '{"media_id":"M1"}' });
    const result = await run(['POST', '/v3/merchant/media/upload', '--upload', '店面.JPG', '--quiet']);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toBe('M1\n');
    const { body, headers, authentic } = last();
    expect(authentic).toBe(true);
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': headers['content-type'] ?? '' },
    }).formData();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(form.get('meta')).toBe(JSON.stringify({ filename: '店面.JPG', sha256 }));
    const file = form.get('file') as File;
    expect(file.name).toBe('店面.JPG');
    expect(file.type).toBe('image/jpeg');
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test('fields join the meta, and --data is the meta', async () => {
    writeFileSync(join(dir, 'a.bin'), bytes);
    const path = '/v3/marketing/bank/packages/P1/tasks';
    await run(['POST', path, '--upload', 'a.bin', '-f', 'bank_type=CMB']);
    expect(last().body.toString('latin1')).toContain('"bank_type":"CMB"');
    const meta = '{ "digest_alogrithm":"SM3", "digest":"00" }';
    await run(['POST', path, '--upload', 'a.bin', '--data', meta]);
    expect(last().body.toString('latin1')).toContain(`\r\n\r\n${meta}\r\n--`);
  });

  test.each<readonly [string, string, Buffer, string]>([
    ['a kind that is not taken', 'a.gif', bytes, 'jpg'],
    ['a file that is too large', 'a.jpg', Buffer.alloc(5 * 1024 * 1024 + 1), '5242880'],
    ['an empty file', 'e.jpg', Buffer.alloc(0), 'empty'],
    ['a name that breaks a header', 'a"b.jpg', bytes, 'quotes'],
  ])('refuses %s, and sends nothing', async (_, name, content, text) => {
    writeFileSync(join(dir, name), content);
    const result = await run(['POST', '/v3/merchant/media/upload', '--upload', name]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(text);
    expect(stub.requests).toEqual([]);
  });

  test('a trace shows the meta and how large it was, not the file', async () => {
    writeFileSync(join(dir, 'trace.png'), 'THEPICTURE'.repeat(10));
    const result = await run(['POST', '/v3/merchant/media/upload', '--upload', 'trace.png', '--debug']);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('{"filename":"trace.png"');
    expect(result.stderr).toMatch(/\(\d{3} bytes\)/);
    expect(result.stderr).not.toContain('THEPICTURE');
  });

  test('an endpoint that takes a file says so', async () => {
    const result = await run(['POST', '/v3/merchant/media/upload', '-f', 'a=1']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('--upload photo.jpg');
  });
});

describe('--paginate', () => {
  const items = Array.from({ length: 7 }, (_, index) => ({ id: `C${index}` }));
  const page = ({ url }: StubRequest, size: number, changes: object = {}): StubAnswer => {
    const query = new URL(url, 'http://x').searchParams;
    const offset = Number(query.get('offset') ?? '0');
    const data = items.slice(offset, offset + size);
    return {
      body: JSON.stringify({ data, limit: size, offset, ...(offset === 0 ? { total_count: 7 } : {}), ...changes }),
    };
  };
  type StubAnswer = Exclude<ReturnType<Stub['answer']>, 'cut'>;
  const path = '/v3/merchant-service/complaints-v2';

  test('joins the pages into one document, and asks no further than total_count', async () => {
    stub.answer = (request) => page(request, 3);
    const result = await run(['GET', `${path}?begin_date=2026-11-01`, '--paginate', '--json']);
    expect(result.code, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toEqual({ data: items, limit: 3, offset: 0, total_count: 7 });
    expect(stub.requests.map(({ url }) => url)).toEqual([
      `${path}?begin_date=2026-11-01`,
      `${path}?begin_date=2026-11-01&offset=3`,
      `${path}?begin_date=2026-11-01&offset=6`,
    ]);
    const lines = await run(['GET', path, '--paginate', '-o', 'ndjson']);
    expect(lines.stdout.trimEnd().split('\n')).toHaveLength(7);
  });

  test('counts pages where the coupon endpoints do', async () => {
    stub.answer = ({ url }) => {
      const at = Number(new URL(url, 'http://x').searchParams.get('offset') ?? '0');
      return { body: JSON.stringify({ data: items.slice(at * 3, at * 3 + 3), limit: 3, offset: at, total_count: 7 }) };
    };
    const result = await run(['GET', '/v3/marketing/favor/stocks?limit=3', '--paginate', '--json']);
    expect((JSON.parse(result.stdout) as { data: unknown[] }).data).toEqual(items);
  });

  test('a list that ends before its total is not passed off as whole', async () => {
    stub.answer = (request) =>
      request.url.includes('offset=3') ? { body: '{"data":[],"limit":3,"offset":3}' } : page(request, 3);
    const result = await run(['GET', path, '--paginate', '--json']);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain('not complete');
  });

  test('a server that sends the same page again is not asked for ever', async () => {
    stub.answer = () => ({ body: '{"data":[{"id":1}],"limit":1,"offset":0,"total_count":9}' });
    const result = await run(['GET', path, '--paginate', '--json']);
    expect(result.code).toBe(6);
    expect(stub.requests).toHaveLength(2);
  });

  test('pages that overlap are refused: nothing is counted twice', async () => {
    // Counts items where pages are expected.
    stub.answer = (request) => page(request, 3);
    const result = await run(['GET', '/v3/marketing/favor/stocks?limit=3', '--paginate', '--json']);
    expect(result.code).toBe(6);
    expect(result.stdout).toBe('');
  });

  test('an answer without pages is shown as it is; a write has none', async () => {
    stub.answer = () => ({ body: '{"a":1}' });
    const one = await run(['GET', unknownWrite, '--paginate', '--json']);
    expect(JSON.parse(one.stdout)).toEqual({ a: 1 });
    expect(one.stderr).toContain('does not page');
    expect((await run(['POST', unknownWrite, '--paginate'])).code).toBe(2);
  });
});

describe('--list and --describe', () => {
  test('need no merchant and send nothing', async () => {
    const bare = { HOME: dir, WXPAY_LANG: 'en', WXPAY_CONFIG_DIR: join(dir, 'none') };
    const list = await runInProcess(['api', '--list', 'profitsharing', '--json'], { env: bare });
    expect(list.code, list.stderr).toBe(0);
    const found = JSON.parse(list.stdout) as { method: string; path: string; effect: string }[];
    expect(found).toContainEqual(
      expect.objectContaining({ method: 'POST', path: '/v3/profitsharing/orders', effect: 'write' }),
    );
    const described = await runInProcess(
      ['api', '--describe', 'GET', '/v3/pay/transactions/out-trade-no/{out_trade_no}'],
      { env: bare },
    );
    expect(described.stdout).toContain('out_trade_no');
    expect(described.stdout).toContain('only reads');
    const concrete = await runInProcess(['api', '--describe', '/v3/profitsharing/orders/P1', '--json'], { env: bare });
    expect(JSON.parse(concrete.stdout)).toMatchObject({ method: 'GET', parameters: ['out_order_no'] });
    const none = await runInProcess(['api', '--list', 'nothing-like-it'], { env: bare });
    expect(none.code).toBe(0);
    const unknown = await runInProcess(['api', '--describe', '/v3/certificate'], { env: bare });
    expect(unknown.code).toBe(5);
    expect(unknown.stderr).toContain('/v3/certificates?');
    const method = await runInProcess(['api', '--describe', 'GET', '/v3/profitsharing/orders'], { env: bare });
    expect(method.stderr).toContain('known with POST');
    expect(stub.requests).toEqual([]);
  });
});

describe('--skeleton', () => {
  const bare = (): { env: Record<string, string> } => ({
    env: { HOME: dir, WXPAY_LANG: 'en', WXPAY_CONFIG_DIR: join(dir, 'none') },
  });

  test('prints a body to fill in, the same with and without --json', async () => {
    const argv = ['api', '--skeleton', 'POST', '/v3/refund/domestic/refunds'];
    const result = await runInProcess(argv, bare());
    expect(result.code, result.stderr).toBe(0);
    const body = JSON.parse(result.stdout) as Record<string, unknown>;
    expect(body).toMatchObject({ out_trade_no: '', amount: { refund: 0, currency: 'CNY' } });
    expect(JSON.parse((await runInProcess([...argv, '--json'], bare())).stdout)).toEqual(body);
  });

  test('--describe lists the same fields, with their limits', async () => {
    const argv = ['api', '--describe', 'POST', '/v3/refund/domestic/refunds'];
    const { stdout } = await runInProcess(argv, bare());
    expect(stdout).toMatch(/^amount\.refund\t.*yes\t≥ 1$/m);
    expect(stdout).toMatch(/^reason\t.*≤ 80 bytes$/m);
    const data = JSON.parse((await runInProcess([...argv, '--json'], bare())).stdout) as { fields: unknown };
    expect(data.fields).toContainEqual({ field: 'amount.refund', type: 'integer', required: 'always', min: 1 });
    const other = await runInProcess(['api', '--describe', 'POST', '/v3/profitsharing/orders', '--json'], bare());
    expect(JSON.parse(other.stdout)).toMatchObject({ fields: null });
  });

  test('fields that are not known are not guessed: the page that has them is named', async () => {
    const result = await runInProcess(['api', '--skeleton', 'POST', '/v3/profitsharing/orders'], bare());
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('not known here');
    expect(result.stderr).toContain('https://pay.weixin.qq.com/doc/v3/');
    const none = await runInProcess(['api', '--skeleton', 'GET', '/v3/certificates'], bare());
    expect(none.stderr).toContain('takes no JSON body');
  });
});

test.each([[], ['POST']])('%j names what is missing, and an example', async (...argv) => {
  const result = await run(argv);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('wxpay api GET /v3/certificates');
  expect(stub.requests).toEqual([]);
});

test.each([['-F', 'a=1'], ['--query-param', 'a=1'], ['--paginate'], ['--raw'], ['--upload', 'x']])(
  '%s does not go with --v2',
  async (...argv) => {
    const result = await run(['--v2', '/pay/orderquery', ...argv]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('does not go with --v2');
  },
);

function errorCode(result: RunResult): unknown {
  return errorOf(result)['code'];
}
