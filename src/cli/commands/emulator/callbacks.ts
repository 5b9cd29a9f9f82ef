/** `wxpay emulator callbacks`: what the emulator has sent, and how it goes on sending. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { AttemptRecord, CallbackRecord, CallbackSummary } from '../../../emulator/callback-outbox.ts';
import { defaultCallbackSettings } from '../../../emulator/callback-settings.ts';
import type { CallbackSettings, CallbackSettingsChange } from '../../../emulator/callback-settings.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import { formatInstant } from '../../../output/time.ts';
import type { Block, Cell, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

const numbers = {
  speed: 'speed',
  delay: 'delay_ms',
  duplicates: 'duplicates',
  reorder: 'reorder',
  probes: 'probes',
} as const;

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[id]', t('emulator.argument.callback'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--redeliver', t('emulator.option.redeliver'));
    command.option('--speed <n>', t('emulator.option.callback_speed'));
    command.addOption(new Option('--resend <switch>', t('emulator.option.resend')).choices(['on', 'off']));
    command.option('--delay <ms>', t('emulator.option.delay'));
    command.option('--duplicates <n>', t('emulator.option.duplicates'));
    command.option('--reorder <n>', t('emulator.option.reorder'));
    command.option('--probes <n>', t('emulator.option.probes'));
    command.option('--reset', t('emulator.option.reset'));
    examples(command, t, ['emulator.example.callbacks', 'emulator.example.callbacks_set']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const [id] = args;
    const change = readChange(options);
    const changing = Object.keys(change).length > 0 || options['reset'] === true;
    if (options['redeliver'] === true && id === undefined)
      throw new WxpayError('USAGE', { params: { reason: 'key:cli.usage.argument', name: 'id' }, outcome: 'not_sent' });
    if (changing && id !== undefined) throw refused('id', 'callback_and_settings');
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    if (changing) {
      const settings = await emulator.configureCallbacks({
        ...(options['reset'] === true ? defaultCallbackSettings : {}),
        ...change,
      });
      return { data: settings, view: [settingsBlock(settings, runtime)] };
    }
    if (id !== undefined) {
      const record = options['redeliver'] === true ? await emulator.redeliver(id) : await emulator.callback(id);
      return { data: record, view: recordBlocks(record, runtime), id: record.id };
    }
    const sent = await emulator.callbacks();
    return { data: sent, view: [listBlock(sent, runtime), settingsBlock(await emulator.callbackSettings(), runtime)] };
  },
};

function settingsBlock(settings: CallbackSettings, { t }: Runtime): Block {
  const rows = Object.entries(settings).map(([label, value]) => ({ label, value: String(value) }));
  return { kind: 'details', title: t('emulator.title.callback_settings'), rows };
}

function listBlock(callbacks: readonly CallbackSummary[], runtime: Runtime): Block {
  const { t } = runtime;
  return {
    kind: 'table',
    columns: [
      { field: 'id', title: t('emulator.column.id'), fixed: true },
      { field: 'event_type', title: 'event_type', wraps: true },
      { field: 'attempts', title: t('emulator.column.attempts'), align: 'right', fixed: true },
      { field: 'state', title: t('emulator.column.state'), fixed: true },
      { field: 'next_at', title: t('emulator.column.next'), fixed: true },
    ],
    rows: callbacks.map((callback) => [
      callback.id,
      callback.event_type,
      String(callback.attempts),
      stateCell(callback.state, runtime),
      callback.next_at === null ? '' : formatInstant(callback.next_at).slice(11, 19),
    ]),
    empty: t('emulator.callbacks.none'),
  };
}

function recordBlocks(record: CallbackRecord, runtime: Runtime): readonly Block[] {
  const { t, globals } = runtime;
  const subject = Object.entries(record.subject).map(([label, value]) => ({ label, value }));
  const blocks: Block[] = [
    {
      kind: 'details',
      title: record.event_type,
      rows: [
        { label: 'id', value: record.id },
        ...subject,
        { label: 'url', value: record.url },
        { label: t('emulator.column.state'), value: stateCell(record.state, runtime) },
      ],
    },
    {
      kind: 'table',
      columns: [
        { field: 'at', title: t('emulator.column.time'), fixed: true },
        { field: 'why', title: t('emulator.column.why'), fixed: true },
        { field: 'answer', title: t('emulator.column.answer') },
        { field: 'ms', title: 'ms', align: 'right', fixed: true },
      ],
      rows: record.attempts.map((attempt) => [
        formatInstant(attempt.at).slice(0, 19),
        t(`emulator.why.${attempt.why}`),
        { text: answerOf(attempt), tone: attempt.delivered ? 'good' : 'bad' },
        String(attempt.ended_at - attempt.at),
      ]),
      empty: t('emulator.callbacks.unsent'),
    },
  ];
  if (!globals.verbose) return blocks;
  const last = record.attempts.at(-1);
  const lines = (headers: AttemptRecord['headers'] = []): string =>
    headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  if (last !== undefined) blocks.push({ kind: 'verbatim', text: `${lines(last.headers)}\n\n${record.body}` });
  if (last?.answer !== undefined)
    blocks.push({
      kind: 'text',
      text: `${lines(last.answer.headers)}\n\n${Buffer.from(last.answer.body, 'base64').toString('utf8')}`,
    });
  return blocks;
}

function answerOf({ status, failure }: AttemptRecord): string {
  return [status, failure].filter((part) => part !== undefined).join(' ');
}

function stateCell(state: CallbackRecord['state'], { t }: Runtime): Cell {
  const tones = { waiting: 'warn', delivered: 'good', given_up: 'bad' } as const;
  return { text: t(`emulator.callback_state.${state}`), tone: tones[state] };
}

function readChange(options: CommandInput['options']): CallbackSettingsChange {
  const change: Record<string, number | boolean> = {};
  for (const [option, name] of Object.entries(numbers)) {
    const text = textOption(options, option);
    if (text === undefined) continue;
    if (!/^-?\d{1,9}(?:\.\d{1,2})?$/.test(text)) throw refused(`--${option}`, 'number');
    change[name] = Number(text);
  }
  const resend = textOption(options, 'resend');
  if (resend !== undefined) change['retries'] = resend === 'on';
  return change;
}

function refused(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { field, reason: `key:emulator.reason.${reason}` },
    outcome: 'not_sent',
  });
}
