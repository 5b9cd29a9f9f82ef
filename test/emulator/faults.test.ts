import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openFaults } from '../../src/emulator/faults.ts';
import type { FaultInput } from '../../src/emulator/faults.ts';
import { holds, platformKey } from './raw-client.ts';
import type { RawAnswer } from './raw-client.ts';
import { openSibling, openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';
import { until } from '../helpers/timing.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => {
  stage.emulator.faults.clear();
});
afterAll(async () => stage.end());

const native = '/v3/pay/transactions/native';
const state = async (number: string): Promise<string | undefined> => {
  const answer = await stage.client.call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=1900000001`);
  return (answer.json as Record<string, string>)['trade_state'] ?? answer.json.code;
};

/** Places an order under a fault, and with `hangUp` leaves once the fault has struck: what came back, and the order's number. */
async function place(
  fault: FaultInput,
  { hangUp = false } = {},
): Promise<{ answer: RawAnswer | Error; number: string }> {
  stage.emulator.faults.add(fault);
  const body = orderBody(stage, 'native');
  const leaving = new AbortController();
  const call = stage.client
    .call('POST', native, body, { signal: leaving.signal })
    .catch((error: unknown) => error as Error);
  if (hangUp) {
    await struck();
    leaving.abort();
  }
  return { answer: await call, number: body['out_trade_no'] as string };
}

/** Waits until every fault has struck. */
async function struck(): Promise<void> {
  await until(() => stage.emulator.faults.list().length === 0);
}

const acted = 'NOTPAY';
const nothing = 'ORDER_NOT_EXIST';

describe('status', () => {
  test.each([
    [{ kind: 'status', status: 429, retry_after: 3 }, 429, 'FREQUENCY_LIMITED', nothing],
    [{ kind: 'status', status: 500 }, 500, 'SYSTEM_ERROR', nothing],
    [{ kind: 'status', status: 500, when: 'after' }, 500, 'SYSTEM_ERROR', acted],
    [{ kind: 'status', status: 502, when: 'before' }, 502, 'SERVICE_UNAVAILABLE', nothing],
  ] as const)('%j', async (fault, status, code, after) => {
    const { answer, number } = await place(fault);
    expect(answer).toMatchObject({ status, json: { code } });
    const { headers, text } = answer as RawAnswer;
    expect(holds(headers, text, platformKey(stage.emulator.info))).toBe(true);
    expect(headers['retry-after']).toEqual(status === 429 ? ['3'] : undefined);
    expect(await state(number)).toBe(after);
  });
});

test('latency delays the answer', async () => {
  const begin = performance.now();
  const { answer } = await place({ kind: 'latency', ms: 80 });
  expect(answer).toMatchObject({ status: 200 });
  expect(performance.now() - begin).toBeGreaterThan(75);
});

describe('stall', () => {
  test.each([
    ['before', nothing],
    ['after', acted],
  ] as const)('%s: no answer ever', async (when, after) => {
    const { answer, number } = await place({ kind: 'stall', when }, { hangUp: true });
    expect(answer).toBeInstanceOf(Error);
    expect(await state(number)).toBe(after);
  });
});

describe('cut', () => {
  test.each([
    [{ kind: 'cut', when: 'before' }, nothing],
    [{ kind: 'cut', when: 'after' }, acted],
    [{ kind: 'cut', when: 'after', bytes: 9 }, acted],
    [{ kind: 'cut', when: 'after', bytes: 400 }, acted],
  ] as const)('%j', async (fault, after) => {
    const { answer, number } = await place(fault);
    expect(answer).toBeInstanceOf(Error);
    expect(await state(number)).toBe(after);
  });
});

test('truncate declares more than it sends', async () => {
  const { answer, number } = await place({ kind: 'truncate', bytes: 5 });
  expect(answer).toMatchObject({ code: 'ECONNRESET' });
  expect(await state(number)).toBe(acted);
  stage.emulator.faults.add({ kind: 'truncate', bytes: 5 });
  // On the wire: the whole length announced, five bytes of it there.
  const raw = await rawGet('/v3/certificates');
  const [head = '', body = ''] = raw.split('\r\n\r\n');
  expect(Number(/content-length: (\d+)/i.exec(head)![1])).toBeGreaterThan(1000);
  expect(body).toHaveLength(5);
});

/** Sends an honest request over a bare socket and returns everything until the other side closes. */
async function rawGet(target: string): Promise<string> {
  let authorization = '';
  await stage.client.call('GET', '/v3/unknown', undefined, {
    signedTarget: target,
    authorization: (honest) => {
      authorization = honest;
      return honest;
    },
  });
  const { host, port } = new URL(stage.emulator.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: x\r\nAuthorization: ${authorization}\r\n\r\n`,
      );
    });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

