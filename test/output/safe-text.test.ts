import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safeJson, safeMultiline, safeText, safeVerbatim } from '../../src/output/safe-text.ts';

/** THREATS A1: clear screen, clipboard, hyperlink, 8-bit CSI, CR. */
const escapes = 'ok\u001b[2J\u001b]52;c;ZXZpbA==\u0007\u001b]8;;https://evil\u001b\\x\u009b31m\rPAID';
/** THREATS A2. */
const bidi = '\u202e001.0 :dednuf';

const obeyed = /[\u0000-\u001f\u007f-\u009f]/;
const unseen = /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]|\p{Surrogate}/u;

describe('safeText', () => {
  test('A1: shows escape sequences instead of sending them', () => {
    expect(safeText(escapes)).toBe(String.raw`ok\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]8;;https://evil\x1b\x\x9b31m\rPAID`);
  });

  test('A2: names bidi controls', () => {
    expect(safeText(bidi)).toBe('<U+202E>001.0 :dednuf');
  });

  test.each([
    ['a\nb', String.raw`a\nb`],
    ['a\tb\r', String.raw`a\tb\r`],
    ['\u0000\u007f\u0080', String.raw`\x00\x7f\x80`],
    ['\u2066x\u2069', '<U+2066>x<U+2069>'],
    ['pay\u200bpal', 'pay<U+200B>pal'],
    ['a\u2028b', 'a<U+2028>b'],
    ['\ufeffT1', '<U+FEFF>T1'],
    ['\u{e0041}', '<U+E0041>'],
    ['\ud800x', '<U+D800>x'],
    ['x\udc00', 'x<U+DC00>'],
    ['\u{1f469}\u200d\u{1f4bb}', '\u{1f469}<U+200D>\u{1f4bb}'],
  ])('shows %j as %s', (text, shown) => {
    expect(safeText(text)).toBe(shown);
  });

  test.each(['', 'T20261123', '腾讯充值中心-QQ会员', 'cafe\u0301', '☕️ 👍🏽 🇨🇳', 'ไม่มี', String.raw`C:\keys\new`])(
    'leaves %j as it is',
    (text) => {
      expect(safeText(text)).toBe(text);
    },
  );

  test('A3: cuts a pile of 10,000 combining marks and says so', () => {
    expect(safeText(`a${'\u0301'.repeat(10_000)}b`)).toBe(`a${'\u0301'.repeat(6)}…b`);
  });

  test('A3: takes a megabyte in its stride', () => {
    const text = `${'微信支付'.repeat(250_000)}\u001b[2J`;
    expect(safeText(text)).toHaveLength(1_000_007);
  });

  test('nothing that a terminal obeys or hides survives, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
        (a, b) => {
          const shown = safeText(a + b);
          expect(obeyed.test(shown)).toBe(false);
          expect(unseen.test(shown)).toBe(false);
        },
      ),
    );
  });
});

describe('safeMultiline', () => {
  test('keeps line feeds and nothing else', () => {
    expect(safeMultiline('a\nb\tc\r\n\u001b')).toBe(`a\nb${String.raw`\tc\r`}\n${String.raw`\x1b`}`);
  });
});

describe('safeVerbatim', () => {
  const pem = '-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----\n';

  test.each([true, false])('leaves what people copy as it is (terminal: %s)', (tty) => {
    expect(safeVerbatim(pem, { tty })).toBe(pem);
    expect(safeVerbatim('{\n\t"a": 1\n}', { tty })).toBe('{\n\t"a": 1\n}');
    expect(safeVerbatim(`a${'\u0301'.repeat(20)}`, { tty })).toBe(`a${'\u0301'.repeat(20)}`);
  });

  test('A1: a lone CR and escapes are shown even in a pipe', () => {
    expect(safeVerbatim(`a\rb\u001b[2J`, { tty: false })).toBe(String.raw`a\rb\x1b[2J`);
  });

  test('a joined emoji of a signed body survives a pipe and is named on a terminal', () => {
    const body = '{"description":"\u{1f469}\u200d\u{1f4bb}"}';
    expect(safeVerbatim(body, { tty: false })).toBe(body);
    expect(safeVerbatim(body, { tty: true })).toContain('<U+200D>');
  });
});

describe('safeJson', () => {
  test('A1, A2: on a terminal nothing is obeyed or hidden, and the value is the same', () => {
    const value = { description: escapes, attach: bidi, tag: '\u{e0041}', lone: '\ud800' };
    const json = safeJson(value, { tty: true });
    expect(obeyed.test(json.replaceAll('\n', ''))).toBe(false);
    expect(unseen.test(json)).toBe(false);
    expect(JSON.parse(json)).toEqual(value);
  });

  test('in a pipe it is what JSON.stringify writes', () => {
    const value = { description: escapes, attach: bidi };
    expect(safeJson(value, { tty: false })).toBe(JSON.stringify(value, undefined, 2));
  });

  test('nothing is null', () => {
    expect(safeJson(undefined, { tty: false })).toBe('null');
  });

  test('every value survives the terminal form', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(JSON.parse(safeJson(value, { tty: true }))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
