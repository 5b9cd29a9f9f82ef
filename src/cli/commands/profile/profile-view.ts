/** How the profile commands show values, sources and faults: secrets never, only where they are kept. */
import type { MessageKey, Translate } from '../../../i18n/translate.ts';
import type { Block, Cell } from '../../../output/view.ts';
import type { Inspection } from '../../../profiles/inspect.ts';
import {
  profileFieldNames,
  profileFields,
  type ProfileField,
  type ResolvedProfile,
  type Source,
  type Sourced,
} from '../../../profiles/schema.ts';
import { describeReference } from '../../../profiles/secrets.ts';
import { errorText } from '../../render-error.ts';

/** One value of a profile as JSON shows it. */
export interface ShownValue {
  /** The value; `null` for a secret. */
  readonly value: string | null;
  readonly secret: boolean;
  /** Where a secret is kept: `env:…`, `file:…`, `keychain:…`; `null` where the profile's own file holds it, and for anything public. */
  readonly reference: string | null;
  readonly source: Source['from'];
  /** The flag, variable or profile that it comes from. */
  readonly origin: string;
}

export interface ShownProfile {
  readonly name: string | null;
  readonly file: string | null;
  readonly current: boolean;
  readonly live: boolean;
  readonly values: Readonly<Partial<Record<ProfileField, ShownValue>>>;
  readonly shadowed: readonly { readonly field: ProfileField; readonly used: string; readonly ignored: string }[];
  readonly certificate: {
    readonly serial_no: string;
    readonly subject: string;
    readonly not_after: string;
    readonly fingerprint_sha256: string;
  } | null;
  readonly public_key_fingerprint_sha256: string | null;
  readonly problems: readonly {
    readonly field: ProfileField;
    readonly code: string;
    readonly message: string;
    readonly hint: string;
  }[];
}

export function describeProfile(
  profile: ResolvedProfile,
  inspection: Inspection,
  more: { readonly file: string | null; readonly current: boolean },
  t: Translate,
): ShownProfile {
  const { certificate } = inspection;
  return {
    name: profile.name ?? null,
    file: more.file,
    current: more.current,
    live: profile.live,
    values: Object.fromEntries(
      profileFieldNames.flatMap((field) => {
        const sourced = profile.values[field];
        return sourced === undefined ? [] : [[field, shownValue(field, sourced)]];
      }),
    ),
    shadowed: profile.shadowed.map(({ field, by, hidden }) => ({
      field,
      used: originText(by),
      ignored: originText(hidden),
    })),
    certificate:
      certificate === undefined
        ? null
        : {
            serial_no: certificate.serial_no,
            subject: certificate.subject.split('\n').join(', '),
            not_after: new Date(certificate.not_after).toISOString(),
            fingerprint_sha256: certificate.fingerprint256.replaceAll(':', ''),
          },
    public_key_fingerprint_sha256: inspection.publicKeyFingerprint ?? null,
    problems: inspection.findings.map(({ field, error }) => {
      const { message, hint } = errorText(error, t);
      return { field, code: error.code, message, hint };
    }),
  };
}

function shownValue(field: ProfileField, { value, source }: Sourced): ShownValue {
  const { secret } = profileFields[field];
  return {
    // A public key may stand in the profile as PEM text of many lines; its fingerprint says more.
    value: secret || (field === 'public_key' && !value.startsWith('file:')) ? null : value,
    secret,
    reference: secret ? (describeReference(value) ?? null) : null,
    source: source.from,
    origin: originText(source),
  };
}

/** `--base-url`, `WXPAY_MCHID`, the profile's name, or `default`: JSON says the same in every language. */
export function originText(source: Source): string {
  if (source.from === 'flag') return source.flag;
  if (source.from === 'env') return source.variable;
  return source.from === 'profile' ? source.name : 'default';
}

export function profileBlocks(shown: ShownProfile, t: Translate): readonly Block[] {
  const blocks: Block[] = [
    {
      kind: 'table',
      title: titleOf(shown, t),
      columns: [
        { field: 'field', title: t('profile.column.field'), fixed: true },
        { field: 'value', title: t('profile.column.value'), copied: true },
        { field: 'source', title: t('profile.column.source'), wraps: true },
      ],
      rows: profileFieldNames.flatMap((field) => {
        const value = shown.values[field];
        return value === undefined ? [] : [[field, valueCell(field, value, shown, t), sourceText(value, t)]];
      }),
      empty: t('profile.empty'),
    },
  ];
  if (shown.shadowed.length > 0)
    blocks.push({
      kind: 'text',
      tone: 'warn',
      text: shown.shadowed.map((params) => t('profile.shadowed', params)).join('\n'),
    });
  for (const { field, message, hint } of shown.problems)
    blocks.push({ kind: 'text', tone: 'bad', text: `${field}: ${message}\n  ${hint}` });
  return blocks;
}

function titleOf(shown: ShownProfile, t: Translate): string {
  const name = shown.name ?? t('profile.environment_only');
  const place = t(placeKey(shown.live));
  return shown.current ? t('profile.title.current', { name, place }) : t('profile.title.other', { name, place });
}

export function placeKey(live: boolean): MessageKey {
  return live ? 'profile.place.live' : 'profile.place.local';
}

function valueCell(field: ProfileField, value: ShownValue, shown: ShownProfile, t: Translate): string | Cell {
  if (value.secret)
    return {
      text: value.reference === null ? t('profile.set') : t('profile.set_at', { reference: value.reference }),
      tone: 'dim',
    };
  const text = value.value ?? t('profile.public_key_text');
  const print = fingerprintOf(field, shown);
  return print === undefined ? text : `${text} (sha256 ${print})`;
}

/** The first 16 digits: enough to compare by eye with what the merchant platform or a colleague sees. */
function fingerprintOf(field: ProfileField, shown: ShownProfile): string | undefined {
  if (field === 'public_key') return shown.public_key_fingerprint_sha256?.slice(0, 16);
  return field === 'client_cert_file' ? shown.certificate?.fingerprint_sha256.slice(0, 16) : undefined;
}

function sourceText(value: ShownValue, t: Translate): string {
  if (value.source === 'default') return t('profile.source.default');
  return value.source === 'profile' ? t('profile.source.profile', { name: value.origin }) : value.origin;
}

/** Flat rows for CSV and NDJSON. */
export function profileRows(shown: ShownProfile): readonly unknown[] {
  return profileFieldNames.flatMap((field) => {
    const value = shown.values[field];
    return value === undefined ? [] : [{ field, ...value }];
  });
}
