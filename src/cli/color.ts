/** Whether a stream gets colour, and how much: the one place that decides (CLI-MANNERS C1). */
import type { ColorLevel } from '../output/paint.ts';

export { paint, type ColorLevel } from '../output/paint.ts';

export interface ColorQuestion {
  /** `--color` or `--no-color`; `auto` and `undefined` leave it to the rest. */
  readonly flag: 'always' | 'never' | 'auto' | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this very stream: stdout may be a pipe while stderr is a terminal. */
  readonly isTTY: boolean;
}

/**
 * 0 none, 1 16 colours, 2 256, 3 16 million.
 *
 * Flag > FORCE_COLOR, CLICOLOR_FORCE > NO_COLOR, CLICOLOR=0, TERM=dumb > is it a terminal. chalk's own detection is not
 * asked: it ignores NO_COLOR on a terminal and reads `--color` out of argv.
 */
export function colorLevel({ flag, env, isTTY }: ColorQuestion): ColorLevel {
  if (flag === 'never') return 0;
  if (flag === 'always') return depth(env);
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) {
    if (forced === '0' || forced === 'false') return 0;
    if (forced === '1' || forced === '2' || forced === '3') return Number(forced) as ColorLevel;
    return depth(env);
  }
  const clicolorForced = env['CLICOLOR_FORCE'];
  if (clicolorForced !== undefined && clicolorForced !== '' && clicolorForced !== '0') return depth(env);
  if (isSet(env['NO_COLOR']) || env['CLICOLOR'] === '0' || env['TERM'] === 'dumb') return 0;
  return isTTY ? depth(env) : 0;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}

/** What the terminal says of itself; at least 16 colours, since somebody decided for colour. */
function depth(env: ColorQuestion['env']): 1 | 2 | 3 {
  // Windows Terminal names itself in WT_SESSION and sets neither of the others.
  if (/^(?:truecolor|24bit)$/i.test(env['COLORTERM'] ?? '') || isSet(env['WT_SESSION'])) return 3;
  return /-?256(?:color)?$/i.test(env['TERM'] ?? '') ? 2 : 1;
}
