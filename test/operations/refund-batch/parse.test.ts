import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import {
  parseBatch,
  type ParsedBatch,
  type ParseOptions,
  type Source,
} from '../../../src/operations/refund-batch/parse.ts';
import type { Row } from '../../../src/operations/refund-batch/rows.ts';
import { loadTranslate } from '../../../src/i18n/translate.ts';
import { gb18030 } from './gb18030.ts';

const id = (n: number): string => `420000234620261123${String(n).padStart(9, '0')}7`;

/** The file in pieces of `size` bytes: what a stream does to it. */
function sourceOf(content: string | Uint8Array, size: number): Source {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
}

async function parse(content: string | Uint8Array, options?: ParseOptions, size = 7): Promise<ParsedBatch> {
  return parseBatch(sourceOf(content, size), options);
}

function all({ rows }: ParsedBatch): Row[] {
  return Array.from({ length: rows.count }, (_, index) => rows.get(index));
}

const faultsOf = ({ faults }: ParsedBatch): string[] =>
  faults.list.map(({ line, column, reason }) => `${line}:${column ?? ''}:${reason}`);

const utf8 = { encoding: 'utf-8' } as const;
const lines = (...rows: string[]): string => `${rows.join('\n')}\n`;
const head = 'transaction_id,amount_fen,reason,out_refund_no,ref';

