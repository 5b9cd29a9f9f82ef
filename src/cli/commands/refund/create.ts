/** `wxpay refund create` and `wxpay refund`: gives money back, once. */
import type { Command } from 'commander';
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { parseAmount } from '../../../core/money.ts';
import type { Transport } from '../../../core/ports.ts';
import { beyondBmp, isObject } from '../../../operations/fields.ts';
import type { OrderNumber, Party } from '../../../operations/order.ts';
import { deriveRefundNo } from '../../../operations/refund-number.ts';
import { lookUpSubOrder } from '../../../operations/refund-sub-order.ts';
import {
  isFactorOf100,
  liveRefundIntervals,
  lookUpOrder,
  refundedOf,
  refundIntent,
  refundOnce,
  refundRequest,
  requireResolved,
  settledStates,
  watchRefund,
  type Refund,
  type RefundableOrder,
  type RefundExtras,
  type RefundIntent,
  type RefundResult,
} from '../../../operations/refund.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { bodySkeleton } from '../../body-skeleton.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
import { readInput, readJsonObject } from '../../json-input.ts';
import { partyOf, requireValue } from '../../party.ts';
import { readOrderNumber } from '../order/order-argument.ts';
import { openJournal, ownJournal, pausesFor, peekJournal, type JournalPlace } from './refund-journal.ts';
import { bothUnits, faultOf, refundView } from './refund-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[no]', t('order.argument.no'))
      .option('--amount <amount>', t('refund.option.amount'))
      .option('--all', t('refund.option.all'))
      .option('--reason <text>', t('refund.option.reason'))
      .option('--out-refund-no <no>', t('refund.option.out_refund_no'))
      .option('--ref <ref>', t('refund.option.ref'))
      .option('--batch-id <id>', t('refund.option.batch_id'))
      .option('--out-trade-no <no>', t('order.option.by_out_trade_no'))
      .option('--transaction-id <id>', t('order.option.by_transaction_id'))
      .option('--combine <no>', t('refund.option.combine'))
      .option('--notify-url <url>', t('refund.option.notify_url'))
      .option('--funds-account <account>', t('refund.option.funds_account'))
      .option('--goods-detail <json>', t('refund.option.goods_detail'))
      .option('--data <json>', t('refund.option.data'))
      .option('--skeleton', t('order.option.skeleton'))
      .option('--wait', t('refund.option.wait'))
      .option('--for <duration>', t('refund.option.for'));
    examples(command, t, [
      'refund.example.amount',
      'refund.example.all',
      'refund.example.second',
      'refund.example.combined',
      'refund.example.ci',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    // Its number is derived, and the order is named on the command line.
    if (options['skeleton'] === true) return bodySkeleton('/v3/refund/domestic/refunds', ['out_refund_no']);
    const limit = parseDuration('--for', text(options, 'for') ?? '10m');
    const wanted = await readWanted(args[0], options, runtime);
    const profile = await runtime.profile();
    const party = partyOf(profile);
    const transport = await runtime.transport();
    const place = await ownJournal(runtime, profile);

    const combine = text(options, 'combine');
    const order = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      combine === undefined
        ? lookUpSingle(transport, party, wanted.number)
        : lookUpSubOrder(transport, party, combine, wanted.number),
    );
    const intent = await decide(wanted, order, { runtime, profile, party, transport, place });
    for (const field of beyondBmp(intent.extras)) runtime.warn('order.warn.beyond_bmp', { field });
    if (profile.live && intent.extras.notify_url?.startsWith('http:') === true) runtime.warn('order.warn.notify_http');
    if (runtime.globals.dryRun) {
      runtime.note('refund.note.looked_up', { out_trade_no: order.out_trade_no });
      return dryRun(runtime, refundRequest(intent));
    }

    const { out_refund_no } = intent;
    const amount = bothUnits(intent.amount.refund, runtime.t);
    const total = bothUnits(intent.amount.total, runtime.t);
    // The number is on record before the first byte leaves, so that a lost answer can be asked about.
    runtime.note('refund.note.refunding', { out_refund_no, amount });
    await confirmLive(runtime, profile, {
      key: 'refund.confirm.create',
      params: { amount, out_trade_no: order.out_trade_no, transaction_id: order.transaction_id, total, out_refund_no },
    });
    const done = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      openJournal(runtime, place, async (journal) => {
        await requireResolved(journal, intent.order, out_refund_no);
        return refundOnce({ transport, clock: runtime.clock, journal }, intent, {
          rounds: runtime.globals.retries,
          ...pausesFor(profile),
          signal: runtime.signal,
        });
      }),
    );
    if (done.unrecorded !== undefined) runtime.warn('refund.warn.unrecorded', { file: place.path });
    if (done.result === 'existing') runtime.note('refund.note.existing', { out_refund_no });
    if (options['wait'] !== true) return resultOf(done.result, done.refund, runtime, faultOf(done.refund));
    return await waited(done, intent, { runtime, profile, party, transport, place, limit });
  },
};

