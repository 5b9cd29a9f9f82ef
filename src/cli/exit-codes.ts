/**
 * The exit codes: the only table (DESIGN section 3). The help topic, the README and the tests are made from it. Stable: a
 * change is a breaking change. 13 is never used, since Node itself exits 13 on an unsettled top-level await.
 */
import type { ErrorCategory } from '../core/errors.ts';
import type { MessageKey } from '../i18n/translate.ts';

export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  config: 3,
  refused: 4,
  not_found: 5,
  verification: 6,
  network: 7,
  unknown_outcome: 8,
  batch: 9,
  unconfirmed: 10,
  throttled: 11,
  not_final: 12,
  credentials: 14,
  hung_up: 129,
  interrupted: 130,
  terminated: 143,
} as const satisfies Record<ErrorCategory | 'ok' | 'hung_up' | 'interrupted' | 'terminated', number>;

export type ExitName = keyof typeof exitCodes;

/** The table's rows for help and documentation: number, name, text key. */
export const exitCodeRows = (Object.keys(exitCodes) as ExitName[]).map((name) => ({
  code: exitCodes[name],
  name,
  text: `cli.exit.${name}` as const satisfies MessageKey,
}));
