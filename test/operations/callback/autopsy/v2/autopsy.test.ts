/** Damages of APIv2 callbacks, one by one: named, graded, and never made valid. */
import { createHash, createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openBudget } from '../../../../../src/operations/callback/autopsy/budget.ts';
import { encodeText } from '../../../../../src/operations/callback/autopsy/charset.ts';
import {
  apiV2Key,
  apiV3Key,
  appid,
  bareXml,
  canonical,
  digest,
  encrypt,
  lookInto,
  mchid,
  md5Key,
  payment,
  refund,
  rootXml,
  signed,
  xml,
  type Fields,
  type More,
} from './stage.ts';

const sent = signed();
const hmac = signed(payment, 'HMAC-SHA256');
const change = (name: string, value: string): string => xml({ ...sent, [name]: value });
const without = (...names: string[]): Fields =>
  Object.fromEntries(Object.entries(sent).filter(([name]) => !names.includes(name)));
/** Signed over `text` in whatever way; the fields go out as they are. */
const madeWith = (sign: string, fields: Fields = payment): string => xml({ ...fields, sign });
const tail = `&key=${apiV2Key}`;
const detailed: Fields = { ...payment, detail: '{"goods": 1}' };
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

test('the reference’s own answer: what the stage signs is what WeChat Pay signs', () => {
  const fields = { appid, mch_id: mchid, device_info: '1000', body: 'test', nonce_str: 'ibuaiVcKdpRxkhJA' };
  expect(signed(fields)['sign']).toBe('9A0A8659F005D6984697E2CA0A9CF3B7');
  expect(signed(fields, 'HMAC-SHA256')['sign']).toBe(
    '6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6',
  );
});

test.each<[string, string | Buffer]>([
  ['as it was sent', xml(sent)],
  ['by HMAC-SHA256', xml(hmac)],
  ['in another order of the fields', xml(Object.fromEntries(Object.entries(sent).toReversed()))],
  ['built anew without its empty fields', xml(without('device_info'))],
  [
    'built anew without CDATA, escaped',
    bareXml(Object.fromEntries(Object.entries(sent).map(([n, v]) => [n, escaped(v)]))),
  ],
  ['with a declaration, layout and a byte order mark', `\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n${xml(sent)}\n`],
])('what does no harm is no damage: %s', (_what, body) => {
  expect(lookInto(body)).toBeUndefined();
});

