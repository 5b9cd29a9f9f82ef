import { build } from 'esbuild';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { type Lang, loadTranslate } from '../../src/i18n/translate.ts';
import { formatFen } from '../../src/output/money.ts';
import { renderResult, type RenderOptions } from '../../src/output/render.ts';
import { describeState } from '../../src/output/states.ts';
import { formatTime } from '../../src/output/time.ts';
import type { Result } from '../../src/output/view.ts';

const en = await loadTranslate('en');
const zh = await loadTranslate('zh-CN');

const piped: RenderOptions = { format: 'table', tty: false, width: 80, colorLevel: 0, t: en };

const orders = [
  {
    out_trade_no: 'T20261123_0000000001',
    trade_state: 'SUCCESS',
    description: '腾讯充值中心-QQ会员充值一个月',
    amount: { total: 123_456 },
  },
  { out_trade_no: 'T2', trade_state: 'NOTPAY', description: 'cafe\u0301 ☕️ 👨‍👩‍👧 套餐（大）', amount: { total: 1 } },
  { out_trade_no: 'T3', trade_state: 'SOMETHING_NEW', description: 'ok\u001b[2J\u202e', amount: { total: 100 } },
];

function ordersResult(lang: Lang): Result {
  const t = lang === 'en' ? en : zh;
  const titles =
    lang === 'en' ? ['Order number', 'Description', 'Amount', 'State'] : ['商户订单号', '商品描述', '金额', '状态'];
  return {
    data: orders,
    view: [
      {
        kind: 'details',
        title: lang === 'en' ? 'Orders' : '订单',
        rows: [
          { label: 'mchid', value: '1900000001' },
          {
            label: lang === 'en' ? 'as of' : '查询时间',
            value: formatTime('2026-11-23T10:31:02+08:00', 'Asia/Shanghai'),
          },
        ],
      },
      {
        kind: 'table',
        columns: [
          { field: 'out_trade_no', title: titles[0] ?? '', fixed: true },
          { field: 'description', title: titles[1] ?? '' },
          { field: 'amount.total', title: titles[2] ?? '', fixed: true, align: 'right' },
          { field: 'trade_state', title: titles[3] ?? '' },
        ],
        rows: orders.map((order) => [
          order.out_trade_no,
          order.description,
          formatFen(order.amount.total),
          describeState(order.trade_state, t),
        ]),
        empty: '',
      },
    ],
  };
}

describe('a table, as people see it', () => {
  for (const lang of ['zh-CN', 'en'] as const) {
    for (const width of [40, 80, 120]) {
      test(`fits a terminal of ${width} columns (${lang})`, async () => {
        const options: RenderOptions = { ...piped, tty: true, width, t: lang === 'en' ? en : zh };
        const text = await renderResult(ordersResult(lang), options);
        for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        await expect(text).toMatchFileSnapshot(`golden/orders.${lang}.${width}.tty.txt`);
        // C3: colour adds nothing but colour.
        const coloured = await renderResult(ordersResult(lang), { ...options, colorLevel: 3 });
        expect(coloured).not.toBe(text);
        expect(stripVTControlCharacters(coloured)).toBe(text);
      });

      test(`is the same in a pipe whatever ${width} columns say (${lang})`, async () => {
        const text = await renderResult(ordersResult(lang), { ...piped, width, t: lang === 'en' ? en : zh });
        expect(text).not.toContain('\u001b');
        await expect(text).toMatchFileSnapshot(`golden/orders.${lang}.plain.txt`);
      });
    }
  }

  test('shows the text for an empty list', async () => {
    const view: Result['view'] = [{ kind: 'table', columns: [], rows: [], empty: 'No orders.' }];
    expect(await renderResult({ data: [], view }, piped)).toBe('No orders.\n');
  });

  test('leaves what people copy on lines of its own, whole', async () => {
    const pem = `-----BEGIN PUBLIC KEY-----\n${'A'.repeat(200)}\n-----END PUBLIC KEY-----\n`;
    const view: Result['view'] = [
      { kind: 'text', text: 'The key:' },
      { kind: 'verbatim', text: pem },
    ];
    expect(await renderResult({ data: {}, view }, { ...piped, tty: true, width: 40 })).toBe(`The key:\n\n${pem}`);
  });

  test('wraps running text on a terminal only', async () => {
    const view: Result['view'] = [{ kind: 'text', text: 'one two thr\u001b', tone: 'warn' }];
    expect(await renderResult({ data: {}, view }, { ...piped, tty: true, width: 8 })).toBe('one two\nthr\\x1b\n');
    expect(await renderResult({ data: {}, view }, { ...piped, width: 8 })).toBe('one two thr\\x1b\n');
  });

  test('prints nothing for nothing', async () => {
    expect(await renderResult({ data: null, view: [] }, piped)).toBe('');
  });
});

