import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { safeText } from '../../src/output/safe-text.ts';
import { type Layout, renderDetails, renderTable } from '../../src/output/table.ts';
import type { Column } from '../../src/output/view.ts';
import { loadWidths } from '../../src/output/width.ts';
import { foreignText } from './foreign-text.ts';

const widths = await loadWidths();
const layout = (columns: number, tty = true): Layout => ({ tty, columns, widths, paint: (_, text) => text });

const columns: readonly Column[] = [
  { field: 'out_trade_no', title: '商户订单号', fixed: true },
  { field: 'description', title: '商品描述' },
  { field: 'amount.total', title: '金额', fixed: true, align: 'right' },
];

describe('renderTable', () => {
  test('O9: every line is equally wide, within the terminal, and loses nothing but behind an ellipsis', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(fc.stringMatching(/^[0-9A-Za-z_*-]{6,32}$/), foreignText, fc.stringMatching(/^¥\d{1,3}\.\d\d$/)),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        fc.integer({ min: 1, max: 130 }),
        async (rows, terminal) => {
          const text = await renderTable(columns, rows, layout(terminal));
          const lines = text.split('\n');
          const isTable = lines[0]?.startsWith('商户订单号 ') === true && lines[0].includes('金额');
          if (isTable) {
            expect(new Set(lines.map((line) => stringWidth(line))).size).toBe(1);
            expect(stringWidth(lines[0] ?? '')).toBeLessThanOrEqual(terminal);
            expect(lines).toHaveLength(rows.length + 1);
            for (const [index, [id, description, amount]] of rows.entries()) {
              const line = lines[index + 1] ?? '';
              expect(line.startsWith(id)).toBe(true);
              expect(line.endsWith(amount)).toBe(true);
              const safe = safeText(description);
              if (!line.includes(safe)) expect(line).toContain('…');
            }
          } else {
            const squeezed = text.replaceAll(/\s/g, '');
            for (const cell of rows.flat()) expect(squeezed).toContain(safeText(cell).replaceAll(/\s/g, ''));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('A3: a description of a megabyte moves no amount under another heading', async () => {
    const text = await renderTable(
      columns,
      [
        ['T1', '微'.repeat(500_000), '¥0.01'],
        ['T2', 'x', '¥10.00'],
      ],
      layout(60),
    );
    const lines = text.split('\n');
    expect(lines.map((line) => stringWidth(line))).toEqual([60, 60, 60]);
    expect(lines[1]).toMatch(/…\s+¥0\.01$/);
  });

  test('A1, A2: no cell is obeyed, on a terminal or in a pipe', async () => {
    const rows = [['T1', 'ok\u001b[2J\rPAID\u009b31m\u202e', '¥0.01\n']];
    for (const tty of [true, false]) {
      const text = await renderTable(columns, rows, layout(80, tty));
      expect(text).toContain(String.raw`ok\x1b[2J\rPAID\x9b31m<U+202E>`);
      expect(text).toContain(String.raw`¥0.01\n`);
      expect(text.replaceAll(/[\n\t]/g, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });

  test('O2: a pipe gets one record per line, fields apart by tabs, nothing cut', async () => {
    const long = '腾讯充值中心'.repeat(40);
    expect(
      await renderTable(
        columns,
        [
          ['T1', long, '¥0.01'],
          ['T2', 'a\tb', '¥0.02'],
        ],
        layout(20, false),
      ),
    ).toBe(`商户订单号\t商品描述\t金额\nT1\t${long}\t¥0.01\nT2\ta\\tb\t¥0.02`);
  });

  test('shrinks the widest column first and never a fixed one', async () => {
    const two: readonly Column[] = [
      { field: 'a', title: 'a' },
      { field: 'b', title: 'b' },
      { field: 'id', title: 'id', fixed: true },
    ];
    expect(await renderTable(two, [['x'.repeat(60), 'y'.repeat(10), 'T'.repeat(12)]], layout(40))).toBe(
      [`a${' '.repeat(13)}  b           id          `, `${'x'.repeat(13)}…  ${'y'.repeat(10)}  ${'T'.repeat(12)}`].join(
        '\n',
      ),
    );
  });

  test('a column that wraps goes on below and loses nothing, in its own colour', async () => {
    const two: readonly Column[] = [
      { field: 'id', title: 'id', fixed: true },
      { field: 'path', title: 'path', wraps: true },
    ];
    const paint: Layout['paint'] = (style, text) => (style === 'bad' && text !== '' ? `<${text}>` : text);
    const rows = [
      ['T1', { text: '/a/very/long/path/of/keys.pem', tone: 'bad' as const }],
      ['T2', 'short'],
    ];
    const text = await renderTable(two, rows, { ...layout(20), paint });
    expect(text.split('\n').map((line) => line.trimEnd())).toEqual([
      'id  path',
      'T1  </a/very/long/pat>',
      '    <h/of/keys.pem>',
      'T2  short',
    ]);
  });

  test('colours the word and not the room around it', async () => {
    const paint: Layout['paint'] = (style, text) => `<${style}>${text}</>`;
    const text = await renderTable([{ field: 's', title: 'state' }], [[{ text: '成功', tone: 'good' }], ['x']], {
      ...layout(80),
      paint,
    });
    expect(text).toBe('<strong>state</>\n<good>成功</> \n<plain>x</>    ');
  });
});

describe('renderDetails', () => {
  const rows = [
    { label: '商户订单号', value: 'T20261123' },
    { label: 'attach', value: '腾讯充值中心-QQ会员充值一个月' },
  ];

  test('aligns values by display width', () => {
    expect(renderDetails(rows, layout(80))).toBe('商户订单号  T20261123\nattach      腾讯充值中心-QQ会员充值一个月');
  });

  test('wraps long values under themselves on a terminal, and leaves them whole in a pipe', () => {
    expect(renderDetails(rows, layout(32))).toBe(
      '商户订单号  T20261123\nattach      腾讯充值中心-QQ会员\n            充值一个月',
    );
    expect(renderDetails(rows, layout(32, false))).toBe(renderDetails(rows, layout(80)));
  });

  test('puts values below their labels where the terminal is too narrow for both', () => {
    expect(renderDetails(rows, layout(20))).toBe(
      '商户订单号\n  T20261123\nattach\n  腾讯充值中心-QQ会\n  员充值一个月',
    );
  });

  test.each([0, 1, 2])('P4: ends on a terminal of %i columns', (terminal) => {
    expect(renderDetails(rows, layout(terminal)).replaceAll(/\s/g, '')).toContain('T20261123');
  });
});

describe('what people copy', () => {
  const fields: readonly Column[] = [
    { field: 'field', title: 'field', fixed: true },
    { field: 'value', title: 'value', copied: true },
    { field: 'source', title: 'source', wraps: true },
  ];
  const path = '[set: file:/home/shop/merchants/1900000001/apiclient_key.pem]';
  const rows = [
    ['mchid', '1900000001', 'profile shop'],
    ['private_key', path, 'profile shop'],
    ['notice', 'many words that may be broken between one another', 'profile shop'],
  ];

  test('stands below its row where it would be broken within a word, and the rows keep their columns', async () => {
    const lines = (await renderTable(fields, rows, layout(66))).split('\n').map((line) => line.trimEnd());
    expect(lines).toContain(`  ${path}`);
    expect(lines[lines.indexOf(`  ${path}`) - 1]).toMatch(/^private_key +profile shop$/);
    expect(lines.find((line) => line.startsWith('notice'))).toMatch(/^notice +many words/);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(66);
  });

  test('stays in its row where it fits, and loses nothing where even the terminal is too narrow', async () => {
    expect((await renderTable(fields, rows, layout(120))).split('\n')).toHaveLength(4);
    const narrow = await renderTable(fields, rows, layout(50));
    expect(narrow.replaceAll(/\s/g, '')).toContain(path.replaceAll(/\s/g, ''));
  });

  test('is one field of a line off a terminal', async () => {
    expect((await renderTable(fields, rows, layout(20, false))).split('\n')[2]).toBe(
      `private_key\t${path}\tprofile shop`,
    );
  });
});
