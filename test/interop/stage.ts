/** An emulator with everything around it that a client's test needs: a clock to move, a wire, a receiver for callbacks. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startEmulator } from '../../src/emulator/server.ts';
import type { Mode } from '../../src/emulator/platform.ts';
import type { RefundOutcome } from '../../src/emulator/rules/refund.ts';
import type { Emulator, EmulatorInfo } from '../../src/emulator/server.ts';
import { openWire } from './wire.ts';
import type { Wire } from './wire.ts';

/** A callback exactly as it arrived. */
export interface ReceivedCallback {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Stage {
  readonly emulator: Emulator;
  readonly info: EmulatorInfo;
  readonly wire: Wire;
  /** How far the emulator's clock is ahead of the client's, in seconds. */
  setClock(seconds: number): void;
  /** A notify_url on loopback. */
  readonly notifyUrl: string;
  readonly callbacks: readonly ReceivedCallback[];
  /** The payer pays; resolves with the callback that was delivered. */
  payAndReceive(order: string): Promise<ReceivedCallback>;
  /** The refund comes to this; resolves with the callback that was delivered. */
  settleAndReceive(refund: string, outcome: RefundOutcome): Promise<ReceivedCallback>;
  close(): Promise<void>;
}

/** A folder for the keys: emulators that follow each other in it share them, and need not make new ones. */
export async function makeHome(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'wxpay-interop-'));
}

export async function openStage(mode: Mode, home: string): Promise<Stage> {
  let ahead = 0;
  const emulator = await startEmulator({
    dir: home,
    mode,
    // What becomes of a refund is for the test to say.
    refunds: { settle_after_ms: null },
    randomBytes,
    clock: {
      now: () => Date.now() + ahead * 1000,
      monotonic: () => performance.now(),
      sleep: async (milliseconds, signal) => wait(milliseconds, undefined, signal === undefined ? {} : { signal }),
    },
  });
  const wire = await openWire(emulator.url);
  const callbacks: ReceivedCallback[] = [];
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      callbacks.push({ headers, body: Buffer.concat(chunks).toString('utf8') });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  const { port } = receiver.address() as AddressInfo;
  return {
    emulator,
    info: emulator.info,
    wire,
    setClock(seconds) {
      ahead = seconds;
    },
    notifyUrl: `http://127.0.0.1:${port}/notify`,
    callbacks,
    async payAndReceive(order) {
      const { callback } = await emulator.pay({ order });
      const received = callbacks.at(-1);
      if (callback?.delivered !== true || received === undefined) throw new Error(`not delivered: ${order}`);
      return received;
    },
    async settleAndReceive(refund, outcome) {
      const { callback } = await emulator.settleRefund({ refund, outcome });
      const received = callbacks.at(-1);
      if (callback?.delivered !== true || received === undefined) throw new Error(`not delivered: ${refund}`);
      return received;
    },
    async close() {
      receiver.closeAllConnections();
      receiver.close();
      await wire.close();
      await emulator.close();
    },
  };
}

/** What a merchant configures: the texts of the files that the emulator names. */
export interface Credentials {
  readonly mchid: string;
  readonly appid: string;
  readonly serialNo: string;
  readonly privateKey: string;
  readonly certificate: string;
  readonly apiV3Key: string;
  /** Id → PEM of a certificate or public key: everything that may sign in this mode. */
  readonly platformKeys: Readonly<Record<string, string>>;
}

export function readCredentials(info: EmulatorInfo): Credentials {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const keys = [
    [info.platform_serial_no, info.platform_certificate_file],
    [info.public_key_id, info.public_key_file],
  ].flatMap(([id, file]) => (typeof id === 'string' && typeof file === 'string' ? [[id, read(file)] as const] : []));
  return {
    mchid: info.mchid,
    appid: info.appid,
    serialNo: info.serial_no,
    privateKey: read(info.private_key_file),
    certificate: read(info.certificate_file),
    apiV3Key: info.api_v3_key,
    platformKeys: Object.fromEntries(keys),
  };
}

let made = 0;

/** A number that no order has yet. Mixed case, and with the three marks that HTTP clients like to encode on their own. */
export function nextOutTradeNo(): string {
  made += 1;
  return `Interop-${process.pid}_${made}`;
}

/** A number that no refund has yet. */
export function nextOutRefundNo(): string {
  made += 1;
  return `Refund-${process.pid}_${made}`;
}
