/** Why a callback is refused, in words. Most codes are also said of answers, and some of their texts speak of those. */
import type { ErrorCode, WxpayError } from '../../../core/errors.ts';
import type { MessageKey, Translate } from '../../../i18n/translate.ts';
import { errorText, translateParams } from '../../render-error.ts';

const own = {
  SIGNATURE_MISSING: true,
  SIGNATURE_STALE: true,
  ANSWER_MALFORMED: true,
  ANSWER_MISMATCH: true,
} as const satisfies Partial<Record<ErrorCode, true>>;

export interface FailureText {
  readonly message: string;
  readonly hint: string;
}

export function failureText(failure: WxpayError, t: Translate): FailureText {
  if (!Object.hasOwn(own, failure.code)) {
    const { message, hint } = errorText(failure, t);
    return { message, hint };
  }
  const code = failure.code as keyof typeof own;
  const params = translateParams(failure, t);
  return {
    message: t(`callback.failure.${code}` satisfies MessageKey, params),
    hint: t(`callback.hint.${code}` satisfies MessageKey, params),
  };
}
