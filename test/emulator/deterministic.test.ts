/** A deterministic emulator: the same requests get the same answers, whatever the time and how long they took. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeterministicOptions } from '../../src/emulator/deterministic.ts';
import { openRandomness } from '../../src/emulator/randomness.ts';
import { decrypt, receive } from './receiver.ts';
import type { Receiver } from './receiver.ts';
import { openSibling, openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';

let keys: Stage;
let receiver: Receiver;
beforeAll(async () => {
  keys = await openStage();
  receiver = await receive(200);
});
afterAll(async () => {
  await receiver.close();
  await keys.end();
});

const sorted = (texts: readonly string[]): string[] => texts.toSorted((a, b) => (a < b ? -1 : 1));

/** An afternoon's work, with everything that is drawn. @returns all that a client and an onlooker see, but signatures */
async function work(stage: Stage): Promise<unknown[]> {
  const { emulator, client } = stage;
  const { mchid, appid } = emulator.info;
  const seen: unknown[] = [];
  const arrived = receiver.arrivals.length;
  const call = async (method: string, target: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await client
      .call(method, target, body)
      .catch((error: unknown) => ({ failed: (error as NodeJS.ErrnoException).code }));
    if ('failed' in answer) {
      seen.push([method, target, answer.failed]);
      return {};
    }
    const { status, headers, json } = answer;
    const { download_url: address, ...shown } = json ?? {};
    seen.push([method, target, status, headers['request-id'], headers['wechatpay-nonce'], shown]);
    // Which port it is on is not the emulator's choice.
    if (typeof address === 'string') seen.push(address.replace(/:\d+\//, '/'));
    return json ?? {};
  };
  emulator.faults.addAll([
    { kind: 'status', status: 500, path: '/v3/pay/*', probability: 0.3 },
    { kind: 'cut', when: 'after', path: '/v3/refund/*', probability: 0.5 },
  ]);
  for (let turn = 0; turn < 6; turn += 1) {
    for (const product of ['native', 'jsapi', 'app', 'h5']) {
      await call('POST', `/v3/pay/transactions/${product}`, {
        ...orderBody(stage, product),
        out_trade_no: `DET_${product}_${turn}`,
        notify_url: receiver.url,
      });
    }
    await call('POST', '/v3/pay/transactions/native', {
      ...orderBody(stage, 'native'),
      out_trade_no: `DET_native_${turn}`,
      notify_url: receiver.url,
    });
  }
  emulator.faults.clear('F1');
  await call('POST', '/v3/pay/transactions/native', {
    ...orderBody(stage, 'native'),
    out_trade_no: 'DET_PAID',
    notify_url: receiver.url,
  });
  seen.push(await emulator.pay({ order: 'DET_PAID' }));
  seen.push(emulator.seed({ count: 3, total: 100, prefix: 'DETS_' }));
  seen.push(emulator.issueCode());
  for (let turn = 0; turn < 6; turn += 1) {
    await call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: 'DET_PAID',
      out_refund_no: `DET_R${turn}`,
      notify_url: receiver.url,
      amount: { refund: 10, total: 1290, currency: 'CNY' },
    });
    await call('GET', `/v3/refund/domestic/refunds/DET_R${turn}`);
  }
  emulator.faults.clear();
  await call('POST', '/v3/fund-app/mch-transfer/transfer-bills', {
    appid,
    out_bill_no: 'DETT1',
    openid: 'oDET',
    transfer_amount: 100,
    transfer_remark: 'x',
    transfer_scene_id: '1000',
    transfer_scene_report_infos: ['活动名称', '奖励说明'].map((type) => ({ info_type: type, info_content: 'x' })),
  });
  await call('POST', '/v3/combine-transactions/native', {
    combine_appid: appid,
    combine_mchid: mchid,
    combine_out_trade_no: 'DET_C1',
    notify_url: receiver.url,
    sub_orders: ['A', 'B'].map((name) => ({
      mchid,
      out_trade_no: `DET_C1_${name}`,
      attach: name,
      description: name,
      amount: { total_amount: 100, currency: 'CNY' },
    })),
  });
  seen.push(await emulator.pay({ order: 'DET_C1' }));
  await call('GET', '/v3/certificates');
  emulator.moveClock({ by_ms: 86_400_000 });
  // What refunds came to is told, each by itself.
  const refunds = emulator.ledger().refunds.length;
  await expect.poll(() => receiver.arrivals.length - arrived).toBe(refunds + 2);
  const day = new Date(emulator.clock.now - 86_400_000 + 8 * 3_600_000).toISOString().slice(0, 10);
  await call('GET', `/v3/bill/tradebill?bill_date=${day}`);
  const told = receiver.arrivals.slice(arrived).map(({ text }) => {
    const { id, resource } = JSON.parse(text) as { id: string; resource: Record<string, string> };
    return { content: JSON.stringify(decrypt(resource, emulator.info.api_v3_key)), nonce: resource['nonce'] ?? '', id };
  });
  const contents = sorted(told.map(({ content }) => content));
  // Those that fall due at one moment may come in another order; what they are called follows from when they come.
  seen.push(contents, sorted(told.map(({ nonce }) => nonce)), sorted(told.map(({ id }) => id)));
  seen.push(emulator.ledger(), emulator.transfers.ledger(), emulator.clock.now);
  seen.push(emulator.requests.map(({ at: _at, ...entry }) => entry));
  return seen;
}

