import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAuthorization } from '../../src/emulator/authorization.ts';

const scheme = 'WECHATPAY2-SHA256-RSA2048';
const fields = [
  'mchid="1900000001"',
  'nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242"',
  'signature="abc+/="',
  'timestamp="1554208460"',
  'serial_no="408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"',
];
const good = `${scheme} ${fields.join(',')}`;
const parsed = {
  mchid: '1900000001',
  nonce: '593BEC0C930BF1AFEB40B4A08C8FB242',
  signature: 'abc+/=',
  timestamp: '1554208460',
  serialNo: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB',
};

test('reads the five fields', () => {
  expect(parseAuthorization(good)).toEqual(parsed);
});

test('takes the fields in any order', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(fields, { minLength: 5 }), (order) => {
      expect(parseAuthorization(`${scheme} ${order.join(',')}`)).toEqual(parsed);
    }),
  );
});

describe('refuses what is not exactly that', () => {
  test.each(fields)('a missing field: %s', (field) => {
    expect(parseAuthorization(`${scheme} ${fields.filter((other) => other !== field).join(',')}`)).toBe('malformed');
  });

  test.each(fields)('a repeated field: %s', (field) => {
    expect(parseAuthorization(`${good},${field}`)).toBe('malformed');
  });

  test.each([
    ['an unknown field', `${good},extra="1"`],
    ['a blank after a comma', `${scheme} ${fields.join(', ')}`],
    ['a line break', `${scheme} ${fields.join(',\r\n')}`],
    ['two blanks after the scheme', `${scheme}  ${fields.join(',')}`],
    ['a comma at the end', `${good},`],
    ['a stray percent sign', `${good}%`],
    ['a blank at the end', `${good} `],
    ['single quotes', good.replaceAll('"', "'")],
    ['no quotes', good.replaceAll('"', '')],
    ['an empty value', good.replace('1900000001', '')],
    ['a timestamp that is no number', good.replace('1554208460', 'now')],
    ['a negative timestamp', good.replace('1554208460', '-1')],
    ['upper-case names', good.replace('mchid', 'MCHID')],
    ['the scheme alone', scheme],
    ['nothing', ''],
  ])('%s', (_name, header) => {
    expect(parseAuthorization(header)).toBe('malformed');
  });

  test.each([
    ['Bearer', `Bearer ${fields.join(',')}`],
    ['SM2', good.replace(scheme, 'WECHATPAY2-SM2-WITH-SM3')],
    ['lower case', good.replace(scheme, scheme.toLowerCase())],
  ])('another scheme: %s', (_name, header) => {
    expect(parseAuthorization(header)).toBe('type');
  });

  test('no text makes it throw', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseAuthorization(`${scheme} ${text}`)));
  });
});
