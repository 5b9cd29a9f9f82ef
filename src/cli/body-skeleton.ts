/** `--skeleton`: the body of an endpoint whose fields are known, to fill in and to give back with `--data @file`. */
import type { Result } from '../output/view.ts';

/**
 * @param path the catalogue's template of a POST
 * @param without members that the command itself supplies, from the profile or by its rule for numbers
 */
export async function bodySkeleton(path: string, without: readonly string[] = []): Promise<Result> {
  const { knownBody, skeletonOf } = await import('../operations/known-bodies.ts');
  const body = knownBody('POST', path);
  const members = Object.entries(body === undefined ? {} : skeletonOf(body));
  return skeletonResult(Object.fromEntries(members.filter(([name]) => !without.includes(name))));
}

export function skeletonResult(data: Readonly<Record<string, unknown>>): Result {
  return { data, view: [{ kind: 'verbatim', text: JSON.stringify(data, undefined, 2) }] };
}
