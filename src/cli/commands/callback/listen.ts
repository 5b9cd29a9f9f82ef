/** `wxpay callback listen`: a receiver in front of the app under development. */
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ensurePrivateDir } from '../../../core/durable/atomic-file.ts';
import { WxpayError } from '../../../core/errors.ts';
import { openCaptureFolder, type CaptureFolder } from '../../../operations/callback/capture-folder.ts';
import { startListener, type Listener, type Received } from '../../../operations/callback/listen.ts';
import { isLoopbackName, parseTarget, type Target } from '../../../operations/callback/target.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { textOption } from '../emulator/emulator-dir.ts';
import { allowed } from './trigger.ts';
import { openV2Keys } from '../verify-callback/v2-keys.ts';
import { lateDocument, lateView, receivedDocument, receivedView } from './received-view.ts';

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export const command: CommandModule = {
  graceMs: 3000,

  configure(command: Command, t) {
    command.option('--port <port>', t('callbacks.option.port'));
    command.option('--forward-to <url>', t('callbacks.option.forward_to'));
    command.option('--host <host>', t('callbacks.option.host'));
    command.option('--public-host <name>', t('callbacks.option.public_host'), collect);
    command.option('--captures <dir>', t('callbacks.option.captures'));
    command.option('--no-captures', t('callbacks.option.no_captures'));
    command.option('--fail-first <n>', t('callbacks.option.fail_first'));
    command.option('--forward-repeats', t('callbacks.option.forward_repeats'));
    command.option('--forward-unverified', t('callbacks.option.forward_unverified'));
    command.option('--exit-after <n>', t('callbacks.option.exit_after'));
    examples(command, t, [
      'callbacks.example.listen',
      'callbacks.example.listen_fail',
      'callbacks.example.listen_ndjson',
    ]);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const { globals } = runtime;
    if (globals.output === 'csv') throw invalid('-o', 'listen_csv');
    const port = whole(options, 'port', '--port', 65_535) ?? 0;
    const failFirst = whole(options, 'failFirst', '--fail-first', 1000) ?? 0;
    const exitAfter = whole(options, 'exitAfter', '--exit-after', 1_000_000);
    const host = textOption(options, 'host') ?? '127.0.0.1';
    const to = textOption(options, 'forwardTo');
    const forwardTo =
      to === undefined
        ? undefined
        : parseTarget(to, { flag: '--forward-to', allowHosts: allowed(runtime), privateHosts: false });
    const publicHosts = readPublicHosts(options['publicHost']);
    if (!isLoopbackName(host)) runtime.warn('callbacks.warn.host', { host });
    // What is missing is found now, not with the first callback.
    const keyRing = await runtime.keyRing();
    const keys = {
      find: async (id: string) => keyRing.find(id),
      apiV3Key: await runtime.apiV3Key(),
      ...(await own(runtime)),
    };
    const captures = await openCaptures(options['captures'], runtime);

    const tally = makeTally();
    const done = new AbortController();
    const listener = await startListener({
      host,
      port,
      publicHosts,
      ...(forwardTo === undefined ? {} : { forwardTo }),
      forwardUnverified: options['forwardUnverified'] === true,
      forwardRepeats: options['forwardRepeats'] === true,
      failFirst,
      clock: runtime.clock,
      keys,
      v2Keys: async () => openV2Keys(runtime),
      ...(captures === undefined ? {} : { captures }),
      onReceived(received) {
        tally.add(received);
        show(receivedDocument(received, runtime.t), () => receivedView(received, runtime), runtime);
        if (exitAfter !== undefined && tally.count() >= exitAfter) done.abort();
      },
      onLate(received, late) {
        show(lateDocument(received, late), () => lateView(late, runtime.t), runtime);
      },
      onUnkept(error) {
        runtime.warn('callbacks.warn.unkept', { reason: String(error.params['reason'] ?? error.code) });
      },
    });
    try {
      await announce(listener, forwardTo, captures, runtime);
      await ended([runtime.signal, runtime.readerGone, done.signal]);
    } finally {
      await listener.close();
    }
    return summary(tally.counts(), captures, runtime);
  },
};

