/**
 * Just enough BER to look into a key file before anything else does: a tree of tags and positions, no values. Files come from
 * anywhere, so depth and number of nodes are bounded and a broken file is `undefined`, never an exception (THREATS D2).
 */

export interface BerNode {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  /** The content, without header and without end-of-contents octets. */
  readonly start: number;
  readonly end: number;
  /** Of a constructed node; empty for a primitive one. */
  readonly children: readonly BerNode[];
}

export const sequenceTag = 0x30;
export const integerTag = 0x02;
export const octetStringTag = 0x04;
export const oidTag = 0x06;

const maxDepth = 32;
const maxNodes = 20_000;

/** The one node that `bytes` hold, with definite or indefinite lengths; `undefined` when they hold anything else. */
export function readBer(bytes: Uint8Array): BerNode | undefined {
  const state = { nodes: 0 };
  const read = readNode(bytes, 0, bytes.length, 0, state);
  return read !== undefined && read.next === bytes.length ? read.node : undefined;
}

interface Read {
  readonly node: BerNode;
  readonly next: number;
}

function readNode(
  bytes: Uint8Array,
  at: number,
  limit: number,
  depth: number,
  state: { nodes: number },
): Read | undefined {
  state.nodes += 1;
  const tag = bytes[at];
  const first = bytes[at + 1];
  // Tag numbers of several octets do not occur in key files.
  if (tag === undefined || first === undefined || at + 2 > limit || (tag & 0x1f) === 0x1f) return undefined;
  if (depth > maxDepth || state.nodes > maxNodes) return undefined;
  const constructed = (tag & 0x20) !== 0;
  if (first === 0x80) {
    if (!constructed) return undefined;
    const inner = readChildren(bytes, at + 2, limit, depth, state, true);
    return inner && { node: { tag, start: at + 2, end: inner.end, children: inner.children }, next: inner.end + 2 };
  }
  let start = at + 2;
  let length = first;
  if (first > 0x80) {
    const octets = first & 0x7f;
    if (octets > 4) return undefined;
    length = 0;
    for (let index = 0; index < octets; index += 1) length = length * 256 + (bytes[start + index] ?? 0);
    start += octets;
  }
  const end = start + length;
  if (end > limit) return undefined;
  if (!constructed) return { node: { tag, start, end, children: [] }, next: end };
  const inner = readChildren(bytes, start, end, depth, state, false);
  return inner && { node: { tag, start, end, children: inner.children }, next: end };
}

function readChildren(
  bytes: Uint8Array,
  start: number,
  limit: number,
  depth: number,
  state: { nodes: number },
  indefinite: boolean,
): { readonly children: readonly BerNode[]; readonly end: number } | undefined {
  const children: BerNode[] = [];
  let at = start;
  while (at < limit) {
    if (indefinite && bytes[at] === 0 && bytes[at + 1] === 0 && at + 2 <= limit) return { children, end: at };
    const read = readNode(bytes, at, limit, depth + 1, state);
    if (read === undefined) return undefined;
    children.push(read.node);
    at = read.next;
  }
  return indefinite ? undefined : { children, end: at };
}

/** The bytes of an OCTET STRING, whole or in pieces. */
export function octetsOf(bytes: Uint8Array, node: BerNode): Buffer {
  if (node.children.length === 0) return Buffer.from(bytes.subarray(node.start, node.end));
  return Buffer.concat(node.children.map((piece) => octetsOf(bytes, piece)));
}

/** The content of an OBJECT IDENTIFIER as hex; empty for anything else. */
export function oidOf(bytes: Uint8Array, node: BerNode | undefined): string {
  return node?.tag === oidTag ? Buffer.from(bytes.subarray(node.start, node.end)).toString('hex') : '';
}

/** A non-negative INTEGER; larger ones than a double holds are `Infinity`, anything else is `undefined`. */
export function integerOf(bytes: Uint8Array, node: BerNode | undefined): number | undefined {
  if (node?.tag !== integerTag || node.end === node.start || (bytes[node.start] ?? 0) >= 0x80) return undefined;
  const value = BigInt(
    `0x${Buffer.from(bytes.subarray(node.start, Math.min(node.end, node.start + 64))).toString('hex')}`,
  );
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
}
