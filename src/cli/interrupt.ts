/** Ctrl-C, SIGTERM and a terminal that is closed, on their way to the exit code. */

/** What asks a command to come to its end. */
export type EndingSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: EndingSignal;
  /** `unknown` for work that did not end by itself in time, so that nobody can say what it has done. */
  readonly outcome: 'no_effect' | 'unknown';
  constructor(signal: EndingSignal, outcome: 'no_effect' | 'unknown' = 'no_effect') {
    super(signal);
    this.signal = signal;
    this.outcome = outcome;
  }
}
