/** The emulator's page in a real browser. */
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decrypt, holdsCallback } from './merchant-app.ts';
import { openStage, orderBody } from '../emulator/stage.ts';
import { makeHome } from '../helpers/cli.ts';
import type { Stage } from '../emulator/stage.ts';

const executable = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const there = existsSync(executable);
if (!there) process.stderr.write(`emulator page: skipped, there is no Chromium at ${executable}\n`);
/** Set to a folder: keeps what the browser shows. */
const pictures = process.env['WXPAY_PAGE_PICTURES'];

const hostile =
  '"><img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>\u202etxt.exe\u0007';
const native = '/v3/pay/transactions/native';

/** A merchant's app: acknowledges what is signed by the platform and can be decrypted, and nothing else. */
interface App {
  readonly url: string;
  readonly verified: Record<string, unknown>[];
  readonly refused: string[];
  close(): Promise<void>;
}

async function openApp(stage: Stage): Promise<App> {
  const verified: Record<string, unknown>[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      if (holdsCallback(request.headers, text, stage.emulator.infoOf(stage.emulator.info.mchid))) {
        verified.push(decrypt(text, stage.emulator.info.api_v3_key));
        response.writeHead(204).end();
      } else {
        refused.push(text);
        response.writeHead(401, { 'x-app': hostile.replaceAll(/[^\x20-\x7e]/g, '') }).end(hostile);
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    verified,
    refused,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

describe.skipIf(!there)('the page in Chromium', () => {
  let stage: Stage;
  let app: App;
  let browser: Browser;
  const troubles: string[] = [];

  beforeAll(async () => {
    stage = await openStage({ refunds: { settle_after_ms: null }, callbackTimeoutMs: 2000 });
    app = await openApp(stage);
    browser = await chromium.launch({
      executablePath: executable,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
      timeout: 60_000,
    });
  });
  afterAll(async () => {
    await browser?.close();
    await app?.close();
    await stage?.end();
  });

  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ locale: 'en-US', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') troubles.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => {
      troubles.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${stage.emulator.url}/`)) troubles.push(`request: ${request.url()}`);
    });
    await page.goto(`${stage.emulator.url}${path}`);
    return page;
  }

  /** What went wrong in the browser since the last look. */
  const trouble = (): string[] => troubles.splice(0);

  async function place(extra: Record<string, unknown> = {}): Promise<{ number: string; codeUrl: string }> {
    const body = orderBody(stage, 'native', { notify_url: app.url, ...extra });
    const { json } = await stage.client.call('POST', native, body);
    return { number: body['out_trade_no'] as string, codeUrl: json['code_url'] as string };
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    for (const width of [1280, 400]) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(pictures, `${name}-${width}.png`), fullPage: true });
    }
  }

  test('pays an order by the text of its QR code, and sees the callback verified', async () => {
    const { number, codeUrl } = await place();
    const page = await open('/');
    await page.getByLabel('Find an order').fill(codeUrl);
    await page.getByRole('button', { name: 'Open pay page' }).click();
    await page.getByText(number).waitFor();
    await page.getByText('¥12.90', { exact: true }).waitFor();
    await picture(page, 'pay');
    await page.getByLabel('openid').fill('oPayer_0001');
    await page.getByRole('button', { name: 'Pay ¥12.90' }).click();
    await page.getByText(`Paid ${number}. The callback was acknowledged with 204.`).waitFor();
    await page.locator('[data-state="SUCCESS"]').waitFor();
    expect(await page.getByRole('button', { name: /Pay ¥/ }).count()).toBe(0);
    expect(app.verified.at(-1)).toMatchObject({
      out_trade_no: number,
      trade_state: 'SUCCESS',
      payer: { openid: 'oPayer_0001' },
    });

    await page.goto(`${stage.emulator.url}/#callbacks`);
    const row = page.locator('[data-list="callbacks"] details').first();
    await row.getByText('acknowledged', { exact: true }).first().waitFor();
    await row.locator('summary').click();
    await row.getByText('Wechatpay-Signature').waitFor();
    await row.getByText('HTTP 204').waitFor();
    await picture(page, 'callbacks');
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('shows a new order by itself, and pays it from the list', async () => {
    const page = await open('/');
    await page.locator('.state.live').waitFor();
    const { number } = await place();
    const row = page.locator('[data-list="orders"] details', { hasText: number });
    await row.locator('summary').click();
    await row.getByRole('button', { name: 'Pay ¥12.90' }).click();
    await row.getByText('SUCCESS').waitFor();
    await picture(page, 'orders');
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('declines a payment by code', async () => {
    const { mchid, appid } = stage.emulator.info;
    const number = stage.number();
    await stage.client.call('POST', '/v3/pay/transactions/codepay', {
      appid,
      mchid,
      description: 'x',
      out_trade_no: number,
      amount: { total: 100_001, currency: 'CNY' },
      payer: { auth_code: stage.emulator.issueCode().auth_code },
      scene_info: { store_info: { id: '1' } },
    });
    const page = await open(`/pay?code_url=${number}`);
    await page.getByRole('button', { name: 'Decline' }).click();
    await page.locator('[data-state="NOTPAY"]').waitFor();
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('settles a refund', async () => {
    const { number } = await place();
    await stage.emulator.pay({ order: number, callback: false });
    await stage.client.call('POST', '/v3/refund/domestic/refunds', {
      out_trade_no: number,
      out_refund_no: `R${number}`,
      notify_url: app.url,
      amount: { refund: 90, total: 1290, currency: 'CNY' },
    });
    const page = await open('/#refunds');
    const row = page.locator('[data-list="refunds"] details').first();
    await row.locator('summary').click();
    await picture(page, 'refunds');
    await row.getByRole('button', { name: 'Succeed' }).click();
    await row.locator('.chip', { hasText: 'SUCCESS' }).waitFor();
    expect(app.verified.at(-1)).toMatchObject({ out_refund_no: `R${number}`, refund_status: 'SUCCESS' });
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('switches a fault on and off, and the log tells which check refused a request', async () => {
    const page = await open('/#faults');
    await page.locator('select[name="kind"]').selectOption('signature');
    await page.locator('select[name="variant"]').selectOption('wrong');
    await page.getByLabel('How often').fill('2');
    await page.getByRole('button', { name: 'Add fault' }).click();
    const rule = page.locator('[data-list="faults"] [data-key]');
    await rule.getByText('times left: 2').waitFor();
    await picture(page, 'faults');
    await stage.client.call('GET', '/v3/certificates');
    await rule.getByText('times left: 1').waitFor();
    await rule.getByRole('button', { name: 'Remove' }).click();
    await rule.waitFor({ state: 'detached' });
    expect(stage.emulator.faults.list()).toEqual([]);

    await stage.client.call('GET', '/v3/certificates', undefined, { signedTarget: '/v3/else' });
    await page.locator('[data-tab="requests"]').click();
    const row = page.locator('[data-list="requests"] details', { hasText: 'refused: signature' }).first();
    await row.locator('summary').click();
    await row.locator('[data-check="serial"].passed').waitFor();
    await row.locator('[data-check="signature"].refused').waitFor();
    await row.locator('[data-check="rules"].not-reached').waitFor();
    await picture(page, 'requests');
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('plays the user of a transfer: the money on its way, then refused', async () => {
    const transfer = async (): Promise<string> => {
      const number = stage.number();
      const { appid, platform_serial_no: serial } = stage.emulator.info;
      const { status } = await stage.client.call(
        'POST',
        '/v3/fund-app/mch-transfer/transfer-bills',
        {
          appid,
          out_bill_no: number,
          openid: 'oABCD5example_openid00000001',
          transfer_amount: 1000,
          transfer_remark: '新会员有礼',
          transfer_scene_id: '1000',
          transfer_scene_report_infos: [
            { info_type: '活动名称', info_content: '新会员有礼' },
            { info_type: '奖励说明', info_content: '注册会员抽奖一等奖' },
          ],
          notify_url: app.url,
        },
        { headers: { 'wechatpay-serial': serial! } },
      );
      expect(status).toBe(200);
      return number;
    };
    stage.emulator.transfers.configure({ pay_ms: 60_000 });
    const confirmed = await transfer();
    const failed = await transfer();
    const page = await open('/#transfers');
    const rowOf = (number: string) => page.locator('[data-list="transfers"] details', { hasText: number });
    const row = rowOf(failed);
    await row.locator('summary').click();
    await picture(page, 'transfers');
    await row.getByRole('button', { name: 'Confirm, the money takes its time' }).click();
    await row.locator('.chip', { hasText: 'TRANSFERING' }).waitFor();
    await row.getByText('Arrives by itself at').waitFor();
    expect(await row.locator('[data-action="transfer-transfering"]').count()).toBe(0);
    await row.locator('select[name="reason"]').selectOption('REAL_NAME_CHECK_FAIL');
    await row.getByRole('button', { name: 'Let it fail' }).click();
    await page
      .getByText(`Transfer ${failed} is now FAIL. The callback was acknowledged with 204.`, { exact: true })
      .waitFor();
    expect(app.verified.at(-1)).toMatchObject({
      out_bill_no: failed,
      state: 'FAIL',
      fail_reason: 'REAL_NAME_CHECK_FAIL',
    });
    expect(await row.getByRole('button').count()).toBe(0);
    await rowOf(confirmed).locator('summary').click();
    await rowOf(confirmed).getByRole('button', { name: 'Confirm', exact: true }).click();
    await rowOf(confirmed).locator('.chip', { hasText: 'SUCCESS' }).waitFor();
    expect(app.verified.at(-1)).toMatchObject({ out_bill_no: confirmed, state: 'SUCCESS' });
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('describes a payer, whose payment by code then fails, and shows the code of the phone', async () => {
    const page = await open('/#payers');
    const openid = `oPoor ${hostile}`;
    await page.locator('input[name="payer"]').fill(openid);
    await page.locator('select[name="wallet"]').selectOption('fen');
    await page.getByLabel('Fen in the wallet').fill('100');
    await page.locator('select[name="bank"]').selectOption('down');
    await page.getByRole('button', { name: 'Change payer' }).click();
    const row = page.locator('[data-list="payers"] [data-key]');
    await row.getByText('¥1.00', { exact: true }).waitFor();
    await row.getByText('bank does not answer', { exact: true }).waitFor();
    expect(await row.locator('.name').innerText()).toContain('<script>');
    await row.getByRole('button', { name: 'Payment code' }).click();
    const code = await page.locator('[data-code] strong').innerText();
    expect(code).toMatch(/^13\d{16}$/);
    await picture(page, 'payers');
    // Only what is chosen is changed.
    await row.getByRole('button', { name: 'Change…' }).click();
    await page.locator('select[name="bank"]').selectOption('up');
    await page.getByRole('button', { name: 'Change payer' }).click();
    await row.getByText('bank does not answer', { exact: true }).waitFor({ state: 'detached' });
    await row.getByText('¥1.00', { exact: true }).waitFor();
    const { mchid, appid } = stage.emulator.info;
    const asked = await stage.client.call('POST', '/v3/pay/transactions/codepay', {
      appid,
      mchid,
      description: 'x',
      out_trade_no: stage.number(),
      amount: { total: 101, currency: 'CNY' },
      payer: { auth_code: code },
      scene_info: { store_info: { id: '1' } },
    });
    expect(asked.json['code']).toBe('NOT_ENOUGH');
    await page.locator('input[name="payer"]').fill('');
    await page.getByRole('button', { name: 'Change payer' }).click();
    await page.getByText('Whose openid?').waitFor();
    expect(await page.title()).toBe('WeChat Pay emulator');
    // The page is told so by the server, which the browser notes.
    expect(trouble()).toEqual([expect.stringContaining('400')]);
    await page.context().close();
  });

  test('moves the emulator’s time: an order expires before the eyes, and real time comes back', async () => {
    const { number } = await place();
    const page = await open('/');
    const order = page.locator('[data-list="orders"] details', { hasText: number });
    await order.locator('summary').click();
    await order.getByRole('button', { name: 'Pay ¥12.90' }).waitFor();
    await page.locator('[data-tab="settings"]').click();
    const card = page.locator('[data-card="clock"]');
    await card.getByText('no: it is the real time').waitFor();
    await card.getByLabel('By').fill('2.5');
    await card.getByRole('button', { name: 'Forward' }).click();
    await card.getByText('+2h 30m').waitFor();
    await page.locator('header').getByText('+2h 30m').waitFor();
    await page.locator('[data-tab="orders"]').click();
    await order.getByRole('button', { name: 'Pay ¥12.90' }).waitFor({ state: 'detached' });
    await page.locator('[data-tab="settings"]').click();
    await card.getByLabel('Beijing time').fill('2026-12-01T10:00:00');
    await card.getByRole('button', { name: 'Set' }).click();
    await page.getByText('It is now 2026-12-01 10:00:00.').waitFor();
    await picture(page, 'settings');
    expect(Math.abs(stage.emulator.clock.now - Date.parse('2026-12-01T10:00:00+08:00'))).toBeLessThan(60_000);
    await card.getByRole('button', { name: 'Real time' }).click();
    await card.getByText('no: it is the real time').waitFor();
    expect(stage.emulator.clock.offset_ms).toBe(0);
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('rotates the platform’s keys step by step, and changes the mode', async () => {
    const page = await open('/#settings');
    const card = page.locator('[data-card="keys"]');
    const first = stage.emulator.rotation.signing;
    await card.getByText(first).first().waitFor();
    await card.getByRole('button', { name: 'Issue certificate' }).click();
    await page.getByText(/^Issued \w{40}\. \w{40} still signs\.$/).waitFor();
    const newest = stage.emulator.rotation.listed[1]!;
    await card.getByText(newest).first().waitFor();
    await card.getByLabel('Percent of the answers').fill('25');
    await card.getByRole('button', { name: 'Newest signs' }).click();
    await card.getByText('Signs 25 %').waitFor();
    await picture(page, 'keys');
    await card.getByLabel('Percent of the answers').fill('100');
    await card.getByRole('button', { name: 'Newest signs' }).click();
    await page.getByText(`Signs now: ${newest}`).waitFor();
    await card.getByRole('button', { name: 'Drop the old ones' }).click();
    await card.getByText(first).first().waitFor({ state: 'detached' });
    await card.locator('select[name="mode"]').selectOption('public-key');
    await card.getByRole('button', { name: 'Change mode' }).click();
    await card.getByText(stage.emulator.info.public_key_id!).waitFor();
    await stage.emulator.rotate({ mode: 'mixed' });
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('saves a snapshot, forgets everything only when asked twice, and loads it again', async () => {
    const { number } = await place({ description: hostile });
    const page = await open('/#settings');
    const card = page.locator('[data-card="state"]');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      card.getByRole('button', { name: 'Save snapshot' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('wxpay-emulator-snapshot.json');
    const file = await download.path();
    await card.getByRole('button', { name: 'Forget everything' }).click();
    await card.getByRole('button', { name: 'Press again: Forget everything' }).waitFor();
    await picture(page, 'state');
    expect(stage.emulator.showcase.find(number)).toHaveLength(1);
    await card.getByRole('button', { name: 'Press again: Forget everything' }).click();
    await page.getByText('All is as after the first start.').waitFor();
    expect(stage.emulator.showcase.find(number)).toEqual([]);
    await card.getByLabel('Snapshot file').setInputFiles(file);
    await card.getByRole('button', { name: 'Load snapshot' }).click();
    await page.getByText('The snapshot is in the place of everything.').waitFor();
    expect(stage.emulator.showcase.find(number)).toHaveLength(1);
    for (const [text, words] of [
      ['[]', 'This file is no JSON object.'],
      ['{"version":1}', 'This is no snapshot of the emulator: without orders'],
    ] as const) {
      await card
        .getByLabel('Snapshot file')
        .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(text) });
      await card.getByRole('button', { name: 'Load snapshot' }).click();
      await page.getByText(words).waitFor();
    }
    expect(stage.emulator.showcase.find(number)).toHaveLength(1);
    expect(trouble()).toEqual([expect.stringContaining('400')]);
    await page.context().close();
  });

  test('hostile text in orders, headers, targets and answers is shown and does nothing', async () => {
    const { number } = await place({ description: hostile, attach: hostile });
    await stage.client.call('GET', `/v3/<script>document.title='owned'</script>?x="><img/onerror=alert(1)>`);
    // An app that refuses with hostile headers and bytes.
    stage.emulator.outbox.configure({ probes: 1 });
    await stage.emulator.pay({ order: number });
    const page = await open(`/pay?code_url=${encodeURIComponent(hostile)}`);
    await page.getByText('The emulator has no order by this name.').waitFor();
    await page.goto(`${stage.emulator.url}/#orders`);
    const order = page.locator('[data-list="orders"] details', { hasText: number });
    await order.locator('summary').click();
    const shown = await order.locator('dd', { hasText: '<script>' }).first().innerText();
    expect(shown).toContain('"><img src=x onerror=');
    expect(shown).toContain('U+202E');
    expect(shown).toContain('U+0007');
    expect(shown).not.toMatch(/[\u202e\u0007]/);
    await picture(page, 'hostile');
    await page.locator('[data-tab="callbacks"]').click();
    const callback = page.locator('[data-list="callbacks"] details', { hasText: number });
    await callback.locator('summary').click();
    await callback.locator('[data-try="probe"] pre', { hasText: 'HTTP 401' }).waitFor();
    await page.locator('[data-tab="requests"]').click();
    await page.locator('[data-list="requests"] summary', { hasText: '<script>' }).waitFor();
    expect(await page.title()).toBe('WeChat Pay emulator');
    expect(await page.locator('main img, main script, body > script').count()).toBe(0);
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('speaks both languages, by what the browser asks for and by the switch', async () => {
    const page = await open('/', { locale: 'zh-CN' });
    await page.getByRole('heading', { name: '微信支付模拟器' }).waitFor();
    await page.locator('.state.live').waitFor();
    await page.locator('[data-list="orders"] details').first().locator('summary').click();
    await picture(page, 'chinese');
    for (const tab of ['transfers', 'payers', 'settings']) {
      await page.locator(`[data-tab="${tab}"]`).click();
      await picture(page, `chinese-${tab}`);
    }
    await page.locator('[data-tab="orders"]').click();
    await page.getByRole('link', { name: 'English' }).click();
    await page.getByRole('heading', { name: 'WeChat Pay emulator' }).waitFor();
    // The choice stays on the way to an order.
    const { codeUrl } = await place();
    await page.getByLabel('Find an order').fill(codeUrl);
    await page.getByRole('button', { name: 'Open pay page' }).click();
    await page.getByRole('heading', { name: 'You are the payer' }).waitFor();
    await page.getByRole('link', { name: '中文' }).click();
    await page.getByRole('button', { name: '支付 ¥12.90' }).click();
    await page.getByText('回调已被确认（204）').waitFor();
    await picture(page, 'chinese-pay');
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('fits a narrow window', async () => {
    await place({ description: 'x'.repeat(100) });
    stage.emulator.changePayer('x'.repeat(128), { bank: 'down', password: 'always' });
    const page = await open('/', { viewport: { width: 400, height: 800 } });
    for (const tab of ['orders', 'refunds', 'transfers', 'callbacks', 'requests', 'payers', 'faults', 'settings']) {
      await page.locator(`[data-tab="${tab}"]`).click();
      for (const summary of await page.locator(`[data-list="${tab}"] summary`).all()) await summary.click();
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect([tab, overflow]).toEqual([tab, 0]);
    }
    expect(trouble()).toEqual([]);
    await page.context().close();
  });

  test('I3: another origin’s page can neither read it nor make it pay', async () => {
    const { number } = await place();
    const evil = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>evil'),
    );
    await new Promise<void>((resolve) => {
      evil.listen(0, '127.0.0.1', resolve);
    });
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
      const attempt = `(async () => {
        const seen = [];
        for (const [target, init] of [
          ['/', {}],
          ['/_page/state', {}],
          ['/_page/pay', { method: 'POST', body: '{"order":"${number}"}', headers: { 'content-type': 'text/plain' } }],
          ['/_page/pay', { method: 'POST', mode: 'no-cors', body: '{"order":"${number}"}' }],
        ])
          seen.push(await fetch('${stage.emulator.url}' + target, init).then((answer) => answer.type + ' ' + answer.status, (error) => error.name));
        const frame = document.createElement('iframe');
        frame.src = '${stage.emulator.url}/';
        document.body.append(frame);
        await new Promise((resolve) => frame.addEventListener('load', resolve));
        return seen;
      })()`;
      expect(await page.evaluate(attempt)).toEqual(['TypeError', 'TypeError', 'TypeError', 'opaque 0']);
      expect(stage.emulator.showcase.find(number)[0]!.state).toBe('NOTPAY');
      await context.close();
    } finally {
      evil.closeAllConnections();
      evil.close();
    }
  });

  test('the program as it is built has the page in it, and order create says where to pay', async () => {
    const home = makeHome();
    const running = home.spawn(['emulator', 'start', '--profile', 'local', '--json'], { timeout: 90_000 });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        running.stdout.on('data', (chunk: Buffer) => {
          const found = /"url":"(http:[^"]+)"/.exec(chunk.toString('utf8'))?.[1];
          if (found !== undefined) resolve(found);
        });
        void running.then((result) => reject(new Error(result.stderr)));
      });
      const made = await home.run(
        [
          'order',
          'create',
          '--profile',
          'local',
          '--type',
          'native',
          '--description',
          'x',
          '--amount',
          '1',
          '-o',
          'table',
        ].concat(['--notify-url', app.url]),
      );
      const address = /^http:\S+\/pay\?pr=\w+$/m.exec(made.stdout)?.[0];
      expect(address, made.stdout + made.stderr).toContain(`${url}/pay?pr=`);
      const context = await browser.newContext({ locale: 'en-US' });
      const page = await context.newPage();
      await page.goto(address!);
      await page.getByRole('button', { name: 'Pay without callback' }).click();
      await page.locator('[data-state="SUCCESS"]').waitFor();
      expect(await page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius")).toBe('8px');
      await context.close();
    } finally {
      running.kill('SIGINT');
      await running;
      home.remove();
    }
  });
});
