import { expect, test } from 'vitest';
import { prepaidView } from '../../../../src/cli/commands/order/prepaid.ts';

const codeUrl = 'weixin://wxpay/bizpayurl?pr=TjcoJn8BMx8y8vHy';
const page = (codeUrl: string, local: string | undefined): readonly string[] =>
  prepaidView('title', [], { code_url: codeUrl }, (key) => key, local).flatMap((block) =>
    block.kind === 'verbatim' ? [block.text] : [],
  );

test('a native order of an emulator on this machine comes with the address of its pay page', () => {
  expect(page(codeUrl, 'http://127.0.0.1:8080')).toEqual(['http://127.0.0.1:8080/pay?pr=TjcoJn8BMx8y8vHy']);
});

test('an order at WeChat Pay does not', () => {
  expect(page(codeUrl, undefined)).toEqual([]);
});

test.each([
  'weixin://wxpay/bizpayurl/up?pr=x',
  `${codeUrl}&a=b`,
  'weixin://wxpay/bizpayurl?pr=a b',
  'https://evil.example/',
])('nor does a code of another form: %s', (text) => {
  expect(page(text, 'http://127.0.0.1:8080')).toEqual([]);
});
