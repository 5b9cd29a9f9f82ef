/** Talks to a running emulator: how the commands `emulator pay`, `env` and `fault` reach it. */
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { WxpayError, errorCodes } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { ClockChange, ClockState } from './business-clock.ts';
import type { CallbackRecord, CallbackSummary } from './callback-outbox.ts';
import type { CallbackSettings, CallbackSettingsChange } from './callback-settings.ts';
import type { EmulatorInfo, EmulatorRecord } from './contract.ts';
import { controlPrefix, tokenHeader } from './control-protocol.ts';
import type { FaultInput, FaultRule } from './faults.ts';
import type { MerchantSwitches, MerchantSwitchesChange } from './merchant-switches.ts';
import type { PayRequest, PayResult } from './payer.ts';
import type { AuthCode, Payer, PayerChange } from './payers.ts';
import type { SettleRequest, SettleResult } from './refund-outcome.ts';
import type { RefundSettings, RefundSettingsChange } from './refund-settings.ts';
import type { Ledger } from './refunds.ts';
import type { RotateRequest, RotationState } from './rotation.ts';
import type { EmulatorState } from './state.ts';
import type { SeedRequest, SeededOrder } from './seed.ts';
import type { ConfirmRequest, ConfirmResult } from './transfer-desk.ts';
import type { TransferEntry, TransferSettings } from './transfers.ts';

export interface EmulatorClient {
  readonly url: string;
  info(mchid?: string): Promise<EmulatorInfo>;
  pay(request: PayRequest): Promise<PayResult>;
  /** The payment code that a payer's phone shows; without an openid, a new payer's. */
  issueCode(openid?: string): Promise<AuthCode>;
  changePayer(openid: string, change: PayerChange): Promise<Payer>;
  changeMerchant(mchid: string, change: MerchantSwitchesChange): Promise<MerchantSwitches>;
  rotate(request: RotateRequest): Promise<RotationState>;
  seed(request: SeedRequest): Promise<readonly SeededOrder[]>;
  settleRefund(request: SettleRequest): Promise<SettleResult>;
  refundSettings(): Promise<RefundSettings>;
  configureRefunds(change: RefundSettingsChange): Promise<RefundSettings>;
  ledger(): Promise<Ledger>;
  confirmTransfer(request: ConfirmRequest): Promise<ConfirmResult>;
  transferSettings(): Promise<TransferSettings>;
  configureTransfers(change: Partial<TransferSettings>): Promise<TransferSettings>;
  transferLedger(): Promise<readonly TransferEntry[]>;
  reset(): Promise<void>;
  snapshot(): Promise<EmulatorState>;
  restore(state: object): Promise<void>;
  clock(): Promise<ClockState>;
  moveClock(change: ClockChange): Promise<ClockState>;
  callbacks(): Promise<readonly CallbackSummary[]>;
  /** One callback with every send and what went over the wire. */
  callback(id: string): Promise<CallbackRecord>;
  redeliver(id: string): Promise<CallbackRecord>;
  callbackSettings(): Promise<CallbackSettings>;
  configureCallbacks(change: CallbackSettingsChange): Promise<CallbackSettings>;
  addFault(fault: FaultInput): Promise<FaultRule>;
  /** All of them, or none. */
  addFaults(faults: readonly FaultInput[]): Promise<readonly FaultRule[]>;
  listFaults(): Promise<readonly FaultRule[]>;
  clearFaults(id?: string): Promise<{ readonly cleared: number }>;
}

/**
 * Finds the emulator that was started in `dir`.
 *
 * @param url calls it there instead of where it says it is (a mapped port)
 * @throws WxpayError `EMULATOR_NOT_RUNNING`; its methods throw that too, and what the emulator itself refuses with
 */
