/** `wxpay verify-callback` of APIv2's XML, over the whole program; and the operation, fault by fault. */
import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { verifyV2Callback } from '../../../src/operations/callback/verify-v2.ts';
import { signV2, type V2SignType } from '../../../src/core/wire/v2-sign.ts';
import { buildV2Xml } from '../../../src/core/wire/v2-xml.ts';
import { runInProcess } from '../../helpers/in-process.ts';

const key = '192006250b4c09247ec02edce69f6a2d';
const keys = { apiV2Key: key, mchid: '10000100', appid: 'wxd930ea5d5a258f4f' };
const { vectors } = JSON.parse(readFileSync(new URL('../../vectors/vectors.json', import.meta.url), 'utf8')) as {
  vectors: readonly Record<string, string>[];
};
const reqInfo = vectors.find(({ id }) => id === 'derived-v2-req-info')!['req_info_base64']!;

function payment(changes: Readonly<Record<string, string>> = {}, type: V2SignType = 'HMAC-SHA256'): string {
  const fields = new Map(
    Object.entries({
      return_code: 'SUCCESS',
      result_code: 'SUCCESS',
      appid: keys.appid,
      mch_id: keys.mchid,
      nonce_str: 'ibuaiVcKdpRxkhJA',
      out_trade_no: '1409811653',
      total_fee: '1290',
      transaction_id: '1004400740201409030005092168',
      ...changes,
    }),
  );
  fields.set('sign', signV2(fields, key, type));
  return buildV2Xml(fields);
}
const refund = (changes: Readonly<Record<string, string>> = {}): string =>
  buildV2Xml(
    new Map(
      Object.entries({
        return_code: 'SUCCESS',
        appid: keys.appid,
        mch_id: keys.mchid,
        nonce_str: 'n',
        req_info: reqInfo,
        ...changes,
      }),
    ),
  );
const verify = (xml: string, more = {}) => verifyV2Callback({ body: Buffer.from(xml) }, { ...keys, ...more });
const steps = (xml: string, more = {}): string =>
  verify(xml, more)
    .steps.map(({ step, result }) => `${step}:${result}`)
    .join(' ');

describe('verifyV2Callback', () => {
  test('accepts a payment by HMAC-SHA256, and remarks on MD5', () => {
    expect(verify(payment())).toMatchObject({ verdict: 'valid', remarks: [] });
    const report = verify(payment({}, 'MD5'));
    expect(report).toMatchObject({ verdict: 'valid', remarks: ['v2_md5'] });
    expect(report.resource).toMatchObject({ out_trade_no: '1409811653', total_fee: '1290' });
    expect(report.resource?.['sign']).toBeUndefined();
  });

  test('opens a refund, and remarks that nothing signs it', () => {
    const report = verify(refund());
    expect(report).toMatchObject({ verdict: 'valid', remarks: ['v2_unsigned'] });
    expect(report.resource).toMatchObject({ mch_id: '10000100', refund_status: 'SUCCESS', refund_fee: '3960' });
    expect(steps(refund())).toBe('envelope:passed signature:not_judged decryption:passed identity:passed');
  });

  test.each<[string, string, object, string]>([
    ['a changed amount', payment().replace('1290', '1'), {}, 'envelope:passed signature:failed identity:skipped'],
    ['another key', payment(), { apiV2Key: 'x'.repeat(32) }, 'envelope:passed signature:failed identity:skipped'],
    [
      'no signature',
      payment().replace(/<sign>.*<\/sign>/, ''),
      {},
      'envelope:passed signature:failed identity:skipped',
    ],
    ['another merchant', payment(), { mchid: '10000200' }, 'envelope:passed signature:passed identity:failed'],
    [
      'another merchant of a refund',
      refund(),
      { mchid: '10000200' },
      'envelope:passed signature:not_judged decryption:passed identity:failed',
    ],
    [
      'a refund under another key',
      refund(),
      { apiV2Key: 'x'.repeat(32) },
      'envelope:passed signature:not_judged decryption:failed identity:skipped',
    ],
    [
      'C12: an external entity',
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
      {},
      'envelope:failed signature:skipped identity:skipped',
    ],
    [
      'C12: two signatures',
      payment().replace('<sign>', '<sign>A</sign><sign>'),
      {},
      'envelope:failed signature:skipped identity:skipped',
    ],
  ])('refuses %s, and shows nothing of it', (_, xml, more, expected) => {
    expect(steps(xml, more)).toBe(expected);
    expect(verify(xml, more)).toMatchObject({ verdict: 'invalid' });
    expect(verify(xml, more).resource).toBeUndefined();
  });

  test('C12: a document inside req_info is read as strictly', () => {
    const cipher = createCipheriv('aes-256-ecb', createHash('md5').update(key).digest('hex'), null);
    const bomb = '<!DOCTYPE root [<!ENTITY a "b">]><root><out_refund_no>&a;</out_refund_no></root>';
    const info = Buffer.concat([cipher.update(bomb), cipher.final()]).toString('base64');
    expect(verify(refund({ req_info: info })).failure?.code).toBe('DECRYPT_FAILED');
  });

  test('remarks on a failed payment and another appid', () => {
    expect(verify(payment({ result_code: 'FAIL' })).remarks).toEqual(['state']);
    expect(verify(payment(), { appid: 'wx0' }).remarks).toEqual(['appid']);
  });
});

describe('wxpay verify-callback of APIv2', () => {
  const env = { HOME: '/nonexistent', WXPAY_MCHID: keys.mchid, WXPAY_APPID: keys.appid, WXPAY_API_V2_KEY: key };
  const http = (xml: string): string =>
    `POST /notify HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(xml)}\r\n\r\n${xml}`;

  test('needs the APIv2 key only, shows amounts with their unit, and says how old MD5 is', async () => {
    const result = await runInProcess(['verify-callback', '--lang', 'en'], { env, input: http(payment({}, 'MD5')) });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toContain('The callback is genuine');
    expect(result.stdout).toContain('¥12.90');
    expect(result.stdout).toContain('MD5');
  });

  test('opens req_info and says to query', async () => {
    const result = await runInProcess(['verify-callback', '--json'], { env, input: http(refund()) });
    expect(JSON.parse(result.stdout)).toMatchObject({
      verdict: 'valid',
      remarks: ['v2_unsigned'],
      resource: { refund_status: 'SUCCESS', out_refund_no: '131811191610442717309' },
    });
  });

  test('a forged one is exit 6, in Chinese, too', async () => {
    const forged = http(payment()).replace('1290', '1299');
    const result = await runInProcess(['verify-callback', '--lang', 'zh-CN'], { env, input: forged });
    expect(result.code).toBe(6);
    expect(result.stdout).toContain('APIv2 密钥');
  });
});
