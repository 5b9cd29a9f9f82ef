/** `choices.js` is made from the emulator's own lists when it is asked for. */
export const failReasons: readonly string[];
export const signatureFaults: readonly string[];
