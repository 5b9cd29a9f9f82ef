/** How an app's answer to a callback looks to people and to programs. */
import type { Exchange } from '../../../operations/callback/exchange.ts';
import { wechatPatienceMs } from '../../../operations/callback/expectation.ts';
import type { Cell } from '../../../output/view.ts';
import type { Translate } from '../../../i18n/translate.ts';

/** How much of an answer's body is shown. */
const shownBytes = 2048;

export interface AnswerDocument {
  readonly status: number | null;
  readonly ms: number;
  /** Within the 5 s that WeChat Pay waits. */
  readonly in_time: boolean;
  readonly failure: Exchange['failure'] | null;
  /** At most 2 KiB, as text. */
  readonly body: string | null;
}

export function answerDocument({ status, ms, failure, body }: Exchange): AnswerDocument {
  return {
    status: status ?? null,
    ms,
    in_time: ms <= wechatPatienceMs && status !== undefined,
    failure: failure ?? null,
    body: body === undefined || body.length === 0 ? null : body.subarray(0, shownBytes).toString('utf8'),
  };
}

/** One line: the status and the time, or why there is no answer. */
export function answerWords({ status, ms, failure }: Exchange, t: Translate): string {
  if (failure !== undefined) return t(`callbacks.failure.${failure}`, { ms });
  return t(ms > wechatPatienceMs ? 'callbacks.answer.late' : 'callbacks.answer.in_time', { status: status ?? 0, ms });
}

export function answerCell(answer: Exchange, passed: boolean, t: Translate): Cell {
  return { text: answerWords(answer, t), tone: passed ? 'good' : 'bad' };
}
