/** The body of a call from `-f`, `-F`, `--data` and `--encrypt`. Nothing secret stands on the command line. */
import { WxpayError } from '../../../core/errors.ts';
import {
  buildBody,
  changeValues,
  parsePair,
  parsePath,
  typedValue,
  type FieldValue,
} from '../../../operations/body-fields.ts';
import type { CallBody } from '../../../operations/call.ts';
import { encryptField } from '../../../operations/crypt.ts';
import { parseJson } from '../../../core/wire/json.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { readInput } from '../../json-input.ts';

/** A `-F`, and how many `-f` stood before it: the order decides which item of a list a field belongs to. */
export interface TypedField {
  readonly text: string;
  readonly after: number;
}

interface GivenField {
  readonly flag: '-f' | '-F';
  readonly text: string;
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function fieldsInOrder(options: CommandInput['options']): readonly GivenField[] {
  const texts = textsOf(options['field']);
  const typed = (Array.isArray(options['typedField']) ? options['typedField'] : []) as readonly TypedField[];
  const given: GivenField[] = [];
  for (let at = 0; at <= texts.length; at += 1) {
    for (const { text } of typed.filter(({ after }) => after === at)) given.push({ flag: '-F', text });
    const text = texts[at];
    if (text !== undefined) given.push({ flag: '-f', text });
  }
  return given;
}

/** Whether anything was given that becomes a body. */
export function hasBody(options: CommandInput['options']): boolean {
  return typeof options['data'] === 'string' || options['upload'] !== undefined || fieldsInOrder(options).length > 0;
}

/**
 * Reads the body: the bytes of `--data` as they are, or an object of the fields; `undefined` for neither.
 *
 * @throws `INPUT_INVALID`, `INPUT_UNREADABLE`, `SECRET_IN_ARGV`
 */
export async function readBody(options: CommandInput['options'], runtime: Runtime): Promise<CallBody | undefined> {
  const { data } = options;
  const given = fieldsInOrder(options);
  const encrypted = textsOf(options['encrypt']);
  if (typeof data === 'string') {
    if (given.length > 0) throw invalid('--data', 'api_data_fields');
    const bytes = await readInput(data, runtime);
    const document = parsed(bytes, encrypted.length > 0);
    const typed = !/^[@-]/.test(data);
    if (typed && (encrypted.length > 0 || /"auth_code"/.test(bytes.toString('utf8')))) throw inArgv('--data');
    return { body: bytes, document };
  }
  if (given.length === 0) return undefined;
  const secret = encrypted.map((path) => formOf(path));
  const fields: FieldValue[] = [];
  for (const { flag, text } of given) fields.push(await readField(flag, text, secret, runtime));
  const document = buildBody(fields);
  return { body: Buffer.from(JSON.stringify(document)), document };
}

async function readField(
  flag: '-f' | '-F',
  pair: string,
  secret: readonly string[],
  runtime: Runtime,
): Promise<FieldValue> {
  const { path, text } = parsePair(pair);
  const form = formOf(path);
  if (text === undefined) {
    // `-F list[]`: an empty list.
    if (flag === '-F' && path.endsWith('[]')) return { path: path.slice(0, -2), value: [] };
    throw invalid(`${flag} ${path}`, 'v2_pair');
  }
  const fromFile = flag === '-F' && text.startsWith('@');
  if (!fromFile && (secret.includes(form) || /(?:^|\.)auth_code$/.test(form))) throw inArgv(`${flag} ${path}`, path);
  if (fromFile) return { path, value: textOf(await readInput(text, runtime), path) };
  return { path, value: flag === '-f' ? text : typedValue(path, text) };
}

/** `a[0].b`, `a[][b]` and `a[].b` are one field: `a[].b`. */
function formOf(path: string): string {
  return parsePath(path).reduce<string>(
    (form, step) =>
      step === 'each' || 'index' in step ? `${form}[]` : form === '' ? step.name : `${form}.${step.name}`,
    '',
  );
}

/** One final line end, which editors add, is no part of a value. */
function textOf(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw invalid(path, 'json_utf8');
  }
}

/** @param rewritten whether the document will be written anew, so that no number may be one that is changed by that */
function parsed(bytes: Uint8Array, rewritten: boolean): unknown {
  try {
    return parseJson(bytes, { anyNumber: !rewritten });
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    throw new WxpayError('INPUT_INVALID', { params: { ...error.params, field: '--data' }, outcome: 'not_sent' });
  }
}

/**
 * Encrypts the named fields for WeChat Pay and names the key in `Wechatpay-Serial` (protocol 5).
 *
 * @throws `INPUT_INVALID` for a field that the body does not have or that is no text, `NOT_FOUND` for a key that nobody knows
 */
export async function encryptFields(
  body: CallBody | undefined,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<CallBody | undefined> {
  const paths = textsOf(options['encrypt']);
  if (paths.length === 0) return body;
  const document: unknown = structuredClone(body?.document);
  const ring = await runtime.keyRing();
  let serial = typeof options['serial'] === 'string' ? options['serial'] : undefined;
  for (const path of paths) {
    const count = await changeValues(document, path, async (value, at) => {
      if (typeof value !== 'string' || value === '') throw invalid(at, 'api_encrypt_text');
      const field = await encryptField(ring, value, { serial, fetch: !runtime.globals.dryRun }).catch((error) => {
        if (!(error instanceof WxpayError) || error.params['field'] !== 'plaintext') throw error;
        throw error.with({ params: { ...error.params, field: at } });
      });
      // One header names one key.
      serial = field.wechatpay_serial;
      return field.ciphertext;
    });
    if (count === 0) throw invalid(path, 'api_no_field');
  }
  return {
    body: Buffer.from(JSON.stringify(document)),
    document,
    headers: { ...body?.headers, ...(serial === undefined ? {} : { 'wechatpay-serial': serial }) },
  };
}

function inArgv(flag: string, path = 'field'): WxpayError {
  return new WxpayError('SECRET_IN_ARGV', {
    params: { flag, instead: `-F ${path}=@file, -F ${path}=@-, --data @file` },
    outcome: 'not_sent',
  });
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { field: field.slice(0, 200), reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}
