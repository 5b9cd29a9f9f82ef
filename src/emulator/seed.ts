/** Orders that are paid already, as many as a test wants, without a request for each. */
import { WxpayError } from '../core/errors.ts';
import type { Merchant } from './merchants.ts';
import { makeTransactionId } from './orders.ts';
import type { OrderBook } from './orders.ts';
import { beijingDigits } from './times.ts';

export interface SeedRequest {
  /** 1 to 1,000,000. */
  readonly count: number;
  /** Of each order, in fen. */
  readonly total: number;
  /** Default: the emulator's own merchant. */
  readonly mchid?: string;
  /** For a service provider: default its first sub-merchant. */
  readonly sub_mchid?: string;
  /** 1 to 23 characters of an out_trade_no; eight digits follow. Default `S`, the day and `_`. */
  readonly prefix?: string;
  /** How long ago they were paid, in milliseconds; default 0. */
  readonly paid_ago_ms?: number;
}

export interface SeededOrder {
  readonly out_trade_no: string;
  readonly transaction_id: string;
  readonly total: number;
}

interface Tools {
  readonly orders: OrderBook;
  readonly findMerchant: (mchid: string) => Merchant | undefined;
  readonly defaultMchid: string;
  readonly randomBytes: (size: number) => Buffer;
}

export interface Seeder {
  /**
   * Makes paid orders. Their numbers count on from those with the same prefix.
   *
   * @param now milliseconds since the epoch
   * @throws WxpayError `INPUT_INVALID`, `NOT_FOUND` (no such merchant)
   */
  seed(request: SeedRequest, now: number): SeededOrder[];
  /** The orders are others now: numbers are tried from the beginning again. */
  forget(): void;
}

export function makeSeeder(tools: Tools): Seeder {
  /** Merchant and prefix → the last number in use. */
  const used = new Map<string, number>();
  return {
    seed: (request, now) => seedOrders(request, now, tools, used),
    forget: () => used.clear(),
  };
}

function seedOrders(request: SeedRequest, now: number, tools: Tools, used: Map<string, number>): SeededOrder[] {
  const { orders, randomBytes } = tools;
  const { count, total, mchid = tools.defaultMchid, paid_ago_ms: ago = 0 } = request;
  requireWhole('count', count, 1, 1_000_000);
  requireWhole('total', total, 1, Number.MAX_SAFE_INTEGER);
  requireWhole('paid_ago_ms', ago, 0, now);
  const prefix = request.prefix ?? `S${beijingDigits(now).slice(0, 8)}_`;
  if (!/^[0-9A-Za-z_\-|*]{1,23}$/.test(prefix)) throw invalid('prefix');
  const merchant = tools.findMerchant(mchid);
  if (merchant === undefined) throw new WxpayError('NOT_FOUND', { params: { what: mchid } });
  const party = merchant.subMerchants === undefined ? 'direct' : 'partner';
  const sub = merchant.subMerchants?.find(({ mchid: known }) => known === (request.sub_mchid ?? known));
  if (party === 'partner' ? sub === undefined : request.sub_mchid !== undefined) throw invalid('sub_mchid');
  const [appid = ''] = merchant.appids;
  const identity = sub === undefined ? { appid, mchid } : { sp_appid: appid, sp_mchid: mchid, sub_mchid: sub.mchid };
  const openid = `o${randomBytes(20).toString('base64url').slice(0, 27)}`;
  const payer: Record<string, string> = party === 'direct' ? { openid } : { sp_openid: openid };
  const paidAt = now - ago;
  const made: SeededOrder[] = [];
  const series = `${mchid} ${prefix}`;
  let number = used.get(series) ?? 0;
  while (made.length < count) {
    number += 1;
    if (number > 99_999_999) throw invalid('count');
    used.set(series, number);
    const outTradeNo = `${prefix}${String(number).padStart(8, '0')}`;
    const transactionId = makeTransactionId(paidAt, randomBytes);
    const adopted = orders.adopt({
      party,
      product: 'native',
      merchant,
      request: { ...identity, out_trade_no: outTradeNo, notify_url: 'http://127.0.0.1:9/', amount: { total } },
      parameters: '',
      payableUntil: paidAt,
      closesAt: paidAt,
      state: 'SUCCESS',
      handles: [],
      payment: { transactionId, successAt: paidAt, payer },
    });
    if (adopted) made.push({ out_trade_no: outTradeNo, transaction_id: transactionId, total });
  }
  return made;
}

function requireWhole(field: string, value: unknown, min: number, max: number): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) throw invalid(field);
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
