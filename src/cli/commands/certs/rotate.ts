/** `wxpay certs rotate`: made for cron and CI. Installs what is new, and tells whoever uses it. */
import type { Command } from 'commander';
import { join, resolve } from 'node:path';
import { isWxpayError, WxpayError, type ErrorCode } from '../../../core/errors.ts';
import { certificatesRequest, downloadCertificates } from '../../../core/keys/download.ts';
import type { CertificateSet } from '../../../core/keys/store.ts';
import {
  daysCovered,
  openPending,
  rotateCertificates,
  type PendingStore,
  type Rotation,
} from '../../../operations/certificate-rotation.ts';
import { listKeys } from '../../../operations/certificates.ts';
import type { Block, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { parseDuration } from '../../duration.ts';
import { fileWriter } from '../../file-writer.ts';
import { examples } from '../../help.ts';
import { runOnChange } from '../../on-change.ts';
import { errorText } from '../../render-error.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import { givenAnchors } from './anchors.ts';
import { keyTable } from './key-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .option('--out <dir>', t('certs.option.rotate_out'))
      .option('--on-change <command>', t('certs.option.on_change'))
      .option('--check', t('certs.option.check'))
      .option('--within <duration>', t('certs.option.within'))
      .option('--ca <file>', t('certs.option.ca'));
    examples(command, t, ['certs.example.rotate', 'certs.example.rotate_check', 'certs.example.rotate_within']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (runtime.globals.dryRun) return dryRun(runtime, certificatesRequest);
    const flags = await readFlags(options, runtime);
    if (flags.within !== undefined && !flags.check) return lookAtDates(flags.within, runtime);
    const pending = flags.onChange === undefined ? undefined : await pendingOf(flags, flags.onChange, runtime);
    const due = flags.check ? undefined : pending?.load();
    const rotation = await rotate(flags, pending, runtime);
    if (rotation === undefined) return nothingToRotate(runtime);
    await warnOfForeign(rotation, flags, runtime);
    if (flags.check) return looked(rotation, flags, runtime);
    const added = [...new Set([...rotation.added, ...(due?.added ?? [])])];
    const called = flags.onChange !== undefined && (rotation.changed || due !== undefined);
    const hook = called ? await callHook(flags, rotation, added, runtime) : undefined;
    if (called && hook === undefined) pending?.clear();
    return {
      data: {
        ...rotation,
        on_change: flags.onChange === undefined ? null : { ran: called, failed: hook?.params['reason'] ?? null },
      },
      rows: rotation.certificates,
      view: [...view(rotation, false, runtime), ...hookBlocks(called, hook, runtime)],
      id: rotation.added.join('\n'),
      ...(hook === undefined ? {} : { failed: hook.code }),
    };
  },
};

interface Flags {
  readonly out: string | undefined;
  readonly onChange: string | undefined;
  readonly check: boolean;
  /** Milliseconds. */
  readonly within: number | undefined;
  readonly anchors: Awaited<ReturnType<typeof givenAnchors>>;
}

async function readFlags(options: CommandInput['options'], runtime: Runtime): Promise<Flags> {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const out = text('out');
  const within = text('within');
  return {
    out: out === undefined ? undefined : resolve(runtime.cwd, out),
    onChange: text('onChange'),
    check: options['check'] === true,
    within: within === undefined ? undefined : parseDuration('--within', within),
    anchors: await givenAnchors(options['ca'], runtime),
  };
}

async function pendingOf(flags: Flags, onChange: string, runtime: Runtime): Promise<PendingStore> {
  const profile = await runtime.profile();
  const names = [profile.values.mchid?.value ?? '', baseUrlOf(profile), flags.out ?? '', onChange];
  return openPending(runtime.dirs.state, names, fileWriter(runtime));
}

/** `undefined` for a merchant without platform certificates whose public key is at hand: a cron job may stay where it is. */
async function rotate(
  flags: Flags,
  pending: PendingStore | undefined,
  runtime: Runtime,
): Promise<Rotation | undefined> {
  const ring = await runtime.keyRing();
  const download = async (): Promise<CertificateSet> =>
    downloadCertificates({
      transport: await runtime.transport(),
      apiV3Key: await runtime.apiV3Key(),
      publicKeys: await (await runtime.credentials()).publicKeys(),
      clock: runtime.clock,
    });
  try {
    return await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      rotateCertificates({
        ring,
        download,
        clock: runtime.clock,
        anchors: flags.anchors,
        look: flags.check,
        out: flags.out,
        writer: fileWriter(runtime),
        onPlan: ({ added, changed }) => {
          if (changed) pending?.save({ added });
        },
      }),
    );
  } catch (error) {
    const keys = await ring.list();
    if (isWxpayError(error, 'CERTIFICATES_NONE') && keys.some((key) => key.kind === 'wechatpay-public-key'))
      return undefined;
    throw error;
  }
}

