/**
 * A small client of its own: signs by hand with node:crypto, sends what it is told, and checks nothing by itself. Nothing of
 * the program is used here, so that emulator and test cannot share a mistake.
 */
import { createPrivateKey, createPublicKey, randomBytes, sign, verify, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { EmulatorInfo } from '../../src/emulator/contract.ts';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case name → values. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly text: string;
  readonly bytes: Buffer;
  /** The parsed body; `undefined` when it is empty or a file. */
  readonly json: Readonly<Record<string, unknown>> & { code?: string; message?: string };
}

export interface RawOptions {
  /** Replaces parts of what is signed and sent. */
  readonly mchid?: string;
  readonly serialNo?: string;
  readonly timestamp?: string;
  readonly nonce?: string;
  readonly key?: KeyObject;
  /** Signed instead of the target, method or body that is sent. */
  readonly signedTarget?: string;
  readonly signedMethod?: string;
  readonly signedBody?: string;
  /** Makes the Authorization header from the honest one; `undefined` sends none. */
  readonly authorization?: (honest: string) => string | readonly string[] | undefined;
  /** Laid over the usual headers, lower-case names; `undefined` removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

export interface RawClient {
  /** Sends JSON text made from `body`, or `body` itself when it is a string or bytes. */
  call(method: string, target: string, body?: unknown, options?: RawOptions): Promise<RawAnswer>;
}

export function makeClient(info: EmulatorInfo, now: () => number): RawClient {
  const key = createPrivateKey(readFileSync(info.private_key_file));
  return {
    async call(method, target, body, options = {}) {
      const bytes = bodyBytes(body);
      const timestamp = options.timestamp ?? String(Math.floor(now() / 1000));
      const nonce = options.nonce ?? randomBytes(16).toString('hex');
      const message = Buffer.concat([
        Buffer.from(
          `${options.signedMethod ?? method}\n${options.signedTarget ?? target}\n${timestamp}\n${nonce}\n`,
          'utf8',
        ),
        options.signedBody === undefined ? bytes : Buffer.from(options.signedBody, 'utf8'),
        Buffer.from('\n'),
      ]);
      const signature = sign('RSA-SHA256', message, options.key ?? key).toString('base64');
      const mchid = options.mchid ?? info.mchid;
      const serial = options.serialNo ?? info.serial_no;
      const honest = `WECHATPAY2-SHA256-RSA2048 mchid="${mchid}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${serial}"`;
      const authorization = options.authorization === undefined ? honest : options.authorization(honest);
      const headers: Record<string, string | undefined> = {
        host: new URL(info.url).host,
        'user-agent': 'raw-client',
        accept: 'application/json',
        ...(bytes.length === 0 ? {} : { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
        ...options.headers,
      };
      const flat = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
      for (const value of [authorization].flat()) if (value !== undefined) flat.push('authorization', value);
      return send(info.url, method, target, flat, bytes, options.signal);
    },
  };
}

function bodyBytes(body: unknown): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
}

export async function send(
  base: string,
  method: string,
  target: string,
  headers: readonly string[],
  body: Buffer,
  signal?: AbortSignal,
): Promise<RawAnswer> {
  const url = new URL(base);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: url.hostname.replaceAll(/[[\]]/g, ''),
        port: url.port,
        method,
        path: target,
        headers: [...headers] as never,
        agent: false,
        setHost: false,
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString('utf8');
          const values: Record<string, string[]> = {};
          for (let at = 0; at < response.rawHeaders.length; at += 2) {
            const name = response.rawHeaders[at]!.toLowerCase();
            values[name] = [...(values[name] ?? []), response.rawHeaders[at + 1]!];
          }
          resolve({
            status: response.statusCode ?? 0,
            headers: values,
            text,
            bytes,
            json: (text === '' || values['content-type']?.[0] === 'application/octet-stream'
              ? undefined
              : JSON.parse(text)) as RawAnswer['json'],
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Does the answer's (or callback's) signature hold under this key, checked by hand? */
export function holds(headers: RawAnswer['headers'], text: string, key: KeyObject): boolean {
  const [timestamp] = headers['wechatpay-timestamp'] ?? [];
  const [nonce] = headers['wechatpay-nonce'] ?? [];
  const [signature] = headers['wechatpay-signature'] ?? [];
  if (timestamp === undefined || nonce === undefined || signature === undefined) return false;
  const message = Buffer.from(`${timestamp}\n${nonce}\n${text}\n`, 'utf8');
  return verify('RSA-SHA256', message, key, Buffer.from(signature, 'base64'));
}

export function platformKey(info: EmulatorInfo): KeyObject {
  return new X509Certificate(readFileSync(info.platform_certificate_file!)).publicKey;
}

export function wechatpayKey(info: EmulatorInfo): KeyObject {
  return createPublicKey(readFileSync(info.public_key_file!));
}
