import { describe, expect, test } from 'vitest';
import { chooseLang } from '../../src/i18n/locale.ts';

describe('S10: --lang > WXPAY_LANG > LC_ALL > LC_MESSAGES > LANG > the system’s own', () => {
  test.each<[string, string | undefined, Record<string, string>, string | undefined, string]>([
    ['the flag over everything', 'en', { WXPAY_LANG: 'zh-CN', LANG: 'zh_CN.UTF-8' }, 'zh-CN', 'en'],
    ['WXPAY_LANG over the locale', undefined, { WXPAY_LANG: 'zh-CN', LC_ALL: 'en_US.UTF-8' }, 'en-US', 'zh-CN'],
    ['LC_ALL over LC_MESSAGES', undefined, { LC_ALL: 'zh_CN.UTF-8', LC_MESSAGES: 'en_US.UTF-8' }, undefined, 'zh-CN'],
    ['LC_MESSAGES over LANG', undefined, { LC_MESSAGES: 'en_US.UTF-8', LANG: 'zh_CN.UTF-8' }, undefined, 'en'],
    ['LANG over the system', undefined, { LANG: 'en_GB' }, 'zh-CN', 'en'],
    ['the system where nothing else speaks', undefined, {}, 'zh-CN', 'zh-CN'],
    ['English where nothing speaks at all', undefined, {}, undefined, 'en'],
    ['a C locale says nothing', undefined, { LC_ALL: 'C', LANG: 'C.UTF-8' }, 'zh-CN', 'zh-CN'],
    ['POSIX says nothing', undefined, { LANG: 'POSIX' }, 'zh-CN', 'zh-CN'],
    ['an empty variable says nothing', undefined, { LC_ALL: '', LANG: 'zh_CN' }, undefined, 'zh-CN'],
    ['an encoding alone says nothing', undefined, { LANG: '.UTF-8' }, 'zh-CN', 'zh-CN'],
    ['any other language gets English', undefined, { LANG: 'fr_FR.UTF-8' }, 'zh-CN', 'en'],
  ])('%s', (_, flag, env, system, lang) => {
    expect(chooseLang(flag, env, () => system)).toBe(lang);
  });

  test.each(['zh', 'zh-CN', 'zh_CN.GB18030', 'zh-TW', 'zh-Hans-CN', 'ZH_cn@pinyin'])('%s is Chinese', (locale) => {
    expect(chooseLang(undefined, { LANG: locale }, () => undefined)).toBe('zh-CN');
  });

  test.each(['zha', 'en', 'za_CN'])('%s is not', (locale) => {
    expect(chooseLang(undefined, { LANG: locale }, () => undefined)).toBe('en');
  });
});
