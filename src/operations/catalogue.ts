/** What is known of an APIv3 endpoint before it is called. Knows nothing of any field: the documentation page does. */
import type { Effect, Method } from '../core/ports.ts';
import { catalogueText } from './catalogue-data.ts';

export interface Endpoint {
  readonly method: Method;
  /** With `{name}` for whole segments. */
  readonly path: string;
  /** WeChat Pay's own title, in Chinese. */
  readonly title: string;
  /** The product that it belongs to, in WeChat Pay's words. */
  readonly product: string;
  readonly audience: 'merchant' | 'partner' | 'both';
  readonly body: 'none' | 'json' | 'multipart';
  /** `write` for everything that may change something: what is not known to read only is not repeated. */
  readonly effect: Extract<Effect, 'read' | 'write'>;
  /** False for downloads of files: nothing proves their answers. */
  readonly signed: boolean;
  /** Answers with 204 and no body. */
  readonly empty: boolean;
  /** The host, where it is not the usual one. */
  readonly host?: string;
  /** No longer offered to new merchants. */
  readonly deprecated: boolean;
  /** The page of the documentation. */
  readonly docs?: string;
}

const overseasHost = 'apihk.mch.weixin.qq.com';
let parsed: readonly Endpoint[] | undefined;

/** Every endpoint, in the order of WeChat Pay's products. */
export function allEndpoints(): readonly Endpoint[] {
  if (parsed !== undefined) return parsed;
  let product = '';
  parsed = catalogueText
    .trim()
    .split('\n')
    .flatMap((line) => {
      if (line.startsWith('# ')) {
        product = line.slice(2);
        return [];
      }
      const [method = '', marks = '', page = '', path = '', ...title] = line.split(' ');
      return [endpointOf(method as Method, marks, page, path, title.join(' '), product)];
    });
  return parsed;
}

function endpointOf(
  method: Method,
  marks: string,
  page: string,
  path: string,
  title: string,
  product: string,
): Endpoint {
  const has = (mark: string): boolean => marks.includes(mark);
  const audience = has('b') ? 'both' : has('p') ? 'partner' : 'merchant';
  const folder = page.startsWith('m') ? 'merchant' : 'partner';
  return {
    method,
    path,
    title,
    product,
    audience,
    body: has('j') ? 'json' : has('f') ? 'multipart' : 'none',
    effect: method === 'GET' || has('r') ? 'read' : 'write',
    signed: !has('u'),
    empty: has('e'),
    ...(has('h') ? { host: overseasHost } : {}),
    deprecated: has('d'),
    ...(page === '-' ? {} : { docs: `https://pay.weixin.qq.com/doc/v3/${folder}/${page.slice(1)}` }),
  };
}

/**
 * The paths of a method that a half-typed path may become: what has been typed in the place of a parameter stays, and
 * parameters to come stand as `{name}`.
 */
export function completePath(
  method: string,
  typed: string,
): readonly { readonly path: string; readonly title: string }[] {
  const given = typed.split('/');
  const found = new Map<string, string>();
  for (const endpoint of allEndpoints()) {
    if (endpoint.method !== method) continue;
    const wanted = endpoint.path.split('/');
    if (wanted.length < given.length) continue;
    const filled = wanted.map((part, index) => {
      const value = given[index];
      const isLast = index === given.length - 1;
      if (value === undefined || (isLast && part.startsWith(value))) return part;
      return parameterName(part) === undefined || value === '' ? part : value;
    });
    const path = filled.join('/');
    if (path.startsWith(typed)) found.set(path, endpoint.title);
  }
  return [...found].map(([path, title]) => ({ path, title }));
}

export interface Found {
  readonly endpoint: Endpoint;
  /** The values in the path, decoded, by the names in the template. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The endpoint that a path belongs to. A literal segment wins over a parameter, as it does at WeChat Pay.
 *
 * @param path without a query, as it is sent, or a template
 */
export function findEndpoint(method: Method, path: string): Found | undefined {
  return matches(path).find(({ endpoint }) => endpoint.method === method);
}

/** The methods with which the catalogue knows a path; none for a path that it does not know. */
export function methodsOf(path: string): readonly Method[] {
  return [...new Set(matches(path).map(({ endpoint }) => endpoint.method))];
}

function matches(path: string): readonly Found[] {
  const segments = path.split('/');
  return allEndpoints()
    .flatMap((endpoint) => {
      const parameters = matchTemplate(endpoint.path, segments);
      return parameters === undefined ? [] : [{ endpoint, parameters }];
    })
    .toSorted((a, b) => Object.keys(a.parameters).length - Object.keys(b.parameters).length);
}

function matchTemplate(template: string, segments: readonly string[]): Record<string, string> | undefined {
  const wanted = template.split('/');
  if (wanted.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const given = segments[index] ?? '';
    const name = parameterName(part);
    if (name === undefined) {
      if (part !== given) return undefined;
    } else if (given === '') return undefined;
    else parameters[name] = decoded(given);
  }
  return parameters;
}

/** `out_trade_no` of the segment `{out_trade_no}`. */
export function parameterName(segment: string): string | undefined {
  return /^\{(\w+)\}$/.exec(segment)?.[1];
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Endpoints in which every word stands: in the path, the title, the product or the method. Case does not matter. */
export function searchEndpoints(words: readonly string[]): readonly Endpoint[] {
  const wanted = words.map((word) => word.toLowerCase()).filter((word) => word !== '');
  return allEndpoints().filter(({ method, path, title, product }) => {
    const text = `${method} ${path} ${title} ${product}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** A known path that is nearly the given one: at most three letters differ, over all literal segments. */
export function nearestPath(path: string): string | undefined {
  const segments = path.split('/');
  let best: { readonly path: string; readonly distance: number } | undefined;
  for (const endpoint of allEndpoints()) {
    const wanted = endpoint.path.split('/');
    if (wanted.length !== segments.length) continue;
    let distance = 0;
    for (const [index, part] of wanted.entries()) {
      if (distance > 3) break;
      if (parameterName(part) === undefined) distance += editDistance(part, segments[index] ?? '');
    }
    if (distance <= 3 && distance < (best?.distance ?? 4)) best = { path: endpoint.path, distance };
  }
  return best?.path;
}

/** Levenshtein; lengths that differ by more than three are far apart without counting. */
function editDistance(a: string, b: string): number {
  if (a === b) return 0;
  if (Math.abs(a.length - b.length) > 3) return 4;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 4;
}
