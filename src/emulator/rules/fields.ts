/**
 * Field tables and the one validator that walks them. The wordings are those that live answers were seen with (protocol
 * 8.1, endpoints 1.3); where none was seen, the nearest one's form is kept.
 *
 * A whole body is read in three passes, each in table order: types, then members that no table knows, then the rules.
 */
import { isNumber, isObject, plain } from '../json.ts';
import type { Json, JsonObject } from '../json.ts';
import { paramError, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';

interface Named {
  /** The field's Chinese name, as messages quote it. */
  readonly title: string;
  readonly required?: true;
}

export interface StringField extends Named {
  readonly type: 'string';
  /** Length bounds, both inclusive; the lower one is 1 unless given. */
  readonly min?: number;
  readonly max: number;
  /** What a length counts: characters, or UTF-8 bytes where live answers counted those. */
  readonly unit?: 'bytes';
  /** A regular expression for the whole value, quoted in the refusal as it stands. */
  readonly pattern?: string;
  readonly values?: readonly string[];
  /** A form that no pattern expresses; `false` refuses. */
  readonly form?: (value: string) => boolean;
}

export interface IntegerField extends Named {
  readonly type: 'integer';
  readonly min?: number;
  readonly max?: number;
  readonly values?: readonly number[];
}

export interface BooleanField extends Named {
  readonly type: 'boolean';
}

export interface ObjectField extends Named {
  readonly type: 'object';
  readonly fields: Fields;
  /** Upper bound of the minified JSON text, in bytes. */
  readonly maxBytes?: number;
}

export interface ArrayField extends Named {
  readonly type: 'array';
  readonly items: Field;
  readonly max?: number;
}

export type Field = StringField | IntegerField | BooleanField | ObjectField | ArrayField;
export type Fields = Readonly<Record<string, Field>>;

/** The largest integer that is carried exactly all the way; WeChat Pay's own bound is 64 bits. */
const maxInteger = BigInt(Number.MAX_SAFE_INTEGER);

/** Checks a body against its table. @returns the refusal, or `undefined` when the body will do */
export function checkBody(body: JsonObject, fields: Fields): Reply | undefined {
  const unknown: string[] = [];
  const typed = checkTypes(body, fields, '/body', unknown);
  if (typed !== undefined) return typed;
  if (unknown.length > 0) return undefinedParameters(unknown);
  return checkRules(body, fields, '/body', 'body');
}

/** 400 for members that the API does not know; `pointers` like `/body/payer/openid` or `/query/sub_mch_id`. */
export function undefinedParameters(pointers: readonly string[]): Reply {
  return paramError('请求中含有未在API文档中定义的参数', null, pointers, 270924358);
}

/** 400 for a required field that is not there. */
export function missing(pointer: string, location: string, field: Field): Reply {
  return paramError(`输入源“${pointer}”映射到字段“${field.title}”必填性规则校验失败，此字段为必填项`, location, '');
}

/** Checks one text of the path or the query. */
export function checkText(value: string, pointer: string, location: string, field: StringField): Reply | undefined {
  return checkString(value, pointer, location, field);
}

function checkTypes(object: JsonObject, fields: Fields, pointer: string, unknown: string[]): Reply | undefined {
  for (const [name, field] of Object.entries(fields)) {
    const value = object.get(name);
    const refusal = value === undefined ? undefined : checkType(value, field, `${pointer}/${name}`, unknown);
    if (refusal !== undefined) return refusal;
  }
  for (const name of object.keys()) if (!Object.hasOwn(fields, name)) unknown.push(`${pointer}/${name}`);
  return undefined;
}

function checkType(value: Json, field: Field, pointer: string, unknown: string[]): Reply | undefined {
  switch (field.type) {
    case 'string':
      return typeof value === 'string' ? undefined : wrongType(value, field, pointer, '一个 string 类型的 Json 值');
    case 'integer':
      return isNumber(value) && isInteger64(value.digits)
        ? undefined
        : wrongType(value, field, pointer, '一个合法的 64 位有符号整数');
    case 'boolean':
      return typeof value === 'boolean' ? undefined : wrongType(value, field, pointer, '一个 bool 类型的 Json 值');
    case 'object':
      return isObject(value)
        ? checkTypes(value, field.fields, pointer, unknown)
        : wrongType(value, field, pointer, '一个合法的 Json 对象');
    case 'array':
      return Array.isArray(value)
        ? checkItemTypes(value, field, pointer, unknown)
        : wrongType(value, field, pointer, '一个合法的 Json 数组');
    default:
      throw new TypeError('no such field type');
  }
}

function checkItemTypes(items: Json[], field: ArrayField, pointer: string, unknown: string[]): Reply | undefined {
  for (const [index, item] of items.entries()) {
    const refusal = checkType(item, field.items, `${pointer}/${index}`, unknown);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function isInteger64(digits: string): boolean {
  if (!/^-?\d{1,19}$/.test(digits)) return false;
  const value = BigInt(digits);
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

function wrongType(value: Json, field: Field, pointer: string, needed: string): Reply {
  return paramError(
    `无法将 JSON 输入源“${pointer}”映射到目标字段“${field.title}”中，此字段需要${needed}`,
    'body',
    excerpt(value),
  );
}

function excerpt(value: Json): unknown {
  if (typeof value === 'string') return value.slice(0, 200);
  return isObject(value) || Array.isArray(value) ? JSON.stringify(plain(value)).slice(0, 200) : plain(value);
}

function checkRules(object: JsonObject, fields: Fields, pointer: string, location: string): Reply | undefined {
  for (const [name, field] of Object.entries(fields)) {
    const at = `${pointer}/${name}`;
    const value = object.get(name);
    if (value === undefined && field.required) return missing(at, location, field);
    const refusal = value === undefined ? undefined : checkRule(value, field, at, location);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function checkRule(value: Json, field: Field, pointer: string, location: string): Reply | undefined {
  if (field.type === 'string' && typeof value === 'string') return checkString(value, pointer, location, field);
  if (field.type === 'integer' && isNumber(value)) return checkInteger(value.digits, pointer, location, field);
  if (field.type === 'object' && isObject(value)) return checkObject(value, pointer, location, field);
  if (field.type === 'array' && Array.isArray(value)) return checkArray(value, pointer, location, field);
  return undefined;
}

function checkString(value: string, pointer: string, location: string, field: StringField): Reply | undefined {
  const source = `输入源“${pointer}”映射到值字段“${field.title}”字符串规则校验失败`;
  const [length, unit] =
    field.unit === 'bytes' ? [Buffer.byteLength(value), '字节数'] : [Array.from(value).length, '字符数'];
  const min = field.min ?? 1;
  if (length < min) return paramError(`${source}，${unit} ${length}，小于最小值 ${min}`, location, length);
  if (length > field.max) return paramError(`${source}，${unit} ${length}，大于最大值 ${field.max}`, location, length);
  if (field.pattern !== undefined && !new RegExp(field.pattern).test(value)) {
    return paramError(`${source}，字符串必须匹配正则表达式“${field.pattern}”`, location, value);
  }
  if (field.values !== undefined && !field.values.includes(value)) return notListed(value, pointer, location, field);
  if (field.form !== undefined && !field.form(value)) return paramError(`${source}，格式不正确`, location, value);
  return undefined;
}

function notListed(value: string | number, pointer: string, location: string, field: Field): Reply {
  if (pointer === '/body/amount/currency') {
    // The one refusal that the documentation prints whole (endpoints 1.3).
    const detail = { field: '/amount/currency', issue: 'Currency code is invalid', location: 'body', value };
    return refuse(400, 'PARAM_ERROR', '参数错误', 268435461, detail);
  }
  return paramError(
    `输入源“${pointer}”映射到值字段“${field.title}”枚举规则校验失败，值不在枚举范围内`,
    location,
    value,
  );
}

function checkInteger(digits: string, pointer: string, location: string, field: IntegerField): Reply | undefined {
  const source = `输入源“${pointer}”映射到数值字段“${field.title}”规则校验失败`;
  const value = BigInt(digits);
  const min = BigInt(field.min ?? Number.MIN_SAFE_INTEGER);
  if (value < min) return paramError(`${source}，值低于最小值 ${min}`, location, Number(value));
  const max = field.max === undefined ? maxInteger : BigInt(field.max);
  if (value > max) return paramError(`${source}，值高于最大值 ${max}`, location, Number(value), 268435464);
  if (field.values !== undefined && !field.values.includes(Number(value))) {
    return notListed(Number(value), pointer, location, field);
  }
  return undefined;
}

function checkObject(value: JsonObject, pointer: string, location: string, field: ObjectField): Reply | undefined {
  const refusal = checkRules(value, field.fields, pointer, location);
  if (refusal !== undefined || field.maxBytes === undefined) return refusal;
  const bytes = Buffer.byteLength(JSON.stringify(plain(value)));
  if (bytes <= field.maxBytes) return undefined;
  return paramError(
    `输入源“${pointer}”映射到值字段“${field.title}”字符串规则校验失败，字节数 ${bytes}，大于最大值 ${field.maxBytes}`,
    location,
    bytes,
  );
}

function checkArray(value: Json[], pointer: string, location: string, field: ArrayField): Reply | undefined {
  const source = `输入源“${pointer}”映射到数组字段“${field.title}”规则校验失败`;
  if (value.length < 1) return paramError(`${source}，元素个数 0，小于最小值 1`, location, 0);
  if (field.max !== undefined && value.length > field.max) {
    return paramError(`${source}，元素个数 ${value.length}，大于最大值 ${field.max}`, location, value.length);
  }
  for (const [index, item] of value.entries()) {
    const refusal = checkRule(item, field.items, `${pointer}/${index}`, location);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
