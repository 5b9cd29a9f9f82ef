import type { doctor as en } from '../en/doctor.ts';

/** doctor：中文文案，键与占位符和英文一致。 */
export const doctor: Readonly<Record<keyof typeof en, string>> = {};
