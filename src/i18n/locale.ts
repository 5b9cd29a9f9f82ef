/** Which language to speak: `--lang` > `WXPAY_LANG` > LC_ALL > LC_MESSAGES > LANG > the system's own (CLI-MANNERS S10). */
import type { Lang } from './translate.ts';

export function chooseLang(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  system: () => string | undefined,
): Lang {
  for (const candidate of [flag, env['WXPAY_LANG'], env['LC_ALL'], env['LC_MESSAGES'], env['LANG']]) {
    const lang = langOf(candidate);
    if (lang !== undefined) return lang;
  }
  // Asked for last: finding out costs loading ICU data.
  return langOf(system()) ?? 'en';
}

/** `zh*` is zh-CN; `C`, `POSIX` and the empty string say nothing; every other language gets English. */
function langOf(locale: string | undefined): Lang | undefined {
  if (locale === undefined || locale === '') return undefined;
  const name = locale.split(/[.@]/)[0] ?? '';
  if (name === '' || name === 'C' || name === 'POSIX') return undefined;
  return /^zh(?:[-_]|$)/i.test(name) ? 'zh-CN' : 'en';
}
