import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Signer } from '../../src/core/ports.ts';
import { createSigner, parseAuthorization } from '../../src/core/wire/authorization.ts';
import type { RequestParts } from '../../src/core/wire/message.ts';
import { signInformation } from '../../src/core/wire/error-body.ts';
import {
  compareWithAnswer,
  curlCommand,
  explainMessage,
  readNonce,
  readSignError,
  readSubject,
  readTimestamp,
  signRequest,
  visible,
} from '../../src/operations/sign.ts';

let signer: Signer;
beforeAll(() => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  signer = createSigner({ mchid: '1900007291', serialNo: 'ab'.repeat(20), privateKey });
});

const parts = {
  method: 'POST',
  target: '/v3/pay/transactions/native',
  timestamp: '1554208460',
  nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
  body: Buffer.from('{"a":1}'),
};

describe('what is to be signed', () => {
  test.each<[string, string[], boolean, string]>([
    ['method and path', ['GET', '/v3/certificates'], false, 'GET /v3/certificates'],
    ['a method in lower case', ['post', '/v3/x'], true, 'POST /v3/x'],
    ['a path alone is a GET', ['/v3/certificates'], false, 'GET /v3/certificates'],
    ['a path with a body is a POST', ['/v3/x'], true, 'POST /v3/x'],
    ['no leading slash', ['GET', 'v3/certificates'], false, 'GET /v3/certificates'],
    ['a query', ['GET', '/v3/x?mchid=1&b=%2B'], false, 'GET /v3/x?mchid=1&b=%2B'],
    ['a full URL', ['GET', 'https://api.mch.weixin.qq.com/v3/x?y=1'], false, 'GET /v3/x?y=1'],
    ['a host alone', ['GET', 'https://api.mch.weixin.qq.com'], false, 'GET /'],
    ['an emulator', ['GET', 'http://127.0.0.1:8080/v3/x'], false, 'GET /v3/x'],
  ])('%s', (_, words, hasBody, expected) => {
    const { method, target, normalised } = readSubject(words, hasBody, []);
    expect(`${method} ${target}`).toBe(expected);
    expect(normalised).toBe(false);
  });

  test.each([
    ['/v3/x y', '/v3/x%20y'],
    ['/v3/退款', '/v3/%E9%80%80%E6%AC%BE'],
    ['/v3/a/../b', '/v3/b'],
    ["/v3/x?q='1'", '/v3/x?q=%271%27'],
    ['/v3/x#fragment', '/v3/x'],
  ])('%s is signed as HTTP clients send it, and that is said', (typed, target) => {
    expect(readSubject(['GET', typed], false, [])).toMatchObject({ target, normalised: true });
  });

  test.each<[string, string[], string]>([
    ['nothing', [], 'INPUT_MISSING'],
    ['a method alone', ['GET'], 'INPUT_MISSING'],
    ['another method', ['TRACE', '/v3/x'], 'INPUT_INVALID'],
    ['B3: a foreign host', ['GET', 'https://evil.com/v3/x'], 'HOST_NOT_ALLOWED'],
    ['B3: user information', ['GET', 'https://api.mch.weixin.qq.com@evil.com/'], 'HOST_NOT_ALLOWED'],
    ['B3: http to the live host', ['GET', 'http://api.mch.weixin.qq.com/v3/x'], 'HOST_NOT_ALLOWED'],
    ['B3: another port', ['GET', 'https://api.mch.weixin.qq.com:8443/v3/x'], 'HOST_NOT_ALLOWED'],
    ['B3: a look-alike', ['GET', 'https://ａｐｉ.mch.weixin.qq.com/v3/x'], 'HOST_NOT_ALLOWED'],
    ['B3: //host', ['GET', '//evil.com/x'], 'PATH_INVALID'],
    ['B3: /\\host', ['GET', '/\\evil.com'], 'PATH_INVALID'],
    ['B3: a tab before a URL', ['GET', '\thttps://evil.com'], 'PATH_INVALID'],
    ['another scheme', ['GET', 'file:///etc/passwd'], 'PATH_INVALID'],
    ['B1: a line feed', ['GET', '/v3/x\r\nX: y'], 'PATH_INVALID'],
    ['a path that Git Bash changed', ['GET', 'C:/Program Files/Git/v3/certificates'], 'PATH_INVALID'],
  ])('%s is refused', (_, words, code) => {
    expect(() => readSubject(words, false, [])).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('a host that is named on purpose is allowed', () => {
    const { target, origin } = readSubject(['GET', 'https://pay.example.com/v3/x'], false, ['pay.example.com']);
    expect([origin, target]).toEqual(['https://pay.example.com', '/v3/x']);
  });

  test('B2: the target is what new URL() puts on the request line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (tail) => {
        let target: string;
        try {
          ({ target } = readSubject(['GET', `/v3/${tail}`], false, []));
        } catch {
          return;
        }
        const url = new URL(`https://host${target}`);
        expect(url.host + url.pathname + url.search).toBe(`host${target}`);
      }),
      { numRuns: 5000 },
    );
  });

  test.each(['1554208460000', '155420846', '1554208460 ', '0x5CA3594C', '-554208460', ''])(
    'a timestamp of %j is refused',
    (text) => {
      expect(() => readTimestamp(text)).toThrow(/INPUT_INVALID/);
    },
  );

  test.each(['', 'a"b', 'a,b', 'a\nb', '随机', 'x'.repeat(65)])('a nonce of %j is refused', (text) => {
    expect(() => readNonce(text)).toThrow(/INPUT_INVALID/);
  });
});

