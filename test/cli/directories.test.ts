import { describe, expect, test } from 'vitest';
import { directories } from '../../src/cli/directories.ts';

const home = '/home/u';
const of = (platform: NodeJS.Platform, env: Record<string, string> = {}) =>
  directories({ platform, env, homedir: home });

describe('K7: configuration, cache and state live', () => {
  test('where XDG has them', () => {
    expect(of('linux')).toEqual({
      config: '/home/u/.config/wxpay',
      cache: '/home/u/.cache/wxpay',
      state: '/home/u/.local/state/wxpay',
    });
    expect(of('linux', { XDG_CONFIG_HOME: '/c', XDG_CACHE_HOME: '/a', XDG_STATE_HOME: '/s' })).toEqual({
      config: '/c/wxpay',
      cache: '/a/wxpay',
      state: '/s/wxpay',
    });
  });

  test('where a Mac and Windows have them', () => {
    expect(of('darwin').config).toBe('/home/u/Library/Preferences/wxpay');
    expect(of('darwin', { XDG_CONFIG_HOME: '/c' }).config).toBe('/home/u/Library/Preferences/wxpay');
    expect(of('win32', { APPDATA: '/roaming', LOCALAPPDATA: '/local' })).toMatchObject({
      config: expect.stringContaining('roaming'),
      cache: expect.stringContaining('local'),
    });
  });

  test.each(['linux', 'darwin', 'win32'] as const)('where WXPAY_*_DIR says, first of all (%s)', (platform) => {
    const env = { WXPAY_CONFIG_DIR: '/mine', WXPAY_CACHE_DIR: '/fast', XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s' };
    expect(of(platform, env)).toEqual({ config: '/mine', cache: '/fast', state: '/mine/state' });
  });

  test('an empty variable says nothing', () => {
    expect(of('linux', { WXPAY_CONFIG_DIR: '', WXPAY_CACHE_DIR: '', XDG_CONFIG_HOME: '' })).toEqual(of('linux'));
  });
});
