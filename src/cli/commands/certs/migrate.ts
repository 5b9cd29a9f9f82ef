/** `wxpay certs migrate`: how far the way to the WeChat Pay public key has been gone, and what is left. Changes nothing. */
import type { Command } from 'commander';
import { downloadCertificates } from '../../../core/keys/download.ts';
import { inspectMigration, type StepReport } from '../../../operations/migration.ts';
import type { Translate } from '../../../i18n/translate.ts';
import { withColon } from '../../../output/colon.ts';
import type { Block, Cell, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { errorText } from '../../render-error.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    examples(command, t, ['certs.example.migrate', 'certs.example.migrate_json']);
  },

  async run(_input: CommandInput, runtime: Runtime): Promise<Result> {
    const { t } = runtime;
    const { values } = await runtime.profile();
    const ring = await runtime.keyRing();
    const report = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      inspectMigration({
        ring,
        clock: runtime.clock,
        hasApiV3Key: values.api_v3_key !== undefined,
        message: `wxpay-migrate-${runtime.randomBytes(4).toString('hex')}`,
        transport: () => runtime.transport(),
        download: async () =>
          downloadCertificates({
            transport: await runtime.transport(),
            apiV3Key: await runtime.apiV3Key(),
            publicKeys: await (await runtime.credentials()).publicKeys(),
            clock: runtime.clock,
          }),
      }),
    );
    const failed = report.steps.some(({ state }) => state === 'failed');
    return {
      data: {
        phase: report.phase,
        steps: report.steps.map(({ error, ...step }) => ({
          ...step,
          message: messageOf({ ...step, error }, t),
          error: error?.code ?? null,
        })),
      },
      rows: report.steps.map(({ step, state, detail }) => ({ step, state, detail })),
      view: [
        {
          kind: 'table',
          title: t(`certs.phase.${report.phase}`),
          columns: [
            { field: 'step', title: t('certs.label.step') },
            { field: 'state', title: t('certs.label.state') },
          ],
          rows: report.steps.map((step) => [t(`certs.step.${step.step}`), stateCell(step, t)]),
          empty: '',
        },
        ...report.steps.filter(({ state }) => state !== 'done' && state !== 'open').map((step) => stepBlock(step, t)),
      ],
      id: report.phase,
      ...(failed ? { failed: 'CHECK_FAILED' } : {}),
    };
  },
};

function stateCell({ state }: StepReport, t: Translate): Cell {
  const marks = {
    done: { mark: '✓', tone: 'good' },
    todo: { mark: '→', tone: 'warn' },
    waiting: { mark: '…', tone: 'plain' },
    open: { mark: '-', tone: 'dim' },
    failed: { mark: '✗', tone: 'bad' },
  } as const;
  const { mark, tone } = marks[state];
  return { text: `${mark} ${t(`certs.state.${state}`)}`, tone };
}

function stepBlock(step: StepReport, t: Translate): Block {
  return { kind: 'text', text: `${withColon(t(`certs.step.${step.step}`))} ${messageOf(step, t)}` };
}

function messageOf({ detail, params, error }: Pick<StepReport, 'detail' | 'params' | 'error'>, t: Translate): string {
  const reason = error === undefined ? '' : errorText(error, t).message;
  return t(`certs.detail.${detail}`, { ...params, reason });
}
