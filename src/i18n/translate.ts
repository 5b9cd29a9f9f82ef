/** Messages in zh-CN and English. Reached from `cli` and `output` only. */
import type { en } from './en/catalogue.ts';

export type Lang = 'zh-CN' | 'en';
export type MessageKey = keyof typeof en;
export type Params = Readonly<Record<string, string | number>>;

/** The text of a message, or the key itself where there is no such message; placeholders are filled from `params`, as they are (escaping is the output room's). */
export type Translate = (key: MessageKey, params?: Params) => string;

/** A catalogue is flat: one key, one text. Both languages have the same keys and placeholders (held by a test). */
export type Catalogue = Readonly<Record<MessageKey, string>>;

/** Loads one language's catalogue, and only that one. */
export async function loadTranslate(lang: Lang): Promise<Translate> {
  const catalogue: Catalogue =
    lang === 'zh-CN' ? (await import('./zh-cn/catalogue.ts')).zhCn : (await import('./en/catalogue.ts')).en;
  // A key may have been made of text from elsewhere; what is no message stays what it is.
  return (key, params) => (Object.hasOwn(catalogue, key) ? fill(catalogue[key], params) : key);
}

/** `{count}` is the parameter itself, `{count:row|rows}` the word for one or for any other number of them. */
function fill(text: string, params: Params | undefined): string {
  if (params === undefined) return text;
  return text.replaceAll(
    /\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}/g,
    (whole, name: string, one?: string, other?: string) => {
      if (!Object.hasOwn(params, name)) return whole;
      if (one === undefined) return String(params[name]);
      return String(Number(params[name]) === 1 ? one : other);
    },
  );
}
