/** What starts an emulator and what a running one offers: types only. */
import type { Clock } from '../core/ports.ts';
import type { SeedEntry } from './beginning.ts';
import type { CallbackSummary, Outbox } from './callback-outbox.ts';
import type { Check } from './checks.ts';
import type { CallbackSettingsChange } from './callback-settings.ts';
import type { ClockChange, ClockState } from './business-clock.ts';
import type { Others } from './connect-proxy.ts';
import type { DeterministicOptions } from './deterministic.ts';
import type { Entries } from './entries.ts';
import type { FaultInput, Faults } from './faults.ts';
import type { Merchant, MerchantOptions } from './merchants.ts';
import type { Showcase } from './page/showcase.ts';
import type { MerchantSwitches, MerchantSwitchesChange } from './merchant-switches.ts';
import type { PayRequest, PayResult } from './payer.ts';
import type { AuthCode, Payer, PayerChange } from './payers.ts';
import type { Mode } from './platform.ts';
import type { RotateRequest, RotationState } from './rotation.ts';
import type { SettleRequest, SettleResult } from './refund-outcome.ts';
import type { RefundSettings, RefundSettingsChange } from './refund-settings.ts';
import type { Ledger } from './refunds.ts';
import type { EmulatorState } from './state.ts';
import type { StateProblem } from './state-keeper.ts';
import type { SeedRequest, SeededOrder } from './seed.ts';
import type { TransferDesk } from './transfer-desk.ts';

export type { PayRequest, PayResult, SettleRequest, SettleResult };

export interface EmulatorOptions {
  /** The real time. */
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  /** Where keys and merchants are kept; made (0700) when it is not there. A throw-away emulator gets a temporary folder. */
  readonly dir: string;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Serves HTTPS, too, with an authority of its own, and asks for client certificates there. Port 0: any free one. */
  readonly https?: { readonly port: number };
  /** With `https`: a proxy for apps whose hosts are fixed, which finds the emulator where they expect WeChat Pay. */
  readonly proxy?: { readonly port: number; readonly others: Others; readonly onRefused?: (host: string) => void };
  /** Names beyond loopback by which it may be called, for an emulator that listens elsewhere. */
  readonly allowedHosts?: readonly string[];
  /**
   * Default, where no rotation is remembered, `mixed`: answers are signed by the key that the request's `Wechatpay-Serial` names, else by the platform
   * certificate's.
   */
  readonly mode?: Mode;
  /** Merchants to serve besides the emulator's own. */
  readonly merchants?: readonly MerchantOptions[];
  /** Written into `emulator.json` for people who look for the process. */
  readonly pid?: number;
  /** How long a callback's receiver may take; default 5000 ms, as WeChat Pay waits. */
  readonly callbackTimeoutMs?: number;
  /** How refunds go; laid over `defaultRefundSettings`. */
  readonly refunds?: RefundSettingsChange;
  /** How callbacks are delivered; laid over `defaultCallbackSettings`. */
  readonly callbacks?: CallbackSettingsChange;
  /**
   * The same requests in the same order get the same answers: ids, nonces and chances follow from the seed, and the emulator's clock
   * stands still but for one step with each authentic request. A text or number is the seed. Not covered: keys, certificates and
   * their serial numbers, signatures with their timestamps, and what RSA encrypts.
   */
  readonly deterministic?: string | number | DeterministicOptions;
  /** What it begins with, where no earlier run's state is taken up; again after every reset. */
  readonly seed?: readonly SeedEntry[] | Entries;
  /** Fault rules in force from the beginning, in the place of those that an earlier run kept; again after every reset. */
  readonly faults?: readonly FaultInput[] | Entries;
  /** Keeps orders and everything else in `dir`, too, and takes up what an earlier run kept there. Default false. */
  readonly persist?: boolean;
  /** The file of that state could not be read or written; nothing is lost by itself. */
  readonly onStateProblem?: (problem: StateProblem) => void;
  readonly onLog?: (entry: RequestLog) => void;
}

/** One line of the request log. */
export interface RequestLog {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  readonly target: string;
  /** Absent when no answer was sent (stalled or cut). */
  readonly status?: number;
  /** The error code answered, if any. */
  readonly code?: string;
  /** Present when the request's signature held. */
  readonly mchid?: string;
  readonly request_id?: string;
  /** The kind of the fault that was applied. */
  readonly fault?: string;
  /** The check that refused it. */
  readonly refused_by?: Check;
  /** The words of the refusal. */
  readonly message?: string;
}

