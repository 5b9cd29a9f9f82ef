/** Which headers of a callback go on to the app: all of them, but for those that belong to one connection. */
import type { HeaderLines } from './send.ts';

/** RFC 9110 7.6.1, and what a message that is sent again gets anew. */
const ofOneHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
]);

/** The lines in their order, without those of one hop, with the length of this body. */
export function forwardable(headers: HeaderLines, body: Uint8Array): HeaderLines {
  const named = new Set(
    headers
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, value]) => value.split(',').map((token) => token.trim().toLowerCase())),
  );
  const kept = headers.filter(([name]) => {
    const lower = name.toLowerCase();
    // Names of HTTP/2 begin with a colon.
    return !ofOneHop.has(lower) && !named.has(lower) && !lower.startsWith(':');
  });
  return [...kept, ['Content-Length', String(body.length)]];
}
