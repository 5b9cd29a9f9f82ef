/** `req_info` of an APIv2 refund callback: what it tells, encrypted and not signed (protocol 11.4). */
import { createDecipheriv, createHash } from 'node:crypto';
import { decodeBase64 } from '../crypto/base64.ts';
import { WxpayError } from '../errors.ts';
import { parseV2Xml, type V2Fields } from './v2-xml.ts';

/** Largest `req_info` taken, in characters of base64. */
const limit = 64 * 1024;

/**
 * AES-256-ECB with PKCS#7 under the 32 ASCII characters of the lower-case hex MD5 of the APIv2 key. ECB has no tag: a wrong
 * key shows in the padding or in what comes out, so what comes out must be the documented XML.
 *
 * @throws `DECRYPT_FAILED`
 */
export function decryptReqInfo(reqInfo: string, key: string): V2Fields {
  const bytes = reqInfo.length > limit ? undefined : decodeBase64(reqInfo);
  if (bytes === undefined) throw failed('no_base64');
  if (bytes.length === 0 || bytes.length % 16 !== 0) throw failed('ecb_length');
  const aesKey = createHash('md5').update(key).digest('hex');
  const decipher = createDecipheriv('aes-256-ecb', Buffer.from(aesKey, 'latin1'), null);
  let plaintext: Buffer;
  try {
    plaintext = Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch {
    throw failed('ecb_padding');
  }
  try {
    return parseV2Xml(plaintext, 'root');
  } catch {
    throw failed('ecb_content');
  }
}

function failed(reason: string): WxpayError {
  return new WxpayError('DECRYPT_FAILED', { params: { reason: `key:reason.${reason}` }, hint: 'v2.hint.req_info' });
}
