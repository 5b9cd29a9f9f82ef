/** `wxpay order create --combine`: several sub-orders in one payment, from one JSON body. */
import { WxpayError } from '../../../core/errors.ts';
import type { PayClient } from '../../../core/wire/pay.ts';
import { combinedTotal, combinerOf, createCombined, createCombinedRequest } from '../../../operations/combine.ts';
import { isObject } from '../../../operations/fields.ts';
import type { Party } from '../../../operations/order.ts';
import type { TradeType } from '../../../operations/order-fields.ts';
import { formatFen } from '../../../output/money.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { readJsonObject } from '../../json-input.ts';
import { partyOf, requireValue } from '../../party.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import { expiry, payParameters, prepaidView, prepareOrder } from './prepaid.ts';

/** Flags that speak of a single order: what they would say stands in each sub-order of the body. */
const singleOnly = {
  data: '--data',
  description: '--description',
  amount: '--amount',
  attach: '--attach',
  goodsTag: '--goods-tag',
  supportFapiao: '--support-fapiao',
  profitSharing: '--profit-sharing',
  storeId: '--store-id',
} as const;

export async function createCombinedOrder(
  type: TradeType,
  client: PayClient | undefined,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Result> {
  const { t } = runtime;
  for (const [name, flag] of Object.entries(singleOnly))
    if (options[name] !== undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: flag, reason: 'key:reason.not_with_combine' },
        outcome: 'not_sent',
      });
  if (options['skeleton'] === true) return skeleton(type);
  const profile = await runtime.profile();
  const party = partyOf(profile);
  const body = await assembleBody(type, party, profile, options, runtime);
  const prepared = prepareOrder(
    {
      body,
      field: 'combine_out_trade_no',
      build: (unknownFields) => createCombinedRequest(type, party, body, unknownFields),
      options,
      live: profile.live,
    },
    runtime,
  );
  const { number, request } = prepared;
  if (runtime.globals.dryRun) return dryRun(runtime, request);

  const subOrders = body['sub_orders'] as readonly Record<string, unknown>[];
  const amount = formatFen(combinedTotal(subOrders));
  const count = subOrders.length;
  await confirmLive(runtime, profile, {
    key: 'order.confirm.create_combined',
    params: { type, combine_out_trade_no: number, amount, count },
  });
  prepared.tell('order.note.creating_combined', { combine_out_trade_no: number, amount, count });
  const transport = await runtime.transport();
  const prepaid = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
    createCombined(transport, type, request, number),
  );

  const partnerid = combinerOf(party);
  const pay = await payParameters(client, { appid: clientAppid(body, subOrders), partnerid, prepaid }, runtime);
  const data = { combine_out_trade_no: number, ...prepaid, ...(pay === undefined ? {} : { pay_parameters: pay }) };
  return {
    data,
    view: prepaidView(
      t('order.title.created_combined', { type, count }),
      [
        { label: 'combine_out_trade_no', value: number },
        { label: t('order.label.amount'), value: amount },
      ],
      data,
      t,
      profile.live ? undefined : baseUrlOf(profile),
    ),
    id: prepaid.code_url ?? prepaid.h5_url ?? prepaid.prepay_id ?? number,
  };
}

/** The appid whose client pays: where the payer is known by a sub-merchant's appid, that one. */
function clientAppid(body: Record<string, unknown>, subOrders: readonly Record<string, unknown>[]): string {
  const payer = isObject(body['combine_payer_info']) ? body['combine_payer_info'] : {};
  const bySub = payer['openid'] === undefined && payer['sub_openid'] !== undefined;
  const sub = bySub ? subOrders.find((candidate) => candidate['sub_appid'] !== undefined) : undefined;
  return String(sub?.['sub_appid'] ?? body['combine_appid']);
}

