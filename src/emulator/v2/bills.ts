/** `/pay/downloadbill`: the trade bill as plain text, a refusal as XML (protocol 11.3, bills 3). */
import { gzipSync } from 'node:zlib';
import { isDate, tradeBill } from '../bills.ts';
import type { BillSources, TradeBillType } from '../bills.ts';
import type { Reply } from '../reply.ts';
import { beijingTime } from '../times.ts';
import type { V2Call } from './gateway.ts';
import { refuseCall } from './reply.ts';
import { billRules, checkFields, checkIdentity } from './rules.ts';

const hour = 3_600_000;

/** Refusals of a bill are `return_code` FAIL, and nothing of it is signed. */
export function downloadBill(call: V2Call, sources: BillSources): Reply {
  const { fields, merchant, subMchid, now, party } = call;
  // A service provider's bill covers all of its sub-merchants unless one is named.
  const named = party === 'partner' && (subMchid ?? '') === '' ? undefined : checkIdentity(call);
  const refusal = checkFields(call, billRules) ?? named;
  if (refusal !== undefined) return refuseCall(refusal.text, refusal.code);
  const digits = fields.get('bill_date') ?? '';
  const date = `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
  const today = beijingTime(now).slice(0, 10);
  if (!isDate(date) || date >= today) return refuseCall('invalid bill_date', 'PARAM_ERROR');
  // Made the next morning, there from ten o'clock (bills 2).
  if (now < Date.parse(`${date}T00:00:00+08:00`) + 34 * hour) return refuseCall('Bill Creating', 'BILL_CREATING');
  const request = { mchid: merchant.mchid, date, now, ...(subMchid === undefined ? {} : { subMchid }) };
  const text = tradeBill(sources, request, (fields.get('bill_type') ?? 'ALL') as TradeBillType);
  if (text === undefined) return refuseCall('No Bill Exist', 'NO_BILL_EXIST');
  // APIv2 ends lines with CRLF and begins with a byte order mark (bills 3).
  const plain = Buffer.from(`\uFEFF${text.replaceAll('\n', '\r\n')}`, 'utf8');
  const file = fields.get('tar_type') === 'GZIP' ? gzipSync(plain) : plain;
  return { status: 200, body: undefined, internal: 0, file, withoutRequestId: true };
}
