import jsqr from 'jsqr';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { drawQr, measureQr, qrSvg } from '../../src/output/qr.ts';

const url = 'weixin://wxpay/bizpayurl?pr=abcdefg00';
const roomy = { columns: 200, rows: 100 };

/** What a camera sees: true is dark. `drawn` says whether a block is ink or light. */
function rasterise(text: string, blockIsDark: boolean): boolean[][] {
  return text.split('\n').flatMap((line) => {
    const cells = Array.from(line);
    const upper = cells.map((cell) => (cell === '█' || cell === '▀') === blockIsDark);
    const lower = cells.map((cell) => (cell === '█' || cell === '▄') === blockIsDark);
    return [upper, lower];
  });
}

function decode(modules: boolean[][]): string | undefined {
  const scale = 4;
  const width = (modules[0]?.length ?? 0) * scale;
  const height = modules.length * scale;
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const dark = modules[Math.floor(y / scale)]?.[Math.floor(x / scale)] ?? false;
      pixels.set(dark ? [0, 0, 0, 255] : [255, 255, 255, 255], (y * width + x) * 4);
    }
  return jsqr.default(pixels, width, height, { inversionAttempts: 'dontInvert' })?.data;
}

describe('Q1: the QR code on a terminal', () => {
  test.each([
    ['a code_url', url],
    ['the longest short link we know', `weixin://wxpay/bizpayurl/up?pr=${'x'.repeat(17)}`],
    [
      'an h5_url',
      `https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx${'1'.repeat(34)}&package=1234567890`,
    ],
    ['Chinese', '微信支付'],
  ])('reads back: %s', async (_, text) => {
    const coloured = await drawQr(text, { ...roomy, colorLevel: 1 });
    expect(decode(rasterise(stripVTControlCharacters(coloured ?? ''), true))).toBe(text);
    const plain = await drawQr(text, { ...roomy, colorLevel: 0 });
    expect(decode(rasterise(plain ?? '', false))).toBe(text);
  });

  test('has a quiet zone of four modules all around', async () => {
    const modules = rasterise((await drawQr(url, { ...roomy, colorLevel: 0 })) ?? '', false);
    const size = modules[0]?.length ?? 0;
    const light = (cells: readonly boolean[]): boolean => cells.every((dark) => !dark);
    expect(modules.slice(0, 4).every(light)).toBe(true);
    expect(modules.slice(size - 4).every(light)).toBe(true);
    expect(modules.every((row) => light(row.slice(0, 4)) && light(row.slice(-4)))).toBe(true);
  });

  test.each([
    [1, '\u001b[30m\u001b[107m'],
    [2, '\u001b[38;5;16m\u001b[48;5;231m'],
    [3, '\u001b[38;5;16m\u001b[48;5;231m'],
  ] as const)('is black on white on every line at colour level %i', async (colorLevel, ink) => {
    const lines = ((await drawQr(url, { ...roomy, colorLevel })) ?? '').split('\n');
    for (const line of lines) expect(line.startsWith(ink)).toBe(true);
  });

  test('sends no escape code where colour is off', async () => {
    expect(await drawQr(url, { ...roomy, colorLevel: 0 })).not.toContain('\u001b');
  });

  test('is not drawn where it does not fit', async () => {
    const room = (await measureQr(url)) ?? { columns: 0, rows: 0 };
    const drawn = await drawQr(url, { ...room, colorLevel: 0 });
    const lines = (drawn ?? '').split('\n');
    expect(lines).toHaveLength(room.rows);
    for (const line of lines) expect(stringWidth(line)).toBe(room.columns);
    expect(await drawQr(url, { columns: room.columns - 1, colorLevel: 0 })).toBeUndefined();
    expect(await drawQr(url, { columns: room.columns, rows: room.rows - 1, colorLevel: 0 })).toBeUndefined();
  });

  test('a text that no code can hold is not drawn', async () => {
    expect(await drawQr('x'.repeat(3000), { ...roomy, colorLevel: 0 })).toBeUndefined();
    expect(await measureQr('x'.repeat(3000))).toBeUndefined();
  });
});

test('the SVG holds the same code', async () => {
  const svg = await qrSvg(url);
  expect(svg).toMatch(/^<svg /);
  const size = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]) / 10;
  const modules = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  for (const [, x, y] of svg.matchAll(/M(\d+),(\d+)h10v10h-10z/g)) {
    const row = modules[Number(y) / 10];
    if (row !== undefined) row[Number(x) / 10] = true;
  }
  expect(decode(modules)).toBe(url);
});
