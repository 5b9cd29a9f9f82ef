/** `wxpay order create --type codepay`: takes a payment with the code on the payer's phone, and sees it through. */
import { redactedMark } from '../../../core/http/redact.ts';
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { parseAmount } from '../../../core/money.ts';
import type { ApiRequest } from '../../../core/ports.ts';
import { authCodeForm, codepayRequest, payByCode } from '../../../operations/codepay.ts';
import { beyondBmp, isObject } from '../../../operations/fields.ts';
import type { Party } from '../../../operations/order.ts';
import { formatFen } from '../../../output/money.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { readInput, readJsonObject } from '../../json-input.ts';
import { partyOf, requireValue } from '../../party.ts';
import { orderView } from './order-view.ts';

/** Flags of the other products; nobody is told about a payment by code, and its code lives one minute. */
const notHere = {
  combine: '--combine',
  openid: '--openid',
  notifyUrl: '--notify-url',
  timeExpire: '--time-expire',
  limitPay: '--limit-pay',
  h5Type: '--h5-type',
  appName: '--app-name',
  appUrl: '--app-url',
  bundleId: '--bundle-id',
  packageName: '--package-name',
} as const;

export async function createCodepay(options: CommandInput['options'], runtime: Runtime): Promise<Result> {
  refuseOthers(options);
  if (options['skeleton'] === true) return skeleton();
  const profile = await runtime.profile();
  const party = partyOf(profile);
  const body = await assembleBody(party, profile, options, runtime);
  const made = body['out_trade_no'] === undefined;
  if (made) body['out_trade_no'] = runtime.nonce();
  const out_trade_no = String(body['out_trade_no']);
  const build = (auth_code: string): ApiRequest => {
    const unknown = options['allowUnknownFields'] === true ? 'allow' : 'refuse';
    return codepayRequest(party, { ...body, payer: { auth_code } }, unknown);
  };
  // Everything else is checked before the payer is asked for a code, which lives one minute.
  const trial = build('0'.repeat(18));
  for (const field of beyondBmp(body)) runtime.warn('order.warn.beyond_bmp', { field });
  if (runtime.globals.dryRun) return dryRun(runtime, withoutCode(trial));

  const total = totalOf(body);
  const amount = formatFen(total);
  const description = String(body['description']);
  const given = isObject(body['payer']) ? body['payer']['auth_code'] : undefined;
  await confirmLive(runtime, profile, {
    key: 'order.confirm.codepay',
    params: { out_trade_no, amount, description },
  });
  const request = build(typeof given === 'string' ? given : await readAuthCode(options, runtime));
  if (made) runtime.warn('order.note.creating', { out_trade_no, amount });
  else runtime.note('order.note.creating', { out_trade_no, amount });
  const transport = await runtime.transport();
  const paying = runtime.busy('order.busy.codepay', { no: out_trade_no }, () =>
    payByCode(
      transport,
      party,
      request,
      { out_trade_no, total },
      {
        // WeChat Pay's advice is to ask every 5 s; an emulator on this machine may be asked more often.
        interval: profile.live ? 5_000 : 500,
        limit: 45_000,
        clock: runtime.clock,
        signal: runtime.signal,
        onWait: (why) => runtime.note(`order.note.codepay_${why}`),
      },
    ),
  );
  const order = await paying.catch((error: unknown) => {
    throw runtime.signal.aborted ? interruptedPayment(error, out_trade_no) : error;
  });
  return {
    data: order,
    view: orderView(order, runtime.t, runtime.t('order.title.codepay')),
    id: order.transaction_id ?? out_trade_no,
  };
}

/**
 * Whoever ends the waiting leaves a payment behind that the payer may still complete: the error says how to ask for it and how
 * to stop it. A refusal that came in time stands, as does what never left.
 */
function interruptedPayment(error: unknown, out_trade_no: string): unknown {
  if (isWxpayError(error) && (error.outcome === 'rejected' || error.outcome === 'not_sent')) return error;
  return new WxpayError('OUTCOME_UNKNOWN', {
    params: { reason: 'key:reason.interrupted', out_trade_no },
    hint: 'order.hint.codepay_interrupted',
    next: ['order', 'query', out_trade_no],
    outcome: 'unknown',
  });
}

function refuseOthers(options: CommandInput['options']): void {
  if (options['authCode'] !== undefined) throw inArgv('--auth-code');
  for (const [name, flag] of Object.entries(notHere))
    if (options[name] !== undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: flag, reason: 'key:reason.not_with_codepay' },
        outcome: 'not_sent',
      });
}

