/** `wxpay verify-callback`: verifies and decrypts captured callbacks; when one fails, says at which step and why. */
import type { Command } from 'commander';
import { verifySha256InPool } from '../../core/crypto/rsa.ts';
import { WxpayError } from '../../core/errors.ts';
import { captureFormats, kindOf, type CaptureFormat } from '../../operations/callback/capture/capture.ts';
import type { CaptureEntry } from '../../operations/callback/capture/read.ts';
import type { Sibling } from '../../operations/callback/autopsy/search.ts';
import type { Framework } from '../../operations/callback/recipes.ts';
import { openTally, type Judged, type Summary } from '../../operations/callback/tally.ts';
import { verifyCallback, type CallbackKeys } from '../../operations/callback/verify.ts';
import type { V2CallbackKeys } from '../../operations/callback/verify-v2.ts';
import { rfc3339 } from '../../operations/order-fields.ts';
import type { Translate } from '../../i18n/translate.ts';
import type { Block, Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { examples } from '../help.ts';
import { autopsyView } from './verify-callback/autopsy-view.ts';
import { captureDocument, captureRow, listDocument, type Explained } from './verify-callback/documents.ts';
import { lookInto, lookIntoV2, readFramework } from './verify-callback/look-into.ts';
import { openCaptures, type Wanted } from './verify-callback/sources.ts';
import { openV2Keys } from './verify-callback/v2-keys.ts';
import { placeOf, reportBlocks, summaryBlocks } from './verify-callback/views.ts';

/** Callbacks that are verified at once: enough to keep every core busy. */
const mostAtOnce = 64;
/** Captures in one document; more of them are for `-o ndjson`, which holds none. */
const mostInDocument = 10_000;
/** Captures that a person is shown out of many. */
const mostListed = 20;
/** Of many callbacks that fail, the first so many are looked into: they mostly fail for one reason. */
const mostAutopsies = 5;
/** What `--format` takes; headers and body in files of their own have options of their own. */
const formats: readonly CaptureFormat[] = captureFormats.filter((format) => format !== 'files');

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[files...]', t('callback.argument.files'))
      .option('--format <name>', t('callback.option.format', { formats: formats.join(', ') }))
      .option('--headers <file>', t('callback.option.headers'))
      .option('--body <file>', t('callback.option.body'))
      .option('--at <time>', t('callback.option.at'))
      .option('--ignore-age', t('callback.option.ignore_age'))
      .option('--framework <name>', t('autopsy.option.framework'));
    examples(command, t, [
      'callback.example.verify',
      'callback.example.verify_old',
      'callback.example.verify_many',
      'autopsy.example',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const wanted = readWanted(args, options);
    const framework = readFramework(options['framework']);
    const judge = openJudge(options, runtime);
    const { output, query } = runtime.globals;
    const tally = openTally();
    const gathered: Gathered = { documents: [], first: [], failed: [] };
    for await (const entries of openCaptures(wanted, runtime, () => tally.addOtherLine())) {
      const lines: unknown[] = [];
      for (const one of await atOnce(entries, judge)) {
        const judged = await explain(one, gathered, { framework, runtime });
        tally.add(judged);
        gather(gathered, judged);
        if (output === 'ndjson') lines.push(captureDocument(judged, runtime));
        else if (output === 'json' || query !== undefined) gathered.documents.push(captureDocument(judged, runtime));
        else if (output === 'csv') gathered.documents.push(captureRow(judged));
        if (gathered.documents.length > mostInDocument) throw invalid('-o', 'many', { max: mostInDocument });
      }
      emitLines(lines, runtime);
      if (runtime.readerGone.aborted || runtime.signal.aborted) break;
    }
    if (runtime.signal.aborted && tally.captures === 0) throw runtime.signal.reason;
    return conclude(tally.summary(), gathered, { single: wanted.files.length < 2, runtime });
  },
};

function readWanted(args: readonly string[], options: CommandInput['options']): Wanted {
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const [named, headersFile, bodyFile] = [text('format'), text('headers'), text('body')];
  const format = formats.find((one) => one === named);
  if (named !== undefined && format === undefined) throw invalid('--format', 'format', { formats: formats.join(', ') });
  if ((headersFile === undefined) !== (bodyFile === undefined))
    throw invalid(headersFile === undefined ? '--headers' : '--body', 'both_files');
  if (headersFile === undefined)
    return { files: args.length === 0 ? ['-'] : args, format, headersFile: undefined, bodyFile: undefined };
  if (args.length > 0) throw invalid('--headers', 'files_and_parts');
  if (format !== undefined) throw invalid('--format', 'format_and_parts');
  return { files: [], format: undefined, headersFile, bodyFile };
}

/** What one piece of the input completed, in parts that the thread pool can have at once. */
async function atOnce(
  entries: readonly CaptureEntry[],
  judge: (entry: CaptureEntry) => Promise<Judged>,
): Promise<readonly Judged[]> {
  const all: Judged[] = [];
  for (let at = 0; at < entries.length; at += mostAtOnce)
    all.push(...(await Promise.all(entries.slice(at, at + mostAtOnce).map(judge))));
  return all;
}

/** Keys are asked for when there is something to verify. */
function openJudge(options: CommandInput['options'], runtime: Runtime): (entry: CaptureEntry) => Promise<Judged> {
  const at = typeof options['at'] === 'string' ? readTime(options['at']) : undefined;
  const ignoreAge = options['ignoreAge'] === true;
  let keys: Promise<CallbackKeys> | undefined;
  let v2Keys: Promise<V2CallbackKeys> | undefined;
  return async (entry) => {
    if ('unreadable' in entry) return entry;
    const { capture } = entry;
    if (kindOf(capture) === 'v2') {
      const { verifyV2Callback } = await import('../../operations/callback/verify-v2.ts');
      v2Keys ??= openV2Keys(runtime);
      return { capture, report: verifyV2Callback(capture, await v2Keys), origin: capture.origin ?? {} };
    }
    keys ??= openKeys(runtime);
    const now = at ?? runtime.clock.now();
    const report = await verifyCallback(capture, await keys, now, ignoreAge, verifySha256InPool);
    return { capture, report, origin: capture.origin ?? {} };
  };
}

async function openKeys(runtime: Runtime): Promise<CallbackKeys> {
  const keyRing = await runtime.keyRing();
  const { mchid, appid } = (await runtime.profile()).values;
  return {
    find: (serial) => keyRing.find(serial),
    apiV3Key: await runtime.apiV3Key(),
    ...(mchid === undefined ? {} : { mchid: mchid.value }),
    ...(appid === undefined ? {} : { appid: appid.value }),
  };
}

/** RFC 3339, or Unix seconds as in the Wechatpay-Timestamp header. */
function readTime(text: string): number {
  const time = /^\d{10}$/.test(text) ? Number(text) * 1000 : rfc3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw invalid('--at', 'at');
  return time;
}

/** What is kept of many captures: bounded, however many come. */
interface Gathered {
  readonly documents: unknown[];
  readonly first: Explained[];
  readonly failed: Explained[];
}

interface Explaining {
  readonly framework: Framework | undefined;
  readonly runtime: Runtime;
}

/** Why it does not verify; what came before it may have got into it. */
async function explain(
  judged: Judged,
  { first, failed }: Gathered,
  { framework, runtime }: Explaining,
): Promise<Explained> {
  if ('unreadable' in judged || judged.report.failure === undefined || failed.length >= mostAutopsies) return judged;
  const more = framework === undefined ? {} : { framework };
  if (kindOf(judged.capture) === 'v2') {
    const autopsy = await lookIntoV2(judged.capture, judged.report, runtime, more);
    return autopsy === undefined ? judged : { ...judged, autopsy };
  }
  const autopsy = await lookInto(judged.capture, judged.report, runtime, {
    siblings: first.flatMap(siblingOf),
    ...more,
  });
  return autopsy === undefined ? judged : { ...judged, autopsy };
}

function siblingOf(judged: Judged): readonly Sibling[] {
  if ('unreadable' in judged) return [];
  const { headers, body } = judged.capture;
  const [timestamp, nonce] = [headers['wechatpay-timestamp']?.[0], headers['wechatpay-nonce']?.[0]];
  return timestamp === undefined || nonce === undefined
    ? []
    : [{ timestamp, nonce, body, name: placeOf(judged.origin) }];
}

function gather({ first, failed }: Gathered, judged: Explained): void {
  if (first.length < mostListed) first.push(judged);
  if (failed.length < mostListed && ('unreadable' in judged || judged.report.failure !== undefined))
    failed.push(judged);
}

/** At once, so that a log can be followed. A query is about one capture at a time. */
function emitLines(lines: readonly unknown[], runtime: Pick<Runtime, 'emit' | 'globals'>): void {
  if (lines.length === 0) return;
  if (runtime.globals.query === undefined) runtime.emit({ data: lines, view: [] });
  else for (const data of lines) runtime.emit({ data, view: [] });
}

interface End {
  /** One file was named: if it holds one callback, the answer is about that callback. */
  readonly single: boolean;
  readonly runtime: Runtime;
}

function conclude(summary: Summary, { documents, first, failed }: Gathered, { single, runtime }: End): Result {
  const { t, globals } = runtime;
  const failure = failureOf(summary);
  const verdict = failure === undefined ? {} : { failed: failure };
  const [only] = first;
  if (globals.output === 'ndjson') {
    const { captures, valid, invalid: wrong, unreadable } = summary;
    runtime.note('callback.note.summary', { captures, valid, invalid: wrong, unreadable });
    return { data: undefined, view: [], ...verdict };
  }
  if (globals.output === 'csv' && globals.query === undefined) return { data: documents, view: [], ...verdict };
  if (single && summary.captures === 1 && only !== undefined) {
    if ('unreadable' in only) throw only.unreadable;
    return {
      data: documents[0] ?? captureDocument(only, runtime),
      view: [...reportBlocks(only.report, t), ...(only.autopsy === undefined ? [] : autopsyView(only.autopsy, t))],
      ...verdict,
    };
  }
  const listed = summary.captures <= mostListed ? first : failed;
  return {
    data: listDocument(summary, documents),
    view: [...summaryBlocks(summary, listed, t), ...firstAutopsy(failed, t)],
    ...verdict,
  };
}

/** They mostly fail for one reason: the first one stands for them. */
function firstAutopsy(failed: readonly Explained[], t: Translate): readonly Block[] {
  const found = failed.find((judged) => 'report' in judged && judged.autopsy !== undefined);
  if (found === undefined || 'unreadable' in found || found.autopsy === undefined) return [];
  const source = placeOf(found.origin);
  return [{ kind: 'text', text: t('callback.looked_into', { source }) }, ...autopsyView(found.autopsy, t)];
}

function failureOf({ captures, valid, reasons }: Summary): string | undefined {
  if (captures === valid) return undefined;
  // A key of the wrong length is the user's own, whatever else is wrong.
  return reasons.some(({ code }) => code === 'API_V3_KEY_LENGTH') ? 'API_V3_KEY_LENGTH' : 'CHECK_FAILED';
}

function invalid(
  field: string,
  reason: 'at' | 'format' | 'both_files' | 'files_and_parts' | 'format_and_parts' | 'many',
  params: Readonly<Record<string, string | number>> = {},
): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field, reason: `key:callback.reason.${reason}` },
    outcome: 'not_sent',
  });
}
