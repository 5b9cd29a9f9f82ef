/**
 * What WeChat Pay has decided about a merchant: whether its account is open, which products it may use, what it may refund, and
 * how much it may take and ask. Refusals that have such a cause are brought about by changing the cause.
 *
 * The order is that of states 7: whether the account and the right are there comes after the form of a request and before the
 * state of its order; how often somebody asks comes first.
 */
import { WxpayError } from '../core/errors.ts';
import { frequencyLimited } from './rate-limits.ts';
import { refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { OrderProduct } from './orders.ts';

/** Plain data; names as in the control API. */
export interface MerchantSwitches {
  readonly mchid: string;
  /** A `closed` one is unknown to orders and refunds: MCH_NOT_EXISTS, 400 and 404. */
  readonly account: 'open' | 'closed';
  /** The products that are opened for it, combined orders being paid by one of them; `null`: all. Any other is 403 NO_AUTH. */
  readonly products: readonly OrderProduct[] | null;
  /** `denied`: no right to refund by API, 403 NO_AUTH. `blocked`: held back by WeChat Pay, 403 REQUEST_BLOCKED. */
  readonly refunds: 'allowed' | 'denied' | 'blocked';
  /** Fen that one order, or sub-order, may be of at most; `null`: no limit. Above it: 403 RULE_LIMIT. */
  readonly max_total: number | null;
  /** Calls of any kind per second of the emulator's clock; `null`: no limit. Beyond it: 429 FREQUENCY_LIMITED. */
  readonly per_second: number | null;
  /** Where it is told of what it receives and gives back in profit sharing, as set on its merchant platform; `null`: nowhere. */
  readonly sharing_notify_url: string | null;
}

export type MerchantSwitchesChange = Partial<Omit<MerchantSwitches, 'mchid'>>;

export interface Switchboard {
  of(mchid: string): MerchantSwitches;
  /** @throws WxpayError `INPUT_INVALID` naming the field */
  change(mchid: string, change: unknown): MerchantSwitches;
  /** Counts a call, and refuses what exceeds the merchant's calls per second. */
  limited(mchid: string, now: number): Reply | undefined;
  /** What was changed, to be written out. */
  dump(): readonly MerchantSwitches[];
  /** Takes up what was written out, in the place of everything else. */
  restore(dumped: readonly MerchantSwitches[]): void;
}

const products: readonly OrderProduct[] = ['jsapi', 'app', 'h5', 'native', 'codepay'];

const initial: Omit<MerchantSwitches, 'mchid'> = {
  account: 'open',
  products: null,
  refunds: 'allowed',
  max_total: null,
  per_second: null,
  sharing_notify_url: null,
};

export function openSwitchboard(): Switchboard {
  const switches = new Map<string, MerchantSwitches>();
  const calls = new Map<string, { readonly second: number; count: number }>();
  const of = (mchid: string): MerchantSwitches => ({ ...initial, mchid, ...switches.get(mchid) });
  return {
    of,

    dump: () => [...switches.values()],

    restore(dumped) {
      switches.clear();
      calls.clear();
      for (const changed of dumped) switches.set(changed.mchid, changed);
    },

    change(mchid, change) {
      const changed = { ...of(mchid), ...readChange(change) };
      switches.set(mchid, changed);
      calls.delete(mchid);
      return changed;
    },

    limited(mchid, now) {
      const { per_second: allowed } = of(mchid);
      if (allowed === null) return undefined;
      const second = Math.floor(now / 1000);
      const known = calls.get(mchid);
      const window = known?.second === second ? known : { second, count: 0 };
      calls.set(mchid, window);
      if (window.count >= allowed) return frequencyLimited;
      window.count += 1;
      return undefined;
    },
  };
}

/** @param status 400 where orders are concerned, 404 where refunds are (endpoints 1.3) */
export function checkAccount({ account }: MerchantSwitches, status: 400 | 404): Reply | undefined {
  return account === 'open' ? undefined : refuse(status, 'MCH_NOT_EXISTS', '商户号不存在或已注销', 268443715);
}

/** Whether the product is opened, and the amount within the merchant's limit. */
export function checkPrepay(switches: MerchantSwitches, product: OrderProduct, total: number): Reply | undefined {
  const { products: opened, max_total: most } = switches;
  if (opened?.includes(product) === false) return refuse(403, 'NO_AUTH', '商户号该产品权限未开通', 268448010);
  if (most === null || total <= most) return undefined;
  return refuse(403, 'RULE_LIMIT', '超过商户单笔收款限额', 268435464);
}

/** Whether the merchant may refund. */
export function checkRefundRight({ refunds }: MerchantSwitches): Reply | undefined {
  if (refunds === 'denied') return refuse(403, 'NO_AUTH', '商户号无退款权限', 268448010);
  return refunds === 'blocked' ? refuse(403, 'REQUEST_BLOCKED', '退款请求被拦截', 268435461) : undefined;
}

const choices = { account: ['open', 'closed'], refunds: ['allowed', 'denied', 'blocked'] } as const;

function readChange(change: unknown): MerchantSwitchesChange {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) throw invalid('switches');
  for (const [name, value] of Object.entries(change)) if (!isValid(name, value)) throw invalid(name);
  return change;
}

function isValid(name: string, value: unknown): boolean {
  switch (name) {
    case 'account':
    case 'refunds':
      return choices[name].some((choice) => choice === value);
    case 'products':
      return (
        value === null || (Array.isArray(value) && value.every((entry: unknown) => products.some((p) => p === entry)))
      );
    case 'max_total':
    case 'per_second':
      return value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);
    case 'sharing_notify_url':
      return value === null || (typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value));
    default:
      return false;
  }
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
