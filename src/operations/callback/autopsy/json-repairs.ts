/**
 * The JSON that WeChat Pay may have sent, given what became of it: writers' layouts and escapes undone, members put back in
 * order, those that were dropped put back at all. Only the signature says which guess is right.
 */
import type { Budget } from './budget.ts';
import { decodeText, encodeText, utf8Text } from './charset.ts';
import type { Rewriting } from './findings.ts';
import {
  compactStyle,
  readLoosely,
  styles,
  writeJson,
  writeMember,
  type JsonNode,
  type JsonStyle,
  type Member,
} from './loose-json.ts';

export interface Rewritten {
  readonly body: Buffer;
  /** What had to be changed besides layout and escapes, which are told from the bytes afterwards. */
  readonly rewritings: readonly Rewriting[];
  /** It was no JSON but a printed value. */
  readonly printed: boolean;
  /** It ended in the middle, and its brackets were closed. */
  readonly cut: boolean;
  /** Its text was lost, and is known from elsewhere. */
  readonly summary: boolean;
}

/** The orders in which callbacks have been seen (protocol 6.1), outside and inside. */
const topOrders: readonly (readonly string[])[] = [
  ['id', 'create_time', 'resource_type', 'event_type', 'summary', 'resource'],
  ['id', 'create_time', 'event_type', 'resource_type', 'summary', 'resource'],
  ['id', 'create_time', 'resource_type', 'event_type', 'resource', 'summary'],
  ['id', 'create_time', 'event_type', 'resource_type', 'resource', 'summary'],
  ['summary', 'event_type', 'create_time', 'resource', 'resource_type', 'id'],
];
const resourceOrders: readonly (readonly string[])[] = [
  ['original_type', 'algorithm', 'ciphertext', 'associated_data', 'nonce'],
  ['algorithm', 'ciphertext', 'nonce', 'original_type', 'associated_data'],
  ['algorithm', 'ciphertext', 'associated_data', 'nonce', 'original_type'],
  ['algorithm', 'ciphertext', 'nonce', 'associated_data', 'original_type'],
  ['original_type', 'algorithm', 'ciphertext', 'nonce', 'associated_data'],
  ['ciphertext', 'nonce', 'associated_data', 'algorithm', 'original_type'],
];

/**
 * What `summary` says per event type (protocol 6.1): data of the protocol, not text of ours. Payment succeeded, refund
 * succeeded, refund abnormal, refund closed, and so on.
 */
const summaries: readonly (readonly [event: string, summary: string])[] = [
  ['TRANSACTION.SUCCESS', '\u652f\u4ed8\u6210\u529f'],
  ['REFUND.SUCCESS', '\u9000\u6b3e\u6210\u529f'],
  ['REFUND.ABNORMAL', '\u9000\u6b3e\u5f02\u5e38'],
  ['REFUND.CLOSED', '\u9000\u6b3e\u5173\u95ed'],
  ['SECURITY_ECHO.SUCCESS', '\u6d4b\u8bd5\u6210\u529f'],
  ['PAYSCORE.USER_CONFIRM', '\u7528\u6237\u786e\u8ba4\u6210\u529f'],
  ['PAYSCORE.USER_PAID', '\u652f\u4ed8\u6210\u529f'],
  ['PAYSCORE.USER_OPEN_SERVICE', '\u7b7e\u7ea6\u6210\u529f'],
  ['PROFITSHARING.SUCCESS', '\u5206\u8d26\u6210\u529f'],
  ['MCHTRANSFER.BILL.FINISHED', '\u5546\u5bb6\u8f6c\u8d26\u5355\u636e\u7ec8\u6001\u901a\u77e5'],
];

interface Guess {
  readonly node: JsonNode;
  readonly rewritings: readonly Rewriting[];
  readonly summary: boolean;
}

/**
 * The cheap guesses, the most likely first. Empty for a body that has no object in it.
 *
 * @param lost whether to guess texts too; they are known from elsewhere, so this says less about what happened
 */