describe('a CSV file', () => {
  test('gives each row with its line, number, amount in fen, reason, refund number and ref', async () => {
    const parsed = await parse(
      lines(head, `${id(1)},1234,sold out,R1,`, '', `${id(2)},1,"two, and more",,a`, `${id(2)},2,,,b`),
    );
    expect(faultsOf(parsed)).toEqual([]);
    expect(parsed).toMatchObject({ encoding: 'utf-8', format: 'csv', recognised: false });
    expect(parsed.rows).toMatchObject({ count: 3, orders: 2, fen: 1237 });
    expect(all(parsed)).toEqual([
      { line: 2, by: 'transaction_id', no: id(1), fen: 1234, reason: 'sold out', out_refund_no: 'R1', ref: '' },
      { line: 4, by: 'transaction_id', no: id(2), fen: 1, reason: 'two, and more', out_refund_no: '', ref: 'a' },
      { line: 5, by: 'transaction_id', no: id(2), fen: 2, reason: '', out_refund_no: '', ref: 'b' },
    ]);
  });

  test.each(['en', 'zh-CN'] as const)('the template in %s parses', async (lang) => {
    const t = await loadTranslate(lang);
    const parsed = await parse(lines(t('batch.template.heading'), t('batch.template.row')));
    expect(faultsOf(parsed)).toEqual([]);
    expect(all(parsed)).toMatchObject([{ line: 2, by: 'transaction_id', fen: 1234 }]);
  });

  test.each([
    ['transaction_id', 'amount_fen', '1', 1],
    ['微信支付单号', '退款金额(分)', '12', 12],
    ['微信订单号', '退款金额（元）', '12', 1200],
    [' Transaction_ID ', 'AMOUNT_YUAN', '0.29', 29],
    ['transaction_id', 'amount', '12.34元', 1234],
    ['transaction_id', '退款金额', '1234fen', 1234],
    ['`transaction_id', '`amount_fen', '`7', 7],
  ])('knows the headings %s and %s', async (number, amount, value, fen) => {
    const parsed = await parse(lines(`${number},${amount}`, `${id(3)},${value}`));
    expect(faultsOf(parsed)).toEqual([]);
    expect(all(parsed)).toMatchObject([{ no: id(3), fen }]);
  });

  test.each([
    ['out_trade_no', 'ORDER_0001'],
    ['商户订单号', 'a|b*c-d_e'],
  ])('knows %s', async (heading, no) => {
    expect(all(await parse(lines(`${heading},amount_fen`, `${no},5`)))).toMatchObject([{ by: 'out_trade_no', no }]);
  });

  test('G8: the whole of WeChat Pay headings in Chinese, with references and refund numbers', async () => {
    const parsed = await parse(
      lines('序号;商户订单号;商户退款单号;退款金额(元);退款原因', '一;ORDER_0001;R@1;1.5;换货；补差'),
    );
    expect(faultsOf(parsed)).toEqual([]);
    expect(all(parsed)).toMatchObject([
      { no: 'ORDER_0001', out_refund_no: 'R@1', fen: 150, reason: '换货；补差', ref: '一' },
    ]);
  });

  test.each([
    [',', ';'],
    [';', ','],
    ['\t', ';'],
  ])('G8: the delimiter %j is recognised, whatever cells hold', async (delimiter, inside) => {
    const parsed = await parse(
      lines(`transaction_id${delimiter}amount_fen${delimiter}reason`, `${id(1)}${delimiter}5${delimiter}a${inside}b`),
    );
    expect(faultsOf(parsed)).toEqual([]);
    expect(all(parsed)).toMatchObject([{ fen: 5, reason: `a${inside}b` }]);
  });

  test.each(['\n', '\r\n', '\r'])('G8: lines may end in %j, with or without a last one', async (end) => {
    const text = [head, `${id(1)},1,"a ""b""",,`, `${id(2)},2,,,`].join(end);
    for (const content of [text, text + end, `${text}${end}${end}`]) {
      const parsed = await parse(content);
      expect(faultsOf(parsed)).toEqual([]);
      expect(all(parsed)).toMatchObject([
        { line: 2, reason: 'a "b"' },
        { line: 3, fen: 2 },
      ]);
    }
  });

  test('G8: a line break inside quotes is no row; the row is named by its first line', async () => {
    const parsed = await parse(lines(head, `${id(1)},1,"two\r\nlines",,`, `${id(2)},0,,,`));
    expect(faultsOf(parsed)).toEqual(['2:reason:control', '4:amount_fen:amount_invalid']);
  });

  test('G8: the backtick that bills put before every field, and the TAB that keeps Excel away, are no part of it', async () => {
    const parsed = await parse(lines('`微信订单号,`退款金额(元),`退款原因', `\`${id(1)}\t,\`12.30,\`坏了`));
    expect(faultsOf(parsed)).toEqual([]);
    expect(all(parsed)).toMatchObject([{ no: id(1), fen: 1230, reason: '坏了' }]);
  });

  test('gives the same rows in pieces of any size', async () => {
    const content = gb18030(
      lines('商户订单号,退款金额(元),退款原因', 'ORDER_0001,1.20,"商品,破损"', 'ORDER_0002,3,退差价'),
    );
    const whole = all(await parse(content, {}, 1 << 16));
    expect(whole).toHaveLength(2);
    for (const size of [1, 2, 3, 5, 64]) expect(all(await parse(content, {}, size))).toEqual(whole);
  });

  test('a reason for all stands where a row gives none', async () => {
    const parsed = await parse(lines(head, `${id(1)},1,,,`, `${id(2)},1,own,,`), { reason: 'recall' });
    expect(all(parsed).map(({ reason }) => reason)).toEqual(['recall', 'own']);
  });
});

