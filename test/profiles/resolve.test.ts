import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import { resolveProfile, type ResolveRequest } from '../../src/profiles/resolve.ts';
import { profileFieldNames, profileFields, type Profile, type ProfileField } from '../../src/profiles/schema.ts';
import type { ProfileStore } from '../../src/profiles/store.ts';

const cwd = mkdtempSync(join(tmpdir(), 'wxpay-resolve-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Three good values of each field, so that every layer can have its own. */
const samples: Readonly<Record<ProfileField, readonly [string, string, string]>> = {
  mchid: ['1900000001', '1900000002', '1900000003'],
  appid: ['wx01', 'wx02', 'wx03'],
  serial_no: ['A'.repeat(40), 'B'.repeat(40), 'C'.repeat(40)],
  private_key: ['file:/k/1', 'file:/k/2', 'file:/k/3'],
  api_v3_key: ['file:/a/1', 'file:/a/2', 'file:/a/3'],
  api_v2_key: ['file:/b/1', 'file:/b/2', 'file:/b/3'],
  public_key_id: ['PUB_KEY_ID_01', 'PUB_KEY_ID_02', 'PUB_KEY_ID_03'],
  public_key: ['file:/p/1', 'file:/p/2', 'file:/p/3'],
  client_cert_file: ['/c/1', '/c/2', '/c/3'],
  client_cert_passphrase: ['file:/q/1', 'file:/q/2', 'file:/q/3'],
  sub_mchid: ['1900000011', '1900000012', '1900000013'],
  sub_appid: ['wx11', 'wx12', 'wx13'],
  notify_url: ['https://a.example/1', 'https://a.example/2', 'https://a.example/3'],
  base_url: ['https://api2.mch.weixin.qq.com', 'http://127.0.0.1:1', 'http://127.0.0.1:2'],
  ca_file: ['/ca/1', '/ca/2', '/ca/3'],
};

function storeOf(profiles: Readonly<Record<string, Profile>>, current?: string): ResolveRequest['store'] {
  const store: Pick<ProfileStore, 'read' | 'list' | 'current'> = {
    list: () => Object.keys(profiles),
    current: () => current ?? (Object.keys(profiles).length === 1 ? Object.keys(profiles)[0] : undefined),
    read: async (name) => {
      const profile = profiles[name];
      if (profile === undefined) throw new WxpayError('PROFILE_NOT_FOUND', { params: { name } });
      return { name, file: `/config/${name}.json`, profile };
    },
  };
  return store;
}

async function failureOf(request: ResolveRequest): Promise<WxpayError> {
  return await resolveProfile(request).then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error as WxpayError,
  );
}

describe('K1: flag over environment over profile over default', () => {
  const layers = ['flag', 'env', 'profile'] as const;
  const pairs = layers.flatMap((winner, index) => layers.slice(index + 1).map((loser) => [winner, loser] as const));
  const table = profileFieldNames.flatMap((field) => pairs.map(([winner, loser]) => [field, winner, loser] as const));

  test.each(table)('%s: the %s wins over the %s, and the loser is named as hidden', async (field, winner, loser) => {
    const value = (layer: (typeof layers)[number]): string => samples[field][layers.indexOf(layer)] ?? '';
    const has = (layer: (typeof layers)[number]): boolean => layer === winner || layer === loser;
    const variable = profileFields[field].variables[0].name;
    const resolved = await resolveProfile({
      flags: has('flag') ? { [field]: value('flag') } : {},
      env: { WXPAY_PROFILE: 'shop', ...(has('env') ? { [variable]: value('env') } : {}) },
      store: storeOf({ shop: { version: 1, ...(has('profile') ? { [field]: value('profile') } : {}) } }),
      cwd,
    });
    const sources = {
      flag: { from: 'flag', flag: profileFields[field].flag },
      env: { from: 'env', variable },
      profile: { from: 'profile', name: 'shop', file: '/config/shop.json' },
    } as const;
    expect(resolved.values[field]).toEqual({ value: value(winner), source: sources[winner] });
    expect(resolved.shadowed).toEqual([{ field, by: sources[winner], hidden: sources[loser] }]);
  });

  test.each(['flag', 'env', 'profile'] as const)(
    'base_url: the %s wins over the default, which nobody calls hidden',
    async (layer) => {
      const url = 'http://127.0.0.1:9';
      const resolved = await resolveProfile({
        flags: layer === 'flag' ? { base_url: url } : {},
        env: { WXPAY_PROFILE: 'shop', ...(layer === 'env' ? { WXPAY_BASE_URL: url } : {}) },
        store: storeOf({ shop: { version: 1, ...(layer === 'profile' ? { base_url: url } : {}) } }),
        cwd,
      });
      expect([resolved.values.base_url?.value, resolved.shadowed, resolved.live]).toEqual([url, [], false]);
    },
  );

  test('without any layer base_url is the live host, and nothing else has a value', async () => {
    const resolved = await resolveProfile({ env: {}, store: storeOf({ shop: { version: 1 } }), cwd });
    expect(resolved.values).toEqual({
      base_url: { value: 'https://api.mch.weixin.qq.com', source: { from: 'default' } },
    });
    expect(resolved.live).toBe(true);
  });

  test('a value that is hidden by the same value surprises nobody', async () => {
    const store = storeOf({ shop: { version: 1, mchid: '1900000001' } });
    const resolved = await resolveProfile({ env: { WXPAY_MCHID: '1900000001' }, store, cwd });
    expect(resolved.shadowed).toEqual([]);
  });
});

describe('variables', () => {
  const store = storeOf({});

  test('a secret variable becomes a reference to itself: its content is not carried around', async () => {
    const env = {
      WXPAY_MCHID: '1900000001',
      WXPAY_API_V3_KEY: 'CANARY',
      WXPAY_PRIVATE_KEY: 'CANARY',
      WXPAY_API_V2_KEY: 'CANARY',
    };
    const resolved = await resolveProfile({ env, store, cwd });
    expect(resolved.values.api_v3_key?.value).toBe('env:WXPAY_API_V3_KEY');
    expect(resolved.values.private_key?.value).toBe('env:WXPAY_PRIVATE_KEY');
    expect(JSON.stringify(resolved)).not.toContain('CANARY');
  });

  test('the text of a key wins over its file, which is named as hidden', async () => {
    const env = { WXPAY_MCHID: '1900000001', WXPAY_PRIVATE_KEY: 'x', WXPAY_PRIVATE_KEY_FILE: '/k' };
    const resolved = await resolveProfile({ env, store, cwd });
    expect(resolved.values.private_key?.source).toEqual({ from: 'env', variable: 'WXPAY_PRIVATE_KEY' });
    expect(resolved.shadowed.map(({ hidden }) => hidden)).toEqual([
      { from: 'env', variable: 'WXPAY_PRIVATE_KEY_FILE' },
    ]);
  });

  test.each([
    ['WXPAY_PRIVATE_KEY_FILE', 'private_key', 'keys/k.pem', 'file:'],
    ['WXPAY_PUBLIC_KEY_FILE', 'public_key', 'keys/p.pem', 'file:'],
    ['WXPAY_API_V3_KEY', 'api_v3_key', 'file:keys/v3', 'file:'],
    ['WXPAY_CLIENT_CERT_FILE', 'client_cert_file', 'keys/c.p12', ''],
    ['WXPAY_CA_FILE', 'ca_file', 'keys/ca.pem', ''],
  ] as const)('%s: a relative path is taken from the working directory', async (variable, field, value, scheme) => {
    const resolved = await resolveProfile({ env: { WXPAY_MCHID: '1900000001', [variable]: value }, store, cwd });
    const found = resolved.values[field]?.value ?? '';
    expect(found).toBe(`${scheme}${join(cwd, value.replace('file:', ''))}`);
    expect(isAbsolute(found.replace('file:', ''))).toBe(true);
  });

  test('an empty variable, as CI sets it for a secret that does not exist, is none', async () => {
    const resolved = await resolveProfile({ env: { WXPAY_MCHID: '1900000001', WXPAY_APPID: '' }, store, cwd });
    expect(resolved.values.appid).toBeUndefined();
  });

  test('a serial is brought into upper case', async () => {
    const env = { WXPAY_MCHID: '1900000001', WXPAY_SERIAL_NO: 'a'.repeat(40) };
    expect((await resolveProfile({ env, store, cwd })).values.serial_no?.value).toBe('A'.repeat(40));
  });

  test.each([
    ['WXPAY_MCHID', '19', 'mchid'],
    ['WXPAY_SERIAL_NO', 'xyz', 'serial_no'],
    ['WXPAY_PUBLIC_KEY_ID', '123', 'public_key_id'],
    ['WXPAY_NOTIFY_URL', 'ftp://x', 'notify_url'],
    ['WXPAY_PUBLIC_KEY', 'not a key', 'public_key'],
  ])('E4: a bad %s is refused by its name', async (variable, value, field) => {
    const error = await failureOf({ env: { WXPAY_MCHID: '1900000001', [variable]: value }, store, cwd });
    expect([error.code, error.params['field'], error.params['origin']]).toEqual(['PROFILE_INVALID', field, variable]);
  });

  test('a bad variable that a flag replaces stops nobody', async () => {
    const request = { env: { WXPAY_MCHID: '1900000001', WXPAY_BASE_URL: 'nonsense' }, store, cwd };
    const resolved = await resolveProfile({ ...request, flags: { base_url: 'http://127.0.0.1:1' } });
    expect(resolved.live).toBe(false);
  });
});

describe('which profile', () => {
  const two = { a: { version: 1, mchid: '1900000001' }, b: { version: 1, mchid: '1900000002' } } as const;
  test.each([
    ['--profile before everything', { profile: 'b', env: { WXPAY_PROFILE: 'a' } }, 'a', 'b'],
    ['WXPAY_PROFILE before the chosen one', { env: { WXPAY_PROFILE: 'b' } }, 'a', 'b'],
    ['the chosen one', { env: {} }, 'a', 'a'],
    [
      'the environment alone, where it names the merchant and nothing is chosen',
      { env: { WXPAY_MCHID: '1900000009' } },
      undefined,
      undefined,
    ],
  ])('%s', async (_, request, current, name) => {
    expect((await resolveProfile({ ...request, store: storeOf(two, current), cwd })).name).toBe(name);
  });

  test('the only one', async () => {
    expect((await resolveProfile({ env: {}, store: storeOf({ a: two.a }), cwd })).name).toBe('a');
  });

  test('several and no choice is an input that is missing, with the names there are and the ways to choose', async () => {
    const error = await failureOf({ env: {}, store: storeOf(two), cwd });
    expect([error.code, error.params['names'], error.hint]).toEqual(['INPUT_MISSING', 'a, b', 'profile.hint.choose']);
  });

  test('nothing at all is PROFILE_NONE; a name that does not exist is PROFILE_NOT_FOUND', async () => {
    expect((await failureOf({ env: {}, store: storeOf({}), cwd })).code).toBe('PROFILE_NONE');
    expect((await failureOf({ profile: 'x', env: {}, store: storeOf({}), cwd })).code).toBe('PROFILE_NOT_FOUND');
  });
});

describe('B3: hosts', () => {
  const store = storeOf({ shop: { version: 1 } });
  test.each(['https://evil.example', 'http://api.mch.weixin.qq.com', 'https://api.mch.weixin.qq.com.evil.example'])(
    '%s is refused before anything is read',
    async (base_url) => {
      expect((await failureOf({ flags: { base_url }, env: {}, store, cwd })).code).toBe('HOST_NOT_ALLOWED');
    },
  );

  test('a host that is named on purpose is allowed, and live', async () => {
    const flags = { base_url: 'https://gateway.example' };
    const resolved = await resolveProfile({ flags, env: {}, store, cwd, allowHosts: ['gateway.example'] });
    expect(resolved.live).toBe(true);
  });
});