export function* rewriteBody(body: Buffer, budget: Budget, lost: boolean): Generator<Rewritten> {
  const text = utf8Text(body) ?? decodeText(body, 'gbk') ?? body.toString('latin1');
  const read = readLoosely(text);
  if (read === undefined || !budget.rewrite(body.length)) return;
  const common = { printed: read.printed, cut: read.cut };
  const first = expand({ node: read.node, rewritings: [], summary: false }, lost);
  const second = first.flatMap((guess, index) => (index === 0 ? [] : expand(guess, lost).slice(1)));
  const write = ({ node, rewritings, summary }: Guess, style: JsonStyle): Rewritten | undefined =>
    budget.rewrite(body.length)
      ? { body: Buffer.from(writeJson(node, style)), rewritings, summary, ...common }
      : undefined;
  for (const [depth, guesses] of [first, second].entries())
    for (const guess of guesses) {
      // Without lost texts these have all been seen.
      if (lost && !guess.summary) continue;
      const likely = depth === 0 ? styles : styles.slice(0, 7);
      for (const node of [guess.node, ...reordered(guess.node)])
        for (const style of node === guess.node ? likely : styles.slice(0, 13)) {
          const ordered: readonly Rewriting[] = node === guess.node ? [] : ['member_order'];
          const written = write({ ...guess, node, rewritings: [...guess.rewritings, ...ordered] }, style);
          if (written === undefined) return;
          yield written;
        }
    }
}

/**
 * Every order of the members, outside and in the resource: where a map sorted or shuffled them. 6! × 5! for a callback as
 * documented, so this comes late, and ends with the budget.
 */
export function* reorderBody(body: Buffer): Generator<Buffer> {
  const read = readLoosely(utf8Text(body) ?? '');
  if (read?.node.kind !== 'object') return;
  const { members } = read.node;
  const at = members.findIndex(({ value }) => value.kind === 'object');
  const inner = members[at]?.value;
  if (members.length > 8 || inner?.kind !== 'object' || inner.members.length > 7) return;
  const outside = members.map((member) => Buffer.from(writeMember(member, compactStyle)));
  const name = Buffer.from(`${JSON.stringify(members[at]?.name)}:`);
  const innerParts = inner.members.map((member) => Buffer.from(writeMember(member, compactStyle)));
  const outsideOrders = [...permutations(members.length)];
  for (const innerOrder of permutations(inner.members.length)) {
    outside[at] = Buffer.concat([name, joined(innerParts, innerOrder)]);
    for (const order of outsideOrders) yield joined(outside, order);
  }
}

const [brace, comma, close] = [Buffer.from('{'), Buffer.from(','), Buffer.from('}')] as const;

function joined(parts: readonly Buffer[], order: readonly number[]): Buffer {
  const pieces: Buffer[] = [brace];
  for (const index of order) {
    if (pieces.length > 1) pieces.push(comma);
    pieces.push(parts[index] ?? comma);
  }
  pieces.push(close);
  return Buffer.concat(pieces);
}

function* permutations(size: number, taken: readonly number[] = []): Generator<readonly number[]> {
  if (taken.length === size) {
    yield taken;
    return;
  }
  for (let index = 0; index < size; index += 1)
    if (!taken.includes(index)) yield* permutations(size, [...taken, index]);
}

/** The guess itself, and each with one thing more undone. */
function expand(guess: Guess, lost: boolean): readonly Guess[] {
  const { node } = guess;
  if (node.kind !== 'object') return [guess];
  const found: Guess[] = [guess];
  const add = (changed: readonly Member[], rewriting: Rewriting | undefined, summary = guess.summary): void => {
    const rewritings = rewriting === undefined ? guess.rewritings : [...new Set([...guess.rewritings, rewriting])];
    found.push({ node: { kind: 'object', members: changed }, rewritings, summary });
  };
  for (const [rewriting, change] of treeRepairs) {
    const changed = change(node.members);
    if (changed !== undefined) add(changed, rewriting);
  }
  for (const members of withLostMembers(node.members)) add(members, 'members_lost');
  if (lost) for (const members of withSummary(node.members)) add(members, undefined, true);
  return found;
}

type TreeRepair = (members: readonly Member[]) => readonly Member[] | undefined;

