import type { demo as en } from '../en/demo.ts';

/** demo: 中文文案,键与占位符和英文一致。 */
export const demo: Readonly<Record<keyof typeof en, string>> = {
};
