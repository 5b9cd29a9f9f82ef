import type { output as en } from '../en/output.ts';

/** output: 中文文案,键与占位符和英文一致。 */
export const output: Readonly<Record<keyof typeof en, string>> = {};
