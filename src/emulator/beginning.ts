/**
 * What an emulator begins with: orders, refunds, transfers, payers and more, one entry for each. An entry is carried out as the
 * request that it stands for, by the same rules; nobody is told anything by callback.
 */
import { publicEncrypt } from 'node:crypto';
import { WxpayError } from '../core/errors.ts';
import { forEachEntry } from './entries.ts';
import type { Entries } from './entries.ts';
import type { Call, Endpoint } from './endpoint.ts';
import type { Merchant } from './merchants.ts';
import type { MerchantSwitchesChange, Switchboard } from './merchant-switches.ts';
import type { Order, OrderBook } from './orders.ts';
import type { PayerBook, PayerChange } from './payers.ts';
import type { Mode, Platform } from './platform.ts';
import type { SharingBook } from './profit-sharing.ts';
import type { RefundBook } from './refunds.ts';
import type { Reply } from './reply.ts';
import { receiverTypes } from './rules/profit-sharing.ts';
import type { ReceiverType } from './rules/profit-sharing.ts';
import type { RefundStatus } from './rules/refund.ts';
import { failReasons, scenes } from './rules/transfer.ts';
import type { FailReason } from './rules/transfer.ts';
import { oaep } from './sensitive.ts';
import type { Seeder, SeedRequest } from './seed.ts';
import { readTime } from './times.ts';
import type { TransferBook } from './transfers.ts';

/** Whose it is, and when it was; all optional. */
interface Common {
  /** Default: the emulator's own merchant. */
  readonly mchid?: string;
  /** For a service provider: default its first sub-merchant. */
  readonly sub_mchid?: string;
  /** When it happened, RFC 3339 with an offset, not after the emulator's time. Default: now. */
  readonly at?: string;
  /** The same in milliseconds before now. */
  readonly ago_ms?: number;
}

export type SeedEntry =
  | ({
      readonly kind: 'order';
      readonly out_trade_no: string;
      /** Fen. */
      readonly total: number;
      /** Default `SUCCESS`: paid. */
      readonly state?: 'NOTPAY' | 'SUCCESS' | 'CLOSED';
      /** Default `native`. */
      readonly product?: 'jsapi' | 'app' | 'h5' | 'native';
      readonly description?: string;
      readonly attach?: string;
      readonly notify_url?: string;
      readonly time_expire?: string;
      /** Who pays. */
      readonly openid?: string;
      /** Freezes the money for profit sharing. */
      readonly profit_sharing?: boolean;
    } & Common)
  /** Paid orders, as many as wanted. */
  | ({ readonly kind: 'orders' } & SeedRequest)
  | ({
      readonly kind: 'refund';
      readonly out_refund_no: string;
      /** The order, by either number. */
      readonly out_trade_no?: string;
      readonly transaction_id?: string;
      /** Fen; default: all of it. */
      readonly amount?: number;
      /** Default `SUCCESS`. One that is `PROCESSING` stays so until it is decided. */
      readonly status?: RefundStatus;
      readonly reason?: string;
      readonly notify_url?: string;
    } & Common)
  | ({
      readonly kind: 'transfer';
      readonly out_bill_no: string;
      readonly openid: string;
      /** Fen. */
      readonly amount: number;
      /** Default `SUCCESS`. */
      readonly state?: 'WAIT_USER_CONFIRM' | 'SUCCESS' | 'FAIL' | 'CANCELLED';
      /** With `FAIL`; default `OVERDUE_CLOSE`. */
      readonly fail_reason?: FailReason;
      readonly user_name?: string;
      readonly remark?: string;
      /** Default `1000`. */
      readonly scene?: string;
      readonly notify_url?: string;
    } & Omit<Common, 'sub_mchid'>)
  /** Somebody who may get a share. */
  | ({
      readonly kind: 'receiver';
      readonly type: ReceiverType;
      readonly account: string;
      readonly name?: string;
    } & Pick<Common, 'mchid' | 'sub_mchid'>)
  | ({ readonly kind: 'payer'; readonly openid: string } & PayerChange)
  | ({ readonly kind: 'merchant'; readonly mchid: string } & MerchantSwitchesChange);

