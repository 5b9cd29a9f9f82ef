/** `wxpay api --list` and `--describe`: what the catalogue knows. Nothing is sent. */
import { WxpayError } from '../../../core/errors.ts';
import { readSubject } from '../../../operations/sign.ts';
import {
  allEndpoints,
  findEndpoint,
  methodsOf,
  nearestPath,
  parameterName,
  searchEndpoints,
} from '../../../operations/catalogue.ts';
import type { Endpoint } from '../../../operations/catalogue.ts';
import type { Block, DetailRow, Result } from '../../../output/view.ts';
import type { Runtime } from '../../command.ts';

/** @param words all of them must stand in the path, the title, the product or the method */
export function listEndpoints(words: readonly string[], { t }: Pick<Runtime, 't'>): Result {
  const found = searchEndpoints(words);
  const rows = found.map(dataOf);
  return {
    data: rows,
    rows,
    view: [
      {
        kind: 'table',
        columns: [
          { field: 'method', title: t('api.column.method'), fixed: true },
          { field: 'path', title: t('api.column.path'), wraps: true },
          { field: 'title', title: t('api.column.title'), wraps: true },
        ],
        rows: found.map(({ method, path, title }) => [method, path, title]),
        empty: t('api.text.none', { words: words.join(' ') }),
      },
    ],
  };
}

/** @throws `INPUT_MISSING`, `INPUT_INVALID`, `NOT_FOUND` */
export function describeEndpoint(args: readonly string[], runtime: Pick<Runtime, 't'>): Result {
  const place = args.at(-1) ?? '';
  // A template is known as it stands; anything else is read as it would be sent.
  const isTemplate = allEndpoints().some(({ path }) => path === place);
  const path = isTemplate ? place : (readSubject([place], false, []).target.split('?', 1)[0] ?? place);
  const wanted = args.length > 1 ? [readSubject(args, false, []).method] : methodsOf(path);
  const found = wanted.flatMap((method) => findEndpoint(method, path)?.endpoint ?? []);
  if (found.length === 0) {
    const known = methodsOf(path);
    throw new WxpayError('NOT_FOUND', {
      params: { what: args.join(' '), methods: known.join(', '), nearest: nearestPath(path) ?? '' },
      hint:
        known.length > 0 ? 'api.hint.methods' : nearestPath(path) === undefined ? 'api.hint.list' : 'api.hint.nearest',
      outcome: 'not_sent',
    });
  }
  const [only] = found;
  return {
    data: found.length === 1 && only !== undefined ? dataOf(only) : found.map(dataOf),
    view: found.map((endpoint) => detailsOf(endpoint, runtime)),
  };
}

function detailsOf(endpoint: Endpoint, { t }: Pick<Runtime, 't'>): Block {
  const { method, path, title, product, audience, body, effect, signed, empty, host, deprecated, docs } = endpoint;
  const parameters = parametersOf(path);
  const rows: DetailRow[] = [
    { label: t('api.label.title'), value: title },
    { label: t('api.label.product'), value: product },
    { label: t('api.label.audience'), value: t(`api.audience.${audience}`) },
    { label: t('api.label.effect'), value: t(`api.effect.${effect}`) },
    ...(parameters.length === 0 ? [] : [{ label: t('api.label.parameters'), value: parameters.join(', ') }]),
    { label: t('api.label.body'), value: t(`api.body.${body}`) },
    {
      label: t('api.label.answer'),
      value: t(signed ? (empty ? 'api.answer.empty' : 'api.answer.signed') : 'api.answer.unsigned'),
    },
    ...(host === undefined ? [] : [{ label: t('api.label.host'), value: host }]),
    ...(deprecated ? [{ label: t('api.label.status'), value: t('api.status.deprecated') }] : []),
    ...(docs === undefined ? [] : [{ label: t('api.label.docs'), value: docs }]),
  ];
  return { kind: 'details', title: `${method} ${path}`, rows };
}

function parametersOf(path: string): readonly string[] {
  return path.split('/').flatMap((segment) => parameterName(segment) ?? []);
}

function dataOf(endpoint: Endpoint): Record<string, unknown> {
  const { method, path, title, product, audience, body, effect, signed, empty, host, deprecated, docs } = endpoint;
  return {
    method,
    path,
    title,
    product,
    audience,
    effect,
    parameters: parametersOf(path),
    body,
    signed,
    empty,
    host: host ?? 'api.mch.weixin.qq.com',
    deprecated,
    docs: docs ?? null,
  };
}
