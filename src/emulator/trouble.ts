/** Acts and answers with the trouble that a fault asks for. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../core/ports.ts';
import { sealAnswer, sendAnswer, sendCut, sendTruncated } from './answer.ts';
import type { Seal } from './answer.ts';
import type { Check } from './checks.ts';
import type { Call } from './endpoint.ts';
import type { FaultKind } from './faults.ts';
import type { OrderBook } from './orders.ts';
import type { RefundBook } from './refunds.ts';
import { replyAboutAnother } from './replay.ts';
import { bare, refuse } from './reply.ts';
import type { Reply } from './reply.ts';

export interface Stage {
  readonly response: ServerResponse;
  readonly call: Pick<Call, 'merchant' | 'now' | 'randomBytes'>;
  readonly orders: OrderBook;
  readonly refunds: RefundBook;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A seal for this moment. */
  readonly seal: () => Seal;
  /** What the endpoint does and says; called at most once. */
  readonly act: () => Reply;
  /** What trouble and mix-ups look like where they have another shape: APIv2. */
  readonly shape?: {
    readonly trouble: (status: number) => Reply | undefined;
    readonly aboutAnother: (reply: Reply) => Reply;
  };
}

/** What became of the answer. */
export interface Sent {
  /** Absent when no whole answer was sent. */
  readonly status?: number;
  readonly code?: string;
  readonly request_id?: string;
  readonly refused_by?: Check;
  readonly message?: string;
}

export async function perform(stage: Stage, fault: FaultKind | undefined): Promise<Sent> {
  const { response, clock, signal, act } = stage;
  switch (fault?.kind) {
    case undefined:
      return send(response, act(), stage.seal());
    case 'status':
      if (fault.when === 'after') act();
      return send(
        response,
        { ...(stage.shape?.trouble(fault.status) ?? troubleReply(fault)), check: 'fault' },
        stage.seal(),
      );
    case 'latency': {
      if (fault.when === 'before') await clock.sleep(fault.ms, signal);
      const reply = act();
      if (fault.when === 'after') await clock.sleep(fault.ms, signal);
      return send(response, reply, stage.seal());
    }
    case 'stall':
      if (fault.when === 'after') act();
      await gone(response);
      break;
    case 'cut': {
      const reply = fault.when === 'after' ? act() : bare(500);
      sendCut(response, sealAnswer(reply, stage.seal()), fault.when === 'after' ? fault.bytes : undefined);
      break;
    }
    case 'truncate':
      sendTruncated(response, sealAnswer(act(), stage.seal()), fault.bytes);
      break;
    case 'signature':
      return send(response, act(), { ...stage.seal(), fault });
    case 'replay-other':
      return send(
        response,
        stage.shape === undefined ? replyAboutAnother(act(), stage.call, stage) : stage.shape.aboutAnother(act()),
        stage.seal(),
      );
    case 'redirect': {
      const headers = { Location: fault.location };
      return send(response, { status: fault.status, body: undefined, internal: 0, headers }, stage.seal());
    }
    case 'late-commit':
      if (fault.hang_up === true) response.socket?.resetAndDestroy();
      await gone(response);
      await clock.sleep(fault.ms, signal);
      act();
      break;
  }
  return {};
}

/** Seals and sends a whole answer. */
export function send(response: ServerResponse, reply: Reply, seal: Seal): Sent {
  const sealed = sealAnswer(reply, seal);
  sendAnswer(response, sealed);
  const code = reply.xml?.code ?? reply.body?.['code'];
  return {
    status: reply.status,
    ...(typeof code === 'string' ? { code } : {}),
    ...(sealed.requestId === undefined ? {} : { request_id: sealed.requestId }),
    ...refusalOf(reply),
  };
}

const maxMessage = 300;

function refusalOf(reply: Reply): Pick<Sent, 'refused_by' | 'message'> {
  const { xml, body, status } = reply;
  if (status < 400 && xml?.code === undefined) return {};
  const message = xml?.fields.get('err_code_des') ?? xml?.fields.get('return_msg') ?? body?.['message'];
  return {
    refused_by: reply.check ?? 'rules',
    ...(typeof message === 'string' ? { message: message.slice(0, maxMessage) } : {}),
  };
}

type StatusFault = Extract<FaultKind, { readonly kind: 'status' }>;

function troubleReply({ status, code: wanted, retry_after: retryAfter }: StatusFault): Reply {
  const [usual, message] = words(status);
  const code = wanted ?? usual;
  const reply = refuse(status, code, message, status === 429 ? 268447840 : status);
  return retryAfter === undefined ? reply : { ...reply, headers: { 'Retry-After': String(retryAfter) } };
}

function words(status: number): [string, string] {
  if (status === 429) return ['FREQUENCY_LIMITED', '频率超限'];
  if (status === 502 || status === 503) return ['SERVICE_UNAVAILABLE', '服务不可用'];
  return status >= 500 ? ['SYSTEM_ERROR', '系统错误'] : ['INVALID_REQUEST', '无效请求'];
}

/** Resolves when the caller has gone away. */
async function gone(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => {
    response.once('close', () => resolve());
  });
}
