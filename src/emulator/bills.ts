/**
 * The texts of bills, made from the emulator's own orders and refunds (bills 3 to 5). Lines end with `\n` and nothing stands
 * before the first header; the caller changes that where its protocol does. Amounts are yuan.
 */
import { describeOrder } from './orders.ts';
import type { OrderBook, PaidOrder } from './orders.ts';
import type { SharingBook, SharingMove } from './profit-sharing.ts';
import type { Refund, RefundBook } from './refunds.ts';
import { beijingTime } from './times.ts';

export type TradeBillType = 'ALL' | 'SUCCESS' | 'REFUND';

export interface BillRequest {
  /** The merchant that asks: `mchid` or `sp_mchid`. */
  readonly mchid: string;
  /** A service provider may narrow the bill to one sub-merchant. */
  readonly subMchid?: string | undefined;
  /** `yyyy-MM-dd`, Beijing time. */
  readonly date: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What a refund looked like when a bill first listed it: bills are never updated (bills 4.4). Plain data. */
export interface FrozenRefund {
  readonly status: string;
  readonly successAt?: number;
}

export interface BillSources {
  readonly orders: Pick<OrderBook, 'allPaid'>;
  readonly refunds: Pick<RefundBook, 'all'>;
  /** By refund_id; added to. */
  readonly frozen: Map<string, FrozenRefund>;
}

const day = 86_400_000;

const opening =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额';
const refundColumns = '微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态';
const closing = '商品名称,商户数据包,手续费,费率,订单金额';

const tradeHeaders: Readonly<Record<TradeBillType, readonly string[]>> = {
  ALL: `${opening},${refundColumns},${closing},申请退款金额,费率备注`.split(','),
  SUCCESS: `${opening},${closing},费率备注`.split(','),
  REFUND: `${opening},退款申请时间,退款成功时间,${refundColumns},${closing},申请退款金额,费率备注`.split(','),
};

const allTotals = [
  '总交易单数',
  '应结订单总金额',
  '退款总金额',
  '充值券退款总金额',
  '手续费总金额',
  '订单总金额',
  '申请退款总金额',
];
const tradeTotals: Readonly<Record<TradeBillType, readonly string[]>> = {
  ALL: allTotals,
  SUCCESS: ['总交易单数', '应结订单总金额', '手续费总金额', '订单总金额'],
  REFUND: allTotals,
};

/** Which column a total sums up. */
const summed: Readonly<Record<string, string>> = {
  应结订单总金额: '应结订单金额',
  退款总金额: '退款金额',
  充值券退款总金额: '充值券退款金额',
  手续费总金额: '手续费',
  订单总金额: '订单金额',
  申请退款总金额: '申请退款金额',
};

const fundHeaders =
  '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号'.split(
    ',',
  );
const fundTotals = '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额'.split(',');

/** One row: what stands in its columns, and when it happened. Numbers are fen. */
interface Row {
  readonly at: number;
  readonly cells: Readonly<Record<string, string | number>>;
}

/** `true` for a day as `yyyy-MM-dd` that exists. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** The trade bill of a day; `undefined` when nothing happened. */
export function tradeBill(sources: BillSources, request: BillRequest, type: TradeBillType): string | undefined {
  const rows: Row[] = [];
  if (type !== 'REFUND') for (const order of paidOn(sources, request)) rows.push(paymentRow(order));
  if (type !== 'SUCCESS')
    for (const refund of refundedOn(sources, request)) rows.push(refundRow(refund, frozenOf(refund, sources.frozen)));
  if (rows.length === 0) return undefined;
  rows.sort((a, b) => a.at - b.at);
  const headers = tradeHeaders[type];
  const totals = tradeTotals[type].map((total) => {
    const column = summed[total];
    if (column === undefined) return String(rows.length);
    return cellText(
      column,
      rows.reduce((sum, { cells }) => sum + Number(cells[column] ?? 0), 0),
    );
  });
  return fileText(headers, rows, tradeTotals[type], totals);
}

/**
 * The fund-flow bill of the basic account of a day: payments, their fees, and refunds less the fee that comes back with them.
 * `undefined` when nothing happened. Refunds that were closed have given their money back and are not listed.
 */
export function fundFlowBill(sources: BillSources, request: BillRequest): string | undefined {
  const end = startOf(request.date) + day;
  const all = { ...sources, request };
  const flows = [...flowsOf(all)].filter(({ at }) => at < end).sort((a, b) => a.at - b.at);
  let balance = 0;
  const rows: Row[] = [];
  let [income, incomes, expense, expenses] = [0, 0, 0, 0];
  for (const flow of flows) {
    balance += flow.amount;
    if (flow.at < end - day) continue;
    const amount = Math.abs(flow.amount);
    if (flow.amount >= 0) [income, incomes] = [income + amount, incomes + 1];
    else [expense, expenses] = [expense + amount, expenses + 1];
    rows.push({
      at: flow.at,
      cells: {
        ...flow.cells,
        记账时间: spacedTime(flow.at),
        收支类型: flow.amount >= 0 ? '收入' : '支出',
        '收支金额(元)': amount,
        '账户结余(元)': balance,
      },
    });
  }
  if (rows.length === 0) return undefined;
  const totals = [String(rows.length), String(incomes), yuan(income), String(expenses), yuan(expense)];
  return fileText(fundHeaders, rows, fundTotals, totals);
}

/**
 * WeChat Pay's pages say that there is a row for every share and every return that succeeded, in yuan and with a backtick before
 * every field, but not which columns there are. These are the ones of the same bill abroad, which has its columns documented (wiki
 * api_external chapter4_1_9), in the words of the domestic pages; their order, the words of a row and the totals are UNCONFIRMED.
 */
const sharingHeaders =
  '分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,分账接收方,分账金额,业务类型,处理状态,分账描述,备注'.split(
    ',',
  );
const sharingTotals = ['总条数', '分账总金额', '分账回退总金额'];

/** The profit-sharing bill of a day; `undefined` when nothing happened. */
export function sharingBill(sharing: Pick<SharingBook, 'moves'>, request: BillRequest): string | undefined {
  const moves = [...sharing.moves(request.mchid, request.now)].filter(
    ({ at, payer }) => isOn(at, request.date) && (request.subMchid === undefined || payer === request.subMchid),
  );
  if (moves.length === 0) return undefined;
  moves.sort((a, b) => a.at - b.at);
  const sum = (kind: SharingMove['kind']): number =>
    moves.reduce((total, move) => (move.kind === kind ? total + move.amount : total), 0);
  const totals = [String(moves.length), yuan(sum('share')), yuan(sum('return'))];
  return fileText(sharingHeaders, moves.map(sharingRow), sharingTotals, totals);
}

function sharingRow(move: SharingMove): Row {
  return {
    at: move.at,
    cells: {
      分账时间: spacedTime(move.at),
      分账发起方: move.mchid,
      分账方: move.payer,
      微信订单号: move.transaction_id,
      '微信分账/回退单号': move.id,
      分账明细单号: move.detail_id,
      '商户分账/回退单号': move.number,
      订单金额: move.total,
      分账接收方: move.account,
      分账金额: move.amount,
      业务类型: move.kind === 'share' ? '分账' : '分账回退',
      处理状态: '成功',
      分账描述: escaped(move.description),
      备注: '',
    },
  };
}

interface Flow {
  readonly at: number;
  /** Fen; negative for what goes out. */
  readonly amount: number;
  readonly cells: Readonly<Record<string, string>>;
}

function* flowsOf({ orders, refunds, request }: BillSources & { request: BillRequest }): Generator<Flow> {
  for (const order of orders.allPaid()) {
    if (!isOf(order, request)) continue;
    const { total } = order.request.amount;
    const { transactionId, successAt } = order.payment;
    const common = { 微信支付业务单号: transactionId, 业务凭证号: order.request.out_trade_no, 业务名称: '交易' };
    yield {
      at: successAt,
      amount: total,
      cells: { ...common, 资金流水单号: transactionId, 业务类型: '交易', 资金变更提交申请人: 'system', 备注: '' },
    };
    const fee = feeOf(total);
    if (fee === 0) continue;
    yield {
      at: successAt,
      amount: -fee,
      cells: {
        ...common,
        资金流水单号: `${request.mchid}${transactionId.slice(10)}`,
        业务类型: '扣除交易手续费',
        资金变更提交申请人: 'system',
        备注: `结算总金额${yuan(total)}元`,
      },
    };
  }
  for (const refund of refunds.all(request.now)) {
    if (refund.status === 'CLOSED' || !isOf(refund.order, request)) continue;
    const amount = refund.request.amount.refund;
    const fee = feeOf(amount);
    yield {
      at: refund.createdAt,
      amount: -(amount - fee),
      cells: {
        微信支付业务单号: refund.refundId,
        资金流水单号: refund.order.payment.transactionId,
        业务名称: '退款',
        业务类型: '退款',
        资金变更提交申请人: `${request.mchid}API`,
        备注: `退款总金额${yuan(amount)}元;含手续费${yuan(fee)}元`,
        业务凭证号: refund.request.out_refund_no,
      },
    };
  }
}

function* paidOn({ orders }: BillSources, request: BillRequest): Generator<PaidOrder> {
  for (const order of orders.allPaid())
    if (isOf(order, request) && isOn(order.payment.successAt, request.date)) yield order;
}

function* refundedOn({ refunds }: BillSources, request: BillRequest): Generator<Refund> {
  for (const refund of refunds.all(request.now))
    if (isOf(refund.order, request) && isOn(refund.createdAt, request.date)) yield refund;
}

function isOf({ merchant, request }: PaidOrder, { mchid, subMchid }: BillRequest): boolean {
  return merchant.mchid === mchid && (subMchid === undefined || request.sub_mchid === subMchid);
}

function isOn(at: number, date: string): boolean {
  return beijingTime(at).startsWith(date);
}

function startOf(date: string): number {
  return Date.parse(`${date}T00:00:00+08:00`);
}

/** What both kinds of rows of an order have in common. */
function orderCells(order: PaidOrder): Record<string, string | number> {
  const { request, payment } = order;
  const shown = describeOrder(order);
  const { description = '' } = request as { readonly description?: string };
  return {
    公众账号ID: request.appid ?? request.sp_appid ?? '',
    商户号: order.merchant.mchid,
    特约商户号: request.sub_mchid ?? '0',
    设备号: request.scene_info?.device_id ?? '',
    微信订单号: payment.transactionId,
    商户订单号: request.out_trade_no,
    用户标识: payment.payer['openid'] ?? payment.payer['sp_openid'] ?? '',
    交易类型: String(shown['trade_type']),
    付款银行: String(shown['bank_type']),
    货币种类: 'CNY',
    代金券金额: 0,
    充值券退款金额: 0,
    商品名称: escaped(description),
    商户数据包: escaped(request.attach ?? ''),
    费率: '0.60%',
    费率备注: '',
  };
}

function paymentRow(order: PaidOrder): Row {
  const { total } = order.request.amount;
  return {
    at: order.payment.successAt,
    cells: {
      ...orderCells(order),
      交易时间: spacedTime(order.payment.successAt),
      交易状态: 'SUCCESS',
      应结订单金额: total,
      微信退款单号: '0',
      商户退款单号: '0',
      退款金额: 0,
      退款类型: '',
      退款状态: '',
      手续费: feeOf(total),
      订单金额: total,
      申请退款金额: 0,
    },
  };
}

function refundRow(refund: Refund, { status, successAt }: FrozenRefund): Row {
  const amount = refund.request.amount.refund;
  return {
    at: refund.createdAt,
    cells: {
      ...orderCells(refund.order),
      交易时间: spacedTime(refund.createdAt),
      交易状态: 'REFUND',
      应结订单金额: 0,
      退款申请时间: spacedTime(refund.createdAt),
      退款成功时间: successAt === undefined ? '' : spacedTime(successAt),
      微信退款单号: refund.refundId,
      商户退款单号: refund.request.out_refund_no,
      退款金额: amount,
      退款类型: refund.channel,
      退款状态: status,
      手续费: -feeOf(amount),
      订单金额: 0,
      申请退款金额: amount,
    },
  };
}

/** The words of a bill, which are not those of the API (bills 4.4). */
const billStatus: Readonly<Record<Refund['status'], string>> = {
  PROCESSING: 'PROCESSING',
  SUCCESS: 'SUCCESS',
  ABNORMAL: 'CHANGE',
  CLOSED: 'FAIL',
};

function frozenOf(refund: Refund, frozen: BillSources['frozen']): FrozenRefund {
  const known = frozen.get(refund.refundId);
  if (known !== undefined) return known;
  const status = billStatus[refund.status];
  const made = refund.successAt === undefined ? { status } : { status, successAt: refund.successAt };
  frozen.set(refund.refundId, made);
  return made;
}

/** 0.60 % in fen, half a fen up. */
function feeOf(total: number): number {
  return Math.floor((total * 6 + 500) / 1_000);
}

/** Header rows are plain, every other field starts with a backtick. */
function fileText(
  headers: readonly string[],
  rows: readonly Row[],
  totalHeaders: readonly string[],
  totals: readonly string[],
): string {
  const lines = [headers.join(',')];
  for (const { cells } of rows) lines.push(line(headers.map((header) => cellText(header, cells[header] ?? ''))));
  return `${[...lines, totalHeaders.join(','), line(totals)].join('\n')}\n`;
}

function line(cells: readonly string[]): string {
  return cells.map((cell) => `\`${cell}`).join(',');
}

/** Fees have five decimals, other amounts two. */
function cellText(header: string, cell: string | number): string {
  if (typeof cell === 'string') return cell;
  return header === '手续费' ? `${yuan(cell)}000` : yuan(cell);
}

function yuan(fen: number): string {
  const digits = String(Math.abs(fen)).padStart(3, '0');
  return `${fen < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** `2026-11-22 10:31:02` */
function spacedTime(at: number): string {
  return beijingTime(at).slice(0, 19).replace('T', ' ');
}

/** A comma in a merchant's text becomes `\ `, a line feed `\n` (bills 3). */
function escaped(text: string): string {
  return text
    .replaceAll(',', String.raw`\ `)
    .replaceAll('\r', '')
    .replaceAll('\n', String.raw`\n`);
}