describe('encodings (THREATS G8)', () => {
  const chinese = lines('商户订单号,退款金额(元),退款原因', 'ORDER_0001,1.20,商品已售完');

  test('UTF-8 with a byte order mark', async () => {
    expect(all(await parse(`\uFEFF${chinese}`))).toMatchObject([{ no: 'ORDER_0001', reason: '商品已售完' }]);
  });

  test('GB18030 is recognised, and said', async () => {
    const parsed = await parse(gb18030(chinese));
    expect(parsed).toMatchObject({ encoding: 'gb18030', recognised: true });
    expect(all(parsed)).toMatchObject([{ reason: '商品已售完', fen: 120 }]);
  });

  test('--encoding decides against what would be recognised', async () => {
    expect(faultsOf(await parse(gb18030(chinese), { encoding: 'utf-8' }))).toEqual(['1::utf8']);
    expect(await parse(gb18030(chinese), { encoding: 'gb18030' })).toMatchObject({ recognised: false });
  });

  test('text that is valid in both, and Chinese in one of them only, is not guessed', async () => {
    // 0xC4 0xA1 is "摹" in GB18030 and "ġ" in UTF-8.
    const content = Buffer.concat([
      Buffer.from(`transaction_id,amount_fen,reason\n${id(1)},1,`),
      Buffer.of(0xc4, 0xa1),
    ]);
    expect(faultsOf(await parse(content))).toEqual(['0::ambiguous_encoding']);
    expect(all(await parse(content, { encoding: 'utf-8' }))).toMatchObject([{ reason: 'ġ' }]);
    expect(all(await parse(content, { encoding: 'gb18030' }))).toMatchObject([{ reason: '摹' }]);
  });

  test.each([
    ['with a mark', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(chinese, 'utf16le')])],
    ['without one', Buffer.from(lines(head, `${id(1)},1,,,`), 'utf16le')],
    ['big-endian', Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(chinese, 'utf16le').swap16()])],
  ])('UTF-16 %s is refused by its name', async (_, bytes) => {
    expect(faultsOf(await parse(bytes))).toEqual(['0::utf16']);
  });

  test.each([
    ['.xlsx', Buffer.concat([Buffer.from('PK\u0003\u0004\u0014\0'), Buffer.alloc(40)])],
    ['.xls', Buffer.concat([Buffer.of(0xd0, 0xcf, 0x11, 0xe0), Buffer.alloc(40)])],
  ])('an Excel workbook (%s) is refused by its name', async (_, bytes) => {
    expect(faultsOf(await parse(bytes))).toEqual(['0::workbook']);
  });

  test('neither UTF-8 nor GB18030 is refused with the line', async () => {
    const bytes = Buffer.concat([Buffer.from(`${head}\n`), Buffer.of(0xff, 0xff), Buffer.from(`,1,,,\n`)]);
    for (const size of [1, 2, 7, 64, 1_000]) expect(faultsOf(await parse(bytes, {}, size))).toEqual(['2::gb18030']);
  });

  test.each([1, 3, 64, 1_000])('the line of what cannot be decoded is exact, read %i bytes at a time', async (size) => {
    const rows = [1, 2, 3, 4, 5].map((n) => `${id(n)},1,商品,,`);
    for (const [at, row] of rows.entries()) {
      const broken = [...rows];
      broken[at] = `${row}\u0001`;
      const bytes = Buffer.from([head, ...broken].join('\n'));
      bytes[bytes.indexOf(1)] = 0xff;
      expect(faultsOf(await parse(bytes, { encoding: 'utf-8' }, size))).toEqual([`${at + 2}::utf8`]);
    }
    // A character that the end of the file, or of a line, cuts.
    const cut = Buffer.concat([Buffer.from(lines(head, ...rows)), Buffer.of(0xe4, 0xb8)]);
    expect(faultsOf(await parse(cut, { encoding: 'utf-8' }, size))).toEqual(['7::utf8']);
  });

  test('a NUL is refused with its line', async () => {
    expect(faultsOf(await parse(lines(head, `${id(1)},1,,,`, `${id(2)},1,a\0b,,`)))).toEqual(['3::nul']);
  });
});

