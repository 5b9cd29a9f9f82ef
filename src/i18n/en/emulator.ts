/** emulator: English texts. Keys are `emulator.<name>`; both languages hold the same keys and placeholders. */
export const emulator = {} as const;
