import { deflateSync, gzipSync, brotliCompressSync } from 'node:zlib';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { performAutopsy } from '../../../../src/operations/callback/autopsy/autopsy.ts';
import { defaultLimits, openBudget } from '../../../../src/operations/callback/autopsy/budget.ts';
import type { Cause, Rewriting } from '../../../../src/operations/callback/autopsy/findings.ts';
import { frameworks, recipes } from '../../../../src/operations/callback/recipes.ts';
import {
  apiV3Key,
  capture,
  certificateKey,
  ids,
  judge,
  keys,
  merchant,
  merchantKey,
  now,
  oracle,
  send,
  strangerKey,
  type Circumstances,
  type Damaged,
  type Sent,
} from './stage.ts';

const body =
  (change: (text: string) => string | Buffer) =>
  ({ headers, body }: Sent): Damaged => ({ headers, body: change(body.toString()) });
const header =
  (name: string, change: (value: string, headers: Sent['headers']) => string | readonly string[] | undefined) =>
  ({ headers, body }: Sent): Damaged => ({
    headers: { ...headers, [`wechatpay-${name}`]: change(headers[`wechatpay-${name}`] ?? '', headers) },
    body,
  });
const parsed = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const resourceOf = (text: string): Record<string, unknown> => parsed(text)['resource'] as Record<string, unknown>;
const withResource = (text: string, change: object): string =>
  JSON.stringify({ ...parsed(text), resource: { ...resourceOf(text), ...change } });
const unicode = (text: string): string =>
  text.replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, inner]) => [name, sorted(inner)]),
      )
    : value;
