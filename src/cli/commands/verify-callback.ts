/** `wxpay verify-callback`: verifies and decrypts a captured callback; when it fails, says at which step and why. */
import type { Command } from 'commander';
import { WxpayError } from '../../core/errors.ts';
import { parseRawHttp } from '../../operations/callback/capture/raw-http.ts';
import { verifyCallback, type CallbackReport } from '../../operations/callback/verify.ts';
import { isObject } from '../../operations/fields.ts';
import { rfc3339 } from '../../operations/order-fields.ts';
import { formatFen } from '../../output/money.ts';
import { describeRefundState, describeState } from '../../output/states.ts';
import type { Block, DetailRow, Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { examples } from '../help.ts';
import { readInput } from '../json-input.ts';
import { errorText } from '../render-error.ts';
import { autopsyDocument, autopsyView } from './verify-callback/autopsy-view.ts';
import { lookInto, readFramework } from './verify-callback/look-into.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[file]', t('callback.argument.file'), '-')
      .option('--at <time>', t('callback.option.at'))
      .option('--ignore-age', t('callback.option.ignore_age'))
      .option('--framework <name>', t('autopsy.option.framework'));
    examples(command, t, ['callback.example.verify', 'callback.example.verify_old', 'autopsy.example']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const framework = readFramework(options['framework']);
    const file = args[0] ?? '-';
    const capture = parseRawHttp(await readInput(file === '-' ? '-' : `@${file}`, runtime));
    const at = typeof options['at'] === 'string' ? readTime(options['at']) : runtime.clock.now();
    const keyRing = await runtime.keyRing();
    const report = await verifyCallback(
      capture,
      { find: (serial) => keyRing.find(serial), apiV3Key: await runtime.apiV3Key(), ...(await ownNumbers(runtime)) },
      at,
      options['ignoreAge'] === true,
    );
    const autopsy = await lookInto(capture, report, runtime, framework === undefined ? {} : { framework });
    return {
      data: {
        ...document(report, runtime),
        autopsy: autopsy === undefined ? null : autopsyDocument(autopsy, runtime.t),
      },
      view: [...view(report, runtime), ...(autopsy === undefined ? [] : autopsyView(autopsy, runtime.t))],
      ...(report.failure === undefined
        ? {}
        : { failed: report.failure.code === 'API_V3_KEY_LENGTH' ? 'API_V3_KEY_LENGTH' : 'CHECK_FAILED' }),
    };
  },
};

async function ownNumbers(runtime: Runtime): Promise<{ mchid?: string; appid?: string }> {
  const { mchid, appid } = (await runtime.profile()).values;
  return {
    ...(mchid === undefined ? {} : { mchid: mchid.value }),
    ...(appid === undefined ? {} : { appid: appid.value }),
  };
}

/** RFC 3339, or Unix seconds as in the Wechatpay-Timestamp header. */
function readTime(text: string): number {
  const time = /^\d{10}$/.test(text) ? Number(text) * 1000 : rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--at', reason: 'key:callback.reason.at' },
      outcome: 'not_sent',
    });
  return time;
}

function document(report: CallbackReport, { t }: Runtime): object {
  return {
    verdict: report.verdict,
    steps: report.steps,
    serial: report.serial ?? null,
    id: report.envelope?.id ?? null,
    event_type: report.envelope?.event_type ?? null,
    remarks: report.remarks,
    resource: report.resource ?? null,
    failure: report.failure === undefined ? null : { code: report.failure.code, ...errorText(report.failure, t) },
  };
}

function view(report: CallbackReport, runtime: Runtime): readonly Block[] {
  const { t } = runtime;
  const marks = {
    passed: { text: `✓ ${t('callback.passed')}`, tone: 'good' },
    failed: { text: `✗ ${t('callback.failed')}`, tone: 'bad' },
    skipped: { text: `- ${t('callback.skipped')}`, tone: 'dim' },
    not_judged: { text: `- ${t('callback.not_judged')}`, tone: 'dim' },
  } as const;
  const blocks: Block[] = [
    {
      kind: 'details',
      title: t(report.verdict === 'valid' ? 'callback.title.valid' : 'callback.title.invalid'),
      rows: report.steps.map(({ step, result }) => ({ label: t(`callback.step.${step}`), value: marks[result] })),
    },
  ];
  if (report.failure !== undefined) {
    const { message, hint } = errorText(report.failure, t);
    blocks.push({ kind: 'text', text: message, tone: 'bad' }, { kind: 'text', text: hint });
  }
  for (const remark of report.remarks)
    blocks.push({ kind: 'text', text: t(`callback.remark.${remark}`), tone: 'warn' });
  if (report.resource !== undefined)
    blocks.push(
      { kind: 'details', title: report.envelope?.event_type ?? '', rows: resourceRows(report.resource, runtime) },
      { kind: 'verbatim', text: JSON.stringify(report.resource, null, 2) },
    );
  return blocks;
}

/** Amounts and states in words; the whole resource follows as JSON. */
function resourceRows(resource: Record<string, unknown>, { t }: Runtime): readonly DetailRow[] {
  const rows: DetailRow[] = [];
  for (const field of ['out_trade_no', 'transaction_id', 'out_refund_no', 'refund_id'] as const)
    if (typeof resource[field] === 'string') rows.push({ label: field, value: resource[field] });
  const { trade_state: tradeState, refund_status: refundStatus } = resource;
  if (typeof tradeState === 'string') rows.push({ label: t('order.label.state'), value: describeState(tradeState, t) });
  if (typeof refundStatus === 'string')
    rows.push({ label: t('order.label.state'), value: describeRefundState(refundStatus, t) });
  const amount = isObject(resource['amount']) ? resource['amount'] : {};
  for (const field of ['total', 'refund', 'payer_total'] as const)
    if (typeof amount[field] === 'number') rows.push({ label: `amount.${field}`, value: formatFen(amount[field]) });
  return rows;
}
