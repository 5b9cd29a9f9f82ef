/**
 * Where ids, nonces and chances come from: from chance, or in a deterministic emulator from a seed, so that the same requests
 * get the same answers. Keys, serial numbers and the control token are never made here.
 *
 * Each purpose has a stream of its own, so that what happens beside it, at a moment of its own, does not disturb it.
 */
import { createHmac } from 'node:crypto';

export type RandomBytes = (size: number) => Buffer;

export interface Randomness {
  /** The bytes for one purpose. */
  of(purpose: string): RandomBytes;
  /**
   * The nonce, 12 characters, of a text that is encrypted with AES-GCM. A seeded one follows from the text, since no two texts may
   * share one under the same key.
   */
  readonly nonceFor: (text: string) => string;
  /** The seed of a fault rule that names none. */
  faultSeed(ordinal: number): number;
  /** How often each stream was drawn from, to be written out. */
  dump(): Readonly<Record<string, number>>;
  /** Takes up what was written out: what follows is what would have followed. */
  restore(dumped: Readonly<Record<string, number>>): void;
}

/** @param seed absent: everything is left to chance */
export function openRandomness(randomBytes: RandomBytes, seed: string | undefined): Randomness {
  if (seed === undefined) {
    return {
      of: () => randomBytes,
      nonceFor: () => randomBytes(6).toString('hex'),
      faultSeed: () => 1,
      dump: () => ({}),
      restore: () => undefined,
    };
  }
  const drawn = new Map<string, number>();
  const digest = (...parts: readonly (string | number)[]): Buffer =>
    createHmac('sha256', seed).update(JSON.stringify(parts)).digest();
  return {
    of: (purpose) => (size) => {
      const draw = drawn.get(purpose) ?? 0;
      drawn.set(purpose, draw + 1);
      const blocks: Buffer[] = [];
      for (let block = 0; block * 32 < size; block += 1) blocks.push(digest('bytes', purpose, draw, block));
      return Buffer.concat(blocks).subarray(0, size);
    },
    nonceFor: (text) => digest('nonce', text).toString('hex', 0, 6),
    faultSeed: (ordinal) => digest('fault', ordinal).readUInt32BE(),
    dump: () => Object.fromEntries(drawn),
    restore(dumped) {
      drawn.clear();
      for (const [purpose, count] of Object.entries(dumped)) drawn.set(purpose, count);
    },
  };
}
