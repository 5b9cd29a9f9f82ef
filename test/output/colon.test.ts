import { expect, test } from 'vitest';
import { inParentheses, withColon } from '../../src/output/colon.ts';

test.each([
  ['line', 'line:'],
  ['行', '行：'],
  ['out_refund_no', 'out_refund_no:'],
  ['退出码（wxpay help exit-codes）', '退出码（wxpay help exit-codes）：'],
  ['', ':'],
  ['Faults:', 'Faults:'],
  ['错误：', '错误：'],
])('the colon behind %j is of its script', (label, shown) => {
  expect(withColon(label)).toBe(shown);
});

test.each([
  ['format', 'a | b', undefined, 'format (a | b)'],
  ['格式', 'a | b', undefined, '格式（a | b）'],
  ['08F9', '订单不存在', '订单不存在', '08F9（订单不存在）'],
])('parentheses behind %j around %j are of its script', (before, text, script, shown) => {
  expect(inParentheses(before, text, script)).toBe(shown);
});
