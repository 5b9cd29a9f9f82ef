/** How much an autopsy may try. A search that ends without an answer says how far it went. */

export interface Limits {
  /** Messages that may be compared with the signature. */
  readonly messages: number;
  /** Bytes that may be hashed or rewritten. */
  readonly bytes: number;
  /** RSA operations. */
  readonly signatures: number;
}

/** About a second on an old core; a callback of 1 KiB is searched nearly to the end. */
export const defaultLimits: Limits = { messages: 500_000, bytes: 384 * 1024 * 1024, signatures: 4_000 };

export interface Tried {
  readonly messages: number;
  readonly bytes: number;
  readonly signatures: number;
  /** The budget ended before the search did: not finding is no proof then. */
  readonly ended: boolean;
}

export interface Budget {
  /** Takes one message of `bytes` bytes; false when there is nothing left, and nothing was taken. */
  message(bytes: number): boolean;
  /** Takes the bytes of one rewriting; false when there is nothing left. */
  rewrite(bytes: number): boolean;
  /** Takes one RSA operation; false when there is nothing left. */
  signature(): boolean;
  /** Nothing was given for lack of budget: time to stop. */
  over(): boolean;
  tried(): Tried;
}

export function openBudget(limits: Limits = defaultLimits): Budget {
  let messages = 0;
  let bytes = 0;
  let signatures = 0;
  let ended = false;
  const within = (fits: boolean): boolean => {
    if (!fits) ended = true;
    return fits;
  };
  return {
    message(size) {
      if (!within(!ended && messages < limits.messages && bytes + size <= limits.bytes)) return false;
      messages += 1;
      bytes += size;
      return true;
    },
    rewrite(size) {
      if (!within(!ended && bytes + size <= limits.bytes)) return false;
      bytes += size;
      return true;
    },
    signature() {
      if (!within(signatures < limits.signatures)) return false;
      signatures += 1;
      return true;
    },
    over: () => ended,
    tried: () => ({ messages, bytes, signatures, ended }),
  };
}
