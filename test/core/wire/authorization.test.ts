import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifySha256 } from '../../../src/core/crypto/rsa.ts';
import {
  authorizeRequest,
  buildAuthorization,
  createSigner,
  parseAuthorization,
  type AuthorizationParts,
} from '../../../src/core/wire/authorization.ts';
import { answerMessage, payMessage, requestMessage } from '../../../src/core/wire/message.ts';

const parts: AuthorizationParts = {
  mchid: '1900007291',
  serialNo: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB',
  nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
  timestamp: '1554208460',
  signature: 'abc+/=',
};
const header =
  'WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",' +
  'signature="abc+/=",timestamp="1554208460",serial_no="408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"';

describe('the Authorization header', () => {
  test('is one line: scheme, a space, five pairs without spaces between them', () => {
    expect(buildAuthorization(parts)).toBe(header);
  });

  test('comes apart again, in any order of its fields', () => {
    expect(parseAuthorization(header)).toEqual(parts);
    const [scheme = '', pairs = ''] = header.split(' ');
    expect(parseAuthorization(`${scheme} ${pairs.split(',').toReversed().join(',')}`)).toEqual(parts);
  });

  test.each([
    ['another scheme', header.replace('RSA2048', 'RSA4096')],
    ['the scheme in lower case', header.toLowerCase()],
    ['two spaces', header.replace(' ', '  ')],
    ['a space behind a comma', header.replace(',', ', ')],
    ['a line break', header.replace(',', ',\n')],
    ['no quotes', header.replaceAll('"', '')],
    ['a field missing', header.replace(/,serial_no=.*/, '')],
    ['a field twice', `${header},mchid="1900007291"`],
    ['a field too many', `${header},extra="1"`],
    ['an empty field', header.replace('"1900007291"', '""')],
    ['a comma at the end', `${header},`],
    ['nothing', ''],
  ])('with %s does not', (_, text) => {
    expect(parseAuthorization(text)).toBeUndefined();
  });

  test.each(['mchid', 'nonce_str', 'signature', 'timestamp', 'serial_no'])(
    'with another name for %s does not',
    (name) => {
      expect(parseAuthorization(header.replace(`${name}=`, 'other='))).toBeUndefined();
    },
  );

  test.each(['a"b', 'a\\b', 'a\r\nX: y', '', '随机', 'a\0'])('never carries a nonce of %j', (nonce) => {
    expect(() => buildAuthorization({ ...parts, nonce })).toThrow(/INPUT_INVALID/);
  });

  test('comes apart to what it was made of, whatever that is', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9+/=_-]{1,40}$/);
    fc.assert(
      fc.property(value, value, value, value, value, (mchid, serialNo, nonce, timestamp, signature) => {
        const made = { mchid, serialNo, nonce, timestamp, signature };
        expect(parseAuthorization(buildAuthorization(made))).toEqual(made);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a signer', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

  test('names its serial in upper case and signs what stands on the request line', () => {
    const signer = createSigner({ mchid: parts.mchid, serialNo: parts.serialNo.toLowerCase(), privateKey });
    const request = { method: 'GET', target: '/v3/certificates', timestamp: '1', nonce: '2', body: Buffer.alloc(0) };
    const made = parseAuthorization(authorizeRequest(request, signer));
    expect(made).toMatchObject({ mchid: parts.mchid, serialNo: parts.serialNo, timestamp: '1', nonce: '2' });
    const message = Buffer.from('GET\n/v3/certificates\n1\n2\n\n');
    expect(verifySha256(publicKey, message, made?.signature ?? '')).toBe('valid');
  });

  test('D1: takes no weak key', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    for (const key of [weak, curve])
      expect(() => createSigner({ mchid: '1', serialNo: '2', privateKey: key })).toThrow(/KEY_WEAK/);
  });
});

describe('the signed messages', () => {
  const body = Buffer.from([0xff, 0x00, 0x0a]);

  test('hold the body byte for byte, whatever it is, and one more line feed', () => {
    const request = { method: 'POST', target: '/v3/x?a=%7C', timestamp: '1', nonce: '2', body };
    expect(requestMessage(request)).toEqual(
      Buffer.concat([Buffer.from('POST\n/v3/x?a=%7C\n1\n2\n'), body, Buffer.from('\n')]),
    );
    expect(answerMessage({ timestamp: '1', nonce: '2', body })).toEqual(
      Buffer.concat([Buffer.from('1\n2\n'), body, Buffer.from('\n')]),
    );
  });

  test('end in two line feeds where there is no body', () => {
    const empty = { method: 'GET', target: '/', timestamp: '1', nonce: '2', body: new Uint8Array() };
    expect(requestMessage(empty).toString()).toBe('GET\n/\n1\n2\n\n');
    expect(answerMessage(empty).toString()).toBe('1\n2\n\n');
  });

  test('of pay parameters have four lines', () => {
    expect(payMessage('wx1', '1', '2', 'prepay_id=3').toString()).toBe('wx1\n1\n2\nprepay_id=3\n');
  });
});
