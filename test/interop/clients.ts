/**
 * The judges: two independent clients as npm delivers them. Loaded by Node itself, so that no test tool transforms them; the
 * types say only what is used here.
 */
import { createRequire } from 'node:module';

const load = createRequire(new URL('./package.json', import.meta.url));

// wechatpay-axios-plugin

export interface AxiosAnswer {
  readonly status: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly headers: { get(name: string): unknown };
}

/** What a refusal of the plugin looks like: `code` says which check failed, `response` what came over the wire. */
export interface AxiosFailure extends Error {
  readonly code: string;
  readonly response?: { readonly status: number; readonly data: unknown };
}

type Transform = (this: unknown, data: string, headers: unknown, status: number) => unknown;

export interface AxiosRequestOptions {
  /** Path variables. */
  readonly out_trade_no?: string;
  readonly transaction_id?: string;
  readonly out_refund_no?: string;
  readonly refund_id?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string | false>>;
  readonly transformResponse?: readonly Transform[];
}

export interface AxiosPlugin {
  readonly client: {
    readonly v3: { readonly defaults: { readonly transformResponse: readonly Transform[] } };
    request(path: string, method: string, data?: unknown, options?: AxiosRequestOptions): Promise<AxiosAnswer>;
  };
}

interface AxiosPluginModule {
  readonly Wechatpay: new (config: {
    readonly baseURL: string;
    readonly mchid: string;
    readonly serial: string;
    readonly privateKey: string;
    readonly certs: Readonly<Record<string, string | undefined>>;
    /** Axios' own switch: an HTTP_PROXY of the machine must not see loopback traffic. */
    readonly proxy: false;
    readonly httpAgent?: unknown;
  }) => AxiosPlugin;
  readonly Rsa: {
    verify(message: string, signature: string, publicKey: unknown): boolean;
    sign(message: string, privateKey: unknown): string;
    /** RSA-OAEP of a sensitive field. */
    encrypt(plaintext: string, publicKey: unknown): string;
    from(pem: string, type: 'public' | 'private'): unknown;
  };
  readonly Aes: { readonly AesGcm: { decrypt(ciphertext: string, key: string, iv: string, aad?: string): string } };
  readonly Formatter: { response(timestamp: string, nonce: string, body: string): string; timestamp(): number };
}

export const axiosPlugin = (): AxiosPluginModule => load('wechatpay-axios-plugin') as AxiosPluginModule;

// wechatpay-node-v3

/** The client never throws for an answer: `error` is the text of a 4xx or 5xx. */
export interface NodeV3Answer {
  readonly status: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

export interface NodeV3Http {
  get(url: string, headers: Readonly<Record<string, string>>): Promise<NodeV3Answer>;
  post(url: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<NodeV3Answer>;
  upload(url: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<NodeV3Answer>;
}

export interface SignedThing {
  readonly timestamp: string;
  readonly nonce: string;
  readonly serial: string;
  readonly signature: string;
  readonly body: string | Readonly<Record<string, unknown>>;
}

export interface NodeV3Client {
  createHttp(http: NodeV3Http): void;
  transactions_native(order: unknown): Promise<NodeV3Answer>;
  transactions_jsapi(order: unknown): Promise<NodeV3Answer>;
  transactions_app(order: unknown): Promise<NodeV3Answer>;
  transactions_h5(order: unknown): Promise<NodeV3Answer>;
  query(order: { readonly out_trade_no?: string; readonly transaction_id?: string }): Promise<NodeV3Answer>;
  close(outTradeNo: string): Promise<NodeV3Answer>;
  refunds(refund: unknown): Promise<NodeV3Answer>;
  find_refunds(outRefundNo: string): Promise<NodeV3Answer>;
  get_certificates(apiV3Key: string): Promise<readonly { readonly serial_no: string; readonly publicKey: string }[]>;
  verifySign(signed: SignedThing & { readonly apiSecret?: string }): Promise<boolean>;
  decipher_gcm(ciphertext: string, associatedData: string, nonce: string, key?: string): unknown;
}

interface NodeV3Module {
  new (config: {
    readonly appid: string;
    readonly mchid: string;
    readonly serial_no?: string;
    readonly publicKey: Buffer;
    readonly privateKey: Buffer;
    readonly key?: string;
  }): NodeV3Client;
  /** Serial → PEM of every platform key that any instance has fetched; shared by all of them. Protected in its types. */
  readonly certificates: Record<string, string>;
}

export const nodeV3 = (): NodeV3Module => load('wechatpay-node-v3') as NodeV3Module;

/** The client's own HTTP layer (superagent), for a hook that changes nothing but the host. */
export const makeNodeV3Http = (): NodeV3Http => {
  const { PayRequest } = load('wechatpay-node-v3/dist/lib/pay-request') as { PayRequest: new () => NodeV3Http };
  return new PayRequest();
};
