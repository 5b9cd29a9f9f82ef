/** Takes secrets out of text that people may paste into a ticket: by value, and headers by allow-list (THREATS E2). */

export type Redact = (text: string) => string;

export const redactedMark = '[redacted]';

/** Headers whose values are no secret and help. Everything else is shown by name only. */
const printable: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'date',
  'host',
  'keep-alive',
  'request-id',
  'retry-after',
  'server',
  'transfer-encoding',
  'user-agent',
  'wechatpay-nonce',
  'wechatpay-serial',
  'wechatpay-signature-type',
  'wechatpay-timestamp',
]);

/**
 * A function that replaces every registered secret in a text, also where it stands base64, hex or percent encoded, and where
 * JSON has escaped its line feeds. The lines of a PEM key are secrets one by one, since something may have wrapped it
 * again. Values shorter than six characters are ignored: replacing them would shred the text and protect nothing.
 */
export function createRedactor(secrets: readonly string[]): Redact {
  const needles = new Set<string>();
  for (const secret of secrets) {
    for (const piece of piecesOf(secret)) {
      if (piece.length < 6) continue;
      const bytes = Buffer.from(piece, 'utf8');
      const encodings = [piece, encodeURIComponent(piece), JSON.stringify(piece).slice(1, -1)];
      encodings.push(bytes.toString('hex'), bytes.toString('hex').toUpperCase());
      encodings.push(bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'));
      for (const needle of encodings) needles.add(needle);
    }
  }
  // Longest first, so that a secret inside another does not leave the rest of it standing.
  const ordered = [...needles].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((result, needle) => result.replaceAll(needle, redactedMark), text);
}

function piecesOf(secret: string): string[] {
  if (!secret.includes('-----BEGIN ')) return [secret];
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  const body = lines.filter((line) => line !== '' && !line.startsWith('-----'));
  return [body.join(''), ...body.filter((line) => line.length >= 16)];
}

/**
 * A header as it may be shown: its value if it is known to be harmless, Authorization with everything but the signature,
 * anything else as a mark.
 */
export function redactHeader(name: string, value: string, redact: Redact): string {
  const lower = name.toLowerCase();
  if (lower === 'authorization' && value.startsWith('WECHATPAY2-')) {
    return redact(value.replace(/signature="[^"]*"/, `signature="${redactedMark}"`));
  }
  return printable.has(lower) ? redact(value) : redactedMark;
}

/** A request target without the token of a bill download, which works for whoever has it. */
export function redactTarget(target: string, redact: Redact): string {
  return redact(target.replace(/([?&]token=)[^&]*/g, `$1${redactedMark}`));
}
