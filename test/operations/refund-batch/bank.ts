/** WeChat Pay's refunds as one transport, in memory and on a virtual clock; with troubles on request, and a ledger. */
import { WxpayError } from '../../../src/core/errors.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../../../src/core/ports.ts';

export const mchid = '1900000001';

export interface BankOrder {
  readonly transaction_id: string;
  readonly out_trade_no: string;
  readonly total: number;
  readonly currency: string;
  trade_state: string;
  refunded: number;
}

export interface BankRefund {
  readonly out_refund_no: string;
  readonly refund_id: string;
  readonly transaction_id: string;
  readonly out_trade_no: string;
  readonly refund: number;
  readonly total: number;
  status: string;
  /** Monotonic milliseconds. */
  readonly at: number;
}

/**
 * - `refuse`: 4xx with this code, nothing done.
 * - `trouble`: 5xx or 429, nothing done.
 * - `lost`: done, and no answer.
 * - `late`: no answer, and done after a while.
 * - `nothing`: no answer, nothing done.
 * - `unreached`: provably not sent.
 */
export type Trouble =
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  | { readonly kind: 'trouble'; readonly status: number }
  | { readonly kind: 'lost' | 'nothing' | 'unreached' }
  | { readonly kind: 'late'; readonly ms: number };

export interface Bank {
  readonly transport: Transport;
  readonly orders: Map<string, BankOrder>;
  readonly refunds: Map<string, BankRefund>;
  /** Every POST: when it came, for which number, and what it got. */
  readonly posts: {
    readonly at: number;
    readonly out_refund_no: string;
    readonly transaction_id: string;
    readonly body: string;
    status: number;
  }[];
  readonly gets: { count: number };
  /** What goes wrong with the next refund request. */
  troubleOf: (out_refund_no: string, attempt: number) => Trouble | undefined;
  /** What goes wrong with a question. */
  questionTrouble: (target: string) => WxpayError | undefined;
  /** What a refund comes to at once. */
  settled: string;
  addOrder(
    transaction_id: string,
    out_trade_no: string,
    total: number,
    trade_state?: string,
    currency?: string,
  ): BankOrder;
}

export function openBank(clock: Clock, latencyMs = 20): Bank {
  const orders = new Map<string, BankOrder>();
  const refunds = new Map<string, BankRefund>();
  const attempts = new Map<string, number>();
  let ids = 0;
  const answer = (status: number, body: unknown): ApiResponse => ({
    status,
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
    trust: 'verified',
    requestId: `REQ-${(ids += 1)}`,
    host: 'bank.example',
  });
  const refuse = (status: number, code: string, message = code): ApiResponse => answer(status, { code, message });
  const orderOf = (name: string): BankOrder | undefined => orders.get(name);

  const create = (body: {
    transaction_id: string;
    out_refund_no: string;
    amount: { refund: number; total: number };
  }): ApiResponse => {
    const { out_refund_no, amount } = body;
    const known = refunds.get(out_refund_no);
    const order = orderOf(body.transaction_id);
    if (order === undefined) return refuse(404, 'RESOURCE_NOT_EXISTS');
    if (known !== undefined) {
      if (known.refund !== amount.refund || known.transaction_id !== order.transaction_id)
        return refuse(400, 'INVALID_REQUEST', '订单金额或退款金额与之前请求不一致，请核实后再试');
      return answer(200, shown(known));
    }
    if (amount.total !== order.total || order.refunded + amount.refund > order.total)
      return refuse(400, 'INVALID_REQUEST', '累计退款金额大于支付金额');
    order.refunded += amount.refund;
    order.trade_state = 'REFUND';
    const refund: BankRefund = {
      out_refund_no,
      refund_id: `50${String((ids += 1)).padStart(27, '0')}`,
      transaction_id: order.transaction_id,
      out_trade_no: order.out_trade_no,
      refund: amount.refund,
      total: amount.total,
      status: bank.settled,
      at: clock.monotonic(),
    };
    refunds.set(out_refund_no, refund);
    return answer(200, shown(refund));
  };
  const shown = ({ refund, total, ...rest }: BankRefund): object => ({
    ...rest,
    amount: { refund, total, currency: 'CNY' },
  });
  const cut = (outcome: 'unknown' | 'not_sent' = 'unknown'): WxpayError =>
    new WxpayError(outcome === 'unknown' ? 'NETWORK_CUT' : 'NETWORK_REFUSED', {
      params: { host: 'bank.example', reason: 'test' },
      outcome,
    });

  const post = async (request: ApiRequest): Promise<ApiResponse> => {
    const text = Buffer.from(request.body).toString();
    const body = JSON.parse(text) as Parameters<typeof create>[0];
    const { out_refund_no, transaction_id } = body;
    const attempt = (attempts.get(out_refund_no) ?? 0) + 1;
    attempts.set(out_refund_no, attempt);
    const entry = { at: clock.monotonic(), out_refund_no, transaction_id, body: text, status: 0 };
    bank.posts.push(entry);
    const trouble = bank.troubleOf(out_refund_no, attempt);
    if (trouble?.kind === 'unreached') throw cut('not_sent');
    // What is given up after it has left may have arrived.
    await clock.sleep(latencyMs, request.signal).catch(() => Promise.reject(cut()));
    switch (trouble?.kind) {
      case 'refuse':
        entry.status = trouble.status;
        return refuse(trouble.status, trouble.code);
      case 'trouble':
        entry.status = trouble.status;
        return refuse(trouble.status, trouble.status === 429 ? 'FREQUENCY_LIMITED' : 'SYSTEM_ERROR');
      case 'lost':
        create(body);
        throw cut();
      case 'nothing':
        throw cut();
      case 'late':
        void clock.sleep(trouble.ms).then(() => create(body));
        throw cut();
      case undefined: {
        const response = create(body);
        entry.status = response.status;
        return response;
      }
    }
  };
  const get = async (request: ApiRequest): Promise<ApiResponse> => {
    bank.gets.count += 1;
    await clock.sleep(latencyMs, request.signal);
    const trouble = bank.questionTrouble(request.target);
    if (trouble !== undefined) throw trouble;
    const path = request.target.split('?', 1)[0] ?? '';
    const last = decodeURIComponent(path.split('/').at(-1) ?? '');
    if (path.startsWith('/v3/refund/')) {
      const refund = refunds.get(last);
      return refund === undefined ? refuse(404, 'RESOURCE_NOT_EXISTS') : answer(200, shown(refund));
    }
    const order = orderOf(last);
    if (order === undefined) return refuse(404, 'ORDER_NOT_EXIST');
    const { transaction_id, out_trade_no, total, currency, trade_state } = order;
    return answer(200, { mchid, transaction_id, out_trade_no, trade_state, amount: { total, currency } });
  };

  const bank: Bank = {
    orders,
    refunds,
    posts: [],
    gets: { count: 0 },
    troubleOf: () => undefined,
    questionTrouble: () => undefined,
    settled: 'SUCCESS',
    transport: async (request) => {
      request.signal?.throwIfAborted();
      return request.method === 'POST' ? post(request) : get(request);
    },
    addOrder(transaction_id, out_trade_no, total, trade_state = 'SUCCESS', currency = 'CNY') {
      const order = { transaction_id, out_trade_no, total, currency, trade_state, refunded: 0 };
      orders.set(transaction_id, order);
      orders.set(out_trade_no, order);
      return order;
    },
  };
  return bank;
}
