/** What `order create` makes of a prepay, single or combined: its kind, its handle in words, and what the client needs. */
import { WxpayError } from '../../../core/errors.ts';
import type { ApiRequest } from '../../../core/ports.ts';
import { clientPayParameters, type PayClient } from '../../../core/wire/pay.ts';
import type { Prepaid } from '../../../operations/order.ts';
import { beyondBmp } from '../../../operations/fields.ts';
import { tradeTypes, type TradeType } from '../../../operations/order-fields.ts';
import type { Block, DetailRow } from '../../../output/view.ts';
import type { MessageKey, Params } from '../../../i18n/translate.ts';
import type { CommandInput, Runtime } from '../../command.ts';

/** Mini-programs use the jsapi endpoint with their own appid (endpoints.md 2); only the client's parameters differ. */
export function tradeType(text: string): { type: TradeType; client: PayClient | undefined } {
  if (text === 'mini' || text === 'miniprogram') return { type: 'jsapi', client: 'mini' };
  const type = tradeTypes.find((candidate) => candidate === text.toLowerCase());
  if (type === undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: {
        field: '--type',
        reason: 'key:reason.not_one_of',
        values: [...tradeTypes, 'mini', 'codepay'].join(', '),
      },
      outcome: 'not_sent',
    });
  return { type, client: type === 'jsapi' || type === 'app' ? type : undefined };
}

/** RFC 3339 as it is, or a distance from now: `30m`, `2h`, `1d`. Written in Beijing time, as WeChat Pay's examples are. */
export function expiry(text: string, now: number): string {
  const distance = /^(\d{1,4})(m|h|d)$/.exec(text);
  if (distance === null) return text;
  const unit = { m: 60_000, h: 3_600_000, d: 86_400_000 }[distance[2] as 'm' | 'h' | 'd'];
  const beijing = new Date(now + Number(distance[1]) * unit + 8 * 3_600_000);
  return `${beijing.toISOString().slice(0, 19)}+08:00`;
}

export interface PreparedOrder {
  readonly number: string;
  readonly request: ApiRequest;
  /** Says the number: it is on record before the first byte leaves, and one that nobody but we know is told even to those who want quiet. */
  tell(key: MessageKey, params: Params): void;
}

interface OrderToPrepare {
  /** Gets the number where it has none. */
  readonly body: Record<string, unknown>;
  /** Holds the number. */
  readonly field: 'out_trade_no' | 'combine_out_trade_no';
  /** The request of the body, with fields that wxpay does not know allowed or refused. */
  readonly build: (unknownFields: 'allow' | 'refuse') => ApiRequest;
  readonly options: CommandInput['options'];
  readonly live: boolean;
}

/** Numbers and builds an order, single or combined, and warns of what WeChat Pay would take and people would regret. */
export function prepareOrder(
  { body, field, build, options, live }: OrderToPrepare,
  runtime: Pick<Runtime, 'nonce' | 'warn' | 'note'>,
): PreparedOrder {
  const made = body[field] === undefined;
  if (made) body[field] = runtime.nonce();
  const request = build(options['allowUnknownFields'] === true ? 'allow' : 'refuse');
  for (const name of beyondBmp(body)) runtime.warn('order.warn.beyond_bmp', { field: name });
  if (live && String(body['notify_url']).startsWith('http:')) runtime.warn('order.warn.notify_http');
  return {
    number: String(body[field]),
    request,
    tell: (key, params) => (made ? runtime.warn(key, params) : runtime.note(key, params)),
  };
}

/** The parameters that the payer's client hands to WeChat, signed; `undefined` where the client needs none. */
export async function payParameters(
  client: PayClient | undefined,
  { appid, partnerid, prepaid }: { readonly appid: string; readonly partnerid: string; readonly prepaid: Prepaid },
  runtime: Pick<Runtime, 'clock' | 'nonce' | 'signer'>,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (client === undefined || prepaid.prepay_id === undefined) return undefined;
  return clientPayParameters(client, {
    appid,
    partnerid,
    prepayId: prepaid.prepay_id,
    timestamp: String(Math.floor(runtime.clock.now() / 1000)),
    nonce: runtime.nonce(),
    signer: await runtime.signer(),
  });
}

/**
 * Title and rows, the handle with how long it is valid, its QR code, and the client's parameters.
 *
 * @param local origin of an emulator on this machine, which has a page to pay at
 */
export function prepaidView(
  title: string,
  first: readonly DetailRow[],
  data: Prepaid & { readonly pay_parameters?: Readonly<Record<string, string>> },
  t: Runtime['t'],
  local: string | undefined,
): readonly Block[] {
  const rows: DetailRow[] = [...first];
  const handle = (name: 'code_url' | 'h5_url' | 'prepay_id', valid: 'two_hours' | 'five_minutes'): void => {
    const value = data[name];
    if (value === undefined) return;
    rows.push({ label: name, value }, { label: t('order.label.valid'), value: t(`order.valid.${valid}`) });
  };
  handle('code_url', 'two_hours');
  handle('h5_url', 'five_minutes');
  handle('prepay_id', 'two_hours');
  const blocks: Block[] = [{ kind: 'details', title, rows }];
  if (data.code_url !== undefined) blocks.push({ kind: 'qr', text: data.code_url });
  const page = local === undefined ? undefined : payPage(data, local);
  if (page !== undefined)
    blocks.push({ kind: 'text', text: t('order.text.pay_page') }, { kind: 'verbatim', text: page });
  if (data.pay_parameters !== undefined)
    blocks.push(
      { kind: 'text', text: t('order.text.pay_parameters') },
      { kind: 'verbatim', text: JSON.stringify(data.pay_parameters, null, 2) },
    );
  return blocks;
}

/** Where an emulator's page pays a native order: by the code alone, which is short and needs no encoding. */
function payPage({ code_url: codeUrl }: Prepaid, origin: string): string | undefined {
  const code = /^weixin:\/\/wxpay\/bizpayurl\?pr=([A-Za-z0-9]{1,64})$/.exec(codeUrl ?? '')?.[1];
  return code === undefined ? undefined : `${origin}/pay?pr=${code}`;
}
