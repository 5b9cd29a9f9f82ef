/** What both sides of a callback understand by "taken": WeChat Pay's two APIs want different answers (protocol 6.5, 11.4). */
import { buildV2Xml, parseV2Xml } from '../../core/wire/v2-xml.ts';
import type { CallbackKind } from './capture/capture.ts';
import { isAcknowledgement } from './expectation.ts';
import type { Exchange } from './exchange.ts';

/** APIv3 looks at the status; APIv2 wants XML that says SUCCESS, and takes anything else for a failure. */
export function acknowledges(kind: CallbackKind, { status, body }: Pick<Exchange, 'status' | 'body'>): boolean {
  if (kind === 'v3') return isAcknowledgement(status);
  if (status !== 200 || body === undefined) return false;
  try {
    return parseV2Xml(body).get('return_code') === 'SUCCESS';
  } catch {
    return false;
  }
}

/** The answer of APIv2. */
export function v2Answer(code: 'SUCCESS' | 'FAIL', message: string): Buffer {
  const fields = { return_code: code, return_msg: message };
  return Buffer.from(buildV2Xml(new Map(Object.entries(fields))), 'utf8');
}