describe('a payment: the damage is proven', () => {
  test.each<[string, string | Buffer, readonly string[], More?]>([
    // The document.
    ['CDATA lost over & and <', bareXml(sent), ['v2_cdata_lost']],
    [
      'CDATA written out as text',
      change('attach', `&lt;![CDATA[${payment['attach']}]]&gt;`)
        .replace('<![CDATA[&lt;![CDATA[', '&lt;![CDATA[')
        .replace(']]&gt;]]>', ']]&gt;')
        .replace(`${payment['attach']}`, escaped(payment['attach']!)),
      ['html_entities'],
    ],
    ['a comment', xml(sent).replace('<xml>', '<xml><!-- logged -->'), ['v2_markup']],
    ['a DOCTYPE', `<!DOCTYPE xml>${xml(sent)}`, ['v2_markup']],
    ['attributes', xml(sent).replace('<appid>', '<appid type="string">'), ['v2_markup']],
    ['parsed into JSON', JSON.stringify(sent), ['v2_parsed']],
    [
      'parsed by xml2js',
      JSON.stringify({ xml: Object.fromEntries(Object.entries(sent).map(([n, v]) => [n, [v]])) }),
      ['v2_parsed'],
    ],
    [
      'parsed, texts in objects',
      JSON.stringify({ xml: Object.fromEntries(Object.entries(sent).map(([n, v]) => [n, { '#text': v }])) }),
      ['v2_parsed'],
    ],
    [
      'printed by Python',
      `{${Object.entries(sent)
        .map(([n, v]) => `'${n}': '${v}'`)
        .join(', ')}}`,
      ['v2_parsed'],
    ],
    ['as a form', new URLSearchParams(sent).toString(), ['v2_parsed']],
    [
      'as the string to sign, with the key in it',
      `${canonical(payment)}&sign=${sent['sign']}${tail}`.replace('& "', '%26 "'),
      ['v2_parsed'],
    ],
    ['a log’s prefix', `2026-11-28 10:00:00 INFO body: ${xml(sent)}`, ['text_around']],
    ['quoted as a string', JSON.stringify(xml(sent)), ['string_literal']],
    [
      'Python’s bytes',
      `b'${[...Buffer.from(xml(sent))].map((byte) => (byte > 0x7e || byte < 0x20 ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte))).join('')}'`,
      ['bytes_literal'],
    ],
    ['HTML entities over all of it', escaped(xml(sent)), ['html_entities']],
    ['percent-encoded', encodeURIComponent(xml(sent)), ['percent_encoded']],
    ['in base64', Buffer.from(xml(sent)).toString('base64'), ['base64_body']],
    ['encoded twice', encodeURIComponent(encodeURIComponent(xml(sent))), ['percent_encoded']],
    ['compressed', gzipSync(xml(sent)), ['compressed']],
    ['a buffer at its full size', Buffer.concat([Buffer.from(xml(sent)), Buffer.alloc(64)]), ['padded']],
    ['read as Latin-1', Buffer.from(Buffer.from(xml(sent)).toString('latin1')), ['mojibake']],
    ['converted to GBK', encodeText(xml(sent), 'gbk')!, ['charset']],
    // Values.
    ['trimmed', xml({ ...signed({ ...payment, attach: 'a ' }), attach: 'a' }), ['v2_trimmed']],
    ['trimmed to nothing', xml({ ...signed({ ...payment, attach: ' ' }), attach: '' }), ['v2_trimmed']],
    ['blanks around a value', change('bank_type', '\n    CFT\n  '), ['v2_padded']],
    [
      'blanks around every value',
      xml(Object.fromEntries(Object.entries(sent).map(([n, v]) => [n, n === 'sign' ? v : ` ${v} `]))),
      ['v2_padded'],
    ],
    ['quotes around a value', change('bank_type', '"CFT"'), ['v2_padded']],
    ['a number with a fraction', change('total_fee', '1290.0'), ['v2_retyped']],
    ['a number with separators', change('total_fee', '1,290'), ['v2_retyped']],
    ['a number in yuan', change('total_fee', '12.90'), ['v2_retyped']],
    ['leading zeros lost', change('out_trade_no', '1409811653'), ['v2_retyped']],
    ['a number with an exponent', change('time_end', '2.0141030133525e13'), ['v2_retyped']],
    ['a time as a time', change('time_end', '2014-10-30 13:35:25'), ['v2_retyped']],
    ['a truth value', change('is_subscribe', 'false'), ['v2_retyped']],
    ['entities encoded', change('attach', escaped(payment['attach']!)), ['html_entities']],
    [
      'entities encoded in one value only',
      xml({ ...signed({ ...payment, device_info: '&amp;' }), attach: escaped(payment['attach']!) }),
      ['v2_entities'],
    ],
    [
      'entities decoded in one value',
      xml({ ...signed({ ...payment, attach: 'a &amp; b' }), attach: 'a & b' }),
      ['v2_entities'],
    ],
    ['a value URL-encoded', change('attach', encodeURIComponent(payment['attach']!)), ['v2_url_encoded']],
    ['a + that became a blank', xml({ ...signed({ ...payment, attach: 'a+b' }), attach: 'a b' }), ['v2_url_encoded']],
    ['an empty field as a word', change('device_info', 'null'), ['v2_empty_written']],
    ['an empty field as PHP has it', change('device_info', 'Array'), ['v2_empty_written']],
    [
      'names in camel case',
      JSON.stringify(
        Object.fromEntries(
          Object.entries(sent).map(([n, v]) => [n.replaceAll(/_(.)/g, (_, c: string) => c.toUpperCase()), v]),
        ).valueOf(),
      ).replace('"nonceStr"', '"nonceStr"'),
      ['v2_names', 'v2_parsed'],
    ],
    ['a field lost', xml(without('fee_type')), ['v2_field_lost']],
    ['the merchant lost', xml(without('mch_id')), ['v2_field_lost']],
    ['two fields lost', xml(without('fee_type', 'is_subscribe')), ['v2_field_lost', 'v2_field_lost']],
    ['a field added', xml({ ...sent, s: '/notify' }), ['v2_field_added']],
    ['two fields added', xml({ ...sent, s: '/notify', received_at: '1' }), ['v2_field_added', 'v2_field_added']],
    ['an amount raised beside another', change('total_fee', '999999'), ['v2_value_changed']],
    ['one character changed', change('openid', payment['openid']!.replace('8', '9')), ['v2_one_character']],
    ['one character lost', change('openid', payment['openid']!.slice(1)), ['v2_one_character']],
    // The sign.
    ['a sign in lower case', change('sign', sent['sign']!.toLowerCase()), ['v2_sign_case']],
    ['blanks in the sign', change('sign', ` ${sent['sign']} `), ['v2_sign_form']],
    ['a sign in base64', change('sign', Buffer.from(sent['sign']!, 'hex').toString('base64')), ['v2_sign_form']],
    ['an HMAC cut to 32 digits', xml({ ...hmac, sign: hmac['sign']!.slice(0, 32) }), ['v2_sign_truncated']],
    [
      'sign_type says MD5, signed with HMAC-SHA256',
      xml(signed({ ...payment, sign_type: 'MD5' }, 'HMAC-SHA256')),
      ['v2_sign_type'],
    ],
    [
      'sign_type says HMAC-SHA256, signed with MD5',
      xml(signed({ ...payment, sign_type: 'HMAC-SHA256' }, 'MD5')),
      ['v2_sign_type'],
    ],
    ['sign_type in lower case', xml(signed({ ...payment, sign_type: 'hmac-sha256' }, 'HMAC-SHA256')), ['v2_sign_type']],
    // Who signed otherwise.
    [
      'empty fields signed',
      madeWith(
        digest(
          `${Object.keys(payment)
            .sort()
            .map((n) => `${n}=${payment[n]}`)
            .join('&')}${tail}`,
          'MD5',
        ),
      ),
      ['v2_signed_empty'],
    ],
    [
      'the sign signed',
      madeWith(digest(`${canonical(payment).replace('&time_end', `&sign=${sent['sign']}&time_end`)}${tail}`, 'MD5')),
      ['v2_signed_sign'],
    ],
    [
      'not sorted',
      madeWith(
        digest(
          `${Object.entries(payment)
            .toReversed()
            .filter(([, v]) => v !== '')
            .map(([n, v]) => `${n}=${v}`)
            .join('&')}${tail}`,
          'MD5',
        ),
        Object.fromEntries(Object.entries(payment).toReversed()),
      ),
      ['v2_signed_order'],
    ],
    ['without key=', madeWith(digest(canonical(payment) + apiV2Key, 'MD5')), ['v2_signed_key']],
    ['an HMAC without the key in its text', madeWith(digest(canonical(payment), 'HMAC-SHA256')), ['v2_signed_key']],
    [
      'values encoded before signing',
      madeWith(
        digest(
          `${Object.keys(detailed)
            .sort()
            .filter((n) => detailed[n] !== '')
            .map((n) => `${n}=${encodeURIComponent(detailed[n]!)}`)
            .join('&')}${tail}`,
          'MD5',
        ),
        detailed,
      ),
      ['v2_signed_encoded'],
    ],
    ['signed in GBK', madeWith(digest(encodeText(canonical(payment) + tail, 'gbk')!, 'MD5')), ['v2_signed_charset']],
    [
      'sign_type left out of the signature',
      madeWith(hmac['sign']!, { ...payment, sign_type: 'HMAC-SHA256' }),
      ['v2_signed_without'],
    ],
    [
      'SHA-256 instead of HMAC',
      madeWith(
        createHash('sha256')
          .update(canonical(payment) + tail)
          .digest('hex')
          .toUpperCase(),
      ),
      ['v2_signed_otherwise'],
    ],
    // The keys.
    ['a key with a line end', xml(sent), ['v2_key_blanks'], { apiV2Key: `${apiV2Key}\n` }],
    ['a key in quotes', xml(hmac), ['v2_key_blanks'], { apiV2Key: `"${apiV2Key}"` }],
    ['a key in upper case', xml(sent), ['v2_key_encoded'], { apiV2Key: apiV2Key.toUpperCase() }],
    ['a key in base64', xml(sent), ['v2_key_encoded'], { apiV2Key: Buffer.from(apiV2Key).toString('base64') }],
    ['the APIv3 key', xml(sent), ['v2_key_v3'], { apiV2Key: apiV3Key, apiV3Key: apiV2Key }],
    ['another merchant, genuine', xml(signed({ ...payment, mch_id: '10000200' })), ['other_merchant']],
    // Two at once.
    [
      'trimmed, and a field added',
      xml({ ...signed({ ...payment, attach: 'a ' }), attach: 'a', s: '/notify' }),
      ['v2_trimmed', 'v2_field_added'],
    ],
    [
      'a key with a blank, and a sign in lower case',
      change('sign', sent['sign']!.toLowerCase()),
      ['v2_key_blanks', 'v2_sign_case'],
      { apiV2Key: ` ${apiV2Key}` },
    ],
    ['in base64, and CDATA lost', Buffer.from(bareXml(sent)).toString('base64'), ['base64_body', 'v2_cdata_lost']],
  ])('%s', (_what, body, causes, more) => {
    const found = lookInto(body, more);
    expect(found?.findings.map(({ cause }) => cause).toSorted()).toEqual([...causes].toSorted());
    expect(found).toMatchObject({ grade: 'proven', facts: { api: 'v2' } });
    // What is called the message signed is judged here again, by hand.
    const { mendedV2 } = found!;
    if (mendedV2 === undefined) {
      expect(causes.some((cause) => cause.startsWith('v2_signed_') || cause === 'other_merchant')).toBe(true);
      return;
    }
    const message = `${mendedV2.signed}&key=${apiV2Key}`;
    const made = mendedV2.type === 'MD5' ? createHash('md5') : createHmac('sha256', apiV2Key);
    expect([sent['sign'], hmac['sign'], ...resigned(body)]).toContain(made.update(message).digest('hex').toUpperCase());
  });

  /** The sign in a body that was signed for its test. */
  function resigned(body: string | Buffer): readonly string[] {
    return [...body.toString().matchAll(/\b[0-9A-F]{32}(?:[0-9A-F]{32})?\b/g)].map(([sign]) => sign);
  }
});

