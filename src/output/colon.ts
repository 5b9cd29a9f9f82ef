/** Punctuation between texts, in the manner of their script. */

/** `label:` in Latin script, `标签：` behind a Chinese or full-width character; a label that has its colon stays as it is. */
export function withColon(label: string): string {
  if (/[:：]$/.test(label)) return label;
  return `${label}${isWide(label) ? '：' : ':'}`;
}

/** ` (text)` behind Latin script, `（text）` behind Chinese: what is added to a text in parentheses. */
export function inParentheses(before: string, text: string, script: string = before): string {
  return isWide(script) ? `${before}（${text}）` : `${before} (${text})`;
}

/** Two sentences in one line: Chinese leaves no space behind its full stop. */
export function afterSentence(before: string, after: string): string {
  return isWide(before.slice(-1)) ? `${before}${after}` : `${before} ${after}`;
}

function isWide(text: string): boolean {
  return /[\u3000-\u9fff\uff00-\uffef]/.test(text);
}
