/** `wxpay callback trigger`: a signed and encrypted callback for the app under test, perfect or broken on purpose. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { changeFields, eventTypes, makeEvent, ownEvent, type Change } from '../../../operations/callback/events.ts';
import type { Json, JsonObject } from '../../../operations/callback/event-templates.ts';
import { exchange, type Exchange } from '../../../operations/callback/exchange.ts';
import {
  isAcknowledgement,
  isMet,
  readExpectation,
  type Expectation,
} from '../../../operations/callback/expectation.ts';
import { damages, makeMessage, rawMessage, type Damage, type Message } from '../../../operations/callback/send.ts';
import { parseTarget, type Target } from '../../../operations/callback/target.ts';
import type { Block, DetailRow, Result } from '../../../output/view.ts';
import type { MessageKey } from '../../../i18n/translate.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { readJsonObject } from '../../json-input.ts';
import { textOption } from '../emulator/emulator-dir.ts';
import { answerCell, answerDocument } from './answer-view.ts';
import { addKeyOptions, signingKeys, type SigningKeys } from './signing-keys.ts';

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export const command: CommandModule = {
  copesWithoutProfile: true,
  configure(command: Command, t) {
    command.argument('[event]', t('callbacks.argument.event'));
    command.option('--to <url>', t('callbacks.option.to'));
    command.option('--variant <name>', t('callbacks.option.variant'));
    command.option('--set <path=value>', t('callbacks.option.set'), collect);
    command.option('-f, --field <path=text>', t('callbacks.option.field'), collect);
    command.option('-F, --json-field <path=json>', t('callbacks.option.json_field'), collect);
    command.option('--data <json>', t('callbacks.option.data'));
    command.option('--original-type <type>', t('callbacks.option.original_type'));
    command.option('--id <id>', t('callbacks.option.id'));
    command.addOption(new Option('--break <fault>', t('callbacks.option.break')).choices([...damages]));
    command.option('--probe', t('callbacks.option.probe'));
    command.option('--expect <answer>', t('callbacks.option.expect'));
    command.option('--out <file>', t('callbacks.option.out'));
    command.option('--list', t('callbacks.option.list'));
    addKeyOptions(command, t);
    examples(command, t, [
      'callbacks.example.trigger',
      'callbacks.example.trigger_set',
      'callbacks.example.trigger_break',
      'callbacks.example.trigger_list',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (options['list'] === true) return list(runtime);
    const [type] = args;
    if (type === undefined) throw missing('argument', 'event');
    const damage = readDamage(options);
    const wanted = textOption(options, 'expect');
    const expectation = wanted === undefined ? (damage === undefined ? 'ok' : 'fail') : readExpectation(wanted);
    const to = textOption(options, 'to');
    if (to === undefined) throw missing('option', '--to');
    const target = parseTarget(to, { flag: '--to', allowHosts: allowed(runtime), privateHosts: true });
    const keys = await signingKeys(options, runtime);
    const made = await make(type, options, keys, damage, runtime);
    const raw = rawMessage(made.message, `${target.url.pathname}${target.url.search}`, target.host);
    const out = textOption(options, 'out');
    if (out !== undefined) await keep(resolve(runtime.cwd, out), out, raw);
    if (runtime.globals.dryRun) return unsent(made, raw, runtime);
    const answer = await exchange(target, made.message, {
      clock: runtime.clock,
      timeoutMs: runtime.globals.timeoutMs,
      signal: runtime.signal,
    });
    runtime.signal.throwIfAborted();
    return report({ ...made, target, answer, expectation, damage }, runtime);
  },
};

interface Made {
  readonly id: string;
  readonly event_type: string;
  readonly resource: JsonObject;
  readonly message: Message;
}

async function make(
  type: string,
  options: CommandInput['options'],
  keys: SigningKeys,
  damage: Damage | undefined,
  runtime: Runtime,
): Promise<Made> {
  const now = runtime.clock.now();
  const randomBytes = (size: number): Buffer => runtime.randomBytes(size);
  const data = textOption(options, 'data');
  const variant = textOption(options, 'variant');
  const originalType = textOption(options, 'originalType');
  const given = data === undefined ? undefined : ((await readJsonObject('--data', data, runtime)) as JsonObject);
  const story = { mchid: keys.mchid, appid: keys.appid, subMchid: keys.subMchid, now, randomBytes };
  const event = given === undefined ? makeEvent(type, variant, story) : ownEvent(type, given, originalType);
  const resource = changeFields(event.resource, readChanges(options));
  const id = textOption(options, 'id') ?? uuid(randomBytes(16));
  const create_time = `${new Date(now + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`;
  const message = makeMessage(
    { ...event, resource, ...(originalType === undefined ? {} : { original_type: originalType }) },
    { id, create_time },
    { ...keys, now, randomBytes },
    damage,
  );
  return { id, event_type: event.event_type, resource, message };
}

function readDamage(options: CommandInput['options']): Damage | undefined {
  const damage = damages.find((known) => known === options['break']);
  if (options['probe'] !== true) return damage;
  if (damage !== undefined && damage !== 'probe')
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--probe', reason: 'key:reason.probe_and_break' },
      outcome: 'not_sent',
    });
  return 'probe';
}

function readChanges(options: CommandInput['options']): readonly Change[] {
  const pairs = (name: string, flag: string): readonly { path: string; text: string }[] => {
    const given = options[name];
    return (Array.isArray(given) ? (given as string[]) : []).map((pair) => {
      const mark = pair.indexOf('=');
      if (mark < 1)
        throw new WxpayError('INPUT_INVALID', {
          params: { field: flag, reason: 'key:reason.pair' },
          outcome: 'not_sent',
        });
      return { path: pair.slice(0, mark), text: pair.slice(mark + 1) };
    });
  };
  return [
    ...pairs('set', '--set').map(({ path, text }): Change => ({ kind: 'typed', path, text })),
    ...pairs('field', '-f').map(({ path, text }): Change => ({ kind: 'text', path, text })),
    ...pairs('jsonField', '-F').map(({ path, text }): Change => ({ kind: 'json', path, value: readJson(path, text) })),
  ];
}

function readJson(path: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new WxpayError('INPUT_INVALID', {
      params: { field: path, reason: 'key:reason.json' },
      outcome: 'not_sent',
    });
  }
}

interface Outcome extends Made {
  readonly target: Target;
  readonly answer: Exchange;
  readonly expectation: Expectation;
  readonly damage: Damage | undefined;
}

function report({ id, event_type, resource, target, answer, expectation, damage }: Outcome, runtime: Runtime): Result {
  const { t, globals } = runtime;
  const passed = isMet(expectation, answer);
  const document = answerDocument(answer);
  const rows: DetailRow[] = [
    { label: 'event_type', value: event_type },
    { label: 'id', value: id },
    { label: t('callbacks.label.to'), value: target.url.href },
    ...(damage === undefined ? [] : [{ label: t('callbacks.label.broken'), value: damage }]),
    { label: t('callbacks.label.answer'), value: answerCell(answer, passed, t) },
    {
      label: t('callbacks.label.expected'),
      value:
        expectation === 'ok' || expectation === 'fail' ? t(`callbacks.expected.${expectation}`) : String(expectation),
    },
  ];
  const view: Block[] = [
    { kind: 'details', title: t(passed ? 'callbacks.title.passed' : 'callbacks.title.not_passed'), rows },
  ];
  const meaning = passed ? undefined : meaningOf(answer, damage);
  if (meaning !== undefined) view.push({ kind: 'text', text: t(meaning), tone: 'bad' });
  if (document.body !== null && (!passed || globals.verbose))
    view.push({ kind: 'text', text: document.body, tone: 'dim' });
  if (globals.verbose) view.push({ kind: 'verbatim', text: JSON.stringify(resource, null, 2) });
  return {
    data: {
      event_type,
      id,
      url: target.url.href,
      break: damage ?? null,
      expected: expectation,
      passed,
      answer: document,
      resource,
    },
    view,
    id,
    ...(passed ? {} : { failed: answer.failure === 'refused' ? 'NETWORK_REFUSED' : 'CALLBACK_UNEXPECTED' }),
  };
}

/** What an answer that was not expected means for the app. */
function meaningOf({ status, failure }: Exchange, damage: Damage | undefined): MessageKey | undefined {
  if (failure === 'refused') return 'callbacks.meaning.nobody';
  if (status === undefined) return undefined;
  if (isAcknowledgement(status)) return damage === undefined ? undefined : 'callbacks.meaning.taken';
  return damage === undefined ? 'callbacks.meaning.not_taken' : undefined;
}

