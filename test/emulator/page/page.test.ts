import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { receive } from '../receiver.ts';
import { send } from '../raw-client.ts';
import type { RawAnswer } from '../raw-client.ts';
import { openStage, orderBody } from '../stage.ts';
import type { Stage } from '../stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ refunds: { settle_after_ms: null } });
});
afterAll(async () => stage.end());

const native = '/v3/pay/transactions/native';
const scripts = [
  'app.js',
  'choices.js',
  'connection.js',
  'dom.js',
  'faults.js',
  'payers.js',
  'rows.js',
  'settings.js',
  'texts.js',
  'transfers.js',
];
const hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e';

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

/** Sends what a browser would, without a browser's scruples. */
async function ask(target: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<RawAnswer> {
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const all = { host: new URL(stage.emulator.url).host, 'content-length': String(bytes.length), ...headers };
  const flat = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  return readAnswer(await send(stage.emulator.url, method, target, flat, bytes).catch((error: unknown) => error));
}

function readAnswer(answer: unknown): RawAnswer {
  if (answer instanceof Error) throw answer;
  return answer as RawAnswer;
}

/** The document is no JSON, so that the raw client cannot read it. */
async function get(
  target: string,
  headers: Record<string, string> = {},
): Promise<{ response: Response; text: string }> {
  const response = await fetch(`${stage.emulator.url}${target}`, { headers });
  return { response, text: await response.text() };
}

async function token(): Promise<string> {
  return /name="page-token" content="([\w-]{43})"/.exec((await get('/')).text)![1]!;
}

const own = async (extra: Record<string, string> = {}): Promise<Record<string, string>> => ({
  'wxpay-page-token': await token(),
  'sec-fetch-site': 'same-origin',
  ...extra,
});

async function place(extra: Record<string, unknown> = {}): Promise<{ number: string; codeUrl: string }> {
  const body = orderBody(stage, 'native', extra);
  const answer = await stage.client.call('POST', native, body);
  return { number: body['out_trade_no'] as string, codeUrl: answer.json['code_url'] as string };
}

interface State {
  readonly version: string;
  readonly state?: Record<
    'orders' | 'refunds' | 'transfers' | 'callbacks' | 'requests' | 'payers' | 'faults',
    { total: number; rows: Record<string, unknown>[] }
  > & { readonly clock_offset_ms: number; readonly keys: Record<string, unknown> };
}

async function look(): Promise<NonNullable<State['state']>> {
  const answer = (await ask('/_page/state', { headers: await own() })).json as unknown as State;
  return answer.state!;
}

describe('the document', () => {
  test.each(['/', '/pay', '/pay?code_url=weixin%3A%2F%2Fwxpay%2Fbizpayurl%3Fpr%3Dx', '/?lang=en'])(
    'GET %s has a policy that lets nothing in but its own files',
    async (target) => {
      const { response, text } = await get(target);
      expect(response.status).toBe(200);
      const policy = response.headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      // No inline script or style, and nothing from elsewhere.
      expect(text).not.toMatch(/<script(?![^>]* src="\/_page\/)|<style|style=|\son\w+=|https?:/);
    },
  );

  test('never repeats what it is asked with', async () => {
    const { text } = await get(`/pay?code_url=${encodeURIComponent(hostile)}&lang=${encodeURIComponent(hostile)}`);
    expect(text).not.toContain('onerror');
    expect(text).toContain('<html lang="en">');
  });

  test('its files are there, and no others', async () => {
    for (const name of scripts) {
      const { response } = await get(`/_page/${name}`);
      expect([name, response.status, response.headers.get('content-type')]).toEqual([
        name,
        200,
        'text/javascript; charset=utf-8',
      ]);
    }
    const style = await get('/_page/style.css');
    expect(style.response.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(style.text).toContain('.row');
    expect(style.text).not.toMatch(/@import|url\(/);
    expect((await ask('/_page/../control.ts')).status).toBe(401);
    expect((await ask('/_page/constructor', { headers: await own() })).status).toBe(404);
  });

  test('no script makes markup from text', async () => {
    for (const name of scripts) {
      const { text } = await get(`/_page/${name}`);
      expect(text).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function/,
      );
    }
  });

  test.each([
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-CN'],
    ['en-US,en;q=0.9', 'en'],
    ['en;q=0.5, zh-TW;q=0.7', 'zh-CN'],
    ['fr-FR, zh;q=0.1', 'zh-CN'],
    ['fr', 'en'],
    ['zh;q=0', 'en'],
    [';;;q=,,', 'en'],
  ])('speaks to a browser that asks for %s in %s', async (wish, language) => {
    expect((await get('/', { 'accept-language': wish })).text).toContain(`<html lang="${language}">`);
  });

  test('a language in the address wins', async () => {
    const { text } = await get('/?lang=zh-CN', { 'accept-language': 'en' });
    expect(text).toContain('<title>微信支付模拟器</title>');
  });
});

describe('I3: only this page in this machine’s browsers gets data or does anything', () => {
  const names: readonly (readonly [string, string])[] = [
    ['GET', 'state'],
    ['GET', 'find?order=x'],
    ['POST', 'pay'],
    ['POST', 'refund'],
    ['POST', 'callbacks'],
    ['POST', 'redeliver'],
    ['POST', 'faults'],
    ['DELETE', 'faults'],
    ['POST', 'transfer'],
    ['POST', 'payers'],
    ['POST', 'codes'],
    ['POST', 'clock'],
    ['POST', 'rotate'],
    ['POST', 'reset'],
    ['GET', 'snapshot'],
    ['POST', 'snapshot'],
  ];

  test.each(names)(
    '%s %s is refused without the token, with a wrong one, and with the control API’s',
    async (method, name) => {
      for (const given of [undefined, 'x', '', stage.emulator.controlToken]) {
        const answer = await ask(`/_page/${name}`, { method, headers: { 'wxpay-page-token': given }, body: {} });
        expect(answer.status).toBe(401);
      }
    },
  );

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin to speak of', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['another scheme', { origin: 'https://HOST' }],
    ['another site’s script', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
    ['another port’s script', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
    ['a rebound name', { host: 'evil.example' }],
    ['a rebound name and its own origin', { host: 'evil.example:PORT', origin: 'http://evil.example:PORT' }],
    ['a name that begins as ours', { host: '127.0.0.1.evil.example:PORT' }],
    ['an address that is not loopback', { host: '192.0.2.1:PORT' }],
    ['another port in Host', { host: '127.0.0.1:1' }],
  ])('with the right token, but from %s', async (_who, headers) => {
    const { host, port } = new URL(stage.emulator.url);
    const real = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('HOST', host).replace('PORT', port)]),
    );
    const { number } = await place();
    const answer = await ask('/_page/pay', {
      method: 'POST',
      headers: { 'wxpay-page-token': await token(), ...real },
      body: { order: number },
    });
    expect(answer.status).toBe(403);
    expect((await ask('/', { headers: real })).status).toBe(403);
    expect(stage.emulator.showcase.find(number)[0]!.state).toBe('NOTPAY');
    expect(stage.emulator.requests.at(-1)).toMatchObject({ target: '/', status: 403, refused_by: 'host' });
  });

  test('the page’s own calls carry an Origin, which is its own', async () => {
    const { number } = await place();
    const headers = await own({ origin: stage.emulator.url });
    const paid = await ask('/_page/pay', { method: 'POST', headers, body: { order: number, callback: false } });
    expect(paid.json).toMatchObject({ transaction: { trade_state: 'SUCCESS' }, callback: null });
  });

  test('a link from elsewhere may open it in a window, and nothing else', async () => {
    const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    const open = async (headers: Record<string, string>): Promise<number> => (await fetchStatus('/', headers)) ?? 0;
    expect(await open({ ...visit, 'sec-fetch-dest': 'document' })).toBe(200);
    expect(await open({ ...visit, 'sec-fetch-dest': 'iframe' })).toBe(403);
    expect(await open({ ...visit, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' })).toBe(403);
    expect(
      (await ask('/_page/pay', { method: 'POST', headers: { ...visit, 'sec-fetch-dest': 'document' } })).status,
    ).toBe(403);
  });

  test('the page’s token is none of the control API’s', async () => {
    const headers = { 'wxpay-emulator-token': await token() };
    expect((await ask('/_emulator/info', { headers })).status).toBe(401);
  });

  test('it can do what its buttons stand for, and no more of the control API', async () => {
    for (const [method, name] of [
      ['GET', 'info'],
      ['POST', 'info'],
      ['GET', 'ledger'],
      ['POST', 'merchants'],
      ['POST', 'switches'],
      ['POST', 'refunds'],
      ['POST', 'seed'],
    ] as const) {
      expect((await ask(`/_page/${name}`, { method, headers: await own(), body: {} })).status).toBe(404);
    }
  });

  test('what it shows has no keys in it', async () => {
    const { text } = await ask('/_page/state', { headers: await own() });
    const { api_v3_key: v3, api_v2_key: v2 } = stage.emulator.info;
    for (const secret of [v3, v2, stage.emulator.controlToken, await token()]) expect(text).not.toContain(secret);
  });

  test('looking does not fill the request log', async () => {
    const before = stage.emulator.requests.length;
    await look();
    await get('/');
    expect(stage.emulator.requests).toHaveLength(before);
  });
});

/** fetch() of Node sets Sec-Fetch-Mode itself: the raw way, whose body we do not read as JSON. */
async function fetchStatus(target: string, headers: Record<string, string>): Promise<number | undefined> {
  const { request } = await import('node:http');
  const { hostname, port } = new URL(stage.emulator.url);
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: hostname, port, path: target, headers, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('what it shows', () => {
  test('an order with every prepay’s handle, found by number, code_url and its pr', async () => {
    const { number, codeUrl } = await place({ attach: hostile, description: hostile });
    const row = {
      number,
      mchid: stage.emulator.info.mchid,
      state: 'NOTPAY',
      trade_type: 'NATIVE',
      api: 'v3',
      total: 1290,
      refunded: 0,
      can: 'pay',
      attach: hostile,
      description: hostile,
      combined: false,
    };
    expect((await look()).orders.rows[0]).toMatchObject({ ...row, handles: [{ value: codeUrl }] });
    for (const name of [number, codeUrl, codeUrl.split('pr=')[1]!]) {
      const found = await ask(`/_page/find?order=${encodeURIComponent(name)}`, { headers: await own() });
      expect(found.json).toMatchObject([row]);
    }
  });

  test('an order that can no longer be paid has nothing to press', async () => {
    const { number } = await place();
    stage.advance(2 * 3_600_000 + 1000);
    expect(stage.emulator.showcase.find(number)[0]!.can).toBe('nothing');
  });

  test('a combined order as one, with its sub-orders', async () => {
    const { mchid, appid } = stage.emulator.info;
    const sub = (amount: number): Record<string, unknown> => ({
      mchid,
      attach: 'a',
      amount: { total_amount: amount, currency: 'CNY' },
      out_trade_no: stage.number(),
      description: `part ${amount}`,
    });
    const number = stage.number();
    const placed = await stage.client.call('POST', '/v3/combine-transactions/native', {
      combine_appid: appid,
      combine_mchid: mchid,
      combine_out_trade_no: number,
      sub_orders: [sub(100), sub(250)],
      notify_url: 'http://127.0.0.1:9/notify',
    });
    expect(placed.status).toBe(200);
    const row = { number, combined: true, total: 350, can: 'pay', state: 'NOTPAY' };
    expect((await look()).orders.rows[0]).toMatchObject({
      ...row,
      subs: [
        { total: 100, description: 'part 100' },
        { total: 250, description: 'part 250' },
      ],
    });
    await ask('/_page/pay', { method: 'POST', headers: await own(), body: { order: number, callback: false } });
    expect((await look()).orders.rows[0]).toMatchObject({ number, state: 'SUCCESS', can: 'nothing' });
  });

  test('a payment by code that waits for the password', async () => {
    const { mchid, appid } = stage.emulator.info;
    const number = stage.number();
    const asked = await stage.client.call('POST', '/v3/pay/transactions/codepay', {
      appid,
      mchid,
      description: 'x',
      out_trade_no: number,
      amount: { total: 100_001, currency: 'CNY' },
      payer: { auth_code: stage.emulator.issueCode().auth_code },
      scene_info: { store_info: { id: '1' } },
    });
    expect(asked.status).toBe(202);
    expect(stage.emulator.showcase.find(number)[0]).toMatchObject({ state: 'USERPAYING', can: 'confirm' });
    await ask('/_page/pay', { method: 'POST', headers: await own(), body: { order: number, decline: true } });
    expect(stage.emulator.showcase.find(number)[0]).toMatchObject({ state: 'NOTPAY', can: 'nothing' });
  });

  test('refunds, and their outcome on demand', async () => {
    const { number } = await place();
    await stage.emulator.pay({ order: number, callback: false });
    const refund = `R${number}`;
    await stage.client.call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: number,
      out_refund_no: refund,
      amount: { refund: 90, total: 1290, currency: 'CNY' },
    });
    expect((await look()).refunds.rows[0]).toMatchObject({
      number: refund,
      status: 'PROCESSING',
      open: true,
      amount: 90,
    });
    expect((await look()).orders.rows[0]).toMatchObject({ number, refunded: 90 });
    const body = { refund, outcome: 'ABNORMAL' };
    await ask('/_page/refund', { method: 'POST', headers: await own(), body });
    expect((await look()).refunds.rows[0]).toMatchObject({ status: 'ABNORMAL', open: true });
    const again = await ask('/_page/refund', { method: 'POST', headers: await own(), body });
    expect(again.json).toMatchObject({ error: { code: 'EMULATOR_REFUND_FINAL' } });
  });

  test('callbacks with every try, and both sides’ bytes one by one', async () => {
    const receiver = await receive(500);
    try {
      const { number } = await place({ notify_url: receiver.url });
      await ask('/_page/pay', { method: 'POST', headers: await own(), body: { order: number } });
      const [row] = (await look()).callbacks.rows;
      expect(row).toMatchObject({
        subject: { out_trade_no: number },
        state: 'waiting',
        attempts: [{ why: 'first', delivered: false, status: 500 }],
      });
      const record = await ask('/_page/callbacks', { method: 'POST', headers: await own(), body: { id: row!['id'] } });
      expect(record.json['body']).toBe(receiver.arrivals[0]!.text);
      const again = await ask('/_page/redeliver', { method: 'POST', headers: await own(), body: { id: row!['id'] } });
      expect(again.json['attempts']).toHaveLength(2);
    } finally {
      await receiver.close();
    }
  });

  test('faults, switched on and off', async () => {
    const headers = await own();
    const rule = { kind: 'status', status: 503, path: native, count: 1, when: 'before' };
    const added = await ask('/_page/faults', { method: 'POST', headers, body: rule });
    expect((await look()).faults.rows).toEqual([added.json]);
    expect((await ask('/_page/faults', { method: 'POST', headers, body: { kind: 'flood' } })).json).toMatchObject({
      error: { code: 'INPUT_INVALID', params: { field: 'kind' } },
    });
    await ask('/_page/faults', { method: 'DELETE', headers, body: { id: added.json['id'] } });
    expect((await look()).faults.rows).toEqual([]);
  });

  test('transfers, and what their user can do now', async () => {
    const { appid, platform_serial_no: serial } = stage.emulator.info;
    const number = stage.number();
    const placed = await stage.client.call(
      'POST',
      '/v3/fund-app/mch-transfer/transfer-bills',
      {
        appid,
        out_bill_no: number,
        openid: 'oABCD5example_openid00000001',
        transfer_amount: 1000,
        transfer_remark: hostile.slice(0, 32),
        transfer_scene_id: '1000',
        transfer_scene_report_infos: [
          { info_type: '活动名称', info_content: '新会员有礼' },
          { info_type: '奖励说明', info_content: '注册会员抽奖一等奖' },
        ],
      },
      { headers: { 'wechatpay-serial': serial! } },
    );
    expect(placed.status).toBe(200);
    const top = async (): Promise<Record<string, unknown>> => (await look()).transfers.rows[0]!;
    const end = async (body: object): Promise<RawAnswer> =>
      ask('/_page/transfer', { method: 'POST', headers: await own(), body: { transfer: number, ...body } });
    expect(await top()).toMatchObject({
      number,
      amount: 1000,
      state: 'WAIT_USER_CONFIRM',
      remark: hostile.slice(0, 32),
      can: ['success', 'transfering', 'fail'],
    });
    expect((await end({ outcome: 'transfering' })).json).toMatchObject({ transfer: { state: 'TRANSFERING' } });
    expect(await top()).toMatchObject({ state: 'TRANSFERING', can: ['success', 'fail'] });
    expect((await end({ outcome: 'transfering' })).json).toMatchObject({ error: { code: 'EMULATOR_TRANSFER_STATE' } });
    await end({ outcome: 'fail', reason: 'OPENID_INVALID' });
    expect(await top()).toMatchObject({ state: 'FAIL', fail_reason: 'OPENID_INVALID', can: [] });
    expect(await top()).not.toHaveProperty('until');
  });

  test('payers that somebody has described, changed from here, and their payment codes', async () => {
    const headers = await own();
    const change = async (body: object): Promise<RawAnswer> =>
      ask('/_page/payers', { method: 'POST', headers, body: { openid: hostile, ...body } });
    expect((await change({ balance: 100, bank: 'down' })).status).toBe(200);
    const described = { openid: hostile, balance: 100, state: 'normal', bank: 'down', password: 'auto' };
    expect((await look()).payers.rows).toEqual([described]);
    expect((await change({ balance: 1.5 })).json).toMatchObject({ error: { params: { field: 'balance' } } });
    expect((await look()).payers.rows).toEqual([described]);
    const code = await ask('/_page/codes', { method: 'POST', headers, body: { openid: hostile } });
    expect(code.json).toMatchObject({ openid: hostile, auth_code: expect.stringMatching(/^13\d{16}$/) as string });
  });

  test('how far the clock is moved, and moves it', async () => {
    const headers = await own();
    const move = async (body: object): Promise<RawAnswer> => ask('/_page/clock', { method: 'POST', headers, body });
    await move({ by_ms: 90_000 });
    expect((await look()).clock_offset_ms).toBe(90_000);
    expect((await move({ by_ms: 1e15 })).json).toMatchObject({ error: { params: { field: 'clock' } } });
    await move({ reset: true });
    expect((await look()).clock_offset_ms).toBe(0);
  });

  test('the platform’s keys without a file, and a rotation', async () => {
    const headers = await own();
    const rotate = async (body: object): Promise<RawAnswer> => ask('/_page/rotate', { method: 'POST', headers, body });
    const first = stage.emulator.info.platform_serial_no!;
    await rotate({ step: 'issue', days: 3 });
    await rotate({ step: 'switch', share: 0.25 });
    const { keys } = await look();
    const newest = (keys['listed'] as string[])[1];
    expect(keys).toMatchObject({
      mode: 'mixed',
      signing: first,
      listed: [first, newest],
      successor: { id: newest, share: 0.25 },
    });
    expect((keys['expires_at'] as number[])[1]! - stage.now()).toBeLessThan(4 * 86_400_000);
    expect(keys).not.toHaveProperty('files');
    await rotate({ step: 'switch' });
    await rotate({ step: 'retire' });
    expect((await look()).keys).toMatchObject({ signing: newest, listed: [newest], successor: null });
  });

  test('a snapshot larger than any other body comes and goes, and all is forgotten on demand', async () => {
    const headers = await own();
    const { number } = await place({ attach: hostile });
    const saved = (await ask('/_page/snapshot', { headers })).json;
    // More than the 1 MiB that every other call may have.
    const padded = { ...saved, padding: 'x'.repeat(2 * 1024 * 1024) };
    await ask('/_page/reset', { method: 'POST', headers, body: {} });
    expect((await look()).orders.total).toBe(0);
    const loaded = await ask('/_page/snapshot', { method: 'POST', headers, body: padded });
    expect(loaded.json).toEqual({ ok: true });
    expect((await look()).orders.rows[0]).toMatchObject({ number, attach: hostile });
    const refused = await ask('/_page/snapshot', { method: 'POST', headers, body: { version: 2 } });
    expect(refused.json).toMatchObject({ error: { params: { field: 'snapshot', reason: 'version 2' } } });
    const tooLarge = await ask('/_page/pay', { method: 'POST', headers, body: padded });
    expect(tooLarge.status).toBe(413);
  });

  test('is bounded, and is not sent again while it is the same', async () => {
    for (let count = 0; count < 120; count += 1) await place();
    const headers = await own();
    const first = (await ask('/_page/state', { headers })).json as unknown as State;
    expect(first.state!.orders.rows).toHaveLength(100);
    expect(first.state!.orders.total).toBeGreaterThanOrEqual(120);
    const second = (await ask(`/_page/state?version=${first.version}`, { headers })).json as unknown as State;
    expect(second).not.toHaveProperty('state');
    expect(second.version).toBe(first.version);
  });
});
