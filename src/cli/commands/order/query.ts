/** `wxpay order query`: one order, by either number, or a combined one; `--watch` polls until it is final. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { ApiRequest, Transport } from '../../../core/ports.ts';
import { combinedQueryRequest, queryCombined, watchCombined, type CombinedOrder } from '../../../operations/combine.ts';
import {
  numberOf,
  queryOrder,
  queryRequest,
  watchOrder,
  type Order,
  type OrderNumber,
  type Party,
  type Watch,
} from '../../../operations/order.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { partyOf } from '../../party.ts';
import { watchAndShow, watchLimit } from '../../watching.ts';
import { combinedResult } from './combined-view.ts';
import { readOrderNumber } from './order-argument.ts';
import { orderView } from './order-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[no]', t('order.argument.no'))
      .option('--out-trade-no <no>', t('order.option.by_out_trade_no'))
      .option('--transaction-id <id>', t('order.option.by_transaction_id'))
      .option('--combine <no>', t('order.option.by_combine'))
      .option('--watch', t('order.option.watch'))
      .option('--for <duration>', t('order.option.for'));
    examples(command, t, [
      'order.example.query',
      'order.example.query_json',
      'order.example.query_watch',
      'order.example.query_combined',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const { combine } = options;
    if (typeof combine !== 'string')
      return answer(singleQuestion(readOrderNumber(args[0], options), runtime), options, runtime);
    if (args[0] !== undefined || options['outTradeNo'] !== undefined || options['transactionId'] !== undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '--combine', reason: 'key:reason.one_number' },
        outcome: 'not_sent',
      });
    return answer(combinedQuestion(combine, runtime), options, runtime);
  },
};

/** What is asked for, and how its answer looks. */
interface Question<T> {
  readonly what: string;
  request(party: Party): ApiRequest;
  ask(transport: Transport, party: Party): Promise<T>;
  watch(transport: Transport, party: Party, watch: Watch<T>): Promise<T>;
  state(order: T): string;
  result(order: T): Result;
}

function singleQuestion(number: OrderNumber, { t }: Runtime): Question<Order> {
  return {
    what: numberOf(number),
    request: (party) => queryRequest(party, number),
    ask: async (transport, party) => queryOrder(transport, party, number),
    watch: async (transport, party, watch) => watchOrder(transport, party, number, watch),
    state: (order) => order.trade_state,
    result: (order) => ({ data: order, view: orderView(order, t), id: order.out_trade_no }),
  };
}

function combinedQuestion(number: string, { t }: Runtime): Question<CombinedOrder> {
  return {
    what: number,
    request: () => combinedQueryRequest(number),
    ask: async (transport, party) => queryCombined(transport, party, number),
    watch: async (transport, party, watch) => watchCombined(transport, party, number, watch),
    state: (combined) => [...new Set(combined.sub_orders.map((sub) => sub.trade_state))].join(', '),
    result: (combined) => combinedResult(combined, t),
  };
}

async function answer<T>(
  question: Question<T>,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Result | undefined> {
  const profile = await runtime.profile();
  const party = partyOf(profile);
  if (runtime.globals.dryRun) return dryRun(runtime, question.request(party));
  const transport = await runtime.transport();
  if (options['watch'] !== true) {
    const order = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () => question.ask(transport, party));
    return question.result(order);
  }
  const { answer } = await watchAndShow<T>(
    {
      // WeChat Pay's own advice begins at 5 s (endpoints.md 4.2); an emulator on this machine may be asked every second.
      intervals: profile.live ? [5_000, 5_000, 10_000, 30_000] : [500, 1_000],
      limit: watchLimit(options, '15m'),
      watch: async (watch) => question.watch(transport, party, watch),
      result: (order) => question.result(order),
      waiting: (order) => ['order.busy.watching', { no: question.what, state: question.state(order) }],
    },
    runtime,
  );
  return answer;
}
