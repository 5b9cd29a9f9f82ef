/** `wxpay sign`: the Authorization header of a request, client pay parameters, and why WeChat Pay refuses either. Offline. */
import type { Command } from 'commander';
import { clockToleranceSeconds } from '../../core/clock-tolerance.ts';
import { WxpayError } from '../../core/errors.ts';
import { payMessage } from '../../core/wire/message.ts';
import type { DifferenceCause, SignDifference } from '../../core/wire/sign-difference.ts';
import { payClients, type PayClient } from '../../core/wire/pay.ts';
import {
  compareWithAnswer,
  curlCommand,
  explainMessage,
  readNonce,
  readSignError,
  readSubject,
  readTimestamp,
  sha256,
  signRequest,
  visible,
  type CurlCommand,
  type MessageLine,
  type SignedRequest,
  type Subject,
} from '../../operations/sign.ts';
import { safeVerbatim } from '../../output/safe-text.ts';
import { shellQuote } from '../../output/shell.ts';
import { inParentheses } from '../../output/colon.ts';
import type { Block, DetailRow, Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { examples } from '../help.ts';
import { readInput, readJsonObject } from '../json-input.ts';
import { requireValue } from '../party.ts';
import { errorText } from '../render-error.ts';
import { baseUrlOf } from '../../profiles/base-url.ts';
import { declareV2Options } from '../v2-input.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[method]', t('sign.argument.method'))
      .argument('[path-or-url]', t('sign.argument.url'))
      .option('--data <text>', t('sign.option.data'))
      .option('--explain', t('sign.option.explain'))
      .option('--curl', t('sign.option.curl'))
      .option('--against <file>', t('sign.option.against'))
      .option('--pay <client>', t('sign.option.pay'))
      .option('--prepay-id <id>', t('sign.option.prepay_id'))
      .option('--appid <appid>', t('sign.option.appid'))
      .option('--check <json>', t('sign.option.check'))
      .option('--timestamp <seconds>', t('sign.option.timestamp'))
      .option('--nonce <text>', t('sign.option.nonce'));
    declareV2Options(command, t);
    examples(command, t, [
      'sign.example.get',
      'sign.example.explain',
      'sign.example.pay',
      'sign.example.check',
      'sign.example.against',
      'v2.example.sign',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const flags = readFlags(options);
    if (options['v2'] === true) return signForV2(args, flags, options, runtime);
    refuseV2Only(options);
    if (flags.check !== undefined) return checkPay(flags, runtime);
    if (flags.pay !== undefined || flags.prepayId !== undefined) return signPay(flags, runtime);
    return signOne(args, flags, runtime);
  },
};