interface Tools {
  readonly endpoints: readonly Endpoint[];
  readonly orders: OrderBook;
  readonly refunds: RefundBook;
  readonly transfers: TransferBook;
  readonly payers: PayerBook;
  readonly switchboard: Switchboard;
  readonly sharing: SharingBook;
  readonly seeder: Pick<Seeder, 'seed'>;
  readonly findMerchant: (mchid: string) => Merchant | undefined;
  readonly defaultMchid: string;
  readonly platform: Platform;
  readonly mode: () => Mode;
  readonly randomBytes: (size: number) => Buffer;
}

/**
 * Carries the entries out, one after the other.
 *
 * @param now milliseconds since the epoch
 * @throws WxpayError `INPUT_INVALID` naming the entry and its field
 */
export type Beginner = (entries: Entries, now: number) => void;

export function makeBeginner(tools: Tools): Beginner {
  const { refunds, transfers } = tools;
  return (entries, now) => {
    // How things are to go is for those that come by request, and nothing may end, and be told, before its entry is carried out.
    const { next, rate_limits, spacing, settle_after_ms } = refunds.settings();
    const { confirm_within_ms } = transfers.settings();
    refunds.configure({ next: [], rate_limits: false, spacing: 'allow', settle_after_ms: null });
    transfers.configure({ confirm_within_ms: century });
    try {
      forEachEntry(entries, (value) => carryOut(readEntry(value), now, { ...tools, confirmWithin: confirm_within_ms }));
    } finally {
      refunds.configure({ next, rate_limits, spacing, settle_after_ms });
      transfers.configure({ confirm_within_ms });
    }
    // What still waits, waits for its own time.
    transfers.restore(structuredClone(transfers.dump()));
  };
}

const century = 100 * 365 * 86_400_000;
/** How long a transfer really waits for its user. */
type Desk = Tools & { readonly confirmWithin: number };

function carryOut(entry: SeedEntry, now: number, tools: Desk): void {
  const { payers, switchboard, sharing } = tools;
  switch (entry.kind) {
    case 'order':
      placeOrder(entry, now, tools);
      return;
    case 'orders': {
      const { kind: _kind, ...request } = entry;
      tools.seeder.seed(request, now);
      return;
    }
    case 'refund':
      refundOrder(entry, now, tools);
      return;
    case 'transfer':
      transferMoney(entry, now, tools);
      return;
    case 'receiver': {
      const { type, account, name } = entry;
      const merchant = merchantOf(entry, tools);
      const call = { merchant, subMchid: subMchidOf(entry, merchant), now };
      sharing.addReceiver(call, { type, account, ...(name === undefined ? {} : { name }) });
      return;
    }
    case 'payer': {
      const { kind: _kind, openid, ...change } = entry;
      payers.change(openid, change);
      return;
    }
    case 'merchant': {
      const { kind: _kind, mchid, ...change } = entry;
      switchboard.change(merchantOf({ mchid }, tools).mchid, change);
    }
  }
}

type EntryOf<K extends SeedEntry['kind']> = Extract<SeedEntry, { readonly kind: K }>;

/** Nobody listens there. */
const nowhere = 'http://127.0.0.1:9/';

