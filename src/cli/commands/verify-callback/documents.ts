/** What programs read of a verdict. The fields are an interface. */
import type { WxpayError } from '../../../core/errors.ts';
import type { CaptureOrigin } from '../../../operations/callback/capture/capture.ts';
import type { Judged, Summary } from '../../../operations/callback/tally.ts';
import type { Runtime } from '../../command.ts';
import type { Autopsy } from '../../../operations/callback/autopsy/findings.ts';
import { autopsyDocument } from './autopsy-view.ts';
import { failureText } from './failure-text.ts';

type Speaker = Pick<Runtime, 't'>;

/** Looked into, if it failed and was among the first. */
export type Explained = Judged & { readonly autopsy?: Autopsy };

/** One capture: `-o json` of one, a line of `-o ndjson`, a member of `captures`. */
export function captureDocument(judged: Explained, { t }: Speaker): Readonly<Record<string, unknown>> {
  if ('unreadable' in judged)
    return {
      verdict: 'unreadable',
      steps: [],
      serial: null,
      id: null,
      event_type: null,
      remarks: [],
      resource: null,
      failure: failureDocument(judged.unreadable, { t }),
      source: sourceDocument(judged.origin),
      format: null,
      body_is: null,
      autopsy: null,
    };
  const { report, capture } = judged;
  return {
    verdict: report.verdict,
    steps: report.steps,
    serial: report.serial ?? null,
    id: report.envelope?.id ?? null,
    event_type: report.envelope?.event_type ?? null,
    remarks: report.remarks,
    resource: report.resource ?? null,
    failure: report.failure === undefined ? null : failureDocument(report.failure, { t }),
    source: sourceDocument(judged.origin),
    format: capture.format,
    body_is: capture.bodyIs,
    autopsy: judged.autopsy === undefined ? null : autopsyDocument(judged.autopsy, t),
  };
}

/** The same for a table of a spreadsheet. */
export function captureRow(judged: Judged): Readonly<Record<string, unknown>> {
  const { file, index, line } = judged.origin;
  const report = 'unreadable' in judged ? undefined : judged.report;
  const failure = 'unreadable' in judged ? judged.unreadable : judged.report.failure;
  return {
    file: file ?? null,
    index: index ?? 0,
    line: line ?? null,
    verdict: report?.verdict ?? 'unreadable',
    serial: report?.serial ?? null,
    id: report?.envelope?.id ?? null,
    event_type: report?.envelope?.event_type ?? null,
    code: failure?.code ?? null,
  };
}

/** Several captures: one document, valid only when every one of them is. */
export function listDocument(summary: Summary, captures: readonly unknown[]): Readonly<Record<string, unknown>> {
  return { verdict: summary.captures === summary.valid ? 'valid' : 'invalid', summary, captures };
}

function failureDocument(failure: WxpayError, { t }: Speaker): Readonly<Record<string, unknown>> {
  const { message, hint } = failureText(failure, t);
  return { code: failure.code, message, hint };
}

function sourceDocument({ file, index, line }: CaptureOrigin): Readonly<Record<string, unknown>> {
  return { file: file ?? null, index: index ?? 0, line: line ?? null };
}
