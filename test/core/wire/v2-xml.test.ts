import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildV2Xml, parseV2Xml } from '../../../src/core/wire/v2-xml.ts';
import { isWxpayError } from '../../../src/core/errors.ts';

const parse = (text: string): Record<string, string> => Object.fromEntries(parseV2Xml(Buffer.from(text)));

function reasonOf(text: string | Uint8Array): unknown {
  try {
    parseV2Xml(typeof text === 'string' ? Buffer.from(text) : text);
    return 'accepted';
  } catch (error) {
    return isWxpayError(error, 'ANSWER_MALFORMED') ? error.params['reason'] : error;
  }
}

test('names have at most 64 characters, and messages show no more of them', () => {
  const [longest, longer] = ['a'.repeat(64), `${'a'.repeat(64)}b`];
  expect(parse(`<xml><${longest}>1</${longest}></xml>`)).toEqual({ [longest]: '1' });
  expect(() => parse(`<xml><${longer}>1</${longer}></xml>`)).toThrow(
    expect.objectContaining({ params: { reason: 'key:reason.xml_name', name: longest } }),
  );
  expect(buildV2Xml(new Map([[longest, '1']]))).toBe(`<xml><${longest}><![CDATA[1]]></${longest}></xml>`);
  expect(() => buildV2Xml(new Map([[longer, '1']]))).toThrow(
    expect.objectContaining({
      code: 'INPUT_INVALID',
      outcome: 'not_sent',
      params: { field: longest, name: longest, reason: 'key:reason.xml_name' },
    }),
  );
});

test('64 KiB and 512 fields are read, and not one more', () => {
  const frame = '<xml><a></a></xml>'.length;
  expect(reasonOf(`<xml><a>${'x'.repeat(65_536 - frame)}</a></xml>`)).toBe('accepted');
  expect(reasonOf(`<xml><a>${'x'.repeat(65_537 - frame)}</a></xml>`)).toBe('key:reason.xml_size');
  const fields = (count: number): string =>
    `<xml>${Array.from({ length: count }, (_, index) => `<a${index}>1</a${index}>`).join('')}</xml>`;
  expect(reasonOf(fields(512))).toBe('accepted');
  expect(reasonOf(fields(513))).toBe('key:reason.xml_fields');
});

