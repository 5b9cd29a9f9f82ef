import { describe, expect, test } from 'vitest';
import { traceText } from '../../src/cli/trace.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';

const t = await loadTranslate('en');

describe('the trace', () => {
  const request = {
    kind: 'request',
    host: 'h',
    method: 'POST',
    target: '/v3/x',
    headers: [['accept', 'application/json']],
    body: '{"a":"中"}',
  } as const;

  test('shows a request and an answer whole with --debug', () => {
    expect(traceText(request, true, t)).toBe('> POST /v3/x (h)\n> accept: application/json\n>\n> {"a":"中"}\n');
    const response = { kind: 'response', host: 'h', status: 200, headers: [], body: '', milliseconds: 3 } as const;
    expect(traceText(response, true, t)).toBe('< HTTP 200 (h, 3 ms)\n');
    const failure = { kind: 'failure', code: 'NETWORK_CUT', outcome: 'unknown', milliseconds: 3 } as const;
    expect(traceText(failure, true, t)).toBe('< NETWORK_CUT unknown (3 ms)\n');
  });

  test('is one line a call, and one a repetition, with --verbose', () => {
    expect(traceText(request, false, t)).toBe('');
    expect(traceText({ kind: 'call', method: 'GET', target: '/', effect: 'read' }, false, t)).toBe('');
    const settled = { kind: 'settled', result: 'HTTP 200', trust: 'verified', attempts: 2, milliseconds: 9 } as const;
    expect(traceText(settled, false, t)).toBe('* HTTP 200 verified ×2 (9 ms)\n');
    const retry = { kind: 'retry', attempt: 1, delayMs: 1500, reason: 'HTTP 503', switched: false } as const;
    expect(traceText(retry, false, t)).toMatch(/^[^\n]*HTTP 503[^\n]*1\.5 s[^\n]*\n$/);
  });

  test('A1: obeys nothing that came over the wire', () => {
    const nasty = 'x\u001b[2J\u202e\u009b31m\r\nINJECTED: 1';
    const text = traceText({ ...request, target: nasty, headers: [[nasty, nasty]], body: `${nasty}\nsecond` }, true, t);
    expect(text).not.toMatch(/[\u001b\u202e\u009b\r]/);
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^>/);
  });
});