const shuffled = (text: string): string => {
  const { id, summary, resource, ...rest } = parsed(text);
  const { nonce, ciphertext, ...inner } = resource as Record<string, unknown>;
  return JSON.stringify({ summary, ...rest, resource: { nonce, ...inner, ciphertext }, id });
};
const python = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(python).join(', ')}]`
    : typeof value === 'object' && value !== null
      ? `{${Object.entries(value)
          .map(([name, inner]) => `${JSON.stringify(name)}: ${python(inner)}`)
          .join(', ')}}`
      : JSON.stringify(value);
const jackson = (text: string): string => JSON.stringify(parsed(text), null, 2).replaceAll('": ', '" : ');
const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, char: string) => char.toUpperCase());
const html = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('+', '&#43;').replaceAll('=', '&#x3D;');
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const gbkMojibake = (text: string): string => new TextDecoder('gbk').decode(Buffer.from(text));
const gbk = (text: string): Buffer =>
  Buffer.concat(
    text
      .split('支付成功')
      .flatMap((part, index) => [...(index > 0 ? [Buffer.from('d6a7b8b6b3c9b9a6', 'hex')] : []), Buffer.from(part)]),
  );
const printedJava = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? `{${Object.entries(value)
        .map(([name, inner]) => `${name}=${printedJava(inner)}`)
        .join(', ')}}`
    : String(value);

describe('what happened to a body is proven', () => {
  test.each<[string, (sent: Sent) => Damaged, readonly Cause[], (readonly Rewriting[])?]>([
    [
      'Python json.dumps',
      body((text) => unicode(python(parsed(text)))),
      ['reserialised'],
      ['spacing', 'unicode_escapes'],
    ],
    ['Python json.dumps with ensure_ascii=False', body((text) => python(parsed(text))), ['reserialised'], ['spacing']],
    [
      'Python json.dumps with sort_keys',
      body((text) => unicode(python(sorted(parsed(text))))),
      ['reserialised'],
      ['spacing', 'member_order', 'unicode_escapes'],
    ],
    [
      'PHP json_encode',
      body((text) => unicode(text).replaceAll('/', '\\/')),
      ['reserialised'],
      ['slash_escapes', 'unicode_escapes'],
    ],
    [
      'PHP json_encode with JSON_UNESCAPED_UNICODE',
      body((text) => text.replaceAll('/', '\\/')),
      ['reserialised'],
      ['slash_escapes'],
    ],
    [
      'PHP json_encode with JSON_PRETTY_PRINT',
      body((text) => JSON.stringify(parsed(text), null, 4)),
      ['reserialised'],
      ['spacing'],
    ],
    [
      'Go json.Marshal of a map',
      body((text) => JSON.stringify(sorted(parsed(text)))),
      ['reserialised'],
      ['member_order'],
    ],
    [
      '.NET System.Text.Json',
      body((text) =>
        unicode(text)
          .replaceAll('+', '\\u002B')
          .replaceAll(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`),
      ),
      ['reserialised'],
      ['unicode_escapes', 'html_escapes'],
    ],
    ['Jackson, pretty', body(jackson), ['reserialised'], ['spacing']],
    [
      'fastjson, names sorted',
      body((text) => JSON.stringify(sorted(parsed(text)))),
      ['reserialised'],
      ['member_order'],
    ],
    ['a Java HashMap: any order', body(shuffled), ['reserialised'], ['member_order']],
    [
      'JSON.stringify with an indent',
      body((text) => JSON.stringify(parsed(text), null, 2)),
      ['reserialised'],
      ['spacing'],
    ],
    ['tabs', body((text) => JSON.stringify(parsed(text), null, '\t')), ['reserialised'], ['spacing']],
    [
      'pretty, with CRLF',
      body((text) => JSON.stringify(parsed(text), null, 2).replaceAll('\n', '\r\n')),
      ['reserialised'],
      ['spacing'],
    ],
    ['slashes escaped', body((text) => text.replaceAll('/', '\\/')), ['reserialised'], ['slash_escapes']],
    ['\\u escapes', body(unicode), ['reserialised'], ['unicode_escapes']],
    [
      'a typed object in camel case',
      body((text) =>
        JSON.stringify(Object.fromEntries(Object.entries(parsed(text)).map(([name, value]) => [camel(name), value]))),
      ),
      ['reserialised'],
      ['members_renamed'],
    ],
    [
      'a typed object with nulls',
      body((text) => JSON.stringify({ ...parsed(text), error: null })),
      ['reserialised'],
      ['members_added'],
    ],
    [
      'a member that the app added',
      body((text) => JSON.stringify({ ...parsed(text), received_at: 'x' })),
      ['reserialised'],
      ['members_added'],
    ],
    [
      'a typed object without original_type',
      body((text) => withResource(text, { original_type: undefined })),
      ['reserialised'],
      ['members_lost'],
    ],
    [
      'associated_data missing',
      body((text) => withResource(text, { associated_data: undefined })),
      ['reserialised'],
      ['members_lost'],
    ],
    [
      'summary dropped',
      body((text) => JSON.stringify({ ...parsed(text), summary: undefined })),
      ['reserialised'],
      ['members_lost'],
    ],
    [
      'a time that became a date',
      body((text) => JSON.stringify({ ...parsed(text), create_time: '2026-11-23T02:00:00.000Z' })),
      ['reserialised'],
      ['dates'],
    ],
    [
      'the resource as a string',
      body((text) => JSON.stringify({ ...parsed(text), resource: JSON.stringify(resourceOf(text)) })),
      ['reserialised'],
      ['nested_string'],
    ],
    [
      '+ became a blank',
      body((text) => withResource(text, { ciphertext: String(resourceOf(text)['ciphertext']).replaceAll('+', ' ') })),
      ['reserialised'],
      ['base64'],
    ],
    [
      'ciphertext in URL-safe base64',
      body((text) =>
        withResource(text, {
          ciphertext: String(resourceOf(text)['ciphertext']).replaceAll('+', '-').replaceAll('/', '_'),
        }),
      ),
      ['reserialised'],
      ['base64'],
    ],
    [
      'ciphertext in lines of 76',
      body((text) =>
        withResource(text, { ciphertext: String(resourceOf(text)['ciphertext']).replaceAll(/.{76}/g, '$&\r\n') }),
      ),
      ['reserialised'],
      ['base64'],
    ],
    ['a byte order mark', body((text) => `\uFEFF${text}`), ['byte_order_mark']],
    ['a line feed behind it', body((text) => `${text}\n`), ['final_newline']],
    ['CRLF behind it', body((text) => `${text}\r\n`), ['final_newline']],
    ['blanks around it', body((text) => `  ${text}\n\n `), ['blanks_around']],
    ["a log's prefix before it", body((text) => `INFO body: ${text}`), ['text_around']],
    ['NULs behind it', body((text) => `${text}\0\0\0`), ['padded']],
    ['read as ISO-8859-1', body(latin1), ['mojibake']],
    ['read as ISO-8859-1 twice', body((text) => latin1(latin1(text))), ['mojibake']],
    ['read as Windows-1252', body((text) => new TextDecoder('windows-1252').decode(Buffer.from(text))), ['mojibake']],
    ['read as GBK', body(gbkMojibake), ['mojibake']],
    ['written in GBK', body(gbk), ['charset']],
    ['written in UTF-16LE', body((text) => Buffer.from(`\uFEFF${text}`, 'utf16le')), ['charset']],
    ['written in UTF-16BE', body((text) => Buffer.from(text, 'utf16le').swap16()), ['charset']],
    ['Chinese became question marks', body((text) => text.replaceAll(/[\u4e00-\u9fff]/g, '?')), ['charset_lost']],
    [
      'Chinese became replacement characters',
      body((text) => text.replaceAll(/[\u4e00-\u9fff]/g, '\uFFFD')),
      ['charset_lost'],
    ],
    ['HTML entities', body(html), ['html_entities']],
    ['HTML entities twice', body((text) => html(html(text))), ['html_entities']],
    ['URL-encoded', body((text) => encodeURIComponent(text)), ['percent_encoded']],
    ['URL-encoded as a form', body((text) => new URLSearchParams({ body: text }).toString()), ['percent_encoded']],
    [
      'a form parsed by qs, logged as JSON',
      body((text) => {
        const plain = text.replaceAll('+', ' ');
        const at = plain.indexOf('=');
        return JSON.stringify(at === -1 ? { [plain]: '' } : { [plain.slice(0, at)]: plain.slice(at + 1) });
      }),
      ['form_parsed'],
    ],
    ['logged as a JSON string', body((text) => JSON.stringify(text)), ['string_literal']],
    [
      'logged as a JSON string without its quotes',
      body((text) => JSON.stringify(text).slice(1, -1)),
      ['string_literal'],
    ],
    ['in single quotes', body((text) => `'${text}'`), ['string_literal']],
    ['quotes doubled as in CSV', body((text) => `"${text.replaceAll('"', '""')}"`), ['string_literal']],
    [
      "Python's bytes literal",
      body(
        (text) =>
          `b'${Buffer.from(text)
            .toString('latin1')
            .replaceAll(/[\u007f-\u00ff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`)}'`,
      ),
      ['bytes_literal'],
    ],
    ["Python's dict", body((text) => python(parsed(text)).replaceAll('"', "'")), ['printed_object']],
    [
      "Node's console.log",
      body((text) => inspect(parsed(text), { depth: 5, maxStringLength: null, breakLength: 80 })),
      ['printed_object'],
    ],
    ["Java's Map.toString", body((text) => printedJava(parsed(text))), ['printed_object']],
    ['gzip', body((text) => gzipSync(text)), ['compressed']],
    ['deflate', body((text) => deflateSync(text)), ['compressed']],
    ['br', body((text) => brotliCompressSync(text)), ['compressed']],
    ['base64', body((text) => Buffer.from(text).toString('base64')), ['base64_body']],
    ['its last brackets cut off', body((text) => text.slice(0, -2)), ['truncated']],
    ['a quote and brackets cut off', body((text) => text.slice(0, -3)), ['truncated']],
    ['a bit flipped', body((text) => text.replace('TRANSACTION', 'TRANSACTIOO')), ['one_byte']],
    ['a character typed into it', body((text) => text.replace('"nonce"', '"nonce";')), ['one_byte']],
    ['a character lost', body((text) => text.replace('transaction', 'transction')), ['one_byte']],
    // Two at once.
    ['a byte order mark and a line feed', body((text) => `\uFEFF${text}\n`), ['byte_order_mark', 'final_newline']],
    [
      'pretty, logged as a string',
      body((text) => JSON.stringify(JSON.stringify(parsed(text), null, 2))),
      ['string_literal', 'reserialised'],
    ],
    [
      'PHP, behind a byte order mark',
      body((text) => `\uFEFF${unicode(text).replaceAll('/', '\\/')}`),
      ['reserialised'],
    ],
    [
      're-serialised and a member lost',
      body((text) => python(parsed(withResource(text, { original_type: undefined })))),
      ['reserialised'],
      ['spacing', 'members_lost'],
    ],
    ['gzip in base64', body((text) => gzipSync(`${text}\n`)), ['compressed', 'final_newline']],
    [
      'read as ISO-8859-1 and written by Python',
      body((text) => unicode(python(parsed(latin1(text))))),
      ['reserialised'],
    ],
  ])('%s', async (what, damage, causes, rewritings) => {
    const sent = send();
    const { report, autopsy } = await judge(damage(sent), { budget: openBudget() });
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven' });
    const found = autopsy?.findings.map(({ cause }) => cause) ?? [];
    expect(found).toEqual(expect.arrayContaining([...causes]));
    expect(autopsy?.findings.length).toBeLessThanOrEqual(3);
    if (rewritings !== undefined)
      expect([...(autopsy?.findings.find((one) => one.rewritings !== undefined)?.rewritings ?? [])].toSorted()).toEqual(
        [...rewritings].toSorted(),
      );
    expect(autopsy?.mended?.body.equals(sent.body)).toBe(true);
    expect(autopsy?.mended !== undefined && oracle(autopsy.mended)).toBe(true);
    expect(autopsy?.evidence.map(({ part }) => part)).toEqual(['body']);
    expect(autopsy?.frameworks.length).toBeGreaterThan(
      ['truncated', 'one_byte'].includes(causes[0] ?? '') || what.startsWith('.NET') ? -1 : 0,
    );
  });
});

