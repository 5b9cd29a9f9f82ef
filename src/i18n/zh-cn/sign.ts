import type { sign as en } from '../en/sign.ts';

/** sign: 中文文案,键与占位符和英文一致。 */
export const sign: Readonly<Record<keyof typeof en, string>> = {};