/** APIv2 signs fields, not a request line. */
async function signForV2(
  args: readonly string[],
  flags: Flags,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Result> {
  const unfit = [
    ['--check', flags.check],
    ['--against', flags.against],
    ['--curl', flags.curl ? '' : undefined],
    [args[0] ?? '', args[0]],
  ].find(([, value]) => value !== undefined);
  if (unfit !== undefined) throw invalidWithV2(unfit[0] ?? '', 'v2_not_here');
  const { signV2Pay, signV2Request } = await import('./sign-v2.ts');
  if (flags.pay === undefined && flags.prepayId === undefined) return signV2Request(options, runtime);
  const { client, prepayId } = readPay(flags);
  return signV2Pay(client, prepayId, freshness(flags, runtime), options, runtime);
}

function refuseV2Only(options: CommandInput['options']): void {
  for (const [name, flag] of [
    ['field', '--field'],
    ['signType', '--sign-type'],
  ] as const)
    if (options[name] !== undefined) throw invalidWithV2(flag, 'v2_only');
}

function invalidWithV2(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
}

interface Flags {
  readonly data: string | undefined;
  readonly explain: boolean;
  readonly curl: boolean;
  readonly against: string | undefined;
  readonly pay: PayClient | undefined;
  readonly prepayId: string | undefined;
  readonly appid: string | undefined;
  readonly check: string | undefined;
  readonly timestamp: string | undefined;
  readonly nonce: string | undefined;
}

function readFlags(options: CommandInput['options']): Flags {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const timestamp = text('timestamp');
  const nonce = text('nonce');
  return {
    data: text('data'),
    explain: options['explain'] === true,
    curl: options['curl'] === true,
    against: text('against'),
    pay: readClient(text('pay')),
    prepayId: text('prepayId'),
    appid: text('appid'),
    check: text('check'),
    timestamp: timestamp === undefined ? undefined : readTimestamp(timestamp),
    nonce: nonce === undefined ? undefined : readNonce(nonce),
  };
}

function readClient(text: string | undefined): PayClient | undefined {
  if (text === undefined) return undefined;
  const client = text === 'miniprogram' ? 'mini' : payClients.find((candidate) => candidate === text);
  if (client !== undefined) return client;
  throw new WxpayError('INPUT_INVALID', {
    params: { field: '--pay', reason: 'key:reason.not_one_of', values: payClients.join(', ') },
    outcome: 'not_sent',
  });
}

/** What the user gave, else now and a new nonce. */
function freshness(flags: Flags, { clock, nonce }: Runtime): { readonly timestamp: string; readonly nonce: string } {
  return {
    timestamp: flags.timestamp ?? String(Math.floor(clock.now() / 1000)),
    nonce: flags.nonce ?? nonce(),
  };
}

async function signOne(args: readonly string[], flags: Flags, runtime: Runtime): Promise<Result> {
  const body = flags.data === undefined ? Buffer.alloc(0) : await readInput(flags.data, runtime);
  const { allowHost } = runtime.globals;
  if (flags.data?.startsWith('@') === true && body.at(-1) === 0x0a) runtime.warn('sign.warn.final_line_feed');
  const subject = readSubject(args, body.length > 0, allowHost === undefined ? [] : [allowHost]);
  if (subject.normalised) runtime.note('sign.note.normalised', { target: subject.target });
  if (subject.method === 'GET' && body.length > 0) runtime.warn('sign.warn.get_body');
  const signer = await runtime.signer();
  const fresh = freshness(flags, runtime);
  if (flags.against !== undefined) return compare(subject, body, flags.against, flags, runtime);
  const signed = signRequest({ method: subject.method, target: subject.target, body, ...fresh }, signer);
  if (Math.abs(Number(fresh.timestamp) - Math.floor(runtime.clock.now() / 1000)) > clockToleranceSeconds)
    runtime.note('sign.note.old_timestamp');

  const curl = flags.curl ? await curlLine(signed, subject, runtime) : undefined;
  const data = {
    ...requestData(signed, signer),
    ...(flags.explain ? explanationData(signed.message, 'request') : {}),
    ...(curl === undefined ? {} : { curl }),
  };
  const view: Block[] = [];
  if (flags.explain) view.push(...messageBlocks(signed.message, 'request', runtime), headerBlock(signed, runtime));
  if (curl !== undefined) view.push({ kind: 'verbatim', text: curl });
  if (curl === undefined) view.push({ kind: 'verbatim', text: `Authorization: ${signed.authorization}` });
  return { data, view, id: signed.authorization };
}

function requestData(
  { parts, authorization, signature, bodySha256 }: SignedRequest,
  { mchid, serialNo }: { readonly mchid: string; readonly serialNo: string },
): Record<string, unknown> {
  const { method, target, timestamp, nonce } = parts;
  return {
    authorization,
    method,
    url: target,
    timestamp,
    nonce_str: nonce,
    serial_no: serialNo,
    mchid,
    signature,
    body_sha256: bodySha256,
  };
}

function explanationData(message: Buffer, kind: 'request' | 'pay'): Record<string, unknown> {
  return {
    message: message.toString('utf8'),
    message_length: message.length,
    message_sha256: sha256(message),
    message_lines: explainMessage(message, kind),
  };
}

function messageBlocks(message: Buffer, kind: 'request' | 'pay', { t }: Runtime): readonly Block[] {
  return [
    { kind: 'text', text: t('sign.text.message', { bytes: message.length }) },
    { kind: 'verbatim', text: numbered(explainMessage(message, kind)) },
    {
      kind: 'details',
      rows: [{ label: 'SHA-256', value: sha256(message) }],
    },
  ];
}

/** `1  method     POST\n`: the lines under each other, so that what is signed can be read off. */
function numbered(lines: readonly MessageLine[]): string {
  const width = Math.max(...lines.map(({ part }) => part.length));
  const digits = String(lines.length).length;
  return lines
    .map(({ part, text }, index) => `${String(index + 1).padStart(digits)}  ${part.padEnd(width)}  ${text}`)
    .join('\n');
}

function headerBlock(signed: SignedRequest, { t }: Runtime): Block {
  const parts = /^(\S+) (.*)$/.exec(signed.authorization);
  const pairs = [...(parts?.[2] ?? '').matchAll(/([a-z_]+)="([^"]*)"/g)];
  const meaning: Readonly<Record<string, string>> = {
    mchid: t('sign.part.mchid'),
    nonce_str: t('sign.part.nonce_str'),
    signature: t('sign.part.signature'),
    timestamp: t('sign.part.timestamp'),
    serial_no: t('sign.part.serial_no'),
  };
  const rows: DetailRow[] = [{ label: t('sign.label.scheme'), value: signed.scheme }];
  for (const [, name = '', value = ''] of pairs)
    rows.push({ label: name, value: inParentheses(value, meaning[name] ?? '', meaning[name]) });
  return { kind: 'details', title: t('sign.title.header'), rows };
}

async function curlLine(signed: SignedRequest, subject: Subject, runtime: Runtime): Promise<string> {
  const profile = await runtime.profile();
  const curl = curlCommand(signed, {
    origin: subject.origin ?? baseUrlOf(profile),
    wechatpaySerial: profile.values.public_key_id?.value,
    // On a terminal more is made visible than in a pipe; what survives there survives everywhere.
    isPlain: (text) => safeVerbatim(text, { tty: true }) === text && !/\r|\p{Co}/u.test(text),
  });
  return shellLine(curl);
}

/** For sh, bash and zsh. */
function shellLine({ words, body }: CurlCommand): string {
  const line = words.map(shellQuote).join(' ');
  if (body === undefined) return line;
  // --data-raw, since --data-binary would read a body that begins with @ as a file name.
  if ('text' in body) return `${line} --data-raw ${shellQuote(body.text)}`;
  return `printf %s ${shellQuote(body.base64)} | base64 -d | ${line} --data-binary @-`;
}

async function compare(subject: Subject, body: Buffer, file: string, flags: Flags, runtime: Runtime): Promise<Result> {
  const { t } = runtime;
  const answer = readSignError(await readInput(file === '-' || file.startsWith('@') ? file : `@${file}`, runtime));
  const signer = await runtime.signer();
  const { method, target } = subject;
  const fresh = freshness(flags, runtime);
  const request = { method, target, body };
  const { signed, differences, wholeBodySeen } = compareWithAnswer(answer, request, flags, fresh, signer);
  const same = differences.length === 0;
  const verdict = !same ? 'different' : wholeBodySeen ? 'same' : 'same_as_far_as_shown';
  return {
    data: {
      verdict,
      differences: differences.map(asData(t)),
      ...requestData(signed, signer),
      ...(flags.explain ? explanationData(signed.message, 'request') : {}),
    },
    view: [
      ...(flags.explain ? messageBlocks(signed.message, 'request', runtime) : []),
      {
        kind: 'text',
        text: t(`sign.text.${verdict}`, { serial_no: signer.serialNo, mchid: signer.mchid }),
        tone: same ? 'warn' : 'bad',
      },
      ...differences.map((difference) => differenceBlock(difference, runtime)),
    ],
    ...(same ? {} : { failed: 'CHECK_FAILED' }),
  };
}

/** One difference on lines of its own: URLs are too long for columns. */
function differenceBlock({ part, signed, seen, cause }: SignDifference, { t }: Runtime): Block {
  const rows: DetailRow[] = [
    { label: t('sign.column.signed'), value: shown(signed) },
    { label: t('sign.column.seen'), value: shown(seen) },
  ];
  if (cause !== undefined) rows.push({ label: t('sign.column.cause'), value: t(`sign.cause.${cause}`) });
  return { kind: 'details', title: t(`sign.difference.${part}`), rows };
}

function shown(text: string): string {
  return text === '' ? '""' : visible(Buffer.from(text));
}

function asData(t: Runtime['t']) {
  return ({ part, signed, seen, cause }: SignDifference): Record<string, unknown> => ({
    part,
    signed,
    seen,
    cause: cause ?? null,
    explanation: cause === undefined ? null : t(`sign.cause.${cause satisfies DifferenceCause}`),
  });
}

/** @throws `INPUT_MISSING`, `INPUT_INVALID` */
function readPay(flags: Flags): { readonly client: PayClient; readonly prepayId: string } {
  const missing = (flag: string, field: string): WxpayError =>
    new WxpayError('INPUT_MISSING', {
      params: { field, flag, variable: flag },
      hint: 'sign.hint.pay_usage',
      outcome: 'not_sent',
    });
  const { pay: client, prepayId } = flags;
  if (client === undefined) throw missing('--pay', 'pay');
  if (prepayId === undefined || prepayId === '') throw missing('--prepay-id', 'prepay_id');
  if (!/^[\x21-\x7e]{1,64}$/.test(prepayId) || prepayId.startsWith('prepay_id='))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--prepay-id', reason: 'key:reason.prepay_id_form' },
      outcome: 'not_sent',
    });
  return { client, prepayId };
}

