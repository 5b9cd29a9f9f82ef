/** JSON from the network: data, read with limits before anything trusts its shape (THREATS F8, H3). */
import { WxpayError } from '../errors.ts';

const depthLimit = 64;
const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses JSON bytes.
 *
 * @throws WxpayError `ANSWER_MALFORMED` for bytes that are no UTF-8, a BOM, no JSON, nesting beyond 64 levels, members that would touch
 * a prototype, duplicate members, or integers beyond 2^53, which a double would change silently
 */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed('UTF-8', cause);
  }
  // Before JSON.parse: it takes any depth, and what it makes of it cannot be walked or printed.
  checkStructure(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw malformed('JSON', cause);
  }
}

/** One pass over the text: depth, member names, big integers. Leaves syntax to JSON.parse. */
function checkStructure(text: string): void {
  const objects: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [word] = match;
    switch (word[0]) {
      case '{':
      case '[':
        objects.push(word === '{' ? new Set() : undefined);
        if (objects.length > depthLimit) throw malformed(`depth > ${depthLimit}`);
        break;
      case '}':
      case ']':
        objects.pop();
        break;
      case '"':
        if (/^\s*:/.test(text.slice(token.lastIndex, token.lastIndex + 64))) checkMember(word, objects.at(-1));
        break;
      default:
        if (/^-?\d+$/.test(word) && !Number.isSafeInteger(Number(word)))
          throw malformed(`integer > 2^53: ${word.slice(0, 40)}`);
    }
  }
}

function checkMember(quoted: string, members: Set<string> | undefined): void {
  let name: string;
  try {
    name = JSON.parse(quoted) as string;
  } catch (cause) {
    throw malformed('JSON', cause);
  }
  if (forbidden.has(name)) throw malformed(`member ${name}`);
  if (members?.has(name) === true) throw malformed(`duplicate member ${name}`);
  members?.add(name);
}

function malformed(reason: string, cause?: unknown): WxpayError {
  return new WxpayError('ANSWER_MALFORMED', { params: { reason }, cause });
}
