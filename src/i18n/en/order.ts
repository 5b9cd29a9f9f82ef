/** order: English texts. Keys are `order.<name>`; both languages hold the same keys and placeholders. */
export const order = {
} as const;
