/** Keeps what a long command needs of memory from depending on the version of Node. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Bytes at which the young generation has grown enough; one more doubling may be under way. Node 20 and 22 stop at 32 MiB. */
const enough = 16 * 1024 * 1024;

export interface Heap {
  /** Bytes of the young generation, both halves. */
  readonly size: () => number;
  /** Lets it grow no more. */
  readonly keep: () => void;
}

const ownHeap: Heap = {
  size: () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0,
  // Read whenever V8 thinks of growing, so it may be set at any time.
  keep: () => setFlagsFromString('--semi-space-growth-factor=1'),
};

/**
 * Node 24 lets the young generation grow to 128 MiB, some 80 MB of the 300 that a listener took in a flood, and answered no more for it.
 * Looks at it now and then, as long as the process lives by itself, until it is big enough.
 *
 * @param options what Node was started with: who sets a size there has chosen
 */
export function boundYoungGeneration(options: string, heap: Heap = ownHeap, everyMs = 50): void {
  // V8 takes either spelling.
  if (/semi[-_]space/.test(options)) return;
  const timer = setInterval(() => {
    if (heap.size() < enough) return;
    clearInterval(timer);
    heap.keep();
  }, everyMs);
  timer.unref();
}