function placeOrder(entry: EntryOf<'order'>, now: number, tools: Tools): void {
  const { orders } = tools;
  const { out_trade_no: outTradeNo, total, state = 'SUCCESS', product = 'native', openid } = entry;
  const at = timeOf(entry, now);
  const merchant = merchantOf(entry, tools);
  const subMchid = subMchidOf(entry, merchant);
  const [appid = ''] = merchant.appids;
  if (orders.taken(merchant.mchid, outTradeNo)) throw invalid('out_trade_no', 'key:emulator.reason.entry_taken');
  const payer = openid ?? 'oSEED_example_openid000000001';
  const body = {
    ...(subMchid === undefined
      ? { appid, mchid: merchant.mchid }
      : { sp_appid: appid, sp_mchid: merchant.mchid, sub_mchid: subMchid }),
    description: entry.description ?? 'seed',
    out_trade_no: outTradeNo,
    notify_url: entry.notify_url ?? nowhere,
    amount: { total, currency: 'CNY' },
    ...some({ attach: entry.attach, time_expire: entry.time_expire }),
    ...(entry.profit_sharing === undefined ? {} : { settle_info: { profit_sharing: entry.profit_sharing } }),
    ...(product === 'jsapi' ? { payer: subMchid === undefined ? { openid: payer } : { sp_openid: payer } } : {}),
    ...(product === 'h5' ? { scene_info: { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } } } : {}),
  };
  const party = subMchid === undefined ? '' : 'partner/';
  ask(`/v3/pay/${party}transactions/${product}`, { merchant, body, at }, tools);
  if (state === 'CLOSED') {
    orders.close({ merchant, outTradeNo, subMchid }, subMchid === undefined ? 'direct' : 'partner', at);
    return;
  }
  const order = orders.get(merchant.mchid, outTradeNo, at);
  if (state === 'SUCCESS' && order !== undefined) orders.pay(order, openid, at);
}

function refundOrder(entry: EntryOf<'refund'>, now: number, tools: Tools): void {
  const { orders, refunds } = tools;
  const { out_refund_no: outRefundNo, out_trade_no: outTradeNo, transaction_id: id, status = 'SUCCESS' } = entry;
  const at = timeOf(entry, now);
  const merchant = merchantOf(entry, tools);
  const subMchid = subMchidOf(entry, merchant);
  if (outTradeNo === undefined && id === undefined) throw invalid('out_trade_no', 'key:emulator.reason.entry_missing');
  const order: Order | undefined =
    id === undefined ? orders.get(merchant.mchid, outTradeNo ?? '', at) : orders.paidAs(merchant, id);
  if (order === undefined) throw new WxpayError('NOT_FOUND', { params: { what: id ?? outTradeNo ?? '' } });
  if (refunds.find(outRefundNo, at).some((known) => known.merchant.mchid === merchant.mchid)) {
    throw invalid('out_refund_no', 'key:emulator.reason.entry_taken');
  }
  const { total } = order.request.amount;
  const body = {
    ...some({ sub_mchid: subMchid, out_trade_no: outTradeNo, transaction_id: id }),
    out_refund_no: outRefundNo,
    amount: { refund: entry.amount ?? total, total, currency: 'CNY' },
    ...some({ reason: entry.reason, notify_url: entry.notify_url }),
  };
  ask('/v3/refund/domestic/refunds', { merchant, body, at }, tools);
  for (const refund of refunds.find(outRefundNo, at)) {
    if (refund.merchant.mchid !== merchant.mchid) continue;
    if (status !== 'PROCESSING') refunds.settle(refund, status, at);
    refund.untold = false;
  }
}