const treeRepairs: readonly (readonly [Rewriting, TreeRepair])[] = [
  ['base64', (members) => mapStrings(members, mendBase64)],
  [
    'members_added',
    (members) => filterMembers(members, ({ value }) => !(value.kind === 'bare' && value.text === 'null')),
  ],
  [
    'members_added',
    (members) =>
      filterMembers(members, ({ name }) => [...(topOrders[0] ?? []), ...(resourceOrders[0] ?? [])].includes(name)),
  ],
  ['members_renamed', (members) => mapMembers(members, (member) => ({ ...member, name: snakeCase(member.name) }))],
  ['dates', (members) => mapStrings(members, (value, name) => (name === 'create_time' ? beijingTime(value) : value))],
  ['numbers', (members) => mapBare(members, (text) => text.replace(/^(-?\d+)\.0+$/, '$1'))],
  ['numbers', (members) => mapBare(members, (text) => text.replace(/^-?\d+$/, '$&.0'))],
  ['numbers', (members) => mapBare(members, (text) => (/e/i.test(text) ? plainNumber(text) : text))],
  ['numbers', (members) => mapBare(members, (text) => text.replace(/^(-?\d+\.\d)$/, '$10'))],
  ['nested_string', (members) => mapMembers(members, parseNested)],
];

function mapMembers(members: readonly Member[], change: (member: Member) => Member): readonly Member[] | undefined {
  let changed = false;
  const walk = (list: readonly Member[]): readonly Member[] =>
    list.map((member) => {
      const made = change(member);
      const { value } = made;
      if (made.name !== member.name || made.value !== member.value) changed = true;
      return value.kind === 'object' ? { ...made, value: { ...value, members: walk(value.members) } } : made;
    });
  const result = walk(members);
  return changed ? result : undefined;
}

function mapStrings(
  members: readonly Member[],
  change: (value: string, name: string) => string,
): readonly Member[] | undefined {
  return mapMembers(members, (member) => {
    if (member.value.kind !== 'string') return member;
    const value = change(member.value.value, member.name);
    return value === member.value.value ? member : { ...member, value: { kind: 'string', value } };
  });
}

function mapBare(members: readonly Member[], change: (text: string) => string): readonly Member[] | undefined {
  return mapMembers(members, (member) => {
    if (member.value.kind !== 'bare') return member;
    const text = change(member.value.text);
    return text === member.value.text ? member : { ...member, value: { kind: 'bare', text } };
  });
}

function filterMembers(members: readonly Member[], keep: (member: Member) => boolean): readonly Member[] | undefined {
  let changed = false;
  const walk = (list: readonly Member[]): readonly Member[] => {
    const kept = list.filter(keep);
    if (kept.length !== list.length) changed = true;
    return kept.map((member) =>
      member.value.kind === 'object'
        ? { ...member, value: { ...member.value, members: walk(member.value.members) } }
        : member,
    );
  };
  const result = walk(members);
  return changed ? result : undefined;
}

function mendBase64(value: string, name: string): string {
  if (name === 'create_time') return value.replace(/ (?=\d\d:\d\d$)/, '+');
  if (name !== 'ciphertext') return value;
  const plain = value
    .replaceAll(/[\r\n\t]/g, '')
    .replaceAll(' ', '+')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  return /[^=]$/.test(plain) && plain.length % 4 > 1 ? plain.padEnd(Math.ceil(plain.length / 4) * 4, '=') : plain;
}

function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (char) => `_${char}`).toLowerCase();
}

/** As WeChat Pay writes times: whole seconds at +08:00. */
function beijingTime(text: string): string {
  const time = /^\d{4}-\d\d-\d\d[T ]/.test(text) ? Date.parse(text) : Number.NaN;
  const shifted = time + 8 * 3_600_000;
  if (Number.isNaN(time) || Math.abs(shifted) > 8e15) return text;
  return `${new Date(shifted).toISOString().slice(0, 19)}+08:00`;
}

function plainNumber(text: string): string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? String(value) : text;
}

function parseNested(member: Member): Member {
  if (member.value.kind !== 'string' || !member.value.value.startsWith('{')) return member;
  const read = readLoosely(member.value.value);
  return read === undefined ? member : { ...member, value: read.node };
}

