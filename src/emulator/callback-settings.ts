/** How callbacks are delivered: the documented schedule, and the trouble that a merchant's app has to bear (protocol 6.5). */
import { WxpayError } from '../core/errors.ts';

/** Every field can be changed while the emulator runs. Names as in the control API. */
export interface CallbackSettings {
  /** How many times faster than the documented schedule a callback is sent again, 0.01 to 1,000,000. Default 1. */
  readonly speed: number;
  /** Whether what was not acknowledged is sent again at all. Default true. */
  readonly retries: boolean;
  /** Milliseconds on the emulator's clock before the first send. Default 0. */
  readonly delay_ms: number;
  /** How many more times an acknowledged callback is sent, signed afresh: 0 to 100. Default 0. */
  readonly duplicates: number;
  /**
   * Callbacks are held until so many have come together, then sent in the opposite order, one after the other; a smaller
   * rest goes out after 5 s. 0 (default) and 1: in the order in which things happen. At most 1,000.
   */
  readonly reorder: number;
  /** Before so many of the next callbacks comes a probe (`WECHATPAY/SIGNTEST/…`, protocol 2); -1: before all. Default 0. */
  readonly probes: number;
}

export type CallbackSettingsChange = Partial<CallbackSettings>;

export const defaultCallbackSettings: CallbackSettings = {
  speed: 1,
  retries: true,
  delay_ms: 0,
  duplicates: 0,
  reorder: 0,
  probes: 0,
};

/**
 * The settings with a change from outside laid over them.
 *
 * @throws WxpayError `INPUT_INVALID` naming the field
 */
export function changeCallbackSettings(settings: CallbackSettings, change: unknown): CallbackSettings {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) throw invalid('callbacks');
  const changed: Record<string, unknown> = { ...settings };
  for (const [name, value] of Object.entries(change as Readonly<Record<string, unknown>>)) {
    if (!Object.hasOwn(readers, name)) throw invalid(name);
    changed[name] = readers[name as keyof CallbackSettings](value);
  }
  return changed as unknown as CallbackSettings;
}

const readers: Readonly<Record<keyof CallbackSettings, (value: unknown) => unknown>> = {
  speed(value) {
    if (typeof value === 'number' && value >= 0.01 && value <= 1_000_000) return value;
    throw invalid('speed');
  },
  retries(value) {
    if (typeof value === 'boolean') return value;
    throw invalid('retries');
  },
  delay_ms: (value) => whole(value, 0, 86_400_000, 'delay_ms'),
  duplicates: (value) => whole(value, 0, 100, 'duplicates'),
  reorder: (value) => whole(value, 0, 1000, 'reorder'),
  probes: (value) => whole(value, -1, 1_000_000, 'probes'),
};

function whole(value: unknown, min: number, max: number, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(field);
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
