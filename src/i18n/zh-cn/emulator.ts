import type { emulator as en } from '../en/emulator.ts';

/** emulator: 中文文案,键与占位符和英文一致。 */
export const emulator: Readonly<Record<keyof typeof en, string>> = {};
