import { expect, test } from 'vitest';
import { WxpayError, type ErrorCode } from '../../../src/core/errors.ts';
import { exitCodes } from '../../../src/cli/exit-codes.ts';
import {
  cellFor,
  outcomeTable,
  settle,
  type EffectRow,
  type StatusColumn,
  type TrustRow,
} from '../../../src/core/http/outcome.ts';
import { retried } from '../../../src/core/http/retried.ts';
import { signed } from '../../../src/core/http/signed.ts';
import { verified } from '../../../src/core/http/verified.ts';
import type { ApiRequest, ApiResponse, Headers, Transport } from '../../../src/core/ports.ts';
import { get, post } from './loopback.ts';
import { answerHeaders, fakeClock, foreignPrivateKey, keyRing, signer } from './merchant.ts';

const effects = Object.keys(outcomeTable) as EffectRow[];
const trusts: TrustRow[] = ['signed', 'unsigned', 'unverifiable'];
const columns: StatusColumn[] = ['2xx', '400', '401', '403', '404', '429', '5xx', 'cut', 'not_sent'];
const statuses: Record<string, number[]> = { '2xx': [200, 202, 204], '5xx': [500, 502, 503, 408] };

const cells = effects.flatMap((effect) =>
  trusts.flatMap((trust) =>
    columns.flatMap((column) =>
      (statuses[column] ?? [Number(column)]).map((status) => [effect, trust, column, status] as const),
    ),
  ),
);

function request(effect: EffectRow | 'write'): ApiRequest {
  return effect === 'read' ? get({ target: '/v3/a/no-1?m=1' }) : post({ effect, target: '/v3/a/no-1/close' });
}

/** The real layers over a sender that answers, or breaks, as told. */
function transportFor(send: Transport): Transport {
  const clock = fakeClock();
  const layers = signed(send, {
    signer,
    clock,
    nonce: () => 'N',
    keyRing,
    userAgent: 'test',
    acceptLanguage: 'en',
  });
  return retried(verified(layers, { keyRing, clock }), { clock, random: () => 0, retries: 1 });
}

function answer(
  status: number,
  trust: TrustRow,
  body = status < 300 ? '{"a":1}' : '{"code":"X","message":"y"}',
): ApiResponse {
  const bytes = status === 204 ? Buffer.alloc(0) : Buffer.from(body);
  const now = fakeClock().now();
  const headers: Headers =
    trust === 'unsigned' ? {} : answerHeaders(bytes, now, trust === 'signed' ? {} : { key: foreignPrivateKey });
  return { status, headers, body: bytes, trust: 'unchecked', host: 'h', requestId: 'R-9' };
}

async function settled(effect: EffectRow | 'write', send: Transport): Promise<ApiResponse | WxpayError> {
  const call = request(effect);
  try {
    return await settle(call, () => transportFor(send)(call));
  } catch (error) {
    if (error instanceof WxpayError) return error;
    throw error;
  }
}

test.each(cells)('R18: %s, %s, %s (%i) settles as the table says', async (effect, trust, column, status) => {
  // A 404 is about the number only where its code says so.
  const wechat = { code: status === 404 ? 'RESOURCE_NOT_EXISTS' : 'X', message: 'y' };
  const body = JSON.stringify(wechat);
  const result = await settled(effect, async () => {
    if (column === 'cut' || column === 'not_sent') {
      const lost = column === 'cut' ? 'unknown' : 'not_sent';
      const code = column === 'cut' ? 'NETWORK_CUT' : 'NETWORK_REFUSED';
      throw new WxpayError(code, { outcome: effect === 'read' ? 'no_effect' : lost });
    }
    return answer(status, trust, body);
  });
  const cell = cellFor(effect, trust, column === 'cut' || column === 'not_sent' ? column : status);
  expect(cell).toBe(outcomeTable[effect][trust][column]);
  // A read cannot tell "not sent" from "cut": neither did anything.
  const code = effect === 'read' && column === 'cut' ? 'NETWORK_CUT' : cell.code;
  if (code === 'ok') {
    expect(result).toMatchObject({ status, trust: 'verified' });
    return;
  }
  expect(result).toMatchObject({ code, outcome: cell.outcome });
  const error = result as WxpayError;
  if (column !== 'cut' && column !== 'not_sent') {
    expect(error).toMatchObject({ httpStatus: status, requestId: 'R-9' });
    if (trust !== 'unverifiable' && status >= 300) {
      expect(error.wechat).toEqual(wechat);
      expect(error.unsigned).toBe(trust === 'unsigned');
    }
  }
});

test('R18: nothing unsigned, unverifiable or lost is ever a success, and a write of any kind is as strict as a refund', async () => {
  for (const [effect, trust, column, status] of cells) {
    if (column === 'cut' || column === 'not_sent') continue;
    const isOk = cellFor(effect, trust, status).code === 'ok';
    expect(isOk).toBe(trust === 'signed' && column === '2xx');
    expect(cellFor('write', trust, status)).toBe(cellFor('refund', trust, status));
  }
});

