/** The colon behind a label, in the manner of its script. */

/** `label:` in Latin script, `标签：` behind a Chinese or full-width character; a label that has its colon stays as it is. */
export function withColon(label: string): string {
  if (/[:：]$/.test(label)) return label;
  return `${label}${isWide(label) ? '：' : ':'}`;
}

/** ` (text)` behind Latin script, `（text）` behind Chinese: what is added to a text in parentheses. */
export function inParentheses(before: string, text: string, script: string = before): string {
  return isWide(script) ? `${before}（${text}）` : `${before} (${text})`;
}

function isWide(text: string): boolean {
  return /[\u3000-\u9fff\uff00-\uffef]/.test(text);
}
