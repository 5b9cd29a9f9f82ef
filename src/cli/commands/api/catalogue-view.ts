/** `wxpay api --list`, `--describe` and `--skeleton`: what is known before anything is sent. Nothing is sent. */
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
import { fieldLines, knownBody, skeletonOf, type FieldLine } from '../../../operations/known-bodies.ts';
import type { Block, DetailRow, Result } from '../../../output/view.ts';
import type { Runtime } from '../../command.ts';
import { skeletonResult } from '../../body-skeleton.ts';

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
  const found = endpointsAt(args);
  const [only] = found;
  return {
    data: found.length === 1 && only !== undefined ? describedData(only) : found.map(describedData),
    view: found.flatMap((endpoint) => [detailsOf(endpoint, runtime), ...fieldsOf(endpoint, runtime)]),
  };
}

/**
 * A body to fill in and to give to `--data @file`.
 *
 * @throws as `describeEndpoint`; `INPUT_INVALID` for an endpoint without a body, or whose fields are not known here
 */
export function skeletonFor(args: readonly string[]): Result {
  const found = endpointsAt(args);
  const endpoint = found.find(({ method, path }) => knownBody(method, path) !== undefined);
  const body = endpoint === undefined ? undefined : knownBody(endpoint.method, endpoint.path);
  if (body === undefined) {
    const takesJson = found.some((one) => one.body === 'json');
    const docs = found[0]?.docs;
    throw new WxpayError('INPUT_INVALID', {
      params: {
        field: '--skeleton',
        reason: `key:reason.api_${takesJson ? 'fields_unknown' : 'no_body'}`,
        ...(docs === undefined ? {} : { url: docs }),
      },
      hint: takesJson && docs !== undefined ? 'api.hint.docs' : 'api.hint.describe',
      outcome: 'not_sent',
    });
  }
  return skeletonResult(skeletonOf(body));
}

/** The endpoints that the words of a command line name. */
function endpointsAt(args: readonly string[]): readonly Endpoint[] {
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
  return found;
}

/** What a body of ours may hold; nothing for a body that is not known. */
function fieldsOf({ method, path }: Endpoint, { t }: Pick<Runtime, 't'>): readonly Block[] {
  const body = knownBody(method, path);
  if (body === undefined) return [];
  return [
    {
      kind: 'table',
      title: t('api.title.fields'),
      columns: [
        { field: 'field', title: t('api.column.field'), fixed: true },
        { field: 'type', title: t('api.column.type') },
        { field: 'required', title: t('api.column.required') },
        { field: 'limits', title: t('api.column.limits'), wraps: true },
      ],
      rows: fieldLines(body).map((line) => [
        line.field,
        t(`api.type.${line.type}`),
        line.required === 'no' ? '' : t(`api.required.${line.required}`),
        limitsOf(line, t),
      ]),
      empty: '',
    },
  ];
}

function limitsOf({ type, min, max, max_bytes: maxBytes, values }: FieldLine, t: Runtime['t']): string {
  if (values !== undefined) return values.join(' | ');
  const parts: string[] = [];
  if (type === 'integer') {
    if (min !== undefined) parts.push(`≥ ${min}`);
    if (max !== undefined) parts.push(`≤ ${max}`);
  } else if (max !== undefined)
    parts.push(t(type === 'list' ? 'api.limit.items' : 'api.limit.characters', { range: rangeOf(min, max) }));
  if (maxBytes !== undefined) parts.push(t('api.limit.bytes', { max: maxBytes }));
  return parts.join(', ');
}

function rangeOf(min: number | undefined, max: number): string {
  return min === undefined ? `≤ ${max}` : `${min}–${max}`;
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
    {
      label: t('api.label.body'),
      value: t(knownBody(method, path) === undefined ? `api.body.${body}` : 'api.body.known'),
    },
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

/** With the fields of the body, where they are known; `null` where they are not. */
function describedData(endpoint: Endpoint): Record<string, unknown> {
  const body = knownBody(endpoint.method, endpoint.path);
  return { ...dataOf(endpoint), fields: body === undefined ? null : fieldLines(body) };
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
