/** `wxpay transfer create`: sends money to a user, once; the user confirms. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { parseAmount } from '../../../core/money.ts';
import { encryptField } from '../../../operations/crypt.ts';
import { beyondBmp } from '../../../operations/fields.ts';
import {
  liveTransferIntervals,
  transferIntent,
  transferOnce,
  transferRequest,
  watchTransfer,
  type Transfer,
  type TransferParts,
  type TransferResult,
} from '../../../operations/transfer.ts';
import { nameRequiredFrom } from '../../../operations/transfer-fields.ts';
import { deriveBillNo } from '../../../operations/transfer-number.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { bodySkeleton } from '../../body-skeleton.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
import { readInput, readJsonObject } from '../../json-input.ts';
import { requireValue } from '../../party.ts';
import { pausesFor } from '../refund/refund-journal.ts';
import { bothUnits } from '../refund/refund-view.ts';
import { directMchid, learn, openStore } from './transfer-store.ts';
import { faultOf, parametersOf, transferResult } from './transfer-view.ts';

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .option('--openid <openid>', t('transfer.option.openid'))
      .option('--amount <amount>', t('refund.option.amount'))
      .option('--remark <text>', t('transfer.option.remark'))
      .option('--scene <id>', t('transfer.option.scene'))
      .option('--report <type=content>', t('transfer.option.report'), collect)
      .option('--ref <ref>', t('transfer.option.ref'))
      .option('--out-bill-no <no>', t('transfer.option.out_bill_no'))
      .option('--name-file <file>', t('transfer.option.name_file'))
      .option('--name-stdin', t('transfer.option.name_stdin'))
      // Known, so that commander's "unknown option" does not repeat it together with its value.
      .addOption(new Option('--name [value]').hideHelp())
      .option('--perception <text>', t('transfer.option.perception'))
      .addOption(new Option('--style <style>', t('transfer.option.style')).choices(['CONFIRM_PAGE', 'RED_PACKET']))
      .option('--notify-url <url>', t('refund.option.notify_url'))
      .option('--data <json>', t('refund.option.data'))
      .option('--skeleton', t('order.option.skeleton'))
      .option('--wait', t('transfer.option.wait'))
      .option('--for <duration>', t('refund.option.for'));
    examples(command, t, ['transfer.example.create', 'transfer.example.create_name', 'transfer.example.create_ci']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (options['name'] !== undefined)
      throw new WxpayError('SECRET_IN_ARGV', {
        params: { flag: '--name', instead: '--name-file, --name-stdin' },
        outcome: 'not_sent',
      });
    // The profile has the appid, and the number is derived.
    if (options['skeleton'] === true)
      return bodySkeleton('/v3/fund-app/mch-transfer/transfer-bills', ['appid', 'out_bill_no']);
    const limit = parseDuration('--for', text(options, 'for') ?? '10m');
    const given = await readParts(options, runtime);
    const profile = await runtime.profile();
    const mchid = directMchid(profile);
    const parts = complete(given, { profile, mchid, ref: text(options, 'ref') });
    // Before the name is asked for: what is wrong is said first.
    if (parts.transfer_amount < nameRequiredFrom) transferIntent(mchid, parts);
    const intent = await withName(mchid, parts, options, runtime);
    for (const field of beyondBmp(parts)) runtime.warn('order.warn.beyond_bmp', { field });
    if (profile.live && parts.notify_url?.startsWith('http:') === true) runtime.warn('order.warn.notify_http');
    if (runtime.globals.dryRun) return dryRun(runtime, transferRequest(intent));

    const { out_bill_no, openid } = parts;
    const amount = bothUnits(parts.transfer_amount, runtime.t);
    // The number is told before the first byte leaves, so that a lost answer can be asked about.
    runtime.note('transfer.note.transferring', { out_bill_no, amount });
    await confirmLive(runtime, profile, {
      key: 'transfer.confirm.create',
      params: { amount, openid, remark: parts.transfer_remark, scene: parts.transfer_scene_id, out_bill_no },
    });
    const transport = await runtime.transport();
    const done = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      openStore(runtime, profile, out_bill_no, (store) =>
        transferOnce({ transport, clock: runtime.clock, store }, intent, {
          rounds: runtime.globals.retries,
          ...pausesFor(profile),
          signal: runtime.signal,
          onEarlier: () => runtime.note('transfer.note.earlier'),
        }),
      ),
    );
    if (done.unrecorded !== undefined)
      runtime.warn('transfer.warn.unrecorded', { file: String(done.unrecorded.params['file'] ?? '') });
    if (done.result === 'existing') runtime.note('transfer.note.existing', { out_bill_no });
    const said = { ...parts, ...done.transfer } as unknown as Transfer;
    const result = (transfer: Transfer, failed: string | undefined): Result => ({
      ...transferResult(
        {
          transfer: withoutName(transfer),
          mchid,
          appid: parts.appid,
          result: done.result,
          title: runtime.t(done.result === 'existing' ? 'transfer.title.existing' : 'transfer.title.accepted'),
        },
        runtime.t,
      ),
      ...(failed === undefined ? {} : { failed }),
    });
    if (options['wait'] !== true) return result(said, faultOf(said));
    const { last, failed } = await waited(done, said, { runtime, profile, mchid, limit, appid: parts.appid });
    return result(last, failed ?? faultOf(last));
  },
};

/** What `--data` and the flags say; flags win. */
type Given = Partial<Record<keyof TransferParts, unknown>>;

