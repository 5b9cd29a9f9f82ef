/** An API key as it was meant, where the configured one has something around it or was encoded on its way. */

export interface KeyGuess {
  readonly damage: 'blanks' | 'encoded';
  readonly key: Buffer;
}

/** Keys of 32 bytes, as both API keys are. */
export function keyGuesses(text: string): readonly KeyGuess[] {
  const bare = text.replaceAll(/[\s\u200b\ufeff"'\0]/g, '');
  const guesses: KeyGuess[] = [
    { damage: 'blanks', key: Buffer.from(bare) },
    { damage: 'encoded', key: Buffer.from(bare.toLowerCase()) },
    { damage: 'encoded', key: Buffer.from(bare.toUpperCase()) },
  ];
  if (/^[0-9a-f]{64}$/i.test(bare)) guesses.push({ damage: 'encoded', key: Buffer.from(bare, 'hex') });
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(bare)) guesses.push({ damage: 'encoded', key: Buffer.from(bare, 'base64') });
  return guesses.filter(({ key }) => key.length === 32);
}
