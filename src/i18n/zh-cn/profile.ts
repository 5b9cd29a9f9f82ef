import type { profile as en } from '../en/profile.ts';

/** profile: 中文文案,键与占位符和英文一致。 */
export const profile: Readonly<Record<keyof typeof en, string>> = {};
