import type { callback as en } from '../en/callback.ts';

/** callback: 中文文案,键与占位符和英文一致。 */
export const callback: Readonly<Record<keyof typeof en, string>> = {
};
