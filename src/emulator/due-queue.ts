/** What falls due first comes out first: a binary heap, since a long test has many refunds under way at once. */

export interface DueQueue<T> {
  add(at: number, value: T): void;
  /** When the next one falls due; `undefined` when nothing waits. */
  next(): number | undefined;
  take(): T | undefined;
  clear(): void;
}

export function makeDueQueue<T>(): DueQueue<T> {
  const heap: { readonly at: number; readonly value: T }[] = [];
  const at = (index: number): number => heap[index]?.at ?? Infinity;
  const swap = (a: number, b: number): void => {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined) return;
    heap[a] = second;
    heap[b] = first;
  };
  return {
    add(due, value) {
      heap.push({ at: due, value });
      for (let index = heap.length - 1; index > 0;) {
        const parent = (index - 1) >> 1;
        if (at(parent) <= at(index)) break;
        swap(parent, index);
        index = parent;
      }
    },
    next: () => heap[0]?.at,
    clear() {
      heap.length = 0;
    },
    take() {
      const last = heap.length - 1;
      swap(0, last);
      const taken = heap.pop();
      for (let index = 0; ;) {
        const left = 2 * index + 1;
        const smaller = at(left + 1) < at(left) ? left + 1 : left;
        if (at(index) <= at(smaller)) break;
        swap(index, smaller);
        index = smaller;
      }
      return taken?.value;
    },
  };
}
