import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWxpayError } from '../../../src/core/errors.ts';
import { openBillReader, scaled, type BillEnd } from '../../../src/operations/bill/rows.ts';
import {
  compareSummary,
  openLineWriter,
  openSums,
  rowValues,
  type BillValue,
} from '../../../src/operations/bill/values.ts';
import { fundflow, legacy, tradeAll } from './bill-text.ts';

interface Read {
  readonly rows: readonly Record<string, BillValue>[];
  readonly lines: string;
  readonly end: BillEnd;
  readonly sums: Readonly<Record<string, number>>;
}

/** Reads a bill in blocks of so many bytes. */
function read(text: string | Buffer, block = Infinity): Read {
  const bytes = Buffer.from(text);
  const rows: Record<string, BillValue>[] = [];
  const writer = openLineWriter();
  const sums = openSums();
  const reader = openBillReader({
    onRow: (row) => {
      rows.push(rowValues(row));
      writer.add(row);
      sums.add(row);
    },
  });
  for (let at = 0; at < bytes.length; at += block) {
    // A block that is used again must not reach into rows that were read.
    const part = Buffer.from(bytes.subarray(at, Math.min(bytes.length, at + block)));
    reader.push(part);
    part.fill(0x21);
  }
  const end = reader.end();
  return { rows, lines: writer.take().toString(), end, sums: sums.totals };
}

function refusal(text: string | Buffer): Readonly<Record<string, unknown>> {
  try {
    read(text);
  } catch (error) {
    if (isWxpayError(error, 'BILL_MALFORMED')) return error.params;
    throw error;
  }
  throw new Error('it was read');
}

describe('the bills of the reference', () => {
  test('a trade bill: fen, thousandths of a fen, RFC 3339, and the text as it is', () => {
    const { rows, end } = read(tradeAll);
    expect(end).toMatchObject({ kind: 'trade', rows: 3 });
    expect(rows[0]).toEqual({
      trade_time: '2026-11-22T10:31:02+08:00',
      appid: 'wx8a1b2c3d4e5f6071',
      mchid: '1900000001',
      sub_mchid: '0',
      device_id: '',
      transaction_id: '4200001234202611221234567890',
      out_trade_no: 'T20261122_000001',
      openid: 'oABCD5example_openid00000001',
      trade_type: 'JSAPI',
      trade_state: 'SUCCESS',
      bank_type: 'OTHERS',
      currency: 'CNY',
      settlement_total: 1290,
      coupon_amount: 0,
      refund_id: '0',
      out_refund_no: '0',
      settlement_refund: 0,
      coupon_refund: 0,
      refund_channel: '',
      refund_status: '',
      description: '中杯拿铁',
      attach: 'shop=7',
      fee_millifen: 8_000,
      rate: '0.60%',
      total: 1290,
      refund: 0,
      rate_note: '',
    });
    expect(rows[2]).toMatchObject({ refund: 5_000, settlement_refund: 5_000, fee_millifen: -30_000, total: 0 });
  });

  test.each([
    ['trade', tradeAll],
    ['fund-flow', fundflow],
    ['legacy trade', legacy],
  ])('the summary of the %s bill agrees with its rows', (_name, text) => {
    const { end, sums } = read(text);
    expect(compareSummary(end, sums)).toEqual([]);
    expect(Object.keys(end.summary.totals).length).toBeGreaterThanOrEqual(5);
  });

  test('a fund-flow bill: in and out are counted apart', () => {
    const { rows, sums } = read(fundflow);
    expect(rows[2]).toMatchObject({
      direction: '支出',
      amount: 4_970,
      balance: 96_312,
      note: '退款总金额50.00元;含手续费0.30元',
    });
    expect(sums).toEqual({ count: 3, income_count: 1, income: 1_290, expense_count: 2, expense: 4_978 });
  });

  test('full-width brackets, CRLF and a byte order mark change nothing', () => {
    const wide = fundflow.replaceAll('(元)', '（元）').replaceAll('\n', '\r\n');
    expect(read(`\uFEFF${wide}`).rows).toEqual(read(fundflow).rows);
  });

  test('a column that nobody knows keeps its heading', () => {
    const text = 'X新列,'.length;
    expect(text).toBe(4);
    const grown = fundflow
      .split('\n')
      .map((line, index) => (index === 0 ? `${line},新列` : index < 4 ? `${line},\`x"y` : line))
      .join('\n');
    const { rows, lines } = read(grown);
    expect(rows[0]).toMatchObject({ voucher_no: 'T20261122_000001', 新列: 'x"y' });
    expect(JSON.parse(lines.split('\n')[0] ?? '')).toEqual(rows[0]);
  });
});

test('a summary that says something else is found, total by total', () => {
  const { end, sums } = read(tradeAll.replace('`3,`112.90,`50.00', '`4,`112.91,`50.00'));
  expect(compareSummary(end, sums)).toEqual([
    { field: 'count', rows: 3, summary: 4 },
    { field: 'settlement_total', rows: 11_290, summary: 11_291 },
  ]);
});

test('rows without backticks are read by their commas', () => {
  expect(read(tradeAll.replaceAll('`', '')).rows).toEqual(read(tradeAll).rows);
  // One field lost its backtick.
  expect(read(tradeAll.replace('`JSAPI', 'JSAPI')).rows).toEqual(read(tradeAll).rows);
});

