/** Merchant transfers and their states (states 4, endpoints 11.1). Records are plain data; time passes only through `now`. */
import { WxpayError } from '../core/errors.ts';
import type { Merchant } from './merchants.ts';
import { digits } from './platform.ts';
import { ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { FailReason, TransferState } from './rules/transfer.ts';
import { encryptField } from './sensitive.ts';
import { beijingDigits, beijingTime } from './times.ts';

/** A transfer body after validation, its name decrypted. */
export interface TransferRequest {
  readonly appid: string;
  readonly out_bill_no: string;
  readonly openid: string;
  readonly user_name?: string;
  /** Fen. */
  readonly transfer_amount: number;
  readonly transfer_remark: string;
  readonly notify_url?: string;
  readonly user_recv_perception?: string;
  readonly transfer_scene_id: string;
  readonly transfer_scene_report_infos: readonly { readonly info_type: string; readonly info_content: string }[];
  readonly user_recv_style?: { readonly type: string };
}

/** Plain data. */
export interface Transfer {
  readonly mchid: string;
  readonly request: TransferRequest;
  readonly transfer_bill_no: string;
  readonly package_info: string;
  /** Milliseconds since the epoch. */
  readonly created_at: number;
  updated_at: number;
  state: TransferState;
  /** When it moves on by itself; `null` when it is final. */
  until: number | null;
  fail_reason: FailReason | null;
  /** An end that nobody has been told yet. */
  untold: boolean;
}

/** How long transfers stay in a state, in milliseconds on the emulator's clock. Names as in the control API. */
export interface TransferSettings {
  /** In `ACCEPTED`, and again in `PROCESSING`. Default 0: a new bill waits for its user at once. */
  readonly review_ms: number;
  /** From creation to the user's confirmation; default 24 hours. */
  readonly confirm_within_ms: number;
  /** In `TRANSFERING`; default 1000. */
  readonly pay_ms: number;
  /** In `CANCELING`; default 1000. */
  readonly cancel_ms: number;
}

const day = 86_400_000;
export const defaultTransferSettings: TransferSettings = {
  review_ms: 0,
  confirm_within_ms: day,
  pay_ms: 1000,
  cancel_ms: 1000,
};

/** One transfer that was taken: what proves that nothing was transferred twice. */
export interface TransferEntry {
  readonly mchid: string;
  readonly out_bill_no: string;
  readonly transfer_bill_no: string;
  readonly openid: string;
  /** Fen. */
  readonly amount: number;
  readonly state: TransferState;
  /** How many POSTs with this number arrived, those that a fault kept from acting included. */
  readonly posts: number;
}

export interface TransferBook {
  settings(): TransferSettings;
  /** @throws WxpayError `INPUT_INVALID` */
  configure(change: unknown): TransferSettings;
  /** Counts a POST, whatever becomes of it. */
  seen(mchid: string, outBillNo: string): void;
  /** Creates a transfer, or repeats it. */
  create(merchant: Merchant, request: TransferRequest, now: number): Reply;
  /** By out_bill_no or transfer_bill_no. */
  query(
    merchant: Merchant,
    by: { readonly out_bill_no: string } | { readonly transfer_bill_no: string },
    now: number,
  ): Reply;
  cancel(merchant: Merchant, outBillNo: string, now: number): Reply;
  /** The transfers with either number, of any merchant. */
  find(number: string, now: number): readonly Transfer[];
  /** The transfer as it stands now. */
  current(transfer: Transfer, now: number): Transfer;
  /** The user confirms. @returns false when there is nothing to confirm */
  confirm(transfer: Transfer, now: number): boolean;
  /** Brings one that is under way to its end. @returns false when it has ended */
  end(transfer: Transfer, reason: FailReason | undefined, now: number): boolean;
  /** The newest so many as they stand now, newest first, and how many there are in all. */
  newest(limit: number, now: number): { readonly total: number; readonly transfers: readonly Transfer[] };
  /** In the order of acceptance. */
  ledger(now: number): readonly TransferEntry[];
  /** Every record, to be written out. */
  dump(): {
    readonly transfers: readonly Transfer[];
    readonly settings: TransferSettings;
    readonly posts: readonly (readonly [string, number])[];
  };
  /** Takes up what was written out, in the place of everything else. */
  restore(dumped: ReturnType<TransferBook['dump']>): void;
}

interface Tools {
  readonly randomBytes: (size: number) => Buffer;
  /** What a merchant has left, in fen; Infinity where nobody has said. */
  readonly balance: (mchid: string) => number;
  /** Takes fen from what a merchant has left; gives back where negative. */
  readonly draw: (mchid: string, fen: number) => void;
  /** What keeps a user from receiving. */
  readonly trouble: (openid: string) => 'ACCOUNT_FROZEN' | 'ACCOUNT_NOT_EXIST' | undefined;
  /** Called whenever a transfer begins to wait. */
  readonly onWait: (transfer: Transfer) => void;
}

const invalidRequest = (message: string): Reply => refuse(400, 'INVALID_REQUEST', message, 268435461);
const otherContent = invalidRequest('单号已存在但信息不一致，请查单后比较确认');
const notCancellable = invalidRequest('当前转账单状态不支持撤销');
const missingBill = refuse(404, 'NOT_FOUND', '记录不存在', 268435461);
const notEnough = refuse(403, 'NOT_ENOUGH', '商户账户余额不足，请充值后使用原单号重试', 268892709);
const cancellable: readonly TransferState[] = ['ACCEPTED', 'PROCESSING', 'WAIT_USER_CONFIRM'];

export function openTransferBook({ randomBytes, balance, draw, trouble, onWait }: Tools): TransferBook {
  /** By merchant and out_bill_no, in the order of acceptance. */
  const transfers = new Map<string, Transfer>();
  /** The keys above, by each of the two numbers. */
  const named = new Map<string, readonly string[]>();
  const posts = new Map<string, number>();
  let settings = defaultTransferSettings;
  const keyOf = (mchid: string, outBillNo: string): string => `${mchid} ${outBillNo}`;

  function move(transfer: Transfer, state: TransferState, at: number, wait: number | null): void {
    transfer.state = state;
    transfer.updated_at = at;
    transfer.until = wait === null ? null : at + wait;
    if (wait === null) transfer.untold = true;
    else onWait(transfer);
  }

  function fail(transfer: Transfer, reason: FailReason, at: number): void {
    transfer.fail_reason = reason;
    move(transfer, 'FAIL', at, null);
    draw(transfer.mchid, -transfer.request.transfer_amount);
  }

  /** What happens to it by itself when its time in a state is over. */
  function step(transfer: Transfer, at: number): void {
    switch (transfer.state) {
      case 'ACCEPTED':
        move(transfer, 'PROCESSING', at, settings.review_ms);
        break;
      case 'PROCESSING':
        move(transfer, 'WAIT_USER_CONFIRM', at, Math.max(0, transfer.created_at + settings.confirm_within_ms - at));
        break;
      case 'WAIT_USER_CONFIRM':
        fail(transfer, 'OVERDUE_CLOSE', at);
        break;
      case 'TRANSFERING': {
        const reason = trouble(transfer.request.openid);
        if (reason === undefined) move(transfer, 'SUCCESS', at, null);
        else fail(transfer, reason, at);
        break;
      }
      case 'CANCELING':
        move(transfer, 'CANCELLED', at, null);
        draw(transfer.mchid, -transfer.request.transfer_amount);
        break;
      case 'SUCCESS':
      case 'FAIL':
      case 'CANCELLED':
        // Final: nothing happens by itself.
        transfer.until = null;
    }
  }

  function current(transfer: Transfer, now: number): Transfer {
    while (transfer.until !== null && now >= transfer.until) step(transfer, transfer.until);
    return transfer;
  }

  function keep(transfer: Transfer): void {
    const key = keyOf(transfer.mchid, transfer.request.out_bill_no);
    transfers.set(key, transfer);
    for (const name of [transfer.request.out_bill_no, transfer.transfer_bill_no]) {
      named.set(name, [...(named.get(name) ?? []), key]);
    }
  }

  function accept(merchant: Merchant, request: TransferRequest, now: number): Transfer {
    const transfer: Transfer = {
      mchid: merchant.mchid,
      request,
      // 40 digits that begin with 1330 (states 6).
      transfer_bill_no: `1330${digits(randomBytes, 15)}${beijingDigits(now).slice(0, 8)}${digits(randomBytes, 13)}`,
      package_info: randomBytes(48).toString('base64'),
      created_at: now,
      updated_at: now,
      state: 'ACCEPTED',
      until: now + settings.review_ms,
      fail_reason: null,
      untold: false,
    };
    keep(transfer);
    draw(merchant.mchid, request.transfer_amount);
    if (settings.review_ms > 0) onWait(transfer);
    return current(transfer, now);
  }

  function own(merchant: Merchant, outBillNo: string, now: number): Transfer | undefined {
    const transfer = transfers.get(keyOf(merchant.mchid, outBillNo));
    return transfer === undefined ? undefined : current(transfer, now);
  }

  function find(number: string, now: number): readonly Transfer[] {
    return (named.get(number) ?? []).flatMap((key) => {
      const transfer = transfers.get(key);
      return transfer === undefined ? [] : [current(transfer, now)];
    });
  }

  return {
    settings: () => settings,

    configure(change) {
      settings = { ...settings, ...readSettings(change) };
      return settings;
    },

    seen(mchid, outBillNo) {
      const key = keyOf(mchid, outBillNo);
      posts.set(key, (posts.get(key) ?? 0) + 1);
    },

    create(merchant, request, now) {
      const existing = own(merchant, request.out_bill_no, now);
      if (existing !== undefined) {
        return contentOf(existing.request) === contentOf(request) ? ok(describeCreated(existing)) : otherContent;
      }
      if (request.transfer_amount > balance(merchant.mchid)) return notEnough;
      return ok(describeCreated(accept(merchant, request, now)));
    },

    query(merchant, by, now) {
      const transfer =
        'out_bill_no' in by
          ? own(merchant, by.out_bill_no, now)
          : find(by.transfer_bill_no, now).find(
              ({ mchid, transfer_bill_no: number }) => mchid === merchant.mchid && number === by.transfer_bill_no,
            );
      // Bills are shown for thirty days; their numbers stay used.
      if (transfer === undefined || now - transfer.created_at > 30 * day) return missingBill;
      return ok(describeTransfer(transfer, merchant));
    },

    cancel(merchant, outBillNo, now) {
      const transfer = own(merchant, outBillNo, now);
      if (transfer === undefined) return missingBill;
      if (cancellable.includes(transfer.state)) move(transfer, 'CANCELING', now, settings.cancel_ms);
      current(transfer, now);
      if (transfer.state !== 'CANCELING' && transfer.state !== 'CANCELLED') return notCancellable;
      return ok({
        out_bill_no: transfer.request.out_bill_no,
        transfer_bill_no: transfer.transfer_bill_no,
        state: transfer.state,
        update_time: beijingTime(transfer.updated_at),
      });
    },

    find,
    current,

    confirm(transfer, now) {
      if (current(transfer, now).state !== 'WAIT_USER_CONFIRM') return false;
      move(transfer, 'TRANSFERING', now, settings.pay_ms);
      return true;
    },

    end(transfer, reason, now) {
      if (current(transfer, now).until === null) return false;
      if (reason !== undefined) fail(transfer, reason, now);
      else step(Object.assign(transfer, { state: 'TRANSFERING' as const }), now);
      return true;
    },

    newest: (limit, now) => ({
      total: transfers.size,
      transfers: [...transfers.values()]
        .slice(-limit)
        .toReversed()
        .map((transfer) => current(transfer, now)),
    }),

    ledger: (now) =>
      [...transfers].map(([key, transfer]) => ({
        mchid: transfer.mchid,
        out_bill_no: transfer.request.out_bill_no,
        transfer_bill_no: transfer.transfer_bill_no,
        openid: transfer.request.openid,
        amount: transfer.request.transfer_amount,
        state: current(transfer, now).state,
        posts: posts.get(key) ?? 0,
      })),

    dump: () => ({ transfers: [...transfers.values()], settings, posts: [...posts] }),

    restore(dumped) {
      for (const index of [transfers, named, posts]) index.clear();
      settings = dumped.settings;
      for (const [key, count] of dumped.posts) posts.set(key, count);
      for (const transfer of dumped.transfers) {
        keep({ ...transfer });
        const kept = transfers.get(keyOf(transfer.mchid, transfer.request.out_bill_no));
        if (kept !== undefined && (kept.until !== null || kept.untold)) onWait(kept);
      }
    },
  };
}

/** What makes a repeat the same transfer; where its end is told to is not part of it (UNCONFIRMED). */
function contentOf(request: TransferRequest): string {
  const { appid, openid, user_name: name, transfer_amount: amount, transfer_remark: remark } = request;
  const { transfer_scene_id: scene, transfer_scene_report_infos: infos, user_recv_perception: perception } = request;
  return JSON.stringify([
    appid,
    openid,
    name ?? null,
    amount,
    remark,
    scene,
    infos.map((info) => [info.info_type, info.info_content]),
    perception ?? null,
    request.user_recv_style?.type ?? null,
  ]);
}

function describeCreated(transfer: Transfer): Record<string, unknown> {
  return {
    create_time: beijingTime(transfer.created_at),
    ...(transfer.fail_reason === null ? {} : { fail_reason: transfer.fail_reason }),
    out_bill_no: transfer.request.out_bill_no,
    ...(transfer.state === 'WAIT_USER_CONFIRM' ? { package_info: transfer.package_info } : {}),
    state: transfer.state,
    transfer_bill_no: transfer.transfer_bill_no,
  };
}

/** The transfer as a query shows it: `mch_id` here, not `mchid`; the name for the merchant's own certificate. */
export function describeTransfer(
  transfer: Transfer,
  merchant: Pick<Merchant, 'publicKey'> | undefined,
): Record<string, unknown> {
  const { request } = transfer;
  const name = request.user_name;
  return {
    mch_id: transfer.mchid,
    out_bill_no: request.out_bill_no,
    transfer_bill_no: transfer.transfer_bill_no,
    appid: request.appid,
    state: transfer.state,
    transfer_amount: request.transfer_amount,
    transfer_remark: request.transfer_remark,
    ...(transfer.fail_reason === null ? {} : { fail_reason: transfer.fail_reason }),
    openid: request.openid,
    ...(name === undefined || merchant === undefined
      ? {}
      : { user_name: encryptField(Buffer.from(name, 'utf8'), merchant.publicKey) }),
    create_time: beijingTime(transfer.created_at),
    update_time: beijingTime(transfer.updated_at),
  };
}

/** The transfer as its callback tells it (protocol 6.3). */
export function describeTransferCallback(transfer: Transfer): Record<string, unknown> {
  const { request } = transfer;
  return {
    out_bill_no: request.out_bill_no,
    transfer_bill_no: transfer.transfer_bill_no,
    state: transfer.state,
    mch_id: transfer.mchid,
    transfer_amount: request.transfer_amount,
    openid: request.openid,
    ...(transfer.fail_reason === null ? {} : { fail_reason: transfer.fail_reason }),
    create_time: beijingTime(transfer.created_at),
    update_time: beijingTime(transfer.updated_at),
  };
}

function readSettings(change: unknown): Partial<TransferSettings> {
  const invalid = (field: string): WxpayError =>
    new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
  if (typeof change !== 'object' || change === null || Array.isArray(change)) throw invalid('transfers');
  for (const [name, value] of Object.entries(change)) {
    const isTime = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    if (!Object.hasOwn(defaultTransferSettings, name) || !isTime) throw invalid(name);
  }
  return change;
}
