import type { certs as en } from '../en/certs.ts';

/** certs: 中文文案,键与占位符和英文一致。 */
export const certs: Readonly<Record<keyof typeof en, string>> = {};
