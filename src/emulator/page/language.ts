/** Which of the page's languages a browser asks for. */
import { languages } from './texts.ts';
import type { Language } from './texts.ts';

export function isLanguage(text: string | null): text is Language {
  return languages.some((language) => language === text);
}

/** The first of `Accept-Language` by weight that the page has; English where it has none. */
export function preferredLanguage(values: readonly string[]): Language {
  const wishes = values
    .join(',')
    .slice(0, 1000)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/);
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return { tag, weight: weight === undefined ? 1 : Number(weight.slice(2)) || 0 };
    })
    .filter(({ tag, weight }) => weight > 0 && /^(?:zh|en)(?:-|$)/.test(tag));
  const [best] = wishes.toSorted((a, b) => b.weight - a.weight);
  return best?.tag.startsWith('zh') === true ? 'zh-CN' : 'en';
}