describe('amounts (THREATS G7, D5)', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['1e2', 'excel_scientific'],
    ['4.2E+27', 'excel_scientific'],
    ['0x10', ''],
    ['１２', ''],
    ['1,000.00', ''],
    [' 12', 'spaces'],
    ['12 ', 'spaces'],
    ['', 'amount_missing'],
    ['+1', 'formula'],
    ['-1', ''],
    ['1.005', ''],
    ['1.', ''],
    ['.5', ''],
    ['0', 'amount_invalid'],
    ['0.00', ''],
    ['NaN', ''],
    ['Infinity', ''],
    ['¥12', ''],
    ['=1+1', 'formula'],
    ['＝1', 'formula'],
    ['####', 'excel_error'],
    ['#VALUE!', 'excel_error'],
    ['9007199254740992', 'amount_invalid'],
    ['99999999999999999999999', 'amount_invalid'],
    ['1_000', ''],
    ['٣', ''],
  ];

  test.each(refused)('%j in amount_fen is refused with its line', async (text, reason) => {
    const parsed = await parse(lines('transaction_id,amount_fen', `${id(1)},"${text}"`), utf8);
    expect(faultsOf(parsed)).toHaveLength(1);
    expect(faultsOf(parsed)[0]).toMatch(new RegExp(`^2:amount(_fen)?:${reason === '' ? 'amount_' : reason}`));
    expect(parsed.rows.count).toBe(0);
  });

  test.each(refused.filter(([text]) => text !== '9007199254740992'))(
    '%j in amount_yuan is refused with its line',
    async (text) => {
      expect(faultsOf(await parse(lines('transaction_id,amount_yuan', `${id(1)},"${text}"`), utf8))).toHaveLength(1);
    },
  );

  test.each([...refused.map(([text]) => text), '1', '1.00', '12元34', '1 元'])(
    '%j in amount is refused: it has no unit',
    async (text) => {
      expect(faultsOf(await parse(lines('transaction_id,amount', `${id(1)},"${text}"`), utf8))).toHaveLength(1);
    },
  );

  test('12.34 in amount_fen is refused, in amount_yuan it is 1234 fen', async () => {
    expect(faultsOf(await parse(lines('transaction_id,amount_fen', `${id(1)},12.34`)))).toEqual([
      '2:amount_fen:amount_fen',
    ]);
    expect(all(await parse(lines('transaction_id,amount_yuan', `${id(1)},12.34`)))).toMatchObject([{ fen: 1234 }]);
  });

  test('every yuan amount with two decimals is read exactly', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9_999_999 }), async (fen) => {
        const yuan = `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;
        const parsed = await parse(lines('transaction_id,amount_yuan', `${id(1)},${yuan}`), {}, 1024);
        expect(parsed.rows.fenOf(0)).toBe(fen);
      }),
      { numRuns: 200 },
    );
  });

  test('two amounts in one row are refused, also when they agree', async () => {
    expect(faultsOf(await parse(lines('transaction_id,amount_fen,amount_yuan', `${id(1)},100,1`)))).toEqual([
      '2:amount_yuan:amount_twice',
    ]);
  });

  test('a sum beyond what is exact is refused', async () => {
    const most = '9007199254740991';
    const parsed = await parse(lines('transaction_id,amount_fen', `${id(1)},${most}`, `${id(2)},1`));
    expect(faultsOf(parsed)).toEqual(['0::total_overflow']);
  });
});

describe('ids', () => {
  test.each([
    ['transaction_id', '4.20000123420231e+27', 'excel_scientific'],
    ['transaction_id', '4.2E+27', 'excel_scientific'],
    ['transaction_id', '4200001234202310000000000000', 'excel_rounded'],
    ['transaction_id', '4200-1234', 'transaction_id'],
    ['transaction_id', '="4200002346202611231234567890"', 'formula'],
    ['transaction_id', '420000234620261123123456789012345', 'transaction_id'],
    ['transaction_id', '４２００', 'transaction_id'],
    ['transaction_id', ' 4200', 'spaces'],
    ['out_trade_no', 'short', 'out_trade_no'],
    ['out_trade_no', '../../evil', 'out_trade_no'],
    ['out_trade_no', 'a/b?c#d', 'out_trade_no'],
    ['out_trade_no', '退款订单一二三', 'out_trade_no'],
  ])('G8: %s %j is refused as %s', async (column, value, reason) => {
    const parsed = await parse(lines(`${column},amount_fen`, `"${value.replaceAll('"', '""')}",1`));
    expect(faultsOf(parsed)).toEqual([`2:${column}:${reason}`]);
  });

  test.each(['..', 'a/b', 'a?x=1', '退款', 'a\r\nX: y', 'x'.repeat(65), '%2e%2e'])(
    'B1: the refund number %j is refused',
    async (value) => {
      const parsed = await parse(lines('transaction_id,amount_fen,out_refund_no', `${id(1)},1,"${value}"`));
      expect(faultsOf(parsed)).toHaveLength(1);
      expect(parsed.faults.list[0]).toMatchObject({ line: 2, column: 'out_refund_no' });
    },
  );

  test.each([
    ['no number', ',1', '2:transaction_id:number_missing'],
    ['both numbers', `${id(1)},1,ORDER_0001`, '2:transaction_id:number_both'],
  ])('%s is refused', async (_, row, fault) => {
    const cells = row.split(',');
    const line = `${cells[0] ?? ''},${cells[1] ?? ''},${cells[2] ?? ''}`;
    expect(faultsOf(await parse(lines('transaction_id,amount_fen,out_trade_no', line)))).toEqual([fault]);
  });
});

