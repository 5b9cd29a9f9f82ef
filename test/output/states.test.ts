import { expect, test } from 'vitest';
import { loadTranslate } from '../../src/i18n/translate.ts';
import { describeRefundState, describeState } from '../../src/output/states.ts';

const en = await loadTranslate('en');
const zh = await loadTranslate('zh-CN');

test.each([
  ['NOTPAY', 'not paid', '未支付', 'warn'],
  ['SUCCESS', 'paid', '支付成功', 'good'],
  ['REFUND', 'refunded (at least in part)', '转入退款', 'warn'],
  ['CLOSED', 'closed', '已关闭', 'dim'],
  ['USERPAYING', 'payer is paying', '用户支付中', 'warn'],
  ['PAYERROR', 'payment failed', '支付失败', 'bad'],
  ['REVOKED', 'reversed', '已撤销', 'dim'],
])('an order that is %s is "%s"', (state, english, chinese, tone) => {
  expect(describeState(state, en)).toEqual({ text: english, tone });
  expect(describeState(state, zh)).toEqual({ text: chinese, tone });
});

test.each([
  ['PROCESSING', 'in progress', '退款处理中', 'warn'],
  ['SUCCESS', 'refunded', '退款成功', 'good'],
  ['CLOSED', 'closed, not refunded', '退款关闭', 'bad'],
  ['ABNORMAL', 'stuck, needs handling', '退款异常', 'bad'],
])('a refund that is %s is "%s"', (state, english, chinese, tone) => {
  expect(describeRefundState(state, en)).toEqual({ text: english, tone });
  expect(describeRefundState(state, zh)).toEqual({ text: chinese, tone });
});

test.each(['SOMETHING_NEW', '', 'toString', '__proto__'])(
  'shows a state that nobody knows (%j) as it came',
  (state) => {
    expect(describeState(state, zh)).toEqual({ text: state, tone: 'plain' });
    expect(describeRefundState(state, zh)).toEqual({ text: state, tone: 'plain' });
  },
);
