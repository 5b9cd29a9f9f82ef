import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CallbackRecord } from '../../src/emulator/callback-outbox.ts';
import { defaultCallbackSettings } from '../../src/emulator/callback-settings.ts';
import { callbackSchedule } from '../../src/emulator/notify.ts';
import { holds, platformKey } from './raw-client.ts';
import { openSibling, openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';
import { until } from '../helpers/timing.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ callbackTimeoutMs: 300 });
});
afterAll(async () => stage.end());

interface Arrival {
  readonly headers: Record<string, string[]>;
  readonly text: string;
}

/** An app that answers with the next of the given statuses, and the last one for ever. */
interface App {
  readonly url: string;
  readonly arrivals: Arrival[];
  answers: (number | ((response: ServerResponse) => void))[];
}

let app: App;
let closeApp: () => Promise<void>;
beforeEach(async () => {
  stage.emulator.outbox.configure(defaultCallbackSettings);
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headersDistinct).map(([name, all]) => [name, all!]));
      arrivals.push({ headers, text: Buffer.concat(chunks).toString('utf8') });
      const answer = app.answers.length > 1 ? app.answers.shift()! : app.answers[0]!;
      if (typeof answer === 'number') response.writeHead(answer).end();
      else answer(response);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  app = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`, arrivals, answers: [200] };
  closeApp = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
});
afterEach(async () => closeApp());

async function pay(on: Stage = stage, url = app.url): Promise<CallbackRecord> {
  const body = orderBody(on, 'native', { notify_url: url });
  expect((await on.client.call('POST', '/v3/pay/transactions/native', body)).status).toBe(200);
  const paid = await on.emulator.pay({ order: body['out_trade_no'] as string });
  return on.emulator.outbox.find(paid.callback!.id)!;
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

const eventOf = ({ text }: Arrival): { id: string; event_type: string } =>
  JSON.parse(text) as { id: string; event_type: string };

describe('the documented schedule', () => {
  test('sends 16 times in 24 h 4 min, each signed afresh over the same bytes, and then no more', async () => {
    app.answers = [500];
    const record = await pay();
    const begin = stage.now();
    const sentAt = [0];
    for (const seconds of callbackSchedule) {
      stage.advance(seconds * 1000 - 1);
      await pause(60);
      expect(app.arrivals).toHaveLength(sentAt.length);
      expect(record.next_at).toBe(stage.now() + 1);
      stage.advance(1);
      await until(() => record.attempts.length === sentAt.length + 1);
      sentAt.push(stage.now() - begin);
    }
    expect(sentAt).toHaveLength(16);
    expect(sentAt.at(-1)).toBe((24 * 3600 + 4 * 60) * 1000);
    expect(record).toMatchObject({ state: 'given_up', next_at: null });
    stage.advance(7 * 86_400_000);
    await pause(120);
    expect(app.arrivals).toHaveLength(16);
    expect(new Set(app.arrivals.map(({ text }) => text)).size).toBe(1);
    for (const name of ['wechatpay-nonce', 'wechatpay-signature', 'wechatpay-timestamp', 'request-id'])
      expect(new Set(app.arrivals.map(({ headers }) => headers[name]![0])).size, name).toBe(16);
    const key = platformKey(stage.emulator.info);
    expect(app.arrivals.every(({ headers, text }) => holds(headers, text, key))).toBe(true);
    expect(record.attempts.map(({ why }) => why)).toEqual(['first', ...Array.from({ length: 15 }, () => 'retry')]);
  });

  test('ends with the first acknowledgement', async () => {
    app.answers = [503, 500, 204];
    const record = await pay();
    expect(record).toMatchObject({ state: 'waiting', next_at: stage.now() + 15_000 });
    stage.advance(15_000);
    await until(() => record.attempts.length === 2);
    stage.advance(15_000);
    await until(() => record.state === 'delivered');
    stage.advance(86_400_000);
    await pause(120);
    expect(app.arrivals).toHaveLength(3);
    expect(stage.emulator.callbacks.at(-1)).toMatchObject({ delivered: true, status: 204, attempts: 3 });
  });

  test('can be sped up', async () => {
    stage.emulator.outbox.configure({ speed: 1000 });
    app.answers = [500];
    const record = await pay();
    expect(record.next_at).toBe(stage.now() + 15);
  });

  test('can be switched off', async () => {
    stage.emulator.outbox.configure({ retries: false });
    app.answers = [500];
    expect(await pay()).toMatchObject({ state: 'given_up', next_at: null });
  });

  test('counts nobody being there, a timeout and an answer that breaks off as failures', async () => {
    expect(await pay(stage, 'http://127.0.0.1:1/')).toMatchObject({ state: 'waiting' });
    app.answers = [() => undefined];
    const slow = await pay();
    expect([slow.state, slow.attempts[0]!.failure]).toEqual(['waiting', 'timeout']);
    app.answers = [
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
      },
    ];
    const cut = await pay();
    expect([cut.state, cut.attempts[0]!.failure]).toEqual(['waiting', 'cut']);
  });
});

describe('on record', () => {
  test('is every send with the bytes of both sides, as plain data', async () => {
    app.answers = [(response) => response.writeHead(500, { 'X-App': 'a' }).end('{"code":"FAIL","message":"忙"}')];
    const record = await pay();
    const [arrival] = app.arrivals;
    expect(record.body).toBe(arrival!.text);
    const [attempt] = record.attempts;
    const sent = Object.fromEntries(attempt!.headers!.map(([name, value]) => [name.toLowerCase(), [value]]));
    expect(arrival!.headers).toMatchObject(sent);
    expect(attempt).toMatchObject({ at: stage.now(), why: 'first', delivered: false, status: 500 });
    expect(Buffer.from(attempt!.answer!.body, 'base64').toString()).toBe('{"code":"FAIL","message":"忙"}');
    expect(attempt!.answer!.whole).toBe(true);
    expect(attempt!.answer!.headers).toContainEqual(['X-App', 'a']);
    expect(structuredClone(record)).toEqual(JSON.parse(JSON.stringify(record)));
  });

  test('is no more than 4 KiB of an answer; one without end is left after 64 KiB', async () => {
    app.answers = [
      (response) => {
        response.writeHead(200);
        const more = (): void => {
          if (!response.destroyed) response.write(Buffer.alloc(16_384, 0x61), () => setImmediate(more));
        };
        more();
      },
    ];
    const record = await pay();
    const [attempt] = record.attempts;
    expect(attempt).toMatchObject({ delivered: true, status: 200, answer: { whole: false } });
    expect(Buffer.from(attempt!.answer!.body, 'base64')).toHaveLength(4096);
  });

  test('is what an emulator can go on with', async () => {
    app.answers = [500];
    const record = JSON.parse(JSON.stringify(await pay())) as CallbackRecord;
    const sibling = await openSibling(stage);
    try {
      app.answers = [200];
      sibling.emulator.outbox.restore([record]);
      await pause(120);
      expect(app.arrivals).toHaveLength(1);
      sibling.advance(record.next_at! - sibling.now());
      await until(() => record.state === 'delivered');
      expect(app.arrivals[1]!.text).toBe(record.body);
    } finally {
      await sibling.end();
    }
  });
});

describe('trouble', () => {
  test('a delayed callback is reported as not sent yet, and comes when it is due', async () => {
    stage.emulator.outbox.configure({ delay_ms: 60_000 });
    const record = await pay();
    expect(stage.emulator.callbacks.at(-1)).toMatchObject({ delivered: false, failure: 'later', attempts: 0 });
    expect(record.next_at).toBe(stage.now() + 60_000);
    stage.advance(60_000);
    await until(() => record.state === 'delivered');
  });

  test('duplicates follow an acknowledgement, under the same id and with signatures of their own', async () => {
    stage.emulator.outbox.configure({ duplicates: 2 });
    const record = await pay();
    await until(() => record.attempts.length === 3);
    expect(new Set(app.arrivals.map((arrival) => eventOf(arrival).id))).toEqual(new Set([record.id]));
    expect(new Set(app.arrivals.map(({ headers }) => headers['wechatpay-signature']![0])).size).toBe(3);
    expect(record.attempts.map(({ why }) => why)).toEqual(['first', 'duplicate', 'duplicate']);
  });

  test('reordered callbacks arrive in the opposite order once enough have come together', async () => {
    stage.emulator.outbox.configure({ reorder: 3 });
    const records = [await pay(), await pay(), await pay()];
    await until(() => records.every(({ state }) => state === 'delivered'));
    expect(app.arrivals.map((arrival) => eventOf(arrival).id)).toEqual(records.map(({ id }) => id).toReversed());
  });

  test.each([
    ['after 5 s', () => stage.advance(5000)],
    ['when reordering is switched off', () => void stage.emulator.outbox.configure({ reorder: 0 })],
  ])('too few for reordering go out all the same: %s', async (_when, release) => {
    stage.emulator.outbox.configure({ reorder: 3 });
    const records = [await pay(), await pay()];
    await pause(120);
    expect(app.arrivals).toEqual([]);
    release();
    await until(() => records.every(({ state }) => state === 'delivered'));
    expect(app.arrivals.map((arrival) => eventOf(arrival).id)).toEqual(records.map(({ id }) => id).toReversed());
  });

  test.each([401, 200])('a probe comes first and never counts, even when it is answered %i', async (status) => {
    stage.emulator.outbox.configure({ probes: 1 });
    app.answers = [status, 200];
    const record = await pay();
    expect(app.arrivals[0]!.headers['wechatpay-signature']![0]).toMatch(/^WECHATPAY\/SIGNTEST\/.{325}$/);
    expect(record).toMatchObject({ state: 'waiting', next_at: stage.now() + 15_000 });
    stage.advance(15_000);
    await until(() => record.state === 'delivered');
    const { headers, text } = app.arrivals[1]!;
    expect(holds(headers, text, platformKey(stage.emulator.info))).toBe(true);
    expect(record.attempts.map(({ why }) => why)).toEqual(['probe', 'retry']);
    expect(stage.emulator.outbox.settings().probes).toBe(0);
    expect((await pay()).state).toBe('delivered');
  });

  test.each([
    [{ speed: 0 }],
    [{ speed: '1' }],
    [{ retries: 1 }],
    [{ delay_ms: -1 }],
    [{ duplicates: 101 }],
    [{ reorder: 0.5 }],
    [{ probes: -2 }],
    [{ nonsense: 1 }],
  ])('a setting that makes no sense is refused: %j', (change) => {
    expect(() => stage.emulator.outbox.configure(change as object)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
    expect(stage.emulator.outbox.settings()).toEqual(defaultCallbackSettings);
  });
});

test('redelivery sends at once, whatever has become of the callback, and ends its waiting', async () => {
  app.answers = [500];
  const record = await pay();
  app.answers = [200];
  expect(await stage.emulator.outbox.redeliver(record.id)).toBe(record);
  expect(record).toMatchObject({ state: 'delivered', next_at: null });
  stage.advance(60_000);
  await pause(120);
  expect(app.arrivals).toHaveLength(2);
  await stage.emulator.outbox.redeliver(record.id);
  expect(record.attempts.map(({ why }) => why)).toEqual(['first', 'redelivery', 'redelivery']);
  expect(await stage.emulator.outbox.redeliver('unknown')).toBeUndefined();
});

test('closing ends what is being sent and what waits', async () => {
  const sibling = await openSibling(stage, { callbackTimeoutMs: 60_000 });
  app.answers = [() => undefined];
  const body = orderBody(sibling, 'native', { notify_url: app.url });
  await sibling.client.call('POST', '/v3/pay/transactions/native', body);
  const paying = sibling.emulator.pay({ order: body['out_trade_no'] as string });
  await until(() => app.arrivals.length === 1);
  await sibling.end();
  expect((await paying).callback).toMatchObject({ delivered: false, failure: 'stopped' });
  expect(sibling.emulator.outbox.records[0]).toMatchObject({ state: 'waiting', next_at: null });
});
