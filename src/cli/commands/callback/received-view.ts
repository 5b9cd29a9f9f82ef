/** How a received callback looks: one line for people, more of it where that is wanted; one document for programs. */
import { acknowledges } from '../../../operations/callback/acknowledgement.ts';
import type { Exchange } from '../../../operations/callback/exchange.ts';
import type { Received } from '../../../operations/callback/listen.ts';
import type { Translate } from '../../../i18n/translate.ts';
import { formatFen } from '../../../output/money.ts';
import { formatInstant } from '../../../output/time.ts';
import type { Block, Tone } from '../../../output/view.ts';
import type { Runtime } from '../../command.ts';
import { errorText } from '../../render-error.ts';
import { answerDocument, answerWords } from './answer-view.ts';

const numbers = ['out_refund_no', 'out_bill_no', 'combine_out_trade_no', 'out_trade_no', 'out_order_no'] as const;

export function receivedDocument(received: Received, t: Translate): object {
  const { at, target, report, error, repeat, action, app, answered, capture } = received;
  const failure = report?.failure ?? error;
  return {
    type: 'callback',
    at: new Date(at).toISOString(),
    path: target,
    api: received.kind,
    verdict: report?.verdict ?? 'unjudged',
    failure: failure === undefined ? null : { code: failure.code, ...errorText(failure, t) },
    ...(report?.verdict === 'valid'
      ? {
          id: report.envelope?.id ?? null,
          event_type: report.envelope?.event_type ?? null,
          remarks: report.remarks,
          resource: report.resource ?? null,
        }
      : { id: null, event_type: null, remarks: [], resource: null }),
    repeat:
      repeat === undefined
        ? null
        : { by: repeat.by, times: repeat.times, first_at: new Date(repeat.firstAt).toISOString() },
    action,
    app: app === undefined ? null : answerDocument(app),
    answered: { status: answered.status, ms: answered.ms },
    capture: capture ?? null,
  };
}

export function receivedView(received: Received, runtime: Runtime): readonly Block[] {
  const { t, globals } = runtime;
  const { report, error, app, action, capture } = received;
  const resource = report?.verdict === 'valid' ? (report.resource ?? {}) : {};
  const words = [
    formatInstant(received.at).slice(11, 19),
    report?.verdict === 'valid' ? eventWords(received, t) : t('callbacks.listen.unverified'),
    ...subject(resource),
    outcome(received, t),
  ];
  const blocks: Block[] = [{ kind: 'text', text: words.join('  '), tone: toneOf(received) }];
  const failure = report?.failure ?? error;
  if (failure !== undefined) {
    const { message, hint } = errorText(failure, t);
    blocks.push({ kind: 'text', text: `  ${message}` }, { kind: 'text', text: `  ${hint}`, tone: 'dim' });
  }
  for (const remark of report?.remarks ?? [])
    blocks.push({ kind: 'text', text: `  ${t(`callback.remark.${remark}`)}`, tone: 'warn' });
  const said = app === undefined ? null : answerDocument(app).body;
  if (said !== null && (globals.verbose || !acknowledges(received.kind, app ?? {})))
    blocks.push({ kind: 'text', text: said.slice(0, globals.verbose ? 2048 : 500), tone: 'dim' });
  if (app?.status !== undefined && app.status < 400 && !acknowledges(received.kind, app) && action === 'forwarded')
    blocks.push({
      kind: 'text',
      text: `  ${t(received.kind === 'v2' ? 'callbacks.listen.v2_not_taken' : 'callbacks.listen.not_taken', { status: app.status })}`,
      tone: 'warn',
    });
  if (!globals.verbose) return blocks;
  if (capture !== undefined) blocks.push({ kind: 'text', text: `  ${capture}`, tone: 'dim' });
  if (report?.resource !== undefined) blocks.push({ kind: 'verbatim', text: JSON.stringify(report.resource, null, 2) });
  return blocks;
}

function eventWords({ kind, report }: Received, t: Translate): string {
  if (kind === 'v3') return report?.envelope?.event_type ?? '';
  return t(
    typeof report?.resource?.['out_refund_no'] === 'string'
      ? 'callbacks.listen.v2_refund'
      : 'callbacks.listen.v2_payment',
  );
}

export function lateDocument({ report }: Received, late: Exchange): object {
  return { type: 'late', id: report?.envelope?.id ?? null, app: answerDocument(late) };
}

export function lateView(late: Exchange, t: Translate): readonly Block[] {
  return [{ kind: 'text', text: `  ${t('callbacks.listen.late', { answer: answerWords(late, t) })}`, tone: 'warn' }];
}

/** What it is about: a number and an amount, where there are. */
function subject(resource: Readonly<Record<string, unknown>>): readonly string[] {
  const name = numbers.find((candidate) => typeof resource[candidate] === 'string');
  const { amount, transfer_amount: transferred } = resource;
  const { refund, total } = (typeof amount === 'object' && amount !== null ? amount : {}) as Record<string, unknown>;
  // APIv2 has texts.
  const texts = [resource['refund_fee'], resource['total_fee']].map((value) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined,
  );
  const fen = [refund, total, transferred, ...texts].find((value) => Number.isSafeInteger(value)) as number | undefined;
  return [
    ...(name === undefined ? [] : [String(resource[name])]),
    ...(fen === undefined || fen < 0 ? [] : [formatFen(fen)]),
  ];
}

function outcome({ action, app, repeat, answered }: Received, t: Translate): string {
  const again = repeat === undefined ? '' : `${t('callbacks.listen.repeat', { times: repeat.times })} `;
  switch (action) {
    case 'forwarded':
      return `${again}→ ${app === undefined ? '' : answerWords(app, t)}`;
    case 'held_back':
      return `${again}${t('callbacks.listen.held_back')}`;
    case 'answered':
      return `${again}→ ${answered.status}`;
    case 'failed_on_purpose':
      return `${again}${t('callbacks.listen.failed_on_purpose')}`;
    case 'refused':
      return app === undefined
        ? t('callbacks.listen.refused')
        : `${t('callbacks.listen.passed_on')} → ${answerWords(app, t)}`;
    case 'unjudged':
      return t('callbacks.listen.unjudged');
  }
}

function toneOf({ action, app, kind }: Received): Tone {
  if (action === 'refused' || action === 'unjudged') return 'bad';
  if (action === 'held_back') return 'dim';
  if (action === 'failed_on_purpose') return 'warn';
  return app === undefined || acknowledges(kind, app) ? 'good' : 'bad';
}
