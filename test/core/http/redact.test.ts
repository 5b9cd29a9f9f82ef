import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { logged, traced, type TraceEvent } from '../../../src/core/http/logged.ts';
import { createRedactor, redactHeader, redactTarget } from '../../../src/core/http/redact.ts';
import { get, post } from './loopback.ts';
import { fakeClock } from './merchant.ts';

const apiKey = 'Canary0123456789abcdefghijkLMNOP';
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const redact = createRedactor([apiKey, pem, 'p@ss/w ord+1', 'short']);
const pemBody = pem
  .split('\n')
  .filter((line) => !line.startsWith('---'))
  .join('');

test.each([
  ['as it is', apiKey],
  ['inside JSON', JSON.stringify({ key: apiKey })],
  ['base64', Buffer.from(apiKey).toString('base64')],
  ['base64url', Buffer.from(apiKey).toString('base64url')],
  ['hex', Buffer.from(apiKey).toString('hex')],
  ['upper hex', Buffer.from(apiKey).toString('hex').toUpperCase()],
  ['a whole PEM', pem],
  ['a PEM in JSON', JSON.stringify({ pem })],
  ['a PEM on one line', pemBody],
  ['one line of a PEM', pem.split('\n')[3] ?? ''],
])('E2: a secret %s is taken out', (_what, text) => {
  const shown = redact(`before ${text} after`);
  expect(shown).toContain('[redacted]');
  expect(shown.startsWith('before ')).toBe(true);
  for (const canary of [apiKey, ...pem.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-'))]) {
    for (const form of [
      canary,
      Buffer.from(canary).toString('base64').slice(0, 40),
      Buffer.from(canary).toString('hex'),
    ]) {
      expect(shown).not.toContain(form);
    }
  }
});

test('E2: a percent-encoded secret is taken out, and text without secrets is left alone', () => {
  expect(redact(`x=${encodeURIComponent('p@ss/w ord+1')}`)).toBe('x=[redacted]');
  expect(redact('a short text')).toBe('a short text');
  expect(createRedactor([])('anything')).toBe('anything');
});

test('headers are shown by allow-list, Authorization without its signature', () => {
  const authorization =
    'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="N",signature="AbC+/=",timestamp="1",serial_no="S"';
  expect(redactHeader('Authorization', authorization, redact)).toBe(
    'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="N",signature="[redacted]",timestamp="1",serial_no="S"',
  );
  expect(redactHeader('authorization', 'Bearer abcdef', redact)).toBe('[redacted]');
  expect(redactHeader('Wechatpay-Signature', 'AbC', redact)).toBe('[redacted]');
  expect(redactHeader('set-cookie', 'a=b', redact)).toBe('[redacted]');
  expect(redactHeader('Proxy-Authorization', 'Basic x', redact)).toBe('[redacted]');
  expect(redactHeader('Wechatpay-Serial', '40AB', redact)).toBe('40AB');
  expect(redactHeader('request-id', `R ${apiKey}`, redact)).toBe('R [redacted]');
});

test('a bill token is taken out of a target', () => {
  expect(redactTarget('/v3/billdownload/file?token=abc123&x=1', redact)).toBe(
    '/v3/billdownload/file?token=[redacted]&x=1',
  );
});

test('E2: the trace of a call and its tries holds no secret, whatever the server echoes', async () => {
  const events: TraceEvent[] = [];
  const options = { clock: fakeClock(), redact, onEvent: (event: TraceEvent) => void events.push(event) };
  const inner = traced(
    async () => ({
      status: 200,
      headers: { 'x-echo': [apiKey], 'content-type': ['application/json'], 'wechatpay-signature': ['sig'] },
      body: Buffer.from(
        JSON.stringify({ echo: apiKey, url: 'https://h/f?token=tok123&a=1', filler: 'x'.repeat(70_000) }),
      ),
      trust: 'unchecked',
      host: 'h',
      attempts: 1,
    }),
    'h',
    options,
  );
  const request = post({ body: Buffer.from(pem), headers: { authorization: 'WECHATPAY2-X signature="abc"' } });
  await logged(inner, options)(request);
  const text = JSON.stringify(events);
  for (const canary of [apiKey, pemBody.slice(0, 64), 'tok123', '"sig"', 'abc\\"']) expect(text).not.toContain(canary);
  expect(events.map((event) => event.kind)).toEqual(['call', 'request', 'response', 'settled']);
  expect(text.length).toBeLessThan(70_000);
});

test('failures are traced with their code and outcome', async () => {
  const events: TraceEvent[] = [];
  const options = { clock: fakeClock(), redact, onEvent: (event: TraceEvent) => void events.push(event) };
  const failing = logged(
    traced(
      async () => {
        throw new WxpayError('NETWORK_CUT', { outcome: 'unknown', params: { attempts: 3 } });
      },
      'h',
      options,
    ),
    options,
  );
  await expect(failing(get())).rejects.toThrow('NETWORK_CUT');
  expect(events.slice(2)).toMatchObject([
    { kind: 'failure', code: 'NETWORK_CUT', outcome: 'unknown' },
    { kind: 'settled', result: 'NETWORK_CUT', attempts: 3 },
  ]);
});
