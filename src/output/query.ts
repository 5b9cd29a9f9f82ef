/** `--query`: a JMESPath expression, checked before anything is sent and applied to the answer. */

/** The expression cannot be used. The message is the parser's, in English. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

export type Query = (data: unknown) => unknown;

/** The functions of the JMESPath specification: an unknown one is found before the request, not after it. */
const functions: ReadonlySet<string> = new Set(
  `abs avg ceil contains ends_with floor join keys length map max max_by merge min min_by not_null reverse sort sort_by
  starts_with sum to_array to_number to_string type values`.split(/\s+/),
);

/** What the package exports beside the `search` that its types know. */
interface Jmespath {
  compile(expression: string): unknown;
  search(data: unknown, expression: string): unknown;
}

/**
 * Compiles an expression.
 *
 * @returns the query; it throws `QueryError` where the data does not fit the expression (`length` of a number)
 * @throws QueryError when the expression is not valid JMESPath
 */
export async function compileQuery(expression: string): Promise<Query> {
  const { default: jmespath } = (await import('jmespath')) as unknown as { readonly default: Jmespath };
  const tree = attempt(() => jmespath.compile(expression));
  const unknown = unknownFunction(tree);
  if (unknown !== undefined) throw new QueryError(`Unknown function: ${unknown}()`);
  return (data) => attempt(() => jmespath.search(data, expression));
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new QueryError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function unknownFunction(node: unknown): string | undefined {
  if (Array.isArray(node)) {
    for (const child of node as readonly unknown[]) {
      const found = unknownFunction(child);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof node !== 'object' || node === null) return undefined;
  const { type, name } = node as { readonly type?: unknown; readonly name?: unknown };
  if (type === 'Function' && typeof name === 'string' && !functions.has(name)) return name;
  return unknownFunction(Object.values(node));
}