describe('formulas and control characters', () => {
  test.each(['=HYPERLINK("http://x/?"&A1)', '-1+1', '@SUM(A1)', '+1', '\t=1', '＝1', '－1'])(
    'A4: the reason %j is refused',
    async (reason) => {
      const parsed = await parse(lines(head, `${id(1)},1,"${reason.replaceAll('"', '""')}",,`));
      expect(faultsOf(parsed)).toEqual(['2:reason:formula']);
    },
  );

  test.each(['a\u001B[2J', 'a\u009Bb', 'a\u007F'])('A1: the reason %j is refused', async (reason) => {
    expect(faultsOf(await parse(lines(head, `${id(1)},1,"${reason}",,`), utf8))).toEqual(['2:reason:control']);
  });

  test('a reason of more than 80 bytes is refused before WeChat Pay refuses it', async () => {
    const fits = `${'退'.repeat(26)}ab`;
    expect(faultsOf(await parse(lines(head, `${id(1)},1,${fits},,`, `${id(2)},1,${fits}c,,`)))).toEqual([
      '3:reason:reason_too_long',
    ]);
  });
});

describe('headers and shapes', () => {
  test('a fault names its column as the API does, and as the file does where that is another word', async () => {
    const told = async (...file: string[]): Promise<unknown> =>
      (await parse(lines(...file))).faults.list.map(({ line, column, heading }) => [line, column, heading]);
    expect(await told('\uFEFF商户订单号,`退款金额（元）,原因', 'ORDER_0001,1.234,x', 'ORDER_0002,,=1+1')).toEqual([
      [2, 'amount_yuan', '退款金额（元）'],
      [3, 'amount', '退款金额（元）'],
      [3, 'reason', '原因'],
    ]);
    expect(await told('out_trade_no,amount_yuan', 'ORDER_0001,1.234')).toEqual([[2, 'amount_yuan', undefined]]);
    expect(await told('out_trade_no,退款金额', 'ORDER_0001,1')).toEqual([[2, 'amount', '退款金额']]);
    // Another column's heading is lent only where the file has no such column.
    expect(await told('out_trade_no,amount,金额(元)', 'ORDER_0001,1,')).toEqual([[2, 'amount', undefined]]);
    expect(await told('out_trade_no,金额(元),amount', 'ORDER_0001,,1')).toEqual([[2, 'amount', undefined]]);
    expect(await told('out_trade_no,金额,金额(分)', 'ORDER_0001,1,')).toEqual([[2, 'amount', '金额']]);
    expect(await told('`\uFEFFout_trade_no,amount_fen', 'ORDER_0001,x')).toEqual([[2, 'amount_fen', undefined]]);
  });

  test.each([
    ['an unknown column', 'transaction_id,amount_fen,note', 'note:header_unknown'],
    ['a column twice', 'transaction_id,amount_fen,amount_fen', 'amount_fen:header_duplicate'],
    ['a column twice in two languages', 'transaction_id,微信支付单号,amount_fen', '微信支付单号:header_duplicate'],
    ['no amount', 'transaction_id,reason', ':header_amount'],
    ['no number', 'amount_fen,reason', ':header_number'],
    ['F8: a column of the prototype', 'transaction_id,amount_fen,__proto__', '__proto__:header_unknown'],
    ['an empty heading', 'transaction_id,amount_fen,', ':header_unknown'],
  ])('%s is refused, and nothing after it is read', async (_, header, fault) => {
    const parsed = await parse(lines(header, `${id(1)},1,x`));
    expect(faultsOf(parsed)).toContain(`1:${fault}`);
    expect(parsed.rows.count).toBe(0);
    expect(({} as { yes?: unknown }).yes).toBeUndefined();
  });

  test('ragged rows are refused with their lines', async () => {
    expect(faultsOf(await parse(lines(head, `${id(1)},1,,`, `${id(2)},1,,,,`, `${id(3)},1,,,`)))).toEqual([
      '2::ragged',
      '3::ragged',
    ]);
  });

  test.each([
    ['', '0::empty_file'],
    ['\n\n', '0::empty_file'],
    [`${head}\n`, '0::empty_file'],
  ])('%j has no rows', async (content, fault) => {
    expect(faultsOf(await parse(content))).toEqual([fault]);
  });

  test.each([
    ['a quote that never closes', `${id(1)},1,"open,,\n${id(2)},1,,,`],
    ['text behind a closing quote', `${id(1)},1,"a"b,,`],
  ])('%s is refused', async (_, row) => {
    const parsed = await parse(lines(head, row));
    expect(parsed.faults.list[0]?.reason).toBe('csv');
  });

  test('H1: a cell without end is refused before it fills the memory', async () => {
    const parsed = await parse(`${head}\n"${'x'.repeat(300_000)}`, {}, 4096);
    expect(parsed.faults.list[0]?.reason).toBe('line_too_long');
  });

  test('the list of faults is bounded, their count is not', async () => {
    const bad = Array.from({ length: 500 }, (_, index) => `${id(index)},0`);
    const parsed = await parse(lines('transaction_id,amount_fen', ...bad), { maxFaults: 20 });
    expect(parsed.faults.list).toHaveLength(20);
    expect(parsed.faults.count).toBe(500);
  });

  test('a file that changes while it is read counts for nothing', async () => {
    let reads = 0;
    const parsed = await parseBatch(async function* () {
      reads += 1;
      yield Buffer.from(lines('transaction_id,amount_fen', `${id(1)},${reads}`));
    });
    expect(faultsOf(parsed)).toEqual(['0::changed']);
  });
});