describe('parseV2Xml', () => {
  test.each([
    ['CDATA and text', '<xml><a><![CDATA[1]]></a><b>2</b></xml>', { a: '1', b: '2' }],
    [
      'a declaration, line ends and indentation',
      '<?xml version="1.0" encoding="UTF-8"?>\n<xml>\n  <a>1</a>\n</xml>\n',
      { a: '1' },
    ],
    ['a byte order mark', '\uFEFF<xml><a>1</a></xml>', { a: '1' }],
    ['empty elements', '<xml><a/><b></b><c><![CDATA[]]></c></xml>', { a: '', b: '', c: '' }],
    [
      'the predefined entities and character references',
      '<xml><a>&lt;&amp;&gt;&quot;&apos;&#20013;&#x6587;</a></xml>',
      { a: '<&>"\'中文' },
    ],
    ['entities in CDATA as the text that they are', '<xml><a><![CDATA[&lt;&amp;x;]]></a></xml>', { a: '&lt;&amp;x;' }],
    ['markup in CDATA as text', '<xml><a><![CDATA[<b>1</b>]]></a></xml>', { a: '<b>1</b>' }],
    ['space around CDATA as layout', '<xml><a> <![CDATA[ 1 ]]>\n</a></xml>', { a: ' 1 ' }],
    ['spaces of a text', '<xml><a> 1 </a></xml>', { a: ' 1 ' }],
    ['names with digits', '<xml><coupon_fee_0>1</coupon_fee_0></xml>', { coupon_fee_0: '1' }],
  ])('reads %s', (_, text, fields) => {
    expect(parse(text)).toEqual(fields);
  });

  test.each(['1e3', '00123', '4200001234567890123456789', '0x10', 'true', '1.0', '+1', 'Infinity'])(
    'C12: leaves %s the text that it is',
    (value) => {
      expect(parse(`<xml><total_fee>${value}</total_fee></xml>`)).toEqual({ total_fee: value });
    },
  );

  test.each([
    ['an external entity', '<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><a>&x;</a></xml>', 'doctype'],
    ['an external entity over HTTP', '<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><a>1</a></xml>', 'doctype'],
    ['a document type in lower case', '<!doctype xml><xml><a>1</a></xml>', 'doctype'],
    ['a document type behind a declaration', '<?xml version="1.0"?><!DOCTYPE xml><xml/>', 'doctype'],
    ['a document type inside', '<xml><!DOCTYPE x><a>1</a></xml>', 'doctype'],
    ['a declared entity without a document type', '<!ENTITY x "y"><xml><a>1</a></xml>', 'doctype'],
    ['an undeclared entity', '<xml><a>&x;</a></xml>', 'entity'],
    ['an entity without its end', '<xml><a>&amp</a></xml>', 'syntax'],
    ['a bare ampersand', '<xml><a>a & b</a></xml>', 'syntax'],
    ['a name without its end, beside CDATA-free text', '<xml><a>&#38</a></xml>', 'syntax'],
    ['an entity with a capital', '<xml><a>&Amp;</a></xml>', 'entity'],
    ['an entity of a long name', '<xml><a>&abcdefghi;</a></xml>', 'entity'],
    ['a surrogate by reference', '<xml><a>&#xD800;</a></xml>', 'entity'],
    ['the last surrogate by reference', '<xml><a>&#xDFFF;</a></xml>', 'entity'],
    ['a reference beyond Unicode', '<xml><a>&#x110000;</a></xml>', 'entity'],
    ['a reference to a control character', '<xml><a>&#0;</a></xml>', 'control'],
    ['a comment inside a value', '<xml><total_fee>1<!-- -->00</total_fee></xml>', 'comment'],
    ['a comment between elements', '<xml><!-- x --><a>1</a></xml>', 'comment'],
    ['a processing instruction', '<xml><?php echo 1 ?><a>1</a></xml>', 'instruction'],
    ['a style sheet', '<?xml-stylesheet href="x"?><xml><a>1</a></xml>', 'instruction'],
    ['another encoding', '<?xml version="1.0" encoding="GBK"?><xml><a>1</a></xml>', 'instruction'],
    ['an element twice', '<xml><sign>A</sign><sign>B</sign></xml>', 'repeated'],
    ['an element twice, once empty', '<xml><sign/><sign>B</sign></xml>', 'repeated'],
    ['an element in an element', '<xml><a><b>1</b></a></xml>', 'depth'],
    ['text beside CDATA', '<xml><a>1<![CDATA[2]]></a></xml>', 'mixed'],
    ['two CDATA sections', '<xml><a><![CDATA[1]]><![CDATA[2]]></a></xml>', 'mixed'],
    ['attributes', '<xml><a x="1">1</a></xml>', 'attributes'],
    ['attributes of the root', '<xml xmlns="urn:x"><a>1</a></xml>', 'attributes'],
    ['text between elements', '<xml>x<a>1</a></xml>', 'text'],
    ['another root', '<html><a>1</a></html>', 'root'],
    ['two roots', '<xml><a>1</a></xml><xml><a>2</a></xml>', 'syntax'],
    ['a value named __proto__', '<xml><__proto__>1</__proto__></xml>', 'name'],
    ['a value named constructor', '<xml><constructor>1</constructor></xml>', 'name'],
    ['a namespace', '<xml><a:b>1</a:b></xml>', 'name'],
    ['tags that do not match', '<xml><a>1</b></xml>', 'syntax'],
    ['an unfinished document', '<xml><a>1</a>', 'syntax'],
    ['an unfinished CDATA section', '<xml><a><![CDATA[1</a></xml>', 'syntax'],
    ['nothing', '', 'empty'],
    ['JSON', '{"a":1}', 'syntax'],
  ])('C12: refuses %s', (_, text, reason) => {
    expect(reasonOf(text)).toBe(`key:reason.xml_${reason}`);
  });

  test('C12: refuses broken UTF-8', () => {
    expect(reasonOf(Buffer.from([0x3c, 0xff, 0x3e]))).toBe('key:reason.xml_utf8');
  });

  test('C12: refuses a billion laughs, 10⁶ nested tags, 10⁵ fields and 65 KiB, each within a second', () => {
    const laughs = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('');
    const started = performance.now();
    expect(reasonOf(`<!DOCTYPE l [<!ENTITY l0 "lol">${laughs}]><xml><a>&l9;</a></xml>`)).toBe('key:reason.xml_doctype');
    expect(reasonOf('<a>'.repeat(1_000_000))).toBe('key:reason.xml_size');
    expect(reasonOf(`<xml>${'<a>'.repeat(20_000)}`)).toBe('key:reason.xml_depth');
    expect(reasonOf(`<xml>${'<![CDATA['.repeat(7_000)}`)).toBe('key:reason.xml_syntax');
    expect(reasonOf('<'.repeat(60_000))).toBe('key:reason.xml_syntax');
    expect(reasonOf(`<xml>${'&'.repeat(60_000)}</xml>`)).toBe('key:reason.xml_syntax');
    expect(reasonOf(`<xml>${Array.from({ length: 600 }, (_, at) => `<f${at}>1</f${at}>`).join('')}</xml>`)).toBe(
      'key:reason.xml_fields',
    );
    expect(reasonOf(`<xml><a>${'x'.repeat(64 * 1024)}</a></xml>`)).toBe('key:reason.xml_size');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('never throws anything but ANSWER_MALFORMED, whatever comes', () => {
    const piece = fc.constantFrom(
      '<xml>',
      '</xml>',
      '<a>',
      '</a>',
      '<a/>',
      '<![CDATA[',
      ']]>',
      '&',
      '&lt;',
      '<!--',
      '<?',
      'x',
      ' ',
      '"',
      '=',
      '>',
      '<',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const reason = reasonOf(pieces.join(''));
        return reason === 'accepted' || String(reason).startsWith('key:reason.xml_');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('buildV2Xml', () => {
  test('writes CDATA and leaves empty fields out, as the signature does', () => {
    expect(
      buildV2Xml(
        new Map([
          ['a', '1'],
          ['b', ''],
          ['c', '<&>'],
        ]),
      ),
    ).toBe('<xml><a><![CDATA[1]]></a><c><![CDATA[<&>]]></c></xml>');
  });

  test('writes nothing that reads as something else', () => {
    const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/), value, { minKeys: 1 }), (object) => {
        const fields = new Map(Object.entries(object).filter(([name]) => name !== 'constructor'));
        let text: string;
        try {
          text = buildV2Xml(fields);
        } catch (error) {
          return isWxpayError(error, 'INPUT_INVALID');
        }
        // What the reader refuses on sight may stand in a value; it is never read as another value.
        const read = reasonOf(text);
        if (read !== 'accepted')
          return ['comment', 'instruction', 'doctype'].some((reason) => String(read).endsWith(reason));
        return JSON.stringify([...parseV2Xml(Buffer.from(text))]) === JSON.stringify([...fields]);
      }),
    );
  });

  test.each([
    ['a carriage return, which XML turns into a line feed', { a: '1\r\n2' }, 'xml_control'],
    ['a control character', { a: '\u0001' }, 'xml_control'],
    ['half a character', { a: '\ud800' }, 'xml_control'],
    ['a name with markup', { 'a><b': '1' }, 'xml_name'],
    ['__proto__', JSON.parse('{"__proto__":"1"}') as Record<string, string>, 'xml_name'],
  ])('refuses %s', (_, fields, reason) => {
    expect(() => buildV2Xml(new Map(Object.entries(fields)))).toThrow(`reason=key:reason.${reason}`);
  });

  test('closes no CDATA section early', () => {
    const fields = new Map([['a', 'x]]><b>1</b>&amp;']]);
    expect([...parseV2Xml(Buffer.from(buildV2Xml(fields)))]).toEqual([...fields]);
  });
});
