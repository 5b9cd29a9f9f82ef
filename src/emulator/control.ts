/**
 * The control API under `/_emulator/`: what stands in for the payer and for trouble. Every call but `healthz` carries the
 * token of this instance (THREATS I3). Answers are plain JSON, unsigned; errors are `{error: {code, params}}`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { WxpayError } from '../core/errors.ts';
import type { CallbackRecord } from './callback-outbox.ts';
import type { FaultInput } from './faults.ts';
import { headerOf } from './gateway.ts';
import type { RawRequest } from './gateway.ts';
import type { Emulator } from './contract.ts';
import { controlPrefix, tokenHeader } from './control-protocol.ts';
import { readMerchantOptions } from './merchant-options.ts';
import type { RotateRequest } from './rotation.ts';
import type { RefundOutcome } from './rules/refund.ts';
import type { FailReason } from './rules/transfer.ts';
import type { SeedRequest } from './seed.ts';

interface Control {
  readonly token: string;
  readonly emulator: Emulator;
}

type Action = (emulator: Emulator, input: Readonly<Record<string, unknown>>) => unknown;

/** `METHOD name` → what it does with the JSON body. */
const actions: Readonly<Record<string, Action>> = {
  'GET info': (emulator) => emulator.info,
  'POST info': (emulator, input) => emulator.infoOf(text(input, 'mchid') ?? emulator.info.mchid),
  'GET requests': (emulator) => emulator.requests,
  'GET merchants': (emulator) =>
    emulator.merchants.map(({ mchid, appids, serialNo, subMerchants }) => ({
      mchid,
      appids,
      serial_no: serialNo,
      sub_merchants: subMerchants ?? [],
    })),
  'POST merchants': async (emulator, input) => {
    const merchant = await emulator.addMerchant(readMerchantOptions(input));
    return { mchid: merchant.mchid, serial_no: merchant.serialNo, ...merchant.files };
  },
  'POST switches': (emulator, input) => {
    const { mchid, ...change } = input;
    if (typeof mchid !== 'string' || mchid === '') throw invalid('mchid');
    return emulator.changeMerchant(mchid, change);
  },
  'POST pay': async (emulator, input) => {
    const order = text(input, 'order');
    if (order === undefined) throw invalid('order');
    const mchid = text(input, 'mchid');
    const openid = text(input, 'openid');
    return emulator.pay({
      order,
      ...(mchid === undefined ? {} : { mchid }),
      ...(openid === undefined ? {} : { openid }),
      callback: input['callback'] !== false,
      decline: input['decline'] === true,
    });
  },
  'POST codes': (emulator, input) => emulator.issueCode(text(input, 'openid')),
  'POST payers': (emulator, input) => {
    const { openid, ...change } = input;
    if (typeof openid !== 'string' || openid === '') throw invalid('openid');
    return emulator.changePayer(openid, change);
  },
  'POST rotate': (emulator, input) => emulator.rotate(readRotateRequest(input)),
  'POST seed': (emulator, input) => emulator.seed(input as unknown as SeedRequest),
  'POST refund': async (emulator, input) => {
    const refund = text(input, 'refund');
    if (refund === undefined) throw invalid('refund');
    const mchid = text(input, 'mchid');
    const outcome = text(input, 'outcome');
    return emulator.settleRefund({
      refund,
      ...(mchid === undefined ? {} : { mchid }),
      ...(outcome === undefined ? {} : { outcome: outcome as RefundOutcome }),
      callback: input['callback'] !== false,
    });
  },
  'GET refunds': (emulator) => emulator.refundSettings,
  'POST refunds': (emulator, input) => emulator.configureRefunds(input),
  'POST transfer': async (emulator, input) => {
    const transfer = text(input, 'transfer');
    if (transfer === undefined) throw invalid('transfer');
    const mchid = text(input, 'mchid');
    const outcome = text(input, 'outcome');
    const reason = text(input, 'reason');
    return emulator.transfers.confirm({
      transfer,
      ...(mchid === undefined ? {} : { mchid }),
      ...(outcome === undefined ? {} : { outcome: outcome as 'success' }),
      ...(reason === undefined ? {} : { reason: reason as FailReason }),
      callback: input['callback'] !== false,
    });
  },
  'GET transfers': (emulator) => emulator.transfers.settings(),
  'POST transfers': (emulator, input) => emulator.transfers.configure(input),
  'GET transfer-ledger': (emulator) => emulator.transfers.ledger(),
  'POST reset': (emulator) => {
    emulator.reset();
    return { ok: true };
  },
  'GET snapshot': (emulator) => emulator.snapshot(),
  'POST snapshot': (emulator, input) => {
    emulator.restore(input);
    return { ok: true };
  },
  'GET clock': (emulator) => emulator.clock,
  'POST clock': (emulator, input) => emulator.moveClock(input),
  'GET ledger': (emulator) => emulator.ledger(),
  'GET callbacks': (emulator) => emulator.callbacks,
  'POST callbacks': (emulator, input) => {
    const id = text(input, 'id');
    if (id === undefined) throw invalid('id');
    return callbackOr404(id, emulator.outbox.find(id));
  },
  'POST redeliver': async (emulator, input) => {
    const id = text(input, 'id');
    if (id === undefined) throw invalid('id');
    return callbackOr404(id, await emulator.outbox.redeliver(id));
  },
  'GET callback-settings': (emulator) => emulator.outbox.settings(),
  'POST callback-settings': (emulator, input) => emulator.outbox.configure(input),
  'GET faults': (emulator) => emulator.faults.list(),
  'POST faults': (emulator, input) => {
    const { rules, ...fault } = input;
    if (rules === undefined) return emulator.faults.add(fault as unknown as FaultInput);
    if (!Array.isArray(rules) || Object.keys(fault).length > 0) throw invalid('rules');
    return emulator.faults.addAll(rules as readonly FaultInput[]);
  },
  'DELETE faults': (emulator, input) => ({ cleared: emulator.faults.clear(text(input, 'id')) }),
};

