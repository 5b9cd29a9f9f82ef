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
      if (holdsCallback(request.headers, text, stage.emulator.info)) {
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
    browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox'], timeout: 60_000 });
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
    const page = await open('/', { viewport: { width: 400, height: 800 } });
    for (const tab of ['orders', 'refunds', 'callbacks', 'requests', 'faults']) {
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
