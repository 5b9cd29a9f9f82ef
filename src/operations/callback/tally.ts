/** What came of many captures, counted as they pass. */
import type { ErrorCode, WxpayError } from '../../core/errors.ts';
import type { Capture, CaptureOrigin } from './capture/capture.ts';
import type { CallbackReport, StepName } from './verify.ts';

/** One capture and what was found out about it; or why it could not be read. */
export type Judged =
  | { readonly capture: Capture; readonly report: CallbackReport; readonly origin: CaptureOrigin }
  | { readonly unreadable: WxpayError; readonly origin: CaptureOrigin };

export interface Reason {
  readonly code: ErrorCode;
  /** What the code is about, where it is about several things: a key of the catalogue (`reason.header_repeated`). */
  readonly reason?: string;
  /** Where verification ended; absent for what could not be read. */
  readonly step?: StepName;
  readonly count: number;
}

export interface Summary {
  readonly captures: number;
  readonly valid: number;
  readonly invalid: number;
  readonly unreadable: number;
  /** Lines of a log that are of something else. */
  readonly other_lines: number;
  /** The most frequent first. */
  readonly reasons: readonly Reason[];
}

export interface Tally {
  add(judged: Judged): void;
  addOtherLine(): void;
  readonly captures: number;
  summary(): Summary;
}

/** Bounded: there are only so many codes and reasons, and none of them is made of what is in a capture. */
export function openTally(): Tally {
  let valid = 0;
  let invalid = 0;
  let unreadable = 0;
  let otherLines = 0;
  const reasons = new Map<string, { code: ErrorCode; reason?: string; step?: StepName; count: number }>();
  const count = ({ code, params }: WxpayError, step: StepName | undefined): void => {
    const text = params?.['reason'];
    const reason = typeof text === 'string' && text.startsWith('key:') ? text.slice('key:'.length) : undefined;
    const key = `${code} ${reason ?? ''} ${step ?? ''}`;
    const known = reasons.get(key) ?? {
      code,
      ...(reason === undefined ? {} : { reason }),
      ...(step === undefined ? {} : { step }),
      count: 0,
    };
    known.count += 1;
    reasons.set(key, known);
  };
  return {
    add(judged) {
      if ('unreadable' in judged) {
        unreadable += 1;
        count(judged.unreadable, undefined);
      } else if (judged.report.failure === undefined) valid += 1;
      else {
        invalid += 1;
        count(judged.report.failure, judged.report.steps.find(({ result }) => result === 'failed')?.step);
      }
    },
    addOtherLine() {
      otherLines += 1;
    },
    get captures() {
      return valid + invalid + unreadable;
    },
    summary: () => ({
      captures: valid + invalid + unreadable,
      valid,
      invalid,
      unreadable,
      other_lines: otherLines,
      reasons: [...reasons.values()].toSorted((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1)),
    }),
  };
}
