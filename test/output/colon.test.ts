import { expect, test } from 'vitest';
import { afterSentence, inParentheses, withColon } from '../../src/output/colon.ts';

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

test.each([
  ['There is no command "x".', 'Did you mean y?', 'There is no command "x". Did you mean y?'],
  ['没有命令 "x"。', '是不是想输入 y？', '没有命令 "x"。是不是想输入 y？'],
  ['微信支付：SIGN_ERROR 签名错误', '（应答未签名）', '微信支付：SIGN_ERROR 签名错误（应答未签名）'],
  ['下一步：wxpay certs list', '再试。', '下一步：wxpay certs list 再试。'],
])('%j is followed as its script wants', (before, after, shown) => {
  expect(afterSentence(before, after)).toBe(shown);
});
