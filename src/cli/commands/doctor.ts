/** `wxpay doctor`: what is wrong with this setup, and the fix of each finding. Moves no money, changes no file. */
import type { Command } from 'commander';
import { WxpayError } from '../../core/errors.ts';
import { startReceiver, type Receiver } from '../../operations/callback/receive.ts';
import { diagnose, type CheckReport, type Diagnosis, type Finding } from '../../operations/doctor.ts';
import type { MessageKey, Params, Translate } from '../../i18n/translate.ts';
import { safeText } from '../../output/safe-text.ts';
import type { Block, Cell, Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { doctorContext } from '../doctor-context.ts';
import { examples } from '../help.ts';
import { errorText } from '../render-error.ts';

export const command: CommandModule = {
  copesWithoutProfile: true,
  configure(command: Command, t) {
    command
      .option('--offline', t('doctor.option.offline'))
      .option('--notify-url <url>', t('doctor.option.notify_url'))
      .option('--listen <port>', t('doctor.option.listen'));
    examples(command, t, ['doctor.example.all', 'doctor.example.offline', 'doctor.example.callback']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const offline = options['offline'] === true || runtime.globals.dryRun;
    const receiver = await listen(options['listen'], options['notifyUrl']);
    try {
      const context = doctorContext(runtime, {
        notifyUrl: typeof options['notifyUrl'] === 'string' ? options['notifyUrl'] : undefined,
        receiver,
      });
      const diagnosis = await runtime.busy('doctor.busy', {}, () => diagnose(context, { offline }));
      return asResult(diagnosis, runtime.t);
    } finally {
      await receiver?.close();
    }
  },
};

async function listen(port: unknown, notifyUrl: unknown): Promise<Receiver | undefined> {
  if (port === undefined) return undefined;
  const invalid = (field: string, reason: string): WxpayError =>
    new WxpayError('INPUT_INVALID', { params: { field, reason }, outcome: 'not_sent' });
  if (typeof notifyUrl !== 'string') throw invalid('--listen', 'key:doctor.reason.listen_alone');
  if (typeof port !== 'string' || !/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw invalid('--listen', 'key:doctor.reason.port');
  try {
    return await startReceiver(Number(port));
  } catch (error) {
    throw invalid('--listen', (error as NodeJS.ErrnoException).code ?? 'error');
  }
}

function asResult(diagnosis: Diagnosis, t: Translate): Result {
  const rows = diagnosis.checks.map((report) => ({
    check: report.check,
    title: t(`doctor.check.${report.check}`),
    status: report.status,
    skipped_because: report.because,
    findings: report.findings.map((finding) => asData(finding, t)),
  }));
  return {
    data: { verdict: diagnosis.verdict, checks: rows },
    rows: rows.flatMap(({ check, findings }) => findings.map((finding) => ({ check, ...finding }))),
    view: [
      {
        kind: 'table',
        columns: [
          { field: 'check', title: t('doctor.column.check') },
          { field: 'status', title: t('doctor.column.result') },
        ],
        rows: diagnosis.checks.map((report) => [t(`doctor.check.${report.check}`), resultCell(report, t)]),
        empty: '',
      },
      ...diagnosis.checks.flatMap((report) => report.findings.map((finding) => findingBlock(finding, t))),
      verdictBlock(diagnosis, t),
    ],
    ...(diagnosis.failed === undefined ? {} : { failed: diagnosis.failed }),
    id: diagnosis.verdict,
  };
}

function asData(finding: Finding, t: Translate): Record<string, unknown> {
  const { message, fix } = textsOf(finding, t);
  return {
    name: finding.name,
    level: finding.level,
    message,
    fix: fix === '' ? null : fix,
    code: finding.error?.code ?? finding.code ?? null,
    params: finding.params,
  };
}

function textsOf({ name, level, params, error }: Finding, t: Translate): { message: string; fix: string } {
  if (error !== undefined && name === error.code) {
    const { message, hint, next } = errorText(error, t);
    return { message, fix: next === undefined ? hint : `${hint} ${t('cli.error.next', { command: next })}` };
  }
  const texts = translated(params, t);
  const reason = error === undefined ? '' : errorText(error, t).message;
  const all = { ...texts, reason };
  return {
    message: t(`doctor.finding.${name}` as MessageKey, all),
    // What is only said needs no fix.
    fix: level === 'info' ? '' : t(`doctor.fix.${name}` as MessageKey, all),
  };
}

/** A param `key:…` is a message; everything else is data. */
function translated(params: Finding['params'], t: Translate): Params {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      const text = String(value);
      return [name, text.startsWith('key:') ? t(text.slice('key:'.length) as MessageKey) : safeText(text)];
    }),
  );
}

function resultCell({ status, because, findings }: CheckReport, t: Translate): Cell {
  if (status === 'ok') return { text: `✓ ${t('doctor.status.ok')}`, tone: 'good' };
  if (status === 'skipped') {
    const text =
      because === 'offline' || because === 'nothing_to_check' || because === null
        ? t(`doctor.because.${because ?? 'nothing_to_check'}`)
        : t('doctor.because.check', { check: t(`doctor.check.${because}`) });
    return { text: `- ${text}`, tone: 'dim' };
  }
  const count = findings.filter(({ level }) => level !== 'info').length;
  return status === 'fail'
    ? { text: `✗ ${t('doctor.status.fail', { count })}`, tone: 'bad' }
    : { text: `! ${t('doctor.status.warn', { count })}`, tone: 'warn' };
}

function findingBlock(finding: Finding, t: Translate): Block {
  const { message, fix } = textsOf(finding, t);
  const { mark, tone } = {
    info: { mark: 'i', tone: 'dim' },
    warn: { mark: '!', tone: 'warn' },
    fail: { mark: '✗', tone: 'bad' },
  }[finding.level] as { mark: string; tone: 'dim' | 'warn' | 'bad' };
  return { kind: 'text', text: `${mark} ${message}${fix === '' ? '' : `\n  → ${fix}`}`, tone };
}

const unproven = { ok: 'doctor.verdict.ok_unproven', warnings: 'doctor.verdict.warnings_unproven' } as const;

function verdictBlock({ verdict, checks }: Diagnosis, t: Translate): Block {
  const tone = verdict === 'ok' ? 'good' : verdict === 'failed' ? 'bad' : 'warn';
  // Only the echo is signed by both sides: without it nobody knows whether WeChat Pay takes these keys.
  const proven = checks.some(({ check, status }) => check === 'echo' && (status === 'ok' || status === 'warn'));
  return {
    kind: 'text',
    text: t(verdict === 'failed' || proven ? `doctor.verdict.${verdict}` : unproven[verdict]),
    tone,
  };
}