interface Wanted {
  readonly number: OrderNumber;
  /** Fen, `all`, and whether the unit was written out. */
  readonly amount: { readonly fen: number; readonly explicit: boolean } | 'all';
  readonly out_refund_no: string | undefined;
  readonly ref: string | undefined;
  readonly batch_id: string | undefined;
  readonly extras: RefundExtras;
  /** What `--data` says about the order, to be held against it. */
  readonly claims: {
    readonly transaction_id?: unknown;
    readonly out_trade_no?: unknown;
    readonly total?: unknown;
    readonly currency?: unknown;
  };
}

/** The ordinary query knows no sub-order, and its 404 does not say why. */
async function lookUpSingle(transport: Transport, party: Party, number: OrderNumber): Promise<RefundableOrder> {
  return lookUpOrder(transport, party, number).catch((error: unknown) => {
    throw isWxpayError(error, 'NOT_FOUND') ? error.with({ hint: 'refund.hint.or_combined' }) : error;
  });
}

/** `--data` first, flags over it. */
async function readWanted(no: string | undefined, options: CommandInput['options'], runtime: Runtime): Promise<Wanted> {
  const given = text(options, 'data');
  const data = given === undefined ? {} : await readJsonObject('--data', given, runtime);
  const {
    reason,
    notify_url,
    funds_account,
    goods_detail,
    amount,
    out_refund_no,
    transaction_id,
    out_trade_no,
    ...rest
  } = data;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw invalid(unknown, 'unknown');
  if (amount !== undefined && !isObject(amount)) throw invalid('amount', 'not_object');
  const { refund, total, currency, from, ...more } = amount ?? {};
  const stray = Object.keys(more)[0];
  if (stray !== undefined) throw invalid(`amount.${stray}`, 'unknown');
  const extras: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    if (value !== undefined) extras[name] = value;
  };
  set('reason', text(options, 'reason') ?? reason);
  set('notify_url', text(options, 'notifyUrl') ?? notify_url);
  set('funds_account', text(options, 'fundsAccount') ?? funds_account);
  set('goods_detail', (await goodsOf(text(options, 'goodsDetail'), runtime)) ?? goods_detail);
  set('from', from);
  const number = text(options, 'outRefundNo') ?? out_refund_no;
  if (number !== undefined && typeof number !== 'string') throw invalid('out_refund_no', 'not_string');
  const ref = text(options, 'ref');
  const batch_id = text(options, 'batchId');
  if (number !== undefined && (ref !== undefined || batch_id !== undefined))
    throw invalid('--out-refund-no', 'number_or_ref');
  return {
    number: readOrderNumber(no, options),
    amount: wantedAmount(options, refund),
    out_refund_no: number,
    ref,
    batch_id,
    // Every value is checked against the field table when the intent is built.
    extras,
    claims: { transaction_id, out_trade_no, total, currency },
  };
}

function wantedAmount(options: CommandInput['options'], refund: unknown): Wanted['amount'] {
  const amount = text(options, 'amount');
  const all = options['all'] === true;
  if (amount !== undefined && all) throw invalid('--amount', 'amount_or_all');
  if (amount !== undefined) return { fen: parseAmount(amount), explicit: /\D$/.test(amount) };
  if (all) return 'all';
  if (refund === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'amount.refund', flag: '--amount', variable: '--all' },
      hint: 'refund.hint.amount',
      outcome: 'not_sent',
    });
  if (typeof refund !== 'number' || !Number.isSafeInteger(refund)) throw invalid('amount.refund', 'not_integer');
  return { fen: refund, explicit: false };
}

async function goodsOf(given: string | undefined, runtime: Runtime): Promise<unknown> {
  if (given === undefined) return undefined;
  const { parseJson } = await import('../../../core/wire/json.ts');
  try {
    return parseJson(await readInput(given, runtime));
  } catch (error) {
    if (!(error instanceof WxpayError) || error.code !== 'ANSWER_MALFORMED') throw error;
    throw new WxpayError('INPUT_INVALID', {
      params: { ...error.params, field: '--goods-detail' },
      outcome: 'not_sent',
    });
  }
}

interface Stage {
  readonly runtime: Runtime;
  readonly profile: ResolvedProfile;
  readonly party: Party;
  readonly transport: Transport;
  readonly place: JournalPlace;
}