describe('a QR block', () => {
  const view: Result['view'] = [{ kind: 'qr', text: 'weixin://wxpay/bizpayurl?pr=1\u001b' }];

  test('is drawn on a terminal and never in a pipe', async () => {
    expect(await renderResult({ data: {}, view }, { ...piped, tty: true })).toContain('▀');
    expect(await renderResult({ data: {}, view }, piped)).toBe('');
  });

  test.each([
    ['columns', { width: 20 }],
    ['lines', { width: 80, rows: 10 }],
  ])('becomes its text where the terminal has too few %s', async (_, size) => {
    const text = await renderResult({ data: {}, view }, { ...piped, tty: true, ...size });
    expect(text).toContain('too small');
    expect(text.endsWith('weixin://wxpay/bizpayurl?pr=1\\x1b\n')).toBe(true);
  });
});

describe('json', () => {
  test('is exactly one document with the API’s own names', async () => {
    const text = await renderResult(ordersResult('en'), { ...piped, format: 'json' });
    expect(JSON.parse(text)).toEqual(orders);
    expect(text.endsWith(']\n')).toBe(true);
  });

  test('A1: is the same value on a terminal, and inert', async () => {
    const text = await renderResult(ordersResult('en'), { ...piped, format: 'json', tty: true });
    expect(JSON.parse(text)).toEqual(orders);
    expect(text).not.toContain('\u202e');
  });

  test('has one line for each element in ndjson, and one for what is no list', async () => {
    const text = await renderResult(ordersResult('en'), { ...piped, format: 'ndjson' });
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(orders);
    expect(await renderResult({ data: { a: 1 }, view: [] }, { ...piped, format: 'ndjson' })).toBe('{"a":1}\n');
    expect(await renderResult({ data: { a: 1 }, view: [], rows: [1, 2] }, { ...piped, format: 'ndjson' })).toBe(
      '1\n2\n',
    );
  });
});

describe('csv', () => {
  test('has the columns that the table declares', async () => {
    expect(await renderResult(ordersResult('zh-CN'), { ...piped, format: 'csv' })).toBe(
      [
        'out_trade_no,description,amount.total,trade_state',
        'T20261123_0000000001,腾讯充值中心-QQ会员充值一个月,123456,SUCCESS',
        'T2,cafe\u0301 ☕️ 👨‍👩‍👧 套餐（大）,1,NOTPAY',
        'T3,ok\u001b[2J\u202e,100,SOMETHING_NEW',
        '',
      ].join('\r\n'),
    );
  });

  test('A1: is inert on a terminal', async () => {
    const text = await renderResult(ordersResult('zh-CN'), { ...piped, format: 'csv', tty: true });
    expect(text).not.toMatch(/[\u001b\u202e]/);
  });
});

describe('--query', () => {
  const query = (expression: string, options: Partial<RenderOptions> = {}): Promise<string> =>
    renderResult(ordersResult('en'), { ...piped, query: expression, ...options });

  test('prints a single text bare in the people’s format and quoted in JSON', async () => {
    expect(await query('[0].out_trade_no')).toBe('T20261123_0000000001\n');
    expect(await query('[0].out_trade_no', { format: 'json' })).toBe('"T20261123_0000000001"\n');
    expect(await query('[2].description')).toBe('ok\\x1b[2J\u202e\n');
    expect(await query('[2].description', { tty: true })).toBe('ok\\x1b[2J<U+202E>\n');
  });

  test('prints everything else as JSON', async () => {
    expect(await query('[0].amount.total')).toBe('123456\n');
    expect(await query('[].nothing')).toBe('[]\n');
    expect(await query('nothing')).toBe('null\n');
  });

  test('feeds ndjson and csv', async () => {
    expect(await query('[].amount.total', { format: 'ndjson' })).toBe('123456\n1\n100\n');
    expect(await query('[].{no: out_trade_no}', { format: 'csv' })).toBe('no\r\nT20261123_0000000001\r\nT2\r\nT3\r\n');
  });
});

describe('what is loaded', () => {
  async function importsOf(entry: string): Promise<{ early: Set<string>; late: Set<string> }> {
    const { metafile } = await build({
      entryPoints: [new URL(`../../${entry}`, import.meta.url).pathname],
      bundle: true,
      packages: 'external',
      splitting: true,
      format: 'esm',
      platform: 'node',
      outdir: '/unwritten',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const early = new Set<string>();
    const late = new Set<string>();
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { path, kind, external } of metafile.outputs[file]?.imports ?? []) {
        const target = external === true && !path.startsWith('.') ? path : undefined;
        if (kind === 'dynamic-import') {
          if (target !== undefined) late.add(target);
        } else if (target !== undefined) early.add(target);
        else visit(path);
      }
    };
    visit(Object.keys(metafile.outputs).find((file) => metafile.outputs[file]?.entryPoint?.endsWith(entry)) ?? '');
    return { early, late };
  }

  test('rendering JSON loads no package at all', async () => {
    expect([...(await importsOf('src/output/render.ts')).early]).toEqual([]);
  });

  test.each(['src/cli/color.ts', 'src/cli/spinner.ts', 'src/cli/help.ts'])(
    '%s loads no package before it is needed',
    async (entry) => {
      expect([...(await importsOf(entry)).early]).toEqual([]);
    },
  );
});
