/** output: English texts. Keys are `output.<name>`; both languages hold the same keys and placeholders. */
export const output = {} as const;