async function run(deterministic: string | number | DeterministicOptions, prepare?: (stage: Stage) => void) {
  const stage = await openSibling(keys, { deterministic });
  prepare?.(stage);
  try {
    return await work(stage);
  } finally {
    await stage.end();
  }
}

describe('two runs', () => {
  test('with one seed see the same, on another day and with other keys in between', async () => {
    const first = await run(42);
    const second = await run('42', (stage) => stage.advance(123_456_789));
    expect(second).toEqual(first);
    expect(JSON.stringify(first)).toContain('"status":"SUCCESS"');
    // Both kinds of trouble came, and not always.
    for (const kind of ['status', 'cut']) {
      const log = first.at(-1) as { fault?: string; target: string }[];
      const fired = log.filter(({ fault }) => fault === kind).length;
      expect(fired).toBeGreaterThan(0);
      expect(fired).toBeLessThan(30);
    }
  });

  test('with two seeds see other ids and other trouble', async () => {
    const [first, second] = [await run(1), await run(2)];
    const ids = (seen: unknown): string[] => JSON.stringify(seen).match(/4200\d{24}|503\d{26}|wx[0-9a-f]{34}/g) ?? [];
    expect(ids(first).length).toBeGreaterThan(10);
    expect(ids(first).filter((id) => ids(second).includes(id))).toEqual([]);
    const trouble = (seen: unknown[]) => (seen.at(-1) as { fault?: string }[]).map(({ fault }) => fault ?? '');
    expect(trouble(first)).not.toEqual(trouble(second));
  });

  test('of one emulator, with a reset between them, see the same', async () => {
    const stage = await openSibling(keys, { deterministic: 42 });
    const first = await work(stage);
    stage.emulator.reset();
    expect(await work(stage)).toEqual(first);
    await stage.end();
  });
});

