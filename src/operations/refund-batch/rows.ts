/**
 * The rows of a batch, kept small: a million of them fit into some sixty megabytes, with their texts, their duplicates and
 * their orders (THREATS G13). No row is an object before somebody asks for it.
 */

/** One row as the file has it. */
export interface Row {
  /** Where the row begins in the file, from 1. */
  readonly line: number;
  readonly by: 'transaction_id' | 'out_trade_no';
  /** The order's number of that kind. */
  readonly no: string;
  /** What to refund, in fen, at least 1. */
  readonly fen: number;
  /** Empty for none. */
  readonly reason: string;
  /** The row's own refund number; empty for one that is derived. */
  readonly out_refund_no: string;
  /** Tells several refunds of one order apart; empty for none. */
  readonly ref: string;
}

/** What the orders looked up say of one of them. */
export interface OrderFacts {
  readonly transaction_id: string;
  /** Fen. */
  readonly total: number;
  readonly trade_state: string;
}

const chunkBits = 16;
const chunkSize = 1 << chunkBits;

type Numbers = Uint8Array | Uint32Array | Float64Array;

/** A list of numbers that grows without being copied. */
export interface Column {
  get(index: number): number;
  set(index: number, value: number): void;
}

/** @param make `(size) => new Uint32Array(size)`; entries that were never set are 0, and a column of nothing else takes no room */
export function openColumn(make: (size: number) => Numbers): Column {
  const chunks: (Numbers | undefined)[] = [];
  return {
    get: (index) => chunks[index >>> chunkBits]?.[index & (chunkSize - 1)] ?? 0,
    set(index, value) {
      const at = index >>> chunkBits;
      const place = index & (chunkSize - 1);
      while (chunks.length <= at) chunks.push(undefined);
      const chunk = chunks[at];
      if (chunk !== undefined && place < chunk.length) {
        chunk[place] = value;
        return;
      }
      if (value === 0) return;
      // A few rows shall not take the room of a hundred thousand.
      const larger = make(at > 0 ? chunkSize : Math.max(64, 2 ** Math.ceil(Math.log2(place + 1))));
      if (chunk !== undefined) larger.set(chunk);
      larger[place] = value;
      chunks[at] = larger;
    },
  };
}

/** For whole numbers of 0 to 2^53 - 1, of which most are below 2^32: amounts, places in a file. */
export function openWideColumn(): Column {
  const low = openColumn(u32);
  const high = openColumn(u32);
  return {
    get: (index) => high.get(index) * 2 ** 32 + low.get(index),
    set(index, value) {
      low.set(index, value % 2 ** 32);
      high.set(index, Math.floor(value / 2 ** 32));
    },
  };
}

const u8 = (size: number): Uint8Array => new Uint8Array(size);
const u32 = (size: number): Uint32Array => new Uint32Array(size);

/** Short texts, end to end in a few big buffers. Handle 0 is the empty text. */
export interface Texts {
  add(text: string): number;
  get(handle: number): string;
}

const slabSize = 1 << 20;
/** Digits only: two to a byte, which halves the ids that most rows consist of. */
const packed = 0x80_00;

export function openTexts(): Texts {
  const slabs: Buffer[] = [];
  // Handle 0 is taken by the empty text.
  let end = 1;
  const room = (size: number): Buffer => {
    if ((end & (slabSize - 1)) + size > slabSize) end = (Math.floor(end / slabSize) + 1) * slabSize;
    const at = Math.floor(end / slabSize);
    while (slabs.length <= at) slabs.push(Buffer.allocUnsafeSlow(slabSize));
    return slabs[at] as Buffer;
  };
  return {
    add(text) {
      if (text === '') return 0;
      const digits = /^\d+$/.test(text);
      const size = digits ? (text.length + 1) >> 1 : Buffer.byteLength(text);
      if (text.length > 0x7f_ff || size > 0x7f_ff) throw new RangeError('a text of a row is longer than 32 KiB');
      const slab = room(size + 2);
      const handle = end;
      let at = handle & (slabSize - 1);
      slab.writeUInt16LE(digits ? text.length | packed : size, at);
      at += 2;
      if (digits)
        for (let index = 0; index < text.length; index += 2) {
          const high = text.charCodeAt(index) - 48;
          const low = index + 1 < text.length ? text.charCodeAt(index + 1) - 48 : 0;
          slab[at++] = (high << 4) | low;
        }
      else slab.write(text, at);
      end = handle + size + 2;
      return handle;
    },
    get(handle) {
      if (handle === 0) return '';
      const slab = slabs[Math.floor(handle / slabSize)] as Buffer;
      const at = handle & (slabSize - 1);
      const head = slab.readUInt16LE(at);
      const length = head & 0x7f_ff;
      if ((head & packed) === 0) return slab.toString('utf8', at + 2, at + 2 + length);
      return slab.toString('hex', at + 2, at + 2 + ((length + 1) >> 1)).slice(0, length);
    },
  };
}