async function signPay(flags: Flags, runtime: Runtime): Promise<Result> {
  const { clientPayParameters, prepayLine } = await import('../../core/wire/pay.ts');
  const { client, prepayId } = readPay(flags);
  const profile = await runtime.profile();
  const appid = flags.appid ?? profile.values.sub_appid?.value ?? requireValue(profile, 'appid');
  const signer = await runtime.signer();
  const { timestamp, nonce } = freshness(flags, runtime);
  const partnerid = profile.values.sub_mchid?.value ?? signer.mchid;
  const parameters = clientPayParameters(client, { appid, partnerid, prepayId, timestamp, nonce, signer });
  const message = payMessage(appid, timestamp, nonce, prepayLine(client, prepayId));
  return {
    data: { ...parameters, ...(flags.explain ? explanationData(message, 'pay') : {}) },
    view: [
      ...(flags.explain ? messageBlocks(message, 'pay', runtime) : []),
      { kind: 'verbatim', text: JSON.stringify(parameters, null, 2) },
    ],
    id: parameters['paySign'] ?? parameters['sign'] ?? '',
  };
}

async function checkPay(flags: Flags, runtime: Runtime): Promise<Result> {
  const { t } = runtime;
  const { checkPayParameters, detectPayClient } = await import('../../core/wire/pay.ts');
  const source = flags.check ?? '';
  const given = await readJsonObject('--check', source, runtime);
  const client = flags.pay ?? detectPayClient(given);
  const profile = await runtime.profile();
  const key = await (await runtime.credentials()).merchantKey();
  const own = [profile.values.sub_appid?.value, profile.values.appid?.value].filter((text) => text !== undefined);
  // A mini-program does not hand over the appid that was signed: it must come from elsewhere.
  const appid = flags.appid ?? (client === 'mini' ? own[0] : undefined);
  const mchids = [profile.values.sub_mchid?.value, profile.values.mchid?.value].filter((text) => text !== undefined);
  const faults = checkPayParameters(client, given, {
    key,
    otherAppids: own,
    mchids,
    ...(appid === undefined ? {} : { appid }),
  }).map(({ field, reason, params }) => ({ field, reason, text: reasonText(field, reason, params, runtime) }));
  const good = faults.length === 0;
  return {
    data: {
      verdict: good ? 'valid' : 'invalid',
      client,
      faults: faults.map(({ field, reason, text }) => ({ field, reason, message: text })),
    },
    view: [
      {
        kind: 'table',
        title: t(good ? 'sign.title.pay_valid' : 'sign.title.pay_invalid', { client }),
        columns: [
          { field: 'field', title: t('sign.column.field') },
          { field: 'message', title: t('sign.column.fault') },
        ],
        rows: faults.map(({ field, text }) => [field, text]),
        empty: t('sign.text.pay_valid'),
      },
    ],
    ...(good ? {} : { failed: 'CHECK_FAILED' }),
  };
}

/** A reason in words, through the one place that translates `key:reason.…`. */
function reasonText(field: string, reason: string, params: Readonly<Record<string, string | number>>, { t }: Runtime) {
  const error = new WxpayError('USAGE', { params: { ...params, field, reason: `key:reason.${reason}` } });
  return errorText(error, t).message;
}