/** A snapshot may be large, from whoever holds a token. */
export const snapshotBytes = 512 * 1024 * 1024;

/** How much of a body is read. */
export function controlBodyLimit(target: string, headers: RawRequest['headers'], token: string): number | undefined {
  const [given = ''] = headers.get(tokenHeader) ?? [];
  return target === `${controlPrefix}snapshot` && sameText(given, token) ? snapshotBytes : undefined;
}

/** That it runs, for whoever waits for it, and its own time: no token, no secrets. */
export function sendHealth(response: ServerResponse, { now }: Emulator['clock']): void {
  answer(response, 200, { ok: true, now });
}

export async function handleControl(request: RawRequest, response: ServerResponse, control: Control): Promise<void> {
  const name = `${request.method} ${request.target.slice(controlPrefix.length)}`;
  if (name === 'GET healthz') {
    sendHealth(response, control.emulator.clock);
    return;
  }
  if (!sameText(headerOf(request, tokenHeader) ?? '', control.token)) {
    answer(response, 401, { error: { code: 'CREDENTIALS_REFUSED', params: { status: 401 } } });
    return;
  }
  await carryOut(name, request, response, control.emulator);
}

/** Does what `METHOD name` stands for with the JSON body, and answers. Whoever calls has asked for a token. */
export async function carryOut(
  name: string,
  request: Pick<RawRequest, 'target' | 'body'>,
  response: ServerResponse,
  emulator: Emulator,
): Promise<void> {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) {
    answer(response, 404, { error: { code: 'NOT_FOUND', params: { what: request.target } } });
    return;
  }
  try {
    answer(response, 200, await action(emulator, readInput(request)));
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    answer(response, 400, { error: { code: error.code, params: error.params } });
  }
}

function callbackOr404(id: string, record: CallbackRecord | undefined): CallbackRecord {
  if (record === undefined) throw new WxpayError('NOT_FOUND', { params: { what: id } });
  return record;
}

function readInput(request: Pick<RawRequest, 'body'>): Readonly<Record<string, unknown>> {
  if (request.body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(request.body.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw invalid('body');
}

function readRotateRequest(input: Readonly<Record<string, unknown>>): RotateRequest {
  const names = { step: 'step', mode: 'mode', days: 'days', old_days: 'oldDays', share: 'share' } as const;
  const request: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    const wanted = name === 'step' || name === 'mode' ? 'string' : 'number';
    if (!Object.hasOwn(names, name) || typeof value !== wanted) throw invalid(name);
    request[names[name as keyof typeof names]] = value;
  }
  return request;
}

function text(input: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = input[name];
  if (value !== undefined && typeof value !== 'string') throw invalid(name);
  return value;
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body), 'utf8');
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(bytes.length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(bytes);
}

export function sameText(a: string, b: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}
