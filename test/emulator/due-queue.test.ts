import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeDueQueue } from '../../src/emulator/due-queue.ts';

test('what falls due first comes out first, whatever goes in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 50 }))), (steps) => {
      const queue = makeDueQueue<number>();
      const waiting: number[] = [];
      for (const step of steps) {
        if (step !== null) {
          queue.add(step, step);
          waiting.push(step);
        } else {
          waiting.sort((a, b) => a - b);
          expect(queue.next()).toBe(waiting[0]);
          expect(queue.take()).toBe(waiting.shift());
        }
      }
      waiting.sort((a, b) => a - b);
      expect(waiting.map(() => queue.take())).toEqual(waiting);
      expect([queue.next(), queue.take()]).toEqual([undefined, undefined]);
    }),
  );
});
