/** APIv2's paths, and which endpoint answers each (protocol 11.3). */
import type { BillSources } from '../bills.ts';
import type { RawRequest } from '../gateway.ts';
import type { Switchboard } from '../merchant-switches.ts';
import type { Merchant } from '../merchants.ts';
import type { OrderBook } from '../orders.ts';
import type { RefundBook } from '../refunds.ts';
import type { Reply } from '../reply.ts';
import type { CodepayDesk } from '../codepay.ts';
import { downloadBill } from './bills.ts';
import { openCall } from './gateway.ts';
import type { V2Call } from './gateway.ts';
import { closeOrder, queryOrder, unifiedOrder } from './orders.ts';
import { micropay, reverse } from './micropay.ts';
import { createRefund, makeRefundLimiter, queryRefunds } from './refunds.ts';
import { answerCall, refuseCall } from './reply.ts';
import { translate } from './rules.ts';
import { makeSign } from './signature.ts';

/** An authentic call, ready to be carried out. */
export interface V2Action {
  readonly call: V2Call;
  /** Acts and answers; called at most once. */
  act(now: number): Reply;
}

export interface V2Desk {
  /** True for paths that are APIv2's, modelled or not. */
  owns(path: string): boolean;
  /** @returns what to do, or why not */
  open(request: RawRequest, path: string, now: number): V2Action | Reply;
}

interface Tools extends BillSources {
  readonly orders: OrderBook;
  readonly refunds: RefundBook;
  readonly codepay: CodepayDesk;
  readonly find: (mchid: string) => Merchant | undefined;
  readonly switchboard: Pick<Switchboard, 'of' | 'limited'>;
  readonly randomBytes: (size: number) => Buffer;
}

/** Folders of APIv2; APIv3's paths begin with `/v3/`. */
const folders = /^\/(?:pay|secapi|mmpaymkttransfers|mmpaysptrans|tools|risk|billcommentsp|papay|payitil)\//;

export function openV2Desk(tools: Tools): V2Desk {
  const { orders, refunds, codepay, find, switchboard, randomBytes } = tools;
  const limiter = makeRefundLimiter();
  const endpoints: Readonly<Record<string, (call: V2Call) => Reply>> = {
    '/pay/unifiedorder': (call) => unifiedOrder(call, orders),
    '/pay/orderquery': (call) => queryOrder(call, orders),
    '/pay/closeorder': (call) => closeOrder(call, orders),
    '/pay/refundquery': (call) => queryRefunds(call, orders, refunds),
    '/pay/downloadbill': (call) => downloadBill(call, tools),
    '/pay/micropay': (call) => micropay(call, orders, codepay),
    '/secapi/pay/reverse': (call) => reverse(call, orders, codepay),
    '/secapi/pay/refund': (call) => createRefund(call, refunds, limiter),
  };
  return {
    owns: (path) => folders.test(path),
    open(request, path, now) {
      const answer = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
      if (answer === undefined) {
        return { ...refuseCall('EMULATOR: 模拟器尚未实现该接口', 'NOT_IMPLEMENTED'), status: 501, check: 'path' };
      }
      const call = openCall(request, path, { find, switchboard, randomBytes, now });
      if ('status' in call) return call;
      const number = call.fields.get('out_refund_no');
      if (path === '/secapi/pay/refund' && number !== undefined) refunds.seen(call.merchant, number);
      return {
        call,
        act(later) {
          const busy = switchboard.limited(call.merchant.mchid, later);
          if (busy === undefined) return answer({ ...call, now: later });
          const error = translate(busy);
          // What is no bill is not signed.
          return path === '/pay/downloadbill' ? refuseCall(error.text, error.code) : answerCall(call, {}, error);
        },
      };
    },
  };
}

/** What the fault `status` says on APIv2: trouble of the server is a signed answer there, not a status (protocol 11.2). */
export function troubleAnswer(call: V2Call, status: number): Reply | undefined {
  if (status === 500) return answerCall(call, {}, { code: 'SYSTEMERROR', text: '系统超时' });
  if (status === 429) return answerCall(call, {}, { code: 'FREQUENCY_LIMITED', text: '频率限制' });
  return undefined;
}

/** A validly signed answer about another order or refund (THREATS C4). */
export function answerAboutAnother(reply: Reply, { merchant, signType, randomBytes }: V2Call): Reply {
  if (reply.xml === undefined || !reply.xml.fields.has('sign')) return reply;
  const fields = new Map(reply.xml.fields);
  for (const name of ['out_trade_no', 'out_refund_no', 'out_refund_no_0'])
    if (fields.has(name)) fields.set(name, `OTHER${randomBytes(6).toString('hex')}`);
  for (const name of ['transaction_id', 'refund_id']) {
    const id = fields.get(name);
    if (id !== undefined) fields.set(name, `${id.slice(0, -1)}x`);
  }
  fields.set('sign', makeSign(fields, merchant.apiV2Key, signType));
  return { ...reply, xml: { ...reply.xml, fields } };
}
