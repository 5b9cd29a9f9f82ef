/** An APIv2 client by hand: signs and reads with nothing of the program, so that emulator and test cannot share a mistake. */
import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { EmulatorInfo } from '../../../src/emulator/contract.ts';

export type Fields = Readonly<Record<string, string>>;

export interface V2Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
  readonly fields: Record<string, string>;
}

export function sign(fields: Fields, key: string, type: string): string {
  const text = Object.keys(fields)
    .filter((name) => name !== 'sign' && fields[name] !== '')
    .sort()
    .map((name) => `${name}=${fields[name]}&`)
    .join('');
  const hash = type === 'HMAC-SHA256' ? createHmac('sha256', key) : createHash('md5');
  return hash.update(`${text}key=${key}`).digest('hex').toUpperCase();
}

export function holds(fields: Fields, key: string, type = 'MD5'): boolean {
  return fields['sign'] === sign(fields, key, type);
}

export function write(fields: Fields): string {
  return `<xml>${Object.entries(fields)
    .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
    .join('')}</xml>`;
}

export function read(text: string): Record<string, string> {
  const inner = /^<(?:xml|root)>([^]*)<\/(?:xml|root)>$/.exec(text.trim())?.[1] ?? '';
  return Object.fromEntries(
    [...inner.matchAll(/<(\w+)>(?:<!\[CDATA\[([^]*?)\]\]>|([^<]*))<\/\1>/g)].map(([, name = '', cdata, plain]) => [
      name,
      cdata ?? plain ?? '',
    ]),
  );
}

/** AES-256-ECB under the lower-case hex MD5 of the key. */
export function open(reqInfo: string, key: string): Record<string, string> {
  const decipher = createDecipheriv('aes-256-ecb', createHash('md5').update(key).digest('hex'), null);
  return read(Buffer.concat([decipher.update(reqInfo, 'base64'), decipher.final()]).toString('utf8'));
}

export interface V2Client {
  /** Fills in appid, mch_id, nonce_str and sign. */
  call(path: string, fields: Fields, options?: CallOptions): Promise<V2Answer>;
  /** Sends this body as it is. */
  post(path: string, body: string | Buffer, options?: CallOptions): Promise<V2Answer>;
}

export interface CallOptions {
  readonly method?: string;
  /** Replaces what is sent after it was signed. */
  readonly damage?: (fields: Fields) => Fields;
  readonly key?: string;
  /** Over HTTPS with this merchant's certificate, or with none. */
  readonly certificate?: EmulatorInfo | 'none';
}

export function makeV2Client(info: EmulatorInfo): V2Client {
  let made = 0;
  const post: V2Client['post'] = async (path, body, { method = 'POST', certificate } = {}) => {
    const secure = certificate !== undefined;
    const url = new URL(path, secure ? info.https_url! : info.url);
    const bytes = Buffer.from(body);
    const tls =
      certificate === undefined || certificate === 'none'
        ? {}
        : { cert: readFileSync(certificate.certificate_file), key: readFileSync(certificate.private_key_file) };
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)(
        url,
        {
          method,
          agent: false,
          headers: { 'content-type': 'text/xml', 'content-length': bytes.length },
          ...(secure ? { ca: readFileSync(info.ca_file!), ...tls } : {}),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            const status = response.statusCode ?? 0;
            resolve({ status, type: response.headers['content-type'], text, fields: read(text) });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  };
  return {
    post,
    async call(path, given, options = {}) {
      made += 1;
      const fields: Record<string, string> = {
        appid: info.appid,
        mch_id: info.mchid,
        nonce_str: `nonce${made}`,
        ...given,
      };
      fields['sign'] = sign(fields, options.key ?? info.api_v2_key, given['sign_type'] ?? 'MD5');
      return post(path, write(options.damage?.(fields) ?? fields), options);
    },
  };
}
