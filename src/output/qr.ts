/** QR codes: as half blocks for a terminal, as SVG for a file. */
import type { ColorLevel } from './paint.ts';

/** The quiet zone that scanners expect, in modules. uqr's own default of 1 is too little. */
const border = 4;

export interface QrSpace {
  readonly columns: number;
  /** Lines of the terminal; absent where nobody knows. */
  readonly rows?: number | undefined;
  readonly colorLevel: ColorLevel;
}

/**
 * Draws the text as a QR code, two modules to a character. With colour it is black on white whatever the theme; without, the
 * characters are the light modules, which is right on a dark terminal.
 *
 * @returns `undefined` when the code is larger than the terminal, or the text than any code: print the text instead
 */
export async function drawQr(text: string, { columns, rows, colorLevel }: QrSpace): Promise<string | undefined> {
  const dark = await modules(text);
  if (dark === undefined) return undefined;
  const size = qrSize(dark);
  if (size.columns > columns || (rows !== undefined && size.rows > rows)) return undefined;
  const drawn = colorLevel > 0;
  const lines: string[] = [];
  for (let y = 0; y < dark.length; y += 2) {
    let line = '';
    for (let x = 0; x < dark.length; x += 1) {
      // Below an odd last row there is nothing to see: light, as the quiet zone is.
      const top = (dark[y]?.[x] ?? false) === drawn;
      const bottom = (dark[y + 1]?.[x] ?? false) === drawn;
      line += top ? (bottom ? '█' : '▀') : bottom ? '▄' : ' ';
    }
    lines.push(line);
  }
  if (!drawn) return lines.join('\n');
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: colorLevel });
  // The 16 colours are the theme's to bend; the fixed palette is not.
  const ink = colorLevel === 1 ? chalk.black.bgWhiteBright : chalk.ansi256(16).bgAnsi256(231);
  return lines.map((line) => ink(line)).join('\n');
}

/** The room that the code of a text takes on a terminal; `undefined` when the text is too long for any code. */
export async function measureQr(
  text: string,
): Promise<{ readonly columns: number; readonly rows: number } | undefined> {
  const dark = await modules(text);
  return dark === undefined ? undefined : qrSize(dark);
}

/**
 * The text as an SVG document with its quiet zone, black on white.
 *
 * @throws RangeError when the text is too long for any code (2,953 bytes)
 */
export async function qrSvg(text: string): Promise<string> {
  const { renderSVG } = await import('uqr');
  return renderSVG(text, { ecc: 'L', border, whiteColor: '#fff', blackColor: '#000' });
}

function qrSize(dark: readonly (readonly boolean[])[]): { readonly columns: number; readonly rows: number } {
  return { columns: dark.length, rows: Math.ceil(dark.length / 2) };
}

async function modules(text: string): Promise<readonly (readonly boolean[])[] | undefined> {
  const { encode } = await import('uqr');
  try {
    return encode(text, { ecc: 'L', border }).data;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
