/**
 * The columns of bills and the names that they have in JSON (bills 4 and 5). Columns are found by their heading, never by
 * their place: sets and order differ by type and may grow. A heading that is not known is its own name.
 */
import { WxpayError } from '../../core/errors.ts';

export type BillKind = 'trade' | 'fundflow';

/**
 * - `yuan`: yuan in the file, integer fen for us.
 * - `fee`: yuan with up to five decimals in the file, integer thousandths of a fen for us.
 * - `time`: `yyyy-MM-dd HH:mm:ss` in the file, RFC 3339 for us.
 */
export type ColumnType = 'text' | 'time' | 'yuan' | 'fee' | 'count';

export interface BillColumn {
  /** The name in JSON and CSV, and in `--where`. */
  readonly field: string;
  readonly type: ColumnType;
  /** As in the file, with ASCII brackets. */
  readonly heading: string;
}

const tradeColumns: Readonly<Record<string, readonly [string, ColumnType]>> = {
  交易时间: ['trade_time', 'time'],
  公众账号ID: ['appid', 'text'],
  商户号: ['mchid', 'text'],
  特约商户号: ['sub_mchid', 'text'],
  设备号: ['device_id', 'text'],
  微信订单号: ['transaction_id', 'text'],
  商户订单号: ['out_trade_no', 'text'],
  用户标识: ['openid', 'text'],
  交易类型: ['trade_type', 'text'],
  交易状态: ['trade_state', 'text'],
  付款银行: ['bank_type', 'text'],
  货币种类: ['currency', 'text'],
  应结订单金额: ['settlement_total', 'yuan'],
  代金券金额: ['coupon_amount', 'yuan'],
  退款申请时间: ['refund_create_time', 'time'],
  退款成功时间: ['refund_success_time', 'time'],
  微信退款单号: ['refund_id', 'text'],
  商户退款单号: ['out_refund_no', 'text'],
  退款金额: ['settlement_refund', 'yuan'],
  充值券退款金额: ['coupon_refund', 'yuan'],
  退款类型: ['refund_channel', 'text'],
  退款状态: ['refund_status', 'text'],
  商品名称: ['description', 'text'],
  商户数据包: ['attach', 'text'],
  手续费: ['fee_millifen', 'fee'],
  费率: ['rate', 'text'],
  订单金额: ['total', 'yuan'],
  申请退款金额: ['refund', 'yuan'],
  费率备注: ['rate_note', 'text'],
  // The layout that a few old merchants still get.
  总金额: ['total', 'yuan'],
  企业红包金额: ['coupon_amount', 'yuan'],
  企业红包退款金额: ['coupon_refund', 'yuan'],
};

const fundflowColumns: Readonly<Record<string, readonly [string, ColumnType]>> = {
  记账时间: ['book_time', 'time'],
  微信支付业务单号: ['wechat_business_no', 'text'],
  资金流水单号: ['flow_id', 'text'],
  业务名称: ['business_name', 'text'],
  业务类型: ['business_type', 'text'],
  收支类型: ['direction', 'text'],
  '收支金额(元)': ['amount', 'yuan'],
  '账户结余(元)': ['balance', 'yuan'],
  资金变更提交申请人: ['applicant', 'text'],
  备注: ['note', 'text'],
  业务凭证号: ['voucher_no', 'text'],
};

/** Each total under the name of the column that it sums up. */
const tradeTotals: Readonly<Record<string, readonly [string, ColumnType]>> = {
  总交易单数: ['count', 'count'],
  应结订单总金额: ['settlement_total', 'yuan'],
  退款总金额: ['settlement_refund', 'yuan'],
  充值券退款总金额: ['coupon_refund', 'yuan'],
  手续费总金额: ['fee_millifen', 'fee'],
  订单总金额: ['total', 'yuan'],
  申请退款总金额: ['refund', 'yuan'],
  总交易额: ['total', 'yuan'],
  总退款金额: ['settlement_refund', 'yuan'],
  总企业红包退款金额: ['coupon_refund', 'yuan'],
};

const fundflowTotals: Readonly<Record<string, readonly [string, ColumnType]>> = {
  资金流水总笔数: ['count', 'count'],
  收入笔数: ['income_count', 'count'],
  收入金额: ['income', 'yuan'],
  支出笔数: ['expense_count', 'count'],
  支出金额: ['expense', 'yuan'],
};

const tables = {
  trade: { columns: tradeColumns, totals: tradeTotals },
  fundflow: { columns: fundflowColumns, totals: fundflowTotals },
} as const;

/** More columns than any bill has; bounds what a line can make us hold. */
export const maxColumns = 64;

/** Every field of a kind of bill, with its heading: for help, `--where` and the documentation. */
export function knownColumns(kind: BillKind): readonly BillColumn[] {
  return Object.entries(tables[kind].columns).map(([heading, [field, type]]) => ({ heading, field, type }));
}

/** Which kind of bill begins with this header line. @throws `BILL_MALFORMED` */
export function kindOf(line: string): BillKind {
  const [first = ''] = headingsOf(line);
  if (first === '交易时间') return 'trade';
  if (first === '记账时间') return 'fundflow';
  throw new WxpayError('BILL_MALFORMED', {
    params: { line: 1, reason: 'key:bill.reason.header', value: line.slice(0, 60) },
  });
}

/** The columns of the rows. @throws `BILL_MALFORMED` for a heading that comes twice, or too many of them */
export function readColumns(kind: BillKind, line: string): readonly BillColumn[] {
  return columnsOf(tables[kind].columns, line, 1);
}

/** The columns of the summary row. @throws as above */
export function readTotals(kind: BillKind, line: string, at: number): readonly BillColumn[] {
  return columnsOf(tables[kind].totals, line, at);
}

/** True for the first heading of a summary. */
export function isSummary(kind: BillKind, line: string): boolean {
  return headingsOf(line)[0] === (kind === 'trade' ? '总交易单数' : '资金流水总笔数');
}

function columnsOf(
  known: Readonly<Record<string, readonly [string, ColumnType]>>,
  line: string,
  at: number,
): readonly BillColumn[] {
  const columns = headingsOf(line).map((heading): BillColumn => {
    const [field, type] = Object.hasOwn(known, heading) ? (known[heading] ?? []) : [];
    return { heading, field: field ?? heading, type: type ?? 'text' };
  });
  const fields = new Set(columns.map(({ field }) => field));
  if (fields.size !== columns.length || columns.length > maxColumns || fields.has(''))
    throw new WxpayError('BILL_MALFORMED', {
      params: { line: at, reason: 'key:bill.reason.header', value: line.slice(0, 60) },
    });
  return columns;
}

/** Some bills have full-width brackets around the unit (bills 5). */
function headingsOf(line: string): readonly string[] {
  return line
    .replaceAll('（', '(')
    .replaceAll('）', ')')
    .split(',')
    .map((heading) => heading.replace(/^`/, '').trim());
}