describe('duplicates (THREATS G1, G8)', () => {
  const row = (no: string, fen: number, reason = '', refund = '', ref = ''): string =>
    `${no},${fen},${reason},${refund},${ref}`;

  test.each<[string, string[], string[]]>([
    ['a whole row twice', [row(id(1), 1), row(id(1), 1)], ['3:transaction_id:row_duplicate']],
    [
      'a whole row with its ref twice',
      [row(id(1), 1, '', '', 'a'), row(id(1), 1, '', '', 'a')],
      ['3:transaction_id:row_duplicate'],
    ],
    ['two rows of an order without ref', [row(id(1), 1), row(id(1), 2)], ['3:ref:ref_needed']],
    ['two rows of an order, one with ref', [row(id(1), 1), row(id(1), 2, '', '', 'a')], ['3:ref:ref_needed']],
    [
      'two rows of an order with one ref',
      [row(id(1), 1, '', '', 'a'), row(id(1), 2, '', '', 'a')],
      ['3:ref:ref_duplicate'],
    ],
    [
      'one refund number for two orders',
      [row(id(1), 1, '', 'R1'), row(id(2), 1, '', 'R1')],
      ['3:out_refund_no:refund_no_duplicate'],
    ],
    ['a number of its own beside a derived one', [row(id(1), 1, '', 'R1'), row(id(1), 2)], ['3:ref:ref_needed']],
    ['refs that differ', [row(id(1), 1, '', '', 'a'), row(id(1), 1, '', '', 'b')], []],
    ['refund numbers that differ', [row(id(1), 1, '', 'R1'), row(id(1), 1, '', 'R2')], []],
    [
      'refs that differ in their normal form only',
      [row(id(1), 1, '', '', '\u00E9'), row(id(1), 2, '', '', 'e\u0301')],
      ['3:ref:ref_duplicate'],
    ],
  ])('%s', async (_, rows, faults) => {
    expect(faultsOf(await parse(lines(head, ...rows), utf8))).toEqual(faults);
  });

  test('one order takes 50 refunds', async () => {
    const rows = Array.from({ length: 51 }, (_, index) => row(id(1), 1, '', '', `r${index}`));
    expect(faultsOf(await parse(lines(head, ...rows)))).toEqual(['52:transaction_id:too_many_for_order']);
  });
});

