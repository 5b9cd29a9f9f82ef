/** JSON that a user gives: inline, from a file (`@path`) or from standard input (`-`). */
import { inputUnreadable } from '../core/durable/system-error.ts';
import { WxpayError } from '../core/errors.ts';
import { isObject } from '../operations/fields.ts';
import type { Runtime } from './command.ts';

/**
 * Reads the bytes that `text` names.
 *
 * @throws WxpayError `INPUT_UNREADABLE`
 */
export async function readInput(text: string, runtime: Pick<Runtime, 'readStdin' | 'cwd'>): Promise<Buffer> {
  if (text === '-' || text === '@-') return runtime.readStdin();
  if (!text.startsWith('@')) return Buffer.from(text);
  const { readFile } = await import('node:fs/promises');
  const path = await import('node:path');
  const file = text.slice(1);
  try {
    return await readFile(path.resolve(runtime.cwd, file));
  } catch (error) {
    throw inputUnreadable(file, error, 'not_sent');
  }
}

/** Reads a JSON object for `flag`. Numbers that a double cannot hold are refused, since an id would be changed silently. */
export async function readJsonObject(
  flag: string,
  text: string,
  runtime: Pick<Runtime, 'readStdin' | 'cwd'>,
): Promise<Record<string, unknown>> {
  const bytes = await readInput(text, runtime);
  const { parseJson } = await import('../core/wire/json.ts');
  let value: unknown;
  try {
    // A BOM is what Windows editors put in front; it is no part of JSON.
    value = parseJson(bytes.subarray(bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0));
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    throw new WxpayError('INPUT_INVALID', { params: { ...error.params, field: flag }, outcome: 'not_sent' });
  }
  if (!isObject(value))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: flag, reason: 'key:reason.not_object' },
      outcome: 'not_sent',
    });
  return value;
}