describe('the signed request', () => {
  test('its header holds what was signed', () => {
    const signed = signRequest(parts, signer);
    expect(parseAuthorization(signed.authorization)).toEqual({
      mchid: '1900007291',
      serialNo: 'AB'.repeat(20),
      nonce: parts.nonce,
      timestamp: parts.timestamp,
      signature: signed.signature,
    });
    expect(signer.sign(signed.message)).toBe(signed.signature);
  });

  test('is explained line by line, the last line feed too', () => {
    const { message } = signRequest(parts, signer);
    expect(explainMessage(message, 'request').map(({ part, text }) => `${part} ${text}`)).toEqual([
      String.raw`method POST\n`,
      String.raw`url /v3/pay/transactions/native\n`,
      String.raw`timestamp 1554208460\n`,
      String.raw`nonce_str 593BEC0C930BF1AFEB40B4A08C8FB242\n`,
      String.raw`body {"a":1}\n`,
    ]);
  });

  test('without a body ends in a line of its own', () => {
    const { message } = signRequest({ ...parts, method: 'GET', body: Buffer.alloc(0) }, signer);
    expect(explainMessage(message, 'request').at(-1)).toEqual({ part: 'body', text: String.raw`\n`, bytes: 1 });
  });

  test('a body of several lines has one line for each', () => {
    const { message } = signRequest({ ...parts, body: Buffer.from('{\r\n "a": 1\n}\n') }, signer);
    expect(
      explainMessage(message, 'request')
        .slice(4)
        .map(({ text }) => text),
    ).toEqual([String.raw`{\r\n`, String.raw`␣"a": 1\n`, String.raw`}\n`, String.raw`\n`]);
  });

  test('the explained bytes are all the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        const { message } = signRequest({ ...parts, body }, { ...signer, sign: () => 'AA==' });
        const lines = explainMessage(message, 'request');
        expect(lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(message.length);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('bytes made visible', () => {
  test.each<[string, Buffer, string]>([
    ['a line feed', Buffer.from('a\n'), String.raw`a\n`],
    ['the two characters \\n', Buffer.from('a\\n'), String.raw`a\\n`],
    ['a tab and a NUL', Buffer.from('\t\0'), String.raw`\t\x00`],
    ['a BOM', Buffer.from('\uFEFF{}'), '<U+FEFF>{}'],
    ['a zero-width space', Buffer.from('a\u200Bb'), 'a<U+200B>b'],
    ['a no-break space', Buffer.from('a\u00A0b'), 'a<U+00A0>b'],
    ['an override', Buffer.from('\u202Eevil'), '<U+202E>evil'],
    ['spaces at the ends', Buffer.from(' a \n'), String.raw`␣a␣\n`],
    ['spaces in a row', Buffer.from('a  b c'), 'a␣␣b c'],
    ['Chinese', Buffer.from('微信 支付'), '微信 支付'],
    ['GBK', Buffer.from([0xce, 0xa2, 0xd0, 0xc5]), String.raw`΢\xd0\xc5`],
    ['half a character', Buffer.from('中').subarray(0, 2), String.raw`\xe4\xb8`],
    ['an emoji', Buffer.from('🧧'), '🧧'],
    ['the sign for a space itself', Buffer.from('␣'), '<U+2423>'],
  ])('%s', (_, bytes, expected) => {
    expect(visible(bytes)).toBe(expected);
  });

  test('A1, A2: nothing that a terminal obeys is left', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(visible(bytes)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 5000 },
    );
  });

  test('different bytes never look the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
        if (!Buffer.from(a).equals(b)) expect(visible(a)).not.toBe(visible(b));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('the curl command', () => {
  const isPlain = (): boolean => true;
  const curl = (change: Partial<RequestParts>, plain = isPlain) =>
    curlCommand(signRequest({ ...parts, ...change }, signer), {
      origin: 'https://api.mch.weixin.qq.com',
      wechatpaySerial: 'PUB_KEY_ID_1',
      isPlain: plain,
    });

  test('holds method, URL, headers and body', () => {
    const { words, body } = curl({});
    expect(words.slice(0, 5)).toEqual([
      'curl',
      '--path-as-is',
      '-X',
      'POST',
      'https://api.mch.weixin.qq.com/v3/pay/transactions/native',
    ]);
    expect(words).toContain('Content-Type: application/json');
    expect(words).toContain('Wechatpay-Serial: PUB_KEY_ID_1');
    expect(body).toEqual({ text: '{"a":1}' });
  });

  test('without a body names no content type', () => {
    const { words, body } = curl({ body: Buffer.alloc(0) });
    expect([words.includes('Content-Type: application/json'), body]).toEqual([false, undefined]);
  });

  test('brackets in the URL are no pattern', () => {
    expect(curl({ target: '/v3/x?a[0]={1}' }).words).toContain('--globoff');
  });

  test.each<[string, Buffer, () => boolean]>([
    ['bytes that are no UTF-8', Buffer.from([0xff, 0x00]), isPlain],
    ['text that would not survive copying', Buffer.from('\u202E'), () => false],
    ['more than an argument takes', Buffer.alloc(200_000, 'x'), isPlain],
  ])('%s comes through standard input', (_, body, plain) => {
    expect(curl({ body }, plain).body).toEqual({ base64: body.toString('base64') });
  });
});

describe('a SIGN_ERROR answer', () => {
  const detail = {
    field: 'signature',
    location: 'authorization',
    detail: { issue: 'sign not match' },
    sign_information: {
      method: 'POST',
      url: '/v3/pay/transactions/native',
      truncated_sign_message: 'POST\n/v3/pay/transactions/native\n1640000000\nNONCE1\n{"a":1}\n',
      sign_message_length: 'POST\n/v3/pay/transactions/native\n1640000000\nNONCE1\n{"a":1}\n'.length,
    },
  };
  const answer = { code: 'SIGN_ERROR', message: '错误的签名，验签失败', detail };
  const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

  test.each<[string, unknown]>([
    ['as captured', answer],
    ['with the information one level down', { ...answer, detail: { issue: 'x', detail } }],
    ['as wxpay prints it', { error: { code: 'CREDENTIALS_REFUSED', wechat: answer } }],
  ])('%s is read', (_, value) => {
    expect(readSignError(bytes(value))).toEqual(signInformation(detail));
  });

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['HTML', Buffer.from('<html></html>')],
    ['an answer without detail', bytes({ code: 'SIGN_ERROR', message: 'x' })],
    ['half of it', bytes({ ...answer, detail: { sign_information: { method: 'POST' } } })],
  ])('%s is refused by name', (_, body) => {
    expect(() => readSignError(body)).toThrow(/INPUT_INVALID.*no_sign_information/);
  });

  const fresh = { timestamp: '1700000000', nonce: 'FRESH' };
  const request = { method: 'POST', target: '/v3/pay/transactions/native', body: Buffer.from('{"a":1}') };

  test('timestamp and nonce that are not given are taken over', () => {
    const { signed, differences } = compareWithAnswer(readSignError(bytes(answer)), request, {}, fresh, signer);
    expect([differences, signed.parts.timestamp, signed.parts.nonce]).toEqual([[], '1640000000', 'NONCE1']);
  });

  test('those that are given are compared', () => {
    const given = { timestamp: '1640000000', nonce: 'OTHER' };
    const { differences } = compareWithAnswer(readSignError(bytes(answer)), request, given, fresh, signer);
    expect(differences).toEqual([{ part: 'nonce', signed: 'OTHER', seen: 'NONCE1' }]);
  });

  test('milliseconds are not taken over but named', () => {
    const information = {
      ...detail.sign_information,
      truncated_sign_message: detail.sign_information.truncated_sign_message.replace('1640000000', '1640000000123'),
      sign_message_length: detail.sign_information.sign_message_length + 3,
    };
    const body = bytes({ ...answer, detail: { ...detail, sign_information: information } });
    const { differences } = compareWithAnswer(readSignError(body), request, {}, fresh, signer);
    expect(differences).toMatchObject([{ part: 'timestamp', seen: '1640000000123', cause: 'milliseconds' }]);
  });
});
