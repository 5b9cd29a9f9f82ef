/** certs: English texts. Keys are `certs.<name>`; both languages hold the same keys and placeholders. */
export const certs = {} as const;
