/** Bills: applying for one, and fetching its file (endpoints 7, bills 1 and 2). */
import { createHash } from 'node:crypto';
import { fundFlowBill, isDate, sharingBill, tradeBill } from '../bills.ts';
import type { BillSources, TradeBillType } from '../bills.ts';
import { downloadPath, openDownloadShelf } from '../downloads.ts';
import type { DownloadShelf } from '../downloads.ts';
import { readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { headerOf } from '../gateway.ts';
import { isLoopback } from '../guard.ts';
import type { SharingBook } from '../profit-sharing.ts';
import { makeLimiter } from '../rate-limits.ts';
import { ok, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import type { StringField } from '../rules/fields.ts';
import { beijingTime } from '../times.ts';
import { checkRelation } from './party.ts';

interface Parts extends BillSources {
  readonly sharing: Pick<SharingBook, 'moves'>;
  readonly randomBytes: (size: number) => Buffer;
  /** Whether the documented calls per second are kept. */
  readonly isLimited: () => boolean;
}

const date: StringField = {
  type: 'string',
  title: '账单日期',
  max: 10,
  pattern: String.raw`^\d{4}-\d{2}-\d{2}$`,
  form: isDate,
};
const packing: StringField = { type: 'string', title: '压缩类型', max: 32, values: ['GZIP'] };
const tradeFields: Readonly<Record<string, StringField>> = {
  bill_date: { ...date, required: true },
  bill_type: { type: 'string', title: '账单类型', max: 32, values: ['ALL', 'SUCCESS', 'REFUND'] },
  tar_type: packing,
};
const subMerchant: StringField = { type: 'string', title: '子商户号', max: 32, pattern: '^[0-9]+$' };
const fundFlowFields: Readonly<Record<string, StringField>> = {
  bill_date: { ...date, required: true },
  account_type: { type: 'string', title: '资金账户类型', max: 32, values: ['BASIC', 'OPERATION', 'FEES'] },
  tar_type: packing,
};

export function billEndpoints(parts: Parts): Endpoint[] {
  const shelf = openDownloadShelf(parts.randomBytes);
  const limiter = makeLimiter();
  return [
    { method: 'GET', path: '/v3/bill/tradebill', answer: (call) => trade(call, parts, shelf) },
    {
      method: 'GET',
      path: '/v3/bill/fundflowbill',
      answer: (call) => {
        const act = (): Reply => fundFlow(call, parts, shelf);
        return parts.isLimited() ? limiter('fundflow', call.merchant.mchid, call.now, act) : act();
      },
    },
    { method: 'GET', path: '/v3/profitsharing/bills', answer: (call) => sharing(call, parts, shelf) },
    {
      method: 'GET',
      path: downloadPath,
      answer: (call) =>
        refuseBody(call.request) ??
        shelf.fetch(call.merchant.mchid, call.query, headerOf(call.request, 'range'), call.now),
    },
  ];
}

function trade(call: Call, parts: Parts, shelf: DownloadShelf): Reply {
  const { merchant } = call;
  const isProvider = merchant.subMerchants !== undefined;
  const query = readQuery(call.query, isProvider ? { ...tradeFields, sub_mchid: subMerchant } : tradeFields);
  if ('status' in query) return query;
  const { bill_date: day = '', bill_type: type = 'ALL', tar_type: packed, sub_mchid: subMchid } = query.values;
  const refusal =
    refuseBody(call.request) ??
    (subMchid === undefined ? undefined : checkRelation(call, subMchid, 'partner')) ??
    checkDay(day, call.now);
  if (refusal !== undefined) return refusal;
  const request = { mchid: merchant.mchid, subMchid, date: day, now: call.now };
  return hand(call, tradeBill(parts, request, type as TradeBillType), packed === 'GZIP', shelf);
}

/** A service provider gets all of its sub-merchants' shares, or one's; an ordinary merchant its own. */
function sharing(call: Call, parts: Parts, shelf: DownloadShelf): Reply {
  const { merchant } = call;
  const isProvider = merchant.subMerchants !== undefined;
  const fields = { bill_date: tradeFields['bill_date'] ?? date, tar_type: packing };
  const query = readQuery(call.query, isProvider ? { ...fields, sub_mchid: subMerchant } : fields);
  if ('status' in query) return query;
  const { bill_date: day = '', tar_type: packed, sub_mchid: subMchid } = query.values;
  const refusal =
    refuseBody(call.request) ??
    (subMchid === undefined ? undefined : checkRelation(call, subMchid, 'partner')) ??
    checkDay(day, call.now);
  if (refusal !== undefined) return refusal;
  const text = sharingBill(parts.sharing, { mchid: merchant.mchid, subMchid, date: day, now: call.now });
  return hand(call, text, packed === 'GZIP', shelf);
}

function fundFlow(call: Call, parts: Parts, shelf: DownloadShelf): Reply {
  const query = readQuery(call.query, fundFlowFields);
  if ('status' in query) return query;
  const { bill_date: day = '', account_type: account = 'BASIC', tar_type: packed } = query.values;
  const refusal = refuseBody(call.request) ?? checkDay(day, call.now);
  if (refusal !== undefined) return refusal;
  // The emulator's money moves on the basic account only.
  const text =
    account === 'BASIC' ? fundFlowBill(parts, { mchid: call.merchant.mchid, date: day, now: call.now }) : undefined;
  return hand(call, text, packed === 'GZIP', shelf);
}

const hour = 3_600_000;

/** Made the next morning, there from ten o'clock, for three months (bills 2). */
function checkDay(day: string, now: number): Reply | undefined {
  const today = beijingTime(now).slice(0, 10);
  if (day >= today) return refuse(400, 'INVALID_REQUEST', '账单日期不合法，当日账单次日才能获取', 268435461);
  if (day < monthsBefore(today, 3)) return refuse(400, 'INVALID_REQUEST', '仅支持三个月内的账单下载申请', 268435461);
  const readyAt = Date.parse(`${day}T00:00:00+08:00`) + 34 * hour;
  return now < readyAt ? refuse(400, 'STATEMENT_CREATING', '账单生成中，请在上午10点后再试', 268435461) : undefined;
}

/** The same day of an earlier month, or that month's last one. */
function monthsBefore(day: string, months: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const last = new Date(Date.UTC(year, month - months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 - months, Math.min(date, last))).toISOString().slice(0, 10);
}

function hand(call: Call, text: string | undefined, packed: boolean, shelf: DownloadShelf): Reply {
  if (text === undefined) return refuse(400, 'NO_STATEMENT_EXIST', '账单文件不存在', 268435461);
  return ok({
    download_url: `${originOf(call)}${shelf.offer(call.merchant.mchid, text, packed, call.now)}`,
    hash_type: 'SHA1',
    hash_value: createHash('sha1').update(text, 'utf8').digest('hex'),
  });
}

/** By the name under which it was called: an app that takes the emulator for WeChat Pay is sent back to that name. */
function originOf(call: Call): string {
  const host = headerOf(call.request, 'host') ?? '';
  const name = host.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');
  return `${isLoopback(name) || /^[\d.:]+$/.test(name) ? 'http' : 'https'}://${host}`;
}
