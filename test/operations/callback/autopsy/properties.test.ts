import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../../../src/core/errors.ts';
import { performAutopsy } from '../../../../src/operations/callback/autopsy/autopsy.ts';
import { decodeEntities, repairBody } from '../../../../src/operations/callback/autopsy/body-repairs.ts';
import { openBudget } from '../../../../src/operations/callback/autopsy/budget.ts';
import { decodeText, encodeText } from '../../../../src/operations/callback/autopsy/charset.ts';
import { firstDifference } from '../../../../src/operations/callback/autopsy/differences.ts';
import {
  compactStyle,
  readLoosely,
  styles,
  writeJson,
} from '../../../../src/operations/callback/autopsy/loose-json.ts';
import { apiV3Key, judge, keys, merchant, oracle, send, type Sent } from './stage.ts';

const genuine = send();
const failure = new WxpayError('SIGNATURE_WRONG');
const smallBudget = () => openBudget({ messages: 300, bytes: 4 * 1024 * 1024, signatures: 16 });

describe('nothing that is captured makes an autopsy throw, or prove anything', () => {
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '1795399200', 'PUB_KEY_ID_1', `${'A'.repeat(342)}==`),
  );
  const headers = fc.dictionary(
    fc.oneof(
      fc.constantFrom(
        'wechatpay-timestamp',
        'wechatpay-nonce',
        'wechatpay-serial',
        'wechatpay-signature',
        'HTTP_WECHATPAY_NONCE',
        '__proto__',
        'constructor',
      ),
      fc.string(),
    ),
    fc.array(value, { minLength: 1, maxLength: 3 }),
  );
  test('any headers, any bytes', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 400 }), (headers, body) => {
        const autopsy = performAutopsy({
          capture: { headers, body: Buffer.from(body) },
          failure,
          keys,
          merchant,
          apiV3Key,
          budget: smallBudget(),
        });
        expect(autopsy.grade).not.toBe('proven');
      }),
      { numRuns: 1_000 },
    );
  });

  test('any text that looks like what programs write', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      ':',
      ',',
      '=',
      ' ',
      '\\',
      '\\u12',
      '&quot;',
      '%7B',
      "b'",
      'None',
      '\uFEFF',
      '\n',
      '"ciphertext"',
      '"resource"',
      '1e9',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const capture = { headers: genuine.headers, body: Buffer.from(pieces.join('')) };
        const lists = Object.fromEntries(Object.entries(capture.headers).map(([name, text]) => [name, [text]]));
        const autopsy = performAutopsy({
          capture: { headers: lists, body: capture.body },
          failure,
          keys,
          apiV3Key,
          budget: smallBudget(),
        });
        expect(autopsy.grade).not.toBe('proven');
      }),
      { numRuns: 500 },
    );
  });
});

/** Pairs of these that leave the callback whole to the eye. */
const damages: Readonly<Record<string, (sent: Sent) => Sent>> = {
  mark: ({ headers, body }) => ({ headers, body: Buffer.concat([Buffer.from('\uFEFF'), body]) }),
  lineEnd: ({ headers, body }) => ({ headers, body: Buffer.concat([body, Buffer.from('\r\n')]) }),
  slashes: ({ headers, body }) => ({ headers, body: Buffer.from(body.toString().replaceAll('/', '\\/')) }),
  milliseconds: ({ headers, body }) => ({
    headers: { ...headers, 'wechatpay-timestamp': `${headers['wechatpay-timestamp']}000` },
    body,
  }),
  quotes: ({ headers, body }) => ({
    headers: { ...headers, 'wechatpay-nonce': `"${headers['wechatpay-nonce']}"` },
    body,
  }),
  urlSafe: ({ headers, body }) => ({
    headers: { ...headers, 'wechatpay-signature': (headers['wechatpay-signature'] ?? '').replaceAll('=', '') },
    body,
  }),
  serial: ({ headers, body }) => ({ headers: { ...headers, 'wechatpay-serial': 'PUB_KEY_ID_7' }, body }),
};