describe('refuses, with the line,', () => {
  const lines = tradeAll.trimEnd().split('\n');
  const changed = (line: number, change: (text: string) => string): string =>
    `${lines.map((text, index) => (index === line - 1 ? change(text) : text)).join('\n')}\n`;

  test.each<[string, string | Buffer, number, string]>([
    ['an empty file', '', 1, 'no_summary'],
    ['what is no bill', 'a,b\n`1,`2\n', 1, 'header'],
    ['a heading that comes twice', changed(1, (text) => text.replace('费率备注', '费率')), 1, 'header'],
    ['a field too many', changed(3, (text) => `${text},\`x`), 3, 'columns'],
    ['a field too few', changed(3, (text) => text.slice(0, text.lastIndexOf(',`'))), 3, 'columns'],
    ['an amount with letters', changed(2, (text) => text.replace('`12.90,`0.00,`0', '`1e2,`0.00,`0')), 2, 'amount'],
    [
      'an amount with a third decimal',
      changed(2, (text) => text.replace('`12.90,`0.00,`0', '`12.901,`0.00,`0')),
      2,
      'amount',
    ],
    ['a total that is no amount', changed(6, (text) => text.replace('112.90', 'x')), 6, 'amount'],
    ['a total too few', changed(6, (text) => text.replace(',`50.00', '')), 6, 'columns'],
    ['a row after the summary', `${tradeAll}${lines[1]}\n`, 7, 'after_summary'],
    ['an empty line between rows', changed(3, () => ''), 3, 'empty_line'],
    ['a missing summary', `${lines.slice(0, 4).join('\n')}\n`, 4, 'no_summary'],
    ['a summary without its row', `${lines.slice(0, 5).join('\n')}\n`, 5, 'no_summary'],
    ['text that is not UTF-8', Buffer.from(tradeAll, 'latin1'), 1, 'utf8'],
    ['a line without end', Buffer.alloc(1024 * 1024 + 1, 'x'), 1, 'line_too_long'],
  ])('%s', (_name, text, line, reason) => {
    expect(refusal(text)).toMatchObject({ line, reason: `key:bill.reason.${reason}` });
  });
});

test('empty lines at the end, or no line feed there, are nothing', () => {
  expect(read(`${tradeAll}\r\n\n`).end.rows).toBe(3);
  expect(read(tradeAll.trimEnd()).end.rows).toBe(3);
});

describe('amounts are exact', () => {
  const amountOf = (text: string, decimals: number): number => {
    const bytes = Buffer.from(`x${text}y`);
    return scaled(bytes, 1, bytes.length - 1, decimals);
  };

  test.each([
    ['0.29', 2, 29],
    ['0.57', 2, 57],
    ['1.13', 2, 113],
    ['-0.30', 2, -30],
    ['12', 2, 1_200],
    ['20.0', 2, 2_000],
    ['0.00540', 5, 540],
    ['-0.30000', 5, -30_000],
    ['12.9000', 2, 1_290],
    ['', 2, 0],
    ['-0.00', 2, 0],
    ['90071992547409.91', 2, Number.MAX_SAFE_INTEGER],
  ])('%j with %i decimals is %i', (text, decimals, expected) => {
    expect(Object.is(amountOf(text, decimals), expected)).toBe(true);
  });

  test.each(['90071992547409.92', '1.001', '.5', '1.', '-', '1..2', '1,000', '+1', ' 1', '1e2', '0x10', '１', '--1'])(
    '%j is none',
    (text) => expect(amountOf(text, 2)).toBeNaN(),
  );

  test('every amount of fen comes back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (fen) => {
        const digits = String(Math.abs(fen)).padStart(3, '0');
        const text = `${fen < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
        expect(amountOf(text, 2)).toBe(fen === 0 ? 0 : fen);
      }),
    );
  });
});

/** Any bill: fields hold anything but what WeChat Pay escapes, and what would be a line's end. */
const field = fc
  .string({ unit: 'binary', maxLength: 20 })
  .map((text) => text.replaceAll(/[,\n\r]/g, '').replaceAll(/\p{Surrogate}/gu, ''));
const yuan = fc.integer({ min: -10_000_000, max: 10_000_000 });
const bill = fc.array(fc.record({ note: field, voucher: field, amount: yuan }), { maxLength: 20 });
const text = (fen: number): string =>
  `${fen < 0 ? '-' : ''}${String(Math.floor(Math.abs(fen) / 100))}.${String(Math.abs(fen) % 100).padStart(2, '0')}`;

test('any bill in any blocks gives its fields back, and the same lines of JSON', () => {
  fc.assert(
    fc.property(bill, fc.integer({ min: 1, max: 200 }), fc.constantFrom('\n', '\r\n'), (rows, block, end) => {
      const lines = rows.map(
        ({ note, voucher, amount }) =>
          `\`2026-11-22 10:31:02,\`1,\`2,\`交易,\`交易,\`收入,\`${text(amount)},\`0.00,\`system,\`${note},\`${voucher}`,
      );
      const income = rows.reduce((sum, { amount }) => sum + amount, 0);
      const file = [
        fundflow.split('\n')[0],
        ...lines,
        '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额',
        `\`${rows.length},\`${rows.length},\`${text(income)},\`0,\`0.00`,
        '',
      ].join(end);
      const found = read(file, block);
      expect(found.rows.map(({ note, voucher_no: voucher, amount }) => ({ note, voucher, amount }))).toEqual(
        rows.map(({ note, voucher, amount }) => ({ note, voucher, amount: amount + 0 })),
      );
      expect(compareSummary(found.end, found.sums)).toEqual([]);
      const json = found.rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      expect(found.lines).toBe(json);
    }),
    { numRuns: 300 },
  );
});

test('whatever the bytes, a bill is read or refused, and nothing else happens', () => {
  const bytes = Buffer.from(tradeAll);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 500 }),
      (flips, block) => {
        const damaged = Buffer.from(bytes);
        for (const [at, value] of flips) damaged[at] = value;
        try {
          read(damaged, block);
        } catch (error) {
          if (!isWxpayError(error, 'BILL_MALFORMED')) throw error;
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