test('every open outcome of a write is exit 8 and asks before anything is repeated', () => {
  for (const [effect, trust, column] of cells) {
    const cell = outcomeTable[effect][trust][column];
    if (cell.code !== 'OUTCOME_UNKNOWN') continue;
    expect(effect).not.toBe('read');
    expect([cell.outcome, cell.next, exitCodes.unknown_outcome]).toEqual(['unknown', 'query', 8]);
  }
});

test('every way to fail verification leaves a write open and refuses a read, with its reason', async () => {
  const body = Buffer.from('{}');
  const now = fakeClock().now();
  const bad: [ErrorCode, Headers][] = [
    ['SIGNATURE_MISSING', {}],
    ['SIGNATURE_WRONG', answerHeaders(body, now, { key: foreignPrivateKey })],
    ['SIGNATURE_STALE', answerHeaders(body, now, { timestamp: 1_800_000_000 })],
    ['SIGNATURE_SERIAL_UNKNOWN', answerHeaders(body, now, { serial: 'A'.repeat(40) })],
    ['SIGNATURE_PROBE', answerHeaders(body, now, { signature: 'WECHATPAY/SIGNTEST/xxxx' })],
  ];
  for (const [code, headers] of bad) {
    const send: Transport = async () => ({ status: 200, headers, body, trust: 'unchecked', host: 'h' });
    expect(await settled('read', send)).toMatchObject({ code, outcome: 'no_effect' });
    for (const effect of ['prepay', 'close', 'refund', 'write'] as const) {
      expect(await settled(effect, send)).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        outcome: 'unknown',
        params: { reason: `key:error.${code}` },
        cause: { code },
      });
    }
  }
});

test.each<[EffectRow, number, string, ErrorCode, string]>([
  ['close', 400, 'ORDERPAID', 'ORDER_PAID', 'rejected'],
  ['close', 400, 'ORDER_PAID', 'ORDER_PAID', 'rejected'],
  ['prepay', 400, 'ORDER_CLOSED', 'ORDER_CLOSED', 'rejected'],
  ['prepay', 400, 'ORDERCLOSED', 'ORDER_CLOSED', 'rejected'],
  ['prepay', 403, 'NO_AUTH', 'CREDENTIALS_REFUSED', 'rejected'],
  ['read', 403, 'NOAUTH', 'CREDENTIALS_REFUSED', 'no_effect'],
  ['refund', 403, 'NOT_ENOUGH', 'API_REFUSED', 'rejected'],
  ['read', 404, 'ORDER_NOT_EXIST', 'NOT_FOUND', 'no_effect'],
  ['refund', 404, 'RESOURCE_NOT_EXISTS', 'NOT_FOUND', 'rejected'],
  ['read', 404, 'ORDERNOTEXIST', 'NOT_FOUND', 'no_effect'],
  ['read', 404, 'NOT_FOUND', 'NOT_FOUND', 'no_effect'],
  // Not every 404 is about the number that was asked for.
  ['read', 404, 'INVALID_REQUEST', 'API_REFUSED', 'no_effect'],
  ['read', 404, 'SOMETHING_NEW', 'API_REFUSED', 'no_effect'],
  ['refund', 404, 'MCH_NOT_EXISTS', 'API_REFUSED', 'rejected'],
  ['read', 400, 'MCH_NOT_EXISTS', 'API_REFUSED', 'no_effect'],
  ['read', 401, 'SIGN_ERROR', 'CREDENTIALS_REFUSED', 'no_effect'],
  ['read', 403, 'FREQUENCY_LIMITED', 'THROTTLED', 'no_effect'],
  ['refund', 403, 'FREQUENCY_LIMITED', 'OUTCOME_UNKNOWN', 'unknown'],
  ['refund', 429, 'FREQUENCY_LIMITED', 'OUTCOME_UNKNOWN', 'unknown'],
  ['prepay', 429, 'RATELIMIT_EXCEEDED', 'THROTTLED', 'rejected'],
  ['refund', 400, 'SYSTEM_ERROR', 'OUTCOME_UNKNOWN', 'unknown'],
  ['refund', 500, 'SYSTEM_ERROR', 'OUTCOME_UNKNOWN', 'unknown'],
  ['prepay', 500, 'ORDERPAID', 'SERVER_ERROR', 'unknown'],
])('%s answered %i %s is %s', async (effect, status, wechat, code, outcome) => {
  const body = JSON.stringify({ code: wechat, message: '中文' });
  for (const trust of ['signed', 'unsigned'] as const) {
    const result = await settled(effect, async () => answer(status, trust, body));
    expect(result).toMatchObject({ code, outcome, wechat: { code: wechat, message: '中文' } });
  }
});

test.each(['', '<html>', 'null', '[]', '{"code":1}', '{"code":""}', '\u{feff}{}', '['.repeat(200_000)])(
  'H3: a refusal with the body %# is settled by its status',
  async (body) => {
    const result = await settled('read', async () => answer(404, 'unsigned', body));
    expect(result).toMatchObject({ code: 'NOT_FOUND', wechat: undefined, unsigned: true });
  },
);

