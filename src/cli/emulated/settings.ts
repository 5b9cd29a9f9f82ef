/** What `emulator run` tells the preload in a Node.js child, in one variable. */

export const settingsVariable = 'WXPAY_EMULATOR_RUN';

export interface RunSettings {
  /** WeChat Pay's hosts that the emulator stands in for. */
  readonly hosts: readonly string[];
  /** Where it does TLS. */
  readonly address: string;
  readonly port: number;
  /** Port of the proxy, on the same address. */
  readonly proxyPort: number;
  readonly others: 'refuse' | 'pass';
  /** Why a host is refused, in the user's language; `{host}` stands for it. */
  readonly refusal: string;
}