function transferMoney(entry: EntryOf<'transfer'>, now: number, tools: Desk): void {
  const { transfers, platform, mode, confirmWithin } = tools;
  const { out_bill_no: number, state = 'SUCCESS', fail_reason: reason, scene = '1000', user_name: name } = entry;
  const at = timeOf(entry, now);
  const merchant = merchantOf(entry, tools);
  if (state === 'WAIT_USER_CONFIRM' && at + confirmWithin <= now) {
    throw invalid(entry.at === undefined ? 'ago_ms' : 'at', 'key:emulator.reason.entry_overdue');
  }
  if (reason !== undefined && state !== 'FAIL') throw invalid('fail_reason', 'key:emulator.reason.entry_fail');
  const mine = (): ReturnType<TransferBook['find']> =>
    transfers.find(number, at).filter(({ mchid }) => mchid === merchant.mchid);
  if (mine().length > 0) throw invalid('out_bill_no', 'key:emulator.reason.entry_taken');
  const key = mode() === 'public-key' ? platform.publicKey : platform.certificate;
  const reports = scenes[scene]?.reports ?? ['说明'];
  const body = {
    appid: merchant.appids[0],
    out_bill_no: number,
    openid: entry.openid,
    ...(name === undefined
      ? {}
      : { user_name: publicEncrypt({ key: key.publicKey, ...oaep }, Buffer.from(name, 'utf8')).toString('base64') }),
    transfer_amount: entry.amount,
    transfer_remark: entry.remark ?? 'seed',
    ...some({ notify_url: entry.notify_url }),
    transfer_scene_id: scene,
    transfer_scene_report_infos: reports.map((type) => ({ info_type: type, info_content: 'seed' })),
  };
  ask('/v3/fund-app/mch-transfer/transfer-bills', { merchant, body, at, serial: key.id }, tools);
  for (const transfer of mine()) {
    if (state === 'WAIT_USER_CONFIRM') transfer.until = at + confirmWithin;
    if (state === 'SUCCESS') transfers.end(transfer, undefined, at);
    if (state === 'FAIL') transfers.end(transfer, reason ?? 'OVERDUE_CLOSE', at);
    if (state === 'CANCELLED') {
      transfers.cancel(merchant, number, at);
      transfers.current(transfer, at + transfers.settings().cancel_ms);
    }
    transfer.untold = false;
  }
}

interface Question {
  readonly merchant: Merchant;
  readonly body: object;
  readonly at: number;
  /** `Wechatpay-Serial` */
  readonly serial?: string;
}

/** What the merchant's own POST would be answered with. @throws WxpayError `INPUT_INVALID` with the refusal */
function ask(path: string, { merchant, body, at, serial }: Question, tools: Tools): void {
  const endpoint = tools.endpoints.find((one) => one.method === 'POST' && one.path === path);
  const headers = new Map([['content-type', ['application/json']]]);
  if (serial !== undefined) headers.set('wechatpay-serial', [serial]);
  const call: Call = {
    request: { method: 'POST', target: path, headers, body: Buffer.from(JSON.stringify(body), 'utf8') },
    merchant,
    switches: tools.switchboard.of(merchant.mchid),
    path: {},
    query: '',
    platform: tools.platform,
    mode: tools.mode(),
    now: at,
    randomBytes: tools.randomBytes,
  };
  const reply: Reply | undefined = endpoint?.answer(call);
  if (reply?.status === 200) return;
  const { code, message } = (reply?.body ?? {}) as { readonly code?: string; readonly message?: string };
  throw new WxpayError('INPUT_INVALID', {
    params: {
      field: '',
      reason: 'key:emulator.reason.entry_refused',
      wechat_code: code ?? path,
      wechat_message: message ?? '',
    },
  });
}

function merchantOf({ mchid }: Pick<Common, 'mchid'>, { findMerchant, defaultMchid }: Tools): Merchant {
  const merchant = findMerchant(mchid ?? defaultMchid);
  if (merchant === undefined) throw new WxpayError('NOT_FOUND', { params: { what: mchid ?? defaultMchid } });
  return merchant;
}

function subMchidOf({ sub_mchid: given }: Pick<Common, 'sub_mchid'>, { subMerchants }: Merchant): string | undefined {
  if (subMerchants === undefined && given !== undefined) throw invalid('sub_mchid', 'key:emulator.reason.entry_sub');
  return given ?? subMerchants?.[0]?.mchid;
}

function timeOf({ at, ago_ms: ago }: Pick<Common, 'at' | 'ago_ms'>, now: number): number {
  if (at !== undefined && ago !== undefined) throw invalid('ago_ms', 'key:emulator.reason.entry_time');
  if (at === undefined) return now - (ago ?? 0);
  const time = readTime(at);
  if (time === undefined || time > now) throw invalid('at', 'key:emulator.reason.entry_at');
  return time;
}