describe('an NDJSON file', () => {
  const object = (value: unknown): string => JSON.stringify(value);

  test('gives the same rows, with their lines', async () => {
    const parsed = await parse(
      lines(
        object({ transaction_id: id(1), amount_fen: 1234, reason: 'sold out', out_refund_no: 'R1' }),
        '',
        object({ out_trade_no: 'ORDER_0001', amount_yuan: '12.34', ref: 'a' }),
        object({ 商户订单号: 'ORDER_0002', amount: '5元', reason: null }),
      ),
    );
    expect(faultsOf(parsed)).toEqual([]);
    expect(parsed.format).toBe('ndjson');
    expect(all(parsed)).toEqual([
      { line: 1, by: 'transaction_id', no: id(1), fen: 1234, reason: 'sold out', out_refund_no: 'R1', ref: '' },
      { line: 3, by: 'out_trade_no', no: 'ORDER_0001', fen: 1234, reason: '', out_refund_no: '', ref: 'a' },
      { line: 4, by: 'out_trade_no', no: 'ORDER_0002', fen: 500, reason: '', out_refund_no: '', ref: '' },
    ]);
  });

  test.each([
    ['{"transaction_id":4200002346202611231234567890,"amount_fen":1}', 'json'],
    ['{"transaction_id":42,"amount_fen":1}', 'json_not_text'],
    [`{"transaction_id":"${id(1)}","amount_yuan":12.34}`, 'json_not_text'],
    [`{"transaction_id":"${id(1)}","amount_fen":1e2}`, 'json_float'],
    [`{"transaction_id":"${id(1)}","amount_fen":1.0}`, 'json_float'],
    [`{"transaction_id":"${id(1)}","amount_fen":-1}`, 'json_float'],
    [`{"transaction_id":"${id(1)}","amount\\u005ffen":1}`, 'json_float'],
    [`{"transaction_id":"${id(1)}","amount_fen":1,"amount_fen":2}`, 'json'],
    [`{"transaction_id":"${id(1)}","amount_fen":1,"微信支付单号":"x"}`, 'header_duplicate'],
    [`{"transaction_id":"${id(1)}","amount_fen":1,"note":"x"}`, 'header_unknown'],
    [`{"transaction_id":"${id(1)}","amount_fen":1,"__proto__":{"yes":true}}`, 'json'],
    [`{"transaction_id":"${id(1)}","amount":{"refund":1}}`, 'json_not_text'],
    ['[1]', 'json_not_object'],
    ['{"transaction_id":', 'json'],
    [`{"transaction_id":"${id(1)}","amount_fen":1} {}`, 'json'],
  ])('%s is refused as %s', async (line, reason) => {
    const parsed = await parse(lines('{"out_trade_no":"ORDER_0001","amount_fen":1}', line));
    expect(parsed.faults.list.map((fault) => [fault.line, fault.reason])).toEqual([[2, reason]]);
  });

  test('a reason that looks like an amount changes none', async () => {
    const parsed = await parse(lines(object({ reason: '"amount_fen":5,', transaction_id: id(1), amount_fen: 7 })));
    expect(all(parsed)).toMatchObject([{ fen: 7 }]);
  });
});

describe('properties', () => {
  test('R13: no bytes make it throw or take it long', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (bytes, withHead) => {
        const content = withHead ? Buffer.concat([Buffer.from(`${head}\n${id(1)},1,`), bytes]) : bytes;
        const { rows, faults } = await parse(content, {}, 64);
        expect(faults.count > 0 || rows.count > 0).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  test('what is written as CSV is read as it was', async () => {
    const reason = fc
      .string({ unit: 'grapheme', maxLength: 15 })
      .filter(
        (text) =>
          !/[\u0000-\u001F\u007F-\u009F\p{Surrogate}]|^[`=+\-@＝＋－＠]/u.test(text) && Buffer.byteLength(text) <= 80,
      );
    const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ fen: fc.integer({ min: 1, max: 2 ** 40 }), reason }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom('\n', '\r\n'),
        fc.integer({ min: 1, max: 40 }),
        async (given, end, size) => {
          const text = [head, ...given.map((row, n) => `${id(n)},${row.fen},${quote(row.reason)},,`)].join(end);
          const parsed = await parse(text, { encoding: 'utf-8' }, size);
          expect(faultsOf(parsed)).toEqual([]);
          expect(all(parsed).map((row) => ({ fen: row.fen, reason: row.reason }))).toEqual(given);
        },
      ),
      { numRuns: 200 },
    );
  });
});
