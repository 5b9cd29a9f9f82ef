/** The emulator's own parser of the Authorization header, as strict as protocol 1.2 is. */

export interface Authorization {
  readonly mchid: string;
  readonly nonce: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly serialNo: string;
}

/** `type`: another scheme than ours. `malformed`: anything that is not exactly five well-formed pairs. */
export type AuthorizationResult = Authorization | 'type' | 'malformed';

const scheme = 'WECHATPAY2-SHA256-RSA2048';
const names = ['mchid', 'nonce_str', 'signature', 'timestamp', 'serial_no'];

/**
 * Reads `WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",signature="…",timestamp="…",serial_no="…"`: one space after the
 * scheme, pairs in any order, joined by a bare comma. A missing, repeated, unknown or empty field is malformed, and so is a
 * blank after a comma or a stray byte at the end.
 */
export function parseAuthorization(header: string): AuthorizationResult {
  const space = header.indexOf(' ');
  if (space < 0) return 'malformed';
  if (header.slice(0, space) !== scheme) return 'type';
  const fields = new Map<string, string>();
  let rest = header.slice(space + 1);
  for (;;) {
    const match = /^([a-z_]+)="([^"\s]+)"/.exec(rest);
    const [whole = '', name = '', value = ''] = match ?? [];
    if (match === null || !names.includes(name) || fields.has(name)) return 'malformed';
    fields.set(name, value);
    rest = rest.slice(whole.length);
    if (rest === '') break;
    if (!rest.startsWith(',')) return 'malformed';
    rest = rest.slice(1);
  }
  const [mchid, nonce, signature, timestamp, serialNo] = names.map((name) => fields.get(name));
  if (
    mchid === undefined ||
    nonce === undefined ||
    signature === undefined ||
    timestamp === undefined ||
    serialNo === undefined
  ) {
    return 'malformed';
  }
  if (!/^\d{1,20}$/.test(timestamp) || nonce.length > 128) return 'malformed';
  return { mchid, nonce, signature, timestamp, serialNo };
}