test('any two damages together are proven, and what is mended is what was sent', async () => {
  const name = fc.constantFrom(...Object.keys(damages));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { minLength: 1, maxLength: 2 }), async (names) => {
      const sent = send();
      const { report, autopsy } = await judge(names.reduce((one, damage) => damages[damage]?.(one) ?? one, sent));
      expect(report.verdict).toBe('invalid');
      expect(autopsy?.grade).toBe('proven');
      expect(autopsy?.mended?.body.equals(sent.body)).toBe(true);
      expect(autopsy?.mended !== undefined && oracle(autopsy.mended)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test('JSON is read and written back to the byte', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value);
      const read = readLoosely(text);
      fc.pre(!Object.hasOwn(value, '__proto__'));
      expect(read?.cut).toBe(false);
      expect(read?.printed).toBe(false);
      expect(read === undefined ? undefined : writeJson(read.node, compactStyle)).toBe(text);
    }),
  );
});

test('JSON in any style is the same value', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(...styles), (value, style) => {
      const node = readLoosely(JSON.stringify(value))?.node;
      expect(node === undefined ? undefined : JSON.parse(writeJson(node, style))).toEqual(
        JSON.parse(JSON.stringify(value)),
      );
    }),
  );
});

test.each(['latin1', 'windows-1252', 'gbk'] as const)('%s: what is decoded is encoded to the same bytes', (charset) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const text = decodeText(bytes, charset);
      const again = text === undefined ? undefined : encodeText(text, charset);
      // GBK has a few characters twice.
      if (again !== undefined) expect(decodeText(again, charset)).toBe(text);
    }),
  );
});

test('entities come back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = text
        .replaceAll('&', '&amp;')
        .replaceAll('"', '&quot;')
        .replaceAll('<', '&#60;')
        .replaceAll('>', '&#x3E;');
      expect(decodeEntities(escaped)).toBe(text);
    }),
  );
});

test('repairs are bounded and never the body itself', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      const body = Buffer.from(bytes);
      const found = [...repairBody(body)];
      expect(found.length).toBeLessThan(64);
      for (const one of found) expect(one.body.equals(body)).toBe(false);
    }),
  );
});

test('the first difference is the first', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (a, b) => {
      const difference = firstDifference('body', a, b);
      if (difference === undefined) {
        expect(Buffer.from(a).equals(b)).toBe(true);
        return;
      }
      const { offset, from, captured, sent } = difference;
      expect(Buffer.from(a).subarray(0, offset)).toEqual(Buffer.from(b).subarray(0, offset));
      expect(a[offset]).not.toBe(b[offset]);
      expect(from).toBeLessThanOrEqual(offset);
      expect(captured.length).toBeLessThanOrEqual(48);
      expect(Buffer.from(a).subarray(from, from + captured.length)).toEqual(Buffer.from(captured));
      expect(Buffer.from(b).subarray(from, from + sent.length)).toEqual(Buffer.from(sent));
    }),
  );
});

describe('hostile text takes no more than its share of time', () => {
  test.each<[string, Buffer]>([
    ['a megabyte of =', Buffer.from(`{"a":"${'='.repeat(1_000_000)}x"}`)],
    ['a megabyte of backslashes', Buffer.from(`{"a":"${'\\'.repeat(1_000_000)}`)],
    ['a megabyte of quotes', Buffer.from('"'.repeat(1_000_000))],
    ['a megabyte of brackets', Buffer.from('{"a":'.repeat(200_000))],
    ['a megabyte of &', Buffer.from('&#x'.repeat(300_000))],
    ['a megabyte of blanks', Buffer.from(`{${' '.repeat(1_000_000)}`)],
    ['a megabyte of %7B', Buffer.from('%7B'.repeat(300_000))],
    ['a megabyte of NUL', Buffer.alloc(1_000_000)],
    ['a megabyte of line feeds', Buffer.from(`{"a":1}${'\n'.repeat(1_000_000)}x`)],
    ['a megabyte of commas', Buffer.from(`{${','.repeat(1_000_000)}`)],
    ['a bytes literal that never ends', Buffer.from(`b'${"' ".repeat(400_000)}x`)],
    ['a map of names', Buffer.from(`{${'a=, b='.repeat(150_000)}`)],
  ])('%s', async (_what, body) => {
    const started = performance.now();
    const { report } = await judge(
      { headers: genuine.headers, body },
      { budget: openBudget({ messages: 30_000, bytes: 96 * 1024 * 1024, signatures: 100 }) },
    );
    expect(report.verdict).toBe('invalid');
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
