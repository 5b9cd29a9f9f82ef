import { describe, expect, test } from 'vitest';
import { allEndpoints, findEndpoint } from '../../src/operations/catalogue.ts';
import { checkFields } from '../../src/operations/fields.ts';
import {
  fieldLines,
  knownBody,
  knownBodyPaths,
  skeletonOf,
  type KnownBody,
} from '../../src/operations/known-bodies.ts';

function bodyOf(path: string): KnownBody {
  const body = knownBody('POST', path);
  if (body === undefined) throw new Error(`no body for ${path}`);
  return body;
}

test.each(knownBodyPaths)('%s is an endpoint of the catalogue that takes JSON', (path) => {
  const template = allEndpoints().find((endpoint) => endpoint.path === path && endpoint.method === 'POST');
  expect(template?.body).toBe('json');
  expect(findEndpoint('POST', path)?.endpoint).toBe(template);
});

describe.each(knownBodyPaths)('the skeleton of %s', (path) => {
  const body = bodyOf(path);

  test('has every required field, and none that is unknown', () => {
    const reasons = checkFields(body.fields, skeletonOf(body)).map(({ reason }) => reason);
    expect(reasons).not.toContain('missing');
    expect(reasons).not.toContain('unknown');
  });

  test('is refused as long as nothing is filled in', () => {
    expect(checkFields(body.fields, skeletonOf(body))).not.toEqual([]);
  });

  test('names its fields as they are listed', () => {
    const listed = new Set(fieldLines(body).map(({ field }) => field));
    const paths = (value: unknown, prefix: string): string[] =>
      Array.isArray(value)
        ? value.flatMap((item) => paths(item, `${prefix}[]`))
        : typeof value === 'object' && value !== null
          ? Object.entries(value).flatMap(([name, inner]) => {
              const at = prefix === '' ? name : `${prefix}.${name}`;
              return [at, ...paths(inner, at)];
            })
          : [];
    for (const at of paths(skeletonOf(body), '')) expect(listed).toContain(at);
  });
});

test('a refund names its order in one of two ways', () => {
  const body = bodyOf('/v3/refund/domestic/refunds');
  const required = Object.fromEntries(fieldLines(body).map((line) => [line.field, line.required]));
  expect(required).toMatchObject({
    sub_mchid: 'no',
    transaction_id: 'one_of',
    out_trade_no: 'one_of',
    out_refund_no: 'always',
    'amount.refund': 'always',
    goods_detail: 'no',
    'goods_detail[].merchant_goods_id': 'parent',
  });
  expect(skeletonOf(body)).toEqual({
    out_trade_no: '',
    out_refund_no: '',
    amount: { refund: 0, total: 0, currency: 'CNY' },
  });
});

test('a bank and a name belong to one kind of abnormal refund only', () => {
  const lines = fieldLines(bodyOf('/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund'));
  expect(lines.find(({ field }) => field === 'bank_account')?.required).toBe('no');
  expect(lines.find(({ field }) => field === 'type')).toMatchObject({
    required: 'always',
    values: ['USER_BANK_CARD', 'MERCHANT_BANK_CARD'],
  });
});

test('what is not known is not guessed', () => {
  expect(knownBody('POST', '/v3/profitsharing/orders')).toBeUndefined();
  expect(knownBody('GET', '/v3/refund/domestic/refunds')).toBeUndefined();
  expect(knownBody('POST', 'constructor')).toBeUndefined();
});
