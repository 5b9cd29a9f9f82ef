import type { order as en } from '../en/order.ts';

/** order: 中文文案,键与占位符和英文一致。 */
export const order: Readonly<Record<keyof typeof en, string>> = {
};