function unsent({ id, event_type, resource, message }: Made, raw: Buffer, runtime: Runtime): Result {
  runtime.note('cli.dry_run.note');
  return {
    data: {
      dry_run: true,
      event_type,
      id,
      headers: Object.fromEntries(message.headers),
      body: message.body.toString('utf8'),
      resource,
    },
    view: [{ kind: 'verbatim', text: raw.toString('utf8').replaceAll('\r\n', '\n') }],
    id,
  };
}

function list({ t }: Runtime): Result {
  return {
    data: { events: eventTypes, breaks: damages },
    view: [
      { kind: 'text', text: t('callbacks.list.events') },
      { kind: 'verbatim', text: eventTypes.join('\n') },
      { kind: 'text', text: t('callbacks.list.breaks') },
      { kind: 'verbatim', text: damages.join('\n') },
    ],
    rows: eventTypes.map((event_type) => ({ event_type })),
  };
}

/** Payers' data: for its owner only. */
async function keep(path: string, named: string, raw: Buffer): Promise<void> {
  try {
    await writeFile(path, raw, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new WxpayError('FILE_UNWRITABLE', { params: { file: named, reason }, cause: error, outcome: 'not_sent' });
  }
}

/** `--allow-host`, as a list. */
export function allowed(runtime: Runtime): readonly string[] {
  return runtime.globals.allowHost === undefined ? [] : [runtime.globals.allowHost];
}

export function missing(what: 'argument' | 'option', name: string): WxpayError {
  return new WxpayError('USAGE', { params: { reason: `key:cli.usage.${what}`, name }, outcome: 'not_sent' });
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
