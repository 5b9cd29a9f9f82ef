/** Writes the two-byte part of GB18030, which Node can only read: what spreadsheets on Chinese Windows save. */
let table: Map<string, readonly [number, number]> | undefined;

export function gb18030(text: string): Buffer {
  table ??= makeTable();
  const known = table;
  return Buffer.from(
    Array.from(text).flatMap((char) => {
      const pair = known.get(char);
      if (pair !== undefined) return [...pair];
      if (char.charCodeAt(0) > 0x7f) throw new Error(`not in the two-byte part of GB18030: ${char}`);
      return [char.charCodeAt(0)];
    }),
  );
}

function makeTable(): Map<string, readonly [number, number]> {
  const decoder = new TextDecoder('gb18030');
  const made = new Map<string, readonly [number, number]>();
  for (let high = 0x81; high <= 0xfe; high += 1)
    for (let low = 0x40; low <= 0xfe; low += 1)
      if (low !== 0x7f) made.set(decoder.decode(Uint8Array.of(high, low)), [high, low]);
  return made;
}