describe('a payment: the evidence points somewhere, and nothing is proven', () => {
  test.each<[string, string, string, More?]>([
    ['digits lost', change('transaction_id', '1.0044007402014091e+27'), 'v2_number_lost'],
    ['cut off', xml(sent).slice(0, 400), 'truncated'],
    ['characters lost', change('attach', '???? & "??" <?>'), 'charset_lost'],
    ['no sign', xml(without('sign')), 'v2_no_sign'],
    ['a sign that is none', change('sign', 'abc'), 'v2_sign_unreadable'],
    [
      'an answer',
      '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>',
      'v2_answer',
    ],
    ['another merchant’s', xml(signed({ ...payment, mch_id: '10000200' }, 'MD5', 'x'.repeat(32))), 'v2_other_mchid'],
    [
      'a service provider’s',
      xml(signed({ ...payment, mch_id: '10000200', sub_mch_id: mchid }, 'MD5', 'x'.repeat(32))),
      'v2_sub_merchant',
    ],
    ['no fields', '<xml></xml>', 'v2_no_document'],
  ])('%s', (_what, body, cause, more) => {
    const found = lookInto(body, more);
    expect(found).toMatchObject({ grade: 'indicated' });
    expect(found?.findings.map((finding) => finding.cause)).toContain(cause);
    expect(found).not.toHaveProperty('mendedV2');
  });

  test.each<[string, string]>([
    ['an unknown key', xml(signed(payment, 'MD5', 'y'.repeat(32)))],
    ['amounts that somebody raised', xml({ ...sent, total_fee: '999999', cash_fee: '999999' })],
    ['a sign of zeros', change('sign', '0'.repeat(32))],
  ])('%s is not identifiable: nobody can tell them apart', (_what, body) => {
    expect(lookInto(body)).toMatchObject({ grade: 'not_identifiable', findings: [] });
  });
});