describe('signature', () => {
  const key = (): ReturnType<typeof platformKey> => platformKey(stage.emulator.info);
  const spoil = async (fault: FaultInput): Promise<RawAnswer> => {
    stage.emulator.faults.add(fault);
    const answer = await stage.client.call('GET', '/v3/certificates');
    // Apart from its signature, the answer is perfect.
    expect(answer.status).toBe(200);
    expect(answer.json).toHaveProperty('data');
    return answer;
  };
  const names = ['nonce', 'serial', 'signature', 'signature-type', 'timestamp'].map((name) => `wechatpay-${name}`);

  test('missing: all headers', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'missing' });
    expect(names.filter((name) => name in answer.headers)).toEqual([]);
  });

  test.each(names)('missing: only %s', async (header) => {
    const answer = await spoil({ kind: 'signature', variant: 'missing', header });
    expect(names.filter((name) => !(name in answer.headers))).toEqual([header]);
  });

  test('wrong: well formed, right key, other bytes', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'wrong' });
    expect(Buffer.from(answer.headers['wechatpay-signature']![0]!, 'base64')).toHaveLength(256);
    expect(holds(answer.headers, answer.text, key())).toBe(false);
    expect(holds(answer.headers, `${answer.text}\0`, key())).toBe(true);
  });

  test('stale: valid, and ten minutes old', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'stale' });
    expect(holds(answer.headers, answer.text, key())).toBe(true);
    expect(Number(answer.headers['wechatpay-timestamp']![0])).toBe(Math.floor(stage.now() / 1000) - 600);
  });

  test('foreign: the right serial, valid under a key that nobody trusts', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'foreign' });
    expect(answer.headers['wechatpay-serial']).toEqual([stage.emulator.info.platform_serial_no]);
    expect(holds(answer.headers, answer.text, key())).toBe(false);
    const ca = new X509Certificate(readFileSync(`${stage.dir}/platform/ca_cert.pem`));
    expect(holds(answer.headers, answer.text, ca.publicKey)).toBe(true);
  });

  test('unknown-serial: a serial that is in no list', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'unknown-serial' });
    const [serial] = answer.headers['wechatpay-serial']!;
    expect(serial).toMatch(/^[0-9A-F]{40}$/);
    expect(serial).not.toBe(stage.emulator.info.platform_serial_no);
  });

  test('probe: the documented prefix on what still decodes to 256 bytes', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'probe' });
    const [signature] = answer.headers['wechatpay-signature']!;
    expect(signature).toMatch(/^WECHATPAY\/SIGNTEST\//);
    expect(Buffer.from(signature!, 'base64')).toHaveLength(256);
    expect(holds(answer.headers, answer.text, key())).toBe(false);
  });

  test('duplicate-header: two signatures, the first one valid', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'duplicate-header' });
    expect(answer.headers['wechatpay-signature']).toHaveLength(2);
    expect(holds(answer.headers, answer.text, key())).toBe(true);
  });

  test('type: valid, under the name of another algorithm', async () => {
    const answer = await spoil({ kind: 'signature', variant: 'type' });
    expect(answer.headers['wechatpay-signature-type']).toEqual(['WECHATPAY2-SM2-WITH-SM3']);
    expect(holds(answer.headers, answer.text, key())).toBe(true);
  });
});

test('C4: replay-other answers validly about another order', async () => {
  const own = await openSibling(stage);
  try {
    const body = orderBody(own, 'native');
    const number = body['out_trade_no'] as string;
    await own.client.call('POST', native, body);
    const target = `/v3/pay/transactions/out-trade-no/${number}?mchid=1900000001`;
    for (const others of [0, 1]) {
      if (others === 1) await own.client.call('POST', native, orderBody(own, 'native'));
      own.emulator.faults.add({ kind: 'replay-other' });
      const answer = await own.client.call('GET', target);
      expect(holds(answer.headers, answer.text, platformKey(own.emulator.info))).toBe(true);
      expect(answer.json).toMatchObject({ trade_state: 'NOTPAY', mchid: '1900000001' });
      expect((answer.json as Record<string, string>)['out_trade_no']).not.toBe(number);
    }
  } finally {
    await own.end();
  }
});

