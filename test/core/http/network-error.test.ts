import { expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { networkError, outcomeOf, type Wire } from '../../../src/core/http/network-error.ts';

const wire = (change: Partial<Wire> = {}): Wire => ({
  host: 'h',
  secure: true,
  started: false,
  harmless: false,
  ...change,
});
const coded = (code: string, message = code, facts: object = {}): Error =>
  Object.assign(new Error(message), { code, ...facts });

test.each([
  [true, true, 'no_effect'],
  [true, false, 'no_effect'],
  [false, false, 'not_sent'],
  [false, true, 'unknown'],
] as const)('harmless %s, begun %s: %s', (harmless, started, outcome) => {
  expect(outcomeOf(wire({ harmless, started }))).toBe(outcome);
});

test.each([
  ['ENOTFOUND', 'NETWORK_DNS', 'NETWORK_CUT'],
  ['EAI_AGAIN', 'NETWORK_DNS', 'NETWORK_CUT'],
  ['ESERVFAIL', 'NETWORK_DNS', 'NETWORK_CUT'],
  ['ECONNREFUSED', 'NETWORK_REFUSED', 'NETWORK_CUT'],
  ['EHOSTUNREACH', 'NETWORK_REFUSED', 'NETWORK_CUT'],
  ['ENETDOWN', 'NETWORK_REFUSED', 'NETWORK_CUT'],
  ['ETIMEDOUT', 'NETWORK_TIMEOUT', 'NETWORK_TIMEOUT'],
  ['UND_ERR_CONNECT_TIMEOUT', 'NETWORK_TIMEOUT', 'NETWORK_TIMEOUT'],
  ['UND_ERR_HEADERS_TIMEOUT', 'NETWORK_TIMEOUT', 'NETWORK_TIMEOUT'],
  ['CERT_HAS_EXPIRED', 'NETWORK_TLS', 'NETWORK_TLS'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NETWORK_TLS', 'NETWORK_TLS'],
  ['EPROTO', 'NETWORK_TLS', 'NETWORK_TLS'],
  ['ECONNRESET', 'NETWORK_TLS', 'NETWORK_CUT'],
  ['UND_ERR_SOCKET', 'NETWORK_TLS', 'NETWORK_CUT'],
])('%s is %s before the request began, and %s after', (code, before, after) => {
  expect(networkError(coded(code), wire(), 5)).toMatchObject({ code: before, outcome: 'not_sent' });
  expect(networkError(coded(code), wire({ started: true }), 5)).toMatchObject({ code: after, outcome: 'unknown' });
});

test('cut off while connecting without TLS there is nobody to dislike a handshake', () => {
  expect(networkError(coded('ECONNRESET'), wire({ secure: false }), 5)).toMatchObject({
    code: 'NETWORK_REFUSED',
    outcome: 'not_sent',
    params: { host: 'h' },
  });
});

test.each([
  ['127.0.0.1:8080', '8080'],
  ['localhost:9', '9'],
  ['[::1]:18461', '18461'],
])('nobody at %s is an emulator that does not run, and its port is named', (host, port) => {
  expect(networkError(coded('ECONNREFUSED'), { ...wire(), host }, 5)).toMatchObject({
    code: 'NETWORK_REFUSED',
    hint: 'cli.hint.emulator_down',
    params: { host, port },
  });
});

test.each(['api.mch.weixin.qq.com', '192.0.2.1:8080', '127.0.0.1.example.com:80'])(
  'nobody at %s is no emulator',
  (host) => {
    expect(networkError(coded('ECONNREFUSED'), { ...wire(), host }, 5).hint).toBeUndefined();
  },
);

test('a time-out names its deadline', () => {
  expect(networkError(coded('ETIMEDOUT'), wire(), 0.25)).toMatchObject({ params: { host: 'h', seconds: 0.25 } });
});

test('the code is found in the cause and in the first of several attempts; the outer one counts before', () => {
  const inner = coded('CERT_HAS_EXPIRED');
  for (const error of [
    coded('UND_ERR_SOCKET', 'other side closed', { cause: inner }),
    Object.assign(new Error('fetch failed'), { cause: coded('UND_ERR_SOCKET', 'x', { cause: inner }) }),
    Object.assign(new Error('two families'), { errors: [inner, coded('ECONNREFUSED')] }),
    coded('', 'empty', { cause: inner }),
    Object.assign(new Error('no attempts'), { errors: [], cause: inner }),
  ])
    expect(networkError(error, wire(), 5)).toMatchObject({ code: 'NETWORK_TLS' });
  expect(networkError(coded('ENOTFOUND', 'x', { cause: inner }), wire(), 5)).toMatchObject({ code: 'NETWORK_DNS' });
});

test.each<[unknown, string]>([
  [coded('ECONNRESET', 'socket hang up'), 'ECONNRESET: socket hang up'],
  [coded('ECONNRESET', 'read ECONNRESET'), 'read ECONNRESET'],
  [new Error('odd\nsecond line'), 'odd'],
  [Object.assign(new Error('odd'), { code: 7, cause: 'text' }), 'odd'],
  [coded('UND_ERR_SOCKET', 'other side closed'), 'UND_ERR_SOCKET: other side closed'],
  ['thrown as text', 'thrown as text'],
  [null, 'null'],
  [new Error('0012AB:error:0A000438:SSL routines::tlsv1 alert\n'), 'SSL routines::tlsv1 alert'],
  [new Error('x'.repeat(300)), 'x'.repeat(160)],
])('the reason is short and on one line: %#', (error, reason) => {
  expect(networkError(error, wire({ started: true }), 5)).toMatchObject({
    code: 'NETWORK_CUT',
    params: { host: 'h', reason },
  });
});

test('an error of ours keeps what it says, and learns how far it came', () => {
  const ours = new WxpayError('NETWORK_PROXY', { params: { proxy: 'p' } });
  expect(networkError(ours, wire({ started: true }), 5)).toMatchObject({
    code: 'NETWORK_PROXY',
    params: { proxy: 'p' },
    outcome: 'unknown',
  });
});
