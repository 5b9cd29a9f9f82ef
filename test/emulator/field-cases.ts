/** What a field's documented bounds say about single values: the cases that a table of fields is tried with. */

export interface Row {
  /** `scene_info.store_info.id`; `goods_detail.0` is the first element. */
  readonly path: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'object' | 'array';
  readonly required?: boolean;
  /** Longest text; shortest is 1 unless `min` says otherwise. */
  readonly max?: number;
  readonly min?: number;
  /** Smallest number. */
  readonly least?: number;
  /** What a long text is made of, where not every character will do; `undefined` where no length can be tried. */
  readonly fill?: string;
  readonly good?: readonly unknown[];
  readonly bad?: readonly unknown[];
}

export interface Case {
  readonly path: string;
  readonly what: string;
  readonly value: unknown;
  readonly accepted: boolean;
}

export const absent = Symbol('absent');
const wrongTypes: Readonly<Record<Row['type'], readonly unknown[]>> = {
  string: [1, true, {}, ['a']],
  integer: ['1', true, {}, [1], 1.5],
  boolean: ['true', 1, {}, [true]],
  object: ['{}', 1, true, []],
  array: ['[]', 1, true, {}],
};

export function casesOf(row: Row): Case[] {
  const make = (what: string, value: unknown, accepted: boolean): Case => ({ path: row.path, what, value, accepted });
  const isElement = row.path.endsWith('.0');
  const lengths =
    row.type !== 'string' || row.max === undefined || row.fill === ''
      ? []
      : [
          make('too long', fill(row, row.max + 1), false),
          ...(row.fill === 'long-only' ? [] : [make('longest', fill(row, row.max), true)]),
        ];
  return [
    ...(isElement ? [] : [make('missing', absent, row.required !== true)]),
    make('null', null, false),
    ...wrongTypes[row.type].map((value) => make(`wrong type ${JSON.stringify(value)}`, value, false)),
    ...(row.type === 'string' ? [make('empty', '', false)] : []),
    ...lengths,
    ...(row.least === undefined ? [] : [make('below least', row.least - 1, false)]),
    ...(row.good ?? []).map((value) => make(`good ${JSON.stringify(value)}`, value, true)),
    ...(row.bad ?? []).map((value) => make(`bad ${JSON.stringify(value)}`, value, false)),
    ...(row.type === 'object' ? [make('unknown member', { unknown_member: 1 }, false)] : []),
  ];
}

function fill(row: Row, length: number): string {
  const front = row.fill?.startsWith('http') ? row.fill : '';
  return front + '7'.repeat(length - front.length);
}

export function withValue(body: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const copy = structuredClone(body);
  const names = path.split('.');
  const last = names.pop()!;
  let place = copy;
  for (const name of names) place = place[name] as Record<string, unknown>;
  if (value === absent) delete place[last];
  else place[last] = value;
  return copy;
}