test('redirect sends elsewhere and does nothing', async () => {
  const { answer, number } = await place({ kind: 'redirect', location: 'https://evil.example/', status: 307 });
  expect(answer).toMatchObject({ status: 307, headers: { location: ['https://evil.example/'] }, text: '' });
  expect(await state(number)).toBe(nothing);
});

test('late-commit acts only after the caller has gone', async () => {
  const { answer, number } = await place({ kind: 'late-commit', ms: 1_000 }, { hangUp: true });
  expect(answer).toBeInstanceOf(Error);
  expect(await state(number)).toBe(nothing);
  await expect.poll(async () => state(number)).toBe(acted);
});

test('late-commit that hangs up breaks the connection at once, and acts later', async () => {
  const { answer, number } = await place({ kind: 'late-commit', ms: 1_000, hang_up: true });
  expect(answer).toMatchObject({ code: 'ECONNRESET' });
  // Were the connection broken only after that time, the order would be there.
  expect(await state(number)).toBe(nothing);
  await expect.poll(async () => state(number)).toBe(acted);
});

describe('probability', () => {
  const draw = (rules: readonly FaultInput[], requests: number): (string | undefined)[] => {
    const faults = openFaults();
    for (const rule of rules) faults.add(rule);
    return Array.from({ length: requests }, () => faults.take('POST', '/v3/x')?.kind);
  };
  const share = (kinds: readonly (string | undefined)[], kind: string): number =>
    kinds.filter((drawn) => drawn === kind).length / kinds.length;

  test.each([0.01, 0.1, 0.25, 0.3, 0.5, 0.9])('%d is that share of the requests', (probability) => {
    for (const seed of [0, 1, 2, 2026, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
      const drawn = draw([{ kind: 'stall', probability, seed }], 20_000);
      expect(Math.abs(share(drawn, 'stall') - probability)).toBeLessThan(0.015);
    }
  });

  test('1 is all of them', () => {
    expect(share(draw([{ kind: 'stall', probability: 1 }], 1000), 'stall')).toBe(1);
  });

  test('the same seed gives the same faults, another seed others', () => {
    const of = (seed?: number): unknown =>
      draw([{ kind: 'stall', probability: 0.3, ...(seed === undefined ? {} : { seed }) }], 200);
    expect(of(7)).toEqual(of(7));
    expect(of()).toEqual(of(1));
    expect(of(7)).not.toEqual(of(8));
  });

  test('several rules share the requests, in order', () => {
    const kinds = draw(
      [
        { kind: 'stall', probability: 0.1, seed: 1 },
        { kind: 'truncate', probability: 0.1, seed: 2 },
        { kind: 'cut', probability: 0.1, seed: 3 },
      ],
      20_000,
    );
    expect(share(kinds, 'stall')).toBeCloseTo(0.1, 1);
    expect(share(kinds, 'truncate')).toBeCloseTo(0.09, 1);
    expect(kinds.filter((kind) => kind !== undefined).length / kinds.length).toBeGreaterThan(0.25);
  });

  test('requests that the rule does not name draw nothing', () => {
    const faults = openFaults();
    faults.add({ kind: 'stall', probability: 0.5, method: 'POST' });
    const alone = draw([{ kind: 'stall', probability: 0.5, method: 'POST' }], 50);
    const mixed = Array.from({ length: 50 }, () => {
      faults.take('GET', '/v3/x');
      return faults.take('POST', '/v3/x')?.kind;
    });
    expect(mixed).toEqual(alone);
  });

  test('counts only when it fires, and for ever unless told otherwise', () => {
    const faults = openFaults();
    expect(faults.add({ kind: 'stall', probability: 0.5 })).toMatchObject({ count: -1, probability: 0.5, seed: 1 });
    faults.clear();
    faults.add({ kind: 'stall', probability: 0.5, count: 3 });
    const fired = Array.from({ length: 100 }, () => faults.take('GET', '/')).filter((fault) => fault !== undefined);
    expect(fired).toHaveLength(3);
    expect(faults.list()).toEqual([]);
  });
});

describe('rules', () => {
  test('fire as often as they are told, for the requests that they name, first one first', async () => {
    const { faults } = stage.emulator;
    faults.add({ kind: 'status', status: 500, method: 'post', path: '/v3/pay/*', count: 2 });
    faults.add({ kind: 'status', status: 503, count: 1 });
    const get = async (): Promise<number> => (await stage.client.call('GET', '/v3/certificates')).status;
    const post = async (): Promise<number> =>
      (await stage.client.call('POST', native, orderBody(stage, 'native'))).status;
    expect([await get(), await get()]).toEqual([503, 200]);
    expect([await post(), await post(), await post()]).toEqual([500, 500, 200]);
    expect(faults.list()).toEqual([]);
    const { id } = faults.add({ kind: 'status', status: 500, count: -1 });
    expect([await get(), await get(), await get()]).toEqual([500, 500, 500]);
    expect(faults.clear(id)).toBe(1);
    expect(await get()).toBe(200);
  });

  test('spare requests that did not prove who they are', async () => {
    stage.emulator.faults.add({ kind: 'status', status: 500 });
    const answer = await stage.client.call('GET', '/v3/certificates', undefined, { mchid: '1999999999' });
    expect(answer.status).toBe(401);
    expect(stage.emulator.faults.list()).toHaveLength(1);
  });

  test.each<[object]>([
    [{}],
    [{ kind: 'nonsense' }],
    [{ kind: 'status' }],
    [{ kind: 'status', status: 200 }],
    [{ kind: 'status', status: 600 }],
    [{ kind: 'latency' }],
    [{ kind: 'latency', ms: -1 }],
    [{ kind: 'signature' }],
    [{ kind: 'signature', variant: 'nonsense' }],
    [{ kind: 'redirect' }],
    [{ kind: 'redirect', location: 'a\r\nSet-Cookie: b' }],
    [{ kind: 'stall', count: 0 }],
    [{ kind: 'stall', when: 'never' }],
    [{ kind: 'stall', path: 1 }],
    [{ kind: 'stall', probability: 0 }],
    [{ kind: 'stall', probability: 1.01 }],
    [{ kind: 'stall', probability: '0.5' }],
    [{ kind: 'stall', probability: Number.NaN }],
    [{ kind: 'stall', probability: 0.5, seed: -1 }],
    [{ kind: 'stall', probability: 0.5, seed: 0.5 }],
    [{ kind: 'stall', seed: 1 }],
    [{ kind: 'stall', ms: 5 }],
    [{ kind: 'latency', ms: 5, cuont: 2 }],
    [{ kind: 'cut', status: 500 }],
    [{ kind: 'stall', constructor: 1 }],
  ])('%j is no fault', (fault) => {
    expect(() => stage.emulator.faults.add(fault as unknown as FaultInput)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }) as Error,
    );
  });
});

