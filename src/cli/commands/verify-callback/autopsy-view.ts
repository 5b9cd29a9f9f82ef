/** An autopsy for people and for programs. */
import { cures, type Autopsy, type Difference, type Finding } from '../../../operations/callback/autopsy/findings.ts';
import { frameworks, recipes, type Framework } from '../../../operations/callback/recipes.ts';
import { visible } from '../../../operations/sign.ts';
import type { Translate } from '../../../i18n/translate.ts';
import type { Block, DetailRow } from '../../../output/view.ts';

const titles: Readonly<Record<Framework, string>> = {
  express: 'Express',
  koa: 'Koa',
  nest: 'NestJS',
  fastify: 'Fastify',
  next: 'Next.js',
  spring: 'Spring',
  gin: 'Gin',
  flask: 'Flask',
  django: 'Django',
  laravel: 'Laravel',
  thinkphp: 'ThinkPHP',
};

/** The `autopsy` member of the report's JSON. What the bytes should have been is shown where they differ, and nowhere else. */
export function autopsyDocument(autopsy: Autopsy, t: Translate): unknown {
  const { facts, tried } = autopsy;
  return {
    grade: autopsy.grade,
    findings: autopsy.findings.map((finding) => ({
      cause: finding.cause,
      grade: finding.grade,
      params: finding.params,
      ...(finding.rewritings === undefined ? {} : { rewritings: finding.rewritings }),
      text: causeText(finding, t),
      cure: t(`autopsy.cure.${cures[finding.cause]}`),
    })),
    evidence: autopsy.evidence.map((difference) => ({
      part: difference.part,
      offset: difference.offset,
      captured_length: difference.capturedLength,
      sent_length: difference.sentLength,
      shown_from: difference.from,
      captured: visible(difference.captured),
      sent: visible(difference.sent),
    })),
    facts: {
      api: facts.api ?? 'v3',
      signature: facts.signature,
      signed_by: facts.signedBy ?? null,
      resource: facts.resource,
      body_length: facts.bodyLength,
      declared_length: facts.declaredLength ?? null,
    },
    tried: { messages: tried.messages, bytes: tried.bytes, signatures: tried.signatures, budget_ended: tried.ended },
    frameworks: autopsy.frameworks,
  };
}

export function autopsyView(autopsy: Autopsy, t: Translate): readonly Block[] {
  const { facts } = autopsy;
  const rows: DetailRow[] = autopsy.findings.flatMap((finding) => [
    { label: t('autopsy.label.cause'), value: { text: causeText(finding, t), tone: 'warn' } },
    { label: t('autopsy.label.cure'), value: t(`autopsy.cure.${cures[finding.cause]}`) },
  ]);
  if (rows.length === 0)
    rows.push({
      label: t('autopsy.label.cure'),
      value: t(facts.api === 'v2' ? 'autopsy.cure.v2_unknown' : 'autopsy.cure.unknown'),
    });
  const blocks: Block[] = [
    { kind: 'details', title: t(`autopsy.title.${autopsy.grade}`), rows: [...rows, ...factRows(autopsy, t)] },
  ];
  for (const difference of autopsy.evidence) blocks.push(...differenceBlocks(difference, t));
  return [...blocks, ...recipeBlocks(autopsy.frameworks, t)];
}

function causeText({ cause, params, rewritings }: Finding, t: Translate): string {
  const signs = (rewritings ?? [])
    .map((name): string => t(`autopsy.sign.${name}`))
    .reduce((left, right) => (left === '' ? right : t('autopsy.list', { left, right })), '');
  if (cause === 'truncated' && typeof params['missing'] !== 'number') return t('autopsy.truncated_somewhere');
  return t(`autopsy.cause.${cause}`, { ...params, signs });
}

function factRows({ facts, tried, grade }: Autopsy, t: Translate): readonly DetailRow[] {
  const { declaredLength: declared, bodyLength: found, api } = facts;
  const rows: DetailRow[] = [
    {
      label: t('autopsy.label.signature'),
      value: t(`autopsy.${api === 'v2' ? 'v2_signature' : 'signature'}.${facts.signature}`, {
        serial: facts.signedBy ?? '',
      }),
    },
  ];
  if (api !== 'v2') rows.push({ label: t('autopsy.label.resource'), value: t(`autopsy.resource.${facts.resource}`) });
  else if (facts.resource === 'holds' || facts.resource === 'fails')
    rows.push({ label: 'req_info', value: t(`autopsy.v2_req_info.${facts.resource}`) });
  if (declared !== undefined && declared !== found)
    rows.push({ label: t('autopsy.label.length'), value: t('autopsy.value.length', { declared, found }) });
  if (tried.messages > 0 || grade === 'not_identifiable')
    rows.push({
      label: t('autopsy.label.tried'),
      value: t(`autopsy.value.${api === 'v2' ? 'v2_' : ''}${tried.ended ? 'tried_ended' : 'tried'}`, {
        messages: tried.messages,
        mib: Math.ceil(tried.bytes / (1024 * 1024)),
        signatures: tried.signatures,
      }),
    });
  return rows;
}

/** Headers have names of their own. */
const names: Readonly<Record<Difference['part'], string>> = {
  timestamp: 'Wechatpay-Timestamp',
  nonce: 'Wechatpay-Nonce',
  serial: 'Wechatpay-Serial',
  signature: 'Wechatpay-Signature',
  body: '',
  sign_string: '',
};

/** Both sides under each other, from the same byte on, with nothing that hides. */
function differenceBlocks(difference: Difference, t: Translate): readonly Block[] {
  const { part, offset, from } = difference;
  const side = (bytes: Uint8Array, length: number): string =>
    `${from > 0 ? '…' : ''}${visible(bytes)}${from + bytes.length < length ? '…' : ''}`;
  return [
    {
      kind: 'details',
      title: t('autopsy.difference', {
        part: part === 'body' || part === 'sign_string' ? t(`autopsy.part.${part}`) : names[part],
        offset,
        captured: difference.capturedLength,
        sent: difference.sentLength,
      }),
      rows: [
        {
          label: t('autopsy.captured'),
          value: { text: side(difference.captured, difference.capturedLength), tone: 'bad' },
        },
        { label: t('autopsy.sent'), value: { text: side(difference.sent, difference.sentLength), tone: 'good' } },
      ],
    },
  ];
}

/** Code for one or two frameworks; with more, how to ask for it. */
function recipeBlocks(found: readonly Framework[], t: Translate): readonly Block[] {
  if (found.length === 0) return [];
  if (found.length > 2)
    return [
      {
        kind: 'text',
        text: t('autopsy.recipe.more', {
          frameworks: found.length === frameworks.length ? frameworks.join('|') : found.join('|'),
        }),
      },
    ];
  return found.flatMap((framework): readonly Block[] => [
    { kind: 'text', text: t('autopsy.recipe.title', { framework: titles[framework] }) },
    { kind: 'verbatim', text: recipes[framework] },
  ]);
}
