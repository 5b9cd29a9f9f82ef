/** `wxpay sign --v2`: the signature of an APIv2 request, and client pay parameters of an APIv2 order. Offline. */
import { signV2, v2Canonical, v2PayParameters, type V2SignType } from '../../core/wire/v2-sign.ts';
import type { PayClient } from '../../core/wire/pay.ts';
import { buildV2Xml } from '../../core/wire/v2-xml.ts';
import type { V2FieldMap } from '../../operations/v2-fields.ts';
import { visible } from '../../operations/sign.ts';
import type { Block, Result } from '../../output/view.ts';
import type { CommandInput, Runtime } from '../command.ts';
import { requireValue } from '../party.ts';
import { givenSignType, readV2Fields } from '../v2-input.ts';

/** A request: fills in `mch_id`, `nonce_str` and `sign_type` where they are missing, and signs. One that has a `sign` is checked. */
export async function signV2Request(options: CommandInput['options'], runtime: Runtime): Promise<Result> {
  const fields = await readV2Fields(options, runtime);
  const key = (await (await runtime.credentials()).apiV2Key()).reveal();
  const explain = options['explain'] === true;
  const given = fields.get('sign');
  if (given !== undefined && given !== '') return check(fields, given, key, options, explain, runtime);
  const type = givenSignType(options, fields) ?? 'HMAC-SHA256';
  if (!fields.has('mch_id')) fields.set('mch_id', requireValue(await runtime.profile(), 'mchid'));
  const nonce = options['nonce'];
  if (!fields.has('nonce_str')) fields.set('nonce_str', typeof nonce === 'string' ? nonce : runtime.nonce());
  if (type === 'HMAC-SHA256' || fields.has('sign_type')) fields.set('sign_type', type);
  const canonical = v2Canonical(fields);
  const sign = signV2(fields, key, type);
  fields.set('sign', sign);
  const xml = buildV2Xml(fields);
  return {
    data: { sign, sign_type: type, nonce_str: fields.get('nonce_str'), ...(explain ? explained(canonical) : {}), xml },
    view: [...(explain ? explainBlocks(canonical, type, runtime) : []), { kind: 'verbatim', text: xml }],
    id: sign,
  };
}

/** Somebody else's signature: by which algorithm it holds, if any. */
function check(
  fields: V2FieldMap,
  given: string,
  key: string,
  options: CommandInput['options'],
  explain: boolean,
  runtime: Runtime,
): Result {
  const { t } = runtime;
  // Without sign_type it is MD5 (protocol 11.1).
  const type = givenSignType(options, fields) ?? 'MD5';
  const canonical = v2Canonical(fields);
  const sign = signV2(fields, key, type);
  const good = sign === given;
  const other: V2SignType = type === 'MD5' ? 'HMAC-SHA256' : 'MD5';
  const cause = good ? undefined : causeOf(fields, given, key, type, other);
  return {
    data: {
      verdict: good ? 'valid' : 'invalid',
      sign: given,
      expected: sign,
      sign_type: type,
      cause: cause ?? null,
      ...(explain ? explained(canonical) : {}),
    },
    view: [
      ...(explain ? explainBlocks(canonical, type, runtime) : []),
      {
        kind: 'details',
        title: t(good ? 'v2.title.sign_valid' : 'v2.title.sign_invalid'),
        rows: [
          { label: 'sign_type', value: type },
          { label: t('v2.label.given'), value: given },
          ...(good ? [] : [{ label: t('v2.label.expected'), value: sign }]),
        ],
      },
      ...(good ? [] : [{ kind: 'text', text: t(`v2.cause.${cause ?? 'unknown'}`), tone: 'bad' } as const]),
    ],
    ...(good ? {} : { failed: 'CHECK_FAILED' }),
  };
}

type Cause = 'lower_case' | 'sign_type' | 'url_encoded';

/** The known slips (protocol 14, number 27), each tried; the one under which the signature holds is named. */
function causeOf(
  fields: V2FieldMap,
  given: string,
  key: string,
  type: V2SignType,
  other: V2SignType,
): Cause | undefined {
  if (given.toUpperCase() === signV2(fields, key, type)) return 'lower_case';
  if (given.toUpperCase() === signV2(fields, key, other)) return 'sign_type';
  const encoded = new Map([...fields].map(([name, value]) => [name, encodeURIComponent(value)]));
  if (given.toUpperCase() === signV2(encoded, key, type)) return 'url_encoded';
  return undefined;
}

function explained(canonical: string): Record<string, unknown> {
  return { message: `${canonical}&key=[redacted]` };
}

/** One pair a line, so that a missing or odd one can be seen; the line ends are not part of what is signed. */
function explainBlocks(canonical: string, type: V2SignType, { t }: Runtime): readonly Block[] {
  const pairs = [...canonical.split('&'), 'key=[redacted]'];
  const shown = pairs.map((pair, at) => `${at === 0 ? ' ' : '&'} ${visible(Buffer.from(pair))}`).join('\n');
  return [
    { kind: 'text', text: t('v2.text.message', { type }) },
    { kind: 'verbatim', text: shown },
  ];
}

/** Client pay parameters; `signType` must be the one that the order was placed with. */
export async function signV2Pay(
  client: PayClient,
  prepayId: string,
  fresh: { readonly timestamp: string; readonly nonce: string },
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Result> {
  const profile = await runtime.profile();
  const flag = options['appid'];
  const appid = typeof flag === 'string' ? flag : (profile.values.sub_appid?.value ?? requireValue(profile, 'appid'));
  const partnerid = profile.values.sub_mchid?.value ?? requireValue(profile, 'mchid');
  const key = (await (await runtime.credentials()).apiV2Key()).reveal();
  const signType = givenSignType(options, new Map()) ?? 'HMAC-SHA256';
  const { canonical, parameters } = v2PayParameters(client, { appid, partnerid, prepayId, ...fresh, key, signType });
  const explain = options['explain'] === true;
  return {
    data: { ...parameters, ...(explain ? explained(canonical) : {}) },
    view: [
      ...(explain ? explainBlocks(canonical, signType, runtime) : []),
      { kind: 'verbatim', text: JSON.stringify(parameters, null, 2) },
    ],
    id: parameters['paySign'] ?? parameters['sign'] ?? '',
  };
}
