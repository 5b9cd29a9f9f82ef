/** callback: English texts. Keys are `callback.<name>`; both languages hold the same keys and placeholders. */
export const callback = {
} as const;