/** Finds the number under which a text was filed. */
export interface TextIndex {
  /** The number filed under this text, or `undefined`. */
  find(text: string): number | undefined;
  /** Files a number under its text, which `textAt` must give back from now on. */
  add(text: string, number: number): void;
}

/** Open addressing over the texts themselves: what differs is never taken for the same, whatever the hash. */
export function openTextIndex(textAt: (number: number) => string): TextIndex {
  let slots = new Uint32Array(1 << 10);
  let used = 0;
  const place = (table: Uint32Array, text: string): number => {
    const mask = table.length - 1;
    let at = hash(text) & mask;
    for (;;) {
      const entry = table[at] ?? 0;
      if (entry === 0 || textAt(entry - 1) === text) return at;
      at = (at + 1) & mask;
    }
  };
  return {
    find(text) {
      const entry = slots[place(slots, text)] ?? 0;
      return entry === 0 ? undefined : entry - 1;
    },
    add(text, number) {
      if (used * 4 >= slots.length * 3) {
        const larger = new Uint32Array(slots.length * 2);
        const mask = larger.length - 1;
        for (const entry of slots) {
          if (entry === 0) continue;
          let at = hash(textAt(entry - 1)) & mask;
          while (larger[at] !== 0) at = (at + 1) & mask;
          larger[at] = entry;
        }
        slots = larger;
      }
      slots[place(slots, text)] = number + 1;
      used += 1;
    },
  };
}

/** FNV-1a with a last stir, over UTF-16 units. Only for placing; equality is decided by the texts. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (let index = 0; index < text.length; index += 1) {
    value ^= text.charCodeAt(index);
    value = Math.imul(value, 0x01_00_01_93);
  }
  value ^= value >>> 15;
  value = Math.imul(value, 0x2c_1b_3c_6d);
  value ^= value >>> 13;
  return value >>> 0;
}

/**
 * The rows in file order, grouped by the order that they name.
 *
 * An order first appears under the number that its rows give; when orders have been looked up, two numbers that turn out to
 * be one order are joined (`settle`).
 */
export interface Rows {
  readonly count: number;
  /** How many different orders the rows name. */
  readonly orders: number;
  /** Sum of all rows in fen; exact up to 2^53 - 1, above that not a safe integer. */
  readonly fen: number;
  add(row: Row): number;
  get(index: number): Row;
  lineOf(index: number): number;
  fenOf(index: number): number;
  /** The order of a row: a number below `orders`. */
  orderOf(index: number): number;
  /** The rows of an order, in file order. */
  rowsOf(order: number): readonly number[];
  /** Does it have more than one row? */
  hasSeveral(order: number): boolean;
  /** Number of an order as the file gives it. */
  nameOf(order: number): { readonly by: Row['by']; readonly no: string };
  findOrder(by: Row['by'], no: string): number | undefined;
  /** The row with this refund number of its own. */
  findRefundNo(out_refund_no: string): number | undefined;
  /** Keeps what a look-up found. @returns the order to which the rows now belong: another one, where both are the same */
  settle(order: number, facts: OrderFacts): number;
  factsOf(order: number): OrderFacts | undefined;
}

const byTransactionId = 1;
const byOutTradeNo = 2;