async function readParts(options: CommandInput['options'], runtime: Runtime): Promise<Given> {
  const data = text(options, 'data');
  const given: Given = data === undefined ? {} : await readJsonObject('--data', data, runtime);
  if (given.user_name !== undefined) throw invalid('user_name', 'transfer_name_in_data');
  const amount = text(options, 'amount');
  const style = text(options, 'style');
  const reports = options['report'] as readonly string[] | undefined;
  const flags: Given = {
    out_bill_no: text(options, 'outBillNo'),
    openid: text(options, 'openid'),
    transfer_amount: amount === undefined ? undefined : parseAmount(amount),
    transfer_remark: text(options, 'remark'),
    notify_url: text(options, 'notifyUrl'),
    user_recv_perception: text(options, 'perception'),
    transfer_scene_id: text(options, 'scene'),
    transfer_scene_report_infos: reports?.map((report) => {
      const at = report.indexOf('=');
      if (at < 1) throw invalid('--report', 'transfer_report');
      return { info_type: report.slice(0, at), info_content: report.slice(at + 1) };
    }),
    user_recv_style: style === undefined ? undefined : { type: style },
  };
  return { ...given, ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) };
}

/** The whole transfer but for the name; every value is checked against the field table when the intent is built. */
function complete(
  given: Given,
  {
    profile,
    mchid,
    ref,
  }: { readonly profile: ResolvedProfile; readonly mchid: string; readonly ref: string | undefined },
): TransferParts {
  for (const [field, flag] of [
    ['openid', '--openid'],
    ['transfer_amount', '--amount'],
    ['transfer_remark', '--remark'],
    ['transfer_scene_id', '--scene'],
    ['transfer_scene_report_infos', '--report'],
  ] as const)
    if (given[field] === undefined)
      throw new WxpayError('INPUT_MISSING', {
        params: { field, flag, variable: '--data' },
        hint: 'order.hint.flag_or_data',
        outcome: 'not_sent',
      });
  if (given.out_bill_no !== undefined && ref !== undefined) throw invalid('--out-bill-no', 'transfer_number_or_ref');
  const notify_url = given.notify_url ?? profile.values.notify_url?.value;
  return {
    ...given,
    appid: given.appid ?? requireValue(profile, 'appid'),
    out_bill_no: given.out_bill_no ?? deriveBillNo({ mchid, openid: String(given.openid), ref: ref ?? '' }),
    ...(notify_url === undefined ? {} : { notify_url }),
  } as unknown as TransferParts;
}

/** The name from a file, standard input, or a person at a terminal, encrypted for WeChat Pay; never from the command line. */
async function withName(
  mchid: string,
  parts: TransferParts,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<ReturnType<typeof transferIntent>> {
  const name = await readName(parts, options, runtime);
  if (name === undefined) return transferIntent(mchid, parts);
  if (name === '' || /[\u0000-\u001F\u007F]/.test(name))
    throw invalid('user_name', name === '' ? 'missing' : 'control');
  const { ciphertext, wechatpay_serial } = await encryptField(await runtime.keyRing(), name, {
    serial: undefined,
    fetch: !runtime.globals.dryRun,
  });
  return transferIntent(mchid, { ...parts, user_name: ciphertext }, wechatpay_serial);
}

async function readName(
  parts: TransferParts,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<string | undefined> {
  const file = text(options, 'nameFile');
  if (file !== undefined || options['nameStdin'] === true) {
    const bytes = await readInput(file === undefined ? '-' : `@${file}`, runtime);
    return bytes.toString('utf8').replace(/\r?\n$/, '');
  }
  if (parts.transfer_amount < nameRequiredFrom) return undefined;
  const prompts = await runtime.prompts();
  if (prompts.canPrompt) return prompts.secret({ message: runtime.t('transfer.ask.name') });
  throw new WxpayError('INPUT_MISSING', {
    params: { field: 'user_name', flag: '--name-file', variable: '--name-stdin' },
    hint: 'transfer.hint.name',
    outcome: 'not_sent',
  });
}

/** `--wait`: the user's client needs its parameters first; what is known is printed in any case. */
async function waited(
  { transfer }: TransferResult,
  said: Transfer,
  {
    runtime,
    profile,
    mchid,
    appid,
    limit,
  }: {
    readonly runtime: Runtime;
    readonly profile: ResolvedProfile;
    readonly mchid: string;
    readonly appid: string;
    readonly limit: number;
  },
): Promise<{ readonly last: Transfer; readonly failed?: string }> {
  const { out_bill_no } = transfer;
  const parameters = parametersOf(transfer, { mchid, appid });
  if (parameters !== undefined) runtime.note('transfer.note.confirm', { parameters: JSON.stringify(parameters) });
  let last = said;
  const watching = watchTransfer(await runtime.transport(), mchid, said, {
    intervals: profile.live ? liveTransferIntervals : [200, 300, 500, 1_000],
    limit,
    clock: runtime.clock,
    signal: AbortSignal.any([runtime.signal, runtime.readerGone]),
    onChange: (found) => {
      last = found;
    },
  });
  let failed: string | undefined;
  try {
    last = await runtime.busy('transfer.busy.waiting', { out_bill_no }, () => watching);
  } catch (error) {
    const ended = error instanceof WxpayError && error.code === 'NOT_FINAL';
    if (!ended && !runtime.signal.aborted && !runtime.readerGone.aborted) throw error;
    failed = 'NOT_FINAL';
  }
  if (last.state !== said.state) last = await learn(runtime, profile, last);
  return { last, ...(failed === undefined ? {} : { failed }) };
}

/** Nobody needs the ciphertext that was sent. */
function withoutName(transfer: Transfer): Transfer {
  const { user_name: _name, ...rest } = transfer;
  return rest;
}

function text(options: CommandInput['options'], name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
}
