/**
 * The bodies that wxpay itself builds and checks, by endpoint: what a person is told of a body before writing one. The same tables
 * check bodies before they are sent, so nothing here can be of another opinion. Other bodies are not known, and are not guessed.
 */
import type { Method } from '../core/ports.ts';
import { codepayFields } from './codepay.ts';
import { combineFields } from './combine-fields.ts';
import type { Field, Fields } from './fields.ts';
import { directFields, partnerFields, tradeTypes } from './order-fields.ts';
import { abnormalFields, refundFields } from './refund-fields.ts';
import { transferFields } from './transfer-fields.ts';

/** A body of an endpoint. */
export interface KnownBody {
  readonly fields: Fields;
  /** Paths of which exactly one is wanted, by the table's own names; the first is the usual one. */
  readonly oneOf?: readonly string[];
}

const mchid: Field = { type: 'string', max: 32, required: true };
const optional = (field: Field): Field => ({ ...field, required: false });
const orderNumbers = ['out_trade_no', 'transaction_id'];

/** `sub_mchid` is a service provider's, who has no endpoint of its own for refunds; bank and name go with `USER_BANK_CARD` alone. */
function sharedBody(fields: Fields, ...loose: readonly string[]): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, loose.includes(name) ? optional(field) : field]),
  );
}

const bodies: Readonly<Record<string, () => KnownBody>> = {
  ...Object.fromEntries(
    tradeTypes.flatMap((type) => [
      [`/v3/pay/transactions/${type}`, () => ({ fields: directFields(type) })],
      [
        `/v3/pay/partner/transactions/${type}`,
        () => ({
          fields: partnerFields(type),
          ...(type === 'jsapi' ? { oneOf: ['payer.sp_openid', 'payer.sub_openid'] } : {}),
        }),
      ],
      [`/v3/combine-transactions/${type}`, () => ({ fields: combineFields(type, false) })],
    ]),
  ),
  '/v3/pay/transactions/codepay': () => ({ fields: codepayFields(false) }),
  '/v3/pay/partner/transactions/codepay': () => ({ fields: codepayFields(true) }),
  '/v3/pay/transactions/out-trade-no/{out_trade_no}/close': () => ({ fields: { mchid } }),
  '/v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close': () => ({
    fields: { sp_mchid: mchid, sub_mchid: mchid },
  }),
  '/v3/refund/domestic/refunds': () => ({ fields: sharedBody(refundFields(true), 'sub_mchid'), oneOf: orderNumbers }),
  '/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund': () => ({
    fields: sharedBody(abnormalFields(true, 'USER_BANK_CARD'), 'sub_mchid', 'bank_type', 'bank_account', 'real_name'),
  }),
  '/v3/fund-app/mch-transfer/transfer-bills': () => ({ fields: transferFields }),
};

/** The templates whose bodies are known. */
export const knownBodyPaths: readonly string[] = Object.keys(bodies);

/**
 * The body of an endpoint.
 *
 * @param path the catalogue's template
 * @returns `undefined` when its fields are not known here
 */
export function knownBody(method: Method, path: string): KnownBody | undefined {
  return method === 'POST' && Object.hasOwn(bodies, path) ? bodies[path]?.() : undefined;
}

/** One field, by its path: `amount.total`, `goods_detail[].quantity`. */
export interface FieldLine {
  readonly field: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'object' | 'list' | 'any';
  /** `parent`: only where the object that it belongs to is there; `one_of`: exactly one of those that say so. */
  readonly required: 'always' | 'parent' | 'one_of' | 'no';
  readonly min?: number;
  /** Of a text: characters. */
  readonly max?: number;
  readonly max_bytes?: number;
  readonly values?: readonly string[];
}

/** Every field of a body in the order of its table, objects before what they hold. */
export function fieldLines({ fields, oneOf = [] }: KnownBody): readonly FieldLine[] {
  const lines: FieldLine[] = [];
  const walk = (path: string, field: Field, held: boolean): void => {
    const required = oneOf.includes(path) ? 'one_of' : field.required !== true ? 'no' : held ? 'always' : 'parent';
    const { min, max, maxBytes, values } = field as Partial<Extract<Field, { type: 'string' }>>;
    lines.push({
      field: path,
      type: field.type,
      required,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
      ...(values === undefined ? {} : { values }),
    });
    const sure = held && field.required === true;
    if (field.type === 'object') inside(`${path}.`, field.fields, sure);
    if (field.type === 'list') {
      if (field.item.type === 'object') inside(`${path}[].`, field.item.fields, sure);
      else walk(`${path}[]`, field.item, sure);
    }
  };
  const inside = (prefix: string, inner: Fields, held: boolean): void => {
    for (const [name, field] of Object.entries(inner)) walk(prefix + name, field, held);
  };
  inside('', fields, true);
  return lines;
}

/**
 * A body to fill in: what is required, in the table's order. A text is empty and a number 0, which the rules refuse: what has been
 * forgotten is not sent by accident. Where there is one value only, it stands there.
 */
export function skeletonOf({ fields, oneOf = [] }: KnownBody): Record<string, unknown> {
  const fill = (prefix: string, inner: Fields): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(inner).flatMap(([name, field]) => {
        const path = prefix + name;
        const isUsual = path === oneOf[0];
        return field.required === true || isUsual ? [[name, blank(path, field)]] : [];
      }),
    );
  const blank = (path: string, field: Field): unknown => {
    switch (field.type) {
      case 'object':
        return fill(`${path}.`, field.fields);
      case 'list':
        return [blank(`${path}[]`, field.item)];
      case 'integer':
        return 0;
      case 'boolean':
        return false;
      case 'string':
        return field.values?.length === 1 ? field.values[0] : name(path) === 'currency' ? 'CNY' : '';
      case 'any':
        return null;
    }
  };
  return fill('', fields);
}

function name(path: string): string {
  return path.split('.').at(-1) ?? path;
}
