/** Ctrl-C and SIGTERM on their way to the exit code. */

export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: 'SIGINT' | 'SIGTERM';
  /** `unknown` for work that did not end by itself in time, so that nobody can say what it has done. */
  readonly outcome: 'no_effect' | 'unknown';
  constructor(signal: 'SIGINT' | 'SIGTERM', outcome: 'no_effect' | 'unknown' = 'no_effect') {
    super(signal);
    this.signal = signal;
    this.outcome = outcome;
  }
}
