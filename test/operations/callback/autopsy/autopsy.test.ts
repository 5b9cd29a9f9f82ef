import { deflateSync, gzipSync, brotliCompressSync } from 'node:zlib';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Cause, Rewriting } from '../../../../src/operations/callback/autopsy/findings.ts';
import {
  apiV3Key,
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
    ['Python json.dumps', body((text) => unicode(python(parsed(text)))), ['reserialised'], ['spacing', 'unicode_escapes']],
    ['Python json.dumps with ensure_ascii=False', body((text) => python(parsed(text))), ['reserialised'], ['spacing']],
    ['Python json.dumps with sort_keys', body((text) => unicode(python(sorted(parsed(text))))), ['reserialised'], ['spacing', 'member_order', 'unicode_escapes']],
    ['PHP json_encode', body((text) => unicode(text).replaceAll('/', '\\/')), ['reserialised'], ['slash_escapes', 'unicode_escapes']],
    ['PHP json_encode with JSON_UNESCAPED_UNICODE', body((text) => text.replaceAll('/', '\\/')), ['reserialised'], ['slash_escapes']],
    ['PHP json_encode with JSON_PRETTY_PRINT', body((text) => JSON.stringify(parsed(text), null, 4)), ['reserialised'], ['spacing']],
    ['Go json.Marshal of a map', body((text) => JSON.stringify(sorted(parsed(text)))), ['reserialised'], ['member_order']],
    ['.NET System.Text.Json', body((text) => unicode(text).replaceAll('+', '\\u002B').replaceAll(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`)), ['reserialised'], ['unicode_escapes', 'html_escapes']],
    ['Jackson, pretty', body(jackson), ['reserialised'], ['spacing']],
    ['fastjson, names sorted', body((text) => JSON.stringify(sorted(parsed(text)))), ['reserialised'], ['member_order']],
    ['a Java HashMap: any order', body(shuffled), ['reserialised'], ['member_order']],
    ['JSON.stringify with an indent', body((text) => JSON.stringify(parsed(text), null, 2)), ['reserialised'], ['spacing']],
    ['tabs', body((text) => JSON.stringify(parsed(text), null, '\t')), ['reserialised'], ['spacing']],
    ['pretty, with CRLF', body((text) => JSON.stringify(parsed(text), null, 2).replaceAll('\n', '\r\n')), ['reserialised'], ['spacing']],
    ['slashes escaped', body((text) => text.replaceAll('/', '\\/')), ['reserialised'], ['slash_escapes']],
    ['\\u escapes', body(unicode), ['reserialised'], ['unicode_escapes']],
    ['a typed object in camel case', body((text) => JSON.stringify(Object.fromEntries(Object.entries(parsed(text)).map(([name, value]) => [camel(name), value])))), ['reserialised'], ['members_renamed']],
    ['a typed object with nulls', body((text) => JSON.stringify({ ...parsed(text), error: null })), ['reserialised'], ['members_added']],
    ['a member that the app added', body((text) => JSON.stringify({ ...parsed(text), received_at: 'x' })), ['reserialised'], ['members_added']],
    ['a typed object without original_type', body((text) => withResource(text, { original_type: undefined })), ['reserialised'], ['members_lost']],
    ['associated_data missing', body((text) => withResource(text, { associated_data: undefined })), ['reserialised'], ['members_lost']],
    ['summary dropped', body((text) => JSON.stringify({ ...parsed(text), summary: undefined })), ['reserialised'], ['members_lost']],
    ['a time that became a date', body((text) => JSON.stringify({ ...parsed(text), create_time: '2026-11-23T02:00:00.000Z' })), ['reserialised'], ['dates']],
    ['the resource as a string', body((text) => JSON.stringify({ ...parsed(text), resource: JSON.stringify(resourceOf(text)) })), ['reserialised'], ['nested_string']],
    ['+ became a blank', body((text) => withResource(text, { ciphertext: String(resourceOf(text)['ciphertext']).replaceAll('+', ' ') })), ['reserialised'], ['base64']],
    ['ciphertext in URL-safe base64', body((text) => withResource(text, { ciphertext: String(resourceOf(text)['ciphertext']).replaceAll('+', '-').replaceAll('/', '_') })), ['reserialised'], ['base64']],
    ['ciphertext in lines of 76', body((text) => withResource(text, { ciphertext: String(resourceOf(text)['ciphertext']).replaceAll(/.{76}/g, '$&\r\n') })), ['reserialised'], ['base64']],
    ['a byte order mark', body((text) => `\uFEFF${text}`), ['byte_order_mark']],
    ['a line feed behind it', body((text) => `${text}\n`), ['final_newline']],
    ['CRLF behind it', body((text) => `${text}\r\n`), ['final_newline']],
    ['blanks around it', body((text) => `  ${text}\n\n `), ['blanks_around']],
    ['NULs behind it', body((text) => `${text}\0\0\0`), ['padded']],
    ['read as ISO-8859-1', body(latin1), ['mojibake']],
    ['read as ISO-8859-1 twice', body((text) => latin1(latin1(text))), ['mojibake']],
    ['read as Windows-1252', body((text) => new TextDecoder('windows-1252').decode(Buffer.from(text))), ['mojibake']],
    ['read as GBK', body(gbkMojibake), ['mojibake']],
    ['written in GBK', body(gbk), ['charset']],
    ['written in UTF-16LE', body((text) => Buffer.from(`\uFEFF${text}`, 'utf16le')), ['charset']],
    ['written in UTF-16BE', body((text) => Buffer.from(text, 'utf16le').swap16()), ['charset']],
    ['Chinese became question marks', body((text) => text.replaceAll(/[\u4e00-\u9fff]/g, '?')), ['charset_lost']],
    ['Chinese became replacement characters', body((text) => text.replaceAll(/[\u4e00-\u9fff]/g, '\uFFFD')), ['charset_lost']],
    ['HTML entities', body(html), ['html_entities']],
    ['HTML entities twice', body((text) => html(html(text))), ['html_entities']],
    ['URL-encoded', body((text) => encodeURIComponent(text)), ['percent_encoded']],
    ['URL-encoded as a form', body((text) => new URLSearchParams({ body: text }).toString()), ['percent_encoded']],
    ['a form parsed by qs, logged as JSON', body((text) => {
      const plain = text.replaceAll('+', ' ');
      const at = plain.indexOf('=');
      return JSON.stringify(at === -1 ? { [plain]: '' } : { [plain.slice(0, at)]: plain.slice(at + 1) });
    }), ['form_parsed']],
    ['logged as a JSON string', body((text) => JSON.stringify(text)), ['string_literal']],
    ['logged as a JSON string without its quotes', body((text) => JSON.stringify(text).slice(1, -1)), ['string_literal']],
    ['in single quotes', body((text) => `'${text}'`), ['string_literal']],
    ['quotes doubled as in CSV', body((text) => `"${text.replaceAll('"', '""')}"`), ['string_literal']],
    ["Python's bytes literal", body((text) => `b'${Buffer.from(text).toString('latin1').replaceAll(/[\u007f-\u00ff]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`)}'`), ['bytes_literal']],
    ["Python's dict", body((text) => python(parsed(text)).replaceAll('"', "'")), ['printed_object']],
    ["Node's console.log", body((text) => inspect(parsed(text), { depth: 5, maxStringLength: null, breakLength: 80 })), ['printed_object']],
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
    ['pretty, logged as a string', body((text) => JSON.stringify(JSON.stringify(parsed(text), null, 2))), ['string_literal', 'reserialised']],
    ['PHP, behind a byte order mark', body((text) => `\uFEFF${unicode(text).replaceAll('/', '\\/')}`), ['reserialised']],
    ['re-serialised and a member lost', body((text) => python(parsed(withResource(text, { original_type: undefined })))), ['reserialised'], ['spacing', 'members_lost']],
    ['gzip in base64', body((text) => gzipSync(`${text}\n`)), ['compressed', 'final_newline']],
    ['read as ISO-8859-1 and written by Python', body((text) => unicode(python(parsed(latin1(text))))), ['reserialised']],
  ])('%s', async (what, damage, causes, rewritings) => {
    const sent = send();
    const { report, autopsy } = await judge(damage(sent));
    expect(report.verdict).toBe('invalid');
    expect(autopsy).toMatchObject({ grade: 'proven' });
    const found = autopsy?.findings.map(({ cause }) => cause) ?? [];
    expect(found).toEqual(expect.arrayContaining([...causes]));
    expect(autopsy?.findings.length).toBeLessThanOrEqual(3);
    if (rewritings !== undefined)
      expect([...(autopsy?.findings.find((one) => one.rewritings !== undefined)?.rewritings ?? [])].toSorted()).toEqual([...rewritings].toSorted());
    expect(autopsy?.mended?.body.equals(sent.body)).toBe(true);
    expect(autopsy?.mended !== undefined && oracle(autopsy.mended)).toBe(true);
    expect(autopsy?.evidence.map(({ part }) => part)).toEqual(['body']);
    expect(autopsy?.frameworks.length).toBeGreaterThan(['truncated', 'one_byte'].includes(causes[0] ?? '') || what.startsWith('.NET') ? -1 : 0);
  });
});
