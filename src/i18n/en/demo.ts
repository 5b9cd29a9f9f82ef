/** demo: English texts. Keys are `demo.<name>`; both languages hold the same keys and placeholders. */
export const demo = {
} as const;
