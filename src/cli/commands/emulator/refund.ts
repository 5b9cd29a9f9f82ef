/** `wxpay emulator refund`: the bank. Decides what becomes of a refund, or how refunds go from now on. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { EmulatorClient } from '../../../emulator/control-client.ts';
import type { SettleResult } from '../../../emulator/refund-outcome.ts';
import { defaultRefundSettings } from '../../../emulator/refund-settings.ts';
import type { RefundSettings, RefundSettingsChange } from '../../../emulator/refund-settings.ts';
import { refundOutcomes } from '../../../emulator/rules/refund.ts';
import type { RefundOutcome } from '../../../emulator/rules/refund.ts';
import type { DetailRow, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { deliveryRows } from './delivery-rows.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

/** The options that say how refunds go from now on. */
const settingFlags = ['next', 'after', 'balance', 'spacing', 'rateLimits', 'reset'];
const outcomes = refundOutcomes.map((outcome) => outcome.toLowerCase());

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[out_refund_no]', t('emulator.argument.refund'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--mchid <mchid>', t('emulator.option.mchid'));
    command.addOption(new Option('--outcome <outcome>', t('emulator.option.outcome')).choices(outcomes));
    command.option('--no-callback', t('emulator.option.no_refund_callback'));
    command.option('--next <n>', t('emulator.option.next'));
    command.option('--after <ms>', t('emulator.option.after'));
    command.option('--balance <fen>', t('emulator.option.balance'));
    command.addOption(new Option('--spacing <spacing>', t('emulator.option.spacing')).choices(['allow', 'refuse']));
    command.addOption(new Option('--rate-limits <switch>', t('emulator.option.rate_limits')).choices(['on', 'off']));
    command.option('--reset', t('emulator.option.reset'));
    examples(command, t, [
      'emulator.example.refund',
      'emulator.example.refund_next',
      'emulator.example.refund_after',
      'emulator.example.refund_reset',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const [refund] = args;
    const setting = settingFlags.find((name) => options[name] !== undefined);
    if (refund !== undefined && setting !== undefined) throw refused(`--${setting}`, 'one_refund');
    const change = refund === undefined ? await readChange(options, runtime) : undefined;
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    if (refund !== undefined) return settle(refund, emulator, options, runtime);
    const settings = await apply(change ?? {}, options['reset'] === true, emulator);
    return {
      data: settings,
      view: [{ kind: 'details', title: runtime.t('emulator.title.refunds'), rows: settingRows(settings, runtime) }],
    };
  },
};

async function settle(
  refund: string,
  emulator: EmulatorClient,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Result> {
  const mchid = textOption(options, 'mchid');
  const outcome = readOutcome(options);
  const settled = await emulator.settleRefund({
    refund,
    ...(outcome === undefined ? {} : { outcome }),
    ...(mchid === undefined ? {} : { mchid }),
    callback: options['callback'] !== false,
  });
  const { callback } = settled;
  if (callback !== null && !callback.delivered) {
    const reason = callback.status === undefined ? (callback.failure ?? '') : `HTTP ${callback.status}`;
    runtime.warn('emulator.warn.refund_callback', { url: callback.url, reason });
  }
  return {
    data: settled,
    view: [{ kind: 'details', title: runtime.t('emulator.title.refunded'), rows: refundRows(settled, runtime) }],
  };
}

async function apply(change: RefundSettingsChange, reset: boolean, emulator: EmulatorClient): Promise<RefundSettings> {
  if (!reset) {
    return Object.keys(change).length === 0 ? emulator.refundSettings() : emulator.configureRefunds(change);
  }
  const { balances } = await emulator.refundSettings();
  const none = Object.fromEntries(Object.keys(balances).map((mchid) => [mchid, null]));
  return emulator.configureRefunds({ ...defaultRefundSettings, ...change, balances: { ...none, ...change.balances } });
}

/** What the flags change; without any, nothing is changed and the settings are shown. */
async function readChange(options: CommandInput['options'], runtime: Runtime): Promise<RefundSettingsChange> {
  const outcome = readOutcome(options);
  const next = readNumber(options, 'next', -1);
  const after = textOption(options, 'after');
  const spacing = textOption(options, 'spacing');
  const limits = textOption(options, 'rateLimits');
  const balance = readNumber(options, 'balance', 0);
  // An outcome belongs to a refund that is named, or to the next ones.
  if ((outcome === undefined) !== (next === undefined)) throw refused('--outcome', 'next');
  const mchid = textOption(options, 'mchid');
  return {
    ...(outcome === undefined || next === undefined ? {} : { next: [{ outcome, count: next }] }),
    ...(after === undefined
      ? {}
      : { settle_after_ms: after === 'never' ? null : (readNumber(options, 'after', 0) ?? null) }),
    ...(spacing === undefined ? {} : { spacing: spacing === 'refuse' ? 'refuse' : 'allow' }),
    ...(limits === undefined ? {} : { rate_limits: limits === 'on' }),
    ...(balance === undefined ? {} : { balances: { [mchid ?? (await defaultMerchant(options, runtime))]: balance } }),
  };
}

async function defaultMerchant(options: CommandInput['options'], runtime: Runtime): Promise<string> {
  const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
  return (await emulator.info()).mchid;
}

function readOutcome(options: CommandInput['options']): RefundOutcome | undefined {
  const wanted = textOption(options, 'outcome');
  return refundOutcomes.find((outcome) => outcome.toLowerCase() === wanted);
}

function readNumber(options: CommandInput['options'], name: string, min: number): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^-?\d{1,15}$/.test(text) && value >= min && (name !== 'next' || value !== 0)) return value;
  throw refused(`--${name}`, 'number');
}

function refused(field: string, reason: 'next' | 'number' | 'one_refund'): WxpayError {
  const flag = field.replace('rateLimits', 'rate-limits');
  return new WxpayError('INPUT_INVALID', { params: { field: flag, reason: `key:emulator.reason.${reason}` } });
}

function refundRows({ refund, callback }: SettleResult, { t }: Runtime): DetailRow[] {
  const row = (name: string): DetailRow[] => {
    const value = refund[name];
    return typeof value === 'string' ? [{ label: name, value }] : [];
  };
  return [
    ...['out_refund_no', 'refund_id', 'out_trade_no', 'status', 'success_time'].flatMap(row),
    ...deliveryRows(callback, t),
  ];
}

function settingRows(settings: RefundSettings, { t }: Runtime): DetailRow[] {
  const { settle_after_ms: after, next, spacing, rate_limits: limits, balances } = settings;
  const coming = next.map(({ outcome, count }) => `${outcome} × ${count < 0 ? '∞' : count}`);
  const left = Object.entries(balances).map(([mchid, fen]) => `${mchid}: ${fen}`);
  const none = t('emulator.refunds.none');
  return [
    { label: 'settle_after_ms', value: after === null ? t('emulator.refunds.never') : String(after) },
    { label: 'next', value: coming.join(', ') || none },
    { label: 'spacing', value: spacing },
    { label: 'rate_limits', value: String(limits) },
    { label: 'balances', value: left.join(', ') || none },
  ];
}
