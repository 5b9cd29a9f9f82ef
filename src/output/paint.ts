/** Colour, where colour is on. The words carry the meaning; a tone only helps the eye (CLI-MANNERS C3). */
import type { Tone } from './view.ts';

export type ColorLevel = 0 | 1 | 2 | 3;

/** A tone of a cell, or `strong` for headings. */
export type Style = Tone | 'strong';

export type Paint = (style: Style, text: string) => string;

const plain: Paint = (_, text) => text;

/** The painter of a stream: chalk is loaded only where there is colour, and is told the level instead of guessing it. */
export async function paint(level: ColorLevel): Promise<Paint> {
  if (level === 0) return plain;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level });
  const styles: Readonly<Record<Style, (text: string) => string>> = {
    good: chalk.green,
    bad: chalk.red,
    warn: chalk.yellow,
    dim: chalk.dim,
    strong: chalk.bold,
    plain: (text) => text,
  };
  return (style, text) => (text === '' ? '' : styles[style](text));
}
