/** Just enough of the DNS to answer a resolver (RFC 1035 4). */

export interface Question {
  /** In lower case, without the dot at its end. */
  readonly name: string;
  /** An IPv4 address is asked for. */
  readonly isA: boolean;
}

export function questionOf(query: Buffer): Question {
  const { labels, end } = namesIn(query);
  return { name: labels.join('.').toLowerCase(), isA: query.readUInt16BE(end + 1) === 1 };
}

/** The question again, with an address or none, and the response code (0: no error, 2: SERVFAIL, 3: NXDOMAIN). */
export function replyTo(query: Buffer, address: string | undefined, code = 0): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | code, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(address === undefined ? 0 : 1, 6);
  const question = query.subarray(12, namesIn(query).end + 5);
  if (address === undefined) return Buffer.concat([head, question]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([head, question, record]);
}

function namesIn(query: Buffer): { readonly labels: readonly string[]; readonly end: number } {
  let at = 12;
  const labels: string[] = [];
  for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + size));
    at += size + 1;
  }
  return { labels, end: at };
}
