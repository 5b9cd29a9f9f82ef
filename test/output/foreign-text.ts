/** Text as it comes from the network: ASCII, Chinese, full-width punctuation, emoji, joined emoji, flags, combining marks, escapes. */
import * as fc from 'fast-check';

export const foreignText = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'Z', '7', ' ', '-', '=', '中', '文', '，', '。', '（', '）', '…', '¥', '￥', '１', 'ｶﾞ'),
      fc.constantFrom(
        '😀',
        '👍🏽',
        '🇨🇳',
        '👨‍👩‍👧',
        '☕️',
        '1️⃣',
        'e\u0301',
        'น้ำ',
        '한',
        '\uf900',
        '\u202e',
        '\u001b[31m',
        '\n',
        '\t',
      ),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));
