/** `wxpay order create`: places an order and prints what the payer's client needs. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { parseAmount } from '../../../core/money.ts';
import { isObject } from '../../../operations/fields.ts';
import { createOrder, createRequest, type Party } from '../../../operations/order.ts';
import { tradeTypes, type TradeType } from '../../../operations/order-fields.ts';
import { formatFen } from '../../../output/money.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { readJsonObject } from '../../json-input.ts';
import { partyOf, requireValue } from '../../party.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import { createCodepay } from './codepay-create.ts';
import { createCombinedOrder } from './combined-create.ts';
import { expiry, payParameters, prepaidView, prepareOrder, tradeType } from './prepaid.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .requiredOption(
        '--type <type>',
        t('order.option.type', { types: [...tradeTypes, 'mini', 'codepay'].join(' | ') }),
      )
      .option('--description <text>', t('order.option.description'))
      .option('--amount <amount>', t('order.option.amount'))
      .option('--out-trade-no <no>', t('order.option.out_trade_no'))
      .option('--openid <openid>', t('order.option.openid'))
      .option('--notify-url <url>', t('order.option.notify_url'))
      .option('--attach <text>', t('order.option.attach'))
      .option('--time-expire <when>', t('order.option.time_expire'))
      .option('--goods-tag <tag>', t('order.option.goods_tag'))
      .option('--limit-pay <kind...>', t('order.option.limit_pay'))
      .option('--support-fapiao', t('order.option.support_fapiao'))
      .option('--profit-sharing', t('order.option.profit_sharing'))
      .option('--client-ip <ip>', t('order.option.client_ip'))
      .option('--device-id <id>', t('order.option.device_id'))
      .option('--store-id <id>', t('order.option.store_id'))
      .option('--h5-type <type>', t('order.option.h5_type'))
      .option('--app-name <name>', t('order.option.app_name'))
      .option('--app-url <url>', t('order.option.app_url'))
      .option('--bundle-id <id>', t('order.option.bundle_id'))
      .option('--package-name <name>', t('order.option.package_name'))
      .option('--data <json>', t('order.option.data'))
      .option('--auth-code-stdin', t('order.option.auth_code_stdin'))
      .option('--auth-code-file <file>', t('order.option.auth_code_file'))
      // Known, so that commander's "unknown option" does not repeat it together with its value.
      .addOption(new Option('--auth-code [value]').hideHelp())
      .option('--combine <json>', t('order.option.combine'))
      .option('--skeleton', t('order.option.skeleton'))
      .option('--allow-unknown-fields', t('order.option.allow_unknown_fields'));
    examples(command, t, [
      'order.example.create_native',
      'order.example.create_jsapi',
      'order.example.create_data',
      'order.example.create_combined',
      'order.example.create_codepay',
    ]);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (options['type'] === 'codepay') return createCodepay(options, runtime);
    const stray = ['authCode', 'authCodeFile', 'authCodeStdin'].find((name) => options[name] !== undefined);
    if (stray !== undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '--auth-code', reason: 'key:reason.only_codepay' },
        outcome: 'not_sent',
      });
    const { type, client } = tradeType(String(options['type']));
    if (typeof options['combine'] === 'string') return createCombinedOrder(type, client, options, runtime);
    if (options['skeleton'] === true) return skeleton(type);
    const { t } = runtime;
    const profile = await runtime.profile();
    const party = partyOf(profile);
    const body = await assembleBody(type, party, profile, options, runtime);
    const prepared = prepareOrder(
      {
        body,
        field: 'out_trade_no',
        build: (unknownFields) => createRequest(type, party, body, unknownFields),
        options,
        live: profile.live,
      },
      runtime,
    );
    const { number: out_trade_no, request } = prepared;
    if (runtime.globals.dryRun) return dryRun(runtime, request);

    const amount = formatFen(totalOf(body));
    await confirmLive(runtime, profile, {
      key: 'order.confirm.create',
      params: { type, out_trade_no, amount, description: String(body['description']) },
    });
    prepared.tell('order.note.creating', { out_trade_no, amount });
    const transport = await runtime.transport();
    const prepaid = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      createOrder(transport, type, request, out_trade_no),
    );

    const appid = String(body['sub_appid'] ?? body['appid'] ?? body['sp_appid']);
    const partnerid = String(body['sub_mchid'] ?? body['mchid']);
    const pay = await payParameters(client, { appid, partnerid, prepaid }, runtime);
    const data = { out_trade_no, ...prepaid, ...(pay === undefined ? {} : { pay_parameters: pay }) };
    return {
      data,
      view: prepaidView(
        t('order.title.created', { type }),
        [
          { label: t('order.label.out_trade_no'), value: out_trade_no },
          { label: t('order.label.amount'), value: amount },
        ],
        data,
        t,
        profile.live ? undefined : baseUrlOf(profile),
      ),
      id: prepaid.code_url ?? prepaid.h5_url ?? prepaid.prepay_id ?? out_trade_no,
    };
  },
};

/** `--data` first, flags over it, the profile's values where neither says anything. */
async function assembleBody(
  type: TradeType,
  party: Party,
  profile: ResolvedProfile,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Record<string, unknown>> {
  const flag = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const data = flag('data') === undefined ? {} : await readJsonObject('--data', flag('data') ?? '', runtime);
  const body: Record<string, unknown> = { ...data };
  const set = (path: readonly string[], value: unknown): void => {
    if (value === undefined) return;
    let place = body;
    for (const name of path.slice(0, -1)) {
      const inner = place[name];
      const copy = isObject(inner) ? { ...inner } : {};
      place[name] = copy;
      place = copy;
    }
    place[path.at(-1) ?? ''] = value;
  };
  const fallback = (name: string, value: string | undefined): void => {
    if (body[name] === undefined && value !== undefined) body[name] = value;
  };

  if (party.kind === 'direct') {
    fallback('appid', body['appid'] === undefined ? requireValue(profile, 'appid') : undefined);
    fallback('mchid', party.mchid);
  } else {
    fallback('sp_appid', body['sp_appid'] === undefined ? requireValue(profile, 'appid') : undefined);
    fallback('sp_mchid', party.sp_mchid);
    fallback('sub_appid', profile.values.sub_appid?.value);
    fallback('sub_mchid', party.sub_mchid);
  }
  set(['description'], flag('description'));
  set(['attach'], flag('attach'));
  set(['goods_tag'], flag('goodsTag'));
  set(
    ['time_expire'],
    flag('timeExpire') === undefined ? undefined : expiry(flag('timeExpire') ?? '', runtime.clock.now()),
  );
  set(['notify_url'], flag('notifyUrl'));
  fallback('notify_url', profile.values.notify_url?.value);
  if (Array.isArray(options['limitPay'])) set(['limit_pay'], options['limitPay']);
  if (options['supportFapiao'] === true) set(['support_fapiao'], true);
  if (options['profitSharing'] === true) set(['settle_info', 'profit_sharing'], true);
  if (flag('amount') !== undefined) set(['amount', 'total'], parseAmount(flag('amount') ?? ''));
  set(
    ['payer', party.kind === 'direct' ? 'openid' : body['sub_appid'] === undefined ? 'sp_openid' : 'sub_openid'],
    flag('openid'),
  );
  set(['scene_info', 'payer_client_ip'], flag('clientIp'));
  set(['scene_info', 'device_id'], flag('deviceId'));
  set(['scene_info', 'store_info', 'id'], flag('storeId'));
  set(['scene_info', 'h5_info', 'type'], flag('h5Type'));
  set(['scene_info', 'h5_info', 'app_name'], flag('appName'));
  set(['scene_info', 'h5_info', 'app_url'], flag('appUrl'));
  set(['scene_info', 'h5_info', 'bundle_id'], flag('bundleId'));
  set(['scene_info', 'h5_info', 'package_name'], flag('packageName'));
  set(['out_trade_no'], flag('outTradeNo'));
  requireGiven(type, body);
  return body;
}

/** What a newcomer forgets is named with the flag that supplies it, not only with the field. */
function requireGiven(type: TradeType, body: Record<string, unknown>): void {
  const missing = (field: string, flag: string, variable?: string): never => {
    const facts = variable === undefined ? { hint: 'order.hint.flag_or_data' } : {};
    const params = { field, flag, variable: variable ?? '--data' };
    throw new WxpayError('INPUT_MISSING', { params, outcome: 'not_sent', ...facts });
  };
  if (body['description'] === undefined) missing('description', '--description');
  if (body['amount'] === undefined) missing('amount.total', '--amount');
  if (body['notify_url'] === undefined) missing('notify_url', '--notify-url', 'WXPAY_NOTIFY_URL');
  if (type === 'jsapi' && body['payer'] === undefined) missing('payer.openid', '--openid');
  if (type === 'h5') {
    const scene = isObject(body['scene_info']) ? body['scene_info'] : {};
    if (scene['payer_client_ip'] === undefined) missing('scene_info.payer_client_ip', '--client-ip');
    if (scene['h5_info'] === undefined) missing('scene_info.h5_info.type', '--h5-type');
  }
}

function totalOf(body: Record<string, unknown>): number {
  const amount = body['amount'];
  return isObject(amount) && typeof amount['total'] === 'number' ? amount['total'] : 0;
}

/** A body to fill in and give back with `--data @file`. */
function skeleton(type: TradeType): Result {
  const data = {
    description: 'Image形象店-深圳腾大-QQ公仔',
    // No valid number, so that a skeleton nobody has filled in places no order.
    out_trade_no: '<6 to 32 of 0-9 A-Z a-z _ - | *>',
    attach: '',
    notify_url: 'https://www.example.com/wxpay/notify',
    amount: { total: 100, currency: 'CNY' },
    ...(type === 'jsapi' ? { payer: { openid: 'OPENID_OF_THE_PAYER' } } : {}),
    ...(type === 'h5' ? { scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } } } : {}),
  };
  const { attach: _, ...rest } = data;
  return { data: rest, view: [{ kind: 'verbatim', text: JSON.stringify(rest, null, 2) }] };
}
