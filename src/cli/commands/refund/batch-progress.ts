/** Progress of a batch on stderr: one line that is drawn anew on a terminal, a plain line now and then elsewhere (CLI-MANNERS P1). */
import type { MessageKey } from '../../../i18n/translate.ts';
import type { Runtime } from '../../command.ts';

export interface Progress {
  /** @param facts placeholders of the message besides `done`, `all` and `percent` */
  show(done: number, all: number, facts?: Readonly<Record<string, string | number>>): void;
  /** Takes the line away, where there is one. */
  end(): void;
}

const betweenDrawsMs = 100;
const betweenLinesMs = 10_000;

export function openProgress(runtime: Pick<Runtime, 'stderr' | 'clock' | 't' | 'globals'>, key: MessageKey): Progress {
  const { stderr, clock, t, globals } = runtime;
  if (globals.quiet) return { show: () => {}, end: () => {} };
  const start = clock.monotonic();
  let last = Number.NEGATIVE_INFINITY;
  let lastPercent = 0;
  let drawn = false;
  const text = (done: number, all: number, facts: Readonly<Record<string, string | number>>): string => {
    const seconds = (clock.monotonic() - start) / 1_000;
    const rate = seconds > 0 ? done / seconds : 0;
    const left = rate > 0 ? Math.ceil((all - done) / rate) : 0;
    return t(key, { ...facts, done, all, percent: percentOf(done, all), rate: rate.toFixed(rate < 10 ? 1 : 0), left });
  };
  return {
    show(done, all, facts = {}) {
      const now = clock.monotonic();
      const percent = percentOf(done, all);
      if (stderr.isTTY) {
        if (now - last < betweenDrawsMs && done < all) return;
        last = now;
        drawn = true;
        stderr.write(`\r\u001B[K${cut(text(done, all, facts), stderr.columns - 1)}`);
        return;
      }
      // At most a line every ten per cent or ten seconds, whichever comes later; short batches say nothing.
      if (last === Number.NEGATIVE_INFINITY) last = now;
      if (now - last < betweenLinesMs && percent - lastPercent < 10) return;
      if (now - last < 1_000) return;
      last = now;
      lastPercent = percent;
      stderr.write(`${text(done, all, facts)}\n`);
    },
    end() {
      if (drawn) stderr.write('\r\u001B[K');
      drawn = false;
    },
  };
}

function percentOf(done: number, all: number): number {
  return all === 0 ? 100 : Math.floor((done * 100) / all);
}

/** A line that wrapped could not be drawn over. Chinese is two columns wide. */
function cut(text: string, columns: number): string {
  let used = 0;
  let at = 0;
  for (const char of text) {
    used += (char.codePointAt(0) ?? 0) < 0x2e_80 ? 1 : 2;
    if (used > columns) break;
    at += char.length;
  }
  return text.slice(0, at);
}