/** The members that are there. */
function some(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

type FieldKind = 'text' | 'whole' | 'flag' | 'any' | readonly string[];
interface FieldTable {
  readonly needed: Readonly<Record<string, FieldKind>>;
  readonly more: Readonly<Record<string, FieldKind>>;
}

const whose = { mchid: 'text', sub_mchid: 'text' } as const;
const when = { at: 'text', ago_ms: 'whole' } as const;
/** The fields of each kind. What is `any` is read by whoever it is for. */
const kinds: Readonly<Record<SeedEntry['kind'], FieldTable>> = {
  order: {
    needed: { out_trade_no: 'text', total: 'whole' },
    more: {
      ...whose,
      ...when,
      state: ['NOTPAY', 'SUCCESS', 'CLOSED'],
      product: ['jsapi', 'app', 'h5', 'native'],
      description: 'text',
      attach: 'text',
      notify_url: 'text',
      time_expire: 'text',
      openid: 'text',
      profit_sharing: 'flag',
    },
  },
  orders: { needed: { count: 'whole', total: 'whole' }, more: { ...whose, prefix: 'text', paid_ago_ms: 'whole' } },
  refund: {
    needed: { out_refund_no: 'text' },
    more: {
      ...whose,
      ...when,
      out_trade_no: 'text',
      transaction_id: 'text',
      amount: 'whole',
      status: ['PROCESSING', 'SUCCESS', 'ABNORMAL', 'CLOSED'],
      reason: 'text',
      notify_url: 'text',
    },
  },
  transfer: {
    needed: { out_bill_no: 'text', openid: 'text', amount: 'whole' },
    more: {
      mchid: 'text',
      ...when,
      state: ['WAIT_USER_CONFIRM', 'SUCCESS', 'FAIL', 'CANCELLED'],
      fail_reason: failReasons,
      user_name: 'text',
      remark: 'text',
      scene: 'text',
      notify_url: 'text',
    },
  },
  receiver: { needed: { type: receiverTypes, account: 'text' }, more: { ...whose, name: 'text' } },
  payer: { needed: { openid: 'text' }, more: { balance: 'any', state: 'any', bank: 'any', password: 'any' } },
  merchant: {
    needed: { mchid: 'text' },
    more: {
      account: 'any',
      products: 'any',
      refunds: 'any',
      max_total: 'any',
      per_second: 'any',
      sharing_notify_url: 'any',
    },
  },
};

/** @throws WxpayError `INPUT_INVALID` naming the field */
function readEntry(value: unknown): SeedEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('', 'key:emulator.reason.entry');
  }
  const given = value as Readonly<Record<string, unknown>>;
  const kind = Object.keys(kinds).find((name) => name === given['kind']) as SeedEntry['kind'] | undefined;
  if (kind === undefined)
    throw invalid('kind', 'key:emulator.reason.choice', { choices: Object.keys(kinds).join(', ') });
  const { needed, more } = kinds[kind];
  for (const [name, content] of Object.entries(given)) {
    if (name === 'kind') continue;
    const field = Object.hasOwn(needed, name) ? needed[name] : Object.hasOwn(more, name) ? more[name] : undefined;
    if (field === undefined) throw invalid(name, 'key:emulator.reason.fault_field', { kind });
    checkField(name, content, field);
  }
  const missing = Object.keys(needed).find((name) => !Object.hasOwn(given, name));
  if (missing !== undefined) throw invalid(missing, 'key:emulator.reason.entry_missing');
  return given as unknown as SeedEntry;
}

function checkField(name: string, value: unknown, kind: FieldKind): void {
  if (kind === 'any') return;
  if (kind === 'flag') {
    if (typeof value !== 'boolean') throw invalid(name, 'key:emulator.reason.choice', { choices: 'true, false' });
  } else if (kind === 'whole') {
    const isWhole = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    if (!isWhole) throw invalid(name, 'key:emulator.reason.number');
  } else if (typeof value !== 'string' || value === '') {
    throw invalid(name, 'key:emulator.reason.text');
  } else if (kind !== 'text' && !kind.includes(value)) {
    throw invalid(name, 'key:emulator.reason.choice', { choices: kind.join(', ') });
  }
}

function invalid(field: string, reason: string, more: Readonly<Record<string, string>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason, ...more } });
}