/** What an app needs to talk to the emulator: the fields of the line that `emulator start --json` prints. */
export interface EmulatorInfo {
  readonly url: string;
  readonly mchid: string;
  readonly appid: string;
  readonly serial_no: string;
  readonly private_key_file: string;
  readonly certificate_file: string;
  readonly p12_file: string;
  readonly api_v3_key: string;
  readonly api_v2_key: string;
  /** `null` in public-key mode, which has no platform certificate. */
  readonly platform_serial_no: string | null;
  readonly platform_certificate_file: string | null;
  /** `null` in certificate mode, which has no public key. */
  readonly public_key_id: string | null;
  readonly public_key_file: string | null;
  /** `https://127.0.0.1:<port>`; `null` where only HTTP is served. */
  readonly https_url: string | null;
  /** PEM file of the authority that the server's certificate comes from; `null` where only HTTP is served. */
  readonly ca_file: string | null;
}

export interface Emulator {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly info: EmulatorInfo;
  /** The same for any merchant whose key the emulator issued. @throws WxpayError `NOT_FOUND` */
  infoOf(mchid: string): EmulatorInfo;
  /** What it began with: nothing, its seed, or the state that an earlier run kept. */
  readonly began: 'empty' | 'seeded' | 'kept';
  /** `http://127.0.0.1:<port>` of the proxy, where there is one. */
  readonly proxyUrl: string | undefined;
  /** What the control API wants in `Wxpay-Emulator-Token`. */
  readonly controlToken: string;
  /** The file with url, token and pid, by which commands find a running emulator. */
  readonly recordFile: string;
  /** The payer pays an order and the callback is sent. Throws as `payOrder` does. */
  pay(request: PayRequest): Promise<PayResult>;
  /** The APIv3 endpoints that are modelled; every other one that is documented answers 501. */
  readonly endpoints: readonly { readonly method: string; readonly path: string }[];
  /** The payment code that a payer's phone shows for the next minute; without an openid, a new payer's. */
  issueCode(openid?: string): AuthCode;
  /** Changes a payer's wallet or account. @returns what holds now. @throws WxpayError `INPUT_INVALID` */
  changePayer(openid: string, change: PayerChange): Payer;
  /** Makes orders that are paid already. Throws as a `Seeder` does. */
  seed(request: SeedRequest): readonly SeededOrder[];
  /** Brings a refund to its outcome at once and sends the callback. Throws as `settleRefund` does. */
  settleRefund(request: SettleRequest): Promise<SettleResult>;
  /** Merchant transfers: the user who confirms, how long things take, and every one that was taken. */
  readonly transfers: Omit<TransferDesk, 'endpoints'>;
  /** Every refund that was carried out. */
  ledger(): Ledger;
  /** Forgets all but keys and merchants: as after the first start, its options in force, its clock the real one. */
  reset(): void;
  /** Everything that `reset` would forget, but the request log. Plain data without keys. */
  snapshot(): EmulatorState;
  /** Puts a snapshot in the place of everything. @throws WxpayError `INPUT_INVALID`; then nothing has changed */
  restore(snapshot: unknown): void;
  /** The emulator's own time, by which orders expire, refunds settle and callbacks are sent again. */
  readonly clock: ClockState;
  /** Moves that time; signatures and certificates keep the real one. @throws WxpayError `INPUT_INVALID` */
  moveClock(change: ClockChange): ClockState;
  /** How refunds go at the moment: balances drawn down, outcomes used up. */
  readonly refundSettings: RefundSettings;
  /** Changes how refunds go from now on. @returns what holds now. Throws as `changeSettings` does. */
  configureRefunds(change: RefundSettingsChange): RefundSettings;
  /** What became of the last 10,000 callbacks, oldest first. */
  readonly callbacks: readonly CallbackSummary[];
  /** The way out for every callback: whoever has something to tell posts it here. */
  readonly outbox: Outbox;
  /** Serves one more merchant. Throws as `makeMerchant` does. */
  addMerchant(options: MerchantOptions): Promise<Merchant>;
  /** Changes what WeChat Pay has decided about a merchant. @returns what holds now. @throws WxpayError `NOT_FOUND`, `INPUT_INVALID` */
  changeMerchant(mchid: string, change: MerchantSwitchesChange): MerchantSwitches;
  readonly merchants: readonly Merchant[];
  /** Changes the platform's keys or the mode while it runs. Throws as `Rotation.rotate` does. */
  rotate(request?: RotateRequest): Promise<RotationState>;
  /** The platform's keys of the moment. */
  readonly rotation: RotationState;
  readonly faults: Faults;
  /** Orders, refunds, transfers and payers as the page shows them. */
  readonly showcase: Showcase;
  /** The last 10,000 requests, oldest first. */
  readonly requests: readonly RequestLog[];
  close(): Promise<void>;
}

/** `emulator.json`: how commands find a running emulator. */
export interface EmulatorRecord {
  readonly url: string;
  readonly token: string;
  readonly pid?: number;
}
