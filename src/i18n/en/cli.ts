/** cli: English texts. Keys are `cli.<name>`; both languages hold the same keys and placeholders. */
export const cli = {} as const;
