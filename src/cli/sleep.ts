/** Waiting that can be called off; the real clock's `sleep`. */

/**
 * Resolves after `milliseconds`. When `signal` is aborted it rejects with the signal's reason at once, and no timer is left
 * behind. That of `node:timers/promises` makes an exception with a stack each time, and every request ends its watch so.
 */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
