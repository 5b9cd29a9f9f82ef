/** Strict base64: `Buffer.from(text, 'base64')` never complains and reads many spellings as the same bytes (THREATS 2.2). */

/** The bytes of standard, padded, unbroken base64; `undefined` for any other spelling. Empty text is no bytes. */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Only the canonical spelling encodes back to itself: whatever was passed over or read leniently is not in it.
  return bytes.toString('base64') === text ? bytes : undefined;
}
