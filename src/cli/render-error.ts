/** An error as people see it (four lines at most) and as programs read it (one JSON line). */
import { WxpayError, type Outcome } from '../core/errors.ts';
import { internalMeaning } from '../core/wire/error-body.ts';
import type { MessageKey, Params, Translate } from '../i18n/translate.ts';
import { afterSentence, inParentheses } from '../output/colon.ts';
import { safeJson, safeText } from '../output/safe-text.ts';
import { shellQuote } from '../output/shell.ts';
import { exitCodes } from './exit-codes.ts';

export interface ErrorText {
  readonly message: string;
  readonly hint: string;
  readonly next: string | undefined;
}

/**
 * What failed, WeChat's own words, what to do, Request-ID. Every foreign string is made visible instead of obeyed.
 *
 * @param wrap breaks a text into lines of at most so many columns, where a person looks at a terminal; a command to type is
 *   never broken, since it is there to be copied
 */
export function renderError(error: WxpayError, t: Translate, { where = [], wrap }: ErrorLayout = {}): string {
  const { message, hint, next } = errorText(error, t, where);
  const lines = [message];
  if (error.wechat !== undefined) {
    const { code, message: said } = error.wechat;
    const words = t('cli.error.wechat', { code: safeText(code), message: safeText(said) });
    lines.push(error.unsigned ? afterSentence(words, t('cli.error.unsigned')) : words);
  } else if (error.unsigned) lines.push(t('cli.error.unsigned'));
  lines.push(hint);
  let commandAt: number | undefined;
  const command = next === undefined ? undefined : t('cli.error.next', { command: safeText(next) });
  if (command !== undefined && (wrap === undefined || wrap(`  ${afterSentence(hint, command)}`, 0).length === 1))
    lines.push(afterSentence(lines.pop() ?? '', command));
  else if (command !== undefined) commandAt = lines.push(command) - 1;
  if (error.requestId !== undefined) lines.push(`Request-ID: ${requestIdText(error.requestId, t)}`);
  const shown = lines.flatMap((line, index) => {
    const indent = index === 0 ? 0 : 2;
    const parts = wrap === undefined || index === commandAt ? [line] : wrap(line, indent);
    return parts.map((part, at) => ' '.repeat(indent === 0 && at > 0 ? 2 : indent) + part);
  });
  return `${shown.join('\n')}\n`;
}

export interface ErrorLayout {
  /** Flags that the next command needs in order to ask the same merchant: `--profile shop` */
  readonly where?: readonly string[];
  /** Lines of the text that leave room for so many columns before them. */
  readonly wrap?: ((text: string, indent: number) => readonly string[]) | undefined;
}

/** How texts are broken on a terminal; `undefined` anywhere else, where lines stay whole for those who search them. */
export async function wrapFor(stream: {
  readonly isTTY?: boolean;
  readonly columns?: number;
}): Promise<ErrorLayout['wrap']> {
  if (stream.isTTY !== true) return undefined;
  const { loadWidths } = await import('../output/width.ts');
  const { wrap } = await loadWidths();
  const columns = stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns;
  return (text, indent) => wrap(text, columns - indent);
}

/** The last line of stderr with `-o json`; its fields are an interface (DESIGN section 3). */
export function errorDocument(
  error: WxpayError,
  t: Translate,
  exitCode: number = exitCodes[error.category],
  where: readonly string[] = [],
): string {
  const { message, hint, next } = errorText(error, t, where);
  return document({
    code: error.code,
    message,
    hint,
    request_id: error.requestId ?? null,
    http_status: error.httpStatus ?? null,
    outcome: error.outcome,
    exit_code: exitCode,
    wechat:
      error.wechat === undefined
        ? null
        : { code: error.wechat.code, message: error.wechat.message, detail: error.wechat.detail ?? null },
    unsigned: error.unsigned,
    next: next ?? null,
  });
}

/** The same line for a command that a signal ended before it knew more. */
export function interruptedDocument(t: Translate, exitCode: number, outcome: Outcome): string {
  return document({
    code: 'INTERRUPTED',
    message: t('cli.error.interrupted'),
    hint: '',
    request_id: null,
    http_status: null,
    outcome,
    exit_code: exitCode,
    wechat: null,
    unsigned: false,
    next: null,
  });
}

/** stderr may be a terminal, also when a program reads stdout. */
function document(error: Readonly<Record<string, unknown>>): string {
  return safeJson({ error }, { tty: true, indent: 0 });
}

/** @param where flags that the next command needs in order to ask the same merchant: `--profile shop` */
export function errorText(error: WxpayError, t: Translate, where: readonly string[] = []): ErrorText {
  const params = translateParams(error, t);
  const hintKey = (error.hint ?? `hint.${error.code}`) as MessageKey;
  return {
    message: t(`error.${error.code}`, params),
    hint: t(hintKey, params),
    next: error.next === undefined ? undefined : ['wxpay', ...error.next, ...where].map(shellQuote).join(' '),
  };
}

/** What the number behind a Request-ID means, where it is documented (protocol 8.4). */
function requestIdText(requestId: string, t: Translate): string {
  const meaning = internalMeaning(requestId);
  if (meaning === undefined) return safeText(requestId);
  const text = t(`sign.internal.${meaning}`);
  return inParentheses(safeText(requestId), text, text);
}

/**
 * A `reason` that is the operating system's (`ENOENT`, or with its English words behind) is said in the user's language. A
 * param `key:reason.too_long` or `kind:private-key` names another message, `key:error.<CODE>` the message of the cause;
 * everything else is data and is escaped.
 */
export function translateParams({ params, cause }: WxpayError, t: Translate): Params {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) texts[name] = safeText(String(value));
  for (const [name, value] of Object.entries(params)) {
    const system = /^(E[A-Z]+)(?::|$)/.exec(String(value))?.[1];
    if (name === 'reason' && system !== undefined) {
      const said = t(`system.${system}` as MessageKey);
      if (!said.startsWith('system.')) texts[name] = said;
    }
    const reference = /^(?:key:([A-Za-z0-9_.]+)|(kind):([a-z0-9_-]+))$/.exec(String(value));
    if (reference === null) continue;
    const key = (reference[1] ?? `kind.${reference[3] ?? ''}`) as MessageKey;
    const isCause = cause instanceof WxpayError && key === `error.${cause.code}`;
    const text = isCause ? errorText(cause, t).message : t(key, texts);
    // The value may have come over the network and only look like a reference.
    if (text !== key) texts[name] = text;
  }
  return texts;
}