describe('a refund', () => {
  const plain = rootXml();
  test.each<[string, string, readonly string[], string, More?]>([
    [
      'URL-safe base64',
      refund(encrypt(plain, md5Key()).replaceAll('+', '-').replaceAll('/', '_')),
      ['v2_req_info_text'],
      'proven',
    ],
    ['+ that became blanks', refund(encrypt(plain, md5Key()).replaceAll('+', ' ')), ['v2_req_info_text'], 'proven'],
    [
      'padding lost',
      refund(encrypt(rootXml({ a: '1'.repeat(20) }), md5Key()).replace(/=+$/, '')),
      ['v2_req_info_text'],
      'proven',
    ],
    ['percent-encoded', refund(encodeURIComponent(encrypt(plain, md5Key()))), ['v2_req_info_text'], 'proven'],
    [
      'in hexadecimal',
      refund(Buffer.from(encrypt(plain, md5Key()), 'base64').toString('hex')),
      ['v2_req_info_text'],
      'proven',
    ],
    [
      'in base64 twice',
      refund(Buffer.from(encrypt(plain, md5Key())).toString('base64')),
      ['v2_req_info_text'],
      'proven',
    ],
    ['cut off', refund(encrypt(plain, md5Key()).slice(0, 200)), ['v2_req_info_cut'], 'indicated'],
    ['the key itself', refund(encrypt(plain, Buffer.from(apiV2Key))), ['v2_req_info_key'], 'proven'],
    [
      'MD5 in upper case',
      refund(encrypt(plain, Buffer.from(md5Key().toString().toUpperCase()))),
      ['v2_req_info_key'],
      'proven',
    ],
    [
      'MD5 as 16 bytes',
      refund(encrypt(plain, createHash('md5').update(apiV2Key).digest())),
      ['v2_req_info_key'],
      'proven',
    ],
    ['CBC', refund(encrypt(plain, md5Key(), 'cbc')), ['v2_req_info_key'], 'proven'],
    ['a key with a line end', refund(), ['v2_key_blanks'], 'proven', { apiV2Key: `${apiV2Key}\n` }],
    ['the APIv3 key', refund(), ['v2_key_v3'], 'proven', { apiV2Key: apiV3Key, apiV3Key: apiV2Key }],
    [
      'CDATA of another document',
      JSON.stringify({
        return_code: 'SUCCESS',
        appid,
        mch_id: mchid,
        nonce_str: 'n',
        req_info: encrypt(plain, md5Key()),
      }),
      ['v2_parsed'],
      'proven',
    ],
  ])('%s', (_what, body, causes, grade, more) => {
    const found = lookInto(body, more);
    expect(found?.findings.map(({ cause }) => cause)).toEqual(causes);
    expect(found).toMatchObject({ grade, facts: { api: 'v2', signature: 'absent', resource: 'holds' } });
  });

  test('under an unknown key is not identifiable', () => {
    const found = lookInto(refund(encrypt(plain, md5Key('z'.repeat(32)))));
    expect(found).toMatchObject({ grade: 'not_identifiable', facts: { resource: 'fails' } });
  });
});