export async function findEmulator(dir: string, url?: string): Promise<EmulatorClient> {
  const record = await readRecord(dir);
  const base = url ?? record.url;
  const call = async <T>(method: string, name: string, input?: object): Promise<T> =>
    callControl<T>(base, record.token, method, name, input);
  return {
    url: base,
    info: async (mchid) => call('POST', 'info', mchid === undefined ? {} : { mchid }),
    pay: async (request) => call('POST', 'pay', request),
    issueCode: async (openid) => call('POST', 'codes', openid === undefined ? {} : { openid }),
    changePayer: async (openid, change) => call('POST', 'payers', { ...change, openid }),
    changeMerchant: async (mchid, change) => call('POST', 'switches', { ...change, mchid }),
    rotate: async ({ oldDays, ...request }) =>
      call('POST', 'rotate', { ...request, ...(oldDays === undefined ? {} : { old_days: oldDays }) }),
    seed: async (request) => call('POST', 'seed', request),
    settleRefund: async (request) => call('POST', 'refund', request),
    refundSettings: async () => call('GET', 'refunds'),
    configureRefunds: async (change) => call('POST', 'refunds', change),
    reset: async () => {
      await call('POST', 'reset', {});
    },
    snapshot: async () => call('GET', 'snapshot'),
    restore: async (state) => {
      await call('POST', 'snapshot', state);
    },
    clock: async () => call('GET', 'clock'),
    moveClock: async (change) => call('POST', 'clock', change),
    ledger: async () => call('GET', 'ledger'),
    confirmTransfer: async (request) => call('POST', 'transfer', request),
    transferSettings: async () => call('GET', 'transfers'),
    configureTransfers: async (change) => call('POST', 'transfers', change),
    transferLedger: async () => call('GET', 'transfer-ledger'),
    callbacks: async () => call('GET', 'callbacks'),
    callback: async (id) => call('POST', 'callbacks', { id }),
    redeliver: async (id) => call('POST', 'redeliver', { id }),
    callbackSettings: async () => call('GET', 'callback-settings'),
    configureCallbacks: async (change) => call('POST', 'callback-settings', change),
    addFault: async (fault) => call('POST', 'faults', fault),
    addFaults: async (rules) => call('POST', 'faults', { rules }),
    listFaults: async () => call('GET', 'faults'),
    clearFaults: async (id) => call('DELETE', 'faults', id === undefined ? {} : { id }),
  };
}

/** The URL of the emulator that was started in `dir` and answers there with its own token; `undefined` when none does. */
export async function runningEmulator(dir: string): Promise<string | undefined> {
  try {
    const { url, token } = await readRecord(dir);
    await callControl(url, token, 'POST', 'info', {}, 2000);
    return url;
  } catch {
    // No record, or one that a killed emulator left: nobody answers, or somebody else.
    return undefined;
  }
}

/**
 * The time of the emulator that answers at an address; `undefined` where nobody answers, or somebody else.
 *
 * @param ca PEM of the authority that its HTTPS is trusted by
 */
export async function emulatorTime(base: string, ca?: string): Promise<number | undefined> {
  const url = new URL('/healthz', base);
  const options = { agent: false, timeout: 2000, ...(ca === undefined ? {} : { ca }) } as const;
  const text = await new Promise<string>((resolve) => {
    const nobody = (): void => resolve('');
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        // Whoever has so much to say is somebody else.
        if (size > 1024) request.destroy();
      });
      response.on('error', nobody);
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', nobody);
    request.on('close', nobody);
    request.end();
  });
  const { ok, now } = (readAnswer(text) ?? {}) as { readonly ok?: unknown; readonly now?: unknown };
  return ok === true && typeof now === 'number' && Number.isSafeInteger(now) ? now : undefined;
}

async function readRecord(dir: string): Promise<EmulatorRecord> {
  try {
    const record = JSON.parse(await readFile(join(dir, 'emulator.json'), 'utf8')) as EmulatorRecord;
    if (typeof record.url === 'string' && typeof record.token === 'string') return record;
  } catch {
    // No file, or not ours: said below.
  }
  throw new WxpayError('EMULATOR_NOT_RUNNING', { params: { url: dir } });
}

async function callControl<T>(
  base: string,
  token: string,
  method: string,
  name: string,
  input?: object,
  timeoutMs = 30_000,
): Promise<T> {
  const url = new URL(`${controlPrefix}${name}`, base);
  const body = input === undefined ? '' : JSON.stringify(input);
  const headers = {
    [tokenHeader]: token,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body);
  }).catch((error: unknown) => {
    throw new WxpayError('EMULATOR_NOT_RUNNING', { params: { url: base }, cause: error });
  });
  const answer = readAnswer(text);
  if (status === 200 && answer !== undefined) return answer as T;
  throw refusal(answer, base);
}

function readAnswer(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The emulator's own refusal; anything else means that somebody else answers there. */
function refusal(answer: unknown, url: string): WxpayError {
  const { code, params } =
    (answer as { error?: { code?: string; params?: Record<string, string> } } | undefined)?.error ?? {};
  const known = (errorCodes as readonly string[]).includes(code ?? '') && code !== 'CREDENTIALS_REFUSED';
  if (known) return new WxpayError(code as ErrorCode, { params: params ?? {} });
  return new WxpayError('EMULATOR_NOT_RUNNING', { params: { url } });
}
