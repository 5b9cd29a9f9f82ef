/**
 * Profit sharing (分账): receivers, shares, returns and what stays frozen (endpoints 12, states 4). What nobody has confirmed is
 * marked. Records are plain data; time passes only through `now`.
 */
import type { Merchant } from './merchants.ts';
import { otherSubMerchant } from './orders.ts';
import type { OrderBook, PaidOrder } from './orders.ts';
import { digits } from './platform.ts';
import { ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { ReceiverType } from './rules/profit-sharing.ts';
import { beijingDigits, beijingTime } from './times.ts';

/** A receiver of a share, its name decrypted. */
export interface ReceiverRequest {
  readonly type: ReceiverType;
  readonly account: string;
  readonly name?: string;
  /** Fen. */
  readonly amount: number;
  readonly description: string;
}

export interface ShareRequest {
  readonly sub_mchid?: string;
  readonly transaction_id: string;
  readonly out_order_no: string;
  readonly receivers?: readonly ReceiverRequest[];
  readonly unfreeze_unsplit: boolean;
}

export interface UnfreezeRequest {
  readonly sub_mchid?: string;
  readonly transaction_id: string;
  readonly out_order_no: string;
  readonly description: string;
}

export interface ReturnRequest {
  readonly sub_mchid?: string;
  readonly order_id?: string;
  readonly out_order_no?: string;
  readonly out_return_no: string;
  readonly return_mchid: string;
  /** Fen. */
  readonly amount: number;
  readonly description: string;
}

interface Share {
  readonly mchid: string;
  readonly request: ShareRequest;
  readonly orderId: string;
  readonly createdAt: number;
  readonly settlesAt: number;
  /** An unfreeze, which gives the rest to the merchant itself. */
  readonly rest: boolean;
  /** Why a receiver gets nothing; set when the share settles. */
  failures: (string | undefined)[] | undefined;
  /** Whether its receivers have been told. */
  told: boolean;
}

interface Return {
  readonly mchid: string;
  readonly request: ReturnRequest;
  readonly share: { readonly orderId: string; readonly outOrderNo: string };
  readonly returnId: string;
  readonly createdAt: number;
  readonly settlesAt: number;
  /** Undefined: not settled; empty: succeeded. */
  failure: string | undefined;
  /** Whether who gave back has been told. */
  told: boolean;
}

/** A share or a return. */
export type SharingEntry = Share | Return;

/** What a merchant that received or gave back is told. */
export interface SharingNotice {
  /** The merchant to tell. */
  readonly receiver: string;
  readonly event_type: 'PROFITSHARING.SUCCESS' | 'PROFITSHARING.RETURN';
  readonly summary: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly subject: Readonly<Record<string, string>>;
}

/** One movement of money: a receiver's part of a share, or a return. */
export interface SharingMove {
  readonly at: number;
  readonly kind: 'share' | 'return';
  /** Who shared, and who paid for it. */
  readonly mchid: string;
  readonly payer: string;
  readonly transaction_id: string;
  /** WeChat Pay's number of the share or the return, of the part, and the merchant's own. */
  readonly id: string;
  readonly detail_id: string;
  readonly number: string;
  readonly account: string;
  /** Fen. */
  readonly amount: number;
  /** Of the order, in fen. */
  readonly total: number;
  readonly description: string;
}

export interface Receiver {
  readonly type: ReceiverType;
  readonly account: string;
  readonly name?: string;
}

export interface SharingCall {
  readonly merchant: Merchant;
  readonly subMchid: string | undefined;
  readonly now: number;
}

export interface SharingBook {
  /** Idempotent. */
  addReceiver(call: SharingCall, receiver: Receiver): void;
  /** Idempotent. */
  deleteReceiver(call: SharingCall, receiver: Receiver): void;
  share(call: SharingCall, request: ShareRequest): Reply;
  unfreeze(call: SharingCall, request: UnfreezeRequest): Reply;
  query(call: SharingCall, outOrderNo: string, transactionId: string): Reply;
  giveBack(call: SharingCall, request: ReturnRequest): Reply;
  queryReturn(call: SharingCall, outReturnNo: string, outOrderNo: string): Reply;
  amounts(call: SharingCall, transactionId: string): Reply;
  /** What there is to tell of an entry that is settled, once. */
  notices(entry: SharingEntry, now: number): readonly SharingNotice[];
  /** Every movement that succeeded, of shares and returns that this merchant asked for. */
  moves(mchid: string, now: number): Iterable<SharingMove>;
  /** Fen of the order that are frozen; `undefined` when none of it is, or no longer. */
  frozen(order: PaidOrder, now: number): number | undefined;
  /** Everything, to be written out. */
  dump(): SharingDump;
  /** Takes up what was written out, in the place of everything else. */
  restore(dumped: SharingDump): void;
}

export interface SharingDump {
  readonly receivers: readonly (readonly [string, Receiver])[];
  /** A failure that is none is null. */
  /** Those of earlier versions do not say whether anybody was told: then nobody is. */
  readonly shares: readonly (Omit<Share, 'failures' | 'told'> & {
    readonly failures: readonly (string | null)[] | null;
    readonly told?: boolean;
  })[];
  readonly returns: readonly (Omit<Return, 'failure' | 'told'> & {
    readonly failure: string | null;
    readonly told?: boolean;
  })[];
}

interface Tools {
  readonly orders: OrderBook;
  readonly randomBytes: (size: number) => Buffer;
  /** Fen of the order that were refunded. */
  readonly refunded: (order: PaidOrder) => number;
  /** What a merchant has left, in fen; Infinity where nobody has said. */
  readonly balance: (mchid: string) => number;
  /** What is the matter with a payer's account, as a `fail_reason` says it. */
  readonly trouble: (openid: string) => 'ACCOUNT_ABNORMAL' | 'RECEIVER_HIGH_RISK' | undefined;
  /** Called when a share or a return begins to wait for its end. */
  readonly onPending: (entry: SharingEntry) => void;
}

const minute = 60_000;
const day = 86_400_000;
const settleMs = 1000;
/** Of the order's total, in hundredths of a percent; 30 % unless WeChat Pay agreed to more. */
export const maxRatio = 3000;
const maxShares = 50;

const invalidRequest = (message: string): Reply => refuse(400, 'INVALID_REQUEST', message, 268435461);
const missingOrder = refuse(404, 'RESOURCE_NOT_EXISTS', '订单不存在', 268512771);
const missingShare = refuse(404, 'RESOURCE_NOT_EXISTS', '分账单不存在', 268435461);
const missingReturn = refuse(404, 'RESOURCE_NOT_EXISTS', '回退单不存在', 268435461);
const notForSharing = invalidRequest('非分账订单不支持分账');
const finished = invalidRequest('订单已完结分账');
const overRatio = invalidRequest('分账金额超出最大分账比例');
const otherReceivers = invalidRequest('分账接收方与原请求不一致');
const otherReturn = invalidRequest('回退请求与原请求不一致');
const overShare = invalidRequest('回退金额超出可回退金额');
const noMerchantShare = invalidRequest('分账接收方不是该商户，不支持回退');
const tooSmall = refuse(403, 'NOT_ENOUGH', '分账金额不足', 268435461);
// That these are limits is documented, their code is not (UNCONFIRMED).
const tooSoon = refuse(403, 'RULE_LIMIT', '订单支付成功1分钟后才能发起分账', 268435461);
const tooMany = refuse(403, 'RULE_LIMIT', '分账次数超过限制，一笔订单最多发起50次分账', 268435461);

export function openSharingBook(tools: Tools): SharingBook {
  const { orders, randomBytes, refunded } = tools;
  const receivers = new Map<string, Receiver>();
  const shares = new Map<string, Share>();
  const byOrder = new Map<string, readonly Share[]>();
  const returns = new Map<string, Return>();
  const keyOf = (mchid: string, number: string): string => `${mchid} ${number}`;
  const ownerOf = ({ merchant, subMchid }: SharingCall): string => subMchid ?? merchant.mchid;
  const receiverKey = (owner: string, { type, account }: Receiver): string => `${owner} ${type} ${account}`;
  const makeId = (now: number): string => `30${beijingDigits(now).slice(0, 8)}${digits(randomBytes, 18)}`;

  /** Decides what becomes of each receiver once the share's time has come. */
  function current(share: Share, now: number): Share {
    if (share.failures !== undefined || now < share.settlesAt) return share;
    const owner = share.request.sub_mchid ?? share.mchid;
    share.failures = (share.request.receivers ?? []).map((receiver) => {
      if (share.rest) return undefined;
      const known = receivers.get(receiverKey(owner, receiver));
      if (known === undefined) return 'NO_RELATION';
      if (receiver.name !== undefined && known.name !== undefined && receiver.name !== known.name) {
        return 'RECEIVER_REAL_NAME_NOT_VERIFIED';
      }
      return receiver.type === 'MERCHANT_ID' ? undefined : tools.trouble(receiver.account);
    });
    return share;
  }

  /** Fen that the share holds or has given away: closed receivers get nothing. */
  function takenBy(share: Share, now: number): number {
    const { failures } = current(share, now);
    const parts = share.request.receivers ?? [];
    return parts.reduce((sum, { amount }, index) => (failures?.[index] === undefined ? sum + amount : sum), 0);
  }

  function sharesOf(order: PaidOrder): readonly Share[] {
    return byOrder.get(order.payment.transactionId) ?? [];
  }

  /** By request, or after thirty days by itself. */
  function isOver(order: PaidOrder, now: number): boolean {
    return (
      now - order.payment.successAt > 30 * day ||
      sharesOf(order).some(({ rest, request }) => rest || request.unfreeze_unsplit)
    );
  }

  function unsplit(order: PaidOrder, now: number): number {
    if (isOver(order, now) || order.state === 'REVOKED') return 0;
    const shared = sharesOf(order).reduce((sum, share) => sum + takenBy(share, now), 0);
    return Math.max(0, order.request.amount.total - refunded(order) - shared);
  }

  function orderOf({ merchant, subMchid }: SharingCall, transactionId: string): PaidOrder | Reply {
    const order = orders.paidAs(merchant, transactionId);
    if (order?.payment === undefined) return missingOrder;
    if (order.request.sub_mchid !== subMchid) return otherSubMerchant;
    return order.request.settle_info?.profit_sharing === true ? (order as PaidOrder) : notForSharing;
  }

  function keep(call: SharingCall, request: ShareRequest, rest: boolean): Share {
    const share: Share = {
      mchid: call.merchant.mchid,
      request,
      orderId: makeId(call.now),
      createdAt: call.now,
      settlesAt: call.now + settleMs,
      rest,
      failures: undefined,
      // What the merchant keeps for itself is no news to it.
      told: rest,
    };
    if (!rest) tools.onPending(share);
    shares.set(keyOf(share.mchid, request.out_order_no), share);
    byOrder.set(request.transaction_id, [...(byOrder.get(request.transaction_id) ?? []), share]);
    return share;
  }

  function repeat(share: Share, request: ShareRequest, now: number): Reply {
    const same = (a: ShareRequest, b: ShareRequest): boolean =>
      JSON.stringify([a.transaction_id, a.receivers ?? [], a.unfreeze_unsplit]) ===
      JSON.stringify([b.transaction_id, b.receivers ?? [], b.unfreeze_unsplit]);
    return same(share.request, request) ? ok(describeShare(current(share, now))) : otherReceivers;
  }

  function refusalOf(order: PaidOrder, request: ShareRequest, now: number): Reply | undefined {
    if (isOver(order, now)) return finished;
    if (now - order.payment.successAt < minute) return tooSoon;
    if (sharesOf(order).length >= maxShares) return tooMany;
    const wanted = (request.receivers ?? []).reduce((sum, { amount }) => sum + amount, 0);
    if (wanted > unsplit(order, now)) return tooSmall;
    const shared = sharesOf(order).reduce((sum, share) => sum + takenBy(share, now), 0);
    return (shared + wanted) * 10_000 > order.request.amount.total * maxRatio ? overRatio : undefined;
  }

  /** Fen that a merchant received from a share and has not given back, or is giving back. */
  function returnable(share: Share, mchid: string, now: number): number | undefined {
    const { failures } = current(share, now);
    const parts = (share.request.receivers ?? []).filter(
      ({ type, account }, index) => type === 'MERCHANT_ID' && account === mchid && failures?.[index] === undefined,
    );
    if (parts.length === 0 || failures === undefined || share.rest) return undefined;
    const back = [...returns.values()].filter(
      (entry) =>
        entry.share.orderId === share.orderId &&
        entry.request.return_mchid === mchid &&
        (settled(entry, now).failure ?? '') === '',
    );
    const sum = (amounts: readonly { readonly amount: number }[]): number =>
      amounts.reduce((total, { amount }) => total + amount, 0);
    return sum(parts) - sum(back.map(({ request }) => request));
  }

  function shareOf({ mchid, share }: Return): Share | undefined {
    return shares.get(keyOf(mchid, share.outOrderNo));
  }

  function moveOf(
    { mchid, request }: Share,
    kind: SharingMove['kind'],
    at: number,
  ): Pick<SharingMove, 'at' | 'kind' | 'mchid' | 'payer' | 'transaction_id' | 'total'> {
    const order = orders.byTransaction(request.transaction_id);
    return {
      at,
      kind,
      mchid,
      payer: request.sub_mchid ?? mchid,
      transaction_id: request.transaction_id,
      total: order?.request.amount.total ?? 0,
    };
  }

  function settled(entry: Return, now: number): Return {
    if (entry.failure !== undefined || now < entry.settlesAt) return entry;
    const share = shareOf(entry);
    const { return_mchid: giver, amount } = entry.request;
    if (share !== undefined && entry.createdAt - share.createdAt > 180 * day) entry.failure = 'TIME_OUT_CLOSED';
    else entry.failure = tools.balance(giver) < amount ? 'BALANCE_NOT_ENOUGH' : '';
    return entry;
  }

  return {
    dump: () => ({
      receivers: [...receivers],
      shares: [...shares.values()].map((share) => ({
        ...share,
        failures: share.failures?.map((failure) => failure ?? null) ?? null,
      })),
      returns: [...returns.values()].map((entry) => ({ ...entry, failure: entry.failure ?? null })),
    }),

    restore(dumped) {
      for (const index of [receivers, shares, byOrder, returns]) index.clear();
      for (const [key, receiver] of dumped.receivers) receivers.set(key, receiver);
      for (const stored of dumped.shares) {
        const failures = stored.failures?.map((failure) => failure ?? undefined);
        const share: Share = { ...stored, failures, told: stored.told ?? true };
        if (!share.told) tools.onPending(share);
        const { out_order_no: number, transaction_id: id } = share.request;
        shares.set(keyOf(share.mchid, number), share);
        byOrder.set(id, [...(byOrder.get(id) ?? []), share]);
      }
      for (const entry of dumped.returns) {
        const key = keyOf(entry.mchid, entry.request.out_return_no);
        const restored: Return = { ...entry, failure: entry.failure ?? undefined, told: entry.told ?? true };
        returns.set(key, restored);
        if (!restored.told) tools.onPending(restored);
      }
    },

    addReceiver(call, receiver) {
      receivers.set(receiverKey(ownerOf(call), receiver), receiver);
    },

    deleteReceiver(call, receiver) {
      receivers.delete(receiverKey(ownerOf(call), receiver));
    },

    share(call, request) {
      const existing = shares.get(keyOf(call.merchant.mchid, request.out_order_no));
      if (existing !== undefined) return repeat(existing, request, call.now);
      const order = orderOf(call, request.transaction_id);
      if ('status' in order) return order;
      return refusalOf(order, request, call.now) ?? ok(describeShare(keep(call, request, false)));
    },

    unfreeze(call, { description, ...names }) {
      const order = orderOf(call, names.transaction_id);
      if ('status' in order) return order;
      const existing = shares.get(keyOf(call.merchant.mchid, names.out_order_no));
      // A share's number again: it says yes and unfreezes nothing.
      if (existing !== undefined) return ok(describeShare(current(existing, call.now)));
      if (isOver(order, call.now)) return finished;
      const rest = {
        type: 'MERCHANT_ID' as const,
        account: ownerOf(call),
        amount: unsplit(order, call.now),
        description,
      };
      return ok(describeShare(keep(call, { ...names, receivers: [rest], unfreeze_unsplit: true }, true)));
    },

    query({ merchant, subMchid, now }, outOrderNo, transactionId) {
      const share = shares.get(keyOf(merchant.mchid, outOrderNo));
      if (share?.request.transaction_id !== transactionId) return missingShare;
      return share.request.sub_mchid === subMchid ? ok(describeShare(current(share, now))) : otherSubMerchant;
    },

    giveBack(call, request) {
      const { merchant, now } = call;
      const known = returns.get(keyOf(merchant.mchid, request.out_return_no));
      if (known !== undefined) {
        return JSON.stringify(known.request) === JSON.stringify(request)
          ? ok(describeReturn(settled(known, now)))
          : otherReturn;
      }
      const share = [...shares.values()].find(
        ({ mchid, orderId, request: { out_order_no: number } }) =>
          mchid === merchant.mchid && (orderId === request.order_id || number === request.out_order_no),
      );
      if (share === undefined) return missingShare;
      if (share.request.sub_mchid !== call.subMchid) return otherSubMerchant;
      const left = returnable(share, request.return_mchid, now);
      if (left === undefined) return noMerchantShare;
      if (request.amount > left) return overShare;
      const entry: Return = {
        mchid: merchant.mchid,
        request,
        share: { orderId: share.orderId, outOrderNo: share.request.out_order_no },
        returnId: makeId(now),
        createdAt: now,
        settlesAt: now + settleMs,
        failure: undefined,
        told: false,
      };
      returns.set(keyOf(merchant.mchid, request.out_return_no), entry);
      tools.onPending(entry);
      return ok(describeReturn(entry));
    },

    queryReturn({ merchant, subMchid, now }, outReturnNo, outOrderNo) {
      const entry = returns.get(keyOf(merchant.mchid, outReturnNo));
      if (entry?.share.outOrderNo !== outOrderNo) return missingReturn;
      return entry.request.sub_mchid === subMchid ? ok(describeReturn(settled(entry, now))) : otherSubMerchant;
    },

    amounts({ merchant, now }, transactionId) {
      const order = orders.paidAs(merchant, transactionId);
      if (order?.payment === undefined) return missingOrder;
      if (order.request.settle_info?.profit_sharing !== true) return notForSharing;
      return ok({ transaction_id: transactionId, unsplit_amount: unsplit(order as PaidOrder, now) });
    },

    notices(entry, now) {
      const isSettled = 'failures' in entry ? current(entry, now).failures : settled(entry, now).failure;
      if (entry.told || isSettled === undefined) return [];
      entry.told = true;
      return 'failures' in entry ? noticesOfShare(entry) : noticesOfReturn(entry, shareOf(entry));
    },

    *moves(mchid, now) {
      for (const share of shares.values()) {
        const { failures } = current(share, now);
        if (share.mchid !== mchid || failures === undefined || share.rest) continue;
        for (const [index, receiver] of (share.request.receivers ?? []).entries()) {
          if (failures[index] !== undefined) continue;
          yield {
            ...moveOf(share, 'share', share.settlesAt),
            id: share.orderId,
            detail_id: detailId(share, index),
            number: share.request.out_order_no,
            account: receiver.account,
            amount: receiver.amount,
            description: receiver.description,
          };
        }
      }
      for (const entry of returns.values()) {
        const share = shareOf(entry);
        if (entry.mchid !== mchid || settled(entry, now).failure !== '' || share === undefined) continue;
        const { out_return_no: number, return_mchid: account, amount, description } = entry.request;
        yield {
          ...moveOf(share, 'return', entry.settlesAt),
          id: entry.returnId,
          detail_id: entry.returnId,
          number,
          account,
          amount,
          description,
        };
      }
    },

    frozen(order, now) {
      const isFrozen = order.request.settle_info?.profit_sharing === true && !isOver(order, now);
      return isFrozen ? unsplit(order, now) : undefined;
    },
  };
}

function detailId({ orderId }: Share, index: number): string {
  return `${orderId}${String(index).padStart(4, '0')}`;
}

/** Whose money it was: a service provider shares its sub-merchant's. */
function parties({ mchid, request }: Share): Record<string, string> {
  const { sub_mchid: subMchid } = request;
  return subMchid === undefined ? { mchid } : { sp_mchid: mchid, sub_mchid: subMchid };
}

/** One for each merchant that received something. */
function noticesOfShare(share: Share): SharingNotice[] {
  const { request, failures = [] } = share;
  return (request.receivers ?? []).flatMap(({ type, account, amount, description }, index) => {
    if (type !== 'MERCHANT_ID' || failures[index] !== undefined) return [];
    return [
      {
        receiver: account,
        event_type: 'PROFITSHARING.SUCCESS' as const,
        summary: '分账',
        content: {
          ...parties(share),
          transaction_id: request.transaction_id,
          order_id: share.orderId,
          out_order_no: request.out_order_no,
          receiver: { type, account, amount, description },
          success_time: beijingTime(share.settlesAt),
        },
        subject: { out_order_no: request.out_order_no },
      },
    ];
  });
}

/** The numbers are those of the return, under the names of a share's (the page calls them 微信分账/回退单号). */
function noticesOfReturn(entry: Return, share: Share | undefined): SharingNotice[] {
  if (entry.failure !== '' || share === undefined) return [];
  const { out_return_no: number, return_mchid: account, amount, description } = entry.request;
  return [
    {
      receiver: account,
      event_type: 'PROFITSHARING.RETURN',
      summary: '分账回退',
      content: {
        ...parties(share),
        transaction_id: share.request.transaction_id,
        order_id: entry.returnId,
        out_order_no: number,
        receiver: { type: 'MERCHANT_ID', account, amount, description },
        success_time: beijingTime(entry.settlesAt),
      },
      subject: { out_return_no: number },
    },
  ];
}

function describeShare(share: Share): Record<string, unknown> {
  const { request, failures } = share;
  const created = beijingTime(share.createdAt);
  return {
    ...(request.sub_mchid === undefined ? {} : { sub_mchid: request.sub_mchid }),
    transaction_id: request.transaction_id,
    out_order_no: request.out_order_no,
    order_id: share.orderId,
    state: failures === undefined ? 'PROCESSING' : 'FINISHED',
    receivers: (request.receivers ?? []).map(({ type, account, amount, description }, index) => {
      const failure = failures?.[index];
      return {
        amount,
        description,
        type,
        account,
        result: failures === undefined ? 'PENDING' : failure === undefined ? 'SUCCESS' : 'CLOSED',
        ...(failure === undefined ? {} : { fail_reason: failure }),
        detail_id: detailId(share, index),
        create_time: created,
        // Always there, so before the end it is the beginning (UNCONFIRMED).
        finish_time: failures === undefined ? created : beijingTime(share.settlesAt),
      };
    }),
  };
}

function describeReturn({ request, share, returnId, createdAt, settlesAt, failure }: Return): Record<string, unknown> {
  return {
    ...(request.sub_mchid === undefined ? {} : { sub_mchid: request.sub_mchid }),
    order_id: share.orderId,
    out_order_no: share.outOrderNo,
    out_return_no: request.out_return_no,
    return_id: returnId,
    return_mchid: request.return_mchid,
    amount: request.amount,
    description: request.description,
    result: failure === undefined ? 'PROCESSING' : failure === '' ? 'SUCCESS' : 'FAILED',
    ...(failure === undefined || failure === '' ? {} : { fail_reason: failure }),
    create_time: beijingTime(createdAt),
    ...(failure === undefined ? {} : { finish_time: beijingTime(settlesAt) }),
  };
}