/** The body that was given, flags over it, and the profile's numbers where it says nothing. */
async function assembleBody(
  type: TradeType,
  party: Party,
  profile: ResolvedProfile,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Record<string, unknown>> {
  const flag = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const body = { ...(await readJsonObject('--combine', flag('combine') ?? '', runtime)) };
  const given = body['sub_orders'];
  const appid = body['combine_appid'] ?? requireValue(profile, 'appid');
  const scene = inner(body['scene_info'], { payer_client_ip: flag('clientIp'), device_id: flag('deviceId') });
  const h5 = inner(scene?.['h5_info'], {
    type: flag('h5Type'),
    app_name: flag('appName'),
    app_url: flag('appUrl'),
    bundle_id: flag('bundleId'),
    package_name: flag('packageName'),
  });
  const members: Record<string, unknown> = {
    combine_appid: appid,
    combine_mchid: body['combine_mchid'] ?? combinerOf(party),
    combine_out_trade_no: flag('outTradeNo') ?? body['combine_out_trade_no'],
    notify_url: flag('notifyUrl') ?? body['notify_url'] ?? profile.values.notify_url?.value,
    time_expire:
      flag('timeExpire') === undefined ? body['time_expire'] : expiry(flag('timeExpire') ?? '', runtime.clock.now()),
    limit_pay: options['limitPay'] ?? body['limit_pay'],
    combine_payer_info: inner(body['combine_payer_info'], { openid: flag('openid') }),
    scene_info: h5 === undefined ? scene : { ...(isObject(scene) ? scene : {}), h5_info: h5 },
    sub_orders: Array.isArray(given) ? given.map((sub: unknown) => fillIn(sub, party, profile)) : given,
  };
  for (const [name, value] of Object.entries(members)) if (value !== undefined) body[name] = value;
  requireGiven(type, body);
  return body;
}

/** Flags laid over an object of the body; what is no object is left for the check to name. */
function inner(
  value: unknown,
  flags: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> | undefined {
  const set = Object.entries(flags).filter(([, text]) => text !== undefined);
  if (set.length === 0) return value as Record<string, unknown> | undefined;
  return { ...(isObject(value) ? value : {}), ...Object.fromEntries(set) };
}

/** A sub-order that names no merchant is the profile's; the only currency need not be written. */
function fillIn(sub: unknown, party: Party, profile: ResolvedProfile): unknown {
  if (!isObject(sub)) return sub;
  const subAppid = profile.values.sub_appid?.value;
  const merchant =
    party.kind === 'direct'
      ? { mchid: party.mchid }
      : {
          mchid: party.sp_mchid,
          sub_mchid: party.sub_mchid,
          // The profile's sub_appid is that of the profile's sub-merchant.
          ...(subAppid === undefined || (sub['sub_mchid'] ?? party.sub_mchid) !== party.sub_mchid
            ? {}
            : { sub_appid: subAppid }),
        };
  const amount = isObject(sub['amount']) ? { amount: { currency: 'CNY', ...sub['amount'] } } : {};
  return { ...merchant, ...sub, ...amount };
}

/** What a newcomer forgets is named with the flag that supplies it. */
function requireGiven(type: TradeType, body: Record<string, unknown>): void {
  const missing = (field: string, flag: string, variable = '--combine'): never => {
    const facts = variable === '--combine' ? { hint: 'order.hint.flag_or_combine' } : {};
    throw new WxpayError('INPUT_MISSING', { params: { field, flag, variable }, outcome: 'not_sent', ...facts });
  };
  if (body['notify_url'] === undefined) missing('notify_url', '--notify-url', 'WXPAY_NOTIFY_URL');
  if (type === 'jsapi' && body['combine_payer_info'] === undefined) missing('combine_payer_info.openid', '--openid');
  if (type !== 'h5') return;
  const scene = isObject(body['scene_info']) ? body['scene_info'] : {};
  if (scene['payer_client_ip'] === undefined) missing('scene_info.payer_client_ip', '--client-ip');
  if (scene['h5_info'] === undefined) missing('scene_info.h5_info.type', '--h5-type');
}

/** A body to fill in and give back with `--combine @file`. */
function skeleton(type: TradeType): Result {
  const sub = (description: string, total: number): Record<string, unknown> => ({
    // No valid number, so that a skeleton nobody has filled in places no order.
    out_trade_no: '<6 to 32 of 0-9 A-Z a-z _ - | *>',
    description,
    attach: 'shop=1',
    amount: { total_amount: total, currency: 'CNY' },
  });
  const data = {
    combine_out_trade_no: '<6 to 32 of 0-9 A-Z a-z _ - | *>',
    notify_url: 'https://www.example.com/wxpay/notify',
    ...(type === 'jsapi' ? { combine_payer_info: { openid: 'OPENID_OF_THE_PAYER' } } : {}),
    ...(type === 'h5' ? { scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } } } : {}),
    sub_orders: [sub('QQ doll', 100), sub('Gift box', 50)],
  };
  return { data, view: [{ kind: 'verbatim', text: JSON.stringify(data, null, 2) }] };
}