function inArgv(flag: string): WxpayError {
  return new WxpayError('SECRET_IN_ARGV', {
    params: { flag, instead: '--auth-code-stdin, --auth-code-file' },
    outcome: 'not_sent',
  });
}

async function assembleBody(
  party: Party,
  profile: ResolvedProfile,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Record<string, unknown>> {
  const flag = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const data = flag('data') === undefined ? {} : await readJsonObject('--data', flag('data') ?? '', runtime);
  if (data['payer'] !== undefined && !/^[@-]/.test(flag('data') ?? '')) throw inArgv('--data');
  const object = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {});
  const scene = object(data['scene_info']);
  const store = object(scene['store_info']);
  const identity =
    party.kind === 'direct'
      ? { appid: data['appid'] ?? requireValue(profile, 'appid'), mchid: data['mchid'] ?? party.mchid }
      : {
          sp_appid: data['sp_appid'] ?? requireValue(profile, 'appid'),
          sp_mchid: data['sp_mchid'] ?? party.sp_mchid,
          sub_appid: data['sub_appid'] ?? profile.values.sub_appid?.value,
          sub_mchid: data['sub_mchid'] ?? party.sub_mchid,
        };
  const members: Record<string, unknown> = {
    ...identity,
    description: flag('description'),
    attach: flag('attach'),
    goods_tag: flag('goodsTag'),
    out_trade_no: flag('outTradeNo'),
    support_fapiao: options['supportFapiao'],
    settle_info:
      options['profitSharing'] === true ? { ...object(data['settle_info']), profit_sharing: true } : undefined,
    amount:
      flag('amount') === undefined
        ? undefined
        : { ...object(data['amount']), total: parseAmount(flag('amount') ?? '') },
    scene_info: given({
      ...scene,
      device_id: flag('deviceId') ?? scene['device_id'],
      device_ip: flag('clientIp') ?? scene['device_ip'],
      store_info: flag('storeId') === undefined ? scene['store_info'] : { ...store, id: flag('storeId') },
    }),
  };
  const body = { ...data, ...given(members) };
  const missing = (field: string, name: string): never => {
    const params = { field, flag: name, variable: '--data' };
    throw new WxpayError('INPUT_MISSING', { params, outcome: 'not_sent', hint: 'order.hint.flag_or_data' });
  };
  if (body['description'] === undefined) missing('description', '--description');
  if (body['amount'] === undefined) missing('amount.total', '--amount');
  const shop = object(object(body['scene_info'])['store_info']);
  if (shop['id'] === undefined && shop['out_id'] === undefined) missing('scene_info.store_info.id', '--store-id');
  return body;
}

function given(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** From a file, standard input, or a person (or a scanner) at a terminal; never from the command line. */
async function readAuthCode(options: CommandInput['options'], runtime: Runtime): Promise<string> {
  const file = options['authCodeFile'];
  const stdin = options['authCodeStdin'] === true;
  if (typeof file === 'string' || stdin) {
    const bytes = await readInput(stdin ? '-' : `@${String(file)}`, runtime);
    return bytes.toString('utf8').trim();
  }
  const prompts = await runtime.prompts();
  if (!prompts.canPrompt)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'payer.auth_code', flag: '--auth-code-stdin', variable: '--auth-code-file' },
      outcome: 'not_sent',
    });
  const complaint = runtime.t('reason.form_auth_code');
  const text = await prompts.secret({
    message: runtime.t('order.ask.auth_code'),
    validate: (answer) => (authCodeForm.test(answer.trim()) ? undefined : complaint),
  });
  return text.trim();
}

/** What a dry run shows: everything but the code, which nobody has been asked for. */
function withoutCode(request: ApiRequest): ApiRequest {
  const body = JSON.parse(Buffer.from(request.body).toString('utf8')) as Record<string, unknown>;
  return { ...request, body: Buffer.from(JSON.stringify({ ...body, payer: { auth_code: redactedMark } })) };
}

function totalOf(body: Record<string, unknown>): number {
  const amount = isObject(body['amount']) ? body['amount'] : {};
  return Number(amount['total']);
}

/** A body to fill in and give back with `--data @file`; the code comes from elsewhere. */
function skeleton(): Result {
  const data = {
    description: 'Coffee',
    // No valid number, so that a skeleton nobody has filled in takes no money.
    out_trade_no: '<6 to 32 of 0-9 A-Z a-z _ - | *>',
    amount: { total: 100, currency: 'CNY' },
    scene_info: { store_info: { id: '1' } },
  };
  return { data, view: [{ kind: 'verbatim', text: JSON.stringify(data, null, 2) }] };
}
