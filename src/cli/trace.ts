/** The HTTP trace as lines on stderr: one per request with `--verbose`, everything (redacted) with `--debug`. */
import type { TraceEvent } from '../core/http/logged.ts';
import type { Translate } from '../i18n/translate.ts';
import { safeMultiline, safeText } from '../output/safe-text.ts';

export function traceText(event: TraceEvent, whole: boolean, t: Translate): string {
  switch (event.kind) {
    case 'call':
      return '';
    case 'request':
      return whole ? block('>', `${event.method} ${event.target} (${event.host})`, event.headers, event.body) : '';
    case 'response':
      return whole
        ? block('<', `HTTP ${event.status} (${event.host}, ${event.milliseconds} ms)`, event.headers, event.body)
        : '';
    case 'failure':
      return whole ? `< ${safeText(event.code)} ${event.outcome} (${event.milliseconds} ms)\n` : '';
    case 'retry':
      return `${t('cli.retry.note', { attempt: event.attempt, reason: safeText(event.reason), seconds: (event.delayMs / 1000).toFixed(1) })}\n`;
    case 'settled':
      return `* ${safeText(event.result)} ${event.trust} ×${event.attempts} (${event.milliseconds} ms)\n`;
  }
}

function block(mark: string, first: string, headers: readonly (readonly [string, string])[], body: string): string {
  const lines = [safeText(first), ...headers.map(([name, value]) => `${safeText(name)}: ${safeText(value)}`)];
  if (body !== '') lines.push('', ...safeMultiline(body).split('\n'));
  return `${lines.map((line) => `${mark} ${line}`.trimEnd()).join('\n')}\n`;
}
