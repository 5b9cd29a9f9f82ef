/**
 * The payers: what their wallets and accounts are like, and the payment codes (付款码) that their phones show. A payer whom
 * nobody has described has plenty of money.
 */
import { WxpayError } from '../core/errors.ts';
import { digits } from './platform.ts';

/** Plain data; names as in the control API. */
export interface Payer {
  readonly openid: string;
  /** Fen in the wallet; `null`: plenty. A payment by code draws on it, its reversal gives back. */
  readonly balance: number | null;
  /** `frozen` cannot pay; nothing can be refunded to a `closed` one. */
  readonly state: 'normal' | 'frozen' | 'closed';
  /** With a bank that is `down`, a payment by code is answered before anybody knows how it ends. */
  readonly bank: 'up' | 'down';
  /** Whether a payment by code asks for the password; `auto`: above 1000 yuan, the limit that WeChat Pay has told merchants. */
  readonly password: 'auto' | 'always' | 'never';
}

export type PayerChange = Partial<Omit<Payer, 'openid'>>;

export interface AuthCode {
  readonly auth_code: string;
  readonly openid: string;
  /** Milliseconds since the epoch; codes live one minute (states 5). */
  readonly expires_at: number;
}

export interface PayerBook {
  of(openid: string): Payer;
  /** Those that somebody has described. */
  described(): readonly Payer[];
  /** @throws WxpayError `INPUT_INVALID` */
  change(openid: string, change: unknown): Payer;
  /** The code that a payer's phone shows now; without an openid, a new payer's. */
  issue(openid: string | undefined, now: number): AuthCode;
  /**
   * Whose code this is; used up from now on. A well-formed code that no phone here has shown is a new payer's, so that
   * clients can make one up.
   */
  redeem(code: string, now: number): Payer | 'invalid' | 'expired';
  /** Whether the payer is asked for the password. */
  asksPassword(payer: Payer, total: number): boolean;
  /** Whether one of these is the openid of a payer whose account is closed. */
  someClosed(openids: readonly string[]): boolean;
  /** Why a share cannot reach the payer. */
  trouble(openid: string): 'ACCOUNT_ABNORMAL' | 'RECEIVER_HIGH_RISK' | undefined;
  /** Takes fen from the wallet, or gives back. @returns false when there is not enough */
  draw(openid: string, amount: number): boolean;
  /** Everything, to be written out. */
  dump(): PayerDump;
  /** Takes up what was written out, in the place of everything else. */
  restore(dumped: PayerDump): void;
}

export interface PayerDump {
  readonly payers: readonly Payer[];
  readonly codes: readonly AuthCode[];
  /** Codes that were used up. */
  readonly used: readonly string[];
}

const minute = 60_000;
const passwordFree = 100_000;
/** 18 digits that begin with 10 to 15; the prefix is UNCONFIRMED for APIv3, long known for APIv2. */
const form = /^1[0-5]\d{16}$/;

export function openPayerBook(randomBytes: (size: number) => Buffer, makeOpenid: () => string): PayerBook {
  const payers = new Map<string, Payer>();
  const codes = new Map<string, AuthCode>();
  const used = new Set<string>();

  function of(openid: string): Payer {
    return payers.get(openid) ?? { openid, balance: null, state: 'normal', bank: 'up', password: 'auto' };
  }

  return {
    of,
    described: () => [...payers.values()],

    dump: () => ({ payers: [...payers.values()], codes: [...codes.values()], used: [...used] }),

    restore(dumped) {
      for (const index of [payers, codes, used]) index.clear();
      for (const payer of dumped.payers) payers.set(payer.openid, payer);
      for (const code of dumped.codes) codes.set(code.auth_code, code);
      for (const code of dumped.used) used.add(code);
    },

    change(openid, change) {
      const payer = { ...of(openid), ...readChange(change) };
      payers.set(openid, payer);
      return payer;
    },

    issue(openid, now) {
      const code = {
        auth_code: `13${digits(randomBytes, 16)}`,
        openid: openid ?? makeOpenid(),
        expires_at: now + minute,
      };
      codes.set(code.auth_code, code);
      return code;
    },

    redeem(code, now) {
      if (!form.test(code)) return 'invalid';
      const issued = codes.get(code);
      if (used.has(code) || (issued !== undefined && now > issued.expires_at)) return 'expired';
      used.add(code);
      return of(issued?.openid ?? makeOpenid());
    },

    asksPassword({ password }, total) {
      return password === 'auto' ? total > passwordFree : password === 'always';
    },

    someClosed: (openids) => openids.some((openid) => of(openid).state === 'closed'),

    trouble(openid) {
      const { state } = of(openid);
      if (state === 'closed') return 'ACCOUNT_ABNORMAL';
      return state === 'frozen' ? 'RECEIVER_HIGH_RISK' : undefined;
    },

    draw(openid, amount) {
      const payer = of(openid);
      if (payer.balance === null) return true;
      if (payer.balance < amount) return false;
      payers.set(openid, { ...payer, balance: payer.balance - amount });
      return true;
    },
  };
}

const choices = {
  state: ['normal', 'frozen', 'closed'],
  bank: ['up', 'down'],
  password: ['auto', 'always', 'never'],
} as const;

function readChange(change: unknown): PayerChange {
  if (typeof change !== 'object' || change === null) throw invalid('payer');
  for (const [name, value] of Object.entries(change)) {
    const isMoney = value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);
    const values: readonly unknown[] = Object.hasOwn(choices, name) ? choices[name as keyof typeof choices] : [];
    if (name === 'balance' ? !isMoney : !values.includes(value)) throw invalid(name);
  }
  return change;
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
