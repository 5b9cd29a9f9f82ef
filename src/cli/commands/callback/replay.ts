/** `wxpay callback replay`: sends a captured callback again, its bytes unchanged. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { type Command, Option } from 'commander';
import { clockToleranceSeconds } from '../../../core/clock-tolerance.ts';
import { WxpayError } from '../../../core/errors.ts';
import { captureFormats, type Capture, type CaptureFormat } from '../../../operations/callback/capture/capture.ts';
import { readCaptures } from '../../../operations/callback/capture/read.ts';
import { exchange } from '../../../operations/callback/exchange.ts';
import { isMet, readExpectation } from '../../../operations/callback/expectation.ts';
import { forwardable } from '../../../operations/callback/forwardable.ts';
import type { HeaderLines } from '../../../operations/callback/send.ts';
import { parseTarget } from '../../../operations/callback/target.ts';
import type { Block, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { readInput } from '../../json-input.ts';
import { textOption } from '../emulator/emulator-dir.ts';
import { answerCell, answerDocument } from './answer-view.ts';
import { allowed, missing } from './trigger.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<capture>', t('callbacks.argument.capture'));
    command.option('--to <url>', t('callbacks.option.to'));
    command.option('--expect <answer>', t('callbacks.option.expect_replay'));
    command.addOption(new Option('--format <format>', t('callbacks.option.format')).choices([...captureFormats]));
    examples(command, t, ['callbacks.example.replay', 'callbacks.example.replay_dry']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const { t } = runtime;
    const [file = '-'] = args;
    const to = textOption(options, 'to');
    if (to === undefined) throw missing('option', '--to');
    const target = parseTarget(to, { flag: '--to', allowHosts: allowed(runtime), privateHosts: true });
    const expectation = readExpectation(textOption(options, 'expect') ?? 'any');
    const capture = onlyOne(
      readCaptures(await readInput(file === '-' ? '-' : `@${file}`, runtime), {
        file,
        ...formatOf(textOption(options, 'format')),
      }),
      file,
    );
    // What was lost when it was captured cannot be sent again; people have to know.
    if (capture.bodyIs !== 'bytes') runtime.warn(`callbacks.warn.body_${capture.bodyIs}`);
    const age = ageOf(capture, runtime.clock.now());
    if (age !== undefined && Math.abs(age) > clockToleranceSeconds)
      runtime.note('callbacks.note.stale', { minutes: Math.round(age / 60) });
    const headers = forwardable(linesOf(capture), capture.body);
    const sizes = { headers: headers.length, bytes: capture.body.length };
    if (runtime.globals.dryRun) {
      runtime.note('cli.dry_run.note');
      return {
        data: { dry_run: true, url: target.url.href, headers, body: capture.body.toString('base64') },
        view: [{ kind: 'text', text: t('callbacks.replay.unsent', { ...sizes, url: target.url.href }) }],
      };
    }
    const answer = await exchange(
      target,
      { headers, body: capture.body },
      {
        clock: runtime.clock,
        timeoutMs: runtime.globals.timeoutMs,
        signal: runtime.signal,
      },
    );
    runtime.signal.throwIfAborted();
    const passed = isMet(expectation, answer);
    const document = answerDocument(answer);
    const view: Block[] = [
      {
        kind: 'details',
        title: t('callbacks.title.replayed'),
        rows: [
          { label: t('callbacks.label.to'), value: target.url.href },
          { label: t('callbacks.label.sent'), value: t('callbacks.replay.sent', sizes) },
          { label: t('callbacks.label.answer'), value: answerCell(answer, passed, t) },
        ],
      },
    ];
    if (document.body !== null) view.push({ kind: 'text', text: document.body, tone: 'dim' });
    return {
      data: { url: target.url.href, bytes: capture.body.length, expected: expectation, passed, answer: document },
      view,
      ...(passed ? {} : { failed: answer.failure === 'refused' ? 'NETWORK_REFUSED' : 'CALLBACK_UNEXPECTED' }),
    };
  },
};

function formatOf(text: string | undefined): { format?: CaptureFormat } {
  const format = captureFormats.find((known) => known === text);
  return format === undefined ? {} : { format };
}

function onlyOne(captures: readonly Capture[], file: string): Capture {
  const [capture] = captures;
  if (capture !== undefined && captures.length === 1) return capture;
  throw new WxpayError('INPUT_INVALID', {
    params: { field: file, reason: 'key:reason.one_capture', count: captures.length },
    outcome: 'not_sent',
  });
}

/** @throws WxpayError `INPUT_INVALID` for a header that HTTP cannot carry */
function linesOf({ headers }: Capture): HeaderLines {
  const lines = Object.entries(headers).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  for (const [name, value] of lines) {
    if (name.startsWith(':')) continue;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new WxpayError('INPUT_INVALID', {
        params: { field: name, reason: 'key:reason.header' },
        outcome: 'not_sent',
      });
    }
  }
  return lines;
}

/** Seconds since it was signed; `undefined` when it does not say. */
function ageOf({ headers }: Capture, now: number): number | undefined {
  const timestamp = headers['wechatpay-timestamp']?.[0] ?? '';
  return /^\d{10}$/.test(timestamp) ? Math.floor(now / 1000) - Number(timestamp) : undefined;
}
