import { describe, expect, test } from 'vitest';
import { errorDocument, errorText, interruptedDocument, renderError } from '../../src/cli/render-error.ts';
import { errorCodes, WxpayError } from '../../src/core/errors.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';
import { loadWidths } from '../../src/output/width.ts';

const widths = await loadWidths();
const languages = [
  ['en', await loadTranslate('en')],
  ['zh-CN', await loadTranslate('zh-CN')],
] as const;

describe.each(languages)('an error in %s', (_lang, t) => {
  test('has four lines at most: what failed, WeChat’s words, what to do, Request-ID', () => {
    const error = new WxpayError('API_REFUSED', {
      params: { status: 400 },
      wechat: { code: 'PARAM_ERROR', message: '参数错误' },
      requestId: '08F5-0',
      next: ['order', 'query', 'T1'],
    });
    const lines = renderError(error, t).trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('400');
    expect(lines[1]).toContain('PARAM_ERROR 参数错误');
    expect(lines[2]).toContain('wxpay order query T1');
    expect(lines[3]).toContain('08F5-0');
  });

  test('on a terminal its texts are broken at words, and the command to type is not', () => {
    const error = new WxpayError('API_REFUSED', {
      params: { status: 400 },
      wechat: { code: 'PARAM_ERROR', message: 'a word and a word and a word '.repeat(5) },
      next: ['order', 'query', 'T'.repeat(90)],
    });
    const { wrap } = widths;
    const lines = renderError(error, t, { wrap: (text, indent) => wrap(text, 40 - indent) })
      .trimEnd()
      .split('\n');
    const command = lines.filter((line) => line.includes(`wxpay order query ${'T'.repeat(90)}`));
    expect(command).toHaveLength(1);
    for (const line of lines.filter((text) => !command.includes(text)))
      expect(widths.displayWidth(line)).toBeLessThanOrEqual(40);
    expect(lines.slice(1).every((line) => line.startsWith('  '))).toBe(true);
    expect(lines.join(' ')).not.toMatch(/\b(?:wor|an)$/m);
  });

  test.each(errorCodes)('%s has a message and a hint', (code) => {
    const { message, hint } = errorText(new WxpayError(code), t);
    expect(message).not.toMatch(/^(?:error|hint)\./);
    expect(hint).not.toMatch(/^(?:error|hint)\./);
    expect(hint.length).toBeGreaterThan(3);
  });

  test('what the operating system said is said in this language, with its code', () => {
    const text = (reason: string): string =>
      errorText(new WxpayError('INPUT_UNREADABLE', { params: { file: 'x', reason } }), t).message;
    expect(text('ENOENT')).toBe(t('error.INPUT_UNREADABLE', { file: 'x', reason: t('system.ENOENT') }));
    expect(text('ENOENT: no such file or directory')).toBe(text('ENOENT'));
    expect(text('EWHAT: new')).toContain('EWHAT: new');
  });

  test('an unsigned refusal is marked', () => {
    const error = new WxpayError('NOT_FOUND', { params: { what: 'T1' }, unsigned: true });
    expect(renderError(error, t)).toContain(t('cli.error.unsigned'));
  });

  test('a param that names a message is translated, with the params of the same error', () => {
    const error = new WxpayError('CALLBACK_MALFORMED', {
      params: { reason: 'key:reason.oaep_too_long', bytes: 4, max: 5 },
    });
    const { message } = errorText(error, t);
    expect(message).toContain('4');
    expect(message).toContain('5');
    expect(message).not.toContain('key:');
  });

  test('a param from the network that looks like a reference stays data where there is no such message', () => {
    for (const what of ['key:no.such.message', 'key:constructor', 'key:__proto__', 'kind:nothing'])
      expect(errorText(new WxpayError('NOT_FOUND', { params: { what } }), t).message).toContain(what);
  });
});

test('JSON keys and codes are the same in every language', () => {
  const error = new WxpayError('NOT_FOUND', { params: { what: 'T1' }, httpStatus: 404 });
  const [en, zh] = languages.map(([, t]) => (JSON.parse(errorDocument(error, t)) as { error: object }).error);
  expect(Object.keys(en ?? {})).toEqual(Object.keys(zh ?? {}));
  expect(en).toMatchObject({ code: 'NOT_FOUND', http_status: 404, exit_code: 5, outcome: 'no_effect' });
  expect(Object.keys(en ?? {})).toEqual(
    Object.keys((JSON.parse(interruptedDocument(languages[0][1], 130, 'no_effect')) as { error: object }).error),
  );
});

test('the document is one line, whatever is in it', () => {
  const error = new WxpayError('API_REFUSED', { wechat: { code: 'X', message: 'a\nb\u2028c', detail: { a: ['\n'] } } });
  expect(errorDocument(error, languages[0][1])).not.toContain('\n');
});
