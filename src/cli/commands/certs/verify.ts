/** `wxpay certs verify`: issuer, dates and usage of every key at hand, and a live answer for each. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { verifyKeys, type VerifiedKey } from '../../../operations/certificate-verification.ts';
import type { Translate } from '../../../i18n/translate.ts';
import { expiryCell } from '../../../output/time.ts';
import type { Block, Cell, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { errorText } from '../../render-error.ts';
import { anchorsOf } from './anchors.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.option('--ca <file>', t('certs.option.ca')).option('--offline', t('certs.option.offline'));
    examples(command, t, ['certs.example.verify', 'certs.example.verify_ca']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const { t, clock } = runtime;
    const anchors = await anchorsOf(options['ca'], runtime);
    const ring = await runtime.keyRing();
    const offline = options['offline'] === true || runtime.globals.dryRun;
    const keys = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      verifyKeys({
        ring,
        clock,
        anchors,
        transport: offline ? undefined : () => runtime.transport(),
        message: `wxpay-verify-${runtime.randomBytes(4).toString('hex')}`,
      }),
    );
    if (keys.length === 0)
      throw new WxpayError('NOT_FOUND', {
        params: { what: 'Wechatpay-Serial' },
        hint: 'certs.hint.nothing_at_hand',
        next: ['certs', 'download'],
      });
    const sound = keys.every(({ faults }) => faults.length === 0);
    return {
      data: keys.map(({ error, ...key }) => ({ ...key, error: error?.code ?? null })),
      view: [table(keys, clock.now(), t), ...keys.flatMap((key) => faultBlocks(key, t)), verdict(sound, t)],
      id: sound ? 'valid' : 'invalid',
      ...(sound ? {} : { failed: 'CHECK_FAILED' }),
    };
  },
};

function table(keys: readonly VerifiedKey[], now: number, t: Translate): Block {
  return {
    kind: 'table',
    columns: [
      { field: 'serial_no', title: t('certs.label.serial'), fixed: true },
      { field: 'chain', title: t('certs.label.chain') },
      { field: 'validity', title: t('certs.label.expires') },
      { field: 'usage', title: t('certs.label.usage') },
      { field: 'live', title: t('certs.label.live') },
    ],
    rows: keys.map((key) => [
      key.serial_no,
      chainCell(key, t),
      dateCell(key, now, t),
      usageCell(key, t),
      liveCell(key, t),
    ]),
    empty: '',
  };
}

function chainCell({ chain }: VerifiedKey, t: Translate): Cell {
  if (chain === null) return { text: '-', tone: 'dim' };
  return { text: t(`certs.verdict.chain_${chain}`), tone: chain === 'foreign' ? 'bad' : 'good' };
}

function dateCell(key: VerifiedKey, now: number, t: Translate): Cell {
  if (key.expire_time === null) return { text: t('certs.no_expiry') };
  if (key.validity === 'not_yet') return { text: t('certs.verdict.not_yet'), tone: 'bad' };
  return expiryCell(Date.parse(key.expire_time), now, t);
}

function usageCell({ usage }: VerifiedKey, t: Translate): Cell {
  if (usage === null) return { text: '-', tone: 'dim' };
  return { text: t(`certs.verdict.usage_${usage}`), tone: usage === 'good' ? 'good' : 'bad' };
}

function liveCell({ live }: VerifiedKey, t: Translate): Cell {
  const tone = { verified: 'good', other_key: 'plain', failed: 'bad', not_asked: 'dim' } as const;
  return { text: t(`certs.verdict.live_${live}`), tone: tone[live] };
}

function faultBlocks(key: VerifiedKey, t: Translate): readonly Block[] {
  return key.faults.map((fault) => {
    const reason = key.error === undefined ? '' : errorText(key.error, t).message;
    return { kind: 'text', text: `✗ ${t(`certs.fault.${fault}`, { serial: key.serial_no, reason })}`, tone: 'bad' };
  });
}

function verdict(sound: boolean, t: Translate): Block {
  return sound
    ? { kind: 'text', text: t('certs.text.sound'), tone: 'good' }
    : { kind: 'text', text: t('certs.text.unsound'), tone: 'bad' };
}