/** What typed objects leave out, put in at its place of the documented order. */
function* withLostMembers(members: readonly Member[]): Generator<readonly Member[]> {
  const has = (list: readonly Member[], name: string): boolean => list.some((member) => member.name === name);
  const resource = members.find(({ name }) => name === 'resource')?.value;
  const event = textOf(members, 'event_type');
  const types = ['transaction', 'refund', ...(event === undefined ? [] : [event.split('.')[0]?.toLowerCase() ?? ''])];
  if (event?.startsWith('REFUND') === true) types.reverse();
  if (resource?.kind === 'object') {
    const inside = resource.members;
    const put = (name: string, value: string): readonly Member[] => {
      const changed = insert(inside, { name, value: { kind: 'string', value } }, resourceOrders[0] ?? []);
      return members.map((member) =>
        member.name === 'resource' ? { name: 'resource', value: { kind: 'object', members: changed } } : member,
      );
    };
    const original = textOf(inside, 'original_type');
    const associated = textOf(inside, 'associated_data');
    if (!has(inside, 'associated_data'))
      for (const value of new Set([...(original === undefined ? [] : [original]), '', ...types]))
        yield put('associated_data', value);
    if (!has(inside, 'original_type'))
      for (const value of new Set([...(associated === undefined ? [] : [associated]), ...types]))
        yield put('original_type', value);
    if (!has(inside, 'algorithm')) yield put('algorithm', 'AEAD_AES_256_GCM');
    if (associated === '') for (const value of types) yield put('associated_data', value);
  }
  const outside = (name: string, value: string): readonly Member[] =>
    insert(members, { name, value: { kind: 'string', value } }, topOrders[0] ?? []);
  if (!has(members, 'resource_type')) yield outside('resource_type', 'encrypt-resource');
  if (!has(members, 'event_type'))
    for (const [name, summary] of summaries)
      if (textOf(members, 'summary') === undefined || textOf(members, 'summary') === summary)
        yield outside('event_type', name);
  if (!has(members, 'summary')) for (const summary of summariesFor(event)) yield outside('summary', summary);
}

/** With a summary that is known from the event type: what a wrong charset made of it cannot always be undone. */
function* withSummary(members: readonly Member[]): Generator<readonly Member[]> {
  const captured = textOf(members, 'summary');
  if (captured === undefined) return;
  const again = encodeText(captured, 'gbk');
  const texts = [...summariesFor(textOf(members, 'event_type')), ...(again === undefined ? [] : [utf8Text(again)])];
  for (const summary of new Set(texts))
    if (summary !== undefined && summary !== captured)
      yield members.map((member) =>
        member.name === 'summary' ? { name: 'summary', value: { kind: 'string', value: summary } } : member,
      );
}

function summariesFor(event: string | undefined): readonly string[] {
  const own = summaries.filter(([name]) => name === event).map(([, summary]) => summary);
  return own.length > 0 ? own : [...new Set(summaries.map(([, summary]) => summary))];
}

function textOf(members: readonly Member[], name: string): string | undefined {
  const value = members.find((member) => member.name === name)?.value;
  return value?.kind === 'string' ? value.value : undefined;
}

function insert(members: readonly Member[], made: Member, order: readonly string[]): readonly Member[] {
  const rest = members.filter(({ name }) => name !== made.name);
  const before = order.slice(0, order.indexOf(made.name)).toReversed();
  const at = before.map((name) => rest.findIndex((member) => member.name === name)).find((index) => index !== -1) ?? -1;
  return [...rest.slice(0, at + 1), made, ...rest.slice(at + 1)];
}

/** In the known orders, where these hold exactly the members that there are. */
function* reordered(node: JsonNode): Generator<JsonNode> {
  if (node.kind !== 'object') return;
  const inside = node.members.find(({ name }) => name === 'resource')?.value;
  for (const top of topOrders)
    for (const inner of resourceOrders) {
      const members = arranged(node.members, top);
      if (members === undefined || inside?.kind !== 'object') return;
      const within = arranged(inside.members, inner) ?? inside.members;
      yield {
        kind: 'object',
        members: members.map((member) =>
          member.name === 'resource' ? { name: 'resource', value: { kind: 'object', members: within } } : member,
        ),
      };
    }
}

function arranged(members: readonly Member[], order: readonly string[]): readonly Member[] | undefined {
  if (members.length > order.length || members.some(({ name }) => !order.includes(name))) return undefined;
  return members.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}
