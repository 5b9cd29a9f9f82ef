/** A bounded number of hands for a long list of work. */

/**
 * Calls `work` for what `take` gives, at most `hands` at a time, until it gives `undefined`. The first exception ends it,
 * once what was under way has come to its end.
 */
export async function eachWith<T>(
  hands: number,
  take: () => T | undefined | Promise<T | undefined>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let failed: { readonly error: unknown } | undefined;
  const hand = async (): Promise<void> => {
    while (failed === undefined) {
      try {
        const item = await take();
        if (item === undefined) return;
        await work(item);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, hands) }, hand));
  if (failed !== undefined) throw failed.error;
}
