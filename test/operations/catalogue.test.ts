import { describe, expect, test } from 'vitest';
import {
  allEndpoints,
  completePath,
  findEndpoint,
  methodsOf,
  nearestPath,
  searchEndpoints,
} from '../../src/operations/catalogue.ts';
import { planCall, askAbout } from '../../src/operations/call.ts';

describe('the catalogue', () => {
  const all = allEndpoints();

  test('is whole: every line is a method, a path of its own, a title and a product', () => {
    expect(all).toHaveLength(1020);
    expect(new Set(all.map(({ method, path }) => `${method} ${path}`)).size).toBe(1020);
    for (const { method, path, title, product } of all) {
      expect(method).toMatch(/^(?:GET|POST|PUT|PATCH|DELETE)$/);
      expect(path).toMatch(/^\/(?:v3|hk\/v3|global\/v3)\/[\w/{}.-]+$/);
      expect(title).not.toBe('');
      expect(product).not.toBe('');
    }
  });

  test('every GET reads, and of the rest only what asks a question', () => {
    expect(all.filter(({ method, effect }) => method === 'GET' && effect !== 'read')).toEqual([]);
    const reading = all.filter(({ method, effect }) => method !== 'GET' && effect === 'read');
    expect(reading.length).toBe(14);
    for (const { path } of reading) expect(path).toMatch(/\/(?:query[\w-]*|check-opened|parking-fee|echo)$/);
  });

  test('what moves money writes', () => {
    for (const path of [
      '/v3/refund/domestic/refunds',
      '/v3/fund-app/mch-transfer/transfer-bills',
      '/v3/profitsharing/orders',
    ])
      expect(findEndpoint('POST', path)?.endpoint.effect).toBe('write');
  });

  test('knows the fourteen uploads and the downloads that nothing signs', () => {
    expect(all.filter(({ body }) => body === 'multipart')).toHaveLength(14);
    expect(all.filter(({ signed }) => !signed)).toHaveLength(8);
    expect(findEndpoint('GET', '/v3/billdownload/file')?.endpoint.signed).toBe(false);
  });

  test.each([
    [
      'GET',
      '/v3/pay/transactions/out-trade-no/T1',
      '/v3/pay/transactions/out-trade-no/{out_trade_no}',
      { out_trade_no: 'T1' },
    ],
    [
      'GET',
      '/v3/pay/transactions/out-trade-no/a%7Cb',
      '/v3/pay/transactions/out-trade-no/{out_trade_no}',
      { out_trade_no: 'a|b' },
    ],
    ['POST', '/v3/profitsharing/orders/unfreeze', '/v3/profitsharing/orders/unfreeze', {}],
    ['POST', '/v3/applyment4sub/applyment/', '/v3/applyment4sub/applyment/', {}],
  ])('%s %s is %s', (method, path, template, parameters) => {
    const found = findEndpoint(method as 'GET', path);
    expect(found?.endpoint.path).toBe(template);
    expect(found?.parameters).toEqual(parameters);
  });

  test.each(['/v3/pay/transactions/out-trade-no/', '/v3/pay', '/v3/nothing/here', '', '/v3/certificates/'])(
    'does not know %j',
    (path) => {
      expect(methodsOf(path)).toEqual([]);
    },
  );

  test('names the methods of a path, and the path that was meant', () => {
    expect(methodsOf('/v3/profitsharing/orders')).toEqual(['POST']);
    expect(nearestPath('/v3/pay/transaction/natve')).toBe('/v3/pay/transactions/native');
    expect(nearestPath('/v3/refund/domestic/refund')).toBe('/v3/refund/domestic/refunds');
    expect(nearestPath('/v3/quite/other/thing')).toBeUndefined();
  });

  test('is searched by all words, in both languages, whatever their case', () => {
    const found = searchEndpoints(['ProfitSharing', '回退']);
    expect(found.map(({ path }) => path)).toContain('/v3/profitsharing/return-orders');
    for (const { path, title, product } of found) {
      expect(path).toContain('profitsharing');
      expect(title + product).toContain('回退');
    }
    expect(searchEndpoints([])).toHaveLength(1020);
    expect(searchEndpoints(['no such word'])).toEqual([]);
  });

  test('a half-typed path keeps what stands in the place of a parameter', () => {
    expect(completePath('POST', '/v3/pay/transactions/out-trade-no/T1/')).toContainEqual({
      path: '/v3/pay/transactions/out-trade-no/T1/close',
      title: '关单API',
    });
    expect(completePath('GET', '/v3/pay/transactions/ou').map(({ path }) => path)).toEqual([
      '/v3/pay/transactions/out-trade-no/{out_trade_no}',
    ]);
    expect(completePath('GET', '/v3/profitsharing/orders/un')).toEqual([
      { path: '/v3/profitsharing/orders/un', title: '查询分账结果' },
    ]);
    expect(completePath('DELETE', '/v3/pay/')).toEqual([]);
  });
});

describe('a write whose answer is lost is asked about with', () => {
  const plan = (path: string, document: object) =>
    askAbout(planCall('POST', path, { body: Buffer.from(JSON.stringify(document)), document }));

  test.each<readonly [string, object, readonly string[] | undefined]>([
    ['/v3/pay/transactions/native', { out_trade_no: 'T1' }, ['order', 'query', '--out-trade-no', 'T1']],
    ['/v3/pay/transactions/out-trade-no/T1/close', { mchid: '1' }, ['order', 'query', '--out-trade-no', 'T1']],
    ['/v3/refund/domestic/refunds', { out_trade_no: 'T1', out_refund_no: 'R1' }, ['refund', 'query', 'R1']],
    [
      '/v3/profitsharing/orders',
      { transaction_id: '42', out_order_no: 'P|1' },
      ['api', 'GET', '/v3/profitsharing/orders/P%7C1?transaction_id=42'],
    ],
    [
      '/v3/fund-app/mch-transfer/transfer-bills',
      { out_bill_no: 'B1' },
      ['api', 'GET', '/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/B1'],
    ],
    ['/v3/combine-transactions/native', { combine_out_trade_no: 'C1' }, ['order', 'query', '--combine', 'C1']],
    ['/v3/profitsharing/receivers/add', { account: 'x' }, undefined],
    ['/v3/nothing/known', { out_trade_no: 'T1' }, undefined],
  ])('%s: %j', (path, document, wanted) => {
    expect(plan(path, document)).toEqual(wanted);
  });
});