export function openRows(): Rows {
  const texts = openTexts();
  const reasons = openInterned(texts);
  /** The trade states seen, at most 255 of them: WeChat Pay has eight. */
  const tradeStates: string[] = [];

  const line = openColumn(u32);
  const fen = openWideColumn();
  const order = openColumn(u32);
  const reason = openColumn(u32);
  const refundNo = openColumn(u32);
  const ref = openColumn(u32);
  /** The next row of the same order, plus 1. */
  const next = openColumn(u32);

  const kind = openColumn(u8);
  const name = openColumn(u32);
  /** First row of the order, plus 1; 0 when the order was joined with another. */
  const first = openColumn(u32);
  /** Last row of an order of several rows, plus 1. */
  const last = openColumn(u32);
  /** Of a settled order that is named otherwise. */
  const transactionId = openColumn(u32);
  /** The order with which this one was joined, plus 1. */
  const joined = openColumn(u32);
  const total = openWideColumn();
  /** Place among `tradeStates`, plus 1; 0 while the order was not looked up. */
  const state = openColumn(u8);

  const named = openTextIndex((number) => `${kind.get(number)}${texts.get(name.get(number))}`);
  /** Orders that were named by out_trade_no, under their transaction_id; the others are `named` by it. */
  const settled = openTextIndex((number) => texts.get(transactionId.get(number)));
  const isSettled = (of: number): boolean => state.get(of) !== 0;
  const lastOf = (of: number): number => (last.get(of) === 0 ? first.get(of) : last.get(of));
  const refundNos = openTextIndex((number) => texts.get(refundNo.get(number)));
  let count = 0;
  let orders = 0;
  let sum = 0;

  const kindOf = (by: Row['by']): number => (by === 'transaction_id' ? byTransactionId : byOutTradeNo);
  const standing = (of: number): number => (joined.get(of) === 0 ? of : joined.get(of) - 1);
  const stateOf = (text: string): number => {
    const known = tradeStates.indexOf(text);
    if (known >= 0) return known + 1;
    if (tradeStates.length >= 255) throw new RangeError('more trade states than there can be');
    return tradeStates.push(text);
  };
  const rowsOf = (of: number): readonly number[] => {
    const found: number[] = [];
    for (let at = first.get(of); at !== 0; at = next.get(at - 1)) found.push(at - 1);
    return found;
  };

  return {
    get count() {
      return count;
    },
    get orders() {
      return orders;
    },
    get fen() {
      return sum;
    },
    add(row) {
      const index = count++;
      line.set(index, row.line);
      fen.set(index, row.fen);
      sum += row.fen;
      reason.set(index, reasons(row.reason));
      ref.set(index, texts.add(row.ref));
      if (row.out_refund_no !== '') {
        refundNo.set(index, texts.add(row.out_refund_no));
        if (refundNos.find(row.out_refund_no) === undefined) refundNos.add(row.out_refund_no, index);
      }
      const key = `${kindOf(row.by)}${row.no}`;
      let of = named.find(key);
      if (of === undefined) {
        of = orders++;
        kind.set(of, kindOf(row.by));
        name.set(of, texts.add(row.no));
        named.add(key, of);
        first.set(of, index + 1);
      } else {
        next.set(lastOf(of) - 1, index + 1);
        last.set(of, index + 1);
      }
      order.set(index, of);
      return index;
    },
    get(index) {
      const of = order.get(index);
      return {
        line: line.get(index),
        by: kind.get(of) === byTransactionId ? 'transaction_id' : 'out_trade_no',
        no: texts.get(name.get(of)),
        fen: fen.get(index),
        reason: texts.get(reason.get(index)),
        out_refund_no: texts.get(refundNo.get(index)),
        ref: texts.get(ref.get(index)),
      };
    },
    lineOf: (index) => line.get(index),
    fenOf: (index) => fen.get(index),
    orderOf: (index) => standing(order.get(index)),
    rowsOf,
    hasSeveral: (of) => first.get(of) !== lastOf(of),
    nameOf: (of) => ({
      by: kind.get(of) === byTransactionId ? 'transaction_id' : 'out_trade_no',
      no: texts.get(name.get(of)),
    }),
    findOrder: (by, no) => named.find(`${kindOf(by)}${no}`),
    findRefundNo: (no) => refundNos.find(no),
    settle(of, facts) {
      const namesake = named.find(`${byTransactionId}${facts.transaction_id}`);
      const known =
        settled.find(facts.transaction_id) ?? (namesake !== undefined && isSettled(namesake) ? namesake : undefined);
      if (known !== undefined && known !== of) {
        const all = [...rowsOf(known), ...rowsOf(of)].toSorted((a, b) => a - b);
        for (const [at, index] of all.entries()) next.set(index, (all[at + 1] ?? -1) + 1);
        first.set(known, (all[0] ?? -1) + 1);
        last.set(known, (all.at(-1) ?? -1) + 1);
        first.set(of, 0);
        joined.set(of, known + 1);
        return known;
      }
      const isNamedSo = kind.get(of) === byTransactionId;
      if (!isNamedSo) transactionId.set(of, texts.add(facts.transaction_id));
      total.set(of, facts.total);
      state.set(of, stateOf(facts.trade_state));
      if (known === undefined && !isNamedSo) settled.add(facts.transaction_id, of);
      return of;
    },
    factsOf(of) {
      if (!isSettled(of)) return undefined;
      const id = kind.get(of) === byTransactionId ? name.get(of) : transactionId.get(of);
      return { transaction_id: texts.get(id), total: total.get(of), trade_state: tradeStates[state.get(of) - 1] ?? '' };
    },
  };
}

/** Reasons repeat: the first few thousand different ones are kept once. */
function openInterned(texts: Texts): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const handle = texts.add(text);
    if (known.size < 4096) known.set(text, handle);
    return handle;
  };
}
