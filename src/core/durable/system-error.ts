/** What the operating system said, made into the one error that people see. */
import { WxpayError, type Outcome } from '../errors.ts';

/** The `code` of a Node system error (`ENOENT`), or `undefined`. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** `ENOSPC: no space left on device`: Node's message without the call and the paths behind it. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/,[^,]*$/, '');
}

/** `FILE_UNWRITABLE` for the file, with the system's reason. A `WxpayError` passes unchanged. */
export function fileUnwritable(file: string, cause: unknown): WxpayError {
  if (cause instanceof WxpayError) return cause;
  return new WxpayError('FILE_UNWRITABLE', { params: { file, reason: systemReason(cause) }, cause });
}

/** `INPUT_UNREADABLE` for the file, with the system's reason. A `WxpayError` passes unchanged. */
export function inputUnreadable(file: string, cause: unknown, outcome: Outcome = 'no_effect'): WxpayError {
  if (cause instanceof WxpayError) return cause;
  return new WxpayError('INPUT_UNREADABLE', { params: { file, reason: systemReason(cause) }, outcome, cause });
}

/** `FILE_UNWRITABLE` for a reason of ours: the message `reason.file_<why>`. */
export function refuseFile(
  file: string,
  why: 'link' | 'kind' | 'directory' | 'owner' | 'short',
  params: Readonly<Record<string, string | number>> = {},
): WxpayError {
  return new WxpayError('FILE_UNWRITABLE', { params: { ...params, file, reason: `key:reason.file_${why}` } });
}
