/** `wxpay refund abnormal`: sends a refund that the payer's account could not take to a bank card. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { encryptField } from '../../../operations/crypt.ts';
import { abnormalRequest, applyAbnormal, lookUpAbnormal, type AbnormalParts } from '../../../operations/refund.ts';
import { abnormalTypes, bankTypes, type AbnormalType } from '../../../operations/refund-fields.ts';
import type { Result } from '../../../output/view.ts';
import type { MessageKey } from '../../../i18n/translate.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { readInput } from '../../json-input.ts';
import { partyOf } from '../../party.ts';
import { pausesFor } from './refund-journal.ts';
import { bothUnits, refundView } from './refund-view.ts';

/** What only the payer should be able to read; both are encrypted for WeChat Pay before they leave. */
const secrets = [
  { name: 'bank-account', option: 'bankAccount', ask: 'refund.ask.bank_account', what: 'refund.what.bank_account' },
  { name: 'real-name', option: 'realName', ask: 'refund.ask.real_name', what: 'refund.what.real_name' },
] as const satisfies readonly { name: string; option: string; ask: MessageKey; what: MessageKey }[];

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('<refund_id>', t('refund.argument.refund_id'))
      .requiredOption('--out-refund-no <no>', t('refund.option.abnormal_no'))
      .addOption(new Option('--type <type>', t('refund.option.type')).choices([...abnormalTypes]).makeOptionMandatory())
      .option('--bank-type <type>', t('refund.option.bank_type', { types: bankTypes.slice(0, 3).join(' | ') }));
    for (const { name, what } of secrets)
      command
        .option(`--${name}-file <file>`, t('refund.option.secret_file', { what: t(what) }))
        .option(`--${name}-stdin`, t('refund.option.secret_stdin', { what: t(what) }))
        // Known, so that commander's "unknown option" does not repeat it together with its value.
        .addOption(new Option(`--${name} [value]`).hideHelp());
    examples(command, t, ['refund.example.abnormal_user', 'refund.example.abnormal_merchant']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    for (const { name, option } of secrets)
      if (options[option] !== undefined)
        throw new WxpayError('SECRET_IN_ARGV', {
          params: { flag: `--${name}`, instead: `--${name}-file, --${name}-stdin` },
          outcome: 'not_sent',
        });
    const type = options['type'] as AbnormalType;
    const profile = await runtime.profile();
    const party = partyOf(profile);
    const base = { party, refund_id: args[0] ?? '', out_refund_no: String(options['outRefundNo']), type };
    const parts: AbnormalParts = type === 'USER_BANK_CARD' ? { ...base, ...(await userCard(options, runtime)) } : base;
    const request = abnormalRequest(parts);
    if (runtime.globals.dryRun) return dryRun(runtime, request);

    const transport = await runtime.transport();
    const refund = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      lookUpAbnormal(transport, party, parts),
    );
    await confirmLive(runtime, profile, {
      key: 'refund.confirm.abnormal',
      params: { amount: bothUnits(refund.amount.refund, runtime.t), out_refund_no: parts.out_refund_no, type },
    });
    const after = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      applyAbnormal({ transport, clock: runtime.clock }, parts, {
        rounds: runtime.globals.retries,
        ...pausesFor(profile),
        signal: runtime.signal,
      }),
    );
    return {
      data: after,
      view: refundView(after, runtime.t, runtime.t('refund.title.abnormal')),
      id: after.out_refund_no,
    };
  },
};

/** The payer's card, encrypted with one key, whose id goes into the header. */
async function userCard(options: CommandInput['options'], runtime: Runtime): Promise<Partial<AbnormalParts>> {
  const bank_type = options['bankType'];
  if (typeof bank_type !== 'string') throw missing('bank_type', '--bank-type', bankTypes.join(', '));
  const stdin = secrets.filter(({ option }) => options[`${option}Stdin`] === true);
  if (stdin.length > 1)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: `--${secrets[1].name}-stdin`, reason: 'key:profile.reason.one_stdin' },
      outcome: 'not_sent',
    });
  const account = await readSecret(secrets[0], options, runtime);
  const name = await readSecret(secrets[1], options, runtime);
  const ring = await runtime.keyRing();
  const fetch = !runtime.globals.dryRun;
  const encrypted = await encryptField(ring, account, { serial: undefined, fetch });
  const serial = encrypted.wechatpay_serial;
  const real_name = (await encryptField(ring, name, { serial, fetch })).ciphertext;
  return { bank_type, bank_account: encrypted.ciphertext, real_name, serial };
}

/** From a file, standard input, or a person at a terminal; never from the command line. */
async function readSecret(
  { name, option, ask }: (typeof secrets)[number],
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<string> {
  const file = options[`${option}File`];
  const stdin = options[`${option}Stdin`] === true;
  if (typeof file === 'string' || stdin) {
    const bytes = await readInput(stdin ? '-' : `@${String(file)}`, runtime);
    return checked(name, bytes.toString('utf8').replace(/\r?\n$/, ''));
  }
  const prompts = await runtime.prompts();
  if (!prompts.canPrompt) throw missing(name, `--${name}-file`, `--${name}-stdin`);
  return checked(name, await prompts.secret({ message: runtime.t(ask) }));
}

function checked(name: string, text: string): string {
  const reason = text === '' ? 'missing' : /[\u0000-\u001F\u007F]/.test(text) ? 'control' : undefined;
  if (reason === undefined) return text;
  throw new WxpayError('INPUT_INVALID', {
    params: { field: name, reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}

function missing(field: string, flag: string, variable: string): WxpayError {
  return new WxpayError('INPUT_MISSING', { params: { field, flag, variable }, outcome: 'not_sent' });
}
