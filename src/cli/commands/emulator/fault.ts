/** `wxpay emulator fault`: trouble on demand. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import { openFaults, type FaultInput, type FaultRule } from '../../../emulator/faults.ts';
import type { Block, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';
import { readEntryFile } from './entry-file.ts';

const texts = ['method', 'path', 'when', 'variant', 'header', 'location', 'code'] as const;
const numbers = {
  seed: 'seed',
  count: 'count',
  status: 'status',
  ms: 'ms',
  bytes: 'bytes',
  retryAfter: 'retry_after',
} as const;

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[kind]', t('emulator.argument.kind'));
    command.argument('[id]', t('emulator.argument.fault_id'));
    addDirOption(command, t);
    command.option('--file <file>', t('emulator.option.fault_file'));
    command.option('--method <method>', t('emulator.option.method'));
    command.option('--path <path>', t('emulator.option.path'));
    command.option('--count <n>', t('emulator.option.count'));
    command.option('--when <when>', t('emulator.option.when'));
    command.option('--status <status>', t('emulator.option.status'));
    command.option('--code <code>', t('emulator.option.code'));
    command.option('--retry-after <seconds>', t('emulator.option.retry_after'));
    command.option('--ms <ms>', t('emulator.option.ms'));
    command.option('--bytes <n>', t('emulator.option.bytes'));
    command.option('--variant <variant>', t('emulator.option.variant'));
    command.option('--header <name>', t('emulator.option.header'));
    command.option('--location <url>', t('emulator.option.location'));
    command.option('--hang-up', t('emulator.option.hang_up'));
    command.option('--probability <share>', t('emulator.option.probability'));
    command.option('--seed <n>', t('emulator.option.seed'));
    examples(command, t, [
      'emulator.example.fault',
      'emulator.example.fault_signature',
      'emulator.example.fault_probability',
      'emulator.example.fault_file',
      'emulator.example.fault_clear',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const { t } = runtime;
    const [kind, id] = args;
    const file = textOption(options, 'file');
    if (kind === undefined && file === undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '<kind>', reason: 'key:emulator.reason.fault_kind' },
        outcome: 'not_sent',
      });
    if (file !== undefined) return addFile(file, { args, options }, runtime);
    const emulator = await findEmulator(emulatorDir(options, runtime));
    if (kind === 'list') {
      const rules = await emulator.listFaults();
      return { data: rules, view: [table(rules, runtime)], id: rules.map((rule) => rule.id).join('\n') };
    }
    if (kind === 'clear') {
      const cleared = await emulator.clearFaults(id);
      const text = t('emulator.fault.cleared', { count: cleared.cleared });
      return { data: cleared, view: [{ kind: 'text', text }], id: String(cleared.cleared) };
    }
    const rule = await emulator.addFault(readFault(kind ?? '', options));
    return { data: rule, view: [table([rule], runtime)], id: rule.id };
  },
};

/** All the rules of a file, or none of them. */
async function addFile(file: string, { args, options }: CommandInput, runtime: Runtime): Promise<Result> {
  const alone = args.length === 0 && Object.keys(options).every((name) => name === 'file' || name === 'dir');
  if (!alone) {
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--file', reason: 'key:emulator.reason.fault_file' },
      outcome: 'not_sent',
    });
  }
  const entries = await readEntryFile(file, runtime);
  // Here the lines are known.
  openFaults().addAll(entries);
  const emulator = await findEmulator(emulatorDir(options, runtime));
  const rules = await emulator.addFaults(entries.values as readonly FaultInput[]);
  return { data: rules, view: [table(rules, runtime)], id: rules.map((rule) => rule.id).join('\n') };
}

function readFault(kind: string, options: CommandInput['options']): FaultInput {
  const fault: Record<string, unknown> = { kind };
  for (const name of texts) {
    const value = textOption(options, name);
    if (value !== undefined) fault[name] = value;
  }
  for (const [option, name] of Object.entries(numbers)) {
    const value = textOption(options, option);
    if (value === undefined) continue;
    if (!/^-?\d{1,9}$/.test(value)) {
      const field = `--${name.replace('_', '-')}`;
      throw new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.number' } });
    }
    fault[name] = Number(value);
  }
  if (options['hangUp'] === true) fault['hang_up'] = true;
  const probability = textOption(options, 'probability');
  if (probability !== undefined) {
    if (!/^(?:0?\.\d{1,9}|1(?:\.0{1,9})?)$/.test(probability)) {
      const reason = 'key:emulator.reason.probability';
      throw new WxpayError('INPUT_INVALID', { params: { field: '--probability', reason } });
    }
    fault['probability'] = Number(probability);
  }
  // The emulator knows which of these belong together, and says so.
  return fault as unknown as FaultInput;
}

function table(rules: readonly FaultRule[], { t }: Runtime): Block {
  return {
    kind: 'table',
    columns: [
      { field: 'id', title: t('emulator.column.id'), fixed: true },
      { field: 'fault', title: t('emulator.column.fault') },
      { field: 'request', title: t('emulator.column.request') },
      { field: 'count', title: t('emulator.column.count'), align: 'right', fixed: true },
    ],
    rows: rules.map((rule) => [
      rule.id,
      [
        ...Object.entries(rule.fault).map(([name, value]) => (value === true ? name : value)),
        ...(rule.probability === undefined ? [] : [`p=${rule.probability}`]),
      ].join(' '),
      `${rule.method ?? '*'} ${rule.path ?? '*'}`,
      rule.count < 0 ? '∞' : String(rule.count),
    ]),
    empty: t('emulator.fault.none'),
  };
}
