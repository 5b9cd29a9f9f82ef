/** profile: English texts. Keys are `profile.<name>`; both languages hold the same keys and placeholders. */
export const profile = {} as const;
