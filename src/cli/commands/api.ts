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
import { baseUrlOf } from '../../profiles/base-url.ts';
import { textsOf, type TypedField } from './api/fields.ts';
import { declareV2Options, givenSignType, readV2Fields } from '../v2-input.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[method]', t('api.argument.method')).argument('[path]', t('api.argument.path'));
    declareV2Options(command, t);
    command
      .option('-F, --typed-field <name=value>', t('api.option.typed_field'), (text: string, before: unknown) => [
        ...(Array.isArray(before) ? (before as TypedField[]) : []),
        { text, after: textsOf(command.getOptionValue('field')).length },
      ])
      .option('--data <body>', t('api.option.data'))
      .option('--query-param <name=value>', t('api.option.query_param'), collect)
      .option('--upload <file>', t('api.option.upload'))
      .option('--encrypt <field>', t('api.option.encrypt'), collect)
      .option('--serial <serial>', t('api.option.serial'))
      .option('--decrypt <field>', t('api.option.decrypt'), collect)
      .option('--paginate', t('api.option.paginate'))
      .option('--include', t('api.option.include'))
      .option('--raw', t('api.option.raw'))
      .option('--list [word]', t('api.option.list'))
      .option('--describe', t('api.option.describe'))
      .option('--skeleton', t('api.option.skeleton'));
    examples(command, t, [
      'api.example.get',
      'api.example.post',
      'api.example.list',
      'api.example.skeleton',
      'v2.example.query',
      'v2.example.order',
      'v2.example.refund',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const { list } = options;
    const skeleton = options['skeleton'] === true;
    if (list !== undefined || skeleton || options['describe'] === true) {
      const { describeEndpoint, listEndpoints, skeletonFor } = await import('./api/catalogue-view.ts');
      if (skeleton) return skeletonFor(args);
      return list === undefined
        ? describeEndpoint(args, runtime)
        : listEndpoints([...(typeof list === 'string' ? [list] : []), ...args], runtime);
    }
    if (options['v2'] === true) {
      refuseV3Only(options);
      return callOne(readPath(args), options, runtime);
    }
    if (options['signType'] !== undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '--sign-type', reason: 'key:reason.v2_only' },
        outcome: 'not_sent',
      });
    const { callEndpoint } = await import('./api/call-endpoint.ts');
    return callEndpoint(args, options, runtime);
  },
};

const v3Only = {
  typedField: '-F',
  queryParam: '--query-param',
  upload: '--upload',
  encrypt: '--encrypt',
  serial: '--serial',
  decrypt: '--decrypt',
  paginate: '--paginate',
  include: '--include',
  raw: '--raw',
} as const;

function refuseV3Only(options: CommandInput['options']): void {
  for (const [name, flag] of Object.entries(v3Only))
    if (options[name] !== undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: flag, reason: 'key:reason.v2_not_here' },
        outcome: 'not_sent',
      });
}

function collect(value: string, before: unknown): string[] {
  return [...textsOf(before), value];
}

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
  const answer = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
    callV2(transport, plan, key, { origin: baseUrlOf(profile) }),
  );
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