test('messages name the number that was asked for, and how often', async () => {
  const result = await settled('read', async () => answer(404, 'signed'));
  expect(result).toMatchObject({ params: { what: 'no-1', out_trade_no: 'no-1', status: 404, attempts: 1 } });
  const close = await settled('close', async () => answer(500, 'signed'));
  expect(close).toMatchObject({ code: 'SERVER_ERROR', params: { what: 'no-1', status: 500, attempts: 2 } });
});

test('files and certificates are returned unchecked, and refused like anything else', async () => {
  for (const kind of ['file', 'certificates'] as const) {
    const call = get({ answer: kind });
    const good = answer(200, 'unsigned');
    expect(await settle(call, async () => transportFor(async () => good)(call))).toMatchObject({ trust: 'unchecked' });
    const refused = settle(call, async () => transportFor(async () => answer(403, 'unsigned'))(call));
    await expect(refused).rejects.toMatchObject({ code: 'API_REFUSED' });
  }
});

test('an APIv2 answer is returned unchecked, since it proves itself inside', async () => {
  const call = get({ answer: 'v2' });
  const good = answer(200, 'unsigned', '<xml/>');
  expect(await settle(call, async () => transportFor(async () => good)(call))).toMatchObject({ trust: 'unchecked' });
  // Nothing else is: an answer that nobody has checked is no success.
  for (const kind of [get(), get({ answer: 'signed' })])
    await expect(settle(kind, async () => good)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
});

test('a verification failure of a throttled or broken server keeps its status, Request-ID and tries', async () => {
  for (const [status, code] of [
    [429, 'THROTTLED'],
    [503, 'SERVER_ERROR'],
  ] as const) {
    const facts = { httpStatus: status, requestId: 'R-9', params: { attempts: 3 } };
    const failure = new WxpayError('SIGNATURE_WRONG', facts);
    await expect(settle(request('read'), async () => Promise.reject(failure))).rejects.toMatchObject({
      code,
      httpStatus: status,
      requestId: 'R-9',
      params: { status, attempts: 3 },
      cause: failure,
    });
    const silent = new WxpayError('SIGNATURE_WRONG', { httpStatus: status });
    await expect(settle(request('read'), async () => Promise.reject(silent))).rejects.toMatchObject({
      code,
      params: { status, attempts: 1 },
    });
  }
});

test('a verification failure without a status is that of an answer that said success', async () => {
  const failure = new WxpayError('SIGNATURE_WRONG');
  await expect(settle(request('read'), async () => Promise.reject(failure))).rejects.toMatchObject({
    code: 'SIGNATURE_WRONG',
    outcome: 'no_effect',
  });
  await expect(settle(request('prepay'), async () => Promise.reject(failure))).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    outcome: 'unknown',
  });
});

test('something thrown behind a write that is no error at all leaves its outcome unknown, too', async () => {
  await expect(settle(request('refund'), async () => Promise.reject('text'))).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    params: { reason: 'error' },
    cause: 'text',
  });
});

test('errors from before the request pass unchanged, and so does a bug behind a read', async () => {
  const config = new WxpayError('CREDENTIAL_MISSING', { params: { field: 'x', variable: 'y' } });
  await expect(settle(request('refund'), async () => Promise.reject(config))).rejects.toBe(config);
  const bug = new TypeError('bug');
  await expect(settle(request('read'), async () => Promise.reject(bug))).rejects.toBe(bug);
});

test.each(['prepay', 'close', 'refund', 'write'] as const)(
  'a bug behind a %s leaves its outcome unknown: its bytes may have left',
  async (effect) => {
    const bug = new TypeError('canary');
    const failure = await settle(request(effect), async () => Promise.reject(bug)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', cause: bug });
    expect((failure as WxpayError).params).toEqual({ reason: 'TypeError' });
  },
);

test("the caller's own abort reason passes as it is: the transport passes it on only where nothing was sent", async () => {
  const stop = new Error('Ctrl-C');
  const call = { ...request('prepay'), signal: AbortSignal.abort(stop) };
  await expect(settle(call, async () => Promise.reject(stop))).rejects.toBe(stop);
});

test.each([
  [301, 'ahead'],
  [-301, 'behind'],
  [300, undefined],
  [-300, undefined],
  [undefined, undefined],
])('a refused signature while the clock is %s seconds ahead: the hint says %s', async (clockAhead, side) => {
  const refused = await settled('read', async () => ({
    ...answer(401, 'unsigned'),
    ...(clockAhead === undefined ? {} : { clockAhead }),
  }));
  expect(refused).toMatchObject({
    code: 'CREDENTIALS_REFUSED',
    hint: side === undefined ? undefined : 'cli.hint.clock',
  });
  if (side === undefined) expect((refused as WxpayError).params).not.toHaveProperty('seconds');
  else expect(refused).toMatchObject({ params: { seconds: 301, direction: `key:cli.clock.${side}` } });
});

test('a clock that is off changes no other refusal', async () => {
  const refused = await settled('read', async () => ({ ...answer(400, 'unsigned'), clockAhead: 400 }));
  expect(refused).toMatchObject({ code: 'API_REFUSED', hint: undefined });
});