/** From what was asked for and what the order is to the one request; nothing has been sent yet. */
async function decide(
  wanted: Wanted,
  order: RefundableOrder,
  { runtime, profile, party, transport, place }: Stage,
): Promise<RefundIntent & { readonly extras: RefundExtras }> {
  const { claims } = wanted;
  for (const [field, claim, fact] of [
    ['transaction_id', claims.transaction_id, order.transaction_id],
    ['out_trade_no', claims.out_trade_no, order.out_trade_no],
    ['amount.total', claims.total, order.total],
    ['amount.currency', claims.currency, order.currency],
  ] as const)
    if (claim !== undefined && claim !== fact)
      throw new WxpayError('INPUT_INVALID', {
        params: { field, reason: 'key:reason.order_other', found: fact },
        outcome: 'not_sent',
      });

  const ref = wanted.ref ?? '';
  const batchId = wanted.batch_id ?? '';
  const out_refund_no =
    wanted.out_refund_no ??
    deriveRefundNo({ mchid: requireValue(profile, 'mchid'), transactionId: order.transaction_id, batchId, ref });
  const named = { transaction_id: order.transaction_id, out_trade_no: order.out_trade_no };

  let refund: number;
  if (wanted.amount === 'all') {
    const refunded =
      (await peekJournal(place, (journal) => refundedOf(transport, party, journal, named, out_refund_no))) ?? 0;
    if (refunded === 0 && order.trade_state === 'REFUND') runtime.note('refund.note.refunds_unknown');
    refund = order.total - refunded;
    if (refund <= 0)
      throw new WxpayError('REFUND_NOTHING_LEFT', {
        params: { out_trade_no: order.out_trade_no, refunded, total: order.total },
        outcome: 'not_sent',
      });
  } else {
    refund = wanted.amount.fen;
    if (!wanted.amount.explicit && isFactorOf100({ refund, total: order.total }))
      throw new WxpayError('AMOUNT_RATIO', { params: { refund, total: order.total }, outcome: 'not_sent' });
    await peekJournal(place, (journal) => requireResolved(journal, named, out_refund_no));
  }

  const notify_url = wanted.extras.notify_url ?? profile.values.notify_url?.value;
  const extras = { ...wanted.extras, ...(notify_url === undefined ? {} : { notify_url }) };
  const intent = refundIntent({
    party,
    out_refund_no,
    order: named,
    refund,
    total: order.total,
    currency: order.currency,
    extras,
    ...(ref === '' ? {} : { ref }),
    ...(batchId === '' ? {} : { batch_id: batchId }),
  });
  return { ...intent, extras };
}

/** `--wait`: what is known is printed in any case, and the exit code says whether it is final. */
async function waited(
  done: RefundResult,
  intent: RefundIntent,
  { runtime, profile, party, transport, place, limit }: Stage & { readonly limit: number },
): Promise<Result> {
  let last: Refund = done.refund;
  const watching = watchRefund(
    transport,
    party,
    intent.out_refund_no,
    {
      intervals: profile.live ? liveRefundIntervals : [200, 300, 500, 1_000],
      limit,
      clock: runtime.clock,
      signal: AbortSignal.any([runtime.signal, runtime.readerGone]),
      onChange: (refund) => {
        last = refund;
      },
    },
    done.refund,
  );
  let failed: string | undefined;
  try {
    last = await runtime.busy('refund.busy.waiting', { out_refund_no: intent.out_refund_no }, () => watching);
  } catch (error) {
    const ended = error instanceof WxpayError && error.code === 'NOT_FINAL';
    if (!ended && !runtime.signal.aborted && !runtime.readerGone.aborted) throw error;
    failed = 'NOT_FINAL';
  }
  if (last.status !== done.refund.status) await remember(runtime, place, last);
  return resultOf(done.result, last, runtime, failed ?? faultOf(last));
}

/** What was learnt goes into the journal, if it is free; it is not worth failing for. */
async function remember(runtime: Runtime, place: JournalPlace, refund: Refund): Promise<void> {
  const { out_refund_no, status, refund_id } = refund;
  try {
    await openJournal(runtime, place, (journal) =>
      journal.recordOutcome({ out_refund_no, result: 'adopted', status, refund_id }),
    );
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    runtime.warn('refund.warn.unrecorded', { file: place.path });
  }
}

function resultOf(
  result: RefundResult['result'],
  refund: Refund,
  runtime: Runtime,
  failed: string | undefined,
): Result {
  const { t } = runtime;
  const title = t(
    settledStates.has(refund.status)
      ? 'refund.title.settled'
      : result === 'existing'
        ? 'refund.title.existing'
        : 'refund.title.accepted',
  );
  return {
    data: { result, ...refund },
    view: refundView(refund, t, title),
    id: refund.out_refund_no,
    ...(failed === undefined ? {} : { failed }),
  };
}

function text(options: CommandInput['options'], name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
}
