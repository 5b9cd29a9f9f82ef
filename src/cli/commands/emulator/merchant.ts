/** `wxpay emulator merchant`: what WeChat Pay has decided about a merchant. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { MerchantSwitchesChange } from '../../../emulator/merchant-switches.ts';
import { formatFen } from '../../../output/money.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[mchid]', t('emulator.argument.mchid'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.addOption(new Option('--account <state>', t('emulator.option.account')).choices(['open', 'closed']));
    command.option('--products <list>', t('emulator.option.products'));
    command.addOption(
      new Option('--refunds <right>', t('emulator.option.refund_right')).choices(['allowed', 'denied', 'blocked']),
    );
    command.option('--max-total <fen>', t('emulator.option.max_total'));
    command.option('--per-second <n>', t('emulator.option.per_second'));
    command.option('--sharing-notify-url <url>', t('emulator.option.sharing_notify_url'));
    examples(command, t, ['emulator.example.merchant', 'emulator.example.merchant_products']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const change = readChange(options);
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const mchid = args[0] ?? (await emulator.info()).mchid;
    const switches = await emulator.changeMerchant(mchid, change);
    const { t } = runtime;
    const none = t('emulator.merchant.unlimited');
    const { account, products, refunds, max_total: most, per_second: calls, sharing_notify_url: url } = switches;
    return {
      data: switches,
      view: [
        {
          kind: 'details',
          title: t('emulator.title.merchant'),
          rows: [
            { label: 'mchid', value: switches.mchid },
            { label: 'account', value: account },
            { label: 'products', value: products === null ? t('emulator.merchant.all') : products.join(', ') },
            { label: 'refunds', value: refunds },
            { label: 'max_total', value: most === null ? none : formatFen(most) },
            { label: 'per_second', value: calls === null ? none : String(calls) },
            { label: 'sharing_notify_url', value: url ?? t('emulator.merchant.nowhere') },
          ],
        },
      ],
      id: switches.mchid,
    };
  },
};

/** What the flags change; without any, the merchant is shown as it is. */
function readChange(options: CommandInput['options']): MerchantSwitchesChange {
  const change: Record<string, unknown> = {};
  for (const name of ['account', 'refunds']) {
    const value = textOption(options, name);
    if (value !== undefined) change[name] = value;
  }
  const products = textOption(options, 'products');
  if (products !== undefined) change['products'] = products === 'all' ? null : products.split(',').filter(Boolean);
  const url = textOption(options, 'sharingNotifyUrl');
  if (url !== undefined && url !== 'none' && !(/^https?:/.test(url) && URL.canParse(url)))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--sharing-notify-url', reason: 'key:emulator.reason.sharing_url' },
      outcome: 'not_sent',
    });
  if (url !== undefined) change['sharing_notify_url'] = url === 'none' ? null : url;
  for (const [option, flag, name] of [
    ['maxTotal', '--max-total', 'max_total'],
    ['perSecond', '--per-second', 'per_second'],
  ] as const) {
    const value = textOption(options, option);
    if (value === undefined) continue;
    if (value !== 'none' && !/^\d{1,15}$/.test(value))
      throw new WxpayError('INPUT_INVALID', {
        params: { field: flag, reason: 'key:emulator.reason.limit' },
        outcome: 'not_sent',
      });
    change[name] = value === 'none' ? null : Number(value);
  }
  return change;
}