test('the work is bounded, and says where it ended', () => {
  const huge = xml(
    signed(
      { ...payment, ...Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, 'x'.repeat(100)])) },
      'MD5',
      'q'.repeat(32),
    ),
  );
  const started = process.cpuUsage();
  const found = lookInto(huge);
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(20);
  expect(found).toMatchObject({ grade: 'not_identifiable', tried: { ended: true } });
  const small = lookInto(change('openid', 'x'), { budget: openBudget({ messages: 100, bytes: 1e6, signatures: 0 }) });
  expect(small?.tried).toMatchObject({ messages: 100, ended: true });
});

test.each([
  ['an unclosed tag, 64 KiB of them', '<xml>' + '<a>'.repeat(21_000)],
  ['CDATA without end', `<xml>${'<a><![CDATA['.repeat(5_000)}`],
  ['comments without end', `<xml>${'<!--'.repeat(16_000)}`],
  ['blanks in tags', `<xml>${'<a '.repeat(20_000)}`],
  ['entities', `<xml><a>${'&#1;&'.repeat(10_000)}</a></xml>`],
  ['brackets', `${'{"mch_id":'.repeat(6_000)}nonce_str return_code`],
])('hostile documents end soon: %s', (_what, body) => {
  const started = process.cpuUsage();
  const found = lookInto(body);
  expect(found?.grade).not.toBe('proven');
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(5);
});

test('no finding holds a key', () => {
  for (const body of [xml(sent), change('sign', 'abc'), `${canonical(payment)}&sign=${sent['sign']}${tail}`]) {
    const text = JSON.stringify(lookInto(body, { apiV2Key: `${apiV2Key}\n` }) ?? {});
    expect(text).not.toContain(apiV2Key);
    expect(text).not.toContain(apiV3Key);
  }
});
