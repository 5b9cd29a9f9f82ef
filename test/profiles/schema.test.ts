import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import { environmentVariables } from '../../src/cli/environment.ts';
import { parseProfile, profileFields } from '../../src/profiles/schema.ts';

function failureOf(json: unknown): WxpayError {
  try {
    parseProfile(json, '/p.json');
  } catch (error) {
    return error as WxpayError;
  }
  return expect.fail('nothing was thrown');
}

describe('a profile file', () => {
  test.each([
    ['mchid', '1234567'],
    ['mchid', '12345678901'],
    ['mchid', '１９００００００１'],
    ['mchid', 1900000001],
    ['mchid', null],
    ['mchid', ''],
    ['appid', 'wx 1'],
    ['serial_no', 'A'.repeat(41)],
    ['serial_no', 'ABC'],
    ['serial_no', '0x1234567'],
    ['private_key', 'file:relative.pem'],
    ['private_key', 'file:'],
    ['api_v3_key', 'env:'],
    ['api_v3_key', 'env:A-B'],
    ['api_v3_key', 'keychain:'],
    ['api_v3_key', 'a\0b'],
    ['public_key_id', 'PUB_KEY_ID_'],
    ['public_key_id', 'pub_key_id_1'],
    ['public_key', '/p.pem'],
    ['client_cert_file', 'cert.p12'],
    ['client_cert_file', '/a\0b'],
    ['sub_mchid', 'x'],
    ['notify_url', 'https://user:password@a.example/'],
    ['notify_url', `https://a.example/${'x'.repeat(256)}`],
    ['base_url', 'api.mch.weixin.qq.com'],
    ['ca_file', 'ca.pem'],
    ['__proto__', 'x'],
    ['constructor', 'x'],
    ['mchId', '1900000001'],
  ])('with %s = %j is refused by field and file', (field, value) => {
    const json: unknown = JSON.parse(`{"version":1,${JSON.stringify(field)}:${JSON.stringify(value)}}`);
    const error = failureOf(json);
    expect([error.code, error.params['field'], error.params['origin']]).toEqual(['PROFILE_INVALID', field, '/p.json']);
  });

  test.each([[{}], [{ version: '1' }], [{ version: 0 }], [{ version: 0.5 }], [{ version: null }]])(
    '%j has no version that we know',
    (json) => {
      expect([failureOf(json).code, failureOf(json).params['field']]).toEqual(['PROFILE_INVALID', 'version']);
    },
  );

  test('of a newer version is told apart', () => {
    expect(failureOf({ version: 2, anything: [] }).code).toBe('PROFILE_FILE_NEWER');
  });

  test('any JSON at all is either a profile or one of the two errors, which repeat no value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        try {
          parseProfile(json, '/p.json');
        } catch (error) {
          expect(error).toBeInstanceOf(WxpayError);
        }
      }),
    );
    const secret = 'CANARY\0CANARY';
    expect(failureOf({ version: 1, api_v3_key: secret }).message).not.toContain('CANARY');
  });
});

test('every variable of a profile is in the list that help and README are made from, and the other way round', () => {
  const ours = Object.values(profileFields).flatMap(({ variables }) => variables.map(({ name }) => name));
  const others = [
    'WXPAY_PROFILE',
    'WXPAY_CONFIG_DIR',
    'WXPAY_CACHE_DIR',
    'WXPAY_EMULATOR_DIR',
    'WXPAY_LANG',
    'WXPAY_DEBUG',
    'WXPAY_NO_INPUT',
    'WXPAY_ACCESSIBLE',
  ];
  const listed = environmentVariables.filter((name) => name.startsWith('WXPAY_') && !others.includes(name));
  expect([...ours].sort()).toEqual([...listed].sort());
});