describe('the clock of a deterministic emulator', () => {
  const options = { seed: 1, at: '2026-05-04T10:00:00+08:00' };
  const at = Date.UTC(2026, 4, 4, 2);

  test('moves a second with an authentic request, with nothing else, and by hand', async () => {
    const stage = await openSibling(keys, { deterministic: options });
    const { emulator, client } = stage;
    stage.advance(3_600_000);
    expect(emulator.clock).toEqual({ now: at, offset_ms: at - stage.now() });
    await client.call('GET', '/v3/certificates');
    await client.call('GET', '/v3/certificates', undefined, { mchid: '1999999999' });
    await client.call('GET', '/v3/nothing');
    expect(emulator.clock.now).toBe(at + 1000);
    emulator.moveClock({ by_ms: 60_000 });
    expect(emulator.clock.now).toBe(at + 61_000);
    // Nobody refuses its answers for that.
    const { headers } = await client.call('GET', '/v3/certificates');
    expect(headers['wechatpay-timestamp']).toEqual([String(Math.floor(stage.now() / 1000))]);
    emulator.moveClock({ reset: true });
    expect(emulator.clock.now).toBe(at);
    await stage.end();
  });

  test('keeps still with a step of 0, so that limits per second can be reached', async () => {
    const stage = await openSibling(keys, { deterministic: { ...options, step_ms: 0 } });
    stage.emulator.changeMerchant(stage.emulator.info.mchid, { per_second: 2 });
    const statuses = [];
    for (let turn = 0; turn < 3; turn += 1) {
      statuses.push((await stage.client.call('GET', '/v3/certificates')).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    await stage.end();
  });

  test('goes on after a restart, and so do the ids', async () => {
    const place = async (stage: Stage, number: string) =>
      (
        await stage.client.call('POST', '/v3/pay/transactions/native', {
          ...orderBody(stage, 'native'),
          out_trade_no: number,
        })
      ).json['code_url'];
    const whole = await openSibling(keys, { deterministic: options });
    const expected = [await place(whole, 'GOES_ON_1'), await place(whole, 'GOES_ON_2')];
    const end = whole.emulator.clock.now;
    await whole.end();

    const kept = { deterministic: options, persist: true };
    const first = await openSibling(keys, kept);
    const before = await place(first, 'GOES_ON_1');
    await first.emulator.close();
    const second = await openSibling(first, kept);
    const after = await place(second, 'GOES_ON_2');
    expect([before, after]).toEqual(expected);
    expect(second.emulator.clock.now).toBe(end);
    await second.end();
    await first.end();
  });

  test('a snapshot of it goes into a running one, and back', async () => {
    const held = await openSibling(keys, { deterministic: options });
    const running = await openSibling(keys);
    await held.client.call('GET', '/v3/certificates');
    running.emulator.restore(held.emulator.snapshot());
    expect(running.emulator.clock.now).toBe(at + 1000);
    running.advance(5000);
    expect(running.emulator.clock.now).toBe(at + 6000);
    held.advance(3_600_000);
    held.emulator.restore(running.emulator.snapshot());
    // What was the offset to real time there is the time here.
    expect(held.emulator.clock.now).toBe(held.now() + running.emulator.clock.offset_ms);
    await held.end();
    await running.end();
  });

  test.each<[object, string]>([
    [{ seed: '' }, 'deterministic.seed'],
    [{ seed: 0.5 }, 'deterministic.seed'],
    [{}, 'deterministic.seed'],
    [{ seed: 1, at: '2026-05-04' }, 'deterministic.at'],
    [{ seed: 1, at: '2026-02-30T00:00:00Z' }, 'deterministic.at'],
    [{ seed: 1, step_ms: -1 }, 'deterministic.step_ms'],
    [{ seed: 1, step_ms: 0.5 }, 'deterministic.step_ms'],
  ])('%j is refused', async (deterministic, field) => {
    const starting = openSibling(keys, { deterministic: deterministic as DeterministicOptions });
    await expect(starting).rejects.toMatchObject({ code: 'INPUT_INVALID', params: { field } });
  });
});

describe('seeded randomness', () => {
  const open = (seed: string) => openRandomness((size) => randomBytes(size), seed);

  test('has a stream for each purpose, which another one does not disturb', () => {
    const [a, b] = [open('s'), open('s')];
    a.of('other')(5);
    expect(a.of('ids')(40)).toEqual(b.of('ids')(40));
    expect(a.of('ids')(40)).toHaveLength(40);
    expect(a.of('ids')(8)).not.toEqual(a.of('ids')(8));
    expect(a.of('ids')(8)).not.toEqual(a.of('other')(8));
  });

  test('goes on where it was written out', () => {
    const one = open('s');
    one.of('ids')(8);
    const dumped = one.dump();
    const next = one.of('ids')(8);
    const other = open('s');
    other.restore(dumped);
    expect(other.of('ids')(8)).toEqual(next);
  });

  test('gives no two texts one nonce, and one text the same again: a repeated nonce would break AES-GCM', () => {
    const seeded = open('s');
    const nonceFor = (text: string): string => seeded.nonceFor(text);
    const nonces = Array.from({ length: 10_000 }, (_, index) => nonceFor(`text ${index}`));
    expect(new Set(nonces).size).toBe(10_000);
    expect(nonces.every((nonce) => /^[0-9a-f]{12}$/.test(nonce))).toBe(true);
    expect(nonceFor('text 7')).toBe(nonces[7]);
  });
});

test('what is secret does not follow from the seed', async () => {
  const [one, two] = [await openSibling(keys, { deterministic: 7 }), await openSibling(keys, { deterministic: 7 })];
  expect(one.emulator.controlToken).not.toBe(two.emulator.controlToken);
  const fresh = [await openStage({ deterministic: 7 }), await openStage({ deterministic: 7 })] as const;
  expect(fresh[0].emulator.info.api_v3_key).not.toBe(fresh[1].emulator.info.api_v3_key);
  expect(fresh[0].emulator.info.serial_no).not.toBe(fresh[1].emulator.info.serial_no);
  expect(fresh[0].emulator.info.appid).toBe(fresh[1].emulator.info.appid);
  for (const stage of [one, two, ...fresh]) await stage.end();
});
