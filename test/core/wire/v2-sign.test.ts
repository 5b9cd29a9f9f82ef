import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSignType, signV2, v2Canonical, v2PayParameters, verifyV2 } from '../../../src/core/wire/v2-sign.ts';
import type { V2SignType } from '../../../src/core/wire/v2-sign.ts';

interface SignVector {
  readonly id: string;
  readonly kind: string;
  readonly sign_type: V2SignType;
  readonly key: string;
  readonly params: Readonly<Record<string, string>>;
  readonly string_a: string;
  readonly expected: string;
}

const { vectors } = JSON.parse(readFileSync(new URL('../../vectors/vectors.json', import.meta.url), 'utf8')) as {
  vectors: readonly SignVector[];
};
const key = '192006250b4c09247ec02edce69f6a2d';
const fieldsOf = (object: Readonly<Record<string, string>>): Map<string, string> => new Map(Object.entries(object));

describe('signV2', () => {
  test.each(vectors.filter(({ kind }) => kind === 'v2-sign').map((vector) => [vector.id, vector] as const))(
    'makes the documented signature of %s',
    (_, { params, key, sign_type, string_a, expected }) => {
      expect(v2Canonical(fieldsOf(params))).toBe(string_a);
      expect(signV2(fieldsOf(params), key, sign_type)).toBe(expected);
    },
  );

  test('leaves out sign and empty fields, and sorts by ASCII bytes: upper case first', () => {
    expect(v2Canonical(fieldsOf({ b: '2', sign: 'X', a: '', aB: '3', ab: '4', B: '1' }))).toBe('B=1&aB=3&ab=4&b=2');
  });

  test('signs values as they are, Chinese, spaces, & and = included', () => {
    expect(v2Canonical(fieldsOf({ body: '中 杯&a=b' }))).toBe('body=中 杯&a=b');
  });

  test('does not depend on the order of the fields', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string()), (object) => {
        const pairs = Object.entries(object);
        return signV2(new Map(pairs), key, 'MD5') === signV2(new Map(pairs.toReversed()), key, 'MD5');
      }),
    );
  });
});

describe('verifyV2', () => {
  const signed = (type: V2SignType, extra: Readonly<Record<string, string>> = {}): Map<string, string> => {
    const fields = fieldsOf({ return_code: 'SUCCESS', total_fee: '1', ...extra });
    fields.set('sign', signV2(fields, key, type));
    return fields;
  };

  test.each(['MD5', 'HMAC-SHA256'] as const)('accepts %s, asked for, named, or told by its length', (type) => {
    expect(verifyV2(signed(type), key)).toBe(type);
    expect(verifyV2(signed(type), key, type)).toBe(type);
    expect(verifyV2(signed(type, { sign_type: type }), key)).toBe(type);
  });

  test('takes part of every field, also of those that nobody knows', () => {
    const fields = signed('MD5', { invented_field: 'x' });
    expect(verifyV2(fields, key)).toBe('MD5');
    fields.set('invented_field', 'y');
    expect(() => verifyV2(fields, key)).toThrow('SIGNATURE_WRONG');
  });

  test('refuses an answer by MD5 to a request by HMAC-SHA256', () => {
    expect(() => verifyV2(signed('MD5'), key, 'HMAC-SHA256')).toThrow('SIGNATURE_WRONG');
    expect(() => verifyV2(signed('MD5', { sign_type: 'MD5' }), key, 'HMAC-SHA256')).toThrow(
      'SIGNATURE_TYPE_UNSUPPORTED',
    );
  });

  test('refuses a field added, removed or changed, and another key', () => {
    const fields = signed('HMAC-SHA256');
    expect(() => verifyV2(new Map([...fields, ['more', '1']]), key)).toThrow('SIGNATURE_WRONG');
    expect(() => verifyV2(new Map([...fields].filter(([name]) => name !== 'total_fee')), key)).toThrow(
      'SIGNATURE_WRONG',
    );
    expect(() => verifyV2(new Map([...fields, ['total_fee', '2']]), key)).toThrow('SIGNATURE_WRONG');
    expect(() => verifyV2(fields, key.toUpperCase())).toThrow('SIGNATURE_WRONG');
  });

  test('C11: refuses a signature of any length without comparing beyond it', () => {
    const fields = signed('MD5');
    const sign = fields.get('sign') ?? '';
    for (const wrong of [sign.slice(1), `${sign}0`, sign.toLowerCase(), '签'.repeat(32), ' '])
      expect(() => verifyV2(new Map([...fields, ['sign', wrong]]), key)).toThrow('SIGNATURE_WRONG');
    expect(() => verifyV2(new Map([...fields, ['sign', '']]), key)).toThrow('SIGNATURE_MISSING');
    expect(() => verifyV2(fieldsOf({ a: '1' }), key)).toThrow('SIGNATURE_MISSING');
  });

  test('says which algorithm it does not know, up to 32 characters of it', () => {
    const refusal = (): unknown => {
      try {
        return verifyV2(signed('MD5', { sign_type: `S${'X'.repeat(40)}` }), key);
      } catch (error) {
        return error;
      }
    };
    expect(refusal()).toMatchObject({
      code: 'SIGNATURE_TYPE_UNSUPPORTED',
      params: { type: `S${'X'.repeat(31)}` },
      hint: 'v2.hint.sign_type',
    });
  });

  test('knows no third algorithm', () => {
    expect(() => verifyV2(signed('MD5', { sign_type: 'SHA1' }), key)).toThrow('SIGNATURE_TYPE_UNSUPPORTED');
    expect(readSignType('md5')).toBeUndefined();
  });
});

describe('v2PayParameters', () => {
  const input = {
    appid: 'wxd930ea5d5a258f4f',
    partnerid: '10000100',
    prepayId: 'wx20141027200939',
    timestamp: '1414411784',
    nonce: 'gbwr71b5no6q6ne18c8up1u7l7he2y75',
    key,
    signType: 'MD5',
  } as const;

  test('signs appId, timeStamp, nonceStr, package and signType for JSAPI; the mini-program gets no appId', () => {
    const { canonical, parameters } = v2PayParameters('jsapi', input);
    expect(canonical).toBe(
      `appId=${input.appid}&nonceStr=${input.nonce}&package=prepay_id=${input.prepayId}&signType=MD5&timeStamp=${input.timestamp}`,
    );
    expect(Object.keys(parameters)).toEqual(['appId', 'timeStamp', 'nonceStr', 'package', 'signType', 'paySign']);
    const mini = v2PayParameters('mini', input).parameters;
    expect(mini['paySign']).toBe(parameters['paySign']);
    expect(mini['appId']).toBeUndefined();
  });

  test('signs six lower-case names for APP, package among them', () => {
    const { canonical, parameters } = v2PayParameters('app', { ...input, signType: 'HMAC-SHA256' });
    expect(canonical).toBe(
      `appid=${input.appid}&noncestr=${input.nonce}&package=Sign=WXPay&partnerid=10000100&prepayid=${input.prepayId}&timestamp=${input.timestamp}`,
    );
    expect(parameters['sign']).toMatch(/^[0-9A-F]{64}$/);
  });
});