const lower = (value: string): string => value.toLowerCase();
/** Signed over with a nonce of lower case, so that a change to upper case is a damage. */
const plusSignature = (): Sent => {
  for (let at = 0; ; at += 1) {
    const sent = send({ timestamp: String(now / 1000 + at) });
    if (
      sent.headers['wechatpay-signature']?.includes('+') === true &&
      sent.headers['wechatpay-signature'].includes('/')
    )
      return sent;
  }
};

describe('what happened to a header is proven', () => {
  test.each<[string, (sent: Sent) => Damaged, readonly Cause[]]>([
    ['a timestamp in milliseconds', header('timestamp', (value) => `${value}000`), ['timestamp_milliseconds']],
    ['a timestamp with a fraction', header('timestamp', (value) => `${value}.123`), ['timestamp_format']],
    [
      'a timestamp as a date',
      header('timestamp', (value) => new Date(Number(value) * 1000).toISOString()),
      ['timestamp_format'],
    ],
    ['a timestamp made anew', header('timestamp', (value) => String(Number(value) + 7)), ['timestamp_other']],
    [
      'a timestamp of another zone',
      header('timestamp', (value) => String(Number(value) - 28_800)),
      ['timestamp_other'],
    ],
    ['a timestamp lost', header('timestamp', () => undefined), ['header_missing']],
    ['a nonce in lower case', header('nonce', lower), []],
    ['a nonce cut by one', header('nonce', (value) => value.slice(0, -1)), ['nonce_truncated']],
    ['a nonce cut by two', header('nonce', (value) => value.slice(0, -2)), ['nonce_truncated']],
    ['a nonce in quotes', header('nonce', (value) => `"${value}"`), ['header_quoted']],
    ['a nonce in brackets', header('nonce', (value) => `['${value}']`), ['header_quoted']],
    ['a nonce twice', header('nonce', (value) => [value, value]), ['header_repeated']],
    ['a nonce joined with itself', header('nonce', (value) => `${value}, ${value}`), ['header_joined']],
    [
      'nonce and timestamp swapped',
      ({ headers, body }) => ({
        headers: {
          ...headers,
          'wechatpay-nonce': headers['wechatpay-timestamp'],
          'wechatpay-timestamp': headers['wechatpay-nonce'],
        },
        body,
      }),
      ['headers_swapped'],
    ],
    [
      'nonce and serial swapped',
      ({ headers, body }) => ({
        headers: {
          ...headers,
          'wechatpay-nonce': headers['wechatpay-serial'],
          'wechatpay-serial': headers['wechatpay-nonce'],
        },
        body,
      }),
      ['headers_swapped'],
    ],
    [
      'signature and nonce swapped',
      ({ headers, body }) => ({
        headers: {
          ...headers,
          'wechatpay-nonce': headers['wechatpay-signature'],
          'wechatpay-signature': headers['wechatpay-nonce'],
        },
        body,
      }),
      ['headers_swapped'],
    ],
    [
      'names as PHP and CGI write them (HTTP_WECHATPAY_…)',
      ({ headers, body }) => ({
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [`http_${name.replaceAll('-', '_')}`, value]),
        ),
        body,
      }),
      ['header_renamed'],
    ],
    [
      'a prefix before the names',
      ({ headers, body }) => ({
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [`x-original-${name}`, value])),
        body,
      }),
      ['header_renamed'],
    ],
    [
      'a signature in URL-safe base64',
      header('signature', (value) => value.replaceAll('+', '-').replaceAll('/', '_')),
      ['signature_url_safe'],
    ],
    [
      'a signature in URL-safe base64 without padding',
      header('signature', (value) => value.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')),
      ['signature_url_safe'],
    ],
    ['a signature without padding', header('signature', (value) => value.replaceAll('=', '')), ['signature_padding']],
    ['a signature with blanks for +', header('signature', (value) => value.replaceAll('+', ' ')), ['signature_plus']],
    [
      'a signature in lines of 64',
      header('signature', (value) => value.replaceAll(/.{64}/g, '$&\n')),
      ['signature_blanks'],
    ],
    [
      'a signature in two parts',
      header('signature', (value) => `${value.slice(0, 100)}   ${value.slice(100)}`),
      ['signature_blanks'],
    ],
    ['a signature URL-encoded', header('signature', (value) => encodeURIComponent(value)), ['header_encoded']],
    [
      'a signature with HTML entities',
      header('signature', (value) => value.replaceAll('+', '&#43;').replaceAll('=', '&#x3D;')),
      ['header_encoded'],
    ],
    [
      'a signature with escaped slashes',
      header('signature', (value) => value.replaceAll('/', '\\/')),
      ['header_encoded'],
    ],
    [
      'a signature in hex',
      header('signature', (value) => Buffer.from(value, 'base64').toString('hex')),
      ['header_encoded'],
    ],
    [
      'other bits behind the last byte of the signature',
      header('signature', (value) => value.replace(/.==$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`)),
      ['signature_padding'],
    ],
    ['a signature in quotes', header('signature', (value) => `"${value}"`), ['header_quoted']],
    ['a serial in lower case', header('serial', lower), ['serial_format']],
    ['a serial in blanks', header('serial', (value) => ` ${value} `), ['header_quoted']],
    ['a serial lost', header('serial', () => undefined), ['header_missing']],
    ['the serial of the other key', header('serial', () => ids.certificate), ['key_other']],
    ["the merchant's serial", header('serial', () => ids.merchant), ['serial_merchant']],
    ['an invented serial', header('serial', () => 'ABCDEF0123456789'), ['serial_other']],
    ['a signature type in lower case', header('signature-type', lower), ['type_changed']],
    ['a signature type of SM2', header('signature-type', () => 'WECHATPAY2-SM2-WITH-SM3'), ['type_changed']],
    // Two at once.
    [
      'milliseconds and a byte order mark',
      (sent) => body((text) => `\uFEFF${text}`)(header('timestamp', (value) => `${value}000`)(sent) as Sent),
      ['timestamp_milliseconds', 'byte_order_mark'],
    ],
    [
      'a URL-safe signature under another serial over JSON that Python wrote',
      (sent) => {
        const once = header('signature', (value) => value.replaceAll('+', '-').replaceAll('/', '_'))(sent) as Sent;
        return body((text) => python(parsed(text)))(header('serial', () => ids.certificate)(once) as Sent);
      },
      ['reserialised', 'signature_url_safe', 'key_other'],
    ],
  ])('%s', async (_what, damage, causes) => {
    const sent = plusSignature();
    const { report, autopsy } = await judge(damage(sent));
    expect(report.verdict).toBe('invalid');
    if (causes.length === 0) {
      expect(autopsy?.grade).not.toBe('proven');
      return;
    }
    expect(autopsy).toMatchObject({ grade: 'proven' });
    expect(autopsy?.findings.map(({ cause }) => cause)).toEqual(expect.arrayContaining([...causes]));
    expect(autopsy?.mended?.timestamp).toBe(sent.headers['wechatpay-timestamp']);
    expect(autopsy?.mended?.nonce).toBe(sent.headers['wechatpay-nonce']);
    expect(autopsy?.mended?.signature).toBe(sent.headers['wechatpay-signature']);
    expect(autopsy?.mended !== undefined && oracle(autopsy.mended)).toBe(true);
  });

  const certificate = (): Sent => send({ signedBy: certificateKey, serial: ids.certificate });
  test.each<[string, string]>([
    ['colons between the digits', ids.certificate.replaceAll(/(?<=.)(?=(?:..)+$)/g, ':')],
    ['0x before it', `0x${ids.certificate}`],
    ['decimal', BigInt(`0x${ids.certificate}`).toString()],
  ])('a certificate serial with %s', async (_what, serial) => {
    const { report, autopsy } = await judge(header('serial', () => serial)(certificate()));
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'serial_format' }] });
  });

  test('a nonce that was all upper case, in lower case', async () => {
    const sent = send({ nonce: 'XQ3ZR8VB1NM5KL7PW2SD9FG4HJ6TY0CA' });
    const { autopsy } = await judge(header('nonce', lower)(sent));
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'nonce_case' }] });
  });

  test('a timestamp of the first send on a later one', async () => {
    const sent = send({ timestamp: String(now / 1000 + 18_000) });
    const damaged = header('timestamp', () => String(now / 1000))(sent);
    const { autopsy } = await judge(damaged, { now: now + 18_000_000, budget: openBudget() });
    expect(autopsy?.findings.map(({ cause }) => cause)).toContain('timestamp_other');
    expect(autopsy?.grade).toBe('proven');
  });
});

describe('parts of another callback are proven where that one was captured too', () => {
  const other = send({
    nonce: 'mT7Yc2Kd9Pq4Lw8Rv1Zx5Bn6Hj3Gf0Sa',
    timestamp: String(now / 1000 - 5_000),
    envelope: { id: 'OTHER' },
  });
  const sibling = {
    name: 'line 2',
    timestamp: other.headers['wechatpay-timestamp'] ?? '',
    nonce: other.headers['wechatpay-nonce'] ?? '',
    body: other.body,
  };
  test.each<[string, (sent: Sent) => Damaged, Cause]>([
    ['the body', ({ headers }) => ({ headers, body: other.body }), 'body_changed'],
    ['the timestamp', header('timestamp', () => sibling.timestamp), 'timestamp_other'],
    ['the nonce', header('nonce', () => sibling.nonce), 'nonce_other'],
    ['the signature', header('signature', () => other.headers['wechatpay-signature']), 'signature_other'],
  ])('%s', async (what, damage, cause) => {
    const sent = send();
    const own = {
      name: 'line 1',
      timestamp: sent.headers['wechatpay-timestamp'] ?? '',
      nonce: sent.headers['wechatpay-nonce'] ?? '',
      body: sent.body,
    };
    // What belongs to this one is found where the other has it.
    const siblings = what === 'the body' || what === 'the nonce' ? [own] : [sibling];
    const { report, autopsy } = await judge(damage(sent), { siblings, now: now - 100_000 });
    expect(report.verdict).toBe('invalid');
    expect(autopsy?.grade).toBe('proven');
    expect(autopsy?.findings.map((finding) => finding.cause)).toContain(what === 'the body' ? 'other_body' : cause);
  });

  test('the same callback, captured whole a second time, does not hide what happened', async () => {
    const sent = send();
    const { 'wechatpay-timestamp': timestamp = '', 'wechatpay-nonce': nonce = '' } = sent.headers;
    const { autopsy } = await judge(body(unicode)(sent), {
      siblings: [{ name: 'whole', timestamp, nonce, body: sent.body }],
    });
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'reserialised' }] });
  });

  test('without it they are indicated at most', async () => {
    const { autopsy } = await judge({ headers: send().headers, body: other.body });
    expect(autopsy?.grade).toBe('indicated');
    expect(autopsy?.findings.map(({ cause }) => cause)).toEqual(['body_length', 'envelope_changed']);
  });
});

describe('keys', () => {
  const wrong = Buffer.from('fedcba9876543210fedcba9876543210');
  test.each<[string, Sent, Circumstances, Cause, 'proven' | 'indicated']>([
    ['another APIv3 key', send(), { apiV3Key: wrong }, 'api_v3_key_wrong', 'indicated'],
    ['the APIv2 key in its place', send(), { apiV3Key: wrong, apiV2Key: wrong }, 'api_v3_key_is_v2', 'indicated'],
    ['both API keys swapped', send(), { apiV3Key: wrong, apiV2Key: apiV3Key }, 'api_keys_swapped', 'proven'],
    [
      'a line end behind the APIv3 key',
      send(),
      { apiV3Key: Buffer.from(`${apiV3Key.toString()}\n`) },
      'api_v3_key_blanks',
      'proven',
    ],
    [
      'the APIv3 key in quotes',
      send(),
      { apiV3Key: Buffer.from(`"${apiV3Key.toString()}"`) },
      'api_v3_key_blanks',
      'proven',
    ],
    [
      'the APIv3 key in hex',
      send(),
      { apiV3Key: Buffer.from(apiV3Key.toString('hex')) },
      'api_v3_key_encoded',
      'proven',
    ],
    [
      'the APIv3 key in base64',
      send(),
      { apiV3Key: Buffer.from(apiV3Key.toString('base64')) },
      'api_v3_key_encoded',
      'proven',
    ],
    [
      'the APIv3 key in upper case',
      send(),
      { apiV3Key: Buffer.from(apiV3Key.toString().toUpperCase()) },
      'api_v3_key_encoded',
      'proven',
    ],
    ['half an APIv3 key', send(), { apiV3Key: apiV3Key.subarray(0, 16) }, 'api_v3_key_length', 'indicated'],
    ['the merchant key signed', send({ signedBy: merchantKey }), {}, 'signed_by_merchant', 'proven'],
    [
      'the merchant key signed, under its serial',
      send({ signedBy: merchantKey, serial: ids.merchant }),
      {},
      'signed_by_merchant',
      'proven',
    ],
    [
      "the merchant's certificate in place of the platform's",
      send(),
      { keys: [{ id: ids.publicKey, kind: 'wechatpay-public-key', publicKey: merchant.publicKey }] },
      'key_merchant',
      'indicated',
    ],
    ['the other key of a mixed set', send({ signedBy: certificateKey }), {}, 'key_other', 'proven'],
    [
      'a key that is not here',
      send({ signedBy: strangerKey, serial: 'PUB_KEY_ID_99' }),
      {},
      'serial_unknown',
      'indicated',
    ],
    ['a key that is not here, under a known id', send({ signedBy: strangerKey }), {}, 'signature_changed', 'indicated'],
    ['another merchant', send({ plaintext: '{"mchid":"1900000002"}' }), {}, 'other_merchant', 'proven'],
  ])('%s', async (_what, sent, circumstances, cause, grade) => {
    const { report, autopsy } = await judge(sent, circumstances);
    expect(report.verdict).toBe('invalid');
    expect(report.resource).toBeUndefined();
    expect(autopsy).toMatchObject({ grade, findings: [{ cause, grade }] });
    if (autopsy?.mended !== undefined) expect(oracle(autopsy.mended)).toBe(true);
  });
});

test('of a callback that only lost its signature, nothing else is said to be changed', async () => {
  const { autopsy } = await judge(header('signature', () => undefined)(send()));
  expect(autopsy?.findings.map(({ cause }) => cause)).toEqual(['header_missing']);
});

describe('what can only be indicated, is', () => {
  const none = ({ headers, body }: Sent): Damaged => ({
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('wechatpay'))),
    body,
  });
  test.each<[string, (sent: Sent) => Damaged, Cause]>([
    ['no signature headers at all', none, 'headers_missing'],
    [
      'an APIv2 notification',
      (sent) => ({ ...none(sent), body: '<xml><return_code>SUCCESS</return_code></xml>' }),
      'v2_notification',
    ],
    ['a nonce lost', header('nonce', () => undefined), 'header_missing'],
    ['a signature lost', header('signature', () => undefined), 'header_missing'],
    ['a signature of 255 characters', header('signature', (value) => value.slice(0, 255)), 'signature_truncated'],
    ['a signature in lower case', header('signature', lower), 'signature_case'],
    ['a signature that is none', header('signature', () => 'x'.repeat(400)), 'signature_unreadable'],
    [
      'a bit of the signature flipped',
      header('signature', (value) => `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`),
      'signature_changed',
    ],
    ['an empty body', body(() => ''), 'body_empty'],
    ['[object Object]', body(() => '[object Object]'), 'body_lost'],
    ['{}', body(() => '{}'), 'body_lost'],
    ['a body cut in the middle', body((text) => text.slice(0, 300)), 'truncated'],
    [
      'a body with more in it',
      body((text) =>
        withResource(text, { extra: [1, 2, 3] })
          .replace('EV', 'EW')
          .replace('3119dfba', 'xxxxxxxx'),
      ),
      'body_length',
    ],
    ['an id made anew', body((text) => text.replace('3119dfba', 'deadbeef')), 'envelope_changed'],
    ['a ciphertext changed', body((text) => text.replace(/"ciphertext":"..../, '"ciphertext":"AAAA')), 'body_changed'],
    ['a nonce of another request', header('nonce', () => 'mT7Yc2Kd9Pq4Lw8Rv1Zx5Bn6Hj3Gf0Sa'), 'envelope_changed'],
    ['a probe', header('signature', (value) => `WECHATPAY/SIGNTEST/${value.slice(19)}`), 'probe'],
  ])('%s', async (_what, damage, cause) => {
    const { report, autopsy } = await judge(damage(send()));
    expect(report.verdict).toBe('invalid');
    expect(autopsy?.grade).toBe('indicated');
    expect(autopsy?.findings[0]).toMatchObject({ cause, grade: 'indicated' });
    expect(autopsy?.mended).toBeUndefined();
  });

  test('a resource in SM4 is not blamed on the key, nor is a nonce that cannot be right', async () => {
    const sm4 = await judge(send({ resource: { algorithm: 'AEAD_SM4_GCM' } }));
    expect(sm4.autopsy).toMatchObject({ findings: [{ cause: 'algorithm_unsupported' }] });
    const short = await judge(send({ resource: { nonce: 'short' } }));
    expect(short.autopsy).toMatchObject({ grade: 'not_identifiable', findings: [] });
  });

  test('a forged callback is not identifiable', async () => {
    const forged = send({ signedBy: strangerKey, key: Buffer.alloc(32, 7) });
    const { report, autopsy } = await judge(forged);
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({
      grade: 'not_identifiable',
      findings: [],
      facts: { signature: 'foreign', resource: 'fails' },
    });
  });

  test('a body that the capture holds as an object only', async () => {
    const sent = send();
    const damaged = body((text) => text.replace('3119dfba', 'deadbeef'))(sent);
    const { report } = await judge(damaged);
    const { failure } = report;
    if (failure === undefined) throw new Error('valid');
    const autopsy = performAutopsy({
      capture: { ...capture(damaged), bodyIs: 'parsed' },
      failure,
      keys,
      apiV3Key,
      budget: openBudget({ ...defaultLimits, messages: 1_000 }),
    });
    expect(autopsy.findings.map(({ cause }) => cause)).toContain('capture_parsed');
  });
});

describe('age', () => {
  test('an old capture is proven to be nothing else', async () => {
    const { report, autopsy } = await judge(send(), { now: now + 86_400_000 });
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'stale', params: { seconds: 86_400 } }] });
  });

  test('a timestamp of the future is a slow clock', async () => {
    const { autopsy } = await judge(send(), { now: now - 3_600_000 });
    expect(autopsy).toMatchObject({ findings: [{ cause: 'clock_behind', params: { seconds: 3_600 } }] });
  });

  test('an old capture that is damaged too is told both', async () => {
    const { autopsy } = await judge(body((text) => `${text}\n`)(send()), { now: now + 86_400_000 });
    expect(autopsy?.findings.map(({ cause }) => cause)).toEqual(['final_newline', 'stale']);
  });
});

describe('the search is bounded', () => {
  test('by the number of messages, and says that it ended', async () => {
    const damaged = body((text) => text.replace('3119dfba', 'deadbeef'))(send());
    const { autopsy } = await judge(damaged, { budget: openBudget({ messages: 100, bytes: 1e9, signatures: 10 }) });
    expect(autopsy?.tried).toMatchObject({ messages: 100, ended: true });
    expect(autopsy?.grade).toBe('indicated');
  });

  test('by bytes: a callback of 1 MiB takes no longer', async () => {
    const large = send({ plaintext: JSON.stringify({ mchid: '1900000001', attach: 'x'.repeat(700_000) }) });
    const started = process.hrtime.bigint();
    const { autopsy } = await judge(body((text) => text.replace('3119dfba', 'deadbeef'))(large));
    expect(autopsy?.tried.bytes).toBeLessThanOrEqual(defaultLimits.bytes);
    expect(autopsy?.tried.ended).toBe(true);
    expect(Number(process.hrtime.bigint() - started) / 1e9).toBeLessThan(20);
  });

  test('and a large one that was damaged in a common way is still explained', async () => {
    const large = send({ plaintext: JSON.stringify({ mchid: '1900000001', attach: 'x'.repeat(700_000) }) });
    const { autopsy } = await judge(body((text) => unicode(python(parsed(text))))(large));
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'reserialised' }] });
  });
});

describe('undamaged', () => {
  test.each([
    ['as WeChat Pay writes it', send()],
    ['pretty', send({ write: (envelope) => JSON.stringify(envelope, null, 2) })],
    ['under the certificate', send({ signedBy: certificateKey, serial: ids.certificate })],
    ['without associated data', send({ associated: '', resource: { associated_data: undefined } })],
  ])('a callback %s is valid and needs no autopsy', async (_what, sent) => {
    const { report, autopsy } = await judge(sent);
    expect(report.verdict).toBe('valid');
    expect(autopsy).toBeUndefined();
  });
});

describe('what was sent in another style is found as well', () => {
  test.each<[string, (envelope: object) => string, (text: string) => string, Rewriting]>([
    [
      'pretty, then JSON.stringify',
      (envelope) => JSON.stringify(envelope, null, 2),
      (text) => JSON.stringify(parsed(text)),
      'spacing',
    ],
    [
      'with escaped slashes, then JSON.stringify',
      (envelope) => JSON.stringify(envelope).replaceAll('/', '\\/'),
      (text) => JSON.stringify(parsed(text)),
      'slash_escapes',
    ],
    [
      'in ASCII, then JSON.stringify',
      (envelope) => unicode(JSON.stringify(envelope)),
      (text) => JSON.stringify(parsed(text)),
      'unicode_escapes',
    ],
    [
      'with 1.0, then JSON.stringify',
      (envelope) => JSON.stringify({ ...envelope, version: 1 }).replace(/1\}$/, '1.0}'),
      (text) => JSON.stringify(parsed(text)),
      'numbers',
    ],
    [
      'with 1, then Gson',
      (envelope) => JSON.stringify({ ...envelope, version: 1 }),
      (text) => text.replace(/1\}$/, '1.0}'),
      'numbers',
    ],
    [
      'with a large number, then a float',
      (envelope) => JSON.stringify({ ...envelope, at: 1_700_000_000_000 }),
      (text) => text.replace('1700000000000', '1.7E12'),
      'numbers',
    ],
  ])('%s', async (_what, write, damage, rewriting) => {
    const { autopsy } = await judge(body(damage)(send({ write })));
    expect(autopsy).toMatchObject({ grade: 'proven', findings: [{ cause: 'reserialised' }] });
    expect(autopsy?.findings[0]?.rewritings).toContain(rewriting);
  });
});

test('evidence shows the first differing bytes of both sides', async () => {
  const { autopsy } = await judge(body((text) => text.replaceAll('/', '\\/'))(send()));
  const [difference] = autopsy?.evidence ?? [];
  expect(difference?.captured[difference.offset - difference.from]).toBe(0x5c);
  expect(difference?.sent[difference.offset - difference.from]).toBe(0x2f);
  expect(difference?.captured.subarray(0, difference.offset - difference.from)).toEqual(
    difference?.sent.subarray(0, difference.offset - difference.from),
  );
});

describe('recipes', () => {
  test.each<[string, (sent: Sent) => Damaged, readonly string[]]>([
    ['PHP', body((text) => unicode(text).replaceAll('/', '\\/')), ['laravel', 'thinkphp']],
    ['Python', body((text) => unicode(python(parsed(text)))), ['flask', 'django']],
    ['Go', body((text) => JSON.stringify(sorted(parsed(text)))), ['gin']],
    ['Java', body(jackson), ['spring']],
    ["Python's bytes", body((text) => `b'${unicode(text)}'`), ['flask', 'django']],
  ])('JSON that looks like %s names its frameworks', async (_what, damage, expected) => {
    expect((await judge(damage(send()))).autopsy?.frameworks).toEqual(expected);
  });

  test('the framework that was asked for wins; none is shown where none helps', async () => {
    const damaged = body((text) => unicode(python(parsed(text))))(send());
    expect((await judge(damaged, { framework: 'koa' })).autopsy?.frameworks).toEqual(['koa']);
    expect((await judge(header('serial', () => ids.certificate)(send()))).autopsy?.frameworks).toEqual([]);
  });

  test('there is one for every framework, with code in it, and it fits on 80 columns', () => {
    for (const framework of frameworks) {
      expect(recipes[framework].length).toBeGreaterThan(40);
      for (const line of recipes[framework].split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    }
  });
});
