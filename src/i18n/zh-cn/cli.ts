import type { cli as en } from '../en/cli.ts';

/** cli: 中文文案,键与占位符和英文一致。 */
export const cli: Readonly<Record<keyof typeof en, string>> = {};