test('a list of rules is added whole or not at all', () => {
  const { faults } = stage.emulator;
  const wrong = [{ kind: 'stall' }, { kind: 'latency' }] as unknown as FaultInput[];
  expect(() => faults.addAll(wrong)).toThrow(
    expect.objectContaining({
      code: 'INPUT_INVALID',
      params: expect.objectContaining({ field: 'faults[1].ms' }),
    }) as Error,
  );
  expect(faults.list()).toEqual([]);
  const added = faults.addAll([
    { kind: 'stall', path: '/a' },
    { kind: 'replay-other', path: '/b' },
  ]);
  expect(faults.list()).toEqual(added);
  expect(faults.clear()).toBe(2);
});

test('the request log tells what happened to each request', async () => {
  const before = stage.emulator.requests.length;
  await place({ kind: 'cut', when: 'before' });
  await stage.client.call('GET', '/v3/unknown');
  await stage.client.call('GET', '/v3/certificates', undefined, { mchid: '1999999999' });
  const answer = await stage.client.call('GET', '/v3/certificates');
  const entries = stage.emulator.requests
    .slice(before)
    .map(({ at: _at, request_id: _id, message: _message, ...entry }) => entry);
  expect(entries).toEqual([
    { method: 'POST', target: native, mchid: '1900000001', fault: 'cut' },
    { method: 'GET', target: '/v3/unknown', status: 404, refused_by: 'path' },
    { method: 'GET', target: '/v3/certificates', status: 401, code: 'SIGN_ERROR', refused_by: 'merchant' },
    { method: 'GET', target: '/v3/certificates', status: 200, mchid: '1900000001' },
  ]);
  expect(stage.emulator.requests.at(-1)!.request_id).toBe(answer.headers['request-id']![0]);
});
