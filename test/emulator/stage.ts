/** An emulator with a clock that the test moves. */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/core/ports.ts';
import type { Emulator, EmulatorOptions } from '../../src/emulator/contract.ts';
import { startEmulator } from '../../src/emulator/server.ts';
import { makeClient } from './raw-client.ts';
import type { RawClient } from './raw-client.ts';

/** 2026-11-23T10:34:56+08:00 */
export const start = Date.UTC(2026, 10, 23, 2, 34, 56);

export interface Stage {
  readonly emulator: Emulator;
  readonly client: RawClient;
  readonly dir: string;
  readonly now: () => number;
  /** Moves the emulator's clock. */
  readonly advance: (milliseconds: number) => void;
  /** A number that no test has used. */
  readonly number: () => string;
  end(): Promise<void>;
}

export function tempDir(): string {
  return mkdtempSync(join(tmpdir(), 'wxpay-emulator-'));
}

/** Real sleeping, held time. */
export function heldClock(): Clock & { advance(milliseconds: number): void } {
  let offset = 0;
  return {
    now: () => start + offset,
    monotonic: () => performance.now(),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          clearTimeout(timer);
          reject(signal?.reason as Error);
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener('abort', stop);
          resolve();
        }, milliseconds);
        signal?.addEventListener('abort', stop, { once: true });
      }),
    advance(milliseconds) {
      offset += milliseconds;
    },
  };
}

export async function openStage(options: Partial<EmulatorOptions> = {}): Promise<Stage> {
  const clock = heldClock();
  const dir = options.dir ?? tempDir();
  const emulator = await startEmulator({ clock, randomBytes: (size) => randomBytes(size), dir, ...options });
  let made = 0;
  return {
    emulator,
    client: makeClient(emulator.info, () => clock.now()),
    dir,
    now: () => clock.now(),
    advance: (milliseconds) => clock.advance(milliseconds),
    number: () => {
      made += 1;
      return `T${String(made).padStart(9, '0')}`;
    },
    async end() {
      await emulator.close();
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Another emulator with the same keys, which saves the time to make them; its orders are its own. */
export async function openSibling(stage: Stage, options: Partial<EmulatorOptions> = {}): Promise<Stage> {
  const dir = tempDir();
  cpSync(stage.dir, dir, { recursive: true });
  const sibling = await openStage({ ...options, dir });
  return {
    ...sibling,
    async end() {
      await sibling.end();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A body that every prepay endpoint of the party accepts; `extra` is laid over it. */
export function orderBody(stage: Stage, product: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  const { mchid, appid } = stage.emulator.info;
  return {
    appid,
    mchid,
    description: '测试商品-中杯拿铁',
    out_trade_no: stage.number(),
    notify_url: 'http://127.0.0.1:9/notify',
    amount: { total: 1290, currency: 'CNY' },
    ...(product === 'jsapi' ? { payer: { openid: 'oABCD5example_openid00000001' } } : {}),
    ...(product === 'h5' ? { scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } } } : {}),
    ...extra,
  };
}

/** The same for the service provider that every emulator has. */
export function partnerBody(
  stage: Stage,
  product: string,
  extra: Record<string, unknown> = {},
): Record<string, unknown> {
  const provider = stage.emulator.merchants.find(({ subMerchants }) => subMerchants !== undefined)!;
  const { appid: _appid, mchid: _mchid, payer: _payer, ...common } = orderBody(stage, product);
  return {
    ...common,
    sp_appid: provider.appids[0],
    sp_mchid: provider.mchid,
    sub_mchid: provider.subMerchants![0]!.mchid,
    ...(product === 'jsapi' ? { payer: { sp_openid: 'oABCD5example_openid00000001' } } : {}),
    ...extra,
  };
}
