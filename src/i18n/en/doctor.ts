/** doctor: English texts. Keys are `doctor.<name>`; both languages hold the same keys and placeholders. */
export const doctor = {} as const;