async function announce(
  { url, port }: Listener,
  forwardTo: Target | undefined,
  captures: CaptureFolder | undefined,
  runtime: Runtime,
): Promise<void> {
  const { globals, t } = runtime;
  const to = forwardTo?.url.href;
  if (globals.output === 'ndjson') {
    const line = { type: 'listening', url, port, forward_to: to ?? null, captures: captures?.dir ?? null };
    runtime.emit({ data: line, view: [] });
  }
  if (globals.output === 'table' && !globals.quiet)
    runtime.emit({
      data: null,
      view: [
        {
          kind: 'details',
          title: t('callbacks.title.listening'),
          rows: [
            { label: 'url', value: url },
            { label: t('callbacks.label.forward_to'), value: to ?? t('callbacks.listen.nowhere') },
            { label: t('callbacks.label.captures'), value: captures?.dir ?? t('callbacks.listen.none') },
          ],
        },
        { kind: 'text', text: t('callbacks.note.stop'), tone: 'dim' },
      ],
    });
  if (forwardTo !== undefined && !(await isUp(forwardTo)))
    runtime.warn('callbacks.warn.app_down', { url: forwardTo.url.origin });
}

/** Whether anybody listens there at the moment; they may come later. */
async function isUp({ url }: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    const socket = connect({ host: url.hostname.replaceAll(/[[\]]/g, ''), port, timeout: 1000 });
    const end = (up: boolean): void => {
      socket.destroy();
      resolve(up);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

function show(document: object, view: () => Result['view'], runtime: Runtime): void {
  const { output, quiet } = runtime.globals;
  // One document comes at the end; there is no use in lines before it.
  if (output === 'json') return;
  if (output === 'ndjson') runtime.emit({ data: document, view: [] });
  else if (!quiet) runtime.emit({ data: document, view: view() });
}

interface Counts {
  received: number;
  forwarded: number;
  acknowledged: number;
  held_back: number;
  refused: number;
  failed: number;
}

function makeTally(): { add(received: Received): void; count(): number; counts(): Counts } {
  const counts: Counts = { received: 0, forwarded: 0, acknowledged: 0, held_back: 0, refused: 0, failed: 0 };
  return {
    add({ action, answered }) {
      counts.received += 1;
      if (action === 'forwarded') counts.forwarded += 1;
      if (action === 'held_back') counts.held_back += 1;
      else if (action === 'refused') counts.refused += 1;
      else if (answered.taken) counts.acknowledged += 1;
      else counts.failed += 1;
    },
    count: () => counts.received,
    counts: () => ({ ...counts }),
  };
}

function summary(counts: Counts, captures: CaptureFolder | undefined, runtime: Runtime): Result | undefined {
  const { globals } = runtime;
  const data = { type: 'summary', ...counts, captures: captures?.dir ?? null };
  if (globals.output === 'json' || globals.output === 'ndjson') return { data, view: [] };
  runtime.note('callbacks.note.summary', { ...counts });
  return undefined;
}

async function own(runtime: Runtime): Promise<{ mchid?: string; appid?: string }> {
  const { mchid, appid } = (await runtime.profile()).values;
  return {
    ...(mchid === undefined ? {} : { mchid: mchid.value }),
    ...(appid === undefined ? {} : { appid: appid.value }),
  };
}

async function openCaptures(wanted: unknown, runtime: Runtime): Promise<CaptureFolder | undefined> {
  if (wanted === false) return undefined;
  if (typeof wanted === 'string') return openCaptureFolder(resolve(runtime.cwd, wanted));
  const dir = join(runtime.dirs.state, 'callbacks');
  ensurePrivateDir(dir, { platform: runtime.platform, uid: runtime.uid });
  return openCaptureFolder(dir);
}

function readPublicHosts(given: unknown): readonly string[] {
  const names = Array.isArray(given) ? (given as string[]) : [];
  return names.map((name) => {
    const lower = name.toLowerCase();
    if (!/^(?=.{1,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(lower)) throw invalid('--public-host', 'public_host');
    return lower;
  });
}

function whole(options: CommandInput['options'], name: string, flag: string, max: number): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text) && Number(text) <= max) return Number(text);
  throw new WxpayError('INPUT_INVALID', {
    params: { field: flag, reason: 'key:reason.whole_to', max },
    outcome: 'not_sent',
  });
}

async function ended(signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  await new Promise<void>((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
}