/** `null`: the command did what it should. */
async function callHook(
  { onChange = '', out }: Flags,
  rotation: Rotation,
  added: readonly string[],
  runtime: Runtime,
): Promise<WxpayError | undefined> {
  const present = new Set(rotation.certificates.map(({ serial_no }) => serial_no));
  const serials = added.filter((serial) => present.has(serial));
  const files =
    out === undefined
      ? []
      : [...new Set([...serials.map((serial) => join(out, `wechatpay_${serial}.pem`)), ...rotation.written])];
  const { exitCode, reason } = await runOnChange(
    onChange,
    {
      WXPAY_ROTATED_SERIALS: serials.join('\n'),
      WXPAY_ROTATED_FILES: files.join('\n'),
      WXPAY_DROPPED_SERIALS: rotation.dropped.join('\n'),
    },
    runtime,
  );
  if (exitCode === 0) return undefined;
  return new WxpayError('ON_CHANGE_FAILED', { params: { reason: reason ?? `exit ${exitCode ?? '?'}` } });
}

function hookBlocks(called: boolean, hook: WxpayError | undefined, { t }: Runtime): readonly Block[] {
  if (!called) return [];
  if (hook === undefined) return [{ kind: 'text', text: t('certs.text.on_change_ran'), tone: 'good' }];
  const { message, hint } = errorText(hook, t);
  return [{ kind: 'text', text: `${message}\n  ${hint}`, tone: 'bad' }];
}

async function warnOfForeign(rotation: Rotation, flags: Flags, runtime: Runtime): Promise<void> {
  const { live } = await runtime.profile();
  if (!live || flags.anchors !== undefined) return;
  for (const key of rotation.certificates)
    if (key.tenpay_issued === false) runtime.warn('certs.chain.warn', { serial: key.serial_no });
}

/** `--within` alone asks nobody. */
async function lookAtDates(within: number, runtime: Runtime): Promise<Result> {
  const { t, clock } = runtime;
  const ring = await runtime.keyRing();
  const keys = await listKeys(ring, clock);
  if (keys.length === 0)
    throw new WxpayError('NOT_FOUND', {
      params: { what: 'Wechatpay-Serial' },
      hint: 'certs.hint.nothing_at_hand',
      next: ['certs', 'rotate'],
    });
  const ending = endsWithin(await daysLeft(runtime), within);
  return {
    data: { ending, certificates: keys },
    rows: keys,
    view: [keyTable(keys, clock.now(), t), datesBlock(ending, within, runtime)],
    id: ending ? 'ending' : 'ok',
    ...(ending ? { failed: 'CERTIFICATE_ENDING' satisfies ErrorCode } : {}),
  };
}

async function daysLeft(runtime: Runtime): Promise<number | undefined> {
  return daysCovered(await (await runtime.keyRing()).list(), runtime.clock.now());
}

function endsWithin(days: number | undefined, within: number): boolean {
  return days !== undefined && days * 86_400_000 < within;
}

function datesBlock(ending: boolean, within: number, { t }: Runtime): Block {
  const days = Math.round(within / 86_400_000);
  return ending
    ? { kind: 'text', text: t('error.CERTIFICATE_ENDING', { days }), tone: 'bad' }
    : { kind: 'text', text: t('certs.text.lasts', { days }), tone: 'good' };
}

function looked(rotation: Rotation, flags: Flags, runtime: Runtime): Result {
  const { within } = flags;
  const days = Math.max(...rotation.certificates.map((key) => key.days_left ?? 0));
  const ending = within !== undefined && endsWithin(days, within);
  const failed: ErrorCode | undefined = rotation.changed ? 'ROTATION_DUE' : ending ? 'CERTIFICATE_ENDING' : undefined;
  return {
    data: { ...rotation, ending: within === undefined ? null : ending },
    rows: rotation.certificates,
    view: [...view(rotation, true, runtime), ...(within === undefined ? [] : [datesBlock(ending, within, runtime)])],
    id: rotation.added.join('\n'),
    ...(failed === undefined ? {} : { failed }),
  };
}

function nothingToRotate({ t }: Runtime): Result {
  const nothing = { changed: false, added: [], dropped: [], certificates: [], written: [], removed: [] };
  return { data: nothing, rows: [], view: [{ kind: 'text', text: t('certs.text.public_key_only') }], id: '' };
}

function view(rotation: Rotation, look: boolean, { t, clock }: Runtime): readonly Block[] {
  const line = (
    key: 'certs.written' | 'certs.would_write' | 'certs.removed' | 'certs.would_remove',
    file: string,
  ): Block => ({
    kind: 'text',
    text: t(key, { file }),
  });
  const verdict = !rotation.changed
    ? ({ key: 'certs.text.unchanged', tone: 'good' } as const)
    : look
      ? ({ key: 'error.ROTATION_DUE', tone: 'warn' } as const)
      : rotation.added.length === 0
        ? ({ key: 'certs.text.installed', tone: 'good' } as const)
        : ({ key: 'certs.text.rotated', tone: 'good' } as const);
  return [
    keyTable(rotation.certificates, clock.now(), t),
    ...rotation.written.map((file) => line(look ? 'certs.would_write' : 'certs.written', file)),
    ...rotation.removed.map((file) => line(look ? 'certs.would_remove' : 'certs.removed', file)),
    {
      kind: 'text',
      text: t(verdict.key, { count: rotation.added.length, serials: rotation.added.join(', ') }),
      tone: verdict.tone,
    },
  ];
}
