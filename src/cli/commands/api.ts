/** `wxpay api`: any endpoint, signed and verified. `--v2` is APIv2. */
import type { Command } from 'commander';
import { WxpayError } from '../../core/errors.ts';
import type { V2Answer, V2Plan } from '../../operations/v2-call.ts';
import { safeText } from '../../output/safe-text.ts';
import { formatFen } from '../../output/money.ts';
import { shellQuote } from '../../output/shell.ts';
import type { DetailRow, Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { confirmLive } from '../confirm.ts';
import { examples } from '../help.ts';
import { requireValue } from '../party.ts';
import { baseUrlOf } from '../runtime.ts';
import { declareV2Options, givenSignType, readV2Fields } from '../v2-input.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[method]', t('v2.argument.method')).argument('[path]', t('v2.argument.path'));
    command.option('--data <fields>', t('v2.option.data'));
    declareV2Options(command, t);
    examples(command, t, ['v2.example.query', 'v2.example.order', 'v2.example.refund']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (options['v2'] !== true)
      throw new WxpayError('INPUT_MISSING', {
        params: { field: '--v2', flag: '--v2', variable: '--v2' },
        hint: 'v2.hint.only',
        outcome: 'not_sent',
      });
    return callOne(readPath(args), options, runtime);
  },
};

/** Every call of APIv2 is a POST, so the method may be left out. */
function readPath([first, second]: readonly string[]): string {
  const path = second ?? first;
  if (path === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'path', flag: '<path>', variable: '<path>' },
      hint: 'v2.hint.usage',
      outcome: 'not_sent',
    });
  if (second !== undefined && first?.toUpperCase() !== 'POST')
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'method', reason: 'key:reason.v2_method' },
      outcome: 'not_sent',
    });
  return path.startsWith('/') ? path : `/${path}`;
}

async function callOne(path: string, options: CommandInput['options'], runtime: Runtime): Promise<Result> {
  const { callV2, planV2 } = await import('../../operations/v2-call.ts');
  const given = await readV2Fields(options, runtime);
  const signType = givenSignType(options, given);
  const profile = await runtime.profile();
  const { appid, sub_mchid, sub_appid } = profile.values;
  const identity = {
    mchid: requireValue(profile, 'mchid'),
    appid: appid?.value,
    sub_mchid: sub_mchid?.value,
    sub_appid: sub_appid?.value,
  };
  const key = (await (await runtime.credentials()).apiV2Key()).reveal();
  const plan = planV2(path, given, identity, { key, nonce: runtime.nonce(), signType });
  if (runtime.globals.dryRun) return dryRunV2(plan, baseUrlOf(profile), runtime);
  if (plan.effect !== 'read') {
    const number = plan.known?.number === undefined ? undefined : plan.fields.get(plan.known.number);
    if (number !== undefined) runtime.note('v2.note.number', { field: plan.known?.number ?? '', number });
    await confirmLive(runtime, profile, { key: 'v2.confirm.call', params: { path, about: aboutOf(plan) } });
  }
  const transport = await runtime.transport();
  const answer = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () => callV2(transport, plan, key));
  return resultOf(answer, plan, runtime);
}

/** What a confirmation has to show: the numbers, and the amounts with their unit. */
function aboutOf({ fields }: V2Plan): string {
  const shown = [...fields].flatMap(([name, value]) => {
    if (isFen(name, value)) return [`${name} ${formatFen(Number(value))}`];
    return /^(?:out_trade_no|out_refund_no|transaction_id|partner_trade_no|mch_billno)$/.test(name)
      ? [`${name} ${value}`]
      : [];
  });
  return shown.join(', ');
}

/** Amounts are whole fen: `total_fee`, `refund_fee_0`, `amount` (protocol 11.1). */
function isFen(name: string, value: string): boolean {
  return /(?:^|_)(?:fee|amount)(?:_\d+)?$/.test(name) && /^\d{1,15}$/.test(value);
}

function resultOf(answer: V2Answer, plan: V2Plan, runtime: Runtime): Result {
  const { t } = runtime;
  if (answer.kind === 'text') {
    runtime.warn('v2.warn.unsigned_bill');
    const text = answer.text.replace(/^\uFEFF/, '').trimEnd();
    return { data: { text }, view: [{ kind: 'text', text }] };
  }
  const { fields } = answer;
  const rows: DetailRow[] = [...fields]
    .filter(([name]) => !hidden.has(name))
    .map(([label, value]) => ({
      label,
      value: isFen(label, value) ? `${formatFen(Number(value))} (${value})` : value,
    }));
  const id = ['code_url', 'prepay_id', 'refund_id', 'transaction_id'].map((name) => fields.get(name)).find(Boolean);
  return {
    data: Object.fromEntries(fields),
    view: [{ kind: 'details', title: t('v2.title.answer', { path: plan.path, type: plan.signType }), rows }],
    ...(id === undefined ? {} : { id }),
  };
}

/** What says nothing once the answer has been verified. */
const hidden: ReadonlySet<string> = new Set(['return_code', 'return_msg', 'result_code', 'nonce_str', 'sign']);

/** What would be sent. The signature is not shown: APIv2's has no timestamp and would hold for ever. */
function dryRunV2(plan: V2Plan, origin: string, runtime: Runtime): Result {
  const url = origin + plan.path;
  const sign = plan.fields.get('sign') ?? '';
  const xml = plan.xml.replace(sign, '[redacted]');
  const words = ['curl', '-X', 'POST', url, '-H', 'content-type: text/xml; charset=utf-8'];
  if (plan.clientCertificate) words.push('--cert-type', 'P12', '--cert', 'apiclient_cert.p12');
  runtime.note('cli.dry_run.note');
  return {
    data: {
      dry_run: true,
      method: 'POST',
      url,
      client_certificate: plan.clientCertificate,
      fields: { ...Object.fromEntries(plan.fields), sign: '[redacted]' },
      body: xml,
    },
    view: [
      { kind: 'verbatim', text: [...words, '--data-binary', xml].map((word) => shellQuote(safeText(word))).join(' ') },
    ],
  };
}
