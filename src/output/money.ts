/** Amounts for people. */

/**
 * Writes fen as yuan: `123456` → `¥1,234.56`. Exact for every safe integer; no float is involved. A number that is no amount
 * in fen (an answer can hold anything) is shown as it came, without a currency.
 */
export function formatFen(fen: number): string {
  if (!Number.isSafeInteger(fen)) return String(fen);
  const digits = String(Math.abs(fen)).padStart(3, '0');
  const yuan = digits.slice(0, -2).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
  return `${fen < 0 ? '-' : ''}¥${yuan}.${digits.slice(-2)}`;
}
