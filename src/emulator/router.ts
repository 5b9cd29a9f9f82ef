/** Which endpoint a path belongs to. Static segments win over parameters, and everything is compared as it was sent. */
import { decode } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { knownPaths } from './known-paths.ts';

export type Route =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint; readonly path: Readonly<Record<string, string>> }
  /** Documented, but the emulator does not model it. */
  | { readonly kind: 'unmodelled' }
  | { readonly kind: 'unknown-path' }
  | { readonly kind: 'wrong-method' };

interface Template {
  readonly segments: readonly string[];
  readonly methods: ReadonlyMap<string, Endpoint | undefined>;
}

export type Router = (method: string, path: string) => Route;

export function makeRouter(endpoints: readonly Endpoint[]): Router {
  const byLength = new Map<number, Template[]>();
  for (const template of templatesOf(endpoints)) {
    const sameLength = byLength.get(template.segments.length) ?? [];
    byLength.set(template.segments.length, [...sameLength, template]);
  }
  return (method, path) => {
    const segments = path.split('/');
    const matching = (byLength.get(segments.length) ?? []).filter((template) => fits(template.segments, segments));
    const [best] = matching.sort((a, b) => parameterCount(a.segments) - parameterCount(b.segments));
    if (best === undefined) return { kind: 'unknown-path' };
    if (!best.methods.has(method)) return { kind: 'wrong-method' };
    const endpoint = best.methods.get(method);
    if (endpoint === undefined) return { kind: 'unmodelled' };
    return { kind: 'endpoint', endpoint, path: parametersOf(best.segments, segments) };
  };
}

function templatesOf(endpoints: readonly Endpoint[]): Template[] {
  const templates = new Map<string, Map<string, Endpoint | undefined>>();
  const add = (path: string, method: string, endpoint: Endpoint | undefined): void => {
    // One template per shape: the catalogue and we may name a parameter differently.
    const shape = path.replaceAll(/\{[^}]*\}/g, '{}');
    const methods = templates.get(shape) ?? new Map<string, Endpoint | undefined>();
    templates.set(shape, methods);
    if (!methods.has(method)) methods.set(method, endpoint);
  };
  for (const endpoint of endpoints) add(endpoint.path, endpoint.method, endpoint);
  for (const line of knownPaths.trim().split('\n')) {
    const [methods = '', path = ''] = line.split(' ');
    for (const method of methods.split(',')) add(`/v3/${path}`, method, undefined);
  }
  return [...templates].map(([shape, methods]) => {
    const named = [...methods.values()].find((endpoint) => endpoint !== undefined);
    return { segments: (named?.path ?? shape).split('/'), methods };
  });
}

function fits(template: readonly string[], segments: readonly string[]): boolean {
  return template.every((part, index) => (part.startsWith('{') ? segments[index] !== '' : part === segments[index]));
}

function parameterCount(template: readonly string[]): number {
  return template.filter((part) => part.startsWith('{')).length;
}

function parametersOf(template: readonly string[], segments: readonly string[]): Record<string, string> {
  const pairs = template.flatMap((part, index) =>
    part.startsWith('{') ? [[part.slice(1, -1), decode(segments[index] ?? '')] as const] : [],
  );
  return Object.fromEntries(pairs);
}
