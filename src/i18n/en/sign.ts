/** sign: English texts. Keys are `sign.<name>`; both languages hold the same keys and placeholders. */
export const sign = {} as const;
