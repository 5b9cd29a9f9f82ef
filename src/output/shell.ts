/** Text for a POSIX shell to copy. */

/** Quotes an argument for sh, bash and zsh; plain words stay plain. */
export function shellQuote(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
